//! The page that visitors see: found and checked once, when the gate is built.
//!
//! A page that cannot be served is said so in a warning, and the next in order serves: a broken page
//! must never be the reason that there is no answer.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use http::HeaderValue;

use crate::events;

/// The most bytes of a page: 512 KiB. An Application Load Balancer takes 1 MB from a function, and
/// the page travels there as a JSON text, in which quotes and line ends take twice their size.
pub const MAX_PAGE_BYTES: usize = 512 * 1024;

const BUILT_IN: &str = include_str!("page.html");

const NAMES: [(&str, Kind); 2] = [
    ("maintenance.html", Kind::Html),
    ("maintenance.json", Kind::Json),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    Json,
}

/// A page to answer with. [`page!`](crate::page) compiles one in; otherwise the gate finds it.
#[derive(Debug, Clone)]
pub struct Page {
    kind: Kind,
    body: Cow<'static, [u8]>,
}

/// A page that can be served, for as long as the process lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loaded {
    kind: Kind,
    pub(crate) text: &'static str,
}

impl Loaded {
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self.kind {
            Kind::Html => "text/html; charset=utf-8",
            Kind::Json => "application/json",
        })
    }

    pub(crate) fn built_in() -> Self {
        Self {
            kind: Kind::Html,
            text: BUILT_IN,
        }
    }
}

impl Page {
    /// A page of HTML, UTF-8.
    #[must_use]
    pub fn html(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            kind: Kind::Html,
            body: body.into(),
        }
    }

    /// A JSON document, UTF-8.
    #[must_use]
    pub fn json(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            kind: Kind::Json,
            body: body.into(),
        }
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

    /// The page of this crate: small, self-contained, without a request to anywhere.
    #[must_use]
    pub fn built_in() -> Self {
        Self::html(BUILT_IN.as_bytes())
    }

    fn load(self) -> Result<Loaded, String> {
        if self.body.is_empty() {
            return Err("it is empty".to_owned());
        }
        if self.body.len() > MAX_PAGE_BYTES {
            return Err(format!("it has more than {MAX_PAGE_BYTES} bytes"));
        }
        // A page that was read stays for the life of the process, as one that was compiled in does:
        // a gate is built once, and so no answer has to copy or count anything.
        let text = match self.body {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map_err(|error| error.to_string()),
            Cow::Owned(bytes) => String::from_utf8(bytes)
                .map(|text| &*text.leak())
                .map_err(|error| error.utf8_error().to_string()),
        };
        Ok(Loaded {
            kind: self.kind,
            text: text.map_err(|error| format!("it is not UTF-8: {error}"))?,
        })
    }
}

/// Compiles a page in, by its path from the crate's own directory. Nothing is then looked for on disk.
///
/// ```
/// let page = maintenance_gate::page!("src/page.html");
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

/// Where the page comes from.
#[derive(Debug, Clone, Default)]
pub(crate) enum Pages {
    /// `public/` in the usual places.
    #[default]
    Usual,
    /// This directory and no other.
    In(PathBuf),
    /// Handed over.
    Given(Page),
}

impl Pages {
    /// The first page in order that can be served.
    pub(crate) fn load(&self) -> Loaded {
        match self {
            Self::Usual => first_in(&usual_directories()),
            Self::In(directory) => first_in(std::slice::from_ref(directory)),
            Self::Given(page) => page.clone().load().unwrap_or_else(|reason| {
                events::page_unusable(Path::new("(compiled in)"), &reason);
                Loaded::built_in()
            }),
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
fn first_in(directories: &[PathBuf]) -> Loaded {
    for directory in directories {
        for (name, kind) in NAMES {
            let path = directory.join(name);
            let page = match read(&path) {
                Ok(None) => continue,
                Ok(Some(body)) => Page {
                    kind,
                    body: body.into(),
                }
                .load(),
                Err(error) => Err(error.to_string()),
            };
            match page {
                Ok(page) => return page,
                Err(reason) => events::page_unusable(&path, &reason),
            }
        }
    }
    Loaded::built_in()
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

    fn load(files: &[(&str, &[u8])]) -> Loaded {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        Pages::In(directory.path().to_owned()).load()
    }

    fn is_built_in(page: &Loaded) -> bool {
        page.text == BUILT_IN
    }

    #[test]
    fn html_wins_over_json_and_json_over_the_built_in_page() {
        let (html, json) = (
            ("maintenance.html", &b"<p>html"[..]),
            ("maintenance.json", &b"{}"[..]),
        );
        assert_eq!(load(&[html, json]).text, "<p>html");
        assert_eq!(load(&[html]).text, "<p>html");
        assert_eq!(load(&[json]).text, "{}");
        assert_eq!(load(&[json]).content_type(), "application/json");
        assert!(is_built_in(&load(&[])));
    }

    #[test]
    fn the_next_in_order_serves_for_a_page_that_cannot() {
        let json = ("maintenance.json", &b"{}"[..]);
        let big = vec![b' '; MAX_PAGE_BYTES + 1];
        for bad in [&b""[..], b"\xff\xfe\xfd", &big] {
            assert_eq!(load(&[("maintenance.html", bad), json]).text, "{}");
            assert!(is_built_in(&load(&[("maintenance.html", bad)])));
        }
        let largest = vec![b' '; MAX_PAGE_BYTES];
        assert_eq!(
            load(&[("maintenance.html", &largest)]).text.len(),
            MAX_PAGE_BYTES
        );
    }

    #[test]
    fn a_directory_in_its_place_is_no_page() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("maintenance.html")).unwrap();
        assert!(is_built_in(&Pages::In(directory.path().to_owned()).load()));
    }

    #[test]
    fn a_directory_with_a_page_wins_over_those_after_it() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(first.path().join("maintenance.json"), "{}").unwrap();
        fs::write(second.path().join("maintenance.html"), "<p>").unwrap();
        let both = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(first_in(&both).text, "{}");
    }

    #[test]
    fn a_page_that_is_given_is_checked_too() {
        assert!(is_built_in(&Pages::Given(Page::html(b"")).load()));
        let page = Pages::Given(crate::page!("src/page.html")).load();
        assert!(is_built_in(&page));
        assert_eq!(Page::compiled_in("a.json", b"{}").kind, Kind::Json);
    }

    #[test]
    fn the_built_in_page_is_small_and_asks_nobody_for_anything() {
        let text = Page::built_in().load().unwrap().text;
        assert!(text.len() < 4096);
        assert!(text.contains("viewport") && text.contains("prefers-color-scheme"));
        for external in ["http:", "https:", "//", "src=", "@import", "url("] {
            assert!(!text.contains(external), "{external}");
        }
    }
}
