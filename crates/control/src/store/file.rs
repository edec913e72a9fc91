//! A folder as a parameter store, for apps on one machine: a parameter is a file whose path is the
//! parameter's name, and whose content is the value, so that `cat` shows it and `echo on >` sets it.
//!
//! Every write goes to a temporary file that is flushed to disk and then renamed (or linked, where it
//! must not overwrite), and the folder is flushed after it: a reader sees the old value or the new one.
//! A file torn by a crash of the machine shows when it is decoded: no prefix of a document is one.
//! Writers take turns by a lock on the store's folder. Files and folders are private to their owner.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::{Created, Revision, Stored, Written};
use crate::error::StoreError;
use crate::lease::Guard;

/// How long to wait for another writer. Each holds the lock for one write.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How often to look whether the lock is free.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// What our temporary files start with; a reader skips every hidden file.
const TEMPORARY: &str = ".tmp-";
/// The lock, in the store's folder.
const LOCK: &str = ".lock";

/// A folder of parameters.
#[derive(Debug, Clone)]
pub struct FileStore {
    root: Arc<PathBuf>,
}

impl FileStore {
    /// The store in this folder, which is created at the first write.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self {
            root: Arc::new(root),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name.trim_start_matches('/'))
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        let path = self.path(name);
        blocking(move || read(&path)).await
    }

    pub(super) async fn list(&self, path: &str) -> Result<Vec<(String, Stored)>, StoreError> {
        let (root, below) = (self.root.clone(), self.path(path));
        blocking(move || {
            let mut found = Vec::new();
            walk(&root, &below, &mut found)?;
            Ok(found)
        })
        .await
    }

    pub(super) async fn create(
        &self,
        name: &str,
        value: &str,
        guard: Option<&Guard>,
    ) -> Result<Created, StoreError> {
        let (root, path, value) = (self.root.clone(), self.path(name), value.to_owned());
        let lock = self.lock(guard).await?;
        blocking(move || {
            let created = match write_temporary(&path, &value)?.persist_noclobber(&path) {
                Ok(_) => {
                    sync_folders(&root, &path)?;
                    Created::New
                }
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                    match read(&path)? {
                        Some(stored) => Created::Exists(stored),
                        None => return Err(fault("create", &path, error.error)),
                    }
                }
                Err(error) => return Err(fault("create", &path, error.error)),
            };
            drop(lock);
            Ok(created)
        })
        .await
    }

    pub(super) async fn replace(
        &self,
        name: &str,
        value: &str,
        seen: Option<&Stored>,
        guard: Option<&Guard>,
    ) -> Result<Written, StoreError> {
        let (path, value, seen) = (self.path(name), value.to_owned(), seen.cloned());
        let root = self.root.clone();
        let lock = self.lock(guard).await?;
        blocking(move || {
            let before = read(&path)?;
            let created = before.is_none();
            let between = before.filter(|now| Some(now) != seen.as_ref());
            write_temporary(&path, &value)?
                .persist(&path)
                .map_err(|error| fault("replace", &path, error.error))?;
            sync_folders(&root, &path)?;
            drop(lock);
            let revision = stored(value.as_bytes()).revision;
            Ok(Written {
                revision,
                between: between.filter(|stored| stored.value != value),
                created,
            })
        })
        .await
    }

    pub(super) async fn delete(
        &self,
        names: &[String],
        guard: Option<&Guard>,
    ) -> Result<(), StoreError> {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        let root = self.root.clone();
        let lock = self.lock(guard).await?;
        blocking(move || {
            for path in &paths {
                match fs::remove_file(path) {
                    Ok(()) => sync_folders(&root, path)?,
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(fault("delete", path, error)),
                }
            }
            drop(lock);
            Ok(())
        })
        .await
    }

    /// The lock on the store, given back when the file is dropped. Once it is held, the guard says whether
    /// the write may still be made: another operation may have come while this one waited. Where this
    /// process is frozen after that, the lock keeps all others out.
    async fn lock(&self, guard: Option<&Guard>) -> Result<File, StoreError> {
        let path = self.root.join(LOCK);
        let root = self.root.clone();
        let file = blocking({
            let path = path.clone();
            move || {
                make_folder(&root)?;
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .mode(0o600)
                    .open(&path)
                    .map_err(|error| fault("lock", &path, error))
            }
        })
        .await?;
        let deadline = tokio::time::Instant::now() + LOCK_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    if let Some(guard) = guard {
                        guard.check().await?;
                    }
                    return Ok(file);
                }
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < deadline => {
                    if let Some(guard) = guard {
                        guard.check_known()?;
                    }
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let error = io::Error::new(ErrorKind::TimedOut, "another process holds it");
                    return Err(fault("lock", &path, error));
                }
                Err(TryLockError::Error(error)) => return Err(fault("lock", &path, error)),
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StoreError::Failed {
            action: "use".to_owned(),
            name: "the file store".to_owned(),
            source: Box::new(error),
        }),
    }
}

fn read(path: &Path) -> Result<Option<Stored>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(stored(&bytes))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(fault("read", path, error)),
    }
}

/// What is not UTF-8 becomes a value that decodes as malformed.
pub(super) fn stored(bytes: &[u8]) -> Stored {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Stored {
        value: String::from_utf8_lossy(bytes).into_owned(),
        revision: Revision(hasher.finish()),
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, Stored)>) -> Result<(), StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(fault("list", folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| fault("list", folder, error))?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let kind = entry
            .file_type()
            .map_err(|error| fault("list", &path, error))?;
        if kind.is_dir() {
            walk(root, &path, found)?;
        } else if let Some(stored) = read(&path)? {
            let below = path.strip_prefix(root).unwrap_or(&path);
            found.push((format!("/{}", below.display()), stored));
        }
    }
    Ok(())
}

fn write_temporary(path: &Path, value: &str) -> Result<NamedTempFile, StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(folder)?;
        file.write_all(value.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|error| fault("write", path, error))
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| fault("create", folder, error))
}

/// Makes a rename or removal last: flushes the file's folder and those above it up to the store's,
/// which may be new too.
fn sync_folders(root: &Path, path: &Path) -> Result<(), StoreError> {
    for folder in path.ancestors().skip(1) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| fault("flush", folder, error))?;
        if folder == root {
            break;
        }
    }
    Ok(())
}

fn fault(action: &str, path: &Path, error: io::Error) -> StoreError {
    let (action, name) = (action.to_owned(), path.display().to_string());
    let denied = matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    );
    let source = Box::new(error);
    if denied {
        StoreError::AccessDenied {
            action,
            name,
            source,
        }
    } else {
        StoreError::Failed {
            action,
            name,
            source,
        }
    }
}
