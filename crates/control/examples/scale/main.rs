//! What pausing and restoring fleets of 10 to 3,000 functions costs: one line a fleet and operation.
//!
//! ```text
//! cargo run -p maintenance-control --example scale
//! cargo run -p maintenance-control --example scale -- mixed 300    # one fleet, by operation
//! ```
//!
//! The calls go through the real adapters to the sandbox in this process, which enforces AWS's rates;
//! the clock is virtual, so that ten minutes of waiting take a second. Each fleet has a process of its
//! own, so that its peak memory is its own: the program starts itself again.

#[path = "measure.rs"]
mod measure;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::{Command, ExitCode};
use std::time::Duration;

use maintenance_sandbox::{Budget, Service};
use measure::{Kind, Measured};

const SIZES: [usize; 4] = [10, 100, 1_000, 3_000];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => all(),
        [kind, size] => one(kind, size, true),
        [kind, size, "--row"] => one(kind, size, false),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: scale [plain|mixed FUNCTIONS]");
    ExitCode::from(2)
}

fn all() -> ExitCode {
    println!(
        "| fleet | | shared | GetFunction | GetPolicy | parameter reads | capacity writes \
         | other writes | calls ÷ rate | took | over | CPU | peak memory |"
    );
    println!("|{}", "---|".repeat(13));
    let Ok(myself) = std::env::current_exe() else {
        return ExitCode::FAILURE;
    };
    for kind in [Kind::Plain, Kind::Mixed] {
        for size in SIZES {
            let child = Command::new(&myself)
                .args([kind.name(), &size.to_string(), "--row"])
                .status();
            if !child.is_ok_and(|status| status.success()) {
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn one(kind: &str, size: &str, details: bool) -> ExitCode {
    let kind = [Kind::Plain, Kind::Mixed]
        .into_iter()
        .find(|it| it.name() == kind);
    let (Some(kind), Ok(size)) = (kind, size.parse()) else {
        return usage();
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let world = measure::world(kind, size);
        let before = world.sandbox.fleet();
        let cpu = cpu_time();
        let on = measure::on(&world).await;
        row(kind, size, "on", &on, cpu);
        let cpu = cpu_time();
        let off = measure::off(&world).await;
        row(kind, size, "off", &off, cpu);
        if details {
            by_operation("on", &on);
            by_operation("off", &off);
        }
        assert!(on.report.is_complete() && off.report.is_complete());
        assert!(world.sandbox.fleet() == before, "not as it was");
    });
    ExitCode::SUCCESS
}

fn row(kind: Kind, size: usize, operation: &str, measured: &Measured, began: Option<Duration>) {
    let per_function = |budget| measured.charged(budget) as f64 / size as f64;
    let (took, floor) = (measured.wall.as_secs_f64(), measured.floor().as_secs_f64());
    let capacity = measured.parameter_writes("/capacity/");
    let unknown = || "?".to_owned();
    let cpu = cpu_time().zip(began).map_or_else(unknown, |(now, began)| {
        format!("{:.2} s", now.saturating_sub(began).as_secs_f64())
    });
    let memory = peak_memory().map_or_else(unknown, |kib| format!("{} MB", kib / 1024));
    println!(
        "| {} {size} | {operation} | {:.2} | {:.2} | {:.2} | {} | {capacity} | {} \
         | {floor:.1} s | {took:.1} s | {:+.0} % | {cpu} | {memory} |",
        kind.name(),
        per_function(Budget::LambdaControl),
        per_function(Budget::LambdaGetFunction),
        per_function(Budget::LambdaGetPolicy),
        measured.charged(Budget::SsmRead),
        measured.charged(Budget::SsmWrite) - capacity,
        (took / floor - 1.0) * 100.0,
    );
}

/// Every operation of the API: how often, and from when to when.
fn by_operation(operation: &str, measured: &Measured) {
    println!(
        "\n{operation}: {} calls in {:.1} s, of which were refused for their number: {} of Lambda's, {} \
         of Parameter Store's",
        measured.calls.len(),
        measured.wall.as_secs_f64(),
        measured.throttled(Service::Lambda),
        measured.throttled(Service::Ssm),
    );
    let Some(first) = measured.calls.first() else {
        return;
    };
    let mut spans: Vec<(&str, f64, f64)> = Vec::new();
    for call in &measured.calls {
        let at = call.call.at.duration_since(first.call.at).as_secs_f64();
        match spans.iter_mut().find(|it| it.0 == call.call.operation) {
            Some((_, _, last)) => *last = at,
            None => spans.push((&call.call.operation, at, at)),
        }
    }
    for (name, from, to) in spans {
        let count = measured.count(name);
        println!("{count:>6} {name:<36} {from:>7.1} s to {to:>7.1} s");
    }
}

/// The time this thread was on a processor, where the system tells. The runtime has one thread, so that
/// is everything, the sandbox's work included.
fn cpu_time() -> Option<Duration> {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = line.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// The most memory this process has had, KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
