//! What becomes of events is shown before the question; without somebody to ask, losing them has to be
//! accepted.

use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};
use maintenance_tests::TestEnv;

const LOST: &str = "demo-dev-mail: events from s3.amazonaws.com will be LOST (no dead-letter queue, no \
                    failure destination)";
const NOT_SEEN: &str = "Not checked: invocations made through an IAM role (EventBridge Scheduler, Step Functions, other accounts, your own code)\n";

/// Functions of every kind; `demo-dev-mail` is the one that loses events.
fn env() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    for function in [
        FunctionSpec::new("demo-dev-api"),
        FunctionSpec::new("demo-dev-mail").reserved(7),
        FunctionSpec::new("demo-dev-plain"),
        FunctionSpec::new("demo-dev-queue")
            .mapping(MappingSpec::sqs("orders"))
            .mapping(MappingSpec::kinesis("clicks")),
        FunctionSpec::new("demo-dev-safe").dead_letter("arn:aws:sqs:us-east-1:1:dead"),
    ] {
        env.sandbox().seed(function);
    }
    allow(&env, "demo-dev-api", "apigateway.amazonaws.com");
    allow(&env, "demo-dev-mail", "s3.amazonaws.com");
    allow(&env, "demo-dev-safe", "events.amazonaws.com");
    env.sandbox().reset_calls();
    env
}

/// Lets a service invoke a function.
pub(crate) fn allow(env: &TestEnv, function: &str, principal: &str) {
    let allowed = env.sandbox().allow(function, None, principal);
    allowed.expect("a function of that name");
}

const ON: [&str; 3] = ["on", "--role", "worker"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ON.iter().copied().chain(more.iter().copied()).collect()
}

/// Writes other than to take and release the lease.
fn changes(env: &TestEnv) -> usize {
    let writes = env.sandbox().writes();
    let is_lease = |it: &&maintenance_sandbox::CallRecord| {
        !it.call
            .target
            .as_ref()
            .is_some_and(|target| target.contains("/lease/"))
    };
    writes.iter().filter(is_lease).count()
}

#[test]
fn the_question_comes_after_what_becomes_of_events() {
    let env = env();
    let mut terminal = env.at_terminal(&ON);
    terminal.expect(&format!(
        "Will enable worker maintenance mode for demo-dev\n\
         5 functions will be paused\n\
         \x20 1 function: messages wait in their queues\n\
         \x20 1 function: records wait in their streams, within their retention\n\
         \x20 1 function: events go to a dead-letter queue or failure destination\n\
         \x20 1 function: synchronous callers get 429\n\
         \x20 1 function: no triggers\n\
         \x20 {LOST}\n\
         {NOT_SEEN}\
         Are you sure? (y/N) "
    ));
    assert!(env.sandbox().writes().is_empty(), "nothing is written yet");
    terminal.type_in("n\n");
    terminal.wait().code(6).says("Nothing was changed");
    assert!(env.sandbox().writes().is_empty());

    // A yes is a yes to what was shown.
    let mut terminal = env.at_terminal(&ON);
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("y\n");
    terminal.wait().code(0).says("5 functions paused\n");
    let paused = env.sandbox().fleet();
    assert_eq!(paused["demo-dev-mail"].reserved, Some(0));
}

#[test]
fn verbose_names_every_function_above_the_question() {
    let env = env();
    let mut terminal = env.at_terminal(&with(&["-v"]));
    terminal.expect(&format!(
        "\x20 demo-dev-api: calls from apigateway.amazonaws.com get 429\n\
         \x20 {LOST}\n\
         \x20 demo-dev-plain: no triggers\n\
         \x20 demo-dev-queue: messages from sqs orders wait in the queue; records from kinesis clicks \
         wait in the stream, within its retention\n\
         \x20 demo-dev-safe: events from events.amazonaws.com go to arn:aws:sqs:us-east-1:1:dead\n"
    ));
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("n\n");
    terminal.wait().code(6);
}

#[test]
fn yes_alone_refuses_to_lose_events_and_changes_nothing() {
    let env = env();
    let before = env.sandbox().fleet();
    let refused = format!(
        "Error: pausing demo-dev-mail would drop asynchronous events\n\
         Caused by: {LOST}\n\
         Hint: give each function a dead-letter queue or an on-failure destination, or pass \
         --accept-event-loss to allow it\n"
    );
    env.run(&with(&["--yes"])).exactly(6, "", &refused);
    // Of all roles none is turned on.
    env.run(&["on", "--all", "--yes"]).exactly(6, "", &refused);
    assert_eq!(changes(&env), 0);
    assert_eq!(env.sandbox().fleet(), before);
    env.run(&["status", "--all"])
        .stdout("web off\nworker off\n");

    let output = env.run(&with(&["--yes", "--json"]));
    output.code(6);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("one document");
    assert_eq!(document["error"]["exit_code"], 6);
    assert_eq!(document["error"]["causes"][0], LOST);

    let accepted = with(&["--yes", "--accept-event-loss"]);
    env.run(&accepted).code(0).says("5 functions paused\n");
    // What is paused is not asked about again.
    env.run(&with(&["--yes"]))
        .code(0)
        .says("Worker maintenance is already on\n");
    env.run(&["off", "--role", "worker"]).code(0);
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn accepting_without_a_yes_is_not_a_yes() {
    let env = env();
    let output = env.run(&with(&["--accept-event-loss"]));
    output.refuses(6, "not confirmed, so nothing was changed");
    assert_eq!(changes(&env), 0);
}

#[test]
fn a_function_that_joins_later_is_asked_about() {
    let env = env();
    env.run(&with(&["--yes", "--accept-event-loss"])).code(0);
    env.sandbox().seed(FunctionSpec::new("demo-dev-new"));
    allow(&env, "demo-dev-new", "sns.amazonaws.com");
    // Also on a terminal, where nothing is asked when it is on already.
    let output = env.at_terminal(&ON).wait();
    output.code(6);
    output.says("demo-dev-new: events from sns.amazonaws.com will be LOST");
    assert_eq!(env.sandbox().fleet()["demo-dev-new"].reserved, None);
    // With a role that is off, it is part of the question.
    let mut terminal = env.at_terminal(&["on", "--all"]);
    terminal.expect(
        "Will enable web maintenance mode for demo-dev\n\
         1 function more of the worker role will be paused\n\
         \x20 demo-dev-new: events from sns.amazonaws.com will be LOST",
    );
    terminal.type_in("y\n");
    terminal.wait().code(0);
    assert_eq!(env.sandbox().fleet()["demo-dev-new"].reserved, Some(0));
}

#[test]
fn a_plan_says_what_becomes_of_each_function() {
    let env = env();
    env.run(&with(&["--dry-run"])).exactly(
        0,
        &format!(
            "Would enable worker maintenance mode for demo-dev\n\
             Would pause 5 functions:\n\
             \x20 demo-dev-api: calls from apigateway.amazonaws.com get 429\n\
             \x20 {LOST}\n\
             \x20 demo-dev-plain: no triggers\n\
             \x20 demo-dev-queue: messages from sqs orders wait in the queue; records from kinesis \
             clicks wait in the stream, within its retention\n\
             \x20 demo-dev-safe: events from events.amazonaws.com go to arn:aws:sqs:us-east-1:1:dead\n"
        ),
        &format!(
            "{NOT_SEEN}Events will be lost: without a terminal, `on` needs --accept-event-loss\n"
        ),
    );
    assert!(env.sandbox().writes().is_empty());
}

#[test]
fn a_plan_as_json_has_the_fate_of_everything_that_arrives() {
    let env = env();
    let output = env.run(&with(&["--dry-run", "--json", "-q"]));
    output.code(0);
    assert_eq!(output.stderr, "");
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("a report");
    let events = &report["roles"][0]["workers"]["events"];
    let stream = |service: &str, resource: &str| {
        let arn = format!("arn:aws:{service}:us-east-1:123456789012:{resource}");
        serde_json::json!(arn)
    };
    assert_eq!(
        *events,
        serde_json::json!([
            {"function": "demo-dev-api", "arrivals": [
                {"from": "apigateway.amazonaws.com", "fate": "throttled"},
            ]},
            {"function": "demo-dev-mail", "arrivals": [
                {"from": "s3.amazonaws.com", "fate": "lost"},
            ]},
            {"function": "demo-dev-plain", "arrivals": []},
            {"function": "demo-dev-queue", "arrivals": [
                {"from": "kinesis", "source": stream("kinesis", "stream/clicks"), "fate": "in_stream"},
                {"from": "sqs", "source": stream("sqs", "orders"), "fate": "queued"},
            ]},
            {"function": "demo-dev-safe", "arrivals": [
                {"from": "events.amazonaws.com", "fate": "sent", "to": "arn:aws:sqs:us-east-1:1:dead"},
            ]},
        ])
    );
    // `off` gives back; nothing of the kind is in its plan.
    env.run(&with(&["--yes", "--accept-event-loss"])).code(0);
    let output = env.run(&["off", "--role", "worker", "--dry-run", "--json"]);
    assert!(!output.stdout.contains("arrivals"), "{output:#?}");
}

#[test]
fn what_may_not_be_seen_is_named_and_holds_up_nothing() {
    let env = env();
    let denied = Fault::on("GetPolicy").target("demo-dev-mail").always();
    env.sandbox().inject(denied.access_denied());
    let mut terminal = env.at_terminal(&ON);
    terminal.expect("\x20 demo-dev-mail: its triggers cannot be seen (allow lambda:GetPolicy)\n");
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("n\n");
    terminal.wait().code(6);
    env.run(&with(&["--yes"]))
        .code(0)
        .says("Warning: cannot see the triggers of demo-dev-mail: allow lambda:GetPolicy\n");
}

#[test]
fn what_keeps_failing_for_one_function_has_to_be_accepted_too() {
    let env = env();
    let failing = |name| Fault::on("GetPolicy").target(name).always();
    for name in ["demo-dev-mail", "demo-dev-plain"] {
        // Refused for good, so that nothing is tried again in real time.
        let failing = failing(name).fail(400, "InvalidParameterValueException", "no");
        env.sandbox().inject(failing);
    }
    let unread = |name| {
        format!(
            "{name}: its triggers could not be read (lambda:GetPolicy on {name} was \
             refused: InvalidParameterValueException: no)"
        )
    };
    let (mail, plain) = (unread("demo-dev-mail"), unread("demo-dev-plain"));
    env.run(&with(&["--yes"])).exactly(
        6,
        "",
        &format!(
            "Error: pausing 2 functions may drop asynchronous events\n\
             Caused by: {mail}\n\
             Caused by: {plain}\n\
             Hint: run the same command again to read what failed; give each function a dead-letter queue \
             or an on-failure destination, or pass --accept-event-loss to allow it\n"
        ),
    );
    assert_eq!(changes(&env), 0);
    let output = env.run(&with(&["--dry-run"]));
    output
        .code(0)
        .says("Events may be lost: without a terminal, `on` needs --accept-event-loss\n");
    assert!(
        output.stdout.contains(&format!("  {mail}\n")),
        "{output:#?}"
    );

    let mut terminal = env.at_terminal(&ON);
    terminal.expect(&format!(
        "\x20 1 function: synchronous callers get 429\n\
         \x20 {mail}\n\
         \x20 {plain}\n"
    ));
    terminal.type_in("y\n");
    terminal.wait().code(0).says("5 functions paused\n");
}

#[test]
fn what_is_lost_and_was_not_shown_at_the_question_is_refused_after_a_yes() {
    for is_new_function in [false, true] {
        let env = env();
        let before = env.sandbox().fleet();
        let mut terminal = env.at_terminal(&ON);
        terminal.expect("1 function: no triggers\n");
        terminal.expect("Are you sure? (y/N) ");
        let name = if is_new_function {
            env.sandbox().seed(FunctionSpec::new("demo-dev-new"));
            "demo-dev-new"
        } else {
            "demo-dev-plain"
        };
        allow(&env, name, "s3.amazonaws.com");
        terminal.type_in("y\n");
        let output = terminal.wait();
        output.code(6).says(&format!(
            "Error: pausing {name} would drop asynchronous events\n\
             Caused by: {name}: events from s3.amazonaws.com will be LOST (no dead-letter queue, no \
             failure destination)\n"
        ));
        output.says(
            "the question did not show this: run the same command again to be asked about it\n",
        );
        // What was shown, and accepted, is not named again.
        let error = output.stderr.split_once("Error: ").expect("an error").1;
        assert!(!error.contains("demo-dev-mail"), "{output:#?}");
        let mut after = env.sandbox().fleet();
        after.remove("demo-dev-new");
        assert_eq!(after, before);
        let parameters = env.sandbox().parameters().into_keys();
        let written = parameters.filter(|name| !name.contains("/lease/"));
        assert_eq!(written.count(), 0);

        // Asked anew, it is shown.
        let mut terminal = env.at_terminal(&ON);
        terminal.expect(&format!(
            "{name}: events from s3.amazonaws.com will be LOST"
        ));
        terminal.expect("Are you sure? (y/N) ");
        terminal.type_in("y\n");
        terminal.wait().code(0);
        assert_eq!(env.sandbox().fleet()[name].reserved, Some(0));
    }
}

#[test]
fn a_loss_that_the_question_did_not_show_stops_the_workers_and_web_stays_on() {
    let env = env();
    let before = env.sandbox().fleet();
    let mut terminal = env.at_terminal(&["on", "--all"]);
    terminal.expect("Are you sure? (y/N) ");
    allow(&env, "demo-dev-plain", "s3.amazonaws.com");
    terminal.type_in("y\n");
    let output = terminal.wait();
    output.code(6)
        .says("Web maintenance has been turned on\n")
        .says("Error: pausing demo-dev-plain would drop asynchronous events\n")
        .says("the question did not show this: run the same command again to be asked about it\n")
        .says("Web maintenance has been turned on; run the same command again to continue, or `maintenance off --all` to undo it");
    assert_eq!(env.sandbox().fleet(), before);
    env.run(&["status", "--all"]).stdout("web on\nworker off\n");
}
