//! Workers stop and come back exactly, whatever dies and whoever else is at work: the real adapters on
//! the in-process sandbox and tokio's paused clock, cut, disturbed and raced at every call to AWS.
//!
//! | module | what it shows |
//! |---|---|
//! | [`crashes`] | `on` and `off` over generated fleets, killed at every call, before and after its effect |
//! | [`broken`] | three ways to lose data, made on the wire, are all caught by the same harness |
//! | [`trouble`] | throttling, conflicts, lost answers, empty pages, lagging reads, an expired token |
//! | [`orders`] | several operators at once: in every order on the smallest fleets, at random on larger |
//! | [`edits`] | somebody else's hand on a function, a mapping or the flag at any call |
//!
//! The same run every time, unless `PROPTEST_RNG_SEED` says otherwise. The long run, for which an hour
//! of two cores is enough, makes as many cuts as it is told, edits at every call, and leaves out no order:
//! ```sh
//! MAINTENANCE_CUTS=20000 cargo test -p maintenance-control --test harness -- --include-ignored --nocapture
//! ```

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod explore;
mod fleet;
mod likeness;
mod parallel;
mod verdict;
mod wire;
mod world;

mod broken;
mod crashes;
mod edits;
mod orders;
mod races;
mod schedule;
mod trouble;
