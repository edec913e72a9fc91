//! The gate of maintenance mode, for web handlers. It reads one flag, and while the flag is on it
//! answers 503 with the maintenance page before anything of the app runs.
//!
//! ```
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use maintenance_gate::{Gate, Maintenance, MemorySource};
//! use tower::{ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
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
//! let app = Maintenance::new(app, gate);
//!
//! let response = app.clone().oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), 200);
//!
//! flag.set("on");
//! let response = app.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), 503);
//! assert_eq!(response.headers()["x-maintenance"], "on");
//! # Ok(())
//! # }
//! ```
//!
//! In production [`Gate::from_env`] reads the settings, and a feature of this crate the flag:
//!
//! | feature | source | for |
//! |---|---|---|
//! | `ssm` | `SsmSource`: one signed request to Parameter Store | Lambda, SnapStart, ECS and EKS |
//! | `ssm-sdk` | `SdkSource`: the AWS SDK, or a client that the handler has anyway | profiles, EC2 |
//! | `extension` | `ExtensionSource`: the AWS Parameters and Secrets Lambda extension | functions that have that layer; its `SSM_PARAMETER_STORE_TTL` (300 s unless set) adds to the gate's TTL |
//! | `file` | `FileSource` | apps on one machine |
//!
//! How to put it around an app: [axum](guide::axum), [lambda_http](guide::lambda_http),
//! [lambda_runtime](guide::lambda_runtime), [hyper](guide::hyper), [actix](guide::actix). Its
//! [answers](guide::answers). Its log [events](guide::events). Tests of your own:
//! [testing](guide::testing).
//!
//! # When a request passes
//!
//! 1. It is not HTTP: it passes.
//! 2. The flag is off and no scheduled window is open, or the parameter does not exist: it passes.
//! 3. The flag lets it pass, by [path, address or token](guide::bypass): it passes fully, read-only or not.
//! 4. The flag is read-only, and the request only reads: it passes with the extension [`ReadOnly`]. That is a
//!    GET, HEAD or OPTIONS without an `Upgrade` to another protocol than HTTP/2, and without a header that
//!    overrides the method (`X-HTTP-Method-Override`, `X-HTTP-Method`, `X-Method-Override`) by one that
//!    writes. An app that takes the method from the query or the body (`_method`) does so of a POST only, or
//!    must not do it during a maintenance.
//! 5. The flag is on or read-only, or the time of a scheduled window has come: 503, with `Retry-After`, `Cache-Control: no-store` and `X-Maintenance: on`.
//!
//! The known state is at most 6 s old, by the wall clock: the TTL of 5 s, give or take a fifth. The first
//! request after that waits for a refresh, at most 250 ms.
//!
//! If the store does not answer, the flag is malformed or the source panics, the last known state stays, on
//! or off. If there never was one, [`OnUnknown`] decides. The next try is 1 s later, then 2, up to 30 s, but
//! never sooner than the TTL. A store that [throttles](Throttled) is asked less often, until it answers
//! again. An answer that is older than the known state is ignored for a minute, since reads of Parameter Store
//! may lag.
//!
//! # Before you deploy it
//!
//! - [`Gate::from_env`] with settings missing or wrong is an error: the handler does not start, and a
//!   typo is found at the deployment. A handler that is to start in any case logs the error and puts its layer,
//!   or none, into `tower::util::option_layer`.
//! - Put it outermost, and around a finished router: a route that is added after `Router::layer` is open.
//! - Behind an Application Load Balancer a health check that is answered 503 takes the target out of
//!   service: `--allow-path` its path.
//! - A page is one file: during a maintenance, a style sheet or an image of the app is answered 503 too.
//! - It needs a tokio runtime with time; the sources for Parameter Store need one with I/O, too.
//!
//! # To read the code
//!
//! - Whether a request passes: `core/decision`, one pure function. `core/gate` calls it for the known state;
//!   `core/service` and `core/future` are that for tower, `check_event` for JSON events.
//! - A store that hangs: `core/refresh` ends the wait after the budget and drops the fetch after ten seconds;
//!   `core/backoff` says when to ask again.
//! - A new source: a file in `source`, which has the trait, and a name in `environment`.
//! - The end of a bypass: `bypass/token` compares the time, and `bypass/link` sets the cookie's `Max-Age` by it.
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

mod bypass;
#[cfg(feature = "lambda")]
mod check_event;
mod clock;
mod core;
mod environment;
#[cfg(any(feature = "lambda", feature = "lambda_http"))]
mod lambda_event;
mod lazy;
mod page;
mod policy;
mod regular_file;
mod request;
mod request_context;
mod source;

pub use self::core::{
    Announcement, BuildError, Builder, Decision, Gate, Maintenance, MaintenanceLayer, PageBody,
    ReadOnly,
};
pub use bypass::ClientAddress;
#[cfg(feature = "test-util")]
pub use clock::ManualClock;
pub use lazy::lazy;
pub use maintenance_flag::Mode;
pub use page::Page;
pub use policy::OnUnknown;
#[cfg(feature = "extension")]
pub use source::ExtensionSource;
#[cfg(feature = "file")]
pub use source::FileSource;
#[cfg(feature = "ssm-sdk")]
pub use source::SdkSource;
#[cfg(feature = "ssm")]
pub use source::SsmSource;
pub use source::{BoxError, Fetch, FlagSource, MemorySource, ParameterValue, Throttled};

/// How to use the gate, page by page.
#[cfg(any(doc, doctest))]
pub mod guide {
    // Its example is compiled and run by `tests/actix`, which has actix-web.
    #[cfg(not(doctest))]
    #[doc = include_str!("../docs/actix.md")]
    pub mod actix {}
    #[doc = include_str!("../docs/answers.md")]
    pub mod answers {}
    #[doc = include_str!("../docs/axum.md")]
    pub mod axum {}
    #[doc = include_str!("../docs/bypass.md")]
    pub mod bypass {}
    #[doc = include_str!("../docs/events.md")]
    pub mod events {}
    #[doc = include_str!("../docs/hyper.md")]
    pub mod hyper {}
    #[doc = include_str!("../docs/lambda_http.md")]
    pub mod lambda_http {}
    #[doc = include_str!("../docs/lambda_runtime.md")]
    pub mod lambda_runtime {}
    #[doc = include_str!("../docs/testing.md")]
    pub mod testing {}
}
