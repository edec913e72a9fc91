//! What would move a terminal's cursor: refused on the way in, and shown as what it is on the way out.

use maintenance_sandbox::FunctionSpec;
use maintenance_tests::{Output, TestEnv};
use serde_json::{Value, json};

/// It clears the screen, begins a line that looks like ours, sends a C1 sequence, and turns the direction
/// of what follows.
const EVIL: &str = "x\u{1b}[2J\r\nWeb maintenance is off\u{9b}1m\u{202e}y\u{7f}";
const SHOWN: &str = "x\\u{1b}[2J\\r\\nWeb maintenance is off\\u{9b}1m\\u{202e}y\\u{7f}";

fn is_harmless(output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(bad), "{output:#?}");
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("Web maintenance is off")),
            "{output:#?}"
        );
    }
}

#[test]
fn it_is_refused_on_the_way_in() {
    let mut env = TestEnv::aws();
    for option in ["--reason", "--message", "--observer"] {
        for text in ["a\u{1b}[2J", "a\nb", "a\u{9b}", "a\u{7f}b", "a\u{2028}b"] {
            let output = env.run(&["on", "-y", option, text]);
            output
                .code(2)
                .says(option)
                .says("must be one line, without control characters\n");
            is_harmless(&output);
        }
        let output = env.run(&["on", "-y", option, "a\u{202e}b"]);
        output
            .code(2)
            .says("must not hold U+202E, which turns the direction of the text after it");
        is_harmless(&output);
    }
    let output = env.run(&["off", "--force", "--reason", "a\u{1b}b"]);
    is_harmless(output.code(2));
    for by in ["ana\u{1b}[2J", "ana\nbob"] {
        env.set("MAINTENANCE_BY", by);
        let output = env.run(&["on", "-y"]);
        output.refuses(2, "MAINTENANCE_BY cannot be used");
        is_harmless(&output);
    }
    env.write("maintenance.toml", "[roles.web]\nmessage = \"a\\u001bb\"\n");
    env.unset("MAINTENANCE_BY");
    is_harmless(env.run(&["on", "-y"]).code(2));
    assert!(env.sandbox().calls().is_empty());
}

#[test]
fn who_one_is_is_cleaned() {
    let mut env = TestEnv::aws();
    env.unset("MAINTENANCE_BY");
    env.set("USER", EVIL);
    env.run(&["on", "-y"]).code(0);
    let output = env.run(&["status", "-v"]);
    is_harmless(output.code(0));
    output.says(" by x[2JWeb maintenance is off1my@");
}

#[test]
fn whatever_is_stored_is_shown_as_what_it_is() {
    let env = TestEnv::files();
    let flag = json!({
        "schema": 1, "mode": "on", "window": "20261121T083000Z-00001a2b",
        "owner": {"kind": "observer", "name": EVIL},
        "by": EVIL, "reason": EVIL, "message": EVIL,
        "since": "2026-11-21T08:00:00Z",
    });
    env.write("store/maintenance/demo-dev/flags/web", &flag.to_string());
    let output = env.run(&["status", "-v"]);
    is_harmless(output.code(0).stdout("on\n"));
    output.says(&format!(
        " by the observer {SHOWN} (only it, or `off --force`, ends this): {SHOWN}\n"
    ));
    output.says(&format!("  message for visitors: {SHOWN}\n"));
    let output = env.run(&["off"]);
    is_harmless(output.code(3));
    output.says(
        "held by the observer x\\u{1b}[2J Web maintenance is off\\u{9b}1m\\u{202e}y\\u{7f}\n",
    );
    // A document says the same, and is harmless too.
    let output = env.run(&["status", "--json"]);
    is_harmless(output.code(0));
    assert_eq!(output.json()["roles"][0]["reason"], Value::from(EVIL));
    let output = env.run(&["off", "--json"]);
    is_harmless(&output);
    assert!(
        output.code(3).json()["error"]["causes"]
            .to_string()
            .contains("is off")
    );

    // What cannot be read quotes what is there.
    env.write("store/maintenance/demo-dev/flags/web", EVIL);
    is_harmless(&env.run(&["status"]));
}

#[test]
fn whoever_holds_the_lease_is_shown_as_what_it_is() {
    let env = TestEnv::aws();
    let hold = maintenance_sandbox::Fault::on("PutParameter")
        .target("/flags/")
        .hang();
    env.sandbox().inject(hold);
    let running = env.start(&["on", "-y"]);
    env.wait_until_hanging();
    running.kill();
    assert_eq!(running.wait().code, None);
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    let parameters = env.sandbox().parameters();
    let lease = parameters.iter().find(|(name, _)| name.contains("/lease/"));
    let (name, lease) = lease.unwrap();
    let mut lease: Value = serde_json::from_str(&lease.value).unwrap();
    for key in ["by", "operation"] {
        assert!(lease[key].is_string(), "{lease}");
        lease[key] = EVIL.into();
    }
    env.sandbox().set_parameter(name, &lease.to_string());
    let output = env.run(&["on", "-y"]);
    is_harmless(output.code(5));
    output.says(SHOWN);
    let output = env.run(&["unlock", "--yes"]);
    is_harmless(output.code(0));
    output.says(SHOWN);
}

#[test]
fn what_the_command_was_given_is_shown_as_what_it_is() {
    let mut env = TestEnv::aws();
    env.sandbox().seed(FunctionSpec::new("demo-dev-a"));
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
        is_harmless(&env.run(arguments));
    }
    env.set("AWS_PROFILE", "a\u{9b}b");
    is_harmless(env.run(&["status"]).code(2));
}
