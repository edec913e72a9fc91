//! The answer to GetParameter, as Parameter Store gives it and the extension passes it on.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>

use serde::Deserialize;

use super::BoxError;

#[derive(Deserialize)]
struct Output {
    #[serde(rename = "Parameter")]
    parameter: Parameter,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(rename = "Value")]
    value: String,
}

/// The parameter's value. An error repeats nothing of the answer.
pub(super) fn value(body: &[u8]) -> Result<String, BoxError> {
    match serde_json::from_slice::<Output>(body) {
        Ok(output) => Ok(output.parameter.value),
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
    fn the_value_is_taken_and_all_else_left() {
        let body = br#"{"Parameter":{"ARN":"a","Name":"/x","Type":"String","Value":"\u00fc\n"},"ResultMetadata":{}}"#;
        assert_eq!(value(body).unwrap(), "\u{fc}\n");
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
            r#"{"Parameter":{"Value":null}}"#,
            r#"{"Parameter":{"Value":7}}"#,
            r#"{"Parameter":{"Value":"TOPSECRET"}"#,
        ] {
            let error = value(body.as_bytes()).unwrap_err().to_string();
            assert!(!error.contains("TOPSECRET"), "{error}");
        }
    }
}
