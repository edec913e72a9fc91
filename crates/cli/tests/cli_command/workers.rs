//! What is said of functions, and that a plan changes nothing.

use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};
use maintenance_tests::TestEnv;

fn env() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\nexclude = [\"*-prewarm\"]\n",
    );
    let functions = [
        FunctionSpec::new("demo-dev-limited").reserved(20),
        FunctionSpec::new("demo-dev-prewarm").reserved(1),
        FunctionSpec::new("demo-dev-queue").mapping(MappingSpec::sqs("orders")),
        FunctionSpec::new("demo-dev-unset"),
        FunctionSpec::new("other"),
    ];
    for function in functions {
        env.sandbox().seed(function);
    }
    env
}

#[test]
fn on_and_off_count_functions() {
    let env = env();
    let before = env.sandbox().fleet();
    let worker = ["--role", "worker"];
    let run = |arguments: &[&str]| env.run(&[arguments, &worker].concat());
    run(&["on", "-y"]).timeless().exactly(
        0,
        "",
        "Enabling worker maintenance mode for demo-dev\n\
         Worker maintenance has been turned on\n\
         3 functions paused\n\
         Safe to migrate after TIME; in-flight invocations may run until then\n",
    );
    run(&["status"]).timeless().exactly(
        0,
        "on\n",
        "Worker maintenance status for demo-dev\n\
         Worker maintenance is on since TIME by ana@laptop\n\
         \x20 safe to migrate after TIME\n\
         \x20 3 of 3 functions of the worker role paused\n",
    );
    let output = run(&["on", "-y"]);
    output.code(0).says("Worker maintenance is already on\n");
    run(&["off"]).exactly(
        0,
        "",
        "Disabling worker maintenance mode for demo-dev\n\
         Worker maintenance has been turned off\n\
         3 functions restored\n",
    );
    assert_eq!(env.sandbox().fleet(), before);
    run(&["off"]).exactly(0, "", "Worker maintenance is already off\n");
}

#[test]
fn a_plan_names_the_functions_and_makes_no_write_call() {
    let env = env();
    env.run(&["on", "--all", "--dry-run"]).exactly(
        0,
        "Would enable web maintenance mode for demo-dev\n\
         Would enable worker maintenance mode for demo-dev\n\
         Would pause 3 functions:\n\
         \x20 demo-dev-limited: no triggers\n\
         \x20 demo-dev-queue: messages from sqs orders wait in the queue\n\
         \x20 demo-dev-unset: no triggers\n",
        "Not checked: invocations made through an IAM role (EventBridge Scheduler, Step Functions, other \
         accounts, your own code)\n",
    );
    env.run(&["off", "--all", "--dry-run"]).exactly(
        0,
        "Worker maintenance is already off\nWeb maintenance is already off\n",
        "",
    );
    assert!(
        env.sandbox().writes().is_empty(),
        "{:#?}",
        env.sandbox().writes()
    );
    env.run(&["on", "--all", "-y"]).code(0);
    env.sandbox().reset_calls();
    env.run(&["off", "--all", "--dry-run"]).exactly(
        0,
        "Would disable worker maintenance mode for demo-dev\n\
         Would restore 3 functions:\n\
         \x20 demo-dev-limited\n\
         \x20 demo-dev-queue\n\
         \x20 demo-dev-unset\n\
         Would disable web maintenance mode for demo-dev\n",
        "",
    );
    assert!(
        env.sandbox().writes().is_empty(),
        "{:#?}",
        env.sandbox().writes()
    );
}

#[test]
fn a_plan_of_files_leaves_no_file() {
    let env = TestEnv::files();
    env.run(&["on", "--dry-run"]).exactly(
        0,
        "Would enable web maintenance mode for demo-dev\n",
        "",
    );
    assert!(!env.folder().join("store").exists());
}

#[test]
fn to_look_writes_nothing_and_already_so_writes_no_more_than_its_lease() {
    let env = env();
    env.run(&["status", "--all"]).code(0);
    assert!(
        env.sandbox().writes().is_empty(),
        "{:#?}",
        env.sandbox().writes()
    );
    env.run(&["off", "--all"]).code(0);
    let writes = env.sandbox().writes();
    let is_lease =
        |target: &Option<String>| target.as_ref().is_some_and(|it| it.contains("/lease/"));
    assert!(
        writes.iter().all(|write| is_lease(&write.call.target)),
        "{writes:#?}"
    );
}

#[test]
fn functions_on_the_command_line_stand_for_those_of_the_role() {
    let env = env();
    let arguments = [
        "--role",
        "worker",
        "--function",
        "demo-dev-unset",
        "--function",
        "oth*",
    ];
    env.run(&[&["on", "--dry-run"][..], &arguments].concat())
        .code(0)
        .stdout(
            "Would enable worker maintenance mode for demo-dev\n\
         Would pause 2 functions:\n\
         \x20 demo-dev-unset: no triggers\n\
         \x20 other: no triggers\n",
        );
}

#[test]
fn a_selection_that_finds_nothing_is_an_error() {
    let env = env();
    let output = env.run(&["on", "-y", "--role", "worker", "--function", "nothing-*"]);
    output.refuses(1, "the worker role selects functions, but none matches");
    output.says("\nHint: looked for nothing-*");
    assert!(
        env.sandbox()
            .writes()
            .iter()
            .all(|call| !call.call.operation.contains("Function"))
    );
    env.run(&["status", "--role", "worker"])
        .code(0)
        .stdout("off\n");
}

#[test]
fn what_drifted_and_what_is_gone_is_named() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    env.sandbox()
        .set_reserved("demo-dev-limited", Some(7))
        .unwrap();
    env.sandbox().delete_function("demo-dev-unset").unwrap();
    let output = env.run(&["status", "--role", "worker"]);
    output
        .code(0)
        .stdout("on\n")
        .says("\n  demo-dev-limited drifted: changed while paused\n");
    output.says("\n  demo-dev-unset no longer exists, but its settings are saved\n");
    let output = env.run(&["off", "--role", "worker"]);
    output
        .code(0)
        .says("\nWorker maintenance has been turned off\n");
    output.says(
        "\n1 function restored\n\
         1 function drifted\n\
         demo-dev-limited drifted: reserved concurrency changed to 7 while paused (saved: 20); left \
         unchanged\n\
         The saved values are deleted now: to restore one, set it by hand\n\
         demo-dev-unset no longer exists; its saved settings were reserved=unset\n",
    );
    assert_eq!(env.sandbox().fleet()["demo-dev-limited"].reserved, Some(7));
}

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_call_is_made_again() {
    let env = env();
    let before = env.sandbox().fleet();
    for operation in ["GetFunction", "GetPolicy", "PutFunctionConcurrency"] {
        let breaks = Fault::on(operation).after();
        env.sandbox().inject(breaks.drop_connection());
    }
    for target in ["/flags/worker", "/capacity/worker"] {
        let breaks = Fault::on("PutParameter").target(target).after();
        env.sandbox().inject(breaks.drop_connection());
    }
    env.run(&["on", "-y", "--role", "worker"])
        .code(0)
        .says("3 functions paused\n");
    let breaks = Fault::on("DeleteFunctionConcurrency").after();
    env.sandbox().inject(breaks.drop_connection());
    env.run(&["off", "--role", "worker"])
        .code(0)
        .says("3 functions restored\n");
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn off_restores_what_was_saved_over_somebody_elses_only_for_who_insists() {
    for (insist, reserved) in [(false, 7), (true, 5)] {
        let env = TestEnv::aws();
        let function = FunctionSpec::new("demo-dev-a").reserved(5);
        env.sandbox().seed(function);
        env.run(&["on", "-y", "--role", "worker", "--function", "demo-*"])
            .code(0);
        env.sandbox()
            .set_reserved("demo-dev-a", Some(7))
            .expect("it exists");
        let mut command = vec!["off", "--role", "worker"];
        if insist {
            command.push("--restore-saved");
        }
        env.run(&command).code(0);
        let now = env.sandbox().fleet()["demo-dev-a"].reserved;
        assert_eq!(now, Some(reserved));
    }
}

#[test]
fn what_drifted_is_counted_as_drifted_alone_and_on_does_not_say_to_run_it_again() {
    let env = env();
    let on = ["on", "-y", "--role", "worker"];
    env.run(&on).code(0);
    let edited = env.sandbox().set_reserved("demo-dev-limited", Some(7));
    edited.expect("it exists");
    let drifted = "demo-dev-limited drifted: reserved concurrency changed to 7 while paused (saved: 20); left \
                   unchanged\n";
    for _ in 0..2 {
        env.run(&on).exactly(
            4,
            "",
            &format!(
                "Worker maintenance is already on\n\
                 2 functions already at zero\n\
                 1 function drifted\n\
                 Error: 1 of 3 functions of the worker role is not paused\n\
                 Caused by: {drifted}\
                 Hint: leave what drifted as it is; or, to pause it too, run `maintenance off --role \
                 worker`, then the same command again\n"
            ),
        );
    }
    let output = env.run(&[&on[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("one document");
    let workers = &report["roles"][0]["workers"];
    assert_eq!(workers["changed"], serde_json::json!([]));
    let unchanged = serde_json::json!(["demo-dev-queue", "demo-dev-unset"]);
    assert_eq!(workers["unchanged"], unchanged);
    assert_eq!(workers["drifted"][0]["function"], "demo-dev-limited");

    let plan = ["off", "--role", "worker", "--dry-run"];
    let output = env.run(&plan);
    let planned = &output.code(0).stdout;
    assert!(
        planned.contains("Would restore 2 functions:\n"),
        "{planned}"
    );
    assert!(
        planned.contains(
            "`maintenance off --restore-saved --role worker` restores the saved values instead\n"
        ),
        "{planned}"
    );
    // What the hint says is so.
    env.run(&["off", "--role", "worker"]).code(0);
    env.run(&on).code(0).says("3 functions paused\n");
    env.run(&["off", "--role", "worker"]).code(0);
    let fleet = env.sandbox().fleet();
    assert_eq!(fleet["demo-dev-limited"].reserved, Some(7));
}

#[test]
fn what_somebody_changes_while_on_is_at_work_comes_back_as_they_changed_it() {
    let env = env();
    let sandbox = env.sandbox().clone();
    // It has been read with all others, and is read again just before it is paused.
    let read_again = Fault::on("GetFunction").target("demo-dev-limited").nth(2);
    env.sandbox().inject(read_again.hook(move |_| {
        let edited = sandbox.set_reserved("demo-dev-limited", Some(9));
        edited.expect("it exists");
    }));
    env.run(&["on", "-y", "--role", "worker"])
        .code(0)
        .says("3 functions paused\n");
    let output = env.run(&["off", "--role", "worker"]);
    output.code(0).says("3 functions restored\n");
    assert!(!output.stderr.contains("drifted"), "{output:#?}");
    let fleet = env.sandbox().fleet();
    assert_eq!(fleet["demo-dev-limited"].reserved, Some(9));
}

#[test]
fn what_is_given_up_is_in_the_report_with_all_that_was_saved_of_it() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    env.sandbox().delete_function("demo-dev-limited").unwrap();
    let output = env.run(&["off", "--role", "worker", "--json"]);
    output.code(0);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("one document");
    let workers = &report["roles"][0]["workers"];
    let given_up = serde_json::json!([{"what": "demo-dev-limited", "reserved": 20}]);
    assert_eq!(workers["given_up"], given_up);
    assert_eq!(workers["gone"], serde_json::json!(["demo-dev-limited"]));
}
