//! Everything behind the lock: the state of both services, the log, the faults, the buckets.

use jiff::Timestamp;

use crate::calls::{CallInfo, CallLog};
use crate::error::ApiResult;
use crate::fault::FaultBook;
use crate::lambda::{self, LambdaState};
use crate::ops::Service;
use crate::rate::Buckets;
use crate::settings::Settings;
use crate::ssm::{self, SsmState};
use crate::wire::{Incoming, Reply};

pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) ssm: SsmState,
    pub(crate) lambda: LambdaState,
    pub(crate) calls: CallLog,
    pub(crate) faults: FaultBook,
    pub(crate) buckets: Buckets,
    /// Calls that are being held, oldest first.
    pub(crate) hanging: Vec<CallInfo>,
}

/// What an operation may know beside its state and its input.
pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a Settings,
    /// The access key id of the caller.
    pub(crate) caller: &'a str,
}

impl Context<'_> {
    /// The caller as IAM names it. The access key id stands for the user's name, so that a test can
    /// tell two writers apart.
    pub(crate) fn user_arn(&self) -> String {
        format!(
            "arn:aws:iam::{}:user/{}",
            self.settings.account, self.caller
        )
    }
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            ssm: SsmState::default(),
            lambda: LambdaState::default(),
            calls: CallLog::default(),
            faults: FaultBook::default(),
            buckets: Buckets::default(),
            hanging: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// Lets the operation take effect.
    pub(crate) fn perform(&mut self, request: &Incoming) -> ApiResult<Reply> {
        let context = Context {
            now: self.settings.clock.now(),
            settings: &self.settings,
            caller: &request.caller,
        };
        match request.operation.service {
            Service::Ssm => ssm::dispatch(&mut self.ssm, &context, request),
            Service::Lambda => lambda::dispatch(&mut self.lambda, &context, request),
        }
    }

    /// As the sandbox itself, for changes that no call makes.
    pub(crate) fn with_context<T>(
        &mut self,
        change: impl FnOnce(&mut SsmState, &mut LambdaState, &Context<'_>) -> T,
    ) -> T {
        let context = Context {
            now: self.settings.clock.now(),
            settings: &self.settings,
            caller: "sandbox",
        };
        change(&mut self.ssm, &mut self.lambda, &context)
    }
}
