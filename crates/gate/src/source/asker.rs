//! What the sources have in common that send requests of their own: one connection, and the environment
//! that says whom to ask and as whom.

use std::sync::Arc;
use std::time::Duration;

use super::http::Client;
use super::vars::Vars;

/// Clones share the connection.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) client: Arc<Client>,
    pub(super) vars: Vars,
}

impl Asker {
    /// With what the environment of the process says.
    pub(super) fn from_env() -> Self {
        Self::new(Vars::env())
    }

    /// With the variables of any place that has such.
    pub(super) fn from_vars(var: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::new(Vars::new(var))
    }

    /// The same with another patience: see `SsmSource::patience`.
    pub(super) fn patience(self, patience: Duration) -> Self {
        Self {
            client: Arc::new(Client::with_patience(patience)),
            ..self
        }
    }

    fn new(vars: Vars) -> Self {
        Self {
            client: Arc::default(),
            vars,
        }
    }
}
