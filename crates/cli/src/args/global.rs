//! Options of every command that uses them, and which commands those are.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use maintenance_flag::{Prefix, Product, Role};

use crate::source::{Source, Sourced};
use crate::values::{AppName, EnvName, FunctionGlob, Rate, StoreChoice};

/// Options of every command that uses them: see [`uses`].
#[derive(Debug, Default, Args)]
pub(crate) struct Global {
    /// The role (repeatable) [default: web]
    ///
    /// web, worker, or a role that maintenance.toml defines.
    #[arg(
        id = "role",
        long = "role",
        value_name = "ROLE",
        global = true,
        env = "MAINTENANCE_ROLE"
    )]
    pub(crate) roles: Vec<Role>,
    /// Every role
    #[arg(long, global = true)]
    pub(crate) all: bool,
    /// Every app of a product in maintenance.toml
    ///
    /// All roles of each app unless --role selects one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) product: Option<Product>,
    /// Functions of the role, instead of those in maintenance.toml (repeatable)
    ///
    /// Without --role, it applies to the one role that selects them there.
    #[arg(
        long = "function",
        global = true,
        value_name = "GLOB",
        hide_short_help = true
    )]
    pub(crate) functions: Vec<FunctionGlob>,

    /// The app's name
    ///
    /// If maintenance.toml has a table [apps.NAME], the app's settings come from there.
    #[arg(long, global = true, value_name = "NAME", env = "MAINTENANCE_APP")]
    pub(crate) app: Option<AppName>,
    /// The app's environment, such as dev or prod
    #[arg(long, global = true, env = "MAINTENANCE_ENV")]
    pub(crate) env: Option<EnvName>,
    /// Where the flags are: ssm, or file:PATH [default: ssm]
    #[arg(long, global = true, env = "MAINTENANCE_STORE")]
    pub(crate) store: Option<StoreChoice>,
    /// The prefix of the parameters' names [default: /maintenance]
    #[arg(long, global = true, env = "MAINTENANCE_PREFIX")]
    pub(crate) prefix: Option<Prefix>,
    /// The configuration file, instead of the nearest maintenance.toml
    #[arg(long, global = true, value_name = "FILE", env = "MAINTENANCE_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// The AWS profile [env: AWS_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The AWS region [env: AWS_REGION]
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// Override the AWS endpoint URL [env: AWS_ENDPOINT_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Calls to AWS Lambda a second, more than 0 and at most 15 [default: 10]
    #[arg(
        long,
        global = true,
        env = "MAINTENANCE_RATE",
        allow_negative_numbers = true
    )]
    pub(crate) rate: Option<Rate>,

    /// How many seconds a read may wait for AWS to answer [default: 20]
    ///
    /// Once `on` or `off` has started to change things, it waits for as long as AWS needs.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "MAINTENANCE_TIMEOUT",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub(crate) timeout: Option<u64>,

    /// Print the answer as one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but the answer and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print more; -vv also prints each call to AWS
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Which of these a variable gave.
    #[arg(skip)]
    pub(super) of_variables: Vec<String>,
}

/// What a global option is about.
pub(super) fn heading(option: &str) -> Option<&'static str> {
    match option {
        "app" | "env" | "store" | "prefix" | "config" => Some(APP),
        "profile" | "region" | "endpoint_url" | "rate" | "timeout" => Some(AWS),
        "json" | "quiet" | "verbose" => Some(OUTPUT),
        // Which roles: before all others.
        _ => None,
    }
}

const APP: &str = "App";
const AWS: &str = "AWS";
const OUTPUT: &str = "Output";

/// Whether a command uses a global option.
pub(super) fn uses(command: &str, option: &str) -> bool {
    let heading = heading(option);
    match command {
        "completions" | "man" | "version" => false,
        "dev" => option == "quiet",
        "demo" => heading == Some(OUTPUT),
        "init" => heading == Some(APP) || option == "quiet",
        "serve" | "observe" => heading.is_some(),
        // Of a store: neither of an app nor of Lambda.
        "apps" => heading.is_some() && !["app", "env", "rate"].contains(&option),
        // `token new` has its own.
        "unlock" | "token" => heading.is_some() && option != "rate" || option == "product",
        _ => true,
    }
}

impl Global {
    /// The value of an option, and whether it was typed or a variable gave it.
    pub(crate) fn sourced<T: Clone>(&self, option: &str, value: &Option<T>) -> Option<Sourced<T>> {
        let source = match self.of_variables.iter().any(|id| id == option) {
            true => Source::Variable(format!("MAINTENANCE_{}", option.to_uppercase())),
            false => Source::Flag(format!("--{option}")),
        };
        Some(Sourced::new(value.clone()?, source))
    }
}
