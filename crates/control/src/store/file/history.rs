//! The versions of a flag that are kept: a hidden file beside it with a line for each, oldest first.
//!
//! A line is added once the flag is in its place and while the store's lock is held. What is missing, since a
//! person wrote the flag, an older version of this program did, or a line was lost, is added by the next write
//! or, to those who ask, from the flag that is there. So nothing is flushed, and a disk without room for a line
//! keeps no flag from being written.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use maintenance_flag::{FlagVersion, MAX_VALUE_BYTES};
use serde::{Deserialize, Serialize};

use super::read::{nonblocking, read};
use super::{fault, is_flag};
use crate::store::{StoreError, Stored};

/// How many versions are kept: as many as Parameter Store keeps.
const KEPT: usize = 100;
/// The largest file that is read: more than it grows to.
const MAX_BYTES: u64 = 16 << 20;

/// A version of a flag. A later version of this program may add fields.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    n: u64,
    at: Timestamp,
    value: String,
}

/// What is known before a file is written.
pub(super) struct Before<'a> {
    path: &'a Path,
    /// The flag that is about to be replaced.
    flag: Option<(String, Timestamp)>,
}

/// Looks at what is about to be replaced at `path`.
pub(super) fn before<'a>(path: &'a Path, stored: Option<&Stored>) -> Before<'a> {
    let flag = stored.filter(|_| is_flag(path)).and_then(|stored| {
        // By the clock of the file system, as what a person writes.
        Some((value(&stored.value), modified(path)?))
    });
    Before { path, flag }
}

impl Before<'_> {
    /// Adds the version that is in its place by now. A failure is told to a log alone.
    pub(super) fn note(self, content: &str) {
        if !is_flag(self.path) {
            return;
        }
        let path = self.path.display();
        if let Err(error) = self.add(content) {
            tracing::warn!(%error, %path, "could not add to the flag's history");
        }
    }

    fn add(&self, content: &str) -> io::Result<()> {
        let file = file(self.path);
        let (mut kept, ends_well) = lines(&file)?;
        let old = kept.len();
        let at = modified(self.path).unwrap_or_default();
        let content = value(content);
        if let Some((value, before)) = &self.flag {
            push(&mut kept, value.clone(), *before);
            push(&mut kept, content, at);
        } else {
            // It was deleted, and with it, as in Parameter Store, what was before.
            kept = vec![Line {
                n: 1,
                at,
                value: content,
            }];
        }
        if self.flag.is_none() || kept.len() > 2 * KEPT {
            kept.drain(..kept.len().saturating_sub(KEPT));
            return write_anew(&file, &kept);
        }
        let mut text = match ends_well {
            true => String::new(),
            // A line was cut off.
            false => "\n".to_owned(),
        };
        text.extend(kept.iter().skip(old).map(line));
        let mut file = nonblocking()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(file)?;
        file.write_all(text.as_bytes())
    }
}

/// The versions of the flag at `path` that are kept; none if it does not exist.
pub(super) fn versions(path: &Path) -> Result<Vec<FlagVersion>, StoreError> {
    let file = file(path);
    let (mut kept, _) = lines(&file).map_err(|error| fault("read", &file, error))?;
    let Some(stored) = read(path)? else {
        return Ok(Vec::new());
    };
    let at = modified(path).unwrap_or_default();
    push(&mut kept, value(&stored.value), at);
    let kept = kept.split_off(kept.len().saturating_sub(KEPT));
    let versions = kept.into_iter().map(|line| FlagVersion {
        number: line.n,
        value: line.value,
        at: line.at,
        user: None,
    });
    Ok(versions.collect())
}

/// Adds a version, unless it is the last one. What was before the first that is known is not kept.
fn push(kept: &mut Vec<Line>, value: String, at: Timestamp) {
    let n = match kept.last() {
        Some(last) if last.value == value => return,
        Some(last) => last.n.saturating_add(1),
        None => 2,
    };
    kept.push(Line { n, at, value });
}

/// `…/flags/.web.history`. A reader of the store skips every hidden file.
fn file(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.history"))
}

fn modified(path: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    Timestamp::try_from(modified).ok()
}

/// A value that fits a line. What is longer is no flag, and neither is its beginning.
fn value(text: &str) -> String {
    let text = text.trim();
    text[..text.floor_char_boundary(MAX_VALUE_BYTES)].to_owned()
}

/// The lines of a history, but for those that cannot be read, and whether it ends with a whole one.
fn lines(file: &Path) -> io::Result<(Vec<Line>, bool)> {
    let opened = match nonblocking().read(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), true)),
        opened => opened?,
    };
    let text = tail(opened)?;
    let read = |line: &str| serde_json::from_str(line).ok();
    let lines = text.lines().filter_map(read).collect();
    Ok((lines, text.is_empty() || text.ends_with('\n')))
}

fn tail(mut file: File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn line(line: &Line) -> String {
    serde_json::to_string(line).map_or_else(|_| String::new(), |line| line + "\n")
}

fn write_anew(file: &Path, lines: &[Line]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(folder)?;
    let text: String = lines.iter().map(line).collect();
    new.write_all(text.as_bytes())?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}
