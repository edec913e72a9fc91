//! Running a function once, and waiting for its answer.
//!
//! An invocation is sent once: what has no answer may have run, and running it again is not ours to decide. Only
//! what AWS says it did not start is sent again.

use std::time::Duration;

use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use aws_smithy_types::base64;
use aws_smithy_types::timeout::TimeoutConfig;

use super::Fleet;
use crate::aws::{AwsError, CallError, required};

/// The IAM action.
const ACTION: &str = "lambda:InvokeFunction";
/// How much longer than the function's timeout its answer may take: a cold start comes first.
const BEYOND_TIMEOUT: Duration = Duration::from_secs(60);

/// What a function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The payload, as it is. Of a function that failed, AWS's description of the error.
    pub payload: Vec<u8>,
    /// That it failed, and how: `Unhandled`.
    pub function_error: Option<String>,
    /// The version that ran: `$LATEST`.
    pub version: String,
    /// The last 4 KB of its log.
    pub log: String,
}

impl Fleet {
    /// Invokes a function, or one of its qualifiers, and waits for its answer. `timeout` is that of the function.
    pub(crate) async fn invoke(
        &self,
        name: &str,
        qualifier: Option<&str>,
        payload: &[u8],
        timeout: Duration,
    ) -> Result<Answer, AwsError> {
        let limit = timeout + BEYOND_TIMEOUT;
        let limits = TimeoutConfig::builder()
            .read_timeout(limit)
            .operation_attempt_timeout(limit)
            .build();
        let config = aws_sdk_lambda::Config::builder()
            .timeout_config(limits)
            // Nothing is sent either way while the function runs.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let started = tokio::time::Instant::now();
        let invoke = self.client.invoke().function_name(name);
        let sent = invoke
            .set_qualifier(qualifier.map(str::to_owned))
            .invocation_type(InvocationType::RequestResponse)
            .log_type(LogType::Tail)
            .payload(Blob::new(payload))
            .customize()
            .config_override(config)
            .send();
        // Boxed, since the SDK's futures are large.
        let sent = Box::pin(sent).await;
        tracing::debug!(took = ?started.elapsed(), "lambda:Invoke");
        let answer = sent.map_err(CallError::from).and_then(answer);
        answer.map_err(|error| AwsError::new(ACTION, name, error.kind, error.source))
    }
}

/// What an answer says. AWS always names the version that ran.
fn answer(output: InvokeOutput) -> Result<Answer, CallError> {
    let version = required(output.executed_version, "X-Amz-Executed-Version")?;
    let log = output.log_result.and_then(|log| base64::decode(log).ok());
    Ok(Answer {
        payload: output.payload.map(Blob::into_inner).unwrap_or_default(),
        function_error: output.function_error,
        version,
        log: String::from_utf8_lossy(&log.unwrap_or_default()).into_owned(),
    })
}
