//! What every page has: its title, who is signed in, and whether it keeps itself up to date.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;

use super::assets::{CSS, JS};
use crate::access::Caller;

/// Which part of the console a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Products,
    History,
    Observers,
    None,
}

/// Whether a page keeps itself up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Live {
    /// It is a form or final: it stays as it is.
    No,
    /// When the server says that something has changed, and now and then.
    Yes,
    /// It shows work that is being done. Without the script it reloads itself.
    Soon,
}

impl Live {
    pub(super) fn attribute(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::Yes => Some("changes"),
            Self::Soon => Some("soon"),
        }
    }
}

/// Who is signed in.
#[derive(Debug)]
pub(super) struct User {
    pub(super) name: String,
    /// By a cookie, so that signing out is possible.
    pub(super) has_session: bool,
}

/// What every page has.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) title: String,
    pub(super) user: Option<User>,
    pub(super) section: Section,
    pub(super) live: Live,
}

impl Page {
    /// A page of the products that stays as it is.
    pub(super) fn new(title: impl Into<String>, caller: &Caller) -> Self {
        Self {
            title: title.into(),
            user: Some(User {
                name: caller.name().to_owned(),
                has_session: caller.has_session(),
            }),
            section: Section::None,
            live: Live::No,
        }
    }

    pub(super) fn live(self, live: Live) -> Self {
        Self { live, ..self }
    }

    pub(super) fn is_soon(&self) -> bool {
        self.live == Live::Soon
    }

    pub(super) fn is_products(&self) -> bool {
        self.section == Section::Products
    }

    pub(super) fn is_history(&self) -> bool {
        self.section == Section::History
    }

    pub(super) fn is_observers(&self) -> bool {
        self.section == Section::Observers
    }

    pub(super) fn css(&self) -> &str {
        &CSS.path
    }

    pub(super) fn js(&self) -> &str {
        &JS.path
    }
}

/// The answer with a page.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
