//! What visitors get: every option of `on`, how it is changed and taken away, and what is refused.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use maintenance_flag::{Flag, Mode};
use maintenance_sandbox::FunctionSpec;
use maintenance_tests::{Ran, Scene};
use serde_json::{Value, json};

const WEB: &str = "/maintenance/demo-dev/flags/web";

fn flag(scene: &Scene) -> Flag {
    Flag::decode(&scene.sandbox().parameters()[WEB].value).expect("a flag")
}

/// What `status` shows of the web role.
fn shown(scene: &Scene) -> Value {
    scene.run(&["status", "--json"]).json()["roles"][0].take()
}

/// A whole second, so long from now.
fn ahead(minutes: i64) -> Timestamp {
    let now = Timestamp::now() + SignedDuration::from_mins(minutes);
    Timestamp::from_second(now.as_second()).expect("a time")
}

fn passed() -> Timestamp {
    ahead(-60)
}

#[test]
fn every_option_is_said_stored_and_shown() {
    let scene = Scene::aws();
    let until = ahead(90);
    let ran = scene.run(&[
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
    let terms = format!(
        "\x20 read-only: GET, HEAD and OPTIONS pass\n\
         \x20 visitors are told: Back \"soon\".\n\
         \x20 until {until}: then it opens by itself\n\
         \x20 Retry-After: 120 s\n\
         \x20 passes: 192.0.2.0/24, 2001:db8::1\n\
         \x20 passes: /health, /hooks/*\n"
    );
    ran.exactly(
        0,
        "",
        &format!(
            "Enabling web maintenance mode for demo-dev\nWeb maintenance has been turned on\n{terms}"
        ),
    );
    let stored = flag(&scene);
    assert_eq!(stored.mode, Mode::ReadOnly);
    assert_eq!(stored.message.as_deref(), Some("Back \"soon\"."));
    assert_eq!((stored.until, stored.auto_off), (Some(until), true));
    assert_eq!(stored.retry_after, Some(120));

    // The word stays what scripts know; the rest is for people.
    scene.run(&["status"]).exactly(
        0,
        "on\n",
        &format!("Web maintenance status for demo-dev\nWeb maintenance is read-only\n{terms}"),
    );
    scene.run(&["status", "--exit-code"]).code(10);
    let ran = scene.run(&["status", "-v"]);
    ran.code(0)
        .says("Web maintenance is read-only since 20")
        .says(&terms);
    let shown = shown(&scene);
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

/// It is refused with exit 2 in three parts, and not even a read was sent.
#[track_caller]
fn is_usage<'a>(scene: &Scene, ran: &'a Ran, message: &str) -> &'a Ran {
    assert!(scene.sandbox().calls().is_empty(), "{ran:#?}");
    assert!(ran.stderr.contains("\nCaused by: "), "no cause: {ran:#?}");
    ran.refuses(2, message)
}

#[test]
fn a_value_that_cannot_be_is_refused_before_anything_is_read() {
    let scene = Scene::aws();
    let far = ahead(60 * 24 * 40).to_string();
    let past = passed().to_string();
    for (option, value, why) in [
        ("--until", "soon", "must be a time such as"),
        ("--until", "2026-11-22", "must be a time such as"),
        ("--until", &past, "must be in the future"),
        ("--until", &far, "must end within 30 days"),
        ("--for", "a while", "must be a length of time such as"),
        ("--for", "-5m", "must be in the future"),
        ("--for", "0s", "must be in the future"),
        ("--for", "31d", "must end within 30 days"),
        ("--retry-after", "0", "must be a whole number of seconds"),
        ("--retry-after", "-1", "must be a whole number of seconds"),
        ("--retry-after", "1.5", "must be a whole number of seconds"),
        ("--message", " ", "must not be empty"),
        ("--message", "two\nlines", "must be one line"),
        ("--allow-ip", "office", "must be an address or a range"),
        (
            "--allow-ip",
            "192.0.2.0/33",
            "must be an address or a range",
        ),
        ("--allow-path", "health", "must be a path such as"),
        ("--allow-path", "/a/../b", "must be a path such as"),
        ("--allow-path", "/a*", "must be a path such as"),
    ] {
        let ran = scene.run(&["on", "-y", option, value]);
        let message = format!("{option} {value:?} is not valid");
        is_usage(&scene, &ran, &message).says(&format!("\nCaused by: it {why}"));
    }
    let ran = scene.run(&["on", "-y", "--message", &"x".repeat(1025)]);
    assert!(scene.sandbox().calls().is_empty());
    ran.code(2).says("must be at most 1024 bytes, and not 1025");
    // An empty one takes all away: beside another it is a slip.
    let ran = scene.run(&["on", "-y", "--allow-ip", "192.0.2.1", "--allow-ip", ""]);
    is_usage(&scene, &ran, "--allow-ip \"\" is not valid");
    let ran = scene.run(&["on", "-y", "--until", "", "--auto-off"]);
    is_usage(
        &scene,
        &ran,
        "--auto-off needs a time at which to open by itself",
    );
    for pair in [
        ["--until=09:00", "--for=30m"],
        ["--auto-off", "--no-auto-off"],
        ["--bypass", "--no-bypass"],
    ] {
        let ran = scene.run(&["on", "-y", pair[0], pair[1]]);
        ran.code(2).says("cannot be used with");
        assert!(scene.sandbox().calls().is_empty());
    }
    assert!(!scene.sandbox().parameters().contains_key(WEB));
}

#[test]
fn what_is_changed_while_it_is_on_is_named_and_the_rest_stays() {
    let scene = Scene::aws();
    let until = ahead(90);
    let until = until.to_string();
    scene
        .run(&["on", "-y", "--reason", "a new database", "--until", &until])
        .code(0);
    let before = flag(&scene);
    // It needs neither --yes nor a terminal: it is on already.
    let ran = scene.run(&["on", "--message", "Back soon.", "--allow-path", "/health"]);
    ran.exactly(
        0,
        "",
        &format!(
            "Web maintenance is on; options updated: message, paths\n\
             \x20 visitors are told: Back soon.\n\
             \x20 until {until}, as visitors are told: it stays on until `maintenance off`\n\
             \x20 passes: /health\n"
        ),
    );
    let after = flag(&scene);
    let same = |flag: &Flag| {
        let flag = flag.clone();
        (flag.window, flag.owner, flag.reason, flag.since, flag.until)
    };
    assert_eq!(same(&after), same(&before));
    assert_eq!(after.drained_at, before.drained_at);

    // The same again changes nothing, and neither does nothing at all.
    let already = "Web maintenance is already on\n";
    let writes = scene.sandbox().parameters()[WEB].version;
    scene
        .run(&["on", "--message", "Back soon.", "--until", &until])
        .exactly(0, "", already);
    scene.run(&["on"]).exactly(0, "", already);
    assert_eq!(scene.sandbox().parameters()[WEB].version, writes);

    let report = scene.run(&["on", "--json", "--retry-after", "30"]).json();
    let role = &report["roles"][0];
    assert_eq!(role["outcome"], "options_updated");
    assert_eq!(role["options"]["updated"], json!(["retry_after"]));
    assert_eq!(role["options"]["message"], "Back soon.");
    assert_eq!(role["options"]["retry_after"], 30);
}

#[test]
fn an_empty_value_takes_one_away() {
    let scene = Scene::aws();
    scene
        .run(&[
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
    let ran = scene.run(&["on", "--for", ""]);
    ran.refuses(2, "web maintenance was not changed")
        .says("\nCaused by: the window has no end ahead at which it could open by itself\n")
        .says(
            "\nHint: give it an end with --until or --for, or have it stay on with --no-auto-off\n",
        );
    assert!(flag(&scene).auto_off);
    scene.run(&["on", "--until", "", "--no-auto-off"]).exactly(
        0,
        "",
        "Web maintenance is on; options updated: until, auto-off\n\
             \x20 visitors are told: Back soon.\n\
             \x20 Retry-After: 60 s\n\
             \x20 passes: 192.0.2.1\n\
             \x20 passes: /health\n",
    );
    scene
        .run(&[
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
    let shown = shown(&scene);
    for key in ["message", "until", "retry_after"] {
        assert_eq!(shown[key], Value::Null, "{key}");
    }
    assert_eq!(
        shown["bypass"],
        json!({"token_until": null, "addresses": [], "paths": []})
    );
    scene
        .run(&["status"])
        .exactly(0, "on\n", "Web maintenance status for demo-dev\n");
}

#[test]
fn a_length_is_counted_from_now_and_a_local_time_is_the_machines() {
    let mut scene = Scene::aws();
    let before = Timestamp::now();
    scene.run(&["on", "-y", "--for", "1h 30m"]).code(0);
    let until = flag(&scene).until.expect("an end");
    let hour_and_a_half = SignedDuration::from_mins(90);
    assert!(until >= before + hour_and_a_half, "{until}");
    let latest = Timestamp::now() + hour_and_a_half + SignedDuration::from_secs(1);
    assert!(until <= latest, "{until}");
    // Two hours ahead of UTC, all the year.
    scene.set("TZ", "XXX-2");
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(2));
    let tomorrow = Timestamp::now()
        .to_zoned(zone)
        .checked_add(1.day())
        .and_then(|day| {
            day.with()
                .hour(9)
                .minute(30)
                .second(0)
                .subsec_nanosecond(0)
                .build()
        })
        .expect("a time");
    let typed = tomorrow.strftime("%Y-%m-%d %H:%M").to_string();
    scene.run(&["on", "--until", &typed]).code(0);
    assert_eq!(flag(&scene).until, Some(tomorrow.timestamp()));
    // The next half past nine there is.
    scene.run(&["on", "--until", "9:30"]).code(0);
    let next = flag(&scene).until.expect("an end");
    let day = SignedDuration::from_hours(24);
    let today = tomorrow.timestamp() - day;
    assert!(next == today || next == today + day, "{next}");
    assert!(next + SignedDuration::from_mins(1) > Timestamp::now());
}

#[test]
fn a_plain_on_closes_a_read_only_role_wholly_and_asks_first() {
    let scene = Scene::aws();
    scene.run(&["on", "-y", "--read-only"]).code(0);
    let old = "\"drained_at\":\"2026-01-01T00:00:00Z\"";
    let stored = scene.sandbox().parameters()[WEB].value.clone();
    let at = stored.find("\"drained_at\"").expect("it is noted");
    let stored = format!("{}{old}}}", &stored[..at]);
    scene.sandbox().set_parameter(WEB, &stored);
    // What writes has ended long ago, and a message begins nothing.
    let again = ["on", "--read-only", "--message", "x"];
    scene.run(&again).code(0).says("options updated: message\n");
    let noted = flag(&scene).drained_at.expect("it is noted");
    assert_eq!(noted.to_string(), "2026-01-01T00:00:00Z");

    scene
        .run(&["on"])
        .refuses(6, "not confirmed, so nothing was changed");
    assert_eq!(flag(&scene).mode, Mode::ReadOnly);
    let mut terminal = scene.at_terminal(&["on"]);
    terminal.expect(
        "Will turn web maintenance mode from read-only to on for demo-dev\n\
         \x20 visitors are told: x\n\
         Are you sure? (y/N) ",
    );
    terminal.type_in("y\n");
    terminal
        .wait()
        .code(0)
        .says("(y/N) Web maintenance is on; options updated: mode (on)\n");
    let tightened = flag(&scene);
    assert_eq!(tightened.mode, Mode::On);
    assert!(tightened.drained_at > Some(Timestamp::now()));
    // And the other way.
    scene.run(&["on", "--read-only"]).code(6);
    scene
        .run(&["on", "--read-only", "-y"])
        .code(0)
        .says("options updated: mode (read-only)\n  read-only: ");
}

#[test]
fn the_question_says_what_visitors_will_get_and_says_it_once() {
    let scene = Scene::aws();
    scene.write(
        "maintenance.toml",
        "[roles.web]\nallow_path = [\"/health\"]\n",
    );
    let mut terminal = scene.at_terminal(&["on", "--message", "Back soon."]);
    let question = "Will enable web maintenance mode for demo-dev\n\
                    \x20 visitors are told: Back soon.\n\
                    \x20 passes: /health\n\
                    Are you sure? (y/N) ";
    terminal.expect(question);
    assert!(scene.sandbox().writes().is_empty());
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
    let scene = Scene::aws();
    let plan = ["on", "--dry-run", "--read-only", "--allow-ip", "192.0.2.1"];
    scene.run(&plan).exactly(
        0,
        "Would enable web maintenance mode for demo-dev\n\
         \x20 read-only: GET, HEAD and OPTIONS pass\n\
         \x20 passes: 192.0.2.1\n",
        "",
    );
    let json = scene.run(&[&plan[..], &["--json"]].concat()).json();
    assert_eq!(json["roles"][0]["options"]["mode"], "read-only");
    assert!(scene.sandbox().writes().is_empty());

    scene.run(&["on", "-y"]).code(0);
    let before = flag(&scene);
    scene
        .run(&["on", "--dry-run", "--message", "Back soon."])
        .exactly(
            0,
            "Would update web maintenance mode for demo-dev: message\n\
             \x20 visitors are told: Back soon.\n",
            "",
        );
    scene
        .run(&["on", "--dry-run"])
        .exactly(0, "Web maintenance is already on\n", "");
    assert_eq!(flag(&scene), before);
}

#[test]
fn functions_are_neither_read_only_nor_given_back_by_a_clock() {
    let scene = Scene::aws();
    scene.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    scene.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    for (option, why) in [
        ("--read-only", "cannot go on reading"),
        ("--auto-off", "nobody would give them back what they had"),
    ] {
        let message = format!("{option} cannot be used for the worker role");
        let ran = scene.run(&["on", "-y", "--role", "worker", option, "--for", "1h"]);
        is_usage(&scene, &ran, &message)
            .says(why)
            .says(&format!("`maintenance on --role web {option}`"));
        let ran = scene.run(&["on", "-y", "--all", option, "--for", "1h"]);
        is_usage(&scene, &ran, &message).says(why).says(&format!(
            "`maintenance on --role web {option}`, then `maintenance on --role worker`"
        ));
    }
    // A time alone is a promise to visitors, and a role of handlers may have both.
    let all = ["on", "-y", "--all", "--for", "1h", "--accept-event-loss"];
    scene.run(&all).code(0);
    scene.run(&["off", "--all"]).code(0);
    let web = ["on", "-y", "--for", "1h", "--auto-off", "--read-only"];
    scene.run(&web).code(0);
    // With no functions anywhere, --all may too.
    let scene = Scene::files();
    scene
        .run(&[
            "on",
            "-y",
            "--all",
            "--read-only",
            "--for",
            "1h",
            "--auto-off",
        ])
        .code(0);
}

#[test]
fn a_role_that_shall_open_by_itself_needs_an_end() {
    let scene = Scene::aws();
    let refused = "web maintenance was not changed";
    scene.run(&["on", "-y", "--auto-off"]).refuses(2, refused);
    assert!(!scene.sandbox().parameters().contains_key(WEB));
    let until = ahead(60).to_string();
    scene.run(&["on", "-y", "--until", &until]).code(0);
    // The end that it has will do.
    scene
        .run(&["on", "--auto-off"])
        .code(0)
        .says("options updated: auto-off\n")
        .says(&format!("until {until}: then it opens by itself\n"));
}

#[test]
fn a_window_whose_end_has_come_is_off_and_says_so() {
    let scene = Scene::aws();
    let end = passed();
    let over = json!({
        "schema": 1, "mode": "on", "window": "20261121T080000Z-00000001",
        "owner": {"kind": "observer", "name": "healthcheck"}, "by": "healthcheck",
        "message": "Back soon.", "since": "2026-01-01T00:00:00Z",
        "until": end.to_string(), "auto_off": true,
    });
    scene.sandbox().set_parameter(WEB, &over.to_string());
    let says = format!(
        "Web maintenance status for demo-dev\n\
         Web maintenance has ended: it opened by itself at {end}\n"
    );
    scene.run(&["status"]).exactly(0, "off\n", &says);
    scene
        .run(&["status", "--exit-code"])
        .exactly(0, "off\n", &says);
    assert_eq!(
        scene.run(&["status", "--json"]).json(),
        json!({"app": "demo-dev", "roles": [{"role": "web", "maintenance": "off"}]})
    );
    // It is nobody's any more: off writes off, and on opens a window of its own.
    scene.run(&["off"]).exactly(
        0,
        "",
        "Disabling web maintenance mode for demo-dev\nWeb maintenance has been turned off\n",
    );
    assert_eq!(flag(&scene).mode, Mode::Off);
    scene.sandbox().set_parameter(WEB, &over.to_string());
    scene.run(&["on"]).code(6);
    scene
        .run(&["on", "-y"])
        .code(0)
        .says("Web maintenance has been turned on\n");
    let opened = flag(&scene);
    assert_eq!((opened.message, opened.until), (None, None));
}

#[test]
fn a_promise_that_has_passed_opens_nothing_and_is_shown() {
    let scene = Scene::aws();
    let end = passed();
    let promised = json!({"schema": 1, "mode": "on", "until": end.to_string()});
    scene.sandbox().set_parameter(WEB, &promised.to_string());
    scene.run(&["status"]).exactly(
        0,
        "on\n",
        &format!(
            "Web maintenance status for demo-dev\n\
             Web maintenance is on\n\
             \x20 visitors were told {end}, which has passed: it stays on until `maintenance off`\n"
        ),
    );
    // To open by itself at a time that has passed would be to open at once.
    scene
        .run(&["on", "--auto-off"])
        .refuses(2, "web maintenance was not changed");
    scene.run(&["status"]).stdout("on\n");
}

#[test]
fn when_an_observers_window_ends_is_not_for_others_to_change() {
    let scene = Scene::aws();
    scene
        .run(&["on", "-y", "--observer", "healthcheck"])
        .code(0);
    let before = flag(&scene);
    scene
        .run(&["on", "--for", "5m", "--auto-off"])
        .refuses(3, "web maintenance was not changed")
        .says("\nCaused by: the window is held by the observer healthcheck\n");
    assert_eq!(flag(&scene), before);
    scene
        .run(&["on", "--message", "Back soon."])
        .code(0)
        .says("options updated: message\n");
    assert_eq!(flag(&scene).owner, before.owner);
    scene
        .run(&[
            "on",
            "--for",
            "5m",
            "--auto-off",
            "--observer",
            "healthcheck",
        ])
        .code(0)
        .says("options updated: until, auto-off\n");
}

#[test]
fn whoever_lets_everybody_pass_is_warned() {
    let scene = Scene::aws();
    let everybody = "Warning: 0.0.0.0/0 lets everybody pass who has such an address\n";
    scene
        .run(&["on", "-y", "--allow-ip", "0.0.0.0/0"])
        .code(0)
        .says(everybody);
    scene.run(&["status"]).stdout("on\n").says(everybody);
    scene
        .run(&["on", "--allow-ip", "", "--allow-path", "/*"])
        .code(0)
        .says("Warning: /* lets everything pass\n");
}

#[test]
fn the_configuration_file_says_what_a_window_has_when_it_opens() {
    let scene = Scene::aws();
    scene.write(
        "maintenance.toml",
        "[roles.web]\n\
         message = \"Back soon.\"\n\
         allow_ip = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n\
         allow_path = [\"/health\", \"/hooks/*\"]\n\
         url = \"https://example.com\"\n",
    );
    let config = scene.run(&["config", "--json"]).json();
    let setting = |key: &str| config["settings"][format!("roles.web.{key}")].clone();
    let file = scene.folder().join("maintenance.toml");
    assert_eq!(setting("message")["value"], "Back soon.");
    assert_eq!(
        setting("allow_ip")["value"],
        json!(["192.0.2.0/24", "2001:db8::/32"])
    );
    assert_eq!(
        setting("allow_path")["value"],
        json!(["/health", "/hooks/*"])
    );
    assert_eq!(setting("url")["value"], "https://example.com/");
    assert_eq!(
        setting("allow_path")["source"],
        json!({"kind": "file", "at": format!("{}:4", file.display())})
    );
    scene.run(&["config"]).code(0).says("");
    let text = scene.run(&["config"]).stdout;
    assert!(text.contains("192.0.2.0/24, 2001:db8::/32"), "{text}");

    // An option stands for the file's list, and does not add to it.
    scene
        .run(&["on", "-y", "--allow-ip", "198.51.100.1"])
        .code(0);
    let has = shown(&scene);
    assert_eq!(has["message"], "Back soon.");
    assert_eq!(has["bypass"]["addresses"], json!(["198.51.100.1"]));
    assert_eq!(has["bypass"]["paths"], json!(["/health", "/hooks/*"]));
    // The window keeps what it has.
    scene
        .run(&["on"])
        .exactly(0, "", "Web maintenance is already on\n");
    scene.run(&["on", "--message", ""]).code(0);
    scene
        .run(&["on"])
        .exactly(0, "", "Web maintenance is already on\n");
    assert_eq!(shown(&scene)["message"], Value::Null);
    scene.run(&["off"]).code(0);
    scene.run(&["on", "-y", "--allow-path", ""]).code(0);
    let has = shown(&scene);
    assert_eq!(
        has["bypass"],
        json!({
            "token_until": null,
            "addresses": ["192.0.2.0/24", "2001:db8::/32"],
            "paths": [],
        })
    );
    // The worker role has none of it.
    scene.run(&["on", "-y", "--role", "worker"]).code(0);
    let worker = scene.run(&["status", "--role", "worker", "--json"]).json();
    assert_eq!(worker["roles"][0]["message"], Value::Null);
}

#[test]
fn beside_when_it_is_safe_to_migrate_it_says_what_goes_on() {
    let scene = Scene::aws();
    scene.write("maintenance.toml", "[roles.web]\ntimeout = 30\n");
    let goes_on = "goes on meanwhile: migrate only what it can live with\n";
    scene
        .run(&["on", "-y", "--read-only"])
        .code(0)
        .says("\nSafe to migrate from ")
        .says(&format!("\nReading {goes_on}"));
    scene
        .run(&["on", "-y", "--allow-path", "/hooks/*"])
        .code(0)
        .says(&format!("\nWhat may pass {goes_on}"));
    let plain = scene.run(&["on", "--allow-path", ""]);
    plain.code(0).says("\nSafe to migrate from ");
    assert!(!plain.stderr.contains("goes on"), "{plain:?}");
}

#[test]
fn a_bad_line_of_the_file_is_named() {
    let scene = Scene::aws();
    for (line, why) in [
        ("allow_ip = [\"office\"]", "must be an address or a range"),
        ("allow_ip = \"192.0.2.1\"", "must be a list of texts"),
        ("allow_path = [\"health\"]", "must be a path such as"),
        ("message = \"\"", "must not be empty"),
        (
            "url = \"example.com\"",
            "must begin with https:// or http://",
        ),
        ("url = \"https://example.com/?a=b\"", "must have no query"),
        ("allow_ips = []", "there is no key \"roles.web.allow_ips\""),
    ] {
        scene.write("maintenance.toml", &format!("[roles.web]\n{line}\n"));
        let ran = scene.run(&["on", "-y"]);
        ran.code(2)
            .says("Error: cannot use the configuration file ")
            .says("\nCaused by: line 2: ")
            .says(why);
        assert!(scene.sandbox().calls().is_empty(), "{line}");
    }
}
