//! What a request allocates at the gate.

use allocation_counter::measure;
use maintenance_benches::{CASES, case, gate, now, request};

/// Allocations of one request of a case, with those of the service itself taken off. The least of three,
/// since the first request of a second makes the answers that count down.
fn of(name: &str) -> u64 {
    let mut work = case(name);
    work(request());
    let counts = [(); 3].map(|()| {
        let ready = request();
        measure(|| work(ready)).count_total
    });
    counts.into_iter().min().unwrap_or_default()
}

#[test]
fn a_request_that_passes_allocates_nothing() {
    assert_eq!(of("bare"), 0, "the app itself");
    assert_eq!(of("layer, off"), 0);
    assert_eq!(of("decide, off"), 0);
    let gate = gate("off");
    let mut request = request();
    let counted = measure(|| drop(gate.decide(&mut request)));
    assert_eq!(counted.count_total, 0);
    let counted = measure(|| drop(now(gate.check(&mut request))));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_refusal_allocates_at_most_three_times_whatever_it_is_made_of() {
    for case in CASES.iter().filter(|case| case.starts_with("layer, on")) {
        let count = of(case);
        assert!((1..=3).contains(&count), "{case}: {count}");
    }
}
