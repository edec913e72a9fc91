//! A command that died still holds its lease for half a minute, unless `unlock` ends it.

use maintenance_sandbox::Fault;
use maintenance_tests::TestEnv;
use serde_json::json;

/// A scene in which `on` was killed in the middle of its write.
fn left_by_the_dead() -> TestEnv {
    let env = TestEnv::aws();
    env.sandbox()
        .inject(Fault::on("PutParameter").target("/flags/").hang());
    let running = env.start(&["on", "-y"]);
    env.wait_until_hanging();
    running.kill();
    assert_eq!(running.wait().code, None, "killed by a signal");
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    env
}

#[test]
fn a_lease_of_the_dead_is_ended_and_the_next_command_works() {
    let env = left_by_the_dead();
    env.run(&["on", "-y"])
        .code(5)
        .says("Error: another operation is running: on web by ana@laptop");
    env.run(&["unlock", "--yes"])
        .code(0)
        .stdout("")
        .says(": if the previous operation is still running, it notices and stops\n")
        .says("The lease of demo-dev has been ended\n");
    env.run(&["on", "-y"])
        .code(0)
        .says("Web maintenance has been turned on\n");
}

#[test]
fn a_lease_that_was_not_given_back_is_watched_and_that_is_said() {
    let env = left_by_the_dead();
    let (name, lease) = {
        let parameters = env.sandbox().parameters();
        let mut leases = parameters
            .iter()
            .filter(|(name, _)| name.contains("/lease/"));
        let (name, lease) = leases.next().expect("its lease");
        (name.clone(), lease.value.clone())
    };
    let mut lease: serde_json::Value = serde_json::from_str(&lease).unwrap();
    let ended = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(1);
    lease["expires"] = ended.to_string().into();
    env.sandbox().set_parameter(&name, &lease.to_string());
    let running = env.start(&["on", "-y"]);
    running.says("ana@laptop has not released the lease of demo-dev (`on web`, since ");
    running.says(", in case that operation is still running\n");
    // It is waited for half a minute; Ctrl-C is heard at once.
    running.interrupt();
    running
        .wait()
        .code(130)
        .says("interrupted; nothing was changed\n");
}

#[test]
fn it_asks_on_a_terminal_and_refuses_elsewhere() {
    let env = left_by_the_dead();
    env.run(&["unlock"])
        .refuses(6, "not confirmed, so nothing was changed");
    let mut terminal = env.at_terminal(&["unlock"]);
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("n\n");
    terminal
        .wait()
        .code(6)
        .says("ana@laptop holds the lease of demo-dev for `on web` since ")
        .says("Nothing was changed\n");
    env.run(&["on", "-y"]).code(5);
    let mut terminal = env.at_terminal(&["unlock"]);
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("y\n");
    terminal
        .wait()
        .code(0)
        .says("The lease of demo-dev has been ended\n");
    env.run(&["on", "-y"]).code(0);
}

#[test]
fn what_was_ended_is_a_document() {
    let env = left_by_the_dead();
    let output = env.run(&["unlock", "--yes", "--json"]);
    let ended = json!({"app": "demo-dev", "ended": true});
    assert_eq!(output.code(0).json(), ended);
}

#[test]
fn without_a_holder_there_is_nothing_to_end() {
    for env in [TestEnv::files(), TestEnv::aws()] {
        let free = "The lease of demo-dev is free\n";
        env.run(&["unlock"]).exactly(0, "", free);
        env.run(&["on", "-y"]).code(0);
        env.run(&["unlock"]).exactly(0, "", free);
        let output = env.run(&["unlock", "--json"]);
        assert_eq!(output.json(), json!({"app": "demo-dev", "ended": false}));
    }
}
