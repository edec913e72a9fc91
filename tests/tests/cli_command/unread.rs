//! What cannot be read hides nothing that can, and never passes for `off`.

use maintenance_sandbox::{Fault, FunctionSpec, Service};
use maintenance_tests::Scene;
use serde_json::{Value, json};

const LIST: &str = "not allowed to lambda:ListFunctions on all functions: AccessDeniedException: ";
const ALLOW_LIST: &str = "allow lambda:ListFunctions in the IAM policy of your user or role";

/// With a worker role of two functions.
fn scene() -> Scene {
    let scene = Scene::aws();
    scene.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    for name in ["demo-dev-a", "demo-dev-b"] {
        scene.sandbox().seed(FunctionSpec::new(name).reserved(7));
    }
    scene
}

fn deny_lambda(scene: &Scene) {
    let lambda = Fault::any_call().service(Service::Lambda).always();
    scene.sandbox().inject(lambda.access_denied());
}

fn deny_saved(scene: &Scene) {
    let listing = Fault::on("GetParametersByPath").always();
    scene.sandbox().inject(listing.access_denied());
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
    let scene = scene();
    scene.run(&["on", "-y", "--role", "worker"]).code(0);
    deny_lambda(&scene);
    let ran = scene.run(&["status", "--role", "worker"]).timeless();
    ran.code(1).stdout("on\n");
    assert_eq!(
        said(&ran.stderr),
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
    let ran = scene.run(&["status", "--all", "-q"]);
    ran.code(1).stdout("web off\nworker on\n");
    assert_eq!(said(&ran.stderr).len(), 3, "{ran:#?}");

    // That it is on is known; whether it is paused is not.
    scene
        .run(&["status", "--all", "--exit-code"])
        .code(10)
        .stdout("web off\nworker on\n")
        .says("\nError: the functions of the worker role could not be read\n");

    scene.sandbox().clear_faults();
    scene
        .run(&["status", "--role", "worker"])
        .code(0)
        .stdout("on\n");
}

#[test]
fn the_document_has_the_flag_and_what_could_not_be_read() {
    let scene = scene();
    scene
        .run(&["on", "-y", "--role", "worker", "--reason", "a new database"])
        .code(0);
    deny_lambda(&scene);
    let ran = scene.run(&["status", "--all", "--json"]);
    ran.code(1)
        .says("\nError: the functions of the worker role could not be read\n");
    let document = ran.json();
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
    let scene = scene();
    deny_lambda(&scene);
    scene
        .run(&["status", "--all", "--exit-code"])
        .code(0)
        .stdout("web off\nworker off\n");
}

#[test]
fn saved_capacity_that_cannot_be_listed_hides_no_flag_and_is_not_all_well() {
    let scene = scene();
    deny_saved(&scene);
    // Off is what its flag says; whether all of it is back is not known.
    for exit_code in [&[][..], &["--exit-code"]] {
        let ran = scene.run(&[&["status", "--role", "worker"], exit_code].concat());
        ran.code(1).stdout("off\n");
        assert_eq!(
            said(&ran.stderr),
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
    scene.sandbox().clear_faults();
    scene.run(&["on", "-y", "--all"]).code(0);
    deny_saved(&scene);
    let ran = scene.run(&["status", "--all", "--exit-code", "--json"]);
    ran.code(10)
        .says("\nError: the saved settings of the web and worker roles could not be read\n")
        .says("\nCaused by: web: not allowed to ssm:GetParametersByPath on ")
        .says("\nCaused by: worker: not allowed to ssm:GetParametersByPath on ");
    assert_eq!(ran.stderr.matches("Hint: ").count(), 1, "{ran:#?}");
    for role in ran.json()["roles"].as_array().unwrap() {
        assert_eq!(role["maintenance"], "on");
        assert_eq!(role["unread"][0]["part"], "saved");
        assert!(role.get("workers").is_none(), "{role}");
    }
}

#[test]
fn damaged_saved_capacity_is_no_count_of_functions() {
    let scene = scene();
    scene.run(&["on", "-y", "--role", "worker"]).code(0);
    let saved = scene.sandbox().parameters().into_keys();
    let saved = saved.into_iter().find(|name| name.contains("/capacity/"));
    let saved = saved.expect("what the functions had");
    scene.sandbox().set_parameter(&saved, "{");
    let ran = scene.run(&["status", "--role", "worker"]).timeless();
    ran.code(1)
        .stdout("on\n")
        .says("\nError: the saved settings of the worker role could not be read\n")
        .says(&format!("\nCaused by: cannot read {saved}: "))
        .says(&format!("\nHint: look at {saved} by hand"));
    assert!(!ran.stderr.contains("paused"), "nobody knows: {ran:#?}");
}

#[test]
fn one_roles_flag_that_cannot_be_read_hides_no_others() {
    let scene = scene();
    let denied = || Fault::on("GetParameter").always();
    scene
        .sandbox()
        .inject(denied().target("/flags/worker").access_denied());
    let ran = scene.run(&["status", "--all", "--exit-code"]);
    ran.code(1).stdout("web off\nworker unknown\n");
    assert_eq!(
        said(&ran.stderr),
        [
            "Maintenance status for demo-dev",
            "Error: the flag of the worker role could not be read",
            "Caused by: not allowed to ssm:GetParameter on \
             /maintenance/demo-dev/flags/worker: AccessDenied",
            "Hint: allow ssm:GetParameter in the IAM policy of your user or role",
        ]
    );
    let worker = scene.run(&["status", "--all", "--json"]).code(1).json()["roles"][1].take();
    assert_eq!(worker["maintenance"], "unknown");
    assert_eq!(worker["unread"][0]["part"], "flag");

    scene.run(&["on", "-y"]).code(0);
    scene
        .run(&["status", "--all", "--exit-code"])
        .code(10)
        .stdout("web on\nworker unknown\n");

    // Where none can be read, there is nothing to answer.
    scene.sandbox().inject(denied().access_denied());
    for roles in [&["--all"][..], &["--role", "worker"]] {
        let ran = scene.run(&[&["status", "--exit-code"], roles].concat());
        ran.code(1).stdout("").says("Error: not allowed to ssm:");
    }
}

#[test]
fn a_malformed_flag_beside_others_hides_nothing_either() {
    let scene = scene();
    scene.run(&["on", "-y", "--role", "worker"]).code(0);
    scene
        .sandbox()
        .set_parameter("/maintenance/demo-dev/flags/web", "offf");
    deny_lambda(&scene);
    let ran = scene.run(&["status", "--all"]);
    ran.code(1).stdout("web malformed\nworker on\n");
    ran.says(
        "\nError: the flag of the web role is malformed, and the functions of the worker role \
         could not be read\nCaused by: web: ",
    );
    ran.says("\nCaused by: worker: not allowed to lambda:ListFunctions ");
    assert_eq!(ran.stderr.matches("Hint: ").count(), 2, "{ran:#?}");
    scene.run(&["status", "--all", "--exit-code"]).code(10);
}

#[test]
fn one_function_that_cannot_be_read_is_named_and_hides_no_other() {
    let scene = scene();
    scene.run(&["on", "-y", "--role", "worker"]).code(0);
    let denied = Fault::on("GetFunction").target("demo-dev-b").always();
    scene.sandbox().inject(denied.access_denied());
    let ran = scene.run(&["status", "--role", "worker"]).timeless();
    ran.code(1).stdout("on\n");
    let problem = [
        "Caused by: demo-dev-b: not allowed to lambda:GetFunction on demo-dev-b: AccessDenied",
        "Hint: allow lambda:GetFunction in the IAM policy of your user or role",
    ];
    assert_eq!(
        said(&ran.stderr),
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
    let json = scene.run(&["status", "--role", "worker", "--json"]);
    let worker = json.code(1).json()["roles"][0].take();
    assert_eq!(worker["unread"][0]["function"], "demo-dev-b");
    // Whoever looks at nothing else must not take it for paused.
    assert_eq!(worker["workers"]["pending"], json!(["demo-dev-b"]));

    // The table has what is known.
    let ran = scene.run(&["workers"]);
    ran.code(1).stdout(
        "ROLE    FUNCTION    STATE   RESERVED  PROVISIONED  SOURCES  TIMEOUT  SAVED\n\
         worker  demo-dev-a  paused  0         -            -        3s       reserved=7\n",
    );
    assert_eq!(
        said(&ran.stderr),
        [
            "Error: 1 function could not be read",
            problem[0],
            problem[1]
        ]
    );
    let document = scene.run(&["workers", "--json"]).code(1).json();
    assert_eq!(document["workers"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["unread"][0]["function"], "demo-dev-b");
    assert_eq!(document.get("error"), None::<&Value>);
}

#[test]
fn a_table_that_would_not_be_true_is_none() {
    let scene = scene();
    scene.run(&["on", "-y", "--role", "worker"]).code(0);
    deny_lambda(&scene);
    scene
        .run(&["workers"])
        .refuses(1, "not allowed to lambda:ListFunctions on all functions");
    scene.sandbox().clear_faults();
    deny_saved(&scene);
    let table = scene.run(&["workers", "--role", "worker"]);
    table.refuses(
        1,
        "not allowed to ssm:GetParametersByPath on /maintenance/demo-dev/capacity",
    );
}
