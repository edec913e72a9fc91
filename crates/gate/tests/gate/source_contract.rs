//! What every source owes a gate, whatever it reads from: one suite for all of them.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ssm::{Client, Config};
use maintenance_gate::{
    BoxError, Decision, ExtensionSource, FileSource, FlagSource, Gate, MemorySource, Mode,
    ParameterValue, SdkSource, SsmSource,
};
use maintenance_sandbox::{Sandbox, Server, Settings};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Extension, PARAMETER, Reply, Stub, TOKEN, demo, get};

/// A source that speaks HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A signed request of our own.
    Ssm,
    /// The AWS SDK.
    Sdk,
    /// The AWS Parameters and Secrets Lambda extension.
    Extension,
}

impl Wire {
    pub(crate) const ALL: [Self; 3] = [Self::Ssm, Self::Sdk, Self::Extension];

    /// The source, asking this port of 127.0.0.1.
    pub(crate) fn source(self, port: u16) -> Box<dyn FlagSource> {
        match self {
            Self::Ssm => Box::new(ssm(port)),
            Self::Sdk => Box::new(SdkSource::new(sdk_client(port))),
            Self::Extension => Box::new(extension(port)),
        }
    }
}

pub(crate) fn ssm(port: u16) -> SsmSource {
    let url = format!("http://127.0.0.1:{port}");
    SsmSource::from_vars(move |name| match name {
        "AWS_ENDPOINT_URL" => Some(url.clone()),
        _ => credentials(name),
    })
}

/// The variables of a Lambda function.
pub(crate) fn credentials(name: &str) -> Option<String> {
    let value = match name {
        "AWS_REGION" => "us-east-1",
        "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY" => "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN" => TOKEN,
        _ => return None,
    };
    Some(value.to_owned())
}

pub(crate) fn extension(port: u16) -> ExtensionSource {
    ExtensionSource::from_vars(move |name| match name {
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT" => Some(port.to_string()),
        "AWS_SESSION_TOKEN" => Some(TOKEN.to_owned()),
        _ => None,
    })
}

fn sdk_client(port: u16) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(
            "AKIDEXAMPLE",
            "TOPSECRET",
            Some(TOKEN.to_owned()),
            None,
            "test",
        ))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// A store with a source that reads it.
struct Stage {
    source: Box<dyn FlagSource>,
    store: Store,
}

enum Store {
    Sandbox {
        sandbox: Sandbox,
        server: Server,
        _extension: Option<Extension>,
    },
    Folder(TempDir),
    Memory(MemorySource),
}

impl Stage {
    async fn all() -> Vec<(&'static str, Self)> {
        vec![
            ("ssm", Self::over(Wire::Ssm).await),
            ("ssm-sdk", Self::over(Wire::Sdk).await),
            ("extension", Self::over(Wire::Extension).await),
            ("file", Self::in_a_folder()),
            ("memory", Self::in_memory()),
        ]
    }

    async fn over(wire: Wire) -> Self {
        let sandbox = Sandbox::new(Settings::quick());
        let server = sandbox.serve().await.unwrap();
        let extension = match wire {
            Wire::Extension => Some(Extension::start(&sandbox).await),
            Wire::Ssm | Wire::Sdk => None,
        };
        let port = match &extension {
            Some(extension) => extension.port,
            None => server.address().port(),
        };
        Self {
            source: wire.source(port),
            store: Store::Sandbox {
                sandbox,
                server,
                _extension: extension,
            },
        }
    }

    fn in_a_folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            source: Box::new(FileSource::new(folder.path())),
            store: Store::Folder(folder),
        }
    }

    fn in_memory() -> Self {
        let memory = MemorySource::default();
        Self {
            source: Box::new(memory.clone()),
            store: Store::Memory(memory),
        }
    }

    fn put(&self, parameter: &str, text: &str) {
        match &self.store {
            Store::Sandbox { sandbox, .. } => sandbox.set_parameter(parameter, text),
            Store::Folder(folder) => {
                let file = folder.path().join(&parameter[1..]);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            Store::Memory(memory) => memory.set(text),
        }
    }

    /// Beside it a gate that asks the source each time.
    fn gate(self) -> (Self, Gate) {
        let source = Arc::new(self.source);
        let gate = demo()
            .source(Arc::clone(&source))
            .ttl(Duration::ZERO)
            .refresh_budget(Duration::from_secs(10))
            .build()
            .unwrap();
        let stage = Self {
            source: Box::new(source),
            store: self.store,
        };
        (stage, gate)
    }

    fn remove(&self, parameter: &str) {
        match &self.store {
            Store::Sandbox { sandbox, .. } => assert!(sandbox.delete_parameter(parameter)),
            Store::Folder(folder) => fs::remove_file(folder.path().join(&parameter[1..])).unwrap(),
            Store::Memory(memory) => memory.remove(),
        }
    }

    async fn fetch(&self, parameter: &str) -> Result<Option<ParameterValue>, BoxError> {
        self.source.fetch(parameter).await
    }
}

#[tokio::test]
async fn the_stored_text_comes_back_byte_for_byte() {
    let largest = "\u{1}\"\\".repeat(4_096 / 3);
    for (name, stage) in Stage::all().await {
        for text in [
            "on",
            "off\n",
            "  on\r\n\t",
            r#"{"schema":1,"mode":"on","message":"Zurück um \"acht\" \\o/ <b>&amp;</b> 🚧"}"#,
            "\u{7f}\u{1b}[31m\u{2028}",
            "%2F+%00",
            "{",
            "",
            &largest,
        ] {
            stage.put(PARAMETER, text);
            let fetched = stage.fetch(PARAMETER).await.unwrap();
            assert_eq!(
                fetched.as_ref().map(ParameterValue::text),
                Some(text),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_parameter_that_does_not_exist_is_none_where_that_can_be_known() {
    for (name, stage) in Stage::all().await {
        let fetched = stage.fetch(PARAMETER).await;
        if name == "extension" {
            let error = fetched.unwrap_err().to_string();
            assert_eq!(error, "HTTP 400 from the extension: its log says why");
        } else {
            assert_eq!(fetched.unwrap(), None, "{name}");
        }
    }
}

#[tokio::test]
async fn each_name_is_read_for_itself() {
    for (name, stage) in Stage::all().await {
        if name == "memory" {
            continue;
        }
        let names = [
            "/maintenance/demo-dev/flags/web",
            "/maintenance/demo-dev/flags/web-2",
            "/maintenance/demo-dev/flags/a_b-c",
            "/x.y/z_1/Demo/demo-dev/flags/web",
        ];
        for parameter in names {
            stage.put(parameter, parameter);
        }
        for parameter in names {
            let fetched = stage.fetch(parameter).await.unwrap().unwrap();
            assert_eq!(fetched.text(), parameter, "{name}");
        }
    }
}

#[tokio::test]
async fn a_text_comes_with_its_version_where_the_store_counts_them() {
    for (name, stage) in Stage::all().await {
        let counts = !matches!(name, "file" | "memory");
        for (text, version) in [("on", 1), ("off", 2), ("off", 3)] {
            stage.put(PARAMETER, text);
            let fetched = stage.fetch(PARAMETER).await.unwrap().unwrap();
            assert_eq!(fetched.version(), counts.then_some(version), "{name}");
        }
        stage.remove(PARAMETER);
        stage.put(PARAMETER, "on");
        let fetched = stage.fetch(PARAMETER).await.unwrap().unwrap();
        assert_eq!(fetched.version(), counts.then_some(1), "{name}: made anew");
    }
}

#[tokio::test]
async fn a_version_that_is_missing_or_none_costs_no_text() {
    for wire in Wire::ALL {
        for version in [json!(null), json!(0), json!(-7), json!("seven"), json!({})] {
            if wire == Wire::Sdk && (version.is_string() || version.is_object()) {
                // That is for the SDK to read.
                continue;
            }
            let body = json!({"Parameter": {"Name": "/x", "Value": "on", "Version": version}});
            let stub = Stub::start([Reply::json(200, &body)]).await;
            let fetched = wire.source(stub.port).fetch(PARAMETER).await.unwrap();
            assert_eq!(fetched, Some("on".into()), "{wire:?} {version}");
        }
        let body = json!({"Parameter": {"Name": "/x", "Value": "on"}});
        let stub = Stub::start([Reply::json(200, &body)]).await;
        let fetched = wire.source(stub.port).fetch(PARAMETER).await.unwrap();
        assert_eq!(fetched, Some("on".into()), "{wire:?}");
    }
}

#[tokio::test]
async fn a_gate_sees_a_change_when_reads_lag_no_longer_and_stays_with_it() {
    for wire in Wire::ALL {
        let stage = Stage::over(wire).await;
        let Store::Sandbox {
            sandbox, server, ..
        } = &stage.store
        else {
            unreachable!("it is over HTTP");
        };
        let (sandbox, operator) = (sandbox.clone(), sdk_client(server.address().port()));
        stage.put(PARAMETER, "off");
        sandbox.configure(|settings| settings.ssm.read_lag = 3);
        let (_stage, gate) = stage.gate();
        let _ = gate.check(&mut get()).await;
        for (before, text, now) in [
            (Mode::Off, "on", Mode::On),
            (Mode::On, "off", Mode::Off),
            (Mode::Off, "on", Mode::On),
        ] {
            let put = operator.put_parameter().name(PARAMETER).value(text);
            put.overwrite(true).send().await.unwrap();
            let mut modes = Vec::new();
            for _ in 0..6 {
                let _ = gate.check(&mut get()).await;
                modes.extend(gate.last_known());
            }
            assert_eq!(modes, [before, before, before, now, now, now], "{wire:?}");
        }
    }
}

#[tokio::test]
async fn one_source_serves_two_gates_from_their_first_requests_on() {
    for _ in 0..5 {
        for (name, stage) in Stage::all().await {
            stage.put(PARAMETER, "on");
            let source: Arc<dyn FlagSource> = Arc::from(stage.source);
            let gate = || {
                let builder = demo().source(Arc::clone(&source));
                builder.refresh_budget(Duration::from_secs(10)).build()
            };
            let gates = [gate().unwrap(), gate().unwrap(), gate().unwrap()];
            let requests = gates.map(|gate| {
                tokio::spawn(async move { gate.check(&mut get()).await.into_response().is_some() })
            });
            for request in requests {
                assert!(request.await.unwrap(), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_gate_follows_it_there_and_back() {
    for (name, stage) in Stage::all().await {
        stage.put(PARAMETER, "off");
        let (stage, gate) = stage.gate();
        for (text, mode) in [
            ("off", Mode::Off),
            ("on", Mode::On),
            (r#"{"schema":1,"mode":"read-only"}"#, Mode::ReadOnly),
            ("off", Mode::Off),
        ] {
            stage.put(PARAMETER, text);
            let decision = gate.check(&mut get()).await;
            assert_eq!(gate.last_known(), Some(mode), "{name}");
            assert_eq!(matches!(decision, Decision::Block(_)), mode == Mode::On);
        }
        stage.put(PARAMETER, "");
        let _ = gate.check(&mut get()).await;
        assert_eq!(gate.last_known(), Some(Mode::Off), "{name}: nonsense");
    }
}
