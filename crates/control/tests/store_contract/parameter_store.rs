//! What is particular to Parameter Store: answers that are lost, reads that lag, and its refusals.

use maintenance_control::{AwsError, AwsErrorKind, Created, StoreError};
use maintenance_sandbox::{Fault, KmsKey};

use crate::stores::ssm;
use crate::support::sandbox;

fn call(error: &StoreError) -> &AwsError {
    match error {
        StoreError::Aws(error) => error,
        other => panic!("{other:?}"),
    }
}

fn kind(error: &StoreError) -> AwsErrorKind {
    call(error).kind
}

/// The permission that is missing.
fn denied(error: &StoreError) -> &str {
    assert_eq!(kind(error), AwsErrorKind::Denied);
    &call(error).action
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_create_is_still_ours() {
    let sandbox = sandbox();
    sandbox.inject(Fault::on("PutParameter").nth(1).after().drop_connection());
    let created = ssm(&sandbox)
        .create("/maintenance/x", "mine", None)
        .await
        .unwrap();
    assert_eq!(created, Created::New);
    assert_eq!(sandbox.parameters()["/maintenance/x"].value, "mine");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_replace_is_not_taken_for_somebody_else() {
    let sandbox = sandbox();
    let store = ssm(&sandbox);
    store
        .replace("/maintenance/x", "before", None, None)
        .await
        .unwrap();
    let seen = store.get("/maintenance/x").await.unwrap();
    sandbox.inject(Fault::on("PutParameter").nth(1).after().drop_connection());
    let between = store
        .replace("/maintenance/x", "mine", seen.as_ref(), None)
        .await
        .unwrap();
    assert_eq!(between.between, None);
}

#[tokio::test(start_paused = true)]
async fn what_exists_is_returned_even_while_reads_lag() {
    let sandbox = sandbox();
    let store = ssm(&sandbox);
    sandbox.configure(|settings| settings.ssm.read_lag = 4);
    store.create("/maintenance/x", "first", None).await.unwrap();
    let Created::Exists(stored) = store
        .create("/maintenance/x", "second", None)
        .await
        .unwrap()
    else {
        panic!("created twice");
    };
    assert_eq!(stored.value, "first");
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named() {
    let sandbox = sandbox();
    let store = ssm(&sandbox);
    for (operation, action) in [
        ("GetParameter", "ssm:GetParameter"),
        ("GetParametersByPath", "ssm:GetParametersByPath"),
        ("GetParameterHistory", "ssm:GetParameterHistory"),
        ("PutParameter", "ssm:PutParameter"),
        ("DeleteParameters", "ssm:DeleteParameters"),
    ] {
        sandbox.inject(Fault::on(operation).nth(1).access_denied());
        let error = match operation {
            "GetParameter" => store.get("/maintenance/x").await.map(drop),
            "GetParametersByPath" => store.list("/maintenance").await.map(drop),
            "GetParameterHistory" => store.history("/maintenance/x").await.map(drop),
            "PutParameter" => store
                .replace("/maintenance/x", "on", None, None)
                .await
                .map(drop),
            _ => store.delete(&["/maintenance/x".to_owned()], None).await,
        }
        .unwrap_err();
        assert_eq!(denied(&error), action);
        assert!(error.hint().unwrap().contains(action));
    }
    assert!(sandbox.parameters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_history_says_who_wrote_it_and_reads_what_is_encrypted() {
    let sandbox = sandbox();
    let store = ssm(&sandbox);
    sandbox.set_parameter("/maintenance/x", "on");
    sandbox.encrypt_parameter("/maintenance/x");
    store
        .replace("/maintenance/x", "off", None, None)
        .await
        .unwrap();
    let history = store.history("/maintenance/x").await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|it| (it.value.as_str(), it.user.as_deref().unwrap_or_default()))
        .collect();
    let root = "arn:aws:iam::123456789012:root";
    let user = "arn:aws:iam::123456789012:user/ANOTREAL";
    assert_eq!(told, [("on", root), ("off", user)]);
}

#[tokio::test(start_paused = true)]
async fn a_type_that_no_read_knew_of_is_kept() {
    let sandbox = sandbox();
    let store = ssm(&sandbox);
    sandbox.set_parameter("/maintenance/x", "on");
    sandbox.encrypt_parameter("/maintenance/x");
    // Nothing was seen, as by a read that lags: AWS refuses the type that is named then.
    store
        .replace("/maintenance/x", "off", None, None)
        .await
        .unwrap();
    let stored = &sandbox.parameters()["/maintenance/x"];
    assert_eq!(
        (stored.value.as_str(), stored.kind.as_str()),
        ("off", "SecureString")
    );
    assert_eq!(sandbox.writes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_on_the_key_is_named() {
    let sandbox = sandbox();
    let store = ssm(&sandbox);
    sandbox.set_parameter("/maintenance/x", "on");
    sandbox.encrypt_parameter("/maintenance/x");
    sandbox.configure(|settings| settings.ssm.kms_key = KmsKey::Denied);
    let read = store.get("/maintenance/x").await.unwrap_err();
    let listed = store.list("/maintenance").await.unwrap_err();
    let written = store.replace("/maintenance/x", "off", None, None).await;
    // Older answers name no permission.
    let old = "The ciphertext refers to a customer master key that does not exist, does not exist in \
               this region, or you are not allowed to access. (Service: AWSKMS; Status Code: 400; \
               Error Code: AccessDeniedException)";
    let fault = Fault::on("GetParameter").nth(1);
    sandbox.inject(fault.fail(400, "AccessDeniedException", old));
    let read_then = store.get("/maintenance/x").await.unwrap_err();
    for (error, missing) in [
        (read, "kms:Decrypt"),
        (listed, "kms:Decrypt"),
        (written.unwrap_err(), "kms:Encrypt"),
        (read_then, "kms:Decrypt"),
    ] {
        assert_eq!(denied(&error), missing);
        let hint = error.hint().unwrap();
        for action in ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"] {
            assert!(hint.contains(action), "{hint}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_disabled_and_a_pattern_that_refuses_are_named() {
    let sandbox = sandbox();
    let store = ssm(&sandbox);
    sandbox.set_parameter("/maintenance/x", "on");
    sandbox.set_allowed_pattern("/maintenance/x", "on|off");
    let error = store.replace("/maintenance/x", "{}", None, None).await;
    let error = error.unwrap_err();
    assert_eq!(kind(&error), AwsErrorKind::PatternMismatch);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("on|off"), "{source}");
    assert!(error.hint().unwrap().contains("--allowed-pattern '.*'"));

    sandbox.encrypt_parameter("/maintenance/x");
    sandbox.configure(|settings| settings.ssm.kms_key = KmsKey::Disabled);
    let error = store.get("/maintenance/x").await.unwrap_err();
    assert_eq!(kind(&error), AwsErrorKind::KeyUnusable);
    assert!(error.hint().unwrap().contains("enable the key"));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_not_even_sent() {
    let sandbox = sandbox();
    let error = ssm(&sandbox)
        .create("/maintenance/x", &"x".repeat(4097), None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::TooLarge { bytes: 4097, .. }),
        "{error:?}"
    );
    assert_eq!(sandbox.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn endless_throttling_and_an_unreachable_store_end_with_their_names() {
    let sandbox = sandbox();
    sandbox.inject(Fault::on("GetParameter").always().throttle());
    let error = ssm(&sandbox).get("/maintenance/x").await.unwrap_err();
    assert_eq!(kind(&error), AwsErrorKind::Throttled);
    sandbox.clear_faults();
    sandbox.inject(Fault::any_call().always().drop_connection());
    let error = ssm(&sandbox).get("/maintenance/x").await.unwrap_err();
    assert_eq!(kind(&error), AwsErrorKind::Transient);
    assert!(error.hint().unwrap().starts_with("check the network"));
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_named_and_never_quoted() {
    let sandbox = sandbox();
    sandbox.inject(Fault::any_call().always().fail(
        400,
        "InvalidSignatureException",
        "The Canonical String should have been x-amz-security-token:TOPSECRET",
    ));
    let error = ssm(&sandbox).get("/maintenance/x").await.unwrap_err();
    assert_eq!(kind(&error), AwsErrorKind::Access);
    assert!(!format!("{error:?} {error}").contains("TOPSECRET"));
}
