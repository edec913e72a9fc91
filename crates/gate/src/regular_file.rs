//! Reads a file that may be a pipe, a directory or too large. A file that cannot be read at once and whole is an error.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Reads all bytes of a file. `None` if there is no such file.
///
/// # Errors
/// If the file is not a regular file or has more than `most` bytes, or as [`File::open`].
pub(crate) fn read(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    // To open a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut body)?;
    if body.len() > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(Some(body))
}
