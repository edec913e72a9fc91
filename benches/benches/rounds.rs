//! The cost of the gate beside its peers on a machine that is busy with other work: all take their turn
//! in each of many short rounds. The time shown is the one that one round in twenty stays below:
//! that of an undisturbed round. `gate` has each one's times with their spread.

use std::hint::black_box;
use std::time::Instant;

use maintenance_benches::{CASES, Work, case, gate, now, refusal, request, request_of};

const ROUNDS: usize = 10_000;
const REQUESTS: u32 = 64;

/// Something small, done [`REQUESTS`] times.
type Batch = Box<dyn FnMut()>;

fn main() {
    let mut small: Vec<(&str, Batch, Vec<f64>)> = Vec::new();
    #[cfg(target_os = "linux")]
    small.push((
        "the coarse clock",
        batch(|| rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse)),
        Vec::new(),
    ));
    for (name, flag) in [("check, off", "off"), ("check, on, with its answer", "on")] {
        let (gate, mut request) = (gate(flag), request());
        let check = batch(move || now(gate.check(black_box(&mut request))).into_response());
        small.push((name, check, Vec::new()));
    }
    let head = refusal();
    let clone = batch(move || black_box(&head).clone());
    small.push(("a clone of that answer's head", clone, Vec::new()));
    let mut requests: Vec<(&str, Work, Vec<f64>)> = Vec::new();
    requests.extend(CASES.map(|name| (name, case(name), Vec::new())));

    for _ in 0..ROUNDS {
        for (_, batch, times) in &mut small {
            times.push(nanos(batch));
        }
        for (name, work, times) in &mut requests {
            let mut ready: Vec<_> = (0..REQUESTS).map(|_| request_of(name)).collect();
            times.push(nanos(|| ready.drain(..).for_each(&mut *work)));
        }
    }

    for (name, _, times) in small {
        println!("{name:44} {:7.1} ns", undisturbed(times));
    }
    let requests = requests.into_iter();
    let mut times = requests.map(|(name, _, times)| (name, undisturbed(times)));
    // The first case is what all others have in common.
    let nothing = times.next().map_or(0.0, |(_, time)| time);
    for (name, time) in times {
        println!("{name:44} {:7.1} ns", time - nothing);
    }
}

fn batch<T>(mut work: impl FnMut() -> T + 'static) -> Batch {
    Box::new(move || {
        for _ in 0..REQUESTS {
            black_box(work());
        }
    })
}

/// Nanoseconds for one of the [`REQUESTS`].
fn nanos(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9 / f64::from(REQUESTS)
}

fn undisturbed(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 20]
}
