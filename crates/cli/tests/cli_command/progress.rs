//! What a person at a terminal sees of how far it is; elsewhere, and with `-q`, next to nothing.

use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};
use maintenance_tests::TestEnv;

const ON: [&str; 6] = ["on", "-y", "--role", "worker", "--function", "demo-*"];
const OFF: [&str; 3] = ["off", "--role", "worker"];

/// An app whose commands know how to move the cursor.
fn env(functions: impl IntoIterator<Item = FunctionSpec>) -> TestEnv {
    let mut env = TestEnv::aws();
    env.set("TERM", "xterm");
    for function in functions {
        env.sandbox().seed(function);
    }
    env
}

fn plain(count: usize) -> impl Iterator<Item = FunctionSpec> {
    (0..count).map(|n| FunctionSpec::new(&format!("demo-dev-{n:02}")))
}

/// Lets a call go on that hung.
fn release(env: &TestEnv) {
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
}

#[test]
fn what_is_read_before_the_question_is_counted() {
    let env = env(plain(3));
    let ask = ["on", "--role", "worker", "--function", "demo-*"];
    env.sandbox()
        .inject(Fault::on("ListEventSourceMappings").hang());
    let mut terminal = env.at_terminal(&ask);
    terminal.expect("Listing worker functions");
    release(&env);
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("n\n");
    terminal.wait().code(6);

    let policy = Fault::on("GetPolicy").target("demo-dev-02").hang();
    env.sandbox().inject(policy);
    let mut terminal = env.at_terminal(&ask);
    terminal.expect("Reading worker functions [");
    terminal.expect("] 2/3");
    let so_far = terminal.running().said();
    assert!(!so_far.contains("Will enable"), "{so_far}");
    release(&env);
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("n\n");
    terminal.wait().code(6);

    // And so is a plan.
    let policy = Fault::on("GetPolicy").target("demo-dev-02").hang();
    env.sandbox().inject(policy);
    let terminal = env.at_terminal(&[&ask[..], &["--dry-run"]].concat());
    terminal.expect("Reading worker functions [");
    release(&env);
    terminal.wait().code(0);
}

#[test]
fn the_bar_has_the_rate_and_the_time_left() {
    let env = env(plain(30));
    let terminal = env.at_terminal(&ON);
    terminal.expect("Pausing worker functions [");
    // Ten a second, at the default pace.
    terminal.expect("/s, ");
    terminal.expect(" s left");
    terminal.wait().code(0).says("30 functions paused\n");
}

#[test]
fn what_aws_takes_its_time_for_is_named_while_it_does() {
    let env = env([
        FunctionSpec::new("demo-dev-a").mapping(MappingSpec::sqs("orders")),
        FunctionSpec::new("demo-dev-b")
            .versions(1)
            .alias("live", 1)
            .provisioned("live", 2),
    ]);
    let before = env.sandbox().fleet();
    let look = Fault::on("GetEventSourceMapping").hang();
    env.sandbox().inject(look);
    let terminal = env.at_terminal(&ON);
    terminal.expect("waiting for 1 event source mapping to be Disabled");
    release(&env);
    terminal.wait().code(0).says("2 functions paused\n");

    let look = Fault::on("GetProvisionedConcurrencyConfig").hang();
    env.sandbox().inject(look);
    let terminal = env.at_terminal(&OFF);
    terminal.expect("waiting for provisioned concurrency to be READY");
    release(&env);
    terminal.wait().code(0).says("2 functions restored\n");
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn a_deploy_in_the_way_and_throttling_are_named() {
    let env = env(plain(1));
    let updating = Fault::on("PutFunctionConcurrency").always().fail(
        409,
        "ResourceConflictException",
        "An update is in progress for resource: demo-dev-00",
    );
    env.sandbox().inject(updating);
    let terminal = env.at_terminal(&ON);
    terminal.expect("waiting for another update in progress");
    env.sandbox().clear_faults();
    let throttled = Fault::on("PutFunctionConcurrency").always().throttle();
    env.sandbox().inject(throttled);
    terminal.expect("throttled by AWS; slowing down");
    env.sandbox().clear_faults();
    terminal.wait().code(0).says("1 function paused\n");
}

#[test]
fn nothing_moves_with_quiet_or_without_a_terminal() {
    let env = env(plain(3));
    let quiet = env.at_terminal(&[&ON[..], &["-q"]].concat()).wait();
    assert_eq!(quiet.code(0).stderr, "");
    let quiet = env.at_terminal(&[&OFF[..], &["-q"]].concat()).wait();
    assert_eq!(quiet.code(0).stderr, "");
    // What takes less than ten seconds needs no line of its own in a log.
    let on = env.run(&ON);
    on.code(0);
    for word in ["Reading", "Listing", "Pausing", "\u{1b}"] {
        assert!(!on.stderr.contains(word), "{word}: {on:#?}");
    }
    // Who asks for more gets each step.
    let off = env.run(&[&OFF[..], &["-v"]].concat());
    off.code(0)
        .says("Restoring worker functions: 1 of 3")
        .says("Restoring worker functions: 3 of 3");
}
