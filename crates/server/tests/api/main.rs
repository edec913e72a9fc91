//! The REST API in process, over a sandbox of two apps, on tokio's paused clock.

#[path = "../support/answer.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod answer;
mod changes;
mod document;
mod events;
mod faults;
mod heroku;
mod history;
#[path = "../support/managed.rs"]
mod managed;
mod notifications;
mod observers;
mod reads;
mod schedule;
mod scheduler;
mod service;
mod shared;
mod support;
mod trouble;
#[path = "../support/turn_on.rs"]
mod turn_on;
