//! Flags, then variables, then the nearest maintenance.toml, then defaults; and what is said of a
//! mistake in any of them.

use maintenance_tests::Scene;
use serde_json::{Value, json};

/// A setting's value and where `maintenance config` says it came from.
fn setting(scene: &Scene, arguments: &[&str], key: &str) -> (Value, String, String) {
    let ran = scene.run(&[&["config", "--json"], arguments].concat());
    let document = ran.code(0).json();
    let setting = &document["settings"][key];
    let text = |part: &str| setting["source"][part].as_str().unwrap().to_owned();
    (setting["value"].clone(), text("kind"), text("at"))
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let mut scene = Scene::bare();
    scene.set("MAINTENANCE_RATE", "3");
    scene.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"dev\"\nrate = 2\n",
    );
    let file = scene
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    let at = |line: u32| format!("{}:{line}", file.display());
    let expect = |arguments: &[&str], value: Value, kind: &str, at: &str| {
        let found = setting(&scene, arguments, "rate");
        assert_eq!(
            found,
            (value, kind.to_owned(), at.to_owned()),
            "{arguments:?}"
        );
    };
    expect(&["--rate", "4.5"], json!(4.5), "flag", "--rate");
    expect(&[], json!(3), "variable", "MAINTENANCE_RATE");
    scene.unset("MAINTENANCE_RATE");
    let found = setting(&scene, &[], "rate");
    assert_eq!(found, (json!(2), "file".to_owned(), at(3)));
    scene.write("maintenance.toml", "app = \"shop\"\n");
    assert_eq!(setting(&scene, &[], "rate").1, "default");
    assert_eq!(
        setting(&scene, &[], "app"),
        (json!("shop"), "file".to_owned(), at(1))
    );
    assert_eq!(
        setting(&scene, &[], "env"),
        (Value::Null, "default".to_owned(), "not set".into())
    );
}

#[test]
fn every_setting_has_its_flag_and_its_variable() {
    let mut scene = Scene::bare();
    for (key, flag, variable, value, other) in [
        ("app", "--app", "MAINTENANCE_APP", "a", "b"),
        ("env", "--env", "MAINTENANCE_ENV", "dev", "prod"),
        ("store", "--store", "MAINTENANCE_STORE", "file:/x", "ssm"),
        ("prefix", "--prefix", "MAINTENANCE_PREFIX", "/x", "/y"),
        ("role", "--role", "MAINTENANCE_ROLE", "worker", "web"),
    ] {
        scene.set(variable, value);
        let found = setting(&scene, &[], key);
        assert_eq!(
            found,
            (json!(value), "variable".to_owned(), variable.to_owned())
        );
        let found = setting(&scene, &[flag, other], key);
        assert_eq!(found, (json!(other), "flag".to_owned(), flag.to_owned()));
    }
    for (key, flag, variable) in [
        ("profile", "--profile", "AWS_PROFILE"),
        ("region", "--region", "AWS_REGION"),
        ("endpoint-url", "--endpoint-url", "AWS_ENDPOINT_URL"),
    ] {
        scene.set(variable, "http://one");
        assert_eq!(setting(&scene, &[], key).2, variable);
        let found = setting(&scene, &[flag, "http://two"], key);
        assert_eq!(
            found,
            (json!("http://two"), "flag".to_owned(), flag.to_owned())
        );
    }
}

#[test]
fn flags_and_variables_do_what_config_says() {
    let mut scene = Scene::bare();
    scene.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"dev\"\n[store]\nkind = \"file\"\n",
    );
    scene
        .run(&["status"])
        .exactly(0, "off\n", "Web maintenance status for shop-dev\n");
    scene.set("MAINTENANCE_ENV", "prod");
    scene
        .run(&["on", "-y"])
        .code(0)
        .says("mode for shop-prod\n");
    scene
        .run(&["status", "--env", "dev"])
        .code(0)
        .stdout("off\n");
    scene
        .run(&["status", "--env", "prod"])
        .code(0)
        .stdout("on\n");
    scene
        .run(&["--prefix", "/elsewhere"])
        .code(0)
        .stdout("off\n");
    scene.set("MAINTENANCE_ROLE", "worker");
    scene
        .run(&[])
        .exactly(0, "off\n", "Worker maintenance status for shop-prod\n");
    scene.run(&["--role", "web"]).code(0).stdout("on\n");
    scene.run(&["--all"]).code(0).stdout("web on\nworker off\n");
}

#[test]
fn the_nearest_file_counts_and_its_paths_are_its_own() {
    let scene = Scene::bare();
    scene.write(
        "maintenance.toml",
        "app = \"shop\"\nenv = \"dev\"\n[store]\nkind = \"file\"\npath = \"state\"\n",
    );
    scene.write("a/b/c/here", "");
    let mut command = scene.command(&["on", "-y"]);
    command.current_dir(scene.folder().join("a/b/c"));
    assert!(command.status().unwrap().success());
    assert!(
        scene
            .folder()
            .join("state/maintenance/shop-dev/flags/web")
            .is_file()
    );
    // A nearer one hides the farther one as a whole.
    scene.write("a/b/maintenance.toml", "app = \"other\"\nenv = \"dev\"\n");
    let mut command = scene.command(&["config", "--json"]);
    let output = command
        .current_dir(scene.folder().join("a/b/c"))
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["settings"]["app"]["value"], "other");
    assert_eq!(document["settings"]["store"]["value"], "ssm");
}

#[test]
fn a_named_file_is_read_and_must_be_there() {
    let mut scene = Scene::bare();
    scene.write("maintenance.toml", "app = \"near\"\n");
    scene.write("conf/other.toml", "app = \"named\"\n");
    assert_eq!(
        setting(&scene, &["--config", "conf/other.toml"], "app").0,
        "named"
    );
    scene.set("MAINTENANCE_CONFIG", "conf/other.toml");
    assert_eq!(setting(&scene, &[], "app").0, "named");
    assert_eq!(setting(&scene, &[], "config").1, "variable");
    scene.set("MAINTENANCE_CONFIG", "conf/none.toml");
    let file = scene
        .folder()
        .canonicalize()
        .unwrap()
        .join("conf/none.toml");
    let ran = scene.run(&["config"]);
    ran.refuses(
        2,
        &format!("cannot read the configuration file {}", file.display()),
    );
    ran.says("\nHint: it is named by MAINTENANCE_CONFIG\n");
}

#[test]
fn without_an_app_it_says_what_to_do() {
    let mut scene = Scene::bare();
    let folder = scene.folder().canonicalize().unwrap();
    scene.run(&["status"]).exactly(
        2,
        "",
        &format!(
            "Error: no app is set\n\
             Caused by: there is no maintenance.toml in {} or above it, and neither --app nor \
             MAINTENANCE_APP is given\n\
             Hint: write a configuration file with `maintenance init`, or give --app and --env\n",
            folder.display()
        ),
    );
    scene.set("MAINTENANCE_APP", "shop");
    scene.run(&["on", "-y"]).refuses(2, "no env is set");
    scene.write("maintenance.toml", "app = \"shop\"\n");
    scene.run(&["on", "-y"]).exactly(
        2,
        "",
        &format!(
            "Error: no env is set\n\
             Caused by: {}/maintenance.toml has no \"env\", and neither --env nor MAINTENANCE_ENV \
             is given\n\
             Hint: add env = \"…\" to the file, or give --env\n",
            folder.display()
        ),
    );
}

#[test]
fn slips_get_a_suggestion() {
    let scene = Scene::files();
    scene.run(&["--role", "wokrer"]).exactly(
        2,
        "",
        "Error: there is no role wokrer\n\
         Caused by: the roles are web, worker, and --role names another\n\
         Hint: did you mean worker?\n",
    );
    scene.run(&["statsu"]).exactly(
        2,
        "",
        "Error: unrecognized subcommand 'statsu'\n\
         Hint: a similar subcommand exists: 'status'\n\
         Hint: try `maintenance --help`\n",
    );
    scene.run(&["on", "--resaon", "x"]).exactly(
        2,
        "",
        "Error: unexpected argument '--resaon' found\n\
         Hint: a similar argument exists: '--reason'\n\
         Hint: try `maintenance --help`\n",
    );
    scene.write(
        "maintenance.toml",
        "app = \"demo\"\n\n[store]\nknid = \"ssm\"\n",
    );
    let file = scene
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    scene.run(&["status"]).exactly(
        2,
        "",
        &format!(
            "Error: cannot use the configuration file {}\n\
             Caused by: line 4: there is no key \"store.knid\"\n\
             Hint: did you mean kind?\n",
            file.display()
        ),
    );
    // The roles of the file are known too.
    scene.write("maintenance.toml", "[roles.checkout]\n");
    scene
        .run(&["--role", "chekout"])
        .refuses(2, "there is no role chekout")
        .says("mean checkout?");
    scene
        .run(&["--role", "database"])
        .says("Hint: add [roles.database] to the configuration file");
}

#[test]
fn bad_values_name_their_rule_and_where_they_came_from() {
    let mut scene = Scene::files();
    scene.run(&["--app", "de/mo"]).exactly(
        2,
        "",
        "Error: app \"de/mo\" is not valid\n\
         Caused by: it may hold only the letters a-z and A-Z, digits, '_', '.' and '-'\n\
         Hint: it comes from --app\n",
    );
    scene
        .run(&["--env", ""])
        .refuses(2, "env \"\" is not valid")
        .says("it must not be empty");
    let long = "x".repeat(200);
    scene
        .run(&["--app", &long])
        .code(2)
        .says("it may have at most 64 characters");
    scene
        .run(&["--role", "Web!"])
        .refuses(2, "role \"Web!\" is not valid");
    scene
        .run(&["--prefix", "x"])
        .refuses(2, "prefix \"x\" is not valid")
        .says("start with '/'");
    scene
        .run(&["--store", "s3"])
        .refuses(2, "the store \"s3\" is not valid");
    for rate in ["0", "-1", "15.5", "fast", "NaN", "inf"] {
        let ran = scene.run(&["on", "-y", "--rate", rate]);
        ran.refuses(2, &format!("the rate {rate:?} is not valid"));
        ran.says("more than 0 and at most 15");
    }
    scene.run(&["on", "-y", "--reason", " "]).code(2);
    scene.run(&["on", "-y", "--observer", ""]).code(2);
    scene
        .run(&["--function", "a:b"])
        .code(2)
        .says("without ARN or qualifier");
    scene
        .run(&["--function", "a", "--all"])
        .refuses(2, "--function cannot be used with --all");
    // An empty variable is no variable, and falling back on another value could be production.
    scene.set("MAINTENANCE_ENV", "");
    scene.run(&["status"]).exactly(
        2,
        "",
        "Error: MAINTENANCE_ENV cannot be used\n\
         Caused by: it is set, but empty\n\
         Hint: unset MAINTENANCE_ENV, or give it a value\n",
    );
}

#[test]
fn config_shows_what_there_is_even_if_something_is_missing() {
    let mut scene = Scene::bare();
    scene.set("AWS_ENDPOINT_URL", "http://me:hidden@127.0.0.1:1");
    scene.set("AWS_SECRET_ACCESS_KEY", "hidden");
    scene.write(
        "maintenance.toml",
        "app = \"shop\"\n[roles.worker]\nfunctions = [\"a-*\", \"b\"]\nexclude = [\"a-x\"]\n\
         tags = { role = \"worker\" }\n",
    );
    let file = scene
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    let ran = scene.run(&["config"]);
    let shown = ran.stdout.replace(&file.display().to_string(), "FILE");
    // How wide the columns are depends on the folder's name.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: Vec<String> = shown.lines().map(words).collect();
    assert_eq!(
        shown,
        [
            "config FILE the nearest one",
            "app shop FILE:1",
            "env - not set",
            "profile - as the AWS SDK finds it",
            "region - as the AWS SDK finds it",
            "endpoint-url http://127.0.0.1:1 AWS_ENDPOINT_URL",
            "store ssm default",
            "prefix /maintenance default",
            "role web default",
            "rate 10 default",
            "by ana@laptop MAINTENANCE_BY",
            "roles.web.functions - none: a flag alone",
            "roles.worker.functions a-*, b FILE:3",
            "roles.worker.exclude a-x FILE:4",
            "roles.worker.tags role=worker FILE:5",
        ]
    );
    assert_eq!(ran.code(0).stderr, "");
}

#[test]
fn init_writes_a_file_that_is_accepted() {
    let scene = Scene::bare();
    let path = scene.folder().join("maintenance.toml");
    let ran = scene.run(&["init", "--app", "shop", "--env", "prod"]);
    let shown = scene
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    ran.exactly(0, "", &format!("Wrote {} for shop-prod\n", shown.display()));
    assert_eq!(setting(&scene, &[], "app").0, "shop");
    assert_eq!(setting(&scene, &[], "env").0, "prod");
    let text = scene.read("maintenance.toml");
    assert!(text.matches('#').count() > 5, "it is commented: {text}");
    // What it says in comments is accepted too.
    let all: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if code.contains(" = ") || code.starts_with('[') => code,
            _ => line,
        })
        .filter(|line| !line.starts_with("path"))
        .collect();
    scene.write("maintenance.toml", &all.join("\n"));
    assert_eq!(setting(&scene, &[], "rate").1, "file");
    let functions = setting(&scene, &[], "roles.worker.functions").0;
    assert_eq!(functions, json!(["shop-prod-worker-*"]));
    // Nothing but the file is left.
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["home", "maintenance.toml"]);
}

#[test]
fn init_guesses_and_says_so_and_never_overwrites() {
    let scene = Scene::bare();
    scene.write("My Shop/here", "");
    let mut command = scene.command(&["init"]);
    let output = command
        .current_dir(scene.folder().join("My Shop"))
        .output()
        .unwrap();
    let folder = scene.folder().canonicalize().unwrap().join("My Shop");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "Wrote {}/maintenance.toml for My-Shop-dev\n\
             The app's name, My-Shop, is the folder's: give --app for another\n\
             The environment is dev: give --env for another\n",
            folder.display()
        )
    );
    scene.write("maintenance.toml", "app = \"mine\"\n");
    let file = scene
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    scene.run(&["init", "--app", "shop"]).exactly(
        1,
        "",
        &format!(
            "Error: {} exists already\n\
             Caused by: a configuration file is never overwritten\n\
             Hint: edit it, or remove it first\n",
            file.display()
        ),
    );
    assert_eq!(scene.read("maintenance.toml"), "app = \"mine\"\n");
    scene
        .run(&["init", "--app", "a b", "--config", "x.toml"])
        .code(2);
}

#[test]
fn init_for_files_works_at_once() {
    let scene = Scene::bare();
    scene
        .run(&["init", "--app", "shop", "--store", "file:state/of app"])
        .code(0);
    scene.run(&["on", "-y"]).code(0).says("turned on");
    assert!(
        scene
            .folder()
            .join("state/of app/maintenance/shop-dev/flags/web")
            .is_file()
    );
}
