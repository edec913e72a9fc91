//! Parses the answer. Only AWS's own error code `ParameterNotFound` means *off*.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::source::reason::refusal;
use crate::source::{BoxError, ParameterValue, get_parameter};

/// Parses a value, or an error in AWS's JSON protocol.
/// <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization>
pub(super) fn read(answer: &Response<Bytes>) -> Result<Option<ParameterValue>, BoxError> {
    if answer.status() == StatusCode::OK {
        return get_parameter::read(answer.body()).map(Some);
    }
    let refused = get_parameter::json(answer.body()).unwrap_or_default();
    let text = |name: &str| refused.get(name).and_then(Value::as_str);
    let code = text("__type").map(strip_namespace);
    if answer.status() == StatusCode::BAD_REQUEST && code == Some("ParameterNotFound") {
        return Ok(None);
    }
    let message = text("message").or_else(|| text("Message"));
    Err(refusal(Some(answer.status().as_u16()), code, message))
}

/// Strips the optional namespace and `#` before the code, and `:` and a URL after it.
fn strip_namespace(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Result<Option<ParameterValue>, String> {
        let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        read(&answer).map_err(|error| error.to_string())
    }

    #[test]
    fn only_awss_own_error_code_means_that_there_is_no_parameter() {
        for body in [
            r#"{"__type":"ParameterNotFound"}"#,
            r#"{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"no"}"#,
            r#"{"__type":"ParameterNotFound:http://internal.amazon.com/coral/"}"#,
        ] {
            assert_eq!(answer(400, body), Ok(None), "{body}");
            for status in [200, 403, 404, 500] {
                assert!(answer(status, body).is_err(), "{status} {body}");
            }
        }
        for (status, body, said) in [
            (
                400,
                r#"{"__type":"ParameterVersionNotFound"}"#,
                "ParameterVersionNotFound",
            ),
            (400, r#"{"code":"ParameterNotFound"}"#, "HTTP 400"),
            (400, "ParameterNotFound", "HTTP 400"),
            (404, "", "HTTP 404"),
            (301, "<html>", "HTTP 301"),
            (204, "", "HTTP 204"),
            (503, "<html>busy</html>", "HTTP 503"),
        ] {
            assert_eq!(answer(status, body), Err(said.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_message_is_found_under_both_its_names() {
        for body in [
            r#"{"__type":"AccessDeniedException","message":"no ssm:GetParameter"}"#,
            r#"{"__type":"AccessDeniedException","Message":"no ssm:GetParameter"}"#,
        ] {
            let said = "AccessDeniedException no ssm:GetParameter".to_owned();
            assert_eq!(answer(400, body), Err(said));
        }
    }
}
