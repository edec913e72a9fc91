//! What a command says to do next, and how it counts: true of what it acted on.

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::Scene;

const WORKERS: &str = "[roles.worker]\nfunctions = [\"demo-prod-*\"]\n";

/// Two workers of demo-prod, one of which keeps failing; the configuration has a folder of its own.
fn prod() -> Scene {
    let scene = Scene::aws();
    scene.write("my apps/prod.toml", WORKERS);
    for name in ["demo-prod-a", "demo-prod-b"] {
        scene.sandbox().seed(FunctionSpec::new(name).reserved(7));
    }
    scene
}

fn fails(scene: &Scene, operation: &str) {
    let denied = Fault::on(operation).target("demo-prod-b").always();
    scene.sandbox().inject(denied.access_denied());
}

const PROD: [&str; 6] = [
    "--env",
    "prod",
    "--config",
    "my apps/prod.toml",
    "--region",
    "us-east-1",
];

fn run(scene: &Scene, arguments: &[&str]) -> maintenance_tests::Ran {
    scene.run(&[arguments, &PROD].concat())
}

/// `PROD` as a shell takes it, whichever folder it is in then.
fn typed(scene: &Scene) -> String {
    let config = scene.folder().canonicalize().expect("a folder");
    let config = config.join("my apps/prod.toml");
    format!(
        "--env prod --config '{}' --region us-east-1",
        config.display()
    )
}

#[test]
fn the_way_back_keeps_every_option_that_chose_what_was_acted_on() {
    let scene = prod();
    let prod = typed(&scene);
    scene.sandbox().inject(
        Fault::on("PutParameter")
            .target("/capacity/")
            .always()
            .access_denied(),
    );
    let ran = run(&scene, &["on", "--all", "-y"]);
    ran.code(1).says(&format!(
        "continue, or `maintenance off --all {prod}` to undo it\n"
    ));
    // The same in a document.
    let hint = run(&scene, &["on", "--all", "-y", "--json"]).json()["error"]["hint"].take();
    let hint = hint.as_str().expect("a hint");
    assert!(
        hint.contains(&format!("`maintenance off --all {prod}`")),
        "{hint}"
    );

    // What is shown beside a status is advice, too.
    scene.sandbox().clear_faults();
    run(
        &scene,
        &["on", "--all", "-y", "--until", "2026-01-01T00:00:00Z"],
    )
    .code(2);
    run(&scene, &["on", "--all", "-y", "--for", "1h"]).code(0);
    run(&scene, &["status"])
        .code(0)
        .says(&format!(": it stays on until `maintenance off {prod}`\n"));
    let off = "{\"schema\":1,\"mode\":\"off\"}";
    scene
        .sandbox()
        .set_parameter("/maintenance/demo-prod/flags/worker", off);
    run(&scene, &["status", "--all"]).code(0).says(&format!(
        "Warning: it is off, but the settings of 2 functions are still saved: run `maintenance off \
         --role worker {prod}`\n"
    ));
}

#[test]
fn advice_from_the_library_names_the_app_as_well() {
    let scene = Scene::aws();
    let store = ["--app", "shop", "--store", "file:it's here"];
    let run = |arguments: &[&str]| scene.run(&[arguments, &store].concat());
    let folder = scene.folder().canonicalize().expect("a folder");
    let folder = folder.display();
    let typed = format!(r"--app shop --store 'file:{folder}/it'\''s here'");
    run(&["on", "-y", "--observer", "healthcheck"]).code(0);
    run(&["off"]).code(3).says(&format!(
        "override it with `maintenance off --force --reason WHY {typed}`\n"
    ));
}

#[test]
fn only_roles_whose_functions_are_not_back_are_counted() {
    let scene = prod();
    run(&scene, &["on", "--all", "-y"]).code(0);
    fails(&scene, "DeleteFunctionConcurrency");
    fails(&scene, "PutFunctionConcurrency");
    let ran = run(&scene, &["off", "--all"]);
    ran.code(4)
        .says("\nError: 1 of 2 functions of the worker role is not restored\n");
    // What is back already is neither paused nor about to be.
    let table = run(&scene, &["workers"]).code(0).stdout.clone();
    let states: Vec<_> = table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    assert_eq!(states, ["STATE", "restored", "paused"], "{table}");
}

#[test]
fn one_function_is_one_function() {
    let scene = prod();
    run(
        &scene,
        &["on", "-y", "--role", "worker", "--function", "demo-prod-a"],
    )
    .code(0);
    let off = "{\"schema\":1,\"mode\":\"off\"}";
    scene
        .sandbox()
        .set_parameter("/maintenance/demo-prod/flags/worker", off);
    run(&scene, &["status", "--role", "worker"])
        .code(0)
        .says("the settings of 1 function are still saved");
}

#[test]
fn a_malformed_flag_is_not_said_to_be_replaced_where_it_is_not() {
    let scene = Scene::aws();
    let flag = "/maintenance/demo-dev/flags/web";
    scene.sandbox().set_parameter(flag, "oops");
    for plan in [["on", "--dry-run"], ["off", "--dry-run"]] {
        let ran = scene.run(&plan);
        ran.code(0);
        let malformed = "\nWarning: the stored value is malformed: ";
        assert!(ran.stdout.contains(malformed), "{ran:?}");
        assert!(!ran.stdout.contains("replaced"), "{ran:?}");
    }
    assert_eq!(scene.sandbox().parameters()[flag].value, "oops");
}
