//! What becomes of a function's work while it is at zero.
//!
//! Zero reserved concurrency is not harmless [Lambda, "Reserved concurrency" and "Asynchronous
//! invocation"]: a caller that waits for an answer gets 429, but an asynchronous event goes to the
//! function's dead-letter queue or on-failure destination without any retry, and is gone if it has
//! neither. This is told before a function is paused. What arrives is read from its event source
//! mappings and its resource policies.
//!
//! What invokes a function by an IAM role of its own leaves no trace in Lambda: EventBridge Scheduler,
//! Step Functions, other accounts, other code. It is not guessed at here; the command says
//! so once.

use serde::Serialize;

/// What arrives at a function, and what becomes of it while the function is at zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionEvents {
    /// The function's name.
    pub function: String,
    /// What arrives. None: nothing is seen to invoke it by itself.
    pub arrivals: Vec<Trigger>,
    /// IAM actions that were missing to see all of it: `lambda:GetPolicy`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
    /// Reads that kept failing though they are allowed, and why, in words. The next try may tell, so
    /// until then this counts as a loss.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// One thing that brings work to a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Trigger {
    /// Who brings it: the service of an event source mapping (`sqs`), or a principal of the resource
    /// policy (`s3.amazonaws.com`).
    pub from: String,
    /// What it comes from, where it is known: the ARN of the queue, stream, bucket or rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The alias or version that it invokes, if not the function itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<String>,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Delivery,
}

/// What becomes of work that arrives at a function at zero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delivery {
    /// It waits in its queue: the event source mapping is disabled first, so that no receive counts.
    Queued,
    /// It waits in its stream or topic for as long as that keeps it; the mapping is disabled first.
    InStream,
    /// The caller waits for an answer, and gets 429.
    Throttled,
    /// It goes to a dead-letter queue or failure destination, without a retry.
    Sent {
        /// The ARN.
        to: String,
    },
    /// Whether it is lost cannot be seen: [`FunctionEvents::unseen`] says for want of what, or
    /// [`FunctionEvents::unread`] why not.
    Unknown,
    /// It is gone: an asynchronous event, with neither dead-letter queue nor failure destination.
    Lost,
}

impl Trigger {
    /// Brought by `from` to the function itself, from where it is not known.
    #[must_use]
    pub fn new(from: impl Into<String>, fate: Delivery) -> Self {
        Self {
            from: from.into(),
            source: None,
            qualifier: None,
            fate,
        }
    }
}

impl FunctionEvents {
    /// What arrives at a function, all of which was seen.
    #[must_use]
    pub fn new(function: impl Into<String>, arrivals: Vec<Trigger>) -> Self {
        Self {
            function: function.into(),
            arrivals,
            unseen: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// What is lost.
    pub fn lost(&self) -> impl Iterator<Item = &Trigger> {
        self.arrivals
            .iter()
            .filter(|arrival| arrival.fate == Delivery::Lost)
    }

    /// Whether nothing is lost that was not shown. What could not be read then was shown as what may all be
    /// lost.
    pub(crate) fn loses_no_more_than(&self, shown: &Self) -> bool {
        let is_shown = |arrival: &Trigger| shown.arrivals.contains(arrival);
        !shown.unread.is_empty() || self.unread.is_empty() && self.lost().all(is_shown)
    }

    /// Whether something is lost, as far as can be read; where that failed, it may be.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.lost().next().is_some() || !self.unread.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_an_arrival_has_its_fate_beside_the_rest() {
        let arrival = |fate| Trigger {
            qualifier: Some("live".to_owned()),
            ..Trigger::new("s3.amazonaws.com", fate)
        };
        let json = |arrival| serde_json::to_string(&arrival).unwrap();
        assert_eq!(
            json(arrival(Delivery::InStream)),
            r#"{"from":"s3.amazonaws.com","qualifier":"live","fate":"in_stream"}"#
        );
        let to = "arn:aws:sqs:us-east-1:1:dead".to_owned();
        assert_eq!(
            json(arrival(Delivery::Sent { to })),
            r#"{"from":"s3.amazonaws.com","qualifier":"live","fate":"sent","to":"arn:aws:sqs:us-east-1:1:dead"}"#
        );
    }
}
