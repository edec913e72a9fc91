//! The cost of the gate for a request, beside its peers, in one run. Only ratios count: machines differ and
//! drift.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::Response;
use maintenance_benches::{CASES, case, gate, now, refusal, request, request_of};

/// The decision as a plain call, beside its parts: a clock and a load.
fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    let state = AtomicU64::new(1);
    group.bench_function("an atomic load", |bencher| {
        bencher.iter(|| black_box(&state).load(Ordering::Acquire));
    });
    #[cfg(target_os = "linux")]
    group.bench_function("the coarse clock", |bencher| {
        bencher.iter(|| rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse));
    });
    group.bench_function("the monotonic clock", |bencher| bencher.iter(Instant::now));
    let mut request = request();
    let off = gate("off");
    group.bench_function("decide, off", |bencher| {
        bencher.iter(|| off.decide(black_box(&mut request)));
    });
    group.bench_function("check, off", |bencher| {
        bencher.iter(|| now(off.check(black_box(&mut request))));
    });
    let on = gate("on");
    group.bench_function("check, on, with its answer", |bencher| {
        bencher.iter(|| now(on.check(black_box(&mut request))).into_response());
    });
    let template = refusal();
    group.bench_function("a clone of that answer's head", |bencher| {
        bencher.iter(|| Response::from_parts(black_box(&template).clone(), ()));
    });
    for (name, threads) in [("one thread", 1), ("two threads", 2)] {
        group.bench_function(format!("check, off, {name}"), |bencher| {
            bencher.iter_custom(|times| in_threads(threads, &off, times));
        });
    }
    group.finish();
}

/// How long one of some threads takes for `times` decisions while the others do the same: the time that it had
/// a core, since on a busy machine it waits for one.
fn in_threads(threads: u32, gate: &maintenance_gate::Gate, times: u64) -> Duration {
    let barrier = Arc::new(Barrier::new(threads as usize));
    let threads_at_work: Vec<_> = (0..threads)
        .map(|_| {
            let (gate, barrier) = (gate.clone(), Arc::clone(&barrier));
            thread::spawn(move || {
                let mut request = request();
                barrier.wait();
                let start = cpu_time();
                for _ in 0..times {
                    let _ = black_box(now(gate.check(black_box(&mut request))));
                }
                cpu_time() - start
            })
        })
        .collect();
    let total: Duration = threads_at_work
        .into_iter()
        .map(|thread| thread.join().expect("a thread that only decides"))
        .sum();
    total / threads
}

#[cfg(target_os = "linux")]
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.try_into().expect("it begins at zero")
}

#[cfg(not(target_os = "linux"))]
fn cpu_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

/// One request through a service, bare and behind each layer.
fn request_through(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request");
    for name in CASES {
        let mut work = case(name);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| request_of(name), &mut work, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, decision, request_through);
criterion_main!(benches);
