//! A gate that asks Parameter Store by a signed request of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    cold_start::first_decision(maintenance_gate::SsmSource::from_env())
}
