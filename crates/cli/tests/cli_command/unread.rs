//! What cannot be read hides nothing that can, and never passes for `off`.

use maintenance_sandbox::{Fault, FunctionSpec, Service};
use maintenance_tests::TestEnv;
use serde_json::{Value, json};

const LIST: &str = "not allowed to lambda:ListFunctions on all functions: AccessDeniedException: ";
const ALLOW_LIST: &str = "allow lambda:ListFunctions in the IAM policy of your user or role";

/// With a worker role of two functions.
fn env() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    for name in ["demo-dev-a", "demo-dev-b"] {
        env.sandbox().seed(FunctionSpec::new(name).reserved(7));
    }
    env
}

fn deny_lambda(env: &TestEnv) {
    let lambda = Fault::any_call().service(Service::Lambda).always();
    env.sandbox().inject(lambda.access_denied());
}

fn deny_saved(env: &TestEnv) {
    let listing = Fault::on("GetParametersByPath").always();
    env.sandbox().inject(listing.access_denied());
}

/// What is said on standard error, without AWS's own words at the end of each cause.
/// What is said of a worker role that is on.
const ON: [&str; 2] = [
    "Worker maintenance is on since TIME by ana@laptop",
    "  safe to migrate after TIME",
];

fn said(stderr: &str) -> Vec<&str> {
    let cut = |line| match str::split_once(line, "Exception: ") {
        Some((ours, _)) => ours,
        None => line,
    };
    stderr.lines().map(cut).collect()
}

#[test]
fn functions_that_cannot_be_read_hide_no_flag() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    deny_lambda(&env);
    let output = env.run(&["status", "--role", "worker"]).timeless();
    output.code(1).stdout("on\n");
    assert_eq!(
        said(&output.stderr),
        [
            "Worker maintenance status for demo-dev",
            ON[0],
            ON[1],
            "Error: the functions of the worker role could not be read",
            "Caused by: not allowed to lambda:ListFunctions on all functions: AccessDenied",
            "Hint: allow lambda:ListFunctions in the IAM policy of your user or role",
        ]
    );
    // Every role has its line, with -q too, and the error is said all the same.
    let output = env.run(&["status", "--all", "-q"]);
    output.code(1).stdout("web off\nworker on\n");
    assert_eq!(said(&output.stderr).len(), 3, "{output:#?}");

    // That it is on is known; whether it is paused is not.
    env.run(&["status", "--all", "--exit-code"])
        .code(10)
        .stdout("web off\nworker on\n")
        .says("\nError: the functions of the worker role could not be read\n");

    env.sandbox().clear_faults();
    env.run(&["status", "--role", "worker"])
        .code(0)
        .stdout("on\n");
}

#[test]
fn the_document_has_the_flag_and_what_could_not_be_read() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker", "--reason", "a new database"])
        .code(0);
    deny_lambda(&env);
    let output = env.run(&["status", "--all", "--json"]);
    output
        .code(1)
        .says("\nError: the functions of the worker role could not be read\n");
    let document = output.json();
    assert_eq!(
        document["roles"][0],
        json!({"role": "web", "maintenance": "off"})
    );
    let worker = &document["roles"][1];
    assert_eq!(worker["maintenance"], "on");
    assert_eq!(worker["reason"], "a new database");
    assert!(worker.get("workers").is_none(), "{worker}");
    let mut unread = worker["unread"].clone();
    let error = unread[0]["error"].take();
    assert!(error.as_str().unwrap().starts_with(LIST), "{error}");
    assert_eq!(
        unread,
        json!([{"part": "functions", "error": null, "hint": ALLOW_LIST}])
    );
    assert_eq!(document.get("error"), None, "the report is the answer");
}

#[test]
fn a_role_that_is_off_needs_no_lambda() {
    let env = env();
    deny_lambda(&env);
    env.run(&["status", "--all", "--exit-code"])
        .code(0)
        .stdout("web off\nworker off\n");
}

#[test]
fn saved_capacity_that_cannot_be_listed_hides_no_flag_and_is_not_all_well() {
    let env = env();
    deny_saved(&env);
    // Off is what its flag says; whether all of it is back is not known.
    for exit_code in [&[][..], &["--exit-code"]] {
        let output = env.run(&[&["status", "--role", "worker"], exit_code].concat());
        output.code(1).stdout("off\n");
        assert_eq!(
            said(&output.stderr),
            [
                "Worker maintenance status for demo-dev",
                "Error: the saved settings of the worker role could not be read",
                "Caused by: not allowed to ssm:GetParametersByPath on \
                 /maintenance/demo-dev/capacity: AccessDenied",
                "Hint: allow ssm:GetParametersByPath in the IAM policy of your user or role",
            ]
        );
    }
    // A flag alone is looked after, too, while it is on: functions may have been its own.
    env.sandbox().clear_faults();
    env.run(&["on", "-y", "--all"]).code(0);
    deny_saved(&env);
    let output = env.run(&["status", "--all", "--exit-code", "--json"]);
    output
        .code(10)
        .says("\nError: the saved settings of the web and worker roles could not be read\n")
        .says("\nCaused by: web: not allowed to ssm:GetParametersByPath on ")
        .says("\nCaused by: worker: not allowed to ssm:GetParametersByPath on ");
    assert_eq!(output.stderr.matches("Hint: ").count(), 1, "{output:#?}");
    for role in output.json()["roles"].as_array().unwrap() {
        assert_eq!(role["maintenance"], "on");
        assert_eq!(role["unread"][0]["part"], "saved");
        assert!(role.get("workers").is_none(), "{role}");
    }
}

#[test]
fn damaged_saved_capacity_is_no_count_of_functions() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    let saved = env.sandbox().parameters().into_keys();
    let saved = saved.into_iter().find(|name| name.contains("/capacity/"));
    let saved = saved.expect("what the functions had");
    env.sandbox().set_parameter(&saved, "{");
    let output = env.run(&["status", "--role", "worker"]).timeless();
    output
        .code(1)
        .stdout("on\n")
        .says("\nError: the saved settings of the worker role could not be read\n")
        .says(&format!("\nCaused by: cannot read {saved}: "))
        .says(&format!("\nHint: look at {saved} by hand"));
    assert!(
        !output.stderr.contains("paused"),
        "nobody knows: {output:#?}"
    );
}

#[test]
fn one_roles_flag_that_cannot_be_read_hides_no_others() {
    let env = env();
    let denied = || Fault::on("GetParameter").always();
    env.sandbox()
        .inject(denied().target("/flags/worker").access_denied());
    let output = env.run(&["status", "--all", "--exit-code"]);
    output.code(1).stdout("web off\nworker unknown\n");
    assert_eq!(
        said(&output.stderr),
        [
            "Maintenance status for demo-dev",
            "Error: the flag of the worker role could not be read",
            "Caused by: not allowed to ssm:GetParameter on \
             /maintenance/demo-dev/flags/worker: AccessDenied",
            "Hint: allow ssm:GetParameter in the IAM policy of your user or role",
        ]
    );
    let worker = env.run(&["status", "--all", "--json"]).code(1).json()["roles"][1].take();
    assert_eq!(worker["maintenance"], "unknown");
    assert_eq!(worker["unread"][0]["part"], "flag");

    env.run(&["on", "-y"]).code(0);
    env.run(&["status", "--all", "--exit-code"])
        .code(10)
        .stdout("web on\nworker unknown\n");

    // Where none can be read, there is nothing to answer.
    env.sandbox().inject(denied().access_denied());
    for roles in [&["--all"][..], &["--role", "worker"]] {
        let output = env.run(&[&["status", "--exit-code"], roles].concat());
        output.code(1).stdout("").says("Error: not allowed to ssm:");
    }
}

#[test]
fn a_malformed_flag_beside_others_hides_nothing_either() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    env.sandbox()
        .set_parameter("/maintenance/demo-dev/flags/web", "offf");
    deny_lambda(&env);
    let output = env.run(&["status", "--all"]);
    output.code(1).stdout("web malformed\nworker on\n");
    output.says(
        "\nError: the flag of the web role is malformed, and the functions of the worker role \
         could not be read\nCaused by: web: ",
    );
    output.says("\nCaused by: worker: not allowed to lambda:ListFunctions ");
    assert_eq!(output.stderr.matches("Hint: ").count(), 2, "{output:#?}");
    env.run(&["status", "--all", "--exit-code"]).code(10);
}

#[test]
fn one_function_that_cannot_be_read_is_named_and_hides_no_other() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    let denied = Fault::on("GetFunction").target("demo-dev-b").always();
    env.sandbox().inject(denied.access_denied());
    let output = env.run(&["status", "--role", "worker"]).timeless();
    output.code(1).stdout("on\n");
    let problem = [
        "Caused by: demo-dev-b: not allowed to lambda:GetFunction on demo-dev-b: AccessDenied",
        "Hint: allow lambda:GetFunction in the IAM policy of your user or role",
    ];
    assert_eq!(
        said(&output.stderr),
        [
            "Worker maintenance status for demo-dev",
            ON[0],
            ON[1],
            "  1 of 2 functions of the worker role paused",
            "Error: 1 function of the worker role could not be read",
            problem[0],
            problem[1],
        ]
    );
    let json = env.run(&["status", "--role", "worker", "--json"]);
    let worker = json.code(1).json()["roles"][0].take();
    assert_eq!(worker["unread"][0]["function"], "demo-dev-b");
    // Whoever looks at nothing else must not take it for paused.
    assert_eq!(worker["workers"]["pending"], json!(["demo-dev-b"]));

    // The table has what is known.
    let output = env.run(&["workers"]);
    output.code(1).stdout(
        "ROLE    FUNCTION    STATE   RESERVED  PROVISIONED  SOURCES  TIMEOUT  SAVED\n\
         worker  demo-dev-a  paused  0         -            -        3s       reserved=7\n",
    );
    assert_eq!(
        said(&output.stderr),
        [
            "Error: 1 function could not be read",
            problem[0],
            problem[1]
        ]
    );
    let document = env.run(&["workers", "--json"]).code(1).json();
    assert_eq!(document["workers"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["unread"][0]["function"], "demo-dev-b");
    assert_eq!(document.get("error"), None::<&Value>);
}

#[test]
fn a_table_that_would_not_be_true_is_none() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    deny_lambda(&env);
    env.run(&["workers"])
        .refuses(1, "not allowed to lambda:ListFunctions on all functions");
    env.sandbox().clear_faults();
    deny_saved(&env);
    let table = env.run(&["workers", "--role", "worker"]);
    table.refuses(
        1,
        "not allowed to ssm:GetParametersByPath on /maintenance/demo-dev/capacity",
    );
}
