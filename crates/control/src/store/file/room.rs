//! New files, also on a full disk: what gives back must not fail for want of a few bytes.
//!
//! The store's folder keeps a few files of one block each whose blocks are taken already. Where a new file
//! cannot be written, one of them is: its content is overwritten, it is flushed, and renamed to where it
//! belongs. A crash before that leaves a hidden file with something else in it, and no parameter that is
//! torn. What replaces a file gives that one's block back, from which the spare file is made anew.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{NamedTempFile, TempPath};

use super::FileHooks;
use super::read::nonblocking;
use crate::store::error::is_full;

/// What our temporary files start with; a reader skips every hidden file.
const TEMPORARY: &str = ".tmp-";
/// How many spare files there are: one for each lease that may be created before old ones are deleted, which
/// is done once six have gathered, and one for what is replaced.
const SPARES: u32 = 8;
/// How large each is: as large as a parameter, and a block of most file systems.
const SPARE_BYTES: usize = maintenance_flag::MAX_VALUE_BYTES;

/// Where new files come from.
#[derive(Debug, Clone)]
pub(super) struct Room {
    root: PathBuf,
    hooks: Option<Arc<dyn FileHooks>>,
}

impl Room {
    pub(super) fn new(root: &Path, hooks: Option<Arc<dyn FileHooks>>) -> Self {
        Self {
            root: root.to_owned(),
            hooks,
        }
    }

    /// A file with this content, flushed, in this folder or, if it may be a spare one, elsewhere in the
    /// store.
    pub(super) fn file(
        &self,
        folder: &Path,
        content: &[u8],
        may_be_spare: bool,
    ) -> io::Result<NamedTempFile> {
        match self.new_file(folder, content) {
            Err(full) if may_be_spare && is_full(&full) => self.spare_file(content)?.ok_or(full),
            file => file,
        }
    }

    fn new_file(&self, folder: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
        self.ask()?;
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// One of the spare files with this content, if there is one with room for it.
    fn spare_file(&self, content: &[u8]) -> io::Result<Option<NamedTempFile>> {
        for n in 0..SPARES {
            let path = self.spare(n);
            let mut file = match nonblocking().write(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let length = content.len() as u64;
            if file.metadata()?.len() < length {
                continue;
            }
            file.write_all(content)?;
            file.set_len(length)?;
            file.sync_all()?;
            let path = TempPath::try_from_path(path)?;
            return Ok(Some(NamedTempFile::from_parts(file, path)));
        }
        Ok(None)
    }

    /// Makes the spare files that are missing, as far as there is room.
    pub(super) fn keep(&self) {
        for n in 0..SPARES {
            let path = self.spare(n);
            let whole = |found: fs::Metadata| found.len() >= SPARE_BYTES as u64;
            if fs::metadata(&path).is_ok_and(whole) {
                continue;
            }
            if let Err(error) = self.make_spare(&path) {
                tracing::debug!(%error, path = %path.display(), "no room for a spare file");
                return;
            }
        }
    }

    fn make_spare(&self, path: &Path) -> io::Result<()> {
        self.ask()?;
        let mut file = nonblocking()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        // No zeros: a file system may keep those without a block.
        file.write_all(&[b' '; SPARE_BYTES])?;
        file.sync_all()
    }

    fn spare(&self, n: u32) -> PathBuf {
        self.root.join(format!(".spare-{n}"))
    }

    /// Whether there is room for one file more, if a test decides that.
    fn ask(&self) -> io::Result<()> {
        self.hooks.as_ref().map_or(Ok(()), |hooks| hooks.room())
    }
}
