//! The question before maintenance is turned on.

use std::io::{self, BufRead as _};

use maintenance_control::{
    Context, Control, FunctionEvents, OnRequest, RoleReport, RoleSpec, State,
};
use maintenance_flag::{App, Mode, Options};

use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::invocation::Invocation;
use crate::output::Output;
use crate::progress::with_progress;
use crate::render::{self, Reader};
use crate::settings::{Settings, opens_all};

/// What a person said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There was nothing to ask: every role is on.
    NotAsked,
    /// To go on, having been shown this.
    Yes(Vec<FunctionEvents>),
    /// Not to.
    No,
}

/// Whether to go on: nothing would change for visitors, or a person said yes to what they were shown,
/// which includes what becomes of events.
pub(crate) async fn confirmed(
    connection: &Connection,
    settings: &Settings,
    roles: &[RoleSpec],
    on: &OnRequest,
    output: &Output,
) -> Result<Answer, CliError> {
    let app = &settings.app()?;
    let states = with_progress(connection, output, async |control, _| {
        control.flags(roles).await
    })
    .await?;
    let wanted = mode(on);
    let mode_of = |spec: &RoleSpec| {
        let status = states.iter().find(|status| status.role == spec.role)?;
        let flag = status.flag.as_ref().filter(|_| status.state == State::On)?;
        Some(flag.mode)
    };
    let is_on = |spec: &RoleSpec| mode_of(spec).is_some();
    // What opens the site for everybody is asked for though it is on.
    if roles.iter().all(|spec| mode_of(spec) == Some(wanted)) && !opens_all(&on.options) {
        return Ok(Answer::NotAsked);
    }
    can_ask(output)?;
    // What would be refused is not asked.
    connection.control.check_on(roles, on, &states)?;
    let says = |spec: &RoleSpec| {
        spec.functions.is_some() || spec.options != Options::default() || is_on(spec)
    };
    let plan = if has_options(on) || roles.iter().any(says) {
        let plan =
            async |control: &Control, run: &Context<'_>| control.plan_on(roles, on, run).await;
        Some(with_progress(connection, output, plan).await?)
    } else {
        None
    };
    let reader = Reader::of(&Invocation::of(settings));
    for spec in roles {
        let mut planned = plan.iter().flat_map(|plan| &plan.roles);
        let planned = planned.find(|role| role.role == spec.role);
        for line in will(spec, mode_of(spec), wanted, planned, app, &reader) {
            output.ask(format_args!("{line}\n"));
        }
        let Some(workers) = planned.and_then(|role| role.workers.as_ref()) else {
            continue;
        };
        let count = render::functions(if is_on(spec) {
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
        for line in render::events(&workers.events, output.verbose() > 0) {
            output.ask(format_args!("{line}\n"));
        }
    }
    let shown: Vec<_> = plan.iter().flat_map(render::events_of).cloned().collect();
    if !shown.is_empty() {
        output.ask(format_args!("{}\n", render::NOT_SEEN));
    }
    Ok(match sure(output)? {
        true => Answer::Yes(shown),
        false => Answer::No,
    })
}

/// The mode that is asked for.
fn mode(on: &OnRequest) -> Mode {
    if on.read_only {
        Mode::ReadOnly
    } else {
        Mode::On
    }
}

/// Whether more is asked for than the usual page.
fn has_options(on: &OnRequest) -> bool {
    on.read_only || on.link.is_some() || on.options != Options::default()
}

/// What will become of a role's flag, and what its visitors will get.
fn will(
    spec: &RoleSpec,
    from: Option<Mode>,
    to: Mode,
    planned: Option<&RoleReport>,
    app: &App,
    reader: &Reader,
) -> Vec<String> {
    let options = planned.and_then(|planned| planned.options.as_ref());
    let updated = options.filter(|options| !options.updated.is_empty());
    let mut lines = match (from, updated) {
        (None, _) => vec![render::will_enable(&spec.role, app)],
        (Some(from), _) if from != to => vec![render::will_turn(&spec.role, from, to, app)],
        (Some(_), Some(options)) => vec![render::will_update(&spec.role, app, options)],
        (Some(_), None) => Vec::new(),
    };
    lines.extend(
        planned
            .into_iter()
            .flat_map(|role| render::new_window_summary(role, reader)),
    );
    lines
}

/// Refuses to guess without a terminal to ask on.
pub(crate) fn can_ask(output: &Output) -> Result<(), CliError> {
    if output.can_ask() {
        return Ok(());
    }
    Err(CliError::new(
        Outcome::NotConfirmed,
        "not confirmed, so nothing was changed",
    )
    .cause("there is no terminal to ask on, and --yes is not given")
    .hint("add --yes to skip the question"))
}

/// Asks whether to go on.
pub(crate) fn sure(output: &Output) -> Result<bool, CliError> {
    output.ask("Are you sure? (y/N) ");
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let read =
        read.map_err(|error| CliError::failed("cannot read the answer").caused_by(&error))?;
    if read == 0 {
        // The terminal was closed on the question, which ends its line as Enter would have.
        output.ask("\n");
    }
    Ok(matches!(
        line.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
