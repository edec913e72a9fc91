//! Flags, then variables, then the nearest maintenance.toml, then defaults.

use maintenance_sandbox::FunctionSpec;
use maintenance_tests::TestEnv;
use serde_json::{Value, json};

/// A setting's value and where `maintenance config` says it came from.
pub(crate) fn setting(env: &TestEnv, arguments: &[&str], key: &str) -> (Value, String, String) {
    let output = env.run(&[&["config", "--json"], arguments].concat());
    let document = output.code(0).json();
    let setting = &document["settings"][key];
    let text = |part: &str| setting["source"][part].as_str().unwrap().to_owned();
    (setting["value"].clone(), text("kind"), text("at"))
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let mut env = TestEnv::bare();
    env.set("MAINTENANCE_RATE", "3");
    env.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"dev\"\nrate = 2\n",
    );
    let file = env
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    let at = |line: u32| format!("{}:{line}", file.display());
    let expect = |arguments: &[&str], value: Value, kind: &str, at: &str| {
        let found = setting(&env, arguments, "rate");
        assert_eq!(
            found,
            (value, kind.to_owned(), at.to_owned()),
            "{arguments:?}"
        );
    };
    expect(&["--rate", "4.5"], json!(4.5), "flag", "--rate");
    expect(&[], json!(3), "variable", "MAINTENANCE_RATE");
    env.unset("MAINTENANCE_RATE");
    let found = setting(&env, &[], "rate");
    assert_eq!(found, (json!(2), "file".to_owned(), at(3)));
    env.write("maintenance.toml", "app = \"shop\"\n");
    assert_eq!(setting(&env, &[], "rate").1, "default");
    assert_eq!(
        setting(&env, &[], "app"),
        (json!("shop"), "file".to_owned(), at(1))
    );
    assert_eq!(
        setting(&env, &[], "env"),
        (Value::Null, "default".to_owned(), "not set".into())
    );
}

#[test]
fn every_setting_has_its_flag_and_its_variable() {
    let mut env = TestEnv::bare();
    for (key, flag, variable, value, other) in [
        ("app", "--app", "MAINTENANCE_APP", "a", "b"),
        ("env", "--env", "MAINTENANCE_ENV", "dev", "prod"),
        ("store", "--store", "MAINTENANCE_STORE", "file:/x", "ssm"),
        ("prefix", "--prefix", "MAINTENANCE_PREFIX", "/x", "/y"),
        ("role", "--role", "MAINTENANCE_ROLE", "worker", "web"),
    ] {
        env.set(variable, value);
        let found = setting(&env, &[], key);
        assert_eq!(
            found,
            (json!(value), "variable".to_owned(), variable.to_owned())
        );
        let found = setting(&env, &[flag, other], key);
        assert_eq!(found, (json!(other), "flag".to_owned(), flag.to_owned()));
    }
    for (key, flag, variable) in [
        ("profile", "--profile", "AWS_PROFILE"),
        ("region", "--region", "AWS_REGION"),
        ("endpoint-url", "--endpoint-url", "AWS_ENDPOINT_URL"),
    ] {
        env.set(variable, "http://one");
        assert_eq!(setting(&env, &[], key).2, variable);
        let found = setting(&env, &[flag, "http://two"], key);
        assert_eq!(
            found,
            (json!("http://two"), "flag".to_owned(), flag.to_owned())
        );
    }
}

#[test]
fn flags_and_variables_do_what_config_says() {
    let mut env = TestEnv::bare();
    env.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"dev\"\n[store]\nkind = \"file\"\n",
    );
    env.run(&["status"])
        .code(0)
        .stdout("off\n")
        .says("Web maintenance status for shop-dev\n");
    env.set("MAINTENANCE_ENV", "prod");
    env.run(&["on", "-y"]).code(0).says("mode for shop-prod\n");
    env.run(&["status", "--env", "dev"]).code(0).stdout("off\n");
    env.run(&["status", "--env", "prod"]).code(0).stdout("on\n");
    env.run(&["--prefix", "/elsewhere"]).code(0).stdout("off\n");
    env.set("MAINTENANCE_ROLE", "worker");
    env.run(&[])
        .exactly(0, "off\n", "Worker maintenance status for shop-prod\n");
    env.run(&["--role", "web"]).code(0).stdout("on\n");
    env.run(&["--all"]).code(0).stdout("web on\nworker off\n");
}

#[test]
fn the_nearest_file_counts_and_its_paths_are_its_own() {
    let env = TestEnv::bare();
    env.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"dev\"\n[store]\nkind = \"file\"\npath = \"state\"\n",
    );
    env.write("a/b/c/here", "");
    let mut command = env.command(&["on", "-y"]);
    command.current_dir(env.folder().join("a/b/c"));
    assert!(command.status().unwrap().success());
    assert!(
        env.folder()
            .join("state/maintenance/shop-dev/flags/web")
            .is_file()
    );
    // A nearer one hides the farther one as a whole.
    env.write("a/b/maintenance.toml", "app = \"other\"\nenv = \"dev\"\n");
    let mut command = env.command(&["config", "--json"]);
    let output = command
        .current_dir(env.folder().join("a/b/c"))
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["settings"]["app"]["value"], "other");
    assert_eq!(document["settings"]["store"]["value"], "ssm");
}

#[test]
fn a_named_file_is_read_and_must_be_there() {
    let mut env = TestEnv::bare();
    env.write("maintenance.toml", "app = \"near\"\n");
    env.write("conf/other.toml", "app = \"named\"\n");
    assert_eq!(
        setting(&env, &["--config", "conf/other.toml"], "app").0,
        "named"
    );
    env.set("MAINTENANCE_CONFIG", "conf/other.toml");
    assert_eq!(setting(&env, &[], "app").0, "named");
    assert_eq!(setting(&env, &[], "config").1, "variable");
    env.set("MAINTENANCE_CONFIG", "conf/none.toml");
    let file = env.folder().canonicalize().unwrap().join("conf/none.toml");
    let output = env.run(&["config"]);
    output.refuses(
        2,
        &format!("cannot read the configuration file {}", file.display()),
    );
    output.says("\nHint: check MAINTENANCE_CONFIG, which names this file\n");
}

#[test]
fn config_shows_what_there_is_even_if_something_is_missing() {
    let mut env = TestEnv::bare();
    env.set("AWS_ENDPOINT_URL", "http://me:hidden@127.0.0.1:1");
    env.set("AWS_SECRET_ACCESS_KEY", "hidden");
    env.write(
        "maintenance.toml",
        "app = \"shop\"\n[roles.worker]\nfunctions = [\"a-*\", \"b\"]\nexclude = [\"a-x\"]\n\
         tags = { role = \"worker\" }\n",
    );
    let file = env
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    let output = env.run(&["config"]);
    let shown = output.stdout.replace(&file.display().to_string(), "FILE");
    // How wide the columns are depends on the folder's name.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: Vec<String> = shown.lines().map(words).collect();
    assert_eq!(
        shown,
        [
            "config FILE the nearest one",
            "app shop maintenance.toml:1",
            "env - not set",
            "profile - as the AWS SDK finds it",
            "region - as the AWS SDK finds it",
            "endpoint-url http://127.0.0.1:1 AWS_ENDPOINT_URL",
            "store ssm default",
            "prefix /maintenance default",
            "role web default",
            "rate 10 default",
            "timeout 20 default",
            "by ana@laptop MAINTENANCE_BY",
            "roles.web.functions - none: only a flag",
            "roles.worker.functions a-*, b maintenance.toml:3",
            "roles.worker.exclude a-x maintenance.toml:4",
            "roles.worker.tags role=worker maintenance.toml:5",
        ]
    );
    assert_eq!(output.code(0).stderr, "");
}

/// Its table was removed from the file while it was on.
#[test]
fn a_role_that_only_the_store_knows_is_accepted_and_part_of_all() {
    let env = TestEnv::aws();
    env.sandbox()
        .seed(FunctionSpec::new("demo-dev-job").reserved(7));
    let file = "maintenance.toml";
    env.write(file, "[roles.jobs]\nfunctions = [\"demo-dev-*\"]\n");
    env.run(&["on", "-y", "--role", "jobs", "--accept-event-loss"])
        .code(0);
    env.write(file, "");

    env.run(&["status", "--all"])
        .code(0)
        .stdout("web off\nworker off\njobs on\n");
    env.run(&["status", "--role", "jobs"])
        .code(0)
        .stdout("on\n");
    env.run(&["on", "-y", "--role", "job"])
        .refuses(2, "there is no role job");
    env.run(&["off", "--all"]).code(0);
    env.run(&["status", "--role", "jobs"])
        .code(0)
        .stdout("off\n");
    assert_eq!(env.sandbox().fleet()["demo-dev-job"].reserved, Some(7));
}

#[test]
fn config_shows_products_and_the_apps_of_tables() {
    let env = TestEnv::bare();
    env.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"prod\"\nprofile = \"main\"\n\
         [products.shop]\ntitle = \"Shop\"\napps = [\"shop\", \"billing\"]\n\
         [apps.billing]\nconfig = \"billing/maintenance.toml\"\n[apps.search]\nrate = 5\n",
    );
    env.write("billing/maintenance.toml", "region = \"eu-west-1\"\n");
    let folder = env.folder().canonicalize().unwrap();
    let place = |file: &str, line: u32| format!("{}:{line}", folder.join(file).display());
    let shop = |line| place("maintenance.toml", line);
    for (key, value, at) in [
        ("profile", json!("main"), shop(3)),
        ("products.shop.title", json!("Shop"), shop(5)),
        ("products.shop.env", json!("prod"), shop(2)),
        ("products.shop.apps", json!(["shop", "billing"]), shop(6)),
        ("apps.billing.app", json!("billing"), shop(7)),
        (
            "apps.billing.region",
            json!("eu-west-1"),
            place("billing/maintenance.toml", 1),
        ),
        ("apps.search.env", json!("prod"), shop(2)),
        ("apps.search.profile", json!("main"), shop(3)),
        ("apps.search.rate", json!(5), shop(10)),
    ] {
        let found = setting(&env, &[], key);
        assert_eq!(found, (value, "file".to_owned(), at), "{key}");
    }
    // Its file says nothing of a profile, and it is not the other file's.
    assert_eq!(setting(&env, &[], "apps.billing.profile").1, "default");
    let one = env.run(&["config", "--json", "--product", "shop"]);
    let settings = &one.code(0).json()["settings"];
    assert_eq!(settings["apps.search.rate"], Value::Null);
    assert_eq!(settings["apps.billing.region"]["value"], "eu-west-1");
    env.run(&["config", "--product", "shpo"])
        .refuses(2, "there is no product shpo")
        .says("Hint: did you mean shop?");
    env.run(&["config", "--product", "shop", "--app", "billing"])
        .refuses(2, "--product cannot be used with --app");
}

#[test]
fn an_app_of_a_table_is_acted_on_by_its_name() {
    let env = TestEnv::bare();
    env.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"prod\"\n[store]\nkind = \"file\"\n\
         [apps.billing]\nstore.kind = \"file\"\nstore.path = \"elsewhere\"\n",
    );
    env.run(&["on", "-y", "--app", "billing"])
        .code(0)
        .says("mode for billing-prod\n");
    let flag = env
        .folder()
        .join("elsewhere/maintenance/billing-prod/flags/web");
    assert!(flag.is_file());
    env.run(&["status"]).code(0).stdout("off\n");
}
