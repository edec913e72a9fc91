//! What is particular to files: who may read them, and that none is ever seen half-written.

use std::path::Path;
use std::sync::Arc;

use maintenance_control::{FileStore, Store};

use crate::stores::file;

#[tokio::test]
async fn files_are_private_readable_and_where_the_name_says() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path());
    store
        .replace("/maintenance/demo-dev/flags/web", "on", None, None)
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
    store.replace(name, whole, None, None).await.unwrap();
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
        .replace("/maintenance/x", &value(0), None, None)
        .await
        .unwrap();
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 1..200 {
                store
                    .replace("/maintenance/x", &value(n), None, None)
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
        .replace("/maintenance/x", "on", None, None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("blocked"), "{error}");
}

/// The modes, or what else was there, each with its number.
async fn told(store: &Store, name: &str) -> Vec<(u64, String)> {
    let history = store.history(name).await.unwrap();
    history
        .into_iter()
        .map(|it| (it.number, it.value))
        .collect()
}

fn as_told(versions: &[(u64, &str)]) -> Vec<(u64, String)> {
    let versions = versions.iter();
    versions
        .map(|(n, value)| (*n, (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn what_a_person_types_is_part_of_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path());
    let name = "/maintenance/demo-dev/flags/web";
    let path = folder.path().join("store").join(&name[1..]);
    // A flag that was there before any history was kept: what was before it is not known.
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "on\n").unwrap();
    assert_eq!(told(&store, name).await, as_told(&[(2, "on")]));
    store.replace(name, "a", None, None).await.unwrap();
    // The same again, as when an answer was lost, is one version.
    store.replace(name, "a", None, None).await.unwrap();
    std::fs::write(&path, "off\n").unwrap();
    let typed = as_told(&[(2, "on"), (3, "a"), (4, "off")]);
    assert_eq!(told(&store, name).await, typed);
    store.replace(name, "b", None, None).await.unwrap();
    let all = [typed, as_told(&[(5, "b")])].concat();
    assert_eq!(told(&store, name).await, all);
    // It is no parameter, and private.
    let flags = store.list("/maintenance/demo-dev/flags").await.unwrap();
    assert_eq!(flags.len(), 1);
    use std::os::unix::fs::PermissionsExt;
    let history = path.with_file_name(".web.history");
    let mode = std::fs::metadata(history).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_history_that_was_cut_off_or_lost_a_line_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path());
    let name = "/maintenance/demo-dev/flags/web";
    let history = folder
        .path()
        .join("store/maintenance/demo-dev/flags/.web.history");
    for value in ["a", "b", "c"] {
        store.replace(name, value, None, None).await.unwrap();
    }
    // A crash of the machine: the last line is half there.
    let text = std::fs::read_to_string(&history).unwrap();
    std::fs::write(&history, &text[..text.len() - 4]).unwrap();
    assert_eq!(
        told(&store, name).await,
        as_told(&[(1, "a"), (2, "b"), (3, "c")])
    );
    store.replace(name, "d", None, None).await.unwrap();
    let all = as_told(&[(1, "a"), (2, "b"), (3, "c"), (4, "d")]);
    assert_eq!(told(&store, name).await, all);
    // A later version of this program writes fields that this one does not know.
    let text = std::fs::read_to_string(&history).unwrap();
    std::fs::write(&history, text.replace("\"n\":", "\"user\":\"x\",\"n\":")).unwrap();
    assert_eq!(told(&store, name).await, all);
    // Where none can be kept, the flag is written all the same.
    std::fs::remove_file(&history).unwrap();
    std::fs::create_dir(&history).unwrap();
    store.replace(name, "e", None, None).await.unwrap();
    assert_eq!(store.get(name).await.unwrap().unwrap().value, "e");
}
