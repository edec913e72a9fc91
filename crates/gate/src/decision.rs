//! What becomes of a request: the words for it, and the rule.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};
use maintenance_flag::Mode;

use crate::config::OnUnknown;
use crate::state::State;

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// The app serves it.
    Pass,
    /// The app serves it, but must not write: the maintenance is read-only, and this is a GET, HEAD
    /// or OPTIONS. The tower layer says so to the app by the request extension [`ReadOnly`].
    PassReadOnly,
    /// The app never sees it.
    Block(Refusal),
}

impl Decision {
    /// The whole answer, if the request is refused.
    #[must_use]
    pub fn into_response(self) -> Option<Response<Bytes>> {
        match self {
            Self::Pass | Self::PassReadOnly => None,
            Self::Block(refusal) => Some(refusal.into_response()),
        }
    }
}

/// A refused request. Small, so that a decision to pass copies next to nothing.
pub struct Refusal {
    pub(crate) state: Arc<State>,
    pub(crate) is_head: bool,
}

impl Refusal {
    /// The whole answer: 503, its headers, and the page unless the request is a HEAD.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let response = self.state.answer.to(self.is_head);
        response.map(|page| Bytes::from_static(page.as_bytes()))
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("window", &self.state.window())
            .finish_non_exhaustive()
    }
}

/// The extension of a request that passes during a read-only maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnly;

/// A decision without its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    PassReadOnly,
    Block,
}

/// The rule: what a known mode, or none, means for a request of this method.
#[inline]
pub(crate) fn verdict(known: Option<Mode>, on_unknown: OnUnknown, method: &Method) -> Verdict {
    match (known, on_unknown) {
        (Some(Mode::Off), _) | (None, OnUnknown::Pass) => Verdict::Pass,
        (Some(Mode::ReadOnly), _)
            if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) =>
        {
            Verdict::PassReadOnly
        }
        (Some(Mode::On | Mode::ReadOnly), _) | (None, OnUnknown::Block) => Verdict::Block,
    }
}
