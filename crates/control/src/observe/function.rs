//! One function as it stands, and what of it pausing would take away.

use std::collections::BTreeMap;

use maintenance_flag::{Capacity, Reserved};

use crate::fence::Fence;
use crate::fleet::LambdaError;
use crate::fleet::{Absent, Fleet, Mapping, MappingState};
use crate::saved::Saved;

/// What `invoke` reserves, so that one invocation runs at a time.
pub(crate) const INVOKING: Reserved = Reserved::Limit(1);

/// How one function stands.
#[derive(Debug, Clone)]
pub(crate) struct ObservedFunction {
    pub(crate) reserved: Reserved,
    pub(crate) provisioned: BTreeMap<String, u32>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) origin: String,
    /// The longest timeout of any of its versions, seconds.
    pub(crate) timeout: u32,
    /// Its versions with their dead-letter queues; empty for one that is saved and not selected.
    pub(crate) versions: BTreeMap<String, Option<String>>,
    /// `invoke` marked it.
    pub(crate) is_invoking: bool,
}

impl ObservedFunction {
    /// The mappings that deliver or are about to.
    pub(crate) fn enabled(&self) -> impl Iterator<Item = &str> {
        self.mappings
            .iter()
            .filter(|m| matches!(m.state, MappingState::Enabled | MappingState::Enabling))
            .map(|m| m.uuid.as_str())
    }

    /// The mappings that may still deliver, and soon will not.
    pub(crate) fn disabling(&self) -> impl Iterator<Item = &str> {
        self.mappings
            .iter()
            .filter(|m| m.state == MappingState::Disabling)
            .map(|m| m.uuid.as_str())
    }

    /// The mappings that deliver, or may when they have settled.
    pub(crate) fn delivering(&self) -> impl Iterator<Item = &Mapping> {
        self.mappings.iter().filter(|mapping| {
            matches!(
                mapping.state,
                MappingState::Enabled | MappingState::Enabling | MappingState::Unsettled
            )
        })
    }

    /// The mappings that are not yet known to be enabled or not.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = &Mapping> {
        let unsettled = |mapping: &&Mapping| mapping.state == MappingState::Unsettled;
        self.mappings.iter().filter(unsettled)
    }

    /// Whether what it has is known.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled().next().is_none()
    }

    /// What pausing it would take away.
    pub(crate) fn capacity(&self) -> Capacity {
        self.with_mappings(self.enabled().map(str::to_owned).collect())
    }

    /// The most that pausing it can take away, however its mappings settle.
    pub(crate) fn capacity_at_most(&self) -> Capacity {
        let delivering = self.delivering().map(|mapping| mapping.uuid.clone());
        self.with_mappings(delivering.collect())
    }

    fn with_mappings(&self, mappings: Vec<String>) -> Capacity {
        Capacity {
            reserved: self.reserved,
            provisioned: self.provisioned.clone(),
            mappings,
        }
    }

    /// Reads again what may have changed since, but for its mappings, which are read in bulk.
    pub(crate) async fn read_again(
        &mut self,
        fleet: &Fleet,
        name: &str,
        fence: &Fence,
    ) -> Result<(), LambdaError> {
        self.read_reserved_again(fleet, name, fence).await?;
        // Its first version may be new, too.
        self.provisioned = fleet.provisioned(name, Some(fence)).await?;
        Ok(())
    }

    /// Reads again what `GetFunction` tells.
    pub(crate) async fn read_reserved_again(
        &mut self,
        fleet: &Fleet,
        name: &str,
        fence: &Fence,
    ) -> Result<(), LambdaError> {
        let Some(described) = fleet.describe(name, Some(fence)).await? else {
            fleet
                .is_certainly_gone(Absent::Function(name), Some(fence))
                .await?;
            return Err(LambdaError::gone(name));
        };
        self.reserved = described.reserved;
        // What began before it was changed may run for as long as it could then.
        self.timeout = self.timeout.max(described.timeout);
        Ok(())
    }

    /// Whether nothing of it runs.
    pub(crate) fn is_paused(&self) -> bool {
        self.reserved == Reserved::Limit(0)
            && self.provisioned.is_empty()
            && self.enabled().next().is_none()
    }

    /// Whether what is reserved is the 1 with which `invoke` lets it run.
    pub(crate) fn is_reserved_by_invoke(&self) -> bool {
        self.is_invoking && self.reserved == INVOKING
    }

    /// Whether it has all of what was saved.
    pub(crate) fn has(&self, saved: &Capacity) -> bool {
        let mut provisioned = saved.provisioned.iter();
        let mut mappings = saved.mappings.iter();
        self.reserved == saved.reserved
            && provisioned.all(|(qualifier, saved)| self.provisioned.get(qualifier) == Some(saved))
            && mappings.all(|uuid| self.enabled().any(|enabled| enabled == uuid))
    }

    /// Whether it is at 0, and nothing is saved of it.
    pub(crate) fn is_unexplained(&self, name: &str, saved: &Saved) -> bool {
        self.reserved == Reserved::Limit(0) && !saved.functions.contains_key(name)
    }
}
