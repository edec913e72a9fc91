//! A page that code passes to the gate.

use std::borrow::Cow;

use super::media_type::MediaType;

/// A maintenance page. [`page!`](crate::page) compiles one in; without one the gate searches a directory.
///
/// The page may hold placeholders, which the gate fills in:
///
/// | placeholder | is |
/// |---|---|
/// | `{{message}}` | the operator's message to visitors |
/// | `{{until}}` | the expected end of the maintenance, as RFC 3339: `2026-11-21T08:10:00Z` |
/// | `{{until_utc}}` | the same, for people: `2026-11-21 08:10 UTC` |
/// | `{{retry_after}}` | the value of `Retry-After`, in seconds |
/// | `{{mode}}` | `on` or `read-only` |
///
/// An unset value is empty. HTML pages escape the values for text and for quoted attributes, not for
/// scripts and styles. In a JSON page, write a placeholder inside a string; `{{retry_after}}` may also be a number.
/// The gate does not change anything else in double braces.
#[derive(Debug, Clone)]
pub struct Page {
    /// The media type and the text; `None` for the built-in page.
    pub(super) custom: Option<(MediaType, Cow<'static, [u8]>)>,
}

impl Page {
    /// Creates an HTML page from UTF-8.
    #[must_use]
    pub fn html(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::new(MediaType::Html, body.into())
    }

    /// Creates a JSON page from UTF-8.
    #[must_use]
    pub fn json(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::new(MediaType::Json, body.into())
    }

    /// Creates the page that [`page!`](crate::page) compiled in: JSON if its name ends with `.json`, else HTML.
    #[doc(hidden)]
    #[must_use]
    pub fn compiled_in(name: &str, body: &'static [u8]) -> Self {
        if name.ends_with(".json") {
            Self::json(body)
        } else {
            Self::html(body)
        }
    }

    /// Returns the built-in page, in the visitor's language where that is one of a few. It has less than 4 KB and
    /// loads nothing else. While visible, it checks every 20 to 30 s whether the site is back.
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

/// Compiles a page in. Takes its path relative to the directory of the crate's `Cargo.toml`. The gate then searches no
/// directory.
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
