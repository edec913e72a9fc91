//! Notifications: from the command, which they never change and never hold up for long.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use maintenance_tests::{Stub, TestEnv};
use serde_json::{Value, json};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs=";

/// What a receiver got, path and body, at any path but `/gone`.
#[derive(Clone, Default)]
struct Got(Arc<Mutex<Vec<(String, Value)>>>);

impl Got {
    fn serve(&self) -> Stub {
        let got = self.clone();
        Stub::serve(move |path, body| {
            let body = serde_json::from_str(body).expect("JSON");
            got.0.lock().unwrap().push((path.to_owned(), body));
            (path != "/gone").then(|| "ok".to_owned())
        })
    }

    fn all(&self) -> Vec<(String, Value)> {
        self.0.lock().unwrap().clone()
    }

    fn kinds(&self) -> Vec<String> {
        let kind = |(_, body): &(String, Value)| body["type"].as_str().unwrap_or("text").to_owned();
        self.all().iter().map(kind).collect()
    }
}

const FILE: &str =
    "[[notify]]\nname = \"team\"\nkind = \"webhook\"\nurl = \"${HOOK}\"\nsecret = \"${SECRET}\"\n";

#[test]
fn each_change_is_told_once_and_nothing_else_of_the_command_changes() {
    let got = Got::default();
    let stub = got.serve();
    let mut env = TestEnv::files();
    env.set("HOOK", &stub.url());
    env.set("SECRET", SECRET);
    env.write("maintenance.toml", FILE);
    let on = env.run(&["on", "--yes", "--reason", "upgrade", "--for", "1h"]);
    on.code(0).stdout("");
    let said: Vec<&str> = on.stderr.lines().collect();
    assert_eq!(
        said[..2],
        [
            "Enabling web maintenance mode for demo-dev",
            "Web maintenance has been turned on"
        ]
    );
    assert!(said[2].starts_with("  announced end ") && said.len() == 3);
    env.run(&["on", "--yes"]).code(0);
    env.run(&["off", "--dry-run"]).code(0);
    env.run(&["off"]).code(0).stdout("");
    env.run(&["off"]).code(0);
    assert_eq!(
        got.kinds(),
        ["maintenance.turned_on", "maintenance.turned_off"]
    );
    let data = &got.all()[0].1["data"];
    assert_eq!(data["app"], "demo-dev");
    assert_eq!(data["by"], "ana@laptop");
    assert_eq!(data["reason"], "upgrade");
    assert!(data["until"].is_string(), "{data}");
}

#[test]
fn a_window_to_come_is_told_until_it_is_cancelled() {
    let got = Got::default();
    let stub = got.serve();
    let mut env = TestEnv::files();
    env.set("HOOK", &stub.url());
    env.set("SECRET", SECRET);
    env.write("maintenance.toml", FILE);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let soon = soon.to_string();
    let at = ["--at", soon.as_str(), "--for", "2h"];
    env.run(&[&["on", "--all", "--yes"][..], &at].concat())
        .code(0);
    env.run(&[&["on", "--all", "--yes"][..], &at].concat())
        .code(0);
    let window = got.all()[0].1["data"]["apps"][0]["roles"][0]["window"].clone();
    let window = window.as_str().expect("a window");
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let later = later.to_string();
    env.run(&["schedule", "move", window, "--at", &later])
        .code(0);
    env.run(&["schedule", "cancel", window]).code(0);
    assert_eq!(
        got.kinds(),
        [
            "maintenance.scheduled",
            "maintenance.rescheduled",
            "maintenance.cancelled"
        ]
    );
    for (_, body) in got.all() {
        let roles = body["data"]["apps"][0]["roles"].as_array().unwrap();
        let windows: Vec<_> = roles.iter().map(|role| role["window"].clone()).collect();
        assert_eq!(windows, [json!(window), json!(window)]);
    }
}

#[test]
fn a_command_that_waits_tells_that_it_is_drained() {
    let got = Got::default();
    let stub = got.serve();
    let mut env = TestEnv::files();
    env.set("HOOK", &stub.url());
    env.set("SECRET", SECRET);
    env.write(
        "maintenance.toml",
        &format!("{FILE}[roles.web]\ntimeout = 0\nttl = 0\n"),
    );
    env.run(&["on", "--yes", "--wait"]).code(0);
    assert_eq!(
        got.kinds(),
        ["maintenance.turned_on", "maintenance.drained"]
    );
}

#[test]
fn what_cannot_be_delivered_is_said_and_no_reason_to_fail() {
    let got = Got::default();
    let stub = got.serve();
    let mut env = TestEnv::files();
    env.set("GONE", &format!("{}/gone", stub.url()));
    env.set("SECRET", SECRET);
    env.write(
        "maintenance.toml",
        "[[notify]]\nkind = \"slack\"\nurl = \"${GONE}\"\n\
         [[notify]]\nname = \"team\"\nkind = \"webhook\"\nurl = \"${NOWHERE}\"\nsecret = \"${SECRET}\"\n\
         [[notify]]\nname = \"off\"\nkind = \"slack\"\nurl = \"${NOWHERE}\"\non = [\"turned_off\"]\n\
         [[notify]]\nname = \"metadata\"\nkind = \"webhook\"\nurl = \"http://169.254.169.254/latest\"\n\
         secret = \"${SECRET}\"\n",
    );
    let on = env.run(&["on", "--yes", "--json"]);
    on.code(0)
        .says("Warning: team was not notified: NOWHERE is not set\n")
        .says("was not notified of turned_on: it answered 404 Not Found\n")
        .says("Warning: metadata (169.254.169.254) was not notified of turned_on: 169.254.169.254 is a link-local");
    assert!(
        !on.stderr.contains("off was") && !on.stderr.contains("/gone"),
        "{on:?}"
    );
    assert_eq!(on.json()["roles"][0]["outcome"], "turned_on");
    assert_eq!(got.kinds(), ["text"]);
    // An error is said before anything is waited for.
    env.write("blocked", "a file where the folder should be");
    env.set("MAINTENANCE_STORE", "file:blocked");
    let failed = env.run(&["on", "--yes", "--role", "worker"]);
    let first = failed.stderr.lines().next().unwrap();
    assert!(first.starts_with("Error: "), "{failed:?}");
}

#[test]
fn a_receiver_that_hangs_holds_the_command_up_for_five_seconds_at_most() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut env = TestEnv::files();
    let address = silent.local_addr().unwrap();
    env.set("HOOK", &format!("http://{address}/?token=s3cret"));
    env.set("SECRET", SECRET);
    env.write("maintenance.toml", FILE);
    let before = Instant::now();
    let on = env.run(&["on", "--yes"]);
    // And a little for all else, where much runs at once.
    assert!(before.elapsed() < Duration::from_secs(15));
    let warning =
        format!("Warning: team ({address}) was not notified of turned_on: no answer yet\n");
    on.code(0)
        .says("Web maintenance has been turned on\n")
        .says(&warning);
    assert!(!on.stderr.contains("s3cret"), "{on:?}");
}

#[test]
fn a_test_reaches_every_receiver_or_says_which_it_does_not() {
    let got = Got::default();
    let stub = got.serve();
    let mut env = TestEnv::files();
    env.run(&["notify", "test"])
        .refuses(2, "no notification receivers are configured");
    env.set("HOOK", &stub.url());
    env.set("SECRET", SECRET);
    let slack = "[[notify]]\nkind = \"slack\"\nurl = \"${SLACK}\"\non = [\"failed\"]\n";
    env.write("maintenance.toml", &format!("{FILE}{slack}"));
    let partly = env.run(&["notify", "test", "--json"]);
    partly.code(1).says("Caused by: slack: SLACK is not set\n");
    assert_eq!(
        partly.json(),
        json!({"delivered": 1, "failed": [{"receiver": "slack", "reason": "SLACK is not set"}]})
    );
    env.set("SLACK", &format!("{}/slack", stub.url()));
    env.run(&["notify", "test"])
        .code(0)
        .stdout("2 of 2 delivered\n");
    let mut kinds = got.kinds();
    kinds.sort();
    assert_eq!(kinds, ["maintenance.test", "maintenance.test", "text"]);
}

#[test]
fn the_configuration_is_shown_without_secrets() {
    let mut env = TestEnv::files();
    env.set("SECRET", SECRET);
    env.write(
        "maintenance.toml",
        "[[notify]]\nkind = \"webhook\"\nurl = \"https://me:s3cret@hooks.test/x?token=s3cret\"\n\
         secret = \"${SECRET}\"\n[[notify]]\nkind = \"slack\"\nurl = \"${SLACK}\"\n",
    );
    let shown = env.run(&["config"]);
    shown.code(0);
    for line in [
        "notify.0.url ",
        "https://hooks.test/x?***",
        "notify.0.secret ",
        "${SECRET}",
        "notify.1.disabled ",
        "SLACK is not set",
    ] {
        assert!(shown.stdout.contains(line), "{line}: {shown:?}");
    }
    assert!(
        !shown.stdout.contains("s3cret") && !shown.stdout.contains("whsec_"),
        "{shown:?}"
    );
}
