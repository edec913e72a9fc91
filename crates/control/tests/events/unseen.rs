//! What cannot be seen, or cannot be read, is said, and hides nothing else.

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
    Clock, Context, Control, Delivery, Error, Fleet, RateLimiter, SsmStore, Store, Warning,
};
use maintenance_flag::Prefix;
use maintenance_sandbox::{Fault, FunctionSpec};

use crate::support::OneApp as _;
use crate::support::{World, clients_over, on_wish, only, worker};
use crate::triggers::{API, S3, allow, count, fates, lost, on_accepting, plan, queue, sent};

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
        allow(&world, "demo-dev-a", None, trigger);
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
            [Warning::TriggersHidden {
                action: action.to_owned(),
                functions: vec!["demo-dev-a".to_owned()],
            }]
        );
        let events = &role.workers.as_ref().unwrap().events;
        assert_eq!(events[0].unseen, [action]);
        assert!(events[1].unseen.is_empty());
        if operation == "ListFunctionEventInvokeConfigs" {
            assert_eq!(
                fates(events, "demo-dev-a"),
                [(S3, None, &Delivery::Unknown)]
            );
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
        allow(&world, "demo-dev-a", None, trigger);
        allow(&world, "demo-dev-b", None, S3);
        allow(&world, "demo-dev-c", None, API);
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
            [(API, None, &Delivery::Throttled)]
        );

        world.sandbox.reset_calls();
        let error = world.on(&worker()).await.unwrap_err();
        assert_eq!(lost(&error), ["demo-dev-a"]);
        assert_eq!(
            error.to_string(),
            "pausing demo-dev-a may drop asynchronous events"
        );
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
    let store = Store::Ssm(SsmStore::new(clients.ssm));
    let fleet = Fleet::new(clients.lambda, RateLimiter::per_second(10.0));
    let by = "ana@laptop".to_owned();
    let control = Control::new(crate::support::app(), &Prefix::default(), store, fleet, by);
    let control = control.with_clock(clock);
    let wish = on_wish();
    let error = control.on(&[worker()], &wish, &Context::quiet()).await;
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
