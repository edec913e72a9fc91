//! A flag in the memory of this process: for tests, and for an app that is its own operator.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Fetch, FlagSource, ParameterValue};

/// A flag that this process holds and sets. Clones share it.
///
/// It holds one value, for every parameter name.
#[derive(Debug, Clone, Default)]
pub struct MemorySource(Arc<Mutex<Option<String>>>);

impl MemorySource {
    /// Creates a source that holds this stored text, such as `on`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let source = Self::default();
        source.set(text);
        source
    }

    /// Stores a text. Gates see it at their next refresh.
    pub fn set(&self, text: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.into());
    }

    /// Turns maintenance on for a role of an app, with a bypass token, to test what it lets pass. Returns
    /// the token: send it as `X-Maintenance-Bypass`. It is valid for a year.
    ///
    /// ```
    /// use maintenance_gate::{Decision, Gate, MemorySource};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), maintenance_gate::BuildError> {
    /// let flag = MemorySource::default();
    /// let token = flag.set_on_with_bypass("demo", "dev", "web");
    /// let gate = Gate::builder().app("demo").env("dev").source(flag).build()?;
    /// let mut request = http::Request::new(());
    /// assert!(matches!(gate.check(&mut request).await, Decision::Block(_)));
    /// request.headers_mut().insert("x-maintenance-bypass", token.parse().unwrap());
    /// assert!(matches!(gate.check(&mut request).await, Decision::Pass));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "test-util")]
    pub fn set_on_with_bypass(&self, app: &str, env: &str, role: &str) -> String {
        use maintenance_flag::{Token, TokenHash};
        let token = Token::from_random([7; Token::LEN]);
        let hash = TokenHash::of(&format!("{app}-{env}"), role, token.reveal());
        let until = jiff::Timestamp::now().saturating_add(jiff::SignedDuration::from_hours(8_760));
        let until = until.unwrap_or(jiff::Timestamp::MAX);
        self.set(format!(
            r#"{{"schema": 1, "mode": "on", "bypass": {{"token": "{hash}", "token_until": "{until}"}}}}"#
        ));
        token.reveal().to_owned()
    }

    /// Removes the parameter, which means *off*.
    pub fn remove(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl FlagSource for MemorySource {
    fn fetch(&self, _parameter: &str) -> Fetch {
        let text = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Box::pin(ready(Ok(text.map(ParameterValue::from))))
    }
}
