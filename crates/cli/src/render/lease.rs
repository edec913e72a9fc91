//! What is said of a lease that another operation has, or had.

use jiff::Timestamp;
use maintenance_control::Holder;
use maintenance_flag::App;

use super::drain::duration;

/// It was not given back, and is watched now.
pub(crate) fn watched(holder: &Holder, app: &App, until: Timestamp, now: Timestamp) -> String {
    format!(
        "{} has not given back the lease of {app} (`{}`, since {}). Watching it for {} to see whether that operation is still at work",
        holder.by,
        holder.operation,
        holder.since,
        left(until, now)
    )
}

/// It was ended while its holder may be at work.
pub(crate) fn stopping(until: Timestamp, now: Timestamp) -> String {
    format!(
        "Waiting {}: if the operation before is still at work, it notices and stops",
        left(until, now)
    )
}

fn left(until: Timestamp, now: Timestamp) -> String {
    let left = std::time::Duration::try_from(until.duration_since(now)).unwrap_or_default();
    duration(std::time::Duration::from_secs(
        left.as_secs_f64().round() as u64
    ))
}
