//! `maintenance on` and `maintenance off`.

use std::collections::BTreeSet;
use std::sync::Mutex;

use futures_util::future::join_all;
use jiff::Timestamp;
use maintenance_control::{
    Action, Actor, AppRoles, BypassLink, CancellationToken, Context, Error, Event, OffRequest,
    OnRequest, Report, RoleOutcome, RoleReport, RoleSpec, limits, off_together, on_together,
    plan_off_together, plan_on_together,
};
use maintenance_flag::{
    App, MAX_NAME_BYTES, MAX_REASON_BYTES, Parameters, Product, Role, stored_bytes,
};
use maintenance_server::notify::{self, About, Notification};
use maintenance_server::operations::Success;
use maintenance_server::statuses::OperationMode;
use serde::Serialize;
use serde_json::{Value, json};

use super::confirm::{Answer, confirmed};
use super::first_time;
use super::notifications::Notifications;
use super::schedule;
use super::selected::{
    SelectedApp, Unlisted, connections, failed, failed_with, parts_for_reads, planned, selected,
};
use super::site::{self, Site};
use crate::args::{OffArgs, OnArgs};
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::invocation::Invocation;
use crate::link;
use crate::output::Output;
use crate::printable::printable;
use crate::progress::{Progress, with_progress};
use crate::render::{self, Reader};
use crate::settings::{Period, ProductSettings, Settings, Target, WindowOptions, now};
use crate::signals::interruptible;

/// The roles that an operation turned on, by app: those whose windows it has opened.
pub(super) type Opened = Mutex<BTreeSet<(String, Role)>>;

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

/// What is asked for by `on`, checked before anything is read.
pub(super) fn asked(
    target: &Target,
    args: &OnArgs,
    output: &Output,
) -> Result<(OnRequest, Option<String>), CliError> {
    let now = now();
    let window = WindowOptions::new(&args.window, &now)?;
    let on = request(target, args, &window, now.timestamp())?;
    if let Some(note) = &window.note {
        match args.yes {
            true => output.say(note),
            false => output.ask(format_args!("{note}\n")),
        }
    }
    Ok((on, window.url))
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
        product: product(target),
        reason: reason(args.reason.as_deref())?,
        read_only: window.read_only,
        options: window.options.clone(),
        link: None,
        accept_event_loss: args.accept_event_loss,
        shown: None,
    };
    for settings in target.apps() {
        settings.app()?;
        window.fits(&settings.selected()?)?;
    }
    if window.bypass {
        on.link = Some(match args.dry_run {
            true => link::planned(now),
            false => link::new(now)?,
        });
    }
    for settings in target.apps() {
        check_size(&on, settings, now)?;
    }
    Ok(on)
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
    if args.dry_run {
        let results = with_progress(connections(apps), output, async |contexts| {
            plan_on_together(&parts_for_reads(apps, contexts), &on).await
        });
        let reports = planned(apps, results.await)?;
        print_plan(target, apps, &reports, output)?;
        if reports.iter().flat_map(render::events_of).next().is_some() {
            output.say(render::NOT_SEEN);
        }
        for (app, report) in apps.iter().zip(&reports) {
            if !args.accept_event_loss
                && let Some(needs) = render::needs_acceptance(report)
            {
                app.say(needs, output);
            }
        }
        return Ok(Outcome::Done);
    }
    let mut was_confirmed = false;
    if !args.yes {
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
        verify: !args.no_verify,
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
        product: product(target),
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
        product: product(target),
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
            plan_off_together(&parts_for_reads(&apps, contexts), &off).await
        });
        let reports = planned(&apps, results.await)?;
        print_plan(target, &apps, &reports, output)?;
        return Ok(Outcome::Done);
    }
    operate(target, &apps, &Request::Off(off), told, output).await
}

pub(super) fn product(target: &Target) -> Option<Product> {
    target.product.as_ref().map(|product| product.id.clone())
}

pub(super) fn not_confirmed(output: &Output) -> Result<Outcome, CliError> {
    output.say("Nothing was changed");
    if output.json() {
        let failure = CliError::new(
            Outcome::NotConfirmed,
            "not confirmed, so nothing was changed",
        );
        output.document(&failure.document())?;
    }
    Ok(Outcome::NotConfirmed)
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
        .hint(format!("take {} bytes away from it", bytes - most)))
}

/// Refuses a text that would move the cursor of a terminal.
fn one_line(option: &str, text: &str) -> Result<(), CliError> {
    limits::check_line(text).map_err(|broken| {
        CliError::usage(format!("{option} {text:?} is not valid"))
            .cause(format!("it {broken}"))
            .hint("leave them out of it")
    })
}

fn who(observer: Option<&str>) -> Result<Actor, CliError> {
    match observer.map(str::trim) {
        None => Ok(Actor::Person),
        Some("") => Err(CliError::usage("--observer needs a name").cause("it is empty")),
        Some(name) => Ok(Actor::Observer(name.to_owned())),
    }
}

fn reason(reason: Option<&str>) -> Result<Option<String>, CliError> {
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

/// The plan is what was asked for, so it is the answer.
fn print_plan(
    target: &Target,
    apps: &[SelectedApp<'_>],
    reports: &[Report],
    output: &Output,
) -> Result<(), CliError> {
    if output.json() {
        return match &target.product {
            None => reports
                .iter()
                .try_for_each(|report| output.document(report)),
            Some(product) => {
                output.document(&of_product(product, reports, reports.iter().map(Some)))
            }
        };
    }
    let mut lines = Vec::new();
    for (app, report) in apps.iter().zip(reports) {
        let plan = render::plan(report, |role| app.selects(role), &app.reader());
        lines.extend(
            plan.into_iter()
                .map(|line| render::of_app(line, app.label())),
        );
    }
    let lines: Vec<_> = lines.iter().map(|line| printable(line)).collect();
    output.answer(lines.join("\n") + "\n")
}

/// The document of an operation on a product. Its mode is that of the roles that were asked for; that of an app
/// without a report is not known.
fn of_product<'a>(
    product: &ProductSettings,
    apps: impl Serialize,
    reports: impl IntoIterator<Item = Option<&'a Report>>,
) -> impl Serialize {
    let mode = |report: Option<&Report>| {
        report.map_or(OperationMode::Unknown, |report| Success::of([report]).new)
    };
    let mode = OperationMode::together(reports.into_iter().map(mode));
    json!({
        "product": product.id.as_str(),
        "operation_mode": mode.as_str(),
        "apps": serde_json::to_value(apps).unwrap_or_default(),
    })
}

/// Runs the operation, tells how it goes, and answers with its report.
async fn operate(
    target: &Target,
    apps: &[SelectedApp<'_>],
    request: &Request<'_>,
    told: &Notifications<'_>,
    output: &Output,
) -> Result<Outcome, CliError> {
    let stop = CancellationToken::new();
    let progress = &Progress::new(output, connections(apps));
    let listeners = apps.iter().enumerate().map(|(n, app)| {
        move |event: Event<'_>| match event {
            Event::RoleStarted { action, role } => {
                progress.clear();
                output.say(render::started(action, role, app.app()));
            }
            Event::RoleFinished(report) => {
                progress.clear();
                request.note(app.app(), report);
                let (action, selects) = (request.action(), app.selects(&report.role));
                let confirmed = request.was_confirmed();
                for line in render::finished(action, report, selects, confirmed, &app.reader()) {
                    app.say(line, output);
                }
            }
            event => progress.emit(n, &event),
        }
    });
    let listeners: Vec<_> = listeners.collect();
    let contexts = listeners.iter().map(|listen| Context {
        stop: stop.clone(),
        listen,
    });
    let contexts: Vec<Context<'_>> = contexts.collect();
    let parts = apps.iter().zip(&contexts).map(|(app, context)| AppRoles {
        control: &app.connection.control,
        roles: &app.roles,
        context,
    });
    let parts: Vec<_> = parts.collect();
    let operation = async {
        let results = match request {
            Request::On { on, .. } => on_together(&parts, on).await,
            Request::Off(off) => off_together(&parts, off).await,
        };
        let about = request.about(target, apps);
        if let Some(app) = apps.first() {
            let happened = Notification::of_operation(&about, &results);
            told.tell(happened, &app.connection.visitor);
        }
        let done: Option<Vec<&Report>> = results.iter().map(|it| it.as_ref().ok()).collect();
        let Some(reports) = done else {
            return (results, Ok(()), true, Vec::new());
        };
        // Before the drain, so that its owner can use it meanwhile.
        let printed = request.print_link(apps, reports.iter().copied().map(Some), output);
        // What was asked for is done: a stop ends the look at the site.
        let look = async {
            let looking = look_at_sites(apps, request, &reports, progress);
            stop.run_until_cancelled(looking).await.unwrap_or_default()
        };
        let draining = async {
            let drained = drain(apps, request, &reports, progress, &contexts).await;
            progress.clear();
            if let (Request::On { wait: true, .. }, true, Some(app)) =
                (request, drained, apps.first())
            {
                let drained = Notification::drained(&about, &results).map(|(_, it)| it);
                told.tell(drained.into_iter().collect(), &app.connection.visitor);
            }
            drained
        };
        // A wait for what still runs may take a quarter of an hour.
        let (sites, drained) = match request {
            Request::On { wait: true, .. } => (look.await, draining.await),
            _ => {
                let drained = draining.await;
                (look.await, drained)
            }
        };
        (results, printed, drained, sites)
    };
    let first = || {
        progress.clear();
        output.say("Stopping after the current step; press Ctrl-C again to stop at once");
    };
    let ended = interruptible(progress.watch(operation), &stop, first).await?;
    progress.clear();
    let Some((results, printed, drained, sites)) = ended else {
        return Err(CliError::new(
            Outcome::Interrupted,
            "stopped at once, in the middle of a step",
        )
        .hint(
            "run `maintenance unlock`, or wait for a minute; then run the same command again: it continues",
        ));
    };
    printed?;
    answer(target, apps, request, (results, sites), output)?;
    if drained {
        return Ok(Outcome::Done);
    }
    Err(match stop.is_cancelled() {
        false => CliError::failed(render::END_UNKNOWN)
            .hint("run the same command again with --wait, or wait 15 min, the longest timeout that AWS allows"),
        true => CliError::new(
            Outcome::Interrupted,
            "stopped waiting: maintenance is on, and in-flight invocations may still be running",
        )
        .hint("run the same command again to continue waiting"),
    }
    .already_reported())
}

/// How the sites answer, and what is said of that. All of them side by side.
async fn look_at_sites(
    apps: &[SelectedApp<'_>],
    request: &Request<'_>,
    reports: &[&Report],
    progress: &Progress<'_>,
) -> Vec<Option<Site>> {
    let output = progress.output();
    let each = || apps.iter().zip(reports);
    let Request::On { verify, .. } = request else {
        for (app, report) in each() {
            let (control, visitor) = (&app.connection.control, &app.connection.visitor);
            let site = (app.app(), request.url(app));
            first_time::after_off(control, visitor, site, report, output).await;
        }
        return Vec::new();
    };
    let looks = each().map(async |(app, report)| {
        let url = request.url(app).filter(|_| *verify)?;
        let visitor = &app.connection.visitor;
        site::after_on(visitor, url, &app.roles, report, progress).await
    });
    let sites = join_all(looks).await;
    sites.iter().flatten().for_each(|site| site.say(output));
    sites
}

/// Answers with what was done, and returns as one error what was not. An app that was done says so also if
/// another failed: with `--json` each has its report, and its error beside it.
fn answer(
    target: &Target,
    apps: &[SelectedApp<'_>],
    request: &Request<'_>,
    (results, sites): (Vec<Result<Report, Error>>, Vec<Option<Site>>),
    output: &Output,
) -> Result<(), CliError> {
    let is_any_error = results.iter().any(Result::is_err);
    let ends = results.into_iter().map(|result| match result {
        Ok(report) => (Some(report), None),
        Err(Error::Unfinished { report, source }) => {
            let failure = render::unfinished(&report, request.failure(*source));
            (Some(*report), Some(failure))
        }
        Err(error) => (None, Some(request.failure(error))),
    });
    let mut ends: Vec<(Option<Report>, Option<CliError>)> = ends.collect();
    let reports = || ends.iter().filter_map(|(report, _)| report.as_ref());
    let is_begun = reports().any(|report| {
        let mut roles = report.roles.iter();
        report.interrupted || roles.any(|role| role.outcome != RoleOutcome::NotBegun)
    });
    if is_any_error && !is_begun {
        let failures = apps.iter().zip(ends);
        let failures = failures.filter_map(|(app, (_, failure))| Some((app, failure?)));
        return failed(failures.collect()).map_or(Ok(()), Err);
    }
    if is_any_error {
        let reports = ends.iter().map(|(report, _)| report.as_ref());
        request.print_link(apps, reports, output)?;
    }
    let invocation = Invocation::of(target);
    for (app, (_, failure)) in apps.iter().zip(&mut ends) {
        *failure = failure
            .take()
            .map(|it| invocation.complete_hints(app.failure(it)));
    }
    if output.json() {
        let document = |app: &SelectedApp<'_>, end: &(Option<Report>, Option<CliError>)| {
            let url = request.url(app);
            let done = end
                .0
                .as_ref()
                .map(|it| link::answer(it, request.link(), url.as_deref()));
            let done = done.map_or_else(
                || Ok(json!({"app": app.app().to_string()})),
                serde_json::to_value,
            );
            let done = done.unwrap_or_default();
            match &end.1 {
                Some(failure) => failure.document_beside(&done),
                None => done,
            }
        };
        let documents = apps.iter().zip(&ends).map(|(app, end)| document(app, end));
        let mut documents: Vec<Value> = documents.collect();
        for (document, site) in documents.iter_mut().zip(&sites) {
            if let (Some(document), Some(site)) = (document.as_object_mut(), site) {
                document.insert("site".to_owned(), json!(site));
            }
        }
        match &target.product {
            None => documents.iter().try_for_each(|it| output.document(it))?,
            Some(product) => {
                let reports = ends.iter().map(|(report, _)| report.as_ref());
                output.document(&of_product(product, documents, reports))?;
            }
        }
    }
    let failures = apps
        .iter()
        .zip(ends)
        .filter_map(|(app, (report, failure))| {
            let failure = failure.or_else(|| render::problem(&report?));
            Some((app, failure?))
        });
    let failures: Vec<_> = failures.collect();
    let mut outcomes = failures.iter().map(|(_, failure)| failure.outcome());
    let outcome = match outcomes.next() {
        Some(first @ (Outcome::Interrupted | Outcome::NotConfirmed))
            if outcomes.all(|it| it == first) =>
        {
            first
        }
        _ => Outcome::Partial,
    };
    match failed_with(failures, outcome) {
        Some(failure) => Err(failure.already_reported()),
        None => Ok(()),
    }
}

/// Says when it is safe to migrate and, if asked to, waits until then. Whether all that was to be waited
/// for has passed.
async fn drain(
    apps: &[SelectedApp<'_>],
    request: &Request<'_>,
    reports: &[&Report],
    progress: &Progress<'_>,
    contexts: &[Context<'_>],
) -> bool {
    let output = progress.output();
    let Request::On { wait, .. } = request else {
        return true;
    };
    if !reports.iter().all(|report| report.is_complete()) {
        return true;
    }
    let reader = Reader::of(&Invocation::default());
    // Of a role whose handlers are not described, only AWS's own limit is known: said when it is asked.
    let is_described = |app: &SelectedApp<'_>, role: &Role| {
        let spec = app.roles.iter().find(|spec| spec.role == *role);
        spec.is_some_and(|spec| spec.functions.is_some() || spec.drain.timeout.is_some())
    };
    let still_passes = || {
        for (app, report) in apps.iter().zip(reports) {
            if let Some(line) = render::still_passes(report) {
                app.say(line, output);
            }
        }
    };
    // One app that is not known to be drained keeps all from being so.
    let ends = reports.iter().map(|report| report.drained_at());
    let ends: Option<Vec<Timestamp>> = ends.collect();
    let last = ends.and_then(|ends| ends.into_iter().enumerate().max_by_key(|(_, at)| *at));
    let each = || apps.iter().zip(reports);
    if !wait {
        let is_any_described = each().any(|(app, report)| {
            let mut roles = report.roles.iter();
            roles.any(|role| is_described(app, &role.role))
        });
        if let Some((_, at)) = last.filter(|_| is_any_described) {
            output.say(render::safe_after(at, &reader));
            still_passes();
        }
        return true;
    }
    let Some((n, until)) = last else {
        return false;
    };
    for (app, report) in each() {
        for role in report
            .roles
            .iter()
            .filter(|role| !is_described(app, &role.role))
        {
            app.say(render::unknown_timeout(&role.role), output);
        }
    }
    output.say(render::waiting_until(until, &reader));
    let drained = apps[n]
        .connection
        .control
        .wait(reports[n], &contexts[n])
        .await;
    progress.clear();
    if drained {
        output.say(render::DRAINED);
        still_passes();
    }
    drained
}

/// The operation that the command runs.
enum Request<'a> {
    On {
        on: Box<OnRequest>,
        wait: bool,
        /// What visitors get was part of a question.
        confirmed: bool,
        /// Where a bypass link leads, of whichever app.
        url: Option<String>,
        /// Wait until the site answers 503.
        verify: bool,
        /// What it turns on is noted here.
        opened: &'a Opened,
    },
    Off(OffRequest),
}

impl Request<'_> {
    fn note(&self, app: &App, report: &RoleReport) {
        if let (Self::On { opened, .. }, RoleOutcome::TurnedOn) = (self, report.outcome)
            && let Ok(mut opened) = opened.lock()
        {
            opened.insert((app.to_string(), report.role.clone()));
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::On { .. } => Action::On,
            Self::Off(_) => Action::Off,
        }
    }

    /// What it is, for those who are told of it.
    fn about<'a>(&'a self, target: &'a Target, apps: &'a [SelectedApp<'_>]) -> About<'a> {
        let (who, reason) = match self {
            Self::On { on, .. } => (&on.who, on.reason.as_deref()),
            Self::Off(off) => (&off.who, off.force.as_deref()),
        };
        let of = |app: &'a SelectedApp<'_>| {
            let roles = app.roles.iter().map(|spec| &spec.role);
            (app.app(), roles.collect())
        };
        About {
            at: Timestamp::now(),
            action: self.action(),
            product: target.product.as_ref().map(|product| &product.id),
            apps: apps.iter().map(of).collect(),
            by: &target.app.by.value,
            source: notify::Source::from(who),
            reason,
        }
    }

    fn failure(&self, error: Error) -> CliError {
        let is_new = self.was_confirmed() && matches!(error, Error::EventsLost { .. });
        let failure = CliError::from(error);
        match is_new {
            true => failure.hint(
                "the question did not show this: run the same command again to be asked about it",
            ),
            false => failure,
        }
    }

    fn was_confirmed(&self) -> bool {
        matches!(
            self,
            Self::On {
                confirmed: true,
                ..
            }
        )
    }

    /// Where the site of an app is, if that is known.
    fn url(&self, app: &SelectedApp<'_>) -> Option<String> {
        match self {
            Self::On { url: Some(url), .. } => Some(url.clone()),
            _ => app.settings.link_url(),
        }
    }

    fn link(&self) -> Option<&BypassLink> {
        match self {
            Self::On { on, .. } => on.link.as_ref(),
            Self::Off(_) => None,
        }
    }

    fn print_link<'r>(
        &self,
        apps: &[SelectedApp<'_>],
        reports: impl Iterator<Item = Option<&'r Report>>,
        output: &Output,
    ) -> Result<(), CliError> {
        let places = apps.iter().zip(reports).filter_map(|(app, report)| {
            Some(link::Place {
                app: app.label(),
                report: report?,
                url: self.url(app),
            })
        });
        link::print(self.link(), places.collect(), output)
    }
}
