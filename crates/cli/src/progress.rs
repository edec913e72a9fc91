//! How far the functions are: a bar on a terminal, plain lines elsewhere for whoever asked for more.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use maintenance_control::Action;
use maintenance_flag::Role;

use crate::output::Output;
use crate::words;

/// The bar, while there is one.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    bar: Mutex<Option<ProgressBar>>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self {
            output,
            bar: Mutex::new(None),
        }
    }

    /// Where it is shown.
    pub(crate) fn output(&self) -> &'a Output {
        self.output
    }

    /// So many functions of a role are done.
    pub(crate) fn step(&self, action: Action, role: &Role, done: usize, total: usize) {
        let verb = match action {
            Action::On => "Pausing",
            Action::Off => "Restoring",
        };
        if !self.output.can_animate() {
            self.output
                .detail(format_args!("{verb} {role} functions: {done} of {total}"));
            return;
        }
        let Ok(mut bar) = self.bar.lock() else { return };
        let bar = bar.get_or_insert_with(|| {
            // The template is fixed, and a test draws it; the default is only less telling.
            let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
            let bar = ProgressBar::new(total as u64).with_style(style);
            bar.set_message(format!("{verb} {role} functions"));
            bar
        });
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }

    /// So long still until no code can be running. Plain lines elsewhere would only fill a log.
    pub(crate) fn draining(&self, left: Duration) {
        if !self.output.can_animate() {
            return;
        }
        let Ok(mut bar) = self.bar.lock() else { return };
        let bar = bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::no_length().with_style(style)
        });
        bar.set_message(format!("Draining: {} left", words::duration(left)));
        bar.tick();
    }

    /// Takes the bar away before anything else is written.
    pub(crate) fn clear(&self) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }
}
