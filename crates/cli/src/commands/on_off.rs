//! `maintenance on` and `maintenance off`.

use jiff::Timestamp;
use maintenance_control::{
    Action, Actor, BypassLink, CancellationToken, Context, Control, Error, Event, OffRequest,
    OnRequest, Report, RoleSpec, limits,
};
use maintenance_flag::{App, MAX_NAME_BYTES, MAX_REASON_BYTES, Parameters, Role, stored_bytes};

use super::confirm::{Answer, confirmed};
use crate::args::{OffArgs, OnArgs};
use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::invocation::Invocation;
use crate::link;
use crate::output::Output;
use crate::printable::printable;
use crate::progress::{Progress, with_progress};
use crate::render::{self, Reader};
use crate::settings::{Settings, WindowOptions, now};
use crate::signals::interruptible;

use super::first_time;
use super::selected::selected;

/// `maintenance on`.
pub(crate) async fn on(
    settings: &Settings,
    args: &OnArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let now = now();
    let window = WindowOptions::new(&args.window, &now)?;
    // `off` takes any name, so that every observer can close the window that it opened.
    let observer = args.observer.as_deref().unwrap_or_default();
    not_longer("--observer", observer.trim(), MAX_NAME_BYTES)?;
    one_line("--observer", observer.trim())?;
    let mut on = OnRequest {
        who: who(args.observer.as_deref())?,
        product: None,
        reason: reason(args.reason.as_deref())?,
        read_only: window.read_only,
        options: window.options.clone(),
        link: None,
        accept_event_loss: args.accept_event_loss,
        shown: None,
    };
    let (app, configured) = (settings.app()?, settings.selected()?);
    window.fits(&configured)?;
    if let Some(note) = &window.note {
        match args.yes {
            true => output.say(note),
            false => output.ask(format_args!("{note}\n")),
        }
    }
    if window.bypass {
        on.link = Some(match args.dry_run {
            true => link::planned(now.timestamp()),
            false => link::new(now.timestamp())?,
        });
    }
    check_size(&on, &configured, settings, &app, now.timestamp())?;
    let connection = Connection::open(settings, app.clone()).await?;
    let roles = selected(settings, &connection, output).await?;
    if args.dry_run {
        let report = with_progress(&connection, output, async |control, run| {
            control.plan_on(&roles, &on, run).await
        })
        .await?;
        let outcome = plan(&report, &roles, settings, output)?;
        if render::events_of(&report).next().is_some() {
            output.say(render::NOT_SEEN);
        }
        if !args.accept_event_loss
            && let Some(needs) = render::needs_acceptance(&report)
        {
            output.say(needs);
        }
        return Ok(outcome);
    }
    let mut was_confirmed = false;
    if !args.yes {
        match confirmed(&connection, settings, &roles, &on, output).await? {
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
        url: window.url.or_else(|| settings.link_url()),
    };
    operate(&connection, &roles, &request, settings, output).await
}

/// `maintenance off`.
pub(crate) async fn off(
    settings: &Settings,
    args: &OffArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let off = OffRequest {
        who: who(args.observer.as_deref())?,
        product: None,
        force: if args.force {
            reason(args.reason.as_deref())?
        } else {
            None
        },
        restore_saved: args.restore_saved,
    };
    let connection = Connection::open(settings, settings.app()?).await?;
    let roles = selected(settings, &connection, output).await?;
    if args.dry_run {
        let report = with_progress(&connection, output, async |control, run| {
            control.plan_off(&roles, &off, run).await
        })
        .await?;
        return plan(&report, &roles, settings, output);
    }
    operate(&connection, &roles, &Request::Off(off), settings, output).await
}

fn not_confirmed(output: &Output) -> Result<Outcome, CliError> {
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
fn check_size(
    on: &OnRequest,
    roles: &[RoleSpec],
    settings: &Settings,
    app: &App,
    now: Timestamp,
) -> Result<(), CliError> {
    let Some(RoleSpec { role, .. }) = roles.first() else {
        return Ok(());
    };
    on.check_size(&settings.by.value, now).map_err(|source| {
        let name = Parameters::new(&settings.prefix.value, app).flag(role);
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

/// Whether the role, as configured, selects functions.
fn selects(roles: &[RoleSpec], role: &Role) -> bool {
    roles
        .iter()
        .any(|spec| spec.role == *role && spec.functions.is_some())
}

/// The plan is what was asked for, so it is the answer.
fn plan(
    report: &Report,
    roles: &[RoleSpec],
    settings: &Settings,
    output: &Output,
) -> Result<Outcome, CliError> {
    if output.json() {
        output.document(report)?;
    } else {
        let reader = Reader::of(&Invocation::of(settings));
        let lines = render::plan(report, |role| selects(roles, role), &reader);
        let lines: Vec<_> = lines.iter().map(|line| printable(line)).collect();
        output.answer(lines.join("\n") + "\n")?;
    }
    Ok(Outcome::Done)
}

/// Runs the operation, tells how it goes, and answers with its report.
async fn operate(
    connection: &Connection,
    roles: &[RoleSpec],
    request: &Request,
    settings: &Settings,
    output: &Output,
) -> Result<Outcome, CliError> {
    let app = settings.app()?;
    let invocation = Invocation::of(settings);
    let stop = CancellationToken::new();
    let control = &connection.control;
    let progress = Progress::new(output, connection);
    let listen = |event: Event<'_>| match event {
        Event::RoleStarted { action, role } => {
            progress.clear();
            output.say(render::started(action, role, &app));
        }
        Event::RoleFinished(report) => {
            progress.clear();
            let (action, selects) = (request.action(), selects(roles, &report.role));
            let reader = Reader::of(&invocation);
            for line in render::finished(action, report, selects, request.was_confirmed(), &reader)
            {
                output.say(line);
            }
        }
        event => progress.emit(&event),
    };
    let run = Context {
        stop: stop.clone(),
        listen: &listen,
    };
    let operation = async {
        let first = match request {
            Request::On { url: Some(url), .. } => {
                let is_new = stop
                    .run_until_cancelled(first_time::is_new(&connection.reads))
                    .await;
                Some(url).filter(|_| is_new == Some(true))
            }
            _ => None,
        };
        let report = match request {
            Request::On { on, .. } => control.on(roles, on, &run).await,
            Request::Off(off) => control.off(roles, off, &run).await,
        }?;
        // Before the drain, so that its owner can use it meanwhile.
        let printed = request.print_link(&report, output);
        let drained = drain(control, roles, request, &report, &progress, &run).await;
        progress.clear();
        let visitor = &connection.visitor;
        let look = async {
            match (request, first) {
                (Request::Off(_), _) => {
                    let site = (&app, settings.link_url());
                    first_time::after_off(control, visitor, site, &report, output).await;
                }
                (_, Some(url)) => {
                    first_time::after_on(visitor, url, roles, &report, output).await;
                }
                _ => {}
            }
        };
        // What was asked for is done: a stop ends the look at the site.
        stop.run_until_cancelled(look).await;
        Ok::<_, maintenance_control::Error>((report, printed, drained))
    };
    let first = || {
        progress.clear();
        output.say("Stopping after the current step; press Ctrl-C again to stop at once");
    };
    let ended = interruptible(progress.watch(operation), &stop, first).await?;
    progress.clear();
    let Some(result) = ended else {
        return Err(CliError::new(
            Outcome::Interrupted,
            "stopped at once, in the middle of a step",
        )
        .hint(
            "run `maintenance unlock`, or wait for a minute; then run the same command again: it continues",
        ));
    };
    let (report, printed, drained) = match result {
        Err(Error::Unfinished { report, source }) => {
            return Err(unfinished(&report, *source, request, &invocation, output)?);
        }
        result => result.map_err(|error| request.failure(error))?,
    };
    printed?;
    if output.json() {
        let (link, url) = request.link();
        output.document(&link::answer(&report, link, url))?;
    }
    match render::problem(&report) {
        Some(problem) => Err(problem.already_reported()),
        None if drained => Ok(Outcome::Done),
        None if !stop.is_cancelled() => Err(CliError::failed(render::END_UNKNOWN)
            .hint("run the same command again with --wait, or wait 15 min, the longest timeout that AWS allows")
            .already_reported()),
        None => Err(CliError::new(
            Outcome::Interrupted,
            "stopped waiting: maintenance is on, and in-flight invocations may still be running",
        )
        .hint("run the same command again to continue waiting")
        .already_reported()),
    }
}

/// Answers with what was done before an error ended it, and returns that error: with `--json` the report
/// has it too, so that it is one document.
fn unfinished(
    report: &Report,
    error: Error,
    request: &Request,
    invocation: &Invocation,
    output: &Output,
) -> Result<CliError, CliError> {
    let failure = render::unfinished(report, request.failure(error));
    let failure = invocation.complete_hints(failure);
    request.print_link(report, output)?;
    if output.json() {
        let (link, url) = request.link();
        output.document(&failure.document_beside(&link::answer(report, link, url)))?;
    }
    Ok(failure.already_reported())
}

/// Says when it is safe to migrate and, if asked to, waits until then. Whether all that was to be waited
/// for has passed.
async fn drain(
    control: &Control,
    roles: &[RoleSpec],
    request: &Request,
    report: &Report,
    progress: &Progress<'_>,
    run: &Context<'_>,
) -> bool {
    let output = progress.output();
    let Request::On { wait, .. } = request else {
        return true;
    };
    if !report.is_complete() {
        return true;
    }
    let reader = Reader::of(&Invocation::default());
    let spec = |role: &Role| roles.iter().find(|spec| spec.role == *role);
    // Of a role whose handlers are not described, only AWS's own limit is known: said when it is asked.
    let described = |role: &Role| {
        spec(role).is_some_and(|spec| spec.functions.is_some() || spec.drain.timeout.is_some())
    };
    if !wait {
        if let Some(at) = render::drained_at(report, described) {
            output.say(render::safe_after(at, &reader));
            render::still_passes(report)
                .into_iter()
                .for_each(|line| output.say(line));
        }
        return true;
    }
    let Some(until) = report.drained_at() else {
        return false;
    };
    for role in report.roles.iter().filter(|role| !described(&role.role)) {
        output.say(render::unknown_timeout(&role.role));
    }
    output.say(render::waiting_until(until, &reader));
    let drained = control.wait(report, run).await;
    progress.clear();
    if drained {
        output.say(render::DRAINED);
        render::still_passes(report)
            .into_iter()
            .for_each(|line| output.say(line));
    }
    drained
}

/// The operation that the command runs.
enum Request {
    On {
        on: Box<OnRequest>,
        wait: bool,
        /// What visitors get was part of a question.
        confirmed: bool,
        /// Where a bypass link leads.
        url: Option<String>,
    },
    Off(OffRequest),
}

impl Request {
    fn action(&self) -> Action {
        match self {
            Self::On { .. } => Action::On,
            Self::Off(_) => Action::Off,
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

    fn link(&self) -> (Option<&BypassLink>, Option<&str>) {
        match self {
            Self::On { on, url, .. } => (on.link.as_ref(), url.as_deref()),
            Self::Off(_) => (None, None),
        }
    }

    fn print_link(&self, report: &Report, output: &Output) -> Result<(), CliError> {
        let (link, url) = self.link();
        link::print(report, link, url, output)
    }
}
