//! What a command did, to be asserted.

use std::process;

use regex_lite::Regex;

/// What a command did. Nothing is checked until it is asserted.
#[must_use = "assert the exit code and what was printed"]
#[derive(Debug)]
pub struct Output {
    /// For the messages: what was typed.
    pub typed: String,
    /// The exit code; None if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    pub(crate) fn new(typed: String, output: process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            typed,
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Asserts the exit code and both streams, byte for byte.
    ///
    /// # Panics
    /// If one differs.
    #[track_caller]
    pub fn exactly(&self, code: u8, stdout: &str, stderr: &str) {
        assert_eq!(
            (self.code, self.stdout.as_str(), self.stderr.as_str()),
            (Some(i32::from(code)), stdout, stderr),
            "{}",
            self.typed
        );
    }

    /// Asserts the exit code.
    ///
    /// # Panics
    /// If it differs.
    #[track_caller]
    pub fn code(&self, code: u8) -> &Self {
        assert_eq!(self.code, Some(i32::from(code)), "{self:#?}");
        self
    }

    /// Asserts standard output, byte for byte.
    ///
    /// # Panics
    /// If it differs.
    #[track_caller]
    pub fn stdout(&self, stdout: &str) -> &Self {
        assert_eq!(self.stdout, stdout, "{self:#?}");
        self
    }

    /// Asserts that standard error contains something.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn says(&self, part: &str) -> &Self {
        assert!(
            self.stderr.contains(part),
            "does not say {part:?}: {self:#?}"
        );
        self
    }

    /// Asserts an error in three parts with this headline, and nothing on standard output.
    ///
    /// # Panics
    /// If there is something else.
    #[track_caller]
    pub fn refuses(&self, code: u8, message: &str) -> &Self {
        let first = self.stderr.lines().next();
        assert_eq!(
            first,
            Some(format!("Error: {message}").as_str()),
            "{self:#?}"
        );
        assert!(self.stderr.contains("\nHint: "), "no hint: {self:#?}");
        self.code(code).stdout("")
    }

    /// The same, with `TIME` for every moment.
    ///
    /// # Panics
    /// Never.
    pub fn timeless(mut self) -> Self {
        let moment = r"(\d{4}-\d{2}-\d{2} )?\d{2}:\d{2}:\d{2} [A-Z]+ \((now|in [^)]*|[^)]* ago)\)";
        let moment = Regex::new(moment).expect("an expression");
        for stream in [&mut self.stdout, &mut self.stderr] {
            *stream = moment.replace_all(stream, "TIME").into_owned();
        }
        self
    }

    /// Asserts that the arguments are refused with this, as the argument parser refuses, and nothing on
    /// standard output.
    ///
    /// # Panics
    /// If there is something else.
    #[track_caller]
    pub fn misused(&self, message: &str) -> &Self {
        let first = self.stderr.lines().next();
        assert_eq!(
            first,
            Some(format!("error: {message}").as_str()),
            "{self:#?}"
        );
        assert!(self.stderr.contains("try '--help'"), "{self:#?}");
        self.code(2).stdout("")
    }

    /// The JSON document on standard output.
    ///
    /// # Panics
    /// If there is not exactly one, on one line.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "{self:#?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
