//! The folder that a file store is in, and what may stand in its place.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::fault;
use crate::store::StoreError;

/// What is where the store's folder should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// The folder.
    There,
    /// Nothing yet, and the folder above it is there: nothing was ever stored.
    New,
}

/// Looks at the store's folder. A path that leads nowhere must not read as *off*.
pub(super) fn look(root: &Path) -> Result<Root, StoreError> {
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
pub(super) fn make_root(root: &Path) -> Result<(), StoreError> {
    if look(root)? == Root::There {
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
