//! A flag in a file: for apps on one machine. The file holds exactly what Parameter Store would.

use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use super::{BoxError, Fetch, FlagSource, Reading};

/// More than any flag: Parameter Store's standard tier takes 4,096 bytes.
const MAX_BYTES: u64 = 65_536;

/// Reads the flag from `<path><parameter name>`: with the path `.maintenance` from
/// `.maintenance/maintenance/demo-dev/flags/web`.
///
/// The file is read on a thread of its own, since a network file system may hang; while one read
/// hangs, no second one is begun. A directory that was there and is gone is an error, not *off*: it
/// was probably unmounted.
#[derive(Debug, Clone)]
pub struct FileSource {
    path: PathBuf,
    memory: Arc<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    reading: AtomicBool,
    seen_directory: AtomicBool,
}

impl FileSource {
    /// A file store at this path, as in `MAINTENANCE_STORE=file:PATH`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            memory: Arc::default(),
        }
    }
}

impl FlagSource for FileSource {
    fn fetch(&self, parameter: &str) -> Fetch {
        let file = self.path.join(parameter.trim_start_matches('/'));
        let (directory, memory) = (self.path.clone(), Arc::clone(&self.memory));
        Box::pin(async move {
            if memory.reading.swap(true, Ordering::AcqRel) {
                return Err("the last read of the file still hangs".into());
            }
            let reader = Arc::clone(&memory);
            let started = on_thread(move || {
                let result = read(&directory, &file, &reader.seen_directory);
                reader.reading.store(false, Ordering::Release);
                result
            });
            match started {
                Ok(read) => read.await,
                Err(error) => {
                    memory.reading.store(false, Ordering::Release);
                    Err(error.into())
                }
            }
        })
    }
}

fn read(directory: &Path, file: &Path, seen: &AtomicBool) -> Result<Option<Reading>, BoxError> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::exists(directory)? {
                seen.store(true, Ordering::Relaxed);
            } else if seen.load(Ordering::Relaxed) {
                return Err(format!("the directory {} is gone", directory.display()).into());
            }
            return Ok(None);
        }
        other => other?,
    };
    seen.store(true, Ordering::Relaxed);
    let mut text = String::new();
    opened.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(Some(text.into()))
}

/// Runs blocking work on a thread and gives its result to async code, whatever the runtime.
fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BoxError> + Send + 'static,
) -> io::Result<OnThread<T>> {
    let shared = Arc::new(Mutex::new(Shared {
        result: None,
        waker: None,
    }));
    let theirs = Arc::clone(&shared);
    thread::Builder::new()
        .name("maintenance-file".to_owned())
        .spawn(move || {
            let result = work();
            let waker = {
                let mut shared = theirs.lock().unwrap_or_else(PoisonError::into_inner);
                shared.result = Some(result);
                shared.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        })?;
    Ok(OnThread(shared))
}

struct Shared<T> {
    result: Option<Result<T, BoxError>>,
    waker: Option<Waker>,
}

struct OnThread<T>(Arc<Mutex<Shared<T>>>);

impl<T> Future for OnThread<T> {
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = shared.result.take() {
            return Poll::Ready(result);
        }
        shared.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "/maintenance/demo-dev/flags/web";

    fn write(root: &Path, bytes: &[u8]) {
        let file = root.join(&NAME[1..]);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    #[tokio::test]
    async fn reads_what_is_stored_under_the_parameters_name() {
        let root = tempfile::tempdir().unwrap();
        let source = FileSource::new(root.path());
        assert_eq!(source.fetch(NAME).await.unwrap(), None);
        write(root.path(), b"on\n");
        assert_eq!(source.fetch(NAME).await.unwrap(), Some("on\n".into()));
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_an_error_and_not_off() {
        let root = tempfile::tempdir().unwrap();
        let source = FileSource::new(root.path());
        write(root.path(), b"\xff\xfe");
        assert!(source.fetch(NAME).await.is_err(), "not UTF-8");
        fs::remove_file(root.path().join(&NAME[1..])).unwrap();
        fs::create_dir(root.path().join(&NAME[1..])).unwrap();
        assert!(source.fetch(NAME).await.is_err(), "a directory");
    }

    #[tokio::test]
    async fn a_directory_that_vanishes_is_an_error_one_that_never_was_is_off() {
        let root = tempfile::tempdir().unwrap();
        let store = root.path().join("store");
        let source = FileSource::new(&store);
        assert_eq!(source.fetch(NAME).await.unwrap(), None);
        fs::create_dir(&store).unwrap();
        assert_eq!(source.fetch(NAME).await.unwrap(), None);
        fs::remove_dir(&store).unwrap();
        let error = source.fetch(NAME).await.unwrap_err().to_string();
        assert!(error.contains("is gone"), "{error}");
    }
}
