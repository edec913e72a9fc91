//! The gate configured by variables, and the errors of wrong ones.

use std::sync::Arc;

use maintenance_gate::{BuildError, ExtensionSource, FileSource, FlagSource, Gate, SsmSource};

use crate::source_contract::credentials;
use crate::support::{Scripted, demo, get};

fn build(variables: &[(&str, &str)]) -> Result<Gate, BuildError> {
    Gate::builder().from_vars(lookup(variables)).build()
}

fn lookup(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    |name| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    }
}

const DEMO: [(&str, &str); 2] = [("MAINTENANCE_APP", "demo"), ("MAINTENANCE_ENV", "dev")];

fn with(more: &[(&str, &str)]) -> Result<Gate, BuildError> {
    build(&[&DEMO, more].concat())
}

#[tokio::test]
async fn the_variables_name_the_parameter() {
    for (more, parameter) in [
        (&[][..], "/maintenance/demo-dev/flags/web"),
        (
            &[("MAINTENANCE_ROLE", "api"), ("MAINTENANCE_PREFIX", "/x/y")],
            "/x/y/demo-dev/flags/api",
        ),
        (
            &[("MAINTENANCE_ROLE", ""), ("MAINTENANCE_PREFIX", "")],
            "/maintenance/demo-dev/flags/web",
        ),
    ] {
        let source = Scripted::missing();
        let variables = [&DEMO, more].concat();
        let gate = Gate::builder()
            .source(source.clone())
            .from_vars(lookup(&variables))
            .build()
            .unwrap();
        let _ = gate.check(&mut get()).await;
        assert_eq!(source.last_asked().as_deref(), Some(parameter));
    }
}

#[test]
fn the_environment_wins_over_the_code() {
    let gate = demo()
        .source(Scripted::missing())
        .from_vars(lookup(&[("MAINTENANCE_APP", "shop")]))
        .build()
        .unwrap();
    assert!(format!("{gate:?}").contains("shop-dev"), "{gate:?}");
}

#[test]
fn the_store_is_parameter_store_unless_named() {
    assert!(with(&[]).is_ok());
    assert!(with(&[("MAINTENANCE_STORE", "ssm")]).is_ok());
    let store = tempfile::tempdir().unwrap();
    let store = format!("file:{}", store.path().display());
    assert!(with(&[("MAINTENANCE_STORE", &store)]).is_ok());
}

#[test]
fn a_source_that_cannot_read_is_an_error_at_the_deployment() {
    let with_source = |source: Box<dyn FlagSource>| demo().source(source).build();
    let vars = |missing: &'static str, wrong: Option<&'static str>| {
        move |name: &str| match name {
            _ if name == missing => wrong.map(str::to_owned),
            _ => credentials(name),
        }
    };
    for (name, wrong) in [
        ("AWS_ACCESS_KEY_ID", None),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("AWS_REGION", None),
        ("AWS_ENDPOINT_URL", Some("localhost")),
        ("AWS_ENDPOINT_URL_SSM", Some("http://localhost:99999")),
        ("AWS_CA_BUNDLE", Some("/does/not/exist")),
        ("HTTPS_PROXY", Some("socks5://127.0.0.1:1080")),
        ("HTTPS_PROXY", Some("https://127.0.0.1:3128")),
    ] {
        let source = SsmSource::from_vars(vars(name, wrong));
        let error = with_source(Box::new(source)).unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    }
    let source = SsmSource::from_vars(|name| match name {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some("http://credentials.example/".to_owned()),
        "AWS_REGION" => Some("eu-west-1".to_owned()),
        _ => None,
    });
    let error = with_source(Box::new(source)).unwrap_err().to_string();
    assert!(
        error.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        "{error}"
    );
    for (name, wrong) in [
        ("AWS_SESSION_TOKEN", None),
        ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", Some("http")),
    ] {
        let source = ExtensionSource::from_vars(vars(name, wrong));
        let error = with_source(Box::new(source)).unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    }
    // Behind a pointer, too.
    let source = Arc::new(FileSource::new("/does/not/exist"));
    let error = with_source(Box::new(source)).unwrap_err().to_string();
    assert!(error.contains("/does/not/exist"), "{error}");
    let error = with(&[("MAINTENANCE_STORE", "file:/does/not/exist")]);
    assert!(error.is_err());
}

#[test]
fn an_error_says_what_why_and_what_next() {
    let message = |result: Result<Gate, BuildError>| {
        let error = result.unwrap_err();
        assert_eq!(format!("{error}"), format!("{error:?}"));
        assert!(error.to_string().ends_with(error.hint()));
        error.to_string()
    };
    assert_eq!(
        message(build(&[])),
        "the gate's app is not set: neither MAINTENANCE_APP nor the code says which flag to read. \
         Set MAINTENANCE_APP to the app that the operator's commands use"
    );
    assert_eq!(
        message(build(&[
            ("MAINTENANCE_APP", "demo"),
            ("MAINTENANCE_ENV", "")
        ])),
        "the gate's env is not set: neither MAINTENANCE_ENV nor the code says which flag to read. \
         Set MAINTENANCE_ENV to the env that the operator's commands use"
    );
    assert_eq!(
        message(with(&[("MAINTENANCE_ROLE", "Web!")])),
        "the gate's role is not valid: role \"Web!\" is not valid: it may hold only lower-case \
         letters a-z, digits, '_' and '-'. Correct MAINTENANCE_ROLE or the code that sets it"
    );
    for (variable, values) in [
        (
            "MAINTENANCE_TTL",
            &["5s", "-1", "1.5", "3601", "99999999999999999999"][..],
        ),
        ("MAINTENANCE_BUDGET_MS", &["250ms", "-1", "10001"]),
        ("MAINTENANCE_ON_UNKNOWN", &["Pass", "open"]),
        (
            "MAINTENANCE_STORE",
            &[
                "s3",
                "file:",
                "file",
                "ssm:x",
                "ssm-sdk",
                "extension:2773",
                ":",
            ],
        ),
        ("MAINTENANCE_PREFIX", &["maintenance", "/a/", "/aws/x"]),
        ("MAINTENANCE_APP", &["de/mo", ".."]),
    ] {
        for value in values {
            // The first one found counts.
            let variables = [&[(variable, *value)], &DEMO[..]].concat();
            let message = message(build(&variables));
            assert!(message.contains(variable), "{value}: {message}");
        }
    }
}

#[test]
fn a_ttl_of_zero_and_of_an_hour_are_taken() {
    for seconds in ["0", "3600"] {
        assert!(with(&[("MAINTENANCE_TTL", seconds)]).is_ok());
    }
}

#[test]
fn without_a_source_there_is_no_gate() {
    let error = demo().build().unwrap_err().to_string();
    assert!(error.contains("has no source"), "{error}");
}
