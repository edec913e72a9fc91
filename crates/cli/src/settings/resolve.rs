//! Which value wins: an option, then a variable, then the configuration file, then the default. What the AWS
//! SDK finds by itself, its own variables among it, is such a default.

use std::path::PathBuf;

use maintenance_control::{AwsSettings, RoleSpec, Selection, check_url};
use maintenance_flag::{App, Prefix, Role};

use crate::args::Global;
use crate::error::CliError;

use super::environment::Environment;
use super::file::{self, Section};
use super::roles::{RoleSettings, chosen_roles, configured_roles, selected_role};
use crate::source::{Source, Sourced};
use crate::values::{AwsName, Parsed, Rate, SiteUrl, StoreChoice};

/// Calls a second to AWS Lambda's control plane, unless configured.
const DEFAULT_RATE: Rate = Rate(10.0);

/// How long a read may wait for an answer, seconds: AWS answers in a fraction of one.
const DEFAULT_TIMEOUT: u64 = 20;

/// Everything that a command needs to know of an app.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) config_file: Option<Sourced<PathBuf>>,
    /// The file that has the app's keys, if its table names one.
    pub(crate) included: Option<Sourced<PathBuf>>,
    /// The app's table `[apps.<key>]`. None: the file's own app.
    pub(crate) key: Option<String>,
    pub(crate) app: Option<Sourced<String>>,
    pub(crate) env: Option<Sourced<String>>,
    pub(crate) store: Sourced<StoreChoice>,
    pub(crate) prefix: Sourced<Prefix>,
    /// All roles there are: web, worker, and the others by name.
    pub(crate) roles: Vec<RoleSettings>,
    pub(crate) role: Sourced<Role>,
    /// The roles that are selected besides. All of them are configured.
    pub(crate) also: Vec<Role>,
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

/// Where the settings of one app are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) args: &'a Global,
    pub(super) environment: &'a Environment,
    /// The file that the command found, and how.
    pub(super) config_file: Option<&'a Sourced<PathBuf>>,
    /// The app's keys.
    pub(super) section: Option<Section<'a>>,
    /// What holds where the app does not say: the settings of the file that has its table.
    pub(super) above: Option<&'a Settings>,
    /// The file that its table names.
    pub(super) included: Option<&'a Sourced<PathBuf>>,
    /// Its table, if it has one.
    pub(super) key: Option<&'a Sourced<String>>,
    /// Whether it is one of the apps of a product: `--product` wins over variables that name an app or a
    /// role, as `--all` does.
    pub(super) is_of_product: bool,
}

impl Sources<'_> {
    fn app(&self) -> Option<Sourced<String>> {
        let Self { args, section, .. } = *self;
        let typed = args.sourced("app", &args.app);
        let typed = typed.map(|app| app.map(|name| name.0));
        let name = section.and_then(|it| Some(it.table.app.as_ref()?.0.0.clone()));
        let of_file = section.and_then(|section| section.sourced("app", name));
        let of_file = of_file.or_else(|| self.key.cloned());
        match (typed, of_file) {
            (typed, Some(of_file)) if self.is_of_product || typed.is_none() => Some(of_file),
            // What was typed found the table, whose app may have another name.
            (Some(typed), Some(of_file)) if self.key.is_some() => {
                Some(typed.map(|_| of_file.value))
            }
            (typed, _) => typed,
        }
    }
}

impl Settings {
    /// Lays the sources over each other.
    pub(super) fn lay(sources: Sources<'_>) -> Result<Self, CliError> {
        let Sources {
            args,
            environment,
            section,
            ..
        } = sources;
        let table = section.map(|section| section.table);
        let roles = configured_roles(section)?;
        let (role, also) = chosen_roles(&args.roles, &roles, sources.is_of_product)?;
        let role = args.sourced("role", &role);
        let role = role.filter(|role| !sources.is_of_product || role.is_typed());
        let (role, unknown_role) = selected_role(role, &roles);
        // Another file speaks for itself, but for the environment.
        let above = sources.above.filter(|_| sources.included.is_none());
        // A profile has a region of its own, and a store is what a whole table says.
        let above_unless = |is_own: bool| above.filter(|_| !is_own);
        let has_profile = table.is_some_and(|table| table.profile.is_some());
        let has_store = table.is_some_and(|table| table.store.is_some());
        let text = |value: &Option<Parsed<AwsName>>| value.as_ref().map(|it| it.0.0.clone());
        let settings = Self {
            app: sources.app(),
            env: args
                .sourced("env", &args.env)
                .or_else(|| section?.sourced("env", table?.env.as_ref().map(|env| env.0.clone())))
                .map(|name| name.map(|name| name.0))
                .or_else(|| sources.above?.env.clone()),
            store: args
                .sourced("store", &args.store)
                .or_else(|| section?.store())
                .or_else(|| Some(above_unless(has_store)?.store.clone()))
                .unwrap_or_else(|| Sourced::default(StoreChoice::Ssm))
                .map(|store| match store {
                    StoreChoice::File(path) => StoreChoice::File(environment.dir.join(path)),
                    ssm => ssm,
                }),
            prefix: args
                .sourced("prefix", &args.prefix)
                .or_else(|| section?.prefix())
                .or_else(|| Some(above_unless(has_store)?.prefix.clone()))
                .unwrap_or_else(|| Sourced::default(Prefix::default())),
            rate: args
                .sourced("rate", &args.rate)
                .or_else(|| section?.sourced("rate", table?.rate))
                .or_else(|| Some(above?.rate.clone()))
                .unwrap_or_else(|| Sourced::default(DEFAULT_RATE)),
            timeout: args
                .sourced("timeout", &args.timeout)
                .unwrap_or_else(|| Sourced::default(DEFAULT_TIMEOUT)),
            by: environment.by()?,
            profile: args
                .sourced("profile", &args.profile)
                .or_else(|| section?.sourced("profile", text(&table?.profile)))
                .or_else(|| above?.profile.clone())
                .or_else(|| environment.theirs("AWS_PROFILE")),
            region: args
                .sourced("region", &args.region)
                .or_else(|| section?.sourced("region", text(&table?.region)))
                .or_else(|| above_unless(has_profile)?.region.clone())
                .or_else(|| environment.theirs("AWS_REGION"))
                .or_else(|| environment.theirs("AWS_DEFAULT_REGION")),
            endpoint_url: args
                .sourced("endpoint-url", &args.endpoint_url)
                .or_else(|| environment.theirs("AWS_ENDPOINT_URL")),
            url: environment.ours("MAINTENANCE_URL")?.map(site).transpose()?,
            all: args.all || sources.is_of_product && !role.is_typed(),
            key: sources.key.map(|key| key.value.clone()),
            dir: environment.dir.clone(),
            config_file: sources.config_file.cloned(),
            included: sources.included.cloned(),
            roles,
            role,
            also,
            unknown_role,
        };
        endpoint(&settings.endpoint_url)?;
        // --all wins over a role that a variable names.
        if args.all && settings.role.is_typed() {
            return Err(
                CliError::usage("--all cannot be used with --role").hint("leave one of them out")
            );
        }
        Ok(settings)
    }

    /// What names it for `--app`.
    pub(crate) fn handle(&self) -> Option<&str> {
        let name = || self.app.as_ref().map(|app| app.value.as_str());
        self.key.as_deref().or_else(name)
    }

    /// `--function` stands for the functions of the one selected role: of the one that has them, if none is
    /// named, since the default would close the website for the sake of a worker.
    pub(super) fn choose_functions(&mut self, globs: &[String]) -> Result<(), CliError> {
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
        if !self.also.is_empty() {
            return Err(
                CliError::usage("--function cannot be used with more than one --role")
                    .cause("it sets the functions of one role")
                    .hint("name one role"),
            );
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
        let missing = |what: &str| {
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
            let no_file = match self.dir.as_os_str().is_empty() {
                true => "the working directory no longer exists".to_owned(),
                false => {
                    let dir = self.dir.display();
                    format!("there is no {} in {dir} or above it", file::FILE_NAME)
                }
            };
            failure
                .cause(format!("{no_file}, and {none}"))
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
        self.all || role.role == self.role.value || self.also.contains(&role.role)
    }

    /// Whether more than one role may be selected, so that what is said of one has to name it.
    pub(crate) fn selects_several(&self) -> bool {
        self.all || !self.also.is_empty()
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
    /// Only what was typed, or is in a file of ours: the variables are the SDK's own business.
    pub(crate) fn aws(&self) -> AwsSettings {
        let given = |value: &Option<Sourced<String>>| {
            let given = value.as_ref()?;
            let is_ours = matches!(given.source, Source::Flag(_) | Source::File { .. });
            is_ours.then(|| given.value.clone())
        };
        AwsSettings {
            profile: given(&self.profile),
            region: given(&self.region),
            endpoint_url: given(&self.endpoint_url),
        }
    }
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
