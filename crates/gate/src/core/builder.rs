//! How a gate is told what to guard. Wrong settings are found when it is built, not when a request
//! comes.

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

/// How long a state may be relied on, unless configured.
const DEFAULT_TTL: Duration = Duration::from_secs(5);
/// The longest TTL: how long an operator waits until every visitor sees the page.
const MAX_TTL: Duration = Duration::from_secs(3_600);
/// How long a request waits for a refresh, unless configured.
const DEFAULT_BUDGET: Duration = Duration::from_millis(250);
/// The longest budget: a visitor would not wait longer.
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
    /// Handed over; else they are in this directory.
    pages: Vec<Page>,
    directory: Option<PathBuf>,
    pub(crate) negotiate: bool,
    /// Whether this process is a Lambda function; the environment says so unless set.
    pub(crate) in_lambda: Option<bool>,
    clock: Clock,
    sleeper: Sleeper,
    /// The first wrong setting; told when the gate is built.
    wrong: Option<BuildError>,
}

impl Gate {
    /// Settings in code; [`Builder::from_env`] adds those of the environment.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A gate that the environment configures: see [`Builder::from_env`].
    ///
    /// # Errors
    /// [`BuildError`], if a setting is missing or wrong. A handler that returns it does not start,
    /// so a typo is found at the deployment and not at the first maintenance.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::builder().from_env().build()
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

    /// How long a state may be relied on; 5 s unless set, at most an hour. Each time it varies by up to
    /// 20 % either way, so that environments which start together do not ask together: with 5 s
    /// the known state is at most 6 s old. Zero refreshes at every request.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How long a request waits for a refresh; 250 ms unless set, at most 10 s. Then it goes on with
    /// the last known state. A function with little memory has little CPU too: if its first refresh
    /// runs out of time (event `M504`), give it more.
    pub fn refresh_budget(mut self, budget: Duration) -> Self {
        self.budget = Some(budget);
        self
    }

    /// What to do while no state was ever known; [`OnUnknown::Pass`] unless set.
    pub fn on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = on_unknown;
        self
    }

    /// How many proxies before the app may be believed when an address is to pass; 0 unless set.
    ///
    /// With 0 the address is the one that the platform vouches for, and `X-Forwarded-For` is not read:
    /// see [`ClientAddress`](crate::ClientAddress). With n it is the n-th entry of `X-Forwarded-For`
    /// from the right, and nothing else. Each proxy adds the address that its own client has, so set:
    ///
    /// | before the app | n |
    /// |---|---|
    /// | API Gateway or a function URL, alone | 0 |
    /// | an Application Load Balancer or VPC Lattice, which name no address in the event | 1 |
    /// | CloudFront, then API Gateway or an Application Load Balancer | 2 |
    /// | nginx or another proxy of yours, then a server of yours | 1 |
    ///
    /// It holds only for requests that come that way: where the app can also be reached around the
    /// first proxy, the client writes the entry that is read. A load balancer must append to the
    /// header, as it does unless told: one that preserves it hands on the client's own entries.
    pub fn trusted_proxies(mut self, n: u8) -> Self {
        self.trusted_proxies = n;
        self
    }

    /// The directory of `maintenance.html` and `maintenance.json`. Unless set, `public/` beside the
    /// executable, under `LAMBDA_TASK_ROOT` and under the current directory, in this order.
    pub fn pages(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The page itself, such as one compiled in by [`page!`](crate::page); then no directory is searched.
    /// One of HTML and one of JSON may be given; [without negotiation](Self::negotiate) the HTML is served.
    pub fn page(mut self, page: Page) -> Self {
        self.pages.push(page);
        self
    }

    /// Whether a client gets the form that it prefers by its `Accept` header: HTML, JSON or a problem
    /// document (`application/problem+json`), each the app's own page or else a built-in one. Unless
    /// set, every client gets the same page.
    pub fn negotiate(mut self, negotiate: bool) -> Self {
        self.negotiate = negotiate;
        self
    }

    /// Where the time comes from; the wall clock unless set.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: crate::clock::ManualClock) -> Self {
        self.clock = clock.into();
        self
    }

    /// What ends a wait; tokio's timer unless set.
    #[cfg(feature = "test-util")]
    #[doc(hidden)]
    pub fn sleep_with(
        mut self,
        sleep: impl Fn(Duration) -> crate::clock::Sleep + Send + Sync + 'static,
    ) -> Self {
        self.sleeper = Sleeper::new(sleep);
        self
    }

    pub(crate) fn record_error(&mut self, error: BuildError) {
        self.wrong.get_or_insert(error);
    }

    /// The gate. Loads the page; reads no flag yet.
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

/// Set by Lambda, and by nothing else.
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
