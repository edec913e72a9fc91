//! Who may invoke a function according to a resource policy, and whether they wait for the answer.
//!
//! Pure, and it does not evaluate access: a statement is taken as the sign of a trigger, which is what the
//! consoles and deploy tools write it for. Its conditions are only looked at to tell who is meant.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Services that wait for the answer [Lambda Developer Guide, "Invoking Lambda with events from other
/// AWS services"]. Any other is taken to send asynchronous events: to warn of a loss that does not
/// happen is better than to keep silent about one that does.
const WAITING: [&str; 16] = [
    "alexa-appkit",
    "alexa-connectedhome",
    "apigateway",
    "batchoperations",
    "bedrock",
    "cloudfront",
    "cognito-idp",
    "cognito-sync",
    "connect",
    "edgelambda",
    "elasticloadbalancing",
    "firehose",
    "lex",
    "lexv2",
    "states",
    "vpc-lattice",
];

/// Conditions that only the caller of a function URL meets.
const URL_CONDITIONS: [&str; 2] = ["lambda:functionurlauthtype", "lambda:invokedviafunctionurl"];

/// The condition that names what the service acts for.
const SOURCE_CONDITIONS: [&str; 1] = ["aws:sourcearn"];

/// What a statement allows to invoke a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grant {
    /// The service's principal, or `function URL`.
    pub(super) from: String,
    /// The ARN it acts for.
    pub(super) source: Option<String>,
    /// Whether the service waits for the answer.
    pub(super) waits: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    #[serde(default)]
    statement: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: String,
    #[serde(default)]
    principal: Value,
    #[serde(default)]
    action: Value,
    #[serde(default)]
    condition: Map<String, Value>,
}

/// The triggers of a policy, each once. What an account or a role may do is not among them: whether
/// that is ever used, and how, cannot be seen.
///
/// # Errors
/// If it is no policy.
pub(super) fn triggers(document: &str) -> Result<Vec<Grant>, serde_json::Error> {
    let policy: Policy = serde_json::from_str(document)?;
    let mut found = Vec::new();
    for statement in values(policy.statement) {
        let statement: Statement = serde_json::from_value(statement)?;
        found.extend(statement.triggers());
    }
    found.sort();
    found.dedup();
    Ok(found)
}

impl Statement {
    fn triggers(self) -> Vec<Grant> {
        let actions = texts(self.action);
        let allows = |wanted: &str| actions.iter().any(|action| covers(action, wanted));
        if self.effect != "Allow" || !(allows("invokefunction") || allows("invokefunctionurl")) {
            return Vec::new();
        }
        let conditions: Vec<(String, Value)> = self
            .condition
            .into_iter()
            .filter_map(|(_, operands)| match operands {
                Value::Object(operands) => Some(operands),
                _ => None,
            })
            .flatten()
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .collect();
        let by_url = conditions
            .iter()
            .any(|(key, _)| URL_CONDITIONS.contains(&key.as_str()));
        if by_url || !allows("invokefunction") {
            return vec![Grant {
                from: "function URL".to_owned(),
                source: None,
                waits: true,
            }];
        }
        let mut sources: Vec<Option<String>> = conditions
            .into_iter()
            .filter(|(key, _)| SOURCE_CONDITIONS.contains(&key.as_str()))
            .flat_map(|(_, value)| texts(value))
            .map(Some)
            .collect();
        if sources.is_empty() {
            sources.push(None);
        }
        let mut found = Vec::new();
        for source in sources {
            let services = services(&self.principal, source.as_deref());
            found.extend(services.into_iter().map(|from| Grant {
                waits: waits(&from),
                source: source.clone(),
                from,
            }));
        }
        found
    }
}

/// The services among the principals. A wildcard principal that acts for a resource is the service of that
/// resource.
fn services(principal: &Value, source: Option<&str>) -> Vec<String> {
    let is_wildcard = match principal {
        Value::String(text) => text == "*",
        Value::Object(kinds) => kinds
            .get("AWS")
            .is_some_and(|who| texts(who.clone()).iter().any(|text| text == "*")),
        _ => false,
    };
    let mut services = principal
        .get("Service")
        .map_or_else(Vec::new, |services| texts(services.clone()));
    if let (true, Some(source)) = (is_wildcard, source)
        && let Some(service) = source.split(':').nth(2).filter(|it| !it.is_empty())
    {
        // REST and HTTP APIs sign their ARNs so.
        let service = match service {
            "execute-api" => "apigateway",
            service => service,
        };
        services.push(format!("{service}.amazonaws.com"));
    }
    services
}

/// Whether a service waits for the answer. Its principal may name a region or a part of it besides:
/// `logs.us-east-1.amazonaws.com`.
fn waits(principal: &str) -> bool {
    principal
        .split('.')
        .any(|label| WAITING.contains(&label.to_ascii_lowercase().as_str()))
}

/// Whether an action of a policy, which may end in a wildcard, covers `lambda:<wanted>`.
fn covers(action: &str, wanted: &str) -> bool {
    let action = action.to_ascii_lowercase();
    if action == "*" {
        return true;
    }
    let Some(name) = action.strip_prefix("lambda:") else {
        return false;
    };
    match name.split_once('*') {
        None => name == wanted,
        Some((before, _)) => wanted.starts_with(before),
    }
}

/// One or many, as policies write them.
fn values(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn texts(value: Value) -> Vec<String> {
    values(value)
        .into_iter()
        .filter_map(|value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(statement: Value) -> Vec<(String, bool)> {
        let document = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
        let found = triggers(&document).unwrap().into_iter();
        found.map(|it| (it.from, it.waits)).collect()
    }

    fn service(principal: &str) -> Value {
        json!([{
            "Sid": "1",
            "Effect": "Allow",
            "Principal": { "Service": principal },
            "Action": "lambda:InvokeFunction",
            "Resource": "arn:aws:lambda:us-east-1:1:function:f",
        }])
    }

    #[test]
    fn services_that_wait_are_told_from_those_that_do_not() {
        for name in [
            "events.amazonaws.com",
            "s3.amazonaws.com",
            "sns.amazonaws.com",
            "iot.amazonaws.com",
            "ses.amazonaws.com",
            "logs.amazonaws.com",
            "logs.us-east-1.amazonaws.com",
            "config.amazonaws.com",
            "codecommit.amazonaws.com",
            "cloudformation.amazonaws.com",
            "a-service-of-2030.amazonaws.com",
            // China's partition has a domain of its own for some services.
            "config.amazonaws.com.cn",
            "events.cn-north-1.amazonaws.com.cn",
        ] {
            assert_eq!(read(service(name)), [(name.to_owned(), false)]);
        }
        for name in [
            "apigateway.amazonaws.com",
            "elasticloadbalancing.amazonaws.com",
            "cognito-idp.amazonaws.com",
            "lexv2.amazonaws.com",
            "alexa-appkit.amazon.com",
            "alexa-connectedhome.amazon.com",
            "apigateway.amazonaws.com.cn",
            "elasticloadbalancing.cn-north-1.amazonaws.com.cn",
        ] {
            assert_eq!(read(service(name)), [(name.to_owned(), true)]);
        }
    }

    #[test]
    fn a_function_url_is_known_by_its_action_or_condition() {
        let url = [("function URL".to_owned(), true)];
        let by_action = json!([{
            "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
            "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "NONE" } },
        }]);
        assert_eq!(read(by_action), url);
        let by_condition = json!([{
            "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "lambda:InvokeFunction",
            "Condition": { "Bool": { "lambda:InvokedViaFunctionUrl": "true" } },
        }]);
        assert_eq!(read(by_condition), url);
    }

    #[test]
    fn what_invokes_nothing_is_no_trigger() {
        for statement in [
            json!([]),
            json!(null),
            json!([{ "Effect": "Deny", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "lambda:InvokeFunction" }]),
            json!([{ "Effect": "Allow", "Principal": { "Service": "replicator.lambda.amazonaws.com" }, "Action": "lambda:GetFunction" }]),
            json!([{ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::2:root" }, "Action": "lambda:InvokeFunction" }]),
        ] {
            assert_eq!(read(statement.clone()), [], "{statement}");
        }
        assert!(triggers("no policy").is_err());
        assert_eq!(triggers("{}").unwrap(), []);
    }

    #[test]
    fn lists_wildcards_and_single_statements_are_read() {
        let single = json!({
            "Effect": "Allow",
            "Principal": { "Service": ["sns.amazonaws.com", "apigateway.amazonaws.com"] },
            "Action": ["lambda:GetFunction", "lambda:Invoke*"],
        });
        let both = [
            ("apigateway.amazonaws.com".to_owned(), true),
            ("sns.amazonaws.com".to_owned(), false),
        ];
        assert_eq!(read(single), both);
    }

    #[test]
    fn what_a_service_acts_for_is_named_and_tells_who_anybody_is() {
        let document = json!({ "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction",
            "Condition": { "ArnLike": { "AWS:SourceArn": "arn:aws:sns:us-east-1:1:news" } },
        }] });
        let news = Grant {
            from: "sns.amazonaws.com".to_owned(),
            source: Some("arn:aws:sns:us-east-1:1:news".to_owned()),
            waits: false,
        };
        assert_eq!(triggers(&document.to_string()).unwrap(), [news]);
    }
}
