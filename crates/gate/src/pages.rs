//! The app's own pages: found and checked once, when the gate is built.
//!
//! A page that cannot be served is said so in a warning, and the next in order serves: a broken page
//! must never be the reason that there is no answer.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::body::PageText;
use crate::events;
use crate::notice::{Moment, Notice};
use crate::template::{Syntax, Template};

/// The most bytes of a page: 512 KiB. An Application Load Balancer takes 1 MB from a function, and
/// the page travels there as a JSON text, in which quotes and line ends take twice their size.
pub const MAX_PAGE_BYTES: usize = 512 * 1024;

const NAMES: [(&str, Syntax); 2] = [
    ("maintenance.html", Syntax::Html),
    ("maintenance.json", Syntax::Json),
];

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
/// What is not set is empty. In HTML they are escaped for text and for attributes in quotes, not for
/// scripts and styles. In JSON they stand within a string, `{{retry_after}}` also as a number.
/// Anything else in double braces stays as it is.
#[derive(Debug, Clone)]
pub struct Page(Content);

#[derive(Debug, Clone)]
enum Content {
    BuiltIn,
    Own {
        syntax: Syntax,
        body: Cow<'static, [u8]>,
    },
}

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

impl Page {
    /// A page of HTML, UTF-8.
    #[must_use]
    pub fn html(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::new(Syntax::Html, body.into())
    }

    /// A JSON document, UTF-8.
    #[must_use]
    pub fn json(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::new(Syntax::Json, body.into())
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
        Self(Content::BuiltIn)
    }

    fn new(syntax: Syntax, body: Cow<'static, [u8]>) -> Self {
        Self(Content::Own { syntax, body })
    }
}

impl Own {
    fn is_empty(&self) -> bool {
        self.html.is_none() && self.json.is_none()
    }

    /// Takes a page in, the last of its kind.
    fn add(&mut self, page: Page) -> Result<(), String> {
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

/// Where the pages come from.
#[derive(Debug, Clone, Default)]
pub(crate) enum Pages {
    /// `public/` in the usual places.
    #[default]
    Usual,
    /// This directory and no other.
    In(PathBuf),
    /// Handed over.
    Given(Vec<Page>),
}

impl Pages {
    /// One more page handed over, beside those that were.
    pub(crate) fn and(self, page: Page) -> Self {
        let mut pages = match self {
            Self::Given(pages) => pages,
            Self::Usual | Self::In(_) => Vec::new(),
        };
        pages.push(page);
        Self::Given(pages)
    }

    /// The first page in order that can be served; with `both`, that of the other kind beside it.
    pub(crate) fn load(self, both: bool) -> Own {
        match self {
            Self::Usual => first_in(&usual_directories(), both),
            Self::In(directory) => first_in(&[directory], both),
            Self::Given(pages) => {
                let mut own = Own::default();
                for page in pages {
                    if let Err(reason) = own.add(page) {
                        events::page_unusable(Path::new("(compiled in)"), &reason);
                    }
                }
                own
            }
        }
    }
}

/// `public/` beside the executable, under `LAMBDA_TASK_ROOT`, and under the current directory.
fn usual_directories() -> Vec<PathBuf> {
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

/// Directory by directory; in each, HTML before JSON.
fn first_in(directories: &[PathBuf], both: bool) -> Own {
    for directory in directories {
        let mut own = Own::default();
        for (name, syntax) in NAMES {
            let path = directory.join(name);
            let added = match read(&path) {
                Ok(None) => continue,
                Ok(Some(body)) => own.add(Page::new(syntax, body.into())),
                Err(error) => Err(error.to_string()),
            };
            match added {
                Ok(()) if both => {}
                Ok(()) => return own,
                Err(reason) => events::page_unusable(&path, &reason),
            }
        }
        if !own.is_empty() {
            return own;
        }
    }
    Own::default()
}

/// The bytes of a file, up to one more than a page may have; none if there is no such file.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    // Opening a pipe would wait for whoever writes to it.
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let limit = u64::try_from(MAX_PAGE_BYTES).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut body)?;
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &[u8])], both: bool) -> Own {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        Pages::In(directory.path().to_owned()).load(both)
    }

    fn fixed(page: Option<&OwnPage>) -> Option<&'static str> {
        page.map(|page| match page {
            OwnPage::Fixed { text, .. } => *text,
            OwnPage::Template(_) => panic!("it has placeholders"),
        })
    }

    fn texts(own: &Own) -> (Option<&'static str>, Option<&'static str>) {
        (fixed(own.html.as_ref()), fixed(own.json.as_ref()))
    }

    #[test]
    fn html_wins_over_json_unless_both_are_asked_for() {
        let (html, json) = (
            ("maintenance.html", &b"<p>html"[..]),
            ("maintenance.json", &b"{}"[..]),
        );
        assert_eq!(texts(&load(&[html, json], false)), (Some("<p>html"), None));
        assert_eq!(
            texts(&load(&[html, json], true)),
            (Some("<p>html"), Some("{}"))
        );
        for both in [false, true] {
            assert_eq!(texts(&load(&[html], both)), (Some("<p>html"), None));
            assert_eq!(texts(&load(&[json], both)), (None, Some("{}")));
            assert!(load(&[], both).is_empty());
        }
    }

    #[test]
    fn the_next_in_order_serves_for_a_page_that_cannot() {
        let json = ("maintenance.json", &b"{}"[..]);
        let big = vec![b' '; MAX_PAGE_BYTES + 1];
        for bad in [&b""[..], b"\xff\xfe\xfd", &big] {
            let pages = load(&[("maintenance.html", bad), json], false);
            assert_eq!(texts(&pages), (None, Some("{}")));
            assert!(load(&[("maintenance.html", bad)], false).is_empty());
        }
        let largest = vec![b' '; MAX_PAGE_BYTES];
        let pages = load(&[("maintenance.html", &largest)], false);
        assert_eq!(texts(&pages).0.unwrap().len(), MAX_PAGE_BYTES);
    }

    #[test]
    fn a_page_that_could_not_be_served_once_it_is_filled_in_is_not_served() {
        for good in [
            r#"{"message": "{{message}}", "until": "{{until}}", "after": {{retry_after}}}"#,
            r#"{"{{mode}}": ["{{ until_utc }}"]}"#,
        ] {
            let pages = load(&[("maintenance.json", good.as_bytes())], false);
            assert!(matches!(pages.json, Some(OwnPage::Template(_))), "{good}");
        }
        for bad in [
            r#"{"message": {{message}}}"#,
            r#"{"until": {{until}}}"#,
            r#"{"mode": {{mode}}}"#,
            r#"{"message": "{{message}}""#,
        ] {
            assert!(load(&[("maintenance.json", bad.as_bytes())], false).is_empty());
        }
        let large = |message: &str| {
            let mut page = vec![b' '; MAX_PAGE_BYTES - 5_000];
            page.extend_from_slice(message.as_bytes());
            load(&[("maintenance.html", &page)], false)
        };
        assert!(!large("{{until}}").is_empty());
        assert!(large("{{message}}").is_empty());
    }

    #[test]
    fn a_directory_in_its_place_is_no_page() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("maintenance.html")).unwrap();
        let pages = Pages::In(directory.path().to_owned());
        assert!(pages.load(false).is_empty());
    }

    #[test]
    fn a_directory_with_a_page_wins_over_those_after_it() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(first.path().join("maintenance.json"), "{}").unwrap();
        fs::write(second.path().join("maintenance.html"), "<p>").unwrap();
        let both = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(texts(&first_in(&both, false)), (None, Some("{}")));
        assert_eq!(texts(&first_in(&both, true)), (None, Some("{}")));
    }

    #[test]
    fn pages_that_are_given_are_checked_too_and_one_of_each_kind_is_kept() {
        let given = |pages: &[Page]| {
            let usual = Pages::default();
            let pages = pages.iter().cloned().fold(usual, Pages::and);
            texts(&pages.load(false))
        };
        let (html, json) = (Page::html(b"<p>"), Page::json(b"{}"));
        assert_eq!(given(&[Page::html(b"")]), (None, None));
        assert_eq!(given(&[Page::built_in()]), (None, None));
        assert_eq!(given(std::slice::from_ref(&json)), (None, Some("{}")));
        assert_eq!(given(&[json, html]), (Some("<p>"), Some("{}")));
        let compiled_in = crate::page!("../../public/maintenance.json");
        assert!(matches!(
            compiled_in.0,
            Content::Own {
                syntax: Syntax::Json,
                ..
            }
        ));
    }
}
