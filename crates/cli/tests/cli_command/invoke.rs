//! `invoke`: one paused function runs once. What it does in between is tried in control's tests.

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::TestEnv;

const NAME: &str = "demo-dev-a";

/// With worker maintenance on.
fn env() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    let function = FunctionSpec::new(NAME).reserved(7).timeout(20);
    env.sandbox().seed(function.invoked_by("s3.amazonaws.com"));
    let on = ["on", "-y", "--role", "worker", "--accept-event-loss"];
    env.run(&on).code(0);
    env
}

fn reserved(env: &TestEnv) -> Option<u32> {
    env.sandbox().fleet()[NAME].reserved
}

#[test]
fn the_answer_is_on_stdout_as_it_is_and_the_log_on_stderr() {
    let env = env();
    env.write("event.json", "{\"n\":  1}\n");
    let invoke = ["invoke", NAME, "--payload", "@event.json", "--yes"];
    env.run(&invoke).timeless().exactly(
        0,
        "{\"n\":  1}\n",
        "Will let demo-dev-a run once, for up to 20 s, while worker maintenance stays on\n\
         These could invoke it meanwhile:\n\
         \x20 s3.amazonaws.com\n\
         Not checked: invocations made through an IAM role (EventBridge Scheduler, Step Functions, other \
         accounts, your own code)\n\
         Waiting for demo-dev-a to answer; it may run for 20 s\n\
         START RequestId: sandbox Version: $LATEST\n\
         END RequestId: sandbox\n\
         demo-dev-a is paused again\n\
         Safe to migrate after TIME; in-flight invocations may run until then\n",
    );
    assert_eq!(reserved(&env), Some(0));
    let json = env
        .run(&["invoke", NAME, "--yes", "--json", "-q"])
        .code(0)
        .json();
    assert_eq!(json["answer"], serde_json::json!({}));
    assert_eq!(json["ran"], true);
    assert_eq!(json["version"], "$LATEST");
    // One that fails has its error as its answer.
    let payload = "{\"errorMessage\":\"no table\"}";
    let output = env.run(&["invoke", NAME, "--yes", "-q", "--payload", payload]);
    output
        .code(1)
        .stdout(payload)
        .says("Error: demo-dev-a failed: Unhandled\nCaused by: no table\n");
    env.run(&["off", "--role", "worker"]).code(0);
    assert_eq!(reserved(&env), Some(7));
}

#[test]
fn what_cannot_be_invoked_is_refused() {
    let env = env();
    env.sandbox().reset_calls();
    env.run(&["invoke", NAME])
        .code(6)
        .says("Error: not confirmed, so nothing was changed\n");
    env.run(&["invoke", NAME, "--dry-run"]).code(0).stdout("");
    env.run(&["invoke", "other", "--yes"])
        .refuses(1, "other was not invoked")
        .says("\nCaused by: no role selects it\n");
    env.run(&["invoke", "demo-dev-typo", "--yes"])
        .refuses(1, "demo-dev-typo was not invoked")
        .says("\nCaused by: there is no such function\nHint: `maintenance workers` lists");
    env.run(&["invoke", NAME, "--yes", "--payload", "{"])
        .refuses(2, "--payload is not JSON");
    env.run(&["invoke", NAME, "--yes", "--payload", "@none"])
        .refuses(2, "cannot read --payload from none");
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:a";
    env.run(&["invoke", arn]).code(2);
    assert!(env.sandbox().writes().is_empty());
    env.run(&["off", "--role", "worker"]).code(0);
    env.run(&["invoke", NAME, "--yes"])
        .refuses(1, "demo-dev-a was not invoked")
        .says("\nCaused by: worker maintenance is off\n");
}

/// The process is killed while the function runs; then somebody looks, and turns maintenance off.
#[test]
fn killed_while_the_function_runs_it_is_shown_and_off_restores_it() {
    let env = env();
    env.sandbox().inject(Fault::on("Invoke").hang());
    let running = env.start(&["invoke", NAME, "--yes"]);
    env.wait_until_hanging();
    running.kill();
    let killed = running.wait();
    assert_eq!(killed.code, None, "{killed:?}");
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    assert_eq!(reserved(&env), Some(1));
    env.run(&["status", "--role", "worker"])
        .code(0)
        .says("  demo-dev-a may run once: `maintenance invoke` is running, or was interrupted\n");
    for (name, parameter) in env.sandbox().parameters() {
        if name.contains("/lease/") {
            let mut lease = maintenance_flag::Lease::decode(&parameter.value).unwrap();
            lease.expires = lease.acquired - jiff::SignedDuration::from_hours(1);
            env.sandbox().set_parameter(&name, &lease.encode());
        }
    }
    env.run(&["off", "--role", "worker"]).code(0);
    assert_eq!(reserved(&env), Some(7));
}
