//! Webhooks as the Standard Webhooks specification says them (<https://www.standardwebhooks.com>): who receives
//! one can check who sent it, when, and whether it has been there before.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde::Serialize;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use super::Notification;
use super::event::{Data, Kind};

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// How many bytes a secret may have.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret that a receiver shares.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// It is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ and then 24 to 64 bytes in base64")]
pub struct BadSecret;

impl FromStr for Secret {
    type Err = BadSecret;

    fn from_str(text: &str) -> Result<Self, BadSecret> {
        let key = text.strip_prefix(PREFIX).ok_or(BadSecret)?;
        let key = BASE64_STANDARD.decode(key).map_err(|_| BadSecret)?;
        match BYTES.contains(&key.len()) {
            true => Ok(Self(key)),
            false => Err(BadSecret),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What is sent.
#[derive(Serialize)]
struct Body<'a> {
    r#type: Kind,
    timestamp: Timestamp,
    data: &'a Data,
}

/// The headers and the body of an attempt at this time.
pub(super) fn message(
    notification: &Notification,
    secret: &Secret,
    now: Timestamp,
) -> Result<(HeaderMap, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let body = serde_json::to_vec(&Body {
        r#type: notification.kind,
        timestamp: notification.at,
        data: &notification.data,
    })?;
    // Of the attempt: receivers refuse what is some minutes old, and a retry may be.
    let now = now.as_second();
    let signature = Webhook::from_bytes(secret.0.clone())?.sign(&notification.id, now, &body)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HEADER_WEBHOOK_ID, notification.id.parse()?);
    headers.insert(HEADER_WEBHOOK_TIMESTAMP, now.into());
    headers.insert(HEADER_WEBHOOK_SIGNATURE, signature.parse()?);
    Ok((headers, body.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_the_specification_says_and_is_never_shown() {
        let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        for good in [of(24), of(32), of(64)] {
            let secret: Secret = good.parse().unwrap();
            assert_eq!(format!("{secret:?}"), "Secret");
        }
        let bare = of(32).replace("whsec_", "");
        for bad in [of(23), of(65), bare, "whsec_?".to_owned(), String::new()] {
            assert!(bad.parse::<Secret>().is_err(), "{bad}");
        }
    }
}
