//! The only place that prints. The answer goes to stdout and nothing else does; everything said to a
//! person goes to stderr.
//!
//! It knows about streams, colours and closed pipes, and nothing about what the words mean.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use owo_colors::{AnsiColors, OwoColorize};
use serde::Serialize;

use crate::failure::Failure;

/// Where and how much the command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    quiet: bool,
    verbose: u8,
    json: bool,
}

impl Output {
    pub(crate) fn new(quiet: bool, verbose: u8, json: bool) -> Self {
        Self {
            quiet,
            verbose,
            json,
        }
    }

    /// Whether the answer is to be one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// How many times `-v` was given.
    pub(crate) fn verbose(&self) -> u8 {
        self.verbose
    }

    /// Whether a person sits at both ends of a question: it is read from stdin and asked on stderr.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether a moving bar on stderr makes sense.
    pub(crate) fn can_animate(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether stderr takes colours: it is a terminal, and nobody said `NO_COLOR`.
    pub(crate) fn can_colour(&self) -> bool {
        anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
    }

    /// A line for a person, unless `-q`.
    pub(crate) fn say(&self, line: impl Display) {
        if !self.quiet {
            to_stderr(format_args!("{line}\n"));
        }
    }

    /// A line for a person who asked for more with `-v`.
    pub(crate) fn detail(&self, line: impl Display) {
        if self.verbose > 0 {
            self.say(line);
        }
    }

    /// Part of a question: also with `-q`, since the answer is waited for.
    pub(crate) fn ask(&self, text: impl Display) {
        to_stderr(format_args!("{text}"));
    }

    /// The answer, as text. Whoever closed stdout has seen enough: that is no error.
    pub(crate) fn answer(&self, text: impl Display) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        match stdout
            .write_fmt(format_args!("{text}"))
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::failed("cannot write to standard output").caused_by(&error))
            }
            _ => Ok(()),
        }
    }

    /// Part of a play whose text is itself the answer. Silent where that is a document, and with `-q`.
    pub(crate) fn narrate(&self, text: impl Display) -> Result<(), Failure> {
        match self.quiet || self.json {
            true => Ok(()),
            false => self.answer(text),
        }
    }

    /// The answer, as one JSON document: on one line, or indented for a terminal.
    pub(crate) fn document(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        let text =
            text.map_err(|e| Failure::failed("cannot write the report as JSON").caused_by(&e))?;
        self.answer(format_args!("{text}\n"))
    }

    /// A failure: in three parts on stderr, also with `-q`; and with `--json` as the document, unless
    /// the report is there already.
    pub(crate) fn failure(&self, failure: &Failure) {
        let part = |label: &str, colour: AnsiColors, text: &str| {
            to_stderr(format_args!("{} {text}\n", label.color(colour).bold()));
        };
        part("Error:", AnsiColors::Red, failure.message());
        for cause in failure.causes() {
            part("Caused by:", AnsiColors::Default, cause);
        }
        for hint in failure.hints() {
            part("Hint:", AnsiColors::Cyan, hint);
        }
        if self.json && !failure.is_answered() {
            // The exit code says already that it failed; a second failure has nobody to hear it.
            let _ = self.document(&failure.document());
        }
    }
}

/// A person who closed stderr does not want to hear it.
fn to_stderr(text: std::fmt::Arguments<'_>) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_fmt(text).and_then(|()| stderr.flush());
}
