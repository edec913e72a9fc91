//! What the argument parser says: passed through, but for what it suggests.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use crate::args;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::printable::printable;
use crate::suggest::is_near;

/// Prints why the arguments were not taken, or what they ask for: help or the version.
pub(crate) fn explain(mut error: Error, arguments: &[OsString]) -> Outcome {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        let output = Output::new(false, 0, false);
        return match output.raw(error.render().ansi()) {
            Ok(()) => Outcome::Done,
            Err(failure) => {
                output.failure(&failure);
                failure.outcome()
            }
        };
    }
    advise(&mut error, &args::command(true), arguments);
    escape(&mut error);
    // Nothing was parsed, so --json is recognised by the word alone.
    let output = Output::new(
        true,
        0,
        arguments.iter().any(|argument| argument == "--json"),
    );
    output.misuse(error.render().ansi());
    if output.json() {
        let text = error.render().to_string();
        let (message, hints) = text.split_once("\n\n").unwrap_or((&text, ""));
        let message = message.trim_start_matches("error: ").trim();
        let hints = hints.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = output.document(&CliError::usage(message).hint(hints).document());
    }
    Outcome::Usage
}

/// Drops far-fetched suggestions, and says which command an option belongs to, or which variable a value
/// comes from.
fn advise(error: &mut Error, root: &Command, arguments: &[OsString]) {
    let context = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let near = |typed: &str, suggested: &ContextValue| match suggested {
        ContextValue::String(word) => is_near(typed, word.trim_start_matches('-')),
        // The nearest is the last.
        ContextValue::Strings(words) => words.last().is_some_and(|word| is_near(typed, word)),
        _ => true,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let typed = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let kind = ContextKind::SuggestedSubcommand;
            if error.get(kind).is_some_and(|words| !near(&typed, words)) {
                error.remove(kind);
                // It would have the word be an argument, and there are none.
                error.remove(ContextKind::Suggested);
            }
        }
        ErrorKind::UnknownArgument => {
            let argument = context(error, ContextKind::InvalidArg).unwrap_or_default();
            let typed = argument.trim_start_matches('-');
            let has = |command: &&Command| {
                command
                    .get_arguments()
                    .any(|arg| arg.get_long() == Some(typed))
            };
            let of: Vec<_> = root.get_subcommands().filter(has).collect();
            if !of.is_empty() {
                let of = of
                    .iter()
                    .map(|it| format!("`maintenance {}`", it.get_name()));
                let mut of: Vec<String> = of.collect();
                let last = of.pop().unwrap_or_default();
                let of = match of.is_empty() {
                    true => last,
                    false => format!("{} and {last}", of.join(", ")),
                };
                error.remove(ContextKind::SuggestedArg);
                tip(error, format!("'{argument}' belongs to {of}"));
            } else if error
                .get(ContextKind::SuggestedArg)
                .is_some_and(|word| !near(typed, word))
            {
                error.remove(ContextKind::SuggestedArg);
            } else {
                return;
            }
            plain_usage(error, root);
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
            let kind = ContextKind::SuggestedValue;
            if error.get(kind).is_some_and(|word| !near(&value, word)) {
                error.remove(kind);
            }
            let argument = context(error, ContextKind::InvalidArg).unwrap_or_default();
            let option = argument.split(' ').next().unwrap_or_default();
            let is_it = |arg: &&clap::Arg| arg.get_long() == option.strip_prefix("--");
            let variable = root
                .get_arguments()
                .find(is_it)
                .and_then(clap::Arg::get_env);
            let typed = |argument: &OsString| argument.to_string_lossy().starts_with(option);
            if let Some(variable) = variable.filter(|_| !arguments.iter().any(typed)) {
                tip(error, format!("it comes from {}", variable.display()));
            }
        }
        _ => {}
    }
}

/// The usage of the command: the parser's has the option in it that it would have suggested.
fn plain_usage(error: &mut Error, root: &Command) {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else {
        return;
    };
    let mut root = root.clone();
    root.build();
    let usage = usage.to_string();
    let mut command = &root;
    for word in usage.split_whitespace().skip(2) {
        match command.find_subcommand(word) {
            Some(below) => command = below,
            None => break,
        }
    }
    let usage = command.clone().render_usage();
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
}

/// What was typed may hold what a terminal must not get.
fn escape(error: &mut Error) {
    let texts = error.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => Some((kind, printable(text).into_owned())),
        _ => None,
    });
    for (kind, text) in texts.collect::<Vec<_>>() {
        error.insert(kind, ContextValue::String(text));
    }
}

fn tip(error: &mut Error, tip: String) {
    error.insert(
        ContextKind::Suggested,
        ContextValue::StyledStrs(vec![tip.into()]),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let arguments: Vec<OsString> = std::iter::once("maintenance")
            .chain(arguments.iter().copied())
            .map(Into::into)
            .collect();
        let mut error = args::parse(&arguments).unwrap_err();
        advise(&mut error, &args::command(true), &arguments);
        error.render().to_string()
    }

    #[test]
    fn a_slip_gets_a_suggestion_and_a_far_word_none() {
        for (arguments, suggestion) in [
            (&["statsu"][..], "'status'"),
            (&["on", "--resaon", "x"], "'--reason'"),
            (&["on", "--yess"], "'--yes'"),
            (&["on", "--retry", "5"], "'--retry-after'"),
            (&["--rloe", "web"], "'--role'"),
        ] {
            let said = refused(arguments);
            assert!(said.contains(&format!("exists: {suggestion}")), "{said}");
        }
        for arguments in [
            &["frobnicate"][..],
            &["o"],
            &["on", "--frobnicate"],
            &["on", "--re"],
        ] {
            let said = refused(arguments);
            assert!(!said.contains("similar"), "{said}");
            assert!(said.contains("\nUsage: maintenance"), "{said}");
        }
        let said = refused(&["completions", "tcsh"]);
        assert!(!said.contains("similar"), "{said}");
        // The usage names no option that is only a bad guess.
        let said = refused(&["dev", "--exports"]);
        assert!(
            said.contains("\n\nUsage: maintenance dev [OPTIONS]\n"),
            "{said}"
        );
        let said = refused(&["schedule", "move", "--frobnicate"]);
        let usage = "Usage: maintenance schedule move [OPTIONS] --at <TIME> <WINDOW>\n";
        assert!(said.contains(usage), "{said}");
    }

    #[test]
    fn an_option_of_another_command_is_said_to_be_that_ones() {
        let said = refused(&["off", "--message", "x"]);
        assert!(
            said.contains(
                "tip: '--message' belongs to `maintenance on` and `maintenance during`\n"
            ),
            "{said}"
        );
        assert!(!said.contains("similar"), "{said}");
        let said = refused(&["status", "--dry-run"]);
        assert!(
            said.contains("belongs to `maintenance on`, `maintenance off`, "),
            "{said}"
        );
    }

    #[test]
    fn a_command_takes_the_global_options_that_it_uses() {
        for (arguments, option) in [
            (&["completions", "bash", "--rate", "5"][..], "rate"),
            (&["--rate", "5", "completions", "bash"], "rate"),
            (&["init", "--json"], "json"),
            (&["unlock", "--all"], "all"),
            (&["man", "--profile", "x"], "profile"),
        ] {
            let said = refused(arguments);
            let why = format!("error: '--{option}' is not an option of `maintenance ");
            assert!(said.starts_with(&why), "{said}");
        }
    }
}
