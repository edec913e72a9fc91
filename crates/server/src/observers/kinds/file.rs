//! A file: that it exists, or what it holds.
//!
//! A share that is not mounted looks like an empty folder, and a folder that is gone like a missing file. Neither
//! may end maintenance: see [`FileMode::Exists`].

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use maintenance_flag::Verdict;
use regex_lite::Regex;
use tokio::sync::Semaphore;

use super::{CheckResult, MAX_BYTES};
use crate::observers::Expected;

/// A file.
#[derive(Debug, Clone)]
pub struct File {
    path: PathBuf,
    mode: FileMode,
    /// One look at a time: one at a share that hangs cannot be ended, and must not become many.
    looks: Arc<Semaphore>,
}

/// What of a file counts.
#[derive(Debug, Clone)]
pub enum FileMode {
    /// That it exists means maintenance. It is missing, and its folder can be read and has other files: normal.
    Exists,
    /// What it holds, or the first group of this expression in that. A missing file is unknown.
    Content(Expected, Option<Regex>),
}

impl File {
    /// This file.
    #[must_use]
    pub fn new(path: PathBuf, mode: FileMode) -> Self {
        Self {
            path,
            mode,
            looks: Arc::new(Semaphore::new(1)),
        }
    }

    pub(super) async fn check(&self) -> CheckResult {
        let Ok(look) = Arc::clone(&self.looks).try_acquire_owned() else {
            let path = self.path.display();
            return CheckResult::unknown(format!("the last look at {path} still hangs"));
        };
        let (path, mode) = (self.path.clone(), self.mode.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let result = match mode {
                FileMode::Exists => exists(&path),
                FileMode::Content(expected, pattern) => content(&path, &expected, pattern.as_ref()),
            };
            drop(look);
            result
        });
        looked
            .await
            .unwrap_or_else(|_| CheckResult::unknown("the look at the file crashed"))
    }
}

fn exists(path: &Path) -> CheckResult {
    match fs::metadata(path) {
        Ok(_) => CheckResult::of(Verdict::Maintenance, "the file exists"),
        Err(error) if error.kind() == ErrorKind::NotFound => missing(path),
        Err(error) => cannot_read(path, &error),
    }
}

/// A missing file counts only in a folder that is there.
fn missing(path: &Path) -> CheckResult {
    // A link that leads nowhere is there: what it leads to is not.
    if fs::symlink_metadata(path).is_ok() {
        let path = path.display();
        return CheckResult::unknown(format!("{path} is a link to what is not there"));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    match fs::read_dir(folder).map(|mut files| files.next()) {
        Ok(Some(Ok(_))) => CheckResult::of(Verdict::Normal, "the file does not exist"),
        Ok(None) => {
            let folder = folder.display();
            CheckResult::unknown(format!(
                "the folder {folder} is empty, as that of a share that is not mounted is; keep another file in it"
            ))
        }
        Ok(Some(Err(error))) | Err(error) => cannot_read(folder, &error),
    }
}

fn content(path: &Path, expected: &Expected, pattern: Option<&Regex>) -> CheckResult {
    let text = match read(path) {
        Ok(text) => text,
        Err(error) => return cannot_read(path, &error),
    };
    let Some(pattern) = pattern else {
        return expected.judge(&text);
    };
    let found = pattern.captures(&text);
    let found = found.and_then(|found| found.get(1).or_else(|| found.get(0)));
    match found {
        Some(found) => expected.judge(found.as_str()),
        None => CheckResult::unknown(format!("the regex {pattern} matches nothing in the file")),
    }
}

fn read(path: &Path) -> io::Result<String> {
    // A pipe or a device would be waited for.
    if !fs::metadata(path).as_ref().is_ok_and(Metadata::is_file) {
        fs::metadata(path)?;
        return Err(io::Error::other("it is not a file"));
    }
    let most = MAX_BYTES as u64 + 1;
    let mut text = String::new();
    fs::File::open(path)?.take(most).read_to_string(&mut text)?;
    match text.len() {
        ..=MAX_BYTES => Ok(text),
        _ => Err(io::Error::other("it is larger than 1 MB")),
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> CheckResult {
    CheckResult::unknown(format!("cannot read {}: {error}", path.display()))
}
