//! Why an operation failed, by what the caller can do about it.

use jiff::Timestamp;
use maintenance_flag::{DecodeError, Owner, PackError, Product, Refusal, Role, TooLarge};

use crate::aws::AccessError;
use crate::describe;
use crate::events::FunctionEvents;
use crate::fence::AbortReason;
use crate::fleet::LambdaError;
use crate::report::{Drift, Failure, Holder, Report};
use crate::store::StoreError;
use crate::text::in_full;

/// Why a function could not be brought to where it should be, with what AWS said.
pub(crate) fn failure(function: String, error: &LambdaError) -> Failure {
    Failure {
        is_lasting: matches!(error, LambdaError::WouldLoseEvents { .. }),
        ..Failure::new(&function, in_full(error), error.hint())
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
    /// The window was opened for a product that this operation must not change; nothing was changed.
    #[error("the {role} window was opened for the product {product}")]
    OtherProduct {
        /// The role.
        role: Role,
        /// The product.
        product: Product,
        /// Who opened it.
        owner: Option<Owner>,
        /// Since when it is open, UTC.
        since: Option<Timestamp>,
    },
    /// Another operation holds the lease; nothing was changed.
    #[error("another operation is running: {} by {}, since {}", .0.operation, .0.by, .0.since)]
    Busy(Holder),
    /// This operation no longer holds its lease: it could not renew it in time, or another operator ended it,
    /// took it over or deleted it. It stopped before its next change.
    #[error("the lease was lost")]
    LeaseLost {
        /// Why the operation could not look at its lease, if it lost the lease by that.
        source: Option<StoreError>,
    },
    /// An error ended the operation after it had finished some of its roles; or it lost its lease after it
    /// had changed something.
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
    /// A function cannot be invoked while its role is in maintenance; nothing was changed.
    #[error("{function} was not invoked")]
    NotInvocable {
        /// The function.
        function: String,
        /// Why.
        #[source]
        source: InvokeRefusal,
    },
    /// Asynchronous events would be lost, and that was not accepted; nothing was changed.
    #[error(
        "pausing {} {} drop asynchronous events",
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
    TooLarge {
        /// The role.
        role: Role,
        /// The flag's parameter.
        name: String,
        /// How large it would be, and what makes it so.
        #[source]
        source: TooLarge,
    },
    /// The parameter store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// AWS Lambda failed as a whole: the functions could not even be listed.
    #[error(transparent)]
    Lambda(#[from] LambdaError),
}

/// Why a function cannot be invoked. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeRefusal {
    /// No role of those that were asked for has it.
    #[error("no role selects it")]
    NotSelected,
    /// A role would select it, and AWS has no function of this name.
    #[error("there is no such function")]
    Missing,
    /// Its role is off, so that it runs as ever.
    #[error("{role} maintenance is off")]
    RoleOff {
        /// The role.
        role: Role,
    },
    /// Maintenance has not paused it, or not wholly.
    #[error("{role} maintenance has not paused it")]
    NotPaused {
        /// The role.
        role: Role,
    },
    /// Another client changed it while it was paused.
    #[error("{}", describe::drifted(.0))]
    Drifted(Drift),
    /// It does not exist any more.
    #[error("it no longer exists, but its settings are saved")]
    Gone,
}

impl From<AbortReason> for Error {
    fn from(halt: AbortReason) -> Self {
        match halt {
            AbortReason::Stopped => Self::Store(StoreError::Halted(halt)),
            AbortReason::LeaseLost => Self::LeaseLost { source: None },
        }
    }
}

impl Error {
    /// Why the operation halted, if it did.
    pub(crate) fn halt(&self) -> Option<AbortReason> {
        match self {
            Self::Store(StoreError::Halted(halt)) | Self::Lambda(LambdaError::Halted(halt)) => {
                Some(*halt)
            }
            Self::LeaseLost { .. } => Some(AbortReason::LeaseLost),
            Self::Unfinished { source, .. } => source.halt(),
            _ => None,
        }
    }

    /// Why AWS cannot be called at all, if it is that.
    #[must_use]
    pub fn access(&self) -> Option<&AccessError> {
        match self {
            Self::Store(StoreError::Aws(error)) | Self::Lambda(LambdaError::Aws(error)) => {
                error.access()
            }
            _ => None,
        }
    }

    /// What to do next, as far as that does not depend on how the operation was asked for.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unfinished { source, .. } => source.hint(),
            Self::Unreadable {
                source: DecodeError::NewerSchema { .. },
                ..
            } => Some("upgrade maintenance, then try again".to_owned()),
            Self::Unreadable { name, .. } => Some(format!(
                "look at {name} by hand, and put back what was stored there"
            )),
            Self::Unsavable(_) => Some("exclude the function, and stop it by hand".to_owned()),
            Self::Store(error)
            | Self::LeaseLost {
                source: Some(error),
            } => error.hint(),
            Self::Lambda(error) => error.hint(),
            _ => None,
        }
    }
}
