//! What becomes of a request: the words for it, and what a mode means.

use std::fmt;

use bytes::Bytes;
use http::{Method, Response};
use maintenance_flag::Mode;

use crate::body::PageText;
use crate::config::OnUnknown;

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
    /// The whole answer, if the app does not see the request.
    #[must_use]
    pub fn into_response(self) -> Option<Response<Bytes>> {
        match self {
            Self::Pass | Self::PassReadOnly => None,
            Self::Block(refusal) => Some(refusal.into_response()),
        }
    }
}

/// What the gate answers instead of the app: the 503, or to a bypass link the redirect that sets its
/// cookie. Small, so that a decision to pass copies next to nothing.
pub struct Refusal(Box<Response<PageText>>);

impl Refusal {
    /// The whole answer: status, headers, and the page unless the request is a HEAD.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        self.0.map(PageText::into_bytes)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the headers: a bypass cookie may be among them.
        f.debug_struct("Refusal")
            .field("status", &self.0.status())
            .finish_non_exhaustive()
    }
}

/// The extension of a request that passes during a read-only maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnly;

/// What becomes of a request that the gate looked at closely.
pub(crate) enum Judgement {
    Pass,
    PassReadOnly,
    Answer(Response<PageText>),
}

impl From<Judgement> for Decision {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Pass => Self::Pass,
            Judgement::PassReadOnly => Self::PassReadOnly,
            Judgement::Answer(answer) => Self::Block(Refusal(Box::new(answer))),
        }
    }
}

/// Whether every request passes in this mode, or while none was ever known: then nothing else of it is
/// looked at.
#[inline]
pub(crate) fn is_open(known: Option<Mode>, on_unknown: OnUnknown) -> bool {
    match known {
        Some(mode) => mode == Mode::Off,
        None => on_unknown == OnUnknown::Pass,
    }
}

/// Whether a request of this method only reads [RFC 9110, 9.2.1]; TRACE is of no use to an app.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
