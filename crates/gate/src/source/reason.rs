//! Describes in one line, fit for a log, why a fetch failed.

use super::{BoxError, Throttled};

/// The most characters of AWS's own message.
const MAX_MESSAGE: usize = 500;

/// Describes an error with all its causes, each once.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Describes a refusal of AWS. Includes AWS's message only where it cannot hold a secret: the message about a wrong
/// signature quotes the signed headers, and with them the session token.
pub(super) fn refusal(status: Option<u16>, code: Option<&str>, message: Option<&str>) -> BoxError {
    let code = code.filter(|code| is_plain(code)).map_or_else(
        || match status {
            Some(status) => format!("HTTP {status}"),
            None => "unknown error".to_owned(),
        },
        str::to_owned,
    );
    let throttled = status == Some(429) || is_throttling(&code);
    let message = match code.as_str() {
        "AccessDeniedException" | "ThrottlingException" => message.unwrap_or_default(),
        _ => "",
    };
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    let mut reason = format!("{code} {message}").trim_end().to_owned();
    if message.contains("kms:Decrypt") || message.contains("ciphertext") {
        reason.push_str(" (the flag is a SecureString: its reader needs kms:Decrypt on its key)");
    }
    if throttled {
        Throttled::new(reason).into()
    } else {
        reason.into()
    }
}

/// Whether an error code means throttling, by the list of the AWS SDKs. Parameter Store uses the first.
/// <https://github.com/smithy-lang/smithy-rs/blob/main/aws/rust-runtime/aws-runtime/src/retries/classifiers.rs>
fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "SlowDown"
    )
}

/// Whether a text looks like an error code. Any other text stays out of logs.
fn is_plain(code: &str) -> bool {
    !code.is_empty() && code.len() <= 100 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str, message: &str) -> String {
        refusal(Some(400), Some(code), Some(message)).to_string()
    }

    #[test]
    fn a_refused_signature_is_named_and_never_quoted() {
        let quoted = "the canonical string is x-amz-security-token:TOPSECRET";
        assert_eq!(
            reason("InvalidSignatureException", quoted),
            "InvalidSignatureException"
        );
        assert_eq!(
            reason(
                "AccessDeniedException",
                "not authorized to perform: ssm:GetParameter"
            ),
            "AccessDeniedException not authorized to perform: ssm:GetParameter"
        );
    }

    #[test]
    fn text_that_is_no_error_code_is_not_repeated() {
        for code in ["", "a b", "token=TOPSECRET", "<html>", &"A".repeat(101)] {
            assert_eq!(reason(code, "TOPSECRET"), "HTTP 400");
        }
        assert_eq!(refusal(None, None, None).to_string(), "unknown error");
        let long = reason("AccessDeniedException", &"x".repeat(10_000));
        assert!(long.len() < 600);
    }

    #[test]
    fn throttling_has_its_type() {
        for (status, code, throttled) in [
            (400, Some("ThrottlingException"), true),
            (400, Some("TooManyRequestsException"), true),
            (429, None, true),
            (429, Some("Whatever"), true),
            (400, Some("AccessDeniedException"), false),
            (503, None, false),
        ] {
            let error = refusal(Some(status), code, Some("Rate exceeded"));
            assert_eq!(error.is::<Throttled>(), throttled, "{status} {code:?}");
        }
        assert_eq!(
            reason("ThrottlingException", "Rate exceeded"),
            "ThrottlingException Rate exceeded"
        );
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Outer(#[source] std::fmt::Error);
        let inner = std::fmt::Error.to_string();
        assert_eq!(chain(&Outer(std::fmt::Error)), format!("outer: {inner}"));
    }
}
