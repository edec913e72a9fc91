//! How far an operation is: a bar on a terminal, and elsewhere a line once in a while.
//!
//! One bar at a time, for whatever is going on: reading, pausing or restoring, draining. Where it is not
//! drawn it still reckons the rate.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use maintenance_control::{Action, Event, Run, Stop, Waiting};

use crate::output::Output;
use crate::words;

/// How often a line is written where nothing can move. What takes less is done before it needs one.
const LINE: Duration = Duration::from_secs(10);
/// A rate over less than this says nothing.
const TELLING: Duration = Duration::from_secs(1);

/// What is counted, and what is waited for under it.
const COUNTED: &str = "{msg} [{bar:16}] {pos}/{len}{pace}";
const COUNTED_AND_WAITING: &str = "{msg} [{bar:16}] {pos}/{len}{pace}\n  {prefix}";
/// What cannot be counted.
const TOLD: &str = "{msg}";

/// Shows how far an operation is.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    shown: Mutex<Option<Shown>>,
}

/// What is going on.
struct Shown {
    what: String,
    bar: ProgressBar,
    action: Option<Action>,
    total: Option<usize>,
    waiting: Option<String>,
    lines: Lines,
}

/// What reads only, with how far it is shown; nothing of that stays.
pub(crate) async fn told<T>(output: &Output, reads: impl AsyncFnOnce(&Run<'_>) -> T) -> T {
    let progress = Progress::new(output);
    let listen = |event: Event<'_>| progress.tell(&event);
    let run = Run {
        stop: Stop::new(),
        listen: &listen,
    };
    let read = reads(&run).await;
    progress.clear();
    read
}

impl<'a> Progress<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self {
            output,
            shown: Mutex::new(None),
        }
    }

    /// Where it is shown.
    pub(crate) fn output(&self) -> &'a Output {
        self.output
    }

    /// Shows what an event says of how far the operation is. Whoever says something else
    /// [clears](Self::clear) it first.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Reading {
                role, total: None, ..
            } => {
                self.show(None, words::listing(role), 0, None);
            }
            Event::Reading { role, done, total } => {
                self.show(None, words::reading(role), *done, *total);
            }
            Event::Progress {
                action,
                role,
                done,
                total,
            } => {
                let what = words::at_work(*action, role);
                self.show(Some(*action), what, *done, Some(*total));
            }
            Event::Waiting(waiting) => self.wait(waiting),
            Event::Draining { left, .. } => self.drain(*left),
            // What begins and ends is said, and not shown.
            _ => {}
        }
    }

    fn show(&self, action: Option<Action>, what: String, done: usize, total: Option<usize>) {
        let Ok(mut shown) = self.shown.lock() else {
            return;
        };
        let is_new = |shown: &Shown| shown.what != what;
        if shown.as_ref().is_none_or(is_new) {
            take_away(&mut shown);
        }
        let shown = shown.get_or_insert_with(|| Shown::new(what, action, total, self.output));
        shown.bar.set_position(done as u64);
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

    fn wait(&self, waiting: &Waiting) {
        let Ok(mut shown) = self.shown.lock() else {
            return;
        };
        if let Some(shown) = shown.as_mut() {
            shown.wait(words::waiting(shown.action, waiting));
            self.line(shown);
        }
    }

    /// So long still until no code can be running. Plain lines elsewhere would only fill a log.
    fn drain(&self, left: Duration) {
        let Ok(mut shown) = self.shown.lock() else {
            return;
        };
        let shown = shown.get_or_insert_with(|| Shown::new(String::new(), None, None, self.output));
        shown.bar.set_message(words::draining(left));
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
        if let Ok(mut shown) = self.shown.lock() {
            take_away(&mut shown);
        }
    }
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
        let bar = ProgressBar::with_draw_target(length, target);
        let shown = Self {
            bar: bar.with_message(what.clone()),
            what,
            action,
            total,
            waiting: None,
            lines: Lines::since(Instant::now()),
        };
        shown.dress();
        shown
    }

    /// Gives the bar the looks of what is going on.
    fn dress(&self) {
        let template = match (self.total, &self.waiting) {
            (None, _) => TOLD,
            (Some(_), None) => COUNTED,
            (Some(_), Some(_)) => COUNTED_AND_WAITING,
        };
        // The templates are fixed, and a test draws them; the default is only less telling.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ")
            .with_key(
                "pace",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    if state.elapsed() >= TELLING && state.per_sec() > 0.0 {
                        // A string takes whatever is written to it.
                        let _ = write!(out, " {}", words::pace(state.per_sec(), state.eta()));
                    }
                },
            );
        self.bar.set_style(style);
    }

    fn wait(&mut self, waiting: Option<String>) {
        if self.waiting != waiting {
            self.bar.set_prefix(waiting.clone().unwrap_or_default());
            self.waiting = waiting;
            self.dress();
        }
        // So that the rate and the time left are those of now.
        self.bar.tick();
    }

    /// The same in a line of its own.
    fn line(&self) -> String {
        let (what, done) = (&self.what, self.bar.position());
        let mut line = format!("{what}: {done} of {}", self.total.unwrap_or_default());
        let rate = self.bar.per_sec();
        if self.bar.elapsed() >= TELLING && rate > 0.0 {
            line = format!("{line}, {}", words::pace(rate, self.bar.eta()));
        }
        match &self.waiting {
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
    fn every_template_is_one() {
        for template in [COUNTED, COUNTED_AND_WAITING, TOLD] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
