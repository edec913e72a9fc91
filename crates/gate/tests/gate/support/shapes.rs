//! The shapes in which HTTP requests reach a Lambda function, and in which it answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Answered;

/// Who sends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// API Gateway, REST API.
    RestApi,
    /// API Gateway, HTTP API with payload 1.0.
    HttpApi1,
    /// API Gateway, HTTP API with payload 2.0.
    HttpApi,
    /// A function URL.
    FunctionUrl,
    /// An Application Load Balancer.
    LoadBalancer,
    /// One that is configured for multi-value headers.
    LoadBalancerMulti,
}

impl Shape {
    pub(crate) const ALL: [Self; 6] = [
        Self::RestApi,
        Self::HttpApi1,
        Self::HttpApi,
        Self::FunctionUrl,
        Self::LoadBalancer,
        Self::LoadBalancerMulti,
    ];

    /// The event of a request.
    pub(crate) fn event(self, method: &str, path: &str) -> Value {
        match self {
            Self::HttpApi1 => {
                let mut event = Self::RestApi.event(method, path);
                event["version"] = json!("1.0");
                event["requestContext"]["stage"] = json!("$default");
                event["requestContext"]["path"] = json!(path);
                event
            }
            Self::RestApi => json!({
                "resource": "/{proxy+}",
                "path": path,
                "httpMethod": method,
                "headers": {"Host": "abc.execute-api.us-east-1.amazonaws.com", "Accept": "*/*"},
                "multiValueHeaders": {"Host": ["abc.execute-api.us-east-1.amazonaws.com"], "Accept": ["*/*"]},
                "queryStringParameters": {"token": "secret"},
                "multiValueQueryStringParameters": {"token": ["secret"]},
                "pathParameters": {"proxy": path.trim_start_matches('/')},
                "stageVariables": null,
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": "abc",
                    "httpMethod": method,
                    "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl/8"},
                    "path": format!("/prod{path}"),
                    "protocol": "HTTP/1.1",
                    "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                    "requestTimeEpoch": 1_795_000_000_000_u64,
                    "resourceId": "123456",
                    "resourcePath": "/{proxy+}",
                    "stage": "prod"
                },
                "body": null,
                "isBase64Encoded": false
            }),
            Self::HttpApi | Self::FunctionUrl => {
                let host = if self == Self::HttpApi {
                    "abc.execute-api.us-east-1.amazonaws.com"
                } else {
                    "abc.lambda-url.us-east-1.on.aws"
                };
                json!({
                    "version": "2.0",
                    "routeKey": "$default",
                    "rawPath": path,
                    "rawQueryString": "token=secret",
                    "headers": {"host": host, "accept": "*/*"},
                    "queryStringParameters": {"token": "secret"},
                    "requestContext": {
                        "accountId": "anonymous",
                        "apiId": "abc",
                        "domainName": host,
                        "domainPrefix": "abc",
                        "http": {
                            "method": method,
                            "path": path,
                            "protocol": "HTTP/1.1",
                            "sourceIp": "192.0.2.1",
                            "userAgent": "curl/8"
                        },
                        "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
                        "routeKey": "$default",
                        "stage": "$default",
                        "time": "21/Nov/2026:08:00:00 +0000",
                        "timeEpoch": 1_795_000_000_000_u64
                    },
                    "isBase64Encoded": false
                })
            }
            Self::LoadBalancer | Self::LoadBalancerMulti => {
                let mut event = json!({
                    "requestContext": {
                        "elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/demo/49e9d65c45c6791a"}
                    },
                    "httpMethod": method,
                    "path": path,
                    "body": "",
                    "isBase64Encoded": false
                });
                if self == Self::LoadBalancer {
                    event["headers"] = json!({"host": "demo.example.com", "accept": "*/*"});
                    event["queryStringParameters"] = json!({"token": "secret"});
                } else {
                    event["multiValueHeaders"] =
                        json!({"host": ["demo.example.com"], "accept": ["*/*"]});
                    event["multiValueQueryStringParameters"] = json!({"token": ["secret"]});
                }
                event
            }
        }
    }

    /// The event of a request with these headers and this query, besides those that it has anyway.
    pub(crate) fn event_with(
        self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Value {
        let mut event = self.event(method, path);
        let is_one_by_one = self != Self::LoadBalancerMulti;
        let is_in_lists = !matches!(self, Self::HttpApi | Self::FunctionUrl | Self::LoadBalancer);
        for (key, list, pairs) in [
            ("headers", "multiValueHeaders", headers),
            (
                "queryStringParameters",
                "multiValueQueryStringParameters",
                query,
            ),
        ] {
            for (name, value) in pairs {
                if is_one_by_one {
                    event[key][*name] = json!(value);
                }
                if is_in_lists {
                    event[list][*name] = json!([value]);
                }
            }
        }
        if matches!(self, Self::HttpApi | Self::FunctionUrl) {
            // Cookies are apart, and the query is there as it was sent too.
            let fields = event["headers"].as_object_mut().unwrap();
            if let Some(cookies) = fields.shift_remove("cookie") {
                let cookies = cookies.as_str().unwrap().split("; ");
                event["cookies"] = cookies.map(Value::from).collect();
            }
            for (name, value) in query {
                let raw = format!(
                    "{}&{name}={value}",
                    event["rawQueryString"].as_str().unwrap()
                );
                event["rawQueryString"] = raw.into();
            }
        }
        event
    }

    /// What the visitor gets of a handler's answer, read as this sender reads it.
    pub(crate) fn answered(self, answer: &Value) -> Answered {
        let single = || -> Vec<(String, String)> {
            answer["headers"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect()
        };
        let multi = || -> Vec<(String, String)> {
            answer["multiValueHeaders"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, values)| {
                    let values = values.as_array().unwrap();
                    assert_eq!(values.len(), 1, "{name} twice");
                    (name.clone(), values[0].as_str().unwrap().to_owned())
                })
                .collect()
        };
        let headers = match self {
            // A REST API merges the two, and answers 502 if it finds any key but these.
            Self::RestApi | Self::HttpApi1 => {
                const KNOWN: [&str; 5] = [
                    "statusCode",
                    "headers",
                    "multiValueHeaders",
                    "body",
                    "isBase64Encoded",
                ];
                for key in answer.as_object().unwrap().keys() {
                    assert!(KNOWN.contains(&key.as_str()), "{key}");
                }
                let merged = [single(), multi()].concat();
                for (name, _) in &merged {
                    let same = merged.iter().filter(|(other, _)| other == name);
                    assert_eq!(same.count(), 1, "{name} twice");
                }
                merged
            }
            Self::HttpApi | Self::FunctionUrl => {
                let mut headers = single();
                let cookies = answer["cookies"].as_array().into_iter().flatten();
                let cookies: Vec<_> = cookies.map(|cookie| cookie.as_str().unwrap()).collect();
                assert!(headers.iter().all(|(name, _)| name != "set-cookie"));
                if let [cookie] = cookies[..] {
                    headers.push(("set-cookie".to_owned(), cookie.to_owned()));
                } else {
                    assert!(cookies.is_empty());
                }
                headers
            }
            Self::LoadBalancer => {
                let description = answer["statusDescription"].as_str().unwrap();
                assert!(description.starts_with(&answer["statusCode"].to_string()));
                single()
            }
            Self::LoadBalancerMulti => multi(),
        };
        assert_eq!(answer["isBase64Encoded"], false);
        Answered {
            status: answer["statusCode"].as_u64().unwrap().try_into().unwrap(),
            headers: headers.into_iter().collect::<BTreeMap<_, _>>(),
            body: answer["body"].as_str().unwrap_or_default().to_owned(),
        }
    }
}
