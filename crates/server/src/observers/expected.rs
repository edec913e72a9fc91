//! What a value means.

use maintenance_flag::Verdict;

use super::CheckResult;

/// Which values mean what. They are compared without case and without the space around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The value that means maintenance.
    pub maintenance: String,
    /// The value that means normal. None: any other one does, unless it is empty.
    pub normal: Option<String>,
}

impl Expected {
    /// What this value means.
    #[must_use]
    pub fn judge(&self, value: &str) -> CheckResult {
        let value = value.trim();
        let is = |other: &str| value.to_lowercase() == other.trim().to_lowercase();
        if is(&self.maintenance) {
            return CheckResult::of(Verdict::Maintenance, value);
        }
        match &self.normal {
            Some(normal) if is(normal) => CheckResult::of(Verdict::Normal, value),
            Some(normal) => CheckResult::unknown(format!(
                "the value is neither {:?} nor {normal:?}",
                self.maintenance
            ))
            .seeing(value),
            // An empty answer, a file that was cut off: that is none.
            None if value.is_empty() => CheckResult::unknown("the value is empty"),
            None => CheckResult::of(Verdict::Normal, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_without_case_and_what_is_empty_or_not_expected_is_unknown() {
        let expected = |normal: Option<&str>| Expected {
            maintenance: "Maintenance".to_owned(),
            normal: normal.map(str::to_owned),
        };
        for (normal, value, verdict) in [
            (None, "maintenance", Verdict::Maintenance),
            (None, " MAINTENANCE\n", Verdict::Maintenance),
            (None, "ok", Verdict::Normal),
            (None, "under maintenance", Verdict::Normal),
            (None, "", Verdict::Unknown),
            (None, " \n", Verdict::Unknown),
            (Some("ok"), "OK", Verdict::Normal),
            (Some("ok"), "fine", Verdict::Unknown),
            (Some("ok"), "", Verdict::Unknown),
            (Some(""), "", Verdict::Normal),
            (Some("ok"), "maintenancE", Verdict::Maintenance),
        ] {
            let judged = expected(normal).judge(value);
            assert_eq!(judged.verdict, verdict, "{normal:?} {value:?}");
            assert_eq!(judged.error.is_some(), verdict == Verdict::Unknown);
        }
    }
}
