//! Streams, documents and how much is said.

use std::process::Stdio;

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::TestEnv;
use serde_json::json;

#[test]
fn status_as_json() {
    let env = TestEnv::aws();
    let off = env.run(&["status", "--all", "--json"]);
    off.code(0).says("Maintenance status for demo-dev\n");
    assert_eq!(
        off.json(),
        json!({"app": "demo-dev", "roles": [
            {"role": "web", "maintenance": "off"},
            {"role": "worker", "maintenance": "off"},
        ]})
    );
    env.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    env.run(&["on", "-y", "--all", "--reason", "a new database"])
        .code(0);
    let mut on = env.run(&["status", "--role", "worker", "--json"]).json();
    let role = &mut on["roles"][0];
    let window = role["window"].take();
    assert!(window.as_str().unwrap().contains('Z'), "{window}");
    let drained_at = role["drained_at"].take();
    let drained_at: jiff::Timestamp = drained_at.as_str().unwrap().parse().unwrap();
    let since: jiff::Timestamp = role["since"].take().as_str().unwrap().parse().unwrap();
    assert!(since <= jiff::Timestamp::now());
    assert!(since < drained_at);
    assert_eq!(
        on,
        json!({"app": "demo-dev", "roles": [{
            "role": "worker",
            "maintenance": "on",
            "mode": "on",
            "window": null,
            "product": null,
            "owner": {"kind": "manual", "name": "ana@laptop"},
            "by": "ana@laptop",
            "reason": "a new database",
            "message": null,
            "since": null,
            "until": null,
            "auto_off": false,
            "retry_after": null,
            "bypass": {"token_until": null, "addresses": [], "paths": []},
            "drained_at": null,
            "workers": {"selected": 1, "paused": 1, "pending": [], "drifted": [], "gone": []},
        }]})
    );
}

#[test]
fn on_and_off_as_json() {
    let env = TestEnv::aws();
    env.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    let workers = json!({
        "selected": 1, "changed": ["demo-dev-a"], "unchanged": [], "failed": [], "unfinished": [],
        "drifted": [], "gone": [],
    });
    let plan = env.run(&["on", "--all", "--dry-run", "--json"]);
    plan.code(0);
    let mut expected = json!({
        "app": "demo-dev", "action": "on", "dry_run": true, "interrupted": false, "roles": [
            {"role": "web", "outcome": "turned_on"},
            {"role": "worker", "outcome": "turned_on", "workers": workers},
        ],
    });
    expected["roles"][1]["workers"]["events"] = json!([{"function": "demo-dev-a", "arrivals": []}]);
    let mut planned = expected.clone();
    planned["roles"][1]["workers"]["steps"] = json!([
        {"function": "demo-dev-a", "steps": [{"step": "reserve_zero", "was": "unset"}]},
    ]);
    assert_eq!(plan.json(), planned);
    // The lines for a person stay: they are on another stream.
    let on = env.run(&["on", "--all", "-y", "--json"]);
    on.code(0).says("Web maintenance has been turned on\n");
    expected["dry_run"] = json!(false);
    let mut on = on.json();
    for role in on["roles"].as_array_mut().unwrap() {
        let drained_at = role.as_object_mut().unwrap().remove("drained_at").unwrap();
        drained_at
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap();
    }
    assert_eq!(on, expected);
    let off = env.run(&["off", "--all", "-q", "--json"]);
    assert_eq!(off.code(0).stderr, "");
    assert_eq!(
        off.json(),
        json!({
            "app": "demo-dev", "action": "off", "dry_run": false, "interrupted": false, "roles": [
                {"role": "worker", "outcome": "turned_off", "workers": workers},
                {"role": "web", "outcome": "turned_off"},
            ],
        })
    );
}

#[test]
fn a_failure_as_json() {
    let env = TestEnv::files();
    let output = env.run(&["--json", "--role", "wokrer"]);
    output.code(2).says("Error: there is no role wokrer\n");
    let document = json!({"error": {
        "message": "there is no role wokrer",
        "causes": ["the roles are web, worker, and --role names another"],
        "hint": "did you mean worker?",
        "exit_code": 2,
    }});
    assert_eq!(output.json(), document);
    let output = env.run(&["--json", "statsu"]);
    assert_eq!(
        output.code(2).json()["error"]["message"],
        "unrecognized subcommand 'statsu'"
    );
    let output = env.run(&["on", "--json"]);
    assert_eq!(output.code(6).json()["error"]["exit_code"], 6);
}

#[test]
fn a_partial_report_is_the_one_document() {
    let env = TestEnv::aws();
    env.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    env.sandbox()
        .inject(Fault::on("PutFunctionConcurrency").always().access_denied());
    let output = env.run(&[
        "on",
        "-y",
        "--json",
        "--role",
        "worker",
        "--function",
        "demo-*",
    ]);
    let report = output
        .code(4)
        .says("Error: 1 function of the worker role is not paused\n")
        .json();
    let failed = &report["roles"][0]["workers"]["failed"][0];
    assert_eq!(failed["function"], "demo-dev-a");
    assert!(
        failed["hint"]
            .as_str()
            .unwrap()
            .contains("lambda:PutFunctionConcurrency")
    );
}

#[test]
fn quiet_says_nothing_but_errors() {
    let env = TestEnv::files();
    env.run(&["on", "-y", "-q"]).exactly(0, "", "");
    env.run(&["status", "-q"]).exactly(0, "on\n", "");
    env.run(&["off", "--quiet"]).exactly(0, "", "");
    env.run(&["on", "-q"])
        .refuses(6, "not confirmed, so nothing was changed");
}

#[test]
fn status_says_who_and_why() {
    let env = TestEnv::files();
    env.run(&["on", "-y", "--reason", "a new database"]).code(0);
    let output = env.run(&["status"]).timeless();
    output.code(0).stdout("on\n");
    output.says("\nWeb maintenance is on since TIME by ana@laptop: a new database\n");
}

#[test]
fn no_secret_is_ever_printed() {
    let mut env = TestEnv::aws();
    env.set("AWS_SESSION_TOKEN", "sandbox-session-token");
    env.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    let secrets = [
        "sandbox-secret-key",
        "sandbox-session-token",
        "Signature=",
        "AWS4-HMAC",
    ];
    let worker = ["--role", "worker", "--function", "demo-*"];
    let commands: [&[&str]; 6] = [
        &["on", "-y", "-vv"],
        &["status", "-vv", "--json"],
        &["off", "-vv"],
        &["config", "-vv"],
        &["config", "--json"],
        &["on", "-vvv", "--json"],
    ];
    for arguments in commands {
        let output = env.run(&[arguments, &worker].concat());
        for secret in secrets {
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(!said.contains(secret), "{secret} in {output:#?}");
        }
    }
    // Nor when AWS refuses.
    env.sandbox()
        .inject(Fault::any_call().always().access_denied());
    let output = env.run(&["status", "-vv"]);
    for secret in secrets {
        assert!(!output.stderr.contains(secret), "{secret} in {output:#?}");
    }
    output.code(1);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let env = TestEnv::files();
    env.run(&["on", "-y"]).code(0);
    for (arguments, code) in [
        (&["status"][..], 0),
        (&["status", "--json"], 0),
        (&["status", "--exit-code"], 10),
        (&["config"], 0),
        (&["--help"], 0),
        (&["completions", "bash"], 0),
        (&["man"], 0),
    ] {
        let mut command = env.command(arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        command.stdout(writer).stderr(Stdio::piped());
        drop(reader);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(
            !said.contains("rror") && !said.contains("panic"),
            "{arguments:?}: {said}"
        );
    }
    // Nor is a closed stderr.
    let mut command = env.command(&["off", "-vv"]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stderr(writer);
    drop(reader);
    assert_eq!(command.status().unwrap().code(), Some(0));
    env.run(&["status"]).code(0).stdout("off\n");
}

#[test]
fn a_full_disk_is_an_error() {
    let env = TestEnv::files();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    // There is such a device on Linux alone.
    let Ok(full) = full else { return };
    let mut command = env.command(&["status"]);
    command.stdout(full).stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("Error: cannot write to standard output\n"),
        "{said}"
    );
}

#[test]
fn help_version_completions_and_pages_are_answers() {
    let env = TestEnv::bare();
    env.run(&["--version"]).exactly(
        0,
        concat!("maintenance ", env!("CARGO_PKG_VERSION"), "\n"),
        "",
    );
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["on", "--help"],
        &["man"],
        &["man", "off"],
    ] {
        let output = env.run(arguments);
        assert!(output.stdout.len() > 500, "{output:#?}");
        assert!(
            !output.stdout.contains('\u{1b}'),
            "no colours in a pipe: {output:#?}"
        );
        assert_eq!(output.code(0).stderr, "");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = env.run(&["completions", shell]);
        assert!(output.stdout.contains("maintenance"), "{shell}");
        assert_eq!(output.code(0).stderr, "");
    }
    env.run(&["man", "onn"])
        .refuses(2, "there is no command onn")
        .says("did you mean on?");
}

#[test]
fn short_help_is_one_screen_and_long_help_has_examples() {
    let mut env = TestEnv::bare();
    env.set("COLUMNS", "80");
    let whole = env.run(&["--help"]);
    let commands = whole.code(0).stdout.split_once("Commands:\n").unwrap().1;
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let commands = commands.map(|line| line.split_whitespace().next().unwrap());
    let commands: Vec<&str> = commands.filter(|command| *command != "help").collect();
    assert!(commands.len() > 10, "{commands:?}");
    let short = env.run(&["-h"]);
    for command in &commands {
        let lists = |line: &str| line.split([' ', ',']).any(|word| word == *command);
        assert!(short.stdout.lines().any(lists), "{command}: {short:#?}");
    }
    assert_eq!(short.code(0).stderr, "");
    for command in [""].iter().chain(&commands) {
        let arguments = |help| [*command, help].into_iter().filter(|it| !it.is_empty());
        let short = env.run(&arguments("-h").collect::<Vec<_>>());
        let lines: Vec<&str> = short.code(0).stdout.lines().collect();
        assert!(lines.len() <= 24, "{}: {} lines", short.typed, lines.len());
        let long = env.run(&arguments("--help").collect::<Vec<_>>());
        for line in lines.into_iter().chain(long.stdout.lines()) {
            assert!(line.chars().count() <= 80, "{}: {line}", short.typed);
        }
        let examples = long.code(0).stdout.split_once("\nExamples:\n");
        let examples = examples.unwrap_or_else(|| panic!("{long:#?}")).1;
        let examples = examples.lines().take_while(|line| !line.is_empty()).count();
        assert!((3..=5).contains(&examples), "{}: {examples}", long.typed);
        let helped = env.run(
            &["help"]
                .into_iter()
                .chain(arguments(""))
                .collect::<Vec<_>>(),
        );
        helped.code(0).stdout(&long.stdout);
    }
    for command in ["schedule", "token", "notify"] {
        let whole = env.run(&[command, "--help"]).stdout;
        let below = whole.split_once("Commands:\n").unwrap().1;
        let below = below.lines().take_while(|line| !line.is_empty());
        let below = below.map(|line| line.split_whitespace().next().unwrap());
        for below in below.filter(|below| *below != "help") {
            let long = env.run(&[command, below, "--help"]);
            let (usage, after) = long.code(0).stdout.split_once("\nExamples:\n").unwrap();
            let usage = usage.lines().find(|line| line.starts_with("Usage: "));
            assert!(usage.unwrap().contains(" [OPTIONS]"), "{long:#?}");
            let (examples, after) = after.split_once("\n\n").unwrap();
            assert!((3..=5).contains(&examples.lines().count()), "{long:#?}");
            assert_eq!(after, "Global options: see `maintenance --help`.\n");
        }
    }
    for help in [&["help", "--help"][..], &["help", "-h"]] {
        env.run(help).code(0).stdout(&whole.stdout);
    }
    let version = env.run(&["version"]);
    version.code(0).stdout(&env.run(&["--version"]).stdout);
}

#[test]
fn colours_are_for_terminals_alone() {
    let mut env = TestEnv::bare();
    env.set("TERM", "xterm-256color");
    let plain = env.run(&["status"]);
    assert!(!plain.refuses(2, "no app is set").stderr.contains('\u{1b}'));
    let coloured = env.at_terminal(&["status"]).wait();
    assert!(coloured.code(2).stderr.contains('\u{1b}'), "{coloured:#?}");
    env.set("NO_COLOR", "1");
    let plain = env.at_terminal(&["status"]).wait();
    assert!(!plain.refuses(2, "no app is set").stderr.contains('\u{1b}'));
}
