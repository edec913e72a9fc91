//! Finds out whether a request passes although the role is in maintenance: by token, client address or path.
//! `maintenance_flag` has the rules themselves; `core::decision` decides about a request that no rule lets pass.

mod check;
mod client_ip;
mod cookie;
mod link;
mod token;

pub(crate) use check::{Bypassed, check};
pub use client_ip::ClientAddress;
pub(crate) use cookie::name as cookie_name;
