//! One GetParameter by the AWS SDK with its default features, and a decision: a gate as a team might
//! write it by itself, without anything of this project.

use std::process::ExitCode;

use aws_config::BehaviorVersion;

const FLAG: &str = "/maintenance/demo-dev/flags/web";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
    let client = aws_sdk_ssm::Client::new(&config);
    let answer = client.get_parameter().name(FLAG).send().await;
    let value = answer
        .ok()
        .and_then(|answer| answer.parameter)
        .and_then(|parameter| parameter.value);
    match value.as_deref() {
        Some("off") => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
