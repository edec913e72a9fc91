//! One contract for every parameter store: what the operations rely on, asked of Parameter Store (on
//! the sandbox, and on whatever endpoint is given) and of the file store.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::path::Path;
use std::sync::Arc;

use maintenance_control::{
    AwsSettings, Clock, Created, FileStore, SsmStore, Store, StoreError, connect,
};
use maintenance_sandbox::{EmptyPages, Fault, Sandbox};
use support::{clients, sandbox};

fn ssm(sandbox: &Sandbox) -> Store {
    Store::Ssm(SsmStore::new(
        clients(sandbox).ssm,
        Clock::virtual_from(support::start()),
    ))
}

fn file(folder: &Path) -> Store {
    Store::File(FileStore::new(folder.join("store")))
}

/// The contract. `base` is a path that nothing else uses.
async fn contract(store: &Store, base: &str) {
    absent_is_none(store, base).await;
    what_is_written_is_read(store, base).await;
    create_never_overwrites(store, base).await;
    exactly_one_of_many_creates(store, base).await;
    a_write_in_between_is_told(store, base).await;
    a_list_has_everything_below_and_nothing_beside(store, base).await;
    deleting_twice_is_no_error(store, base).await;
}

async fn absent_is_none(store: &Store, base: &str) {
    assert_eq!(store.get(&format!("{base}/absent")).await.unwrap(), None);
    assert_eq!(store.list(&format!("{base}/absent")).await.unwrap(), []);
}

async fn what_is_written_is_read(store: &Store, base: &str) {
    let name = format!("{base}/flags/web");
    let mut revisions = Vec::new();
    for value in [
        "on",
        r#"{"schema":1,"mode":"off","reason":"ü — \u007b"}"#,
        &"x".repeat(4096),
    ] {
        store.overwrite(&name, value, None).await.unwrap();
        let stored = store.get(&name).await.unwrap().unwrap();
        assert_eq!(stored.value, value);
        assert!(
            !revisions.contains(&stored.revision),
            "every writing is another revision"
        );
        revisions.push(stored.revision);
    }
}

async fn create_never_overwrites(store: &Store, base: &str) {
    let name = format!("{base}/lease/1");
    assert_eq!(
        store.create(&name, "first", None).await.unwrap(),
        Created::New
    );
    let Created::Exists(stored) = store.create(&name, "second", None).await.unwrap() else {
        panic!("created twice");
    };
    assert_eq!(stored.value, "first");
    assert_eq!(store.get(&name).await.unwrap().unwrap().value, "first");
}

async fn exactly_one_of_many_creates(store: &Store, base: &str) {
    let name = format!("{base}/lease/2");
    let tries = (0..8).map(|n| {
        let (store, name) = (store.clone(), name.clone());
        tokio::spawn(async move { store.create(&name, &format!("holder {n}"), None).await })
    });
    let tries: Vec<_> = tries.collect();
    let mut new = 0;
    for done in tries {
        new += u32::from(done.await.unwrap().unwrap() == Created::New);
    }
    assert_eq!(new, 1);
}

async fn a_write_in_between_is_told(store: &Store, base: &str) {
    let name = format!("{base}/flags/worker");
    assert_eq!(
        store
            .replace(&name, "one", None, None)
            .await
            .unwrap()
            .between,
        None
    );
    let seen = store.get(&name).await.unwrap();
    assert_eq!(
        store
            .replace(&name, "two", seen.as_ref(), None)
            .await
            .unwrap()
            .between,
        None
    );
    store
        .overwrite(&name, "somebody else's", None)
        .await
        .unwrap();
    let seen_long_ago = seen;
    // Two writes since: ours and the other's. What was overwritten just now is the other's.
    let between = store
        .replace(&name, "three", seen_long_ago.as_ref(), None)
        .await
        .unwrap();
    assert_eq!(between.between.unwrap().value, "somebody else's");
    let unseen = store.replace(&name, "four", None, None).await.unwrap();
    assert_eq!(
        unseen.between.unwrap().value,
        "three",
        "there was none when we looked"
    );
}

async fn a_list_has_everything_below_and_nothing_beside(store: &Store, base: &str) {
    let path = format!("{base}/capacity/worker");
    let mut expected = Vec::new();
    for n in 0..23 {
        let name = format!("{path}/w{}/{n}", n % 2);
        store
            .create(&name, &format!("value {n}"), None)
            .await
            .unwrap();
        expected.push((name, format!("value {n}")));
    }
    store
        .create(&format!("{path}-beside/1"), "beside", None)
        .await
        .unwrap();
    expected.sort();
    let listed = store.list(&path).await.unwrap();
    let listed: Vec<_> = listed
        .into_iter()
        .map(|(name, stored)| (name, stored.value))
        .collect();
    assert_eq!(listed, expected);
}

async fn deleting_twice_is_no_error(store: &Store, base: &str) {
    let path = format!("{base}/capacity/worker");
    let names: Vec<String> = store
        .list(&path)
        .await
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names.len(), 23);
    store.delete(&names, None).await.unwrap();
    store.delete(&names, None).await.unwrap();
    assert_eq!(store.list(&path).await.unwrap(), []);
    assert_eq!(
        store.list(&format!("{path}-beside")).await.unwrap().len(),
        1
    );
    store.delete(&[], None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn parameter_store_keeps_the_contract() {
    for pages in [
        EmptyPages::Never,
        EmptyPages::Every(1),
        EmptyPages::Every(3),
    ] {
        let sandbox = sandbox();
        sandbox.configure(|settings| settings.ssm.empty_pages = pages);
        contract(&ssm(&sandbox), "/maintenance/contract").await;
    }
}

#[tokio::test(start_paused = true)]
async fn parameter_store_keeps_the_contract_under_awss_rate_limits() {
    let sandbox = sandbox();
    sandbox.configure(|settings| settings.rate_limits = maintenance_sandbox::RateLimits::aws());
    contract(&ssm(&sandbox), "/maintenance/contract").await;
}

#[tokio::test(start_paused = true)]
async fn parameter_store_keeps_the_contract_while_it_throttles_and_loses_answers() {
    let sandbox = sandbox();
    sandbox.inject(Fault::any_call().every(4).throttle());
    sandbox.inject(
        Fault::on("GetParametersByPath")
            .every(3)
            .after()
            .drop_connection(),
    );
    sandbox.inject(
        Fault::on("DeleteParameters")
            .every(2)
            .after()
            .drop_connection(),
    );
    contract(&ssm(&sandbox), "/maintenance/contract").await;
}

#[tokio::test]
async fn a_folder_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract(&file(folder.path()), "/maintenance/contract").await;
}

/// Run by the end-to-end suites against stand-ins for AWS that are not ours.
#[tokio::test]
#[ignore = "needs MAINTENANCE_CONTRACT_ENDPOINT, the URL of a Parameter Store"]
async fn endpoint() {
    let endpoint_url = std::env::var("MAINTENANCE_CONTRACT_ENDPOINT")
        .expect("MAINTENANCE_CONTRACT_ENDPOINT is the URL of a Parameter Store");
    let clients = connect(&AwsSettings {
        endpoint_url: Some(endpoint_url),
        ..AwsSettings::default()
    })
    .await;
    let base = format!("/maintenance/contract-{:08x}", std::process::id());
    contract(
        &Store::Ssm(SsmStore::new(clients.ssm, Clock::System)),
        &base,
    )
    .await;
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
        .overwrite("/maintenance/x", "before", None)
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
        ("PutParameter", "ssm:PutParameter"),
        ("DeleteParameters", "ssm:DeleteParameters"),
    ] {
        sandbox.inject(Fault::on(operation).nth(1).access_denied());
        let error = match operation {
            "GetParameter" => store.get("/maintenance/x").await.map(drop),
            "GetParametersByPath" => store.list("/maintenance").await.map(drop),
            "PutParameter" => store.overwrite("/maintenance/x", "on", None).await,
            _ => store.delete(&["/maintenance/x".to_owned()], None).await,
        }
        .unwrap_err();
        let StoreError::AccessDenied { action: named, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(named, action);
        assert!(error.hint().unwrap().contains(action));
    }
    assert!(sandbox.parameters().is_empty());
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
    assert!(matches!(error, StoreError::Throttled { .. }), "{error:?}");
    sandbox.clear_faults();
    sandbox.inject(Fault::any_call().always().drop_connection());
    let error = ssm(&sandbox).get("/maintenance/x").await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
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
    assert!(matches!(error, StoreError::NotConfigured(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("TOPSECRET"));
}

#[tokio::test]
async fn files_are_private_readable_and_where_the_name_says() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path());
    store
        .overwrite("/maintenance/demo-dev/flags/web", "on", None)
        .await
        .unwrap();
    let path = folder.path().join("store/maintenance/demo-dev/flags/web");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "on");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&folder.path().join("store")), 0o700);
    // What somebody types is a value, line end and all.
    std::fs::write(&path, "off\n").unwrap();
    let stored = store
        .get("/maintenance/demo-dev/flags/web")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        maintenance_flag::Flag::decode(&stored.value)
            .unwrap()
            .mode
            .as_str(),
        "off"
    );
}

#[tokio::test]
async fn a_torn_file_is_never_taken_for_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path());
    let name = "/maintenance/demo-dev/flags/web";
    let path = folder.path().join("store").join(&name[1..]);
    let whole = r#"{"schema":1,"mode":"on","reason":"größer"}"#;
    store.overwrite(name, whole, None).await.unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole.as_bytes()[..cut]).unwrap();
        let stored = store.get(name).await.unwrap().unwrap();
        assert!(
            maintenance_flag::Flag::decode(&stored.value).is_err(),
            "{:?}",
            stored.value
        );
        let mut zeroed = whole.as_bytes().to_vec();
        zeroed[cut..].fill(0);
        std::fs::write(&path, zeroed).unwrap();
        let stored = store.get(name).await.unwrap().unwrap();
        assert!(
            maintenance_flag::Flag::decode(&stored.value).is_err(),
            "{:?}",
            stored.value
        );
    }
}

#[tokio::test]
async fn half_written_temporary_files_are_no_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path());
    store
        .create("/maintenance/demo-dev/lease/1", "a", None)
        .await
        .unwrap();
    let lease = folder.path().join("store/maintenance/demo-dev/lease");
    std::fs::write(lease.join(".tmp-left-by-a-crash"), "garbage").unwrap();
    assert_eq!(
        store
            .list("/maintenance/demo-dev/lease")
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_reader_beside_a_writer_sees_whole_values_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(file(folder.path()));
    let value = |n: usize| format!("{n:04}").repeat(1000);
    store
        .overwrite("/maintenance/x", &value(0), None)
        .await
        .unwrap();
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 1..200 {
                store
                    .overwrite("/maintenance/x", &value(n), None)
                    .await
                    .unwrap();
            }
        }
    });
    let mut last = 0;
    while !writer.is_finished() {
        let stored = store
            .get("/maintenance/x")
            .await
            .unwrap()
            .expect("it never vanishes");
        let n: usize = stored.value[..4].parse().unwrap();
        assert_eq!(stored.value, value(n));
        assert!(n >= last, "it never goes back");
        last = n;
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_store_in_a_folder_that_is_not_ours_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("blocked");
    std::fs::write(&blocked, "a file where the folder should be").unwrap();
    let store = Store::File(FileStore::new(blocked));
    let error = store
        .overwrite("/maintenance/x", "on", None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("blocked"), "{error}");
}
