//! Finds the credentials: the keys in the environment, as in every Lambda function, or those of the container
//! endpoint that the environment names, as under SnapStart and on ECS and EKS.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::fs;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::Full;
use serde_json::Value;

use super::connector::Connector;
use crate::source::BoxError;
use crate::source::environment::Variables;
use crate::source::get_parameter::json;
use crate::source::http::{HttpClient, round_trip};

/// How long before they expire credentials are fetched again.
const EARLY: Duration = Duration::from_secs(60);

/// Where credentials come from.
pub(super) enum CredentialsSource {
    Environment(Credentials),
    /// The endpoint of a container or a restored snapshot: the request to send.
    Container(Request<Full<Bytes>>),
}

impl CredentialsSource {
    pub(super) fn read(variables: &Variables) -> Result<Self, BoxError> {
        const NAMES: [&str; 3] = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ];
        if variables.get("AWS_ACCESS_KEY_ID").is_none()
            && let Some(request) = container_request(variables)?
        {
            return Ok(Self::Container(request));
        }
        let missing = "is not set, and there are no other credentials for the feature `ssm` of maintenance-gate: use `ssm-sdk` for profiles and EC2";
        let credentials = credentials(NAMES, |name| variables.get(name), missing, None)?;
        Ok(Self::Environment(credentials))
    }
}

/// Builds credentials from an access key, a secret and maybe a session token under these names. Rejects invalid
/// characters, such as a line break, which would fail later in a way that is hard to understand.
fn credentials(
    [key, secret, token]: [&str; 3],
    get: impl Fn(&str) -> Option<String>,
    missing: &str,
    expires: Option<SystemTime>,
) -> Result<Credentials, BoxError> {
    let optional = |name: &str| match get(name) {
        Some(value) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => Err(format!(
            "{name} holds a space or another character that cannot be in it"
        )),
        value => Ok(value),
    };
    let required = |name| optional(name)?.ok_or_else(|| format!("{name} {missing}"));
    let (key, secret, token) = (required(key)?, required(secret)?, optional(token)?);
    Ok(Credentials::new(
        key,
        secret,
        token,
        expires,
        "maintenance-gate",
    ))
}

/// Whether credentials are valid for at least another minute.
pub(super) fn are_valid(credentials: &Credentials, now: SystemTime) -> bool {
    credentials
        .expiry()
        .is_none_or(|end| end.duration_since(now).is_ok_and(|left| left > EARLY))
}

/// Fetches credentials from the endpoint.
pub(super) async fn fetch(
    client: &HttpClient<Connector>,
    request: Request<Full<Bytes>>,
) -> Result<Credentials, BoxError> {
    let answer = round_trip(client, request).await?;
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(format!("HTTP {} from the credentials endpoint", status.as_u16()).into());
    }
    let unusable = "the credentials endpoint did not answer with credentials";
    let answer = json(answer.body()).map_err(|_| unusable)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let expires = text("Expiration").map(|end| {
        let end = DateTime::from_str(&end, Format::DateTime).map_err(|_| unusable)?;
        SystemTime::try_from(end).map_err(|_| unusable)
    });
    let names = ["AccessKeyId", "SecretAccessKey", "Token"];
    let missing = "is missing in the answer of the credentials endpoint";
    credentials(names, text, missing, expires.transpose()?)
}

/// Builds the request to the endpoint, if the environment names one.
fn container_request(variables: &Variables) -> Result<Option<Request<Full<Bytes>>>, BoxError> {
    const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let (name, uri) = match (variables.get(RELATIVE), variables.get(FULL)) {
        (Some(path), _) => (RELATIVE, format!("http://169.254.170.2{path}")),
        (None, Some(uri)) => (FULL, uri),
        (None, None) => return Ok(None),
    };
    let uri: Uri = uri.parse().ok().filter(is_allowed).ok_or_else(|| {
        format!("{name} names no credentials endpoint: https, or http on this host, ECS or EKS")
    })?;
    let mut request = Request::get(uri).body(Full::default())?;
    if let Some(authorization) = authorization(variables)? {
        request.headers_mut().insert(AUTHORIZATION, authorization);
    }
    Ok(Some(request))
}

/// Whether the endpoint may be called without TLS: only where no other host can listen, which is this host and the
/// addresses of ECS and EKS.
fn is_allowed(uri: &Uri) -> bool {
    let Some(host) = uri.host() else {
        return false;
    };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.eq_ignore_ascii_case("localhost")
                || ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(&host)
                || host
                    .parse()
                    .is_ok_and(|address: IpAddr| address.is_loopback())
        }
        _ => false,
    }
}

/// Returns the authorization header for the endpoint.
fn authorization(variables: &Variables) -> Result<Option<HeaderValue>, BoxError> {
    const FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    let (name, token) = match (variables.get(FILE), variables.get(TOKEN)) {
        (Some(path), _) => {
            let token = fs::read_to_string(&path);
            (
                FILE,
                token.map_err(|error| format!("{FILE} {path}: {error}"))?,
            )
        }
        (None, Some(token)) => (TOKEN, token),
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(token.trim_end())
        .map_err(|_| format!("{name} holds a character that cannot be in it"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_this_host_or_that_of_ecs_and_eks_or_has_tls() {
        for (uri, allowed) in [
            ("http://127.0.0.1:9001/2023-07/credentials", true),
            ("http://localhost/", true),
            ("http://[::1]:80/x", true),
            ("http://169.254.170.2/v2/credentials/x", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("https://credentials.example/x", true),
            ("http://169.254.169.254/", false),
            ("http://credentials.example/", false),
            ("http://127.0.0.1.evil.example/", false),
            ("ftp://127.0.0.1/", false),
        ] {
            assert_eq!(is_allowed(&uri.parse().unwrap()), allowed, "{uri}");
        }
    }

    fn asked(all: &[(&'static str, &str)]) -> Result<(String, Option<String>), String> {
        let all: Vec<_> = all
            .iter()
            .map(|(name, it)| (*name, (*it).to_owned()))
            .collect();
        let variables = Variables::new(move |name| {
            let found = all.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.clone())
        });
        let request = match CredentialsSource::read(&variables) {
            Ok(CredentialsSource::Container(request)) => request,
            Ok(CredentialsSource::Environment(_)) => return Err("keys".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        let authorization = request.headers().get(AUTHORIZATION);
        let authorization = authorization.map(|it| it.to_str().unwrap().to_owned());
        Ok((request.uri().to_string(), authorization))
    }

    const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

    #[test]
    fn on_ecs_the_variable_is_a_path_at_the_one_address_of_ecs() {
        let ecs = "http://169.254.170.2/v2/credentials/x";
        let path = (RELATIVE, "/v2/credentials/x");
        assert_eq!(asked(&[path]), Ok((ecs.to_owned(), None)));
        let other = (FULL, "http://127.0.0.1/other");
        assert_eq!(asked(&[other, path]), Ok((ecs.to_owned(), None)));
        let keys = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
        assert_eq!(asked(&[path, keys[0], keys[1]]), Err("keys".to_owned()));
        for bad in [
            "@evil.example/",
            ".evil.example/",
            ":80@evil.example/",
            "0/",
            "/a b",
        ] {
            assert!(
                asked(&[(RELATIVE, bad)]).unwrap_err().contains(RELATIVE),
                "{bad}"
            );
        }
    }

    #[test]
    fn on_eks_the_authorization_is_read_from_its_file_each_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let uri = "http://169.254.170.23/v1/credentials";
        let with = |path| {
            asked(&[
                (FULL, uri),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this one"),
            ])
        };
        for token in ["the first", "the next"] {
            fs::write(&file, format!("{token}\n")).unwrap();
            assert_eq!(with(path), Ok((uri.to_owned(), Some(token.to_owned()))));
        }
        fs::write(&file, "TOP\nSECRET").unwrap();
        for path in [path, "/does/not/exist"] {
            let error = with(path).unwrap_err();
            assert!(
                error.contains("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
                "{error}"
            );
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn credentials_are_read_again_a_minute_before_their_end() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let of = |expires| Credentials::new("k", "s", None, expires, "test");
        assert!(are_valid(&of(None), now));
        assert!(are_valid(&of(Some(now + Duration::from_secs(61))), now));
        assert!(!are_valid(&of(Some(now + Duration::from_secs(60))), now));
        assert!(!are_valid(&of(Some(now - Duration::from_secs(1))), now));
    }
}
