//! The data plane of maintenance mode: what a web handler links. It reads one flag, and while the flag
//! is on it answers 503 with the maintenance page before anything of the app runs.
//!
//! # What it gives you
//!
//! | item | is |
//! |---|---|
//! | [`Gate`] | what is known, and the decision; [`Gate::from_env`] or [`Gate::builder`] |
//! | [`MaintenanceLayer`] | the gate around an axum, hyper or lambda_http service |
//! | [`Gate::check`] | the gate as a plain call, for handlers without tower |
//! | `Gate::check_event` | the same for the JSON event of a plain lambda_runtime handler (feature `lambda`) |
//! | [`lazy`] | an app that is built behind the gate, at the first request that passes |
//! | [`FlagSource`] | where the flag is read: `SsmSource` (feature `ssm`), `SdkSource` (`ssm-sdk`), `ExtensionSource` (`extension`), `FileSource` (`file`), [`MemorySource`], or yours |
//! | [`page!`], [`Page`] | a page that is compiled in; else `public/maintenance.html` or `.json` is found |
//!
//! # When a request passes
//!
//! - The flag is off, or the parameter does not exist: it passes.
//! - The flag is on: 503. Read-only: GET, HEAD and OPTIONS pass with the extension [`ReadOnly`], the
//!   rest is 503.
//! - The flag says that this one may: see below. Then it passes fully, read-only or not.
//! - The store does not answer, the flag is malformed, or the source panics: the last known state stays,
//!   on or off. If there never was one, [`OnUnknown`] decides.
//!   The next try is 1 s later, then 2, up to 30 s, but never sooner than the TTL.
//! - The store is asked too often ([`Throttled`]): the same, and the interval stretches to twice the
//!   TTL, four times, up to a minute. Each success halves it, until it is the TTL again.
//! - The store answers with a version that is older than what is known, or that there is none any more:
//!   reads of Parameter Store may lag, so what is known stays, as if nothing had changed. If nothing as
//!   new was seen for a minute, it is true: somebody deleted the parameter by hand.
//!
//! What is known is at most 5 s old, by the wall clock; the first request after that waits for a
//! refresh, at most 250 ms. The 503 carries `Retry-After`, `Cache-Control: no-store` and
//! `X-Maintenance: on`.
//!
//! # Who may pass during a maintenance
//!
//! What `maintenance on` was told, and nothing in the app's settings:
//!
//! - **Paths** (`--allow-path /health`, `/hooks/*`): the path as the handler sees it, with any method and
//!   any query. What is below a prefix passes only if it is plainly written: no `//`, `..`, `%` or `;`,
//!   and no other case. An HTTP API with a named stage has the stage in its path; of a REST API behind
//!   lambda_http the path counts with the stage and without it.
//! - **Addresses** (`--allow-ip 192.0.2.0/24`): what the platform vouches for. That is the source address
//!   of API Gateway or a function URL, in the events of `Gate::check_event` or in lambda_http's context
//!   (feature `lambda_http`), and the peer of an axum server (feature `axum`, and
//!   `into_make_service_with_connect_info`). Your own code may say it: [`ClientAddress`]. A load balancer
//!   names no address, so behind it nobody passes by one until you count the proxies:
//!   [`Builder::trusted_proxies`].
//! - **Whoever holds the token** (`--bypass`): by the link that is printed once
//!   (`?maintenance-bypass=…` on any page; it sets a cookie for this host, over TLS only, and leads to
//!   the same page), or by the header `X-Maintenance-Bypass`, for scripts. It ends with its window or
//!   at its time. A CDN must forward the query, the cookie and the header, and must not keep what the
//!   app answers.
//!
//! What is stored is a hash. A bypass that cannot be read lets nobody pass. While the store does not
//! answer, what may pass stays as it was.
//!
//! # Which source
//!
//! | feature | source | for |
//! |---|---|---|
//! | `ssm` | `SsmSource`: one signed request to Parameter Store | Lambda, where credentials are in the environment |
//! | `ssm-sdk` | `SdkSource`: the AWS SDK, or a client that the handler has anyway | profiles, ECS, EC2 |
//! | `extension` | `ExtensionSource`: the AWS Parameters and Secrets Lambda extension | functions that have that layer; its `SSM_PARAMETER_STORE_TTL` (300 s unless set) adds to the gate's TTL |
//! | `file` | `FileSource` | apps on one machine |
//!
//! The first three need a tokio runtime. What a source costs a cold start is in `docs/performance.md`.
//!
//! # Before you deploy it
//!
//! - [`Gate::from_env`] with settings missing or wrong is an error: the handler does not start, and a
//!   typo is found at the deployment. [`Gate::from_env_or_pass`] starts in any case, and then
//!   maintenance mode may silently not work. The examples take the first.
//! - Behind an Application Load Balancer a health check that is answered 503 takes the target out of
//!   service: `--allow-path` its path.
//! - A WebSocket API: `$connect` is refused, read-only or not, since what comes over a connection may
//!   write. What comes over one that is open passes, and so does its `$disconnect`. For a lambda_http
//!   handler that needs the feature `lambda_http`. So does an event that is no request at all and that
//!   lambda_http's own feature `pass_through` hands through: it passes.
//! - `Gate::check_event` answers HTTP requests only. A Lambda authorizer's event looks like one, and
//!   passes; but a function of lambda_http that is an authorizer too cannot be told apart: give the
//!   authorizer a function of its own.
//! - A page is one file: during a maintenance, a style sheet or an image of the app is answered 503 too.
//!
//! ```
//! use maintenance_gate::{Gate, Layer, MaintenanceLayer, MemorySource};
//! use tower::{ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! let flag = MemorySource::new("off");
//! let gate = Gate::builder()
//!     .app("demo")
//!     .env("dev")
//!     .source(flag.clone())
//!     .ttl(std::time::Duration::ZERO)
//!     .build()?;
//! let app = service_fn(|_: Request<()>| async {
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::<bytes::Bytes>::default()))
//! });
//! let service = MaintenanceLayer::new(gate).layer(app);
//!
//! let response = service.clone().oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), 200);
//!
//! flag.set("on");
//! let response = service.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), 503);
//! assert_eq!(response.headers()["x-maintenance"], "on");
//! # Ok(())
//! # }
//! ```
//!
//! To read the code: `word`, `decision`, `state`, `gate`; then `refresh`; then `service` and `future`.
//!
//! # What visitors get
#![doc = include_str!("../ANSWERS.md")]
//!
//! # Its events
#![doc = include_str!("../EVENTS.md")]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

mod backoff;
mod body;
mod build_error;
mod builder;
mod bypass;
mod clock;
mod decision;
mod environment;
mod future;
mod gate;
#[cfg(any(feature = "lambda", feature = "lambda_http"))]
mod lambda_event;
mod layer;
mod lazy;
mod log;
mod page;
mod refresh;
mod request;
mod request_context;
mod response;
mod service;
mod snapshot;
mod source;
mod version_guard;
mod window;

pub use body::PageBody;
pub use build_error::BuildError;
pub use builder::Builder;
pub use bypass::ClientAddress;
#[cfg(feature = "test-util")]
pub use clock::ManualClock;
pub use decision::{Decision, OnUnknown, ReadOnly};
pub use future::ResponseFuture;
pub use gate::Gate;
pub use layer::MaintenanceLayer;
pub use lazy::lazy;
pub use maintenance_flag::Mode;
pub use page::Page;
pub use service::Maintenance;
#[cfg(feature = "extension")]
pub use source::ExtensionSource;
#[cfg(feature = "file")]
pub use source::FileSource;
#[cfg(feature = "ssm-sdk")]
pub use source::SdkSource;
#[cfg(feature = "ssm")]
pub use source::SsmSource;
pub use source::{BoxError, Fetch, FlagSource, MemorySource, ParameterValue, Throttled};
/// What [`MaintenanceLayer`] implements, for code that does not depend on tower.
pub use tower_layer::Layer;
