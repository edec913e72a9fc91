//! Decides about requests, keeps the cached flag fresh, and answers for the app. Pages, bypass rules, sources and JSON
//! events have folders of their own beside this one.

mod backoff;
mod body;
mod build_error;
mod builder;
mod cached_flag;
mod decision;
mod future;
mod gate;
mod layer;
mod log;
mod packed_state;
mod refresh;
mod response;
mod service;
mod version_guard;

pub use body::PageBody;
pub use build_error::BuildError;
pub use builder::Builder;
pub(crate) use builder::IN_LAMBDA;
pub use decision::{Decision, ReadOnly};
#[cfg(feature = "lambda")]
pub(crate) use gate::CacheState;
pub use gate::{Announcement, Gate};
pub use layer::MaintenanceLayer;
pub use service::Maintenance;
