//! What a request allocates at the gate.

use allocation_counter::measure;
use maintenance_benches::{case, gate, now, request};

/// Allocations of one request of a case, with those of the service itself taken off.
fn of(name: &str) -> u64 {
    let mut work = case(name);
    work(request());
    let ready = request();
    measure(|| work(ready)).count_total
}

#[test]
fn a_request_that_passes_allocates_nothing() {
    assert_eq!(of("bare"), 0, "the app itself");
    assert_eq!(of("layer, off"), 0);
    assert_eq!(of("decide, off"), 0);
    let gate = gate("off");
    let request = request();
    let counted = measure(|| drop(gate.decide(&request)));
    assert_eq!(counted.count_total, 0);
    let counted = measure(|| drop(now(gate.check(&request))));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_refusal_allocates_its_headers_and_what_counts_down() {
    for (case, most) in [
        ("layer, on: 503", 2),
        ("layer, on: 503, built-in page", 2),
        ("layer, on: 503, JSON", 2),
        // And the seconds of `Retry-After`.
        ("layer, on: 503, built-in page with an end", 3),
        // And the text around them.
        ("layer, on: 503, own page with placeholders", 4),
    ] {
        let count = of(case);
        assert!((1..=most).contains(&count), "{case}: {count}");
    }
}
