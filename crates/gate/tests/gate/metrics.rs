//! Metrics in CloudWatch's embedded format, as its specification wants them.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use maintenance_gate::{Builder, Gate, ManualClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    PARAMETER, RuntimeApi, START, Scripted, Shape, demo, flag, get, request, request_with,
    stored_token, token, with_flag,
};

/// A sink, and what it got.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn measure(&self, builder: Builder) -> Builder {
        let lines = self.clone();
        builder.embedded_metrics("maintenance", move |line| {
            lines.0.lock().unwrap().push(line.to_owned());
        })
    }

    /// The metrics since the last call, each held against the specification.
    fn take(&self) -> Vec<(String, u64)> {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        lines.iter().map(|line| check(line)).collect()
    }
}

/// Name and value of the one metric in a line.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
fn check(line: &str) -> (String, u64) {
    assert!(!line.contains('\n') && line.len() < 1_048_576);
    let line: Value = serde_json::from_str(line).unwrap();
    let metadata = line["_aws"].as_object().unwrap();
    assert!(metadata["Timestamp"].is_u64());
    let [directive] = &metadata["CloudWatchMetrics"].as_array().unwrap()[..] else {
        panic!("{line}")
    };
    assert_eq!(directive["Namespace"], "maintenance");
    // A set of dimensions names members of the root, which are texts.
    for set in directive["Dimensions"].as_array().unwrap() {
        for dimension in set.as_array().unwrap() {
            let value = line[dimension.as_str().unwrap()].as_str().unwrap();
            assert!(!value.is_empty() && value.len() <= 1_024);
        }
    }
    assert_eq!(directive["Dimensions"], json!([["app", "role"]]));
    let [metric] = &directive["Metrics"].as_array().unwrap()[..] else {
        panic!("{line}")
    };
    let name = metric["Name"].as_str().unwrap();
    let unit = if name == "FlagAge" {
        "Milliseconds"
    } else {
        "Count"
    };
    assert_eq!(metric["Unit"], unit);
    let fields: Vec<_> = line.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["_aws", "app", "role", name],
        "nothing of a request"
    );
    assert_eq!(
        (&line["app"], &line["role"]),
        (&json!("demo-dev"), &json!("web"))
    );
    (name.to_owned(), line[name].as_u64().unwrap())
}

fn named(name: &str, value: u64) -> (String, u64) {
    (name.to_owned(), value)
}

#[tokio::test]
async fn counts_what_is_blocked_and_what_passes_by_a_bypass() {
    let lines = Lines::default();
    let mut bypass = stored_token("demo-dev", "web");
    bypass["paths"] = json!(["/health"]);
    let gate = lines.measure(with_flag(&flag("read-only", &bypass)));
    let gate = gate.build().unwrap();
    let _ = gate.check(&get()).await;
    assert_eq!(
        lines.take(),
        [named("FlagAge", 0)],
        "a read that may pass anyway"
    );
    let _ = gate.check(&request(Method::POST, "/pay?card=1")).await;
    assert_eq!(lines.take(), [named("Blocked", 1)]);
    let _ = gate.check(&request(Method::POST, "/health")).await;
    let header = [("x-maintenance-bypass", token().reveal().to_owned())];
    let header = header
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let _ = gate
        .check(&request_with(Method::POST, "/pay", &header))
        .await;
    assert_eq!(
        lines.take(),
        [named("PassedByBypass", 1), named("PassedByBypass", 1)]
    );
    let event = Shape::LoadBalancer.event("POST", "/pay");
    let _ = gate.check_event(&event).await;
    assert_eq!(lines.take(), [named("Blocked", 1)]);
}

#[tokio::test]
async fn the_age_of_the_flag_grows_while_the_store_does_not_answer() {
    let (lines, clock) = (Lines::default(), ManualClock::new(START));
    let source = Scripted::text("off");
    let builder = demo().source(source.clone()).clock(clock.clone());
    let gate = lines.measure(builder).build().unwrap();
    let refresh = async |gate: &Gate| {
        clock.advance(Duration::from_secs(60));
        let _ = gate.check(&get()).await;
        lines.take()
    };
    assert_eq!(refresh(&gate).await, [named("FlagAge", 0)]);
    assert_eq!(refresh(&gate).await, [named("FlagAge", 0)]);
    source.fail();
    assert_eq!(refresh(&gate).await, [named("FlagAge", 60_000)]);
    assert_eq!(refresh(&gate).await, [named("FlagAge", 120_000)]);
    source.set("off");
    assert_eq!(refresh(&gate).await, [named("FlagAge", 0)]);
    let _ = gate.check(&get()).await;
    assert_eq!(
        lines.take(),
        [],
        "no refresh, and what just passes is not counted"
    );
}

#[tokio::test]
async fn an_age_that_nobody_knows_is_not_said() {
    let lines = Lines::default();
    let gate = lines.measure(demo().source(Scripted::failing()));
    let gate = gate.build().unwrap();
    let _ = gate.check(&get()).await;
    assert_eq!(lines.take(), []);
}

#[test]
fn a_namespace_that_cloudwatch_would_not_take_is_an_error_at_the_deployment() {
    let error = with_flag("off").from_vars(|name| match name {
        "MAINTENANCE_METRICS" => Some("AWS/Lambda".to_owned()),
        _ => None,
    });
    let error = error.build().unwrap_err().to_string();
    assert!(
        error.contains("AWS/Lambda") && error.contains("MAINTENANCE_METRICS"),
        "{error}"
    );
}

/// A file store whose flag is on, and its name as a setting.
fn store() -> (TempDir, String) {
    let store = tempfile::tempdir().unwrap();
    let file = store.path().join(&PARAMETER[1..]);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "on").unwrap();
    let setting = format!("file:{}", store.path().display());
    (store, setting)
}

#[tokio::test]
async fn a_function_writes_them_to_its_log_as_its_environment_says() {
    let (_store, path) = store();
    for metrics in ["", "maintenance"] {
        let variables = [
            ("MAINTENANCE_APP", "demo"),
            ("MAINTENANCE_ENV", "dev"),
            ("MAINTENANCE_STORE", path.as_str()),
            ("MAINTENANCE_BUDGET_MS", "10000"),
            ("MAINTENANCE_METRICS", metrics),
        ];
        let mut api = RuntimeApi::start("lambda_runtime", &variables).await;
        let event = Shape::FunctionUrl.event("GET", "/");
        assert_eq!(api.invoke(event).await.unwrap()["statusCode"], 503);
        let log = api.stop().await;
        let found: Vec<_> = log
            .lines()
            .filter(|line| line.starts_with("{\"_aws\""))
            .collect();
        if metrics.is_empty() {
            assert!(found.is_empty(), "{log}");
        } else {
            let names: Vec<_> = found.iter().map(|line| check(line).0).collect();
            assert_eq!(names, ["FlagAge", "Blocked"], "{log}");
        }
    }
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_no_answer() {
    let (_store, path) = store();
    let variables = [
        ("MAINTENANCE_APP", "demo"),
        ("MAINTENANCE_ENV", "dev"),
        ("MAINTENANCE_STORE", path.as_str()),
        ("MAINTENANCE_BUDGET_MS", "10000"),
        ("MAINTENANCE_METRICS", "maintenance"),
        ("AWS_LAMBDA_LOG_LEVEL", "off"),
    ];
    let mut api = RuntimeApi::start("lambda_runtime", &variables).await;
    api.stop_listening();
    for _ in 0..50 {
        let event = Shape::FunctionUrl.event("GET", "/");
        assert_eq!(api.invoke(event).await.unwrap()["statusCode"], 503);
    }
}
