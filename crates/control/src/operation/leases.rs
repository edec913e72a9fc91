//! The leases of all apps of an operation.

use maintenance_flag::Role;

use super::AppRoles;
use crate::error::Error;
use crate::lease::LeaseGuard;
use crate::request::RoleSpec;

/// The leases of some apps, in the order in which these are given.
pub(super) struct Leases(Vec<Option<LeaseGuard>>);

impl Leases {
    /// None of these apps, for a dry run.
    pub(super) fn none(apps: &[AppRoles<'_>]) -> Self {
        Self(apps.iter().map(|_| None).collect())
    }

    /// Takes them in the order of the apps' names, so that no two operations wait for each other. `word` says what
    /// for, and `roles` is what it is about, by app. Also returns which could not be taken, and why.
    pub(super) async fn take(
        apps: &[AppRoles<'_>],
        word: &str,
        roles: &[Vec<&RoleSpec>],
    ) -> (Self, Option<(usize, Error)>) {
        let mut by_name: Vec<usize> = (0..apps.len()).collect();
        by_name.sort_by_key(|n| apps[*n].control.app().to_string());
        let mut leases = Self::none(apps);
        for n in by_name {
            let AppRoles {
                control, context, ..
            } = apps[n];
            let roles: Vec<&Role> = roles[n].iter().map(|spec| &spec.role).collect();
            let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            let operation = format!("{word} {}", names.join(", "));
            match control.acquirer(operation, &roles, context).take().await {
                Ok(held) => leases.0[n] = Some(held),
                Err(error) => return (leases, Some((n, error))),
            }
        }
        (leases, None)
    }

    /// By app.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&LeaseGuard>> {
        self.0.iter().map(Option::as_ref)
    }

    /// Gives them back. The results, by app, with why a lease could not be looked at, if it was lost by that.
    pub(super) async fn give_back<T>(
        self,
        results: Vec<Result<T, Error>>,
    ) -> Vec<Result<T, Error>> {
        let mut explained = Vec::with_capacity(self.0.len());
        for (lease, result) in self.0.into_iter().zip(results) {
            explained.push(match lease {
                Some(held) => {
                    let result = result.map_err(|error| held.explain(error));
                    held.release().await;
                    result
                }
                None => result,
            });
        }
        explained
    }
}
