//! Which command it is.

use crate::args::{Cli, Command, Global, NotifyCommand, StatusArgs};
use crate::command_context::CommandContext;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::settings::{Configuration, Environment, Target};
use crate::signals::block_on;

use super::notifications::Notifications;
use super::{
    apps, config, demo, dev, doctor, during, history, init, invoke, notify, observe, on_off, pages,
    require, schedule, serve, status, token, unlock, workers,
};

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli, output: &Output) -> Result<Outcome, CliError> {
    let Cli {
        command,
        status,
        global,
    } = cli;
    let bare = StatusArgs {
        exit_code: status.exit_code,
    };
    if bare.exit_code && !matches!(command, None | Some(Command::Status(_))) {
        return Err(CliError::usage("only `status` takes --exit-code").hint("leave it out"));
    }
    let global = &global;
    let environment = Environment::read();
    let configuration = || Configuration::read(global, &environment);
    match command {
        None => acts(global, async |it| status::run(it, &bare, output).await),
        Some(Command::Status(args)) => {
            let args = StatusArgs {
                exit_code: args.exit_code || bare.exit_code,
            };
            acts(global, async |it| status::run(it, &args, output).await)
        }
        Some(Command::On(args)) => tells(global, output, async |it, told| {
            on_off::on(it, &args, told, output).await
        }),
        Some(Command::Off(args)) => tells(global, output, async |it, told| {
            on_off::off(it, &args, told, output).await
        }),
        Some(Command::Notify { command }) => match command {
            NotifyCommand::Test => acts(global, async |it| notify::test(it, output).await),
        },
        Some(Command::Require(args)) => {
            acts(global, async |it| require::run(it, &args, output).await)
        }
        Some(Command::During(args)) => tells(global, output, async |it, told| {
            during::run(it, &args, told, output).await
        }),
        Some(Command::Invoke(args)) => {
            acts(global, async |it| invoke::run(it, &args, output).await)
        }
        Some(Command::Schedule { command }) => tells(global, output, async |it, told| {
            schedule::run(it, command.as_ref(), told, output).await
        }),
        Some(Command::Workers) => acts(global, async |it| workers::run(it, output).await),
        Some(Command::History(args)) => {
            acts(global, async |it| history::run(it, &args, output).await)
        }
        Some(Command::Doctor) => acts(global, async |it| doctor::run(it, output).await),
        Some(Command::Apps) => {
            let target = Target::of(configuration()?.of_store()?);
            acts_on(&target, async |it| apps::run(&it.app, output).await)
        }
        Some(Command::Unlock(args)) => {
            acts(global, async |it| unlock::run(it, &args, output).await)
        }
        Some(Command::Serve(args)) => block_on(serve::run(&configuration()?, &args, output)),
        Some(Command::Observe(args)) => block_on(observe::run(&configuration()?, &args, output)),
        Some(Command::Token { command }) => {
            let configuration = configuration()?;
            token::check_products(&command, &configuration)?;
            // A product there is one that a token is for.
            let target = Target::of(configuration.app()?);
            acts_on(&target, async |it| token::run(it, &command, output).await)
        }
        Some(Command::Config) => config::run(&configuration()?, output),
        Some(Command::Init) => init::run(global, &environment, output),
        Some(Command::Demo) => block_on(demo::run(output)),
        Some(Command::Dev(args)) => block_on(dev::run(&args, output)),
        Some(Command::Completions { shell }) => pages::completions(shell, output),
        Some(Command::Version) => pages::version(output),
        Some(Command::Man { command }) => pages::man(command.as_deref(), output),
    }
}

/// Runs a command that acts on an app, or on those of a product. What it advises acts on the same.
fn acts(
    global: &Global,
    command: impl AsyncFnOnce(&Target) -> Result<Outcome, CliError>,
) -> Result<Outcome, CliError> {
    let environment = Environment::read();
    let target = Configuration::read(global, &environment)?.target()?;
    acts_on(&target, command)
}

/// The same for a command of which others are told.
fn tells(
    global: &Global,
    output: &Output,
    command: impl AsyncFnOnce(&Target, &Notifications<'_>) -> Result<Outcome, CliError>,
) -> Result<Outcome, CliError> {
    acts(global, async |target| {
        let told = Notifications::new(&target.notify);
        let ended = command(target, &told).await;
        let ended = ended.map_err(|error| CommandContext::of(target).complete_hints(error));
        told.finish(ended, output).await
    })
}

fn acts_on(
    target: &Target,
    command: impl AsyncFnOnce(&Target) -> Result<Outcome, CliError>,
) -> Result<Outcome, CliError> {
    let ended = block_on(command(target));
    ended.map_err(|error| CommandContext::of(target).complete_hints(error))
}
