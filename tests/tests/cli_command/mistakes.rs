//! What is said of a mistake in a setting, wherever it was made.

use maintenance_tests::Scene;

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
    let scene = Scene::files();
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
}
