//! The question before maintenance is turned on.

use std::io::{self, BufRead as _};

use maintenance_control::{Control, On, RoleSpec, State};
use maintenance_flag::App;

use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::words;

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There was nothing to ask: every role is on.
    NotAsked,
    /// To go on.
    Yes,
    /// Not to.
    No,
}

/// Whether to go on: nothing would change for visitors, or a person said yes to what they were shown,
/// which includes what becomes of events.
pub(crate) async fn confirmed(
    control: &Control,
    app: &App,
    roles: &[RoleSpec],
    on: &On,
    output: &Output,
) -> Result<Answer, Failure> {
    let states = control.flags(roles).await?;
    let is_on = |spec: &RoleSpec| {
        states
            .iter()
            .any(|status| status.role == spec.role && status.state == State::On)
    };
    if roles.iter().all(is_on) {
        return Ok(Answer::NotAsked);
    }
    can_ask(output)?;
    let plan = if roles.iter().any(|spec| spec.functions.is_some()) {
        Some(control.plan_on(roles, on).await?)
    } else {
        None
    };
    for spec in roles {
        if !is_on(spec) {
            output.ask(format_args!("{}\n", words::will_enable(&spec.role, app)));
        }
        let planned = plan.iter().flat_map(|plan| &plan.roles);
        let workers = planned
            .filter(|role| role.role == spec.role)
            .find_map(|role| role.workers.as_ref());
        let Some(workers) = workers else {
            continue;
        };
        let count = words::functions(if is_on(spec) {
            workers.changed.len()
        } else {
            workers.changed.len() + workers.unchanged.len()
        });
        if !is_on(spec) {
            output.ask(format_args!("{count} will be paused\n"));
        } else if !workers.changed.is_empty() {
            let role = &spec.role;
            output.ask(format_args!(
                "{count} more of the {role} role will be paused\n"
            ));
        }
        for line in words::events(&workers.events, output.verbose() > 0) {
            output.ask(format_args!("{line}\n"));
        }
    }
    if plan.is_some_and(|plan| words::events_of(&plan).next().is_some()) {
        output.ask(format_args!("{}\n", words::NOT_SEEN));
    }
    Ok(match sure(output)? {
        true => Answer::Yes,
        false => Answer::No,
    })
}

/// Refuses to guess where there is nobody to ask.
pub(crate) fn can_ask(output: &Output) -> Result<(), Failure> {
    if output.can_ask() {
        return Ok(());
    }
    Err(Failure::new(
        Outcome::NotConfirmed,
        "not confirmed, so nothing was changed",
    )
    .cause("there is no terminal to ask on, and --yes is not given")
    .hint("add --yes to go on without being asked"))
}

/// Asks whether to go on.
pub(crate) fn sure(output: &Output) -> Result<bool, Failure> {
    output.ask("Are you sure? (y/N) ");
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let read = read.map_err(|error| Failure::failed("cannot read the answer").caused_by(&error))?;
    if read == 0 {
        // The terminal was closed on the question, which ends its line as Enter would have.
        output.ask("\n");
    }
    Ok(matches!(
        line.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
