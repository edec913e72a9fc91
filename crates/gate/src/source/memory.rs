//! A flag in the memory of this process: for tests, and for an app that is its own operator.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Fetch, FlagSource, Reading};

/// A flag that this process holds and sets. Clones share it.
///
/// It holds one value whatever the parameter is called.
#[derive(Debug, Clone, Default)]
pub struct MemorySource(Arc<Mutex<Option<String>>>);

impl MemorySource {
    /// A source that holds this stored text, such as `on`.
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
        Box::pin(ready(Ok(text.map(Reading::from))))
    }
}
