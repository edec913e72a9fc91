//! Every error of the API, as RFC 9457 has it: `application/problem+json`, with a stable `code`.

use std::error::Error;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// The largest body of a request, bytes. A larger one is the problem `too_large`.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// After how many seconds to try again what AWS did not answer.
const AWS_AGAIN: u32 = 5;

/// What went wrong, for programs. A code never changes its meaning; new ones may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// 400: the request is malformed: its body, its mode, a parameter.
    BadRequest,
    /// 401: no token, or one that is not valid.
    Unauthorized,
    /// 403: the token lacks a permission, or the request comes from another origin.
    Forbidden,
    /// 404: there is no such thing, or not in this environment.
    NotFound,
    /// 405: the path does not take this method.
    MethodNotAllowed,
    /// 409: another owner holds the window.
    Owner,
    /// 409: some apps or functions are not where they should be. The same request goes on.
    Partial,
    /// 409: events would be lost, and that was not accepted.
    EventsLost,
    /// 409: the window would be open at the same time as another.
    Overlap,
    /// 409: the window has begun, and can be ended, but not moved or cancelled.
    Begun,
    /// 413: the body is larger than the server takes.
    TooLarge,
    /// 415: the body has another media type than the path takes.
    UnsupportedMediaType,
    /// 422: the request is well-formed and cannot be carried out as it is.
    Unprocessable,
    /// 423: another operation holds the lease.
    Busy,
    /// 429: too many requests that failed.
    TooManyRequests,
    /// 500: an error of the server.
    Internal,
    /// 503: Parameter Store or Lambda is out of reach or refuses.
    Aws,
    /// 504: the answer took too long.
    Timeout,
}

impl Code {
    /// As it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Owner => "owner",
            Self::Partial => "partial",
            Self::EventsLost => "events_lost",
            Self::Overlap => "overlap",
            Self::Begun => "begun",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Unprocessable => "unprocessable",
            Self::Busy => "busy",
            Self::TooManyRequests => "too_many_requests",
            Self::Internal => "internal",
            Self::Aws => "aws",
            Self::Timeout => "timeout",
        }
    }

    /// The HTTP status that it is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Owner | Self::Partial | Self::EventsLost | Self::Overlap | Self::Begun => {
                StatusCode::CONFLICT
            }
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::LOCKED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Aws => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// An error as the API answers it. Nothing secret may stand in its detail or its members.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What went wrong, for programs.
    pub code: Code,
    /// What happened and what to do next, for people.
    pub detail: String,
    /// What else belongs to it: who holds the window, which functions.
    pub members: Map<String, Value>,
    /// After how many seconds to try again: the header `Retry-After`.
    pub retry_after: Option<u32>,
}

/// What a [`Problem`] looks like.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`: `code` says which problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words: `Conflict`.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened and what to do next, for people.
    detail: String,
    /// What went wrong, for programs.
    code: Code,
    /// What else belongs to it: who holds the window, which functions.
    #[serde(flatten)]
    members: Map<String, Value>,
}

impl Problem {
    /// A problem with this code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            members: Map::new(),
            retry_after: (code == Code::Aws).then_some(AWS_AGAIN),
        }
    }

    /// The same with one more member. The members of RFC 9457 and `code` cannot be replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if !matches!(
            name,
            "type" | "title" | "status" | "detail" | "instance" | "code"
        ) {
            self.members.insert(name.to_owned(), value.into());
        }
        self
    }

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What is sent.
    #[must_use]
    pub fn body(self) -> ProblemBody {
        let status = self.code.status();
        ProblemBody {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.detail,
            code: self.code,
            members: self.members,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let (code, retry_after) = (self.code, self.retry_after);
        let mut response = (status, Json(self.body())).into_response();
        // For those who count.
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if code == Code::Unauthorized {
            // RFC 6750, section 3.
            let challenge = HeaderValue::from_static("Bearer realm=\"maintenance\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// What axum refuses before a handler sees it, by its status: `what` it could not take, and why. A body that axum
/// takes for well-formed but of the wrong shape is a bad request, as any other.
fn rejected(status: StatusCode, what: &str, rejection: &dyn Error) -> Problem {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("{what} is larger than {} KiB", MAX_BODY / 1024);
            return Problem::new(Code::TooLarge, detail);
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        status if status.is_server_error() => Code::Internal,
        _ => Code::BadRequest,
    };
    // Its own words speak of types of this program.
    let why = rejection.source().unwrap_or(rejection);
    Problem::new(code, format!("{what}: {why}"))
}

macro_rules! from_rejection {
    ($($rejection:ty: $what:literal),*) => {$(
        impl From<$rejection> for Problem {
            fn from(rejection: $rejection) -> Self {
                rejected(rejection.status(), $what, &rejection)
            }
        }
    )*};
}

from_rejection!(PathRejection: "the path", QueryRejection: "the query");

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let what = match rejection {
            JsonRejection::JsonSyntaxError(_) => "the body is not JSON",
            _ => "the body",
        };
        rejected(rejection.status(), what, &rejection)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    async fn answered(problem: Problem) -> (http::response::Parts, Value) {
        let (parts, body) = problem.into_response().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn is_answered_as_rfc_9457_has_it_with_its_members() {
        let problem = Problem::new(Code::Owner, "ana holds the window")
            .with("owner", json!({"kind": "manual", "name": "ana"}))
            .with("status", 200);
        let (parts, body) = answered(problem).await;
        assert_eq!(parts.status, 409);
        assert_eq!(parts.headers["content-type"], "application/problem+json");
        assert!(!parts.headers.contains_key("www-authenticate"));
        assert_eq!(
            body,
            json!({
                "type": "about:blank",
                "title": "Conflict",
                "status": 409,
                "detail": "ana holds the window",
                "code": "owner",
                "owner": {"kind": "manual", "name": "ana"},
            })
        );
    }

    #[tokio::test]
    async fn says_how_to_authenticate_and_when_to_try_again() {
        let (parts, body) = answered(Problem::new(Code::Unauthorized, "no token")).await;
        assert_eq!(parts.status, 401);
        assert_eq!(
            parts.headers["www-authenticate"],
            "Bearer realm=\"maintenance\""
        );
        assert_eq!(body["code"], "unauthorized");

        let (parts, body) = answered(Problem::new(Code::Busy, "busy").retry_after(10)).await;
        assert_eq!(parts.status, 423);
        assert_eq!(parts.headers["retry-after"], "10");
        assert_eq!(body["code"], "busy");
    }
}
