//! Who wins: a flag, then a variable, then the configuration file, then the default. And the rules
//! that a value must keep wherever it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use maintenance_control::{AwsSettings, RoleSpec, Selection, check_url};
use maintenance_flag::{App, Prefix, Role};

use crate::args::Global;
use crate::failure::Failure;

use super::file::{self, ConfigFile, FileStore};
use super::roles::{RoleSettings, asked_role, bad_name, known_roles};
use super::source::{Source, Sourced};
use super::surroundings::Surroundings;
use super::window;

/// Calls a second to AWS Lambda's control plane, unless configured.
const DEFAULT_RATE: f64 = 10.0;
/// AWS allows 15 a second for all callers together, and does not raise it.
const MAX_RATE: f64 = 15.0;

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
    /// What is wrong with the asked role if the store does not know it, either.
    pub(crate) unknown_role: Option<Failure>,
    pub(crate) all: bool,
    pub(crate) rate: Sourced<f64>,
    pub(crate) by: Sourced<String>,
    pub(crate) profile: Option<Sourced<String>>,
    pub(crate) region: Option<Sourced<String>>,
    pub(crate) endpoint_url: Option<Sourced<String>>,
    /// Where a bypass link leads, unless a role or `on` says otherwise.
    pub(crate) url: Option<Sourced<String>>,
    dir: PathBuf,
}

/// Where the parameters are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreChoice {
    /// Parameter Store.
    Ssm,
    /// A folder, absolute.
    File(PathBuf),
}

impl std::fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ssm => f.write_str("ssm"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Settings {
    /// Lays the sources over each other.
    pub(crate) fn resolve(args: &Global, around: &Surroundings) -> Result<Self, Failure> {
        let file = config_file(args, around)?;
        let (config_file, file) = match file {
            Some((path, file)) => (Some(path), Some(file)),
            None => (None, None),
        };
        let pick = |flag: &'static str, arg: &Option<String>, variable, of_file| {
            pick(around, flag, arg.as_deref(), variable, of_file)
        };
        let of_file = |get: fn(&ConfigFile) -> &Option<Sourced<String>>| {
            file.as_ref().and_then(|file| get(file).clone())
        };
        let app = pick(
            "--app",
            &args.app,
            "MAINTENANCE_APP",
            of_file(|file| &file.app),
        )?;
        let env = pick(
            "--env",
            &args.env,
            "MAINTENANCE_ENV",
            of_file(|file| &file.env),
        )?;
        let prefix = pick(
            "--prefix",
            &args.prefix,
            "MAINTENANCE_PREFIX",
            of_file(|f| &f.prefix),
        )?;
        let rate = pick(
            "--rate",
            &args.rate,
            "MAINTENANCE_RATE",
            of_file(|file| &file.rate),
        )?;
        let store = pick("--store", &args.store, "MAINTENANCE_STORE", None)?;
        let role = pick("--role", &args.role, "MAINTENANCE_ROLE", None)?;

        // Both are needed to check either; what is missing is said when it is needed.
        for (app, env) in [(&app, &None), (&None, &env)] {
            check_app(app.as_ref(), env.as_ref())?;
        }
        let roles = known_roles(file.as_ref())?;
        let (role, unknown_role) = asked_role(role, &roles)?;
        if args.all && args.role.is_some() {
            return Err(
                Failure::usage("--all cannot be used with --role").hint("leave one of them out")
            );
        }
        let mut settings = Self {
            store: store_choice(store, file.as_ref(), &around.dir)?,
            prefix: prefix.map_or_else(
                || Ok(Sourced::new(Prefix::default(), Source::Default("default"))),
                |prefix| prefix.try_map(|text, from| text.parse().map_err(bad_name(&text, from))),
            )?,
            rate: rate.map_or_else(
                || Ok(Sourced::new(DEFAULT_RATE, Source::Default("default"))),
                |rate| rate.try_map(|text, from| parse_rate(&text, from)),
            )?,
            by: around.by()?,
            profile: pick("--profile", &args.profile, "", None)?
                .or_else(|| around.theirs("AWS_PROFILE")),
            region: pick("--region", &args.region, "", None)?
                .or_else(|| around.theirs("AWS_REGION"))
                .or_else(|| around.theirs("AWS_DEFAULT_REGION")),
            endpoint_url: endpoint(pick("--endpoint-url", &args.endpoint_url, "", None)?)?
                .or_else(|| around.theirs("AWS_ENDPOINT_URL")),
            url: window::address(around.ours("MAINTENANCE_URL")?)?,
            all: args.all,
            dir: around.dir.clone(),
            config_file,
            app,
            env,
            roles,
            role,
            unknown_role,
        };
        settings.choose_functions(&args.functions)?;
        for role in &settings.roles {
            role.spec()?;
        }
        Ok(settings)
    }

    /// `--function` stands for the functions of the one asked role: of the one that has them, if none is
    /// named, since the default would close the website for the sake of a worker.
    fn choose_functions(&mut self, globs: &[String]) -> Result<(), Failure> {
        if globs.is_empty() {
            return Ok(());
        }
        if self.all {
            return Err(Failure::usage("--function cannot be used with --all")
                .cause("it sets the functions of one role")
                .hint("name the role with --role"));
        }
        if let Some(unknown) = &self.unknown_role {
            return Err(unknown.clone());
        }
        if matches!(self.role.source, Source::Default(_)) {
            self.role = self.role_of(globs)?;
        }
        for role in self
            .roles
            .iter_mut()
            .filter(|role| role.role == self.role.value)
        {
            role.functions = Some(Sourced::new(globs.to_vec(), Source::Flag("--function")));
        }
        Ok(())
    }

    /// The role of the configuration that selects all of these functions.
    fn role_of(&self, globs: &[String]) -> Result<Sourced<Role>, Failure> {
        Selection::new(globs, &[], BTreeMap::new()).map_err(|error| {
            Failure::usage("what --function names cannot be used").caused_by(&error)
        })?;
        let mut having = Vec::new();
        for role in &self.roles {
            let selection = role.spec()?.functions;
            // A glob that selects some of what a role selects is matched by that role's, as a name is.
            let has = |selection: Selection| globs.iter().all(|glob| selection.matches_name(glob));
            if selection.is_some_and(has) {
                having.push(&role.role);
            }
        }
        let cause = match having.as_slice() {
            [only] => return Ok(Sourced::new((*only).clone(), Source::Flag("--function"))),
            [] => "no role of the configuration selects what it names".to_owned(),
            several => {
                let names: Vec<&str> = several.iter().map(|role| role.as_str()).collect();
                format!("the roles {} all select what it names", names.join(", "))
            }
        };
        let names = self.roles.iter().map(|role| role.role.as_str());
        Err(Failure::usage("--function needs --role")
            .cause(cause)
            .hint(format!(
                "add --role with one of {}",
                names.collect::<Vec<_>>().join(", ")
            )))
    }

    /// The app and its environment.
    pub(crate) fn app(&self) -> Result<App, Failure> {
        let missing = |what: &str, flag: &str, variable: &str| {
            let failure = Failure::usage(format!("no {what} is set"));
            let failure = match &self.config_file {
                Some(file) => failure.cause(format!(
                    "{} has no \"{what}\", and neither {flag} nor {variable} is given",
                    file.value.display()
                )),
                None => failure.cause(format!(
                    "there is no {} in {} or above it, and neither {flag} nor {variable} is given",
                    file::FILE_NAME,
                    self.dir.display()
                )),
            };
            failure.hint(match &self.config_file {
                Some(_) => format!("add {what} = \"…\" to the file, or give {flag}"),
                None => {
                    "write a configuration file with `maintenance init`, or give --app and --env"
                        .to_owned()
                }
            })
        };
        let app = self
            .app
            .as_ref()
            .ok_or_else(|| missing("app", "--app", "MAINTENANCE_APP"))?;
        let env = self
            .env
            .as_ref()
            .ok_or_else(|| missing("env", "--env", "MAINTENANCE_ENV"))?;
        App::new(&app.value, &env.value).map_err(bad_name(&app.value, &app.source))
    }

    /// The roles asked for, in the order of a status.
    pub(crate) fn asked(&self) -> Result<Vec<RoleSpec>, Failure> {
        let asked = |role: &&RoleSettings| self.all || role.role == self.role.value;
        self.roles
            .iter()
            .filter(asked)
            .map(RoleSettings::spec)
            .collect()
    }

    /// All roles that are configured.
    pub(crate) fn configured(&self) -> Result<Vec<RoleSpec>, Failure> {
        self.roles.iter().map(RoleSettings::spec).collect()
    }

    /// Whether no role was asked for.
    pub(crate) fn asks_no_role(&self) -> bool {
        matches!(self.role.source, Source::Default(_))
    }

    /// Where a bypass link of the asked roles leads, if it is known: as the variable says, or the first
    /// of the roles that does.
    pub(crate) fn link_url(&self) -> Option<String> {
        let asked = |role: &&RoleSettings| self.all || role.role == self.role.value;
        let mut roles = self.roles.iter().filter(asked);
        let of_roles = || roles.find_map(|role| role.standing.url.as_ref());
        let url = self.url.as_ref().or_else(of_roles)?;
        Some(url.value.clone())
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
    around: &Surroundings,
) -> Result<Option<(Sourced<PathBuf>, ConfigFile)>, Failure> {
    let named = match &args.config {
        Some(path) => Some(Sourced::new(path.clone(), Source::Flag("--config"))),
        None => around.ours("MAINTENANCE_CONFIG")?.map(|it| Sourced {
            value: PathBuf::from(it.value),
            source: it.source,
        }),
    };
    let found = match named {
        Some(named) => Some(Sourced::new(around.dir.join(named.value), named.source)),
        None => file::find(&around.dir).map(|path| {
            let source = Source::Default("the nearest one");
            Sourced::new(path, source)
        }),
    };
    match found {
        None => Ok(None),
        Some(path) => {
            let file = ConfigFile::read(&path.value).map_err(|failure| match path.source {
                Source::Default(_) => failure,
                _ => failure.hint(format!("it is named by {}", path.source)),
            })?;
            Ok(Some((path, file)))
        }
    }
}

/// A flag, else a variable, else the file's.
fn pick(
    around: &Surroundings,
    flag: &'static str,
    arg: Option<&str>,
    variable: &'static str,
    of_file: Option<Sourced<String>>,
) -> Result<Option<Sourced<String>>, Failure> {
    if let Some(text) = arg {
        return Ok(Some(Sourced::new(text.to_owned(), Source::Flag(flag))));
    }
    let of_variable = if variable.is_empty() {
        None
    } else {
        around.ours(variable)?
    };
    Ok(of_variable.or(of_file))
}

/// Checks the one that is there.
fn check_app(app: Option<&Sourced<String>>, env: Option<&Sourced<String>>) -> Result<(), Failure> {
    let Some(given) = app.or(env) else {
        return Ok(());
    };
    let text = |it: Option<&Sourced<String>>| it.map_or("x".to_owned(), |it| it.value.clone());
    App::new(&text(app), &text(env)).map_err(bad_name(&given.value, &given.source))?;
    Ok(())
}

fn store_choice(
    given: Option<Sourced<String>>,
    file: Option<&ConfigFile>,
    dir: &Path,
) -> Result<Sourced<StoreChoice>, Failure> {
    if let Some(given) = given {
        return given.try_map(|text, from| match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(StoreChoice::File(dir.join(path))),
            _ if text == "ssm" => Ok(StoreChoice::Ssm),
            _ => Err(Failure::usage(format!("the store {text:?} is not valid"))
                .cause("it must be ssm or file:PATH")
                .hint(format!("it comes from {from}"))),
        });
    }
    let configured = file.and_then(|file| Some((file, file.store.clone()?)));
    match configured {
        None => Ok(Sourced::new(StoreChoice::Ssm, Source::Default("default"))),
        Some((file, store)) => store.try_map(|store, _| match store {
            FileStore::Ssm => Ok(StoreChoice::Ssm),
            FileStore::File(path) => {
                let folder = file.path.parent().unwrap_or(dir);
                Ok(StoreChoice::File(folder.join(path)))
            }
        }),
    }
}

/// An address as the SDK takes it: its own refusal comes late, and speaks of credentials.
fn endpoint(given: Option<Sourced<String>>) -> Result<Option<Sourced<String>>, Failure> {
    if let Some(url) = &given {
        check_url(&url.value).map_err(|problem| {
            // It may have a password in it.
            Failure::usage(format!("{} cannot be used", url.source))
                .cause(problem)
                .hint("give an address such as http://127.0.0.1:4566")
        })?;
    }
    Ok(given)
}

fn parse_rate(text: &str, from: &Source) -> Result<f64, Failure> {
    let rate = text.replace('_', "").parse::<f64>().ok();
    rate.filter(|rate| *rate > 0.0 && *rate <= MAX_RATE)
        .ok_or_else(|| {
            Failure::usage(format!("the rate {text:?} is not valid"))
                .cause("it must be a number of calls a second, more than 0 and at most 15")
                .hint(format!(
                    "it comes from {from}; AWS allows 15 a second for all callers together"
                ))
        })
}
