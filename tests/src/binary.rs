//! Where the `maintenance` binary is, and that it is not an old one.
//!
//! Cargo hands a binary's path only to the tests of its own package. These tests find it beside
//! themselves, and check it against every source it was made of: a stale binary would pass for a fresh
//! one, and so nothing it says would count.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

static BINARY: LazyLock<Result<PathBuf, String>> = LazyLock::new(find);

/// The binary, built from the sources as they are.
///
/// # Panics
/// If it is missing or older than one of its sources, with what to do about it.
#[must_use]
pub fn binary() -> &'static Path {
    match &*BINARY {
        Ok(path) => path,
        Err(why) => {
            panic!("{why}: run `cargo test --workspace`, or `cargo build` before this test")
        }
    }
}

fn find() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    // target/debug/deps/<this test>: the binary is one folder up.
    let folder = here
        .parent()
        .and_then(Path::parent)
        .ok_or("this test is in no target folder")?;
    let binary = folder.join(format!("maintenance{}", std::env::consts::EXE_SUFFIX));
    let built = modified(&binary)?;
    // Beside it Cargo lists the files it was made of, those of the workspace's other crates included.
    let list = folder.join("maintenance.d");
    let list = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let (_, sources) = list
        .split_once(": ")
        .ok_or("maintenance.d lists no sources")?;
    let sources = sources.trim_end().replace("\\ ", "\0");
    for source in sources.split(' ') {
        let source = PathBuf::from(source.replace('\0', " "));
        // What is gone was made without.
        if source.exists() && modified(&source)? > built {
            return Err(format!(
                "{} is newer than {}",
                source.display(),
                binary.display()
            ));
        }
    }
    Ok(binary)
}

fn modified(path: &Path) -> Result<SystemTime, String> {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.map_err(|error| format!("{}: {error}", path.display()))
}
