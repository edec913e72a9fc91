//! A scheduled window, whose opening and closing by the clock is killed at every call, and finished by the clock
//! or by a person.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use maintenance_control::{
    Actor, Clock, Context, Control, Error, Fleet as Lambda, OffRequest, OnRequest, RateLimiter,
    Report, RoleOutcome, RoleSpec, SsmStore, Store,
};
use maintenance_flag::{
    Enter, Flag, Options, Owner, Prefix, ScheduleEvent, ScheduleWindow, WindowId, reschedule,
};
use maintenance_sandbox::{Fleet, FunctionSpec, MappingSpec, Sandbox, Settings};

use aws_credential_types::Credentials;

use crate::crashes::{Operation, cut_each};
use crate::support::OneApp as _;
use crate::support::{self, off_wish, start, web, worker};
use crate::wire::{Side, Wire};
use crate::world::{LEASE_IS_OVER, Violation};

/// Who finishes what was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    Clock,
    Person,
}

fn at(minute: u64) -> Timestamp {
    start() + Duration::from_secs(60 * minute)
}

fn roles() -> [RoleSpec; 2] {
    [web(), worker()]
}

/// One process.
struct Operator {
    wire: Arc<Wire>,
    control: Control,
}

impl Operator {
    fn new(sandbox: &Sandbox, by: &str) -> Self {
        let wire = Wire::new(sandbox, by, None, Arc::default(), None, None);
        let credentials = Credentials::from_keys(by, "secret", None);
        let clients = support::clients_over(&wire.http_client(), &credentials);
        let clock = Clock::virtual_from(sandbox.settings().clock.now());
        let store = Store::Ssm(SsmStore::new(clients.ssm));
        let lambda = Lambda::new(clients.lambda, RateLimiter::per_second(10.0))
            .with_identity(clients.identity);
        let control = Control::new(
            support::app(),
            &Prefix::default(),
            store,
            lambda,
            by.to_owned(),
        );
        Self {
            control: control.with_clock(clock),
            wire,
        }
    }

    /// What the clock asks for.
    async fn tick(&self, operation: Operation) -> Result<Report, Error> {
        let (roles, quiet) = (roles(), Context::quiet());
        match operation {
            Operation::On => {
                let request = OnRequest::by(Actor::Clock);
                self.control.on(&roles, &request, &quiet).await
            }
            Operation::Off => {
                let request = OffRequest::by(Actor::Clock);
                self.control.off(&roles, &request, &quiet).await
            }
        }
    }
}

fn complete(what: &str, result: Result<Report, Error>) -> Result<Report, Violation> {
    match result {
        Ok(report) if report.is_complete() => Ok(report),
        other => Err(format!("{what} is not complete: {other:?}")),
    }
}

fn flag(sandbox: &Sandbox, role: &str) -> Flag {
    let parameters = sandbox.parameters();
    let stored = parameters.get(&format!("/maintenance/demo-dev/flags/{role}"));
    stored.map_or_else(Flag::off, |it| Flag::decode(&it.value).expect("a flag"))
}

/// A window from minute 10 to minute 60, of both roles.
fn schedule(sandbox: &Sandbox, is_recurring: bool) -> WindowId {
    let window = WindowId::new(at(10), 7);
    for role in ["web", "worker"] {
        let request = ScheduleWindow {
            enter: Enter {
                owner: Owner::manual("ana"),
                by: "ana".to_owned(),
                product: None,
                reason: None,
                window: window.clone(),
                at: at(0),
                read_only: false,
                options: Options::default(),
            },
            starts_at: at(10),
            until: at(60),
            recurring: is_recurring.then(|| "nightly".to_owned()),
            accept_event_loss: false,
        };
        let event = ScheduleEvent::Schedule(Box::new(request));
        let step = reschedule(&Flag::off(), event).expect("it is allowed");
        let name = format!("/maintenance/demo-dev/flags/{role}");
        let value = step.flag.encode().expect("it fits");
        sandbox.set_parameter(&name, &value);
    }
    window
}

async fn advance_to(sandbox: &Sandbox, time: Timestamp) {
    let now = sandbox.settings().clock.now();
    if let Ok(left) = Duration::try_from(time.duration_since(now)) {
        tokio::time::advance(left).await;
    }
}

/// Everything as it was, and nothing left.
fn check(sandbox: &Sandbox, before: &Fleet) -> Result<(), Violation> {
    let now = sandbox.settings().clock.now();
    let fleet = sandbox.fleet();
    if fleet != *before {
        return Err(format!("the functions are {fleet:?}, were {before:?}"));
    }
    for role in ["web", "worker"] {
        let flag = flag(sandbox, role);
        if flag.mode.is_on() || flag.mode_at(now).is_on() {
            return Err(format!("{role} is on: {flag:?}"));
        }
    }
    let mut names = sandbox.parameters().into_keys();
    let left = names.find(|name| name.contains("/capacity/"));
    left.map_or(Ok(()), |name| Err(format!("{name} is left")))
}

/// Whether it was cut before it had ended.
async fn cut(
    operation: Operation,
    nth: u64,
    side: Side,
    recovery: Recovery,
) -> Result<bool, Violation> {
    let sandbox = Sandbox::new(Settings {
        clock: maintenance_sandbox::Clock::tokio_from(start()),
        ..Settings::quick()
    });
    let fed = MappingSpec::sqs("mails");
    sandbox.seed(FunctionSpec::new("demo-dev-mail").mapping(fed));
    sandbox.seed(FunctionSpec::new("demo-dev-report").reserved(7));
    let before = sandbox.fleet();
    // The memory of a recurring window, and none of a single one.
    let window = schedule(&sandbox, nth.is_multiple_of(3));
    advance_to(&sandbox, at(10)).await;
    if operation == Operation::Off {
        complete(
            "the start",
            Operator::new(&sandbox, "cleo").tick(Operation::On).await,
        )?;
        advance_to(&sandbox, at(60)).await;
    }
    let ana = Operator::new(&sandbox, "ana");
    ana.wire.die_at(nth, side);
    let ended = ana.wire.until_death(ana.tick(operation)).await;
    let was_cut = ended.is_none();
    match ended {
        Some(result) => {
            complete("what was not cut", result)?;
        }
        None => tokio::time::advance(LEASE_IS_OVER).await,
    }
    if recovery == Recovery::Person {
        let roles = roles();
        let eve = Operator::new(&sandbox, "eve").control;
        complete("off", eve.off(&roles, &off_wish(), &Context::quiet()).await)?;
        check(&sandbox, &before)?;
    } else if operation == Operation::On {
        let dan = Operator::new(&sandbox, "dan");
        complete("the start again", dan.tick(Operation::On).await)?;
        if sandbox.fleet().values().any(|it| it.reserved != Some(0)) {
            return Err(format!("not all are paused: {:?}", sandbox.fleet()));
        }
        for role in ["web", "worker"] {
            let flag = flag(&sandbox, role);
            if flag.window.as_ref() != Some(&window) || flag.since != Some(at(10)) {
                return Err(format!("{role} has another window: {flag:?}"));
            }
        }
    }
    // A window that a person has ended is not entered again; the end restores what is left.
    let fay = Operator::new(&sandbox, "fay");
    if recovery == Recovery::Person {
        let report = complete("a start too many", fay.tick(Operation::On).await)?;
        if report
            .roles
            .iter()
            .any(|it| it.outcome != RoleOutcome::AlreadyOff)
        {
            return Err(format!("what was ended was entered again: {report:?}"));
        }
        check(&sandbox, &before)?;
    }
    advance_to(&sandbox, at(60)).await;
    complete("the end", fay.tick(Operation::Off).await)?;
    check(&sandbox, &before)?;
    Ok(was_cut)
}

#[test]
fn a_scheduled_window_killed_at_any_call_is_finished_by_the_clock_or_a_person_and_nothing_is_lost()
{
    let recoveries = [Recovery::Clock, Recovery::Person];
    let cases = [Operation::On, Operation::Off]
        .map(|operation| recoveries.map(|recovery| (operation, recovery)));
    let cuts = cut_each(cases.as_flattened(), cut);
    println!("{} cuts of a scheduled window", cuts.iter().sum::<usize>());
    // Every other call is more than a call a function, a flag and a lease.
    assert!(cuts.iter().all(|cuts| *cuts > 5), "{cuts:?}");
}
