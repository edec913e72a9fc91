//! What would go wrong, found without changing anything.

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::{Output, TestEnv};
use serde_json::Value;

fn app() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-worker-*\"]\n",
    );
    let worker = FunctionSpec::new("demo-dev-worker-mail").reserved(20);
    env.sandbox().seed(worker);
    env
}

/// The lines of a check.
#[track_caller]
fn has(output: &Output, line: &str) {
    assert!(output.stdout.contains(line), "no {line:?}: {output:#?}");
}

#[test]
fn where_all_is_well_it_says_so_and_writes_nothing() {
    let env = app();
    let output = env.run(&["doctor"]);
    output.code(0);
    for line in [
        "ok           credentials: calls AWS as arn:aws:iam::123456789012:user/AKIASANDBOX (account 123456789012) in us-east-1\n",
        "ok           clock: this machine's clock is ",
        "ok           web flag: its flag is off\n",
        "ok           worker flag: its flag is off\n",
        "ok           lease: no operation is running\n",
        "ok           worker functions: it selects 1 function\n",
        "ok           concurrency: 980 of the account's 1000 concurrent executions are unreserved; restoring reserves 0\n",
        "ok           permissions: IAM allows all 19 actions that pausing and restoring need\n",
        "not checked  gate: whether the site has a gate: where it is, is not known\n             Hint: set url in maintenance.toml\n",
    ] {
        has(&output, line);
    }
    assert!(
        env.sandbox().writes().is_empty(),
        "{:#?}",
        env.sandbox().writes()
    );
    let screen = env.on_screen(80, &["doctor"], "");
    let longest = screen.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{screen:#?}");
    // While it is on, too, and turning it off is looked at.
    env.run(&["on", "--all", "-y"]).code(0);
    let output = env.run(&["doctor", "-q"]);
    output.code(0);
    has(
        &output,
        "ok           web flag: its flag is on, turned on by ana@laptop\n",
    );
    has(
        &output,
        "ok           worker restore: turning it off would restore 1 function\n",
    );
    has(&output, "; restoring reserves 20\n");
}

#[test]
fn a_missing_permission_is_found_by_asking_and_by_trying() {
    let env = app();
    let deny = |action: &str| {
        env.sandbox().configure(|settings| {
            settings.iam.denied = [action.to_owned()].into();
        });
        env.run(&["doctor"])
    };
    let output = deny("lambda:PutFunctionConcurrency");
    output.code(1);
    has(
        &output,
        "failed       permissions: IAM does not allow lambda:PutFunctionConcurrency to arn:aws:iam::123456789012:user/AKIASANDBOX\n\
         \x20            Hint: allow lambda:PutFunctionConcurrency in the IAM policy of your user or role\n",
    );
    let output = deny("ssm:GetParameter");
    output.code(1);
    has(
        &output,
        "failed       web store: not allowed to ssm:GetParameter on /maintenance/demo-dev/flags/web",
    );
    // The history is no operation's business.
    let output = deny("ssm:GetParameterHistory");
    output.code(0);
    has(
        &output,
        "warning      history: what became of the app cannot be read: not allowed to ssm:GetParameterHistory",
    );
    let output = deny("ssm:GetParametersByPath");
    output.code(1);
    has(&output, "failed       lease: ");
    // Where the simulator may not be asked, the reads have been tried all the same.
    env.sandbox().configure(|settings| {
        settings.iam.denied.clear();
        settings.iam.may_simulate = false;
    });
    let output = env.run(&["doctor"]);
    output.code(0);
    has(
        &output,
        "not checked  permissions: whether IAM allows the writes: AccessDenied: User: arn:aws:iam::123456789012:user/AKIASANDBOX",
    );
    has(&output, "Hint: allow iam:SimulatePrincipalPolicy");
}

#[test]
fn what_an_operation_would_stumble_over_is_named_with_what_to_do() {
    let env = app();
    crate::events::allow(&env, "demo-dev-worker-mail", "s3.amazonaws.com");
    env.sandbox()
        .set_parameter("/maintenance/demo-dev/flags/web", "offf");
    let output = env.run(&["doctor", "--json"]);
    output.code(1);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["app"], "demo-dev");
    let of = |check: &str| {
        let mut checks = document["checks"].as_array().unwrap().iter();
        checks
            .find(|it| it["check"] == check && it["result"] != "ok")
            .cloned()
    };
    let flag = of("flag").unwrap();
    assert_eq!(
        (&flag["role"], &flag["result"]),
        (&"web".into(), &"failed".into())
    );
    assert_eq!(
        flag["text"],
        "the stored value is malformed: it is not JSON"
    );
    let events = of("events").unwrap();
    assert_eq!(events["result"], "warning");
    assert!(
        events["text"]
            .as_str()
            .unwrap()
            .contains("s3.amazonaws.com"),
        "{events:#}"
    );
    assert!(
        events["hint"]
            .as_str()
            .unwrap()
            .contains("dead-letter queue"),
        "{events:#}"
    );

    // A selection that finds nothing, and one of whose globs finds nothing.
    let env = app();
    let output = env.run(&["doctor", "--role", "worker", "--function", "nothing-*"]);
    output.code(1);
    has(
        &output,
        "failed       worker functions: the worker role selects functions, but none matches",
    );
    let both = [
        "doctor",
        "--role",
        "worker",
        "--function",
        "nothing-*",
        "--function",
        "demo-*",
    ];
    let output = env.run(&both);
    output.code(0);
    has(
        &output,
        "warning      worker functions: no function matches nothing-*\n",
    );

    // An operation that died.
    let env = app();
    env.sandbox()
        .inject(Fault::on("PutFunctionConcurrency").always().hang());
    let running = env.start(&["on", "--role", "worker", "-y"]);
    env.wait_until_hanging();
    running.kill();
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    let output = env.run(&["doctor"]);
    has(
        &output,
        "warning      lease: ana@laptop operates on it (on worker) since ",
    );
    has(&output, "run `maintenance unlock`");
}

#[test]
fn a_reservation_that_another_took_meanwhile_keeps_off_from_giving_back_and_is_found_before() {
    let env = app();
    env.run(&["on", "--role", "worker", "-y"]).code(0);
    env.sandbox()
        .seed(FunctionSpec::new("greedy").reserved(890));
    let output = env.run(&["doctor"]);
    output.code(1);
    has(
        &output,
        "failed       concurrency: 110 of the account's 1000 concurrent executions are unreserved; restoring reserves 20\n",
    );
    env.run(&["off", "--role", "worker"]).code(4);
}

#[test]
fn without_credentials_nothing_else_is_asked_and_a_folder_needs_none() {
    let mut env = app();
    env.unset("AWS_ACCESS_KEY_ID");
    env.unset("AWS_SECRET_ACCESS_KEY");
    let output = env.run(&["doctor"]);
    output.code(1);
    has(
        &output,
        "failed       credentials: no AWS credentials were found",
    );
    has(
        &output,
        "not checked  store: the store, the functions and IAM: AWS cannot be called\n",
    );
    assert!(env.sandbox().calls().is_empty());

    let env = TestEnv::files();
    let output = env.run(&["doctor"]);
    output.code(0);
    has(
        &output,
        "ok           credentials: the store is a folder, and no role selects functions: no AWS is needed\n",
    );
    assert!(!env.folder().join("store").exists());
}

/// What a site answers to HEAD.
fn site(answer: &'static str) -> String {
    crate::first_time::site(answer)
}

#[test]
fn the_gate_of_the_site_is_asked_and_what_it_answers_is_judged_by_the_flag() {
    use crate::first_time::{GATE, OPEN};
    let mut env = app();
    let mut doctor = |answer: &'static str| {
        let url = site(answer);
        env.set("MAINTENANCE_URL", &url);
        (url, env.run(&["doctor"]))
    };
    let (url, output) = doctor(OPEN);
    output.code(0);
    let line = "not checked  gate: whether {url} has a gate shows only while maintenance is on; it answers 200";
    has(&output, &line.replace("{url}", &url));
    let (url, output) = doctor(GATE);
    output.code(0);
    let line = "warning      gate: the gate of {url} refuses requests, and the flag is off\n";
    has(&output, &line.replace("{url}", &url));
    let (_, output) = doctor("no HTTP\r\n\r\n");
    output.code(0);
    has(&output, "could not be reached: ");
    has(
        &output,
        "Hint: check url in maintenance.toml, and the site\n",
    );

    env.run(&["on", "-y", "--no-verify"]).code(0);
    let mut doctor = |answer: &'static str| {
        let url = site(answer);
        env.set("MAINTENANCE_URL", &url);
        (url, env.run(&["doctor"]))
    };
    let (url, output) = doctor(GATE);
    output.code(0);
    has(
        &output,
        &format!("ok           gate: {url} is in maintenance: its gate answers\n"),
    );
    let (url, output) = doctor(OPEN);
    output.code(1);
    has(
        &output,
        &format!(
            "failed       gate: {url} answers 200, and no gate refuses, though the flag is on\n"
        ),
    );
    has(
        &output,
        "Hint: check that its handler has the gate, and that MAINTENANCE_APP",
    );
}

#[test]
fn a_clock_that_is_off_is_found() {
    use maintenance_sandbox::{Clock, Sandbox};
    let doctor = |seconds: i64| {
        let mut settings = maintenance_tests::quick_sandbox().settings();
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        settings.clock = Clock::tokio_from(now);
        TestEnv::in_sandbox(Sandbox::new(settings)).run(&["doctor"])
    };
    let hint = "Hint: set the clock: AWS allows five minutes\n";
    for (seconds, result) in [(100, "warning"), (-100, "warning"), (400, "failed")] {
        let output = doctor(seconds);
        output.code(u8::from(result == "failed"));
        has(&output, hint);
        let mut lines = output.stdout.lines();
        let line = lines.find(|line| line.contains(" clock: ")).unwrap();
        assert!(line.starts_with(result), "{line}");
        let told: i64 = line
            .split_once("this machine's clock is ")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
            .unwrap();
        // A command takes its time.
        assert!((told - seconds.abs()).abs() <= 20, "{line}");
    }
    let output = doctor(0);
    output.code(0);
    assert!(!output.stdout.contains(hint), "{output:#?}");
}

#[test]
fn the_policies_of_a_role_with_a_path_are_asked_about() {
    let env = app();
    let role = |may_get_role: bool, denied: &[&str]| {
        env.sandbox().configure(|settings| {
            let arn =
                "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/Admin_1";
            settings.iam.role = Some(arn.to_owned());
            settings.iam.denied = denied.iter().map(|it| (*it).to_owned()).collect();
            if !may_get_role {
                settings.iam.denied.insert("iam:GetRole".to_owned());
            }
        });
        env.run(&["doctor"])
    };
    let output = role(true, &[]);
    output.code(0);
    has(
        &output,
        "calls AWS as arn:aws:sts::123456789012:assumed-role/Admin_1/AKIASANDBOX ",
    );
    has(
        &output,
        "ok           permissions: IAM allows all 19 actions",
    );
    let output = role(true, &["lambda:PutFunctionConcurrency"]);
    output.code(1);
    has(
        &output,
        "IAM does not allow lambda:PutFunctionConcurrency to arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/Admin_1\n",
    );
    // Without that permission it says what is missing.
    let output = role(false, &[]);
    output.code(0);
    has(
        &output,
        "not checked  permissions: whether IAM allows the writes: the role has a path, which is not known: AccessDenied",
    );
    has(&output, "Hint: allow iam:GetRole on your role");
    // A role without a path is found by its session alone.
    env.sandbox().configure(|settings| {
        settings.iam.role = Some("arn:aws:iam::123456789012:role/ops".to_owned());
    });
    has(
        &env.run(&["doctor"]),
        "ok           permissions: IAM allows all 19 actions",
    );
}

/// A function with the variables of a gate of the app.
fn gate(name: &str, variables: &[(&str, &str)]) -> FunctionSpec {
    let of_app = [("MAINTENANCE_APP", "demo"), ("MAINTENANCE_ENV", "dev")];
    let all = of_app.iter().chain(variables);
    let function = FunctionSpec::new(name).timeout(30);
    all.fold(function, |function, (name, value)| {
        function.variable(name, value)
    })
}

#[test]
fn the_gates_of_functions_are_compared_with_what_the_command_counts_on() {
    let env = app();
    let doctor = |variables: &[(&str, &str)]| {
        env.sandbox().seed(gate("demo-dev-site", variables));
        env.run(&["doctor"])
    };
    let output = env.run(&["doctor"]);
    output.code(0);
    has(
        &output,
        "not checked  gates: the settings of gates, such as their TTL: no function here has MAINTENANCE_APP=demo and MAINTENANCE_ENV=dev in its environment\n",
    );
    let output = doctor(&[
        ("DATABASE_URL", "postgres://secret"),
        ("MAINTENANCE_TTL", ""),
    ]);
    output.code(0);
    has(
        &output,
        "ok           gates: demo-dev-site follows web, and relies on the flag for 5 s\n",
    );
    assert!(!format!("{output:?}").contains("secret"));
    let output = doctor(&[("MAINTENANCE_TTL", "60")]);
    output.code(0);
    has(
        &output,
        "warning      gates: demo-dev-site: its gate relies on the flag for 60 s, and 5 s are configured here: the moment from which it is safe to migrate is too early\n",
    );
    has(
        &output,
        "Hint: set ttl = 60 in [roles.web] of maintenance.toml",
    );
    // The extension keeps what it read for five minutes, unless it is told otherwise.
    let extension = ("MAINTENANCE_STORE", "extension");
    has(&doctor(&[extension]), "relies on the flag for 305 s, and");
    let output = doctor(&[extension, ("SSM_PARAMETER_STORE_TTL", "0")]);
    has(&output, "ok           gates: demo-dev-site follows web");
    for (variable, value, line) in [
        (
            "MAINTENANCE_TTL",
            "soon",
            "MAINTENANCE_TTL \"soon\" is not valid, and its handler does not start\n",
        ),
        (
            "MAINTENANCE_PREFIX",
            "/elsewhere",
            "its gate reads /elsewhere/demo-dev/flags/web, and the flag is at /maintenance/demo-dev/flags/web\n",
        ),
        (
            "MAINTENANCE_STORE",
            "file:/tmp/flags",
            "its gate reads its flag from another store, file:/tmp/flags\n",
        ),
    ] {
        let output = doctor(&[(variable, value)]);
        output.code(1);
        has(
            &output,
            &format!("failed       gates: demo-dev-site: {line}"),
        );
        has(
            &output,
            &format!("Hint: correct {variable} of demo-dev-site"),
        );
    }
    let output = doctor(&[("MAINTENANCE_ROLE", "api")]);
    output.code(0);
    has(
        &output,
        "warning      gates: demo-dev-site: its gate follows the role api, which is not configured here\n",
    );
    // Not where only one role was asked for.
    let output = env.run(&["doctor", "--role", "web"]);
    has(&output, "ok           gates: demo-dev-site follows api");
    // Of other apps, and a handler that the worker role would pause.
    env.sandbox()
        .seed(gate("demo-dev-site", &[("MAINTENANCE_APP", "other")]));
    env.sandbox().seed(gate("demo-dev-worker-web", &[]));
    let output = env.run(&["doctor"]);
    output.code(0);
    assert!(!output.stdout.contains("demo-dev-site"), "{output:#?}");
    has(
        &output,
        "warning      gates: demo-dev-worker-web: it has a gate, and a role selects it: while it is paused, visitors get 429 from AWS and not its page\n",
    );
    // The longest timeout of handlers, which says when it is safe to migrate.
    env.write(
        "maintenance.toml",
        "[roles.web]\ntimeout = 10\nttl = 5\n[roles.worker]\nfunctions = [\"demo-dev-worker-mail\"]\n",
    );
    has(
        &env.run(&["doctor"]),
        "warning      gates: demo-dev-worker-web: its timeout is 30 s, and 10 s are configured here",
    );
    env.sandbox()
        .configure(|settings| settings.lambda.hide_environment = true);
    let output = env.run(&["doctor"]);
    output.code(0);
    has(
        &output,
        "not checked  gates: the settings of gates, such as their TTL, of functions whose environment may not be decrypted: 2 functions\n",
    );
    assert!(env.sandbox().writes().is_empty());
}
