//! lambda_http with its feature `pass_through`, which hands an event that it cannot parse to the app as
//! `POST /events`: the gate refuses those that are HTTP all the same.

use lambda_http::{Body, Request, Response};
use maintenance_gate::{Gate, MaintenanceLayer};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Shape, flag, with_flag};

/// What a handler behind the gate returns for an event: none if it reached the app.
async fn returned(gate: &Gate, event: &Value) -> Option<Value> {
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let app =
        service_fn(async |_: Request| Ok::<_, lambda_http::Error>(Response::new(Body::Empty)));
    let service = MaintenanceLayer::new(gate.clone()).layer(app);
    match service.oneshot(request).await.unwrap().into_body() {
        Body::Text(text) => Some(serde_json::from_str(&text).unwrap()),
        _ => None,
    }
}

/// HTTP events in which something is not as lambda_http wants it, or all.
fn strange(method: &str) -> Vec<Value> {
    let mut events: Vec<_> = Shape::ALL
        .map(|shape| {
            let mut event = shape.event(method, "/pay");
            let context = event["requestContext"].as_object_mut().unwrap();
            // A load balancer says only this.
            let key = if context.contains_key("elb") {
                "elb"
            } else {
                "requestId"
            };
            context[key] = json!(7);
            event["isBase64Encoded"] = json!("no");
            event
        })
        .into();
    // VPC Lattice, both versions.
    events.push(json!({
        "version": "2.0", "path": "/pay", "method": method, "headers": {"host": ["a.example"]},
        "requestContext": {"serviceNetworkArn": "arn:aws:vpc-lattice:us-east-1:1:servicenetwork/sn-1"},
    }));
    events.push(json!({
        "raw_path": "/pay", "method": method, "headers": {"host": "a.example"},
        "body": "", "is_base64_encoded": false,
    }));
    events
}

#[tokio::test]
async fn an_http_event_that_lambda_http_cannot_parse_is_refused_in_its_own_shape() {
    let gate = |mode: &str, bypass: Value| with_flag(&flag(mode, &bypass)).build().unwrap();
    let on = gate("on", json!({}));
    for event in strange("POST") {
        let answer = returned(&on, &event).await.unwrap_or_default();
        assert_eq!(answer["statusCode"], 503, "{event}");
        assert_eq!(Some(answer), on.check_event(&event).await, "{event}");
        // The rules are those of any request.
        let read_only = gate("read-only", json!({}));
        assert!(returned(&read_only, &event).await.is_some(), "{event}");
        let by_path = gate("on", json!({"paths": ["/pay"]}));
        assert_eq!(returned(&by_path, &event).await, None, "{event}");
    }
}

#[tokio::test]
async fn an_event_that_is_no_request_passes_through() {
    let on = with_flag("on").build().unwrap();
    for event in [
        json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
        json!({"source": "aws.events"}),
        json!({"hello": "world"}),
    ] {
        assert_eq!(returned(&on, &event).await, None, "{event}");
    }
}
