//! Whether a request may pass though the role is in maintenance, and by what.

use http::Response;
use jiff::Timestamp;
use maintenance_flag::Bypass;

use super::token::Lock;
use super::{address, cookie, link};
use crate::asked::Asked;
use crate::body::PageText;
use crate::events::Identity;
use crate::platform::{Platform, Socket};

/// The settings of admission.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    cookie: String,
    trusted_proxies: u8,
}

/// A request that may pass.
pub(crate) enum Admitted {
    /// At once.
    Pass(By),
    /// After this answer to a bypass link.
    Link(Response<PageText>),
}

/// By what a request may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Token,
    Address,
    Path,
}

impl By {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Address => "address",
            Self::Path => "path",
        }
    }
}

impl Admission {
    pub(crate) fn new(who: &Identity, trusted_proxies: u8) -> Self {
        Self {
            cookie: cookie::name(&who.app, &who.role),
            trusted_proxies,
        }
    }

    /// Whether `bypass` lets a request pass. What is cheap is looked at first.
    pub(crate) fn admit(
        &self,
        bypass: &Bypass,
        who: &Identity,
        asked: Asked<'_>,
        platform: &Platform<'_>,
        now: Timestamp,
    ) -> Option<Admitted> {
        if bypass.is_empty() {
            return None;
        }
        let lock = Lock::new(bypass.token, who, now);
        // First, so that a link leads to a cookie also on a path that anybody may ask for. Who opens
        // a WebSocket follows no redirect.
        if let Some(lock) = &lock
            && platform.socket == Socket::None
            && let Some(answer) = link::open(asked, lock, &self.cookie)
        {
            return Some(Admitted::Link(answer));
        }
        let by_path = || {
            let (path, raw) = platform.paths(asked)?;
            let mut paths = bypass.paths.iter();
            paths.find(|rule| rule.matches(path) || rule.matches(raw))
        };
        if !bypass.paths.is_empty() && by_path().is_some() {
            return Some(Admitted::Pass(By::Path));
        }
        if !bypass.addresses.is_empty()
            && let Some(address) = address::of(asked, platform, self.trusted_proxies)
            && bypass.addresses.iter().any(|range| range.contains(address))
        {
            return Some(Admitted::Pass(By::Address));
        }
        lock.filter(|lock| lock.opens(asked.headers, &self.cookie))
            .map(|_| Admitted::Pass(By::Token))
    }
}
