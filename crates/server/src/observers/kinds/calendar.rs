//! An SSM Change Calendar: closed for changes means maintenance.

use maintenance_control::Probe;
use maintenance_flag::Verdict;

use super::CheckResult;

/// A change calendar.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// By which it is read.
    pub probe: Probe,
    /// Its name or ARN.
    pub name: String,
}

impl Calendar {
    pub(super) async fn check(&self) -> CheckResult {
        match self.probe.calendar(&self.name).await {
            Ok(state) => {
                let judged = match state.is_open {
                    true => CheckResult::of(Verdict::Normal, "OPEN"),
                    false => CheckResult::of(Verdict::Maintenance, "CLOSED"),
                };
                CheckResult {
                    next_transition: state.next_transition,
                    ..judged
                }
            }
            Err(error) => CheckResult::unknown(error.to_string()),
        }
    }
}
