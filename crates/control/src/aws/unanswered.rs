//! Which calls to AWS have had no answer yet, for telling a person. Nothing is decided by it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tokio::time::Instant;

/// The calls that are under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    /// In the order in which they were begun.
    calls: BTreeMap<u64, Begun>,
    next: u64,
}

#[derive(Debug)]
struct Begun {
    call: String,
    at: Instant,
    is_sent: bool,
}

/// A call that has had no answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// The call, as IAM names it: `ssm:GetParameter`.
    pub call: String,
    /// For how long.
    pub time: Duration,
    /// Whether it was sent. If not, the credentials to sign it with are awaited.
    pub is_sent: bool,
}

impl Calls {
    /// The call that has waited longest for its answer.
    #[must_use]
    pub fn longest(&self) -> Option<Unanswered> {
        let under_way = self.under_way();
        let Begun { call, at, is_sent } = under_way.calls.values().next()?;
        Some(Unanswered {
            call: call.clone(),
            time: at.elapsed(),
            is_sent: *is_sent,
        })
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call, until it has been answered or given up, which drops it.
#[derive(Debug)]
struct Call {
    calls: Calls,
    number: u64,
}

impl Storable for Call {
    type Storer = StoreReplace<Self>;
}

impl Drop for Call {
    fn drop(&mut self) {
        let ended = self.calls.under_way().calls.remove(&self.number);
        if let Some(Begun { call, at, .. }) = ended {
            tracing::debug!(took = ?at.elapsed(), "{call}");
        }
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // How long an invocation takes is the function's to say, not AWS's.
        let is_told = |call: &&Metadata| call.name() != "Invoke";
        if let Some(call) = bag.load::<Metadata>().filter(is_told) {
            let call = format!("{}:{}", call.service().to_lowercase(), call.name());
            let mut under_way = self.under_way();
            let number = under_way.next;
            under_way.next += 1;
            let begun = Begun {
                call,
                at: Instant::now(),
                is_sent: false,
            };
            under_way.calls.insert(number, begun);
            drop(under_way);
            let calls = self.clone();
            bag.interceptor_state().store_put(Call { calls, number });
        }
        Ok(())
    }

    fn read_after_signing(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = bag.load::<Call>()
            && let Some(begun) = self.under_way().calls.get_mut(&call.number)
        {
            begun.is_sent = true;
        }
        Ok(())
    }
}
