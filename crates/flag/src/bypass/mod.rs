//! Which requests pass while a role is in maintenance: by a token, an address or a path. The stored form, and
//! the rule for each. Which address or token a request has is the
//! gate's business.

mod address;
mod document;
mod path;
mod token;

pub use address::{AddressError, AddressRange};
pub use document::{Bypass, StoredToken};
pub use path::{PathError, PathPattern};
pub use token::{Token, TokenHash};
