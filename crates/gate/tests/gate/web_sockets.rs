//! WebSocket APIs: opening one is refused, and what comes over one that is open passes.

use serde_json::{Value, json};

use crate::aws_shapes::{check_shape, through_the_layer};
use crate::support::{flag, stored_token, token, with_flag};

fn socket_event(event_type: &str) -> Value {
    json!({
        "headers": {"Host": "abc.execute-api.us-east-1.amazonaws.com"},
        "multiValueHeaders": {"Host": ["abc.execute-api.us-east-1.amazonaws.com"]},
        "requestContext": {
            "routeKey": "$connect",
            "eventType": event_type,
            "stage": "prod",
            "connectedAt": 1_795_000_000_000_u64,
            "requestTimeEpoch": 1_795_000_000_000_u64,
            "identity": {"sourceIp": "192.0.2.1"},
            "requestId": "asdf=",
            "messageId": null,
            "connectionId": "x=",
            "apiId": "abc"
        },
        "isBase64Encoded": false
    })
}

#[tokio::test]
async fn a_web_socket_is_not_opened_but_one_that_is_open_goes_on() {
    for mode in ["on", "read-only"] {
        let gate = with_flag(&flag(mode, &json!({"paths": ["/*"]})))
            .build()
            .unwrap();
        let connect = socket_event("CONNECT");
        let answer = gate.check_event(&connect).await.unwrap();
        check_shape("gateway 1", &answer);
        let (status, _) = through_the_layer(&gate, &connect).await.unwrap_err();
        assert_eq!(status, 503, "{mode}: what comes over it may write");
        for event_type in ["MESSAGE", "DISCONNECT"] {
            let event = socket_event(event_type);
            assert_eq!(gate.check_event(&event).await, None, "{event_type}");
            assert_eq!(
                through_the_layer(&gate, &event).await,
                Ok(false),
                "{event_type}"
            );
        }
    }
    let by_address = flag("on", &json!({"addresses": ["192.0.2.1"]}));
    let gate = with_flag(&by_address).build().unwrap();
    assert_eq!(gate.check_event(&socket_event("CONNECT")).await, None);
    assert_eq!(
        through_the_layer(&gate, &socket_event("CONNECT")).await,
        Ok(false)
    );
}

#[tokio::test]
async fn a_link_does_not_redirect_a_web_socket() {
    let stored = flag("on", &stored_token("demo-dev", "web"));
    let gate = with_flag(&stored).build().unwrap();
    let mut event = socket_event("CONNECT");
    event["queryStringParameters"] = json!({"maintenance-bypass": token().reveal()});
    event["multiValueQueryStringParameters"] = json!({"maintenance-bypass": [token().reveal()]});
    assert_eq!(gate.check_event(&event).await.unwrap()["statusCode"], 503);
    assert_eq!(through_the_layer(&gate, &event).await.unwrap_err().0, 503);
    let header = json!(token().reveal());
    event["multiValueHeaders"]["x-maintenance-bypass"] = json!([header]);
    event["headers"]["x-maintenance-bypass"] = header;
    assert_eq!(gate.check_event(&event).await, None);
    assert_eq!(through_the_layer(&gate, &event).await, Ok(false));
}
