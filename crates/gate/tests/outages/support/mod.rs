//! What the tests share.

mod bells;
mod site;
mod source;
mod store;
mod wire;

pub(crate) use bells::Bells;
pub(crate) use site::{BUDGET, PAST_TTL, START, Site, Visit, open_files};
pub(crate) use source::{Kind, Switch};
pub(crate) use store::{Line, Store};
pub(crate) use wire::json;
