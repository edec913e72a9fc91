//! Workers stop and come back exactly, whatever dies and whoever else is at work: the real adapters on
//! the in-process sandbox and tokio's paused clock, cut, disturbed and raced at every call to AWS.
//!
//! | module | what it shows |
//! |---|---|
//! | [`crashes`] | `on` and `off` over generated fleets, killed at every call, before and after its effect |
//! | [`broken`] | three ways to lose data, made on the wire, are all caught by the same harness |
//! | [`trouble`] | throttling, conflicts, lost answers, empty pages, lagging reads, an expired token |
//! | [`races`] | several operators at once, in all orders that few switches make, and at random |
//! | [`edits`] | somebody else's hand on a function, a mapping or the flag at every call |
//!
//! The same run every time, unless `PROPTEST_RNG_SEED` says otherwise. The long run:
//! ```sh
//! MAINTENANCE_CUTS=20000 cargo test -p maintenance-control --test harness -- --nocapture
//! ```

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod fleet;
mod parallel;
mod wire;
mod world;

mod broken;
mod crashes;
mod edits;
mod races;
mod schedule;
mod trouble;
