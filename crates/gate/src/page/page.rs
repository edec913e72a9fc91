//! A page that is handed over in code.

use std::borrow::Cow;

use super::media_type::MediaType;

/// A page to answer with. [`page!`](crate::page) compiles one in; otherwise the gate finds it.
///
/// It may carry placeholders, which are filled in for each window:
///
/// | placeholder | is |
/// |---|---|
/// | `{{message}}` | what the operator tells the visitors |
/// | `{{until}}` | when the maintenance is expected to end, as RFC 3339: `2026-11-21T08:10:00Z` |
/// | `{{until_utc}}` | the same for a person: `2026-11-21 08:10 UTC` |
/// | `{{retry_after}}` | what `Retry-After` says, in seconds |
/// | `{{mode}}` | `on` or `read-only` |
///
/// An unset value is empty. In HTML they are escaped for text and for attributes in quotes, not for
/// scripts and styles. In JSON they stand within a string, `{{retry_after}}` also as a number.
/// Anything else in double braces stays as it is.
#[derive(Debug, Clone)]
pub struct Page {
    /// HTML or JSON, and its text; none of the built-in page.
    pub(super) custom: Option<(MediaType, Cow<'static, [u8]>)>,
}

impl Page {
    /// A page of HTML, UTF-8.
    #[must_use]
    pub fn html(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::new(MediaType::Html, body.into())
    }

    /// A JSON document, UTF-8.
    #[must_use]
    pub fn json(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::new(MediaType::Json, body.into())
    }

    /// What [`page!`](crate::page) compiled in: JSON if its name ends so, else HTML.
    #[doc(hidden)]
    #[must_use]
    pub fn compiled_in(name: &str, body: &'static [u8]) -> Self {
        if name.ends_with(".json") {
            Self::json(body)
        } else {
            Self::html(body)
        }
    }

    /// The page of this crate, in the visitor's language where it is one of a few: under 4 KB, without
    /// a request to anywhere else. It looks every 20 to 30 s, while it is seen, whether the site is
    /// back.
    #[must_use]
    pub fn built_in() -> Self {
        Self { custom: None }
    }

    fn new(media_type: MediaType, body: Cow<'static, [u8]>) -> Self {
        Self {
            custom: Some((media_type, body)),
        }
    }
}

/// Compiles a page in, by its path from the crate's own directory. Nothing is then looked for on disk.
///
/// ```
/// let page = maintenance_gate::page!("../../public/maintenance.html");
/// ```
#[macro_export]
macro_rules! page {
    ($path:literal) => {
        $crate::Page::compiled_in(
            $path,
            ::core::include_bytes!(::core::concat!(
                ::core::env!("CARGO_MANIFEST_DIR"),
                "/",
                $path
            )),
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiled_in_page_is_json_if_its_name_says_so() {
        for (page, is_json) in [
            (crate::page!("../../public/maintenance.json"), true),
            (crate::page!("../../public/maintenance.html"), false),
        ] {
            let (media_type, _) = page.custom.unwrap();
            assert_eq!(media_type == MediaType::Json, is_json);
        }
    }
}
