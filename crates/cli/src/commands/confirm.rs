//! The question before maintenance is turned on.

use std::io::{self, BufRead as _};

use maintenance_control::{
    FunctionEvents, OnRequest, RoleReport, RoleSpec, RoleStatus, State, WorkersReport,
    plan_together,
};
use maintenance_flag::{App, Mode, Options, Role};

use super::selected::{SelectedApp, all_or_failed, connections, flags, parts_for_reads};
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::with_progress;
use crate::render::{self, Reader};
use crate::settings::{Target, opens_all};

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
    target: &Target,
    apps: &[SelectedApp<'_>],
    on: &OnRequest,
    output: &Output,
) -> Result<Answer, CliError> {
    let flags = flags(apps, output).await?;
    let wanted = mode(on);
    let apps_and_flags = || apps.iter().zip(&flags);
    let mut modes =
        apps_and_flags().flat_map(|(app, flags)| app.roles.iter().map(|spec| mode_of(spec, flags)));
    // What opens the site for everybody is asked for though it is on.
    if modes.all(|mode| mode == Some(wanted)) && !opens_all(&on.options) {
        return Ok(Answer::NotAsked);
    }
    can_ask(output)?;
    // What would be refused is not asked.
    let allowed = apps_and_flags().map(|(app, flags)| {
        let control = &app.connection.control;
        let checked = control.check_on(&app.roles, on, flags);
        checked.map_err(CliError::from)
    });
    all_or_failed(apps, allowed)?;
    let says = |(app, flags): (&SelectedApp<'_>, &Vec<RoleStatus>)| {
        app.roles.iter().any(|spec| {
            let is_on = mode_of(spec, flags).is_some();
            spec.functions.is_some() || spec.options != Options::default() || is_on
        })
    };
    let plans = if has_options(on) || apps_and_flags().any(says) {
        let plans = with_progress(connections(apps), output, async |contexts| {
            plan_together(
                &parts_for_reads(apps, contexts),
                maintenance_control::Request::On(on),
            )
            .await
        });
        all_or_failed(apps, plans.await)?
    } else {
        Vec::new()
    };
    let mut lines = Vec::new();
    for (n, (app, flags)) in apps_and_flags().enumerate() {
        let plan = plans.get(n);
        let reader = app.reader();
        for spec in &app.roles {
            let mut planned = plan.iter().flat_map(|plan| &plan.roles);
            let planned = planned.find(|role| role.role == spec.role);
            let mode = mode_of(spec, flags);
            let mut of_role = will(spec, mode, wanted, planned, app.app(), &reader);
            let workers = planned.and_then(|role| role.workers.as_ref());
            of_role.extend(workers.into_iter().flat_map(|workers| {
                will_pause(workers, mode.is_some(), &spec.role, output.verbose() > 0)
            }));
            lines.extend(of_role.into_iter().map(|line| (app, line)));
        }
    }
    // The windows of a product's apps that are on by themselves stay as they are.
    if lines.is_empty() && target.product.is_some() {
        return Ok(Answer::NotAsked);
    }
    if let Some(product) = &target.product {
        output.ask(format_args!("{}\n", render::will_enable_product(product)));
    }
    for (app, line) in lines {
        app.ask(line, output);
    }
    let shown: Vec<_> = plans.iter().flat_map(render::events_of).cloned().collect();
    if !shown.is_empty() {
        output.ask(format_args!("{}\n", render::NOT_SEEN));
    }
    Ok(match sure(output)? {
        true => Answer::Yes(shown),
        false => Answer::No,
    })
}

/// The mode of a role that is on.
fn mode_of(spec: &RoleSpec, flags: &[RoleStatus]) -> Option<Mode> {
    let status = flags.iter().find(|status| status.role == spec.role)?;
    let flag = status.flag.as_ref().filter(|_| status.state == State::On)?;
    Some(flag.mode)
}

/// How many functions will be paused, and what becomes of their events.
fn will_pause(workers: &WorkersReport, is_on: bool, role: &Role, all: bool) -> Vec<String> {
    let count = render::functions(if is_on {
        workers.changed.len()
    } else {
        workers.changed.len() + workers.unchanged.len()
    });
    let mut lines = Vec::new();
    if !is_on {
        lines.push(format!("{count} will be paused"));
    } else if !workers.changed.is_empty() {
        lines.push(format!("{count} more of the {role} role will be paused"));
    }
    lines.extend(render::events(&workers.events, all));
    lines
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
        (Some(from), Some(_)) if from != to => vec![render::will_turn(&spec.role, from, to, app)],
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

/// The error of a command that was not confirmed.
pub(super) fn unconfirmed() -> CliError {
    CliError::new(
        Outcome::NotConfirmed,
        "not confirmed, so nothing was changed",
    )
}

/// Refuses to guess without a terminal.
pub(crate) fn can_ask(output: &Output) -> Result<(), CliError> {
    if output.can_ask() {
        return Ok(());
    }
    Err(unconfirmed()
        .cause("stdin or stderr is not a terminal, and --yes is not given")
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

/// Says that a person did not say yes.
pub(super) fn not_confirmed(output: &Output) -> Result<Outcome, CliError> {
    output.say("Nothing was changed");
    if output.json() {
        output.document(&unconfirmed().document())?;
    }
    Ok(Outcome::NotConfirmed)
}
