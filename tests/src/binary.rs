//! Where the `maintenance` binary is.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static BINARY: LazyLock<PathBuf> = LazyLock::new(find);

/// The binary. Cargo builds it for the tests of its package, and tells them where it is; an example
/// finds what `cargo build` made.
///
/// # Panics
/// If it is not there, with what to do about it.
#[must_use]
pub fn binary() -> &'static Path {
    &BINARY
}

fn find() -> PathBuf {
    let told = std::env::var_os("CARGO_BIN_EXE_maintenance").map(PathBuf::from);
    let binary = told.unwrap_or_else(|| {
        let here = std::env::current_exe().expect("this program has a path");
        // target/debug/examples/<this example>: the binary is one folder up.
        let name = format!("../maintenance{}", std::env::consts::EXE_SUFFIX);
        here.with_file_name(name)
    });
    assert!(
        binary.exists(),
        "{} is not there: run this by `cargo test`, or `cargo build` before it",
        binary.display()
    );
    binary
}
