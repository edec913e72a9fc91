//! Reading files: only regular ones, and none that is larger than any parameter.

use std::fs::{self, File, FileType, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::fault;
use crate::store::StoreError;
use crate::store::{Revision, Stored};

/// The largest file that is read. A parameter has at most 4,096 bytes; a person may have put white space
/// around them.
const MAX_BYTES: u64 = 65_536;

/// How every file of the store is opened: a pipe in its place would be waited for else, until there is
/// a writer at its other end.
pub(super) fn nonblocking() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Reads a file; none if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Stored>, StoreError> {
    let file = match nonblocking().read(true).open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        // A socket cannot be opened.
        Err(error) => {
            return match fs::metadata(path) {
                Ok(found) if !found.is_file() => Err(not_a_file(path, found.file_type())),
                _ => Err(fault("read", path, error)),
            };
        }
    };
    let found = file
        .metadata()
        .map_err(|error| fault("read", path, error))?;
    if !found.is_file() {
        return Err(not_a_file(path, found.file_type()));
    }
    let bytes = up_to_max(&file).map_err(|error| fault("read", path, error))?;
    Ok(Some(match bytes {
        Some(bytes) => stored(&bytes),
        // Its beginning could be a document; this is none.
        None => stored(format!("a file of {} bytes", found.len()).as_bytes()),
    }))
}

/// The content, unless it is too large.
fn up_to_max(file: &File) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES);
    Ok(fits.then_some(bytes))
}

fn not_a_file(path: &Path, kind: FileType) -> StoreError {
    let what = if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    StoreError::Unusable {
        path: path.display().to_string(),
        why: format!("it is {what}, not a file"),
    }
}

/// What is not UTF-8 becomes a value that decodes as malformed.
pub(in crate::store) fn stored(bytes: &[u8]) -> Stored {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Stored {
        value: String::from_utf8_lossy(bytes).into_owned(),
        revision: Revision(hasher.finish()),
    }
}

/// Reads every file below `folder`, by the name that it has in the store at `root`.
pub(super) fn walk(
    root: &Path,
    folder: &Path,
    found: &mut Vec<(String, Stored)>,
) -> Result<(), StoreError> {
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
