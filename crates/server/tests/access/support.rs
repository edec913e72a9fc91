//! A server with a few routes, and requests to it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::{BehaviorVersion, Region};
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post, put};
use axum::{Form, Json, Router};
use http::{Request, header};
use jiff::{SignedDuration, Timestamp};
use maintenance_control::{Clock, SsmStore, Store};
use maintenance_flag::{AccessSecret, App, Prefix, Product, Scope};
use maintenance_sandbox::{Sandbox, Settings};
use maintenance_server::access::{
    Access, AccessStore, AuditNote, Caller, ClientAddress, NewToken, Options, local_path,
};
use maintenance_server::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Answer};

pub(crate) fn start() -> Timestamp {
    "2026-11-29T08:00:00Z".parse().unwrap()
}

pub(crate) fn app(env: &str) -> App {
    App::new("demo", env).unwrap()
}

/// A sandbox whose clock is tokio's.
pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(Settings {
        clock: maintenance_sandbox::Clock::tokio_from(start()),
        ..Settings::quick()
    })
}

/// The tokens of an app on a sandbox.
pub(crate) fn stored(sandbox: &Sandbox, app: App) -> AccessStore {
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(RetryConfig::disabled())
        .http_client(sandbox.http_client())
        .build();
    let clock = Clock::virtual_from(sandbox.settings().clock.now());
    let store = SsmStore::new(aws_sdk_ssm::Client::from_conf(config));
    AccessStore::new(Store::Ssm(store), &Prefix::default(), app).with_clock(clock)
}

pub(crate) fn new_token(name: &str, scope: Scope) -> NewToken {
    NewToken {
        name: name.parse().unwrap(),
        scope,
        observer: (scope == Scope::Observe).then(|| name.to_owned()),
        products: None,
        expires: None,
        by: "ana@laptop".to_owned(),
    }
}

/// A server, and the tokens that let in.
pub(crate) struct Server {
    pub(crate) sandbox: Sandbox,
    pub(crate) stored: AccessStore,
    pub(crate) access: Access,
    router: Router,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self::over(sandbox(), options)
    }

    /// A server on a sandbox that may have been used before.
    pub(crate) fn over(sandbox: Sandbox, options: Options) -> Self {
        let stored = stored(&sandbox, app("dev"));
        let access = Access::new(stored.clone(), options);
        Self {
            router: router(&access),
            sandbox,
            stored,
            access,
        }
    }

    /// A token's text.
    pub(crate) async fn token(&self, name: &str, scope: Scope) -> String {
        self.create(new_token(name, scope)).await.reveal()
    }

    pub(crate) async fn create(&self, new: NewToken) -> AccessSecret {
        let (secret, _) = self.stored.create(new).await.expect("a token");
        secret
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        answer::send(&self.router, request).await
    }

    /// GET with a token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(with_token("GET", path, token)).await
    }

    /// Signs in, and returns the cookie as a browser sends it.
    pub(crate) async fn sign_in(&self, token: &str) -> String {
        let answer = self.send(login(token, "/")).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.cookie()
    }

    /// GET with a cookie.
    pub(crate) async fn browse(&self, path: &str, cookie: &str) -> Answer {
        self.send(with_cookie("GET", path, cookie)).await
    }

    /// How many calls were made since the last time that this was asked.
    pub(crate) fn calls(&self) -> usize {
        let calls = self.sandbox.calls().len();
        self.sandbox.reset_calls();
        calls
    }
}

fn from(method: &str, path: &str) -> http::request::Builder {
    let peer: SocketAddr = "192.0.2.1:4711".parse().unwrap();
    let request = Request::builder().method(method).uri(path);
    request
        .extension(ConnectInfo(peer))
        .header(header::HOST, "maintenance.example")
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = from(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

pub(crate) fn with_token(method: &str, path: &str, token: &str) -> Request<Body> {
    request(
        method,
        path,
        &[("authorization", &format!("Bearer {token}"))],
    )
}

pub(crate) fn with_cookie(method: &str, path: &str, cookie: &str) -> Request<Body> {
    request(method, path, &[("cookie", cookie)])
}

pub(crate) fn login(token: &str, next: &str) -> Request<Body> {
    let form = header::HeaderValue::from_static("application/x-www-form-urlencoded");
    from("POST", "/login")
        .header(header::CONTENT_TYPE, form)
        .header(header::ORIGIN, "http://maintenance.example")
        .body(Body::from(format!("token={token}&next={next}")))
        .unwrap()
}

/// Lets time pass, all at once.
pub(crate) async fn pass(seconds: u64) {
    tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
}

pub(crate) fn after_start(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours)
}

fn router(access: &Access) -> Router {
    let private = Router::new()
        .route("/", get(|caller: Caller| async move { whoami(&caller) }))
        .route(
            "/api/me",
            get(|caller: Caller| async move { whoami(&caller) }),
        )
        .route("/api/products/{product}", get(see).put(change))
        .route(
            "/api/slow",
            get(std::future::pending::<()>).put(std::future::pending::<()>),
        )
        .route("/api/stream", get(stream))
        .route("/style.css", get(style))
        .route("/logout", post(sign_out));
    let public = Router::new()
        .route("/login", post(sign_in))
        .route("/api/echo", put(|body: String| async { body }))
        .route("/healthz", get(|| async { "ok" }));
    access.protect(private, public).with_state(access.clone())
}

fn whoami(caller: &Caller) -> Json<Value> {
    Json(json!({
        "by": caller.by(),
        "scope": caller.scope().as_str(),
        "session": caller.has_session(),
        "actor": format!("{:?}", caller.actor()),
    }))
}

async fn see(caller: Caller, Path(product): Path<String>) -> Result<&'static str, Problem> {
    let product: Product = product.parse().expect("a product");
    caller.check_read(&product)?;
    Ok("seen")
}

async fn change(
    caller: Caller,
    Path(product): Path<String>,
    reason: String,
) -> Result<Response, Problem> {
    let product: Product = product.parse().expect("a product");
    caller.check_write(&product)?;
    Ok(AuditNote::new(format!("Normal to Maintenance: {reason}")).on("changed".into_response()))
}

async fn stream() -> Response {
    let events = Body::from_stream(futures_util::stream::pending::<Result<String, Infallible>>());
    ([(header::CONTENT_TYPE, "text/event-stream")], events).into_response()
}

async fn style() -> Response {
    ([(header::CACHE_CONTROL, "max-age=3600")], "body {}").into_response()
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
    next: String,
}

async fn sign_in(
    State(access): State<Access>,
    client: ClientAddress,
    Form(form): Form<SignIn>,
) -> Result<Response, Problem> {
    let cookie = access.sign_in(client, &form.token).await?;
    let next = Redirect::to(local_path(&form.next));
    Ok(([(header::SET_COOKIE, cookie)], next).into_response())
}

async fn sign_out(
    State(access): State<Access>,
    client: ClientAddress,
    caller: Caller,
) -> Result<Response, Problem> {
    let cookie = access.sign_out(client, &caller).await?;
    let headers = [(header::SET_COOKIE, cookie)];
    Ok((headers, Redirect::to("/login")).into_response())
}

/// What is logged on this thread while it lives.
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub(crate) fn new() -> Self {
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let writer = Writer(text.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }

    /// The lines of the audit log.
    pub(crate) fn audit(&self) -> Vec<String> {
        let text = self.text();
        let lines = text
            .lines()
            .filter(|line| line.contains("maintenance::audit:"));
        lines.map(ToOwned::to_owned).collect()
    }
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
