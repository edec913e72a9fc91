//! The plan of one function: how it stands, and what is saved of it, make a list of steps.

use maintenance_flag::{Capacity, Reserved};

use super::drift::{disputed, drift, is_reserved_drifted};
use crate::observe::ObservedFunction;
use crate::report::Drift;
use crate::step::Step;

/// What to do with one function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FunctionPlan {
    /// In this order.
    pub(crate) steps: Vec<Step>,
    /// What another client changed, and what is therefore left.
    pub(crate) drifted: Vec<Drift>,
    /// Whether it is not where it should be. Restoring writes even what looks restored, since the read may
    /// lag.
    pub(crate) changes: bool,
    /// Whether another client's reservation is kept. Provisioned concurrency may then not fit it.
    pub(crate) keeps_reserved: bool,
}

/// What pausing changes of one function, as it stands and as it is saved.
pub(crate) fn plan_pause(
    name: &str,
    function: &ObservedFunction,
    saved: Option<&Capacity>,
) -> FunctionPlan {
    let drifted = saved.map_or_else(Vec::new, |saved| disputed(name, saved, function));
    if !drifted.is_empty() {
        // Pausing the rest of it would get in the way of the change that is being made.
        return FunctionPlan {
            drifted,
            ..FunctionPlan::default()
        };
    }
    let owned = |uuid: &str| uuid.to_owned();
    let disable = function.enabled().map(owned);
    let disabling = function.disabling().map(owned);
    let provisioned = function.provisioned.iter();
    let steps = disable
        .map(|uuid| Step::DisableMapping { uuid })
        .chain(disabling.map(|uuid| Step::AwaitDisabled { uuid }))
        .chain(provisioned.map(|(qualifier, was)| Step::DeleteProvisioned {
            qualifier: qualifier.clone(),
            was: *was,
            overwrite: false,
        }))
        .chain(
            (function.reserved != Reserved::Limit(0)).then_some(Step::ReserveZero {
                was: function.reserved,
            }),
        );
    let steps: Vec<Step> = steps.collect();
    FunctionPlan {
        changes: steps.iter().any(Step::changes),
        steps,
        ..FunctionPlan::default()
    }
}

/// What restoring changes of one function, as it stands and as it is saved. Nothing is skipped because it
/// looks restored: a read that lags may show the function as it was before it was paused.
pub(crate) fn plan_restore(
    name: &str,
    function: &ObservedFunction,
    saved: &Capacity,
    overwrite: bool,
) -> FunctionPlan {
    let mut steps = Vec::new();
    if overwrite {
        // What another client provisioned may not fit the saved reservation.
        let enabled = function.enabled();
        let theirs = enabled.filter(|uuid| !saved.mappings.iter().any(|saved| saved == uuid));
        steps.extend(theirs.map(|uuid| Step::DisableMapping {
            uuid: uuid.to_owned(),
        }));
        let provisioned = function.provisioned.iter();
        let theirs =
            provisioned.filter(|(qualifier, now)| saved.provisioned.get(*qualifier) != Some(now));
        steps.extend(theirs.map(|(qualifier, was)| Step::DeleteProvisioned {
            qualifier: qualifier.clone(),
            was: *was,
            overwrite,
        }));
    }
    let is_reserved_theirs = is_reserved_drifted(saved, function);
    let keeps_reserved = is_reserved_theirs && !overwrite;
    // A function that had 0 was at 0 while paused, so that nothing was changed; but `invoke` may have.
    let was_changed =
        is_reserved_theirs || function.is_invoking || saved.reserved != Reserved::Limit(0);
    if was_changed && !keeps_reserved {
        steps.push(Step::RestoreReserved {
            saved: saved.reserved,
            overwrite,
            invoking: function.is_invoking,
        });
    }
    let provisioned = saved.provisioned.iter();
    let ours = provisioned.filter(|(qualifier, saved)| {
        let now = function.provisioned.get(*qualifier);
        overwrite || now.is_none_or(|now| now == *saved)
    });
    steps.extend(ours.map(|(qualifier, saved)| Step::PutProvisioned {
        qualifier: qualifier.clone(),
        concurrency: *saved,
        overwrite,
    }));
    let mappings = saved.mappings.iter().cloned();
    steps.extend(mappings.map(|uuid| Step::EnableMapping { uuid }));
    FunctionPlan {
        steps,
        drifted: match overwrite {
            true => Vec::new(),
            false => drift(name, saved, function),
        },
        changes: !function.has(saved),
        keeps_reserved,
    }
}
