//! What is said of a mistake in a setting, wherever it was made.

use maintenance_tests::TestEnv;

#[test]
fn without_an_app_it_says_what_to_do() {
    let mut env = TestEnv::bare();
    let folder = env.folder().canonicalize().unwrap();
    env.run(&["status"]).exactly(
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
    env.set("MAINTENANCE_APP", "shop");
    env.run(&["on", "-y"]).refuses(2, "no env is set");
    env.write("maintenance.toml", "app = \"shop\"\n");
    env.run(&["on", "-y"]).exactly(
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
    let env = TestEnv::files();
    env.run(&["--role", "wokrer"]).exactly(
        2,
        "",
        "Error: there is no role wokrer\n\
         Caused by: the roles are web, worker, and --role names another\n\
         Hint: did you mean worker?\n",
    );
    env.run(&["statsu"]).exactly(
        2,
        "",
        "error: unrecognized subcommand 'statsu'\n\n\
         \x20 tip: a similar subcommand exists: 'status'\n\n\
         Usage: maintenance [OPTIONS] [COMMAND]\n\n\
         For more information, try '--help'.\n",
    );
    env.run(&["on", "--resaon", "x"])
        .misused("unexpected argument '--resaon' found")
        .says("tip: a similar argument exists: '--reason'\n");
    let output = env.run(&["frobnicate"]);
    output.misused("unrecognized subcommand 'frobnicate'");
    assert!(!output.stderr.contains("tip"), "{output:#?}");
    env.write(
        "maintenance.toml",
        "app = \"demo\"\n\n[store]\nknid = \"ssm\"\n",
    );
    let file = env
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    env.run(&["status"]).exactly(
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
    env.write("maintenance.toml", "[roles.checkout]\n");
    env.run(&["--role", "chekout"])
        .refuses(2, "there is no role chekout")
        .says("mean checkout?");
    env.run(&["--role", "database"])
        .says("Hint: add [roles.database] to the configuration file");
}

#[test]
fn an_option_of_another_command_is_said_to_be_that_ones() {
    let env = TestEnv::files();
    env.run(&["off", "--message", "x"])
        .misused("unexpected argument '--message' found")
        .says("tip: '--message' belongs to `maintenance on` and `maintenance during`\n");
    // Nor does a command take options that it does not use.
    for arguments in [
        ["completions", "bash", "--rate", "5"],
        ["--rate", "5", "completions", "bash"],
        ["unlock", "-y", "--role", "web"],
        ["init", "--json", "--app", "x"],
    ] {
        let output = env.run(&arguments);
        output
            .code(2)
            .says("is not an option of `maintenance ")
            .says("\nUsage: maintenance ");
    }
    // Who is behind no proxy must not believe what a header says.
    env.run(&["serve", "--trust-user-header", "x-user"])
        .code(2)
        .says("--behind-proxy");
    env.run(&["serve", "--behind-proxy", "--trust-user-header", "Cookie"])
        .code(2)
        .says("name one that only the proxy sets");
    env.run(&["serve", "--behind-proxy", "--trust-alb", "my-alb"])
        .code(2)
        .says("must be the ARN of an Application Load Balancer");
    env.run(&["serve", "--behind-proxy", "--user-scope", "write"])
        .code(2)
        .says("--trust-user-header <NAME>|--trust-alb <ARN>");
    // Before the command or after it is the same.
    for arguments in [
        &["--all", "--json", "status"][..],
        &["status", "--json", "--all"],
    ] {
        let roles = env.run(arguments).json()["roles"].clone();
        assert_eq!(roles.as_array().map(Vec::len), Some(2), "{arguments:?}");
    }
}

#[test]
fn bad_values_name_their_rule_and_where_they_came_from() {
    let mut env = TestEnv::files();
    env.run(&["--app", "de/mo"]).exactly(
        2,
        "",
        "error: invalid value 'de/mo' for '--app <NAME>': it may hold only the letters a-z and A-Z, \
         digits, '_', '.' and '-'\n\n\
         For more information, try '--help'.\n",
    );
    let long = "x".repeat(200);
    for (option, value, why) in [
        ("--env", "", "it must not be empty"),
        ("--app", &long, "it may have at most 64 characters"),
        ("--role", "Web!", "role \"Web!\" is not valid"),
        ("--prefix", "x", "start with '/'"),
        ("--store", "s3", "must be ssm or file:PATH"),
        ("--rate", "0", "must be more than 0 and at most 15"),
        ("--rate", "-1", "must be more than 0 and at most 15"),
        ("--rate", "15.5", "must be more than 0 and at most 15"),
        ("--rate", "NaN", "must be more than 0 and at most 15"),
        ("--rate", "inf", "must be more than 0 and at most 15"),
        ("--rate", "fast", "must be a number of calls a second"),
        ("--function", "a:b", "without ARN or qualifier"),
        ("--function", "", "--function"),
    ] {
        let output = env.run(&[option, value]);
        output.code(2).stdout("").says("error: ").says(why);
    }
    env.run(&["on", "-y", "--reason", " "]).code(2);
    env.run(&["on", "-y", "--observer", ""]).code(2);
    env.run(&["--function", "a", "--all"])
        .refuses(2, "--function cannot be used with --all");
    env.set("MAINTENANCE_RATE", "fast");
    env.run(&["status"])
        .misused("invalid value 'fast' for '--rate <RATE>': must be a number of calls a second")
        .says("\n  tip: it comes from MAINTENANCE_RATE\n");
    env.run(&["status", "--rate", "5"]).code(0);
    env.set("MAINTENANCE_RATE", "");
    env.run(&["status"]).code(0);
}

#[test]
fn the_parsers_errors_are_documents_too() {
    let output = TestEnv::files().run(&["off", "--json", "--message", "x"]);
    let error = output.code(2).json()["error"].clone();
    assert_eq!(error["message"], "unexpected argument '--message' found");
    assert_eq!(error["exit_code"], 2);
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.starts_with("tip: '--message' belongs to `maintenance on`"),
        "{hint}"
    );
}

#[test]
fn a_configuration_file_in_another_encoding_is_named_and_a_byte_order_mark_is_nothing() {
    let env = TestEnv::files();
    let path = env.folder().join("maintenance.toml");
    let text = "rate = 5\n# caf\u{e9}\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, why) in [
        (
            [b"\xff\xfe", &utf16[..]].concat(),
            "it is UTF-16, not UTF-8",
        ),
        (utf16.clone(), "it is UTF-16, not UTF-8"),
        (
            b"rate = 5\n# caf\xe9\n".to_vec(),
            "line 2: it is not UTF-8; it may be Latin-1 or Windows-1252",
        ),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let output = env.run(&["status"]);
        output
            .code(2)
            .says("Error: cannot read the configuration file ")
            .says(&format!("\nCaused by: {why}\nHint: save it as UTF-8"));
    }
    std::fs::write(&path, [b"\xef\xbb\xbf", text.as_bytes()].concat()).unwrap();
    let output = env.run(&["config", "--json"]);
    assert_eq!(output.code(0).json()["settings"]["rate"]["value"], 5);
}

#[test]
fn a_deleted_working_directory_is_missed_by_what_is_relative_to_it_alone() {
    let mut env = TestEnv::bare();
    env.write(
        "app.toml",
        "app = \"shop\"\nenv = \"dev\"\n[store]\nkind = \"file\"\n",
    );
    let from_nowhere = |env: &TestEnv, arguments: &str| {
        let mut command = env.command(&[]);
        let program = command.get_program().to_owned();
        let gone = env.folder().join("gone");
        std::fs::create_dir(&gone).unwrap();
        // The shell leaves it before it starts the command.
        let script = format!("rmdir ../gone && exec \"$0\" {arguments}");
        command = std::process::Command::new("/bin/sh");
        command.arg("-c").arg(script).arg(program).current_dir(gone);
        command.env_clear().envs(env.variables()).output().unwrap()
    };
    env.set("PATH", "/usr/bin:/bin");
    let output = from_nowhere(&env, "status");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("the working directory no longer exists"),
        "{said}"
    );
    let config = env.folder().join("app.toml");
    env.set("MAINTENANCE_CONFIG", &config.display().to_string());
    let output = from_nowhere(&env, "on --yes");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        env.folder()
            .join(".maintenance/maintenance/shop-dev/flags/web")
            .is_file()
    );
}
