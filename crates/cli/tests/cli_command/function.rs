//! `--function` without `--role`: it never means the website by default.

use maintenance_flag::Flag;
use maintenance_sandbox::FunctionSpec;
use maintenance_tests::TestEnv;

fn env(config: &str) -> TestEnv {
    let env = TestEnv::aws();
    env.write("maintenance.toml", config);
    for name in ["demo-dev-a", "demo-dev-b", "other"] {
        env.sandbox().seed(FunctionSpec::new(name).timeout(2));
    }
    env
}

const WORKER: &str = "[roles.worker]\nfunctions = [\"demo-dev-*\"]\nexclude = [\"demo-dev-b\"]\n";

#[test]
fn it_is_of_the_role_that_has_it() {
    let env = env(WORKER);
    let output = env.run(&["on", "-y", "--function", "demo-dev-a"]);
    output
        .code(0)
        .says("Worker maintenance has been turned on\n1 function paused\n");
    env.run(&["status", "--all"])
        .code(0)
        .stdout("web off\nworker on\n");
    let table = env.run(&["workers", "--function", "demo-dev-a"]);
    assert!(
        table.code(0).stdout.contains("worker  demo-dev-a  paused"),
        "{table:#?}"
    );
    env.run(&["off", "--function", "demo-dev-a"]).code(0);
    env.run(&["status", "--all"])
        .code(0)
        .stdout("web off\nworker off\n");
}

#[test]
fn where_no_role_or_more_than_one_has_it_one_must_be_named() {
    for (config, function, why) in [
        (
            "",
            "demo-dev-a",
            "no role of the configuration selects these functions",
        ),
        (
            WORKER,
            "other",
            "no role of the configuration selects these functions",
        ),
        (
            WORKER,
            "demo-dev-b",
            "no role of the configuration selects these functions",
        ),
        (
            WORKER,
            "*",
            "no role of the configuration selects these functions",
        ),
        (
            "[roles.jobs]\nfunctions = [\"*-a\"]\n[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
            "demo-dev-a",
            "the roles worker, jobs all select these functions",
        ),
    ] {
        let mut env = env(config);
        for command in ["on", "off", "status", "workers"] {
            let output = env.run(&[command, "--function", function]);
            output.refuses(2, "--function needs --role");
            output.says(&format!(
                "\nCaused by: {why}\nHint: add --role with one of web, worker"
            ));
        }
        assert!(env.sandbox().calls().is_empty());
        // A role that is named is taken, however it is.
        env.set("MAINTENANCE_ROLE", "worker");
        env.run(&["status", "--function", function]).code(0);
        env.run(&["status", "--role", "web", "--function", function])
            .code(0);
    }
}

#[test]
fn a_role_with_handlers_behind_the_gate_is_drained_when_both_have_ended() {
    let env = env("[roles.web]\ntimeout = 100\nttl = 5\n[roles.worker]\nfunctions = [\"*\"]\n");
    let drained = |role: &str| {
        let name = format!("/maintenance/demo-dev/flags/{role}");
        let flag = Flag::decode(&env.sandbox().parameters()[&name].value).unwrap();
        let from = flag.since.unwrap();
        flag.drained_at.unwrap().duration_since(from).as_secs()
    };
    let web = ["on", "-y", "--role", "web", "--function", "demo-dev-a"];
    env.run(&web).code(0);
    // A TTL, a fifth and a look, then the longest timeout of the handlers.
    assert!(drained("web") >= 106, "{}", drained("web"));
    // Another function is paused later: the handlers' end stays.
    let both = [&web[..], &["--function", "demo-dev-b"]].concat();
    env.run(&both).code(0);
    assert!((106..130).contains(&drained("web")), "{}", drained("web"));
    // A role of functions alone is drained as soon as they are.
    env.run(&["on", "-y", "--function", "other"]).code(0);
    assert!(drained("worker") < 100, "{}", drained("worker"));
}
