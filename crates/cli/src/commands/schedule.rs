//! `maintenance on --at` and `maintenance schedule`: windows that open and close by themselves.

use jiff::{SignedDuration, Timestamp};
use maintenance_control::{
    AddWindow, ScheduleReport, ScheduleRequest, plan_reschedule_together, reschedule_together,
};
use maintenance_flag::{Change, ScheduledWindow, WindowId};
use maintenance_server::notify::Notification;
use serde_json::json;

use super::answer;
use super::confirm::{can_ask, not_confirmed, sure};
use super::notifications::Notifications;
use super::request::{request, say_note};
use super::selected::{
    SelectedApp, Unlisted, all_or_failed, connections, flags, parts_for_reads, selected,
    selected_or_all,
};
use crate::args::{MoveArgs, OnArgs, ScheduleCommand, StartArgs, WindowArgs};
use crate::command_context::CommandContext;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::with_progress;
use crate::render::{self, Listed, Reader};
use crate::settings::{Period, Target, now};

/// `maintenance on --at`.
pub(super) async fn add(
    target: &Target,
    args: &OnArgs,
    period: &Period,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    let on = request(target, args, &period.window, now().timestamp())?;
    say_note(period.note.as_deref(), args, output);
    let request = ScheduleRequest::Add(Box::new(AddWindow {
        on,
        starts_at: period.starts_at,
        until: period.until,
        recurring: None,
    }));
    let apps = selected(target, Unlisted::Fail, output).await?;
    if args.opening.dry_run {
        return plan(target, &apps, &request, output).await;
    }
    if !args.opening.yes {
        can_ask(output)?;
        // What would be refused is not asked.
        let reports = planned(&apps, &request, output).await?;
        if let Some(product) = &target.product {
            output.ask(format_args!("{}\n", render::will_schedule_product(product)));
        }
        for (app, report) in apps.iter().zip(&reports) {
            for line in render::schedules("Will", report, &app.reader()) {
                app.ask(line, output);
            }
        }
        for line in render::about_functions(&reports, &reader(target)) {
            output.ask(format_args!("{line}\n"));
        }
        if !sure(output)? {
            return not_confirmed(output);
        }
    }
    change(target, &apps, &request, told, output).await
}

/// `maintenance schedule`.
pub(super) async fn run(
    target: &Target,
    command: Option<&ScheduleCommand>,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    let apps = selected_or_all(target, output).await?;
    let (request, dry_run) = match command {
        None | Some(ScheduleCommand::List) => return list(target, &apps, output).await,
        Some(ScheduleCommand::Move(args)) => {
            let (period, note) = moved(&apps, args, output).await?;
            if let Some(note) = note {
                output.say(note);
            }
            let request = ScheduleRequest::Move {
                window: args.window.clone(),
                product: target.product_id(),
                starts_at: period.0,
                until: period.1,
            };
            (request, args.dry_run)
        }
        Some(ScheduleCommand::Cancel(args)) => {
            let request = ScheduleRequest::Cancel {
                window: args.window.clone(),
                product: target.product_id(),
                withdraw: false,
            };
            (request, args.dry_run)
        }
    };
    match dry_run {
        true => plan(target, &apps, &request, output).await,
        false => change(target, &apps, &request, told, output).await,
    }
}

/// When a window begins and ends once it is moved, and a word on that.
async fn moved(
    apps: &[SelectedApp<'_>],
    args: &MoveArgs,
    output: &Output,
) -> Result<((Timestamp, Timestamp), Option<String>), CliError> {
    let start = StartArgs {
        at: Some(args.at),
        tz: args.tz.clone(),
    };
    // As long as before, unless something else was typed.
    let length = match (args.until, args.for_) {
        (None, None) => Some(length(apps, &args.window, output).await?),
        _ => None,
    };
    let an_hour = || crate::values::Length(jiff::Span::new().hours(1));
    let for_ = args.for_.or_else(|| length.map(|_| an_hour()));
    let mut window = WindowArgs::default();
    window.visitors.until = args.until.map(Change::Set);
    window.visitors.for_ = for_.map(Change::Set);
    let period = Period::new(&start, &window, &now())?
        .ok_or_else(|| CliError::usage("--at is missing").hint("give a time"))?;
    let until = match length {
        Some(length) => period.starts_at + length,
        None => period.until,
    };
    Ok(((period.starts_at, until), period.note))
}

/// How long a window that is scheduled takes.
async fn length(
    apps: &[SelectedApp<'_>],
    window: &WindowId,
    output: &Output,
) -> Result<SignedDuration, CliError> {
    let flags = flags(apps, output).await?;
    let mut scheduled = flags.iter().flatten().flat_map(|role| &role.scheduled);
    let known = scheduled.find(|known| known.window == *window);
    known
        .map(|known| known.until.duration_since(known.starts_at))
        .ok_or_else(|| {
            CliError::usage(format!("no window {window} is scheduled"))
                .hint("`maintenance schedule` lists the scheduled windows")
        })
}

/// `maintenance schedule list`.
async fn list(
    target: &Target,
    apps: &[SelectedApp<'_>],
    output: &Output,
) -> Result<Outcome, CliError> {
    let flags = flags(apps, output).await?;
    let mut listed: Vec<Listed> = Vec::new();
    for (app, roles) in apps.iter().zip(&flags) {
        for role in roles {
            for warning in &role.warnings {
                app.say(app.reader().warning(warning), output);
            }
            for window in &role.scheduled {
                let place = match app.label() {
                    Some(app) => format!("{app} {}", role.role),
                    None => role.role.to_string(),
                };
                match listed.iter_mut().find(|it| is_same(&it.window, window)) {
                    Some(known) => known.places.push(place),
                    None => listed.push(Listed {
                        window: window.clone(),
                        places: vec![place],
                    }),
                }
            }
        }
    }
    listed.sort_by_key(|it| it.window.starts_at);
    if output.json() {
        let windows = render::schedule_document(&listed);
        let document = match &target.product {
            Some(product) => json!({"product": product.id.as_str(), "windows": windows}),
            None => {
                json!({"app": apps.first().map(|app| app.app().to_string()), "windows": windows})
            }
        };
        output.document(&document)?;
    } else if listed.is_empty() {
        output.say("No maintenance is scheduled");
    } else {
        output.answer(render::schedule(&listed, &now(), output.width()))?;
    }
    Ok(Outcome::Done)
}

/// Whether it is one window of several roles, at one time.
fn is_same(one: &ScheduledWindow, other: &ScheduledWindow) -> bool {
    one.window == other.window && one.starts_at == other.starts_at && one.until == other.until
}

async fn planned(
    apps: &[SelectedApp<'_>],
    request: &ScheduleRequest,
    output: &Output,
) -> Result<Vec<ScheduleReport>, CliError> {
    let results = with_progress(connections(apps), output, async |contexts| {
        plan_reschedule_together(&parts_for_reads(apps, contexts), request).await
    });
    all_or_failed(apps, results.await)
}

/// Answers with what would be changed.
async fn plan(
    target: &Target,
    apps: &[SelectedApp<'_>],
    request: &ScheduleRequest,
    output: &Output,
) -> Result<Outcome, CliError> {
    let reports = planned(apps, request, output).await?;
    if output.json() {
        answer::documents(target, &reports, None, output)?;
    } else {
        let of_each = apps.iter().zip(&reports);
        let of_each = of_each.map(|(app, it)| render::schedules("Would", it, &app.reader()));
        let of_all = render::about_functions(&reports, &reader(target));
        answer::plan(apps, of_each, of_all, output)?;
    }
    Ok(Outcome::Done)
}

/// Changes the schedule, and says what came of it.
async fn change(
    target: &Target,
    apps: &[SelectedApp<'_>],
    request: &ScheduleRequest,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    let results = with_progress(connections(apps), output, async |contexts| {
        reschedule_together(&parts_for_reads(apps, contexts), request).await
    });
    let reports = all_or_failed(apps, results.await)?;
    for (app, report) in apps.iter().zip(&reports) {
        for line in render::rescheduled(report, &app.reader()) {
            app.say(line, output);
        }
    }
    let reader = reader(target);
    let undo = render::undo(&reports, &reader).into_iter();
    for line in undo.chain(render::about_functions(&reports, &reader)) {
        output.say(line);
    }
    if let Some(app) = apps.first() {
        let roles = apps.iter().zip(&reports).flat_map(|(app, report)| {
            let roles = report.roles.iter();
            roles.map(|role| (app.app(), role))
        });
        let (roles, product) = (roles.collect::<Vec<_>>(), target.product_id());
        let by = &app.settings.by.value;
        let happened = Notification::of_schedule(&roles, product.as_ref(), by);
        told.tell(happened.into_iter().collect(), &app.connection.visitor);
    }
    if output.json() {
        answer::documents(target, &reports, None, output)?;
    }
    Ok(Outcome::Done)
}

/// Whom advice about all apps is for.
fn reader(target: &Target) -> Reader {
    Reader::of(&CommandContext::of(target))
}
