//! Giving functions triggers and destinations, and reading off what becomes of their events.

use maintenance_control::{Context, Delivery, Error, FunctionEvents, OnRequest, Report, Trigger};
use maintenance_sandbox::Sandbox;

use crate::support::OneApp as _;
use crate::support::{World, on_wish, only, worker};

pub(crate) const S3: &str = "s3.amazonaws.com";
pub(crate) const API: &str = "apigateway.amazonaws.com";

/// Lets a service invoke a function or one of its qualifiers, as adding a trigger does.
pub(crate) fn allow(world: &World, function: &str, qualifier: Option<&str>, principal: &str) {
    let sandbox = &world.sandbox;
    sandbox.allow(function, qualifier, principal).unwrap();
}

/// Gives a function or one of its qualifiers an on-failure destination.
pub(crate) fn on_failure(world: &World, function: &str, qualifier: Option<&str>, arn: &str) {
    let sandbox = &world.sandbox;
    sandbox.set_on_failure(function, qualifier, arn).unwrap();
}

pub(crate) fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

pub(crate) async fn plan(world: &World) -> Vec<FunctionEvents> {
    let report = world
        .control
        .plan_on(&[worker()], &on_wish(), &Context::quiet())
        .await;
    let report = report.expect("a plan");
    only(&report).workers.clone().expect("workers").events
}

/// What arrives at a function, short: who, through which qualifier, and what becomes of it.
pub(crate) fn fates<'a>(
    events: &'a [FunctionEvents],
    name: &str,
) -> Vec<(&'a str, Option<&'a str>, &'a Delivery)> {
    let events = events.iter().find(|it| it.function == name);
    let arrivals = &events
        .unwrap_or_else(|| panic!("{name} is in the plan"))
        .arrivals;
    let short = |it: &'a Trigger| (it.from.as_str(), it.qualifier.as_deref(), &it.fate);
    arrivals.iter().map(short).collect()
}

pub(crate) fn sent(to: String) -> Delivery {
    Delivery::Sent { to }
}

pub(crate) async fn on_accepting(world: &World) -> Result<Report, Error> {
    let wish = OnRequest {
        accept_event_loss: true,
        ..on_wish()
    };
    world
        .control
        .on(&[worker()], &wish, &Context::quiet())
        .await
}

pub(crate) fn lost(error: &Error) -> Vec<&str> {
    let Error::EventsLost { functions } = error else {
        panic!("{error:?}");
    };
    functions.iter().map(|it| it.function.as_str()).collect()
}

pub(crate) fn count(sandbox: &Sandbox, operation: &str) -> usize {
    let calls = sandbox.calls();
    calls
        .iter()
        .filter(|call| call.call.operation == operation)
        .count()
}
