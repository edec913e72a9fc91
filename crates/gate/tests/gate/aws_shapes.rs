//! Every shape in which AWS hands an HTTP request to a function, and everything else that it hands to
//! one: by AWS's own samples, and by requests that carry a token or come from an address.

use maintenance_gate::{Gate, MaintenanceLayer, MemorySource, ReadOnly};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Shape, captured, demo, flag, samples, stored_token, token, with_flag};

fn gate(flag: &str) -> Gate {
    demo().source(MemorySource::new(flag)).build().unwrap()
}

/// Who wants the answer to a sample, by the sample's name alone; none if it is no HTTP request.
fn sender(name: &str) -> Option<&'static str> {
    let is_request =
        name.contains("request") && !name.contains("custom-auth") && !name.contains("disconnect");
    let family = ["alb", "apigw", "vpc-lattice"]
        .into_iter()
        .find(|family| name.starts_with(&format!("example-{family}-")))?;
    is_request.then_some(match family {
        "apigw" if name.contains("-v2-") || name.contains("sam-http") => "gateway 2",
        "apigw" => "gateway 1",
        "alb" if name.contains("multivalue") => "balancer, lists",
        _ => "balancer",
    })
}

/// The keys of an answer: those that its sender knows, and no other.
pub(crate) fn check_shape(sender: &str, answer: &Value) {
    let keys: &[&str] = match sender {
        "gateway 1" | "gateway 2" => &["statusCode", "headers", "body", "isBase64Encoded"],
        "balancer" => &[
            "statusCode",
            "statusDescription",
            "headers",
            "body",
            "isBase64Encoded",
        ],
        "balancer, lists" => &[
            "statusCode",
            "statusDescription",
            "multiValueHeaders",
            "body",
            "isBase64Encoded",
        ],
        other => panic!("{other}"),
    };
    let found: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(found, keys, "{sender}");
    assert_eq!(answer["statusCode"], 503);
    assert_eq!(answer["isBase64Encoded"], false);
    let description = answer.get("statusDescription");
    assert!(description.is_none_or(|text| text == "503 Service Unavailable"));
    let marker = match answer.get("multiValueHeaders") {
        Some(lists) => &lists["x-maintenance"][0],
        None => &answer["headers"]["x-maintenance"],
    };
    assert_eq!(marker, "on");
}

#[tokio::test]
async fn of_aws_samples_the_http_requests_are_refused_in_their_shape_and_all_else_passes() {
    let (on, off) = (gate("on"), gate("off"));
    let (mut refused, mut passed) = (0, 0);
    for sample in samples("aws_lambda_events", "src/fixtures") {
        let before = sample.event.clone();
        let answer = on.check_event(&sample.event).await;
        assert_eq!(
            off.check_event(&sample.event).await,
            None,
            "{}",
            sample.name
        );
        assert_eq!(sample.event, before);
        match (sender(&sample.name), answer) {
            (Some(sender), Some(answer)) => {
                check_shape(sender, &answer);
                refused += 1;
            }
            (None, None) => passed += 1,
            (sender, answer) => panic!("{}: {sender:?} {answer:?}", sample.name),
        }
    }
    // So that a sample which is no longer found is noticed.
    assert!(refused >= 21 && passed >= 130, "{refused} {passed}");
}

#[tokio::test]
async fn of_the_samples_of_lambda_http_every_one_is_refused() {
    let on = gate("on");
    let samples = samples("lambda_http", "tests/data");
    assert!(samples.len() >= 18);
    for sample in samples {
        let sender = match sample.name.as_str() {
            name if name.contains("v2") && name.starts_with("apigw") => "gateway 2",
            name if name.starts_with("lambda_function_url") => "gateway 2",
            name if name.starts_with("apigw") => "gateway 1",
            _ if sample.event["multiValueHeaders"].is_object() => "balancer, lists",
            _ => "balancer",
        };
        let answer = on.check_event(&sample.event).await;
        check_shape(sender, &answer.unwrap_or_else(|| panic!("{}", sample.name)));
    }
}

/// What the layer lets through to a lambda_http app, if anything: the status otherwise.
pub(crate) async fn through_the_layer(gate: &Gate, event: &Value) -> Result<bool, (u16, String)> {
    // A placeholder in a sample, at which lambda_http panics.
    let event = event.to_string().replace("{dns_suffix}", "amazonaws.com");
    let request = lambda_http::request::from_str(&event).unwrap();
    let app = service_fn(|request: lambda_http::Request| async move {
        let is_read_only = request.extensions().get::<ReadOnly>().is_some();
        let response =
            lambda_http::Response::builder().header("read-only", is_read_only.to_string());
        response.body(lambda_http::Body::Empty)
    });
    let service = MaintenanceLayer::new(gate.clone()).layer(app);
    let response = service.oneshot(request).await.unwrap();
    match response.headers().get("read-only") {
        Some(is_read_only) => Ok(is_read_only == "true"),
        None => {
            let cookie = response.headers().get("set-cookie");
            let cookie = cookie.map_or("", |cookie| cookie.to_str().unwrap());
            Err((response.status().as_u16(), cookie.to_owned()))
        }
    }
}

#[tokio::test]
async fn the_layer_refuses_the_same_samples_through_lambda_http() {
    let on = gate("on");
    let mut refused = 0;
    for sample in samples("aws_lambda_events", "src/fixtures") {
        // Our lambda_http is built without VPC Lattice.
        let sender = sender(&sample.name).filter(|_| !sample.name.contains("lattice"));
        let is_disconnect = sample.name.contains("disconnect");
        if sender.is_some() || is_disconnect {
            let answer = through_the_layer(&on, &sample.event).await;
            assert_eq!(answer.is_ok(), is_disconnect, "{}", sample.name);
            refused += u32::from(answer.is_err());
        }
    }
    assert!(refused >= 17, "{refused}");
}

#[tokio::test]
async fn the_token_passes_in_every_shape_and_a_link_sets_its_cookie_there() {
    let gate = with_flag(&flag("on", &stored_token("demo-dev", "web")));
    let gate = gate.build().unwrap();
    let token = token();
    let cookie = format!("__Host-maintenance-demo-dev-web={}", token.reveal());
    for shape in Shape::ALL {
        for headers in [
            [("x-maintenance-bypass", token.reveal())],
            [("Cookie", &format!("a=1; {cookie}; b=2"))],
            [("cookie", &format!("a=1; {cookie}; b=2"))],
        ] {
            let event = shape.event_with("POST", "/pay", &[], &headers);
            assert_eq!(
                gate.check_event(&event).await,
                None,
                "{shape:?} {headers:?}"
            );
            assert_eq!(
                through_the_layer(&gate, &event).await,
                Ok(false),
                "{shape:?}"
            );
        }
        let query = [("maintenance-bypass", token.reveal())];
        let event = shape.event_with("GET", "/orders", &query, &[]);
        let answer = gate.check_event(&event).await.unwrap();
        let answered = shape.answered(&answer);
        assert_eq!(answered.status, 303, "{shape:?}");
        assert!(answered.headers["set-cookie"].starts_with(&cookie));
        assert_eq!(answered.headers["location"], "?token=secret");
        assert_eq!(answered.body, "");
        let (status, set) = through_the_layer(&gate, &event).await.unwrap_err();
        assert_eq!((status, set), (303, answered.headers["set-cookie"].clone()));

        let wrong = shape.event_with("GET", "/", &[("maintenance-bypass", "wrong")], &[]);
        let answer = gate.check_event(&wrong).await.unwrap();
        let answered = shape.answered(&answer);
        assert_eq!(answered.status, 503);
        assert!(!answered.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn the_rest_of_a_links_query_survives_whether_the_platform_decodes_it_or_not() {
    let gate = with_flag(&flag("on", &stored_token("demo-dev", "web")));
    let gate = gate.build().unwrap();
    let token = token();
    for (shape, sent) in [
        (Shape::RestApi, "a b&c=d/é%"),
        (Shape::HttpApi1, "a b&c=d/é%"),
        (Shape::HttpApi, "a%20b%26c%3Dd/%C3%A9%25"),
        (Shape::LoadBalancer, "a%20b%26c%3Dd/%C3%A9%25"),
        (Shape::LoadBalancerMulti, "a%20b%26c%3Dd/%C3%A9%25"),
    ] {
        let query = [("maintenance-bypass", token.reveal()), ("next", sent)];
        let event = shape.event_with("GET", "/", &query, &[]);
        let answer = gate.check_event(&event).await.unwrap();
        let location = shape.answered(&answer).headers["location"].clone();
        let next = location.split_once("next=").unwrap().1;
        let next = percent_encoding::percent_decode_str(next).decode_utf8_lossy();
        assert_eq!(next, "a b&c=d/é%", "{shape:?} {location}");
    }
}

#[tokio::test]
async fn an_address_passes_where_the_platform_names_it() {
    let bypass = json!({"addresses": ["192.0.2.0/24"]});
    let gate = |proxies| {
        let builder = with_flag(&flag("on", &bypass)).trusted_proxies(proxies);
        builder.build().unwrap()
    };
    let (none, one) = (gate(0), gate(1));
    for shape in Shape::ALL {
        let is_balancer = matches!(shape, Shape::LoadBalancer | Shape::LoadBalancerMulti);
        let passes = async |gate: &Gate, event: &Value| {
            let passed = gate.check_event(event).await.is_none();
            assert_eq!(through_the_layer(gate, event).await.is_ok(), passed);
            passed
        };
        let event = shape.event("POST", "/");
        assert_eq!(passes(&none, &event).await, !is_balancer, "{shape:?}");
        assert!(!passes(&one, &event).await, "{shape:?}: no header");
        // A header is believed only if a proxy is trusted, and then nothing else is.
        for (list, by_header) in [
            ("192.0.2.7", true),
            ("192.0.2.7, 198.51.100.1", false),
            ("198.51.100.1, 192.0.2.7", true),
        ] {
            let event = shape.event_with("POST", "/", &[], &[("X-Forwarded-For", list)]);
            assert_eq!(
                passes(&none, &event).await,
                !is_balancer,
                "{shape:?} {list}"
            );
            assert_eq!(passes(&one, &event).await, by_header, "{shape:?} {list}");
        }
    }
}

#[tokio::test]
async fn a_path_passes_in_every_shape_with_the_stage_and_without() {
    let gate = |path: &str| {
        let builder = with_flag(&flag("on", &json!({"paths": [path]})));
        builder.build().unwrap()
    };
    for shape in Shape::ALL {
        let event = shape.event("POST", "/hooks/pay");
        for rule in ["/hooks/pay", "/hooks/*"] {
            assert_eq!(gate(rule).check_event(&event).await, None, "{shape:?}");
            assert_eq!(
                through_the_layer(&gate(rule), &event).await,
                Ok(false),
                "{shape:?}"
            );
        }
        for path in [
            "/x/../hooks/pay",
            "/hooks/../admin",
            "/Hooks/pay",
            "/hooks\\..\\pay",
        ] {
            let event = shape.event("POST", path);
            for rule in ["/hooks/pay", "/hooks/*", "/admin"] {
                assert!(
                    gate(rule).check_event(&event).await.is_some(),
                    "{shape:?} {path}"
                );
                let answer = through_the_layer(&gate(rule), &event).await;
                assert!(answer.is_err(), "{shape:?} {path}");
            }
        }
    }
    // lambda_http puts the stage of a REST API before the path.
    let event = Shape::RestApi.event("POST", "/hooks/pay");
    assert!(
        through_the_layer(&gate("/prod/hooks/*"), &event)
            .await
            .is_ok()
    );
    assert!(
        through_the_layer(&gate("/dev/hooks/*"), &event)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_host_header_with_a_path_in_it_leads_no_request_past_a_path_rule() {
    // lambda_http makes the address of a request from its Host header: the path that the app then
    // sees is another one.
    let gate = |path: &str| {
        let builder = with_flag(&flag("on", &json!({"paths": [path]})));
        builder.build().unwrap()
    };
    for shape in Shape::ALL {
        let mut event = shape.event("POST", "/hooks/pay");
        for host in ["demo.example.com/admin", "demo.example.com/admin?x="] {
            for (headers, value) in [
                ("headers", json!(host)),
                ("multiValueHeaders", json!([host])),
            ] {
                let headers = event.get_mut(headers).and_then(Value::as_object_mut);
                for (name, header) in headers.into_iter().flatten() {
                    if name.eq_ignore_ascii_case("host") {
                        *header = value.clone();
                    }
                }
            }
            for rule in ["/hooks/pay", "/hooks/*", "/admin", "/admin/*"] {
                let answer = through_the_layer(&gate(rule), &event).await;
                // Among lists it does not look for the host, so the path stays.
                let stays = shape == Shape::LoadBalancerMulti && rule.starts_with("/hooks/");
                assert_eq!(answer.is_ok(), stays, "{shape:?} {host} {rule}");
            }
        }
    }
}

#[tokio::test]
async fn passes_events_that_lambda_http_hands_through_and_that_are_no_requests() {
    let message = json!({"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": "pay"}]});
    for mode in ["on", "read-only"] {
        let gate = gate(&json!({"schema": 1, "mode": mode}).to_string());
        assert_eq!(
            through_the_layer(&gate, &message).await,
            Ok(false),
            "{mode}"
        );
        // To a request with the same path and the same body nothing of this applies.
        let event = Shape::FunctionUrl.event("POST", "/events");
        assert!(through_the_layer(&gate, &event).await.is_err());
    }
}

#[tokio::test]
async fn the_event_of_a_refusal_has_the_id_by_which_the_platform_knows_the_request() {
    let on = gate("on");
    for shape in Shape::ALL {
        let event = shape.event("GET", "/orders");
        let id = event["requestContext"].get("requestId").cloned();
        for through_layer in [false, true] {
            captured();
            if through_layer {
                through_the_layer(&on, &event).await.unwrap_err();
            } else {
                on.check_event(&event).await.unwrap();
            }
            let events = captured();
            let fields = &events.last().unwrap()["fields"];
            assert_eq!(fields["code"], "M503");
            assert_eq!(fields.get("request_id").cloned(), id, "{shape:?}");
        }
    }
    // A load balancer names none; the invocation has one.
    let event = Shape::LoadBalancer.event("GET", "/").to_string();
    let request = lambda_http::request::from_str(&event).unwrap();
    let mut context = lambda_http::Context::default();
    context.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
    let mut request = lambda_http::RequestExt::with_lambda_context(request, context);
    captured();
    let _ = on.check(&mut request).await;
    let events = captured();
    let fields = &events.last().unwrap()["fields"];
    assert_eq!(fields["request_id"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
}
