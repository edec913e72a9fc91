//! Completion scripts and manual pages, made from the arguments themselves.

use crate::args;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::suggest;

/// `maintenance completions SHELL`.
pub(crate) fn completions(
    shell: clap_complete::Shell,
    output: &Output,
) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(true), "maintenance", &mut script);
    output.raw(String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}

/// `maintenance version`.
pub(crate) fn version(output: &Output) -> Result<Outcome, CliError> {
    output.raw(args::command(true).render_version())?;
    Ok(Outcome::Done)
}

/// `maintenance man [COMMAND]`.
pub(crate) fn man(name: Option<&str>, output: &Output) -> Result<Outcome, CliError> {
    let mut root = args::command(true);
    // Propagates the global options, so that a command's page has them too.
    root.build();
    let command = match name {
        None => root,
        Some(name) => match root.find_subcommand(name) {
            Some(command) => command.clone().display_name(format!("maintenance-{name}")),
            None => {
                let known: Vec<&str> = root
                    .get_subcommands()
                    .map(clap::Command::get_name)
                    .collect();
                return Err(CliError::usage(format!("there is no command {name}"))
                    .hint(suggest::hint(name, &known, "the commands are")));
            }
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .source(concat!("maintenance ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|error| CliError::failed("cannot write the manual page").caused_by(&error))?;
    output.raw(String::from_utf8_lossy(&page))?;
    Ok(Outcome::Done)
}
