//! One paused function is let run once, and is paused again.

use std::time::Duration;

use maintenance_control::{
    CancellationToken, Context, Error, InvokeEnd, InvokePlan, InvokeRefusal, InvokeReport,
    InvokeRequest, WorkerState,
};
use maintenance_flag::{CapacityDoc, Role};
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec, Outcome};

use crate::support::{World, only, web, worker};

const NAME: &str = "demo-dev-a";

fn request() -> InvokeRequest {
    InvokeRequest {
        function: NAME.to_owned(),
        qualifier: None,
        payload: br#"{"n":1}"#.to_vec(),
    }
}

async fn plan(world: &World) -> Result<InvokePlan, Error> {
    let mut roles = vec![web(), worker()];
    // Of an app that has none like it, no role selects it.
    roles.retain(|_| {
        world
            .sandbox
            .fleet()
            .keys()
            .all(|name| name.starts_with("demo-dev"))
    });
    world
        .control
        .plan_invoke(&roles, NAME, &Context::quiet())
        .await
}

async fn invoke_as(world: &World, request: &InvokeRequest) -> InvokeReport {
    let plan = plan(world).await.unwrap();
    let context = Context::quiet();
    world
        .control
        .invoke(&plan, request, &context)
        .await
        .unwrap()
}

async fn invoke(world: &World) -> InvokeReport {
    invoke_as(world, &request()).await
}

fn function() -> FunctionSpec {
    FunctionSpec::new(NAME)
        .reserved(15)
        .timeout(20)
        .mapping(MappingSpec::sqs("orders"))
}

/// With worker maintenance on.
async fn paused(function: FunctionSpec) -> World {
    let world = World::new([function, FunctionSpec::new("demo-dev-b")]);
    assert!(world.on(&worker()).await.unwrap().is_complete());
    world.sandbox.reset_calls();
    world
}

fn reserved(world: &World) -> Option<u32> {
    world.sandbox.fleet()[NAME].reserved
}

/// How often it ran.
fn runs(world: &World) -> usize {
    let calls = world.sandbox.calls().into_iter();
    calls
        .filter(|it| it.call.operation == "Invoke" && it.took_effect)
        .count()
}

fn marks(world: &World) -> usize {
    let parameters = world.sandbox.parameters().into_iter();
    parameters
        .filter(|(name, _)| name.contains("/capacity/"))
        .filter(|(_, it)| CapacityDoc::decode(&it.value).unwrap().invoking.is_some())
        .count()
}

/// It is paused, nothing of the invocation is left, and `off` gives everything back.
async fn check_restored(world: &World) {
    assert_eq!(reserved(world), Some(0));
    assert_eq!(marks(world), 0);
    world.sandbox.clear_faults();
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(only(&report).workers.as_ref().unwrap().drifted, []);
    let now = &world.sandbox.fleet()[NAME];
    assert_eq!(now.reserved, Some(15));
    assert!(now.mappings.values().all(|mapping| mapping.enabled));
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_paused_function_runs_once_and_is_paused_again() {
    let world = paused(function()).await;
    let noted = world.flag("worker").drained_at.unwrap();
    let report = invoke(&world).await;
    let InvokeEnd::Answered(answer) = &report.end else {
        panic!("{report:?}");
    };
    assert_eq!(answer.payload, br#"{"n":1}"#);
    assert_eq!(answer.function_error, None);
    assert_eq!(answer.version, "$LATEST");
    assert!(answer.log.starts_with("START RequestId"), "{}", answer.log);
    assert!(report.failure.is_none() && report.drifted.is_empty());
    assert_eq!(runs(&world), 1);
    // Its mappings stayed disabled, and it had one place.
    let changes = world.writes().into_iter().map(|it| it.call.operation);
    let changes: Vec<String> = changes.filter(|it| it != "PutParameter").collect();
    let (put, delete) = ("PutFunctionConcurrency", "DeleteParameters");
    assert_eq!(changes, [put, put, delete]);
    // What ran besides may run for its timeout.
    let drained = world.flag("worker").drained_at.unwrap();
    assert!(drained > noted, "{drained} is not after {noted}");
    assert_eq!(report.drained_at, Some(drained));
    assert!(world.lease_is_free());
    check_restored(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_is_paused_again() {
    let world = paused(function()).await;
    let failing = InvokeRequest {
        payload: br#"{"errorMessage":"no table"}"#.to_vec(),
        ..request()
    };
    let report = invoke_as(&world, &failing).await;
    let InvokeEnd::Answered(answer) = report.end else {
        panic!("{report:?}");
    };
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"));
    assert!(answer.log.contains("no table"), "{}", answer.log);
    check_restored(&world).await;
}

#[tokio::test(start_paused = true)]
async fn an_alias_can_be_invoked() {
    let world = paused(function().versions(2).alias("live", 1)).await;
    let qualified = InvokeRequest {
        qualifier: Some("live".to_owned()),
        ..request()
    };
    let report = invoke_as(&world, &qualified).await;
    let InvokeEnd::Answered(answer) = report.end else {
        panic!("{report:?}");
    };
    assert_eq!(answer.version, "1");
    check_restored(&world).await;
}

#[tokio::test(start_paused = true)]
async fn what_else_may_reach_it_is_planned() {
    let function = function().invoked_by("s3.amazonaws.com");
    let world = paused(function.dead_letter("arn:aws:sqs:us-east-1:123456789012:dead")).await;
    let plan = plan(&world).await.unwrap();
    assert_eq!(plan.role, Role::worker());
    assert_eq!(plan.timeout, 20);
    let from: Vec<&str> = plan
        .events
        .arrivals
        .iter()
        .map(|it| it.from.as_str())
        .collect();
    assert_eq!(from, ["s3.amazonaws.com"]);
    assert!(world.writes().is_empty(), "a plan changes nothing");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_invoked_is_refused_with_the_reason_and_nothing_is_changed() {
    let refusal = async |world: &World| {
        world.sandbox.reset_calls();
        let Err(Error::NotInvocable { source, .. }) = plan(world).await else {
            panic!("it was planned");
        };
        assert!(world.writes().is_empty());
        source
    };
    let off = World::new([function()]);
    let role = Role::worker();
    assert_eq!(
        refusal(&off).await,
        InvokeRefusal::RoleOff { role: role.clone() }
    );
    let other = World::new([FunctionSpec::new("other-dev-a")]);
    assert_eq!(refusal(&other).await, InvokeRefusal::NotSelected);
    let new = World::new([FunctionSpec::new("demo-dev-b")]);
    assert_eq!(refusal(&new).await, InvokeRefusal::Missing);
    new.on(&worker()).await.unwrap();
    assert_eq!(refusal(&new).await, InvokeRefusal::Missing);
    new.sandbox.seed(function());
    assert_eq!(refusal(&new).await, InvokeRefusal::NotPaused { role });
    let drifted = paused(function()).await;
    drifted.sandbox.set_reserved(NAME, Some(5)).unwrap();
    assert!(matches!(
        refusal(&drifted).await,
        InvokeRefusal::Drifted(drift) if drift.now == "5"
    ));
    let enabled = paused(function()).await;
    let uuid = enabled.sandbox.fleet()[NAME]
        .mappings
        .keys()
        .next()
        .cloned();
    enabled
        .sandbox
        .set_mapping_enabled(&uuid.unwrap(), true)
        .unwrap();
    assert!(matches!(
        refusal(&enabled).await,
        InvokeRefusal::NotPaused { .. }
    ));
    let gone = paused(function()).await;
    gone.sandbox.delete_function(NAME).unwrap();
    assert_eq!(refusal(&gone).await, InvokeRefusal::Gone);
}

/// It takes a moment until the reservation holds.
#[tokio::test(start_paused = true)]
async fn an_invocation_that_aws_throttles_is_sent_again_and_runs_once() {
    let world = paused(function()).await;
    world.inject(Fault::on("Invoke").times(3).throttle());
    let report = invoke(&world).await;
    assert!(matches!(report.end, InvokeEnd::Answered(_)), "{report:?}");
    assert_eq!(runs(&world), 1);
    check_restored(&world).await;

    let world = paused(function()).await;
    world.inject(Fault::on("Invoke").always().throttle());
    let report = invoke(&world).await;
    assert!(matches!(report.end, InvokeEnd::NotRun(_)), "{report:?}");
    assert_eq!(runs(&world), 0);
    check_restored(&world).await;
}

#[tokio::test(start_paused = true)]
async fn an_invocation_whose_answer_is_lost_may_have_run_and_is_not_sent_again() {
    for lost in [
        Fault::on("Invoke").after().drop_connection(),
        Fault::on("Invoke").before().drop_connection(),
        Fault::on("Invoke")
            .after()
            .fail(500, "ServiceException", "x"),
        Fault::on("Invoke").after().fail(502, "BadGateway", "x"),
    ] {
        let world = paused(function()).await;
        world.inject(lost);
        let report = invoke(&world).await;
        assert!(matches!(report.end, InvokeEnd::Unknown(_)), "{report:?}");
        let sent = world.sandbox.calls().into_iter();
        let sent = sent.filter(|it| it.call.operation == "Invoke");
        assert_eq!(sent.count(), 1);
        check_restored(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_is_not_allowed_did_not_run() {
    let world = paused(function()).await;
    world.inject(Fault::on("Invoke").always().access_denied());
    let report = invoke(&world).await;
    let InvokeEnd::NotRun(error) = &report.end else {
        panic!("{report:?}");
    };
    assert_eq!(
        error.to_string(),
        "not allowed to lambda:InvokeFunction on demo-dev-a"
    );
    check_restored(&world).await;
}

/// For as long as the function may run, and no longer.
#[tokio::test(start_paused = true)]
async fn an_answer_is_waited_for_as_long_as_the_function_may_run() {
    for (takes, answers) in [(890, true), (2_000, false)] {
        let world = paused(function().timeout(900)).await;
        let slow = Fault::on("Invoke").delay(Duration::from_secs(takes));
        world.inject(slow);
        let report = invoke(&world).await;
        let is_answered = matches!(report.end, InvokeEnd::Answered(_));
        assert_eq!(is_answered, answers, "{report:?}");
        assert!(report.failure.is_none(), "the lease was held: {report:?}");
        check_restored(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_and_the_function_is_paused_again() {
    let world = paused(function()).await;
    let stop = CancellationToken::new();
    let asks = stop.clone();
    world.inject(Fault::on("Invoke").hook(move |_| asks.cancel()));
    world.inject(Fault::on("Invoke").delay(Duration::from_secs(10)));
    let plan = plan(&world).await.unwrap();
    let context = Context {
        stop,
        ..Context::quiet()
    };
    let report = world.control.invoke(&plan, &request(), &context).await;
    let report = report.unwrap();
    assert!(matches!(report.end, InvokeEnd::Unknown(_)), "{report:?}");
    assert!(report.failure.is_none(), "{report:?}");
    assert!(world.lease_is_free());
    check_restored(&world).await;
}

#[tokio::test(start_paused = true)]
async fn what_another_client_reserves_meanwhile_is_kept_and_reported() {
    let world = paused(function()).await;
    let theirs = world.sandbox.clone();
    world.inject(Fault::on("Invoke").hook(move |_| theirs.set_reserved(NAME, Some(5)).unwrap()));
    let report = invoke(&world).await;
    assert!(matches!(report.end, InvokeEnd::Answered(_)), "{report:?}");
    assert_eq!(report.drifted.len(), 1, "{report:?}");
    assert_eq!(report.drained_at, None, "it runs");
    assert_eq!((reserved(&world), marks(&world)), (Some(5), 0));
    let report = world.off(&worker()).await.unwrap();
    let drifted = &only(&report).workers.as_ref().unwrap().drifted;
    assert_eq!(drifted.len(), 1);
    assert_eq!(reserved(&world), Some(5));
}

/// Reads of Lambda lag behind its writes, so that one just after shows the 1 of the invocation.
#[tokio::test(start_paused = true)]
async fn a_read_that_lags_takes_no_reservation_of_ours_for_drift() {
    let world = paused(function()).await;
    let lag = Duration::from_millis(2_500);
    world
        .sandbox
        .configure(|settings| settings.lambda.read_lag = lag);
    let report = invoke(&world).await;
    assert!(report.drifted.is_empty(), "{report:?}");
    check_restored(&world).await;
}

/// The account has nothing left that could be reserved.
#[tokio::test(start_paused = true)]
async fn a_reservation_that_does_not_fit_leaves_nothing_behind() {
    let world = paused(function()).await;
    world
        .sandbox
        .configure(|it| it.lambda.concurrent_executions = 100);
    let report = invoke(&world).await;
    assert!(matches!(report.end, InvokeEnd::NotRun(_)), "{report:?}");
    assert_eq!(runs(&world), 0);
    world
        .sandbox
        .configure(|it| it.lambda.concurrent_executions = 1_000);
    check_restored(&world).await;
}

/// What an invocation left that died is shown as such, and no drift.
#[tokio::test(start_paused = true)]
async fn status_and_workers_show_what_an_invocation_left() {
    let world = paused(function()).await;
    let plan = plan(&world).await.unwrap();
    world.inject(Fault::on("Invoke").hang());
    let (request, context) = (request(), Context::quiet());
    let invoking = world.control.invoke(&plan, &request, &context);
    tokio::select! {
        ended = invoking => panic!("{ended:?}"),
        () = world.sandbox.wait_until_hanging() => {}
    }
    world.sandbox.clear_faults();
    assert_eq!((reserved(&world), marks(&world)), (Some(1), 1));
    assert_eq!(world.flag("worker").drained_at, None, "it may run");
    let status = world.status(&worker()).await;
    let workers = status.roles[0].workers.as_ref().unwrap();
    assert_eq!(workers.invoking, [NAME]);
    assert_eq!(workers.pending, [NAME]);
    assert!(workers.drifted.is_empty());
    let workers = world
        .control
        .workers(&[worker()], &Context::quiet())
        .await
        .unwrap();
    assert_eq!(workers.workers[0].state, WorkerState::Invoking);
    // While its lease is held, nothing else is done.
    let busy = world.off(&worker()).await;
    assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(world.off(&worker()).await.unwrap().is_complete());
    let calls = world.sandbox.calls().into_iter();
    let is_lost = |it: &maintenance_sandbox::CallRecord| it.outcome == Outcome::Hanging;
    assert_eq!(calls.filter(is_lost).count(), 1);
    assert_eq!(reserved(&world), Some(15));
    assert!(world.parameters("capacity").is_empty());
}
