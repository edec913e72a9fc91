//! How a report reads: the sentences that people and their scripts know. Pure; nothing is printed here.

mod apps;
mod doctor;
mod drain;
mod error;
mod events;
mod guard;
mod history;
mod invoke;
mod lease;
mod line;
mod observer;
mod operation;
mod options;
mod problem;
mod product;
mod progress;
mod reader;
mod schedule;
mod site;
mod status;
mod table;
mod tokens;
mod unread;
mod workers;

pub(crate) use apps::apps;
pub(crate) use doctor::{checkup, checkup_document};
pub(crate) use drain::{
    DRAINED, END_UNKNOWN, held_on, not_drained, safe_after, unknown_timeout, waiting_until,
};
pub(crate) use events::{NOT_SEEN, events, events_of, needs_acceptance};
pub(crate) use guard::{command_ended, stays_on, stays_on_after, would_run};
pub(crate) use history::history;
pub(crate) use invoke::{invoked, invoking, will_invoke};
pub(crate) use lease::{held, stopping, watched};
pub(crate) use line::Line;
pub(crate) use observer::{noted, observer_document, observes, seen};
pub(crate) use operation::{finished, functions, new_window_summary, plan, started, will_enable};
pub(crate) use options::{APPEND, NOT_ENCRYPTED, about_link, still_passes, will_turn, will_update};
pub(crate) use problem::{problem, unfinished};
pub(crate) use product::{of_app, product_status_heading, will_enable_product};
pub(crate) use progress::{
    at_work, draining, for_so_long, listing, nothing_finished, reading, throughput, unanswered,
    waiting,
};
pub(crate) use reader::{Reader, localized};
pub(crate) use schedule::{
    Listed, about_functions, rescheduled, schedule, schedule_document, schedules, undo,
    will_schedule_product,
};
pub(crate) use site::{
    awaiting_gate, gate_answers, never_on, no_gate, site_of_new_app, site_unknown,
};
pub(crate) use status::{state, status_heading, status_notes};
pub(crate) use tokens::{new_token, revoked, token_document, tokens};
pub(crate) use unread::{unread_of, unread_workers};
pub(crate) use workers::workers;
