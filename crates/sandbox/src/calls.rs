//! The log of calls: who asked for what, and how it ended.
//!
//! Tests assert on it ("no write call was made"). It keeps the last hundred thousand calls and counts all of
//! them.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

use crate::api::{OperationInfo, Service};
use crate::rate::Budget;

const KEPT: usize = 100_000;

/// A call, as a hook sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallInfo {
    /// The number of the call, counted from 1 since the sandbox began.
    pub seq: u64,
    /// The service.
    pub service: Service,
    /// The operation, as the API names it.
    pub operation: String,
    /// The parameter, function or mapping that it names, if any.
    pub target: Option<String>,
    /// Whether it changes anything.
    pub write: bool,
    /// When it arrived, on the sandbox's clock.
    pub at: Timestamp,
    /// The access key id that signed it.
    pub caller: String,
}

impl CallInfo {
    /// The IAM action that allows it.
    pub(crate) fn iam_action(&self) -> String {
        match (self.service, self.operation.as_str()) {
            (Service::Ssm, name) => format!("ssm:{name}"),
            (Service::Lambda, "Invoke") => "lambda:InvokeFunction".to_owned(),
            (Service::Lambda, name) => format!("lambda:{name}"),
            (Service::Sts, name) => format!("sts:{name}"),
            (Service::Iam, name) => format!("iam:{name}"),
        }
    }
}

/// One call, as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// The call.
    pub call: CallInfo,
    /// The budget it was charged to.
    pub budget: Budget,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the operation succeeded; a fault may hide that from the caller.
    pub took_effect: bool,
}

/// How a call ended for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended yet.
    Pending,
    /// Answered with success.
    Ok {
        /// The HTTP status.
        status: u16,
    },
    /// Answered with an error.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error's code.
        code: String,
    },
    /// Refused by a rate limit, before anything else.
    Throttled,
    /// The connection was dropped.
    Dropped,
    /// Held by a fault.
    Hanging,
}

/// Counts since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallCounts {
    /// All calls.
    pub total: u64,
    /// Those that change something, refused ones included.
    pub writes: u64,
    /// Those a rate limit refused.
    pub throttled: u64,
    /// By operation.
    pub by_operation: BTreeMap<String, u64>,
    /// By budget.
    pub by_budget: BTreeMap<Budget, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct CallLog {
    next: u64,
    records: VecDeque<CallRecord>,
    counts: CallCounts,
}

impl CallLog {
    pub(crate) fn begin(
        &mut self,
        operation: &OperationInfo,
        target: Option<String>,
        caller: String,
        at: Timestamp,
    ) -> CallInfo {
        self.next += 1;
        let call = CallInfo {
            seq: self.next,
            service: operation.service,
            operation: operation.name.to_owned(),
            target,
            write: operation.write,
            at,
            caller,
        };
        self.counts.total += 1;
        self.counts.writes += u64::from(operation.write);
        *self
            .counts
            .by_operation
            .entry(operation.name.to_owned())
            .or_default() += 1;
        *self.counts.by_budget.entry(operation.budget).or_default() += 1;
        if self.records.len() == KEPT {
            self.records.pop_front();
        }
        self.records.push_back(CallRecord {
            call: call.clone(),
            budget: operation.budget,
            outcome: Outcome::Pending,
            took_effect: false,
        });
        call
    }

    fn record(&mut self, seq: u64) -> Option<&mut CallRecord> {
        let first = self.records.front()?.call.seq;
        let index = usize::try_from(seq.checked_sub(first)?).ok()?;
        self.records.get_mut(index)
    }

    pub(crate) fn took_effect(&mut self, seq: u64) {
        if let Some(record) = self.record(seq) {
            record.took_effect = true;
        }
    }

    pub(crate) fn end(&mut self, seq: u64, outcome: Outcome) {
        if outcome == Outcome::Throttled {
            self.counts.throttled += 1;
        }
        if let Some(record) = self.record(seq) {
            record.outcome = outcome;
        }
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn counts(&self) -> &CallCounts {
        &self.counts
    }

    /// Clears the log; call numbers continue.
    pub(crate) fn reset(&mut self) {
        self.records.clear();
        self.counts = CallCounts::default();
    }
}
