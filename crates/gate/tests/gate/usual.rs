//! Windows that say only that the role is on, with a page of the app's own: every request gets the same,
//! and next to nothing of it is looked at.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use maintenance_gate::{Decision, Gate, Layer as _, MaintenanceLayer, MemorySource, Page};
use tower::{Service as _, ServiceExt as _, service_fn};

use crate::support::captured;

fn gate(flag: &MemorySource) -> Gate {
    Gate::builder()
        .app("demo")
        .env("dev")
        .ttl(Duration::ZERO)
        .source(flag.clone())
        .page(Page::html(b"<p>Soon.</p>"))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_site_opens_again_and_each_refusal_is_said() {
    let flag = MemorySource::new("on");
    let app = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(String::from("hello")))
    });
    let mut service = MaintenanceLayer::new(gate(&flag)).layer(app);
    for (stored, status) in [
        ("on", 503),
        ("on", 503),
        ("off", 200),
        ("on", 503),
        ("off", 200),
    ] {
        flag.set(stored);
        captured();
        let mut request = Request::new(());
        *request.uri_mut() = "/orders/1?secret=TOPSECRET".parse().unwrap();
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), status, "{stored}");
        let said = captured();
        let refused: Vec<_> = said
            .iter()
            .map(|event| &event["fields"])
            .filter(|fields| fields["code"] == "M503")
            .collect();
        assert_eq!(refused.len(), usize::from(status == 503), "{said:?}");
        for fields in refused {
            assert_eq!(fields["mode"], "on");
            assert_eq!(fields["path"], "/orders/1");
        }
    }
}

#[tokio::test]
async fn an_open_web_socket_is_let_be() {
    let gate = gate(&MemorySource::new("on"));
    for (event_type, passes) in [("CONNECT", false), ("MESSAGE", true), ("DISCONNECT", true)] {
        let event = format!(
            r#"{{"headers": {{"Host": "a.example"}}, "multiValueHeaders": {{"Host": ["a.example"]}},
                "isBase64Encoded": false,
                "requestContext": {{"routeKey": "$default", "eventType": "{event_type}", "stage": "prod",
                    "connectedAt": 1795000000000, "requestTimeEpoch": 1795000000000,
                    "identity": {{"sourceIp": "192.0.2.1"}}, "requestId": "r", "messageId": null,
                    "connectionId": "x=", "apiId": "abc"}}}}"#
        );
        for _ in 0..2 {
            let (request, _) = lambda_http::request::from_str(&event).unwrap().into_parts();
            let passed = matches!(gate.check(&request).await, Decision::Pass);
            assert_eq!(passed, passes, "{event_type}");
        }
    }
}
