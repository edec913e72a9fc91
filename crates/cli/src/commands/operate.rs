//! Runs what `on` or `off` asks for, over one app or several: says how it goes, waits for what is waited for, and
//! answers with the report.

use std::collections::BTreeSet;
use std::sync::Mutex;

use futures_util::future::join_all;
use jiff::Timestamp;
use maintenance_control::{
    Action, AppRoles, BypassLink, CancellationToken, Context, Error, Event, OffRequest, OnRequest,
    Report, RoleOutcome, RoleReport, operate_together,
};
use maintenance_flag::{App, Role};
use maintenance_server::notify::{self, About, Notification};
use maintenance_server::operations::Success;
use maintenance_server::statuses::OperationMode;
use serde_json::{Value, json};

use super::answer;
use super::first_time;
use super::notifications::Notifications;
use super::selected::{SelectedApp, connections, failed, failed_with};
use super::site::{self, Site};
use crate::command_context::CommandContext;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::link;
use crate::output::Output;
use crate::progress::Progress;
use crate::render::{self, Reader};
use crate::settings::Target;
use crate::signals::interruptible;

/// The roles that an operation turned on, by app: those whose windows it has opened.
pub(super) type Opened = Mutex<BTreeSet<(String, Role)>>;

/// The operation that the command runs.
pub(super) enum Request<'a> {
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

/// Runs the operation, tells how it goes, and answers with its report.
pub(super) async fn operate(
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
            Request::On { on, .. } => {
                operate_together(&parts, maintenance_control::Request::On(on)).await
            }
            Request::Off(off) => {
                operate_together(&parts, maintenance_control::Request::Off(off)).await
            }
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
        return Err(CliError::given_up(
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
    let context = CommandContext::of(target);
    for (app, (_, failure)) in apps.iter().zip(&mut ends) {
        *failure = failure
            .take()
            .map(|it| context.complete_hints(app.failure(it)));
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
        let mode = mode_of(ends.iter().map(|(report, _)| report.as_ref()));
        answer::documents(target, &documents, Some(mode), output)?;
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
    let reader = Reader::of(&CommandContext::default());
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

/// The mode of the roles that were asked for; that of an app without a report is not known.
pub(super) fn mode_of<'a>(reports: impl IntoIterator<Item = Option<&'a Report>>) -> OperationMode {
    let mode = |report: Option<&Report>| {
        report.map_or(OperationMode::Unknown, |report| Success::of([report]).new)
    };
    OperationMode::together(reports.into_iter().map(mode))
}
