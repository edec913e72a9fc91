//! The crash that matters: the real command, killed with SIGKILL at each of its writes in turn, before
//! and after the write took effect. The next command brings everything back.

use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use maintenance_flag::{Flag, Lease};
use maintenance_sandbox::{
    Clock, Fault, FaultBuilder, Fleet, FunctionSpec, LambdaSettings, MappingSpec, RateLimits,
    Sandbox, Server, Settings,
};

/// How many commands run side by side; they mostly wait for their turn to call.
const SIDE_BY_SIDE: u64 = 6;

/// A sandbox on loopback, with one worker of every kind.
struct World {
    sandbox: Sandbox,
    server: Server,
    before: Fleet,
}

/// What a command came to.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Killed,
    Exited,
}

impl World {
    fn new() -> Self {
        let settings = Settings {
            clock: Clock::system(),
            rate_limits: RateLimits::off(),
            lambda: LambdaSettings {
                provision: Duration::ZERO,
                mapping_change: Duration::ZERO,
                mapping_disable: Duration::ZERO,
                ..LambdaSettings::default()
            },
            ..Settings::default()
        };
        let sandbox = Sandbox::new(settings);
        sandbox.seed(FunctionSpec::new("demo-dev-unset"));
        sandbox.seed(FunctionSpec::new("demo-dev-zero").reserved(0));
        sandbox.seed(
            FunctionSpec::new("demo-dev-queue")
                .reserved(5)
                .mapping(MappingSpec::sqs("q")),
        );
        let provisioned = FunctionSpec::new("demo-dev-hot")
            .reserved(9)
            .versions(1)
            .alias("live", 1);
        sandbox.seed(provisioned.provisioned("live", 3));
        let server = sandbox.serve_on_thread().expect("a free port");
        let before = sandbox.fleet();
        Self {
            sandbox,
            server,
            before,
        }
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maintenance"));
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL", self.server.endpoint_url())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("MAINTENANCE_APP", "demo")
            .env("MAINTENANCE_ENV", "dev")
            .args([
                subcommand,
                "--role",
                "worker",
                "--function",
                "demo-dev-*",
                "--rate",
                "15",
            ])
            .current_dir("/")
            .stdin(Stdio::null());
        if subcommand == "on" {
            command.arg("--yes");
        }
        command
    }

    /// Runs a command to its end.
    fn run(&self, subcommand: &str) -> Output {
        let output = self
            .command(subcommand)
            .output()
            .expect("the command starts");
        assert!(output.status.success(), "{subcommand}: {output:?}");
        output
    }

    /// Runs a command and kills it at its `nth` write.
    fn kill_at(&self, subcommand: &str, nth: u64, after: bool) -> End {
        let (tell, told) = mpsc::channel();
        let reached = tell.clone();
        let at = |fault: FaultBuilder| if after { fault.after() } else { fault.before() };
        // The write hangs, so that nothing happens between it and the kill.
        self.sandbox
            .inject(at(Fault::any_write().nth(nth)).hook(move |_| {
                let _nobody_listens_any_more = reached.send(End::Killed);
            }));
        self.sandbox.inject(at(Fault::any_write().nth(nth)).hang());
        let mut child = self
            .command(subcommand)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut stderr = child.stderr.take().expect("a pipe");
        let watch = thread::spawn(move || {
            let mut said = String::new();
            // It ends when the process does.
            stderr.read_to_string(&mut said).expect("text");
            let _nobody_listens_any_more = tell.send(End::Exited);
            said
        });
        let end = told.recv().expect("it hangs or it ends");
        kill(&mut child);
        let said = watch.join().expect("no panic");
        assert!(!said.contains("panicked"), "{said}");
        self.sandbox.clear_faults();
        self.sandbox.release_hanging();
        end
    }

    /// Lets the time pass after which the lease of the dead has ended.
    fn let_the_lease_end(&self) {
        for (name, parameter) in self.sandbox.parameters() {
            if name.contains("/lease/") {
                let lease = Lease::decode(&parameter.value).expect("a lease");
                let long_ago = lease.expires - Duration::from_secs(3600);
                let ended = Lease {
                    expires: long_ago,
                    ..lease
                };
                self.sandbox.set_parameter(&name, &ended.encode());
            }
        }
    }

    fn assert_restored(&self, what: &str) {
        assert_eq!(self.sandbox.fleet(), self.before, "{what}");
        let parameters = self.sandbox.parameters();
        assert!(
            !parameters.keys().any(|name| name.contains("/capacity/")),
            "{what}"
        );
        if let Some(flag) = parameters.get("/maintenance/demo-dev/flags/worker") {
            assert!(
                !Flag::decode(&flag.value).expect("a flag").mode.is_on(),
                "{what}"
            );
        }
    }
}

fn kill(child: &mut Child) {
    // SIGKILL on Unix. It may have ended by itself.
    let _already_ended = child.kill();
    child.wait().expect("a child of ours");
}

/// Tries every write in turn until there is none to kill at, several side by side.
fn at_every_write(what: &str, try_one: impl Fn(u64, bool) -> End + Sync) -> u64 {
    let kills = AtomicU64::new(0);
    for after in [false, true] {
        let next = AtomicU64::new(1);
        let last = AtomicU64::new(u64::MAX);
        thread::scope(|scope| {
            for _ in 0..SIDE_BY_SIDE {
                scope.spawn(|| {
                    loop {
                        let nth = next.fetch_add(1, Ordering::SeqCst);
                        if nth > last.load(Ordering::SeqCst) {
                            return;
                        }
                        match try_one(nth, after) {
                            End::Killed => kills.fetch_add(1, Ordering::SeqCst),
                            End::Exited => last.fetch_min(nth, Ordering::SeqCst),
                        };
                    }
                });
            }
        });
    }
    let kills = kills.into_inner();
    println!("{what} was killed at {kills} points");
    kills
}

#[test]
fn on_killed_at_every_write_is_undone_by_off() {
    let kills = at_every_write("on", |nth, after| {
        let world = World::new();
        let end = world.kill_at("on", nth, after);
        world.let_the_lease_end();
        world.run("off");
        world.assert_restored(&format!("on killed at write {nth}, after: {after}"));
        end
    });
    // The lease, the flag, what is saved, a mapping, a qualifier, three reservations, the lease.
    assert!(kills >= 2 * 9, "{kills}");
}

#[test]
fn on_killed_at_every_write_is_finished_by_on() {
    let kills = at_every_write("on", |nth, after| {
        let world = World::new();
        let end = world.kill_at("on", nth, after);
        world.let_the_lease_end();
        world.run("on");
        let paused = world.sandbox.fleet();
        assert!(
            paused.values().all(|function| function.reserved == Some(0)),
            "{paused:?}"
        );
        world.run("off");
        world.assert_restored(&format!(
            "on killed at write {nth}, after: {after}, then on"
        ));
        end
    });
    assert!(kills >= 2 * 9, "{kills}");
}

#[test]
fn off_killed_at_every_write_is_finished_by_off() {
    let kills = at_every_write("off", |nth, after| {
        let world = World::new();
        world.run("on");
        let end = world.kill_at("off", nth, after);
        world.let_the_lease_end();
        world.run("off");
        world.assert_restored(&format!("off killed at write {nth}, after: {after}"));
        end
    });
    assert!(kills >= 2 * 9, "{kills}");
}
