//! A gate whose flag is in memory: what the gate costs without its source.

use std::process::ExitCode;

fn main() -> ExitCode {
    cold_start::first_decision(maintenance_gate::MemorySource::new("off"))
}
