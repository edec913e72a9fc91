//! How far an operation is: a bar on a terminal, and elsewhere a line once in a while.
//!
//! One bar at a time, for whatever is going on: reading, pausing or restoring, draining. Where it is not
//! drawn it still reckons the rate.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use maintenance_control::{
    Action, CancellationToken, Context, Control, Event, Unanswered, Waiting,
};

use futures_util::future::join_all;
use maintenance_flag::{App, Role};
use tokio::time::MissedTickBehavior;

use crate::command_context::CommandContext;
use crate::connection::Connection;
use crate::output::Output;
use crate::render::{self, Reader};

/// How often a line is written where nothing can move. What takes less is done before it needs one.
const LINE: Duration = Duration::from_secs(10);
/// How long AWS may take for an answer before it is said that it does: it answers in a fraction of that.
const SILENT: Duration = Duration::from_secs(3);
/// How often it is looked at whether AWS answers.
const LOOK: Duration = Duration::from_secs(1);
/// A rate over less than this says nothing.
const TELLING: Duration = Duration::from_secs(1);
/// How long nothing may have finished before a rate and a time left say nothing any more.
const STALLED: Duration = Duration::from_secs(10);

/// Work that is counted; the prefix is the throughput and the waits.
const COUNTED: &str = "{msg} [{bar:16}] {pos}/{len}{prefix}";
/// What cannot be counted.
const TOLD: &str = "{msg}{prefix}";

/// Shows how far an operation is.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    /// Of the apps that are at work.
    connections: Vec<&'a Connection>,
    shown: Mutex<Option<Shown>>,
    /// Functions read and to be read, by app and role.
    read: Mutex<BTreeMap<(usize, Role), Count>>,
}

/// Functions done, and in all if that is known.
type Count = (usize, Option<usize>);

/// The work that is shown.
struct Shown {
    what: String,
    bar: ProgressBar,
    action: Option<Action>,
    total: Option<usize>,
    waiting: Option<String>,
    /// The call that AWS does not answer.
    unanswered: Option<String>,
    /// Since when something is waited for.
    waiting_since: Instant,
    /// When something last finished.
    finished: Instant,
    /// When a line was last written.
    lines: Lines,
}

/// How fast it goes and how long it will take still, after so long with this rate and this estimate. No
/// estimate while nothing finishes: it would grow without end.
fn throughput(after: Duration, idle: Duration, rate: f64, left: Duration) -> Option<String> {
    if idle >= STALLED {
        return Some(render::nothing_finished(idle));
    }
    (after >= TELLING && rate > 0.0).then(|| render::throughput(rate, left))
}

/// Runs `reads`, which change nothing and tell each app's progress to the context of its number. It is shown;
/// nothing of it stays on screen.
pub(crate) async fn with_progress<T>(
    connections: Vec<&Connection>,
    output: &Output,
    reads: impl AsyncFnOnce(&[Context<'_>]) -> T,
) -> T {
    let progress = &Progress::new(output, connections);
    let apps = 0..progress.connections.len();
    let listeners = apps.map(|app| move |event: Event<'_>| progress.emit(app, &event));
    let listeners: Vec<_> = listeners.collect();
    let contexts = listeners.iter().map(|listen| Context {
        stop: CancellationToken::new(),
        listen,
    });
    let contexts: Vec<_> = contexts.collect();
    let read = progress.watch(reads(&contexts)).await;
    progress.clear();
    read
}

/// The same for reads of each app, which are made side by side.
pub(crate) async fn read_each<T>(
    connections: Vec<&Connection>,
    output: &Output,
    reads: impl AsyncFn(usize, &Control, &Context<'_>) -> T,
) -> Vec<T> {
    let reads = &reads;
    let apps = connections.clone();
    with_progress(connections, output, async move |contexts| {
        let apps = apps.into_iter().zip(contexts).enumerate();
        join_all(apps.map(|(n, (app, context))| reads(n, &app.reads, context))).await
    })
    .await
}

impl<'a> Progress<'a> {
    /// Of an operation by these connections, one an app.
    pub(crate) fn new(output: &'a Output, connections: Vec<&'a Connection>) -> Self {
        Self {
            output,
            connections,
            shown: Mutex::new(None),
            read: Mutex::default(),
        }
    }

    /// The app of this number, where there are others.
    fn app(&self, n: usize) -> Option<&'a App> {
        let app = self
            .connections
            .get(n)
            .filter(|_| self.connections.len() > 1);
        app.map(|app| app.control.app())
    }

    /// Does the work, and says meanwhile when AWS does not answer.
    pub(crate) async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lines: Option<Lines> = None;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = look.tick() => {}
            }
            let calls = self.connections.iter();
            let unanswered = calls.filter_map(|app| app.calls.longest());
            let unanswered = unanswered.max_by_key(|call| call.time);
            let unanswered = unanswered.filter(|call| call.time >= SILENT);
            self.unanswered(unanswered.as_ref());
            match (&unanswered, &mut lines) {
                (None, lines) => *lines = None,
                (Some(_), _) if self.output.can_animate() => {}
                (Some(call), None) => {
                    lines = Some(Lines::since(Instant::now()));
                    self.output.say(render::unanswered(call));
                }
                (Some(call), Some(lines)) => {
                    if lines.is_due(Instant::now()) {
                        self.output.say(render::unanswered(call));
                    }
                }
            }
        }
    }

    /// Shows for how long AWS has not answered, beside the work that is shown, if any.
    fn unanswered(&self, call: Option<&Unanswered>) {
        let mut shown = self.shown();
        if call.is_none() && shown.as_ref().is_some_and(|shown| shown.what.is_empty()) {
            take_away(&mut shown);
        }
        if call.is_some() {
            shown.get_or_insert_with(|| Shown::new(String::new(), None, None, self.output));
        }
        if let Some(shown) = shown.as_mut() {
            shown.unanswered = call.map(render::unanswered);
            shown.redraw();
        }
    }

    fn shown(&self) -> MutexGuard<'_, Option<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is shown.
    pub(crate) fn output(&self) -> &'a Output {
        self.output
    }

    /// Shows what is waited for where no call to AWS is.
    pub(crate) fn waits(&self, what: String) {
        let mut shown = self.shown();
        if shown.as_ref().is_none_or(|shown| shown.what != what) {
            take_away(&mut shown);
        }
        let shown = shown.get_or_insert_with(|| Shown::new(what, None, None, self.output));
        shown.bar.enable_steady_tick(LOOK);
    }

    /// Shows what an event of the app of this number says of how far the operation is. A caller that prints
    /// something else [clears](Self::clear) it first.
    pub(crate) fn emit(&self, app: usize, event: &Event<'_>) {
        match event {
            Event::Reading { role, done, total } => self.reading(app, role, *done, *total),
            Event::Progress {
                action,
                role,
                done,
                total,
            } => {
                let what = render::at_work(*action, role, self.app(app));
                self.show(Some(*action), what, *done, Some(*total));
            }
            Event::Waiting(waiting) => self.wait(waiting),
            Event::LeaseWatched { holder, until } => {
                if let Some(app) = self.connections.get(app) {
                    let app = app.control.app();
                    self.say(render::watched(holder, app, *until, &reader()));
                }
            }
            Event::HolderStopping { until } => {
                self.say(render::of_app(
                    render::stopping(*until, &reader()),
                    self.app(app),
                ));
            }
            Event::Draining { left, .. } => self.drain(*left),
            // What begins and ends is said, and not shown.
            _ => {}
        }
    }

    /// Of roles that are read side by side it is told of all together.
    fn reading(&self, app: usize, role: &Role, done: usize, total: Option<usize>) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert((app, role.clone()), (done, total));
        let under_way = |it: &&Count| Some(it.0) != it.1;
        let together = self.is_of_several() || read.values().filter(under_way).count() > 1;
        let (of, done, total) = match together {
            false => (Some((role, self.app(app))), done, total),
            true => (
                None,
                read.values().map(|it| it.0).sum(),
                read.values().map(|it| it.1).sum(),
            ),
        };
        drop(read);
        if total == Some(0) {
            // There are none, which is said elsewhere.
            return;
        }
        let what = match total {
            None => render::listing(of),
            Some(_) => render::reading(of),
        };
        self.show(None, what, done, total);
    }

    /// Whether the shown work is of several roles.
    fn is_of_several(&self) -> bool {
        let of_several = [render::listing(None), render::reading(None)];
        let shown = self.shown();
        shown
            .as_ref()
            .is_some_and(|shown| of_several.contains(&shown.what))
    }

    fn show(&self, action: Option<Action>, what: String, done: usize, total: Option<usize>) {
        let mut shown = self.shown();
        let is_new = |shown: &Shown| shown.what != what;
        if shown.as_ref().is_none_or(is_new) {
            take_away(&mut shown);
        }
        let shown = shown.get_or_insert_with(|| Shown::new(what, action, total, self.output));
        if shown.bar.position() < done as u64 {
            shown.finished = Instant::now();
        }
        shown.bar.set_position(done as u64);
        shown.redraw();
        if self.output.can_animate() {
            return;
        }
        // Who asked for more reads every step of the work, and the rest a line now and then.
        if done > 0 && action.is_some() && self.output.verbose() > 0 {
            self.output.detail(shown.line());
        } else {
            self.line(shown);
        }
    }

    /// A wait of seconds that a log has, too.
    fn say(&self, line: String) {
        self.clear();
        self.output.say(line);
    }

    fn wait(&self, waiting: &Waiting) {
        let mut shown = self.shown();
        if let Some(shown) = shown.as_mut() {
            let now = Instant::now();
            if shown.waiting.is_none() {
                shown.waiting_since = now;
            }
            let so_long = now.duration_since(shown.waiting_since);
            let longest = waiting.longest();
            let waiting = render::waiting(shown.action, waiting);
            shown.waiting = waiting.map(|waiting| render::for_so_long(waiting, so_long, longest));
            shown.redraw();
            self.line(shown);
        }
    }

    /// So long still until no code can be running. Plain lines elsewhere would only fill a log.
    fn drain(&self, left: Duration) {
        let mut shown = self.shown();
        let what = render::draining(left);
        let shown = shown.get_or_insert_with(|| Shown::new(what.clone(), None, None, self.output));
        shown.bar.set_message(what);
        shown.bar.tick();
    }

    fn line(&self, shown: &mut Shown) {
        if !self.output.can_animate() && shown.total.is_some() && shown.lines.is_due(Instant::now())
        {
            self.output.say(shown.line());
        }
    }

    /// Takes the bar away before anything else is written.
    pub(crate) fn clear(&self) {
        take_away(&mut self.shown());
    }
}

/// Who reads this, now.
fn reader() -> Reader {
    Reader::of(&CommandContext::default())
}

fn take_away(shown: &mut Option<Shown>) {
    if let Some(shown) = shown.take() {
        shown.bar.finish_and_clear();
    }
}

impl Shown {
    fn new(what: String, action: Option<Action>, total: Option<usize>, output: &Output) -> Self {
        let target = if output.can_animate() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let length = total.map(|total| total as u64);
        let template = if total.is_some() { COUNTED } else { TOLD };
        // The templates are fixed, and a test draws them; the default is only less telling.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(length, target);
        bar.set_style(style);
        let now = Instant::now();
        Self {
            bar: bar.with_message(what.clone()),
            what,
            action,
            total,
            waiting: None,
            unanswered: None,
            waiting_since: now,
            finished: now,
            lines: Lines::since(now),
        }
    }

    /// All that is waited for.
    fn waits(&self) -> Option<String> {
        let waits = [&self.waiting, &self.unanswered].into_iter().flatten();
        let waits: Vec<&str> = waits.map(String::as_str).collect();
        (!waits.is_empty()).then(|| waits.join("; "))
    }

    fn throughput(&self) -> Option<String> {
        self.total?;
        let (bar, idle) = (&self.bar, self.finished.elapsed());
        throughput(bar.elapsed(), idle, bar.per_sec(), bar.eta())
    }

    /// Draws it with the rate and the time left of now.
    fn redraw(&self) {
        let waits = self.waits();
        if self.what.is_empty() {
            self.bar.set_message(waits.unwrap_or_default());
            return;
        }
        let throughput = self.throughput().map(|it| format!(" {it}"));
        let waits = waits.map(|waits| format!("\n  {waits}"));
        let parts = throughput.into_iter().chain(waits);
        self.bar.set_prefix(parts.collect::<String>());
        self.bar.tick();
    }

    /// The same in a line of its own.
    fn line(&self) -> String {
        let (what, done) = (&self.what, self.bar.position());
        let mut line = format!("{what}: {done} of {}", self.total.unwrap_or_default());
        if let Some(throughput) = self.throughput() {
            line = format!("{line}, {throughput}");
        }
        match self.waits() {
            Some(waiting) => format!("{line}; {waiting}"),
            None => line,
        }
    }
}

/// When to write a line: not at once, and not often.
#[derive(Debug)]
struct Lines {
    last: Instant,
}

impl Lines {
    fn since(now: Instant) -> Self {
        Self { last: now }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = now.duration_since(self.last) >= LINE;
        if due {
            self.last = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_every_ten_seconds_and_none_for_what_takes_less() {
        let start = Instant::now();
        let mut lines = Lines::since(start);
        let mut at = |ms| lines.is_due(start + Duration::from_millis(ms));
        let due: Vec<u64> = (0..32)
            .map(|n| n * 1_000 + 1)
            .filter(|ms| at(*ms))
            .collect();
        assert_eq!(due, [10_001, 20_001, 30_001]);
    }

    #[test]
    fn while_nothing_finishes_there_is_no_estimate() {
        let (never, seconds) = (Duration::MAX, Duration::from_secs);
        let at = |after, idle, rate, left| throughput(seconds(after), seconds(idle), rate, left);
        assert_eq!(at(0, 0, 2.0, never), None, "too early to tell");
        assert_eq!(at(2, 2, 0.0, never), None, "nothing yet");
        assert_eq!(
            at(3, 3, 2.0, never).as_deref(),
            Some("2.0/s"),
            "no end to it"
        );
        let stalled = at(12, 12, 1e-9, never);
        assert_eq!(stalled.as_deref(), Some("nothing finished for 12 s"));
        let again = at(14, 2, 2.0, seconds(90));
        assert_eq!(again.as_deref(), Some("2.0/s, 1 min 30 s left"));
    }

    #[test]
    fn every_template_is_one() {
        for template in [COUNTED, TOLD] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
