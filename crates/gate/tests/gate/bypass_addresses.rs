//! Who passes by the address that a request comes from, and by whose word.

use std::net::{IpAddr, SocketAddr};

use http::{Method, Request};
use maintenance_gate::{ClientAddress, MaintenanceLayer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::bypass::{gate, passes};
use crate::support::{flag, get, request_with, with_flag};

pub(crate) fn from(address: &str) -> Request<()> {
    let mut request = get();
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(ClientAddress(address));
    request
}

#[tokio::test]
async fn addresses_that_may_pass_do_by_the_word_of_the_deployers_code() {
    let gate = gate(&json!({"addresses": ["192.0.2.0/24", "2001:db8::/32"]}));
    for inside in ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8::7"] {
        assert!(passes(&gate, &from(inside)).await, "{inside}");
    }
    for outside in ["192.0.3.1", "2001:db9::1", "::192.0.2.9", "::1"] {
        assert!(!passes(&gate, &from(outside)).await, "{outside}");
    }
    assert!(!passes(&gate, &get()).await, "an unknown address");
}

#[tokio::test]
async fn a_forwarded_header_counts_only_as_far_as_proxies_are_trusted() {
    let bypass = json!({"addresses": ["192.0.2.0/24"]});
    let trusting = |proxies| {
        let builder = with_flag(&flag("on", &bypass)).trusted_proxies(proxies);
        builder.build().unwrap()
    };
    let forwarded = |list: &str| {
        let headers = [
            ("x-forwarded-for", list),
            ("forwarded", "for=192.0.2.1"),
            ("x-real-ip", "192.0.2.1"),
            ("true-client-ip", "192.0.2.1"),
        ];
        request_with(Method::GET, "/", &headers)
    };
    for (proxies, list, expected) in [
        (0, "192.0.2.1", false),
        (1, "192.0.2.1", true),
        (1, "192.0.2.1, 198.51.100.1", false),
        (1, "198.51.100.1, 192.0.2.1:50000", true),
        (2, "192.0.2.1, 198.51.100.1", true),
        (2, "203.0.113.1, 192.0.2.1, 198.51.100.1", true),
        (2, "192.0.2.1, 203.0.113.1, 198.51.100.1", false),
        (2, "192.0.2.1", false),
        (1, "192.0.2.1, unknown", false),
        (1, "", false),
    ] {
        let passed = passes(&trusting(proxies), &forwarded(list)).await;
        assert_eq!(passed, expected, "{proxies} {list}");
    }
    assert!(!passes(&trusting(1), &get()).await);
}

/// What the server of a socket answers to `GET /` with these headers.
async fn over_a_socket(port: u16, headers: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_axum_server_says_where_a_request_comes_from() {
    for (range, trusted, headers, status) in [
        ("127.0.0.0/8", 0, "", 200),
        ("192.0.2.0/24", 0, "", 503),
        ("192.0.2.0/24", 0, "x-forwarded-for: 192.0.2.1\r\n", 503),
        ("192.0.2.0/24", 1, "x-forwarded-for: 192.0.2.1\r\n", 200),
        ("127.0.0.0/8", 1, "x-forwarded-for: 192.0.2.1\r\n", 503),
        ("127.0.0.0/8", 1, "", 503),
    ] {
        let stored = flag("on", &json!({"addresses": [range]}));
        let gate = with_flag(&stored).trusted_proxies(trusted).build().unwrap();
        let app = axum::Router::new()
            .route("/", axum::routing::get(async || "hello"))
            .layer(MaintenanceLayer::new(gate));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let answered = over_a_socket(port, headers).await;
        assert_eq!(answered, status, "{range} {trusted} {headers}");
        server.abort();
    }
}
