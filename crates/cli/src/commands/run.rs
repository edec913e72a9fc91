//! Which command it is.

use crate::args::{Cli, Command, StatusArgs};
use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::runtime::block_on;
use crate::settings::{Settings, Surroundings};

use super::{config, demo, dev, init, on_off, pages, status, unlock, workers};

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli, output: &Output) -> Result<Outcome, Failure> {
    let Cli {
        command,
        status,
        global,
    } = cli;
    let bare = StatusArgs {
        exit_code: status.exit_code,
    };
    if bare.exit_code && !matches!(command, None | Some(Command::Status(_))) {
        return Err(Failure::usage("--exit-code is for status alone").hint("leave it out"));
    }
    let settings = || Settings::resolve(&global, &Surroundings::read()?);
    match command {
        None => block_on(status::run(&settings()?, &bare, output)),
        Some(Command::Status(args)) => {
            let args = StatusArgs {
                exit_code: args.exit_code || bare.exit_code,
            };
            block_on(status::run(&settings()?, &args, output))
        }
        Some(Command::On(args)) => block_on(on_off::on(&settings()?, &args, output)),
        Some(Command::Off(args)) => block_on(on_off::off(&settings()?, &args, output)),
        Some(Command::Workers) => block_on(workers::run(&settings()?, output)),
        Some(Command::Unlock(args)) => block_on(unlock::run(&settings()?, &args, output)),
        Some(Command::Config) => config::run(&settings()?, output),
        Some(Command::Init) => init::run(&global, &Surroundings::read()?, output),
        Some(Command::Demo) => block_on(demo::run(output)),
        Some(Command::Dev(args)) => block_on(dev::run(&args, output)),
        Some(Command::Completions { shell }) => pages::completions(shell, output),
        Some(Command::Man { command }) => pages::man(command.as_deref(), output),
    }
}
