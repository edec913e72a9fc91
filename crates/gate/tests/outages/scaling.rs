//! That `docs/scaling.md` shows what its simulation prints, and that real gates do what it says.

use std::path::PathBuf;
use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Request;
use maintenance_gate::{Fetch, FlagSource, Gate, ManualClock, Throttled};

use crate::support::START;

const DOCUMENT: &str = include_str!("../../../../docs/scaling.md");

/// What the example prints.
fn printed(arguments: &[&str]) -> String {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let example: PathBuf = target
        .join("examples/scaling")
        .with_extension(std::env::consts::EXE_EXTENSION);
    let output = Command::new(example).args(arguments).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_document_shows_what_the_simulation_prints() {
    let printed = printed(&[]);
    let tables: Vec<&str> = printed.trim_end().split("\n\n").collect();
    assert_eq!(tables.len(), 5);
    for table in tables {
        assert!(
            DOCUMENT.contains(table),
            "docs/scaling.md has another table than\n{table}"
        );
    }
}

/// A store that answers forty reads a second, on a clock that is steered, and counts.
#[derive(Clone)]
struct Busy(Arc<Mutex<Bucket>>);

struct Bucket {
    tokens: u32,
    asked: u32,
    refused: u32,
}

const LIMIT: u32 = 40;

impl FlagSource for Busy {
    fn fetch(&self, _parameter: &str) -> Fetch {
        let mut bucket = self.0.lock().unwrap();
        bucket.asked += 1;
        let answer = match bucket.tokens.checked_sub(1) {
            Some(left) => {
                bucket.tokens = left;
                Ok(Some("off".into()))
            }
            None => {
                bucket.refused += 1;
                Err(Throttled::new("Rate exceeded").into())
            }
        };
        Box::pin(async { answer })
    }
}

/// Real gates, each with a request a second, for five minutes: how often they asked in the last two,
/// per second, and how many percent of that were refused.
fn real_gates(count: u64, ttl: Duration) -> (f64, f64) {
    let clock = ManualClock::new(START);
    let store = Busy(Arc::new(Mutex::new(Bucket {
        tokens: LIMIT,
        asked: 0,
        refused: 0,
    })));
    let gates: Vec<Gate> = (0..count)
        .map(|_| {
            let gate = Gate::builder().app("demo").env("dev").ttl(ttl);
            let gate = gate.source(store.clone()).clock(clock.clone());
            gate.build().unwrap()
        })
        .collect();
    let mut request = Request::new(());
    let mut context = Context::from_waker(Waker::noop());
    let mut random = fastrand::Rng::with_seed(5);
    // Each gate's request comes in a tenth of a second of its own, and there before or after others'.
    for tenth in 0..3_000 {
        let mut visited: Vec<&Gate> = gates.iter().skip(tenth % 10).step_by(10).collect();
        random.shuffle(&mut visited);
        for gate in visited {
            let decided = pin!(gate.check(&mut request)).poll(&mut context);
            assert!(
                matches!(decided, Poll::Ready(_)),
                "the store answers at once"
            );
        }
        clock.advance(Duration::from_millis(100));
        let mut bucket = store.0.lock().unwrap();
        bucket.tokens = (bucket.tokens + LIMIT / 10).min(LIMIT);
        if tenth == 1_800 {
            (bucket.asked, bucket.refused) = (0, 0);
        }
    }
    let bucket = store.0.lock().unwrap();
    let asked = f64::from(bucket.asked);
    (asked / 120.0, 100.0 * f64::from(bucket.refused) / asked)
}

#[test]
fn real_gates_ask_as_often_as_the_simulated_ones() {
    for (count, ttl) in [(100, 5), (300, 5), (1_000, 5), (1_000, 30)] {
        let printed = printed(&[&count.to_string(), &ttl.to_string()]);
        // Environments, TTL, limit, asked, refused, and so on; the first row is that of the default.
        let row: Vec<&str> = printed.lines().nth(3).unwrap().split('|').collect();
        let number = |cell: usize| row[cell].trim_end_matches([' ', '%']).trim().parse::<f64>();
        let (asked, refused) = real_gates(count, Duration::from_secs(ttl));
        let simulated = number(4).unwrap();
        assert!(
            (simulated - asked).abs() <= 0.05 * simulated + 1.0,
            "{count} gates, TTL {ttl} s: {asked:.1} reads/s, not {simulated}"
        );
        // "none" is none.
        let simulated = number(5).unwrap_or(0.0);
        assert!(
            (simulated - refused).abs() <= 3.0,
            "{count} gates, TTL {ttl} s: {refused:.1} % refused, not {simulated}"
        );
    }
}
