//! AWS Signature Version 4 of the one kind of request that is made here: a POST of a short body,
//! without a query. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! Not by the crate aws-sigv4, which brings some thirty others, most of them the SDK's own, and with them
//! 0.16 MB of every handler; it is what the tests hold this against.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderName;
use jiff::Timestamp;
use jiff::tz::Offset;
use ring::{digest, hmac};

use crate::source::BoxError;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Who signs. Never shown, so it has no `Debug`.
pub(super) struct Credentials {
    pub(super) key: String,
    pub(super) secret: String,
    /// Of temporary credentials.
    pub(super) token: Option<String>,
}

/// What is signed.
pub(super) struct ToSign<'a> {
    /// Segments of unreserved characters with a slash before each, or a slash alone.
    pub(super) path: &'a str,
    /// Names in lower case, in alphabetical order; values without spaces at their ends or two in a row.
    pub(super) headers: &'a [(HeaderName, &'a str)],
    pub(super) body: &'a str,
}

/// A moment as a signature needs it: `20261121T083000Z`, of which the first eight are the date.
pub(super) fn moment(time: SystemTime) -> Result<String, BoxError> {
    let since = time.duration_since(UNIX_EPOCH)?;
    let second = Timestamp::from_second(i64::try_from(since.as_secs())?)
        .map_err(|_| "the clock is beyond all years")?;
    let utc = Offset::UTC.to_datetime(second);
    Ok(format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        utc.year(),
        utc.month(),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second()
    ))
}

/// The value of the header `Authorization` for a request to a service of this region at this
/// [`moment`].
pub(super) fn authorization(
    request: &ToSign<'_>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    moment: &str,
) -> String {
    let (path, body) = (request.path, hex(&sha256(request.body)));
    let mut canonical = format!("POST\n{path}\n\n");
    let mut signed = String::new();
    for (name, value) in request.headers {
        canonical.push_str(&format!("{name}:{value}\n"));
        if !signed.is_empty() {
            signed.push(';');
        }
        signed.push_str(name.as_str());
    }
    canonical.push_str(&format!("\n{signed}\n{body}"));

    let date = moment.get(..8).unwrap_or_default();
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let canonical = hex(&sha256(&canonical));
    let text = format!("{ALGORITHM}\n{moment}\n{scope}\n{canonical}");

    let mut key = format!("AWS4{}", credentials.secret).into_bytes();
    for part in [date, region, service, "aws4_request"] {
        key = hmac_sha256(&key, part);
    }
    let signature = hex(&hmac_sha256(&key, &text));
    let key = &credentials.key;
    format!("{ALGORITHM} Credential={key}/{scope}, SignedHeaders={signed}, Signature={signature}")
}

fn sha256(text: &str) -> Vec<u8> {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().to_vec()
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in bytes {
        // A String takes whatever is written.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use http::header::{CONTENT_TYPE, HOST};
    use proptest::prelude::*;

    use super::*;

    /// What aws-sigv4 makes of the same request: its date, and its authorization.
    fn theirs(
        request: &ToSign<'_>,
        credentials: &Credentials,
        region: &str,
        time: SystemTime,
    ) -> (String, String) {
        let identity = aws_credential_types::Credentials::new(
            &credentials.key,
            &credentials.secret,
            credentials.token.clone(),
            None,
            "test",
        )
        .into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("ssm")
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        // It adds its own.
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), *value));
        let given =
            headers.filter(|(name, _)| !["x-amz-date", "x-amz-security-token"].contains(name));
        let signable = SignableRequest::new(
            "POST",
            format!("https://localhost{}", request.path),
            given,
            SignableBody::Bytes(request.body.as_bytes()),
        );
        let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
        let (headers, _) = instructions.into_parts();
        let value = |name: &str| {
            let header = headers.iter().find(|header| header.name() == name);
            header.unwrap().value().to_owned()
        };
        (value("x-amz-date"), value("authorization"))
    }

    proptest! {
        #[test]
        fn a_signature_is_that_of_the_aws_sdk(
            key in "[A-Z0-9]{16,20}",
            secret in "[!-~]{1,60}",
            token in proptest::option::of("[!-~]{1,300}"),
            region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
            host in "[A-Za-z0-9.-]{1,30}(:[0-9]{1,5})?",
            path in "(/[A-Za-z0-9_~-]{1,9}){0,3}/",
            body in ".{0,200}",
            // Up to the year 9999.
            seconds in 0..253_000_000_000_u64,
            nanoseconds in 0..1_000_000_000_u32,
        ) {
            let time = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
            let moment = moment(time).unwrap();
            let mut headers = vec![
                (CONTENT_TYPE, "application/x-amz-json-1.1"),
                (HOST, host.as_str()),
                (HeaderName::from_static("x-amz-date"), moment.as_str()),
            ];
            if let Some(token) = &token {
                headers.push((HeaderName::from_static("x-amz-security-token"), token));
            }
            let request = ToSign { path: &path, headers: &headers, body: &body };
            let credentials = Credentials { key, secret, token: token.clone() };
            let ours = authorization(&request, &credentials, &region, "ssm", &moment);
            prop_assert_eq!((moment.clone(), ours), theirs(&request, &credentials, &region, time));
        }
    }

    #[test]
    fn a_clock_from_before_the_epoch_is_an_error() {
        assert!(moment(UNIX_EPOCH - Duration::from_secs(1)).is_err());
        assert!(moment(UNIX_EPOCH + Duration::from_secs(1 << 40)).is_err());
        assert_eq!(moment(UNIX_EPOCH).unwrap(), "19700101T000000Z");
    }
}
