//! `workers`: the functions one by one.

use maintenance_sandbox::{FunctionSpec, MappingSpec};
use maintenance_tests::TestEnv;
use serde_json::json;

fn env() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    for function in [
        FunctionSpec::new("demo-dev-gone").reserved(3),
        FunctionSpec::new("demo-dev-hot")
            .timeout(30)
            .reserved(20)
            .versions(2)
            .alias("live", 1)
            .provisioned("live", 3)
            .provisioned("2", 5),
        FunctionSpec::new("demo-dev-mail"),
        FunctionSpec::new("demo-dev-queue")
            .mapping(MappingSpec::sqs("a"))
            .mapping(MappingSpec::sqs("b").disabled()),
        FunctionSpec::new("unrelated"),
    ] {
        env.sandbox().seed(function.clone());
    }
    env
}

#[test]
fn running_functions_and_what_they_have() {
    env().run(&["workers"]).exactly(
        0,
        "ROLE    FUNCTION        STATE    RESERVED  PROVISIONED  SOURCES  TIMEOUT  SAVED\n\
         worker  demo-dev-gone   running  3         -            -        3s       -\n\
         worker  demo-dev-hot    running  20        2=5,live=3   -        30s      -\n\
         worker  demo-dev-mail   running  unset     -            -        3s       -\n\
         worker  demo-dev-queue  running  unset     -            1/2      3s       -\n",
        "",
    );
}

#[test]
fn paused_drifted_and_gone_functions_and_what_is_saved() {
    let env = env();
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    let sandbox = env.sandbox();
    sandbox.delete_function("demo-dev-gone").expect("it exists");
    sandbox
        .set_reserved("demo-dev-mail", Some(7))
        .expect("it exists");
    env.run(&["workers", "--role", "worker"]).exactly(
        0,
        "ROLE    FUNCTION        STATE    RESERVED  PROVISIONED  SOURCES  TIMEOUT  SAVED\n\
         worker  demo-dev-gone   gone     -         -            -        -        reserved=3\n\
         worker  demo-dev-hot    paused   0         -            -        30s      reserved=20 provisioned=2=5,live=3\n\
         worker  demo-dev-mail   drifted  7         -            -        3s       reserved=unset\n\
         worker  demo-dev-queue  paused   0         -            0/2      3s       reserved=unset sources=1\n",
        "",
    );
    let json = env.run(&["workers", "--json"]).code(0).json();
    assert_eq!(json["app"], "demo-dev");
    assert_eq!(
        json["workers"][1],
        json!({
            "role": "worker", "function": "demo-dev-hot", "state": "paused",
            "now": {"reserved": 0, "provisioned": {}, "event_sources": []},
            "mappings": 0,
            "saved": {"reserved": 20, "provisioned": {"2": 5, "live": 3}, "event_sources": []},
            "timeout": 30,
        })
    );
    assert_eq!(json["workers"][2]["saved"]["reserved"], "unset");
    assert_eq!(json["workers"][0]["now"], serde_json::Value::Null);
}

#[test]
fn an_app_without_functions_says_so() {
    let env = TestEnv::files();
    let said = "The roles of demo-dev select no functions\n";
    env.run(&["workers"]).exactly(0, "", said);
}
