//! What the scheduler did, for those who watch it.

use std::fmt;

use jiff::Timestamp;
use maintenance_control::{Report, describe};
use maintenance_flag::{App, Role, WindowId};
use serde::Serialize;

/// Something that the scheduler did, or could not do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// When, UTC.
    pub at: Timestamp,
    /// The app.
    pub app: App,
    /// Its roles.
    pub roles: Vec<Role>,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "schedule", rename_all = "snake_case")]
pub enum What {
    /// The next occurrence of a recurring window is in the flags: gates open and close by it.
    Scheduled {
        /// The name of the recurring window.
        recurring: String,
        /// When it opens, UTC.
        starts_at: Timestamp,
        /// When it ends, UTC.
        until: Timestamp,
    },
    /// A window to come was taken out of the flags: the configuration has it no more.
    Withdrawn {
        /// The window.
        window: WindowId,
    },
    /// A window has begun: functions are being paused.
    Entering {
        /// The operation that does it.
        operation: String,
    },
    /// A window has begun, and all functions are paused.
    Entered {
        /// How many were paused.
        paused: usize,
    },
    /// A window has ended: functions are being restored.
    Leaving {
        /// The operation that does it.
        operation: String,
    },
    /// A window has ended, and all functions are back.
    Left {
        /// How many were restored.
        restored: usize,
    },
    /// Functions are not where they should be.
    Partial {
        /// Each, and why.
        left: Vec<String>,
        /// In how many seconds it is tried again; none if that would find the same.
        retry_seconds: Option<u64>,
    },
    /// It could not be done.
    Failed {
        /// What.
        action: &'static str,
        /// Why.
        error: String,
        /// In how many seconds it is tried again.
        retry_seconds: u64,
    },
    /// A window to come is an occurrence of a recurring window that the configuration does not have.
    Unknown {
        /// The name of the recurring window.
        recurring: String,
        /// The window.
        window: WindowId,
    },
}

impl Told {
    /// Whether somebody has to look at it.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self.what, What::Partial { .. } | What::Failed { .. })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<_> = self.roles.iter().map(Role::as_str).collect();
        write!(f, "{} {}: {}", self.app, roles.join(", "), self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = |f: &mut fmt::Formatter<'_>, seconds: &u64| {
            let wait = std::time::Duration::from_secs(*seconds);
            write!(f, "; tried again in {}", describe::duration(wait))
        };
        match self {
            Self::Scheduled {
                recurring,
                starts_at,
                until,
            } => write!(f, "{recurring} is scheduled from {starts_at} to {until}"),
            Self::Withdrawn { window } => {
                write!(
                    f,
                    "the window {window} is scheduled no more: its configuration has changed"
                )
            }
            Self::Entering { .. } => f.write_str("its window has begun"),
            Self::Entered { paused } => {
                write!(f, "in maintenance; {} paused", describe::functions(*paused))
            }
            Self::Leaving { .. } => f.write_str("its window has ended"),
            Self::Left { restored } => write!(
                f,
                "out of maintenance; {} restored",
                describe::functions(*restored)
            ),
            Self::Partial {
                left,
                retry_seconds,
            } => {
                write!(f, "not all is where it should be: {}", left.join("; "))?;
                match retry_seconds {
                    Some(seconds) => again(f, seconds),
                    None => Ok(()),
                }
            }
            Self::Failed {
                action,
                error,
                retry_seconds,
            } => {
                write!(f, "could not {action}: {error}")?;
                again(f, retry_seconds)
            }
            Self::Unknown { recurring, window } => write!(
                f,
                "the window {window} is an occurrence of {recurring}, which the configuration does not have; it opens \
                 at its time unless it is cancelled"
            ),
        }
    }
}

/// What of these reports is not where it should be, by name.
pub(super) fn left<'a>(reports: impl Iterator<Item = &'a Report>) -> Vec<String> {
    let roles = reports.flat_map(|report| &report.roles);
    let roles = roles.filter(|role| !role.is_complete());
    roles
        .flat_map(|role| {
            let workers = role.workers.as_ref();
            let failed = workers.into_iter().flat_map(|workers| &workers.failed);
            let failed = failed.map(|it| it.error.clone());
            let drifted = workers.into_iter().flat_map(|workers| &workers.drifted);
            let drifted = drifted.map(describe::drifted);
            let unfinished = workers.into_iter().flat_map(|workers| &workers.unfinished);
            let unfinished = unfinished.map(|name| format!("{name} was not finished"));
            let mut left: Vec<String> = failed.chain(drifted).chain(unfinished).collect();
            if left.is_empty() {
                left.push(describe::outcome(role));
            }
            left
        })
        .collect()
}
