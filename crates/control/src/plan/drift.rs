//! What another client changed while a function was paused. Its value is kept; this module only detects and
//! names it.

use maintenance_flag::{Capacity, Reserved};

use crate::observe::ObservedFunction;
use crate::report::Drift;

/// The settings that are neither what was saved nor what pausing makes of them.
pub(crate) fn drift(name: &str, saved: &Capacity, function: &ObservedFunction) -> Vec<Drift> {
    let mut drifted: Vec<Drift> = reserved(name, saved, function).into_iter().collect();
    for (qualifier, now) in &function.provisioned {
        let was = saved.provisioned.get(qualifier);
        if was != Some(now) {
            drifted.push(provisioned_drift(name, qualifier, was, now.to_string()));
        }
    }
    for uuid in function.enabled() {
        if !saved.mappings.iter().any(|saved| saved == uuid) {
            drifted.push(of(
                name,
                format!("event source mapping {uuid}"),
                "disabled, or not there".to_owned(),
                "enabled".to_owned(),
            ));
        }
    }
    drifted
}

/// Of those, the ones that were saved with another value, which pausing must not overwrite. `on` also saves,
/// and then pauses, whatever was added since.
pub(super) fn disputed(name: &str, saved: &Capacity, function: &ObservedFunction) -> Vec<Drift> {
    let mut drifted: Vec<Drift> = reserved(name, saved, function).into_iter().collect();
    for (qualifier, now) in &function.provisioned {
        if let Some(was) = saved.provisioned.get(qualifier).filter(|was| *was != now) {
            drifted.push(provisioned_drift(
                name,
                qualifier,
                Some(was),
                now.to_string(),
            ));
        }
    }
    drifted
}

pub(super) fn is_reserved_drifted(saved: &Capacity, function: &ObservedFunction) -> bool {
    function.reserved != Reserved::Limit(0)
        && function.reserved != saved.reserved
        && !function.is_reserved_by_invoke()
}

fn reserved(name: &str, saved: &Capacity, function: &ObservedFunction) -> Option<Drift> {
    is_reserved_drifted(saved, function)
        .then(|| reserved_drift(name, saved.reserved, function.reserved))
}

/// Of the reserved concurrency.
pub(crate) fn reserved_drift(name: &str, saved: Reserved, now: Reserved) -> Drift {
    let (saved, now) = (saved.to_string(), now.to_string());
    of(name, "reserved concurrency".to_owned(), saved, now)
}

/// Of the provisioned concurrency on a qualifier.
pub(crate) fn provisioned_drift(
    name: &str,
    qualifier: &str,
    saved: Option<&u32>,
    now: String,
) -> Drift {
    let saved = saved.map_or_else(|| "none".to_owned(), u32::to_string);
    let setting = format!("provisioned concurrency on {qualifier}");
    of(name, setting, saved, now)
}

fn of(function: &str, setting: String, saved: String, now: String) -> Drift {
    Drift {
        function: function.to_owned(),
        setting,
        saved,
        now,
    }
}
