//! One place that calls AWS: waits for a turn, checks that we may still change things, sends, and
//! decides what an error means and whether to try again.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::BoxFuture;

use crate::lease::{Guard, Halt};
use crate::pace::Pace;

/// How long to go on while AWS says that an update of the function is in progress, or while it throttles
/// every call of a budget. As long as some get through, ours will too.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often to try again when AWS cannot be reached or fails inside.
const TRANSIENT_ATTEMPTS: usize = 5;

/// What an error of a call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Too many calls. Nothing happened.
    Throttled,
    /// The resource is being changed just now. Nothing happened.
    Conflict,
    /// No answer, or a failure inside AWS. The call may have taken effect.
    Transient,
    /// A permission is missing.
    Denied,
    /// No usable credentials, or no region.
    Credentials,
    /// What the call names does not exist.
    NotFound,
    /// What the call creates exists.
    Exists,
    /// Anything else that AWS refuses.
    Invalid,
    /// We must not, or shall not, change anything any more.
    Halted(Halt),
}

/// A call that failed for good.
#[derive(Debug)]
pub(crate) struct CallError {
    pub(crate) kind: Kind,
    /// AWS's own words, where it said something.
    pub(crate) message: String,
    /// An earlier attempt may have taken effect, since its answer was lost.
    pub(crate) ambiguous: bool,
    pub(crate) source: Box<dyn StdError + Send + Sync>,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for CallError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.source.as_ref())
    }
}

/// What AWS answered: its code and its words.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
struct Answer {
    code: String,
    message: String,
}

impl CallError {
    fn halted(halt: Halt) -> Self {
        let source = Box::new(halt);
        Self {
            kind: Kind::Halted(halt),
            message: halt.to_string(),
            ambiguous: false,
            source,
        }
    }

    fn of<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let kind = kind(&error);
        let source: Box<dyn StdError + Send + Sync> = match &error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("unknown error").to_owned();
                // What AWS says of a bad signature quotes the signed headers, the session token
                // among them.
                let message = if kind == Kind::Credentials {
                    "AWS does not accept these credentials".to_owned()
                } else {
                    service
                        .err()
                        .message()
                        .unwrap_or("no message")
                        .trim()
                        .to_owned()
                };
                Box::new(Answer { code, message })
            }
            // The SDK's own wrappings ("dispatch failure", "io error") say nothing to a person.
            _ => match error.into_source() {
                Ok(source) => match source.downcast::<ConnectorError>() {
                    Ok(connector) => connector.into_source(),
                    Err(source) => source,
                },
                Err(error) => Box::new(error),
            },
        };
        Self {
            kind,
            message: source.to_string(),
            ambiguous: false,
            source,
        }
    }
}

fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Kind {
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            by_code(
                service.err().code().unwrap_or_default(),
                service.err().message(),
                status,
            )
        }
        SdkError::ConstructionFailure(_) => Kind::Credentials,
        // Neither the network nor a timeout: the request could not be signed. A connection that the other
        // side closes before it has answered is neither, too, but says that it is worth another try.
        SdkError::DispatchFailure(failure)
            if !failure.is_io() && !failure.is_timeout() && failure.as_other().is_none() =>
        {
            Kind::Credentials
        }
        _ => Kind::Transient,
    }
}

fn by_code(code: &str, message: Option<&str>, status: u16) -> Kind {
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
            if message.is_some_and(|m| {
                m.contains("should not be lower than function's total provisioned")
            }) =>
        {
            Kind::Conflict
        }
        "AccessDeniedException" | "AccessDenied" => Kind::Denied,
        "UnrecognizedClientException"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature" => Kind::Credentials,
        "ResourceNotFoundException"
        | "ParameterNotFound"
        | "ParameterVersionNotFound"
        | "ProvisionedConcurrencyConfigNotFoundException" => Kind::NotFound,
        "ParameterAlreadyExists" => Kind::Exists,
        _ if status == 429 => Kind::Throttled,
        _ if status >= 500 => Kind::Transient,
        _ => Kind::Invalid,
    }
}

/// Reads by `send` until it succeeds, fails for good, or patience runs out. With a `guard`, it ends at once
/// when a stop is asked for, and makes no attempt once the lease is known to be lost.
pub(crate) async fn call<T, E, F>(
    pace: &Pace,
    guard: Option<&Guard>,
    send: impl FnMut() -> F + Send,
) -> Result<T, CallError>
where
    T: Send,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    // Boxed, so that the SDK's deep futures do not make every caller's deeper.
    let reading: BoxFuture<'_, _> = Box::pin(attempts(pace, guard, Purpose::Read, send));
    match guard {
        Some(guard) => {
            let read = guard.stop().or(reading).await;
            read.unwrap_or_else(|halt| Err(CallError::halted(halt)))
        }
        None => reading.await,
    }
}

/// Changes something by `send`, as [`call`] reads. Every attempt is made only while the `guard` says that
/// it may be, and one that was sent is waited for: it may have taken effect.
pub(crate) async fn change<T, E, F>(
    pace: &Pace,
    guard: Option<&Guard>,
    send: impl FnMut() -> F + Send,
) -> Result<T, CallError>
where
    T: Send,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let changing: BoxFuture<'_, _> = Box::pin(attempts(pace, guard, Purpose::Change, send));
    changing.await
}

/// What a call is for, and so how sure it has to be of the lease.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Change,
}

/// Makes attempts, each when the guard has let it pass after its turn has come.
async fn attempts<T, E, F>(
    pace: &Pace,
    guard: Option<&Guard>,
    purpose: Purpose,
    mut send: impl FnMut() -> F,
) -> Result<T, CallError>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let started = tokio::time::Instant::now();
    let seconds = Duration::from_secs;
    let mut transient = delays(
        Duration::from_millis(200),
        seconds(5),
        TRANSIENT_ATTEMPTS - 1,
    );
    let mut busy = delays(Duration::from_millis(250), seconds(5), usize::MAX);
    // The pace gives way; this only spreads what was refused together.
    let mut throttled = delays(Duration::from_millis(100), pace.longest_pause(), usize::MAX);
    let mut ambiguous = false;
    let mut conflict = None;
    loop {
        unless_stopped(guard, pace.turn()).await?;
        if let Some(guard) = guard {
            let checked = match purpose {
                Purpose::Read => guard.check_known(),
                Purpose::Change => guard.check().await,
            };
            checked.map_err(CallError::halted)?;
        }
        let mut error = match send().await {
            Ok(done) => {
                pace.succeeded();
                return Ok(done);
            }
            Err(error) => CallError::of(error),
        };
        let delay = match error.kind {
            Kind::Throttled => {
                pace.throttled();
                throttled
                    .next()
                    .filter(|_| pace.is_moving(started, PATIENCE))
            }
            Kind::Conflict => {
                conflict.get_or_insert_with(|| pace.conflicted());
                busy.next().filter(|_| started.elapsed() < PATIENCE)
            }
            Kind::Transient => {
                ambiguous = true;
                transient.next()
            }
            Kind::Denied
            | Kind::Credentials
            | Kind::NotFound
            | Kind::Exists
            | Kind::Invalid
            | Kind::Halted(_) => None,
        };
        let Some(delay) = delay else {
            error.ambiguous = ambiguous;
            return Err(error);
        };
        tracing::debug!(error = %error, ?delay, "trying again");
        unless_stopped(guard, tokio::time::sleep(delay)).await?;
    }
}

/// Waits, unless a stop is asked for.
async fn unless_stopped(
    guard: Option<&Guard>,
    wait: impl Future<Output = ()>,
) -> Result<(), CallError> {
    match guard {
        Some(guard) => guard.stop().or(wait).await.map_err(CallError::halted),
        None => {
            wait.await;
            Ok(())
        }
    }
}

fn delays(first: Duration, longest: Duration, times: usize) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_max_times(times)
        .with_jitter()
        .build()
}
