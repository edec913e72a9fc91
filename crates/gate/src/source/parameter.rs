//! The answer to GetParameter, as Parameter Store gives it and the extension passes it on.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>

use std::num::NonZeroU64;

use serde::Deserialize;

use super::{BoxError, Reading};

#[derive(Deserialize)]
struct Output<T> {
    #[serde(rename = "Parameter")]
    parameter: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: String,
    version: NonZeroU64,
}

/// A parameter without a version, or with one that is none: all else in it is as good as ever.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Unnumbered {
    value: String,
}

/// The parameter's value and version. An error repeats nothing of the answer.
pub(super) fn read(body: &[u8]) -> Result<Reading, BoxError> {
    if let Ok(Output { parameter }) = serde_json::from_slice::<Output<Parameter>>(body) {
        return Ok(Reading::from(parameter.value).with_version(parameter.version.get()));
    }
    match serde_json::from_slice::<Output<Unnumbered>>(body) {
        Ok(output) => Ok(output.parameter.value.into()),
        Err(error) => Err(format!(
            "the answer is not that of GetParameter (line {}, column {})",
            error.line(),
            error.column()
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_version_are_taken_and_all_else_left() {
        let body = br#"{"Parameter":{"ARN":"a","Name":"/x","Type":"String","Value":"\u00fc\n","Version":12},"ResultMetadata":{}}"#;
        let expected = Reading::from("\u{fc}\n").with_version(12);
        assert_eq!(read(body).unwrap(), expected);
        let body = br#"{"Parameter":{"Value":"on","Version":18446744073709551615}}"#;
        assert_eq!(read(body).unwrap().version(), Some(u64::MAX));
    }

    #[test]
    fn a_version_that_is_none_costs_no_value() {
        let off = Reading::from("off");
        assert_eq!(
            read(br#"{"Parameter":{"Value":"off"}}"#).unwrap(),
            off,
            "absent"
        );
        for version in [
            "null",
            "0",
            "-1",
            "1.5",
            "1e999",
            "18446744073709551616",
            r#""7""#,
            "[7]",
            r#"{"Value":"on"}"#,
            r#"7,"Version":8"#,
        ] {
            let body = format!(r#"{{"Parameter":{{"Version":{version},"Value":"off"}}}}"#);
            assert_eq!(read(body.as_bytes()).unwrap(), off, "{version}");
        }
    }

    #[test]
    fn whatever_else_is_an_error_that_quotes_nothing() {
        for body in [
            "",
            "off",
            "null",
            "{}",
            r#"{"Parameter":null}"#,
            r#"{"Parameter":{}}"#,
            r#"{"Parameter":{"Version":7}}"#,
            r#"{"Parameter":{"Value":null,"Version":7}}"#,
            r#"{"Parameter":{"Value":7,"Version":7}}"#,
            r#"{"Parameter":{"Value":"TOPSECRET","Version":7}"#,
        ] {
            let error = read(body.as_bytes()).unwrap_err().to_string();
            assert!(!error.contains("TOPSECRET"), "{error}");
        }
    }
}
