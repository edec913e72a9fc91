//! The sandbox: one account in one region, and the path of a request through it.
//!
//! Log, rate limit, faults before, effect, faults after, answer. No lock is held across a wait or a callback.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};

use crate::api::{OperationInfo, Reply, Service, user_arn};
use crate::calls::{CallCounts, CallInfo, CallRecord, Outcome};
use crate::error::{ApiError, ApiResult};
use crate::fault::{Action, Fault, When};
use crate::held::HeldCalls;
use crate::lambda::function_arn;
use crate::settings::Settings;
use crate::ssm;
use crate::state::State;
use crate::wire::{self, Incoming};

/// A strict local Parameter Store and Lambda control plane. Clones share one state.
#[derive(Clone, Default)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    held: HeldCalls,
}

/// A fault dropped the connection instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fault dropped the connection")]
pub struct ConnectionDropped;

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

/// The outcome of the faults before or after the effect: the call continues, is refused, or loses its connection.
type Faulted = Result<ApiResult<()>, ConnectionDropped>;

impl Sandbox {
    /// An empty account.
    pub fn new(settings: Settings) -> Self {
        let sandbox = Self::default();
        sandbox.state().settings = settings;
        sandbox
    }

    /// The state. A panic elsewhere, as in a test's hook, does not poison it: no change is half done while
    /// other code runs.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request of either service.
    ///
    /// # Errors
    /// [`ConnectionDropped`] if a fault says so; every other failure is a response.
    pub async fn handle(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ConnectionDropped> {
        let region = self.state().settings.region.clone();
        let incoming = match wire::identify(request, &region) {
            Ok(incoming) => incoming,
            Err((service, error)) => return Ok(self.unidentified(service, error)),
        };
        let (call, admitted) = self.admit(&incoming);
        let service = call.service;
        let is_denied = self
            .state()
            .settings
            .iam
            .denied
            .contains(&call.iam_action());
        let admitted = admitted.and_then(|actions| match is_denied {
            true => Err(self.denied(&call)),
            false => Ok(actions),
        });
        let actions = match admitted {
            Ok(actions) => actions,
            Err(refusal) => {
                return Ok(wire::respond(
                    service,
                    call.seq,
                    self.state().now(),
                    Err(refusal),
                ));
            }
        };
        let mut result = match self.apply_faults(&call, When::Before, &actions).await? {
            Ok(()) => self.perform(&call, &incoming),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = self.apply_faults(&call, When::After, &actions).await? {
            result = Err(refusal);
        }
        self.state().calls.end(call.seq, outcome(&result));
        Ok(wire::respond(service, call.seq, self.state().now(), result))
    }

    /// Logs and refuses a request that asks for no operation of the sandbox.
    fn unidentified(&self, service: Service, error: ApiError) -> Response<Bytes> {
        let mut state = self.state();
        let now = state.now();
        let info = OperationInfo::unidentified(service);
        let target = error.message.clone();
        let call = state.calls.begin(&info, target, String::new(), now);
        let result = Err(error);
        state.calls.end(call.seq, outcome(&result));
        wire::respond(service, call.seq, now, result)
    }

    /// Logs the call, charges its budget and lets the faults count it. Returns the actions that apply to it, or
    /// the rate limit's refusal.
    fn admit(&self, incoming: &Incoming) -> (CallInfo, ApiResult<Vec<(When, Action)>>) {
        let mut state = self.state();
        let now = state.now();
        let info = incoming.operation.info();
        let (target, caller) = (incoming.target.clone(), incoming.caller.clone());
        let call = state.calls.begin(&info, target, caller, now);
        if state.settings.rate_limits && !state.buckets.take(info.budget, now) {
            state.calls.end(call.seq, Outcome::Throttled);
            return (call, Err(throttled(info.service)));
        }
        let actions = state.faults.apply(&call);
        (call, Ok(actions))
    }

    async fn apply_faults(
        &self,
        call: &CallInfo,
        when: When,
        actions: &[(When, Action)],
    ) -> Faulted {
        for (_, action) in actions.iter().filter(|(at, _)| *at == when) {
            match action {
                Action::Hook(hook) => (hook.0)(call),
                Action::Delay(by) => tokio::time::sleep(*by).await,
                Action::Fail {
                    code,
                    status,
                    message,
                } => return Ok(Err(ApiError::new(*status, code.clone(), message))),
                Action::AccessDenied => return Ok(Err(self.denied(call))),
                Action::Throttle => return Ok(Err(throttled(call.service))),
                Action::Drop => return Err(self.dropped(call)),
                Action::Hang => {
                    self.state().calls.end(call.seq, Outcome::Hanging);
                    self.inner.held.hold().await;
                    return Err(self.dropped(call));
                }
            }
        }
        Ok(Ok(()))
    }

    fn perform(&self, call: &CallInfo, incoming: &Incoming) -> ApiResult<Reply> {
        let mut state = self.state();
        let result = state.perform(incoming);
        if result.is_ok() {
            state.calls.took_effect(call.seq);
        }
        result
    }

    fn dropped(&self, call: &CallInfo) -> ConnectionDropped {
        self.state().calls.end(call.seq, Outcome::Dropped);
        ConnectionDropped
    }

    /// Refuses as IAM does, naming the action that is missing.
    fn denied(&self, call: &CallInfo) -> ApiError {
        let state = self.state();
        let settings = &state.settings;
        let action = call.iam_action();
        let target = call.target.as_deref();
        let (status, resource) = match (call.service, target) {
            (Service::Ssm, target) => (400, ssm::arn(settings, target.unwrap_or("*"))),
            (Service::Lambda, Some(function)) => (403, function_arn(settings, function, None)),
            (Service::Lambda, None) => (403, "*".to_owned()),
            (Service::Sts | Service::Iam, _) => (403, "*".to_owned()),
        };
        let user = user_arn(settings, &call.caller);
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

    /// Adds a fault. It stays until [`Sandbox::clear_faults`].
    pub fn inject(&self, fault: Fault) {
        self.state().faults.inject(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Waits until [`Fault::hang`] holds a call.
    pub async fn wait_until_hanging(&self) {
        self.inner.held.wait().await;
    }

    /// Releases every call that [`Fault::hang`] holds: each loses its connection.
    pub fn release_hanging(&self) {
        self.inner.held.release();
    }

    /// The calls since the start or the last reset, in order; at most the last 100,000.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.state().calls.records()
    }

    /// Those of [`Sandbox::calls`] that change something.
    pub fn writes(&self) -> Vec<CallRecord> {
        let mut calls = self.calls();
        calls.retain(|it| it.call.write);
        calls
    }

    /// Counts since the start or the last reset.
    pub fn call_counts(&self) -> CallCounts {
        self.state().calls.counts().clone()
    }

    /// Clears the log and the counts; the numbers of calls continue.
    pub fn reset_calls(&self) {
        self.state().calls.reset();
    }

    /// Changes the settings. Rate limits start again with full buckets.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        let mut state = self.state();
        change(&mut state.settings);
        state.buckets.clear();
    }

    /// A copy of the settings.
    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }
}

fn outcome(result: &ApiResult<Reply>) -> Outcome {
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

/// The refusal by a rate limit, with each service's own code.
fn throttled(service: Service) -> ApiError {
    match service {
        Service::Ssm => ApiError::ssm("ThrottlingException", "Rate exceeded"),
        Service::Lambda => ApiError::too_many_requests("Rate exceeded", "CallerRateLimitExceeded"),
        Service::Sts | Service::Iam => ApiError::new(400, "Throttling", "Rate exceeded"),
    }
}
