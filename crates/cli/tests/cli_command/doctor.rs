//! What would go wrong, found without changing anything.

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::{Output, TestEnv};
use serde_json::Value;

fn app() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-worker-*\"]\n",
    );
    let worker = FunctionSpec::new("demo-dev-worker-mail").reserved(20);
    env.sandbox().seed(worker);
    env
}

/// The lines of a check.
#[track_caller]
fn has(output: &Output, line: &str) {
    assert!(output.stdout.contains(line), "no {line:?}: {output:#?}");
}

#[test]
fn where_all_is_well_it_says_so_and_writes_nothing() {
    let env = app();
    let output = env.run(&["doctor"]);
    output.code(0);
    for line in [
        "ok           credentials: calls AWS as arn:aws:iam::123456789012:user/AKIASANDBOX (account 123456789012) in us-east-1\n",
        "ok           clock: this machine's clock is ",
        "ok           web flag: its flag is off\n",
        "ok           worker flag: its flag is off\n",
        "ok           lease: no operation is running\n",
        "ok           worker functions: it selects 1 function\n",
        "ok           concurrency: 980 of the account's 1000 concurrent executions are unreserved; `off` reserves 0\n",
        "ok           permissions: IAM allows all 19 actions that `on` and `off` need\n",
        "not checked  gate: whether the site has a gate: where it is, is not known\n             Hint: set url in maintenance.toml\n",
    ] {
        has(&output, line);
    }
    assert!(
        env.sandbox().writes().is_empty(),
        "{:#?}",
        env.sandbox().writes()
    );
    let screen = env.on_screen(80, &["doctor"], "");
    let longest = screen.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{screen:#?}");
    // While it is on, too, and `off` is looked at.
    env.run(&["on", "--all", "-y"]).code(0);
    let output = env.run(&["doctor", "-q"]);
    output.code(0);
    has(
        &output,
        "ok           web flag: its flag is on, turned on by ana@laptop\n",
    );
    has(
        &output,
        "ok           worker restore: `off` would restore 1 function\n",
    );
    has(&output, "`off` reserves 20\n");
}

#[test]
fn a_missing_permission_is_found_by_asking_and_by_trying() {
    let env = app();
    let deny = |action: &str| {
        env.sandbox().configure(|settings| {
            settings.iam.denied = [action.to_owned()].into();
        });
        env.run(&["doctor"])
    };
    let output = deny("lambda:PutFunctionConcurrency");
    output.code(1);
    has(
        &output,
        "failed       permissions: IAM does not allow lambda:PutFunctionConcurrency to arn:aws:iam::123456789012:user/AKIASANDBOX\n\
         \x20            Hint: allow lambda:PutFunctionConcurrency in the IAM policy of your user or role\n",
    );
    let output = deny("ssm:GetParameter");
    output.code(1);
    has(
        &output,
        "failed       web store: not allowed to ssm:GetParameter on /maintenance/demo-dev/flags/web",
    );
    // The history is no operation's business.
    let output = deny("ssm:GetParameterHistory");
    output.code(0);
    has(
        &output,
        "warning      history: `maintenance history` does not work: not allowed to ssm:GetParameterHistory",
    );
    let output = deny("ssm:GetParametersByPath");
    output.code(1);
    has(&output, "failed       lease: ");
    // Where the simulator may not be asked, the reads have been tried all the same.
    env.sandbox().configure(|settings| {
        settings.iam.denied.clear();
        settings.iam.may_simulate = false;
    });
    let output = env.run(&["doctor"]);
    output.code(0);
    has(
        &output,
        "not checked  permissions: whether IAM allows the writes: AccessDenied: User: arn:aws:iam::123456789012:user/AKIASANDBOX",
    );
    has(&output, "Hint: allow iam:SimulatePrincipalPolicy");
}

#[test]
fn what_an_operation_would_stumble_over_is_named_with_what_to_do() {
    let env = app();
    crate::events::allow(&env, "demo-dev-worker-mail", "s3.amazonaws.com");
    env.sandbox()
        .set_parameter("/maintenance/demo-dev/flags/web", "offf");
    let output = env.run(&["doctor", "--json"]);
    output.code(1);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["app"], "demo-dev");
    let of = |check: &str| {
        let mut checks = document["checks"].as_array().unwrap().iter();
        checks
            .find(|it| it["check"] == check && it["result"] != "ok")
            .cloned()
    };
    let flag = of("flag").unwrap();
    assert_eq!(
        (&flag["role"], &flag["result"]),
        (&"web".into(), &"failed".into())
    );
    assert_eq!(
        flag["text"],
        "the stored value is malformed: it is not JSON"
    );
    let events = of("events").unwrap();
    assert_eq!(events["result"], "warning");
    assert!(
        events["text"]
            .as_str()
            .unwrap()
            .contains("s3.amazonaws.com"),
        "{events:#}"
    );
    assert!(
        events["hint"]
            .as_str()
            .unwrap()
            .contains("dead-letter queue"),
        "{events:#}"
    );

    // A selection that finds nothing, and one of whose globs finds nothing.
    let env = app();
    let output = env.run(&["doctor", "--role", "worker", "--function", "nothing-*"]);
    output.code(1);
    has(
        &output,
        "failed       worker functions: the worker role selects functions, but none matches",
    );
    let both = [
        "doctor",
        "--role",
        "worker",
        "--function",
        "nothing-*",
        "--function",
        "demo-*",
    ];
    let output = env.run(&both);
    output.code(0);
    has(
        &output,
        "warning      worker functions: no function matches nothing-*\n",
    );

    // An operation that died.
    let env = app();
    env.sandbox()
        .inject(Fault::on("PutFunctionConcurrency").always().hang());
    let running = env.start(&["on", "--role", "worker", "-y"]);
    env.wait_until_hanging();
    running.kill();
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    let output = env.run(&["doctor"]);
    has(
        &output,
        "warning      lease: ana@laptop operates on it (on worker) since ",
    );
    has(&output, "run `maintenance unlock`");
}

#[test]
fn a_reservation_that_another_took_meanwhile_keeps_off_from_giving_back_and_is_found_before() {
    let env = app();
    env.run(&["on", "--role", "worker", "-y"]).code(0);
    env.sandbox()
        .seed(FunctionSpec::new("greedy").reserved(890));
    let output = env.run(&["doctor"]);
    output.code(1);
    has(
        &output,
        "failed       concurrency: 110 of the account's 1000 concurrent executions are unreserved; `off` reserves 20\n",
    );
    env.run(&["off", "--role", "worker"]).code(4);
}

#[test]
fn without_credentials_nothing_else_is_asked_and_a_folder_needs_none() {
    let mut env = app();
    env.unset("AWS_ACCESS_KEY_ID");
    env.unset("AWS_SECRET_ACCESS_KEY");
    let output = env.run(&["doctor"]);
    output.code(1);
    has(
        &output,
        "failed       credentials: no AWS credentials were found",
    );
    has(
        &output,
        "not checked  store: the store, the functions and IAM: AWS cannot be called\n",
    );
    assert!(env.sandbox().calls().is_empty());

    let env = TestEnv::files();
    let output = env.run(&["doctor"]);
    output.code(0);
    has(
        &output,
        "ok           credentials: the store is a folder, and no role selects functions: no AWS is needed\n",
    );
    assert!(!env.folder().join("store").exists());
}
