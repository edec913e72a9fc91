//! Which requests pass although the role is in maintenance: by token, client address or path. The
//! rules themselves are `maintenance_flag`'s; a request that none of them lets pass is `decision`'s
//! business.

mod check;
mod client_ip;
mod cookie;
mod link;
mod token;

pub(crate) use check::{Bypassed, check};
pub use client_ip::ClientAddress;
pub(crate) use cookie::name as cookie_name;
