//! The AWS Parameters and Secrets Lambda extension as a source: what it is asked, and over what.

use maintenance_gate::{ExtensionSource, FlagSource, ParameterValue};

use crate::source_contract::extension;
use crate::support::{PARAMETER, Reply, Stub, TOKEN};

#[tokio::test]
async fn it_is_asked_as_its_documentation_says() {
    let stub = Stub::start([Reply::value("on")]).await;
    let source = extension(stub.port);
    for _ in 0..3 {
        let fetched = source.fetch(PARAMETER).await.unwrap();
        assert_eq!(fetched, Some(ParameterValue::from("on").with_version(7)));
    }
    let received = stub.received();
    assert_eq!(received.len(), 3);
    for request in received {
        assert_eq!(
            request.line,
            "GET /systemsmanager/parameters/get?name=%2Fmaintenance%2Fdemo-dev%2Fflags%2Fweb&withDecryption=true HTTP/1.1"
        );
        assert_eq!(request.headers["x-aws-parameters-secrets-token"], TOKEN);
        assert_eq!(request.headers["host"], format!("localhost:{}", stub.port));
        assert_eq!(request.headers.len(), 2, "and no more");
    }
}

#[tokio::test]
async fn a_missing_or_wrong_variable_is_named() {
    for (name, value, said) in [
        ("AWS_SESSION_TOKEN", "", "AWS_SESSION_TOKEN is not set"),
        (
            "AWS_SESSION_TOKEN",
            "TOP\nSECRET",
            "AWS_SESSION_TOKEN holds",
        ),
        (
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
            "TOPSECRET",
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT is not a port",
        ),
    ] {
        let source = ExtensionSource::from_vars(move |asked| match asked {
            _ if asked == name => Some(value.to_owned()),
            "AWS_SESSION_TOKEN" => Some("token".to_owned()),
            _ => None,
        });
        let error = source.fetch(PARAMETER).await.unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("TOP"), "{error}");
        assert_eq!(format!("{source:?}"), "ExtensionSource { .. }");
    }
}
