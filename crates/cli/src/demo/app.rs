//! The demonstration app, running.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::response::Html;
use axum::routing::get;
use axum::{Extension, Router};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::AUTHORIZATION;
use hyper_util::service::TowerToHyperService;
use maintenance_gate::{Gate, MaintenanceLayer, SdkSource};
use maintenance_sandbox::{Fleet, Sandbox, Server, Settings, StateError};
use tempfile::TempDir;

use crate::command_context::quoted;
use crate::error::CliError;

use super::workers::{APP, BILLING, BILLING_WORKERS, ENV, INVOKED, WORKERS, billing, functions};

const HELLO: &str = "<!doctype html>\n<title>Demo</title>\n<h1>Hello, visitor.</h1>\n";
/// The sandbox checks no signature; these are for the SDK's sake.
pub(super) const KEY: &str = "sandbox";

/// The observer of the product.
pub(super) const OBSERVER: &str = "database";
/// The file whose being there means maintenance to it, beside the configuration.
const OBSERVED: &str = "database-is-down";

/// How to start it.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The port of the local AWS; 0 is a free one.
    pub(crate) port: u16,
    /// Where its state is kept, if anywhere.
    pub(crate) state: Option<PathBuf>,
    /// How old what the gate knows may be.
    pub(crate) ttl: Duration,
    /// The page that visitors get during maintenance, instead of the built-in one.
    pub(crate) page: Option<PathBuf>,
    /// Whether the local AWS takes as long as AWS does, instead of tenths of a second.
    pub(crate) aws_waits: bool,
    /// Whether it is one of two apps of a product.
    pub(crate) has_product: bool,
}

impl Options {
    fn settings(&self) -> Settings {
        match self.aws_waits {
            true => Settings::with_aws_waits(),
            false => Settings::demo(),
        }
    }
}

/// The demonstration app, running until it is dropped.
pub(crate) struct DemoApp {
    sandbox: Sandbox,
    server: Server,
    page: Server,
    folder: TempDir,
    state: Option<PathBuf>,
}

impl DemoApp {
    /// Starts it on the runtime this is called in.
    pub(crate) async fn start(options: Options) -> Result<Self, CliError> {
        let sandbox = match &options.state {
            None => seeded(&options),
            Some(folder) => resumed(folder, &options)?,
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let server = sandbox.serve_at(address).await.map_err(|error| {
            CliError::failed(format!("cannot listen on {address}"))
                .caused_by(&error)
                .hint("choose another --port, or leave it out for a free one")
        })?;
        let folder = config_file(&options)
            .map_err(|e| CliError::failed("cannot write a temporary file").caused_by(&e))?;
        if let Some(page) = &options.page {
            copy_page(page, folder.path())?;
        }
        let page = serve_page(&sandbox, options.ttl, folder.path()).await?;
        let demo_app = Self {
            state: options.state,
            sandbox,
            server,
            page,
            folder,
        };
        demo_app.save()?;
        Ok(demo_app)
    }

    /// Where the local AWS is.
    pub(crate) fn endpoint_url(&self) -> String {
        self.server.endpoint_url()
    }

    /// The local AWS itself.
    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Where the app's page is.
    pub(crate) fn page(&self) -> SocketAddr {
        self.page.address()
    }

    /// The file whose being there means maintenance to the observer of the product.
    pub(crate) fn observed(&self) -> PathBuf {
        self.folder.path().join(OBSERVED)
    }

    /// Every function's settings, as they are now.
    pub(crate) fn fleet(&self) -> Fleet {
        self.sandbox.fleet()
    }

    /// The parameters with saved settings: none, once all functions are restored.
    pub(crate) fn saved(&self) -> Vec<String> {
        let names = self.sandbox.parameters().into_keys();
        names.filter(|name| name.contains("/capacity/")).collect()
    }

    /// The worker that [`DemoApp::invoke`] invokes.
    pub(crate) fn invoked(&self) -> &'static str {
        INVOKED
    }

    /// Invokes a worker: the status, and how AWS names it if it refuses. In plain HTTP: what the SDK links
    /// for its forty ways to be refused is a quarter of a megabyte.
    pub(crate) async fn invoke(&self) -> Result<(u16, Option<String>), CliError> {
        let cannot = || CliError::failed(format!("cannot invoke {INVOKED}"));
        let region = self.sandbox.settings().region;
        let scope = format!("Credential={KEY}/20260101/{region}/lambda/aws4_request");
        let request = Request::post(format!("/2015-03-31/functions/{INVOKED}/invocations"))
            .header(AUTHORIZATION, format!("AWS4-HMAC-SHA256 {scope}"))
            .body(Bytes::new())
            .map_err(|error| cannot().caused_by(&error))?;
        let answer = self.sandbox.handle(request).await;
        let answer = answer.map_err(|error| cannot().caused_by(&error))?;
        let code = answer.headers().get("x-amzn-errortype");
        let code = code.map(|code| String::from_utf8_lossy(code.as_bytes()).into_owned());
        Ok((answer.status().as_u16(), code))
    }

    /// What a process needs in its environment to work on this app.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let config = self.folder.path().join(crate::settings::FILE_NAME);
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint_url()),
            ("AWS_REGION", self.sandbox.settings().region),
            // What boto3 and the first aws command line tool read.
            ("AWS_DEFAULT_REGION", self.sandbox.settings().region),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", KEY.to_owned()),
            ("MAINTENANCE_APP", APP.to_owned()),
            ("MAINTENANCE_ENV", ENV.to_owned()),
            ("MAINTENANCE_CONFIG", config.display().to_string()),
        ]
    }

    /// A file that points a shell which sources it at this app; it goes when the app does.
    pub(crate) fn exports(&self) -> Result<PathBuf, CliError> {
        let mut lines = format!("unset {}\n", Self::unwanted().join(" "));
        for (name, value) in self.variables() {
            lines += &format!("export {name}={}\n", quoted(&value));
        }
        // So that the same `maintenance` is found there, however it was started here.
        let exe = std::env::current_exe().ok();
        if let Some(folder) = exe.as_deref().and_then(Path::parent) {
            let folder = quoted(&folder.display().to_string());
            lines += &format!("export PATH={folder}:\"$PATH\"\n");
        }
        let file = self.folder.path().join("exports");
        std::fs::write(&file, lines)
            .map_err(|e| CliError::failed("cannot write a temporary file").caused_by(&e))?;
        Ok(file)
    }

    /// What it must not have there, since it would be taken for something else.
    fn unwanted() -> &'static [&'static str] {
        &[
            "AWS_CA_BUNDLE",
            "AWS_PROFILE",
            "AWS_SESSION_TOKEN",
            "AWS_ENDPOINT_URL_SSM",
            "AWS_ENDPOINT_URL_LAMBDA",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "MAINTENANCE_ROLE",
            "MAINTENANCE_STORE",
            "MAINTENANCE_PREFIX",
            "MAINTENANCE_RATE",
            "MAINTENANCE_TIMEOUT",
            "MAINTENANCE_URL",
        ]
    }

    /// Keeps the state, if it is to be kept.
    pub(crate) fn save(&self) -> Result<(), CliError> {
        match &self.state {
            None => Ok(()),
            Some(folder) => self
                .sandbox
                .save(folder)
                .map_err(|error| state_failure(&error)),
        }
    }

    /// How many changing calls there were: whether there is something to save.
    pub(crate) fn writes(&self) -> u64 {
        self.sandbox.call_counts().writes
    }
}

fn seeded(options: &Options) -> Sandbox {
    let sandbox = Sandbox::new(options.settings());
    let others = options.has_product.then(billing);
    for function in functions().into_iter().chain(others.into_iter().flatten()) {
        sandbox.seed(function);
    }
    sandbox
}

/// As it was left in this folder, or new if it is empty.
fn resumed(folder: &Path, options: &Options) -> Result<Sandbox, CliError> {
    match Sandbox::load(folder, options.settings()) {
        Err(StateError::Missing(_)) => Ok(seeded(options)),
        other => other.map_err(|error| state_failure(&error)),
    }
}

fn state_failure(error: &StateError) -> CliError {
    CliError::failed("cannot keep the state")
        .caused_by(error)
        .hint("give --state another folder")
}

/// The web handler, behind the gate, which reads its flag from the local Parameter Store.
async fn serve_page(sandbox: &Sandbox, ttl: Duration, pages: &Path) -> Result<Server, CliError> {
    let gate = Gate::builder()
        .app(APP)
        .env(ENV)
        .source(SdkSource::new(ssm_client(sandbox)))
        // Not those of the folder that this happens to run in.
        .pages(pages)
        .ttl(ttl)
        // On a busy machine a demonstration would rather wait than show a stale state.
        .refresh_budget(Duration::from_secs(5))
        .build()
        .map_err(|e| {
            CliError::failed("cannot build the gate")
                .caused_by(&e)
                .hint("check --page")
        })?;
    let app = Router::new()
        .route("/", get(|| async { Html(HELLO) }))
        .layer(MaintenanceLayer::new(gate));
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // With the peer, --allow-ip works here too.
    let served = Server::start(anywhere, move |peer| {
        TowerToHyperService::new(app.clone().layer(Extension(ConnectInfo(peer))))
    });
    served
        .await
        .map_err(|e| CliError::failed("cannot listen for the page").caused_by(&e))
}

pub(super) fn ssm_client(sandbox: &Sandbox) -> aws_sdk_ssm::Client {
    use aws_sdk_ssm::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(sandbox.settings().region))
        .credentials_provider(Credentials::new(KEY, KEY, None, None, KEY))
        .http_client(sandbox.http_client())
        .build();
    aws_sdk_ssm::Client::from_conf(config)
}

/// Puts a page where the gate looks for it.
fn copy_page(page: &Path, folder: &Path) -> Result<(), CliError> {
    let cannot = || CliError::usage(format!("--page {} cannot be used", page.display()));
    let name = match page.extension().and_then(|it| it.to_str()) {
        Some("html") => "maintenance.html",
        Some("json") => "maintenance.json",
        _ => {
            return Err(cannot()
                .cause("its name ends neither in .html nor in .json")
                .hint("name a page, such as public/maintenance.html"));
        }
    };
    std::fs::copy(page, folder.join(name)).map_err(|error| {
        cannot()
            .caused_by(&error)
            .hint("name a page, such as public/maintenance.html")
    })?;
    Ok(())
}

/// A configuration file of the app, in a folder that goes with it.
fn config_file(options: &Options) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("maintenance-").tempdir()?;
    let mut text = format!(
        "app = \"{APP}\"\nenv = \"{ENV}\"\n\n[roles.worker]\nfunctions = [\"{WORKERS}\"]\n"
    );
    if options.has_product {
        text += &format!(
            "\n[apps.{BILLING}.roles.worker]\nfunctions = [\"{BILLING_WORKERS}\"]\n\n\
             [products.shop]\ntitle = \"Shop\"\nversion = \"2.4.1\"\napps = [\"{APP}\", \"{BILLING}\"]\n\n\
             [observers.{OBSERVER}]\nkind = \"file\"\nmode = \"exists\"\npath = \"{OBSERVED}\"\nconfirm = 1\nproduct = \"shop\"\n\
             accept_event_loss = true\n"
        );
    }
    std::fs::write(folder.path().join(crate::settings::FILE_NAME), text)?;
    Ok(folder)
}
