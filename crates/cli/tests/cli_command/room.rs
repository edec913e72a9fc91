//! A flag near the size of a parameter, in both stores: what does not fit is refused before anything is
//! begun, and `off` restores whatever is stored.

use maintenance_flag::{Flag, MAX_VALUE_BYTES};
use maintenance_sandbox::FunctionSpec;
use maintenance_tests::{Output, TestEnv};

use crate::window::{WEB, flag, is_usage};

const WORKER: &str = "/maintenance/demo-dev/flags/worker";

/// A function of the worker role, and its flags in Parameter Store or in files.
fn env(files: bool) -> TestEnv {
    let mut env = TestEnv::aws();
    if files {
        env.set("MAINTENANCE_STORE", "file:store");
    }
    let role = "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n";
    env.write("maintenance.toml", role);
    env.sandbox()
        .seed(FunctionSpec::new("demo-dev-mail").reserved(7));
    env
}

fn stored(env: &TestEnv, files: bool, name: &str) -> String {
    if files {
        return env.read(&format!("store{name}"));
    }
    env.sandbox().parameters()[name].value.clone()
}

fn store(env: &TestEnv, files: bool, name: &str, value: &str) {
    if files {
        env.write(&format!("store{name}"), value);
    } else {
        env.sandbox().set_parameter(name, value);
    }
}

/// A flag that somebody typed, with a note that makes it take so many bytes.
fn typed(mode: &str, bytes: usize) -> String {
    let frame = format!(r#"{{"schema":1,"mode":"{mode}","note":""}}"#).len();
    let note = "n".repeat(bytes - frame);
    format!(r#"{{"schema":1,"mode":"{mode}","note":"{note}"}}"#)
}

fn reserved(env: &TestEnv) -> Option<u32> {
    env.sandbox().fleet()["demo-dev-mail"].reserved
}

/// So many addresses that `on` is to let pass.
fn addresses(count: u32) -> Vec<String> {
    let address = |n| {
        format!(
            "--allow-ip=2001:db8:1111:2222:3333:4444:5555:{:x}",
            0x1000 + n
        )
    };
    (0..count).map(address).collect()
}

fn on_with(env: &TestEnv, options: &[String]) -> Output {
    let options = options.iter().map(String::as_str);
    env.run(&["on", "-y"].into_iter().chain(options).collect::<Vec<_>>())
}

#[test]
fn options_that_no_flag_has_room_for_are_refused_before_anything_is_read() {
    let mut env = TestEnv::aws();
    let message = format!("--message={}", "m".repeat(1_000));
    let output = on_with(&env, &[addresses(80), vec![message]].concat());
    is_usage(
        &env,
        &output,
        "the flag of the web role would be too large, so it was not written",
    )
    .says("\nCaused by: the flag would take 4")
    .says(
        " bytes, and may take 4060: 3281 of them \"bypass.addresses\", 1000 of them \"message\"\n",
    )
    .says("\nHint: shorten --allow-ip (3281 bytes) or --message (1000 bytes) by 424 bytes");

    let long = "y".repeat(1_025);
    for (arguments, option) in [
        (["on", "-y", "--reason", &long], "--reason"),
        (["off", "--force", "--reason", &long], "--reason"),
        (["on", "-y", "--observer", &long], "--observer"),
    ] {
        let output = env.run(&arguments);
        is_usage(&env, &output, &format!("{option} is too long"))
            .says("\nCaused by: it takes 1025 bytes when stored, and ")
            .says("\nHint: shorten it by ");
    }
    // What is escaped takes more.
    let output = env.run(&["off", "--force", "--reason", &"\"".repeat(513)]);
    is_usage(&env, &output, "--reason is too long").says("takes 1026 bytes when stored");
    env.set("MAINTENANCE_BY", &long);
    let output = env.run(&["on", "-y"]);
    is_usage(&env, &output, "MAINTENANCE_BY cannot be used");
}

#[test]
fn options_that_what_is_stored_leaves_no_room_for_change_nothing() {
    for files in [false, true] {
        let env = env(files);
        store(&env, files, WEB, &typed("off", 2_500));
        let output = on_with(&env, &addresses(40));
        output
            .refuses(
                2,
                "the flag of the web role would be too large, so it was not written",
            )
            .says("\nCaused by: the flag would take 4")
            .says(" of them \"note\", 1641 of them \"bypass.addresses\"\n")
            .says("\nHint: shorten --allow-ip (1641 bytes) by ");
        assert_eq!(stored(&env, files, WEB), typed("off", 2_500));
        // Fewer of them fit.
        on_with(&env, &addresses(10)).code(0);
    }
}

#[test]
fn what_maintenance_toml_says_counts_too() {
    let env = TestEnv::aws();
    let addresses: Vec<_> = addresses(90);
    let list: Vec<_> = addresses
        .iter()
        .map(|it| format!("{:?}", &it[11..]))
        .collect();
    let list = format!("[roles.web]\nallow_ip = [{}]\n", list.join(", "));
    env.write("maintenance.toml", &list);
    let output = env.run(&["on", "-y", "--reason", &"r".repeat(400)]);
    output
        .refuses(
            2,
            "the flag of the web role would be too large, so it was not written",
        )
        .says("or the role's keys in maintenance.toml\n");
    assert!(!env.sandbox().parameters().contains_key(WEB));
}

#[test]
fn a_typed_flag_without_room_for_what_on_notes_is_named_before_anything_is_begun() {
    for files in [false, true] {
        for mode in ["off", "on"] {
            let env = env(files);
            let full = typed(mode, MAX_VALUE_BYTES);
            store(&env, files, WORKER, &full);
            let output = env.run(&["on", "-y", "--role", "worker"]);
            output
                .refuses(
                    1,
                    "the flag of the worker role would be too large, so it was not written",
                )
                .says(" of them \"note\"")
                .says("\nHint: shorten /maintenance/demo-dev/flags/worker by ")
                .says("by hand, or store the word off there");
            assert_eq!(
                (stored(&env, files, WORKER), reserved(&env)),
                (full, Some(7))
            );
            // As it says.
            store(&env, files, WORKER, "off");
            env.run(&["on", "-y", "--role", "worker"]).code(0);
            assert_eq!(reserved(&env), Some(0));
        }
        // Where nothing is to be written, there is nothing to refuse.
        let env = env(files);
        store(&env, files, WEB, &typed("on", MAX_VALUE_BYTES));
        env.run(&["on"])
            .exactly(0, "", "Web maintenance is already on\n");
    }
}

#[test]
fn nobody_is_asked_about_what_would_be_refused() {
    let env = TestEnv::aws();
    env.sandbox().set_parameter(WEB, &typed("off", 3_800));
    let reason = "r".repeat(300);
    let terminal = env.at_terminal(&["on", "--reason", &reason]);
    terminal.wait().refuses(
        2,
        "the flag of the web role would be too large, so it was not written",
    );
}

#[test]
fn off_restores_and_closes_whatever_is_stored() {
    for files in [false, true] {
        let env = env(files);
        env.run(&["on", "-y", "--role", "worker"]).code(0);
        assert_eq!(reserved(&env), Some(0));
        // Somebody fills it up by hand.
        store(&env, files, WORKER, &typed("on", MAX_VALUE_BYTES));
        let plan = env.run(&["off", "--role", "worker", "--dry-run"]);
        let left_out = "the flag has no room for all that was stored: \"note\" left out";
        assert!(plan.code(0).stdout.contains(left_out), "{plan:#?}");
        env.run(&["off", "--role", "worker"]).code(0).says(left_out);
        assert_eq!(reserved(&env), Some(7));
        let flag = Flag::decode(&stored(&env, files, WORKER)).expect("a flag");
        assert!(!flag.mode.is_on() && flag.unknown.is_empty());
        assert_eq!(flag.by.as_deref(), Some("ana@laptop"));
    }
    // A file holds more than a parameter: one that is off stays as it is.
    let env = TestEnv::files();
    let large = typed("off", 9_000);
    store(&env, true, WEB, &large);
    env.run(&["off"])
        .exactly(0, "", "Web maintenance is already off\n");
    assert_eq!(stored(&env, true, WEB), large);
    store(&env, true, WEB, &typed("on", 9_000));
    env.run(&["off"]).code(0).says("\"note\" left out");
    env.run(&["status"]).stdout("off\n");
}

#[test]
fn an_override_is_recorded_whatever_is_stored() {
    let env = TestEnv::aws();
    let reason = "because ".repeat(128);
    let observer = "o".repeat(256);
    let output = env.run(&["on", "-y", "--observer", &observer, "--reason", &reason]);
    output.code(0);
    let output = env.run(&["off", "--force", "--reason", &reason]);
    assert!(!output.code(0).stderr.contains("left out"), "{output:#?}");
    let off = flag(&env);
    assert_eq!(off.reason.as_deref(), Some(reason.trim()));
    assert_eq!(off.overrode.expect("whom").name, observer);

    // Somebody wrote a name that is longer than any of ours.
    let name = "o".repeat(4_020);
    let typed =
        format!(r#"{{"schema":1,"mode":"on","owner":{{"kind":"observer","name":"{name}"}}}}"#);
    env.sandbox().set_parameter(WEB, &typed);
    env.run(&["off", "--force", "--reason", "urgent"])
        .code(0)
        .says("the end of \"overrode\" left out");
    let off = flag(&env);
    assert_eq!(off.reason.as_deref(), Some("urgent"));
    let overrode = off.overrode.expect("whom").name;
    assert!(overrode.starts_with("ooo") && overrode.ends_with("o…"));
}
