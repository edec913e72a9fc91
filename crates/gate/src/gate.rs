//! The gate itself: whether a request may pass.
//!
//! The decision reads one word and the clock: no lock, no allocation, no I/O. Only what is refused
//! looks further, and only the first request after the end of a TTL waits for anything.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use maintenance_flag::Mode;

use crate::build_error::BuildError;
use crate::config::{Builder, Settings};
use crate::decision::{Decision, Judgement};
use crate::refresh::{Refresh, Refreshing};
use crate::state::{Inner, Look};

/// Keeps requests out while its role is in maintenance. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Gate {
    pub(crate) inner: Arc<Inner>,
}

impl Gate {
    /// Settings in code; [`Builder::from_env`] adds those of the environment.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A gate that the environment configures: see [`Builder::from_env`].
    ///
    /// # Errors
    /// [`BuildError`], if a setting is missing or wrong. A handler that returns it does not start,
    /// so a typo is found at the deployment and not at the first maintenance.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::builder().from_env().build()
    }

    /// As [`from_env`](Self::from_env), but never the reason that a site is down: with settings
    /// missing or wrong it logs an error (`M500`) and lets every request pass, for good. Choose it
    /// where coming up matters more than that maintenance mode works.
    #[must_use]
    pub fn from_env_or_pass() -> Self {
        Self::builder().from_env().build_or_pass()
    }

    pub(crate) fn assemble(settings: Settings) -> Self {
        Self {
            inner: Arc::new(Inner::new(settings)),
        }
    }

    /// Decides by what is known now, however old it is; asks nobody. [`check`](Self::check) is what a
    /// handler wants: it refreshes first, if it is time.
    #[inline]
    pub fn decide(&self, request: &Parts) -> Decision {
        let known = self.last_known();
        if self.inner.is_open(known) {
            return Decision::Pass;
        }
        self.judge(request, self.inner.look())
    }

    /// Decides by what is known and not older than the TTL; waits for a refresh, if need be, for no
    /// longer than the budget.
    pub fn check<'a>(&'a self, request: &'a Parts) -> Check<'a> {
        Check {
            gate: self,
            request,
            refresh: None,
        }
    }

    #[cold]
    fn judge(&self, request: &Parts, look: Look) -> Decision {
        match self.inner.usual(look, request.into()) {
            Some(usual) => Judgement::Answer(usual.to(|text| text)),
            None => self.inner.judge(request.into(), look.now_ms),
        }
        .into()
    }

    /// The mode that was last known, if any ever was. However old it is.
    #[must_use]
    pub fn last_known(&self) -> Option<Mode> {
        self.inner.known()
    }
}

/// The decision to come: see [`Gate::check`]. Ready at once, unless a refresh is due.
#[must_use = "futures do nothing unless polled"]
pub struct Check<'a> {
    gate: &'a Gate,
    request: &'a Parts,
    refresh: Option<Refreshing>,
}

impl Future for Check<'_> {
    type Output = Decision;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Decision> {
        if self.refresh.is_none() {
            let look = self.gate.inner.look();
            if look.is_fresh() {
                return Poll::Ready(if self.gate.inner.is_open(look.known()) {
                    Decision::Pass
                } else {
                    self.gate.judge(self.request, look)
                });
            }
            if let Refresh::Wait(refresh) = self.gate.inner.refresh() {
                self.refresh = Some(refresh);
            }
        }
        if let Some(refresh) = &mut self.refresh {
            ready!(refresh.as_mut().poll(cx));
        }
        Poll::Ready(self.gate.decide(self.request))
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("app", &self.inner.identity.app)
            .field("role", &self.inner.identity.role)
            .field("last_known", &self.last_known())
            .finish_non_exhaustive()
    }
}
