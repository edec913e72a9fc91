//! What an observer can look at: a file a kind. Each says for itself what it takes for maintenance, for normal and
//! for unknown, and gives up by itself when its future is dropped.

mod alarm;
mod calendar;
mod command;
mod file;
mod http;
mod parameter;
#[cfg(feature = "sql")]
mod sql;

pub use alarm::Alarm;
pub use calendar::Calendar;
pub use command::Command;
pub use file::{File, FileMode};
pub use http::{Http, JsonPath};
pub use parameter::Parameter;
#[cfg(feature = "sql")]
pub use sql::Sql;

use super::CheckResult;

/// What an observer looks at.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each observer, made once"
)]
pub enum Kind {
    /// The answer of an address.
    Http(Http),
    /// A file.
    File(File),
    /// A command.
    Command(Command),
    /// A parameter of Parameter Store.
    Parameter(Parameter),
    /// A CloudWatch alarm.
    Alarm(Alarm),
    /// An SSM Change Calendar.
    Calendar(Calendar),
    /// A value of a database.
    #[cfg(feature = "sql")]
    Sql(Sql),
}

impl Kind {
    /// Looks once. The caller limits the time.
    pub(super) async fn check(&self) -> CheckResult {
        match self {
            Self::Http(it) => it.check().await,
            Self::File(it) => it.check().await,
            Self::Command(it) => it.check().await,
            Self::Parameter(it) => it.check().await,
            Self::Alarm(it) => it.check().await,
            Self::Calendar(it) => it.check().await,
            #[cfg(feature = "sql")]
            Self::Sql(it) => it.check().await,
        }
    }
}

/// The most bytes of an answer, a file or an output.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
