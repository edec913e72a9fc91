//! Read-only: what it closes, what it lets go on, and which roles it is for.

use jiff::Timestamp;
use maintenance_flag::Mode;
use maintenance_sandbox::FunctionSpec;
use maintenance_tests::Scene;

use crate::window::{WEB, flag, is_usage};

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
                    Warning: that message was written for another mode: change it with --message if it no \
                    longer holds\n\
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
fn functions_are_neither_read_only_nor_given_back_by_a_clock() {
    let scene = Scene::aws();
    scene.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    scene.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    for (option, why) in [
        ("--read-only", "cannot go on reading"),
        ("--auto-off", "only `maintenance off` restores them"),
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
fn a_message_that_was_given_for_another_mode_is_not_kept_in_silence() {
    let scene = Scene::aws();
    let look = "You can look around, but not order.";
    scene
        .run(&["on", "-y", "--read-only", "--message", look])
        .code(0);
    let warning = "Warning: that message was written for another mode: change it with --message if it no \
                   longer holds\n";
    let told = format!("  visitors are told: {look}\n{warning}");
    let plan = scene.run(&["on", "--dry-run"]);
    assert!(plan.code(0).stdout.contains(&told), "{plan:?}");
    // A person is told before the question, and not again.
    let mut terminal = scene.at_terminal(&["on"]);
    terminal.expect(&format!("{told}Are you sure? (y/N) "));
    terminal.type_in("n\n");
    terminal.wait().code(6).says("Nothing was changed\n");
    // With another message there is nothing to warn of.
    let ran = scene.run(&["on", "-y", "--message", ""]);
    ran.code(0).says("options updated: mode (on), message\n");
    assert!(!ran.stderr.contains("Warning"), "{ran:?}");
    scene
        .run(&["on", "-y", "--read-only", "--message", look])
        .code(0);
    scene.run(&["on", "-y"]).code(0).says(warning);
}

#[test]
fn beside_when_it_is_safe_to_migrate_it_says_what_still_passes() {
    let scene = Scene::aws();
    scene.write("maintenance.toml", "[roles.web]\ntimeout = 30\n");
    let still_pass = "still pass: migrate only what they can tolerate\n";
    scene
        .run(&["on", "-y", "--read-only"])
        .code(0)
        .says("\nSafe to migrate after ")
        .says(&format!("\nRead requests {still_pass}"));
    scene
        .run(&["on", "-y", "--allow-path", "/hooks/*"])
        .code(0)
        .says(&format!("\nAllowed requests {still_pass}"));
    let plain = scene.run(&["on", "--allow-path", ""]);
    plain.code(0).says("\nSafe to migrate after ");
    assert!(!plain.stderr.contains("still pass"), "{plain:?}");
}
