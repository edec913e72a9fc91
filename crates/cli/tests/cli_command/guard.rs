//! `require` and `during`: a command that runs only under maintenance, and maintenance for as long as a command
//! runs.

use std::path::PathBuf;

use maintenance_sandbox::{Fleet, FunctionSpec, MappingSpec};
use maintenance_tests::TestEnv;

/// Handlers that have ended a second after maintenance has turned on.
const QUICK: &str = "[roles.web]\nttl = 0\ntimeout = 1\n";

/// The folder of the binary, so that a script can run it.
fn with_path(mut env: TestEnv) -> TestEnv {
    let folder = PathBuf::from(env.command(&[]).get_program());
    let folder = folder.parent().expect("a folder").display().to_string();
    env.set("PATH", &format!("{folder}:/usr/bin:/bin"));
    env
}

fn files() -> TestEnv {
    let env = with_path(TestEnv::files());
    env.write("maintenance.toml", QUICK);
    env
}

/// With workers whose invocations have ended within a second.
fn aws() -> TestEnv {
    let env = with_path(TestEnv::aws());
    let worker = "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n";
    env.write("maintenance.toml", &format!("{QUICK}{worker}"));
    for function in [
        FunctionSpec::new("demo-dev-a").reserved(7).timeout(1),
        FunctionSpec::new("demo-dev-b")
            .timeout(1)
            .mapping(MappingSpec::sqs("orders")),
    ] {
        env.sandbox().seed(function);
    }
    env
}

fn is_paused(fleet: &Fleet) -> bool {
    fleet.values().all(|function| function.reserved == Some(0))
}

#[test]
fn require_runs_the_command_only_under_maintenance_and_passes_its_exit_code_on() {
    let env = files();
    let require = |script: &str| {
        let command = ["require", "--on", "--", "sh", "-c", script];
        env.run(&command)
    };
    let output = require("echo ran");
    output
        .refuses(6, "a requirement is not met: the command was not run")
        .says("\nCaused by: web maintenance is off\n");
    env.run(&["on", "-y"]).code(0);
    require("echo out; echo err >&2; exit 7").exactly(
        7,
        "out\n",
        "Web maintenance is on\nRunning sh -c 'echo out; echo err >&2; exit 7'\nerr\n",
    );
    // A signal, as a shell says it.
    require("kill -9 $$").code(137);
    // Of all roles, those that are missing are named.
    let all = env.run(&["require", "--on", "--all"]);
    all.refuses(6, "a requirement is not met")
        .says("\nCaused by: worker maintenance is off\n");
    assert!(!all.stderr.contains("web maintenance"), "{all:?}");
    let json = env.run(&["require", "--on", "--all", "--json"]);
    let json = json.code(6).json();
    assert_eq!(json["missing"][0]["role"], "worker");
    assert_eq!(json["missing"][0]["missing"], "on");
    assert_eq!(json["error"]["exit_code"], 6);
    env.run(&["require", "--on", "-q"]).exactly(0, "", "");
    env.run(&["require", "--", "true"]).code(2);
}

#[test]
fn a_command_that_cannot_be_run_is_refused_before_anything_is_changed() {
    let env = files();
    for command in [&["require", "--on"][..], &["during", "--yes"]] {
        env.run(&[command, &["--", "no-such-command"]].concat())
            .refuses(127, "no-such-command cannot be run")
            .says("\nCaused by: it was not found\n");
        env.write("script", "");
        env.run(&[command, &["--", "./script"]].concat())
            .refuses(126, "./script cannot be run")
            .says("\nCaused by: it is not executable\n");
    }
    env.run(&["status"]).code(0).stdout("off\n");
}

#[test]
fn require_drained_says_until_when_and_wait_waits() {
    let env = files();
    env.write("maintenance.toml", "[roles.web]\nttl = 0\ntimeout = 60\n");
    env.run(&["on", "-y"]).code(0);
    env.run(&["require", "--on", "--drained"])
        .refuses(6, "a requirement is not met")
        .says("\nCaused by: in-flight invocations of the web role may run until ")
        .says("\nHint: add --wait to wait until then\n");
    let running = env.start(&["require", "--on", "--wait", "--", "echo", "ran"]);
    running.says("Waiting for in-flight invocations to end, until ");
    running.interrupt();
    let stopped = running.wait();
    stopped.code(130).stdout("");
    env.run(&["off"]).code(0);
    let env = files();
    env.run(&["on", "-y"]).code(0);
    env.run(&["require", "--on", "--wait", "--", "echo", "ran"])
        .code(0)
        .stdout("ran\n")
        .says("Web maintenance is on, and safe to migrate since ");
}

#[test]
fn require_names_functions_that_are_not_paused() {
    let env = aws();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    env.sandbox().set_reserved("demo-dev-a", Some(3)).unwrap();
    env.run(&["require", "--on", "--role", "worker", "--", "true"])
        .refuses(6, "a requirement is not met: the command was not run")
        .says("\nCaused by: demo-dev-a of the worker role drifted: changed while paused\n");
}

#[test]
fn maintenance_that_ends_while_the_command_runs_is_said_and_changes_no_exit_code() {
    let env = files();
    env.run(&["on", "-y"]).code(0);
    let script = "maintenance off -q; exit 5";
    env.run(&["require", "--on", "--", "sh", "-c", script])
        .code(5)
        .says("\nWarning: web maintenance was turned off while the command ran\n");
    env.run(&["on", "-y"]).code(0);
    let script = "maintenance off -q; maintenance on -qy";
    env.run(&["require", "--on", "--", "sh", "-c", script])
        .code(0)
        .says("\nWarning: web maintenance was turned off and on again while the command ran\n");
}

#[test]
fn during_is_on_for_as_long_as_the_command_runs() {
    let env = aws();
    let before = env.sandbox().fleet();
    let roles = ["--role", "worker", "--role", "web"];
    let during = ["during", "--yes", "--reason", "new database"];
    let script =
        "maintenance status --all; maintenance require --on --drained --all -q && echo safe";
    let command = ["--", "sh", "-c", script];
    let output = env.run(&[&during[..], &roles, &command].concat());
    output.code(0).stdout("web on\nworker on\nsafe\n");
    // Web first, and last.
    let said = [
        "Enabling web maintenance mode for demo-dev\n",
        "Enabling worker maintenance mode for demo-dev\n",
        "Web maintenance is on, and safe to migrate since ",
        "Running sh -c ",
        "succeeded\n",
        "Disabling worker maintenance mode for demo-dev\n",
        "Disabling web maintenance mode for demo-dev\n",
    ];
    let places = said.map(|text| {
        output
            .stderr
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {output:?}"))
    });
    assert!(places.is_sorted(), "{output:?}");
    assert_eq!(env.sandbox().fleet(), before);

    // One that fails leaves everything as it is, and says how it is ended.
    let failing = ["--json", "--", "sh", "-c", "echo answer; exit 3"];
    let output = env.run(&[&during[..], &roles, &failing].concat());
    output.code(3).stdout("answer\n");
    output.says("\nWorker maintenance stays on: `maintenance off --role worker` ends it\n");
    let report = output.stderr.lines().last().expect("a report");
    let report: serde_json::Value = serde_json::from_str(report).expect("JSON");
    assert_eq!(report["exit_code"], 3);
    assert_eq!(report["turned_off"], false);
    assert_eq!(report["turned_on"][0]["role"], "web");
    assert!(is_paused(&env.sandbox().fleet()));
    // Again, it is on before, and stays on.
    let output = env.run(&[&during[..], &roles, &["--", "true"]].concat());
    output
        .code(0)
        .says("Web maintenance is already on: it stays as it is\n");
    assert!(is_paused(&env.sandbox().fleet()));
    env.run(&["off", "--all"]).code(0);
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn during_with_always_off_turns_off_in_any_case() {
    let env = files();
    let command = [
        "during",
        "--yes",
        "--always-off",
        "--",
        "sh",
        "-c",
        "exit 3",
    ];
    env.run(&command)
        .code(3)
        .says("ended with 3\nDisabling web maintenance mode for demo-dev\n");
    env.run(&["status"]).code(0).stdout("off\n");
}

#[test]
fn during_keeps_a_window_of_another_as_it_is() {
    let env = files();
    let theirs = ["on", "-y", "--reason", "ours", "--observer", "monitor"];
    env.run(&theirs).code(0);
    let status = || env.run(&["status", "--json"]).code(0).json();
    let before = status();
    let during = [
        "during",
        "--yes",
        "--always-off",
        "--reason",
        "mine",
        "--message",
        "x",
    ];
    env.run(&[&during[..], &["--", "true"]].concat())
        .code(0)
        .says("Web maintenance is already on: it stays as it is\n");
    assert_eq!(status(), before);
}

/// The command turns maintenance off, and another opens a window: that is not ours to close.
#[test]
fn during_closes_no_window_but_its_own() {
    let env = files();
    let script = "maintenance off -q; maintenance on -qy --observer monitor";
    env.run(&["during", "--yes", "--", "sh", "-c", script])
        .code(0)
        .says("\nWarning: web maintenance was turned off and on again while the command ran\n");
    env.run(&["status"]).code(0).stdout("on\n");
}

#[test]
fn a_dry_run_of_during_runs_nothing() {
    let env = files();
    env.run(&["during", "--dry-run", "--", "touch", "here"])
        .code(0)
        .says("Would then run touch here, and turn maintenance off again if it succeeds\n");
    assert!(!env.folder().join("here").exists());
    env.run(&["status"]).code(0).stdout("off\n");
}

/// Without a terminal, the whole process group of the command gets each signal, once.
#[test]
fn a_signal_reaches_the_command_and_its_children_once_and_its_end_is_ours() {
    let env = files();
    // It waits without a process of its own, which might be made just when the signal comes, and miss it.
    let child =
        "trap 'echo child >> got; exit' TERM; mkfifo hold; exec 3<>hold; echo ready; read x <&3";
    let script = format!("trap 'echo parent >> got; wait; exit 9' TERM; sh -c \"{child}\" & wait");
    let running = env.start(&["during", "--yes", "--", "sh", "-c", &script]);
    let _ready = running.answers("ready");
    running.terminate();
    let output = running.wait();
    output
        .code(9)
        .says("ended with 9\nWeb maintenance stays on: `maintenance off --role web` ends it\n");
    let mut got: Vec<String> = env.read("got").lines().map(str::to_owned).collect();
    got.sort();
    assert_eq!(got, ["child", "parent"]);
    env.run(&["off"]).code(0);
}

#[test]
fn a_command_that_ctrl_c_ends_leaves_maintenance_on() {
    let env = files();
    env.run(&["on", "-y"]).code(0);
    let script = "echo ready; exec sleep 60";
    let running = env.start(&["require", "--on", "--", "sh", "-c", script]);
    let _ready = running.answers("ready");
    running.interrupt();
    running.wait().code(130);
    env.run(&["status"]).code(0).stdout("on\n");
}
