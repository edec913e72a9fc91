//! One notification on its way to one receiver: how often it is tried, and when it is given up.
//!
//! As the Standard Webhooks specification has it, any answer but 2xx is tried again, after a pause that grows and
//! is never twice the same; 410 Gone ends all that goes to the receiver. A redirect is not followed: it is an
//! answer that is not 2xx.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use maintenance_control::{CancellationToken, Clock, in_full};
use tokio::sync::watch;

use super::{Known, Notification, Target, Undelivered, slack, webhook};
use crate::outbound::{Outbound, OutboundError, Request};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The first pause; the longest, before jitter, which at most doubles it; and how many there are: together
/// between 7 and 14 minutes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const PAUSES: usize = 12;
/// The longest pause that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// One notification on its way to one receiver.
#[derive(Debug)]
pub(super) struct Delivery {
    known: Arc<Known>,
    notification: Arc<Notification>,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Not yet, and why not.
    Pending(String),
    Delivered,
    /// Not, and why not.
    GivenUp(String),
}

/// Why an attempt failed.
struct Failed {
    reason: String,
    /// Whether another attempt would fail as well.
    is_lasting: bool,
    is_gone: bool,
    /// How long the receiver asks to be left alone.
    retry_after: Option<Duration>,
}

impl Delivery {
    pub(super) fn new(known: Arc<Known>, notification: Arc<Notification>) -> Self {
        let state = State::Pending("no answer yet".to_owned());
        Self {
            known,
            notification,
            state: watch::Sender::new(state),
        }
    }

    /// Tries until it is delivered or given up. Once `hurry` is thrown, a pause of our own is cut short.
    pub(super) async fn run(&self, outbound: &Outbound, clock: Clock, hurry: &CancellationToken) {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(PAUSES)
            .with_jitter();
        for pause in pauses.build().map(Some).chain([None]) {
            let failed = match self.attempt(outbound, clock.now()).await {
                Ok(()) => return self.end(State::Delivered),
                Err(failed) => failed,
            };
            let is_gone = &self.known.is_gone;
            if failed.is_gone && !is_gone.swap(true, Ordering::Relaxed) {
                let receiver = self.known.shown();
                tracing::warn!(
                    receiver,
                    "the receiver answered 410 Gone: it gets no more notifications until a restart"
                );
            }
            let ends = failed.is_lasting || is_gone.load(Ordering::Relaxed);
            let Some(pause) = pause.filter(|_| !ends) else {
                let (receiver, kind) = (self.known.shown(), self.notification.kind);
                tracing::warn!(receiver, %kind, reason = failed.reason, "a notification was not delivered");
                return self.end(State::GivenUp(failed.reason));
            };
            tracing::info!(
                receiver = self.known.shown(),
                reason = failed.reason,
                "a notification is tried again"
            );
            self.end(State::Pending(failed.reason));
            match failed.retry_after {
                Some(asked) => clock.sleep(asked.min(LONGEST_ASKED).max(pause)).await,
                None if hurry.is_cancelled() => clock.sleep(pause).await,
                None => {
                    hurry.run_until_cancelled(clock.sleep(pause)).await;
                }
            }
        }
    }

    async fn attempt(&self, outbound: &Outbound, now: Timestamp) -> Result<(), Failed> {
        let receiver = &self.known.receiver;
        let (headers, body) = match &receiver.target {
            Target::Slack { .. } => slack::message(&self.notification),
            Target::Webhook { secret, .. } => webhook::message(&self.notification, secret, now)
                .map_err(|error| Failed::lasting(format!("it cannot be written: {error}")))?,
        };
        let request = Request {
            headers,
            body,
            allow_link_local: receiver.allow_link_local,
            reads_body: false,
            ..Request::new(Method::POST, receiver.target.url().clone())
        };
        let answer = outbound.send(request, ATTEMPT).await?;
        let status = answer.status;
        if status.is_success() {
            return Ok(());
        }
        // Slack says by these that the webhook or its channel is gone, or that the message is wrong.
        let is_slack = matches!(receiver.target, Target::Slack { .. });
        let is_for_later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        let is_refused = status.is_client_error() && !is_for_later.contains(&status);
        Err(Failed {
            reason: format!("it answered {status}"),
            is_lasting: status == StatusCode::GONE || is_slack && is_refused,
            is_gone: status == StatusCode::GONE,
            retry_after: retry_after(&answer.headers, now),
        })
    }

    fn end(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Waits until it is delivered or given up.
    pub(super) async fn ended(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as this.
        let _ = state
            .wait_for(|state| !matches!(state, State::Pending(_)))
            .await;
    }

    pub(super) fn is_delivered(&self) -> bool {
        *self.state.borrow() == State::Delivered
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(*self.state.borrow(), State::Pending(_))
    }

    /// What to say of it, if it was not delivered.
    pub(super) fn undelivered(&self) -> Option<Undelivered> {
        match &*self.state.borrow() {
            State::Delivered => None,
            State::Pending(reason) | State::GivenUp(reason) => Some(Undelivered {
                receiver: self.known.shown(),
                kind: self.notification.kind,
                reason: reason.clone(),
            }),
        }
    }
}

impl Failed {
    fn lasting(reason: String) -> Self {
        Self {
            reason,
            is_lasting: true,
            is_gone: false,
            retry_after: None,
        }
    }
}

impl From<OutboundError> for Failed {
    fn from(error: OutboundError) -> Self {
        let failed = Self::lasting(in_full(&error));
        let is_lasting = matches!(
            error,
            OutboundError::BadUrl(_) | OutboundError::LinkLocal(_)
        );
        Self {
            is_lasting,
            ..failed
        }
    }
}

/// What the receiver asks for: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::parse(value).ok()?.timestamp();
    Duration::try_from(at.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_asks_for_seconds_or_names_a_date() {
        let now: Timestamp = "2026-11-29T08:00:00Z".parse().unwrap();
        let asked = |value: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers, now).map(|it| it.as_secs())
        };
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Sun, 29 Nov 2026 08:01:30 GMT"), Some(90));
        for nothing in ["", "soon", "-1", "Sun, 29 Nov 2026 07:59:00 GMT"] {
            assert_eq!(asked(nothing), None, "{nothing}");
        }
    }
}
