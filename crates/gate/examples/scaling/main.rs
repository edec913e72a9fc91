//! What fleets of 10 to 100,000 execution environments ask of Parameter Store, and how long it takes
//! until the last of their gates has seen a change: the tables of `docs/scaling.md`.
//!
//! ```text
//! cargo run -p maintenance-gate --example scaling                    # all tables
//! cargo run -p maintenance-gate --example scaling -- 2000 10         # 2,000 environments, TTL 10 s
//! ```
//!
//! The time is virtual and the seed is fixed: each run prints the same. When to ask again is decided by
//! the gate's own code, not by a copy of it.

mod fleet;
mod tables;

#[expect(dead_code, reason = "the gate uses the rest")]
#[path = "../../src/core/backoff.rs"]
mod backoff;
#[expect(dead_code, reason = "the gate uses the rest")]
#[path = "../../src/core/packed_state.rs"]
mod packed_state;

use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Result<Vec<u32>, _> = arguments.iter().map(|text| text.parse()).collect();
    match numbers.as_deref() {
        Ok([]) => println!("{}", tables::all()),
        Ok([environments @ 1..=1_000_000, ttl @ 0..=3_600]) => {
            let ttl = Duration::from_secs((*ttl).into());
            println!("{}", tables::one(*environments, ttl));
        }
        _ => {
            eprintln!("usage: scaling [ENVIRONMENTS TTL_SECONDS]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
