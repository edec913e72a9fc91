//! Decides about requests, keeps the known state fresh, and answers for the app. What has a room of its own
//! (pages, bypass, sources, JSON events) is beside it.

mod backoff;
mod body;
mod build_error;
mod builder;
mod decision;
mod future;
mod gate;
mod known_flag;
mod layer;
mod log;
mod refresh;
mod response;
mod service;
mod snapshot;
mod version_guard;

pub use body::PageBody;
pub use build_error::BuildError;
pub use builder::Builder;
pub(crate) use builder::IN_LAMBDA;
pub use decision::{Decision, ReadOnly};
#[cfg(feature = "lambda")]
pub(crate) use gate::Known;
pub use gate::{Announcement, Gate};
pub use layer::MaintenanceLayer;
pub use service::Maintenance;
