//! A store in a folder: one that does not exist yet, one that cannot exist, and what is no file in it.

use std::fs;
use std::process::Command;

use maintenance_tests::Scene;

#[test]
fn a_store_that_was_never_used_is_off_and_says_so() {
    let scene = Scene::files();
    let folder = scene.folder().join("store");
    let note = format!(
        "The store {} does not exist yet; `maintenance on` creates it\n",
        folder.display()
    );
    let ran = scene.run(&["status"]);
    ran.code(0).stdout("off\n");
    assert_eq!(
        ran.stderr,
        format!("Web maintenance status for demo-dev\n{note}")
    );
    assert!(!folder.exists(), "reading makes nothing");
    scene.run(&["on", "-y"]).code(0);
    let ran = scene.run(&["status", "--exit-code"]);
    ran.code(10).stdout("on\n");
    assert!(!ran.stderr.contains("does not exist"), "{ran:?}");
    scene.run(&["off"]).code(0);
}

#[test]
fn a_store_that_cannot_be_there_is_never_off() {
    let mut scene = Scene::files();
    scene.write("a-file", "");
    let link = scene.folder().join("a-link");
    std::os::unix::fs::symlink("nowhere", link).unwrap();
    for (path, why) in [
        ("missing/store", "the folder above it does not exist"),
        ("a-file", "it is not a folder"),
        ("a-link", "it is a link that leads nowhere"),
    ] {
        scene.set("MAINTENANCE_STORE", &format!("file:{path}"));
        for command in [
            &["status", "--exit-code"] as &[&str],
            &["off"],
            &["on", "-y"],
        ] {
            let ran = scene.run(command);
            ran.code(1).stdout("");
            let path = scene.folder().join(path);
            let error = format!("Error: {} cannot be used: {why}\n", path.display());
            assert!(ran.stderr.contains(&error), "{ran:?}");
            assert!(
                ran.stderr
                    .contains("Hint: check --store, MAINTENANCE_STORE"),
                "{ran:?}"
            );
        }
    }
    assert!(!scene.folder().join("missing").exists());
}

#[test]
fn a_pipe_in_place_of_a_flag_holds_up_no_command() {
    let scene = Scene::files();
    scene.run(&["on", "-y"]).code(0);
    let flag = scene.folder().join("store/maintenance/demo-dev/flags/web");
    fs::remove_file(&flag).unwrap();
    let made = Command::new("mkfifo").arg(&flag).status().unwrap();
    assert!(made.success());
    for command in [&["off"] as &[&str], &["status"], &["on", "-y"]] {
        let ran = scene.run(command);
        ran.code(1).stdout("");
        let error = format!(
            "Error: {} cannot be used: it is a named pipe, not a file\n",
            flag.display()
        );
        assert!(ran.stderr.contains(&error), "{ran:?}");
    }
    fs::remove_file(&flag).unwrap();
    scene.run(&["off"]).code(0).stdout("");
}
