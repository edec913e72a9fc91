//! The problems of a finished operation, as an error with causes and hints.

use maintenance_control::describe::{drifted, functions, outcome};
use maintenance_control::{Action, Report, RoleOutcome, RoleReport, WorkersReport};

use crate::error::CliError;
use crate::exit_code::Outcome;

/// What went wrong in a finished operation, if anything did.
pub(crate) fn problem(report: &Report) -> Option<CliError> {
    let back = inverse_command(report.action);
    let begun = |role: &RoleReport| role.outcome != RoleOutcome::NotBegun;
    if report.interrupted && !report.roles.is_empty() && !report.roles.iter().any(begun) {
        let failure = CliError::new(Outcome::Interrupted, "interrupted; nothing was changed");
        return Some(failure.hint("run the same command again"));
    }
    if report.interrupted {
        let failure = CliError::new(
            Outcome::Interrupted,
            "interrupted before everything was done",
        );
        return Some(with_failures(failure, report).hint(format!(
            "run the same command again to continue, or `{back}` to undo it"
        )));
    }
    if report.is_complete() {
        return None;
    }
    let state = match report.action {
        Action::On => "not paused",
        Action::Off => "not restored",
    };
    let left: Vec<String> = report
        .roles
        .iter()
        .filter_map(|role| {
            let workers = role.workers.as_ref()?;
            let count = not_where_they_should_be(role, workers);
            let of = match workers.selected > count {
                true => format!("{count} of "),
                false => String::new(),
            };
            // A flag that waits for the functions of another role has none of its own to name.
            (count > 0).then(|| {
                let all = functions(workers.selected.max(count));
                format!("{of}{all} of the {} role", role.role)
            })
        })
        .collect();
    let verb = if left.len() == 1 && left[0].starts_with("1 ") {
        "is"
    } else {
        "are"
    };
    let message = format!("{} {verb} {state}", left.join(" and "));
    let mut failure = with_failures(CliError::new(Outcome::Partial, message), report);
    let workers = || report.roles.iter().filter_map(|role| role.workers.as_ref());
    let is_left = |workers: &WorkersReport| {
        !workers.unfinished.is_empty() || workers.failed.iter().any(|it| !it.is_lasting)
    };
    let is_lasting = |workers: &WorkersReport| workers.failed.iter().any(|it| it.is_lasting);
    let has_drifted = report.action == Action::On && workers().any(|it| !it.drifted.is_empty());
    // The same command would only find the same again.
    if workers().any(is_left) || !(has_drifted || workers().any(is_lasting)) {
        failure = failure.hint("run the same command again: it continues with what is left");
    }
    if report.action == Action::Off && workers().any(is_lasting) {
        failure = failure.hint(
            "when the functions are as they should be, run `maintenance off --force --reason WHY`",
        );
    }
    if has_drifted {
        failure = failure.hint(format!(
            "leave what drifted as it is; or, to pause it too, run `{back}`, then the same command again"
        ));
    }
    Some(failure)
}

/// The command that goes the other way.
fn inverse_command(action: Action) -> &'static str {
    match action {
        Action::On => "maintenance off",
        Action::Off => "maintenance on",
    }
}

/// The error that ended an operation after it had changed something, with what was done before it: the roles that
/// are finished, and what was done of the one at work then.
pub(crate) fn unfinished(report: &Report, error: CliError) -> CliError {
    let back = inverse_command(report.action);
    let done = report.roles.iter();
    let done = done.filter(|role| {
        !matches!(
            role.outcome,
            RoleOutcome::Unfinished | RoleOutcome::NotBegun
        )
    });
    let done: Vec<String> = done.map(outcome).collect();
    let mut cut_off = report
        .roles
        .iter()
        .filter(|role| is_cut_off(role))
        .peekable();
    let error = if done.is_empty() && cut_off.peek().is_none() {
        error
    } else {
        error.after_a_change()
    };
    let error = cut_off
        .flat_map(|role| done_of_cut_off(report.action, role))
        .fold(error, CliError::cause);
    let done = match done.as_slice() {
        [] => String::new(),
        done => format!("{}; ", done.join(", ")),
    };
    with_failures(error, report).hint(format!(
        "{done}run the same command again to continue, or `{back}` to undo it"
    ))
}

/// Whether an error ended the operation in the middle of a role, and what was done of it is known.
fn is_cut_off(role: &RoleReport) -> bool {
    role.outcome == RoleOutcome::Unfinished && (role.flag.is_some() || role.workers.is_some())
}

/// How many functions that are not where they should be are named; `--json` names all.
const NAMED: usize = 5;

/// What was done of a role that an error cut off: its flag, how many functions, and which are left.
fn done_of_cut_off(action: Action, role: &RoleReport) -> Vec<String> {
    let mut lines = vec![outcome(role)];
    let Some(workers) = &role.workers else {
        return lines;
    };
    let state = match action {
        Action::On => "paused",
        Action::Off => "restored",
    };
    let there = workers.changed.len() + workers.unchanged.len();
    let all = functions(workers.selected);
    lines.push(format!("{there} of {all} {state}"));
    let left = &workers.unfinished;
    if !left.is_empty() {
        let named = left.iter().take(NAMED).map(String::as_str);
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match left.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(format!("not {state}, or in part: {named}{more}"));
    }
    lines
}

/// How many functions keep the role from being complete.
fn not_where_they_should_be(role: &RoleReport, workers: &WorkersReport) -> usize {
    let drifted = match role.outcome {
        RoleOutcome::TurnedOn | RoleOutcome::AlreadyOn | RoleOutcome::OptionsUpdated => {
            let mut names: Vec<_> = workers
                .drifted
                .iter()
                .map(|drift| &drift.function)
                .collect();
            names.dedup();
            names.len()
        }
        _ => 0,
    };
    workers.failed.len() + workers.unfinished.len() + drifted
}

/// Every function that failed, by name and why, and each thing to do about it once.
fn with_failures(mut failure: CliError, report: &Report) -> CliError {
    let workers = || report.roles.iter().filter_map(|role| role.workers.as_ref());
    for failed in workers().flat_map(|workers| &workers.failed) {
        failure = failure.cause(format!("{}: {}", failed.function, failed.error));
    }
    if report.action == Action::On {
        for drift in workers().flat_map(|workers| &workers.drifted) {
            failure = failure.cause(drifted(drift));
        }
    }
    for hint in workers()
        .flat_map(|workers| &workers.failed)
        .filter_map(|it| it.hint.as_ref())
    {
        failure = failure.hint_once(hint);
    }
    failure
}

#[cfg(test)]
mod tests {
    use maintenance_control::{Drift, Failure as Failed};
    use maintenance_flag::{App, Flag, Mode, Role};

    use super::*;

    fn worker(outcome: RoleOutcome, workers: WorkersReport) -> RoleReport {
        RoleReport {
            role: Role::worker(),
            outcome,
            workers: Some(workers),
            options: None,
            left: None,
            flag: None,
            drained_at: None,
            warnings: Vec::new(),
        }
    }

    fn report(action: Action, roles: Vec<RoleReport>) -> Report {
        let app = App::new("demo", "dev").unwrap();
        Report {
            app,
            action,
            dry_run: false,
            interrupted: false,
            roles,
        }
    }

    fn failed(names: &[&str]) -> Vec<Failed> {
        let failed = |name: &&str| Failed {
            function: (*name).to_owned(),
            error: "denied".to_owned(),
            hint: Some("allow it".to_owned()),
            is_lasting: false,
        };
        names.iter().map(failed).collect()
    }

    #[test]
    fn what_is_complete_is_no_problem() {
        let workers = WorkersReport {
            selected: 1,
            changed: vec!["a".into()],
            ..Default::default()
        };
        let done = report(Action::On, vec![worker(RoleOutcome::TurnedOn, workers)]);
        assert_eq!(problem(&done), None);
    }

    #[test]
    fn each_failed_function_is_a_cause_and_each_hint_is_given_once() {
        let workers = WorkersReport {
            selected: 3,
            changed: vec!["a".into()],
            failed: failed(&["b", "c"]),
            ..Default::default()
        };
        let partial = report(Action::Off, vec![worker(RoleOutcome::StillOn, workers)]);
        let problem = problem(&partial).unwrap();
        assert_eq!(problem.outcome(), Outcome::Partial);
        assert_eq!(
            problem.message(),
            "2 of 3 functions of the worker role are not restored"
        );
        assert_eq!(problem.causes(), ["b: denied", "c: denied"]);
        let again = "run the same command again: it continues with what is left";
        assert_eq!(problem.hints(), ["allow it", again]);
    }

    #[test]
    fn what_the_same_command_would_find_again_is_not_left_to_it() {
        let hints = |lasting: &[bool]| {
            let mut failed = failed(&["b", "c"]);
            for (failed, is_lasting) in failed.iter_mut().zip(lasting) {
                failed.is_lasting = *is_lasting;
            }
            let workers = WorkersReport {
                selected: 2,
                failed,
                ..Default::default()
            };
            let partial = report(Action::Off, vec![worker(RoleOutcome::StillOn, workers)]);
            problem(&partial).unwrap().hints().to_vec()
        };
        let force =
            "when the functions are as they should be, run `maintenance off --force --reason WHY`";
        assert_eq!(hints(&[true, true]), ["allow it", force]);
        assert_eq!(hints(&[true, false]).len(), 3, "for the other one");
    }

    #[test]
    fn a_drifted_function_keeps_on_from_being_complete() {
        let drift = |setting: &str| Drift {
            function: "a".to_owned(),
            setting: setting.to_owned(),
            saved: "20".to_owned(),
            now: "7".to_owned(),
        };
        let workers = WorkersReport {
            selected: 4,
            drifted: vec![
                drift("reserved concurrency"),
                drift("provisioned concurrency on live"),
            ],
            ..Default::default()
        };
        let partial = report(Action::On, vec![worker(RoleOutcome::AlreadyOn, workers)]);
        let problem = problem(&partial).unwrap();
        assert_eq!(
            problem.message(),
            "1 of 4 functions of the worker role is not paused"
        );
        assert_eq!(problem.causes().len(), 2);
        // It would only find the same again.
        let hints = problem.hints().join(" ");
        assert!(!hints.contains("it continues with what is left"), "{hints}");
        assert!(hints.contains("run `maintenance off`"), "{hints}");
    }

    #[test]
    fn an_error_after_some_roles_says_what_was_done_and_both_ways_to_go_on() {
        let role = |name: &str, outcome| RoleReport {
            role: name.parse().unwrap(),
            workers: None,
            ..worker(outcome, WorkersReport::default())
        };
        let report = report(
            Action::On,
            vec![
                role("web", RoleOutcome::TurnedOn),
                role("worker", RoleOutcome::Unfinished),
                role("other", RoleOutcome::NotBegun),
            ],
        );
        for (outcome, ended) in [
            (Outcome::Busy, Outcome::Partial),
            // What was not shown is not done, and that is what the code says: web is on all the same.
            (Outcome::NotConfirmed, Outcome::NotConfirmed),
        ] {
            let problem = unfinished(&report, CliError::new(outcome, "no"));
            assert_eq!(problem.outcome(), ended);
        }
        let error = CliError::failed("the store is down").hint("wait");
        let problem = unfinished(&report, error);
        assert_eq!(problem.outcome(), Outcome::Failed);
        assert_eq!(problem.message(), "the store is down");
        assert_eq!(
            problem.hints(),
            [
                "wait",
                "Web maintenance has been turned on; run the same command again to continue, or \
                 `maintenance off` to undo it"
            ]
        );
    }

    #[test]
    fn an_error_in_the_middle_of_the_first_role_says_what_was_done_of_it() {
        let names = |range: std::ops::Range<u32>| range.map(|n| format!("f{n}")).collect();
        let workers = WorkersReport {
            selected: 10,
            changed: names(0..3),
            unfinished: names(3..10),
            ..WorkersReport::default()
        };
        let cut_off = RoleReport {
            flag: Some(Flag::bare(Mode::On)),
            ..worker(RoleOutcome::Unfinished, workers)
        };
        let report = report(Action::On, vec![cut_off]);
        let problem = unfinished(&report, CliError::usage("the region was refused"));
        assert_eq!(
            problem.outcome(),
            Outcome::Partial,
            "not that nothing was begun"
        );
        assert_eq!(
            problem.causes(),
            [
                "Worker maintenance is on, and the operation did not finish",
                "3 of 10 functions paused",
                "not paused, or in part: f3, f4, f5, f6, f7 and 2 more",
            ]
        );
        assert_eq!(
            problem.hints(),
            ["run the same command again to continue, or `maintenance off` to undo it"]
        );
    }

    #[test]
    fn an_interrupted_operation_says_both_ways_to_go_on() {
        let mut stopped = report(Action::On, vec![]);
        stopped.interrupted = true;
        let problem = problem(&stopped).unwrap();
        assert_eq!(problem.outcome(), Outcome::Interrupted);
        assert!(problem.hints()[0].ends_with("or `maintenance off` to undo it"));
    }
}
