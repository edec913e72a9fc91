//! Operations on a file store: what stands in its place, a full disk, and an operation that is frozen
//! while it waits for the store's lock.

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use maintenance_control::{
    Context, Control, Error, FileHooks, FileStore, Report, RoleOutcome, State, Store, StoreError,
};
use maintenance_sandbox::{FunctionSpec, Sandbox};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use support::OneApp as _;
use support::{app, control_with, mixed_fleet, off_wish, on_wish, only, sandbox, web, worker};

/// A disk that is full at some number of blocks, of which each file takes those that it fills.
#[derive(Debug)]
struct Disk {
    root: PathBuf,
    blocks: AtomicU64,
}

const BLOCK: u64 = 4096;

fn blocks_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let blocks = entries.map(|entry| {
        let entry = entry.expect("an entry");
        let metadata = entry.metadata().expect("metadata");
        match metadata.is_dir() {
            true => blocks_below(&entry.path()),
            false => metadata.len().div_ceil(BLOCK),
        }
    });
    blocks.sum()
}

impl Disk {
    /// There is no room for anything more.
    fn fill(&self) {
        self.blocks
            .store(blocks_below(&self.root), Ordering::SeqCst);
    }
}

impl FileHooks for Disk {
    fn call<'a>(&'a self, _call: &'a str, effect: BoxFuture<'a, String>) -> BoxFuture<'a, ()> {
        effect.map(drop).boxed()
    }

    fn room(&self) -> io::Result<()> {
        match blocks_below(&self.root) < self.blocks.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(ErrorKind::StorageFull.into()),
        }
    }
}

/// An app whose parameters are in a folder, on a disk of its own.
struct Files {
    folder: TempDir,
    sandbox: Sandbox,
    disk: Arc<Disk>,
}

impl Files {
    fn new(functions: impl IntoIterator<Item = FunctionSpec>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = sandbox();
        for function in functions {
            sandbox.seed(function);
        }
        let disk = Arc::new(Disk {
            root: folder.path().join("store"),
            blocks: AtomicU64::new(u64::MAX),
        });
        Self {
            folder,
            sandbox,
            disk,
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// A new process.
    fn control(&self, by: &str) -> Control {
        let store = FileStore::new(self.root()).with_hooks(self.disk.clone());
        control_with(support::app(), &self.sandbox, Store::File(store), by)
    }

    async fn on(&self) -> Result<Report, Error> {
        let control = self.control("ana@laptop");
        control.on(&[worker()], &on_wish(), &Context::quiet()).await
    }

    async fn off(&self) -> Result<Report, Error> {
        let control = self.control("ben@laptop");
        control
            .off(&[worker()], &off_wish(), &Context::quiet())
            .await
    }

    async fn state(&self) -> State {
        let status = self
            .control("cleo@laptop")
            .status(&[worker()], &Context::quiet())
            .await;
        status.unwrap().roles[0].state
    }

    /// What is stored, by its path in the app's folder.
    fn path(&self, name: &str) -> PathBuf {
        self.root().join("maintenance/demo-dev").join(name)
    }

    fn saved(&self) -> u64 {
        blocks_below(&self.path("capacity"))
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_or_emptied_is_an_error_and_not_off() {
    let above = TempDir::new().expect("a folder");
    let (root, aside) = (above.path().join("store"), above.path().join("aside"));
    let store = Store::File(FileStore::new(root.clone()));
    let control = control_with(app(), &sandbox(), store, "ana@laptop");
    let roles = [web()];
    let states = async || {
        let flags = control.flags(&roles).await;
        flags.map(|flags| flags[0].state)
    };
    assert_eq!(states().await.expect("it is new"), State::Off);
    control
        .on(&roles, &on_wish(), &Context::quiet())
        .await
        .expect("on");
    assert_eq!(states().await.expect("it is there"), State::On);

    // A share that is not mounted any more: in a folder of it, and at its mount point.
    fs::rename(&root, &aside).expect("it moves");
    for is_mount_point in [false, true] {
        if is_mount_point {
            fs::create_dir(&root).expect("a folder");
        }
        let off = control.off(&roles, &off_wish(), &Context::quiet()).await;
        for error in [states().await.map(drop), off.map(drop)] {
            let error = error.expect_err("what was stored is gone");
            assert!(
                matches!(error, Error::Store(StoreError::Gone { .. })),
                "{error:?}"
            );
            assert!(
                error
                    .hint()
                    .expect("a hint")
                    .contains("mount the share again")
            );
        }
        assert_eq!(
            fs::read_dir(&root).map_or(0, Iterator::count),
            0,
            "it is left alone"
        );
    }
    fs::remove_dir(&root).expect("it is empty");
    fs::rename(&aside, &root).expect("it is back");
    assert_eq!(states().await.expect("it is back"), State::On);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_off_from_nothing() {
    let files = Files::new(mixed_fleet());
    let before = files.sandbox.fleet();
    assert!(files.on().await.unwrap().is_complete());
    files.disk.fill();
    // Several that fail take no room from the one that gives back.
    let shop = FunctionSpec::new("demo-dev-shop").reserved(3);
    files.sandbox.seed(shop);
    for _ in 0..12 {
        let error = files.on().await.unwrap_err();
        let hint = error.hint().unwrap();
        assert!(hint.contains("free a few kilobytes"), "{error:?}");
        let shop = &files.sandbox.fleet()["demo-dev-shop"];
        assert_eq!(shop.reserved, Some(3), "not paused, since not saved");
    }
    let report = files.off().await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    files.sandbox.delete_function("demo-dev-shop").unwrap();
    assert_eq!(files.sandbox.fleet(), before);
    assert_eq!(files.saved(), 0);
    assert_eq!(files.state().await, State::Off);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_unlock_from_nothing() {
    let files = Files::new(mixed_fleet());
    files.on().await.unwrap();
    // One that died.
    let control = files.control("dan@laptop");
    let roles = [worker()];
    let (off, run) = (off_wish(), Context::quiet());
    let mut dying = Box::pin(control.off(&roles, &off, &run));
    while !files.path("lease/2").exists() {
        assert!((&mut dying).now_or_never().is_none());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(dying);
    files.disk.fill();
    let control = files.control("eve@laptop");
    let holder = control.holder().await.unwrap().unwrap();
    let unlocked = control.unlock(&holder, &Context::quiet()).await;
    assert!(unlocked.unwrap().is_some());
    assert!(files.off().await.unwrap().is_complete());
}

#[tokio::test(start_paused = true)]
async fn without_room_and_without_spare_files_the_way_out_is_named() {
    let files = Files::new(mixed_fleet());
    files.on().await.unwrap();
    for n in 0..8 {
        fs::remove_file(files.root().join(format!(".spare-{n}"))).unwrap();
    }
    files.disk.fill();
    let paused = files.sandbox.fleet();
    let error = files.off().await.unwrap_err();
    assert!(
        error.to_string().starts_with("there is no room left for "),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("free a few kilobytes"));
    assert_eq!(files.sandbox.fleet(), paused);
    files.disk.blocks.store(u64::MAX, Ordering::SeqCst);
    assert!(files.off().await.unwrap().is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_one_is_an_error_and_a_new_one_is_off() {
    let files = Files::new([]);
    let folder = files.folder.path();
    fs::write(folder.join("a-file"), "off").unwrap();
    std::os::unix::fs::symlink(folder.join("nowhere"), folder.join("a-link")).unwrap();
    for (path, why) in [
        ("a-file", "it is not a folder"),
        ("a-file/store", "a part of its path is not a folder"),
        ("a-link", "it is a link that leads nowhere"),
        ("missing/store", "the folder above it does not exist"),
    ] {
        let path = folder.join(path);
        let store = Store::File(FileStore::new(path.clone()));
        let control = control_with(support::app(), &files.sandbox, store, "ana@laptop");
        let on = control.on(&[web()], &on_wish(), &Context::quiet()).await;
        let off = control.off(&[web()], &off_wish(), &Context::quiet()).await;
        let status = control
            .status(&[web()], &Context::quiet())
            .await
            .unwrap_err();
        for error in [on.unwrap_err(), off.unwrap_err(), status] {
            let message = format!("{} cannot be used: {why}", path.display());
            assert_eq!(error.to_string(), message);
            assert!(error.hint().unwrap().contains("move away"));
        }
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 2, "nothing was made");
    assert_eq!(files.state().await, State::Off);
    assert!(!files.root().exists(), "reading makes nothing");
    let control = files.control("ana@laptop");
    let on = control.on(&[web()], &on_wish(), &Context::quiet()).await;
    assert!(on.unwrap().is_complete());
    assert!(files.path("flags/web").is_file());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_file_is_an_error_and_holds_up_nobody() {
    let files = Files::new(mixed_fleet());
    files.on().await.unwrap();
    let paused = files.sandbox.fleet();
    let flag = files.path("flags/worker");
    let kept = fs::read(&flag).unwrap();
    fs::remove_file(&flag).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &flag, rustix::fs::Mode::RUSR).unwrap();
    for error in [
        files.off().await.unwrap_err(),
        files.on().await.unwrap_err(),
        files
            .control("cleo@laptop")
            .status(&[worker()], &Context::quiet())
            .await
            .unwrap_err(),
    ] {
        let said = error.to_string();
        assert!(said.ends_with("it is a named pipe, not a file"), "{said}");
    }
    assert_eq!(files.sandbox.fleet(), paused);
    fs::remove_file(&flag).unwrap();
    fs::create_dir(&flag).unwrap();
    let said = files.off().await.unwrap_err().to_string();
    assert!(said.ends_with("it is a folder, not a file"), "{said}");
    fs::remove_dir(&flag).unwrap();

    // Nor does the store's own lock, if it is a pipe.
    let lock = files.root().join(".lock");
    fs::remove_file(&lock).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &lock, rustix::fs::Mode::RUSR).unwrap();
    let said = files.off().await.unwrap_err().to_string();
    assert!(said.starts_with("lock on "), "{said}");
    fs::remove_file(&lock).unwrap();

    // What is endless is not read to its end, and what is large is no flag though it begins like one.
    std::os::unix::fs::symlink("/dev/zero", &flag).unwrap();
    let said = files.off().await.unwrap_err().to_string();
    assert!(said.ends_with("it is a device, not a file"), "{said}");
    fs::remove_file(&flag).unwrap();
    let mut large = b"off".to_vec();
    large.resize(1 << 20, b' ');
    fs::write(&flag, large).unwrap();
    assert_eq!(files.state().await, State::Malformed);

    fs::write(&flag, kept).unwrap();
    assert!(files.off().await.unwrap().is_complete());
}

/// Holds a process up at its first call that begins like this.
#[derive(Debug)]
struct HeldUp {
    at: &'static str,
    there: Semaphore,
    go: Semaphore,
}

impl FileHooks for HeldUp {
    fn call<'a>(&'a self, call: &'a str, effect: BoxFuture<'a, String>) -> BoxFuture<'a, ()> {
        async move {
            if call.starts_with(self.at) {
                self.there.add_permits(1);
                self.go.acquire().await.expect("open").forget();
            }
            effect.await;
        }
        .boxed()
    }

    fn room(&self) -> io::Result<()> {
        Ok(())
    }
}

/// An `off` that has restored everything and is frozen, before it gets the store's lock, for longer than a
/// lease lasts, while another operator turns maintenance on again.
async fn off_frozen_at(at: &'static str) {
    let files = Files::new(mixed_fleet());
    let before = files.sandbox.fleet();
    assert!(files.on().await.unwrap().is_complete());
    let hooks = Arc::new(HeldUp {
        at,
        there: Semaphore::new(0),
        go: Semaphore::new(0),
    });
    let store = FileStore::new(files.root()).with_hooks(hooks.clone());
    let control = control_with(
        support::app(),
        &files.sandbox,
        Store::File(store),
        "frozen@laptop",
    );
    let frozen = tokio::task::spawn_local(async move {
        let (roles, off) = ([worker()], off_wish());
        control.off(&roles, &off, &Context::quiet()).await
    });
    hooks.there.acquire().await.unwrap().forget();
    assert_eq!(files.sandbox.fleet(), before, "all is restored");

    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(files.on().await.unwrap().is_complete());
    let (paused, saved) = (files.sandbox.fleet(), files.saved());
    assert_ne!(paused, before);
    assert!(saved > 0);

    hooks.go.add_permits(100);
    let error = frozen.await.unwrap().unwrap_err();
    let lost = matches!(&error, Error::LeaseLost { .. })
        || matches!(&error, Error::Unfinished { source, .. } if matches!(**source, Error::LeaseLost { .. }));
    assert!(lost, "{error:?}");
    assert_eq!(files.sandbox.fleet(), paused);
    assert_eq!(files.saved(), saved, "what the other saved is still there");
    assert_eq!(files.state().await, State::On);

    assert!(files.off().await.unwrap().is_complete());
    assert_eq!(files.sandbox.fleet(), before);
    assert_eq!(files.saved(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_off_that_was_frozen_deletes_nothing_that_another_saved() {
    let test = off_frozen_at("delete /maintenance/demo-dev/capacity/");
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn an_off_that_was_frozen_does_not_turn_off_what_another_turned_on() {
    let test = off_frozen_at("replace /maintenance/demo-dev/flags/");
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_another_process_keeps_is_waited_for_once() {
    let files = Files::new([]);
    fs::create_dir(files.root()).unwrap();
    let lock = fs::File::create(files.root().join(".lock")).unwrap();
    lock.lock().unwrap();
    let started = tokio::time::Instant::now();
    let error = files.on().await.unwrap_err();
    assert!(error.to_string().starts_with("lock on "), "{error}");
    assert!(started.elapsed() < Duration::from_secs(11));
}
