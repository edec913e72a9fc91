//! The app's own pages: checked, so that a broken page is never the reason that there is no answer.

use bytes::Bytes;

use super::announcement::Announcement;
use super::page::{Content, Page};
use super::template::{Syntax, Text, announce};

/// The most bytes of a page: 512 KiB. An Application Load Balancer takes 1 MB from a function, and
/// the page travels there as a JSON string, in which quotes and line ends take twice their size.
pub(crate) const MAX_PAGE_BYTES: usize = 512 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The app's own pages that can be served.
#[derive(Debug, Default)]
pub(crate) struct CustomPages {
    pub(crate) html: Option<CustomPage>,
    pub(crate) json: Option<CustomPage>,
}

/// A page that can be served.
#[derive(Debug)]
pub(crate) struct CustomPage {
    syntax: Syntax,
    body: Bytes,
    /// Whether it has placeholders.
    is_template: bool,
}

impl CustomPages {
    pub(super) fn is_empty(&self) -> bool {
        self.html.is_none() && self.json.is_none()
    }

    /// Adds a page; it replaces one of the same type. An error says why it cannot be served.
    pub(super) fn add(&mut self, page: Page) -> Result<(), String> {
        let Content::Custom { syntax, body } = page.0 else {
            return Ok(());
        };
        let page = CustomPage::load(syntax, body)?;
        match syntax {
            Syntax::Html => self.html = Some(page),
            Syntax::Json => self.json = Some(page),
        }
        Ok(())
    }
}

impl CustomPage {
    fn load(syntax: Syntax, mut body: Bytes) -> Result<Self, String> {
        if body.starts_with(BYTE_ORDER_MARK) {
            body = body.slice(BYTE_ORDER_MARK.len()..);
        }
        if body.is_empty() {
            return Err("it is empty".to_owned());
        }
        if body.len() > MAX_PAGE_BYTES {
            return Err(format!("it has more than {MAX_PAGE_BYTES} bytes"));
        }
        if body.contains(&0) {
            return Err("it has NUL bytes: save it as UTF-8, not as UTF-16".to_owned());
        }
        let text = str::from_utf8(&body).map_err(|error| format!("it is not UTF-8: {error}"))?;
        // Whatever a flag says, the page must be one that can be served.
        let worst = match syntax {
            Syntax::Html => "\"",
            Syntax::Json => "\0",
        };
        let mut is_template = false;
        for announcement in [Announcement::new(None), Announcement::longest(worst)] {
            let filled = announce(text, syntax, &announcement).with("0");
            is_template = is_template || filled != body;
            if filled.len() > MAX_PAGE_BYTES {
                return Err(format!(
                    "it has more than {MAX_PAGE_BYTES} bytes with its placeholders filled in"
                ));
            }
            if syntax == Syntax::Json
                && let Err(error) = serde_json::from_slice::<serde_json::Value>(&filled)
            {
                return Err(match is_template {
                    true => format!(
                        "it is not JSON with its placeholders filled in, which must be within strings: {error}"
                    ),
                    false => format!("it is not JSON: {error}"),
                });
            }
        }
        Ok(Self {
            syntax,
            body,
            is_template,
        })
    }

    /// The page, filled in for a window.
    pub(super) fn text(&self, announcement: &Announcement) -> Text {
        match str::from_utf8(&self.body) {
            Ok(text) if self.is_template => announce(text, self.syntax, announcement),
            _ => Text::Fixed(self.body.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a page.
    fn load(page: Page) -> Result<CustomPage, String> {
        let mut custom = CustomPages::default();
        custom.add(page)?;
        custom
            .html
            .or(custom.json)
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
        assert_eq!(largest.body.len(), MAX_PAGE_BYTES);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_page() {
        for page in [
            Page::json(b"\xef\xbb\xbf{\"message\": \"{{message}}\"}"),
            Page::json(b"\xef\xbb\xbf{}"),
            Page::html(b"\xef\xbb\xbf<p>{{mode}}"),
        ] {
            let page = load(page).unwrap();
            let text = page.text(&Announcement::new(None)).with("120");
            assert!(!text.starts_with(BYTE_ORDER_MARK), "{text:?}");
        }
        assert_eq!(
            load(Page::html(BYTE_ORDER_MARK)).unwrap_err(),
            "it is empty"
        );
    }

    #[test]
    fn utf_16_and_text_that_is_not_json_are_not_served() {
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf_16: Vec<u8> = utf_16("<p>Soon.</p>");
        let error = load(Page::html(utf_16)).unwrap_err();
        assert!(error.contains("UTF-16"), "{error}");
        for text in ["", "<p>Soon.</p>", "{\"a\":}", "{} {}", "\0"] {
            assert!(load(Page::json(text.as_bytes())).is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_that_could_not_be_served_once_it_is_filled_in_is_not_served() {
        for good in [
            r#"{"message": "{{message}}", "until": "{{until}}", "after": {{retry_after}}}"#,
            r#"{"{{mode}}": ["{{ until_utc }}"]}"#,
        ] {
            let page = load(Page::json(good.as_bytes()));
            assert!(page.unwrap().is_template, "{good}");
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
