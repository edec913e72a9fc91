//! The answer of an address.
//!
//! Any status but those that are expected is unknown: a proxy's 502 says nothing about what is behind it.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use maintenance_control::in_full;
use maintenance_flag::Verdict;
use serde_json::Value;
use url::Url;

use super::CheckResult;
use crate::observers::Expected;
use crate::outbound::{Outbound, Request};

/// An address.
#[derive(Clone)]
pub struct Http {
    /// By which it is asked.
    pub client: Outbound,
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// What is sent with it.
    pub headers: HeaderMap,
    /// Whether it may be on this machine's own network link, where the metadata service is.
    pub allow_link_local: bool,
    /// Statuses that mean maintenance.
    pub status: Vec<u16>,
    /// What the body, or the value in it, means. None: a status of 2xx means normal.
    pub expected: Option<Expected>,
    /// Where in the body that value is.
    pub json_path: Option<JsonPath>,
    /// How long the whole may take.
    pub within: Duration,
}

/// A JSONPath [RFC 9535].
#[derive(Debug, Clone)]
pub struct JsonPath {
    text: String,
    query: JpQuery,
}

impl std::str::FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let query = parse_json_path(text).map_err(|error| {
            let said = error.to_string();
            // Its picture of the text takes many lines.
            let why = said.lines().last().unwrap_or_default();
            let why = why.trim().trim_start_matches("= ").to_owned();
            format!("it is not a JSONPath [RFC 9535]: {why}")
        })?;
        Ok(Self {
            text: text.to_owned(),
            query,
        })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

impl Http {
    pub(super) async fn check(&self) -> CheckResult {
        let request = Request {
            headers: self.headers.clone(),
            allow_link_local: self.allow_link_local,
            reads_body: self.expected.is_some(),
            ..Request::new(self.method.clone(), self.url.clone())
        };
        match self.client.send(request, self.within).await {
            Ok(answer) => self.judge(answer.status, &answer.body),
            Err(error) => CheckResult::unknown(in_full(&error)),
        }
    }

    fn judge(&self, status: StatusCode, body: &[u8]) -> CheckResult {
        let shown = status.to_string();
        if self.status.contains(&status.as_u16()) {
            return CheckResult::of(Verdict::Maintenance, shown);
        }
        if !status.is_success() {
            return CheckResult::unknown(format!("the status is {shown}")).seeing(shown);
        }
        let Some(expected) = &self.expected else {
            return CheckResult::of(Verdict::Normal, shown);
        };
        let Ok(body) = std::str::from_utf8(body) else {
            return CheckResult::unknown("the body is not UTF-8");
        };
        let Some(path) = &self.json_path else {
            return expected.judge(body);
        };
        match path.find(body) {
            Ok(value) => expected.judge(&value),
            Err(why) => CheckResult::unknown(why),
        }
    }
}

impl JsonPath {
    /// The one text, number or boolean that it selects.
    fn find(&self, body: &str) -> Result<String, String> {
        let Self { text, query } = self;
        let document: Value =
            serde_json::from_str(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        let found = js_path_process(query, &document);
        let found = found.map_err(|error| format!("{text} cannot be looked for: {error}"))?;
        let mut found = found.into_iter().map(|it| it.val());
        let (Some(value), None) = (found.next(), found.next()) else {
            return Err(format!("{text} does not select exactly one value"));
        };
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            Value::Null => Err(format!("{text} is null")),
            Value::Array(_) | Value::Object(_) => {
                Err(format!("{text} is neither a text, a number nor a boolean"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_path_selects_one_value_or_nothing_is_known() {
        let body = r#"{"state": "Maintenance", "n": 1.5, "on": true, "none": null, "of": {"x": ["a", "b"]},
            "parts": [{"name": "db", "up": false}, {"name": "web", "up": true}]}"#;
        let find = |path: &str| path.parse::<JsonPath>().unwrap().find(body);
        for (path, value) in [
            ("$.state", "Maintenance"),
            ("$['state']", "Maintenance"),
            ("$.n", "1.5"),
            ("$.on", "true"),
            ("$.of.x[-1]", "b"),
            ("$.parts[?@.name == 'db'].up", "false"),
            ("$.parts[?match(@.name, 'd.')].up", "false"),
        ] {
            assert_eq!(find(path).as_deref(), Ok(value), "{path}");
        }
        for path in ["$.missing", "$.none", "$.of", "$.of.x", "$.parts[*].up"] {
            assert!(find(path).unwrap_err().starts_with(path), "{path}");
        }
        let find = |body: &str| "$.state".parse::<JsonPath>().unwrap().find(body);
        assert!(find("<html>").unwrap_err().contains("not JSON"));
        assert!(find("").is_err());
        for bad in ["state", "", "$.", "$["] {
            let refused = bad.parse::<JsonPath>().unwrap_err();
            assert!(
                refused.starts_with("it is not a JSONPath") && refused.lines().count() == 1,
                "{bad}: {refused}"
            );
        }
    }
}
