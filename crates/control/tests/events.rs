//! What becomes of events is known and said before a function is paused, and none is lost unless
//! somebody accepted that.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use maintenance_control::{
    Arrival, Clock, Control, Error, Fate, Fleet, FunctionEvents, On, Pace, Report, RoleOutcome,
    Run, SsmStore, Store,
};
use maintenance_flag::Prefix;
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec, Sandbox};
use support::{World, clients, clients_over, on_wish, only, sandbox, web, worker};

const S3: &str = "s3.amazonaws.com";
const API: &str = "apigateway.amazonaws.com";

/// Lets a service invoke a function or one of its qualifiers, as adding a trigger does.
async fn allow(world: &World, function: &str, qualifier: Option<&str>, principal: &str) {
    clients(&world.sandbox)
        .lambda
        .add_permission()
        .function_name(function)
        .set_qualifier(qualifier.map(str::to_owned))
        .statement_id(principal.replace('.', "-"))
        .action("lambda:InvokeFunction")
        .principal(principal)
        .source_arn(format!("arn:aws:{principal}:::{function}"))
        .send()
        .await
        .expect("a permission");
}

/// Gives a function or one of its qualifiers an on-failure destination.
async fn on_failure(world: &World, function: &str, qualifier: Option<&str>, arn: &str) {
    use aws_sdk_lambda::types::{DestinationConfig, OnFailure};
    let on_failure = OnFailure::builder().destination(arn).build();
    let config = DestinationConfig::builder().on_failure(on_failure).build();
    clients(&world.sandbox)
        .lambda
        .put_function_event_invoke_config()
        .function_name(function)
        .set_qualifier(qualifier.map(str::to_owned))
        .destination_config(config)
        .send()
        .await
        .expect("a destination");
}

fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

async fn plan(world: &World) -> Vec<FunctionEvents> {
    let report = world
        .control
        .plan_on(&[worker()], &on_wish(), &Run::quiet())
        .await;
    let report = report.expect("a plan");
    only(&report).workers.clone().expect("workers").events
}

/// What arrives at a function, short: who, through which qualifier, and what becomes of it.
fn fates<'a>(
    events: &'a [FunctionEvents],
    name: &str,
) -> Vec<(&'a str, Option<&'a str>, &'a Fate)> {
    let events = events.iter().find(|it| it.function == name);
    let arrivals = &events
        .unwrap_or_else(|| panic!("{name} is in the plan"))
        .arrivals;
    let short = |it: &'a Arrival| (it.from.as_str(), it.qualifier.as_deref(), &it.fate);
    arrivals.iter().map(short).collect()
}

fn sent(to: String) -> Fate {
    Fate::Sent { to }
}

async fn on_accepting(world: &World) -> Result<Report, Error> {
    let wish = On {
        read_only: false,
        options: maintenance_flag::Options::default(),
        link: None,
        accept_event_loss: true,
        ..on_wish()
    };
    world.control.on(&[worker()], &wish, &Run::quiet()).await
}

fn lost(error: &Error) -> Vec<&str> {
    let Error::EventsLost { functions } = error else {
        panic!("{error:?}");
    };
    functions.iter().map(|it| it.function.as_str()).collect()
}

fn count(sandbox: &Sandbox, operation: &str) -> usize {
    let calls = sandbox.calls();
    calls
        .iter()
        .filter(|call| call.call.operation == operation)
        .count()
}

#[tokio::test(start_paused = true)]
async fn queues_and_streams_wait_and_what_is_disabled_brings_nothing() {
    let world = World::new([
        FunctionSpec::new("demo-dev-fed")
            .versions(1)
            .alias("live", 1)
            .mapping(MappingSpec::sqs("orders").qualifier("live"))
            .mapping(MappingSpec::kinesis("clicks"))
            .mapping(MappingSpec::dynamodb("carts"))
            .mapping(MappingSpec::arn("arn:aws:kafka:us-east-1:1:cluster/a/b"))
            .mapping(MappingSpec::arn("arn:aws:mq:us-east-1:1:broker:b:c"))
            .mapping(MappingSpec::sqs("off").disabled()),
        FunctionSpec::new("demo-dev-plain"),
        FunctionSpec::new("demo-dev-zero")
            .reserved(0)
            .mapping(MappingSpec::sqs("z")),
    ]);
    allow(&world, "demo-dev-zero", None, S3).await;
    let events = plan(&world).await;
    assert_eq!(
        fates(&events, "demo-dev-fed"),
        [
            ("dynamodb", None, &Fate::InStream),
            ("kafka", None, &Fate::InStream),
            ("kinesis", None, &Fate::InStream),
            ("mq", None, &Fate::Queued),
            ("sqs", Some("live"), &Fate::Queued),
        ]
    );
    assert_eq!(fates(&events, "demo-dev-plain"), []);
    // Its events are lost already; pausing it changes nothing about that.
    assert_eq!(
        fates(&events, "demo-dev-zero"),
        [("sqs", None, &Fate::Queued)]
    );
    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).workers.as_ref().unwrap().events, events);
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_to_a_dead_letter_queue_or_a_failure_destination_or_is_lost() {
    let world = World::new([
        FunctionSpec::new("demo-dev-a-dlq").dead_letter(&queue("dead")),
        FunctionSpec::new("demo-dev-b-destination"),
        FunctionSpec::new("demo-dev-c-bare"),
        FunctionSpec::new("demo-dev-d-api"),
    ]);
    for name in ["a-dlq", "b-destination", "c-bare"] {
        allow(&world, &format!("demo-dev-{name}"), None, S3).await;
    }
    allow(&world, "demo-dev-c-bare", None, API).await;
    allow(&world, "demo-dev-d-api", None, API).await;
    on_failure(&world, "demo-dev-b-destination", None, &queue("failed")).await;

    world.sandbox.reset_calls();
    let events = plan(&world).await;
    let named = |name: &str| fates(&events, name);
    assert_eq!(named("demo-dev-a-dlq"), [(S3, None, &sent(queue("dead")))]);
    assert_eq!(
        named("demo-dev-b-destination"),
        [(S3, None, &sent(queue("failed")))]
    );
    assert_eq!(
        named("demo-dev-c-bare"),
        [(API, None, &Fate::Throttled), (S3, None, &Fate::Lost)]
    );
    assert_eq!(named("demo-dev-d-api"), [(API, None, &Fate::Throttled)]);
    assert_eq!(world.sandbox.writes(), []);
    let asked = count(&world.sandbox, "ListFunctionEventInvokeConfigs");
    assert_eq!(asked, 2, "only where it decides something");

    let error = world.on(&worker()).await.unwrap_err();
    assert_eq!(lost(&error), ["demo-dev-c-bare"]);
    assert!(error.hint().unwrap().contains("--accept-event-loss"));
}

#[tokio::test(start_paused = true)]
async fn aliases_and_versions_have_policies_queues_and_destinations_of_their_own() {
    let world = World::new([
        FunctionSpec::new("demo-dev-a")
            .versions(2)
            .alias("live", 1)
            .alias("next", 2),
        FunctionSpec::new("demo-dev-dlq")
            .versions(1)
            .alias("live", 1)
            .dead_letter(&queue("dead")),
    ]);
    for qualifier in [None, Some("live"), Some("next"), Some("2")] {
        allow(&world, "demo-dev-a", qualifier, S3).await;
    }
    allow(&world, "demo-dev-dlq", Some("live"), S3).await;
    on_failure(&world, "demo-dev-a", None, &queue("latest")).await;
    on_failure(&world, "demo-dev-a", Some("live"), &queue("live")).await;
    let events = plan(&world).await;
    assert_eq!(
        fates(&events, "demo-dev-a"),
        [
            (S3, None, &sent(queue("latest"))),
            (S3, Some("2"), &Fate::Lost),
            (S3, Some("live"), &sent(queue("live"))),
            (S3, Some("next"), &Fate::Lost),
        ]
    );
    assert_eq!(
        fates(&events, "demo-dev-dlq"),
        [(S3, Some("live"), &sent(queue("dead")))]
    );
    // A dead-letter queue belongs to a version: one taken away since still serves the alias.
    let lambda = clients(&world.sandbox).lambda;
    let none = aws_sdk_lambda::types::DeadLetterConfig::builder()
        .target_arn("")
        .build();
    let update = lambda
        .update_function_configuration()
        .function_name("demo-dev-dlq")
        .dead_letter_config(none);
    update.send().await.unwrap();
    allow(&world, "demo-dev-dlq", None, S3).await;
    assert_eq!(
        fates(&plan(&world).await, "demo-dev-dlq"),
        [
            (S3, None, &Fate::Lost),
            (S3, Some("live"), &sent(queue("dead")))
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_destination_that_is_paused_too_saves_nothing() {
    let world = World::new([
        FunctionSpec::new("demo-dev-a"),
        FunctionSpec::new("demo-dev-b"),
        FunctionSpec::new("demo-dev-catch"),
        FunctionSpec::new("demo-dev-catch-dlq").dead_letter(&queue("dead")),
        FunctionSpec::new("demo-dev-c"),
        FunctionSpec::new("other"),
    ]);
    let account = world.sandbox.settings().account;
    let arn = |name: &str| format!("arn:aws:lambda:us-east-1:{account}:function:{name}");
    for (name, to) in [
        ("demo-dev-a", "demo-dev-catch"),
        ("demo-dev-b", "demo-dev-catch-dlq"),
        ("demo-dev-c", "other"),
    ] {
        allow(&world, name, None, S3).await;
        on_failure(&world, name, None, &arn(to)).await;
    }
    let events = plan(&world).await;
    assert_eq!(fates(&events, "demo-dev-a"), [(S3, None, &Fate::Lost)]);
    assert_eq!(
        fates(&events, "demo-dev-b"),
        [(S3, None, &sent(queue("dead")))]
    );
    assert_eq!(
        fates(&events, "demo-dev-c"),
        [(S3, None, &sent(arn("other")))]
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_until_the_loss_is_accepted_and_then_it_is_not_asked_again() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    allow(&world, "demo-dev-limited", None, S3).await;
    allow(&world, "demo-dev-unset", None, "events.amazonaws.com").await;
    allow(&world, "other-dev-mail", None, S3).await;
    world.sandbox.reset_calls();

    // Web maintenance is not turned on either: what is refused has changed nothing.
    let roles = [web(), worker()];
    let error = world
        .control
        .on(&roles, &on_wish(), &Run::quiet())
        .await
        .unwrap_err();
    assert_eq!(lost(&error), ["demo-dev-limited", "demo-dev-unset"]);
    assert_eq!(world.writes(), []);
    assert!(world.lease_is_free());
    assert_eq!(world.sandbox.fleet(), before);

    let report = on_accepting(&world).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOn);

    // What is paused is not asked about again; what is new is.
    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
    world.sandbox.seed(FunctionSpec::new("demo-dev-z"));
    allow(&world, "demo-dev-z", None, S3).await;
    let error = world.on(&worker()).await.unwrap_err();
    assert_eq!(lost(&error), ["demo-dev-z"]);
    assert_eq!(world.sandbox.fleet()["demo-dev-z"].reserved, None);
    on_accepting(&world).await.unwrap();
    assert_eq!(world.sandbox.fleet()["demo-dev-z"].reserved, Some(0));

    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let mut after = world.sandbox.fleet();
    after.remove("demo-dev-z");
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_goes_on_without_being_asked_about() {
    let world = World::mixed();
    allow(&world, "demo-dev-limited", None, S3).await;
    world.inject(
        Fault::on("PutFunctionConcurrency")
            .target("demo-dev-limited")
            .always()
            .fail(500, "ServiceException", "internal"),
    );
    let report = on_accepting(&world).await.unwrap();
    assert!(!report.is_complete());
    world.sandbox.clear_faults();
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_seen_is_said_and_holds_up_nothing() {
    let denied = [
        ("GetPolicy", "lambda:GetPolicy"),
        ("ListAliases", "lambda:ListAliases"),
        (
            "ListFunctionEventInvokeConfigs",
            "lambda:ListFunctionEventInvokeConfigs",
        ),
    ];
    for (operation, action) in denied {
        let world = World::new([
            FunctionSpec::new("demo-dev-a").versions(1).alias("live", 1),
            FunctionSpec::new("demo-dev-b").dead_letter(&queue("dead")),
        ]);
        let trigger = if operation == "ListAliases" { API } else { S3 };
        allow(&world, "demo-dev-a", None, trigger).await;
        world.inject(
            Fault::on(operation)
                .target("demo-dev-a")
                .always()
                .access_denied(),
        );
        let report = world.on(&worker()).await.unwrap();
        let role = only(&report);
        assert_eq!(
            role.warnings,
            [format!(
                "cannot see what becomes of events for demo-dev-a: allow {action}"
            )]
        );
        let events = &role.workers.as_ref().unwrap().events;
        assert_eq!(events[0].unseen, [action]);
        assert!(events[1].unseen.is_empty());
        if operation == "ListFunctionEventInvokeConfigs" {
            assert_eq!(fates(events, "demo-dev-a"), [(S3, None, &Fate::Unknown)]);
        }
        assert!(report.is_complete());
    }
}

/// One call that AWS fails for one function, however often it is asked.
fn failing(operation: &str, target: &str) -> Fault {
    let always = Fault::on(operation).target(target).always();
    always.fail(500, "ServiceException", "internal")
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_for_one_function_counts_as_a_loss_and_hides_no_other() {
    for operation in ["GetPolicy", "ListAliases", "ListFunctionEventInvokeConfigs"] {
        let world = World::new([
            FunctionSpec::new("demo-dev-a").versions(1).alias("live", 1),
            FunctionSpec::new("demo-dev-b").dead_letter(&queue("dead")),
            FunctionSpec::new("demo-dev-c"),
        ]);
        let trigger = if operation == "ListAliases" { API } else { S3 };
        allow(&world, "demo-dev-a", None, trigger).await;
        allow(&world, "demo-dev-b", None, S3).await;
        allow(&world, "demo-dev-c", None, API).await;
        let before = world.sandbox.fleet();
        world.inject(failing(operation, "demo-dev-a"));
        let reason = format!(
            "lambda:{operation} on demo-dev-a did not go through in time: ServiceException: internal"
        );

        let events = plan(&world).await;
        assert_eq!(events[0].unread, [reason.as_str()]);
        assert!(events[0].is_lossy());
        assert_eq!(
            fates(&events, "demo-dev-b"),
            [(S3, None, &sent(queue("dead")))]
        );
        assert_eq!(
            fates(&events, "demo-dev-c"),
            [(API, None, &Fate::Throttled)]
        );

        world.sandbox.reset_calls();
        let error = world.on(&worker()).await.unwrap_err();
        assert_eq!(lost(&error), ["demo-dev-a"]);
        assert_eq!(
            error.to_string(),
            "asynchronous events for demo-dev-a may be lost, so nothing was changed"
        );
        assert!(error.hint().unwrap().contains("run the same command again"));
        assert_eq!(world.writes(), []);
        assert_eq!(world.sandbox.fleet(), before);

        assert!(on_accepting(&world).await.unwrap().is_complete());
    }
}

/// A way to the sandbox on which one function's policy arrives as something else.
#[derive(Debug, Clone)]
struct Garbled {
    inner: SharedHttpClient,
    connector: Option<SharedHttpConnector>,
}

impl HttpClient for Garbled {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Self {
            inner: self.inner.clone(),
            connector: Some(self.inner.http_connector(settings, components)),
        })
    }
}

impl HttpConnector for Garbled {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().contains("/functions/demo-dev-a/policy") {
            let body = SdkBody::from(r#"{"Policy": "{\"Statement\": [5]}"}"#);
            let ok = StatusCode::try_from(200).expect("a status");
            return HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, body)));
        }
        self.connector.as_ref().expect("a connector").call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_cannot_be_read_as_one_may_lose_events() {
    let world = World::new([
        FunctionSpec::new("demo-dev-a"),
        FunctionSpec::new("demo-dev-b"),
    ]);
    let garbled = SharedHttpClient::new(Garbled {
        inner: world.sandbox.http_client(),
        connector: None,
    });
    let clients = clients_over(&garbled, &Credentials::for_tests());
    let clock = Clock::virtual_from(world.sandbox.settings().clock.now());
    let store = Store::Ssm(SsmStore::new(clients.ssm, clock));
    let fleet = Fleet::new(clients.lambda, clock, Pace::per_second(10.0));
    let by = "ana@laptop".to_owned();
    let control = Control::new(support::app(), &Prefix::default(), store, fleet, by);
    let control = control.with_clock(clock);
    let wish = on_wish();
    let error = control.on(&[worker()], &wish, &Run::quiet()).await;
    let error = error.unwrap_err();
    assert_eq!(lost(&error), ["demo-dev-a"]);
    let Error::EventsLost { functions } = &error else {
        unreachable!("it is one");
    };
    let why = &functions[0].unread[0];
    assert!(
        why.starts_with("lambda:GetPolicy on demo-dev-a failed: invalid type"),
        "{why}"
    );
    assert_eq!(world.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn when_nothing_can_be_read_it_is_not_tried_for_every_function() {
    let world = World::new((0..200).map(|n| FunctionSpec::new(&format!("demo-dev-{n:03}"))));
    let policy = Fault::on("GetPolicy").always();
    world.inject(policy.fail(500, "ServiceException", "internal"));
    world.sandbox.reset_calls();
    let error = world.on(&worker()).await.unwrap_err();
    assert_eq!(lost(&error).len(), 200, "every function is named");
    let asked = count(&world.sandbox, "GetPolicy");
    assert!(asked < 300, "{asked} calls");
    assert_eq!(world.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn a_plain_function_costs_one_get_policy_and_nothing_where_the_loss_is_accepted() {
    let names: Vec<String> = (0..40).map(|n| format!("demo-dev-{n:02}")).collect();
    let functions = || names.iter().map(|name| FunctionSpec::new(name));
    let world = World::new(functions());
    for name in &names {
        // A synchronous trigger needs no further look.
        allow(&world, name, None, API).await;
    }
    world.sandbox.reset_calls();
    world.on(&worker()).await.unwrap();
    assert_eq!(count(&world.sandbox, "GetPolicy"), 40);
    assert_eq!(count(&world.sandbox, "GetFunction"), 40);
    assert_eq!(count(&world.sandbox, "PutFunctionConcurrency"), 40);
    for operation in ["ListAliases", "ListFunctionEventInvokeConfigs"] {
        assert_eq!(count(&world.sandbox, operation), 0, "{operation}");
    }
    // Those that are paused are not looked at again.
    world.sandbox.reset_calls();
    world.on(&worker()).await.unwrap();
    world.off(&worker()).await.unwrap();
    assert_eq!(count(&world.sandbox, "GetPolicy"), 0);

    let world = World::new(functions());
    on_accepting(&world).await.unwrap();
    assert_eq!(count(&world.sandbox, "GetPolicy"), 0);
    let flag_only = World::mixed();
    flag_only.on(&web()).await.unwrap();
    assert_eq!(count(&flag_only.sandbox, "GetPolicy"), 0);
}

#[tokio::test(start_paused = true)]
async fn of_many_versions_only_the_newest_are_asked() {
    let world = World::new([FunctionSpec::new("demo-dev-a").versions(200)]);
    allow(&world, "demo-dev-a", Some("200"), S3).await;
    world.sandbox.reset_calls();
    let events = plan(&world).await;
    assert_eq!(
        fates(&events, "demo-dev-a"),
        [(S3, Some("200"), &Fate::Lost)]
    );
    assert_eq!(count(&world.sandbox, "GetPolicy"), 6);
}

#[tokio::test(start_paused = true)]
async fn get_policy_keeps_to_the_budget_of_its_own() {
    let settings = maintenance_sandbox::Settings {
        rate_limits: maintenance_sandbox::RateLimits::aws(),
        ..sandbox().settings()
    };
    let sandbox = Sandbox::new(settings);
    for n in 0..100 {
        sandbox.seed(FunctionSpec::new(&format!("demo-dev-{n:03}")));
    }
    let control = support::control_by(&sandbox, "ana@laptop");
    control
        .plan_on(&[worker()], &on_wish(), &Run::quiet())
        .await
        .unwrap();
    assert_eq!(count(&sandbox, "GetPolicy"), 100, "none was throttled");
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_while_it_is_read_changes_nothing() {
    let world = World::mixed();
    let run = Run::quiet();
    let stop = run.stop.clone();
    world.inject(Fault::on("GetPolicy").nth(2).hook(move |_| stop.stop()));
    world.sandbox.reset_calls();
    let report = world
        .control
        .on(&[worker()], &on_wish(), &run)
        .await
        .unwrap();
    assert!(report.interrupted);
    assert_eq!(only(&report).outcome, RoleOutcome::NotBegun);
    assert_eq!(world.writes(), []);
    assert!(world.lease_is_free());
}
