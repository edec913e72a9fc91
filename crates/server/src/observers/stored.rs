//! Where what observers saw last survives a restart: a parameter an observer, in the store of the app of the
//! configuration's own.

use maintenance_control::{Store, StoreError, in_full};
use maintenance_flag::{App, DecodeError, Observation, ObserverName, Parameters, Prefix};

/// What the observers of a configuration saw last.
#[derive(Debug, Clone)]
pub struct ObservationStore {
    store: Store,
    names: Parameters,
}

impl ObservationStore {
    /// Below the prefix of this app's store.
    #[must_use]
    pub fn new(store: Store, prefix: &Prefix, app: &App) -> Self {
        Self {
            store,
            names: Parameters::new(prefix, app),
        }
    }

    /// What an observer saw last; none if nothing is stored. An error says why it cannot be read.
    pub(super) async fn read(&self, name: &ObserverName) -> Result<Option<Observation>, Unread> {
        let parameter = self.names.observer(name);
        let stored = self.store.get(&parameter).await;
        let stored = stored.map_err(|error| Unread::Unreachable(in_full(&error)))?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        match Observation::decode(&stored.value) {
            Ok(observation) => Ok(Some(observation)),
            Err(error @ DecodeError::NewerSchema { .. }) => {
                Err(Unread::Newer(format!("{parameter}: {error}")))
            }
            Err(error) => {
                tracing::warn!(parameter, %error, "what an observer saw last cannot be read");
                Ok(None)
            }
        }
    }

    /// Stores it, over what is there: two processes with the same observer see the same.
    pub(super) async fn write(
        &self,
        name: &ObserverName,
        observation: &Observation,
    ) -> Result<(), StoreError> {
        let parameter = self.names.observer(name);
        let text = observation.encode();
        self.store.replace(&parameter, &text, None, None).await?;
        Ok(())
    }
}

/// Why what is stored cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// Not just now.
    Unreachable(String),
    /// A newer version wrote it, and it must not be overwritten.
    Newer(String),
}
