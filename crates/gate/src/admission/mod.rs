//! Who may pass while the role is in maintenance: which token, address and path a request has. The
//! rules themselves are `maintenance_flag`'s; what becomes of who may not pass is no business of this
//! module.

mod address;
mod admit;
mod cookie;
mod link;
mod token;

pub use address::ClientAddress;
pub(crate) use admit::{Admission, Admitted, By};
