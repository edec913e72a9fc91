//! The gate for the JSON events of a plain `lambda_runtime` handler.

use crate::core::{CacheState, Gate};
use crate::lambda_event::{recognise, respond};

impl Gate {
    /// Decides about the event of a plain `lambda_runtime` handler: JSON, or a type of `aws_lambda_events`.
    ///
    /// - `Some(response)`: return it unchanged, the request is blocked.
    /// - `None`: handle the event. The request passes, or the event is not an HTTP request or cannot be
    ///   serialized to JSON. In read-only mode `None` does not tell you that writes are forbidden; call
    ///   [`last_known`](Self::last_known) for that.
    ///
    /// An HTTP event whose method is null, empty or not a valid HTTP method passes only with the bypass token. An
    /// event without a field for the method is not taken for HTTP: AWS sends that field with every HTTP event.
    pub async fn check_event<E>(&self, event: &E) -> Option<serde_json::Value>
    where
        E: serde::Serialize + Sync + ?Sized,
    {
        let cache = self.shared.cache_state();
        if cache == CacheState::AllowAll {
            return None;
        }
        let event = serde_json::to_value(event).ok()?;
        let (request, context, source) = recognise(&event)?;
        if cache == CacheState::Expired {
            self.shared.refresh_future().await;
        }
        let decision = self.shared.decide_head((&request).into(), &context);
        let response = decision.into_response()?;
        Some(respond(&response, source))
    }
}
