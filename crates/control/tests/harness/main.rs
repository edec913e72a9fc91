//! Workers stop and come back exactly, whatever dies and whoever else is at work: the real adapters on
//! the in-process sandbox and tokio's paused clock, cut, disturbed and raced at every call to AWS.
//!
//! | module | what it shows |
//! |---|---|
//! | [`crashes`] | `on` and `off` over generated fleets, killed at every call, before and after its effect; with Parameter Store and with a folder |
//! | [`products`] | the same of two apps together, one of them on by itself or not |
//! | [`scheduled`] | a scheduled window that the clock opens and closes, killed at every call, and finished by the clock or by a person |
//! | [`broken`] | three ways to lose data, made on the wire, are all caught by the same harness |
//! | [`trouble`] | throttling, conflicts, lost answers, empty pages, lagging reads, an expired token |
//! | [`orders`] | several operators at once: in every order on the smallest fleets, at random on larger |
//! | [`interference`] | clocks that differ, and a lease or saved capacity that is unlocked or deleted at any call |
//! | [`edits`] | somebody else's hand on a function, a mapping or the flag at any call |
//! | [`invokes`] | `invoke` killed at every call, and somebody else's hand on its function at any call |
//! | [`answers`] | answers without a body on any call, and writes that are carried out twice |
//!
//! The same run every time, unless `PROPTEST_RNG_SEED` says otherwise. The long run:
//! ```sh
//! MAINTENANCE_CUTS=20000 cargo test -p maintenance-control --test harness -- --include-ignored --nocapture
//! ```
//!
//! | tried | ordinary run | long run |
//! |---|---|---|
//! | different cuts | 600 or more, and a quarter as many with a folder | as many as it is told, or more |
//! | two operators of a flag alone, or of one plain function, with Parameter Store and with a folder | every order, but for looks at another's lease that see the same | every order |
//! | the same, frozen or without an answer for longer than a lease | the first at each of its calls; the other works meanwhile | at any moment of every order, but for such looks |
//! | three operators of those | | every order, but for such looks |
//! | two or three of two to six functions, every other time with such a pause | 80 fleets, at random | the same |
//! | `invoke` killed | at every call, each with one way to go on | with every way to go on |
//! | an edit, or a flag typed | one call in five, the next edit at the next | every call |
//!
//! What it came to is told in `docs/guarantees.md`. The long run takes over an hour of CPU time.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod canonicalizer;
mod explore;
mod fleet;
mod parallel;
mod verdict;
mod wire;
mod world;

mod answers;
mod broken;
mod crashes;
mod edits;
mod interference;
mod invokes;
mod orders;
mod products;
mod races;
mod scheduled;
mod scheduler;
mod trouble;
