//! The REST API: every route from one definition, which is also its OpenAPI document.
//!
//! The caller comes from authentication ([`Caller`](crate::access::Caller)), never from a body. What a caller
//! may not see is answered as what does not exist: 404.
//!
//! | module | routes |
//! |---|---|
//! | `environments` | what is managed |
//! | `products` | how products stand |
//! | `history` | what became of products |
//! | `operation_mode` | maintenance on and off, of a product or one role |
//! | `schedule` | windows to come of a product |
//! | `operations` | operations at work, and how they ended |
//! | `events` | the same as it happens, as server-sent events |
//! | `heroku` | the part of Heroku's Platform API that `heroku maintenance` uses |
//! | `service` | health, metrics, status for clients of the apps, the OpenAPI document |

mod body;
mod document;
mod environments;
mod events;
mod extract;
mod heroku;
mod history;
mod metrics;
mod mode_changed;
mod observers;
mod operation_mode;
mod operations;
mod products;
mod responses;
pub(crate) mod schedule;
mod service;
mod visible;

pub use document::routes;
pub use events::Feed;
pub use metrics::{Metrics, count};
pub(crate) use observers::check_now;
