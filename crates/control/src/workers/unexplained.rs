//! Functions at 0 that no window explains: nothing is saved of them, so `off` gives them nothing back.
//!
//! Perhaps they are meant to be stopped. Perhaps what was saved of them was deleted by hand, or a call that
//! was given up took effect long after. Nothing here decides that: they are found, and named.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use maintenance_flag::Reserved;

use super::survey::Look;
use crate::error::LambdaError;
use crate::fleet::{AT_ONCE, Fleet};
use crate::selection::Selection;

/// Longer than a read of Lambda lags behind its writes: a function that was restored a moment ago may still
/// look as if it were at 0.
const LAG: Duration = Duration::from_secs(3);

/// The selected functions at 0, but for those that are `explained`, by name. An operation, which has a
/// guard, makes sure by a second look.
pub(crate) async fn unexplained(
    fleet: &Fleet,
    selection: &Selection,
    explained: &BTreeSet<String>,
    look: Look<'_>,
) -> Result<Vec<String>, LambdaError> {
    let selected = fleet.list(selection, look.guard).await?.into_iter();
    let names: Vec<String> = selected
        .map(|function| function.name)
        .filter(|name| !explained.contains(name))
        .collect();
    let mut at_zero = at_zero(fleet, selection, names, look).await?;
    // A status is a look, and the next one is another.
    if let Some(guard) = look.guard.filter(|_| !at_zero.is_empty()) {
        guard.stop().or(tokio::time::sleep(LAG)).await?;
        at_zero = self::at_zero(fleet, selection, at_zero, look).await?;
    }
    at_zero.sort();
    Ok(at_zero)
}

async fn at_zero(
    fleet: &Fleet,
    selection: &Selection,
    names: Vec<String>,
    look: Look<'_>,
) -> Result<Vec<String>, LambdaError> {
    let read = names.into_iter().map(|name| async move {
        let described = fleet.describe(&name, look.guard).await?;
        let is_at_zero = described.is_some_and(|described| {
            described.reserved == Reserved::Limit(0) && selection.matches_tags(&described.tags)
        });
        Ok(is_at_zero.then_some(name))
    });
    let read = stream::iter(read).buffer_unordered(AT_ONCE);
    read.try_filter_map(|name| async { Ok(name) })
        .try_collect()
        .await
}
