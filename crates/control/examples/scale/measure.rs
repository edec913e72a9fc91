//! What `on` and `off` cost over a fleet: calls by budget, parameter writes, and time on a virtual
//! clock with AWS's rates.
//!
//! The example prints what this measures and `tests/scale.rs` asserts it. Nothing is timed on the real
//! clock here.

use std::time::Duration;

use maintenance_control::Report;
use maintenance_sandbox::{Budget, CallRecord, FunctionSpec, MappingSpec, Outcome, Service};

use crate::support::{World, worker};

/// The default pace, calls per second, of each budget that binds. AWS allows 15 (deploys included), 100
/// and 15.
const PACES: [(Budget, f64); 3] = [
    (Budget::LambdaControl, 10.0),
    (Budget::LambdaGetFunction, 95.0),
    (Budget::LambdaGetPolicy, 14.0),
];

/// Which functions the role has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Half of them without a reservation, half with one; nothing else.
    Plain,
    /// The same, and one in ten has provisioned concurrency, two in ten a queue.
    Mixed,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Mixed => "mixed",
        }
    }

    fn function(self, i: usize) -> FunctionSpec {
        let name = format!("demo-dev-worker-{i:04}");
        let mut function = FunctionSpec::new(&name);
        if i.is_multiple_of(2) {
            function = function.reserved(5);
        }
        if self == Self::Mixed {
            if i % 10 == 3 {
                function = function.alias("live", 1).provisioned("live", 2);
            }
            if i % 5 == 1 {
                function = function.mapping(MappingSpec::sqs(&name));
            }
        }
        function
    }
}

/// An app with this many functions, in an account with AWS's rates and a limit that has room for all.
pub(crate) fn world(kind: Kind, functions: usize) -> World {
    let world = World::new((0..functions).map(|i| kind.function(i)));
    world.sandbox.configure(|settings| {
        settings.rate_limits = true;
        settings.lambda.concurrent_executions = 100_000;
    });
    world
}

/// What one operation cost.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) report: Report,
    /// Every call, in order.
    pub(crate) calls: Vec<CallRecord>,
    /// On the virtual clock.
    pub(crate) wall: Duration,
}

impl Measured {
    /// Calls charged to a budget.
    pub(crate) fn charged(&self, budget: Budget) -> usize {
        self.calls.iter().filter(|it| it.budget == budget).count()
    }

    /// Calls of one operation of the API.
    pub(crate) fn count(&self, operation: &str) -> usize {
        let calls = self.calls.iter();
        calls.filter(|it| it.call.operation == operation).count()
    }

    /// Writes to parameters whose name contains `part`.
    pub(crate) fn parameter_writes(&self, part: &str) -> usize {
        let about = |it: &&CallRecord| {
            let target = it.call.target.as_deref().unwrap_or_default();
            it.budget == Budget::SsmWrite && target.contains(part)
        };
        self.calls.iter().filter(about).count()
    }

    /// Calls divided by rate. What functions are and what becomes of their events is read at the same
    /// time, so of these two budgets the slower one counts; and all of it is read before anything is
    /// changed, so that the shared budget comes on top.
    pub(crate) fn floor(&self) -> Duration {
        let [shared, functions, policies] =
            PACES.map(|(budget, rate_limiter)| self.charged(budget) as f64 / rate_limiter);
        Duration::from_secs_f64(shared + functions.max(policies))
    }

    /// The calls to a service that were refused for their number.
    pub(crate) fn throttled(&self, service: Service) -> usize {
        let refused = |it: &&CallRecord| match &it.outcome {
            Outcome::Throttled => true,
            Outcome::Error { code, .. } => {
                code == "TooManyRequestsException" || code == "ThrottlingException"
            }
            _ => false,
        };
        let calls = self.calls.iter().filter(|it| it.call.service == service);
        calls.filter(refused).count()
    }
}

/// Turns the workers on.
pub(crate) async fn on(world: &World) -> Measured {
    measure(world, world.on(&worker())).await
}

/// Turns the workers off.
pub(crate) async fn off(world: &World) -> Measured {
    measure(world, world.off(&worker())).await
}

async fn measure(
    world: &World,
    operation: impl Future<Output = Result<Report, maintenance_control::Error>>,
) -> Measured {
    world.sandbox.reset_calls();
    let began = tokio::time::Instant::now();
    let report = operation.await.expect("a report");
    Measured {
        report,
        wall: began.elapsed(),
        calls: world.sandbox.calls(),
    }
}
