//! What visitors get: every option of `on`, how it is changed and taken away, and what is refused.

use maintenance_flag::{Flag, Mode};
use maintenance_tests::TestEnv;
use serde_json::{Value, json};

use crate::window::{WEB, ahead, flag, is_usage, passed, shown};

#[test]
fn every_option_is_said_stored_and_shown() {
    let env = TestEnv::aws();
    let until = ahead(90);
    let output = env.run(&[
        "on",
        "-y",
        "--read-only",
        "--message",
        "Back \"soon\".",
        "--until",
        &until.to_string(),
        "--auto-off",
        "--retry-after",
        "120",
        "--allow-ip",
        "192.0.2.7/24",
        "--allow-ip",
        "2001:DB8::1",
        "--allow-ip",
        "192.0.2.0/24",
        "--allow-path",
        "/health",
        "--allow-path",
        "/hooks/*",
    ]);
    let summary = "\x20 read-only: GET, HEAD and OPTIONS requests pass\n\
         \x20 message for visitors: Back \"soon\".\n\
         \x20 until TIME: then it turns off by itself\n\
         \x20 Retry-After: 120 s\n\
         \x20 allowed addresses: 192.0.2.0/24, 2001:db8::1\n\
         \x20 allowed paths: /health, /hooks/*\n";
    output.timeless().exactly(
        0,
        "",
        &format!(
            "Enabling web maintenance mode for demo-dev\nWeb maintenance has been turned on\n{summary}"
        ),
    );
    let stored = flag(&env);
    assert_eq!(stored.mode, Mode::ReadOnly);
    assert_eq!(stored.message.as_deref(), Some("Back \"soon\"."));
    assert_eq!((stored.until, stored.auto_off), (Some(until), true));
    assert_eq!(stored.retry_after, Some(120));

    // The word stays what scripts know; the rest is for people.
    env.run(&["status"]).timeless().exactly(
        0,
        "on\n",
        &format!(
            "Web maintenance status for demo-dev\n\
             Web maintenance is read-only since TIME by ana@laptop\n\
             \x20 safe to migrate after TIME\n\
             {summary}"
        ),
    );
    env.run(&["status", "--exit-code"]).code(10);
    let shown = shown(&env);
    assert_eq!(shown["maintenance"], "on");
    assert_eq!(shown["mode"], "read-only");
    assert_eq!(shown["message"], "Back \"soon\".");
    assert_eq!(shown["until"], until.to_string());
    assert_eq!(shown["auto_off"], true);
    assert_eq!(shown["retry_after"], 120);
    assert_eq!(
        shown["bypass"],
        json!({
            "token_until": null,
            "addresses": ["192.0.2.0/24", "2001:db8::1"],
            "paths": ["/health", "/hooks/*"],
        })
    );
}

#[test]
fn a_value_that_cannot_be_is_refused_before_anything_is_read() {
    let env = TestEnv::aws();
    let far = ahead(60 * 24 * 40).to_string();
    let past = passed().to_string();
    for (option, value, why) in [
        ("--until", "soon", "must be a time such as"),
        ("--until", "2026-11-22", "must be a time such as"),
        ("--until", &past, "must be in the future"),
        ("--until", &far, "must end within 30 days"),
        ("--for", "a while", "must be a length of time such as"),
        ("--for", "-5m", "must be longer than 0 s"),
        ("--for", "0s", "must be longer than 0 s"),
        ("--for", "31d", "must end within 30 days"),
        ("--retry-after", "0", "must be a whole number of seconds"),
        ("--retry-after", "-1", "must be a whole number of seconds"),
        ("--retry-after", "1.5", "must be a whole number of seconds"),
        ("--message", " ", "must not be empty"),
        ("--message", "two\nlines", "must be one line"),
        ("--allow-ip", "office", "is not an address or a range"),
        ("--allow-ip", "192.0.2.0/33", "is not an address or a range"),
        ("--allow-path", "health", "is not a path: "),
        ("--allow-path", "/a/../b", "is not a path: "),
        ("--allow-path", "/a*", "is not a path: "),
    ] {
        let output = env.run(&["on", "-y", option, value]);
        assert!(env.sandbox().calls().is_empty());
        output.code(2).stdout("").says(option).says(why);
    }
    let output = env.run(&["on", "-y", "--message", &"x".repeat(1025)]);
    assert!(env.sandbox().calls().is_empty());
    output
        .code(2)
        .says("must be at most 1024 bytes, and has 1025");
    // An empty one takes all away: beside another it is a slip.
    let output = env.run(&["on", "-y", "--allow-ip", "192.0.2.1", "--allow-ip", ""]);
    is_usage(&env, &output, "--allow-ip cannot be used");
    let output = env.run(&["on", "-y", "--until", "", "--auto-off"]);
    is_usage(&env, &output, "--auto-off needs a time at which to open");
    for pair in [
        ["--until=09:00", "--for=30m"],
        ["--auto-off", "--no-auto-off"],
        ["--bypass", "--no-bypass"],
    ] {
        let output = env.run(&["on", "-y", pair[0], pair[1]]);
        output.code(2).says("cannot be used with");
        assert!(env.sandbox().calls().is_empty());
    }
    assert!(!env.sandbox().parameters().contains_key(WEB));
}

#[test]
fn what_is_changed_while_it_is_on_is_named_and_the_rest_stays() {
    let env = TestEnv::aws();
    let until = ahead(90);
    let until = until.to_string();
    env.run(&["on", "-y", "--reason", "a new database", "--until", &until])
        .code(0);
    let before = flag(&env);
    // It needs neither --yes nor a terminal: it is on already.
    let output = env.run(&["on", "--message", "Back soon.", "--allow-path", "/health"]);
    output.timeless().exactly(
        0,
        "",
        "Web maintenance is on; options updated: message, paths\n\
             \x20 message for visitors: Back soon.\n\
             \x20 announced end TIME: it stays on until `maintenance off`\n\
             \x20 allowed paths: /health\n",
    );
    let after = flag(&env);
    env.run(&["on", "--reason", "a new database, again"])
        .code(0)
        .says("Web maintenance is on; options updated: reason\n");
    let reason = flag(&env).reason;
    assert_eq!(reason.as_deref(), Some("a new database, again"));
    let same = |flag: &Flag| {
        let flag = flag.clone();
        (flag.window, flag.owner, flag.reason, flag.since, flag.until)
    };
    assert_eq!(same(&after), same(&before));
    assert_eq!(after.drained_at, before.drained_at);

    // The same again changes nothing, and neither does nothing at all.
    let already = "Web maintenance is already on\n";
    let writes = env.sandbox().parameters()[WEB].version;
    env.run(&["on", "--message", "Back soon.", "--until", &until])
        .exactly(0, "", already);
    env.run(&["on"]).exactly(0, "", already);
    assert_eq!(env.sandbox().parameters()[WEB].version, writes);

    let report = env.run(&["on", "--json", "--retry-after", "30"]).json();
    let role = &report["roles"][0];
    assert_eq!(role["outcome"], "options_updated");
    assert_eq!(role["options"]["updated"], json!(["retry_after"]));
    assert_eq!(role["options"]["message"], "Back soon.");
    assert_eq!(role["options"]["retry_after"], 30);
}

#[test]
fn an_empty_value_takes_one_away() {
    let env = TestEnv::aws();
    env.run(&[
        "on",
        "-y",
        "--message",
        "Back soon.",
        "--for",
        "30m",
        "--auto-off",
        "--retry-after",
        "60",
        "--allow-ip",
        "192.0.2.1",
        "--allow-path",
        "/health",
    ])
    .code(0);
    // Without an end it could not open by itself.
    let output = env.run(&["on", "--for", ""]);
    output
        .refuses(2, "web maintenance was not changed")
        .says("\nCaused by: the window has no end ahead at which it could open by itself\n")
        .says(
            "\nHint: give it an end with --until or --for, or have it stay on with --no-auto-off\n",
        );
    assert!(flag(&env).auto_off);
    env.run(&["on", "--until", "", "--no-auto-off"]).exactly(
        0,
        "",
        "Web maintenance is on; options updated: until, auto-off\n\
             \x20 message for visitors: Back soon.\n\
             \x20 Retry-After: 60 s\n\
             \x20 allowed addresses: 192.0.2.1\n\
             \x20 allowed paths: /health\n",
    );
    env.run(&[
        "on",
        "--message",
        "",
        "--retry-after",
        "",
        "--allow-ip",
        "",
        "--allow-path",
        "",
    ])
    .exactly(
        0,
        "",
        "Web maintenance is on; options updated: message, retry-after, addresses, paths\n",
    );
    let shown = shown(&env);
    for key in ["message", "until", "retry_after"] {
        assert_eq!(shown[key], Value::Null, "{key}");
    }
    assert_eq!(
        shown["bypass"],
        json!({"token_until": null, "addresses": [], "paths": []})
    );
    env.run(&["status"]).timeless().exactly(
        0,
        "on\n",
        "Web maintenance status for demo-dev\n\
        Web maintenance is on since TIME by ana@laptop\n\
        \x20 safe to migrate after TIME\n",
    );
}

#[test]
fn the_question_says_what_visitors_will_get_and_says_it_once() {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.web]\nallow_path = [\"/health\"]\n",
    );
    let mut terminal = env.at_terminal(&["on", "--message", "Back soon."]);
    let question = "Will enable web maintenance mode for demo-dev\n\
                    \x20 message for visitors: Back soon.\n\
                    \x20 allowed paths: /health\n\
                    Are you sure? (y/N) ";
    terminal.expect(question);
    assert!(env.sandbox().writes().is_empty());
    terminal.type_in("y\n");
    terminal.wait().exactly(
        0,
        "",
        &format!(
            "{question}Enabling web maintenance mode for demo-dev\n\
             Web maintenance has been turned on\n"
        ),
    );
}

#[test]
fn a_plan_says_it_too_and_changes_nothing() {
    let env = TestEnv::aws();
    let plan = ["on", "--dry-run", "--read-only", "--allow-ip", "192.0.2.1"];
    env.run(&plan).exactly(
        0,
        "Would enable web maintenance mode for demo-dev\n\
         \x20 read-only: GET, HEAD and OPTIONS requests pass\n\
         \x20 allowed addresses: 192.0.2.1\n",
        "",
    );
    let json = env.run(&[&plan[..], &["--json"]].concat()).json();
    assert_eq!(json["roles"][0]["options"]["mode"], "read-only");
    assert!(env.sandbox().writes().is_empty());

    env.run(&["on", "-y"]).code(0);
    let before = flag(&env);
    env.run(&["on", "--dry-run", "--message", "Back soon."])
        .exactly(
            0,
            "Would update web maintenance mode for demo-dev: message\n\
             \x20 message for visitors: Back soon.\n",
            "",
        );
    env.run(&["on", "--dry-run"])
        .exactly(0, "Web maintenance is already on\n", "");
    assert_eq!(flag(&env), before);
}

#[test]
fn a_window_that_lets_everybody_pass_is_asked_about_and_warned_of() {
    let env = TestEnv::aws();
    let everybody = "Warning: 0.0.0.0/0 lets every IPv4 client pass\n";
    env.run(&["on", "-y", "--allow-ip", "0.0.0.0/0"])
        .code(0)
        .says(everybody);
    env.run(&["status"]).stdout("on\n").says(everybody);
    env.run(&["on", "--allow-ip", ""]).code(0);
    // It is on, so nothing else is asked: what opens the site is.
    for open in [
        ["--allow-path", "/*"],
        ["--allow-ip", "0.0.0.0/0"],
        ["--allow-ip", "::/0"],
    ] {
        let before = env.sandbox().writes().len();
        let [option, value] = open;
        env.run(&["on", option, value])
            .refuses(6, "not confirmed, so nothing was changed");
        let mut terminal = env.at_terminal(&["on", option, value]);
        terminal.expect(&format!("Warning: {value} lets every"));
        terminal.expect("Are you sure? (y/N) ");
        terminal.type_in("n\n");
        terminal.wait().code(6).says("Nothing was changed\n");
        assert_eq!(env.sandbox().writes().len(), before, "{open:?}");
    }
    env.run(&["on", "-y", "--allow-path", "/*"])
        .code(0)
        .says("Warning: /* lets every request pass\n");
    env.run(&["on", "--allow-path", "/hooks/*"]).code(0);
}
