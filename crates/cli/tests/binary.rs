//! That the binary is there and is this version.
//!
//! This file has a second use: since the package has an integration test, `cargo test --workspace`
//! builds the binary itself, which the black-box tests in `tests/` then run.

use std::process::Command;

#[test]
fn it_says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_maintenance"))
        .arg("--version")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        concat!("maintenance ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert!(output.stderr.is_empty());
}
