//! Notifications: what happened to maintenance, sent to webhooks and to Slack.
//!
//! An operation tells what came of it once, to every receiver that asked for it, whether the command ran it or
//! the server. A receiver that does not answer is tried again for some minutes, with the same id, so that it
//! can tell a retry from news. Nothing waits for it: an operation has ended before its notifications are sent,
//! and whoever ends the process gives them [`LAST_WAIT`] at most. What was not delivered is said, and changes
//! nothing else.
//!
//! What is pending lives in the process alone: notifications of a server that is killed are lost, as is the
//! moment at which a role is drained while no server runs.
//!
//! Reading order: `event` (what is told, and the stable form of it), `webhook` and `slack` (how it is written),
//! `delivery` (how often it is tried).

mod delivery;
mod event;
mod slack;
mod webhook;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maintenance_control::{CancellationToken, Clock};
use tokio_util::task::TaskTracker;
use url::Url;

use crate::outbound::{Outbound, host_of};

use delivery::Delivery;
pub use event::{About, Kind, Notification, Source};
pub use webhook::{BadSecret, Secret};

/// How long the end of a process waits for notifications at most.
pub const LAST_WAIT: Duration = Duration::from_secs(5);
/// How many deliveries that were given up are remembered.
const MOST_REMEMBERED: usize = 100;

/// Where notifications go.
#[derive(Debug)]
pub struct Receiver {
    /// How it is called where something is said of it.
    pub name: String,
    /// Where, and in which form.
    pub target: Target,
    /// What it is told.
    pub on: Vec<Kind>,
    /// Whether it may be on this machine's own network link.
    pub allow_link_local: bool,
}

/// In which form a receiver is told.
#[derive(Debug, Clone)]
pub enum Target {
    /// As the Standard Webhooks specification says.
    Webhook {
        /// Where.
        url: Url,
        /// By which it checks who sent it.
        secret: Secret,
    },
    /// As a message of Slack's: an incoming webhook, whose URL is a secret.
    Slack {
        /// Where.
        url: Url,
    },
}

impl Target {
    /// The host and port: what may be shown of its URL.
    #[must_use]
    pub fn host(&self) -> String {
        host_of(self.url())
    }

    fn url(&self) -> &Url {
        match self {
            Self::Webhook { url, .. } | Self::Slack { url } => url,
        }
    }
}

/// A receiver, and what became of it.
#[derive(Debug)]
struct Known {
    receiver: Receiver,
    /// It has answered 410 Gone.
    is_gone: AtomicBool,
}

/// Something that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The receiver's name.
    pub receiver: String,
    /// What it was to be told.
    pub kind: Kind,
    /// Why it was not.
    pub reason: String,
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            receiver,
            kind,
            reason,
        } = self;
        write!(f, "{receiver} was not notified of {kind}: {reason}")
    }
}

/// Sends notifications. Clones share what is pending.
#[derive(Debug, Clone)]
pub struct Notifier {
    shared: Arc<Shared>,
    /// Whether this process is a function, which is frozen once it has answered.
    is_frozen: bool,
}

#[derive(Debug)]
struct Shared {
    receivers: Vec<Arc<Known>>,
    outbound: Outbound,
    clock: Clock,
    tasks: TaskTracker,
    deliveries: Mutex<Vec<Arc<Delivery>>>,
    /// The last failure of each target: one that repeats itself is told once.
    failures: Mutex<HashMap<String, String>>,
    /// Thrown when the process ends: what waits to be tried again is tried at once.
    hurry: CancellationToken,
    /// Thrown when it waits no longer.
    stop: CancellationToken,
}

impl Notifier {
    /// To these receivers.
    #[must_use]
    pub fn new(receivers: Vec<Receiver>, outbound: Outbound, clock: Clock) -> Self {
        let known = |receiver| {
            Arc::new(Known {
                receiver,
                is_gone: AtomicBool::new(false),
            })
        };
        let shared = Shared {
            receivers: receivers.into_iter().map(known).collect(),
            outbound,
            clock,
            tasks: TaskTracker::new(),
            deliveries: Mutex::default(),
            failures: Mutex::default(),
            hurry: CancellationToken::new(),
            stop: CancellationToken::new(),
        };
        Self {
            shared: Arc::new(shared),
            is_frozen: false,
        }
    }

    /// The same in a Lambda function, which is frozen once it has answered: what it tells is to arrive before.
    #[must_use]
    pub fn in_function(self) -> Self {
        Self {
            is_frozen: true,
            ..self
        }
    }

    /// To no receiver.
    #[must_use]
    pub fn none() -> Self {
        let outbound = Outbound::new(|_| None, None);
        Self::new(Vec::new(), outbound, Clock::System)
    }

    /// Whether there is no receiver.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.receivers.is_empty()
    }

    /// Sends each to the receivers that asked for it, in the background.
    ///
    /// # Panics
    /// Outside a tokio runtime, if there is a receiver.
    pub fn tell(&self, notifications: Vec<Notification>) {
        for notification in notifications {
            if self.repeats_a_failure(&notification) {
                continue;
            }
            let notification = Arc::new(notification);
            for known in &self.shared.receivers {
                let asked = known.receiver.on.contains(&notification.kind);
                if (asked || notification.kind == Kind::Test)
                    && !known.is_gone.load(Ordering::Relaxed)
                {
                    self.deliver(known, &notification);
                }
            }
        }
    }

    /// Sends this when its time has come, if it is still so by then.
    pub fn tell_at(
        &self,
        at: jiff::Timestamp,
        notification: Notification,
        still: impl Future<Output = bool> + Send + 'static,
    ) {
        if self.is_empty() {
            return;
        }
        let notifier = self.clone();
        let (clock, stop) = (self.shared.clock, self.shared.hurry.clone());
        // It is not tracked: the end of the process does not wait for it.
        tokio::spawn(async move {
            // In short steps, since the wall clock may be set meanwhile.
            const STEP: Duration = Duration::from_secs(60);
            let wait = async {
                loop {
                    let left = Duration::try_from(at.duration_since(clock.now()));
                    match left.unwrap_or_default() {
                        Duration::ZERO => break,
                        left => clock.sleep(left.min(STEP)).await,
                    }
                }
                still.await
            };
            if stop.run_until_cancelled(wait).await == Some(true) {
                notifier.tell(vec![notification]);
            }
        });
    }

    fn deliver(&self, known: &Arc<Known>, notification: &Arc<Notification>) {
        let delivery = Arc::new(Delivery::new(Arc::clone(known), Arc::clone(notification)));
        let mut deliveries = self.deliveries();
        deliveries.retain(|it| !it.is_delivered());
        if deliveries.len() >= MOST_REMEMBERED
            && let Some(oldest) = deliveries.iter().position(|it| !it.is_pending())
        {
            deliveries.remove(oldest);
        }
        deliveries.push(Arc::clone(&delivery));
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(async move {
            let run = delivery.run(&shared.outbound, shared.clock, &shared.hurry);
            shared.stop.run_until_cancelled(run).await;
        });
    }

    fn deliveries(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Delivery>>> {
        let deliveries = &self.shared.deliveries;
        deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn repeats_a_failure(&self, notification: &Notification) -> bool {
        let failures = &self.shared.failures;
        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        let target = notification.target();
        match notification.failure() {
            Some(failure) => {
                failures.insert(target, failure.to_owned()).as_deref() == Some(failure)
            }
            None => {
                failures.remove(&target);
                false
            }
        }
    }

    /// Waits until all is delivered or given up, at most this long, and returns what was not delivered since the
    /// last time. Nothing is sent after that.
    pub async fn finish(&self, within: Duration) -> Vec<Undelivered> {
        let shared = &self.shared;
        shared.hurry.cancel();
        shared.tasks.close();
        // What is sent meanwhile is waited for, too.
        let _ = tokio::time::timeout(within, shared.tasks.wait()).await;
        shared.stop.cancel();
        let deliveries = std::mem::take(&mut *self.deliveries());
        let undelivered = deliveries.iter().filter_map(|it| it.undelivered());
        undelivered.collect()
    }

    /// In a function, waits until what is sent is delivered or given up, at most [`LAST_WAIT`]. Elsewhere nothing
    /// waits for it.
    pub(crate) async fn before_answer(&self) {
        if !self.is_frozen {
            return;
        }
        let deliveries = self.deliveries().clone();
        let all = async {
            for delivery in deliveries {
                delivery.ended().await;
            }
        };
        let _ = tokio::time::timeout(LAST_WAIT, all).await;
    }
}

impl Known {
    /// `team-hook (hooks.example.com)`.
    fn shown(&self) -> String {
        let host = self.receiver.target.host();
        match self.receiver.name == host {
            true => host,
            false => format!("{} ({host})", self.receiver.name),
        }
    }
}
