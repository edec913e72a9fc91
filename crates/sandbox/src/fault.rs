//! Faults on demand: which call, when, and what happens to it.
//!
//! A fault counts the calls it matches and applies to the chosen ones. Faults are independent: each counts
//! every call it matches, whatever the others did. A call refused by a rate limit never got as far as the
//! service, so no fault counts it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::api::Service;
use crate::calls::CallInfo;

/// Which calls, which of them, when, and what happens to them.
///
/// Unless told otherwise it matches every call and drops the connection of the first one, before its effect.
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
    /// 0 is without end.
    times: u64,
    every: u64,
    when: When,
    action: Action,
}

/// Whether the operation's effect takes place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The fault comes first: an action that ends the call leaves it without effect.
    #[default]
    Before,
    /// The effect takes place first; the caller may never learn of it.
    After,
}

/// What happens to the call.
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

    /// From the n-th matching call, counted from 1.
    pub fn nth(mut self, n: u64) -> Self {
        self.nth = n;
        self
    }

    /// This many of them (default 1).
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// All of them from there on.
    pub fn always(self) -> Self {
        self.times(0)
    }

    /// Every k-th of them, without end unless [`Fault::times`] follows.
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

    /// Refuses as IAM does, in AWS's words, naming the action that is missing.
    pub fn access_denied(self) -> Self {
        self.action(Action::AccessDenied)
    }

    /// Refuses as a rate limit does, in its service's own way.
    pub fn throttle(self) -> Self {
        self.action(Action::Throttle)
    }

    /// Takes this much longer, on tokio's timer. A caller that gives up meanwhile takes an effect that was
    /// still to come with it; delay after the effect for the other case.
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

    /// Whether it applies to the `count`-th matching call (from 1).
    fn applies_to(&self, count: u64) -> bool {
        let Some(past) = count.checked_sub(self.nth.max(1)) else {
            return false;
        };
        let every = self.every.max(1);
        past.is_multiple_of(every) && (self.times == 0 || past / every < self.times)
    }
}

/// The faults that were injected, each with the number of calls it matched.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Fault, u64)>);

impl Faults {
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.0.push((fault, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts the call in every fault that matches it, and returns what is to happen to it.
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
