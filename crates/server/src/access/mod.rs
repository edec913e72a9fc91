//! Who may do what: tokens, sessions, and what every request and answer of the server goes through.
//!
//! [`Access::protect`] is the one entry. It takes the routes that need a caller apart from those that do not,
//! so that a handler cannot be reached without one by being forgotten. A request goes through, in this order:
//!
//! 1. A limit of 30 seconds until the answer begins (none in a Lambda function, which has its own), and of 64 KiB for its body.
//! 2. What a browser would send with a cookie must come from a page of this server: tower-http's `csrf`.
//!    Requests with `Authorization: Bearer` are exempt; no other site can make a browser send that.
//! 3. On private routes: a token, a session, or a user that a proxy names. Else 401, or for a person
//!    the page where they sign in.
//! 4. What changes something is written to the audit log.
//!
//! And every answer gets headers that keep a browser from running, framing, sniffing or keeping it.

mod alb;
mod audit;
mod authenticate;
mod caller;
mod failures;
mod known;
mod next;
mod protect;
mod proxy;
mod session;
mod stored;

use std::sync::{Arc, Mutex};

use failures::Failures;
use known::Cache;
use proxy::Proxy;

pub use audit::{AuditNote, TARGET as AUDIT_TARGET};
pub use caller::Caller;
pub(crate) use caller::unauthorized;
pub use next::local_path;
pub use protect::ClientAddress;
pub(crate) use protect::is_for_a_person;
pub use proxy::{NamedBy, ProxyUser};
pub use stored::{AccessStore, ListedToken, NewToken, Revocation, TokenError};

/// How the server is reached.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Browsers reach it by HTTPS, so that cookies are sent by nothing else. Wherever it is reached from
    /// beyond this machine.
    pub secure: bool,
    /// A proxy is in front: the client's address is the last of `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// The proxy signs people in, and names them so. Nothing else may reach the server then.
    pub user: Option<ProxyUser>,
}

/// Who may do what. Clones share what they know.
#[derive(Debug, Clone)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stored: AccessStore,
    options: Options,
    proxy: Option<Proxy>,
    cache: Cache,
    failures: Mutex<Failures>,
}

impl Access {
    /// By the tokens of this store. Nothing is read yet.
    #[must_use]
    pub fn new(stored: AccessStore, options: Options) -> Self {
        Self(Arc::new(Inner {
            cache: Cache::new(stored.clone()),
            failures: Mutex::new(Failures::new(stored.clock.now())),
            stored,
            proxy: options.user.clone().map(Proxy::new),
            options,
        }))
    }
}
