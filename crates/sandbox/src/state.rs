//! Everything behind the lock: the state of both services, the log, the faults, the buckets.

use jiff::Timestamp;

use crate::api::{ApiRequest, Reply};
use crate::calls::CallLog;
use crate::error::ApiResult;
use crate::fault::Faults;
use crate::identity::IdentityState;
use crate::lambda::LambdaState;
use crate::rate::Buckets;
use crate::settings::Settings;
use crate::ssm::SsmState;
use crate::wire::{AnyOperation, Incoming};

#[derive(Default)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) ssm: SsmState,
    pub(crate) lambda: LambdaState,
    pub(crate) identity: IdentityState,
    pub(crate) calls: CallLog,
    pub(crate) faults: Faults,
    pub(crate) buckets: Buckets,
}

impl State {
    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// Performs the operation.
    pub(crate) fn perform(&mut self, incoming: &Incoming) -> ApiResult<Reply> {
        let request = ApiRequest {
            now: self.settings.clock.now(),
            settings: &self.settings,
            caller: &incoming.caller,
            message: &incoming.message,
        };
        match incoming.operation {
            AnyOperation::Ssm(operation) => (operation.run)(&mut self.ssm, &request),
            AnyOperation::Lambda(operation) => (operation.run)(&mut self.lambda, &request),
            AnyOperation::Identity(operation) => (operation.run)(&mut self.identity, &request),
        }
    }
}
