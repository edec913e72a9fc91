//! Every command of the README, run as it stands there; and the IAM policies, held against the calls
//! that the command really makes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use maintenance_sandbox::{FunctionSpec, MappingSpec, Sandbox, Server, Service, Settings};

const README: &str = include_str!("../../../README.md");
const CI: &str = include_str!("../../../.ci/run");

/// The fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in README.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(opened)) => block = Some(opened.to_owned() + "\n"),
            (Some(text), Some("")) => {
                if let Some(body) = text.strip_prefix(&format!("{language}\n")) {
                    found.push(body.to_owned());
                }
                block = None;
            }
            (Some(text), _) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(block.is_none(), "a block of the README is not closed");
    found
}

/// A sandbox with workers as the README's configuration names them.
fn world() -> (Sandbox, Server) {
    let sandbox = Sandbox::new(Settings::demo());
    sandbox.configure(|settings| {
        settings.rate_limits = false;
    });
    sandbox.seed(FunctionSpec::new("demo-dev-web").reserved(50));
    sandbox.seed(FunctionSpec::new("demo-dev-worker-mail"));
    sandbox.seed(
        FunctionSpec::new("demo-dev-worker-q")
            .reserved(5)
            .mapping(MappingSpec::sqs("q")),
    );
    let hot = FunctionSpec::new("demo-dev-worker-hot")
        .reserved(9)
        .versions(1)
        .alias("live", 1);
    sandbox.seed(hot.provisioned("live", 3));
    let server = sandbox.serve_on_thread().expect("a free port");
    // An asynchronous trigger, whose events go to a failure destination.
    let mail = "demo-dev-worker-mail";
    let queue = "arn:aws:sqs:us-east-1:1:failed";
    let allowed = sandbox.allow(mail, None, "s3.amazonaws.com");
    allowed
        .and_then(|()| sandbox.set_on_failure(mail, None, queue))
        .expect("a function of that name");
    (sandbox, server)
}

fn run(line: &str, folder: &Path, server: &Server) {
    let binary = Path::new(env!("CARGO_BIN_EXE_maintenance"));
    let path = format!(
        "{}:/usr/bin:/bin",
        binary.parent().expect("a folder").display()
    );
    let output = Command::new("sh")
        .args(["-euc", line])
        .env_clear()
        .env("PATH", path)
        .env("AWS_ENDPOINT_URL", server.endpoint_url())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{line}: {output:?}");
}

/// Runs the README's commands in order, with its configuration appended once `init` has written its
/// own, as a reader would.
fn follow_the_readme(server: &Server) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let roles = blocks("toml")
        .into_iter()
        .find(|block| block.contains("[roles.worker]"));
    let roles = roles.expect("the README configures the workers");
    let mut ran = 0;
    for line in blocks("sh").iter().flat_map(|block| block.lines()) {
        if line.starts_with("cargo ") {
            // Cargo inside of cargo's own test run would build in its way; CI runs these as they are.
            assert!(
                CI.contains(line),
                "`{line}` of the README is run by no step of .ci/run"
            );
            continue;
        }
        run(line, folder.path(), server);
        if line.starts_with("maintenance init") {
            let file = folder.path().join("maintenance.toml");
            let text = std::fs::read_to_string(&file).expect("init wrote it");
            std::fs::write(&file, text + &roles).expect("it is ours");
        }
        ran += 1;
    }
    ran
}

#[test]
fn every_command_of_the_readme_works() {
    let (sandbox, server) = world();
    let before = sandbox.fleet();
    let ran = follow_the_readme(&server);
    assert!(ran >= 6, "only {ran} commands");
    assert_eq!(sandbox.fleet(), before);
    assert!(
        !sandbox
            .parameters()
            .keys()
            .any(|name| name.contains("/capacity/"))
    );
}

/// The actions that a policy allows.
fn actions(policy: &str) -> BTreeSet<String> {
    let policy: serde_json::Value = serde_json::from_str(policy).expect("JSON");
    let mut actions = BTreeSet::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        match &statement["Action"] {
            serde_json::Value::String(action) => {
                actions.insert(action.clone());
            }
            list => actions.extend(
                list.as_array()
                    .expect("a list")
                    .iter()
                    .filter_map(|a| a.as_str().map(str::to_owned)),
            ),
        }
    }
    actions
}

#[test]
fn the_policies_allow_what_is_called_and_no_more() {
    let policies = blocks("json");
    assert_eq!(policies.len(), 2, "for the operator, and for the handler");
    let (sandbox, server) = world();
    follow_the_readme(&server);
    let folder = tempfile::tempdir().expect("a folder");
    let history = "maintenance history --app demo --env dev";
    run(history, folder.path(), &server);
    // Many changes, so that old leases are deleted as well.
    for _ in 0..6 {
        for word in ["on --yes", "off"] {
            run(
                &format!("maintenance {word} --app demo --env dev"),
                folder.path(),
                &server,
            );
        }
    }
    // An account that has no room left for a reservation: the number missing is asked for.
    let worker = "--app demo --env dev --role worker --function demo-dev-worker-q";
    run(
        &format!("maintenance on --yes {worker}"),
        folder.path(),
        &server,
    );
    sandbox
        .set_reserved("demo-dev-web", Some(899))
        .expect("it exists");
    run(
        &format!("maintenance off {worker} || test $? = 4"),
        folder.path(),
        &server,
    );

    let called: BTreeSet<String> = sandbox
        .calls()
        .into_iter()
        .map(|record| {
            let service = match record.call.service {
                Service::Ssm => "ssm",
                Service::Lambda => "lambda",
                Service::Sts => "sts",
                Service::Iam => "iam",
            };
            match record.call.operation.as_str() {
                "Invoke" => "lambda:InvokeFunction".to_owned(),
                operation => format!("{service}:{operation}"),
            }
        })
        .collect();
    let mut allowed = actions(&policies[0]);
    // No call, but what AWS asks for to show tags in GetFunction.
    assert!(allowed.remove("lambda:ListTags"));
    assert_eq!(allowed, called);
    assert_eq!(
        actions(&policies[1]),
        BTreeSet::from(["ssm:GetParameter".to_owned()])
    );
}
