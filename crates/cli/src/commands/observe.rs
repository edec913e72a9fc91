//! `maintenance observe`: the observers of maintenance.toml at work, in the foreground or once.

use std::collections::BTreeMap;

use maintenance_control::CancellationToken;
use maintenance_flag::{ObserverName, Verdict};
use maintenance_server::AppState;
use maintenance_server::notify::LAST_WAIT;
use maintenance_server::observers::{Note, NoteKind, View};
use maintenance_server::schedule::Scheduler;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::scheduling;
use super::state::state;
use crate::args::ObserveArgs;
use crate::connection::Connections;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::render;
use crate::settings::{Configuration, FILE_NAME, now};
use crate::signals::interruptible;
use crate::suggest;

/// Observes until a signal, or once.
pub(crate) async fn run(
    configuration: &Configuration<'_>,
    args: &ObserveArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let own = configuration.app()?;
    let known = configuration.observers()?;
    let names: Vec<&str> = known.iter().map(|it| it.name.as_str()).collect();
    // Without observers it keeps the schedule.
    if names.is_empty() && !args.names.is_empty() {
        return Err(CliError::usage("there is nothing to observe")
            .cause(format!("{FILE_NAME} names no observers"))
            .hint("add [observers.NAME] to it; `maintenance init` writes an example"));
    }
    for name in &args.names {
        if !names.contains(&name.as_str()) {
            let hint = suggest::hint(name, &names, "the observers are");
            return Err(CliError::usage(format!("there is no observer {name}")).hint(hint));
        }
    }
    let is_asked = |name: &ObserverName| {
        args.names.is_empty() || args.names.iter().any(|it| it == name.as_str())
    };
    let mut connections = Connections::default();
    let asked = known.iter().filter(|it| is_asked(&it.name));
    let state = state(configuration, &own, asked, &mut connections, output).await?;
    let stop = CancellationToken::new();
    let scheduler = scheduling::scheduler(configuration, &state, &mut connections).await?;
    if names.is_empty() && args.once {
        output.say(format_args!(
            "{FILE_NAME} names no observers: only scheduled windows are handled"
        ));
    }
    let ended = match args.once {
        true => once(&state, scheduler, output, &stop).await,
        false => go_on(&state, scheduler, output, &stop).await,
    };
    for undelivered in state.notifier.finish(LAST_WAIT).await {
        output.say(format_args!("Warning: {undelivered}"));
    }
    ended
}

/// Checks each once, and what is due by the schedule, and waits for what that begins.
async fn once(
    state: &AppState,
    mut scheduler: Scheduler,
    output: &Output,
    stop: &CancellationToken,
) -> Result<Outcome, CliError> {
    let checks = async {
        let mut outcome = Outcome::Done;
        for view in state.observers.views() {
            if stop.is_cancelled() {
                return Ok(Outcome::Interrupted);
            }
            let mut view = view;
            if let Some(checked) = state.observers.check(view.name.as_str()).await {
                checked.ended().await;
                view = checked.view();
            }
            let said = Said::default();
            said.say(&view, output)?;
            match output.json() {
                true => output.document(&render::observer_document(&view))?,
                false => output.answer(format_args!("{} {}\n", view.name, result(&view)))?,
            }
            outcome = worst(outcome, outcome_of(&view));
        }
        for told in scheduler.once().await {
            scheduling::tell(&told, output)?;
            if told.is_failure() {
                outcome = worst(outcome, Outcome::Failed);
            }
        }
        Ok(outcome)
    };
    let stopping = async {
        stop.cancelled().await;
        state.operations.stop().await;
    };
    let both = async {
        tokio::select! {
            outcome = checks => outcome,
            () = stopping => Ok(Outcome::Interrupted),
        }
    };
    let first = || output.say("Stopping: an operation in progress finishes its current step");
    match interruptible(both, stop, first).await? {
        Some(outcome) => outcome,
        None => Err(given_up()),
    }
}

/// Observes and keeps the schedule until it is stopped.
async fn go_on(
    state: &AppState,
    scheduler: Scheduler,
    output: &Output,
    stop: &CancellationToken,
) -> Result<Outcome, CliError> {
    let mut changes = state.observers.changes();
    for view in state.observers.views() {
        match &view.disabled {
            None => output.say(format_args!("Observing {}", render::observes(&view))),
            Some(_) => output.say(render::seen(&view)),
        }
    }
    output.say("Watching the scheduled windows");
    output.say("Press Ctrl-C to stop it");
    state.observers.start(stop);
    let mut said: BTreeMap<ObserverName, Said> = BTreeMap::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let showing = async {
        loop {
            let view = tokio::select! {
                () = stop.cancelled() => break,
                Some(told) = told.recv() => {
                    scheduling::tell(&told, output)?;
                    continue;
                }
                change = changes.recv() => match change {
                    Ok(view) => view,
                    // The next ones show the state.
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => break,
                },
            };
            let before = said.entry(view.name.clone()).or_default();
            if before.is_of(&view) {
                continue;
            }
            before.say(&view, output)?;
            if output.json() {
                output.document(&render::observer_document(&view))?;
            }
            *before = Said::of(&view);
        }
        state.observers.stopped().await;
        state.operations.stop().await;
        // What the scheduler does when it is stopped.
        while let Some(told) = told.recv().await {
            scheduling::tell(&told, output)?;
        }
        Ok(Outcome::Done)
    };
    let observing = async {
        let shown = showing.await;
        // Where nothing can be shown, the schedule ends, too.
        stop.cancel();
        shown
    };
    // The receiver is gone only where nothing can be shown.
    let scheduled = scheduler.run(stop.clone(), move |told| drop(tell.send(told.clone())));
    let both = async { tokio::join!(observing, scheduled).0 };
    let first = || output.say("Stopping: operations in progress finish their current step");
    match interruptible(both, stop, first).await? {
        Some(outcome) => {
            output.say("Stopped");
            outcome
        }
        None => Err(given_up()),
    }
}

fn given_up() -> CliError {
    CliError::given_up("start it again: it finishes what was interrupted")
}

/// What was said of an observer: only what is new is said.
#[derive(Debug, Default, PartialEq)]
struct Said {
    verdict: Option<Verdict>,
    note: Option<Note>,
}

impl Said {
    fn of(view: &View) -> Self {
        Self {
            verdict: view.last.as_ref().map(|(_, last)| last.verdict),
            note: view.note.clone(),
        }
    }

    fn is_of(&self, view: &View) -> bool {
        *self == Self::of(view)
    }

    fn say(&self, view: &View, output: &Output) -> Result<(), CliError> {
        let new = Self::of(view);
        if new.verdict != self.verdict || new.verdict.is_none() {
            output.say(render::seen(view));
        }
        if new.note != self.note
            && let Some(noted) = render::noted(view, &now())
        {
            output.say(noted);
        }
        Ok(())
    }
}

fn result(view: &View) -> &'static str {
    match (&view.last, &view.disabled) {
        (Some((_, last)), _) => last.verdict.as_str(),
        (None, Some(_)) => "disabled",
        (None, None) => Verdict::Unknown.as_str(),
    }
}

fn outcome_of(view: &View) -> Outcome {
    let verdict = view.last.as_ref().map(|(_, last)| last.verdict);
    match view.note.as_ref().map(|note| note.kind) {
        Some(NoteKind::Partial) => Outcome::Partial,
        Some(NoteKind::Failed) => Outcome::Failed,
        _ if verdict.is_none_or(|it| it == Verdict::Unknown) => Outcome::Failed,
        Some(NoteKind::Conflict) => Outcome::Refused,
        Some(NoteKind::Busy) => Outcome::Busy,
        Some(NoteKind::Acted | NoteKind::Waits) | None => Outcome::Done,
    }
}

/// What a person has to look at first.
fn worst(a: Outcome, b: Outcome) -> Outcome {
    let order = [
        Outcome::Partial,
        Outcome::Failed,
        Outcome::Refused,
        Outcome::Busy,
    ];
    let found = order.into_iter().find(|it| [a, b].contains(it));
    found.unwrap_or(Outcome::Done)
}
