//! Ctrl-C in the middle of an operation: it stops after the step in hand, and the same command goes on.

use std::time::{Duration, Instant};

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::TestEnv;

const ON: [&str; 6] = ["on", "-y", "--role", "worker", "--function", "demo-dev-*"];
const OFF: [&str; 3] = ["off", "--role", "worker"];

/// Twelve functions: at ten calls a second, more than are done by the time the third hangs.
fn env() -> TestEnv {
    let env = TestEnv::aws();
    for n in 0..12 {
        env.sandbox()
            .seed(FunctionSpec::new(&format!("demo-dev-{n:02}")));
    }
    env
}

#[test]
fn on_stops_and_off_brings_everything_back() {
    let env = env();
    let before = env.sandbox().fleet();
    env.sandbox()
        .inject(Fault::on("PutFunctionConcurrency").nth(3).hang());
    let running = env.start(&ON);
    env.wait_until_hanging();
    running.interrupt();
    running.says("Stopping after the current step; press Ctrl-C again to stop at once\n");
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    let output = running.wait();
    output
        .code(130)
        .stdout("")
        .says("\nError: interrupted before everything was done\n");
    output.says(
        "\nHint: run the same command again to continue, or `maintenance off --role worker --function \
         'demo-dev-*'` to undo it\n",
    );
    let paused = |env: &TestEnv| {
        env.sandbox()
            .fleet()
            .values()
            .filter(|it| it.reserved == Some(0))
            .count()
    };
    assert!(paused(&env) < 12, "it stopped");
    env.run(&["status", "--role", "worker"])
        .code(0)
        .stdout("on\n");

    env.run(&ON)
        .code(0)
        .says("Worker maintenance is already on\n");
    assert_eq!(paused(&env), 12, "the same command goes on");
    env.run(&OFF)
        .code(0)
        .says("Worker maintenance has been turned off\n");
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn off_stops_with_the_flag_on_and_goes_on() {
    let env = env();
    let before = env.sandbox().fleet();
    env.run(&ON).code(0);
    env.sandbox()
        .inject(Fault::on("DeleteFunctionConcurrency").nth(3).hang());
    let running = env.start(&[&OFF[..], &["--json"]].concat());
    env.wait_until_hanging();
    running.terminate();
    running.says("Stopping after the current step");
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    let output = running.wait();
    let report = output
        .code(130)
        .says("Error: interrupted before everything was done\n")
        .json();
    assert_eq!(report["interrupted"], true);
    assert_ne!(env.sandbox().fleet(), before);
    env.run(&["status", "--role", "worker"])
        .code(0)
        .stdout("on\n");

    env.run(&OFF)
        .code(0)
        .says("Worker maintenance has been turned off\n");
    assert_eq!(env.sandbox().fleet(), before);
}

/// Ctrl-C while a call is not answered, or refused for its number: the time-out of a call is 15 s, and
/// it is made five times; throttling is borne for three minutes.
#[test]
fn it_is_heard_while_aws_does_not_answer_or_throttles() {
    let throttled = Fault::on("PutFunctionConcurrency").always().throttle();
    // Where the site is known, it is looked first whether the app is new.
    let with_url = [("MAINTENANCE_URL", "http://127.0.0.1:9/")];
    for (fault, hangs, variables) in [
        (
            Fault::on("GetParametersByPath").always().hang(),
            true,
            &[][..],
        ),
        (
            Fault::on("GetParametersByPath").always().hang(),
            true,
            &with_url,
        ),
        (Fault::on("ListFunctions").always().hang(), true, &[]),
        (
            Fault::on("GetFunction").target("demo-dev-03").hang(),
            true,
            &[],
        ),
        (throttled, false, &[]),
    ] {
        let mut env = env();
        variables
            .iter()
            .for_each(|(name, value)| env.set(name, value));
        let before = env.sandbox().fleet();
        env.sandbox().inject(fault.clone());
        let running = env.start(&ON);
        match hangs {
            true => env.wait_until_hanging(),
            false => running.says("Enabling worker maintenance mode"),
        }
        let asked = Instant::now();
        running.interrupt();
        running.says("Stopping after the current step");
        running.wait().code(130).says("rror: interrupted");
        // A call's time-out would be longer, however slow this machine is.
        assert!(
            asked.elapsed() < Duration::from_secs(10),
            "{fault:?}: {:?}",
            asked.elapsed()
        );
        env.sandbox().clear_faults();
        env.sandbox().release_hanging();
        env.run(&OFF).code(0);
        assert_eq!(env.sandbox().fleet(), before);
    }
}

#[test]
fn a_closed_terminal_ends_it_like_ctrl_c_however_often_it_says_so() {
    let env = env();
    let before = env.sandbox().fleet();
    env.sandbox()
        .inject(Fault::on("PutFunctionConcurrency").nth(3).hang());
    let running = env.start(&ON);
    env.wait_until_hanging();
    running.hang_up();
    running.says("Stopping after the current step");
    // The terminal says so, and the shell that ends with it.
    running.hang_up();
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    running
        .wait()
        .code(130)
        .says("\nError: interrupted before everything was done\n");
    // The lease was given back: nobody has to wait for its end.
    env.run(&OFF).code(0);
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let env = env();
    let before = env.sandbox().fleet();
    env.sandbox()
        .inject(Fault::on("PutFunctionConcurrency").nth(3).hang());
    let running = env.start(&ON);
    env.wait_until_hanging();
    running.interrupt();
    running.says("Stopping after the current step");
    running.interrupt();
    // The call still hangs: nobody waits for it any more.
    let output = running.wait();
    output
        .code(130)
        .stdout("")
        .says("\nError: stopped at once, in the middle of a step\n");
    output.says(
        "\nHint: run `maintenance unlock`, or wait for a minute; then run the same command again: it \
         continues\n",
    );
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    assert_ne!(env.sandbox().fleet(), before);
}
