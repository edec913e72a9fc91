//! Which roles an app has, whatever its configuration says today.

use std::collections::BTreeSet;

use futures_util::future::try_join;
use maintenance_flag::Role;

use crate::control::Control;
use crate::error::Error;
use crate::request::RoleSpec;

impl Control {
    /// These roles, and after them those that have a flag or saved capacity in the store and are not among
    /// them: a role that was renamed or removed from the configuration while it was on. What they select is
    /// not known; what is saved of them is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn known_roles(&self, configured: Vec<RoleSpec>) -> Result<Vec<RoleSpec>, Error> {
        let (flags, capacities) = (self.names.flags(), self.names.all_capacities());
        let (flags, saved) =
            try_join(self.store.list(&flags), self.store.list(&capacities)).await?;
        let stored = flags.iter().chain(&saved);
        let stored: BTreeSet<Role> = stored
            .filter_map(|(name, _)| self.names.parse_role(name))
            .collect();
        let is_new = |role: &Role| configured.iter().all(|spec| spec.role != *role);
        let new: Vec<Role> = stored.into_iter().filter(is_new).collect();
        let mut all = configured;
        all.extend(new.into_iter().map(RoleSpec::flag_alone));
        Ok(all)
    }
}
