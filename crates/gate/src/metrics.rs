//! CloudWatch metrics in the embedded format: lines of JSON that Lambda's log takes metrics from, so
//! that nothing is called and no permission is needed. Off unless asked for.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

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
    /// Its name and its unit.
    fn definition(self) -> (&'static str, &'static str) {
        match self {
            Self::Blocked => ("Blocked", "Count"),
            Self::PassedByBypass => ("PassedByBypass", "Count"),
            Self::FlagAge(_) => ("FlagAge", "Milliseconds"),
        }
    }
}

/// A line: what is measured under its name, and beside it what that name means.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Aws<'a>,
    app: &'a str,
    role: &'a str,
    #[serde(rename = "Blocked", skip_serializing_if = "Option::is_none")]
    blocked: Option<u64>,
    #[serde(rename = "PassedByBypass", skip_serializing_if = "Option::is_none")]
    passed_by_bypass: Option<u64>,
    #[serde(rename = "FlagAge", skip_serializing_if = "Option::is_none")]
    flag_age: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Aws<'a> {
    timestamp: u64,
    #[serde(rename = "CloudWatchMetrics")]
    directives: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: [[&'static str; 2]; 1],
    metrics: [Definition; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
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
        let (name, unit) = metric.definition();
        let line = Line {
            aws: Aws {
                timestamp: now_ms,
                directives: [Directive {
                    namespace: &self.namespace,
                    dimensions: [["app", "role"]],
                    metrics: [Definition { name, unit }],
                }],
            },
            app: &who.app,
            role: &who.role,
            blocked: matches!(metric, Metric::Blocked).then_some(1),
            passed_by_bypass: matches!(metric, Metric::PassedByBypass).then_some(1),
            flag_age: match metric {
                Metric::FlagAge(ms) => Some(ms),
                Metric::Blocked | Metric::PassedByBypass => None,
            },
        };
        // Texts and numbers can always be written.
        if let Ok(line) = serde_json::to_string(&line) {
            (self.sink)(&line);
        }
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
