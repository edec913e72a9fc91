//! The plan of one role: the transition of its flag, and the plans of its functions.

use std::collections::BTreeSet;

use maintenance_flag::{Flag, Mode, Outcome, Parameters, Refusal, Transition, WindowId};

use super::functions::{FunctionsPlan, PausePlan, RestorePlan};
use crate::error::{Error, failure};
use crate::events::FunctionEvents;
use crate::fleet::LambdaError;
use crate::observe::Inventory;
use crate::report::{
    Failure, LeftWindow, OptionsReport, RoleOutcome, RoleReport, Warning, WorkersReport,
};
use crate::request::{OffRequest, OnRequest, RoleSpec};
use crate::saved::Saved;
use crate::store::Stored;
use crate::text::in_full;

/// A role's flag and saved capacity as they were read, and the transition that is asked for, which is
/// allowed.
pub(crate) struct RoleState<'a> {
    pub(crate) spec: &'a RoleSpec,
    /// The flag as it is stored; none if there is none.
    pub(crate) stored: Option<Stored>,
    /// The flag before.
    pub(crate) current: Flag,
    pub(crate) transition: Transition,
    pub(crate) saved: Saved,
    pub(crate) warnings: Vec<Warning>,
}

pub(crate) fn refused(spec: &RoleSpec, source: Refusal) -> Error {
    Error::Refused {
        role: spec.role.clone(),
        source,
    }
}

/// What to do with one role. Everything is read and checked, and nothing is changed yet.
pub(crate) struct RolePlan<'a> {
    pub(crate) spec: &'a RoleSpec,
    /// The flag as it was read; none if there is none.
    pub(crate) stored: Option<Stored>,
    /// The flag before.
    pub(crate) before: Flag,
    /// What becomes of the flag.
    pub(crate) transition: Transition,
    /// What becomes of the functions. None if the role has none, or none that are saved.
    pub(crate) functions: Option<FunctionsPlan>,
    /// The windows and numbers of what is saved, and of what is missed.
    pub(crate) documents: BTreeSet<(WindowId, u32)>,
    /// What visitors get, unless that is the plain page.
    pub(crate) options: Option<OptionsReport>,
    /// Whether more requests are refused than before: those that were let in have to end first.
    pub(crate) tightens: bool,
    /// What `off` cannot give back, since what was saved was deleted.
    pub(crate) lost: Vec<Failure>,
    pub(crate) warnings: Vec<Warning>,
}

/// Plans a role to be turned on. `observed` are the functions that it selects, and their account and region.
///
/// # Errors
/// [`Error`], if the role selects functions and there are none, or if what they have cannot be saved.
pub(crate) fn plan_on<'a>(
    state: RoleState<'a>,
    observed: Option<(Inventory, String)>,
    request: &OnRequest,
) -> Result<RolePlan<'a>, Error> {
    let (mut plan, saved) = RolePlan::of(state);
    let (before, flag) = (&plan.before, &plan.transition.flag);
    let outcome = plan.transition.outcome;
    plan.tightens = match outcome {
        Outcome::TurnedOn => true,
        Outcome::OptionsUpdated => before.mode == Mode::ReadOnly && flag.mode == Mode::On,
        Outcome::AlreadyOn | Outcome::TurnedOff | Outcome::AlreadyOff | Outcome::LeftOn => false,
    };
    let mut options = OptionsReport::of(flag);
    if outcome == Outcome::OptionsUpdated {
        options = options.since(before, flag);
    }
    plan.options = Some(options).filter(|options| !options.is_plain());
    if let (Some(at), Some(_)) = (flag.opens_at(), &plan.spec.functions) {
        let role = plan.spec.role.clone();
        plan.warnings.push(Warning::TurnsOffAlone { role, at });
    }
    if let Some((inventory, origin)) = observed {
        let pause = plan_functions(plan.spec, saved, inventory, origin)?;
        let new = pause.events().iter();
        let new = new.filter(|events| !request.has_shown_exactly(events));
        plan.warnings
            .extend(triggers_hidden(&new.collect::<Vec<_>>()));
        // Of a window that is open, all that was at 0 when it opened is saved.
        let at_zero = pause.unsaved_at_zero();
        if outcome != Outcome::TurnedOn && !at_zero.is_empty() {
            let at_zero = at_zero.into_iter().map(str::to_owned).collect();
            plan.warnings.push(Warning::SavedAtZero(at_zero));
        }
        plan.functions = Some(FunctionsPlan::Pause(pause));
    }
    Ok(plan)
}

/// The triggers that cannot be seen, by the permission that is missing.
fn triggers_hidden(events: &[&FunctionEvents]) -> Vec<Warning> {
    let actions: BTreeSet<&String> = events.iter().flat_map(|it| &it.unseen).collect();
    let of = |action: &String| {
        let functions = events.iter().filter(|it| it.unseen.contains(action));
        Warning::TriggersHidden {
            action: action.clone(),
            functions: functions.map(|it| it.function.clone()).collect(),
        }
    };
    actions.into_iter().map(of).collect()
}

fn plan_functions(
    spec: &RoleSpec,
    saved: Saved,
    mut inventory: Inventory,
    origin: String,
) -> Result<PausePlan, Error> {
    if !saved.deleted.is_empty() {
        inventory.refuse_unexplained(&saved);
    }
    if let Some(selection) = &spec.functions
        && inventory.functions.is_empty()
        && inventory.gone.is_empty()
        && inventory.failed.is_empty()
    {
        let (role, looked_for) = (spec.role.clone(), selection.to_string());
        return Err(Error::NoFunctions { role, looked_for });
    }
    let pause = PausePlan {
        saved,
        inventory,
        origin,
    };
    pause.check_savable()?;
    Ok(pause)
}

/// Plans a role to be turned off. `observed` are the functions that are saved, if any are; `unexplained`
/// those that the role selects and that are at 0 with nothing saved.
///
/// # Errors
/// [`LambdaError::Halted`], if that is why they could not be read.
pub(crate) fn plan_off<'a>(
    mut state: RoleState<'a>,
    observed: Option<Inventory>,
    unexplained: Result<Vec<String>, LambdaError>,
    names: &Parameters,
    request: &OffRequest,
) -> Result<RolePlan<'a>, Error> {
    if let Err(LambdaError::Halted(halt)) = unexplained {
        return Err(halt.into());
    }
    let lost = match state.transition.outcome {
        Outcome::LeftOn => Vec::new(),
        _ => lost(&mut state, unexplained, names, request),
    };
    let (mut plan, saved) = RolePlan::of(state);
    plan.lost = lost;
    plan.functions = observed.map(|inventory| {
        FunctionsPlan::Restore(RestorePlan {
            saved,
            inventory,
            overwrite: request.restore_saved,
        })
    });
    Ok(plan)
}

/// What of a role `off` cannot give back, since what was saved of it was deleted; functions at 0 that
/// nothing explains besides are warned of.
fn lost(
    state: &mut RoleState<'_>,
    unexplained: Result<Vec<String>, LambdaError>,
    names: &Parameters,
    request: &OffRequest,
) -> Vec<Failure> {
    let RoleState {
        spec,
        saved,
        warnings,
        ..
    } = state;
    let missing = std::mem::take(&mut saved.deleted);
    let documents = missing.iter();
    let documents = documents.map(|(window, n)| names.capacity(&spec.role, window, *n));
    let documents: Vec<String> = documents.collect();
    if !documents.is_empty() && request.force.is_none() {
        // What was saved may have been of other functions, too, and of more than a reservation.
        let functions = unexplained.into_iter().flatten();
        let functions = functions.map(|function| Failure {
            is_lasting: true,
            ..failure(function.clone(), &LambdaError::Unexplained { function })
        });
        return functions
            .chain(documents.iter().map(|name| unknown_loss(name)))
            .collect();
    }
    // It is told once, and looked for no more.
    saved.numbers.retain(|number| !missing.contains(number));
    if !documents.is_empty() {
        warnings.push(Warning::SavedGone(documents));
    }
    match unexplained {
        Ok(functions) if functions.is_empty() => {}
        Ok(functions) => warnings.push(Warning::Unexplained(functions)),
        Err(error) => warnings.push(Warning::UnexplainedUnread(in_full(&error))),
    }
    Vec::new()
}

/// What was saved in this parameter is gone, and so is what it was about.
fn unknown_loss(name: &str) -> Failure {
    Failure {
        function: name.to_owned(),
        error: "what was saved there is gone, and cannot be given back".to_owned(),
        hint: Some(
            "set by hand what the functions in it should have (reserved and provisioned concurrency, enabled event source mappings)"
                .to_owned(),
        ),
        is_lasting: true,
    }
}

impl<'a> RolePlan<'a> {
    /// The plan of a flag alone, and what is saved of the functions.
    fn of(state: RoleState<'a>) -> (Self, Saved) {
        let plan = Self {
            spec: state.spec,
            stored: state.stored,
            before: state.current,
            transition: state.transition,
            functions: None,
            documents: state.saved.numbers.clone(),
            options: None,
            tightens: false,
            lost: Vec::new(),
            warnings: state.warnings,
        };
        (plan, state.saved)
    }
}

impl RolePlan<'_> {
    pub(crate) fn outcome(&self) -> RoleOutcome {
        match self.transition.outcome {
            Outcome::TurnedOn => RoleOutcome::TurnedOn,
            Outcome::AlreadyOn => RoleOutcome::AlreadyOn,
            Outcome::OptionsUpdated => RoleOutcome::OptionsUpdated,
            Outcome::TurnedOff => RoleOutcome::TurnedOff,
            Outcome::AlreadyOff => RoleOutcome::AlreadyOff,
            Outcome::LeftOn => RoleOutcome::LeftOn,
        }
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        !self.transition.outcome.changed() && self.functions.is_none() && self.lost.is_empty()
    }

    pub(crate) fn pause(&self) -> Option<&PausePlan> {
        match &self.functions {
            Some(FunctionsPlan::Pause(pause)) => Some(pause),
            _ => None,
        }
    }

    /// Leaves alone the functions that would lose events.
    pub(crate) fn spare_lossy(&mut self) {
        if let Some(FunctionsPlan::Pause(pause)) = &mut self.functions {
            pause.spare_lossy();
        }
    }

    /// Whether some mapping of its functions has to settle first.
    pub(crate) fn has_unsettled(&self) -> bool {
        self.pause().is_some_and(PausePlan::has_unsettled)
    }

    /// The window that stays open though the product is left.
    pub(crate) fn left(&self) -> Option<LeftWindow> {
        let flag = &self.transition.flag;
        (self.transition.outcome == Outcome::LeftOn).then(|| LeftWindow {
            owner: flag.owner.clone(),
            product: flag.product.clone(),
        })
    }

    /// What it would do, as a report.
    pub(crate) fn preview(self) -> RoleReport {
        let (left, outcome) = (self.left(), self.outcome());
        let workers = self.functions.as_ref().map(FunctionsPlan::preview);
        RoleReport {
            workers: with_lost(workers, self.lost),
            options: self.options,
            left,
            warnings: self.warnings,
            ..RoleReport::new(self.spec.role.clone(), outcome)
        }
    }
}

/// The report on a role's functions, with what was lost of them.
pub(crate) fn with_lost(
    workers: Option<WorkersReport>,
    lost: Vec<Failure>,
) -> Option<WorkersReport> {
    if lost.is_empty() {
        return workers;
    }
    let mut workers = workers.unwrap_or_default();
    workers.selected += lost.len();
    workers.failed.extend(lost);
    Some(workers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blind(name: &str, actions: &[&str]) -> FunctionEvents {
        FunctionEvents {
            unseen: actions.iter().map(|it| (*it).to_owned()).collect(),
            ..FunctionEvents::new(name, Vec::new())
        }
    }

    #[test]
    fn each_missing_permission_is_one_warning_however_many_functions() {
        let mut events: Vec<_> = (0..12)
            .map(|n| blind(&format!("f{n}"), &["lambda:GetPolicy"]))
            .collect();
        events.push(blind("g", &["lambda:ListAliases"]));
        events.push(blind("h", &[]));
        let events: Vec<_> = events.iter().collect();
        let warnings = triggers_hidden(&events);
        let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "cannot see the triggers of f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 and 2 \
                 more: allow lambda:GetPolicy",
                "cannot see the triggers of g: allow lambda:ListAliases",
            ]
        );
    }
}
