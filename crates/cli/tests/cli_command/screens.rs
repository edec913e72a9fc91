//! What people see, screen by screen, on terminals of 80 and of 120 columns, and in colour.
//!
//! Change a screen, run with `INSTA_UPDATE=always`, and read the difference before you commit it.

use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};
use maintenance_tests::{Output, TestEnv};

/// The screen of a command in a scene that `make` makes anew for each terminal.
fn shows(name: &str, make: impl Fn() -> TestEnv, arguments: &[&str], keys: &str) {
    let on = |columns, variable: (&str, &str)| {
        let mut env = make();
        env.set(variable.0, variable.1);
        screen(env.on_screen(columns, arguments, keys), &env)
    };
    let narrow = on(80, ("NO_COLOR", "1"));
    let wide = on(120, ("NO_COLOR", "1"));
    let coloured = on(80, ("CLICOLOR_FORCE", "1"));
    assert!(!narrow.contains('\u{1b}'), "{narrow}");
    let plain = strip(&coloured);
    assert_eq!(plain, narrow, "colours are all that differs");
    let mut all = format!("$ maintenance {}\n{narrow}", arguments.join(" "));
    if wide != narrow {
        all += &format!("=== 120 columns\n{wide}");
    }
    if coloured != narrow {
        let lines = coloured.lines().filter(|line| line.contains('\u{1b}'));
        let lines: String = lines
            .map(|line| line.replace('\u{1b}', "␛") + "\n")
            .collect();
        all += &format!("=== lines in colour\n{lines}");
    }
    insta::assert_snapshot!(name, all);
}

/// What is on it, with the same words wherever and whenever it runs.
pub(crate) fn screen(output: Output, env: &TestEnv) -> String {
    let output = output.timeless();
    let folder = env.folder().display().to_string();
    let code = output
        .code
        .map_or("a signal".to_owned(), |code| code.to_string());
    let shown = output.stdout.replace(&folder, "[FOLDER]");
    let window = regex_lite::Regex::new(r"\d{8}T\d{6}Z-[0-9a-f]{8}").expect("an expression");
    format!("{}[exit {code}]\n", window.replace_all(&shown, "[WINDOW]"))
}

fn strip(text: &str) -> String {
    let colour = regex_lite::Regex::new("\u{1b}\\[[0-9;]*m").expect("an expression");
    colour.replace_all(text, "").into_owned()
}

/// An app with handlers, and with workers of every kind.
fn app() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.web]\ntimeout = 29\n\n[roles.worker]\nfunctions = [\"demo-dev-worker-*\"]\n",
    );
    for function in [
        FunctionSpec::new("demo-dev-worker-images")
            .reserved(20)
            .timeout(300),
        FunctionSpec::new("demo-dev-worker-orders")
            .reserved(5)
            .mapping(MappingSpec::sqs("orders"))
            .mapping(MappingSpec::sqs("orders-old").disabled()),
        FunctionSpec::new("demo-dev-worker-search")
            .reserved(10)
            .versions(2)
            .alias("live", 2)
            .provisioned("live", 4),
    ] {
        env.sandbox().seed(function);
    }
    env
}

fn on() -> TestEnv {
    let env = app();
    env.run(&["on", "--all", "-y", "--reason", "new database"])
        .code(0);
    env
}

/// One of whose functions fails from now on.
fn failing(env: TestEnv, operation: &str) -> TestEnv {
    let fault = Fault::on(operation)
        .target("demo-dev-worker-orders")
        .always();
    env.sandbox().inject(fault.access_denied());
    env
}

fn lossy() -> TestEnv {
    let env = app();
    crate::events::allow(&env, "demo-dev-worker-images", "s3.amazonaws.com");
    env
}

#[test]
fn status() {
    shows("status_off", app, &["status"], "");
    shows("status_on", on, &["status"], "");
    shows("status_all", on, &["status", "--all"], "");
    let announced = || {
        let env = app();
        env.run(&[
            "on",
            "-y",
            "--read-only",
            "--for",
            "45m",
            "--message",
            "Back soon.",
            "--bypass",
            "--allow-ip",
            "192.0.2.0/24",
            "--observer",
            "healthcheck",
            "--reason",
            "disk is full",
        ])
        .code(0);
        env
    };
    shows("status_with_everything", announced, &["status"], "");
    shows(
        "status_malformed",
        || {
            let env = app();
            env.sandbox()
                .set_parameter("/maintenance/demo-dev/flags/web", "oops");
            env
        },
        &["status", "--all"],
        "",
    );
}

#[test]
fn turning_on() {
    shows("on_question", app, &["on", "--all"], "n\n");
    shows("on_all", app, &["on", "--all", "-y"], "");
    shows("on_again", on, &["on", "--all"], "");
    shows(
        "on_updated",
        on,
        &["on", "--message", "Back soon.", "--for", "30m"],
        "",
    );
    shows("on_plan", app, &["on", "--all", "--dry-run"], "");
    shows(
        "on_lossy_question",
        lossy,
        &["on", "--role", "worker"],
        "n\n",
    );
    shows(
        "on_lossy_refused",
        lossy,
        &["on", "--role", "worker", "-y"],
        "",
    );
    let denied = || failing(app(), "PutFunctionConcurrency");
    shows("on_partial", denied, &["on", "--all", "-y"], "");
}

#[test]
fn turning_off() {
    shows("off_all", on, &["off", "--all"], "");
    shows("off_never_on", app, &["off", "--all"], "");
    let denied = || failing(on(), "PutFunctionConcurrency");
    shows("off_partial", denied, &["off", "--all"], "");
    let edited = || {
        let env = on();
        let set = env
            .sandbox()
            .set_reserved("demo-dev-worker-images", Some(7));
        set.expect("it exists");
        env
    };
    shows("on_drifted", edited, &["on", "--role", "worker", "-y"], "");
    shows("off_drifted", edited, &["off", "--role", "worker"], "");
    let alarm = || {
        let env = app();
        env.run(&["on", "-y", "--observer", "healthcheck"]).code(0);
        env
    };
    shows("off_refused", alarm, &["off"], "");
}

#[test]
fn workers() {
    let legacy = || {
        let env = app();
        let function = FunctionSpec::new("demo-dev-worker-legacy").reserved(0);
        env.sandbox().seed(function);
        env
    };
    shows("workers", legacy, &["workers"], "");
    shows("workers_paused", on, &["workers"], "");
    let partial = || {
        let env = failing(on(), "PutFunctionConcurrency");
        env.run(&["off", "--all"]).code(4);
        env
    };
    shows("workers_partly_back", partial, &["workers"], "");
    for columns in [80, 120] {
        let table = on().on_screen(columns, &["workers"], "");
        let longest = table
            .code(0)
            .stdout
            .lines()
            .map(|line| line.chars().count())
            .max();
        assert!(longest <= Some(columns.into()), "{table:?}");
    }
}
