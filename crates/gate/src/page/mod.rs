//! Chooses and renders the text of a 503: the app's own page or a built-in one, its media type and language, the
//! message and `Retry-After`.

mod built_in;
mod custom;
mod language;
mod media_type;
#[expect(
    clippy::module_inception,
    reason = "it is the page that code hands over"
)]
mod page;
mod quality_values;
mod responder;
mod retry_after;
mod template;

pub(crate) use custom::CustomPages;
pub use page::Page;
pub(crate) use responder::{Representation, Responder};
pub(crate) use retry_after::RetryAfter;
