//! One place that calls AWS: waits for a turn, checks that we may still change things, sends, and
//! decides what an error means and whether to try again.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::future::ready;
use std::ops::ControlFlow;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::BoxFuture;

use crate::aws::AccessError;
use crate::fence::{AbortReason, Fence};
use crate::rate_limiter::RateLimiter;
use crate::waits::CALL_PATIENCE;

/// How often to try again when AWS cannot be reached or fails inside, or when its answer is none.
const TRANSIENT_ATTEMPTS: usize = 5;
/// How often to look again for what should be there and is not found, over some four seconds.
const LOOKS_FOR_MISSING: usize = 3;
/// A check of the lease that is older than this is made again before a change.
pub(crate) const CHECK_LASTS: Duration = Duration::from_secs(1);

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
    /// AWS cannot be called at all: the source is an [`AccessError`].
    Access,
    /// What the call names does not exist.
    NotFound,
    /// The same of what should be there: one such answer proves nothing, so it is looked for again. At
    /// last it becomes [`Kind::NotFound`].
    Missing,
    /// What the call creates exists.
    Exists,
    /// Anything else that AWS refuses.
    Invalid,
    /// We must not, or shall not, change anything any more.
    Halted(AbortReason),
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

/// No answer came in time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Silence(String);

impl CallError {
    /// Why AWS cannot be called at all, if it is that.
    pub(crate) fn into_access(self) -> Result<AccessError, Self> {
        match self.source.downcast() {
            Ok(access) => Ok(*access),
            Err(source) => Err(Self { source, ..self }),
        }
    }

    /// AWS refused a call that the SDK did not make.
    pub(crate) fn refused(status: u16, code: &str, message: &str) -> Self {
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
        Self::of(by_code(code, Some(message), status), answer.into())
    }

    /// A call that the SDK did not make got no answer.
    pub(crate) fn unreached(error: ConnectorError) -> Self {
        Self::of(Kind::Transient, error.into_source())
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
        Self {
            kind,
            message: source.to_string(),
            ambiguous: false,
            source,
        }
    }

    fn unanswered(limit: Duration) -> Self {
        let message = format!("AWS did not answer for {} s", limit.as_secs());
        Self {
            kind: Kind::Transient,
            message: message.clone(),
            ambiguous: false,
            source: Box::new(Silence(message)),
        }
    }

    fn halted(halt: AbortReason) -> Self {
        let source = Box::new(halt);
        Self {
            kind: Kind::Halted(halt),
            message: halt.to_string(),
            ambiguous: false,
            source,
        }
    }

    /// An answer that lacks what AWS always sends, or that says something else than what was asked for: a
    /// proxy's empty 200, say. What was asked for may have taken effect.
    pub(crate) fn incomplete(what: &str) -> Self {
        let message = format!("the answer is incomplete: {what}");
        Self {
            kind: Kind::Transient,
            message: message.clone(),
            ambiguous: false,
            source: message.into(),
        }
    }
}

impl<E> From<SdkError<E, HttpResponse>> for CallError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match access(&error) {
            Some(access) => Self::access(access),
            None => Self::of(kind(&error), source(error)),
        }
    }
}

/// Why AWS cannot be called at all, if it is that.
fn access<E>(error: &SdkError<E, HttpResponse>) -> Option<AccessError>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let error = service.err();
            let message = error.message().unwrap_or_default();
            AccessError::refused(error.code().unwrap_or_default(), message)
        }
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => {
            AccessError::unsent(error)
        }
        _ => None,
    }
}

/// AWS's own words, or else what happened: the SDK's wrappings ("dispatch failure", "io error") say nothing
/// to a person.
fn source<E>(error: SdkError<E, HttpResponse>) -> Box<dyn StdError + Send + Sync>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    if let SdkError::ServiceError(service) = &error {
        let (code, message) = (service.err().code(), service.err().message());
        return Box::new(Answer {
            code: code.unwrap_or("unknown error").to_owned(),
            message: message.unwrap_or("no message").trim().to_owned(),
        });
    }
    match error.into_source() {
        Ok(source) => match source.downcast::<ConnectorError>() {
            Ok(connector) => connector.into_source(),
            Err(source) => source,
        },
        Err(error) => Box::new(error),
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

/// Reads by `send` until it succeeds, fails for good, or patience runs out. With a `fence`, it ends at once
/// when a stop is asked for, and makes no attempt once the lease is known to be lost.
pub(crate) async fn call<T, E, F>(
    rate_limiter: &RateLimiter,
    fence: Option<&Fence>,
    send: impl FnMut() -> F + Send,
) -> Result<T, CallError>
where
    T: Send,
    F: Future<Output = Result<T, E>> + Send,
    E: Into<CallError> + Send,
{
    // Boxed, so that the SDK's deep futures do not make every caller's deeper.
    let reading: BoxFuture<'_, _> =
        Box::pin(attempts(rate_limiter, fence, Purpose::Read, go, send));
    let read = match fence {
        Some(fence) => {
            let read = fence.until_stopped(reading).await;
            read.unwrap_or_else(|halt| Err(CallError::halted(halt)))
        }
        None => reading.await,
    };
    read.map(sent)
}

/// Changes something by `send`, as [`call`] reads. Every attempt is made only while the `fence` says that
/// it may be, and one that was sent is waited for: it may have taken effect.
pub(crate) async fn change<T, E, F>(
    rate_limiter: &RateLimiter,
    fence: Option<&Fence>,
    send: impl FnMut() -> F + Send,
) -> Result<T, CallError>
where
    T: Send,
    F: Future<Output = Result<T, E>> + Send,
    E: Into<CallError> + Send,
{
    change_if(rate_limiter, fence, go, send).await.map(sent)
}

/// The same for a change that is made only while something holds: `before` looks whether it does, before
/// every attempt, when its turn has come. It is told whether an earlier attempt may have taken effect, and
/// what it breaks with is the result.
pub(crate) async fn change_if<'b, T, B, E, F>(
    rate_limiter: &RateLimiter,
    fence: Option<&Fence>,
    before: impl Fn(bool) -> BoxFuture<'b, ControlFlow<B>> + Send,
    send: impl FnMut() -> F + Send,
) -> Result<ControlFlow<B, T>, CallError>
where
    T: Send,
    B: Send,
    F: Future<Output = Result<T, E>> + Send,
    E: Into<CallError> + Send,
{
    let changing = attempts(rate_limiter, fence, Purpose::Change, before, send);
    let changing: BoxFuture<'_, _> = Box::pin(changing);
    changing.await
}

/// Looks at nothing before an attempt.
fn go(_: bool) -> BoxFuture<'static, ControlFlow<Infallible>> {
    Box::pin(ready(ControlFlow::Continue(())))
}

fn sent<T>(attempt: ControlFlow<Infallible, T>) -> T {
    match attempt {
        ControlFlow::Continue(done) => done,
        ControlFlow::Break(never) => match never {},
    }
}

/// What a call is for, and so how sure it has to be of the lease.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Change,
}

/// Makes attempts, each when the fence has let it pass after its turn has come.
async fn attempts<'b, T, B, E, F>(
    rate_limiter: &RateLimiter,
    fence: Option<&Fence>,
    purpose: Purpose,
    before: impl Fn(bool) -> BoxFuture<'b, ControlFlow<B>>,
    mut send: impl FnMut() -> F,
) -> Result<ControlFlow<B, T>, CallError>
where
    F: Future<Output = Result<T, E>>,
    E: Into<CallError>,
{
    let started = tokio::time::Instant::now();
    let seconds = Duration::from_secs;
    let mut transient = delays(
        Duration::from_millis(200),
        seconds(5),
        TRANSIENT_ATTEMPTS - 1,
    );
    let mut missing = delays(Duration::from_millis(500), seconds(2), LOOKS_FOR_MISSING);
    let mut busy = delays(Duration::from_millis(250), seconds(5), usize::MAX);
    // The pace gives way; this only spreads what was refused together.
    let mut throttled = delays(
        Duration::from_millis(100),
        rate_limiter.longest_pause(),
        usize::MAX,
    );
    let mut ambiguous = false;
    let mut conflict = None;
    let limit = rate_limiter.answer_limit();
    let limit = limit.filter(|_| fence.is_none() && purpose == Purpose::Read);
    let mut unanswered_since = None;
    loop {
        unless_stopped(fence, rate_limiter.acquire()).await?;
        check(fence, purpose).await?;
        let mut checked = tokio::time::Instant::now();
        // Until both are of the same moment: either may take a while.
        loop {
            if let ControlFlow::Break(end) = before(ambiguous).await {
                return Ok(ControlFlow::Break(end));
            }
            let looked = tokio::time::Instant::now();
            if checked.elapsed() > CHECK_LASTS {
                check(fence, purpose).await?;
                checked = tokio::time::Instant::now();
            }
            if looked.elapsed() <= CHECK_LASTS {
                break;
            }
        }
        let sent_at = *unanswered_since.get_or_insert_with(tokio::time::Instant::now);
        let sent = match limit {
            Some(limit) => tokio::time::timeout_at(sent_at + limit, send())
                .await
                .map_err(|_| CallError::unanswered(limit))?,
            None => send().await,
        };
        let mut error = match sent {
            Ok(done) => {
                rate_limiter.succeeded();
                return Ok(ControlFlow::Continue(done));
            }
            Err(error) => error.into(),
        };
        if error.kind != Kind::Transient {
            unanswered_since = None;
        }
        let delay = match error.kind {
            Kind::Throttled => {
                rate_limiter.throttled();
                throttled
                    .next()
                    .filter(|_| rate_limiter.is_moving(started, CALL_PATIENCE))
            }
            Kind::Conflict => {
                conflict.get_or_insert_with(|| rate_limiter.conflicted());
                busy.next().filter(|_| started.elapsed() < CALL_PATIENCE)
            }
            Kind::Transient => {
                ambiguous = true;
                transient.next()
            }
            Kind::Missing => {
                let next = missing.next();
                if next.is_none() {
                    error.kind = Kind::NotFound;
                }
                next
            }
            Kind::Denied
            | Kind::Access
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
        unless_stopped(fence, tokio::time::sleep(delay)).await?;
    }
}

/// Waits, unless a stop is asked for.
async fn unless_stopped(
    fence: Option<&Fence>,
    wait: impl Future<Output = ()>,
) -> Result<(), CallError> {
    match fence {
        Some(fence) => fence.until_stopped(wait).await.map_err(CallError::halted),
        None => {
            wait.await;
            Ok(())
        }
    }
}

async fn check(fence: Option<&Fence>, purpose: Purpose) -> Result<(), CallError> {
    let checked = match (fence, purpose) {
        (None, _) => Ok(()),
        (Some(fence), Purpose::Read) => fence.check_known(),
        (Some(fence), Purpose::Change) => fence.check().await,
    };
    checked.map_err(CallError::halted)
}

fn delays(first: Duration, longest: Duration, times: usize) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_max_times(times)
        .with_jitter()
        .build()
}
