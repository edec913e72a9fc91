//! What a gate can answer with, and which of it a request gets. Settled when the gate is built.

use http::Method;

use crate::accept::Form;
use crate::asked::Asked;
use crate::body::PageText;
use crate::built_in;
use crate::cors::Allowed;
use crate::language::Language;
use crate::notice::{Moment, Notice};
use crate::pages::{Own, OwnPage};

/// All that a gate can answer with. Lives as long as the process, as a gate is built once, so that no
/// answer has to copy or count anything.
#[derive(Debug)]
pub(crate) struct Served {
    own: Own,
    /// What a client gets that asks for nothing.
    first: Form,
    negotiate: bool,
    pub(crate) cors: Option<Allowed>,
}

/// One of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    OwnHtml,
    OwnJson,
    Json,
    Problem,
    /// The built-in page; to a request that would have changed something, it says so.
    Html {
        language: Language,
        sent: bool,
    },
}

impl Served {
    pub(crate) fn new(own: Own, negotiate: bool, cors: Option<Allowed>) -> &'static Self {
        let first = match (&own.html, &own.json) {
            (None, Some(_)) => Form::Json,
            _ => Form::Html,
        };
        Box::leak(Box::new(Self {
            own,
            first,
            negotiate,
            cors,
        }))
    }

    /// The built-in page, and nothing else.
    pub(crate) fn built_in() -> &'static Self {
        Self::new(Own::default(), false, None)
    }

    /// The text that every request gets, if it is always the same, and its length.
    pub(crate) fn only_text(&self) -> Option<(Shape, &'static str, &'static str)> {
        if self.negotiate || self.cors.as_ref().is_some_and(Allowed::is_listed) {
            return None;
        }
        let (shape, page) = self.own_page(self.first)?;
        match page {
            OwnPage::Fixed { text, length } => Some((shape, text, length)),
            OwnPage::Template(_) => None,
        }
    }

    /// Which text a request gets.
    pub(crate) fn shape(&self, asked: Asked<'_>) -> Shape {
        let form = if self.negotiate {
            Form::preferred(asked.headers, self.first)
        } else {
            self.first
        };
        match (self.own_page(form), form) {
            (Some((shape, _)), _) => shape,
            (None, Form::Json) => Shape::Json,
            (None, Form::Problem) => Shape::Problem,
            (None, Form::Html) => Shape::Html {
                language: Language::of(asked.headers),
                sent: !matches!(*asked.method, Method::GET | Method::HEAD),
            },
        }
    }

    /// The app's own page of this form. None is a problem document.
    fn own_page(&self, form: Form) -> Option<(Shape, &OwnPage)> {
        match form {
            Form::Html => Some((Shape::OwnHtml, self.own.html.as_ref()?)),
            Form::Json => Some((Shape::OwnJson, self.own.json.as_ref()?)),
            Form::Problem => None,
        }
    }

    pub(crate) fn text(&self, shape: Shape, notice: &Notice, moment: Moment) -> PageText {
        let own = match shape {
            Shape::OwnHtml => &self.own.html,
            Shape::OwnJson => &self.own.json,
            Shape::Json => return built_in::json(notice, moment).into(),
            Shape::Problem => return built_in::problem(notice, moment).into(),
            Shape::Html { language, sent } => {
                return built_in::html(language, sent, notice, moment).into();
            }
        };
        own.as_ref()
            .map_or(PageText::EMPTY, |page| page.text(notice, moment))
    }

    /// Whether a text that was made at one moment is another one at the next.
    pub(crate) fn changes(&self, shape: Shape, before: Moment, after: Moment) -> bool {
        let counts_down = |page: &Option<OwnPage>| page.as_ref().is_some_and(OwnPage::counts_down);
        match shape {
            Shape::OwnHtml => counts_down(&self.own.html),
            Shape::OwnJson => counts_down(&self.own.json),
            Shape::Json | Shape::Problem => true,
            Shape::Html { .. } => before.late != after.late,
        }
    }

    /// What of a request an answer depends on.
    pub(crate) fn vary(&self, shape: Shape) -> Option<&'static str> {
        let language = shape.language().is_some();
        let origin = self.cors.as_ref().is_some_and(Allowed::is_listed);
        match (self.negotiate, language, origin) {
            (false, false, false) => None,
            (true, false, false) => Some("Accept"),
            (false, true, false) => Some("Accept-Language"),
            (false, false, true) => Some("Origin"),
            (true, true, false) => Some("Accept, Accept-Language"),
            (true, false, true) => Some("Accept, Origin"),
            (false, true, true) => Some("Accept-Language, Origin"),
            (true, true, true) => Some("Accept, Accept-Language, Origin"),
        }
    }
}

impl Shape {
    /// How many there are.
    pub(crate) const COUNT: usize = 4 + 2 * Language::ALL.len();

    /// A number of its own, below [`COUNT`](Self::COUNT).
    pub(crate) fn index(self) -> usize {
        match self {
            Self::OwnHtml => 0,
            Self::OwnJson => 1,
            Self::Json => 2,
            Self::Problem => 3,
            Self::Html { language, sent } => usize::from(language as u8)
                .saturating_mul(2)
                .saturating_add(if sent { 5 } else { 4 }),
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::OwnHtml | Self::Html { .. } => "text/html; charset=utf-8",
            Self::OwnJson | Self::Json => "application/json",
            Self::Problem => "application/problem+json",
        }
    }

    /// The language of the text, if it is the gate's.
    pub(crate) fn language(self) -> Option<&'static str> {
        match self {
            Self::Html { language, .. } => Some(language.words().tag),
            Self::OwnHtml | Self::OwnJson | Self::Json | Self::Problem => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_shape_has_a_number_of_its_own() {
        let mut shapes = vec![Shape::OwnHtml, Shape::OwnJson, Shape::Json, Shape::Problem];
        for language in Language::ALL {
            shapes.extend([true, false].map(|sent| Shape::Html { language, sent }));
        }
        let numbers: BTreeSet<usize> = shapes.iter().map(|shape| shape.index()).collect();
        assert_eq!(numbers, (0..Shape::COUNT).collect());
        assert_eq!(shapes.len(), Shape::COUNT);
    }
}
