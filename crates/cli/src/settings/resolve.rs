//! Which value wins: an option, then a variable, then the configuration file, then the default.

use std::path::PathBuf;

use maintenance_control::{AwsSettings, RoleSpec, Selection, check_url};
use maintenance_flag::{App, Prefix, Role};

use crate::args::Global;
use crate::error::CliError;

use super::environment::Environment;
use super::file::{self, ConfigFile};
use super::roles::{RoleSettings, configured_roles, selected_role};
use crate::source::{Source, Sourced};
use crate::values::{Rate, SiteUrl, StoreChoice};

/// Calls a second to AWS Lambda's control plane, unless configured.
const DEFAULT_RATE: Rate = Rate(10.0);

/// How long a read may wait for an answer, seconds: AWS answers in a fraction of one.
const DEFAULT_TIMEOUT: u64 = 20;

/// Everything that a command needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) config_file: Option<Sourced<PathBuf>>,
    pub(crate) app: Option<Sourced<String>>,
    pub(crate) env: Option<Sourced<String>>,
    pub(crate) store: Sourced<StoreChoice>,
    pub(crate) prefix: Sourced<Prefix>,
    /// All roles there are: web, worker, and the others by name.
    pub(crate) roles: Vec<RoleSettings>,
    pub(crate) role: Sourced<Role>,
    /// The error, if the store does not know the selected role either.
    pub(crate) unknown_role: Option<CliError>,
    pub(crate) all: bool,
    pub(crate) rate: Sourced<Rate>,
    /// How long a read may wait for an answer, seconds.
    pub(crate) timeout: Sourced<u64>,
    pub(crate) by: Sourced<String>,
    pub(crate) profile: Option<Sourced<String>>,
    pub(crate) region: Option<Sourced<String>>,
    pub(crate) endpoint_url: Option<Sourced<String>>,
    /// Where a bypass link leads, unless a role or `on` says otherwise.
    pub(crate) url: Option<Sourced<String>>,
    dir: PathBuf,
}

impl Settings {
    /// Lays the sources over each other.
    pub(crate) fn resolve(args: &Global, environment: &Environment) -> Result<Self, CliError> {
        let (config_file, file) = config_file(args, environment)?.unzip();
        let file = file.as_ref();
        let document = file.map(|file| file.document.clone()).unwrap_or_default();
        let roles = configured_roles(file)?;
        let (role, unknown_role) = selected_role(args.sourced("role", &args.role), &roles);
        let mut settings = Self {
            app: args
                .sourced("app", &args.app)
                .or_else(|| file?.sourced("app", document.app.map(|app| app.0)))
                .map(|name| name.map(|name| name.0)),
            env: args
                .sourced("env", &args.env)
                .or_else(|| file?.sourced("env", document.env.map(|env| env.0)))
                .map(|name| name.map(|name| name.0)),
            store: args
                .sourced("store", &args.store)
                .or_else(|| file?.store())
                .unwrap_or_else(|| Sourced::default(StoreChoice::Ssm))
                .map(|store| match store {
                    StoreChoice::File(path) => StoreChoice::File(environment.dir.join(path)),
                    ssm => ssm,
                }),
            prefix: args
                .sourced("prefix", &args.prefix)
                .or_else(|| file?.sourced("store.prefix", document.store.prefix.map(|it| it.0)))
                .unwrap_or_else(|| Sourced::default(Prefix::default())),
            rate: args
                .sourced("rate", &args.rate)
                .or_else(|| file?.sourced("rate", document.rate))
                .unwrap_or_else(|| Sourced::default(DEFAULT_RATE)),
            timeout: args
                .sourced("timeout", &args.timeout)
                .unwrap_or_else(|| Sourced::default(DEFAULT_TIMEOUT)),
            by: environment.by()?,
            profile: args
                .sourced("profile", &args.profile)
                .or_else(|| environment.theirs("AWS_PROFILE")),
            region: args
                .sourced("region", &args.region)
                .or_else(|| environment.theirs("AWS_REGION"))
                .or_else(|| environment.theirs("AWS_DEFAULT_REGION")),
            endpoint_url: args
                .sourced("endpoint-url", &args.endpoint_url)
                .or_else(|| environment.theirs("AWS_ENDPOINT_URL")),
            url: environment.ours("MAINTENANCE_URL")?.map(site).transpose()?,
            all: args.all,
            dir: environment.dir.clone(),
            config_file,
            roles,
            role,
            unknown_role,
        };
        endpoint(&settings.endpoint_url)?;
        // A variable may name a role that --all stands above.
        if args.all && matches!(settings.role.source, Source::Flag(_)) {
            return Err(
                CliError::usage("--all cannot be used with --role").hint("leave one of them out")
            );
        }
        let globs: Vec<String> = args.functions.iter().map(ToString::to_string).collect();
        settings.choose_functions(&globs)?;
        Ok(settings)
    }

    /// `--function` stands for the functions of the one selected role: of the one that has them, if none is
    /// named, since the default would close the website for the sake of a worker.
    fn choose_functions(&mut self, globs: &[String]) -> Result<(), CliError> {
        if globs.is_empty() {
            return Ok(());
        }
        if self.all {
            return Err(CliError::usage("--function cannot be used with --all")
                .cause("it sets the functions of one role")
                .hint("name the role with --role"));
        }
        if let Some(unknown) = &self.unknown_role {
            return Err(unknown.clone());
        }
        if matches!(self.role.source, Source::Default(_)) {
            self.role = self.role_of(globs)?;
        }
        let selected = |role: &&mut RoleSettings| role.role == self.role.value;
        if let Some(role) = self.roles.iter_mut().find(selected) {
            let flag = Source::Flag("--function".to_owned());
            role.functions = Some(Sourced::new(globs.to_vec(), flag));
        }
        Ok(())
    }

    /// The role of the configuration that selects all of these functions.
    fn role_of(&self, globs: &[String]) -> Result<Sourced<Role>, CliError> {
        let mut having = Vec::new();
        for role in &self.roles {
            let selection = role.spec()?.functions;
            // A glob that selects some of what a role selects is matched by that role's, as a name is.
            let has = |selection: Selection| globs.iter().all(|glob| selection.matches_name(glob));
            if selection.is_some_and(has) {
                having.push(role.role.as_str());
            }
        }
        let cause = match having.as_slice() {
            [only] => {
                let role = self.roles.iter().find(|role| role.role.as_str() == *only);
                let flag = Source::Flag("--function".to_owned());
                return Ok(Sourced::new(
                    role.map_or_else(Role::web, |it| it.role.clone()),
                    flag,
                ));
            }
            [] => "no role of the configuration selects these functions".to_owned(),
            several => format!(
                "the roles {} all select these functions",
                several.join(", ")
            ),
        };
        let names: Vec<&str> = self.roles.iter().map(|role| role.role.as_str()).collect();
        Err(CliError::usage("--function needs --role")
            .cause(cause)
            .hint(format!("add --role with one of {}", names.join(", "))))
    }

    /// The app and its environment.
    pub(crate) fn app(&self) -> Result<App, CliError> {
        let missing =
            |what: &str| {
                let failure = CliError::usage(format!("no {what} is set"));
                let none = format!(
                    "neither --{what} nor MAINTENANCE_{} is given",
                    what.to_uppercase()
                );
                if let Some(file) = &self.config_file {
                    let file = file.value.display();
                    return failure
                        .cause(format!("{file} has no \"{what}\", and {none}"))
                        .hint(format!("add {what} = \"…\" to the file, or give --{what}"));
                }
                let dir = match self.dir.as_os_str().is_empty() {
                    true => "the working directory, which does not exist".to_owned(),
                    false => self.dir.display().to_string(),
                };
                failure
                .cause(format!("there is no {} in {dir} or above it, and {none}", file::FILE_NAME))
                .hint("write a configuration file with `maintenance init`, or give --app and --env")
            };
        let app = self.app.as_ref().ok_or_else(|| missing("app"))?;
        let env = self.env.as_ref().ok_or_else(|| missing("env"))?;
        App::new(&app.value, &env.value).map_err(|error| CliError::usage(error.to_string()))
    }

    /// The roles selected, in the order of a status.
    pub(crate) fn selected(&self) -> Result<Vec<RoleSpec>, CliError> {
        let roles = self.roles.iter().filter(|role| self.selects(role));
        roles.map(RoleSettings::spec).collect()
    }

    fn selects(&self, role: &RoleSettings) -> bool {
        self.all || role.role == self.role.value
    }

    /// All roles that are configured.
    pub(crate) fn configured(&self) -> Result<Vec<RoleSpec>, CliError> {
        self.roles.iter().map(RoleSettings::spec).collect()
    }

    /// Whether no role was selected.
    pub(crate) fn selects_no_role(&self) -> bool {
        matches!(self.role.source, Source::Default(_))
    }

    /// Where a bypass link of the selected roles leads, if it is known: as the variable says, or the first
    /// of the roles that does.
    pub(crate) fn link_url(&self) -> Option<String> {
        let mut roles = self.roles.iter().filter(|role| self.selects(role));
        let of_variable = self.url.as_ref().map(|url| url.value.clone());
        of_variable.or_else(|| roles.find_map(|role| role.url.clone()))
    }

    /// What the AWS SDK is told beyond what it finds by itself.
    ///
    /// Only what was typed here: the variables are the SDK's own business.
    pub(crate) fn aws(&self) -> AwsSettings {
        let typed = |value: &Option<Sourced<String>>| match value {
            Some(Sourced {
                value,
                source: Source::Flag(_),
            }) => Some(value.clone()),
            _ => None,
        };
        AwsSettings {
            profile: typed(&self.profile),
            region: typed(&self.region),
            endpoint_url: typed(&self.endpoint_url),
        }
    }
}

/// The file to read, if any, and how it was found.
fn config_file(
    args: &Global,
    environment: &Environment,
) -> Result<Option<(Sourced<PathBuf>, ConfigFile)>, CliError> {
    let named = args.sourced("config", &args.config);
    let nearest = || {
        let found = file::find(&environment.dir)?;
        Some(Sourced::new(found, Source::Default("the nearest one")))
    };
    let Some(found) = named.or_else(nearest) else {
        return Ok(None);
    };
    let path = found.map(|path| environment.dir.join(path));
    let file = ConfigFile::read(&path.value).map_err(|failure| match &path.source {
        Source::Default(_) => failure,
        source => failure.hint(format!("it is named by {source}")),
    })?;
    Ok(Some((path, file)))
}

/// The address that a variable gives.
fn site(given: Sourced<String>) -> Result<Sourced<String>, CliError> {
    given.try_map(|text, from| {
        let url = text.parse::<SiteUrl>().map_err(|broken| {
            CliError::usage(format!("{from} cannot be used"))
                .cause(format!("it {broken}"))
                .hint(format!("unset {from}, or give it the site's address"))
        })?;
        Ok(url.0)
    })
}

/// An address as the SDK takes it: its own refusal comes late, and speaks of credentials.
fn endpoint(given: &Option<Sourced<String>>) -> Result<(), CliError> {
    let Some(Sourced {
        value,
        source: source @ Source::Flag(_),
    }) = given
    else {
        // The control plane checks the variable, and every other.
        return Ok(());
    };
    check_url(value).map_err(|problem| {
        // It may have a password in it.
        CliError::usage(format!("{source} cannot be used"))
            .cause(problem)
            .hint("give an address such as http://127.0.0.1:4566")
    })
}
