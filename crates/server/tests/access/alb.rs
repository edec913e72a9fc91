//! People whom an Application Load Balancer has signed in, by a key that is served on this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http::StatusCode;
use maintenance_flag::Scope;
use maintenance_server::access::{NamedBy, Options, ProxyUser};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::support::{Server, request, start};

const ARN: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
const KID: &str = "12345678-1234-1234-1234-123456789012";
/// What the DER of a public key on P-256 begins with.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A load balancer, the address of its keys, and a server behind it.
struct Scene {
    server: Server,
    key: EcdsaKeyPair,
    asked: Arc<AtomicUsize>,
}

fn key() -> EcdsaKeyPair {
    let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap()
}

impl Scene {
    async fn new() -> Self {
        let key = key();
        let der = [P256, key.public_key().as_ref()].concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        );
        let asked = Arc::<AtomicUsize>::default();
        let counted = asked.clone();
        let answer = move |Path(kid): Path<String>| async move {
            counted.fetch_add(1, Ordering::Relaxed);
            match kid == KID {
                true => (StatusCode::OK, pem),
                false => (StatusCode::NOT_FOUND, String::new()),
            }
        };
        let keys = Router::new().route("/{kid}", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keys_at = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, keys).await });
        let arn = ARN.to_owned();
        let server = Server::with(Options {
            secure: true,
            behind_proxy: true,
            user: Some(ProxyUser {
                named_by: NamedBy::Alb { arn, keys_at },
                scope: Scope::Write,
            }),
        });
        Self { server, key, asked }
    }

    fn sign(&self, head: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE.encode(value.to_string());
        let signed = format!("{}.{}", part(head), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE.encode(signature.unwrap().as_ref()))
    }

    async fn send(&self, jwt: &str) -> Answer {
        let headers = [("x-amzn-oidc-data", jwt)];
        self.server.send(request("GET", "/api/me", &headers)).await
    }
}

/// What the load balancer writes above the claims.
fn head() -> Value {
    json!({
        "typ": "JWT", "alg": "ES256", "kid": KID, "iss": "https://idp.example",
        "client": "client-id", "signer": ARN, "exp": start().as_second() + 120,
    })
}

fn with(mut head: Value, key: &str, value: Value) -> Value {
    head[key] = value;
    head
}

#[tokio::test]
async fn a_person_whom_the_load_balancer_signed_is_let_in_by_name() {
    let scene = Scene::new().await;
    for (claims, by) in [
        (
            json!({"sub": "1234", "email": "ana@example.com"}),
            "ana@example.com",
        ),
        (
            json!({"sub": "1234", "email": "ana@example.com", "email_verified": "true"}),
            "ana@example.com",
        ),
        (
            json!({"sub": "1234", "email": "root@example.com", "email_verified": "false"}),
            "1234",
        ),
        (
            json!({"sub": "1234", "email": "root@example.com", "email_verified": false}),
            "1234",
        ),
        (json!({"sub": "1234"}), "1234"),
    ] {
        let answer = scene.send(&scene.sign(&head(), &claims)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["by"], by);
    }
    assert_eq!(scene.asked.load(Ordering::Relaxed), 1, "the key is kept");
}

#[tokio::test]
async fn what_the_load_balancer_did_not_sign_lets_no_person_in() {
    let scene = Scene::new().await;
    let ana = json!({"sub": "1234", "email": "ana@example.com"});
    let good = scene.sign(&head(), &ana);
    assert_eq!(scene.send(&good).await.status, 200);
    let parts: Vec<&str> = good.split('.').collect();
    let root = URL_SAFE.encode(json!({"sub": "1", "email": "root@example.com"}).to_string());
    let other = Scene {
        key: key(),
        ..Scene::new().await
    };
    let now = start().as_second();
    let other_arn = ARN.replace("/shop/", "/evil/");
    for (forged, why) in [
        (
            format!("{}.{root}.{}", parts[0], parts[2]),
            "its signature is wrong",
        ),
        (
            format!("{}.{}.", parts[0], parts[1]),
            "its signature is wrong",
        ),
        (format!("{}.{}", parts[0], parts[1]), "it is no JWT"),
        (format!("{good}.x"), "it is no JWT"),
        ("..".to_owned(), "its header is unreadable"),
        (other.sign(&head(), &ana), "its signature is wrong"),
        (
            scene.sign(&with(head(), "signer", json!(other_arn)), &ana),
            "another load balancer",
        ),
        (
            scene.sign(&with(head(), "alg", json!("none")), &ana),
            "not signed by ES256",
        ),
        (
            scene.sign(&with(head(), "alg", json!("HS256")), &ana),
            "not signed by ES256",
        ),
        (
            scene.sign(&with(head(), "exp", json!(now)), &ana),
            "it has expired",
        ),
        (
            scene.sign(&with(head(), "exp", json!(null)), &ana),
            "it has expired",
        ),
        (
            scene.sign(&with(head(), "kid", json!("../secret")), &ana),
            "it names no key",
        ),
        (
            scene.sign(&head(), &json!({"name": "ana"})),
            "it names no person",
        ),
        (
            scene.sign(&head(), &json!({"email": "a\nb"})),
            "control characters",
        ),
    ] {
        let answer = scene.send(&forged).await;
        answer.problem(401, "unauthorized");
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains(why), "{detail} instead of {why}");
    }
}

#[tokio::test]
async fn keys_that_do_not_exist_are_asked_for_once_in_a_while() {
    let scene = Scene::new().await;
    let ana = json!({"sub": "1234"});
    for n in 0..50 {
        let made_up = with(head(), "kid", json!(format!("made-up-{n}")));
        let answer = scene.send(&scene.sign(&made_up, &ana)).await;
        answer.problem(503, "aws");
    }
    let asked = scene.asked.load(Ordering::Relaxed);
    assert!((1..50).contains(&asked), "{asked}");
}
