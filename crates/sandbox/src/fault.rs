//! Faults on demand: they fail, delay, drop or hold chosen calls.
//!
//! A fault counts the calls it matches and applies to the chosen ones. Faults are independent: each counts
//! every call it matches. A call refused by a rate limit never reaches the service, so no fault counts it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::api::Service;
use crate::calls::CallInfo;

/// A fault: which calls it matches, which of those it applies to, when, and its action.
///
/// By default it matches every call and drops the connection of the first one, before its effect.
///
/// ```
/// use maintenance_sandbox::Fault;
/// // The third write takes effect, and its answer is lost.
/// let fault = Fault::any_write().nth(3).after().drop_connection();
/// // Every PutParameter fails from now on.
/// let denied = Fault::on("PutParameter").always().access_denied();
/// # let _ = (fault, denied);
/// ```
#[must_use = "a fault does nothing until it is injected"]
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    operation: Option<String>,
    service: Option<Service>,
    write: Option<bool>,
    target: Option<String>,
    nth: u64,
    /// 0 means no limit.
    times: u64,
    every: u64,
    when: When,
    action: Action,
}

/// When a fault applies, relative to the operation's effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The fault applies first: an action that ends the call leaves it without effect.
    #[default]
    Before,
    /// The operation takes effect first; the caller may never learn of it.
    After,
}

/// What a fault does to a call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    Fail {
        code: String,
        status: u16,
        message: String,
    },
    AccessDenied,
    Throttle,
    #[serde(rename = "delay_ms", deserialize_with = "milliseconds")]
    Delay(Duration),
    #[default]
    Drop,
    Hang,
    #[serde(skip)]
    Hook(Hook),
}

/// A callback. It runs outside every lock, so it may call the sandbox.
#[derive(Clone)]
pub(crate) struct Hook(pub(crate) Arc<dyn Fn(&CallInfo) + Send + Sync>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

fn milliseconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            operation: None,
            service: None,
            write: None,
            target: None,
            nth: 1,
            times: 1,
            every: 1,
            when: When::Before,
            action: Action::Drop,
        }
    }
}

impl Fault {
    /// Calls of one operation, as `PutParameter`.
    pub fn on(operation: &str) -> Self {
        Self {
            operation: Some(operation.to_owned()),
            ..Self::default()
        }
    }

    /// Any call.
    pub fn any_call() -> Self {
        Self::default()
    }

    /// Any call that changes something.
    pub fn any_write() -> Self {
        Self {
            write: Some(true),
            ..Self::default()
        }
    }

    /// Any call that changes nothing.
    pub fn any_read() -> Self {
        Self {
            write: Some(false),
            ..Self::default()
        }
    }

    /// Only calls of this service.
    pub fn service(mut self, service: Service) -> Self {
        self.service = Some(service);
        self
    }

    /// Only calls whose target (parameter name, function, mapping) contains this.
    pub fn target(mut self, part: &str) -> Self {
        self.target = Some(part.to_owned());
        self
    }

    /// Starts at the n-th matching call, counted from 1.
    pub fn nth(mut self, n: u64) -> Self {
        self.nth = n;
        self
    }

    /// To this many of them (default 1; 0 means no limit).
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// To all matching calls, without limit.
    pub fn always(self) -> Self {
        self.times(0)
    }

    /// To every k-th matching call, without limit unless [`Fault::times`] follows.
    pub fn every(mut self, k: u64) -> Self {
        self.every = k;
        self.nth = self.nth.max(k);
        self.always()
    }

    /// Before the effect, the default.
    pub fn before(mut self) -> Self {
        self.when = When::Before;
        self
    }

    /// After the effect.
    pub fn after(mut self) -> Self {
        self.when = When::After;
        self
    }

    fn action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// Answers with this error.
    pub fn fail(self, status: u16, code: &str, message: &str) -> Self {
        self.action(Action::Fail {
            code: code.to_owned(),
            status,
            message: message.to_owned(),
        })
    }

    /// Refuses the call as IAM does, naming the missing action.
    pub fn access_denied(self) -> Self {
        self.action(Action::AccessDenied)
    }

    /// Refuses the call as its service's rate limit does.
    pub fn throttle(self) -> Self {
        self.action(Action::Throttle)
    }

    /// Delays the call, on tokio's timer. If the caller gives up meanwhile, the operation does not take effect;
    /// with [`Fault::after`] it already has.
    pub fn delay(self, by: Duration) -> Self {
        self.action(Action::Delay(by))
    }

    /// Drops the connection without an answer, the default.
    pub fn drop_connection(self) -> Self {
        self.action(Action::Drop)
    }

    /// Holds the call until [`Sandbox::release_hanging`](crate::Sandbox::release_hanging) and never answers
    /// it: for tests that kill the caller at this very point.
    pub fn hang(self) -> Self {
        self.action(Action::Hang)
    }

    /// Runs a callback, which may call the sandbox.
    pub fn hook(self, hook: impl Fn(&CallInfo) + Send + Sync + 'static) -> Self {
        self.action(Action::Hook(Hook(Arc::new(hook))))
    }

    fn matches(&self, call: &CallInfo) -> bool {
        let operation = self.operation.as_ref();
        let target = self.target.as_deref();
        let has = |part: &str| call.target.as_ref().is_some_and(|it| it.contains(part));
        operation.is_none_or(|it| *it == call.operation)
            && self.service.is_none_or(|it| it == call.service)
            && self.write.is_none_or(|it| it == call.write)
            && target.is_none_or(has)
    }

    /// Whether it applies to the `count`-th matching call, counted from 1.
    fn applies_to(&self, count: u64) -> bool {
        let Some(past) = count.checked_sub(self.nth.max(1)) else {
            return false;
        };
        let every = self.every.max(1);
        past.is_multiple_of(every) && (self.times == 0 || past / every < self.times)
    }
}

/// The injected faults, each with the number of calls it matched.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Fault, u64)>);

impl Faults {
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.0.push((fault, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts the call in every fault that matches it, and returns the actions that apply.
    pub(crate) fn apply(&mut self, call: &CallInfo) -> Vec<(When, Action)> {
        let mut actions = Vec::new();
        for (fault, matched) in &mut self.0 {
            if fault.matches(call) {
                *matched += 1;
                if fault.applies_to(*matched) {
                    actions.push((fault.when, fault.action.clone()));
                }
            }
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applies_to_the_calls_it_names() {
        for (fault, calls) in [
            (Fault::any_call(), vec![1]),
            (Fault::any_call().nth(3), vec![3]),
            (Fault::any_call().nth(2).times(2), vec![2, 3]),
            (Fault::any_call().nth(4).always(), vec![4, 5, 6, 7, 8]),
            (Fault::any_call().every(2), vec![2, 4, 6, 8]),
            (Fault::any_call().every(2).times(2), vec![2, 4]),
        ] {
            let applied: Vec<u64> = (1..=8).filter(|n| fault.applies_to(*n)).collect();
            assert_eq!(applied, calls, "{fault:?}");
        }
    }
}
