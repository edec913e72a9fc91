//! What a command says to do next, and how it counts: true of what it acted on.

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::TestEnv;

const WORKERS: &str = "[roles.worker]\nfunctions = [\"demo-prod-*\"]\n";

/// Two workers of demo-prod, one of which keeps failing; the configuration has a folder of its own.
fn prod() -> TestEnv {
    let env = TestEnv::aws();
    env.write("my apps/prod.toml", WORKERS);
    for name in ["demo-prod-a", "demo-prod-b"] {
        env.sandbox().seed(FunctionSpec::new(name).reserved(7));
    }
    env
}

fn fails(env: &TestEnv, operation: &str) {
    let denied = Fault::on(operation).target("demo-prod-b").always();
    env.sandbox().inject(denied.access_denied());
}

const PROD: [&str; 6] = [
    "--env",
    "prod",
    "--config",
    "my apps/prod.toml",
    "--region",
    "us-east-1",
];

fn run(env: &TestEnv, arguments: &[&str]) -> maintenance_tests::Output {
    env.run(&[arguments, &PROD].concat())
}

/// `PROD` as a shell takes it, whichever folder it is in then.
fn typed(env: &TestEnv) -> String {
    let config = env.folder().canonicalize().expect("a folder");
    let config = config.join("my apps/prod.toml");
    format!(
        "--env prod --config '{}' --region us-east-1",
        config.display()
    )
}

#[test]
fn the_way_back_keeps_every_option_that_chose_what_was_acted_on() {
    let env = prod();
    let prod = typed(&env);
    env.sandbox().inject(
        Fault::on("PutParameter")
            .target("/capacity/")
            .always()
            .access_denied(),
    );
    let output = run(&env, &["on", "--all", "-y"]);
    output.code(1).says(&format!(
        "continue, or `maintenance off --all {prod}` to undo it\n"
    ));
    // The same in a document.
    let hint = run(&env, &["on", "--all", "-y", "--json"]).json()["error"]["hint"].take();
    let hint = hint.as_str().expect("a hint");
    assert!(
        hint.contains(&format!("`maintenance off --all {prod}`")),
        "{hint}"
    );

    // What is shown beside a status is advice, too.
    env.sandbox().clear_faults();
    run(
        &env,
        &["on", "--all", "-y", "--until", "2026-01-01T00:00:00Z"],
    )
    .code(2);
    run(&env, &["on", "--all", "-y", "--for", "1h"]).code(0);
    run(&env, &["status"])
        .code(0)
        .says(&format!(": it stays on until `maintenance off {prod}`\n"));
    let off = "{\"schema\":1,\"mode\":\"off\"}";
    env.sandbox()
        .set_parameter("/maintenance/demo-prod/flags/worker", off);
    run(&env, &["status", "--all"]).code(0).says(&format!(
        "Warning: it is off, but the settings of 2 functions are still saved: run `maintenance off \
         --role worker {prod}`\n"
    ));
}

#[test]
fn advice_from_the_library_names_the_app_as_well() {
    let env = TestEnv::aws();
    let store = ["--app", "shop", "--store", "file:it's here"];
    let run = |arguments: &[&str]| env.run(&[arguments, &store].concat());
    let folder = env.folder().canonicalize().expect("a folder");
    let folder = folder.display();
    let typed = format!(r"--app shop --store 'file:{folder}/it'\''s here'");
    run(&["on", "-y", "--observer", "healthcheck"]).code(0);
    run(&["off"]).code(3).says(&format!(
        "override it with `maintenance off --force --reason WHY {typed}`\n"
    ));
}

#[test]
fn only_roles_whose_functions_are_not_back_are_counted() {
    let env = prod();
    run(&env, &["on", "--all", "-y"]).code(0);
    fails(&env, "DeleteFunctionConcurrency");
    fails(&env, "PutFunctionConcurrency");
    let output = run(&env, &["off", "--all"]);
    output
        .code(4)
        .says("\nError: 1 of 2 functions of the worker role is not restored\n");
    // What is back already is neither paused nor about to be.
    let table = run(&env, &["workers"]).code(0).stdout.clone();
    let states: Vec<_> = table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    assert_eq!(states, ["STATE", "restored", "paused"], "{table}");
}

#[test]
fn one_function_is_one_function() {
    let env = prod();
    run(
        &env,
        &["on", "-y", "--role", "worker", "--function", "demo-prod-a"],
    )
    .code(0);
    let off = "{\"schema\":1,\"mode\":\"off\"}";
    env.sandbox()
        .set_parameter("/maintenance/demo-prod/flags/worker", off);
    run(&env, &["status", "--role", "worker"])
        .code(0)
        .says("the settings of 1 function are still saved");
}

#[test]
fn a_malformed_flag_is_not_said_to_be_replaced_where_it_is_not() {
    let env = TestEnv::aws();
    let flag = "/maintenance/demo-dev/flags/web";
    env.sandbox().set_parameter(flag, "oops");
    for plan in [["on", "--dry-run"], ["off", "--dry-run"]] {
        let output = env.run(&plan);
        output.code(0);
        let malformed = "\nWarning: the stored value is malformed: ";
        assert!(output.stdout.contains(malformed), "{output:?}");
        assert!(!output.stdout.contains("replaced"), "{output:?}");
    }
    assert_eq!(env.sandbox().parameters()[flag].value, "oops");
}
