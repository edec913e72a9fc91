//! When a window ends: a promise, or a switch, and whose it is.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use maintenance_flag::Mode;
use maintenance_tests::TestEnv;
use serde_json::json;

use crate::window::{WEB, ahead, flag, passed};

#[test]
fn a_length_is_counted_from_now_and_a_local_time_is_the_machines() {
    let mut env = TestEnv::aws();
    let before = Timestamp::now();
    env.run(&["on", "-y", "--for", "1h 30m"]).code(0);
    let until = flag(&env).until.expect("an end");
    let hour_and_a_half = SignedDuration::from_mins(90);
    assert!(until >= before + hour_and_a_half, "{until}");
    let latest = Timestamp::now() + hour_and_a_half + SignedDuration::from_secs(1);
    assert!(until <= latest, "{until}");
    // Two hours ahead of UTC, all the year.
    env.set("TZ", "XXX-2");
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
    env.run(&["on", "--until", &typed]).code(0);
    assert_eq!(flag(&env).until, Some(tomorrow.timestamp()));
    // The next half past nine there is.
    env.run(&["on", "--until", "9:30"]).code(0);
    let next = flag(&env).until.expect("an end");
    let day = SignedDuration::from_hours(24);
    let today = tomorrow.timestamp() - day;
    assert!(next == today || next == today + day, "{next}");
    assert!(next + SignedDuration::from_mins(1) > Timestamp::now());
    // What is to be typed instead stands there as it is to be typed.
    env.set("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    env.run(&["on", "--until", "2030-10-27 02:30"])
        .refuses(2, "--until cannot be used")
        .says("twice: \"2030-10-27T02:30:00+02:00\" or \"2030-10-27T02:30:00+01:00\"\n");
    // When it is nine there is unknown.
    env.set("TZ", "Mars/Base");
    env.run(&["on", "--until", "9:00"])
        .refuses(2, "--until cannot be used")
        .says("as in \"2026-11-22T09:00:00Z\": the time zone in TZ is unknown\n");
    env.run(&["on", "--for", "30m"]).code(0);
}

#[test]
fn a_role_that_shall_open_by_itself_needs_an_end() {
    let env = TestEnv::aws();
    let refused = "web maintenance was not changed";
    env.run(&["on", "-y", "--auto-off"]).refuses(2, refused);
    assert!(!env.sandbox().parameters().contains_key(WEB));
    let until = ahead(60).to_string();
    env.run(&["on", "-y", "--until", &until]).code(0);
    // The end that it has will do.
    let output = env.run(&["on", "--auto-off"]).timeless();
    output.code(0).says("options updated: auto-off\n");
    output.says("\n  until TIME: then it turns off by itself\n");
}

#[test]
fn a_window_whose_end_has_come_is_off_and_says_so() {
    let env = TestEnv::aws();
    let end = passed();
    // An app that was operated on has a lease.
    env.run(&["on", "-y"]).code(0);
    env.run(&["off"]).code(0);
    let over = json!({
        "schema": 1, "mode": "on", "window": "20261121T080000Z-00000001",
        "owner": {"kind": "observer", "name": "healthcheck"}, "by": "healthcheck",
        "message": "Back soon.", "since": "2026-01-01T00:00:00Z",
        "until": end.to_string(), "auto_off": true,
    });
    env.sandbox().set_parameter(WEB, &over.to_string());
    let says = "Web maintenance status for demo-dev\n\
                Web maintenance turned off by itself at TIME\n";
    let status = |arguments: &[&str]| env.run(arguments).timeless();
    status(&["status"]).exactly(0, "off\n", says);
    status(&["status", "--exit-code"]).exactly(0, "off\n", says);
    assert_eq!(
        env.run(&["status", "--json"]).json(),
        json!({"app": "demo-dev", "roles": [{"role": "web", "maintenance": "off"}]})
    );
    // It is nobody's any more: off writes off, and on opens a window of its own.
    env.run(&["off"]).exactly(
        0,
        "",
        "Disabling web maintenance mode for demo-dev\nWeb maintenance has been turned off\n",
    );
    assert_eq!(flag(&env).mode, Mode::Off);
    env.sandbox().set_parameter(WEB, &over.to_string());
    env.run(&["on"]).code(6);
    env.run(&["on", "-y"])
        .code(0)
        .says("Web maintenance has been turned on\n");
    let opened = flag(&env);
    assert_eq!((opened.message, opened.until), (None, None));
}

#[test]
fn a_promise_that_has_passed_opens_nothing_and_is_shown() {
    let env = TestEnv::aws();
    let end = passed();
    let promised = json!({"schema": 1, "mode": "on", "until": end.to_string()});
    env.sandbox().set_parameter(WEB, &promised.to_string());
    env.run(&["status"]).timeless().exactly(
        0,
        "on\n",
        "Web maintenance status for demo-dev\n\
         Web maintenance is on\n\
         \x20 not yet safe to migrate: the end of in-flight work is unknown\n\
         \x20 announced end TIME has passed: it stays on until `maintenance off`\n",
    );
    // To open by itself at a time that has passed would be to open at once.
    env.run(&["on", "--auto-off"])
        .refuses(2, "web maintenance was not changed");
    env.run(&["status"]).stdout("on\n");
}

#[test]
fn when_an_observers_window_ends_is_not_for_others_to_change() {
    let env = TestEnv::aws();
    env.run(&["on", "-y", "--observer", "healthcheck"]).code(0);
    let before = flag(&env);
    env.run(&["on", "--for", "5m", "--auto-off"])
        .refuses(3, "web maintenance was not changed")
        .says("\nCaused by: the window is held by the observer healthcheck\n");
    assert_eq!(flag(&env), before);
    env.run(&["on", "--message", "Back soon."])
        .code(0)
        .says("options updated: message\n");
    assert_eq!(flag(&env).owner, before.owner);
    env.run(&[
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
