//! Why an operation failed, by what the caller can do about it.

mod room;

use jiff::Timestamp;
use maintenance_flag::{DecodeError, NoRoom, OwnerKind, PackError, Refusal, Role};

use crate::aws::{AccessError, allow};
use crate::events::FunctionEvents;
use crate::lease::Halt;
use crate::report::{Failure, Report};

/// An error and all that caused it, in one line.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

/// Why a function could not be brought to where it should be, with what AWS said.
pub(crate) fn failure(function: String, error: &LambdaError) -> Failure {
    Failure {
        function,
        error: in_full(error),
        hint: error.hint(),
    }
}

/// A failure of a whole operation. What fails for one function only is in the report instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The transition is not allowed; nothing was changed.
    #[error("{role} maintenance was not changed")]
    Refused {
        /// The role.
        role: Role,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// Another operation holds the lease; nothing was changed.
    #[error("another operation is at work: {operation} by {by}, since {since}")]
    Busy {
        /// Who holds the lease.
        by: String,
        /// What it does.
        operation: String,
        /// Since when, UTC.
        since: Timestamp,
        /// Until when, unless it is renewed, UTC.
        until: Timestamp,
    },
    /// This operation lost its lease, since it could not renew it in time. It stopped before its next
    /// change.
    #[error("the lease was lost")]
    LeaseLost,
    /// An error ended the operation after it had finished some of its roles.
    #[error("the operation ended before every role was done")]
    Unfinished {
        /// What was done: the roles before are finished, the one at work then is
        /// [`RoleOutcome::Unfinished`](crate::RoleOutcome::Unfinished).
        report: Box<Report>,
        /// The error.
        #[source]
        source: Box<Error>,
    },
    /// A role selects functions and there are none; nothing was changed.
    #[error("the {role} role selects functions, but none matches")]
    NoFunctions {
        /// The role.
        role: Role,
        /// What was looked for.
        looked_for: String,
    },
    /// Asynchronous events would be lost, and nobody accepted that; nothing was changed.
    #[error(
        "asynchronous events for {} {} be lost, and that was not accepted",
        match functions.as_slice() {
            [only] => only.function.clone(),
            all => format!("{} functions", all.len()),
        },
        if functions.iter().all(|it| it.lost().next().is_some()) { "would" } else { "may" }
    )]
    EventsLost {
        /// The functions that would lose them, with what arrives at them; and those of which that could
        /// not be read.
        functions: Vec<FunctionEvents>,
    },
    /// A function has more than can be saved; nothing was changed.
    #[error("what the functions have cannot be saved")]
    Unsavable(#[from] PackError),
    /// What was saved belongs to another account or region; nothing was changed.
    #[error("the saved functions are in {saved}, and these credentials work in {here}")]
    WrongPlace {
        /// Where the saved functions are.
        saved: String,
        /// Where the client is.
        here: String,
    },
    /// Something stored cannot be read; it was left as it is.
    #[error("cannot read {name}")]
    Unreadable {
        /// The parameter.
        name: String,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// The flag would be larger than a parameter; nothing was changed.
    #[error("the flag of the {role} role would be too large, so it was not written")]
    NoRoom {
        /// The role.
        role: Role,
        /// The flag's parameter.
        name: String,
        /// How large it would be, and what makes it so.
        #[source]
        source: NoRoom,
    },
    /// The parameter store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// AWS Lambda failed as a whole: the functions could not even be listed.
    #[error(transparent)]
    Lambda(#[from] LambdaError),
}

impl From<Halt> for Error {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Stopped => Self::Store(StoreError::Halted(halt)),
            Halt::LeaseLost => Self::LeaseLost,
        }
    }
}

impl Error {
    /// Why the operation halted, if it did.
    pub(crate) fn halt(&self) -> Option<Halt> {
        match self {
            Self::Store(StoreError::Halted(halt)) | Self::Lambda(LambdaError::Halted(halt)) => {
                Some(*halt)
            }
            Self::LeaseLost => Some(Halt::LeaseLost),
            Self::Unfinished { source, .. } => source.halt(),
            _ => None,
        }
    }

    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            // Whoever was refused may be an observer, which cannot force anything.
            Self::Refused {
                source: Refusal::Conflict { holder },
                ..
            } => Some(match holder.kind {
                OwnerKind::Manual => "a person opened it: a person ends it with maintenance off".to_owned(),
                OwnerKind::Observer => "wait for it to close the window; a person may override it with maintenance off --force --reason WHY".to_owned(),
            }),
            Self::Refused {
                source: Refusal::NoEnd,
                ..
            } => Some(
                "give it an end with --until or --for, or have it stay on with --no-auto-off"
                    .to_owned(),
            ),
            Self::Refused { .. } => Some("upgrade maintenance, then try again".to_owned()),
            Self::Busy { until, .. } => Some(format!(
                "wait for it to end; if it has died, run maintenance unlock, or this command again after {until}"
            )),
            Self::Unfinished { source, .. } => source.hint(),
            Self::LeaseLost => Some("run the same command again: it goes on".to_owned()),
            Self::NoFunctions { looked_for, .. } => Some(format!(
                "looked for {looked_for}; check the role's functions, exclude and tags, and --region and --profile"
            )),
            Self::WrongPlace { .. } => {
                Some("use the --profile and --region that turned maintenance on".to_owned())
            }
            Self::Unreadable {
                source: DecodeError::NewerSchema { .. },
                ..
            } => Some("upgrade maintenance, then try again".to_owned()),
            Self::Unreadable { name, .. } => Some(format!(
                "look at {name} by hand, and put back what was stored there"
            )),
            Self::EventsLost { functions } => {
                let again = functions.iter().any(|it| !it.unread.is_empty());
                Some(format!(
                    "{}give each a dead-letter queue or an on-failure destination, or accept the loss with --accept-event-loss",
                    if again {
                        "run the same command again to read what failed; "
                    } else {
                        ""
                    }
                ))
            }
            Self::Unsavable(_) => Some("exclude the function, and stop it by hand".to_owned()),
            Self::NoRoom { name, source, .. } => Some(room::hint(name, source)),
            Self::Store(error) => error.hint(),
            Self::Lambda(error) => error.hint(),
        }
    }
}

/// A failure of a parameter store, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The credentials lack a permission.
    #[error("not allowed to {action} on {name}")]
    AccessDenied {
        /// The missing IAM action: `ssm:PutParameter`, or `kms:Decrypt` where a parameter is a
        /// `SecureString`; for a file store, the file operation.
        action: String,
        /// The parameter or path.
        name: String,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service kept throttling.
    #[error("the parameter store keeps throttling {action} on {name}")]
    Throttled {
        /// The call: `ssm:PutParameter`.
        action: String,
        /// The parameter or path.
        name: String,
        /// What the service said last.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The value is larger than the store takes.
    #[error("{name} would take {bytes} bytes, and a parameter holds 4096")]
    TooLarge {
        /// The parameter.
        name: String,
        /// How many bytes.
        bytes: usize,
    },
    /// The parameter is a `SecureString` whose KMS key is disabled, about to be deleted, or gone.
    #[error("the KMS key of {name} cannot be used")]
    KeyUnusable {
        /// The parameter.
        name: String,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Somebody gave the parameter an allowed pattern, which the value does not match.
    #[error("the allowed pattern of {name} refuses what is to be stored there")]
    PatternMismatch {
        /// The parameter.
        name: String,
        /// What the service said, with the pattern.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something else is where a file store has its folder or a file.
    #[error("{path} cannot be used: {why}")]
    Unusable {
        /// The path.
        path: String,
        /// What is there.
        why: String,
    },
    /// The disk of a file store is full.
    #[error("there is no room left for {path}")]
    DiskFull {
        /// The path.
        path: String,
        /// What the file system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// AWS cannot be called at all.
    #[error(transparent)]
    NotConfigured(AccessError),
    /// The store cannot be reached.
    #[error("the parameter store cannot be reached ({action} on {name})")]
    Unreachable {
        /// The call.
        action: String,
        /// The parameter or path.
        name: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing was sent, since the operation must not or shall not go on.
    #[error(transparent)]
    Halted(#[from] Halt),
    /// Anything else that the store refused.
    #[error("{action} on {name} failed")]
    Failed {
        /// The call.
        action: String,
        /// The parameter or path.
        name: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same call would fail again.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::AccessDenied { .. }
                | Self::NotConfigured(_)
                | Self::KeyUnusable { .. }
                | Self::Unusable { .. }
        )
    }

    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AccessDenied { action, source, .. } if action.starts_with("ssm:") => {
                Some(allow(action, source.as_ref()))
            }
            // The next call needs the next of them.
            Self::AccessDenied { action, .. } if action.starts_with("kms:") => Some(
                "it is a SecureString: allow kms:Decrypt, kms:Encrypt and kms:GenerateDataKey on its KMS key, in the key's policy and in the IAM policy of your user or role"
                    .to_owned(),
            ),
            Self::AccessDenied { .. } => Some("check who owns the folder of the store".to_owned()),
            Self::Unusable { .. } => Some(
                "check --store, MAINTENANCE_STORE and the path in maintenance.toml; move away what is there, or create the folder above it"
                    .to_owned(),
            ),
            Self::DiskFull { .. } => Some(
                "free a few kilobytes on that disk, then run the same command again".to_owned(),
            ),
            Self::KeyUnusable { .. } => Some(
                "enable the key in KMS or cancel its deletion, then run the same command again"
                    .to_owned(),
            ),
            Self::PatternMismatch { name, .. } => Some(format!(
                "take the pattern away (aws ssm put-parameter --overwrite --allowed-pattern '.*' --name {name}, with the value that it has), then run the same command again"
            )),
            Self::Throttled { .. } => {
                Some("Parameter Store is busy in this region; try again in a minute".to_owned())
            }
            Self::TooLarge { .. } => Some("shorten what is stored there".to_owned()),
            Self::NotConfigured(access) => Some(access.hint()),
            Self::Unreachable { .. } => {
                Some("check the network, --region and --endpoint-url, then try again".to_owned())
            }
            Self::Halted(_) | Self::Failed { .. } => None,
        }
    }
}

/// A failure of AWS Lambda's control plane, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LambdaError {
    /// The credentials lack a permission.
    #[error("not allowed to {action} on {function}")]
    AccessDenied {
        /// The missing IAM action: `lambda:PutFunctionConcurrency`.
        action: String,
        /// The function or mapping.
        function: String,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service kept throttling, kept saying that an update is in progress, or could not be reached.
    #[error("{action} on {function} did not go through in time")]
    Unavailable {
        /// The call.
        action: String,
        /// The function or mapping.
        function: String,
        /// What the service said last.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The function, mapping or qualifier does not exist.
    #[error("{function} does not exist")]
    Gone {
        /// The function or mapping.
        function: String,
    },
    /// The function is at 0, and what it had before is not saved any more.
    #[error("{function} is at 0, and what it had before is not saved any more")]
    Unexplained {
        /// The function.
        function: String,
    },
    /// The account has too little unreserved concurrency left for this reservation.
    #[error(
        "{function} cannot reserve {wanted}: the account must keep {minimum} unreserved{}",
        missing.map_or_else(String::new, |missing| format!(", and {missing} are missing"))
    )]
    UnreservedMinimum {
        /// The function.
        function: String,
        /// The reservation wanted.
        wanted: u32,
        /// How much the account must keep unreserved.
        minimum: u32,
        /// How much is missing, if known.
        missing: Option<u32>,
    },
    /// AWS cannot be called at all.
    #[error(transparent)]
    NotConfigured(AccessError),
    /// The service refuses the value.
    #[error("{action} on {function} was refused")]
    Refused {
        /// The call.
        action: String,
        /// The function or mapping.
        function: String,
        /// What the service said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something asynchronous ended elsewhere than it should.
    #[error("{what} of {function} {ended}")]
    Ended {
        /// The function.
        function: String,
        /// What was waited for.
        what: String,
        /// How it ended, in words.
        ended: String,
    },
    /// Nothing was sent, since the operation must not or shall not go on.
    #[error(transparent)]
    Halted(#[from] Halt),
    /// Anything else.
    #[error("{action} on {function} failed")]
    Failed {
        /// The call.
        action: String,
        /// The function or mapping.
        function: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LambdaError {
    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AccessDenied { action, source, .. } => Some(allow(action, source.as_ref())),
            Self::Unavailable { .. } => Some("run the same command again".to_owned()),
            Self::UnreservedMinimum { .. } => Some(
                "free reserved concurrency elsewhere or raise the account's limit, then run the same command again"
                    .to_owned(),
            ),
            Self::NotConfigured(access) => Some(access.hint()),
            Self::Unexplained { .. } => Some(
                "set the reserved concurrency that it should have (aws lambda put-function-concurrency, or delete-function-concurrency for none)"
                    .to_owned(),
            ),
            Self::Refused { source, .. } if source.to_string().contains("Alias with weights") => Some(
                "the alias shifts its traffic: finish that deploy or roll it back, then run the same command again"
                    .to_owned(),
            ),
            Self::Refused { .. } => None,
            Self::Halted(_) | Self::Gone { .. } | Self::Ended { .. } | Self::Failed { .. } => None,
        }
    }
}
