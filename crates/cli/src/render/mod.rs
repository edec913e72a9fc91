//! How a report reads: the sentences that people and their scripts know. Pure; nothing is printed here.

mod drain;
mod events;
mod lease;
mod operation;
mod options;
mod problem;
mod progress;
mod status;
mod unread;
mod workers;

pub(crate) use drain::{
    DRAINED, NOBODY_KNOWS, drained_at, safe_from, unknown_timeout, waiting_until,
};
pub(crate) use events::{NOT_SEEN, events, events_of, losses, needs_acceptance};
pub(crate) use lease::{stopping, watched};
pub(crate) use operation::{finished, functions, new_window_summary, plan, started, will_enable};
pub(crate) use options::{APPEND, NOT_ENCRYPTED, about_link, runs_on, will_turn, will_update};
pub(crate) use problem::{problem, unfinished};
pub(crate) use progress::{
    at_work, draining, for_so_long, listing, nothing_finished, pace, reading, unanswered, waiting,
};
pub(crate) use status::{state, status_details, status_heading, status_notes};
pub(crate) use unread::{unread_of, unread_workers};
pub(crate) use workers::workers;
