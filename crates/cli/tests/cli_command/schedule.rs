//! `on --at`, `schedule` and what `status` says of what comes: black box, the times far ahead.

use jiff::{SignedDuration, Timestamp};
use maintenance_flag::{Flag, Mode};
use maintenance_sandbox::FunctionSpec;
use maintenance_tests::TestEnv;

use crate::window::ahead;

/// The flag of web in the folder of the tests.
const WEB_FILE: &str = "store/maintenance/demo-dev/flags/web";

/// Two hours of a day that is always to come: tomorrow.
fn tomorrow(hour: i64) -> Timestamp {
    let hours = Timestamp::now().as_second() / 3_600 / 24 * 24 + 24 + hour;
    Timestamp::from_second(hours * 3_600).unwrap()
}

fn typed(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn schedule(env: &TestEnv, hour: i64, more: &[&str]) -> String {
    let at = typed(tomorrow(hour));
    let arguments = ["on", "-y", "--at", &at, "--for", "2h", "--json"];
    let output = env.run(&[&arguments[..], more].concat());
    let document = output.code(0).json();
    document["roles"][0]["window"]["window"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn listed(env: &TestEnv) -> Vec<serde_json::Value> {
    let document = env.run(&["schedule", "--json"]).code(0).json();
    document["windows"].as_array().unwrap().clone()
}

#[test]
fn a_window_is_scheduled_listed_moved_and_cancelled() {
    let env = TestEnv::files();
    let at = typed(tomorrow(22));
    let arguments = [
        "on",
        "-y",
        "--at",
        &at,
        "--for",
        "2h",
        "--reason",
        "a move",
        "--message",
        "Back at midnight.",
    ];
    let output = env.run(&arguments).timeless();
    let stderr = output.stderr.clone();
    assert!(
        stderr.starts_with("Web maintenance is scheduled from TIME until TIME\nTo undo it: `maintenance schedule cancel "),
        "{stderr}"
    );
    output.code(0).stdout("");
    // It is off, and says what comes.
    env.run(&["status"]).timeless().exactly(
        0,
        "off\n",
        "Web maintenance status for demo-dev\n\
         Web maintenance is scheduled from TIME until TIME by ana@laptop: a move\n",
    );
    let status = env.run(&["status", "--json"]).code(0).json();
    let next = &status["roles"][0]["scheduled"][0];
    assert_eq!(next["starts_at"], tomorrow(22).to_string());
    assert_eq!(next["until"], tomorrow(24).to_string());
    let window = next["window"].as_str().unwrap().to_owned();

    let list = env.run(&["schedule"]);
    let lines: Vec<&str> = list.code(0).stdout.lines().collect();
    assert!(lines[0].starts_with("WINDOW "), "{lines:?}");
    let cells: Vec<&str> = lines[1].split_whitespace().collect();
    let starts = tomorrow(22).strftime("%Y-%m-%dT22:00:00+00:00").to_string();
    assert_eq!(cells[..3], [&window, &starts, "2h"]);
    assert_eq!(cells[4..], ["web", "ana@laptop", "-", "a", "move"]);

    // As long as before.
    let later = typed(tomorrow(20));
    env.run(&["schedule", "move", &window, "--at", &later])
        .timeless()
        .exactly(
            0,
            "",
            "Web maintenance has been moved from TIME to TIME, until TIME\n",
        );
    assert_eq!(listed(&env)[0]["until"], tomorrow(22).to_string());
    let longer = ["schedule", "move", &window, "--at", &later, "--for", "3h"];
    env.run(&[&longer[..], &["--dry-run"]].concat())
        .timeless()
        .exactly(
            0,
            "Would end web maintenance mode for demo-dev at TIME, not TIME; it starts at TIME\n",
            "",
        );
    env.run(&longer).timeless().exactly(
        0,
        "",
        "Web maintenance now ends at TIME, not TIME; it starts at TIME\n",
    );
    assert_eq!(listed(&env)[0]["until"], tomorrow(23).to_string());
    env.run(&["schedule", "cancel", &window, "--dry-run"])
        .timeless()
        .exactly(
            0,
            "Would cancel web maintenance mode for demo-dev (scheduled from TIME until TIME)\n",
            "",
        );
    env.run(&["schedule", "cancel", &window])
        .timeless()
        .exactly(
            0,
            "",
            "Web maintenance has been cancelled (scheduled from TIME until TIME)\n",
        );
    env.run(&["schedule"])
        .exactly(0, "", "No maintenance is scheduled\n");
    assert!(listed(&env).is_empty());
    let again = env.run(&["schedule", "cancel", &window]);
    again
        .code(2)
        .says(&format!("no window {window} is scheduled"));
}

#[test]
fn all_roles_get_one_window_and_are_one_line() {
    let env = TestEnv::files();
    let window = schedule(&env, 22, &["--all"]);
    let windows = listed(&env);
    assert_eq!(windows.len(), 1);
    assert_eq!(windows[0]["window"], window);
    assert_eq!(windows[0]["roles"], serde_json::json!(["web", "worker"]));
    // One of them alone can be moved, and cancelled.
    env.run(&["schedule", "cancel", &window, "--role", "worker"])
        .code(0);
    assert_eq!(listed(&env)[0]["roles"], serde_json::json!(["web"]));
}

#[test]
fn windows_that_overlap_are_refused_and_the_other_is_named() {
    let env = TestEnv::files();
    let window = schedule(&env, 10, &[]);
    let at = typed(tomorrow(11));
    let output = env.run(&["on", "-y", "--at", &at, "--for", "30m"]);
    let from = tomorrow(10)
        .strftime(" (%Y-%m-%d %H:%M:%S UTC (")
        .to_string();
    output
        .code(3)
        .says(&window)
        .says(&from)
        .says("`maintenance schedule` lists");
    let at = typed(tomorrow(12));
    env.run(&["on", "-y", "--at", &at, "--for", "30m"]).code(0);
    // What is on without an end overlaps all that comes.
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    let output = env.run(&["on", "-y", "--role", "worker", "--at", &at, "--for", "30m"]);
    output.code(3).says("which is open and has no end");
}

#[test]
fn times_that_make_no_window_are_refused_before_anything_is_read() {
    let env = TestEnv::aws();
    let (at, far, past) = (ahead(60).to_string(), ahead(60 * 24 * 400), ahead(-5));
    for (arguments, why) in [
        (vec!["--at", &at], "--at needs an end"),
        (
            vec!["--at", "soon", "--for", "2h"],
            "must be a time such as",
        ),
        (
            vec!["--at", &past.to_string(), "--for", "2h"],
            "must be in the future",
        ),
        (
            vec!["--at", &far.to_string(), "--for", "2h"],
            "must begin within 366 days",
        ),
        (vec!["--at", &at, "--for", "31d"], "must end within 30 days"),
        (
            vec!["--at", &at, "--for", "0s"],
            "it must be longer than 0 s",
        ),
        (
            vec!["--at", &at, "--until", &past.to_string()],
            "must be in the future",
        ),
        (
            vec!["--at", &at, "--for", "2h", "--tz", "Mars/Base"],
            "must be an IANA time zone",
        ),
        (vec!["--tz", "UTC", "--for", "2h"], "--at"),
        (
            vec!["--at", &at, "--for", "2h", "--wait"],
            "cannot be used with",
        ),
        (
            vec!["--at", &at, "--for", "2h", "--bypass"],
            "cannot be used with",
        ),
    ] {
        let output = env.run(&[&["on", "-y"][..], &arguments].concat());
        assert!(env.sandbox().calls().is_empty(), "{arguments:?}");
        output.code(2).stdout("").says(why);
    }
}

#[test]
fn a_start_that_clocks_skip_says_where_it_moved_to() {
    let env = TestEnv::files();
    // The next last Sunday of March, in Berlin.
    let now = Timestamp::now().to_zoned(jiff::tz::TimeZone::get("Europe/Berlin").unwrap());
    let gap = now
        .time_zone()
        .following(now.timestamp())
        .find(|it| it.dst().is_dst())
        .unwrap()
        .timestamp();
    let local = (gap - SignedDuration::from_mins(30)).to_zoned(now.time_zone().clone());
    let skipped = local.datetime() + SignedDuration::from_hours(1);
    let at = skipped.strftime("%Y-%m-%d %H:%M").to_string();
    let arguments = [
        "on",
        "-y",
        "--at",
        &at,
        "--for",
        "1h",
        "--tz",
        "Europe/Berlin",
    ];
    let output = env.run(&arguments);
    output
        .code(0)
        .says("Clocks skip ")
        .says(" in Europe/Berlin: it starts at 03:00 CEST");
    assert_eq!(listed(&env)[0]["starts_at"], gap.to_string());
}

#[test]
fn it_asks_and_shows_what_will_happen_to_functions() {
    let env = TestEnv::aws();
    env.sandbox()
        .seed(FunctionSpec::new("demo-dev-mail").reserved(5));
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    let at = ahead(60).to_string();
    let arguments = ["on", "--role", "worker", "--at", &at, "--for", "2h"];
    let mut terminal = env.at_terminal(&arguments);
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("n\n");
    let output = terminal.wait();
    output
        .code(6)
        .says("Will schedule worker maintenance mode for demo-dev from ")
        .says("the functions of worker are paused and restored only if `maintenance serve` or `maintenance observe` is running")
        .says("pass --accept-event-loss")
        .says("Nothing was changed\n");
    assert!(env.sandbox().writes().is_empty());
    env.run(&arguments)
        .refuses(6, "not confirmed, so nothing was changed");
    let plan = env.run(&[&arguments[..], &["--dry-run"]].concat());
    assert!(
        plan.code(0)
            .stdout
            .starts_with("Would schedule worker maintenance mode for demo-dev from ")
    );
    assert!(env.sandbox().writes().is_empty());
    env.run(&[&arguments[..], &["-y", "--accept-event-loss"]].concat())
        .code(0);
    let fleet = env.sandbox().fleet();
    assert_eq!(
        fleet["demo-dev-mail"].reserved,
        Some(5),
        "nothing is paused yet"
    );
}

#[test]
fn a_window_whose_time_has_come_is_on_and_off_ends_it() {
    let env = TestEnv::files();
    let window = schedule(&env, 22, &["--message", "Soon back."]);
    // As if that had been a day ago: an hour has passed since its start.
    let stored = env.read(WEB_FILE);
    let begun = |hours: i64| Timestamp::now() + SignedDuration::from_hours(hours);
    let stored = stored
        .replace(&tomorrow(22).to_string(), &begun(-1).to_string())
        .replace(&tomorrow(24).to_string(), &begun(1).to_string());
    env.write(WEB_FILE, &stored);
    env.run(&["status"])
        .code(0)
        .stdout("on\n")
        .says("Web maintenance is on since ");
    let status = env.run(&["status", "--json"]).code(0).json();
    assert_eq!(status["roles"][0]["window"], window);
    assert_eq!(status["roles"][0]["auto_off"], true);
    env.run(&["schedule", "cancel", &window])
        .code(3)
        .says("has begun");
    env.run(&["off"]).exactly(
        0,
        "",
        "Disabling web maintenance mode for demo-dev\nWeb maintenance has been turned off\n",
    );
    env.run(&["status"]).code(0).stdout("off\n");
    let flag = Flag::decode(&env.read(WEB_FILE)).unwrap();
    assert_eq!(flag.mode, Mode::Off);
    assert!(flag.schedule.windows.is_empty());
}

#[test]
fn in_a_terminal_the_list_fits_and_its_times_are_for_people() {
    let env = TestEnv::files();
    let reason = "a move to another database, which takes its time";
    schedule(&env, 22, &["--all", "--reason", reason]);
    let starts = tomorrow(22)
        .strftime("  %Y-%m-%d 22:00:00 UTC  2h   ")
        .to_string();
    // How far away it is takes 4 to 11 columns, by the time of the day: at these widths the roles never fit, always do.
    for (width, roles_fit) in [(70, false), (90, true)] {
        let narrow = env.on_screen(width, &["schedule"], "").stdout;
        let mut lines = narrow.lines();
        assert!(
            lines.all(|line| line.chars().count() <= width.into()),
            "{narrow}"
        );
        assert!(narrow.contains(&starts), "{narrow}");
        let mut below = vec!["    by ana@laptop".to_owned(), format!("    {reason}")];
        if !roles_fit {
            below.splice(..0, ["    web".to_owned(), "    worker".to_owned()]);
        }
        assert_eq!(narrow.lines().skip(2).collect::<Vec<_>>(), below);
    }
    let wide = env.on_screen(200, &["schedule"], "").stdout;
    assert_eq!(wide.lines().count(), 2, "{wide}");
    assert!(wide.contains(reason) && wide.contains(&starts), "{wide}");
}

#[test]
fn status_says_what_is_open_before_what_comes() {
    let env = TestEnv::files();
    env.run(&[
        "on",
        "-y",
        "--for",
        "1h",
        "--auto-off",
        "--message",
        "Soon.",
    ])
    .code(0);
    schedule(&env, 22, &[]);
    let status = env.run(&["status"]);
    let lines: Vec<_> = status.stderr.lines().skip(1).collect();
    let begins = [
        "Web maintenance is on since ",
        "  safe to migrate after ",
        "  message for visitors: Soon.",
        "  until ",
        "Web maintenance is scheduled from ",
    ];
    assert_eq!(lines.len(), begins.len(), "{status:#?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line:?} instead of {begin:?}");
    }
}

#[test]
fn an_entry_that_cannot_be_read_is_said_and_opens_nothing() {
    let env = TestEnv::files();
    env.run(&["on", "-y"]).code(0);
    env.run(&["off"]).code(0);
    let stored = env.read(WEB_FILE);
    let entry = r#","scheduled":[{"window":"x","starts_at":"soon"}]}"#;
    let stored = format!("{}{entry}", stored.trim_end().trim_end_matches('}'));
    env.write(WEB_FILE, &stored);
    env.run(&["status"])
        .code(0)
        .stdout("off\n")
        .says("Warning: a scheduled window cannot be read, and is ignored");
    env.run(&["schedule"]).code(0).says("cannot be read");
}

#[test]
fn a_product_is_scheduled_as_one() {
    let mut env = TestEnv::bare();
    env.set("MAINTENANCE_STORE", "file:store");
    env.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"dev\"\n[products.shop]\napps = [\"shop\", \"billing\"]\n[apps.billing]\n",
    );
    let at = ahead(60).to_string();
    let arguments = [
        "on",
        "-y",
        "--product",
        "shop",
        "--at",
        &at,
        "--for",
        "1h",
        "--json",
    ];
    let output = env.run(&arguments);
    let document = output.code(0).json();
    assert_eq!(document["product"], "shop");
    // What is to be said of all apps is said once.
    let undo: Vec<_> = output
        .stderr
        .lines()
        .filter(|it| it.contains("undo"))
        .collect();
    assert_eq!(undo.len(), 1, "{output:#?}");
    assert!(undo[0].ends_with(" --product shop`"), "{undo:?}");
    let screen = env
        .on_screen(80, &["schedule", "--product", "shop"], "")
        .stdout;
    assert!(
        screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
    assert!(screen.contains("    billing-dev web\n"), "{screen}");
    let windows: Vec<_> = document["apps"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|app| app["roles"].as_array().unwrap())
        .map(|role| role["window"]["window"].as_str().unwrap())
        .collect();
    assert_eq!(windows.len(), 4);
    assert!(windows.iter().all(|it| *it == windows[0]));
    let list = env
        .run(&["schedule", "--product", "shop", "--json"])
        .code(0)
        .json();
    assert_eq!(list["windows"][0]["product"], "shop");
    assert_eq!(list["windows"][0]["roles"].as_array().unwrap().len(), 4);
    env.run(&["schedule", "cancel", windows[0], "--product", "shop"])
        .code(0);
    let list = env
        .run(&["schedule", "--product", "shop", "--json"])
        .code(0)
        .json();
    assert_eq!(list["windows"], serde_json::json!([]));
}
