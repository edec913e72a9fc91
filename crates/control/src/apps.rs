//! Every app of a store at a glance: whatever has a flag below the prefix, whether it is configured here or not.

use std::collections::BTreeMap;

use maintenance_flag::{App, Prefix};

use crate::clock::Clock;
use crate::error::Error;
use crate::parameters::Read;
use crate::report::Status;
use crate::status::flag_status;
use crate::store::Store;

/// The flags of every app below `prefix`, by app and role. A malformed flag is one too, and its role's state says
/// so; what is stored beside flags, and what has no name of ours, is left out.
///
/// # Errors
/// [`Error`], if the store cannot be listed.
pub async fn apps(store: &Store, prefix: &Prefix, clock: Clock) -> Result<Vec<Status>, Error> {
    let listed = store.list(prefix.as_str()).await?;
    let now = clock.now();
    let mut apps: BTreeMap<String, (App, Vec<_>)> = BTreeMap::new();
    for (name, stored) in listed {
        let Some((app, role)) = prefix.parse_flag(&name) else {
            continue;
        };
        let status = flag_status(&role, Read::new(Some(stored)), now);
        let (_, roles) = apps
            .entry(app.to_string())
            .or_insert_with(|| (app, Vec::new()));
        roles.push(status);
    }
    let statuses = apps.into_values();
    Ok(statuses.map(|(app, roles)| Status { app, roles }).collect())
}
