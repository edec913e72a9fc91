//! What became of the roles: from Parameter Store's own versions, or from the file store's.

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::TestEnv;
use serde_json::{Value, json};

const USER: &str = "arn:aws:iam::123456789012:user/AKIASANDBOX";

fn document(env: &TestEnv, arguments: &[&str]) -> Value {
    let output = env.run(&[&["history", "--json"], arguments].concat());
    output.code(0);
    serde_json::from_str(&output.stdout).expect("a document")
}

/// Each transition in short.
fn told(document: &Value) -> Vec<Value> {
    let entries = document["history"].as_array().expect("a list").iter();
    let short = |it: &Value| {
        json!([
            it["role"],
            it["kind"],
            it["from"],
            it["to"],
            it["by"],
            it["source"],
            it["result"]
        ])
    };
    entries.map(short).collect()
}

fn app() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-worker\"]\n",
    );
    env.sandbox().seed(FunctionSpec::new("demo-dev-worker"));
    env
}

#[test]
fn a_history_tells_who_when_why_and_how_it_ended_without_one_write_of_its_own() {
    let env = app();
    env.run(&["history"])
        .exactly(0, "", "demo-dev has no history: it was never on\n");
    env.run(&["on", "--all", "-y", "--reason", "new database"])
        .code(0);
    env.run(&["on", "-y", "--message", "Back at nine."]).code(0);
    env.run(&["off", "--all"]).code(0);
    env.sandbox().reset_calls();
    let document = document(&env, &[]);
    assert!(env.sandbox().writes().is_empty());
    let ana = "ana@laptop";
    assert_eq!(
        told(&document),
        [
            json!(["web", "turned_off", "on", "off", ana, "manual", "complete"]),
            json!([
                "worker",
                "turned_off",
                "on",
                "off",
                ana,
                "manual",
                "complete"
            ]),
            json!(["web", "options_updated", "on", "on", ana, null, "complete"]),
            json!([
                "worker",
                "turned_on",
                "off",
                "on",
                ana,
                "manual",
                "complete"
            ]),
            json!(["web", "turned_on", "off", "on", ana, "manual", "complete"]),
        ]
    );
    assert_eq!(document["app"], "demo-dev");
    assert_eq!(
        (&document["more"], &document["older_not_kept"]),
        (&json!(0), &json!([]))
    );
    let web = &document["history"][4];
    assert_eq!(web["user"], USER);
    assert_eq!(web["reason"], "new database");
    assert_eq!(web["owner"], json!({"kind": "manual", "name": ana}));
    assert!(web["duration_seconds"].is_u64());
    assert_eq!(document["history"][2]["changed"], json!(["message"]));

    // As a table: one line a transition, for `cut` and `awk`.
    let output = env.run(&["history", "--role", "worker"]);
    let time =
        regex_lite::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC").expect("an expression");
    let table = time.replace_all(&output.stdout, "YYYY-MM-DD HH:MM:SS UTC");
    let seconds = regex_lite::Regex::new(r"  \d s  ").expect("an expression");
    let table = seconds.replace_all(&table, "  N s  ");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines,
        [
            "WHEN                     ROLE    CHANGE    BY          SOURCE  DURATION  RESULT    \
             USER                                        NOTE",
            "YYYY-MM-DD HH:MM:SS UTC  worker  on → off  ana@laptop  manual  N s       complete  \
             arn:aws:iam::123456789012:user/AKIASANDBOX  -",
            "YYYY-MM-DD HH:MM:SS UTC  worker  off → on  ana@laptop  manual  N s       complete  \
             arn:aws:iam::123456789012:user/AKIASANDBOX  new database",
        ]
    );
    assert_eq!(output.stderr, "History of demo-dev\n");
    // On a screen of 80 columns, the rest is below each.
    let screen = env.on_screen(80, &["history", "--role", "worker"], "");
    let longest = screen.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{screen:#?}");
    assert!(screen.stdout.contains("\n    new database"), "{screen:#?}");
    assert!(
        screen.stdout.contains(&format!("\n    as {USER}")),
        "{screen:#?}"
    );
    let output = env.run(&["history", "-n", "2", "-q"]);
    output.code(0);
    assert_eq!(
        (output.stdout.lines().count(), output.stderr.as_str()),
        (3, "")
    );
    env.run(&["history", "-n", "2"])
        .says("3 more: pass --limit 5\n");
}

#[test]
fn a_store_in_a_folder_keeps_its_own() {
    let env = TestEnv::files();
    env.run(&[
        "on",
        "-y",
        "--observer",
        "healthcheck",
        "--reason",
        "db is down",
    ])
    .code(0);
    env.run(&["off", "--force", "--reason", "the monitor is wrong"])
        .code(0);
    env.write("store/maintenance/demo-dev/flags/web", "on\n");
    let document = document(&env, &[]);
    assert_eq!(
        told(&document),
        [
            json!(["web", "set_by_hand", "off", "on", null, "manual", "unknown"]),
            json!([
                "web",
                "turned_off",
                "on",
                "off",
                "ana@laptop",
                "manual",
                "complete"
            ]),
            json!([
                "web",
                "turned_on",
                "off",
                "on",
                "healthcheck",
                "observer",
                "complete"
            ]),
        ]
    );
    let forced = &document["history"][1];
    assert_eq!(
        forced["overrode"],
        json!({"kind": "observer", "name": "healthcheck"})
    );
    assert_eq!(forced["reason"], "the monitor is wrong");
    // What others wrote is on a line of ours, and escaped.
    env.write("store/maintenance/demo-dev/flags/web", "offf\u{1b}[2J\n");
    let output = env.run(&["history", "--limit", "1"]);
    let output = output.code(0);
    assert!(output.stdout.contains("off → unreadable"), "{output:#?}");
    assert!(
        output
            .stdout
            .contains("the stored value is malformed: it is not JSON"),
        "{output:#?}"
    );
}

#[test]
fn a_role_that_was_only_ever_partly_paused_is_no_success() {
    let env = app();
    let fault = Fault::on("PutFunctionConcurrency").always();
    env.sandbox().inject(fault.access_denied());
    env.run(&["on", "--role", "worker", "-y"]).code(4);
    let result = |n: usize| document(&env, &[])["history"][n]["result"].clone();
    assert_eq!(result(0), "unknown", "it may still be under way");
    env.sandbox().clear_faults();
    env.run(&["off", "--role", "worker"]).code(0);
    assert_eq!(
        (result(0), result(1)),
        (json!("complete"), json!("partial"))
    );
}

#[test]
fn what_is_no_longer_kept_is_said_and_a_missing_permission_is_named() {
    let env = TestEnv::aws();
    let flag = "/maintenance/demo-dev/flags/web";
    for n in 0..101 {
        env.sandbox().set_parameter(flag, ["on", "off"][n % 2]);
    }
    let output = env.run(&["history", "--limit", "1000"]);
    output
        .code(0)
        .says("Older transitions are not kept: a store has the last 100 versions of each flag\n");
    assert!(
        output
            .stdout
            .lines()
            .last()
            .unwrap()
            .contains("unknown → off"),
        "{output:#?}"
    );
    assert_eq!(
        document(&env, &[])["older_not_kept"],
        json!(["demo-dev/web"])
    );
    env.sandbox()
        .inject(Fault::on("GetParameterHistory").always().access_denied());
    let output = env.run(&["history", "--role", "web"]);
    output
        .refuses(
            1,
            &format!("not allowed to ssm:GetParameterHistory on {flag}"),
        )
        .says("Hint: allow ssm:GetParameterHistory in the IAM policy of your user or role\n");
    env.run(&["history", "--limit", "0"]).code(2);
}

#[test]
fn a_product_has_the_transitions_of_all_its_apps_in_one_order() {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[products.shop]\napps = [\"demo\", \"billing\"]\n\n[apps.billing]\n",
    );
    env.run(&["on", "--product", "shop", "-y"]).code(0);
    env.run(&["off", "--app", "billing"]).code(0);
    let document = document(&env, &["--product", "shop"]);
    assert_eq!(document["product"], "shop");
    let entries = document["history"].as_array().unwrap().iter();
    let apps: Vec<_> = entries
        .map(|it| json!([it["app"], it["role"], it["to"]]))
        .collect();
    assert_eq!(apps[0], json!(["billing-dev", "web", "off"]));
    assert_eq!(apps.len(), 5, "{apps:#?}");
    let output = env.run(&["history", "--product", "shop"]);
    assert!(output.stdout.starts_with("WHEN"), "{output:#?}");
    assert!(output.stdout.contains("  APP  "), "{output:#?}");
    // On a screen of 80 columns no row is broken, and a long name is below.
    let screen = env.on_screen(80, &["history", "--product", "shop"], "");
    let longest = screen.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{screen:#?}");
    let rows = screen.stdout.lines().filter(|it| it.starts_with("20"));
    assert_eq!(rows.count(), 5, "{screen:#?}");
    assert!(
        screen.stdout.contains("\n    for the product shop"),
        "{screen:#?}"
    );
}
