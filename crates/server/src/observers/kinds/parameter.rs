//! A parameter of Parameter Store.

use maintenance_control::Probe;
use maintenance_flag::Verdict;

use super::CheckResult;
use crate::observers::Expected;

/// A parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// By which it is read.
    pub probe: Probe,
    /// Its name.
    pub name: String,
    /// What its value means.
    pub expected: Expected,
    /// What it means that it does not exist.
    pub missing: Verdict,
}

impl Parameter {
    pub(super) async fn check(&self) -> CheckResult {
        let parameter = match self.probe.parameter(&self.name).await {
            Ok(Some(parameter)) => parameter,
            Ok(None) if self.missing == Verdict::Unknown => {
                return CheckResult::unknown("the parameter does not exist");
            }
            Ok(None) => return CheckResult::of(self.missing, "the parameter does not exist"),
            Err(error) => return CheckResult::unknown(error.to_string()),
        };
        let judged = self.expected.judge(&parameter.value);
        match parameter.is_secret {
            true => judged.seeing("(a SecureString)"),
            false => judged,
        }
    }
}
