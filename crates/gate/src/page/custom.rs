//! Loads the app's own pages and checks that they can be served. A broken page never prevents an answer: the gate
//! falls back to the next one.

use std::io;
use std::path::{Path, PathBuf};

use maintenance_flag::{Flag, MAX_VALUE_BYTES, Mode};

use super::media_type::MediaType;
use super::page::Page;
use super::retry_after::RetryAfter;
use super::template::announce;
use crate::regular_file;

/// The most bytes of a page: 512 KiB. An Application Load Balancer takes 1 MB from a function, and
/// gets the page as a JSON string, in which quotes and line ends take twice their size.
const MAX_PAGE_BYTES: usize = 512 * 1024;

const NAMES: [(&str, MediaType); 2] = [
    ("maintenance.html", MediaType::Html),
    ("maintenance.json", MediaType::Json),
];

/// The app's own pages that can be served.
#[derive(Debug, Default)]
pub(crate) struct CustomPages {
    pub(super) html: Option<String>,
    pub(super) json: Option<String>,
}

impl CustomPages {
    /// Loads the pages passed in code, if any. Else searches `directory` or, unless set, `public/`
    /// beside the executable, under `LAMBDA_TASK_ROOT` and under the current directory, and loads the pages of the
    /// first that has one which can be served. Calls `unusable` with each page that cannot be served, and why.
    pub(crate) fn load(
        given: Vec<Page>,
        directory: Option<PathBuf>,
        unusable: impl Fn(&Path, &str),
    ) -> Self {
        let mut pages = Self::default();
        if !given.is_empty() {
            for (media_type, body) in given.into_iter().filter_map(|page| page.custom) {
                let added = pages.add(media_type, Ok(body.into()));
                added.unwrap_or_else(|reason| unusable(Path::new("(compiled in)"), &reason));
            }
            return pages;
        }
        for directory in directory.map_or_else(default_directories, |one| vec![one]) {
            for (name, media_type) in NAMES {
                let path = directory.join(name);
                if let Some(body) = regular_file::read(&path, MAX_PAGE_BYTES).transpose() {
                    let added = pages.add(media_type, body);
                    added.unwrap_or_else(|reason| unusable(&path, &reason));
                }
            }
            if pages.html.is_some() || pages.json.is_some() {
                break;
            }
        }
        pages
    }

    /// Adds a page; replaces one of the same type. An error says why the page cannot be served.
    fn add(&mut self, media_type: MediaType, body: io::Result<Vec<u8>>) -> Result<(), String> {
        let page = check(media_type, body.map_err(|error| error.to_string())?)?;
        match media_type {
            MediaType::Html => self.html = Some(page),
            MediaType::Json | MediaType::Problem => self.json = Some(page),
        }
        Ok(())
    }
}

fn default_directories() -> Vec<PathBuf> {
    let executable = std::env::current_exe().ok();
    let beside = executable.as_deref().and_then(Path::parent);
    let task_root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from);
    let current = std::env::current_dir().ok();
    [beside, task_root.as_deref(), current.as_deref()]
        .into_iter()
        .flatten()
        .map(|directory| directory.join("public"))
        .collect()
}

/// Returns the text of a page without its byte-order mark. An error says why the page cannot be served.
fn check(media_type: MediaType, body: Vec<u8>) -> Result<String, String> {
    if body.len() > MAX_PAGE_BYTES {
        return Err(format!("it has more than {MAX_PAGE_BYTES} bytes"));
    }
    if body.contains(&0) {
        return Err("it has NUL bytes: save it as UTF-8, not as UTF-16".to_owned());
    }
    let text = String::from_utf8(body).map_err(|error| format!("it is not UTF-8: {error}"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    // The page must be servable with the values of every flag.
    let worst = match media_type {
        MediaType::Html => "\"",
        MediaType::Json | MediaType::Problem => "\0",
    };
    let mut longest = Flag::bare(Mode::ReadOnly);
    longest.message = Some(worst.repeat(MAX_VALUE_BYTES));
    longest.until = Some(jiff::Timestamp::MAX);
    for flag in [Flag::bare(Mode::On), longest] {
        let filled = announce(text, media_type, &flag, RetryAfter::at(&flag, 0));
        if filled.len() > MAX_PAGE_BYTES {
            return Err(format!(
                "it has more than {MAX_PAGE_BYTES} bytes with its placeholders filled in"
            ));
        }
        if media_type == MediaType::Json
            && let Err(error) = serde_json::from_str::<serde_json::Value>(&filled)
        {
            return Err(format!(
                "it is not JSON, with its placeholders filled in within strings: {error}"
            ));
        }
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(page: Page) -> Result<String, String> {
        let (media_type, body) = page.custom.ok_or("it is the built-in page")?;
        check(media_type, body.into())
    }

    fn with_files(files: &[(&str, &[u8])]) -> (Option<String>, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        let pages = CustomPages::load(Vec::new(), Some(directory.path().to_owned()), |_, _| {});
        (pages.html, pages.json)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
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
        assert_eq!(largest.len(), MAX_PAGE_BYTES);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_page() {
        for page in [
            Page::json(b"\xef\xbb\xbf{\"message\": \"{{message}}\"}"),
            Page::json(b"\xef\xbb\xbf{}"),
            Page::html(b"\xef\xbb\xbf<p>{{mode}}"),
        ] {
            let text = load(page).unwrap();
            assert!(!text.starts_with('\u{feff}'), "{text:?}");
        }
        assert_eq!(
            load(Page::html(b"\xef\xbb\xbf")).unwrap_err(),
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
            assert!(load(Page::json(good.as_bytes())).is_ok(), "{good}");
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

    #[test]
    fn a_broken_page_is_left_out_and_the_other_one_is_kept() {
        let (html, json) = (
            ("maintenance.html", &b"<p>html"[..]),
            ("maintenance.json", &b"{}"[..]),
        );
        assert_eq!(with_files(&[html, json]), (some("<p>html"), some("{}")));
        assert_eq!(with_files(&[html]), (some("<p>html"), None));
        assert_eq!(with_files(&[json]), (None, some("{}")));
        assert_eq!(with_files(&[]), (None, None));
        let big = vec![b' '; MAX_PAGE_BYTES + 1];
        for bad in [&b""[..], b"\xff\xfe\xfd", &big] {
            let bad = ("maintenance.html", bad);
            assert_eq!(with_files(&[bad, json]), (None, some("{}")));
            assert_eq!(with_files(&[bad]), (None, None));
        }
    }

    #[test]
    fn a_directory_in_its_place_is_no_page() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("maintenance.html")).unwrap();
        let pages = CustomPages::load(Vec::new(), Some(directory.path().to_owned()), |_, _| {});
        assert_eq!(pages.html, None);
    }

    #[test]
    fn pages_that_are_given_are_checked_too_and_one_of_each_kind_is_kept() {
        let given = |pages: &[Page]| {
            let pages = CustomPages::load(pages.to_vec(), None, |_, _| {});
            (pages.html, pages.json)
        };
        let (html, json) = (Page::html(b"<p>"), Page::json(b"{}"));
        assert_eq!(given(&[Page::html(b"")]), (None, None));
        assert_eq!(given(&[Page::built_in()]), (None, None));
        assert_eq!(given(std::slice::from_ref(&json)), (None, some("{}")));
        assert_eq!(given(&[json, html]), (some("<p>"), some("{}")));
    }
}
