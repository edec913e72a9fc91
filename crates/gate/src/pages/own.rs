//! The pages that can be served: checked, and kept for as long as the process lives.

use std::borrow::Cow;

use super::page::{Content, Page};
use crate::body::PageText;
use crate::notice::{Moment, Notice};
use crate::template::{Syntax, Template};

/// The most bytes of a page: 512 KiB. An Application Load Balancer takes 1 MB from a function, and
/// the page travels there as a JSON text, in which quotes and line ends take twice their size.
pub const MAX_PAGE_BYTES: usize = 512 * 1024;

/// The app's own pages that can be served.
#[derive(Debug, Default)]
pub(crate) struct Own {
    pub(crate) html: Option<OwnPage>,
    pub(crate) json: Option<OwnPage>,
}

/// A page that can be served, for as long as the process lives.
#[derive(Debug)]
pub(crate) enum OwnPage {
    /// As it is.
    Fixed {
        text: &'static str,
        /// What `Content-Length` says. Kept as long as the text: to clone it costs no counting.
        length: &'static str,
    },
    /// With placeholders.
    Template(Template),
}

impl Own {
    pub(super) fn is_empty(&self) -> bool {
        self.html.is_none() && self.json.is_none()
    }

    /// Takes a page in, the last of its kind.
    pub(super) fn add(&mut self, page: Page) -> Result<(), String> {
        let Content::Own { syntax, body } = page.0 else {
            return Ok(());
        };
        let page = OwnPage::load(syntax, body)?;
        match syntax {
            Syntax::Html => self.html = Some(page),
            Syntax::Json => self.json = Some(page),
        }
        Ok(())
    }
}

impl OwnPage {
    fn load(syntax: Syntax, body: Cow<'static, [u8]>) -> Result<Self, String> {
        if body.is_empty() {
            return Err("it is empty".to_owned());
        }
        if body.len() > MAX_PAGE_BYTES {
            return Err(format!("it has more than {MAX_PAGE_BYTES} bytes"));
        }
        // A page that was read stays for the life of the process, as one that was compiled in does:
        // a gate is built once, and so no answer has to copy or count anything.
        let text = match body {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map_err(|error| error.to_string()),
            Cow::Owned(bytes) => String::from_utf8(bytes)
                .map(|text| &*text.leak())
                .map_err(|error| error.utf8_error().to_string()),
        };
        let text = text.map_err(|error| format!("it is not UTF-8: {error}"))?;
        let Some(template) = Template::parse(text, syntax) else {
            let length = text.len().to_string().leak();
            return Ok(Self::Fixed { text, length });
        };
        // Whatever a flag says, the page must be one that can be served.
        let worst = match syntax {
            Syntax::Html => "\"",
            Syntax::Json => "\0",
        };
        for notice in [Notice::new(None), Notice::longest(worst)] {
            let filled = template.fill(&notice, notice.at(0));
            if filled.len() > MAX_PAGE_BYTES {
                return Err(format!(
                    "it has more than {MAX_PAGE_BYTES} bytes with its placeholders filled in"
                ));
            }
            if syntax == Syntax::Json
                && let Err(error) = serde_json::from_str::<serde_json::Value>(&filled)
            {
                return Err(format!(
                    "it is not JSON with its placeholders filled in, which must be within strings: {error}"
                ));
            }
        }
        Ok(Self::Template(template))
    }

    pub(crate) fn counts_down(&self) -> bool {
        match self {
            Self::Fixed { .. } => false,
            Self::Template(template) => template.counts_down(),
        }
    }

    pub(crate) fn text(&self, notice: &Notice, moment: Moment) -> PageText {
        match self {
            Self::Fixed { text, .. } => PageText::fixed(text),
            Self::Template(template) => template.fill(notice, moment).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a page.
    fn load(page: Page) -> Result<OwnPage, String> {
        let mut own = Own::default();
        own.add(page)?;
        own.html
            .or(own.json)
            .ok_or_else(|| "it was none".to_owned())
    }

    #[test]
    fn a_page_is_text_of_a_size_that_every_platform_takes() {
        for (bad, why) in [
            (&b""[..], "it is empty"),
            (b"\xff\xfe\xfd", "it is not UTF-8"),
            (
                &vec![b' '; MAX_PAGE_BYTES + 1],
                "it has more than 524288 bytes",
            ),
        ] {
            let error = load(Page::html(bad.to_vec())).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
        let largest = load(Page::html(vec![b' '; MAX_PAGE_BYTES])).unwrap();
        assert!(matches!(
            largest,
            OwnPage::Fixed {
                length: "524288",
                ..
            }
        ));
    }

    #[test]
    fn a_page_that_could_not_be_served_once_it_is_filled_in_is_not_served() {
        for good in [
            r#"{"message": "{{message}}", "until": "{{until}}", "after": {{retry_after}}}"#,
            r#"{"{{mode}}": ["{{ until_utc }}"]}"#,
        ] {
            let page = load(Page::json(good.as_bytes()));
            assert!(matches!(page, Ok(OwnPage::Template(_))), "{good}");
        }
        for bad in [
            r#"{"message": {{message}}}"#,
            r#"{"until": {{until}}}"#,
            r#"{"mode": {{mode}}}"#,
            r#"{"message": "{{message}}""#,
        ] {
            assert!(load(Page::json(bad.as_bytes())).is_err(), "{bad}");
        }
        let large = |message: &str| {
            let mut page = vec![b' '; MAX_PAGE_BYTES - 5_000];
            page.extend_from_slice(message.as_bytes());
            load(Page::html(page))
        };
        assert!(large("{{until}}").is_ok());
        assert!(large("{{message}}").is_err());
    }
}
