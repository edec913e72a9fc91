//! How long an operation may go on after the request that began it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tokio::time::Instant;

use super::{Ended, Operation};
use crate::deadline::Deadline;

/// How long a request waits for its operation before it is answered without the result.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long before the function ends an operation is asked to stop: it ends the step in hand, which may be a
/// write that AWS has not answered, and gives its lease back.
const TO_STOP: Duration = Duration::from_secs(25);

/// How long an operation may go on after the request that began it: an extractor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// In a process that lives on: as long as it takes. The request is answered by then.
    AnswerBy(Instant),
    /// In a function that is frozen once it has answered: until then. What is left by then, the same request
    /// finishes.
    StopBefore(Instant),
}

impl Patience {
    /// In a function that ends at this moment.
    #[must_use]
    pub fn until(deadline: Instant) -> Self {
        Self::StopBefore(deadline.checked_sub(TO_STOP).unwrap_or(deadline))
    }

    /// Waits for the operation until twenty seconds after the request came, and returns how it ended if it has by
    /// then. In a function it always has.
    pub async fn wait(self, operation: &Operation) -> Option<Arc<Ended>> {
        match self {
            Self::AnswerBy(moment) => {
                let ended = tokio::time::timeout_at(moment, operation.ended());
                ended.await.ok()
            }
            Self::StopBefore(moment) => Some(Self::stop_at(operation, moment).await),
        }
    }

    /// Returns at once; in a function, once the operation has ended.
    pub async fn detach(self, operation: &Operation) {
        if let Self::StopBefore(moment) = self {
            Self::stop_at(operation, moment).await;
        }
    }

    async fn stop_at(operation: &Operation, moment: Instant) -> Arc<Ended> {
        match tokio::time::timeout_at(moment, operation.ended()).await {
            Ok(ended) => ended,
            Err(_) => {
                operation.stop();
                operation.ended().await
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Patience {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let deadline = parts.extensions.get::<Deadline>();
        let in_process = || Self::AnswerBy(Instant::now() + ANSWER_WITHIN);
        Ok(deadline.map_or_else(in_process, |deadline| Self::until(deadline.0)))
    }
}
