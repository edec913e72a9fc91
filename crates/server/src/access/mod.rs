//! Who may do what: tokens, sessions, and what every request and answer of the server goes through.

mod caller;
mod next;

pub use caller::{Caller, SignedIn};
pub use next::local_path;
