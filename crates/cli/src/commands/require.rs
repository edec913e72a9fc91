//! `maintenance require`: runs a command only if maintenance is on, and drained if that is asked for.
//!
//! Nothing is held while the command runs: maintenance may be turned off meanwhile. That is looked at when the
//! command has ended, and said; its exit code stays what it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maintenance_control::{CancellationToken, Context, Event, RoleStatus, State, Status};
use maintenance_flag::{Flag, Role, WindowId};
use serde::Serialize;
use serde_json::json;

use super::selected::{SelectedApp, Unlisted, all_or_failed, connections, failed, selected};
use crate::args::RequireArgs;
use crate::child;
use crate::command_context::CommandContext;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::{Progress, read_each};
use crate::render::{self, Reader};
use crate::settings::{Target, now};
use crate::signals::{Signals, interruptible};

/// What is required of the selected roles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Required {
    /// That no code which began before maintenance is still running.
    pub(super) drained: bool,
    /// To wait for that.
    pub(super) wait: bool,
}

/// Something that is required and is not so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Missing {
    app: String,
    role: String,
    #[serde(flatten)]
    what: What,
}

/// What is not so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "missing", rename_all = "snake_case")]
enum What {
    /// The role is off.
    On,
    /// A function of it is not paused.
    Paused { function: String },
    /// Another client changed a function of it.
    Drifted { function: String },
    /// Code of it may still be running: until then, if that is known.
    Drained { until: Option<Timestamp> },
}

/// The window of each role that is on, by app and role.
pub(super) type Windows = BTreeMap<(String, Role), Option<WindowId>>;

/// Checks, and runs the command.
pub(crate) async fn run(
    target: &Target,
    args: &RequireArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    child::check(&args.command)?;
    let apps = selected(target, Unlisted::Fail, output).await?;
    let required = Required {
        drained: args.drained || args.wait,
        wait: args.wait,
    };
    let windows = match hold(&apps, required, output).await? {
        Ok(windows) => windows,
        Err(missing) => return Err(refused(&apps, &missing, &args.command, output)?),
    };
    if args.command.is_empty() {
        if output.json() {
            output.document(&json!({ "met": true, "missing": [] }))?;
        }
        return Ok(Outcome::Done);
    }
    let code = run_command(&args.command, output).await?;
    for line in changed_meanwhile(&apps, &windows).await {
        output.say(line);
    }
    Ok(Outcome::Command(code))
}

/// Runs a command, once it was said.
pub(super) async fn run_command(
    command: &[std::ffi::OsString],
    output: &Output,
) -> Result<u8, CliError> {
    let mut signals = Signals::listen()?;
    output.say(format_args!("Running {}", child::shown(command)));
    let code = child::run(command, &mut signals).await;
    // What it wrote is on stdout: no document of ours is.
    code.map_err(CliError::already_reported)
}

/// Looks whether all that is required is so, and waits for it if that is asked for. The windows of all roles; or
/// what is missing. A signal ends it.
pub(super) async fn hold(
    apps: &[SelectedApp<'_>],
    required: Required,
    output: &Output,
) -> Result<Result<Windows, Vec<Missing>>, CliError> {
    let stop = CancellationToken::new();
    let holding = hold_until(apps, required, &stop, output);
    let held = interruptible(holding, &stop, || {}).await?;
    held.unwrap_or_else(|| Err(stopped()))
}

async fn hold_until(
    apps: &[SelectedApp<'_>],
    required: Required,
    stop: &CancellationToken,
    output: &Output,
) -> Result<Result<Windows, Vec<Missing>>, CliError> {
    loop {
        let read = stop.run_until_cancelled(statuses(apps, output)).await;
        let statuses = read.unwrap_or_else(|| Err(stopped()))?;
        let missing = missing(&statuses, required);
        if missing.is_empty() {
            say_held(apps, &statuses, required, output);
            return Ok(Ok(windows(&statuses)));
        }
        let ends = missing.iter().map(|it| match it.what {
            What::Drained { until } => until,
            _ => None,
        });
        // Only what ends by itself is waited for.
        match ends.collect::<Option<Vec<_>>>() {
            Some(ends) if required.wait => wait(apps, ends, stop, output).await?,
            _ => return Ok(Err(missing)),
        }
    }
}

/// How all roles stand.
async fn statuses(apps: &[SelectedApp<'_>], output: &Output) -> Result<Vec<Status>, CliError> {
    let read = read_each(connections(apps), output, async |n, control, context| {
        control.status(&apps[n].roles, context).await
    });
    let statuses = all_or_failed(apps, read.await)?;
    let unread = apps.iter().zip(&statuses).filter_map(|(app, status)| {
        let unread = render::unread_of(&status.roles, Outcome::Failed)?;
        Some((app, unread))
    });
    match failed(unread.collect()) {
        Some(failure) => Err(failure),
        None => Ok(statuses),
    }
}

fn missing(statuses: &[Status], required: Required) -> Vec<Missing> {
    let mut missing = Vec::new();
    let now = now().timestamp();
    for status in statuses {
        for role in &status.roles {
            missing.extend(
                missing_of(role, required, now)
                    .into_iter()
                    .map(|what| Missing {
                        app: status.app.to_string(),
                        role: role.role.to_string(),
                        what,
                    }),
            );
        }
    }
    missing
}

fn missing_of(role: &RoleStatus, required: Required, now: Timestamp) -> Vec<What> {
    let Some(flag) = role.flag.as_ref().filter(|_| role.state == State::On) else {
        return vec![What::On];
    };
    let mut missing = Vec::new();
    if let Some(workers) = &role.workers {
        let pending = workers.pending.iter().cloned();
        missing.extend(pending.map(|function| What::Paused { function }));
        let drifted = workers.drifted.iter().cloned();
        missing.extend(drifted.map(|function| What::Drifted { function }));
    }
    let until = flag.at(now).drained_at;
    if required.drained && until.is_none_or(|at| at > now) {
        missing.push(What::Drained { until });
    }
    missing
}

fn windows(statuses: &[Status]) -> Windows {
    let roles = statuses.iter().flat_map(|status| {
        let on = status.roles.iter().filter(|role| role.state == State::On);
        on.map(|role| {
            let window = role.flag.as_ref().and_then(window);
            ((status.app.to_string(), role.role.clone()), window)
        })
    });
    roles.collect()
}

/// The window that is open.
pub(super) fn window(flag: &Flag) -> Option<WindowId> {
    flag.at(now().timestamp()).window.clone()
}

fn say_held(apps: &[SelectedApp<'_>], statuses: &[Status], required: Required, output: &Output) {
    for (app, status) in apps.iter().zip(statuses) {
        for role in &status.roles {
            let drained_at = role.flag.as_ref().and_then(|flag| flag.drained_at);
            let drained_at = drained_at.filter(|_| required.drained);
            app.say(
                render::held_on(&role.role, drained_at, &app.reader()),
                output,
            );
        }
    }
}

async fn wait(
    apps: &[SelectedApp<'_>],
    ends: Vec<Timestamp>,
    stop: &CancellationToken,
    output: &Output,
) -> Result<(), CliError> {
    let (Some(until), Some(first)) = (ends.into_iter().max(), apps.first()) else {
        return Ok(());
    };
    let progress = &Progress::new(output, connections(apps));
    let listen = move |event: Event<'_>| progress.emit(0, &event);
    let context = Context {
        stop: stop.clone(),
        listen: &listen,
    };
    let reader = Reader::of(&CommandContext::default());
    output.say(render::waiting_until(until, &reader));
    let waited = first.connection.control.wait_until(until, &context).await;
    progress.clear();
    match waited {
        true => Ok(()),
        false => Err(stopped()),
    }
}

fn stopped() -> CliError {
    CliError::new(
        Outcome::Interrupted,
        "stopped waiting: the command was not run",
    )
    .hint("run the same command again to continue waiting")
}

/// The error that says what is missing. It is the answer, too.
pub(super) fn refused(
    apps: &[SelectedApp<'_>],
    missing: &[Missing],
    command: &[std::ffi::OsString],
    output: &Output,
) -> Result<CliError, CliError> {
    let headline = match command.is_empty() {
        true => "a requirement is not met",
        false => "a requirement is not met: the command was not run",
    };
    let failure = CliError::new(Outcome::NotConfirmed, headline);
    let reader = Reader::of(&CommandContext::default());
    let is_one = apps.len() == 1;
    let mut failure = missing.iter().fold(failure, |failure, it| {
        let text = match &it.what {
            What::On => format!("{} maintenance is off", it.role),
            What::Paused { function } => {
                format!("{function} of the {} role is not paused", it.role)
            }
            What::Drifted { function } => format!(
                "{function} of the {} role drifted: changed while paused",
                it.role
            ),
            What::Drained { until } => render::not_drained(&it.role, *until, &reader),
        };
        failure.cause(match is_one {
            true => text,
            false => format!("{}: {text}", it.app),
        })
    });
    let has = |is: fn(&What) -> bool| missing.iter().any(|it| is(&it.what));
    if has(|what| {
        matches!(
            what,
            What::On | What::Paused { .. } | What::Drained { until: None }
        )
    }) {
        failure = failure
            .hint("`maintenance on --wait` turns it on, pauses what is not paused, and waits");
    }
    if has(|what| matches!(what, What::Drifted { .. })) {
        failure = failure.hint("`maintenance workers` shows what was changed");
    }
    if !missing.is_empty() && !has(|what| !matches!(what, What::Drained { until: Some(_) })) {
        failure = failure.hint("add --wait to wait until then");
    }
    if output.json() {
        let document = json!({ "met": false, "missing": missing });
        output.document(&failure.document_beside(&document))?;
        failure = failure.already_reported();
    }
    Ok(failure)
}

/// What became of windows while a command ran: a line for each that is not open any more.
pub(super) async fn changed_meanwhile(apps: &[SelectedApp<'_>], windows: &Windows) -> Vec<String> {
    let mut lines = Vec::new();
    for app in apps {
        let name = app.app().to_string();
        let label = |line: String| render::of_app(line, app.label());
        let flags = match app.connection.reads.flags(&app.roles).await {
            Ok(flags) => flags,
            Err(error) => {
                lines.push(label(format!(
                    "Warning: could not check that maintenance stayed on while the command ran: {error}"
                )));
                continue;
            }
        };
        for role in flags {
            let Some(before) = windows.get(&(name.clone(), role.role.clone())) else {
                continue;
            };
            let flag = role.flag.as_ref().filter(|_| role.state == State::On);
            let line = match flag {
                Some(flag) if window(flag) == *before => continue,
                Some(_) => "turned off and on again",
                None => "turned off",
            };
            lines.push(label(format!(
                "Warning: {} maintenance was {line} while the command ran",
                role.role
            )));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use maintenance_control::WorkersStatus;
    use maintenance_flag::Mode;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn role(drained_at: Option<Timestamp>) -> RoleStatus {
        let mut flag = Flag::bare(Mode::On);
        flag.drained_at = drained_at;
        RoleStatus {
            role: Role::worker(),
            state: State::On,
            flag: Some(flag),
            scheduled: Vec::new(),
            is_open_by_time: false,
            workers: None,
            warnings: Vec::new(),
            unread: Vec::new(),
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let now = at("2026-11-29T12:00:00Z");
        let on = Required {
            drained: false,
            wait: false,
        };
        let drained = Required {
            drained: true,
            ..on
        };
        assert_eq!(missing_of(&role(None), on, now), []);
        let off = RoleStatus {
            state: State::Off,
            ..role(None)
        };
        assert_eq!(missing_of(&off, on, now), [What::On]);
        assert_eq!(
            missing_of(&role(None), drained, now),
            [What::Drained { until: None }]
        );
        let later = Some(at("2026-11-29T12:00:01Z"));
        assert_eq!(
            missing_of(&role(later), drained, now),
            [What::Drained { until: later }]
        );
        assert_eq!(missing_of(&role(Some(now)), drained, now), []);
        let workers = WorkersStatus {
            pending: vec!["a".to_owned()],
            drifted: vec!["b".to_owned()],
            ..WorkersStatus::default()
        };
        let partly = RoleStatus {
            workers: Some(workers),
            ..role(Some(now))
        };
        let (a, b) = ("a".to_owned(), "b".to_owned());
        assert_eq!(
            missing_of(&partly, on, now),
            [What::Paused { function: a }, What::Drifted { function: b }]
        );
    }
}
