//! Reads the flag from a file: for apps on one machine. The file holds exactly what Parameter Store would.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::{BoxError, Fetch, FlagSource, ParameterValue};
use crate::clock::Clock;
use crate::regular_file;

/// The most bytes of a file, more than any flag has: Parameter Store's standard tier takes 4,096 bytes.
const MAX_BYTES: usize = 65_536;
/// How long a flag that was seen must be gone before its absence means *off*.
const GONE_FOR_MS: u64 = 60_000;
/// How many reads may hang at a time, each with a thread of its own.
const MAX_HANGING: usize = 64;

/// Reads the flag from `<path><parameter name>`: with the path `.maintenance` from
/// `.maintenance/maintenance/demo-dev/flags/web`.
///
/// The directory must be there when the gate is built. A flag that was never there means *off*. One that
/// was seen and is gone is an error until it has been gone for a minute. If its directory is gone as well, it stays an
/// error: the store was probably emptied or unmounted. A dangling link, or anything but a regular file, is an error,
/// too.
///
/// Each read has a thread of its own, since a network file system may hang.
#[derive(Debug, Clone)]
pub struct FileSource {
    path: PathBuf,
    clock: Clock,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// For each parameter whose file was seen: since when the file is gone, if it is, in milliseconds since the epoch.
    gone_since: Mutex<HashMap<String, Option<u64>>>,
    /// Each running read holds a clone, so that they can be counted.
    reads: Arc<()>,
}

/// The result of a read.
enum Found {
    Text(String),
    /// There is no file. `has_directory`: whether its directory exists.
    Nothing {
        has_directory: bool,
    },
}

impl FileSource {
    /// Creates a source for the file store at this path, as in `MAINTENANCE_STORE=file:PATH`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            clock: Clock::default(),
            shared: Arc::default(),
        }
    }

    fn interpret(&self, parameter: &str, found: Found) -> Result<Option<ParameterValue>, BoxError> {
        let seen = self.shared.gone_since.lock();
        let mut seen = seen.unwrap_or_else(PoisonError::into_inner);
        let has_directory = match found {
            Found::Text(text) => {
                seen.insert(parameter.to_owned(), None);
                return Ok(Some(text.into()));
            }
            Found::Nothing { has_directory } => has_directory,
        };
        let Some(gone_since) = seen.get_mut(parameter) else {
            return Ok(None);
        };
        if !has_directory {
            *gone_since = None;
            return Err("the flag is gone with its directory: is the store mounted?".into());
        }
        let now_ms = self.clock.now_ms();
        // If the clock jumped backwards, the minute starts again.
        let since_ms = gone_since
            .filter(|since| *since <= now_ms)
            .unwrap_or(now_ms);
        *gone_since = Some(since_ms);
        match now_ms.saturating_sub(since_ms) < GONE_FOR_MS {
            true => Err("the flag is gone: after 60 s that means off".into()),
            false => Ok(None),
        }
    }
}

impl FlagSource for FileSource {
    fn fetch(&self, parameter: &str) -> Fetch {
        let (source, parameter) = (self.clone(), parameter.to_owned());
        Box::pin(async move {
            let this_read = Arc::clone(&source.shared.reads);
            if Arc::strong_count(&this_read) > MAX_HANGING.saturating_add(1) {
                return Err(format!("{MAX_HANGING} reads of the store hang").into());
            }
            let base = source.path.clone();
            let file = base.join(parameter.trim_start_matches('/'));
            let (sender, found) = oneshot::channel();
            let thread = thread::Builder::new().name("maintenance-file".to_owned());
            thread.spawn(move || {
                let found = read(&base, &file);
                drop(this_read);
                // The gate may have dropped the fetch.
                let _ = sender.send(found);
            })?;
            source.interpret(&parameter, found.await??)
        })
    }

    fn validate(&self) -> Result<(), BoxError> {
        check_base(&self.path)
    }
}

fn check_base(path: &Path) -> Result<(), BoxError> {
    let unusable = |why: String| format!("the file store {} {why}", path.display());
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(unusable("is not a directory".to_owned()).into()),
        Err(error) => Err(unusable(format!("cannot be read: {error}")).into()),
    }
}

fn read(base: &Path, file: &Path) -> Result<Found, BoxError> {
    match regular_file::read(file, MAX_BYTES)? {
        Some(text) => Ok(Found::Text(String::from_utf8(text)?)),
        None => nothing(base, file),
    }
}

/// There is no file.
fn nothing(base: &Path, file: &Path) -> Result<Found, BoxError> {
    check_base(base)?;
    // Each part of the path below the base may be a link.
    let parts = file
        .ancestors()
        .take_while(|part| part.starts_with(base) && *part != base);
    for part in parts {
        if fs::symlink_metadata(part).is_ok_and(|part| part.is_symlink()) && !fs::exists(part)? {
            return Err(format!("the link {} leads nowhere", part.display()).into());
        }
    }
    let has_directory = file.parent().is_some_and(Path::is_dir);
    Ok(Found::Nothing { has_directory })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    const NAME: &str = "/maintenance/demo-dev/flags/web";

    fn write(root: &Path, bytes: &[u8]) {
        let file = root.join(&NAME[1..]);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    async fn error(source: &FileSource) -> String {
        source.fetch(NAME).await.unwrap_err().to_string()
    }

    /// A store with a flag that was seen on, and its clock.
    async fn seen_on(path: &Path) -> (FileSource, ManualClock) {
        let clock = ManualClock::new(1_795_000_000_000);
        let source = FileSource {
            clock: clock.clone().into(),
            ..FileSource::new(path)
        };
        write(path, b"on");
        assert_eq!(source.fetch(NAME).await.unwrap(), Some("on".into()));
        (source, clock)
    }

    #[tokio::test]
    async fn reads_the_text_stored_under_the_parameters_name() {
        let root = tempfile::tempdir().unwrap();
        let source = FileSource::new(root.path());
        assert_eq!(source.fetch(NAME).await.unwrap(), None);
        write(root.path(), b"on\n");
        assert_eq!(source.fetch(NAME).await.unwrap(), Some("on\n".into()));
    }

    #[tokio::test]
    async fn a_flag_that_cannot_be_read_is_an_error_and_not_off() {
        let root = tempfile::tempdir().unwrap();
        let source = FileSource::new(root.path());
        write(root.path(), b"\xff\xfe");
        assert!(source.fetch(NAME).await.is_err(), "not UTF-8");
        write(root.path(), &vec![b' '; 65_537]);
        assert!(error(&source).await.contains("more than 65536 bytes"));
        write(root.path(), &vec![b' '; 65_536]);
        assert!(source.fetch(NAME).await.is_ok());
        let file = root.path().join(&NAME[1..]);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(error(&source).await.contains("regular file"), "a directory");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_that_leads_nowhere_is_an_error() {
        for linked in ["maintenance", "maintenance/demo-dev/flags/web"] {
            let root = tempfile::tempdir().unwrap();
            let link = root.path().join(linked);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(root.path().join("gone"), link).unwrap();
            let source = FileSource::new(root.path());
            assert!(error(&source).await.contains("leads nowhere"), "{linked}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_pipe_in_the_flags_place_hangs_no_read() {
        let root = tempfile::tempdir().unwrap();
        let (source, _) = seen_on(root.path()).await;
        let file = root.path().join(&NAME[1..]);
        fs::remove_file(&file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        assert!(made.unwrap().success());
        let said = tokio::time::timeout(Duration::from_secs(10), error(&source)).await;
        assert!(said.expect("no answer").contains("regular file"));
        fs::remove_file(&file).unwrap();
        write(root.path(), b"off");
        assert_eq!(source.fetch(NAME).await.unwrap(), Some("off".into()));
    }

    #[tokio::test]
    async fn no_more_than_64_reads_hang_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let (source, _) = seen_on(root.path()).await;
        let hanging = vec![Arc::clone(&source.shared.reads); MAX_HANGING];
        assert!(error(&source).await.contains("64 reads of the store hang"));
        drop(hanging);
        assert_eq!(source.fetch(NAME).await.unwrap(), Some("on".into()));
    }

    #[tokio::test]
    async fn a_base_directory_that_is_not_there_is_an_error_from_the_start() {
        let root = tempfile::tempdir().unwrap();
        let source = FileSource::new(root.path().join("typo"));
        let said = source.validate().unwrap_err().to_string();
        assert!(said.contains("typo"), "{said}");
        assert!(error(&source).await.contains("typo"));
        fs::write(root.path().join("file"), "").unwrap();
        let source = FileSource::new(root.path().join("file"));
        assert!(source.validate().is_err(), "a file");
        assert!(FileSource::new(root.path()).validate().is_ok());
    }

    #[tokio::test]
    async fn a_flag_that_was_seen_is_off_only_when_it_has_been_gone_for_a_minute() {
        let root = tempfile::tempdir().unwrap();
        let (source, clock) = seen_on(root.path()).await;
        clock.advance(Duration::from_secs(3_600));
        fs::remove_file(root.path().join(&NAME[1..])).unwrap();
        for _ in 0..60 {
            assert!(error(&source).await.contains("the flag is gone"));
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(source.fetch(NAME).await.unwrap(), None);
        clock.set(0);
        assert!(error(&source).await.contains("gone"), "the clock jumped");
    }

    #[tokio::test]
    async fn a_store_that_is_emptied_or_unmounted_is_an_error_for_good() {
        let root = tempfile::tempdir().unwrap();
        let (source, clock) = seen_on(root.path()).await;
        fs::remove_dir_all(root.path().join("maintenance")).unwrap();
        for _ in 0..5 {
            assert!(error(&source).await.contains("mounted"));
            clock.advance(Duration::from_secs(60));
        }
        fs::remove_dir(root.path()).unwrap();
        assert!(error(&source).await.contains("cannot be read"));
        fs::create_dir(root.path()).unwrap();
    }

    #[tokio::test]
    async fn parameters_share_nothing() {
        let root = tempfile::tempdir().unwrap();
        let (source, _) = seen_on(root.path()).await;
        let other = "/maintenance/demo-dev/flags/api";
        let reads = tokio::join!(source.fetch(NAME), source.fetch(other), source.fetch(NAME));
        assert_eq!(reads.0.unwrap(), Some("on".into()));
        assert_eq!(reads.1.unwrap(), None, "it was never there");
        assert_eq!(reads.2.unwrap(), Some("on".into()));
    }
}
