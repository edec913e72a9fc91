//! The gate of maintenance mode, for web handlers. The gate reads one flag, and while that is on it
//! answers 503 with the maintenance page before any code of the app runs.
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
//! | `ssm-sdk` | `SdkSource`: the AWS SDK, or a client that the handler already has | profiles, EC2 |
//! | `extension` | `ExtensionSource`: the AWS Parameters and Secrets Lambda extension | functions that have that layer; its `SSM_PARAMETER_STORE_TTL` (300 s unless set) adds to the gate's TTL |
//! | `file` | `FileSource` | apps on one machine |
//!
//! How to put the gate around an app: [axum](guide::axum), [lambda_http](guide::lambda_http),
//! [lambda_runtime](guide::lambda_runtime), [hyper](guide::hyper), [actix](guide::actix). Its
//! [answers](guide::answers). Its log [events](guide::events). Tests of your own:
//! [testing](guide::testing).
//!
//! # When a request passes
//!
//! The first rule that applies decides:
//!
//! 1. The event is not an HTTP request: it passes.
//! 2. No flag has been read yet: [`OnUnknown::Pass`], the default, lets the request pass;
//!    [`OnUnknown::Block`] answers 503.
//! 3. The flag is off and no scheduled window has started, or the parameter does not exist: the request passes.
//! 4. The request is a bypass link with the right token: 303, a redirect that sets the bypass cookie.
//! 5. The flag lets the request pass, by [path, address or token](guide::bypass): it passes fully, read-only or
//!    not.
//! 6. The maintenance is read-only, and the request only reads: it passes with the extension [`ReadOnly`]. Such a
//!    request is a GET, HEAD or OPTIONS without an `Upgrade` to a protocol other than HTTP/2, and without a
//!    header that overrides the method (`X-HTTP-Method-Override`, `X-HTTP-Method`, `X-Method-Override`) with one
//!    that writes. The gate does not look for `_method` in the query or the body. If your app supports it,
//!    honour it only on POST, or turn it off during maintenance.
//! 7. Every other request gets a 503, with `Retry-After`, `Cache-Control: no-store` and `X-Maintenance: on`.
//!
//! While the store answers, the cached flag is at most 6 s old, by the wall clock: the TTL of 5 s with up to a fifth
//! of jitter. The first request after that waits for a refresh, at most 250 ms.
//!
//! If the store does not answer, the flag is malformed or the source panics, the gate keeps the last known flag, on
//! or off, however old. After an error it asks the store again 1 s later, then 2, up to 30 s, but never sooner than
//! the TTL. A fetch without an answer goes on: the gate polls it again after 1 s, then 2, up to 30 s, and drops it
//! at the first refresh ten seconds after its start. The gate asks a store that [throttles](Throttled) less often,
//! until it answers again. For a minute it ignores an answer older than the known flag, since reads of Parameter
//! Store may lag.
//!
//! # Before you deploy it
//!
//! - [`Gate::from_env`] fails if a setting is missing or wrong: the handler does not start, so you find a typo
//!   at the deployment. If your handler must start in any case, log the error and put the layer, or none, into
//!   `tower::util::option_layer`.
//! - Put the gate outermost, and around a finished router: it does not protect a route that is added after
//!   `Router::layer`.
//! - Behind an Application Load Balancer, a 503 to a health check takes the target out of service: allow its path
//!   with `--allow-path`.
//! - Make your page a single file: during a maintenance, the app's style sheets and images get a 503, too.
//! - The gate needs a tokio runtime with time; the sources for Parameter Store also need I/O.
//!
//! # To read the code
//!
//! - Whether a request passes: `decide` in `core/decision`, a pure function. `core/gate` calls it with the cached
//!   flag, unless that alone lets every request pass (`CacheState::AllowAll`). `core/service` and `core/future` do
//!   so for tower, `check_event` for JSON events.
//! - A store that hangs: `core/refresh` ends the wait after the refresh budget. No timer ends the fetch: the first
//!   refresh ten seconds after its start drops it. `core/backoff` decides when to try again.
//! - A new source: for one of your own, implement [`FlagSource`] and pass it to [`Builder::source`]; this crate needs
//!   no change. For one with a feature and a name of `MAINTENANCE_STORE`, `source/mod.rs` has the trait and the list
//!   of places to change.
//! - How a bypass cookie expires: `bypass/token` compares the time at every request. `bypass/cookie` writes
//!   `Max-Age`, for the seconds that the token has left.
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
