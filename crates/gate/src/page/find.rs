//! Where the pages come from, and which of them serves.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::custom::{CustomPages, MAX_PAGE_BYTES};
use super::page::Page;
use super::template::Syntax;

const NAMES: [(&str, Syntax); 2] = [
    ("maintenance.html", Syntax::Html),
    ("maintenance.json", Syntax::Json),
];

/// Where the pages come from.
#[derive(Debug, Clone, Default)]
pub(crate) enum PageSource {
    /// `public/` in the default directories.
    #[default]
    Default,
    /// This directory and no other.
    In(PathBuf),
    /// Handed over.
    Given(Vec<Page>),
}

impl PageSource {
    /// One more page handed over, beside those that were.
    pub(crate) fn and(self, page: Page) -> Self {
        let mut pages = match self {
            Self::Given(pages) => pages,
            Self::Default | Self::In(_) => Vec::new(),
        };
        pages.push(page);
        Self::Given(pages)
    }

    /// The first page in order that can be served; with `both`, that of the other type beside it. And
    /// those that cannot.
    pub(crate) fn load(self, both: bool) -> (CustomPages, Vec<Unusable>) {
        match self {
            Self::Default => first_in(&default_directories(), both),
            Self::In(directory) => first_in(&[directory], both),
            Self::Given(pages) => {
                let (mut custom, mut unusable) = (CustomPages::default(), Vec::new());
                for page in pages {
                    if let Err(reason) = custom.add(page) {
                        let path = PathBuf::from("(compiled in)");
                        unusable.push(Unusable { path, reason });
                    }
                }
                (custom, unusable)
            }
        }
    }
}

/// A page that cannot be served.
pub(crate) struct Unusable {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

/// `public/` beside the executable, under `LAMBDA_TASK_ROOT`, and under the current directory.
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

/// Directory by directory; in each, HTML before JSON.
fn first_in(directories: &[PathBuf], both: bool) -> (CustomPages, Vec<Unusable>) {
    let mut unusable = Vec::new();
    for directory in directories {
        let mut custom = CustomPages::default();
        for (name, syntax) in NAMES {
            let path = directory.join(name);
            let added = match read(&path) {
                Ok(None) => continue,
                Ok(Some(body)) => custom.add(Page::new(syntax, body.into())),
                Err(error) => Err(error.to_string()),
            };
            match added {
                Ok(()) if both => {}
                Ok(()) => return (custom, unusable),
                Err(reason) => unusable.push(Unusable { path, reason }),
            }
        }
        if !custom.is_empty() {
            return (custom, unusable);
        }
    }
    (CustomPages::default(), unusable)
}

/// The bytes of a file, up to one more than a page may have; none if there is no such file.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    // Opening a pipe would wait for its writer.
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
    use crate::page::announcement::Announcement;
    use crate::page::custom::CustomPage;

    fn load(files: &[(&str, &[u8])], both: bool) -> CustomPages {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        PageSource::In(directory.path().to_owned()).load(both).0
    }

    fn text(page: Option<&CustomPage>) -> Option<String> {
        let text = page?.text(&Announcement::new(None)).with("120");
        Some(String::from_utf8(text.into()).unwrap())
    }

    fn texts(custom: &CustomPages) -> (Option<String>, Option<String>) {
        (text(custom.html.as_ref()), text(custom.json.as_ref()))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn html_wins_over_json_unless_both_are_asked_for() {
        let (html, json) = (
            ("maintenance.html", &b"<p>html"[..]),
            ("maintenance.json", &b"{}"[..]),
        );
        assert_eq!(texts(&load(&[html, json], false)), (some("<p>html"), None));
        assert_eq!(
            texts(&load(&[html, json], true)),
            (some("<p>html"), some("{}"))
        );
        for both in [false, true] {
            assert_eq!(texts(&load(&[html], both)), (some("<p>html"), None));
            assert_eq!(texts(&load(&[json], both)), (None, some("{}")));
            assert!(load(&[], both).is_empty());
        }
    }

    #[test]
    fn the_next_in_order_serves_for_a_page_that_cannot() {
        let json = ("maintenance.json", &b"{}"[..]);
        let big = vec![b' '; MAX_PAGE_BYTES + 1];
        for bad in [&b""[..], b"\xff\xfe\xfd", &big] {
            let pages = load(&[("maintenance.html", bad), json], false);
            assert_eq!(texts(&pages), (None, some("{}")));
            assert!(load(&[("maintenance.html", bad)], false).is_empty());
        }
        let largest = vec![b' '; MAX_PAGE_BYTES];
        let pages = load(&[("maintenance.html", &largest)], false);
        assert_eq!(texts(&pages).0.unwrap().len(), MAX_PAGE_BYTES);
    }

    #[test]
    fn a_directory_in_its_place_is_no_page() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("maintenance.html")).unwrap();
        let pages = PageSource::In(directory.path().to_owned());
        assert!(pages.load(false).0.is_empty());
    }

    #[test]
    fn a_directory_with_a_page_wins_over_those_after_it() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(first.path().join("maintenance.json"), "{}").unwrap();
        fs::write(second.path().join("maintenance.html"), "<p>").unwrap();
        let both = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(texts(&first_in(&both, false).0), (None, some("{}")));
        assert_eq!(texts(&first_in(&both, true).0), (None, some("{}")));
    }

    #[test]
    fn pages_that_are_given_are_checked_too_and_one_of_each_kind_is_kept() {
        let given = |pages: &[Page]| {
            let unset = PageSource::default();
            let pages = pages.iter().cloned().fold(unset, PageSource::and);
            texts(&pages.load(false).0)
        };
        let (html, json) = (Page::html(b"<p>"), Page::json(b"{}"));
        assert_eq!(given(&[Page::html(b"")]), (None, None));
        assert_eq!(given(&[Page::built_in()]), (None, None));
        assert_eq!(given(std::slice::from_ref(&json)), (None, some("{}")));
        assert_eq!(given(&[json, html]), (some("<p>"), some("{}")));
    }
}
