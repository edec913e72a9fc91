//! `maintenance during`: maintenance for as long as a command runs.
//!
//! It turns the roles on that are off, waits until all are drained, runs the command, and turns off what it has
//! turned on, if the command succeeded. A role that is on before keeps its window, its owner and all else: it must be
//! wholly paused, and it stays on. Its own windows are ordinary ones, and no lease is held while the command runs: from
//! wherever it is killed, `maintenance off` restores everything, and `maintenance status` shows how things stand.

use std::collections::BTreeSet;
use std::ffi::OsString;

use maintenance_control::State;
use maintenance_flag::Role;
use serde_json::{Value, json};

use super::confirm::unconfirmed;
use super::notifications::Notifications;
use super::on_off;
use super::operate::Opened;
use super::request::asked;
use super::require::{Required, Windows, changed_meanwhile, hold, refused, run_command, window};
use super::selected::{SelectedApp, Unlisted, flags, selected};
use crate::args::{DuringArgs, OnArgs, WindowArgs};
use crate::child;
use crate::command_context::CommandContext;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::render;
use crate::settings::Target;

/// Roles, by app.
type Roles = BTreeSet<(String, Role)>;

/// Turns on, waits, runs, and turns off.
pub(crate) async fn run(
    target: &Target,
    args: &DuringArgs,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    child::check(&args.command)?;
    // The command has stdout for itself: what we have to say is on stderr.
    let inner = &output.without_document();
    let on = OnArgs {
        opening: args.opening.clone(),
        window: WindowArgs {
            visitors: args.visitors.clone(),
            ..WindowArgs::default()
        },
        ..OnArgs::default()
    };
    let asked = asked(target, &on, inner)?;
    let mut apps = selected(target, Unlisted::Fail, inner).await?;
    let standing = on_before(&apps, inner).await?;
    for (app, role) in &standing {
        inner.say(label(&apps, app, render::stays_on(role)));
    }
    let is_off = |app: &str, role: &Role| !standing.contains(&(app.to_owned(), role.clone()));
    if args.opening.dry_run {
        let whole = narrow(&mut apps, is_off);
        if !apps.is_empty() {
            on_off::turn_on(target, &apps, asked, &on, &Opened::default(), told, output).await?;
        }
        drop(whole);
        output.say(render::would_run(
            &child::shown(&args.command),
            args.always_off,
        ));
        return Ok(Outcome::Done);
    }
    let opened = Opened::default();
    let whole = narrow(&mut apps, is_off);
    let turned_on = match apps.is_empty() {
        true => Ok(Outcome::Done),
        false => on_off::turn_on(target, &apps, asked, &on, &opened, told, inner).await,
    };
    widen(&mut apps, whole);
    let opened = opened.into_inner().unwrap_or_default();
    // From now on: a window that another client opens meanwhile stays.
    let mut windows = windows_of(&apps, &opened).await.unwrap_or_default();
    let mut held_before = Windows::new();
    let ran = match turned_on {
        Ok(Outcome::Done) => {
            let required = Required {
                drained: true,
                wait: true,
            };
            match hold(&apps, required, inner).await {
                Ok(Ok(held)) => {
                    held_before = held;
                    for role in &opened {
                        let held = held_before.get(role).cloned().flatten();
                        windows.entry(role.clone()).or_insert(held);
                    }
                    run_command(&args.command, inner).await
                }
                Ok(Err(missing)) => Err(refused(&apps, &missing, &args.command, inner)?),
                Err(error) => Err(error),
            }
        }
        Ok(other) => {
            if output.json() {
                output.document(&unconfirmed().document())?;
            }
            return Ok(other);
        }
        Err(error) => Err(error),
    };
    if let Ok(code) = &ran {
        inner.say(render::command_ended(&child::shown(&args.command), *code));
        for line in changed_meanwhile(&apps, &held_before).await {
            inner.say(line);
        }
    }
    let ends = args.always_off || matches!(ran, Ok(0));
    let off = match ends {
        true => turn_off(target, &mut apps, &opened, &windows, told, inner).await,
        false => {
            for (app, role) in &opened {
                inner.say(label(&apps, app, apps_advice(&apps, app, role)));
            }
            Ok(())
        }
    };
    let is_off = ends && off.is_ok();
    let code = ran.as_ref().ok().copied();
    let ended = off.and(ran.map(Outcome::Command));
    let ended = ended.map_err(|error| CommandContext::of(target).complete_hints(error));
    if !output.json() {
        return ended;
    }
    // The report is the last line.
    if let Err(error) = &ended {
        output.failure(&error.clone().already_reported());
    }
    output.report(&json!({
        "command": words(&args.command),
        "exit_code": code,
        "turned_on": opened.iter().map(document).collect::<Vec<_>>(),
        "on_before": standing.iter().map(document).collect::<Vec<_>>(),
        "turned_off": is_off,
        "error": ended.as_ref().err().map(|it| it.document()["error"].clone()),
    }))?;
    Ok(ended.unwrap_or_else(|error| error.outcome()))
}

fn words(command: &[OsString]) -> Vec<String> {
    let words = command.iter().map(|word| word.to_string_lossy());
    words.map(Into::into).collect()
}

fn document((app, role): &(String, Role)) -> Value {
    json!({ "app": app, "role": role.as_str() })
}

/// What is said of an app, which is named where there are others.
fn label(apps: &[SelectedApp<'_>], app: &str, line: String) -> String {
    let of = apps.iter().find(|it| it.app().to_string() == app);
    render::of_app(line, of.and_then(|app| app.label()))
}

fn apps_advice(apps: &[SelectedApp<'_>], app: &str, role: &Role) -> String {
    let advice = render::stays_on_after(role);
    let of = apps.iter().find(|it| it.app().to_string() == app);
    of.map_or_else(|| advice.clone(), |app| app.reader().advice(&advice))
}

/// The roles that are on.
async fn on_before(apps: &[SelectedApp<'_>], output: &Output) -> Result<Roles, CliError> {
    let flags = flags(apps, output).await?;
    let roles = apps.iter().zip(flags).flat_map(|(app, flags)| {
        let on = flags.into_iter().filter(|role| role.state == State::On);
        on.map(|role| (app.app().to_string(), role.role))
    });
    Ok(roles.collect())
}

/// The windows of those of these roles that are on.
async fn windows_of(apps: &[SelectedApp<'_>], roles: &Roles) -> Result<Windows, CliError> {
    let mut windows = Windows::new();
    for app in apps.iter().filter(|_| !roles.is_empty()) {
        let flags = app.connection.reads.flags(&app.roles).await?;
        for status in flags.into_iter().filter(|role| role.state == State::On) {
            let role = (app.app().to_string(), status.role);
            if roles.contains(&role) {
                windows.insert(role, status.flag.as_ref().and_then(window));
            }
        }
    }
    Ok(windows)
}

/// What [`narrow`] took away: the roles of each app, and apps without any that are left.
struct Whole<'a> {
    roles: Vec<(String, Vec<maintenance_control::RoleSpec>)>,
    others: Vec<SelectedApp<'a>>,
}

/// Leaves of these apps only some roles, and only the apps that have some.
fn narrow<'a>(apps: &mut Vec<SelectedApp<'a>>, keeps: impl Fn(&str, &Role) -> bool) -> Whole<'a> {
    let mut roles = Vec::new();
    for app in &mut *apps {
        let name = app.app().to_string();
        roles.push((name.clone(), app.roles.clone()));
        app.roles.retain(|spec| keeps(&name, &spec.role));
    }
    let others = apps.extract_if(.., |app| app.roles.is_empty()).collect();
    Whole { roles, others }
}

/// Undoes that.
fn widen<'a>(apps: &mut Vec<SelectedApp<'a>>, whole: Whole<'a>) {
    apps.extend(whole.others);
    for app in &mut *apps {
        let name = app.app().to_string();
        let mut roles = whole.roles.iter();
        if let Some((_, roles)) = roles.find(|(of, _)| *of == name) {
            app.roles.clone_from(roles);
        }
    }
}

/// Turns off what was turned on here, unless its window has been closed since, or another opened.
async fn turn_off(
    target: &Target,
    apps: &mut Vec<SelectedApp<'_>>,
    opened: &Roles,
    windows: &Windows,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<(), CliError> {
    let stuck = |error: CliError| {
        error.hint_once("`maintenance status` shows the state; `maintenance off` continues")
    };
    let now = windows_of(apps, opened).await.map_err(stuck)?;
    let is_ours =
        |role: &&(String, Role)| now.contains_key(role) && now.get(role) == windows.get(role);
    let ours: Roles = opened.iter().filter(is_ours).cloned().collect();
    let whole = narrow(apps, |app, role| {
        ours.contains(&(app.to_owned(), role.clone()))
    });
    let ended = match apps.is_empty() {
        true => Ok(Outcome::Done),
        false => on_off::turn_off_apps(target, apps, told, output).await,
    };
    widen(apps, whole);
    ended.map(drop).map_err(stuck)
}
