//! From the words of a command line to its arguments, and what the help shows.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, CommandFactory as _, FromArgMatches as _};

use super::cli::Cli;
use super::global::{heading, uses};

/// Commands that `-h` names without a line for each, so that it fits a screen of 24 lines.
const SELDOM: [&str; 14] = [
    "schedule",
    "require",
    "invoke",
    "doctor",
    "apps",
    "notify",
    "unlock",
    "config",
    "init",
    "demo",
    "dev",
    "token",
    "completions",
    "man",
];

/// Options of every command that uses them; a command's own help does not repeat them.
const GLOBAL: &str = "Global options: see `maintenance --help`.";

/// The command. The help of each of its commands repeats the global options that it uses, or does not.
pub(crate) fn command(repeat_global: bool) -> clap::Command {
    let root = Cli::command().mut_args(|arg| {
        let heading = heading(arg.get_id().as_str());
        let arg = match heading {
            Some(_) => arg.help_heading(heading).hide_short_help(true),
            None => arg,
        };
        // A variable that is set but empty is unset, as for the AWS CLI.
        let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
        match arg.get_env().is_some_and(is_empty) {
            true => without_env(arg),
            false => arg.hide_env_values(true),
        }
    });
    let global = root.get_arguments().filter(|arg| arg.is_global_set());
    let global: Vec<Arg> = global.cloned().collect();
    root.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        // One that a command has itself does not get into it from above.
        let own = global
            .iter()
            .cloned()
            .map(|arg| match uses(&name, arg.get_id().as_str()) {
                // Hidden from both helps, it still counts for [OPTIONS] in the usage.
                true if !repeat_global => arg.hide_short_help(true).hide_long_help(true),
                true => arg,
                false => without_env(arg).hide(true),
            });
        let command = command.args(own);
        match repeat_global || !global.iter().any(|arg| uses(&name, arg.get_id().as_str())) {
            true => command,
            false => says_where(command),
        }
    })
}

/// The help of the command, and of each below it, says where the global options are.
fn says_where(command: clap::Command) -> clap::Command {
    let long = command.get_after_long_help().map(ToString::to_string);
    let long = format!("{}\n\n{GLOBAL}", long.unwrap_or_default());
    let command = command.after_help(GLOBAL).after_long_help(long);
    command.mut_subcommands(says_where)
}

fn without_env(arg: Arg) -> Arg {
    arg.env(Resettable::<clap::builder::OsStr>::Reset)
}

/// With the commands of every day only, and the names of the others.
fn short_help(mut command: clap::Command) -> clap::Command {
    let has = |name: &&&str| command.find_subcommand(name).is_some();
    let seldom: Vec<&str> = SELDOM.iter().filter(has).copied().collect();
    for name in &seldom {
        command = command.mut_subcommand(name, |command| command.hide(true));
    }
    command.after_help(format!("More commands, see --help: {}", seldom.join(", ")))
}

/// Parses the arguments.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, Error> {
    // `help --help` is no less than `help`.
    let is_help = |argument: &OsString| argument == "-h" || argument == "--help";
    let mut arguments = arguments.to_vec();
    if arguments.get(1).is_some_and(|first| first == "help") {
        arguments.retain(|argument| !is_help(argument));
    }
    let mut bare = command(false);
    for arg in bare.clone().get_arguments() {
        let value = arg.get_env().and_then(std::env::var_os);
        if arg.get_id() != "config" && value.is_some_and(|value| value.to_str().is_none()) {
            let name = arg.get_env().unwrap_or_default().display();
            let message = format!("{name} is not UTF-8: unset it, or set it to another value");
            return Err(bare.error(ErrorKind::InvalidUtf8, message));
        }
    }
    // A variable is of the command that uses it: without a command, of `status`.
    let mut command = bare.clone().mut_args(without_env);
    let matches = match command.try_get_matches_from_mut(&arguments) {
        Ok(matches) if matches.subcommand().is_some() => matches,
        _ if arguments.iter().any(|argument| argument == "-h") => {
            short_help(bare.clone()).try_get_matches_from_mut(&arguments)?
        }
        _ => bare.try_get_matches_from_mut(&arguments)?,
    };
    let mut cli = Cli::from_arg_matches(&matches)?;
    let (name, own) = matches.subcommand().unwrap_or(("status", &matches));
    let global = command.get_arguments().filter(|arg| arg.is_global_set());
    let global: Vec<(String, String)> = global
        .map(|arg| {
            (
                arg.get_id().to_string(),
                arg.get_long().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    for (id, long) in global {
        match own.value_source(&id) {
            Some(ValueSource::CommandLine) if !uses(name, &id) => {
                let message = format!("'--{long}' is not an option of `maintenance {name}`");
                let command = command.find_subcommand_mut(name).unwrap_or(&mut bare);
                return Err(command.error(ErrorKind::UnknownArgument, message));
            }
            Some(ValueSource::EnvVariable) => cli.global.of_variables.push(id),
            _ => {}
        }
    }
    Ok(cli)
}
