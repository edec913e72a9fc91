//! Parameter Store: names, values, versions, creation as compare-and-set, and reads that lag.

use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use maintenance_sandbox::{EarlyReuse, KmsKey, Sandbox, Settings};

use crate::common::{code, is, quick, refusal, ssm};

async fn create(client: &Client, name: &str, value: &str) -> i64 {
    let call = client.put_parameter().name(name).value(value);
    call.r#type(ParameterType::String)
        .send()
        .await
        .unwrap()
        .version()
}

async fn value(client: &Client, name: &str) -> String {
    let found = client.get_parameter().name(name).send().await.unwrap();
    found.parameter().unwrap().value().unwrap().to_owned()
}

#[tokio::test]
async fn a_parameter_counts_its_versions() {
    let client = ssm(&quick());
    assert_eq!(create(&client, "/app/flag", "off").await, 1);
    let put = client.put_parameter().name("/app/flag").value("on");
    assert_eq!(put.overwrite(true).send().await.unwrap().version(), 2);
    let found = client.get_parameter().name("/app/flag").send().await;
    let found = found.unwrap();
    let found = found.parameter().unwrap();
    assert_eq!((found.value(), found.version()), (Some("on"), 2));
    assert_eq!(
        found.arn(),
        Some("arn:aws:ssm:us-east-1:123456789012:parameter/app/flag")
    );
    let first = client.get_parameter().name("/app/flag:1").send().await;
    let first = first.unwrap();
    let first = first.parameter().unwrap();
    assert_eq!((first.value(), first.selector()), (Some("off"), Some(":1")));
    // A hundred versions are kept.
    for _ in 0..99 {
        let put = client.put_parameter().name("/app/flag").value("on");
        put.overwrite(true).send().await.unwrap();
    }
    for (version, refused) in [("1", true), ("2", false), ("102", true)] {
        let name = format!("/app/flag:{version}");
        let read = client.get_parameter().name(name).send().await;
        assert_eq!(read.is_err(), refused, "{version}");
        if refused {
            assert_eq!(code(read), is(400, "ParameterVersionNotFound"));
        }
    }
}

#[tokio::test]
async fn creating_is_the_only_compare_and_set() {
    let sandbox = quick();
    let client = ssm(&sandbox);
    create(&client, "/app/lease/1", "mine").await;
    let again = client
        .put_parameter()
        .name("/app/lease/1")
        .value("mine too");
    let again = again.r#type(ParameterType::String).send().await;
    assert_eq!(code(again), is(400, "ParameterAlreadyExists"));
    assert_eq!(value(&client, "/app/lease/1").await, "mine");
}

#[tokio::test]
async fn missing_parameters_are_reported() {
    let client = ssm(&quick());
    create(&client, "/a", "1").await;
    let missing = client.get_parameter().name("/b").send().await;
    assert!(
        missing
            .as_ref()
            .unwrap_err()
            .as_service_error()
            .unwrap()
            .is_parameter_not_found()
    );
    assert_eq!(code(missing), is(400, "ParameterNotFound"));
    let gone = client
        .delete_parameters()
        .names("/a")
        .names("/b")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (gone.deleted_parameters(), gone.invalid_parameters()),
        (&["/a".to_owned()][..], &["/b".to_owned()][..])
    );
}

#[tokio::test]
async fn names_and_values_have_limits() {
    let client = ssm(&quick());
    let put = async |name: &str, value: &str| {
        let call = client.put_parameter().name(name).value(value);
        code(call.r#type(ParameterType::String).send().await)
    };
    let validation = is(400, "ValidationException");
    create(&client, "/full", &"x".repeat(4096)).await;
    assert_eq!(put("/over", &"x".repeat(4097)).await, validation);
    // Bytes, not characters.
    assert_eq!(put("/wide", &"é".repeat(2049)).await, validation);
    assert_eq!(put("/nested", "{{ssm:/full}}").await, validation);
    assert_eq!(put("/empty", "").await, validation);
    assert_eq!(put("/a b", "x").await, validation);
    assert_eq!(put("a/b", "x").await, validation);
    assert_eq!(put("/aws/x", "x").await, is(400, "AccessDeniedException"));
    assert_eq!(put("/ssm-x", "x").await, validation);
    let deep = "/a".repeat(16);
    assert_eq!(
        put(&deep, "x").await,
        is(400, "HierarchyLevelLimitExceededException")
    );
    let untyped = client
        .put_parameter()
        .name("/untyped")
        .value("x")
        .send()
        .await;
    assert_eq!(code(untyped), validation);
    let eleven = (0..11).fold(client.delete_parameters(), |call, n| {
        call.names(format!("/{n}"))
    });
    assert_eq!(code(eleven.send().await), validation);
    let twice = client.delete_parameters().names("/a").names("/a");
    assert_eq!(code(twice.send().await), validation);
}

#[tokio::test]
async fn refuses_options_that_it_does_not_have() {
    let client = ssm(&quick());
    let large = client.put_parameter().name("/large").value("x");
    let large = large
        .r#type(ParameterType::String)
        .tier(ParameterTier::Advanced);
    let (status, code, message) = refusal(large.send().await);
    assert_eq!((status, code), is(400, "SerializationException"));
    assert!(message.contains("Tier"), "{message}");
}

#[tokio::test]
async fn a_type_stays_and_a_secret_needs_decryption() {
    let client = ssm(&quick());
    let secret = client.put_parameter().name("/secret").value("word");
    secret
        .r#type(ParameterType::SecureString)
        .send()
        .await
        .unwrap();
    assert!(!value(&client, "/secret").await.contains("word"));
    let open = client.get_parameter().name("/secret").with_decryption(true);
    assert_eq!(
        open.send().await.unwrap().parameter().unwrap().value(),
        Some("word")
    );
    let change = client
        .put_parameter()
        .name("/secret")
        .value("x")
        .overwrite(true);
    let change = change.r#type(ParameterType::String).send().await;
    assert_eq!(code(change), is(400, "HierarchyTypeMismatchException"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_name_can_be_created_after_thirty_seconds() {
    let client = ssm(&quick());
    create(&client, "/n", "1").await;
    client.delete_parameters().names("/n").send().await.unwrap();
    tokio::time::advance(Duration::from_millis(29_999)).await;
    let call = client.put_parameter().name("/n").value("2").overwrite(true);
    let early = refusal(call.r#type(ParameterType::String).send().await);
    assert_eq!((early.0, early.1.as_str()), (400, "ValidationException"));
    assert!(early.2.contains("deleted"), "{}", early.2);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(create(&client, "/n", "2").await, 1);
}

#[tokio::test]
async fn reads_may_lag_behind_writes() {
    let mut settings = Settings::quick();
    settings.ssm.read_lag = 2;
    let sandbox = Sandbox::new(settings);
    let client = ssm(&sandbox);
    create(&client, "/a", "1").await;
    // Two readers still see nothing; the compare-and-set is not fooled.
    assert_eq!(
        code(client.get_parameter().name("/a").send().await),
        is(400, "ParameterNotFound")
    );
    let again = client
        .put_parameter()
        .name("/a")
        .value("2")
        .r#type(ParameterType::String);
    assert_eq!(code(again.send().await), is(400, "ParameterAlreadyExists"));
    assert_eq!(
        code(client.get_parameter().name("/a").send().await),
        is(400, "ParameterNotFound")
    );
    assert_eq!(value(&client, "/a").await, "1");
    client.delete_parameters().names("/a").send().await.unwrap();
    assert_eq!(value(&client, "/a").await, "1");
    assert!(sandbox.parameters().is_empty());
}

#[tokio::test]
async fn a_secure_string_is_ciphertext_without_permission_for_its_key() {
    let sandbox = quick();
    let client = ssm(&sandbox);
    create(&client, "/app/flag", "on").await;
    create(&client, "/app/plain", "on").await;
    assert!(sandbox.encrypt_parameter("/app/flag"));
    assert!(!sandbox.encrypt_parameter("/app/none"));
    assert_eq!(sandbox.parameters()["/app/flag"].kind, "SecureString");
    assert_ne!(value(&client, "/app/flag").await, "on");
    let read = || {
        let get = client.get_parameter().name("/app/flag");
        get.with_decryption(true).send()
    };
    assert_eq!(
        read().await.unwrap().parameter().unwrap().value(),
        Some("on")
    );

    let list = || {
        let list = client.get_parameters_by_path().path("/app");
        list.with_decryption(true).send()
    };
    let write = || {
        let put = client.put_parameter().name("/app/flag").value("off");
        put.overwrite(true).send()
    };
    sandbox.configure(|settings| settings.ssm.kms_key = KmsKey::Denied);
    for (refused, action) in [
        (refusal(read().await), "kms:Decrypt"),
        (refusal(list().await), "kms:Decrypt"),
        (refusal(write().await), "kms:Encrypt"),
    ] {
        let (status, code, message) = refused;
        assert_eq!((status, code), is(400, "AccessDeniedException"));
        assert!(message.contains(action), "{message}");
        assert!(message.contains("(Service: AWSKMS"), "{message}");
    }
    // Reads without decryption and other types need no key.
    assert_ne!(value(&client, "/app/flag").await, "on");
    let plain = client.get_parameter().name("/app/plain");
    assert!(plain.with_decryption(true).send().await.is_ok());

    sandbox.configure(|settings| settings.ssm.kms_key = KmsKey::Disabled);
    assert_eq!(code(read().await), is(400, "InvalidKeyId"));
    assert_eq!(code(write().await), is(400, "InvalidKeyId"));
    assert_eq!(sandbox.parameters()["/app/flag"].value, "on");
}

#[tokio::test]
async fn a_write_keeps_the_type_and_refuses_another() {
    let sandbox = quick();
    let client = ssm(&sandbox);
    create(&client, "/app/flag", "on").await;
    sandbox.encrypt_parameter("/app/flag");
    let put = || {
        let put = client.put_parameter().name("/app/flag").value("off");
        put.overwrite(true)
    };
    assert_eq!(
        code(put().r#type(ParameterType::String).send().await),
        is(400, "HierarchyTypeMismatchException")
    );
    assert_eq!(sandbox.parameters()["/app/flag"].value, "on");
    put().send().await.unwrap();
    let flag = &sandbox.parameters()["/app/flag"];
    assert_eq!(
        (flag.value.as_str(), flag.kind.as_str()),
        ("off", "SecureString")
    );
}

#[tokio::test]
async fn an_allowed_pattern_applies_to_every_later_value() {
    let sandbox = quick();
    let client = ssm(&sandbox);
    let put = |value: &str| {
        let put = client.put_parameter().name("/app/flag").value(value);
        put.r#type(ParameterType::String).overwrite(true)
    };
    put("on").allowed_pattern("on|off").send().await.unwrap();
    put("off").send().await.unwrap();
    let (status, code, message) = refusal(put("offline").send().await);
    assert_eq!((status, code), is(400, "ParameterPatternMismatchException"));
    assert!(message.ends_with("allowedPattern: on|off"), "{message}");
    put("offline").allowed_pattern(".*").send().await.unwrap();
    assert!(sandbox.set_allowed_pattern("/app/flag", "x+"));
    assert_eq!(
        refusal(put("y").send().await).1,
        "ParameterPatternMismatchException"
    );
    assert_eq!(
        refusal(put("y").allowed_pattern("(").send().await).1,
        "InvalidAllowedPatternException"
    );
}

#[tokio::test(start_paused = true)]
async fn creating_a_deleted_name_too_early_is_refused_or_hidden() {
    let sandbox = quick();
    let client = ssm(&sandbox);
    create(&client, "/app/lease", "a").await;
    let delete = || client.delete_parameters().names("/app/lease").send();
    delete().await.unwrap();
    let again = || {
        let put = client.put_parameter().name("/app/lease").value("b");
        put.r#type(ParameterType::String).send()
    };
    assert_eq!(code(again().await), is(400, "ValidationException"));
    sandbox.configure(|settings| settings.ssm.early_reuse = EarlyReuse::Hidden);
    again().await.unwrap();
    let get = || client.get_parameter().name("/app/lease").send();
    assert_eq!(code(get().await), is(400, "ParameterNotFound"));
    // It exists nevertheless.
    assert_eq!(code(again().await), is(400, "ParameterAlreadyExists"));
    tokio::time::advance(sandbox.settings().ssm.recreate_after).await;
    assert_eq!(value(&client, "/app/lease").await, "b");
}
