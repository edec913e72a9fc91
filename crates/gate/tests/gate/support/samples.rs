//! AWS's own samples of events, as they come with its crates: found on this machine where cargo put
//! them, not copied here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// A sample, by the name of its file.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) event: Value,
}

/// The samples of the crate `package`, in this folder of it. Sorted by name.
pub(crate) fn samples(package: &str, folder: &str) -> Vec<Sample> {
    let folder = directory(package).join(folder);
    let mut samples: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| Sample {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            event: serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap(),
        })
        .collect();
    samples.sort_by(|one, other| one.name.cmp(&other.name));
    samples
}

/// Where cargo keeps the source of a crate that this one depends on.
fn directory(package: &str) -> PathBuf {
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    // Of other platforms' crates there may be none on this machine.
    let platform = ["--filter-platform", host.unwrap()];
    let asked = ["metadata", "--format-version", "1", "--offline", "--locked"];
    let metadata: Value = serde_json::from_str(&cargo(&[&asked[..], &platform].concat())).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|found| found["name"] == package);
    let manifest = found.unwrap()["manifest_path"].as_str().unwrap();
    Path::new(manifest).parent().unwrap().to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}
