//! Every app below the prefix that has a flag.

use maintenance_sandbox::{EmptyPages, Fault, FunctionSpec};
use maintenance_tests::TestEnv;
use serde_json::{Value, json};

/// Apps and what else is below the prefix.
fn fill(write: impl Fn(&str, &str)) {
    for (name, value) in [
        ("shop-prod/flags/web", "on"),
        ("shop-prod/flags/jobs", "offf"),
        (
            "billing-prod/flags/web",
            r#"{"schema":1,"mode":"off","by":"ben@desk","since":"2026-11-21T08:30:00Z"}"#,
        ),
        // None of these is an app.
        ("shop-prod/lease/1", "{}"),
        ("old-prod/capacity/worker/20261121T083000Z-00001a2b/1", "{}"),
        ("old-prod/tokens/9999999999", "{}"),
        ("old-prod/flags/web/more", "on"),
        ("unnamed/flags/web", "on"),
        ("team/x-dev/flags/web", "on"),
    ] {
        write(&format!("/maintenance/{name}"), value);
    }
    for n in 0..12 {
        write(
            &format!("/maintenance/shop-prod/capacity/worker/20261121T083000Z-00001a2b/{n}"),
            "{}",
        );
    }
    write("/maintenancex/y-dev/flags/web", "on");
}

fn check(env: &TestEnv) {
    env.run(&["on", "--read-only", "-y", "--reason", "new database"])
        .code(0);
    let output = env.run(&["apps"]);
    let since =
        regex_lite::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC").expect("an expression");
    let table = since.replace_all(&output.stdout, "YYYY-MM-DD HH:MM:SS UTC");
    assert_eq!(
        table,
        "APP           ROLE  MODE       SINCE                    BY          REASON\n\
         billing-prod  web   off        YYYY-MM-DD HH:MM:SS UTC  ben@desk    -\n\
         demo-dev      web   read-only  YYYY-MM-DD HH:MM:SS UTC  ana@laptop  new database\n\
         shop-prod     jobs  malformed  -                        -           -\n\
         shop-prod     web   on         -                        -           -\n"
    );
    output.code(0);
    assert_eq!(output.stderr, "");
    let output = env.run(&["apps", "--json"]);
    output.code(0);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["prefix"], "/maintenance");
    let apps = document["apps"].as_array().unwrap();
    let names: Vec<_> = apps.iter().map(|app| &app["app"]).collect();
    assert_eq!(names, ["billing-prod", "demo-dev", "shop-prod"]);
    let demo = &apps[1]["roles"][0];
    assert_eq!(
        (&demo["maintenance"], &demo["mode"]),
        (&json!("on"), &json!("read-only"))
    );
    assert_eq!(apps[2]["roles"][0]["maintenance"], "malformed");
}

#[test]
fn every_app_with_a_flag_is_listed_and_nothing_else() {
    let env = TestEnv::aws();
    env.sandbox()
        .configure(|settings| settings.ssm.empty_pages = EmptyPages::Every(1));
    fill(|name, value| env.sandbox().set_parameter(name, value));
    check(&env);
}

#[test]
fn a_folder_is_listed_alike() {
    let env = TestEnv::files();
    fill(|name, value| env.write(&format!("store{name}"), value));
    check(&env);
}

#[test]
fn apps_needs_no_app_and_no_function_and_says_what_it_may_not_read() {
    let mut env = TestEnv::aws();
    env.sandbox().seed(FunctionSpec::new("demo-dev-worker"));
    env.unset("MAINTENANCE_APP");
    env.unset("MAINTENANCE_ENV");
    env.run(&["apps"])
        .exactly(0, "", "No app has a flag below /maintenance in ssm\n");
    let calls = env.sandbox().calls();
    assert!(
        calls
            .iter()
            .all(|it| it.call.operation == "GetParametersByPath"),
        "{calls:#?}"
    );
    env.run(&["apps", "--app", "demo"])
        .code(2)
        .says("'--app' is not an option of `maintenance apps`");
    let fault = Fault::on("GetParametersByPath").always();
    env.sandbox().inject(fault.access_denied());
    env.run(&["apps"])
        .refuses(1, "not allowed to ssm:GetParametersByPath on /maintenance");
}
