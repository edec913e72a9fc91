//! People whom an Application Load Balancer has signed in: what it signs, and by which keys.
//!
//! The load balancer adds `x-amzn-oidc-data`, a JWT of its own [ELB guide, *Authenticate users using an
//! Application Load Balancer*]: ES256, with the load balancer's ARN in `signer` and base64 with padding. Its
//! keys are public, one a `kid`, at an address of the region. Any load balancer of the region signs by these
//! keys, so that the signer counts as much as the signature.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// The header with the signed person.
pub(super) const HEADER: &str = "x-amzn-oidc-data";

/// What the DER of a public key on P-256 begins with [RFC 5480]; the point follows.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// How long a key may take to come.
const PATIENCE: Duration = Duration::from_secs(5);
/// The least time between two keys that are asked for: a client can make up any number of them.
const PAUSE: Duration = Duration::from_secs(2);
/// The largest answer, bytes, and the most keys that are kept.
const MAX_BYTES: usize = 4096;
const MOST_KEYS: usize = 16;

type Http = Client<HttpsConnector<HttpConnector>, Empty<&'static [u8]>>;

/// A load balancer that signs people in.
pub(super) struct Alb {
    arn: String,
    keys_at: String,
    http: Http,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    known: HashMap<String, Vec<u8>>,
    asked: Option<Instant>,
}

/// Why a person is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not what the load balancer signs.
    Invalid(&'static str),
    /// Its key cannot be had just now.
    NoKey,
}

impl fmt::Debug for Alb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alb")
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

impl Alb {
    /// The load balancer of this ARN, whose keys are below this URL.
    pub(super) fn new(arn: String, keys_at: String) -> Self {
        let roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has what TLS 1.2 and 1.3 need")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Self {
            arn,
            keys_at,
            http: Client::builder(TokioExecutor::new()).build(https),
            keys: Mutex::default(),
        }
    }

    /// Whom the load balancer names, if it signed this.
    pub(super) async fn person(&self, jwt: &str, now: Timestamp) -> Result<String, Refused> {
        let invalid = |why| Refused::Invalid(why);
        let mut parts = jwt.split('.');
        let (Some(head), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("it is no JWT"));
        };
        let signed = jwt.get(..head.len() + 1 + claims.len());
        let signed = signed.ok_or(invalid("it is no JWT"))?;
        let head = document(head).ok_or(invalid("its header is unreadable"))?;
        if head["alg"] != "ES256" {
            return Err(invalid("it is not signed by ES256"));
        }
        if head["signer"] != self.arn.as_str() {
            return Err(invalid("another load balancer signed it"));
        }
        let ends = head["exp"].as_i64();
        if ends.is_none_or(|ends| ends <= now.as_second()) {
            return Err(invalid("it has expired"));
        }
        let kid = head["kid"].as_str().unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if kid.is_empty() || kid.len() > 64 || !kid.bytes().all(is_plain) {
            return Err(invalid("it names no key"));
        }
        let key = self.key(kid).await.ok_or(Refused::NoKey)?;
        let signature = bytes(signature).ok_or(invalid("its signature is unreadable"))?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| invalid("its signature is wrong"))?;
        let claims = document(claims).ok_or(invalid("its claims are unreadable"))?;
        // Cognito writes it as a text.
        let is_unverified =
            ["false", "\"false\""].contains(&claims["email_verified"].to_string().as_str());
        let email = claims["email"].as_str().filter(|_| !is_unverified);
        let name = email.or_else(|| claims["sub"].as_str());
        name.map(ToOwned::to_owned)
            .ok_or(invalid("it names no person"))
    }

    /// The key of this id. One at a time is asked for.
    async fn key(&self, kid: &str) -> Option<Vec<u8>> {
        let mut keys = self.keys.lock().await;
        if let Some(key) = keys.known.get(kid) {
            return Some(key.clone());
        }
        if keys.asked.is_some_and(|asked| asked.elapsed() < PAUSE) {
            return None;
        }
        keys.asked = Some(Instant::now());
        let key = match timeout(PATIENCE, self.fetch(kid)).await {
            Ok(Ok(key)) => key,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a key of the load balancer cannot be had");
                return None;
            }
            Err(_) => {
                tracing::warn!("a key of the load balancer does not come");
                return None;
            }
        };
        if keys.known.len() >= MOST_KEYS {
            keys.known.clear();
        }
        keys.known.insert(kid.to_owned(), key.clone());
        Some(key)
    }

    async fn fetch(&self, kid: &str) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let url = format!("{}/{kid}", self.keys_at).parse()?;
        let response = self.http.get(url).await?;
        if !response.status().is_success() {
            return Err(format!("it was answered with {}", response.status()).into());
        }
        let pem = Limited::new(response.into_body(), MAX_BYTES).collect();
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&pem.await?.to_bytes())
            .map_err(|error| error.to_string())?;
        let point = der.strip_prefix(&P256).filter(|point| point.len() == 65);
        let point = point.ok_or("it is no key on P-256")?;
        Ok(point.to_vec())
    }
}

/// Base64 with padding, as the load balancer writes it, or without.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new();
    let config = config.with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&URL_SAFE, config).decode(text).ok()
}

fn document(text: &str) -> Option<Value> {
    serde_json::from_slice(&bytes(text)?).ok()
}
