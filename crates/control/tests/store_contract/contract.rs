//! The contract, and every store that keeps it.

use aws_sdk_ssm::types::ParameterType;
use maintenance_control::{AwsSettings, Created, SsmStore, Store, connect};
use maintenance_sandbox::{EmptyPages, Fault};

use crate::stores::{file, ssm};
use crate::support::{clients, sandbox};

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

/// Writes a flag whose reads do not lag.
async fn replace(store: &Store, name: &str, value: &str) {
    let seen = store.get(name).await.unwrap();
    let written = store.replace(name, value, seen.as_ref(), None).await;
    written.unwrap();
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
        store.replace(&name, value, None, None).await.unwrap();
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

/// What a policy of the organisation made a `SecureString` is read, told apart and written as before,
/// and stays one, whether it was read before it is written or not.
async fn what_is_encrypted_is_read_and_stays_so(
    store: &Store,
    client: &aws_sdk_ssm::Client,
    base: &str,
) {
    let name = format!("{base}/encrypted/flags/web");
    let put = client.put_parameter().name(&name).value("on");
    put.r#type(ParameterType::SecureString)
        .send()
        .await
        .unwrap();

    let seen = store.get(&name).await.unwrap();
    assert_eq!(seen.as_ref().unwrap().value, "on");
    let written = store.replace(&name, "off", seen.as_ref(), None).await;
    assert_eq!(written.unwrap().between, None);
    let now = store.get(&name).await.unwrap();
    let written = store.replace(&name, "on", now.as_ref(), None).await;
    assert_eq!(written.unwrap().between, None);
    // The one between is read in clear, too.
    let written = store.replace(&name, "off", seen.as_ref(), None).await;
    assert_eq!(written.unwrap().between.unwrap().value, "on");
    let Created::Exists(stored) = store.create(&name, "on", None).await.unwrap() else {
        panic!("created twice");
    };
    assert_eq!(stored.value, "off");
    let listed = store.list(&format!("{base}/encrypted")).await.unwrap();
    assert_eq!(listed[0].1.value, "off");
    let get = client.get_parameter().name(&name).send().await.unwrap();
    let parameter = get.parameter().unwrap();
    assert_eq!(parameter.r#type(), Some(&ParameterType::SecureString));
    assert_ne!(parameter.value(), Some("off"), "without decryption");

    // What somebody deleted since it was read is created again; a type is named then.
    let gone = format!("{base}/encrypted/flags/jobs");
    let written = store.replace(&gone, "on", seen.as_ref(), None).await;
    assert_eq!(written.unwrap().between, None);
    assert_eq!(store.get(&gone).await.unwrap().unwrap().value, "on");
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
        .replace(&name, "somebody else's", None, None)
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

/// A hundred of them at least, and the numbers say that there were more. Returns how many are kept.
async fn versions_of_a_flag_are_kept(
    store: &Store,
    base: &str,
    put: impl AsyncFn(&str, &str),
) -> usize {
    let name = format!("{base}/flags/history");
    assert_eq!(store.history(&name).await.unwrap(), []);
    let value = |n: u64| format!(r#"{{"schema":1,"mode":"on","reason":"{n}"}}"#);
    let write = async |numbers: std::ops::RangeInclusive<u64>| {
        for n in numbers {
            put(&name, &value(n)).await;
        }
    };
    let told = async || {
        let history = store.history(&name).await.unwrap();
        let in_order = history.is_sorted_by(|a, b| a.number < b.number && a.at <= b.at);
        assert!(in_order, "{history:#?}");
        let told = history.into_iter().map(|it| (it.number, it.value));
        told.collect::<Vec<_>>()
    };
    let expected =
        |numbers: std::ops::RangeInclusive<u64>| numbers.map(|n| (n, value(n))).collect::<Vec<_>>();
    write(1..=1).await;
    assert_eq!(told().await, expected(1..=1));
    write(2..=51).await;
    assert_eq!(told().await, expected(1..=51));
    write(52..=103).await;
    let kept = told().await;
    assert_eq!(kept[kept.len() - 100..], expected(4..=103));
    // Of what is deleted nothing is kept.
    store
        .delete(std::slice::from_ref(&name), None)
        .await
        .unwrap();
    assert_eq!(store.history(&name).await.unwrap(), []);
    kept.len()
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
        let (store, client) = (ssm(&sandbox), clients(&sandbox).ssm);
        contract(&store, "/maintenance/contract").await;
        what_is_encrypted_is_read_and_stays_so(&store, &client, "/maintenance/contract").await;
        let put = async |name: &str, value: &str| replace(&store, name, value).await;
        let kept = versions_of_a_flag_are_kept(&store, "/maintenance/contract", put).await;
        assert_eq!(kept, 100);
    }
}

#[tokio::test(start_paused = true)]
async fn parameter_store_keeps_the_contract_under_awss_rate_limits() {
    let sandbox = sandbox();
    sandbox.configure(|settings| settings.rate_limits = true);
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
    sandbox.inject(
        Fault::on("GetParameterHistory")
            .every(2)
            .after()
            .drop_connection(),
    );
    let store = ssm(&sandbox);
    contract(&store, "/maintenance/contract").await;
    let put = async |name: &str, value: &str| replace(&store, name, value).await;
    let kept = versions_of_a_flag_are_kept(&store, "/maintenance/contract", put).await;
    assert_eq!(kept, 100);
}

#[tokio::test]
async fn a_folder_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path());
    contract(&store, "/maintenance/contract").await;
    let put = async |name: &str, value: &str| replace(&store, name, value).await;
    let kept = versions_of_a_flag_are_kept(&store, "/maintenance/contract", put).await;
    assert_eq!(kept, 100);
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
    .await
    .expect("usable settings");
    let base = format!("/maintenance/contract-{:08x}", std::process::id());
    let store = Store::Ssm(SsmStore::new(clients.ssm.clone()));
    contract(&store, &base).await;
    what_is_encrypted_is_read_and_stays_so(&store, &clients.ssm, &base).await;
    // Not at the pace of an operation, which takes care not to be throttled.
    let put = async |name: &str, value: &str| {
        let put = clients.ssm.put_parameter().name(name).value(value);
        let put = put.r#type(ParameterType::String).overwrite(true);
        put.send().await.unwrap();
    };
    // One of the stand-ins keeps all of them, which AWS does not.
    versions_of_a_flag_are_kept(&store, &base, put).await;
}
