//! `maintenance init`: the file that it writes is accepted, and nothing is overwritten.

use maintenance_tests::TestEnv;
use serde_json::json;

use crate::settings::setting;

#[test]
fn init_writes_a_file_that_is_accepted() {
    let env = TestEnv::bare();
    let path = env.folder().join("maintenance.toml");
    let output = env.run(&["init", "--app", "shop", "--env", "prod"]);
    let shown = env
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    output.exactly(0, "", &format!("Wrote {} for shop-prod\n", shown.display()));
    assert_eq!(setting(&env, &[], "app").0, "shop");
    assert_eq!(setting(&env, &[], "env").0, "prod");
    let text = env.read("maintenance.toml");
    assert!(text.matches('#').count() > 5, "it is commented: {text}");
    // The whole of it is accepted when every setting is in use: only prose has a space after its #.
    let is_setting = |line: &str| line.starts_with('#') && !line.starts_with("# ");
    assert!(
        text.lines().filter(|line| is_setting(line)).count() > 10,
        "{text}"
    );
    let all = text.lines().map(|line| match is_setting(line) {
        true => &line[1..],
        false => line,
    });
    env.write("maintenance.toml", &all.collect::<Vec<_>>().join("\n"));
    for (key, value) in [
        ("rate", json!(10)),
        ("roles.worker.functions", json!(["shop-prod-worker-*"])),
        ("roles.worker.exclude", json!(["*-prewarm"])),
        ("roles.worker.tags", json!({"role": "worker"})),
        ("roles.web.timeout", json!(30)),
        ("roles.web.ttl", json!(5)),
        ("roles.web.allow_ip", json!(["192.0.2.0/24"])),
        ("roles.web.allow_path", json!(["/health", "/hooks/*"])),
        ("roles.web.url", json!("https://example.com")),
        ("region", json!("eu-west-1")),
        ("profile", json!("prod")),
        ("products.shop.title", json!("Shop")),
        ("products.shop.apps", json!(["shop", "billing"])),
        ("apps.billing.profile", json!("billing")),
        ("apps.billing.roles.worker.functions", json!(["billing-*"])),
        ("windows.nightly.cron", json!("0 22 * * SUN")),
        ("windows.nightly.roles", json!(["web"])),
        ("windows.nightly.accept_event_loss", json!(true)),
    ] {
        let (found, kind, _) = setting(&env, &[], key);
        assert_eq!((found, kind.as_str()), (value, "file"), "{key}");
    }
    assert_eq!(setting(&env, &[], "roles.web.message").1, "file");
    // Nothing but the file is left.
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["home", "maintenance.toml"]);
}

#[test]
fn init_guesses_and_says_so_and_never_overwrites() {
    let env = TestEnv::bare();
    env.write("My Shop/here", "");
    let mut command = env.command(&["init"]);
    let output = command
        .current_dir(env.folder().join("My Shop"))
        .output()
        .unwrap();
    let folder = env.folder().canonicalize().unwrap().join("My Shop");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "Wrote {}/maintenance.toml for My-Shop-dev\n\
             The app's name, My-Shop, is the folder's: give --app for another\n\
             The environment is dev: give --env for another\n",
            folder.display()
        )
    );
    env.write("maintenance.toml", "app = \"mine\"\n");
    let file = env
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    env.run(&["init", "--app", "shop"]).exactly(
        1,
        "",
        &format!(
            "Error: {} already exists\n\
             Caused by: a configuration file is never overwritten\n\
             Hint: edit it, or remove it first\n",
            file.display()
        ),
    );
    assert_eq!(env.read("maintenance.toml"), "app = \"mine\"\n");
    env.run(&["init", "--app", "a b", "--config", "x.toml"])
        .code(2);
}

#[test]
fn init_for_files_works_at_once() {
    let env = TestEnv::bare();
    env.run(&["init", "--app", "shop", "--store", "file:state of app"])
        .code(0);
    env.run(&["on", "-y"]).code(0).says("turned on");
    assert!(
        env.folder()
            .join("state of app/maintenance/shop-dev/flags/web")
            .is_file()
    );
}
