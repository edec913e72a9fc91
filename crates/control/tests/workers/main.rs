//! Workers stop and come back exactly: compared field by field with before.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod chosen;
mod exactly;
mod hidden;
mod meanwhile;
mod stored;
mod trouble;
mod unread;
mod unsettled;
