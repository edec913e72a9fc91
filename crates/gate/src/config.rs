//! How a gate is told what to guard: in code, or by the environment. Wrong settings are found when it
//! is built, not when a request comes.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use maintenance_flag::{App, Parameters, Prefix, Role};

use crate::clock::Clock;
use crate::gate::Gate;
use crate::pages::{Loaded, Page, Pages};
use crate::source::FlagSource;
use crate::timer::{ThreadTimer, Timer};

/// How long a state may be relied on, unless configured.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_secs(5);
/// The longest TTL: what an operator waits for before everybody sees the page.
const MAX_TTL: Duration = Duration::from_secs(3_600);
/// How long a request waits for a refresh, unless configured.
pub(crate) const DEFAULT_BUDGET: Duration = Duration::from_millis(250);
/// The longest budget: a visitor would not wait longer.
const MAX_BUDGET: Duration = Duration::from_secs(10);

/// What to do with requests while no state was ever known: the store has not answered since this
/// process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnUnknown {
    /// Let them pass. A store that is down must not take the site down with it.
    #[default]
    Pass,
    /// Answer 503. For an app that must on no account run during a maintenance.
    Block,
}

/// What is wrong with a gate's settings. Says what, why, and what to do next, also in its `Debug`,
/// since that is what a `main` that returns it prints.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}. {next}")]
pub struct BuildError {
    what: String,
    why: String,
    next: String,
}

impl BuildError {
    fn new(what: impl Into<String>, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
            next: next.into(),
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.next
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Settings of a [`Gate`]. The app, its env and a source are required.
#[must_use]
pub struct Builder {
    app: Option<String>,
    env: Option<String>,
    role: Option<String>,
    prefix: Option<String>,
    source: Option<Box<dyn FlagSource>>,
    ttl: Duration,
    budget: Duration,
    on_unknown: OnUnknown,
    pages: Pages,
    clock: Clock,
    timer: Box<dyn Timer>,
    /// The first wrong setting; told when the gate is built.
    wrong: Option<BuildError>,
}

/// A builder's settings, checked.
pub(crate) struct Settings {
    pub(crate) app: String,
    pub(crate) role: String,
    pub(crate) parameter: String,
    pub(crate) source: Box<dyn FlagSource>,
    pub(crate) ttl: Duration,
    pub(crate) budget: Duration,
    pub(crate) on_unknown: OnUnknown,
    pub(crate) page: Loaded,
    pub(crate) clock: Clock,
    pub(crate) timer: Box<dyn Timer>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            app: None,
            env: None,
            role: None,
            prefix: None,
            source: None,
            ttl: DEFAULT_TTL,
            budget: DEFAULT_BUDGET,
            on_unknown: OnUnknown::default(),
            pages: Pages::default(),
            clock: Clock::default(),
            timer: Box::new(ThreadTimer),
            wrong: None,
        }
    }
}

impl Builder {
    /// The app's name: `demo` of `demo-dev`.
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.app = Some(app.into());
        self
    }

    /// The app's environment: `dev` of `demo-dev`.
    pub fn env(mut self, env: impl Into<String>) -> Self {
        self.env = Some(env.into());
        self
    }

    /// The role that this handler plays; `web` unless set.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Where the parameters of all apps live; `/maintenance` unless set.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Where the flag is read from.
    pub fn source(mut self, source: impl FlagSource) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// How long a state may be relied on; 5 s unless set, at most an hour. Each time it varies by up
    /// to 20 % either way, so that environments which start together do not ask together. Zero
    /// refreshes at every request.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long a request waits for a refresh; 250 ms unless set, at most 10 s. Then it goes on with
    /// the last known state. A function with little memory has little CPU too: if its first refresh
    /// runs out of time (event `M504`), give it more.
    pub fn refresh_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// What to do while no state was ever known; [`OnUnknown::Pass`] unless set.
    pub fn on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = on_unknown;
        self
    }

    /// The directory of `maintenance.html` and `maintenance.json`. Unless set, `public/` beside the
    /// executable, under `LAMBDA_TASK_ROOT` and under the current directory, in this order.
    pub fn pages(mut self, directory: impl Into<PathBuf>) -> Self {
        self.pages = Pages::In(directory.into());
        self
    }

    /// The page itself, such as one compiled in by [`page!`](crate::page).
    pub fn page(mut self, page: Page) -> Self {
        self.pages = Pages::Given(page);
        self
    }

    /// Where the time comes from; the wall clock unless set.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// What ends a refresh that takes too long; a thread of the gate unless set.
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Box::new(timer);
        self
    }

    /// Takes what the environment sets; an empty variable is not set.
    ///
    /// | variable | means |
    /// |---|---|
    /// | `MAINTENANCE_APP`, `MAINTENANCE_ENV` | the app: `demo` and `dev` for `demo-dev` |
    /// | `MAINTENANCE_ROLE` | the role; `web` unless set |
    /// | `MAINTENANCE_PREFIX` | where all parameters live; `/maintenance` unless set |
    /// | `MAINTENANCE_STORE` | `ssm` (unless a source is set in code) or `file:PATH` |
    /// | `MAINTENANCE_TTL` | the TTL in whole seconds, 0 to 3600 |
    /// | `MAINTENANCE_BUDGET_MS` | how long a request waits for a refresh, in milliseconds, 0 to 10000 |
    /// | `MAINTENANCE_ON_UNKNOWN` | `pass` or `block` |
    pub fn from_env(self) -> Self {
        self.from_vars(|name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    /// As [`from_env`](Self::from_env), from any place that has such variables.
    pub fn from_vars(mut self, var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name| var(name).filter(|value| !value.is_empty());
        self.app = var("MAINTENANCE_APP").or(self.app);
        self.env = var("MAINTENANCE_ENV").or(self.env);
        self.role = var("MAINTENANCE_ROLE").or(self.role);
        self.prefix = var("MAINTENANCE_PREFIX").or(self.prefix);
        if let Some(value) = var("MAINTENANCE_TTL") {
            match value.parse() {
                Ok(seconds) => self.ttl = Duration::from_secs(seconds),
                Err(_) => self.is_wrong(BuildError::new(
                    format!("MAINTENANCE_TTL {value:?} is not valid"),
                    "it must be a whole number of seconds",
                    "Set it to a number from 0 to 3600, or unset it for 5",
                )),
            }
        }
        if let Some(value) = var("MAINTENANCE_BUDGET_MS") {
            match value.parse() {
                Ok(millis) => self.budget = Duration::from_millis(millis),
                Err(_) => self.is_wrong(BuildError::new(
                    format!("MAINTENANCE_BUDGET_MS {value:?} is not valid"),
                    "it must be a whole number of milliseconds",
                    "Set it to a number from 0 to 10000, or unset it for 250",
                )),
            }
        }
        if let Some(value) = var("MAINTENANCE_ON_UNKNOWN") {
            match value.as_str() {
                "pass" => self.on_unknown = OnUnknown::Pass,
                "block" => self.on_unknown = OnUnknown::Block,
                _ => self.is_wrong(BuildError::new(
                    format!("MAINTENANCE_ON_UNKNOWN {value:?} is not valid"),
                    "it must be `pass` or `block`",
                    "Set it to one of them, or unset it for `pass`",
                )),
            }
        }
        match var("MAINTENANCE_STORE") {
            Some(store) => match named_source(&store) {
                Ok(source) => self.source = Some(source),
                Err(error) => self.is_wrong(error),
            },
            None if self.source.is_none() => self.source = named_source("ssm").ok(),
            None => {}
        }
        self
    }

    fn is_wrong(&mut self, error: BuildError) {
        self.wrong.get_or_insert(error);
    }

    /// The gate. Loads the page; reads no flag yet.
    ///
    /// # Errors
    /// [`BuildError`], if a setting is missing or wrong. Where a site must come up even so, use
    /// [`Gate::from_env_or_pass`].
    pub fn build(self) -> Result<Gate, BuildError> {
        self.check().map(Gate::assemble)
    }

    fn check(self) -> Result<Settings, BuildError> {
        if let Some(error) = self.wrong {
            return Err(error);
        }
        let app = required(self.app, "app", "MAINTENANCE_APP")?;
        let env = required(self.env, "env", "MAINTENANCE_ENV")?;
        let app = App::new(&app, &env).map_err(name_error)?;
        let role: Role = match self.role {
            Some(role) => role.parse().map_err(name_error)?,
            None => Role::web(),
        };
        let prefix: Prefix = match self.prefix {
            Some(prefix) => prefix.parse().map_err(name_error)?,
            None => Prefix::default(),
        };
        if self.ttl > MAX_TTL {
            return Err(BuildError::new(
                format!("a TTL of {} s is not valid", self.ttl.as_secs()),
                "nobody would see a maintenance begin or end for that long",
                "Set it, or MAINTENANCE_TTL, to 3600 s or less",
            ));
        }
        if self.budget > MAX_BUDGET {
            return Err(BuildError::new(
                format!(
                    "a refresh budget of {} ms is not valid",
                    self.budget.as_millis()
                ),
                "a visitor would wait that long for a store that does not answer",
                "Set it, or MAINTENANCE_BUDGET_MS, to 10000 ms or less",
            ));
        }
        let source = self.source.ok_or_else(|| {
            BuildError::new(
                "the gate has no source for its flag",
                "neither MAINTENANCE_STORE nor the code names one that this binary was built with",
                "Set MAINTENANCE_STORE to `ssm` or `file:PATH` and enable that feature of maintenance-gate, or call `source`",
            )
        })?;
        Ok(Settings {
            parameter: Parameters::new(&prefix, &app).flag(&role),
            app: app.to_string(),
            role: role.to_string(),
            source,
            ttl: self.ttl,
            budget: self.budget,
            on_unknown: self.on_unknown,
            page: self.pages.load(),
            clock: self.clock,
            timer: self.timer,
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("app", &self.app)
            .field("env", &self.env)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

fn required(value: Option<String>, what: &str, variable: &str) -> Result<String, BuildError> {
    value.ok_or_else(|| {
        BuildError::new(
            format!("the gate's {what} is not set"),
            format!("neither {variable} nor the code says which flag to read"),
            format!("Set {variable} to the {what} that the operator's commands use"),
        )
    })
}

fn name_error(error: maintenance_flag::NameError) -> BuildError {
    let what = error.what();
    BuildError::new(
        format!("the gate's {what} is not valid"),
        error.to_string(),
        format!(
            "Correct MAINTENANCE_{} or the code that sets it",
            what.to_uppercase()
        ),
    )
}

/// The source that `MAINTENANCE_STORE` names.
fn named_source(store: &str) -> Result<Box<dyn FlagSource>, BuildError> {
    let kind = store.split_once(':').map_or(store, |(kind, _)| kind);
    match store.split_once(':') {
        #[cfg(feature = "ssm")]
        None if kind == "ssm" => return Ok(Box::new(crate::source::SsmSource::from_env())),
        #[cfg(feature = "file")]
        Some(("file", path)) if !path.is_empty() => {
            return Ok(Box::new(crate::source::FileSource::new(path)));
        }
        _ => {}
    }
    let built_without = match kind {
        "ssm" => !cfg!(feature = "ssm"),
        "file" => !cfg!(feature = "file"),
        _ => false,
    };
    Err(if built_without {
        BuildError::new(
            format!("MAINTENANCE_STORE {store:?} cannot be used"),
            format!("this binary was built without the `{kind}` source"),
            format!("Enable the feature `{kind}` of maintenance-gate"),
        )
    } else {
        BuildError::new(
            format!("MAINTENANCE_STORE {store:?} is not valid"),
            "it must be `ssm`, or `file:` and a path",
            "Set it to the store that the operator's commands use",
        )
    })
}
