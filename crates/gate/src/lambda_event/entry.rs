//! Where events come to the gate.

use super::recognise::recognise;
use super::respond::respond;
use crate::decision::Decision;
#[cfg(feature = "lambda")]
use crate::gate::Gate;
#[cfg(feature = "lambda_http")]
use crate::gate::Shared;
#[cfg(feature = "lambda_http")]
use crate::request::RequestHead;

#[cfg(feature = "lambda")]
impl Gate {
    /// Decides about the event of a plain `lambda_runtime` handler: JSON, or a type of `aws_lambda_events`.
    /// Some is what the handler has to return, as JSON: the answer to a request that is refused. None lets
    /// it go on: the request passes, or the event is no HTTP request. An HTTP event whose method is empty
    /// or no token does not pass.
    ///
    /// During a read-only maintenance it tells apart only what passes and what does not; a handler
    /// that has to know asks [`last_known`](Self::last_known).
    pub async fn check_event<E>(&self, event: &E) -> Option<serde_json::Value>
    where
        E: serde::Serialize + Sync + ?Sized,
    {
        let snapshot = self.shared.snapshot();
        if snapshot.is_fresh() && self.shared.is_open(snapshot.mode()) {
            return None;
        }
        let event = serde_json::to_value(event).ok()?;
        let (request, source) = recognise(&event)?;
        if !snapshot.is_fresh() {
            self.shared.refreshing().await;
        }
        match self.shared.decide((&request).into()) {
            Decision::Block(response) => Some(respond(&response, source)),
            Decision::Pass | Decision::PassReadOnly => None,
        }
    }
}

/// Decides about a request that lambda_http made of an event which it did not recognise. What the
/// event reader does not recognise either is no HTTP request, and passes.
#[cfg(feature = "lambda_http")]
pub(crate) fn decide_passed_through(shared: &Shared, head: RequestHead<'_>) -> Decision {
    let event = head.event.and_then(|text| serde_json::from_str(text).ok());
    let event: serde_json::Value = event.unwrap_or_default();
    let Some((request, source)) = recognise(&event) else {
        return Decision::Pass;
    };
    match shared.decide((&request).into()) {
        // lambda_http returns the body as it is: it has to be the whole answer to the event.
        Decision::Block(response) => {
            let answer = respond(&response, source).to_string();
            Decision::Block(Box::new(response.map(|_| answer.into())))
        }
        decision => decision,
    }
}
