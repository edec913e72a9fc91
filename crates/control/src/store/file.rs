//! A folder as a parameter store, for apps on one machine: a parameter is a file whose path is the
//! parameter's name, and whose content is the value, so that `cat` shows it and `echo on >` sets it.
//!
//! Every write goes to a temporary file that is flushed to disk and then renamed (or linked, where it
//! must not overwrite), and the folder is flushed after it: a reader sees the old value or the new one.
//! A file torn by a crash of the machine shows when it is decoded: no prefix of a document is one.
//! Writers take turns by a lock on the store's folder. Files and folders are private to their owner.
//!
//! | module | |
//! |---|---|
//! | [`folder`] | the store's folder, and what may stand in its place |
//! | [`read`] | reading files, and nothing else than files |
//! | [`room`] | new files, also on a full disk |
//! | [`history`] | the versions of a flag that are kept |
//! | [`hooks`] | what tests put between |

mod folder;
mod history;
mod hooks;
mod read;
mod room;

pub use hooks::FileHooks;
pub(super) use read::stored;

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use maintenance_flag::FlagVersion;

use self::folder::Seen;
use self::read::{nonblocking, read, walk};
use self::room::Room;
use super::{Created, Stored, Written};
use crate::fence::Fence;
use crate::store::StoreError;

/// How long to wait for another writer. Each holds the lock for one write.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How often to look whether the lock is free.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// The lock, in the store's folder.
const LOCK: &str = ".lock";

/// A folder of parameters.
#[derive(Debug, Clone)]
pub struct FileStore {
    root: Arc<PathBuf>,
    seen: Arc<Seen>,
    hooks: Option<Arc<dyn FileHooks>>,
}

impl FileStore {
    /// The store in this folder, which is created at the first write if the folder above it is there. One that was
    /// seen and is gone is an error from then on ([`StoreError::Gone`]): what was stored in it is not *off*.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self {
            root: Arc::new(root),
            seen: Arc::default(),
            hooks: None,
        }
    }

    /// The same store with a test between.
    #[must_use]
    pub fn with_hooks(self, hooks: Arc<dyn FileHooks>) -> Self {
        Self {
            hooks: Some(hooks),
            ..self
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name.trim_start_matches('/'))
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        let path = self.path(name);
        let get = self.reading(move |_| read(&path));
        self.call(|| format!("get {name}"), get).await
    }

    pub(super) async fn list(&self, path: &str) -> Result<Vec<(String, Stored)>, StoreError> {
        let below = self.path(path);
        let list = self.reading(move |root| {
            let mut found = Vec::new();
            walk(root, &below, &mut found)?;
            Ok(found)
        });
        self.call(|| format!("list {path}"), list).await
    }

    pub(super) async fn history(&self, name: &str) -> Result<Vec<FlagVersion>, StoreError> {
        let path = self.path(name);
        let history = self.reading(move |_| history::versions(&path));
        self.call(|| format!("history {name}"), history).await
    }

    pub(super) async fn create(
        &self,
        name: &str,
        value: &str,
        fence: Option<&Fence>,
    ) -> Result<Created, StoreError> {
        let (path, content) = (self.path(name), value.to_owned());
        let create = self.writing(fence, move |root, room| {
            // Where there is no room to save what functions have, none must be paused.
            let may_be_spare = is_lease(&path);
            let file = new_file(room, &path, &content, may_be_spare)?;
            match file.persist_noclobber(&path) {
                Ok(_) => {
                    sync_folders(root, &path)?;
                    Ok(Created::New)
                }
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                    let there = read(&path)?.map(Created::Exists);
                    there.ok_or_else(|| fault("create", &path, error.error))
                }
                Err(error) => Err(fault("create", &path, error.error)),
            }
        });
        self.call(|| format!("create {name} {value}"), create).await
    }

    pub(super) async fn replace(
        &self,
        name: &str,
        value: &str,
        seen: Option<&Stored>,
        fence: Option<&Fence>,
    ) -> Result<Written, StoreError> {
        let (path, content, seen) = (self.path(name), value.to_owned(), seen.cloned());
        let replace = self.writing(fence, move |root, room| {
            let before = read(&path)?;
            let history = history::before(&path, before.as_ref());
            let created = before.is_none();
            let between = before.filter(|now| Some(now) != seen.as_ref());
            new_file(room, &path, &content, true)?
                .persist(&path)
                .map_err(|error| fault("replace", &path, error.error))?;
            sync_folders(root, &path)?;
            history.note(&content);
            Ok(Written {
                revision: stored(content.as_bytes()).revision,
                between: between.filter(|stored| stored.value != content),
                created,
            })
        });
        self.call(|| format!("replace {name} {value}"), replace)
            .await
    }

    pub(super) async fn delete(
        &self,
        names: &[String],
        fence: Option<&Fence>,
    ) -> Result<(), StoreError> {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        let delete = self.writing(fence, move |root, _| {
            paths
                .iter()
                .try_for_each(|path| match fs::remove_file(path) {
                    Ok(()) => sync_folders(root, path),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    Err(error) => Err(fault("delete", path, error)),
                })
        });
        self.call(|| format!("delete {}", names.join(" ")), delete)
            .await
    }

    /// Reads something, in the folder if that is there.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (root, seen) = (self.root.clone(), self.seen.clone());
        blocking(move || {
            folder::look(&root, &seen)?;
            read(&root)
        })
        .await
    }

    /// Writes something, with the lock on the store.
    async fn writing<T: Send + 'static>(
        &self,
        fence: Option<&Fence>,
        write: impl FnOnce(&Path, &Room) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lock = self.lock(fence).await?;
        let (root, room) = (self.root.clone(), Room::new(&self.root, self.hooks.clone()));
        blocking(move || {
            let written = write(&root, &room)?;
            room.keep();
            drop(lock);
            Ok(written)
        })
        .await
    }

    /// Makes a call, through a test if there is one between.
    async fn call<T>(
        &self,
        what: impl FnOnce() -> String,
        effect: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError>
    where
        T: fmt::Debug + Send,
    {
        let Some(hooks) = self.hooks.as_ref().filter(|_| !hooks::has_lock()) else {
            return effect.await;
        };
        let mut outcome = None;
        let effect = async {
            let made = outcome.insert(effect.await);
            format!("{made:?}")
        };
        hooks.call(&what(), effect.boxed()).await;
        match outcome {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }

    /// The lock on the store, given back when the file is dropped. Once it is held, the fence says whether
    /// the write may still be made: another operation may have come while this one waited. Where this
    /// process is frozen after that, the lock keeps all others out.
    async fn lock(&self, fence: Option<&Fence>) -> Result<File, StoreError> {
        let path = self.root.join(LOCK);
        let (root, seen) = (self.root.clone(), self.seen.clone());
        let file = blocking({
            let path = path.clone();
            move || {
                folder::make_root(&root, &seen)?;
                nonblocking()
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
                    let hooks = self.hooks.as_ref();
                    let skips = hooks.is_some_and(|it| it.skips_lease_under_lock());
                    if let Some(fence) = fence.filter(|_| !skips) {
                        hooks::with_lock(fence.check()).await?;
                    }
                    return Ok(file);
                }
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < deadline => {
                    if let Some(fence) = fence {
                        fence.check_known()?;
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
        Err(error) => Err(fault("use", Path::new("the file store"), error.into())),
    }
}

/// A new file for a parameter, not yet in its place.
fn new_file(
    room: &Room,
    path: &Path,
    content: &str,
    may_be_spare: bool,
) -> Result<tempfile::NamedTempFile, StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    folder::make(folder)?;
    room.file(folder, content.as_bytes(), may_be_spare)
        .map_err(|error| fault("write", path, error))
}

/// Whether this is the file of a lease: `…/lease/7`.
fn is_lease(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    folder.is_some_and(|it| it == "lease")
}

/// Whether this is the file of a flag: `…/flags/web`.
fn is_flag(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    folder.is_some_and(|it| it == "flags")
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

fn fault(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    let path = path.display().to_string();
    StoreError::File {
        action,
        path,
        source,
    }
}
