//! An app on the in-process sandbox, on tokio's paused clock: thousands of calls through the real
//! adapters, and no waiting.

use std::collections::BTreeMap;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use jiff::Timestamp;
use maintenance_control::{
    Actor, AppRoles, Calls, Clients, Clock, CloudWatch, Context, Control, Error, Fleet, Identity,
    OffRequest, OnRequest, RateLimiter, Report, Request, RoleReport, RoleSpec, Selection, SsmStore,
    Status, Store, Visitor, operate_together, plan_together,
};
use maintenance_flag::{App, Flag, Prefix, Role};
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec, Sandbox, Settings};

/// When every test begins.
pub(crate) const START: &str = "2026-11-21T08:00:00Z";

pub(crate) fn start() -> Timestamp {
    START.parse().expect("a time")
}

/// A sandbox without rate limits whose clock is tokio's.
pub(crate) fn sandbox() -> Sandbox {
    let clock = maintenance_sandbox::Clock::tokio_from(start());
    Sandbox::new(Settings {
        clock,
        ..Settings::quick()
    })
}

/// SDK clients that call the sandbox in process, set up as [`maintenance_control::connect`] does.
pub(crate) fn clients(sandbox: &Sandbox) -> Clients {
    clients_over(&sandbox.http_client(), &Credentials::for_tests())
}

/// The same, by another way to the sandbox and as somebody in particular.
pub(crate) fn clients_over(http: &SharedHttpClient, credentials: &Credentials) -> Clients {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
        .retry_config(RetryConfig::disabled())
        // It counts bytes by the machine's clock and waits by tokio's, which is paused here: on a busy machine it gives
        // up a call that takes its time.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http.clone())
        .build();
    Clients {
        ssm: aws_sdk_ssm::Client::new(&config),
        lambda: aws_sdk_lambda::Client::new(&config),
        cloudwatch: CloudWatch::default(),
        calls: Calls::default(),
        visitor: Visitor::default(),
        identity: Identity::new(&config, &Visitor::default()),
    }
}

/// The control plane of `demo-dev` on a sandbox, run by `by`. It paces itself as in production: the
/// clock is virtual, so that costs nothing.
pub(crate) fn control_by(sandbox: &Sandbox, by: &str) -> Control {
    control_of(app(), sandbox, by)
}

/// The same of another app.
pub(crate) fn control_of(app: App, sandbox: &Sandbox, by: &str) -> Control {
    let clients = clients(sandbox);
    let store = Store::Ssm(SsmStore::new(clients.ssm));
    control_with(app, sandbox, store, by)
}

/// The same with another store.
pub(crate) fn control_with(app: App, sandbox: &Sandbox, store: Store, by: &str) -> Control {
    let clients = clients(sandbox);
    let clock = Clock::virtual_from(sandbox_now(sandbox));
    let fleet =
        Fleet::new(clients.lambda, RateLimiter::per_second(10.0)).with_identity(clients.identity);
    Control::new(app, &Prefix::default(), store, fleet, by.to_owned()).with_clock(clock)
}

fn sandbox_now(sandbox: &Sandbox) -> Timestamp {
    sandbox.settings().clock.now()
}

pub(crate) fn app() -> App {
    App::new("demo", "dev").expect("a good name")
}

pub(crate) fn web() -> RoleSpec {
    RoleSpec {
        role: Role::web(),
        functions: None,
        drain: Default::default(),
        options: Default::default(),
    }
}

/// The worker role with functions that match `demo-dev-*`.
pub(crate) fn worker() -> RoleSpec {
    let functions = Selection::new(&["demo-dev-*".to_owned()], &[], BTreeMap::new());
    RoleSpec {
        role: Role::worker(),
        functions: Some(functions.expect("a good glob")),
        drain: Default::default(),
        options: Default::default(),
    }
}

pub(crate) fn on_wish() -> OnRequest {
    OnRequest {
        who: Actor::Person,
        product: None,
        reason: Some("migration".to_owned()),
        read_only: false,
        options: maintenance_flag::Options::default(),
        link: None,
        accept_event_loss: false,
        shown: None,
    }
}

pub(crate) fn off_wish() -> OffRequest {
    OffRequest {
        who: Actor::Person,
        product: None,
        force: None,
        restore_saved: false,
    }
}

/// Operations on one app alone.
pub(crate) trait OneApp {
    fn control(&self) -> &Control;

    async fn on(
        &self,
        roles: &[RoleSpec],
        on: &OnRequest,
        context: &Context<'_>,
    ) -> Result<Report, Error> {
        let app = one_app(self.control(), roles, context);
        the_only(operate_together(&[app], Request::On(on)).await)
    }

    async fn off(
        &self,
        roles: &[RoleSpec],
        off: &OffRequest,
        context: &Context<'_>,
    ) -> Result<Report, Error> {
        let app = one_app(self.control(), roles, context);
        the_only(operate_together(&[app], Request::Off(off)).await)
    }

    async fn plan_on(
        &self,
        roles: &[RoleSpec],
        on: &OnRequest,
        context: &Context<'_>,
    ) -> Result<Report, Error> {
        let app = one_app(self.control(), roles, context);
        the_only(plan_together(&[app], Request::On(on)).await)
    }

    async fn plan_off(
        &self,
        roles: &[RoleSpec],
        off: &OffRequest,
        context: &Context<'_>,
    ) -> Result<Report, Error> {
        let app = one_app(self.control(), roles, context);
        the_only(plan_together(&[app], Request::Off(off)).await)
    }
}

impl OneApp for Control {
    fn control(&self) -> &Control {
        self
    }
}

/// An app, as operations on several have it.
pub(crate) fn one_app<'a>(
    control: &'a Control,
    roles: &'a [RoleSpec],
    context: &'a Context<'a>,
) -> AppRoles<'a> {
    AppRoles {
        control,
        roles,
        context,
    }
}

/// The result of the only app.
pub(crate) fn the_only<T>(results: Vec<T>) -> T {
    let mut results = results.into_iter();
    results.next().expect("a result for each app")
}

/// An app on a sandbox.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) control: Control,
}

impl World {
    /// With these functions.
    pub(crate) fn new(functions: impl IntoIterator<Item = FunctionSpec>) -> Self {
        let sandbox = sandbox();
        for function in functions {
            sandbox.seed(function);
        }
        let control = control_by(&sandbox, "ana@laptop");
        Self { sandbox, control }
    }

    /// With so many functions that have 1 reserved each.
    pub(crate) fn of(count: usize) -> Self {
        Self::new((0..count).map(|n| FunctionSpec::new(&format!("demo-dev-{n:03}")).reserved(1)))
    }

    /// Lets the next lease be taken, and never be renewed.
    pub(crate) fn let_no_lease_be_renewed(&self) {
        let renewals = Fault::on("PutParameter").target("/lease/").nth(2).always();
        self.inject(renewals.fail(500, "InternalServerError", "gone"));
    }

    /// Leaves another operator's lease of half a minute, number `n`, which is never renewed or given back.
    pub(crate) fn leave_a_lease(&self, n: u32, acquired: Timestamp) {
        let lease = maintenance_flag::Lease {
            id: "0".to_owned(),
            by: "ben@desk".to_owned(),
            operation: "on worker".to_owned(),
            acquired,
            expires: acquired + std::time::Duration::from_secs(30),
            released: false,
            follower: None,
            left: [("worker".to_owned(), None)].into(),
        };
        let name = format!("/maintenance/demo-dev/lease/{n}");
        self.sandbox.set_parameter(&name, &lease.encode());
    }

    /// With one function of every kind.
    pub(crate) fn mixed() -> Self {
        Self::new(mixed_fleet())
    }

    pub(crate) async fn on(&self, role: &RoleSpec) -> Result<Report, Error> {
        self.control
            .on(std::slice::from_ref(role), &on_wish(), &Context::quiet())
            .await
    }

    pub(crate) async fn off(&self, role: &RoleSpec) -> Result<Report, Error> {
        self.control
            .off(std::slice::from_ref(role), &off_wish(), &Context::quiet())
            .await
    }

    pub(crate) async fn status(&self, role: &RoleSpec) -> Status {
        self.control
            .status(std::slice::from_ref(role), &Context::quiet())
            .await
            .expect("a status")
    }

    /// The stored flag of a role.
    pub(crate) fn flag(&self, role: &str) -> Flag {
        let parameters = self.sandbox.parameters();
        parameters
            .get(&format!("/maintenance/demo-dev/flags/{role}"))
            .map_or_else(Flag::off, |parameter| {
                Flag::decode(&parameter.value).expect("a flag")
            })
    }

    /// The names of the parameters below `/maintenance/demo-dev/<path>`.
    pub(crate) fn parameters(&self, path: &str) -> Vec<String> {
        let below = format!("/maintenance/demo-dev/{path}");
        let parameters = self.sandbox.parameters();
        parameters
            .into_keys()
            .filter(|name| name.starts_with(&below))
            .collect()
    }

    /// Whether nobody holds a lease.
    pub(crate) fn lease_is_free(&self) -> bool {
        let now = sandbox_now(&self.sandbox);
        let parameters = self.sandbox.parameters();
        parameters
            .iter()
            .filter(|(name, _)| name.contains("/lease/"))
            .all(|(_, parameter)| {
                let lease = maintenance_flag::Lease::decode(&parameter.value).expect("a lease");
                !lease.is_held(now)
            })
    }

    /// The writes so far, but for those of the lease.
    pub(crate) fn writes(&self) -> Vec<maintenance_sandbox::CallRecord> {
        let writes = self.sandbox.writes().into_iter();
        writes
            .filter(|record| {
                let target = record.call.target.as_deref().unwrap_or_default();
                !target.contains("/lease/")
            })
            .collect()
    }

    /// Makes a call of the future go wrong.
    pub(crate) fn inject(&self, fault: Fault) {
        self.sandbox.inject(fault);
    }
}

/// One function of every kind: unset, zero, limited, provisioned on an alias and a version, fed by
/// queues, some of whose mappings are disabled; and others that do not belong.
pub(crate) fn mixed_fleet() -> Vec<FunctionSpec> {
    vec![
        FunctionSpec::new("demo-dev-unset"),
        FunctionSpec::new("demo-dev-zero").reserved(0),
        FunctionSpec::new("demo-dev-limited").reserved(20),
        FunctionSpec::new("demo-dev-provisioned")
            .reserved(30)
            .versions(2)
            .alias("live", 1)
            .alias("next", 2)
            .provisioned("live", 3)
            .provisioned("2", 5),
        FunctionSpec::new("demo-dev-unset-provisioned")
            .versions(1)
            .alias("live", 1)
            .provisioned("live", 2),
        FunctionSpec::new("demo-dev-versions").versions(3),
        FunctionSpec::new("demo-dev-queue")
            .reserved(5)
            .mapping(MappingSpec::sqs("orders"))
            .mapping(MappingSpec::sqs("paused").disabled())
            .mapping(MappingSpec::kinesis("clicks")),
        FunctionSpec::new("demo-dev-zero-queue")
            .reserved(0)
            .mapping(MappingSpec::dynamodb("carts")),
        FunctionSpec::new("other-dev-mail")
            .reserved(7)
            .mapping(MappingSpec::sqs("mail")),
    ]
}

/// The only role in a report.
pub(crate) fn only(report: &Report) -> &RoleReport {
    assert_eq!(report.roles.len(), 1, "{report:?}");
    &report.roles[0]
}
