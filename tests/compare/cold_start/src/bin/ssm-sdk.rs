//! A gate that asks Parameter Store by the AWS SDK.

use std::process::ExitCode;

fn main() -> ExitCode {
    cold_start::first_decision(maintenance_gate::SdkSource::from_env())
}
