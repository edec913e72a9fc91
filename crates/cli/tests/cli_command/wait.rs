//! `on --wait`: back only when no code that had begun can still be running.

use maintenance_flag::Flag;
use maintenance_sandbox::FunctionSpec;
use maintenance_tests::TestEnv;

const WORKER: [&str; 6] = ["on", "-y", "--role", "worker", "--function", "demo-*"];

fn env(timeout: u32) -> TestEnv {
    let env = TestEnv::aws();
    let function = FunctionSpec::new("demo-dev-a").timeout(timeout);
    env.sandbox().seed(function);
    env
}

fn drained_at(env: &TestEnv, role: &str) -> jiff::Timestamp {
    let name = format!("/maintenance/demo-dev/flags/{role}");
    let flag = &env.sandbox().parameters()[&name].value;
    Flag::decode(flag)
        .expect("a flag")
        .drained_at
        .expect("it is known")
}

#[test]
fn it_comes_back_when_the_longest_timeout_has_passed() {
    let env = env(1);
    let mut command = WORKER.to_vec();
    command.push("--wait");
    let output = env.run(&command);
    let until = drained_at(&env, "worker");
    assert!(jiff::Timestamp::now() >= until);
    output.timeless().exactly(
        0,
        "",
        "Enabling worker maintenance mode for demo-dev\n\
         Worker maintenance has been turned on\n\
         1 function paused\n\
         Waiting for in-flight invocations to end, until TIME\n\
         All in-flight invocations have ended: safe to migrate\n",
    );
}

#[test]
fn without_it_that_moment_is_printed() {
    let env = env(60);
    let output = env.run(&WORKER);
    let until = drained_at(&env, "worker");
    let clock = until.strftime("%H:%M:%S UTC");
    output
        .code(0)
        .says(&format!("Safe to migrate after {clock} ("));
    output.says("); in-flight invocations may run until then\n");
    let status = env.run(&["status", "--role", "worker", "--json"]);
    let json = status.code(0).json();
    assert_eq!(json["roles"][0]["drained_at"], until.to_string());
}

#[test]
fn handlers_behind_the_gate_are_waited_for_as_the_configuration_describes_them() {
    let env = TestEnv::aws();
    env.write("maintenance.toml", "[roles.web]\nttl = 0\ntimeout = 1\n");
    env.run(&["on", "-y", "--wait"])
        .code(0)
        .says("\nAll in-flight invocations have ended: safe to migrate\n");
    assert!(jiff::Timestamp::now() >= drained_at(&env, "web"));
    // Nobody described these: AWS's own limit counts, and is said.
    let env = TestEnv::aws();
    let running = env.start(&["on", "-y", "--wait"]);
    running.says("The longest timeout of the web role is unknown");
    running.says("Waiting for in-flight invocations to end, until ");
    running.interrupt();
    let output = running.wait();
    output
        .code(130)
        .says("\nError: stopped waiting: maintenance is on")
        .says("\nHint: run the same command again to continue waiting\n");
    env.run(&["status"]).code(0).stdout("on\n");
}

#[test]
fn a_countdown_is_shown_on_a_terminal() {
    let mut env = env(2);
    env.set("TERM", "xterm");
    let mut command = WORKER.to_vec();
    command.push("--wait");
    let terminal = env.at_terminal(&command);
    terminal.expect("Draining: 2 s left");
    terminal
        .wait()
        .code(0)
        .says("All in-flight invocations have ended");
}

#[test]
fn a_timeout_that_aws_does_not_have_is_refused() {
    let env = TestEnv::aws();
    for (key, most) in [("timeout", 900), ("ttl", 3600)] {
        for bad in ["-1", "1.5", "99999", "\"x\""] {
            env.write("maintenance.toml", &format!("[roles.web]\n{key} = {bad}\n"));
            let output = env.run(&["status"]);
            output.code(2).says(&format!("roles.web.{key}"));
            let range = output.stderr.contains(&format!("0 to {most}"));
            assert!(
                range || output.stderr.contains("expected a whole number"),
                "{}",
                output.stderr
            );
        }
    }
}
