//! A terminal that was closed while a command is at work: nobody hears it, and it ends in order.

use std::process::{Command, Stdio};

use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::{TestEnv, dead_terminal};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn what_nobody_hears_changes_nothing_of_what_is_done() {
    let env = TestEnv::aws();
    for arguments in [
        &["on", "-y", "-v"][..],
        &["on", "-vv", "-y", "--message", "Soon"],
        &["off"],
    ] {
        let mut command = env.command(arguments);
        command.stdout(dead_terminal()).stderr(dead_terminal());
        assert_eq!(command.status().unwrap().code(), Some(0), "{arguments:?}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = env.command(&["on", "-y", "-v", "--json"]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    assert_eq!(command.status().unwrap().code(), Some(0));
    env.run(&["status"]).code(0).stdout("on\n");
    // An answer that cannot be given is an error, and no more than that.
    let mut command = env.command(&["status"]);
    command.stdout(dead_terminal()).stderr(dead_terminal());
    assert_eq!(command.status().unwrap().code(), Some(1));
}

#[test]
fn nohup_is_heeded() {
    let env = TestEnv::aws();
    env.sandbox()
        .inject(Fault::on("PutParameter").target("/flags/").hang());
    let mut command = Command::new("nohup");
    command
        .arg(maintenance_tests::binary())
        .args(["on", "-y"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(env.variables())
        .current_dir(env.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    env.wait_until_hanging();
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    env.run(&["status"]).code(0).stdout("on\n");
}

#[test]
fn the_step_in_hand_is_finished_and_the_lease_given_back() {
    let env = TestEnv::aws();
    for n in 0..12 {
        let function = FunctionSpec::new(&format!("demo-dev-{n:02}"));
        env.sandbox().seed(function);
    }
    let before = env.sandbox().fleet();
    let third = Fault::on("PutFunctionConcurrency").nth(3).hang();
    env.sandbox().inject(third);
    let on = ["on", "-y", "--role", "worker", "--function", "demo-dev-*"];
    let mut command = env.command(&on);
    command.stdout(dead_terminal()).stderr(dead_terminal());
    let mut child = command.spawn().unwrap();
    env.wait_until_hanging();
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    env.sandbox().clear_faults();
    env.sandbox().release_hanging();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_ne!(env.sandbox().fleet(), before);
    env.run(&["off", "--role", "worker"]).code(0);
    assert_eq!(env.sandbox().fleet(), before);
}
