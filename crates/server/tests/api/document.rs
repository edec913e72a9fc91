use serde_json::Value;

use crate::support::Server;

#[tokio::test(start_paused = true)]
async fn the_document_has_every_route_with_its_problems() {
    let server = Server::new().await;
    let document = server.document().await;
    let mut routes: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            routes.push(format!("{method} {path}"));
            let responses = operation["responses"].as_object().unwrap();
            let is_open = operation["security"][0] == serde_json::json!({});
            assert_eq!(responses.contains_key("403"), !is_open, "{method} {path}");
            for (status, response) in responses
                .iter()
                .filter(|(status, _)| *status >= &"4".to_owned())
            {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(
                    schema, "#/components/schemas/Problem",
                    "{method} {path} {status}"
                );
            }
        }
    }
    routes.sort();
    let expected = [
        "delete /api/environments/{environment}/product-deployments/{product}/schedule/{window}",
        "get /__status",
        "get /api/environments",
        "get /api/environments/{environment}/product-deployments",
        "get /api/environments/{environment}/product-deployments/{product}",
        "get /api/environments/{environment}/product-deployments/{product}/history",
        "get /api/environments/{environment}/product-deployments/{product}/observers",
        "get /api/environments/{environment}/product-deployments/{product}/schedule",
        "get /api/events",
        "get /api/openapi.json",
        "get /api/operations/{id}",
        "get /apps/{app}",
        "get /healthz",
        "get /metrics",
        "patch /api/environments/{environment}/product-deployments/{product}/schedule/{window}",
        "patch /apps/{app}",
        "post /api/environments/{environment}/product-deployments/{product}/observers/{name}/check",
        "post /api/environments/{environment}/product-deployments/{product}/schedule",
        "put /api/environments/{environment}/apps/{app}/roles/{role}/operation-mode",
        "put /api/environments/{environment}/product-deployments/{product}/operation-mode",
    ];
    assert_eq!(routes, expected);
}

#[tokio::test(start_paused = true)]
async fn every_schema_that_is_referred_to_is_there() {
    fn references<'a>(of: &'a Value, found: &mut Vec<&'a str>) {
        match of {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let server = Server::new().await;
    let document = server.document().await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("one of its own");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}
