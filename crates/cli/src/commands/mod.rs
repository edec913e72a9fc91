//! The commands: each takes settings, does one thing, and says how it ended.

mod answer;
mod apps;
mod config;
mod confirm;
mod demo;
mod dev;
mod doctor;
mod during;
mod first_time;
mod history;
mod init;
mod invoke;
mod notifications;
mod notify;
mod observe;
mod on_off;
mod operate;
mod pages;
mod request;
mod require;
mod run;
mod schedule;
mod scheduling;
mod selected;
mod serve;
mod site;
mod state;
mod status;
mod token;
mod unlock;
mod workers;

pub(crate) use run::run;
