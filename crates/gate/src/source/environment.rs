//! The environment variables of a source. Sources read them at each fetch, since Lambda may renew credentials, and
//! take an empty variable for one that is not set.

use std::sync::Arc;

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where variables come from.
#[derive(Clone)]
pub(super) struct Variables(Arc<Lookup>);

impl Variables {
    pub(super) fn new(var: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(var))
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

/// Reads a variable of the process.
pub(super) fn of_process(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
