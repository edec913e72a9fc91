//! Configures a gate. `build` finds wrong settings, so that no request has to.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use maintenance_flag::{App, Parameters, Prefix, Role};

use super::build_error::BuildError;
use super::cached_flag::CachedFlag;
use super::gate::{Gate, Shared};
use super::log;
use super::packed_state::AtomicPackedState;
use super::refresh::Refresher;
use crate::bypass::cookie_name;
use crate::clock::{Clock, Sleeper};
use crate::page::{CustomPages, Page, Responder};
use crate::policy::{Identity, OnUnknown, Policy};
use crate::source::FlagSource;

/// How long the gate relies on a flag, unless configured.
const DEFAULT_TTL: Duration = Duration::from_secs(5);
/// The longest TTL. An operator waits that long until every visitor sees the page.
const MAX_TTL: Duration = Duration::from_secs(3_600);
/// How long a request waits for a refresh, unless configured.
const DEFAULT_BUDGET: Duration = Duration::from_millis(250);
/// The longest refresh budget: a visitor would not wait longer.
const MAX_BUDGET: Duration = Duration::from_secs(10);

/// Settings of a [`Gate`]. The app, its env and a source are required.
#[must_use]
#[derive(Default)]
pub struct Builder {
    pub(crate) app: Option<String>,
    pub(crate) env: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) source: Option<Box<dyn FlagSource>>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) budget: Option<Duration>,
    pub(crate) on_unknown: OnUnknown,
    pub(crate) trusted_proxies: u8,
    /// The pages set in code. If there are none, `directory` is searched.
    pages: Vec<Page>,
    directory: Option<PathBuf>,
    pub(crate) negotiate: bool,
    /// Whether this process is a Lambda function. If unset, the environment decides.
    pub(crate) in_lambda: Option<bool>,
    clock: Clock,
    sleeper: Sleeper,
    /// The first wrong setting, which `build` returns.
    wrong: Option<BuildError>,
}

impl Gate {
    /// Starts with no settings; [`Builder::from_env`] adds those of the environment.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Builds a gate from the environment: see [`Builder::from_env`].
    ///
    /// # Errors
    /// [`BuildError`], if a setting is missing or wrong. A handler that returns it does not start,
    /// so a typo is found at the deployment and not at the first maintenance.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::builder().from_env().build()
    }
}

impl Builder {
    /// Sets the app's name: `demo` of `demo-dev`.
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.app = Some(app.into());
        self
    }

    /// Sets the app's environment: `dev` of `demo-dev`.
    pub fn env(mut self, env: impl Into<String>) -> Self {
        self.env = Some(env.into());
        self
    }

    /// Sets the role of this handler; `web` unless set.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Sets the prefix of all parameters; `/maintenance` unless set.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Sets where the flag is read from.
    pub fn source(mut self, source: impl FlagSource) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Sets how long the gate relies on a flag that it has read; 5 s unless set, at most an hour. The gate varies it
    /// by up to 20 % either way, so that environments which start together do not ask together: with 5 s,
    /// the cached flag is at most 6 s old while the store answers. With zero every request refreshes.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets how long a request waits for a refresh; 250 ms unless set, at most 10 s. After that the request goes on
    /// with the last known flag. A function with little memory also has little CPU: if its first refresh
    /// does not finish in time (event `M504`), set a longer budget.
    pub fn refresh_budget(mut self, budget: Duration) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Sets what to do until a flag has been read; [`OnUnknown::Pass`] unless set.
    pub fn on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = on_unknown;
        self
    }

    /// Sets how many proxies before the app are trusted to name the client's address; 0 unless set.
    ///
    /// With 0 the gate takes the address from the platform, and does not read `X-Forwarded-For`:
    /// see [`ClientAddress`](crate::ClientAddress). With n it takes the n-th entry of `X-Forwarded-For`
    /// from the right, and nothing else. Each proxy appends the address of its own client, so set:
    ///
    /// | before the app | n |
    /// |---|---|
    /// | API Gateway or a function URL, alone | 0 |
    /// | an Application Load Balancer or VPC Lattice, which name no address in the event | 1 |
    /// | CloudFront, then API Gateway or an Application Load Balancer | 2 |
    /// | nginx or another proxy of yours, then a server of yours | 1 |
    ///
    /// This is safe only if every request comes through all n proxies: a client that can reach the app around the
    /// first proxy writes the entry that the gate reads. A load balancer must append to the
    /// header, as it does by default: one set to preserve the header passes on the client's own entries.
    pub fn trusted_proxies(mut self, n: u8) -> Self {
        self.trusted_proxies = n;
        self
    }

    /// Sets the directory of `maintenance.html` and `maintenance.json`. Unless set, the gate searches `public/` beside
    /// the executable, under `LAMBDA_TASK_ROOT` and under the current directory, in this order.
    pub fn pages(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Adds a page, such as one compiled in by [`page!`](crate::page); then the gate searches no directory.
    /// Add one HTML page, one JSON page or both; [without negotiation](Self::negotiate) the gate serves the HTML.
    pub fn page(mut self, page: Page) -> Self {
        self.pages.push(page);
        self
    }

    /// Sets whether a client gets the media type that it prefers by its `Accept` header: HTML, JSON or a problem
    /// document (`application/problem+json`), each from the app's own page or else a built-in one. Unless
    /// set, every client gets the same page.
    pub fn negotiate(mut self, negotiate: bool) -> Self {
        self.negotiate = negotiate;
        self
    }

    /// Sets the clock; the wall clock unless set.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: crate::clock::ManualClock) -> Self {
        self.clock = clock.into();
        self
    }

    /// Sets the timer of every wait; tokio's unless set.
    #[cfg(feature = "test-util")]
    #[doc(hidden)]
    pub fn sleep_with(
        mut self,
        sleep: impl Fn(Duration) -> crate::clock::Sleep + Send + Sync + 'static,
    ) -> Self {
        self.sleeper = Sleeper::new(sleep);
        self
    }

    /// Keeps the first error, for `build` to return.
    pub(crate) fn record_error(&mut self, error: BuildError) {
        self.wrong.get_or_insert(error);
    }

    /// Builds the gate. Loads the pages, but does not read the flag yet.
    ///
    /// # Errors
    /// [`BuildError`], if a setting is missing or wrong.
    pub fn build(self) -> Result<Gate, BuildError> {
        if let Some(error) = self.wrong {
            return Err(error);
        }
        let (app, env) = (required(self.app, "app")?, required(self.env, "env")?);
        let app = App::new(&app, &env).map_err(name_error)?;
        let role = match self.role {
            Some(role) => role.parse().map_err(name_error)?,
            None => Role::web(),
        };
        let prefix = match self.prefix {
            Some(prefix) => prefix.parse().map_err(name_error)?,
            None => Prefix::default(),
        };
        let ttl = self.ttl.unwrap_or(DEFAULT_TTL);
        if ttl > MAX_TTL {
            return Err(BuildError::new(
                format!("a TTL of {} s is not valid", ttl.as_secs()),
                "visitors would see a maintenance begin or end only after that long",
                "Set it, or MAINTENANCE_TTL, to 3600 s or less",
            ));
        }
        let budget = self.budget.unwrap_or(DEFAULT_BUDGET);
        if budget > MAX_BUDGET {
            return Err(BuildError::new(
                format!("a refresh budget of {} ms is not valid", budget.as_millis()),
                "a visitor would wait that long for a store that does not answer",
                "Set it, or MAINTENANCE_BUDGET_MS, to 10000 ms or less",
            ));
        }
        let source = self.source.ok_or_else(|| {
            BuildError::new(
                "the gate has no source for its flag",
                "neither MAINTENANCE_STORE nor the code names one that this binary was built with",
                "Set MAINTENANCE_STORE to `ssm`, `extension` or `file:PATH` and enable that feature of maintenance-gate, or call `source`",
            )
        })?;
        source.validate().map_err(|error| {
            BuildError::new(
                "the gate cannot read its flag",
                error.to_string(),
                "Correct the environment of this process, or choose another source with MAINTENANCE_STORE",
            )
        })?;
        let parameter = Parameters::new(&prefix, &app).flag(&role);
        let (app, role) = (app.to_string(), role.to_string());
        let shared = Shared {
            state: AtomicPackedState::default(),
            flag: ArcSwap::from_pointee(CachedFlag::unknown()),
            logged: Mutex::default(),
            clock: self.clock,
            policy: Policy {
                cookie: cookie_name(&app, &role),
                identity: Identity { app, role },
                on_unknown: self.on_unknown,
                trusted_proxies: self.trusted_proxies,
            },
            responder: Responder {
                pages: CustomPages::load(self.pages, self.directory, log::page_unusable),
                negotiate: self.negotiate,
            },
            refresher: Refresher::new(source, parameter, ttl, budget, self.sleeper.clone()),
            sleeper: self.sleeper,
            in_lambda: self
                .in_lambda
                .unwrap_or_else(|| std::env::var_os(IN_LAMBDA).is_some()),
        };
        Ok(Gate {
            shared: Arc::new(shared),
        })
    }
}

/// The variable that only Lambda sets.
pub(crate) const IN_LAMBDA: &str = "AWS_LAMBDA_RUNTIME_API";

fn required(value: Option<String>, what: &str) -> Result<String, BuildError> {
    let variable = variable(what);
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
        format!("Correct {} or the code that sets it", variable(what)),
    )
}

fn variable(what: &str) -> String {
    format!("MAINTENANCE_{}", what.to_ascii_uppercase())
}
