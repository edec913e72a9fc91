//! What became of an app: the transitions of its flags. Reads only what the store keeps anyway.

use futures_util::future::try_join_all;
use maintenance_flag::{Role, transitions};

use crate::control::Control;
use crate::error::Error;
use crate::report::{History, RoleTransition};

impl Control {
    /// The transitions of these roles, newest first.
    ///
    /// # Errors
    /// [`Error`]. A version that cannot be read as a flag is none: it is a transition of its own.
    pub async fn history(&self, roles: &[Role]) -> Result<History, Error> {
        let now = self.clock.now();
        let read = |role: &Role| {
            let (name, role) = (self.names.flag(role), role.clone());
            async move { Ok::<_, Error>((role, self.store.history(&name).await?)) }
        };
        let kept = try_join_all(roles.iter().map(read)).await?;
        let mut all = Vec::new();
        let mut cut_off = Vec::new();
        for (role, versions) in kept {
            if versions.first().is_some_and(|first| first.number > 1) {
                cut_off.push(role.clone());
            }
            let told = transitions(&versions, now).into_iter();
            all.extend(told.map(|entry| RoleTransition {
                app: self.app.clone(),
                role: role.clone(),
                entry,
            }));
        }
        // Those of one role stay in the order of its versions, whatever a clock said.
        all.sort_by_key(|transition| std::cmp::Reverse(transition.entry.at));
        Ok(History {
            app: self.app.clone(),
            transitions: all,
            cut_off,
        })
    }
}
