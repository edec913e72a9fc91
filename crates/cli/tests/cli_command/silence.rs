//! What is said while AWS does not answer, and how far reading is.

use std::process::Command;

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::{Running, TestEnv};

/// Two roles with three functions each, both on.
fn env() -> TestEnv {
    let mut env = TestEnv::aws();
    env.set("TERM", "xterm");
    env.write(
        "maintenance.toml",
        "[roles.jobs]\nfunctions = [\"jobs-*\"]\n[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    for role in ["jobs", "demo-dev"] {
        for n in 0..3 {
            let function = FunctionSpec::new(&format!("{role}-{n}"));
            env.sandbox().seed(function);
        }
    }
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    env.run(&["on", "-y", "--role", "jobs"]).code(0);
    env
}

fn let_go(env: &TestEnv) {
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
}

/// Waits until the command says that this call is not answered, and lets it go on.
fn says_so(env: &TestEnv, running: Running, call: &str) {
    running.says(&format!("AWS has not answered {call} for "));
    let_go(env);
    let output = running.wait();
    // Once, however many such calls there are.
    assert_eq!(
        output.code(0).stderr.matches("has not answered").count(),
        1,
        "{output:#?}"
    );
}

#[test]
fn whatever_is_not_answered_is_named_after_three_seconds() {
    let env = env();
    for (arguments, operation, call) in [
        (&["status"][..], "GetParameter", "ssm:GetParameter"),
        (
            &["status", "--role", "worker"],
            "ListFunctions",
            "lambda:ListFunctions",
        ),
        (&["workers"], "GetFunction", "lambda:GetFunction"),
        (
            &["unlock", "--yes"],
            "GetParametersByPath",
            "ssm:GetParametersByPath",
        ),
        (
            &["on", "-y"],
            "GetParametersByPath",
            "ssm:GetParametersByPath",
        ),
        (&["off"], "PutParameter", "ssm:PutParameter"),
    ] {
        env.sandbox().inject(Fault::on(operation).hang());
        let running = env.start(arguments);
        env.wait_until_hanging();
        says_so(&env, running, call);
    }
    // Who wants to hear nothing does not.
    env.sandbox()
        .inject(Fault::on("GetParameter").delay(std::time::Duration::from_secs(4)));
    env.run(&["status", "-q"]).exactly(0, "off\n", "");
}

#[test]
fn credentials_that_are_awaited_are_not_taken_for_aws() {
    let mut env = TestEnv::aws();
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        env.unset(variable);
    }
    let pipe = env.folder().join("credentials");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let profile = format!("[default]\ncredential_process = cat {}\n", pipe.display());
    env.write("home/.aws/config", &profile);
    env.set("PATH", "/usr/bin:/bin");
    let running = env.start(&["status"]);
    running.says("waiting for AWS credentials to call ssm:GetParameter for ");
    let printed = r#"{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "hidden"}"#;
    std::fs::write(&pipe, printed).unwrap();
    let output = running.wait();
    assert!(
        !output.code(0).stderr.contains("has not answered"),
        "{output:#?}"
    );
}

#[test]
fn on_a_terminal_it_stands_beside_the_work_and_goes_with_the_answer() {
    let env = env();
    env.sandbox().inject(Fault::on("GetParameter").hang());
    let terminal = env.at_terminal(&["status"]);
    terminal.expect("AWS has not answered ssm:GetParameter for ");
    let_go(&env);
    terminal.wait().code(0).stdout("off\n");

    env.sandbox()
        .inject(Fault::on("GetFunction").target("demo-dev-1").hang());
    let terminal = env.at_terminal(&["status", "--role", "worker"]);
    terminal.expect("Reading worker functions [");
    terminal.expect("] 2/3");
    terminal.expect("AWS has not answered lambda:GetFunction for ");
    let_go(&env);
    terminal.wait().code(0).stdout("on\n");
}

#[test]
fn reading_for_status_and_the_table_is_counted_and_roles_side_by_side_are_counted_together() {
    let env = env();
    for (name, arguments) in [
        ("demo-dev-1", &["status", "--all"][..]),
        ("jobs-1", &["status", "--all"]),
    ] {
        env.sandbox()
            .inject(Fault::on("GetFunction").target(name).hang());
        let terminal = env.at_terminal(arguments);
        terminal.expect("Reading functions [");
        terminal.expect("] 5/6");
        let_go(&env);
        terminal
            .wait()
            .code(0)
            .stdout("web off\nworker on\njobs on\n");
    }
    env.sandbox()
        .inject(Fault::on("GetFunction").target("demo-dev-1").hang());
    let terminal = env.at_terminal(&["workers"]);
    terminal.expect("Reading worker functions [");
    terminal.expect("] 2/3");
    let_go(&env);
    terminal.wait().code(0);
}

#[test]
fn a_read_that_is_not_answered_is_given_up_with_what_to_check() {
    let env = env();
    for (arguments, operation, why) in [
        (
            &["status", "--timeout", "1"][..],
            "GetParameter",
            "ssm:GetParameter on /maintenance/demo-dev/flags/web",
        ),
        (
            &["workers", "--role", "worker", "--timeout", "1"],
            "ListFunctions",
            "lambda:ListFunctions",
        ),
        (
            &["on", "--dry-run", "--timeout", "1"],
            "GetParameter",
            "ssm:GetParameter",
        ),
    ] {
        env.sandbox().inject(Fault::on(operation).always().hang());
        let output = env.run(arguments);
        assert!(output.code(1).stderr.contains(why), "{output:#?}");
        output.says("\nCaused by: AWS did not answer for 1 s\nHint: check the network, the region");
        let_go(&env);
    }
}

#[test]
fn an_operation_waits_for_an_answer_for_as_long_as_it_takes() {
    let env = env();
    env.sandbox().inject(Fault::on("GetFunction").hang());
    let off = ["off", "--role", "worker", "--timeout", "1"];
    let running = env.start(&off);
    env.wait_until_hanging();
    running.says("AWS has not answered ");
    let_go(&env);
    running
        .wait()
        .code(0)
        .says("Worker maintenance has been turned off\n");
}
