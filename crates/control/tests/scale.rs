//! Calls are what an account has few of: fifteen a second, shared with its deploys. So they are
//! counted here, by the sandbox, over fleets of 10 to 300 functions with AWS's rates, and the time on
//! the virtual clock is held against them. `docs/performance.md` has the larger fleets.

#[path = "../examples/scale/measure.rs"]
mod measure;
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::time::Duration;

use maintenance_sandbox::{Budget, CallRecord, Fault, Service};
use measure::{Kind, Measured, world};

/// What is not about the number of functions: a second of reading and writing the flag and the lease.
const CONSTANT: Duration = Duration::from_secs(1);
/// How long the sandbox, as AWS, takes for a mapping and for provisioned concurrency; the last function
/// waits for both, and looks for them at growing intervals.
const AWS_ITSELF: Duration = Duration::from_secs(10);

/// Pages that hold `things`, if a page holds `per_page`; one more for a page that may be empty.
fn pages(things: usize, per_page: usize) -> usize {
    things.div_ceil(per_page) + 1
}

/// What holds for any fleet: a read of each function from GetFunction's own budget, one more just before
/// its write, and one after a reservation was removed; few parameter writes, nothing refused for its
/// number, and no dawdling.
fn assert_frugal(measured: &Measured, kind: Kind, functions: usize, patience: Duration) {
    assert!(measured.report.is_complete(), "{:?}", measured.report);
    let removed = measured.count("DeleteFunctionConcurrency");
    let reads = measured.charged(Budget::LambdaGetFunction);
    assert_eq!(reads, 2 * functions + removed);
    assert_eq!(
        measured.throttled(Service::Lambda),
        0,
        "paced below AWS's rates"
    );
    // The lease is renewed without waiting in line, so that it may meet other writes once in a while.
    assert!(measured.throttled(Service::Ssm) <= 2);

    let capacity = measured.parameter_writes("/capacity/");
    assert!(
        capacity <= pages(functions, 40),
        "{capacity} writes of what {functions} functions had"
    );
    let others = measured.charged(Budget::SsmWrite) - capacity;
    // The lease taken and given back, its follower noted, the flag written twice, a renewal every ten
    // seconds.
    let renewals = usize::try_from(measured.wall.as_secs() / 10).unwrap();
    let allowed = 5 + renewals + measured.throttled(Service::Ssm);
    assert!(others <= allowed, "{others} other parameter writes");

    let limit = measured.floor().mul_f64(1.1) + CONSTANT + patience;
    assert!(
        measured.wall <= limit,
        "{functions} {} functions took {:?}; their calls take {:?}",
        kind.name(),
        measured.wall,
        measured.floor()
    );
}

#[tokio::test(start_paused = true)]
async fn one_read_and_one_write_a_function_and_the_rest_in_bulk() {
    for functions in [10, 100, 300] {
        let world = world(Kind::Plain, functions);
        let before = world.sandbox.fleet();

        let on = measure::on(&world).await;
        assert_frugal(&on, Kind::Plain, functions, Duration::ZERO);
        // What becomes of its events is on a third budget.
        assert!(on.charged(Budget::LambdaGetPolicy) <= functions);
        assert_eq!(on.count("PutFunctionConcurrency"), functions);
        let bulk = on.charged(Budget::LambdaControl) - functions;
        assert!(bulk <= pages(functions, 50) + 1, "{bulk} bulk reads");

        let off = measure::off(&world).await;
        assert_frugal(&off, Kind::Plain, functions, Duration::ZERO);
        assert_eq!(off.charged(Budget::LambdaGetPolicy), 0);
        let put = off.count("PutFunctionConcurrency");
        let deleted = off.count("DeleteFunctionConcurrency");
        assert_eq!(put + deleted, functions, "one write each");
        let bulk = off.charged(Budget::LambdaControl) - functions;
        // The functions are listed to find those at 0 that nothing explains.
        assert!(bulk <= pages(functions, 50) + 1, "{bulk} bulk reads");

        assert_eq!(world.sandbox.fleet(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn queues_and_provisioned_concurrency_cost_what_they_take_and_no_more() {
    for functions in [10, 100, 300] {
        let (provisioned, queues) = (functions / 10, functions / 5);
        let world = world(Kind::Mixed, functions);
        let before = world.sandbox.fleet();

        let on = measure::on(&world).await;
        assert_frugal(&on, Kind::Mixed, functions, AWS_ITSELF);
        assert_eq!(on.count("PutFunctionConcurrency"), functions);
        assert_eq!(on.count("UpdateEventSourceMapping"), queues);
        assert_eq!(on.count("DeleteProvisionedConcurrencyConfig"), provisioned);
        // Only a function with versions can have any; it is read again just before it is taken away.
        let listed = on.count("ListProvisionedConcurrencyConfigs");
        assert_eq!(listed, 2 * provisioned);
        assert_eq!(on.count("GetFunctionConcurrency"), 0, "GetFunction says it");

        let off = measure::off(&world).await;
        assert_frugal(&off, Kind::Mixed, functions, AWS_ITSELF);
        assert_eq!(off.count("UpdateEventSourceMapping"), queues);
        assert_eq!(off.count("PutProvisionedConcurrencyConfig"), provisioned);
        assert_eq!(world.sandbox.fleet(), before);
    }
}

/// Calls that change a function, a second, between the two ends of a part of the log.
fn rate(calls: &[&CallRecord]) -> f64 {
    let (first, last) = (calls[0], calls[calls.len() - 1]);
    let took = last.call.at.duration_since(first.call.at).as_secs_f64();
    (calls.len() - 1) as f64 / took
}

#[tokio::test(start_paused = true)]
async fn the_pace_gives_way_to_a_deploy_and_comes_back() {
    const BEFORE: usize = 60;
    const REFUSED: usize = 20;
    let world = world(Kind::Plain, 300);
    let before = world.sandbox.fleet();
    // A deploy uses up the budget for a while: every second write is refused.
    world.sandbox.inject(
        Fault::any_write()
            .service(Service::Lambda)
            .nth(BEFORE as u64)
            .every(2)
            .times(REFUSED as u64)
            .throttle(),
    );

    let on = measure::on(&world).await;
    assert!(on.report.is_complete(), "{:?}", on.report);
    let writes: Vec<&CallRecord> = on
        .calls
        .iter()
        .filter(|it| it.call.write && it.budget == Budget::LambdaControl)
        .collect();
    assert_eq!(
        writes.len(),
        300 + REFUSED,
        "only what was refused is asked again"
    );
    let undisturbed = rate(&writes[..BEFORE]);
    let disturbed = rate(&writes[BEFORE + 10..BEFORE + 2 * REFUSED]);
    let after = rate(&writes[writes.len() - 60..]);
    assert!(undisturbed > 9.0, "{undisturbed} calls a second at first");
    assert!(disturbed < 3.0, "{disturbed} while half are refused");
    assert!(after > 9.0, "{after} calls a second at last");

    let off = measure::off(&world).await;
    assert!(off.report.is_complete(), "{:?}", off.report);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn with_half_of_all_calls_refused_the_run_still_ends_complete() {
    let world = world(Kind::Mixed, 50);
    let before = world.sandbox.fleet();
    // Counted apart, so that not each write is refused after the read just before it.
    for refused in [Fault::any_read(), Fault::any_write()] {
        world.sandbox.inject(refused.every(2).always().throttle());
    }

    let on = measure::on(&world).await;
    assert!(on.report.is_complete(), "{:?}", on.report);
    for (name, function) in world.sandbox.fleet() {
        assert_eq!(function.reserved, Some(0), "{name}");
    }
    let off = measure::off(&world).await;
    assert!(off.report.is_complete(), "{:?}", off.report);
    assert_eq!(world.sandbox.fleet(), before);
    // No more than twice the calls: each is asked again once.
    let refused = on.throttled(Service::Lambda) + on.throttled(Service::Ssm);
    assert!(refused * 2 <= on.calls.len() + 1);
}
