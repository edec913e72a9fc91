//! A gate that asks the AWS Parameters and Secrets Lambda extension.

use std::process::ExitCode;

fn main() -> ExitCode {
    cold_start::first_decision(maintenance_gate::ExtensionSource::from_env())
}
