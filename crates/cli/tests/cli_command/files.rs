//! A store in a folder: one that does not exist yet, one that cannot exist, and what is no file in it.

use std::fs;
use std::process::Command;

use maintenance_tests::TestEnv;

#[test]
fn a_store_that_was_never_used_is_off_and_says_so() {
    let env = TestEnv::files();
    let folder = env.folder().join("store");
    let note = format!(
        "The store {} does not exist yet; `maintenance on` creates it\n",
        folder.display()
    );
    let output = env.run(&["status"]);
    output.code(0).stdout("off\n");
    assert_eq!(
        output.stderr,
        format!("Web maintenance status for demo-dev\n{note}")
    );
    assert!(!folder.exists(), "reading makes nothing");
    env.run(&["on", "-y"]).code(0);
    let output = env.run(&["status", "--exit-code"]);
    output.code(10).stdout("on\n");
    assert!(!output.stderr.contains("does not exist"), "{output:?}");
    env.run(&["off"]).code(0);
}

#[test]
fn a_store_that_cannot_be_there_is_never_off() {
    let mut env = TestEnv::files();
    env.write("a-file", "");
    let link = env.folder().join("a-link");
    std::os::unix::fs::symlink("nowhere", link).unwrap();
    for (path, why) in [
        ("missing/store", "the folder above it does not exist"),
        ("a-file", "it is not a folder"),
        ("a-link", "it is a link that leads nowhere"),
    ] {
        env.set("MAINTENANCE_STORE", &format!("file:{path}"));
        for command in [
            &["status", "--exit-code"] as &[&str],
            &["off"],
            &["on", "-y"],
        ] {
            let output = env.run(command);
            output.code(1).stdout("");
            let path = env.folder().join(path);
            let error = format!("Error: {} cannot be used: {why}\n", path.display());
            assert!(output.stderr.contains(&error), "{output:?}");
            assert!(
                output
                    .stderr
                    .contains("Hint: check --store, MAINTENANCE_STORE"),
                "{output:?}"
            );
        }
    }
    assert!(!env.folder().join("missing").exists());
}

#[test]
fn a_pipe_in_place_of_a_flag_holds_up_no_command() {
    let env = TestEnv::files();
    env.run(&["on", "-y"]).code(0);
    let flag = env.folder().join("store/maintenance/demo-dev/flags/web");
    fs::remove_file(&flag).unwrap();
    let made = Command::new("mkfifo").arg(&flag).status().unwrap();
    assert!(made.success());
    for command in [&["off"] as &[&str], &["status"], &["on", "-y"]] {
        let output = env.run(command);
        output.code(1).stdout("");
        let error = format!(
            "Error: {} cannot be used: it is a named pipe, not a file\n",
            flag.display()
        );
        assert!(output.stderr.contains(&error), "{output:?}");
    }
    fs::remove_file(&flag).unwrap();
    env.run(&["off"]).code(0).stdout("");
}
