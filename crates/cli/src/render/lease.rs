//! Sentences about a lease that another operation has, or had.

use std::time::Duration;

use jiff::Timestamp;
use maintenance_control::Holder;
use maintenance_flag::App;

use super::reader::Reader;
use maintenance_control::describe::duration;

/// It was not released, and is watched now.
pub(crate) fn watched(holder: &Holder, app: &App, until: Timestamp, reader: &Reader) -> String {
    format!(
        "{} has not released the lease of {app} (`{}`, since {}). Watching it for {}, in case that operation is still running",
        holder.by,
        holder.operation,
        reader.moment(holder.since),
        left(until, reader)
    )
}

/// It was ended, and its holder may still be running.
pub(crate) fn stopping(until: Timestamp, reader: &Reader) -> String {
    format!(
        "Waiting {}: if the previous operation is still running, it notices and stops",
        left(until, reader)
    )
}

/// Who holds it.
pub(crate) fn held(holder: &Holder, app: &App, reader: &Reader) -> String {
    format!(
        "{} holds the lease of {app} for `{}` since {}; it ends at {} unless renewed",
        holder.by,
        holder.operation,
        reader.moment(holder.since),
        reader.moment(holder.until)
    )
}

fn left(until: Timestamp, reader: &Reader) -> String {
    let left = until.duration_since(reader.now.timestamp()).as_secs_f64();
    duration(Duration::from_secs(left.round() as u64))
}
