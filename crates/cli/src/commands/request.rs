//! What the options of `on` and `off` ask for, checked before anything is read.

use jiff::Timestamp;
use maintenance_control::{Actor, Error, OnRequest, RoleSpec, limits};
use maintenance_flag::{MAX_NAME_BYTES, MAX_REASON_BYTES, Parameters, stored_bytes};

use crate::args::OnArgs;
use crate::error::CliError;
use crate::link;
use crate::output::Output;
use crate::settings::{Settings, Target, WindowOptions, now};

/// What is asked for by `on`, checked before anything is read.
pub(super) fn asked(
    target: &Target,
    args: &OnArgs,
    output: &Output,
) -> Result<(OnRequest, Option<String>), CliError> {
    let now = now();
    let window = WindowOptions::new(&args.window, &now)?;
    let on = request(target, args, &window, now.timestamp())?;
    say_note(window.note.as_deref(), args, output);
    Ok((on, window.url))
}

/// What a time was taken for: part of the question, if there is one.
pub(super) fn say_note(note: Option<&str>, args: &OnArgs, output: &Output) {
    match (note, args.opening.yes) {
        (None, _) => {}
        (Some(note), true) => output.say(note),
        (Some(note), false) => output.ask(format_args!("{note}\n")),
    }
}

/// What is asked for about a window, checked before anything is read.
pub(super) fn request(
    target: &Target,
    args: &OnArgs,
    window: &WindowOptions,
    now: Timestamp,
) -> Result<OnRequest, CliError> {
    // `off` takes any name, so that every observer can close the window that it opened.
    let observer = args.observer.as_deref().unwrap_or_default();
    not_longer("--observer", observer.trim(), MAX_NAME_BYTES)?;
    one_line("--observer", observer.trim())?;
    let mut on = OnRequest {
        who: who(args.observer.as_deref())?,
        product: target.product_id(),
        reason: reason(args.opening.reason.as_deref())?,
        read_only: window.read_only,
        options: window.options.clone(),
        link: None,
        accept_event_loss: args.opening.accept_event_loss,
        shown: None,
    };
    for settings in target.apps() {
        settings.app()?;
        window.fits(&settings.selected()?)?;
    }
    if window.bypass {
        on.link = Some(match args.opening.dry_run {
            true => link::planned(now),
            false => link::new(now)?,
        });
    }
    for settings in target.apps() {
        check_size(&on, settings, now)?;
    }
    Ok(on)
}

/// Refuses options that no flag has room for, before anything is read or asked.
fn check_size(on: &OnRequest, settings: &Settings, now: Timestamp) -> Result<(), CliError> {
    let (app, roles) = (settings.app()?, settings.selected()?);
    let Some(RoleSpec { role, .. }) = roles.first() else {
        return Ok(());
    };
    on.check_size(&settings.by.value, now).map_err(|source| {
        let name = Parameters::new(&settings.prefix.value, &app).flag(role);
        let role = role.clone();
        CliError::from(Error::TooLarge { role, name, source })
    })
}

/// Refuses a text that is longer than a flag has room for whatever else is in it.
fn not_longer(option: &str, text: &str, most: usize) -> Result<(), CliError> {
    let bytes = stored_bytes(text);
    if bytes <= most {
        return Ok(());
    }
    Err(CliError::usage(format!("{option} is too long"))
        .too_many_bytes(bytes, most)
        .hint(format!("shorten it by {} bytes", bytes - most)))
}

/// Refuses a text that would move the cursor of a terminal.
fn one_line(option: &str, text: &str) -> Result<(), CliError> {
    limits::check_line(text).map_err(|broken| {
        CliError::usage(format!("{option} {text:?} is not valid"))
            .cause(format!("it {broken}"))
            .hint("leave them out of it")
    })
}

pub(super) fn who(observer: Option<&str>) -> Result<Actor, CliError> {
    match observer.map(str::trim) {
        None => Ok(Actor::Person),
        Some("") => Err(CliError::usage("--observer needs a name").cause("it is empty")),
        Some(name) => Ok(Actor::Observer(name.to_owned())),
    }
}

pub(super) fn reason(reason: Option<&str>) -> Result<Option<String>, CliError> {
    match reason.map(str::trim) {
        None => Ok(None),
        Some("") => Err(CliError::usage("--reason needs a reason").cause("it is empty")),
        Some(reason) => {
            not_longer("--reason", reason, MAX_REASON_BYTES)?;
            one_line("--reason", reason)?;
            Ok(Some(reason.to_owned()))
        }
    }
}
