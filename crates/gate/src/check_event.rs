//! The gate for the JSON events of a plain `lambda_runtime` handler.

use crate::decision::Decision;
use crate::gate::Gate;
use crate::lambda_event::{recognise, respond};

impl Gate {
    /// Decides about the event of a plain `lambda_runtime` handler: JSON, or a type of `aws_lambda_events`.
    /// The handler returns Some as it is: the JSON answer to a request that is refused. None lets
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
