//! Workers stop and come back exactly: compared field by field with before.

#[path = "../support/mod.rs"]
mod support;

mod chosen;
mod clock;
mod doubted;
mod during;
mod exactly;
mod hidden;
mod invoke;
mod lost;
mod meanwhile;
mod scheduled;
mod stored;
mod trouble;
mod unread;
mod unsettled;
