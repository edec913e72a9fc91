//! Sentences about invocations that may still be running after maintenance has turned on.

use jiff::Timestamp;
use maintenance_flag::Role;

use super::reader::Reader;

/// When it is safe to migrate.
pub(crate) fn safe_after(at: Timestamp, reader: &Reader) -> String {
    let at = reader.moment(at);
    format!("Safe to migrate after {at}; in-flight invocations may run until then")
}

/// Before waiting.
pub(crate) fn waiting_until(until: Timestamp, reader: &Reader) -> String {
    let until = reader.moment(until);
    format!("Waiting for in-flight invocations to end, until {until}")
}

/// After waiting.
pub(crate) const DRAINED: &str = "All in-flight invocations have ended: safe to migrate";

/// Instead of waiting.
pub(crate) const END_UNKNOWN: &str = "maintenance is on, but the end of in-flight work is unknown";

/// What `require` found to be so.
pub(crate) fn held_on(role: &Role, drained_at: Option<Timestamp>, reader: &Reader) -> String {
    let role = role.capitalized();
    match drained_at {
        None => format!("{role} maintenance is on"),
        Some(at) => format!(
            "{role} maintenance is on, and safe to migrate since {}",
            reader.moment(at)
        ),
    }
}

/// What `require` found not to be so.
pub(crate) fn not_drained(role: &str, until: Option<Timestamp>, reader: &Reader) -> String {
    match until {
        None => format!("the end of in-flight work of the {role} role is unknown"),
        Some(at) => format!(
            "in-flight invocations of the {role} role may run until {}",
            reader.moment(at)
        ),
    }
}

/// Of a role that is a flag alone.
pub(crate) fn unknown_timeout(role: &Role) -> String {
    format!(
        "The longest timeout of the {role} role is unknown, so AWS's maximum of 15 min applies: set timeout in [roles.{role}]"
    )
}
