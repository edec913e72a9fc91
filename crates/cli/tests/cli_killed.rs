//! The crash that matters: the real binary is killed at each of its write calls in turn, before and
//! after the call takes effect. Whatever it left, the next command gives every function back exactly
//! what it had.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use maintenance_flag::Lease;
use maintenance_sandbox::{Fault, Fleet, FunctionSpec, MappingSpec, When};
use maintenance_tests::TestEnv;

const ON: [&str; 5] = ["on", "--yes", "--all", "--rate", "15"];
const OFF: [&str; 4] = ["off", "--all", "--rate", "15"];
/// How many commands are at work at once. They mostly wait for their turn to call.
const AT_ONCE: usize = 12;

/// A worker of every kind.
fn env() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    let functions = [
        FunctionSpec::new("demo-dev-limited").reserved(20),
        FunctionSpec::new("demo-dev-provisioned")
            .reserved(10)
            .alias("live", 1)
            .provisioned("live", 4),
        FunctionSpec::new("demo-dev-queue")
            .mapping(MappingSpec::sqs("orders"))
            .mapping(MappingSpec::sqs("old-orders").disabled()),
        FunctionSpec::new("demo-dev-unset"),
        FunctionSpec::new("demo-dev-zero").reserved(0),
    ];
    for function in functions {
        env.sandbox().seed(function);
    }
    env
}

/// The same with a folder as the store.
fn scene_of_files() -> TestEnv {
    let mut env = env();
    env.set("MAINTENANCE_STORE", "file:store");
    env
}

/// The files of the app in the scene's store below a part of it, if that is a folder.
fn files(env: &TestEnv, part: &str) -> Vec<PathBuf> {
    let mut folders = vec![env.folder().join("store/maintenance/demo-dev").join(part)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let hidden = path
                .file_name()
                .unwrap()
                .as_encoded_bytes()
                .starts_with(b".");
            match path.is_dir() {
                true => folders.push(path),
                false if hidden => {}
                false => files.push(path),
            }
        }
    }
    files
}

/// As if an hour had passed: a lease that ended so long ago needs no watching.
fn let_leases_end(env: &TestEnv) {
    let ended = |stored: &str| {
        let mut lease = Lease::decode(stored).unwrap();
        lease.expires = lease.acquired - jiff::SignedDuration::from_hours(1);
        lease.encode()
    };
    for (name, parameter) in env.sandbox().parameters() {
        if name.contains("/lease/") {
            env.sandbox().set_parameter(&name, &ended(&parameter.value));
        }
    }
    for file in files(env, "lease") {
        let lease = ended(&std::fs::read_to_string(&file).unwrap());
        std::fs::write(&file, lease).unwrap();
    }
}

fn is_paused(fleet: &Fleet) -> bool {
    fleet.values().all(|function| {
        function.reserved == Some(0)
            && function.provisioned.is_empty()
            && function.mappings.values().all(|mapping| !mapping.enabled)
    })
}

/// Kills the command at its n-th write, and tidies up what only the test left.
fn kill_at(env: &TestEnv, command: &[&str], n: u64, when: When) {
    let fault = Fault::any_write().nth(n);
    let fault = match when {
        When::Before => fault.before(),
        When::After => fault.after(),
    };
    env.sandbox().inject(fault.hang());
    let running = env.start(command);
    env.wait_until_hanging();
    running.kill();
    assert_eq!(running.wait().code, None, "killed by a signal");
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    let_leases_end(env);
}

fn is_back(env: &TestEnv, before: &Fleet) {
    assert_eq!(env.sandbox().fleet(), *before);
    env.run(&["status", "--all"])
        .code(0)
        .stdout("web off\nworker off\n");
    let parameters = env.sandbox().parameters();
    let saved: Vec<_> = parameters
        .keys()
        .filter(|name| name.contains("/capacity/"))
        .collect();
    assert!(saved.is_empty(), "{saved:?}");
    assert_eq!(files(env, "capacity"), [] as [PathBuf; 0]);
}

/// Runs every case on its own thread, so many at once.
fn in_parallel(cases: &[(u64, When)], case: impl Fn(u64, When) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((n, when)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    case(*n, *when);
                }
            });
        }
    });
}

/// Every write call of a command, cut before and after its effect.
fn cuts(writes: u64) -> Vec<(u64, When)> {
    (1..=writes)
        .flat_map(|n| [(n, When::Before), (n, When::After)])
        .collect()
}

#[test]
fn killed_at_any_write_of_on() {
    kill_on(env);
}

/// At any write to Lambda, that is: at any to the store it is killed in the harness of the library.
#[test]
fn killed_at_any_write_of_on_with_a_file_store() {
    kill_on(scene_of_files);
}

fn kill_on(env: fn() -> TestEnv) {
    let scene_of_reference = env();
    scene_of_reference.run(&ON).code(0);
    let writes = scene_of_reference.sandbox().call_counts().writes;
    assert!(writes > 5, "{writes} writes");
    in_parallel(&cuts(writes), |n, when| {
        let env = env();
        let before = env.sandbox().fleet();
        kill_at(&env, &ON, n, when);
        // Either way out must work: to go on and then back, or back at once.
        if when == When::After {
            env.run(&ON).code(0);
            assert!(is_paused(&env.sandbox().fleet()), "write {n}, {when:?}");
        }
        env.run(&OFF).code(0);
        is_back(&env, &before);
    });
}

#[test]
fn killed_at_any_write_of_off() {
    kill_off(env);
}

#[test]
fn killed_at_any_write_of_off_with_a_file_store() {
    kill_off(scene_of_files);
}

fn kill_off(env: fn() -> TestEnv) {
    let scene_of_reference = env();
    scene_of_reference.run(&ON).code(0);
    scene_of_reference.sandbox().reset_calls();
    scene_of_reference.run(&OFF).code(0);
    let writes = scene_of_reference.sandbox().call_counts().writes;
    assert!(writes > 5, "{writes} writes");
    in_parallel(&cuts(writes), |n, when| {
        let env = env();
        let before = env.sandbox().fleet();
        env.run(&ON).code(0);
        kill_at(&env, &OFF, n, when);
        // The flag may be off only if nothing is saved any more.
        if when == When::After {
            env.run(&ON).code(0);
            assert!(is_paused(&env.sandbox().fleet()), "write {n}, {when:?}");
        }
        env.run(&OFF).code(0);
        is_back(&env, &before);
    });
}

/// The arguments of `during`, whose command is a script.
fn during(script: &str) -> Vec<&str> {
    let during = ["during", "--yes", "--role", "worker", "--rate", "15"];
    [&during[..], &["--", "sh", "-c", script]].concat()
}

/// `during` is killed while it turns on, while its command runs, and while it turns off.
#[test]
fn killed_at_each_stage_of_during() {
    let at = |operation: &str, n: u64| Some(Fault::on(operation).nth(n).after().hang());
    let stages = [
        // Saving, and pausing.
        at("PutParameter", 3),
        at("PutFunctionConcurrency", 2),
        // The command.
        None,
        // Restoring, and deleting what was saved.
        at("DeleteFunctionConcurrency", 1),
        at("PutProvisionedConcurrencyConfig", 1),
        at("DeleteParameters", 1),
    ];
    std::thread::scope(|scope| {
        for fault in stages {
            scope.spawn(move || kill_during(fault));
        }
    });
}

fn kill_during(fault: Option<Fault>) {
    let env = env();
    let before = env.sandbox().fleet();
    let script = match fault {
        Some(_) => "true",
        None => "echo ready; exec sleep 2",
    };
    let is_command = fault.is_none();
    fault
        .into_iter()
        .for_each(|fault| env.sandbox().inject(fault));
    let mut command = env.command(&during(script));
    command.env("PATH", "/usr/bin:/bin");
    let running = env.start_command(command);
    match is_command {
        true => drop(running.answers("ready")),
        false => env.wait_until_hanging(),
    }
    running.kill();
    assert_eq!(running.wait().code, None, "killed by a signal");
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    let_leases_end(&env);
    if is_command {
        env.run(&["status", "--role", "worker"])
            .code(0)
            .stdout("on\n");
        assert!(is_paused(&env.sandbox().fleet()));
    }
    env.run(&OFF).code(0);
    is_back(&env, &before);
}
