//! What an error of a call means, whether the SDK made the call or we did.

use std::error::Error as StdError;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::access::AccessError;
use super::error::AwsErrorKind as Kind;
use crate::fence::AbortReason;

/// An attempt of a call that failed.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(crate) struct CallError {
    pub(crate) kind: Kind,
    pub(crate) source: Box<dyn StdError + Send + Sync>,
}

/// What AWS answered: its code and its words.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
struct Answer {
    code: String,
    message: String,
}

impl CallError {
    /// Why AWS cannot be called at all, if it is that.
    pub(crate) fn into_access(self) -> Result<AccessError, Self> {
        match self.source.downcast() {
            Ok(access) => Ok(*access),
            Err(source) => Err(Self { source, ..self }),
        }
    }

    /// AWS refused a call: its code and its words, each if there are any.
    pub(super) fn refused(status: u16, code: &str, message: &str) -> Self {
        if let Some(access) = AccessError::refused(code, message) {
            return Self::access(access);
        }
        let answer = Answer {
            code: match code {
                "" => format!("status {status}"),
                code => code.to_owned(),
            },
            message: match message.trim() {
                "" => "no message".to_owned(),
                message => message.to_owned(),
            },
        };
        Self::of(by_code(code, message, status), answer.into())
    }

    /// A call that the SDK did not make got no answer.
    pub(super) fn unreached(error: Box<dyn StdError + Send + Sync>) -> Self {
        Self::of(Kind::Transient, unwrapped(error))
    }

    /// A call could not even be made, and would not be the next time.
    pub(crate) fn unsent(why: String) -> Self {
        Self::of(Kind::Invalid, why.into())
    }

    /// AWS cannot be called at all.
    pub(crate) fn access(access: AccessError) -> Self {
        Self::of(Kind::Access, access.into())
    }

    fn of(kind: Kind, source: Box<dyn StdError + Send + Sync>) -> Self {
        Self { kind, source }
    }

    pub(crate) fn unanswered(limit: Duration) -> Self {
        let why = format!("AWS did not answer for {} s", limit.as_secs());
        Self::of(Kind::Transient, why.into())
    }

    pub(crate) fn halted(halt: AbortReason) -> Self {
        Self::of(Kind::Halted(halt), halt.into())
    }

    /// Whether AWS answered, if only that something is wrong.
    pub(super) fn is_answer(source: &(dyn StdError + 'static)) -> bool {
        source.is::<Answer>()
    }

    /// An answer that lacks what AWS always sends, or that says something else than what was asked for: a
    /// proxy's empty 200, say. What was asked for may have taken effect.
    pub(crate) fn incomplete(what: &str) -> Self {
        let why = format!("the answer is incomplete: {what}");
        Self::of(Kind::Transient, why.into())
    }
}

impl<E> From<SdkError<E, HttpResponse>> for CallError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let error = match error {
            SdkError::ServiceError(service) => {
                let (error, status) = (service.err(), service.raw().status());
                let (code, message) = (error.code(), error.message());
                return Self::refused(
                    status.as_u16(),
                    code.unwrap_or_default(),
                    message.unwrap_or_default(),
                );
            }
            error => error,
        };
        let kind = match &error {
            // The call makes no sense to the SDK: nothing was sent, and nothing would be the next time.
            SdkError::ConstructionFailure(_) => Kind::Invalid,
            // Neither the network nor a timeout: the request could not be signed. A connection that the other
            // side closes before it has answered is neither, too, but says that it is worth another try.
            SdkError::DispatchFailure(failure)
                if !failure.is_io() && !failure.is_timeout() && failure.as_other().is_none() =>
            {
                Kind::Invalid
            }
            _ => Kind::Transient,
        };
        let is_unsent = matches!(
            error,
            SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_)
        );
        if is_unsent && let Some(access) = AccessError::unsent(&error) {
            return Self::access(access);
        }
        // The SDK's wrappings ("dispatch failure", "io error") say nothing to a person.
        match error.into_source() {
            Ok(source) => Self::of(kind, unwrapped(source)),
            Err(error) => Self::of(kind, error.into()),
        }
    }
}

fn unwrapped(source: Box<dyn StdError + Send + Sync>) -> Box<dyn StdError + Send + Sync> {
    match source.downcast::<ConnectorError>() {
        Ok(connector) => connector.into_source(),
        Err(source) => source,
    }
}

fn by_code(code: &str, message: &str, status: u16) -> Kind {
    match code {
        "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "TooManyUpdates"
        | "RequestLimitExceeded"
        | "RequestThrottledException" => Kind::Throttled,
        "ResourceConflictException" | "ResourceInUseException" => Kind::Conflict,
        // The provisioned concurrency that we deleted a moment ago still counts.
        "InvalidParameterValueException"
            if message.contains("should not be lower than function's total provisioned") =>
        {
            Kind::Conflict
        }
        "AccessDeniedException" | "AccessDenied" => Kind::Denied,
        "ResourceNotFoundException"
        | "ParameterNotFound"
        | "ParameterVersionNotFound"
        | "NoSuchEntity"
        | "ProvisionedConcurrencyConfigNotFoundException" => Kind::NotFound,
        "ParameterAlreadyExists" => Kind::Exists,
        "InvalidKeyId" => Kind::KeyUnusable,
        "ParameterPatternMismatchException" => Kind::PatternMismatch,
        _ if status == 429 => Kind::Throttled,
        _ if status >= 500 => Kind::Transient,
        _ => Kind::Invalid,
    }
}

/// The error of a call for what should be there: that it is not found is looked at again.
pub(crate) fn doubted(error: impl Into<CallError>) -> CallError {
    let error = error.into();
    match error.kind {
        Kind::NotFound => CallError {
            kind: Kind::Missing,
            ..error
        },
        _ => error,
    }
}

/// What should be in an answer.
///
/// # Errors
/// [`CallError::incomplete`], without it.
pub(crate) fn required<T>(field: Option<T>, what: &str) -> Result<T, CallError> {
    field.ok_or_else(|| CallError::incomplete(&format!("it has no {what}")))
}

/// That an answer says what was asked for.
///
/// # Errors
/// [`CallError::incomplete`], if it does not.
pub(crate) fn echoes(is_so: bool, what: &str) -> Result<(), CallError> {
    if is_so {
        return Ok(());
    }
    Err(CallError::incomplete(&format!(
        "its {what} is not what was asked for"
    )))
}
