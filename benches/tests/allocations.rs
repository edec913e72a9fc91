//! What a request allocates at the gate.

use std::path::Path;
use std::time::Duration;

use allocation_counter::measure;
use http::HeaderValue;
use maintenance_benches::{CASES, case, gate, now, request, request_of};
use maintenance_gate::{Gate, MemorySource, Page};

/// Allocations of one request of a case, with those of the service itself taken off. The least of three,
/// since the first request of a second makes the answers that count down.
fn of(name: &str) -> u64 {
    let mut work = case(name);
    work(request_of(name));
    let counts = [(); 3].map(|()| {
        let ready = request_of(name);
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

/// A gate with pages of each kind, from code and from a directory, and all that it answers until its window has changed.
fn used(directory: &Path) {
    let html = || Page::html(vec![b' '; 100_000]);
    let of = |flag: &MemorySource| {
        let gate = Gate::builder().app("demo").env("dev").source(flag.clone());
        gate.ttl(Duration::ZERO).negotiate(true)
    };
    for pages in 0..4 {
        let flag = MemorySource::new("on");
        let gate = match pages {
            0 => of(&flag).page(Page::built_in()),
            1 => of(&flag)
                .page(html())
                .page(Page::json(b"{\"said\":\"{{message}}\"}")),
            2 => of(&flag).page(maintenance_gate::page!("../public/maintenance.html")),
            _ => of(&flag).pages(directory),
        };
        let gate = gate.build().expect("the settings are right");
        for message in ["Soon.", "Later."] {
            flag.set(format!(
                r#"{{"schema":1,"mode":"on","message":"{message}"}}"#
            ));
            for accept in ["text/html", "application/json", "application/problem+json"] {
                let mut request = request();
                let accept = HeaderValue::from_static(accept);
                request.headers_mut().insert("accept", accept);
                assert!(now(gate.check(&mut request)).into_response().is_some());
            }
        }
    }
}

#[test]
fn a_gate_that_is_dropped_leaves_nothing_of_its_pages() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../public");
    let directory = Path::new(directory);
    // What a thread or the process keeps is made by the first one.
    used(directory);
    let left = measure(|| used(directory));
    assert!(left.bytes_max > 100_000, "it had pages");
    assert_eq!((left.count_current, left.bytes_current), (0, 0));
}
