//! Where the pages come from, and which of them serves.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::own::{MAX_PAGE_BYTES, Own};
use super::page::Page;
use crate::events;
use crate::template::Syntax;

const NAMES: [(&str, Syntax); 2] = [
    ("maintenance.html", Syntax::Html),
    ("maintenance.json", Syntax::Json),
];

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
    use crate::pages::OwnPage;

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
    }
}
