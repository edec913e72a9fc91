//! The only place that prints. The answer goes to stdout and nothing else does; everything said to a
//! person goes to stderr.
//!
//! It knows about streams, colours, closed pipes and what a terminal must not get ([`printable`]), and
//! nothing about what the words mean.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use owo_colors::{AnsiColors, OwoColorize};
use serde::Serialize;

use crate::error::CliError;
use crate::printable::{printable, printable_json, printable_lines};
use crate::render::{Line, localized};
use crate::settings;

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

    /// The same without an answer of its own: stdout is another's.
    pub(crate) fn without_document(self) -> Self {
        Self {
            json: false,
            ..self
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

    /// Whether stderr takes colours: it is a terminal, and `NO_COLOR` is not set.
    pub(crate) fn can_colour(&self) -> bool {
        anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
    }

    /// How many columns the answer may take, if it is for a terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = terminal_size::terminal_size_of(io::stdout());
        size.map(|(width, _)| width.0.into())
    }

    /// A line for a person, unless `-q`.
    pub(crate) fn say(&self, line: impl Display) {
        self.emit(&Line::from(line.to_string()));
    }

    /// The same, with a label.
    pub(crate) fn emit(&self, line: &Line) {
        if !self.quiet {
            write_line(line);
        }
    }

    /// Lines of our own for a person, unless `-q`.
    pub(crate) fn block(&self, lines: impl Display) {
        if !self.quiet {
            to_stderr(format_args!("{}\n", printable_lines(&lines.to_string())));
        }
    }

    /// A line for a person who asked for more with `-v`.
    pub(crate) fn detail(&self, line: impl Display) {
        if self.verbose > 0 {
            self.say(line);
        }
    }

    /// Part of a question, with the end of its line if it has one: also with `-q`, since the answer is
    /// waited for.
    pub(crate) fn ask(&self, text: impl Display) {
        let text = text.to_string();
        match text.strip_suffix('\n') {
            Some(line) => write_line(&Line::from(line.to_owned())),
            None => to_stderr(format_args!("{}", printable(&text))),
        }
    }

    /// The answer, as lines. A text in them that others wrote is on one of them: see
    /// [`printable`].
    pub(crate) fn answer(&self, lines: impl Display) -> Result<(), CliError> {
        self.raw(printable_lines(&lines.to_string()))
    }

    /// An answer without text of others, colours and all. A reader that closed stdout has seen enough: that
    /// is no error.
    pub(crate) fn raw(&self, text: impl Display) -> Result<(), CliError> {
        let mut stdout = anstream::stdout().lock();
        match stdout
            .write_fmt(format_args!("{text}"))
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::failed("cannot write to standard output").caused_by(&error))
            }
            _ => Ok(()),
        }
    }

    /// The answer as bytes that others wrote: as they are, but for a terminal.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), CliError> {
        if io::stdout().is_terminal() {
            let text = String::from_utf8_lossy(bytes);
            return self.answer(format_args!("{}\n", text.trim_end()));
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::failed("cannot write to standard output").caused_by(&error))
            }
            _ => Ok(()),
        }
    }

    /// Part of a play whose text is itself the answer. Silent where that is a document, and with `-q`.
    pub(crate) fn narrate(&self, text: impl Display) -> Result<(), CliError> {
        match self.quiet || self.json {
            true => Ok(()),
            false => self.raw(text),
        }
    }

    /// The answer, as one JSON document: on one line, or indented for a terminal.
    pub(crate) fn document(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        let text =
            text.map_err(|e| CliError::failed("cannot write the report as JSON").caused_by(&e))?;
        self.raw(format_args!("{}\n", printable_json(&text)))
    }

    /// A document on stderr, as its last line: stdout is another's.
    pub(crate) fn report(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value);
        let text =
            text.map_err(|e| CliError::failed("cannot write the report as JSON").caused_by(&e))?;
        to_stderr(format_args!("{}\n", printable_json(&text)));
        Ok(())
    }

    /// An error in the arguments, as the parser words and colours it.
    pub(crate) fn misuse(&self, text: impl Display) {
        to_stderr(format_args!("{text}"));
    }

    /// A failure: in three parts on stderr, also with `-q`; and with `--json` as the document, unless
    /// the report is there already.
    pub(crate) fn failure(&self, failure: &CliError) {
        // What the library says has its times in UTC, and so has the document.
        let now = settings::now();
        let part = |label: &str, colour: AnsiColors, text: &str| {
            write_line(&Line::labelled(label, colour, format!(" {text}")));
        };
        part(
            "Error:",
            AnsiColors::Red,
            &localized(failure.message(), &now),
        );
        for cause in failure.causes() {
            part("Caused by:", AnsiColors::Default, &localized(cause, &now));
        }
        for hint in failure.hints() {
            part("Hint:", AnsiColors::Cyan, &localized(hint, &now));
        }
        if self.json && !failure.is_already_reported() {
            // The exit code says already that it failed; a second failure has no reader.
            let _ = self.document(&failure.document());
        }
    }
}

fn write_line(line: &Line) {
    let (label, text) = (printable(&line.label), printable(&line.text));
    match line.colour {
        Some(colour) => to_stderr(format_args!("{}{text}\n", label.color(colour).bold())),
        None => to_stderr(format_args!("{label}{text}\n")),
    }
}

/// A person who closed stderr does not want to hear it.
fn to_stderr(text: std::fmt::Arguments<'_>) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_fmt(text).and_then(|()| stderr.flush());
}
