//! What the command itself needs of memory: its peak, while it pauses and restores fleets of a local AWS
//! that is another process's.
//!
//! ```text
//! cargo build && cargo run -p maintenance-tests --example memory                    # a quarter of an hour
//! cargo build && cargo run -p maintenance-tests --example memory -- 10 300          # smaller fleets
//! ```
//!
//! It takes as long as it takes against AWS: the clock is the real one, and the pace is the most that the
//! command keeps. The figure is Linux's `VmHWM`, looked at until the command ends.

use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use maintenance_sandbox::FunctionSpec;
use maintenance_tests::{TestEnv, quick_sandbox};

const SIZES: [usize; 3] = [10, 1_000, 3_000];
/// Between two looks. The figure only grows, so that a look shortly before the end is as good.
const LOOK: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let sizes: Result<Vec<usize>, _> = std::env::args().skip(1).map(|it| it.parse()).collect();
    let Ok(sizes) = sizes else {
        eprintln!("usage: memory [FUNCTIONS]...");
        return ExitCode::from(2);
    };
    let sizes = if sizes.is_empty() {
        SIZES.to_vec()
    } else {
        sizes
    };
    println!("| functions | | took | peak memory |\n|---|---|---|---|");
    for size in sizes {
        let env = env(size);
        let worker = ["--role", "worker", "--function", "demo-dev-*"];
        let on = [&["on", "--yes"], &worker[..]].concat();
        let off = [&["off"], &worker[..]].concat();
        for (name, command) in [("on", on), ("off", off)] {
            let Some((took, peak)) = measure(&env, &command) else {
                eprintln!(
                    "maintenance {} failed, or is not measured here",
                    command.join(" ")
                );
                return ExitCode::FAILURE;
            };
            let took = took.as_secs_f64();
            println!(
                "| {size} | {name} | {took:.1} s | {:.1} MB |",
                peak as f64 / 1024.0
            );
        }
    }
    ExitCode::SUCCESS
}

fn env(functions: usize) -> TestEnv {
    let sandbox = quick_sandbox();
    sandbox.configure(|settings| settings.lambda.concurrent_executions = 100_000);
    for n in 0..functions {
        let function = FunctionSpec::new(&format!("demo-dev-worker-{n:04}"));
        sandbox.seed(if n % 2 == 0 {
            function.reserved(5)
        } else {
            function
        });
    }
    TestEnv::in_sandbox(sandbox)
}

/// How long a command takes, and its peak memory, KiB.
fn measure(env: &TestEnv, arguments: &[&str]) -> Option<(Duration, u64)> {
    let mut command = env.command(arguments);
    command.args(["--quiet", "--rate", "15"]);
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().ok()?;
    let mut peak = None;
    let status = loop {
        peak = peak_memory(child.id()).or(peak);
        match child.try_wait().ok()? {
            Some(status) => break status,
            None => std::thread::sleep(LOOK),
        }
    };
    status.success().then_some((began.elapsed(), peak?))
}

/// The most memory that a process has had, KiB, where the system tells.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
