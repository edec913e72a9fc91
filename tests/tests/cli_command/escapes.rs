//! What would move a terminal's cursor: refused on the way in, and shown as what it is on the way out.

use maintenance_sandbox::FunctionSpec;
use maintenance_tests::{Ran, Scene};
use serde_json::{Value, json};

/// It clears the screen, begins a line that looks like ours, sends a C1 sequence, and turns the direction
/// of what follows.
const EVIL: &str = "x\u{1b}[2J\r\nWeb maintenance is off\u{9b}1m\u{202e}y\u{7f}";
const SHOWN: &str = "x\\u{1b}[2J\\r\\nWeb maintenance is off\\u{9b}1m\\u{202e}y\\u{7f}";

fn is_harmless(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(bad), "{ran:#?}");
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("Web maintenance is off")),
            "{ran:#?}"
        );
    }
}

#[test]
fn it_is_refused_on_the_way_in() {
    let mut scene = Scene::aws();
    for option in ["--reason", "--message", "--observer"] {
        for text in ["a\u{1b}[2J", "a\nb", "a\u{9b}", "a\u{7f}b", "a\u{2028}b"] {
            let ran = scene.run(&["on", "-y", option, text]);
            ran.code(2)
                .says(option)
                .says("must be one line, without control characters\n");
            is_harmless(&ran);
        }
        let ran = scene.run(&["on", "-y", option, "a\u{202e}b"]);
        ran.code(2)
            .says("must not hold U+202E, which turns the direction of the text after it");
        is_harmless(&ran);
    }
    let ran = scene.run(&["off", "--force", "--reason", "a\u{1b}b"]);
    is_harmless(ran.code(2));
    for by in ["ana\u{1b}[2J", "ana\nbob"] {
        scene.set("MAINTENANCE_BY", by);
        let ran = scene.run(&["on", "-y"]);
        ran.refuses(2, "MAINTENANCE_BY cannot be used");
        is_harmless(&ran);
    }
    scene.write("maintenance.toml", "[roles.web]\nmessage = \"a\\u001bb\"\n");
    scene.unset("MAINTENANCE_BY");
    is_harmless(scene.run(&["on", "-y"]).code(2));
    assert!(scene.sandbox().calls().is_empty());
}

#[test]
fn who_one_is_is_cleaned() {
    let mut scene = Scene::aws();
    scene.unset("MAINTENANCE_BY");
    scene.set("USER", EVIL);
    scene.run(&["on", "-y"]).code(0);
    let ran = scene.run(&["status", "-v"]);
    is_harmless(ran.code(0));
    ran.says(" by x[2JWeb maintenance is off1my@");
}

#[test]
fn whatever_is_stored_is_shown_as_what_it_is() {
    let scene = Scene::files();
    let flag = json!({
        "schema": 1, "mode": "on", "window": "20261121T083000Z-00001a2b",
        "owner": {"kind": "observer", "name": EVIL},
        "by": EVIL, "reason": EVIL, "message": EVIL,
        "since": "2026-11-21T08:00:00Z",
    });
    scene.write("store/maintenance/demo-dev/flags/web", &flag.to_string());
    let ran = scene.run(&["status", "-v"]);
    is_harmless(ran.code(0).stdout("on\n"));
    ran.says(&format!(
        " by the observer {SHOWN} (only it, or `off --force`, ends this): {SHOWN}\n"
    ));
    ran.says(&format!("  visitors are told: {SHOWN}\n"));
    let ran = scene.run(&["off"]);
    is_harmless(ran.code(3));
    ran.says("held by the observer x\\u{1b}[2J Web maintenance is off\\u{9b}1m\\u{202e}y\\u{7f}\n");
    // A document says the same, and is harmless too.
    let ran = scene.run(&["status", "--json"]);
    is_harmless(ran.code(0));
    assert_eq!(ran.json()["roles"][0]["reason"], Value::from(EVIL));
    let ran = scene.run(&["off", "--json"]);
    is_harmless(&ran);
    assert!(
        ran.code(3).json()["error"]["causes"]
            .to_string()
            .contains("is off")
    );

    // What cannot be read quotes what is there.
    scene.write("store/maintenance/demo-dev/flags/web", EVIL);
    is_harmless(&scene.run(&["status"]));
}

#[test]
fn whoever_holds_the_lease_is_shown_as_what_it_is() {
    let scene = Scene::aws();
    let hold = maintenance_sandbox::Fault::on("PutParameter")
        .target("/flags/")
        .hang();
    scene.sandbox().inject(hold);
    let running = scene.start(&["on", "-y"]);
    scene.wait_until_hanging();
    running.kill();
    assert_eq!(running.wait().code, None);
    scene.sandbox().clear_faults();
    scene.sandbox().release_hanging();
    let parameters = scene.sandbox().parameters();
    let lease = parameters.iter().find(|(name, _)| name.contains("/lease/"));
    let (name, lease) = lease.unwrap();
    let mut lease: Value = serde_json::from_str(&lease.value).unwrap();
    for key in ["by", "operation"] {
        assert!(lease[key].is_string(), "{lease}");
        lease[key] = EVIL.into();
    }
    scene.sandbox().set_parameter(name, &lease.to_string());
    let ran = scene.run(&["on", "-y"]);
    is_harmless(ran.code(5));
    ran.says(SHOWN);
    let ran = scene.run(&["unlock", "--yes"]);
    is_harmless(ran.code(0));
    ran.says(SHOWN);
}

#[test]
fn what_the_command_was_given_is_shown_as_what_it_is() {
    let mut scene = Scene::aws();
    scene.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    for arguments in [
        &["--role", EVIL][..],
        &["--app", EVIL],
        &["--prefix", EVIL],
        &["--store", EVIL],
        &["--config", EVIL],
        &["on", "-y", "--role", "worker", "--function", EVIL],
        &["on", "-y", "--until", EVIL],
        &["on", "-y", "--allow-ip", EVIL],
        &[EVIL],
        &["config", "--role", "worker", "--function", EVIL],
        &["status", "--profile", EVIL],
        &["man", EVIL],
    ] {
        is_harmless(&scene.run(arguments));
    }
    scene.set("AWS_PROFILE", "a\u{9b}b");
    is_harmless(scene.run(&["status"]).code(2));
}
