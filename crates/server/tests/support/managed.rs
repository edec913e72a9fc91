//! An app of a sandbox, as a server manages it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_lambda::config::{BehaviorVersion, Region};
use maintenance_control::{
    Clock, Control, Drain, Fleet, RateLimiter, RoleSpec, Selection, SsmStore, Store,
};
use maintenance_flag::{App, Options, Prefix, Role};
use maintenance_sandbox::Sandbox;
use maintenance_server::catalog::ManagedApp;

pub(crate) fn managed(
    sandbox: &Sandbox,
    app: App,
    has_worker: bool,
    url: Option<String>,
) -> ManagedApp {
    let control = control(sandbox, app.clone(), "server");
    ManagedApp {
        reads: control.with_answer_limit(Duration::from_secs(10)),
        control,
        roles: roles(&app, has_worker),
        url,
    }
}

pub(crate) fn roles(app: &App, has_worker: bool) -> Vec<RoleSpec> {
    let functions = Selection::new(&[format!("{app}-*")], &[], BTreeMap::new());
    let role = |role: Role, functions: Option<Selection>| RoleSpec {
        role,
        functions,
        drain: Drain {
            timeout: Some(Duration::from_secs(30)),
            ..Drain::default()
        },
        options: Options::default(),
    };
    let worker = has_worker.then(|| role(Role::worker(), functions.ok()));
    [role(Role::web(), None)]
        .into_iter()
        .chain(worker)
        .collect()
}

pub(crate) fn clock(sandbox: &Sandbox) -> Clock {
    Clock::virtual_from(sandbox.settings().clock.now())
}

pub(crate) fn store(sandbox: &Sandbox) -> Store {
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(aws_sdk_ssm::config::retry::RetryConfig::disabled())
        .http_client(sandbox.http_client())
        .build();
    Store::Ssm(SsmStore::new(aws_sdk_ssm::Client::from_conf(config)))
}

pub(crate) fn control(sandbox: &Sandbox, app: App, by: &str) -> Control {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(aws_sdk_lambda::config::retry::RetryConfig::disabled())
        .http_client(sandbox.http_client())
        .build();
    let lambda = aws_sdk_lambda::Client::from_conf(config);
    let fleet = Fleet::new(lambda, RateLimiter::per_second(10.0));
    let control = Control::new(
        app,
        &Prefix::default(),
        store(sandbox),
        fleet,
        by.to_owned(),
    );
    control.with_clock(clock(sandbox))
}
