//! One place that calls AWS: waits for a turn, checks that we may still change things, sends, and
//! decides by what an error means whether to try again.

use std::convert::Infallible;
use std::future::ready;
use std::ops::ControlFlow;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::future::BoxFuture;

use crate::aws::{AwsError, AwsErrorKind as Kind, CallError};
use crate::fence::{AbortReason, Fence};
use crate::rate_limiter::RateLimiter;
use crate::waits::CALL_PATIENCE;

/// How often to try again when AWS cannot be reached or fails inside, or when its answer is none.
const TRANSIENT_ATTEMPTS: usize = 5;
/// How often to look again for what should be there and is not found, over some four seconds.
const LOOKS_FOR_MISSING: usize = 3;
/// A check of the lease that is older than this is made again before a change.
pub(crate) const CHECK_LASTS: Duration = Duration::from_secs(1);

/// One call to AWS: what it is, and what it waits for.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// As IAM names it.
    pub(crate) action: &'static str,
    /// What it is about.
    pub(crate) resource: &'a str,
    pub(crate) rate_limiter: &'a RateLimiter,
    /// None outside of an operation.
    pub(crate) fence: Option<&'a Fence>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        action: &'static str,
        resource: &'a str,
        rate_limiter: &'a RateLimiter,
        fence: Option<&'a Fence>,
    ) -> Self {
        Self {
            action,
            resource,
            rate_limiter,
            fence,
        }
    }

    fn error(self, error: CallError, ambiguous: bool) -> AwsError {
        AwsError {
            ambiguous,
            ..AwsError::new(self.action, self.resource, error.kind, error.source)
        }
    }

    fn halted(self, halt: AbortReason) -> AwsError {
        self.error(CallError::halted(halt), false)
    }

    /// Reads by `send` until it succeeds, fails for good, or patience runs out. With a fence, it ends at once
    /// when a stop is asked for, and makes no attempt once the lease is known to be lost.
    pub(crate) async fn read<T, F>(self, send: impl FnMut() -> F + Send) -> Result<T, AwsError>
    where
        T: Send,
        F: Future<Output = Result<T, CallError>> + Send,
    {
        // Boxed, so that the SDK's deep futures do not make every caller's deeper.
        let reading: BoxFuture<'_, _> = Box::pin(self.attempts(Purpose::Read, go, send));
        let read = match self.fence {
            Some(fence) => {
                let read = fence.until_stopped(reading).await;
                read.unwrap_or_else(|halt| Err(self.halted(halt)))
            }
            None => reading.await,
        };
        read.map(sent)
    }

    /// The same of what comes in pages: `ask` is given a page's marker, and returns what is on the page and the
    /// marker of the next.
    pub(crate) async fn read_pages<T, F>(
        self,
        ask: impl Fn(Option<String>) -> F + Send + Sync,
    ) -> Result<Vec<T>, AwsError>
    where
        T: Send,
        F: Future<Output = Result<(Vec<T>, Option<String>), CallError>> + Send,
    {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let (page, next) = self.read(|| ask(marker.clone())).await?;
            found.extend(page);
            // A page may be empty and still not be the last one.
            marker = next.filter(|next| !next.is_empty());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// Changes something by `send`, as [`read`](Self::read) reads. Every attempt is made only while the fence
    /// says that it may be, and one that was sent is waited for: it may have taken effect.
    pub(crate) async fn change<T, F>(self, send: impl FnMut() -> F + Send) -> Result<T, AwsError>
    where
        T: Send,
        F: Future<Output = Result<T, CallError>> + Send,
    {
        self.change_if(go, send).await.map(sent)
    }

    /// The same for a change that is made only while something holds: `before` looks whether it does, before
    /// every attempt, when its turn has come. It is told whether an earlier attempt may have taken effect, and
    /// what it breaks with is the result.
    pub(crate) async fn change_if<'b, T, B, F>(
        self,
        before: impl Fn(bool) -> BoxFuture<'b, ControlFlow<B>> + Send,
        send: impl FnMut() -> F + Send,
    ) -> Result<ControlFlow<B, T>, AwsError>
    where
        T: Send,
        B: Send,
        F: Future<Output = Result<T, CallError>> + Send,
    {
        let changing = self.attempts(Purpose::Change, before, send);
        let changing: BoxFuture<'_, _> = Box::pin(changing);
        changing.await
    }

    /// Makes attempts, each when the fence has let it pass after its turn has come.
    async fn attempts<'b, T, B, F>(
        self,
        purpose: Purpose,
        before: impl Fn(bool) -> BoxFuture<'b, ControlFlow<B>>,
        mut send: impl FnMut() -> F,
    ) -> Result<ControlFlow<B, T>, AwsError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let Self {
            rate_limiter,
            fence,
            ..
        } = self;
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
            self.unless_stopped(rate_limiter.acquire()).await?;
            self.check(purpose).await?;
            let mut checked = tokio::time::Instant::now();
            // Until both are of the same moment: either may take a while.
            loop {
                if let ControlFlow::Break(end) = before(ambiguous).await {
                    return Ok(ControlFlow::Break(end));
                }
                let looked = tokio::time::Instant::now();
                if checked.elapsed() > CHECK_LASTS {
                    self.check(purpose).await?;
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
                    .map_err(|_| self.error(CallError::unanswered(limit), false))?,
                None => send().await,
            };
            let mut error = match sent {
                Ok(done) => {
                    rate_limiter.succeeded();
                    return Ok(ControlFlow::Continue(done));
                }
                Err(error) => error,
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
                | Kind::KeyUnusable
                | Kind::PatternMismatch
                | Kind::Invalid
                | Kind::Unexpected
                | Kind::Halted(_) => None,
            };
            let Some(delay) = delay else {
                return Err(self.error(error, ambiguous));
            };
            tracing::debug!(error = %error, ?delay, "trying again");
            self.unless_stopped(tokio::time::sleep(delay)).await?;
        }
    }

    /// Waits, unless a stop is asked for.
    async fn unless_stopped(self, wait: impl Future<Output = ()>) -> Result<(), AwsError> {
        match self.fence {
            Some(fence) => fence
                .until_stopped(wait)
                .await
                .map_err(|halt| self.halted(halt)),
            None => {
                wait.await;
                Ok(())
            }
        }
    }

    async fn check(self, purpose: Purpose) -> Result<(), AwsError> {
        let checked = match (self.fence, purpose) {
            (None, _) => Ok(()),
            (Some(fence), Purpose::Read) => fence.check_known(),
            (Some(fence), Purpose::Change) => fence.check().await,
        };
        checked.map_err(|halt| self.halted(halt))
    }
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

fn delays(first: Duration, longest: Duration, times: usize) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_max_times(times)
        .with_jitter()
        .build()
}
