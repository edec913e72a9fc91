//! The folder that a file store is in, and what may stand in its place.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{LOCK, fault};
use crate::store::StoreError;

/// What is where the store's folder should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// The folder.
    There,
    /// Nothing yet, and the folder above it is there: nothing was ever stored.
    New,
}

/// What was there when the folder was looked at before. A folder that was never there has nothing stored in it; one
/// that is gone had.
#[derive(Debug, Default)]
pub(super) struct Seen {
    folder: AtomicBool,
    /// The lock, which the first write makes. Where a share was mounted, its empty mount point is left.
    lock: AtomicBool,
}

impl Seen {
    /// Takes note of what is there now. Whether nothing is gone that was there.
    fn has_all(&self, folder: bool, lock: bool) -> bool {
        let is_gone = |seen: &AtomicBool, now: bool| seen.fetch_or(now, Ordering::Relaxed) && !now;
        let (is_folder_gone, is_lock_gone) =
            (is_gone(&self.folder, folder), is_gone(&self.lock, lock));
        !is_folder_gone && !is_lock_gone
    }
}

/// Looks at the store's folder. A path that leads nowhere must not read as *off*, nor one that is gone.
pub(super) fn look(root: &Path, seen: &Seen) -> Result<Root, StoreError> {
    let found = find(root)?;
    let has_lock = found == Root::There && root.join(LOCK).exists();
    match seen.has_all(found == Root::There, has_lock) {
        true => Ok(found),
        false => Err(StoreError::Gone {
            path: root.display().to_string(),
        }),
    }
}

fn find(root: &Path) -> Result<Root, StoreError> {
    let unusable = |why: &str| {
        Err(StoreError::Unusable {
            path: root.display().to_string(),
            why: why.to_owned(),
        })
    };
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => return Ok(Root::There),
        Ok(_) => return unusable("it is not a folder"),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return unusable("a part of its path is not a folder");
        }
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(fault("look at", root, error));
        }
        Err(_) => {}
    }
    if fs::symlink_metadata(root).is_ok() {
        return unusable("it is a link that leads nowhere");
    }
    // The parent of a bare name is empty.
    let above = root.parent().filter(|it| !it.as_os_str().is_empty());
    match fs::metadata(above.unwrap_or(Path::new("."))) {
        Ok(_) => Ok(Root::New),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            unusable("the folder above it does not exist")
        }
        Err(error) => Err(fault("look at", root, error)),
    }
}

/// Makes the store's folder, if it is not there; not those above it.
pub(super) fn make_root(root: &Path, seen: &Seen) -> Result<(), StoreError> {
    if look(root, seen)? == Root::There {
        return Ok(());
    }
    match DirBuilder::new().mode(0o700).create(root) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(fault("create", root, error)),
        _ => Ok(()),
    }
}

/// Makes a folder within the store.
pub(super) fn make(folder: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| fault("create", folder, error))
}
