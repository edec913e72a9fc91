//! Faults on demand: which call, when, and what befalls it.
//!
//! A rule counts the calls it matches and strikes at the chosen ones. Rules are independent: each
//! counts every call it matches, whatever the others did. A call refused by a rate limit never got
//! as far as the service, so no rule counts it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::calls::CallInfo;
use crate::ops::Service;

/// A callback that a fault runs. It runs outside every lock, so it may call the sandbox.
pub type Hook = Arc<dyn Fn(&CallInfo) + Send + Sync>;

/// What befalls the call.
#[derive(Clone)]
pub enum Action {
    /// It is answered with an error.
    Fail {
        /// The error's code, as `ServiceException`.
        code: String,
        /// The HTTP status.
        status: u16,
        /// The message.
        message: String,
    },
    /// It is refused as by IAM, in AWS's words, naming the action that is missing.
    AccessDenied,
    /// It is refused as by a rate limit, in its service's own way.
    Throttle,
    /// It takes this much longer, on tokio's timer. A caller that gives up meanwhile takes an effect
    /// that was still to come with it; delay after the effect for the other case.
    Delay(Duration),
    /// The connection goes, without an answer.
    Drop,
    /// It is held and never answered: for tests that kill the caller at this very point.
    Hang,
    /// A callback runs.
    Hook(Hook),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail { code, status, .. } => write!(f, "Fail({status} {code})"),
            Self::AccessDenied => f.write_str("AccessDenied"),
            Self::Throttle => f.write_str("Throttle"),
            Self::Delay(by) => write!(f, "Delay({by:?})"),
            Self::Drop => f.write_str("Drop"),
            Self::Hang => f.write_str("Hang"),
            Self::Hook(_) => f.write_str("Hook"),
        }
    }
}

/// Whether the operation's effect takes place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The fault strikes first: an action that ends the call leaves it without effect.
    #[default]
    Before,
    /// The effect takes place first; the caller may never learn of it.
    After,
}

/// A rule: which calls, which of them, when, what.
///
/// ```
/// use maintenance_sandbox::Fault;
/// // The third write takes effect, and its answer is lost.
/// let fault = Fault::any_write().nth(3).after().drop_connection();
/// // Every PutParameter fails from now on.
/// let denied = Fault::on("PutParameter").always().access_denied();
/// # let _ = (fault, denied);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    pub(crate) operation: Option<String>,
    pub(crate) service: Option<Service>,
    pub(crate) write: Option<bool>,
    pub(crate) target: Option<String>,
    pub(crate) first: u64,
    pub(crate) times: Option<u64>,
    pub(crate) every: u64,
    pub(crate) when: When,
    pub(crate) action: Action,
}

/// A [`Fault`] that lacks its action yet; by default it strikes the first matching call, once, before
/// its effect.
#[must_use = "a rule does nothing until it has an action and is injected"]
#[derive(Clone, Debug)]
pub struct FaultBuilder(Fault);

impl Fault {
    fn matching(operation: Option<&str>, write: Option<bool>) -> FaultBuilder {
        FaultBuilder(Self {
            operation: operation.map(str::to_owned),
            service: None,
            write,
            target: None,
            first: 1,
            times: Some(1),
            every: 1,
            when: When::Before,
            action: Action::Drop,
        })
    }

    /// Calls of one operation, as `PutParameter`.
    pub fn on(operation: &str) -> FaultBuilder {
        Self::matching(Some(operation), None)
    }

    /// Any call.
    pub fn any_call() -> FaultBuilder {
        Self::matching(None, None)
    }

    /// Any call that changes something.
    pub fn any_write() -> FaultBuilder {
        Self::matching(None, Some(true))
    }

    /// Any call that changes nothing.
    pub fn any_read() -> FaultBuilder {
        Self::matching(None, Some(false))
    }

    fn matches(&self, call: &CallInfo) -> bool {
        self.operation
            .as_ref()
            .is_none_or(|it| *it == call.operation)
            && self.service.is_none_or(|it| it == call.service)
            && self.write.is_none_or(|it| it == call.write)
            && self.target.as_ref().is_none_or(|it| {
                call.target
                    .as_ref()
                    .is_some_and(|target| target.contains(it.as_str()))
            })
    }

    /// Whether the `count`-th matching call (from 1) is struck.
    fn strikes(&self, count: u64) -> bool {
        let Some(past) = count.checked_sub(self.first) else {
            return false;
        };
        let every = self.every.max(1);
        past % every == 0 && self.times.is_none_or(|times| past / every < times)
    }
}

impl FaultBuilder {
    /// Only calls of this service.
    pub fn service(mut self, service: Service) -> Self {
        self.0.service = Some(service);
        self
    }

    /// Only calls that change something, or only those that do not.
    pub fn write(mut self, write: bool) -> Self {
        self.0.write = Some(write);
        self
    }

    /// Only calls whose target (parameter name, function, mapping, path) contains this.
    pub fn target(mut self, part: &str) -> Self {
        self.0.target = Some(part.to_owned());
        self
    }

    /// From the n-th matching call, counted from 1.
    pub fn nth(mut self, n: u64) -> Self {
        self.0.first = n.max(1);
        self
    }

    /// This many of them (default 1).
    pub fn times(mut self, times: u64) -> Self {
        self.0.times = Some(times);
        self
    }

    /// All of them from there on.
    pub fn always(mut self) -> Self {
        self.0.times = None;
        self
    }

    /// Every k-th of them, without end unless [`FaultBuilder::times`] follows.
    pub fn every(mut self, k: u64) -> Self {
        self.0.every = k.max(1);
        self.0.first = self.0.first.max(self.0.every);
        self.0.times = None;
        self
    }

    /// Before the effect, the default.
    pub fn before(mut self) -> Self {
        self.0.when = When::Before;
        self
    }

    /// After the effect.
    pub fn after(mut self) -> Self {
        self.0.when = When::After;
        self
    }

    /// With this action.
    pub fn action(mut self, action: Action) -> Fault {
        self.0.action = action;
        self.0
    }

    /// Answer with this error.
    pub fn fail(self, status: u16, code: &str, message: &str) -> Fault {
        self.action(Action::Fail {
            code: code.to_owned(),
            status,
            message: message.to_owned(),
        })
    }

    /// Refuse as IAM does.
    pub fn access_denied(self) -> Fault {
        self.action(Action::AccessDenied)
    }

    /// Refuse as a rate limit does.
    pub fn throttle(self) -> Fault {
        self.action(Action::Throttle)
    }

    /// Take this much longer.
    pub fn delay(self, by: Duration) -> Fault {
        self.action(Action::Delay(by))
    }

    /// Drop the connection.
    pub fn drop_connection(self) -> Fault {
        self.action(Action::Drop)
    }

    /// Hold the call and never answer it.
    pub fn hang(self) -> Fault {
        self.action(Action::Hang)
    }

    /// Run a callback.
    pub fn hook(self, hook: impl Fn(&CallInfo) + Send + Sync + 'static) -> Fault {
        self.action(Action::Hook(Arc::new(hook)))
    }
}

/// Names an injected rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct FaultId(pub(crate) u64);

/// How far a rule has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultStatus {
    /// The rule.
    pub id: FaultId,
    /// What it does, for a reader.
    pub rule: String,
    /// How many calls it has matched.
    pub matched: u64,
    /// How many of them it struck.
    pub struck: u64,
}

#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    next: u64,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: FaultId,
    fault: Fault,
    matched: u64,
    struck: u64,
}

impl FaultBook {
    pub(crate) fn inject(&mut self, fault: Fault) -> FaultId {
        self.next += 1;
        let id = FaultId(self.next);
        self.rules.push(Rule {
            id,
            fault,
            matched: 0,
            struck: 0,
        });
        id
    }

    pub(crate) fn remove(&mut self, id: FaultId) {
        self.rules.retain(|rule| rule.id != id);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn status(&self) -> Vec<FaultStatus> {
        self.rules
            .iter()
            .map(|rule| FaultStatus {
                id: rule.id,
                rule: format!("{:?}", rule.fault),
                matched: rule.matched,
                struck: rule.struck,
            })
            .collect()
    }

    /// Counts the call in every rule that matches it, and returns what befalls it.
    pub(crate) fn strike(&mut self, call: &CallInfo) -> Vec<(When, Action)> {
        let mut actions = Vec::new();
        for rule in &mut self.rules {
            if rule.fault.matches(call) {
                rule.matched += 1;
                if rule.fault.strikes(rule.matched) {
                    rule.struck += 1;
                    actions.push((rule.fault.when, rule.fault.action.clone()));
                }
            }
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(fault: &Fault, calls: u64) -> Vec<u64> {
        (1..=calls).filter(|n| fault.strikes(*n)).collect()
    }

    #[test]
    fn a_rule_strikes_the_calls_it_names() {
        assert_eq!(struck(&Fault::any_call().throttle(), 5), [1]);
        assert_eq!(struck(&Fault::any_call().nth(3).throttle(), 5), [3]);
        assert_eq!(
            struck(&Fault::any_call().nth(2).times(2).throttle(), 5),
            [2, 3]
        );
        assert_eq!(
            struck(&Fault::any_call().nth(4).always().throttle(), 6),
            [4, 5, 6]
        );
        assert_eq!(struck(&Fault::any_call().every(2).throttle(), 7), [2, 4, 6]);
        assert_eq!(
            struck(&Fault::any_call().every(2).times(2).throttle(), 9),
            [2, 4]
        );
    }
}
