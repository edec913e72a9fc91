//! The sandbox itself: one account in one region, and the way of a request through it.
//!
//! Log, rate limit, faults before, effect, faults after, answer. The lock is never held while
//! anything waits or a callback runs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};

use crate::admin;
use crate::calls::{CallCounts, CallInfo, CallRecord, Outcome};
use crate::error::ApiError;
use crate::fault::{Action, Fault, FaultId, FaultStatus, When};
use crate::hanging::Hangs;
use crate::lambda::FunctionRef;
use crate::ops::{Operation, Service};
use crate::settings::Settings;
use crate::ssm;
use crate::wire::{self, Incoming, Reply};
use crate::world::World;

/// A strict local Parameter Store and Lambda control plane. Clones share one state.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    world: Mutex<World>,
    hangs: Hangs,
}

/// The sandbox dropped the connection instead of answering, because a fault said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox dropped the connection, as a fault told it to")]
pub struct ConnectionDropped;

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

/// What the faults of one moment leave of a call.
enum Fate {
    Go,
    Refuse(ApiError),
    Drop,
}

impl Sandbox {
    /// An empty account.
    pub fn new(settings: Settings) -> Self {
        Self::with_world(World::new(settings))
    }

    pub(crate) fn with_world(world: World) -> Self {
        Self {
            inner: Arc::new(Inner {
                world: Mutex::new(world),
                hangs: Hangs::default(),
            }),
        }
    }

    /// The state. A panic elsewhere (a test's own hook, say) does not spoil it: no change is left
    /// half done while user code runs.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.inner
            .world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hangs(&self) -> &Hangs {
        &self.inner.hangs
    }

    /// Answers one request of either service, or of the sandbox's own `/_sandbox/` paths.
    ///
    /// # Errors
    /// [`ConnectionDropped`] if a fault says so; every other failure is a response.
    pub async fn handle(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ConnectionDropped> {
        if request.uri().path().starts_with(admin::PREFIX) {
            return Ok(admin::handle(self, request).await);
        }
        let region = self.world().settings.region.clone();
        let incoming = match wire::identify(request, &region) {
            Ok(incoming) => incoming,
            Err((service, error)) => return Ok(self.unidentified(service, error)),
        };
        let service = incoming.operation.service;
        let (call, admitted) = self.admit(&incoming);
        let actions = match admitted {
            Ok(actions) => actions,
            Err(refusal) => return Ok(wire::respond(service, call.seq, Err(refusal))),
        };
        let mut result = match self.befall(&call, &incoming, When::Before, &actions).await {
            Fate::Go => self.perform(&call, &incoming),
            Fate::Refuse(error) => Err(error),
            Fate::Drop => return Err(self.dropped(&call)),
        };
        match self.befall(&call, &incoming, When::After, &actions).await {
            Fate::Go => {}
            Fate::Refuse(error) => result = Err(error),
            Fate::Drop => return Err(self.dropped(&call)),
        }
        self.world().calls.end(call.seq, outcome(&result));
        Ok(wire::respond(service, call.seq, result))
    }

    /// Logs a request that is no operation the sandbox knows, and refuses it.
    fn unidentified(&self, service: Service, error: ApiError) -> Response<Bytes> {
        let mut world = self.world();
        let now = world.now();
        let operation = Operation::unidentified(service);
        let call = world
            .calls
            .begin(operation, error.message.clone(), String::new(), now);
        let result = Err(error);
        world.calls.end(call.seq, outcome(&result));
        wire::respond(service, call.seq, result)
    }

    /// Logs the call, charges its budget and lets the rules count it.
    /// Returns what is to befall it, or its refusal.
    fn admit(&self, incoming: &Incoming) -> (CallInfo, Result<Vec<(When, Action)>, ApiError>) {
        let mut world = self.world();
        let now = world.now();
        let operation = incoming.operation;
        let call = world.calls.begin(
            operation,
            incoming.target.clone(),
            incoming.caller.clone(),
            now,
        );
        let limits = world.settings.rate_limits;
        if !world.buckets.take(operation.budget, &limits, now) {
            world.calls.end(call.seq, Outcome::Throttled);
            return (call, Err(throttled(operation.service)));
        }
        let actions = world.faults.strike(&call);
        (call, Ok(actions))
    }

    async fn befall(
        &self,
        call: &CallInfo,
        incoming: &Incoming,
        when: When,
        actions: &[(When, Action)],
    ) -> Fate {
        for (_, action) in actions.iter().filter(|(at, _)| *at == when) {
            match action {
                Action::Hook(hook) => hook(call),
                Action::Delay(by) => tokio::time::sleep(*by).await,
                Action::Fail {
                    code,
                    status,
                    message,
                } => return Fate::Refuse(ApiError::new(*status, code.clone(), message)),
                Action::AccessDenied => return Fate::Refuse(self.denied(incoming)),
                Action::Throttle => return Fate::Refuse(throttled(call.service)),
                Action::Drop => return Fate::Drop,
                Action::Hang => {
                    self.hang(call).await;
                    return Fate::Drop;
                }
            }
        }
        Fate::Go
    }

    fn perform(&self, call: &CallInfo, incoming: &Incoming) -> Result<Reply, ApiError> {
        let mut world = self.world();
        let result = world.perform(incoming);
        if result.is_ok() {
            world.calls.took_effect(call.seq);
        }
        result
    }

    fn dropped(&self, call: &CallInfo) -> ConnectionDropped {
        self.world().calls.end(call.seq, Outcome::Dropped);
        ConnectionDropped
    }

    /// Refuses as IAM does, naming the action that is missing.
    fn denied(&self, incoming: &Incoming) -> ApiError {
        let world = self.world();
        let settings = &world.settings;
        let action = incoming.operation.iam_action();
        let target = incoming.target.as_deref();
        let (status, resource) = match incoming.operation.service {
            Service::Ssm => {
                let name = target.unwrap_or("*");
                (400, ssm::arn(&settings.region, &settings.account, name))
            }
            Service::Lambda => {
                let function = target.and_then(|it| FunctionRef::parse(it, settings).ok());
                let resource = function.map_or_else(|| "*".to_owned(), |it| it.arn(settings));
                (403, resource)
            }
        };
        let user = format!("arn:aws:iam::{}:user/{}", settings.account, incoming.caller);
        let mut error = ApiError::new(
            status,
            "AccessDeniedException",
            format!(
                "User: {user} is not authorized to perform: {action} on resource: {resource} because \
                 no identity-based policy allows the {action} action"
            ),
        );
        error.message_key = "Message";
        error
    }

    /// Adds a rule. Rules stay until they are removed, also when they have struck.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.world().faults.inject(fault)
    }

    /// Removes a rule, if it is there.
    pub fn remove_fault(&self, id: FaultId) {
        self.world().faults.remove(id);
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// The rules, and how often each matched and struck.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.world().faults.status()
    }

    /// The calls since the start or the last reset, in order; at most the last 100,000.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.world().calls.records()
    }

    /// Those of [`Sandbox::calls`] that change something.
    pub fn writes(&self) -> Vec<CallRecord> {
        let mut calls = self.calls();
        calls.retain(|it| it.call.write);
        calls
    }

    /// Counts since the start or the last reset.
    pub fn call_counts(&self) -> CallCounts {
        self.world().calls.counts().clone()
    }

    /// Forgets the log and the counts; the numbers of calls go on.
    pub fn reset_calls(&self) {
        self.world().calls.reset();
    }

    /// Changes settings while it runs. Rate limits start over with full buckets.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        let mut world = self.world();
        change(&mut world.settings);
        world.buckets.clear();
    }

    /// A copy of the settings.
    pub fn settings(&self) -> Settings {
        self.world().settings.clone()
    }
}

fn outcome(result: &Result<Reply, ApiError>) -> Outcome {
    match result {
        Ok(reply) => Outcome::Ok {
            status: reply.status,
        },
        Err(error) => Outcome::Error {
            status: error.status,
            code: error.code.to_string(),
        },
    }
}

/// The refusal by a rate limit, as each service words it.
fn throttled(service: Service) -> ApiError {
    match service {
        Service::Ssm => ApiError::ssm("ThrottlingException", "Rate exceeded"),
        Service::Lambda => ApiError::too_many_requests("Rate exceeded", "CallerRateLimitExceeded"),
    }
}
