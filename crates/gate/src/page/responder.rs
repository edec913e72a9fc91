//! Which text a request gets: of the app's pages or the built-in ones, by its `Accept` header and its
//! language. Settled when the gate is built.

use http::Method;

use super::announcement::Announcement;
use super::built_in;
use super::custom::{CustomPage, CustomPages};
use super::language::Language;
use super::media_type::MediaType;
use super::template::Text;
use crate::request::RequestHead;

/// All that a gate can answer with.
#[derive(Debug)]
pub(crate) struct Responder {
    custom: CustomPages,
    /// What a client gets that has no preference.
    default: MediaType,
    negotiate: bool,
}

/// One of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Representation {
    CustomHtml,
    CustomJson,
    Json,
    Problem,
    /// The built-in page; to a request that would have changed something, it says so.
    Html {
        language: Language,
        write: bool,
    },
}

impl Default for Responder {
    fn default() -> Self {
        Self::new(CustomPages::default(), false)
    }
}

impl Responder {
    pub(crate) fn new(custom: CustomPages, negotiate: bool) -> Self {
        let default = match (&custom.html, &custom.json) {
            (None, Some(_)) => MediaType::Json,
            _ => MediaType::Html,
        };
        Self {
            custom,
            default,
            negotiate,
        }
    }

    /// Which text a request gets.
    pub(crate) fn select(&self, head: RequestHead<'_>) -> Representation {
        let media_type = if self.negotiate {
            MediaType::preferred(head.headers, self.default)
        } else {
            self.default
        };
        match media_type {
            MediaType::Html if self.custom.html.is_some() => Representation::CustomHtml,
            MediaType::Json if self.custom.json.is_some() => Representation::CustomJson,
            MediaType::Json => Representation::Json,
            MediaType::Problem => Representation::Problem,
            MediaType::Html => Representation::Html {
                language: Language::of(head.headers),
                write: !matches!(*head.method, Method::GET | Method::HEAD),
            },
        }
    }

    /// The text, for a window before or after its announced end.
    pub(crate) fn render(
        &self,
        representation: Representation,
        announcement: &Announcement,
        overdue: bool,
    ) -> Text {
        let custom = |page: &Option<CustomPage>| match page {
            Some(page) => page.text(announcement),
            None => String::new().into(),
        };
        match representation {
            Representation::CustomHtml => custom(&self.custom.html),
            Representation::CustomJson => custom(&self.custom.json),
            Representation::Json => built_in::json(announcement),
            Representation::Problem => built_in::problem(announcement),
            Representation::Html { language, write } => {
                built_in::html(language, write, announcement, overdue)
            }
        }
    }

    /// Which request headers select the text.
    pub(crate) fn vary(&self, representation: Representation) -> Option<&'static str> {
        match (self.negotiate, representation.language()) {
            (false, None) => None,
            (true, None) => Some("Accept"),
            (false, Some(_)) => Some("Accept-Language"),
            (true, Some(_)) => Some("Accept, Accept-Language"),
        }
    }
}

impl Representation {
    /// How many there are.
    pub(crate) const COUNT: usize = 4 + 2 * Language::ALL.len();

    /// A number of its own, below [`COUNT`](Self::COUNT).
    pub(crate) fn index(self) -> usize {
        match self {
            Self::CustomHtml => 0,
            Self::CustomJson => 1,
            Self::Json => 2,
            Self::Problem => 3,
            Self::Html { language, write } => usize::from(language as u8)
                .saturating_mul(2)
                .saturating_add(if write { 5 } else { 4 }),
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::CustomHtml | Self::Html { .. } => "text/html; charset=utf-8",
            Self::CustomJson | Self::Json => "application/json",
            Self::Problem => "application/problem+json",
        }
    }

    /// The language of a built-in page.
    pub(crate) fn language(self) -> Option<&'static str> {
        match self {
            Self::Html { language, .. } => Some(language.translation().tag),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_representation_has_a_number_of_its_own() {
        use Representation::{CustomHtml, CustomJson, Html, Json, Problem};
        let mut all = vec![CustomHtml, CustomJson, Json, Problem];
        for language in Language::ALL {
            all.extend([true, false].map(|write| Html { language, write }));
        }
        let numbers: BTreeSet<usize> = all.iter().map(|one| one.index()).collect();
        assert_eq!(numbers, (0..Representation::COUNT).collect());
        assert_eq!(all.len(), Representation::COUNT);
    }
}
