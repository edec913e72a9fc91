//! CloudWatch metrics in the embedded format: lines of JSON that Lambda's log takes metrics from, so
//! that nothing is called and no permission is needed. Off unless asked for.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::fmt;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::build_error::BuildError;
use crate::events::Identity;

/// The most characters of a namespace: CloudWatch's limit.
const MAX_NAMESPACE: usize = 255;

/// Where the lines go.
type Sink = Box<dyn Fn(&str) + Send + Sync>;

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) enum Metric {
    /// A request was answered 503.
    Blocked,
    /// A request passed though the role is in maintenance.
    PassedByBypass,
    /// How old what is known is after a refresh, in milliseconds: a sign that the store does not answer.
    FlagAge(u64),
}

impl Metric {
    /// Its name, its unit and its value.
    fn parts(self) -> (&'static str, &'static str, u64) {
        match self {
            Self::Blocked => ("Blocked", "Count", 1),
            Self::PassedByBypass => ("PassedByBypass", "Count", 1),
            Self::FlagAge(ms) => ("FlagAge", "Milliseconds", ms),
        }
    }
}

/// Writes metrics, if they are wanted.
pub(crate) struct Metrics {
    namespace: String,
    sink: Sink,
}

impl Metrics {
    pub(crate) fn new(namespace: String, sink: Sink) -> Self {
        Self { namespace, sink }
    }

    /// To the process's own output, which is the function's log. Whether anybody reads it is not the
    /// gate's business: what cannot be written is gone.
    pub(crate) fn to_stdout(namespace: String) -> Self {
        Self::new(
            namespace,
            Box::new(|line| {
                let line = format!("{line}\n");
                let _ = io::stdout().lock().write_all(line.as_bytes());
            }),
        )
    }

    /// What CloudWatch would refuse without a word is an error when the gate is built.
    pub(crate) fn check(self) -> Result<Self, BuildError> {
        let name = &self.namespace;
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#:".contains(&byte);
        let is_sound = !name.is_empty()
            && name.len() <= MAX_NAMESPACE
            && name.bytes().all(is_known)
            && !name.starts_with(':')
            && !name.starts_with("AWS/");
        if is_sound {
            return Ok(self);
        }
        Err(BuildError::new(
            format!("the metrics namespace {name:?} is not valid"),
            "CloudWatch takes 1 to 255 letters, digits and any of . - _ / # : and keeps AWS/ for itself",
            "Set it, or MAINTENANCE_METRICS, to a name such as `maintenance`",
        ))
    }

    pub(crate) fn put(&self, who: &Identity, metric: Metric, now_ms: u64) {
        (self.sink)(&self.line(who, metric, now_ms).to_string());
    }

    fn line(&self, who: &Identity, metric: Metric, now_ms: u64) -> Value {
        let (name, unit, value) = metric.parts();
        let directive = json!({
            "Namespace": self.namespace,
            "Dimensions": [["app", "role"]],
            "Metrics": [{"Name": name, "Unit": unit}],
        });
        let mut line = json!({
            "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]},
            "app": who.app,
            "role": who.role,
        });
        if let Some(fields) = line.as_object_mut() {
            fields.insert(name.to_owned(), value.into());
        }
        line
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_cloudwatch_would_not_take_is_refused() {
        let check = |name: &str| Metrics::new(name.to_owned(), Box::new(|_| ())).check();
        for good in ["maintenance", "acme/web.gate_1-x#y:z", &"x".repeat(255)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "AWS/Lambda", ":a", "a b", "a\n", "ü", &"x".repeat(256)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
