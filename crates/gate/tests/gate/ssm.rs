//! The flag in Parameter Store: the real SDK, against the sandbox.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::{BehaviorVersion, Region};
use aws_sdk_ssm::{Client, Config};
use maintenance_gate::{Decision, FlagSource, Mode, SsmSource};
use maintenance_sandbox::{Fault, Sandbox, Settings};

use crate::support::{PARAMETER, demo, get};

fn source(sandbox: &Sandbox) -> SsmSource {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(RetryConfig::disabled())
        .http_client(sandbox.http_client())
        .build();
    SsmSource::new(Client::from_conf(config))
}

#[tokio::test]
async fn reads_the_stored_text_and_takes_a_missing_parameter_for_off() {
    let sandbox = Sandbox::new(Settings::quick());
    let gate = demo()
        .source(source(&sandbox))
        .ttl(Duration::ZERO)
        .refresh_budget(Duration::from_secs(10))
        .build()
        .unwrap();
    assert!(matches!(gate.check(&get()).await, Decision::Pass));
    assert_eq!(gate.last_known(), Some(Mode::Off));
    sandbox.set_parameter(PARAMETER, r#"{"schema":1,"mode":"on"}"#);
    assert!(matches!(gate.check(&get()).await, Decision::Block(_)));
    sandbox.set_parameter(PARAMETER, "off");
    assert!(matches!(gate.check(&get()).await, Decision::Pass));
    let calls = sandbox.calls();
    assert_eq!(calls.len(), 3, "one call a refresh: {calls:?}");
    assert!(sandbox.writes().is_empty());
}

#[tokio::test]
async fn whatever_keeps_it_from_knowing_is_an_error_that_says_why() {
    for (fault, part) in [
        (Fault::any_call().access_denied(), "ssm:GetParameter"),
        (Fault::any_call().throttle(), "Throttling"),
        (
            Fault::any_call().fail(500, "InternalServerError", "try later"),
            "InternalServerError",
        ),
        (Fault::any_call().drop_connection(), "dispatch failure"),
    ] {
        let sandbox = Sandbox::new(Settings::quick());
        sandbox.set_parameter(PARAMETER, "on");
        sandbox.inject(fault);
        let error = source(&sandbox).fetch(PARAMETER).await.unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_store_that_fails_changes_nothing() {
    let sandbox = Sandbox::new(Settings::quick());
    sandbox.set_parameter(PARAMETER, "on");
    let gate = demo()
        .source(source(&sandbox))
        .ttl(Duration::ZERO)
        .refresh_budget(Duration::from_secs(10))
        .build()
        .unwrap();
    assert!(matches!(gate.check(&get()).await, Decision::Block(_)));
    sandbox.set_parameter(PARAMETER, "off");
    sandbox.inject(Fault::any_call().always().access_denied());
    for _ in 0..3 {
        assert!(matches!(gate.check(&get()).await, Decision::Block(_)));
    }
}

#[tokio::test]
async fn a_store_that_hangs_costs_a_request_its_budget_and_no_more() {
    let sandbox = Sandbox::new(Settings::quick());
    sandbox.inject(Fault::any_call().always().hang());
    let gate = demo()
        .source(source(&sandbox))
        .refresh_budget(Duration::from_millis(20))
        .build()
        .unwrap();
    assert!(matches!(gate.check(&get()).await, Decision::Pass));
    assert_eq!(gate.last_known(), None);
}
