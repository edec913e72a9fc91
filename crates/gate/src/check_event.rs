//! The gate for the JSON events of a plain `lambda_runtime` handler.

use crate::core::{Gate, Known};
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
        let known = self.shared.known();
        if known == Known::Open {
            return None;
        }
        let event = serde_json::to_value(event).ok()?;
        let (request, context, source) = recognise(&event)?;
        if known == Known::Stale {
            self.shared.refreshing().await;
        }
        let decision = self.shared.decide_head((&request).into(), &context);
        let response = decision.into_response()?;
        Some(respond(&response, source))
    }
}
