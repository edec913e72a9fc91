//! Parses the answer to GetParameter, which the extension passes on unchanged.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>

use serde_json::Value;

use super::{BoxError, ParameterValue};

/// Parses any JSON; an error gives the line and column. Uses `serde_json::Value`, since a type per response would add
/// kilobytes to every binary.
pub(super) fn json(body: &[u8]) -> Result<Value, String> {
    let text = str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    serde_json::from_str(text)
        .map_err(|error| format!("line {}, column {}", error.line(), error.column()))
}

/// Returns the parameter's value and version. An error quotes nothing from the answer.
pub(super) fn read(body: &[u8]) -> Result<ParameterValue, BoxError> {
    let no = |why: &str| format!("the answer is not that of GetParameter ({why})");
    let mut answer = json(body).map_err(|error| no(&error))?;
    let parameter = answer.get_mut("Parameter").map(Value::take);
    let mut parameter = parameter.ok_or_else(|| no("it has no Parameter"))?;
    let Some(Value::String(value)) = parameter.get_mut("Value").map(Value::take) else {
        return Err(no("its Parameter has no text as Value").into());
    };
    // Without a valid version the value still counts.
    let version = parameter.get("Version").and_then(Value::as_u64);
    Ok(ParameterValue::from(value).with_version(version.filter(|version| *version > 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_version_are_taken_and_all_else_left() {
        let body = br#"{"Parameter":{"ARN":"a","Name":"/x","Type":"String","Value":"\u00fc\n","Version":12},"ResultMetadata":{}}"#;
        let expected = ParameterValue::from("\u{fc}\n").with_version(12);
        assert_eq!(read(body).unwrap(), expected);
        let body = br#"{"Parameter":{"Value":"on","Version":18446744073709551615}}"#;
        assert_eq!(read(body).unwrap().version(), Some(u64::MAX));
    }

    #[test]
    fn a_version_that_is_none_costs_no_value() {
        let off = ParameterValue::from("off");
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
            "18446744073709551616",
            r#""7""#,
            "[7]",
            r#"{"Value":"on"}"#,
        ] {
            let body = format!(r#"{{"Parameter":{{"Version":{version},"Value":"off"}}}}"#);
            assert_eq!(read(body.as_bytes()).unwrap(), off, "{version}");
        }
    }

    #[test]
    fn any_other_answer_is_an_error_that_quotes_nothing() {
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
            r#"{"Parameter":{"Value":["TOPSECRET"],"Version":7}}"#,
            r#"{"Parameter":"TOPSECRET"}"#,
            r#"["TOPSECRET"]"#,
            r#"{"Parameter":{"Value":"TOPSECRET","Version":1e999}}"#,
        ] {
            let error = read(body.as_bytes()).unwrap_err().to_string();
            assert!(!error.contains("TOPSECRET"), "{error}");
        }
        let error = read(b"{\"Parameter\":\n{\"Value\":\"\xff\"}}").unwrap_err();
        assert!(error.to_string().contains("UTF-8"), "{error}");
        let error = read(b"{\"Parameter\":\n?").unwrap_err();
        assert!(error.to_string().contains("line 2, column 1"), "{error}");
    }
}
