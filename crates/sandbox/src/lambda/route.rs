//! From method and path to the operation's name, as the API model lays the paths out.

use bytes::Bytes;
use serde_json::Value;

/// The operation, and what follows its resource in the path.
pub(crate) fn route(
    method: &str,
    segments: &[String],
    query: &[(String, String)],
) -> Option<(&'static str, Vec<String>)> {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (date, resource, rest) = match parts.as_slice() {
        [date, resource, rest @ ..] => (*date, *resource, rest),
        _ => return None,
    };
    let name = match (date, resource) {
        ("2015-03-31", "functions") => function(method, rest)?,
        ("2015-03-31", "event-source-mappings") => mapping(method, rest)?,
        ("2017-10-31", "functions") => match (method, rest) {
            ("PUT", [_, "concurrency"]) => "PutFunctionConcurrency",
            ("DELETE", [_, "concurrency"]) => "DeleteFunctionConcurrency",
            _ => return None,
        },
        ("2019-09-30", "functions") => match (method, rest) {
            ("GET", [_, "concurrency"]) => "GetFunctionConcurrency",
            ("GET", [_, "provisioned-concurrency"]) if has(query, "List", "ALL") => {
                "ListProvisionedConcurrencyConfigs"
            }
            ("GET", [_, "provisioned-concurrency"]) => "GetProvisionedConcurrencyConfig",
            ("PUT", [_, "provisioned-concurrency"]) => "PutProvisionedConcurrencyConfig",
            ("DELETE", [_, "provisioned-concurrency"]) => "DeleteProvisionedConcurrencyConfig",
            _ => return None,
        },
        ("2019-09-25", "functions") => match (method, rest) {
            ("GET", [_, "event-invoke-config", "list"]) => "ListFunctionEventInvokeConfigs",
            _ => return None,
        },
        ("2016-08-19", "account-settings") if method == "GET" && rest.is_empty() => {
            "GetAccountSettings"
        }
        _ => return None,
    };
    Some((name, rest.iter().map(|&part| part.to_owned()).collect()))
}

fn function(method: &str, rest: &[&str]) -> Option<&'static str> {
    Some(match (method, rest) {
        ("GET", []) => "ListFunctions",
        ("GET", [_]) => "GetFunction",
        ("GET", [_, "versions"]) => "ListVersionsByFunction",
        ("GET", [_, "aliases"]) => "ListAliases",
        ("GET", [_, "policy"]) => "GetPolicy",
        ("POST", [_, "invocations"]) => "Invoke",
        _ => return None,
    })
}

fn mapping(method: &str, rest: &[&str]) -> Option<&'static str> {
    Some(match (method, rest) {
        ("GET", []) => "ListEventSourceMappings",
        ("GET", [_]) => "GetEventSourceMapping",
        ("PUT", [_]) => "UpdateEventSourceMapping",
        _ => return None,
    })
}

fn has(query: &[(String, String)], name: &str, value: &str) -> bool {
    query.iter().any(|(key, it)| key == name && it == value)
}

/// What a call is about, for the log: the function's bare name, a mapping's UUID, an ARN.
pub(crate) fn target(path: &[String], body: &Bytes) -> Option<String> {
    let text = match path.first() {
        Some(text) => text.clone(),
        None => {
            let body: Value = serde_json::from_slice(body).ok()?;
            body.get("FunctionName")?.as_str()?.to_owned()
        }
    };
    let after = match text.split_once("function:") {
        Some((_, after)) => after,
        None if text.starts_with("arn:") => return Some(text),
        None => text.as_str(),
    };
    after.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_logged_under_the_bare_name() {
        let of = |text: &str| target(&[text.to_owned()], &Bytes::new());
        for text in [
            "task",
            "task:live",
            "1:function:task",
            "arn:aws:lambda:r:1:function:task:3",
        ] {
            assert_eq!(of(text).as_deref(), Some("task"), "{text}");
        }
        let body = Bytes::from_static(br#"{"FunctionName": "task"}"#);
        assert_eq!(target(&[], &body).as_deref(), Some("task"));
    }
}
