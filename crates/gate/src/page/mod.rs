//! What visitors get: the app's own pages or the built-in ones, in which media type and language, and
//! what they say of the window.

mod announcement;
mod built_in;
mod custom;
mod find;
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

pub(crate) use announcement::{Announcement, RetryAfter};
pub(crate) use find::PageSource;
pub use page::Page;
pub(crate) use responder::{Representation, Responder};
pub(crate) use template::Text;
