//! What visitors get: the app's own pages or the built-in ones, in which media type and language, and
//! what they say of the window.

mod announcement;
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
mod template;

pub(crate) use announcement::RetryAfter;
pub(crate) use custom::CustomPages;
pub use page::Page;
pub(crate) use responder::{Representation, Responder};
