//! A failure as a person reads it: what happened, why, and what to do next.
//!
//! Every error of the command ends up here; nothing is printed here.

use std::error::Error;

use maintenance_flag::App;
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit_code::Outcome;

/// What to do next where nothing better is known: every command can be run again.
pub(crate) const AGAIN: &str = "fix the cause, then run the same command again";

/// A text of others, whose line breaks would look like lines of ours.
fn on_one_line(text: &str) -> String {
    text.split(['\r', '\n'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What happened, why, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliError {
    outcome: Outcome,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    already_reported: bool,
}

impl CliError {
    /// A failure with this exit code and headline.
    pub(crate) fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            outcome,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            already_reported: false,
        }
    }

    /// The arguments or the configuration cannot be used.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Outcome::Usage, message)
    }

    /// A second Ctrl-C ended it; what to do next.
    pub(crate) fn given_up(hint: &str) -> Self {
        Self::new(
            Outcome::Interrupted,
            "stopped at once, in the middle of a step",
        )
        .hint(hint)
    }

    /// Anything that went wrong without being the caller's mistake.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Outcome::Failed, message)
    }

    /// With `error` as headline and its sources as causes.
    pub(crate) fn of(outcome: Outcome, error: &dyn Error) -> Self {
        let failure = Self::new(outcome, error.to_string());
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }

    /// Why, in words.
    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Why: a text takes more room than there is for it.
    pub(crate) fn too_many_bytes(self, bytes: usize, most: usize) -> Self {
        self.cause(format!(
            "it takes {bytes} bytes when stored, and at most {most} are allowed"
        ))
    }

    /// Why: the error and all its sources. What only repeats the line above it is left out.
    pub(crate) fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = on_one_line(&error.to_string());
            let above = self.causes.last().unwrap_or(&self.message);
            if !text.is_empty() && !above.contains(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// The same, after something was changed: an outcome that promises that nothing was is not true then.
    /// That a loss was not confirmed remains the answer: the report says what was done.
    pub(crate) fn after_a_change(mut self) -> Self {
        if matches!(
            self.outcome,
            Outcome::Usage | Outcome::Refused | Outcome::Busy
        ) {
            self.outcome = Outcome::Partial;
        }
        self
    }

    /// What to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What to do next, unless it is said already.
    pub(crate) fn hint_once(self, hint: &str) -> Self {
        match self.hints.iter().any(|said| said == hint) {
            true => self,
            false => self.hint(hint),
        }
    }

    /// What to do next, if there is something to say.
    pub(crate) fn hint_if(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// The same, each hint in other words.
    pub(crate) fn map_hints(mut self, f: impl Fn(String) -> String) -> Self {
        self.hints = self.hints.into_iter().map(f).collect();
        self
    }

    /// The same, of one app of several.
    pub(crate) fn of_app(mut self, app: &App) -> Self {
        self.message = format!("{app}: {}", self.message);
        self
    }

    /// The failures of several apps as one, in which each says its app. The outcome is that of `outcome`.
    pub(crate) fn together(failures: Vec<(App, Self)>, outcome: Outcome) -> Option<Self> {
        let count = failures.len();
        let mut failures = failures.into_iter();
        let (app, first) = failures.next()?;
        if count == 1 {
            let only = first.of_app(&app);
            return Some(Self { outcome, ..only });
        }
        let mut all = Self::new(outcome, format!("{count} apps did not finish"));
        for (app, failure) in std::iter::once((app, first)).chain(failures) {
            all = all.cause(format!("{app}: {}", failure.message));
            for cause in failure.causes {
                all = all.cause(format!("{app}: {cause}"));
            }
            all = failure
                .hints
                .iter()
                .fold(all, |all, hint| all.hint_once(hint));
        }
        Some(all)
    }

    /// The report is on stdout already: with `--json` it, and not this, is the one document.
    pub(crate) fn already_reported(mut self) -> Self {
        self.already_reported = true;
        self
    }

    pub(crate) fn is_already_reported(&self) -> bool {
        self.already_reported
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn causes(&self) -> &[String] {
        &self.causes
    }

    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// A document that says what was done, with this beside it.
    pub(crate) fn document_beside(&self, done: &impl Serialize) -> Value {
        let mut document = self.document();
        // What was done is an object; if it could not be written, the failure is the answer.
        if let (Some(all), Ok(Value::Object(done))) =
            (document.as_object_mut(), serde_json::to_value(done))
        {
            all.extend(done);
        }
        document
    }

    /// The document that `--json` prints instead of a report.
    pub(crate) fn document(&self) -> Value {
        json!({
            "error": {
                "message": self.message,
                "causes": self.causes,
                "hint": if self.hints.is_empty() { None } else { Some(self.hints.join("; ")) },
                "exit_code": self.outcome.code(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        #[source]
        source: Option<Box<Layer>>,
    }

    fn chain(texts: &[&'static str]) -> Layer {
        let (text, rest) = texts.split_first().unwrap();
        Layer {
            text,
            source: (!rest.is_empty()).then(|| Box::new(chain(rest))),
        }
    }

    #[test]
    fn causes_are_the_chain_of_sources_without_repetition() {
        let failure = CliError::of(
            Outcome::Failed,
            &chain(&[
                "cannot read the flag",
                "service error",
                "service error",
                "",
                "denied",
            ]),
        );
        assert_eq!(failure.message(), "cannot read the flag");
        assert_eq!(failure.causes(), ["service error", "denied"]);
    }

    #[test]
    fn the_document_holds_all_parts_and_the_exit_code() {
        let failure = CliError::usage("no app is set")
            .cause("why")
            .hint("do this")
            .hint("or that");
        assert_eq!(
            failure.document().to_string(),
            r#"{"error":{"message":"no app is set","causes":["why"],"hint":"do this; or that","exit_code":2}}"#
        );
    }

    #[test]
    fn the_failures_of_several_apps_are_one_and_each_says_its_app() {
        let [shop, billing] = ["shop", "billing"].map(|name| App::new(name, "dev").unwrap());
        let denied = || {
            CliError::failed("it is denied")
                .cause("no key")
                .hint("sign in")
        };
        let only = CliError::together(vec![(shop.clone(), denied())], Outcome::Partial).unwrap();
        assert_eq!(only.message(), "shop-dev: it is denied");
        assert_eq!((only.outcome(), only.causes().len()), (Outcome::Partial, 1));
        let both = vec![(shop, denied()), (billing, denied())];
        let both = CliError::together(both, Outcome::Partial).unwrap();
        assert_eq!(both.message(), "2 apps did not finish");
        assert_eq!(
            both.causes(),
            [
                "shop-dev: it is denied",
                "shop-dev: no key",
                "billing-dev: it is denied",
                "billing-dev: no key"
            ]
        );
        assert_eq!(both.hints(), ["sign in"]);
        assert_eq!(CliError::together(Vec::new(), Outcome::Partial), None);
    }
}
