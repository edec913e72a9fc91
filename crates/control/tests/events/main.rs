//! What becomes of events is known and said before a function is paused, and none is lost unless
//! somebody accepted that.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod accepting;
mod calls;
mod fates;
mod triggers;
mod unseen;
