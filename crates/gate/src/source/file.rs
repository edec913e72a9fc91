//! A flag in a file: for apps on one machine. The file holds exactly what Parameter Store would.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{BoxError, Fetch, FlagSource, ParameterValue};
use crate::clock::Clock;

/// More than any flag: Parameter Store's standard tier takes 4,096 bytes.
const MAX_BYTES: u64 = 65_536;
/// How long a flag that was seen must be gone before that means *off*.
const GONE_FOR_MS: u64 = 60_000;
/// How many reads may hang at a time, each with a thread of its own.
const MAX_HANGING: usize = 64;

/// Reads the flag from `<path><parameter name>`: with the path `.maintenance` from
/// `.maintenance/maintenance/demo-dev/flags/web`.
///
/// The directory must be there when the gate is built. A flag that was never there means *off*. One that
/// was seen and is gone is an error until it has been gone for a minute, and for good if its directory is
/// gone with it: the store was probably emptied or unmounted. So is a link that leads nowhere, or
/// anything but a regular file.
///
/// Each read has a thread of its own, since a network file system may hang.
#[derive(Debug, Clone)]
pub struct FileSource {
    path: PathBuf,
    clock: Clock,
    /// By parameter: what was seen of its file.
    seen: Arc<Mutex<HashMap<String, Seen>>>,
    reading: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy)]
enum Seen {
    There,
    /// Since this moment, in milliseconds since the epoch.
    GoneSince(u64),
}

/// What a read finds.
enum Found {
    Text(String),
    /// There is no file; and whether the directory that it was in is there.
    Nothing {
        has_directory: bool,
    },
}

impl FileSource {
    /// A file store at this path, as in `MAINTENANCE_STORE=file:PATH`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            clock: Clock::default(),
            seen: Arc::default(),
            reading: Arc::default(),
        }
    }

    fn judge(&self, parameter: &str, found: Found) -> Result<Option<ParameterValue>, BoxError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let has_directory = match found {
            Found::Text(text) => {
                seen.insert(parameter.to_owned(), Seen::There);
                return Ok(Some(text.into()));
            }
            Found::Nothing { has_directory } => has_directory,
        };
        let Some(seen) = seen.get_mut(parameter) else {
            return Ok(None);
        };
        if !has_directory {
            *seen = Seen::There;
            return Err("the flag is gone with its directory: is the store mounted?".into());
        }
        let now_ms = self.clock.now_ms();
        // A clock that jumped backwards begins the minute anew.
        let since_ms = match *seen {
            Seen::GoneSince(since_ms) if since_ms <= now_ms => since_ms,
            Seen::GoneSince(_) | Seen::There => now_ms,
        };
        *seen = Seen::GoneSince(since_ms);
        if now_ms.saturating_sub(since_ms) < GONE_FOR_MS {
            let seconds = Duration::from_millis(GONE_FOR_MS).as_secs();
            return Err(format!("the flag is gone: after {seconds} s that means off").into());
        }
        Ok(None)
    }
}

impl FlagSource for FileSource {
    fn fetch(&self, parameter: &str) -> Fetch {
        let (source, parameter) = (self.clone(), parameter.to_owned());
        Box::pin(async move {
            let file = source.path.join(parameter.trim_start_matches('/'));
            let (sender, found) = oneshot::channel();
            let (base, reading) = (source.path.clone(), Arc::clone(&source.reading));
            if reading.fetch_add(1, Ordering::AcqRel) >= MAX_HANGING {
                reading.fetch_sub(1, Ordering::AcqRel);
                return Err(format!("{MAX_HANGING} reads of the store hang").into());
            }
            let done = Arc::clone(&reading);
            let started = thread::Builder::new()
                .name("maintenance-file".to_owned())
                .spawn(move || {
                    let found = read(&base, &file);
                    reading.fetch_sub(1, Ordering::AcqRel);
                    // The gate may have given it up.
                    let _ = sender.send(found);
                });
            if let Err(error) = started {
                done.fetch_sub(1, Ordering::AcqRel);
                return Err(error.into());
            }
            source.judge(&parameter, found.await??)
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
    let metadata = match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return nothing(base, file),
        other => other?,
    };
    // Opening a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err("the flag is not a regular file".into());
    }
    let mut text = String::new();
    File::open(file)?
        .take(MAX_BYTES.saturating_add(1))
        .read_to_string(&mut text)?;
    if u64::try_from(text.len())? > MAX_BYTES {
        return Err(format!("the flag has more than {MAX_BYTES} bytes").into());
    }
    Ok(Found::Text(text))
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
        assert!(error(&source).await.contains("regular file"));
        fs::remove_file(&file).unwrap();
        write(root.path(), b"off");
        assert_eq!(source.fetch(NAME).await.unwrap(), Some("off".into()));
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
