//! The app's own pages: found and checked once, when the gate is built.
//!
//! A page that cannot be served is said so in a warning, and the next in order serves: a broken page
//! must never be the reason that there is no answer.

mod find;
mod own;
mod page;

pub(crate) use find::Pages;
pub use own::MAX_PAGE_BYTES;
pub(crate) use own::{Own, OwnPage};
pub use page::Page;
