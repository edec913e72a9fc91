//! `maintenance on` and `maintenance off`.

use maintenance_control::{Actor, OffRequest, OnRequest, Report, plan_together};

use super::answer;
use super::confirm::{Answer, confirmed, not_confirmed};
use super::notifications::Notifications;
use super::operate::{Opened, Request, mode_of, operate};
use super::request::{asked, reason, who};
use super::schedule;
use super::selected::{
    SelectedApp, Unlisted, all_or_failed, connections, parts_for_reads, selected,
};
use crate::args::{OffArgs, OnArgs};
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::with_progress;
use crate::render;
use crate::settings::{Period, Target, now};

/// `maintenance on`.
pub(crate) async fn on(
    target: &Target,
    args: &OnArgs,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    if let Some(period) = Period::new(&args.start, &args.window, &now())? {
        return schedule::add(target, args, &period, told, output).await;
    }
    let asked = asked(target, args, output)?;
    let apps = selected(target, Unlisted::Fail, output).await?;
    turn_on(target, &apps, asked, args, &Opened::default(), told, output).await
}

/// Turns the roles of these apps on, once that is confirmed; or shows what would change.
pub(super) async fn turn_on(
    target: &Target,
    apps: &[SelectedApp<'_>],
    (mut on, url): (OnRequest, Option<String>),
    args: &OnArgs,
    opened: &Opened,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    if args.opening.dry_run {
        let results = with_progress(connections(apps), output, async |contexts| {
            plan_together(
                &parts_for_reads(apps, contexts),
                maintenance_control::Request::On(&on),
            )
            .await
        });
        let reports = all_or_failed(apps, results.await)?;
        print_plan(target, apps, &reports, output)?;
        if reports.iter().flat_map(render::events_of).next().is_some() {
            output.say(render::NOT_SEEN);
        }
        for (app, report) in apps.iter().zip(&reports) {
            if !args.opening.accept_event_loss
                && let Some(needs) = render::needs_acceptance(report)
            {
                app.say(needs, output);
            }
        }
        return Ok(Outcome::Done);
    }
    let mut was_confirmed = false;
    if !args.opening.yes {
        match confirmed(target, apps, &on, output).await? {
            Answer::NotAsked => {}
            // What would be lost was part of the question; what would be lost besides was not.
            Answer::Yes(shown) => (on.shown, was_confirmed) = (Some(shown), true),
            Answer::No => return not_confirmed(output),
        }
    }
    let request = Request::On {
        on: Box::new(on),
        wait: args.wait,
        confirmed: was_confirmed,
        url,
        verify: !args.opening.no_verify,
        opened,
    };
    operate(target, apps, &request, told, output).await
}

/// `maintenance off`.
pub(crate) async fn off(
    target: &Target,
    args: &OffArgs,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    let off = OffRequest {
        who: who(args.observer.as_deref())?,
        product: target.product_id(),
        force: if args.force {
            reason(args.reason.as_deref())?
        } else {
            None
        },
        restore_saved: args.restore_saved,
    };
    let off = turn_off(target, off, args.dry_run, told, output).await;
    // One account out of reach must not keep the rest of a product closed.
    let is_out_of_reach =
        |error: &CliError| error.outcome() == Outcome::Failed && !error.is_already_reported();
    off.map_err(|error| match &target.product {
        Some(_) if is_out_of_reach(&error) => error.hint(
            "to turn off the other apps meanwhile, one by one: `maintenance off --all --app NAME`",
        ),
        _ => error,
    })
}

/// Turns the roles of these apps off.
pub(super) async fn turn_off_apps(
    target: &Target,
    apps: &[SelectedApp<'_>],
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    let off = OffRequest {
        who: Actor::Person,
        product: target.product_id(),
        force: None,
        restore_saved: false,
    };
    operate(target, apps, &Request::Off(off), told, output).await
}

async fn turn_off(
    target: &Target,
    off: OffRequest,
    dry_run: bool,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    let apps = selected(target, Unlisted::Fail, output).await?;
    if dry_run {
        let results = with_progress(connections(&apps), output, async |contexts| {
            plan_together(
                &parts_for_reads(&apps, contexts),
                maintenance_control::Request::Off(&off),
            )
            .await
        });
        let reports = all_or_failed(&apps, results.await)?;
        print_plan(target, &apps, &reports, output)?;
        return Ok(Outcome::Done);
    }
    operate(target, &apps, &Request::Off(off), told, output).await
}

/// The plan is what was asked for, so it is the answer.
fn print_plan(
    target: &Target,
    apps: &[SelectedApp<'_>],
    reports: &[Report],
    output: &Output,
) -> Result<(), CliError> {
    if output.json() {
        let mode = mode_of(reports.iter().map(Some));
        return answer::documents(target, reports, Some(mode), output);
    }
    let plans = apps.iter().zip(reports);
    let plans = plans.map(|(app, it)| render::plan(it, |role| app.selects(role), &app.reader()));
    answer::plan(apps, plans, Vec::new(), output)
}
