//! What becomes of each event.

use maintenance_control::Delivery;
use maintenance_sandbox::{FunctionSpec, MappingSpec};

use crate::support::{World, only, worker};
use crate::triggers::{API, S3, allow, count, fates, lost, on_failure, plan, queue, sent};

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
            .mapping(MappingSpec::self_managed_kafka("returns"))
            .mapping(MappingSpec::sqs("off").disabled()),
        FunctionSpec::new("demo-dev-plain"),
        FunctionSpec::new("demo-dev-zero")
            .reserved(0)
            .mapping(MappingSpec::sqs("z")),
    ]);
    allow(&world, "demo-dev-zero", None, S3);
    let events = plan(&world).await;
    assert_eq!(
        fates(&events, "demo-dev-fed"),
        [
            ("dynamodb", None, &Delivery::InStream),
            ("kafka", None, &Delivery::InStream),
            ("kafka", None, &Delivery::InStream),
            ("kinesis", None, &Delivery::InStream),
            ("mq", None, &Delivery::Queued),
            ("sqs", Some("live"), &Delivery::Queued),
        ]
    );
    assert_eq!(fates(&events, "demo-dev-plain"), []);
    // Its events are lost already; pausing it changes nothing about that.
    assert_eq!(
        fates(&events, "demo-dev-zero"),
        [("sqs", None, &Delivery::Queued)]
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
        allow(&world, &format!("demo-dev-{name}"), None, S3);
    }
    allow(&world, "demo-dev-c-bare", None, API);
    allow(&world, "demo-dev-d-api", None, API);
    on_failure(&world, "demo-dev-b-destination", None, &queue("failed"));

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
        [
            (API, None, &Delivery::Throttled),
            (S3, None, &Delivery::Lost)
        ]
    );
    assert_eq!(named("demo-dev-d-api"), [(API, None, &Delivery::Throttled)]);
    assert_eq!(world.sandbox.writes(), []);
    let asked = count(&world.sandbox, "ListFunctionEventInvokeConfigs");
    assert_eq!(asked, 2, "only where it decides something");

    let error = world.on(&worker()).await.unwrap_err();
    assert_eq!(lost(&error), ["demo-dev-c-bare"]);
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
        allow(&world, "demo-dev-a", qualifier, S3);
    }
    allow(&world, "demo-dev-dlq", Some("live"), S3);
    on_failure(&world, "demo-dev-a", None, &queue("latest"));
    on_failure(&world, "demo-dev-a", Some("live"), &queue("live"));
    let events = plan(&world).await;
    assert_eq!(
        fates(&events, "demo-dev-a"),
        [
            (S3, None, &sent(queue("latest"))),
            (S3, Some("2"), &Delivery::Lost),
            (S3, Some("live"), &sent(queue("live"))),
            (S3, Some("next"), &Delivery::Lost),
        ]
    );
    assert_eq!(
        fates(&events, "demo-dev-dlq"),
        [(S3, Some("live"), &sent(queue("dead")))]
    );
    // A dead-letter queue belongs to a version: one taken away since still serves the alias.
    let deploy = world.sandbox.set_dead_letter("demo-dev-dlq", None);
    deploy.unwrap();
    allow(&world, "demo-dev-dlq", None, S3);
    assert_eq!(
        fates(&plan(&world).await, "demo-dev-dlq"),
        [
            (S3, None, &Delivery::Lost),
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
        allow(&world, name, None, S3);
        on_failure(&world, name, None, &arn(to));
    }
    let events = plan(&world).await;
    assert_eq!(fates(&events, "demo-dev-a"), [(S3, None, &Delivery::Lost)]);
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
async fn alexa_waits_for_its_answer_and_a_service_in_china_is_that_service() {
    let world = World::new([
        FunctionSpec::new("demo-dev-skill").invoked_by("alexa-appkit.amazon.com"),
        FunctionSpec::new("demo-dev-home").invoked_by("alexa-connectedhome.amazon.com"),
        FunctionSpec::new("demo-dev-rule").invoked_by("config.amazonaws.com.cn"),
    ]);
    let events = plan(&world).await;
    for (name, from, fate) in [
        ("skill", "alexa-appkit.amazon.com", &Delivery::Throttled),
        (
            "home",
            "alexa-connectedhome.amazon.com",
            &Delivery::Throttled,
        ),
        ("rule", "config.amazonaws.com.cn", &Delivery::Lost),
    ] {
        let name = format!("demo-dev-{name}");
        assert_eq!(fates(&events, &name), [(from, None, fate)]);
    }
}
