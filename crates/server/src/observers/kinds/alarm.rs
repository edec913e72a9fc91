//! A CloudWatch alarm, metric or composite.

use maintenance_control::{AlarmState, Probe};
use maintenance_flag::Verdict;

use super::CheckResult;

/// An alarm.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// By which it is read.
    pub probe: Probe,
    /// Its name.
    pub name: String,
}

impl Alarm {
    pub(super) async fn check(&self) -> CheckResult {
        match self.probe.alarm(&self.name).await {
            Ok(Some(state)) => judge(&state),
            Ok(None) => CheckResult::unknown(format!("there is no alarm {:?}", self.name)),
            Err(error) => CheckResult::unknown(error.to_string()),
        }
    }
}

fn judge(state: &AlarmState) -> CheckResult {
    let shown = state.as_str();
    match state {
        AlarmState::Alarm => CheckResult::of(Verdict::Maintenance, shown),
        AlarmState::Ok => CheckResult::of(Verdict::Normal, shown),
        AlarmState::InsufficientData | AlarmState::Other(_) => {
            CheckResult::unknown("the alarm is in neither of the states ALARM and OK").seeing(shown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insufficient_data_is_unknown() {
        for (state, verdict) in [
            (AlarmState::Alarm, Verdict::Maintenance),
            (AlarmState::Ok, Verdict::Normal),
            (AlarmState::InsufficientData, Verdict::Unknown),
            (AlarmState::Other("MUTED".to_owned()), Verdict::Unknown),
        ] {
            assert_eq!(judge(&state).verdict, verdict, "{state:?}");
        }
    }
}
