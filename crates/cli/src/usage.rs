//! What the argument parser says, in the words and on the streams of everything else.
//!
//! Help and version are answers. A mistake is a failure with a hint, like any other.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Error};

use crate::args::Cli;
use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::output::Output;

/// Says why the arguments were not taken, or answers what they asked.
pub(crate) fn explain(error: &Error, arguments: &[OsString]) -> Outcome {
    // Nothing was parsed, so whoever wants JSON is recognised by the word alone.
    let typed = |word: &str| arguments.iter().any(|argument| argument == word);
    let output = Output::new(false, 0, typed("--json"));
    let result = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output.raw(error.render().ansi()).map(|()| Outcome::Done)
        }
        _ => Err(failure(&error.render().to_string())),
    };
    result.unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.outcome()
    })
}

/// Takes the parser's text apart: the first paragraph is what happened, its tips and the usage line
/// are what to do next.
fn failure(text: &str) -> Failure {
    let mut paragraphs = text.split("\n\n").map(str::trim);
    let first = paragraphs.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    // What a value may be stands in brackets on a line of its own.
    let (causes, message): (Vec<&str>, Vec<&str>) = first
        .lines()
        .map(str::trim)
        .partition(|line| line.starts_with('['));
    let message = message.join(" ");
    let mut failure = Failure::usage(message.clone());
    for cause in causes {
        failure = failure.cause(cause.trim_matches(['[', ']']));
    }
    let mut usage = None;
    for line in paragraphs.flat_map(str::lines).map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            if is_near(&message, tip) {
                failure = failure.hint(tip);
            }
        } else if let Some(rest) = line.strip_prefix("Usage: ") {
            usage = Some(format!("usage: {rest}"));
        }
    }
    if failure.hints().is_empty() && message.starts_with("unexpected argument '--") {
        failure = failure.hint_if(similar_flag(&message));
    }
    if failure.hints().is_empty() {
        failure = failure.hint_if(usage);
    }
    failure.hint("try `maintenance --help`")
}

/// The flag of any command that the one in the message is a slip of: the parser offers none for a short one.
fn similar_flag(message: &str) -> Option<String> {
    let typed = message.split('\'').nth(1)?.trim_start_matches('-');
    let command = Cli::command();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let flags = commands.flat_map(|command| command.get_arguments().filter_map(|it| it.get_long()));
    let near = flags.map(|flag| (strsim::damerau_levenshtein(typed, flag), flag));
    let (distance, flag) = near.min()?;
    (distance <= 1 + typed.len() / 4).then(|| format!("a similar argument exists: '--{flag}'"))
}

/// Whether a tip offers a word that is like the one typed. The parser's own measure would have a stranger
/// of a word mean `on`, which is the last thing to try by mistake.
fn is_near(message: &str, tip: &str) -> bool {
    let quoted = |text: &str| text.split('\'').nth(1).map(str::to_owned);
    match (quoted(message), quoted(tip)) {
        (Some(typed), Some(offered)) if tip.starts_with("a similar") => {
            strsim::damerau_levenshtein(&typed, &offered) <= 1 + typed.len() / 4
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn refused(arguments: &[&str]) -> (String, Vec<String>, Vec<String>) {
        let arguments = std::iter::once("maintenance").chain(arguments.iter().copied());
        let error = Cli::try_parse_from(arguments).unwrap_err();
        let failure = failure(&error.render().to_string());
        assert_eq!(failure.outcome(), Outcome::Usage);
        (
            failure.message().to_owned(),
            failure.causes().to_vec(),
            failure.hints().to_vec(),
        )
    }

    #[test]
    fn a_slip_gets_a_suggestion() {
        let (message, _, hints) = refused(&["statsu"]);
        assert_eq!(message, "unrecognized subcommand 'statsu'");
        assert_eq!(hints[0], "a similar subcommand exists: 'status'");
        let (message, _, hints) = refused(&["on", "--resaon", "x"]);
        assert_eq!(message, "unexpected argument '--resaon' found");
        assert_eq!(hints[0], "a similar argument exists: '--reason'");
        let (_, _, hints) = refused(&["on", "--ys"]);
        assert_eq!(hints[0], "a similar argument exists: '--yes'");
        let (_, _, hints) = refused(&["on", "--frobnicate"]);
        assert!(hints[0].starts_with("usage: "), "{hints:?}");
    }

    #[test]
    fn a_stranger_of_a_word_never_means_on() {
        let (message, _, hints) = refused(&["frobnicate"]);
        assert_eq!(message, "unrecognized subcommand 'frobnicate'");
        assert!(!hints.iter().any(|hint| hint.contains("'on'")), "{hints:?}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let (message, _, hints) = refused(&["off", "--force"]);
        assert_eq!(
            message,
            "the following required arguments were not provided: --reason <WHY>"
        );
        assert!(hints[0].starts_with("usage: maintenance off"), "{hints:?}");
        let (message, causes, _) = refused(&["completions", "bsh"]);
        assert_eq!(message, "invalid value 'bsh' for '<SHELL>'");
        assert_eq!(
            causes,
            ["possible values: bash, elvish, fish, powershell, zsh"]
        );
    }
}
