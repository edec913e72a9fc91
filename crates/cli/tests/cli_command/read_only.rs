//! Read-only: what it closes, what it lets go on, and which roles it is for.

use jiff::Timestamp;
use maintenance_flag::Mode;
use maintenance_sandbox::FunctionSpec;
use maintenance_tests::TestEnv;

use crate::window::{WEB, flag, is_usage};

#[test]
fn a_plain_on_closes_a_read_only_role_wholly_and_asks_first() {
    let env = TestEnv::aws();
    env.run(&["on", "-y", "--read-only"]).code(0);
    let old = "\"drained_at\":\"2026-01-01T00:00:00Z\"";
    let stored = env.sandbox().parameters()[WEB].value.clone();
    let at = stored.find("\"drained_at\"").expect("it is noted");
    let stored = format!("{}{old}}}", &stored[..at]);
    env.sandbox().set_parameter(WEB, &stored);
    // What writes has ended long ago, and a message begins nothing.
    let again = ["on", "--read-only", "--message", "x"];
    env.run(&again).code(0).says("options updated: message\n");
    let noted = flag(&env).drained_at.expect("it is noted");
    assert_eq!(noted.to_string(), "2026-01-01T00:00:00Z");

    env.run(&["on"])
        .refuses(6, "not confirmed, so nothing was changed");
    assert_eq!(flag(&env).mode, Mode::ReadOnly);
    let mut terminal = env.at_terminal(&["on"]);
    terminal.expect(
        "Will turn web maintenance mode from read-only to on for demo-dev\n\
         \x20 message for visitors: x\n\
                    Warning: that message was written for another mode: change it with --message if it no \
                    longer holds\n\
         Are you sure? (y/N) ",
    );
    terminal.type_in("y\n");
    terminal
        .wait()
        .code(0)
        .says("(y/N) Web maintenance is on; options updated: mode (on)\n");
    let tightened = flag(&env);
    assert_eq!(tightened.mode, Mode::On);
    assert!(tightened.drained_at > Some(Timestamp::now()));
    // And the other way.
    env.run(&["on", "--read-only"]).code(6);
    env.run(&["on", "--read-only", "-y"])
        .code(0)
        .says("options updated: mode (read-only)\n  read-only: ");
}

#[test]
fn functions_are_neither_read_only_nor_given_back_by_a_clock() {
    let env = TestEnv::aws();
    env.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    for (option, why) in [
        ("--read-only", "cannot go on reading"),
        ("--auto-off", "only `maintenance off` restores them"),
    ] {
        let message = format!("{option} cannot be used for the worker role");
        let output = env.run(&["on", "-y", "--role", "worker", option, "--for", "1h"]);
        is_usage(&env, &output, &message)
            .says(why)
            .says(&format!("`maintenance on --role web {option}`"));
        let output = env.run(&["on", "-y", "--all", option, "--for", "1h"]);
        is_usage(&env, &output, &message).says(why).says(&format!(
            "`maintenance on --role web {option}`, then `maintenance on --role worker`"
        ));
    }
    // A time alone is a promise to visitors, and a role of handlers may have both.
    let all = ["on", "-y", "--all", "--for", "1h", "--accept-event-loss"];
    env.run(&all).code(0);
    env.run(&["off", "--all"]).code(0);
    let web = ["on", "-y", "--for", "1h", "--auto-off", "--read-only"];
    env.run(&web).code(0);
    // With no functions anywhere, --all may too.
    let env = TestEnv::files();
    env.run(&[
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
    let env = TestEnv::aws();
    let look = "You can look around, but not order.";
    env.run(&["on", "-y", "--read-only", "--message", look])
        .code(0);
    let warning = "Warning: that message was written for another mode: change it with --message if it no \
                   longer holds\n";
    let told = format!("  message for visitors: {look}\n{warning}");
    let plan = env.run(&["on", "--dry-run"]);
    assert!(plan.code(0).stdout.contains(&told), "{plan:?}");
    // A person is told before the question, and not again.
    let mut terminal = env.at_terminal(&["on"]);
    terminal.expect(&format!("{told}Are you sure? (y/N) "));
    terminal.type_in("n\n");
    terminal.wait().code(6).says("Nothing was changed\n");
    // With another message there is nothing to warn of.
    let output = env.run(&["on", "-y", "--message", ""]);
    output.code(0).says("options updated: mode (on), message\n");
    assert!(!output.stderr.contains("Warning"), "{output:?}");
    env.run(&["on", "-y", "--read-only", "--message", look])
        .code(0);
    env.run(&["on", "-y"]).code(0).says(warning);
}

#[test]
fn beside_when_it_is_safe_to_migrate_it_says_what_still_passes() {
    let env = TestEnv::aws();
    env.write("maintenance.toml", "[roles.web]\ntimeout = 30\n");
    let still_pass = "still pass: migrate only what they can tolerate\n";
    env.run(&["on", "-y", "--read-only"])
        .code(0)
        .says("\nSafe to migrate after ")
        .says(&format!("\nRead requests {still_pass}"));
    env.run(&["on", "-y", "--allow-path", "/hooks/*"])
        .code(0)
        .says(&format!("\nAllowed requests {still_pass}"));
    let plain = env.run(&["on", "--allow-path", ""]);
    plain.code(0).says("\nSafe to migrate after ");
    assert!(!plain.stderr.contains("still pass"), "{plain:?}");
}
