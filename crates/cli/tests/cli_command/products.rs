//! `--product`: several apps on and off together, with one plan, one question and one report.

use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec, Sandbox, Server};
use maintenance_tests::{TestEnv, quick_sandbox};
use serde_json::{Value, json};

use crate::screens::screen;

const SHOP: &str = "app = \"shop\"\nenv = \"dev\"\n\
    [products.shop]\ntitle = \"Shop\"\nversion = \"2.4.1\"\napps = [\"shop\", \"billing\"]\n";

/// Two apps whose flags are in a folder.
fn files() -> TestEnv {
    let mut env = TestEnv::bare();
    env.set("MAINTENANCE_STORE", "file:store");
    env.write("maintenance.toml", &format!("{SHOP}[apps.billing]\n"));
    env
}

/// Two apps of one account, each with functions.
fn aws() -> TestEnv {
    let mut env = TestEnv::aws();
    env.unset("MAINTENANCE_APP");
    env.unset("MAINTENANCE_ENV");
    let roles = "[roles.worker]\nfunctions = [\"shop-dev-*\"]\n[apps.billing]\n\
                 roles.web.timeout = 29\nroles.worker.functions = [\"billing-dev-*\"]\n";
    env.write("maintenance.toml", &format!("{SHOP}{roles}"));
    seed(env.sandbox(), "shop");
    seed(env.sandbox(), "billing");
    env
}

fn seed(sandbox: &Sandbox, app: &str) {
    // Long enough for no test to see it drained.
    let images = FunctionSpec::new(&format!("{app}-dev-images"));
    let images = images.reserved(20).timeout(300);
    let orders =
        FunctionSpec::new(&format!("{app}-dev-orders")).mapping(MappingSpec::sqs("orders"));
    for function in [images, orders] {
        sandbox.seed(function);
    }
}

/// `shop` in one account, and `billing` in another.
fn two_accounts() -> (TestEnv, Sandbox, Server) {
    let mut env = aws();
    let other = quick_sandbox();
    seed(&other, "billing");
    let server = other.serve_on_thread().unwrap();
    let profile = |name: &str, url: &str| {
        format!(
            "[profile {name}]\nregion = us-east-1\nendpoint_url = {url}\n\
             aws_access_key_id = AKIA{name}\naws_secret_access_key = secret\n"
        )
    };
    let shop = profile("shop", &format!("http://{}", env.address()));
    let billing = profile("billing", &server.endpoint_url());
    env.write("home/.aws/config", &format!("{shop}{billing}"));
    let file = env.read("maintenance.toml");
    let file = file.replace("[products", "profile = \"shop\"\n[products");
    env.write(
        "maintenance.toml",
        &format!("{file}profile = \"billing\"\n"),
    );
    env.unset("AWS_ENDPOINT_URL");
    (env, other, server)
}

#[test]
fn all_apps_go_on_and_off_together_and_each_line_names_its_app() {
    let env = files();
    let status = |expected: &str, mode: &str| {
        let output = env.run(&["status", "--product", "shop"]);
        let heading = format!("Maintenance status for the product shop (Shop 2.4.1): {mode}\n");
        output.code(0).stdout(expected).says(&heading);
    };
    status(
        "shop-dev web off\nshop-dev worker off\nbilling-dev web off\nbilling-dev worker off\n",
        "Normal",
    );
    let none = "The worker role selects no functions: only its flag is set";
    let mut said = String::new();
    for (role, title) in [("web", "Web"), ("worker", "Worker")] {
        for app in ["shop-dev", "billing-dev"] {
            said += &format!(
                "Enabling {role} maintenance mode for {app}\n\
                 {app}: {title} maintenance has been turned on\n"
            );
            if role == "worker" {
                said += &format!("{app}: {none}\n");
            }
        }
    }
    env.run(&["on", "-y", "--product", "shop"])
        .exactly(0, "", &said);
    let on = "shop-dev web on\nshop-dev worker on\nbilling-dev web on\nbilling-dev worker on\n";
    status(on, "Maintenance");
    env.run(&["status", "--product", "shop", "--exit-code"])
        .code(10)
        .stdout(on);
    let mut said = String::new();
    for (role, title) in [("worker", "Worker"), ("web", "Web")] {
        for app in ["billing-dev", "shop-dev"] {
            said += &format!(
                "Disabling {role} maintenance mode for {app}\n\
                 {app}: {title} maintenance has been turned off\n"
            );
        }
    }
    env.run(&["off", "--product", "shop"]).exactly(0, "", &said);
    // One role of each.
    env.run(&["on", "-y", "--product", "shop", "--role", "web"])
        .code(0);
    status(
        "shop-dev web on\nshop-dev worker off\nbilling-dev web on\nbilling-dev worker off\n",
        "Partial",
    );
    env.run(&["status", "--product", "shop", "--role", "web"])
        .code(0)
        .stdout("shop-dev web on\nbilling-dev web on\n");
}

#[test]
fn its_document_has_the_report_of_each_app() {
    let env = files();
    let run = |arguments: &[&str]| env.run(&[arguments, &["--product", "shop", "--json"]].concat());
    let outcomes = |document: &Value| {
        let apps = document["apps"].as_array().unwrap().clone();
        let of = |app: &Value| {
            let roles = app["roles"].as_array().unwrap().clone();
            let roles = roles.iter().map(|role| role["outcome"].clone());
            (app["app"].clone(), roles.collect::<Vec<_>>())
        };
        apps.iter().map(of).collect::<Vec<_>>()
    };
    let planned = run(&["on", "--dry-run"]).code(0).json();
    assert_eq!(planned["apps"][1]["dry_run"], true);
    let on = run(&["on", "-y"]).code(0).json();
    assert_eq!(
        (&on["product"], &on["operation_mode"]),
        (&json!("shop"), &json!("Maintenance"))
    );
    let both = vec![json!("turned_on"), json!("turned_on")];
    let expected = vec![
        (json!("shop-dev"), both.clone()),
        (json!("billing-dev"), both),
    ];
    assert_eq!(
        (outcomes(&on), outcomes(&planned)),
        (expected.clone(), expected)
    );
    let status = run(&["status"]).code(0).json();
    assert_eq!(status["operation_mode"], "Maintenance");
    assert_eq!(status["apps"][1]["app"], "billing-dev");
    assert_eq!(status["apps"][1]["roles"][0]["maintenance"], "on");
    assert_eq!(status["apps"][1]["roles"][0]["product"], "shop");
    let off = run(&["off"]).code(0).json();
    assert_eq!(off["operation_mode"], "Normal");
    let workers = run(&["workers"]).code(0).json();
    assert_eq!(
        workers["apps"][1],
        json!({"app": "billing-dev", "workers": []})
    );
}

#[test]
fn an_app_that_was_on_by_itself_is_left_on_and_what_ends_it_is_named() {
    let mut env = files();
    env.set("MAINTENANCE_BY", "ben@desk");
    env.run(&["on", "-y", "--app", "billing", "--reason", "an index"])
        .code(0);
    env.set("MAINTENANCE_BY", "ana@laptop");
    env.run(&["on", "-y", "--product", "shop"])
        .code(0)
        .says("billing-dev: Web maintenance is already on\n");
    let output = env.run(&["off", "--product", "shop", "--json"]);
    output.says(
        "billing-dev: Web maintenance stays on: it was not turned on for this product\n\
         billing-dev:   it was turned on by ben@desk; `maintenance off --role web --app billing` ends it\n",
    );
    let document = output.code(0).json();
    assert_eq!(document["operation_mode"], "Partial");
    let left = &document["apps"][1]["roles"][1];
    assert_eq!(left["outcome"], "left_on");
    let owner = json!({"owner": {"kind": "manual", "name": "ben@desk"}, "product": null});
    assert_eq!(left["left"], owner);
    env.run(&["off", "--role", "web", "--app", "billing"])
        .code(0);
    env.run(&["status", "--product", "shop"]).says("Normal\n");
}

#[test]
fn a_window_of_another_product_is_left_to_it() {
    let env = files();
    let file = env.read("maintenance.toml");
    env.write(
        "maintenance.toml",
        &format!("{file}[products.mail]\napps = [\"billing\"]\n"),
    );
    env.run(&["on", "-y", "--product", "mail"]).code(0);
    env.run(&["on", "-y", "--product", "shop"]).code(0);
    env.run(&["off", "--product", "shop"]).code(0).says(
        "it was turned on by ana@laptop for the product mail; `maintenance off --product mail` ends it\n",
    );
}

#[test]
fn it_is_planned_asked_and_reported_once() {
    let shows = |name: &str, arguments: &[&str], keys: &str, make: fn() -> TestEnv| {
        let mut env = make();
        env.set("NO_COLOR", "1");
        let shown = screen(env.on_screen(80, arguments, keys), &env);
        insta::assert_snapshot!(
            name,
            format!("$ maintenance {}\n{shown}", arguments.join(" "))
        );
    };
    let on = || {
        let env = aws();
        env.run(&["on", "-y", "--product", "shop", "--reason", "a move"])
            .code(0);
        env
    };
    shows("product_question", &["on", "--product", "shop"], "n\n", aws);
    shows("product_on", &["on", "--product", "shop"], "y\n", aws);
    shows(
        "product_plan",
        &["on", "--product", "shop", "--dry-run"],
        "",
        aws,
    );
    shows("product_status", &["status", "--product", "shop"], "", on);
    shows("product_workers", &["workers", "--product", "shop"], "", on);
    shows("product_off", &["off", "--product", "shop"], "", on);
}

#[test]
fn nothing_is_asked_where_nothing_would_change() {
    let env = files();
    env.run(&["on", "-y", "--product", "shop"]).code(0);
    let again = env.at_terminal(&["on", "--product", "shop"]).wait();
    again
        .code(0)
        .says("billing-dev: Worker maintenance is already on\n");
    // Windows of their own are in another mode, and stay as they are.
    let env = files();
    for app in ["shop", "billing"] {
        env.run(&["on", "-y", "--read-only", "--app", app, "--all"])
            .code(0);
    }
    let again = env.at_terminal(&["on", "--product", "shop"]).wait();
    again
        .code(0)
        .says("shop-dev: Web maintenance is already on\n");
    assert!(!again.stderr.contains("Are you sure"), "{again:?}");
}

#[test]
fn each_app_is_reached_in_its_own_account() {
    let (env, other, _server) = two_accounts();
    let before = (env.sandbox().fleet(), other.fleet());
    env.run(&["on", "-y", "--product", "shop"]).code(0);
    let flags = |sandbox: &Sandbox| {
        let names = sandbox.parameters().into_keys();
        names
            .filter(|name| name.contains("/flags/"))
            .collect::<Vec<_>>()
    };
    let of =
        |app: &str| ["web", "worker"].map(|role| format!("/maintenance/{app}-dev/flags/{role}"));
    assert_eq!(flags(env.sandbox()), of("shop"));
    assert_eq!(flags(&other), of("billing"));
    assert_eq!(other.fleet()["billing-dev-images"].reserved, Some(0));
    assert_eq!(
        env.sandbox().fleet()["billing-dev-images"].reserved,
        Some(20)
    );
    env.run(&["off", "--product", "shop"]).code(0);
    assert_eq!((env.sandbox().fleet(), other.fleet()), before);
}

#[test]
fn an_account_out_of_reach_is_named_and_nothing_is_changed_in_any() {
    let (env, other, _server) = two_accounts();
    other.inject(Fault::on("GetParametersByPath").always().access_denied());
    other.inject(Fault::on("GetParameter").always().access_denied());
    for arguments in [&["on", "-y"][..], &["off"], &["on", "--dry-run"]] {
        let output = env.run(&[arguments, &["--product", "shop"]].concat());
        output.code(1).stdout("");
        assert!(
            output.stderr.starts_with("Error: billing-dev: "),
            "{output:?}"
        );
        assert!(output.stderr.contains("\nHint: "), "{output:?}");
    }
    assert!(env.sandbox().writes().is_empty() && other.writes().is_empty());
    env.run(&["off", "--product", "shop"])
        .says("one by one: `maintenance off --all --app NAME`\n");
    // What can be read is shown.
    let unknown = "billing-dev web unknown\nbilling-dev worker unknown\n";
    let output = env.run(&["status", "--product", "shop"]);
    output.says("Maintenance status for the product shop (Shop 2.4.1): Unknown\n");
    output.says("Error: billing-dev: the flag of the web and worker roles could not be read\n");
    output
        .code(1)
        .stdout(&format!("shop-dev web off\nshop-dev worker off\n{unknown}"));
    let output = env.run(&["status", "--product", "shop", "--json"]);
    let status = output.code(1).json();
    assert_eq!(status["apps"][1]["roles"][0]["maintenance"], "unknown");
    assert_eq!(status["apps"][1]["roles"][0]["unread"][0]["part"], "flag");
}

#[test]
fn one_apps_error_stops_no_other_and_is_named() {
    let env = aws();
    let flag = "/maintenance/billing-dev/flags/web";
    let put = Fault::on("PutParameter").target(flag).always();
    env.sandbox().inject(put.access_denied());
    let output = env.run(&["on", "-y", "--product", "shop", "--json"]);
    let document = output.code(4).json();
    assert!(
        output.stderr.contains("\nError: billing-dev: "),
        "{output:?}"
    );
    assert_eq!(document["operation_mode"], "Unknown");
    assert_eq!(document["apps"][0]["roles"][1]["outcome"], "turned_on");
    assert_eq!(document["apps"][0].get("error"), None);
    assert_eq!(document["apps"][1]["app"], "billing-dev");
    assert!(
        document["apps"][1]["error"]["message"].is_string(),
        "{document}"
    );
    // Of an app that is partial, too.
    env.sandbox().clear_faults();
    let images = Fault::on("PutFunctionConcurrency").target("billing-dev-images");
    env.sandbox().inject(images.always().access_denied());
    let output = env.run(&["on", "-y", "--product", "shop"]);
    output
        .code(4)
        .says("\nError: billing-dev: 1 of 2 functions of the worker role is not paused\n");
    env.sandbox().clear_faults();
    env.run(&["on", "-y", "--product", "shop"]).code(0);
    env.run(&["off", "--product", "shop"]).code(0);
}

#[test]
fn what_is_refused_for_one_app_has_its_own_exit_code_and_changes_nothing() {
    let env = files();
    env.run(&["on", "-y", "--product", "shop", "--observer", "healthcheck"])
        .code(0);
    let output = env.run(&["off", "--product", "shop"]);
    output
        .refuses(3, "shop-dev: worker maintenance was not changed")
        .says("`maintenance off --force --reason WHY --product shop`");
    env.run(&["status", "--product", "shop"])
        .says("Maintenance\n");
    env.run(&[
        "off",
        "--product",
        "shop",
        "--force",
        "--reason",
        "a false alarm",
    ])
    .code(0);
}

#[test]
fn an_app_that_is_operated_on_is_named_with_a_way_out_that_can_be_typed() {
    let env = aws();
    let hold = Fault::on("PutFunctionConcurrency").target("billing-dev-images");
    env.sandbox().inject(hold.nth(1).hang());
    let first = env.start(&["on", "-y", "--app", "billing", "--all"]);
    env.wait_until_hanging();
    let output = env.run(&["on", "-y", "--product", "shop"]);
    output
        .code(5)
        .stdout("")
        .says("`maintenance unlock --app billing`");
    let says = "Error: billing-dev: another operation is running: on web, worker by ana@laptop";
    assert!(output.stderr.starts_with(says), "{output:?}");
    first.kill();
    assert_eq!(first.wait().code, None, "killed by a signal");
    let mut unlock = env.at_terminal(&["unlock", "--product", "shop"]);
    unlock.expect(
        "The lease of shop-dev is free\nana@laptop holds the lease of billing-dev for `on web, worker`",
    );
    unlock.type_in("n\n");
    unlock.wait().code(6).says("Nothing was changed\n");
}

#[test]
fn a_stop_in_one_app_keeps_what_was_done_in_another_and_the_same_command_goes_on() {
    let env = aws();
    for n in 0..12 {
        let function = FunctionSpec::new(&format!("billing-dev-{n:02}"));
        env.sandbox().seed(function);
    }
    let before = env.sandbox().fleet();
    let put = Fault::on("PutFunctionConcurrency").target("billing-dev-");
    env.sandbox().inject(put.nth(3).hang());
    let running = env.start(&["on", "-y", "--product", "shop", "--json"]);
    env.wait_until_hanging();
    running.interrupt();
    running.says("Stopping after the current step; press Ctrl-C again to stop at once\n");
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    let output = running.wait();
    let document = output.code(130).json();
    assert_eq!(document["apps"][0]["interrupted"], false);
    assert_eq!(document["apps"][1]["interrupted"], true);
    output.says("\nError: billing-dev: interrupted before everything was done\n");
    output.says("or `maintenance off --product shop` to undo it\n");
    env.run(&["on", "-y", "--product", "shop"]).code(0);
    let paused = env.sandbox().fleet();
    assert!(
        paused.values().all(|it| it.reserved == Some(0)),
        "{paused:?}"
    );
    env.run(&["off", "--product", "shop"]).code(0);
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn progress_names_the_app_whose_functions_are_at_work() {
    let env = aws();
    let output = env.run(&["on", "-y", "-v", "--product", "shop"]);
    for app in ["shop-dev", "billing-dev"] {
        output.says(&format!("Pausing worker functions of {app}: 2 of 2"));
    }
    output.code(0);
}

#[test]
fn a_bypass_link_is_one_token_for_all_apps() {
    let env = files();
    let file = env.read("maintenance.toml").replace(
        "[apps.billing]",
        "[roles.web]\nurl = \"https://shop.example\"\n[apps.billing]\nroles.web.url = \"https://billing.example\"",
    );
    env.write("maintenance.toml", &file);
    let output = env.run(&["on", "-y", "--product", "shop", "--bypass"]);
    let lines: Vec<_> = output.code(0).stdout.lines().map(str::to_owned).collect();
    let [shop, billing] = lines.as_slice() else {
        panic!("{output:?}");
    };
    let token = shop
        .strip_prefix("shop-dev https://shop.example/?")
        .unwrap();
    assert_eq!(
        *billing,
        format!("billing-dev https://billing.example/?{token}")
    );
    let again = env.run(&["on", "-y", "--product", "shop", "--bypass", "--json"]);
    let document = again.code(0).json();
    for (n, site) in ["shop", "billing"].iter().enumerate() {
        let link = document["apps"][n]["bypass"]["link"].as_str().unwrap();
        assert!(
            link.starts_with(&format!("https://{site}.example/?")),
            "{link}"
        );
    }
}

#[test]
fn waiting_is_for_the_app_that_drains_last() {
    let env = files();
    let file = env.read("maintenance.toml").replace(
        "[apps.billing]",
        "[roles.web]\ntimeout = 0\nttl = 0\n[apps.billing]\nroles.web = { timeout = 1, ttl = 0 }",
    );
    env.write("maintenance.toml", &file);
    let output = env.run(&["on", "-y", "--product", "shop", "--role", "web", "--wait"]);
    output
        .code(0)
        .says("\nAll in-flight invocations have ended: safe to migrate\n");
    let waits = output.stderr.matches("Waiting for in-flight").count();
    assert_eq!(waits, 1, "{output:?}");
    let status = env
        .run(&["status", "--product", "shop", "--role", "web", "--json"])
        .code(0)
        .json();
    let now = jiff::Timestamp::now();
    for app in status["apps"].as_array().unwrap() {
        let drained_at = app["roles"][0]["drained_at"].as_str().unwrap();
        assert!(
            drained_at.parse::<jiff::Timestamp>().unwrap() <= now,
            "{app}"
        );
    }
}

#[test]
fn a_role_that_one_app_has_is_of_that_app_alone() {
    let env = files();
    let file = env.read("maintenance.toml");
    env.write(
        "maintenance.toml",
        &format!("{file}[apps.billing.roles.jobs]\n"),
    );
    env.run(&["on", "-y", "--product", "shop", "--role", "jobs"])
        .code(0);
    env.run(&["status", "--product", "shop", "--role", "jobs"])
        .code(0)
        .stdout("billing-dev jobs on\n");
    env.run(&["on", "-y", "--product", "shop", "--role", "jbos"])
        .refuses(2, "there is no role jbos");
}

#[test]
fn a_product_that_cannot_be_acted_on_says_what_to_do() {
    let env = files();
    for command in ["on", "off", "status", "workers", "unlock", "config"] {
        env.run(&[command, "--product", "shpo"])
            .refuses(2, "there is no product shpo")
            .says("Hint: did you mean shop?\n");
    }
    for arguments in [&["--app", "shop"][..], &["--function", "x"]] {
        let output = env.run(&[&["on", "-y", "--product", "shop"], arguments].concat());
        output.refuses(
            2,
            &format!("--product cannot be used with {}", arguments[0]),
        );
    }
    env.run(&["demo", "--product", "shop"])
        .misused("'--product' is not an option of `maintenance demo`");
    let env = TestEnv::bare();
    env.run(&["on", "-y", "--product", "shop"])
        .refuses(2, "there is no product shop")
        .says("Hint: name the file with --config\n");
    assert!(!env.folder().join("store").exists());
}

#[test]
fn a_variable_that_names_one_app_or_role_does_not_change_which_are_meant() {
    let mut env = files();
    env.set("MAINTENANCE_APP", "billing");
    env.set("MAINTENANCE_ROLE", "worker");
    env.run(&["status", "--product", "shop"]).code(0).stdout(
        "shop-dev web off\nshop-dev worker off\nbilling-dev web off\nbilling-dev worker off\n",
    );
    env.set("MAINTENANCE_ENV", "prod");
    let output = env.run(&["status", "--product", "shop", "--role", "web"]);
    output
        .code(0)
        .stdout("shop-prod web off\nbilling-prod web off\n");
}
