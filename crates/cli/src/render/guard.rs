//! Sentences about a command that runs while maintenance is on.

use maintenance_flag::Role;

/// Of a role that was on before `during`.
pub(crate) fn stays_on(role: &Role) -> String {
    format!(
        "{} maintenance is already on: it stays as it is",
        role.capitalized()
    )
}

/// After a command that failed.
pub(crate) fn stays_on_after(role: &Role) -> String {
    format!(
        "{} maintenance stays on: `maintenance off --role {role}` ends it",
        role.capitalized()
    )
}

/// Of a dry run.
pub(crate) fn would_run(command: &str, always_off: bool) -> String {
    match always_off {
        true => format!("Would then run {command}, and turn maintenance off again"),
        false => format!("Would then run {command}, and turn maintenance off again if it succeeds"),
    }
}

/// Once it has ended.
pub(crate) fn command_ended(command: &str, code: u8) -> String {
    match code {
        0 => format!("{command} succeeded"),
        code => format!("{command} ended with {code}"),
    }
}
