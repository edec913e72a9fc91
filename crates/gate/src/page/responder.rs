//! Selects the text for a request, from the app's pages or the built-in ones, by its `Accept` header and its
//! language.

use http::Method;
use maintenance_flag::Flag;

use super::custom::CustomPages;
use super::media_type::MediaType;
use super::retry_after::RetryAfter;
use super::template::announce;
use super::{built_in, language};
use crate::request::RequestHead;

/// The texts that a gate can answer with.
#[derive(Debug, Default)]
pub(crate) struct Responder {
    pub(crate) pages: CustomPages,
    pub(crate) negotiate: bool,
}

/// Which text to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Representation {
    pub(crate) media_type: MediaType,
    /// The language of the built-in page.
    pub(crate) language: Option<&'static str>,
    /// Whether the built-in page is for a request that would have changed something.
    write: bool,
}

impl Responder {
    /// Selects the text for a request.
    pub(crate) fn select(&self, head: RequestHead<'_>) -> Representation {
        let default = match (&self.pages.html, &self.pages.json) {
            (None, Some(_)) => MediaType::Json,
            _ => MediaType::Html,
        };
        let media_type = match self.negotiate {
            true => MediaType::preferred(head.headers, default),
            false => default,
        };
        let is_built_in = media_type == MediaType::Html && self.pages.html.is_none();
        Representation {
            media_type,
            language: is_built_in.then(|| language::preferred(head.headers)),
            write: is_built_in && !matches!(*head.method, Method::GET | Method::HEAD),
        }
    }

    /// Renders the text.
    pub(crate) fn render(
        &self,
        representation: Representation,
        flag: &Flag,
        retry_after: RetryAfter,
    ) -> String {
        let media_type = representation.media_type;
        if let Some(language) = representation.language {
            return built_in::html(language, representation.write, flag, retry_after);
        }
        let own = match media_type {
            MediaType::Html => &self.pages.html,
            MediaType::Json => &self.pages.json,
            MediaType::Problem => &None,
        };
        match own {
            Some(page) => announce(page, media_type, flag, retry_after),
            None => built_in::json(media_type, flag, retry_after),
        }
    }

    /// Returns the request headers that select the text.
    pub(crate) fn vary(&self, representation: Representation) -> Option<&'static str> {
        match (self.negotiate, representation.language) {
            (false, None) => None,
            (true, None) => Some("Accept"),
            (false, Some(_)) => Some("Accept-Language"),
            (true, Some(_)) => Some("Accept, Accept-Language"),
        }
    }
}
