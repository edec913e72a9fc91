//! Who goes next: operators that make one call to AWS at a time, in an order that a test chooses.
//!
//! An operator stops at the answer to each call, which has had its effect. Letting it go means that it
//! learns the answer and comes as far as the next one. While it stands there time may pass, as for a
//! process that is frozen. Of reads that an operator makes side by side, each waits before its effect
//! too, so that another's write may come between them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maintenance_control::{Error, Report};
use maintenance_flag::Lease;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::canonicalizer::Canonicalizer;

/// How long is waited for an operator to come to a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For those that it makes side by side with one that it has come to.
    side_by_side: Duration,
    /// While it stands at others.
    meanwhile: Duration,
}

impl Patience {
    /// Goes on as soon as there is something to choose from: operators keep their speed.
    pub(crate) const SHORT: Self = Self {
        side_by_side: Duration::from_millis(1),
        meanwhile: Duration::from_millis(1),
    };
    /// Until the operator stands at every call that it comes to by itself, be it after the pause that
    /// it makes between two looks.
    pub(crate) const LONG: Self = Self {
        side_by_side: Duration::from_millis(60),
        meanwhile: Duration::from_millis(270),
    };
}

/// Where an operator's calls wait.
#[derive(Debug)]
pub(crate) struct Scheduler {
    canonicalizer: Arc<Canonicalizer>,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    standing: Vec<Standing>,
    calls: u64,
    /// A hash of all that the operator has asked and learned so far.
    learned: u64,
    /// The last of it alone.
    last: u64,
    /// How often it has looked at the lease before it took it.
    looks: u64,
    holds: bool,
}

#[derive(Debug)]
struct Standing {
    /// The how manieth of the operator's calls it is.
    nth: u64,
    asked: String,
    /// None: it has not had its effect.
    answer: Option<String>,
    go: oneshot::Sender<()>,
}

impl State {
    /// In the order in which they were asked.
    fn add(&mut self, standing: Standing) {
        let place = self.standing.partition_point(|it| it.nth < standing.nth);
        self.standing.insert(place, standing);
    }
}

impl Scheduler {
    pub(crate) fn new(canonicalizer: Arc<Canonicalizer>) -> Arc<Self> {
        let (state, arrived) = (Mutex::default(), Notify::new());
        Arc::new(Self {
            canonicalizer,
            state,
            arrived,
        })
    }

    /// The number of a call that the operator has come to.
    pub(crate) fn number(&self) -> u64 {
        let mut state = self.state();
        state.calls += 1;
        state.calls
    }

    /// Waits until this read may take effect.
    pub(crate) async fn before(&self, nth: u64, asked: &str) {
        self.stand(nth, asked, None).await;
    }

    /// Waits until the operator may learn this answer.
    pub(crate) async fn after(&self, nth: u64, asked: &str, answer: &str) {
        self.stand(nth, asked, Some(self.canonicalizer.of(answer)))
            .await;
    }

    async fn stand(&self, nth: u64, asked: &str, answer: Option<String>) {
        let asked = self.canonicalizer.of(asked);
        let (go, turn) = oneshot::channel();
        let standing = Standing {
            nth,
            asked,
            answer,
            go,
        };
        self.state().add(standing);
        self.arrived.notify_one();
        let _let_go = turn.await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls stand there.
    fn standing(&self) -> usize {
        self.state().standing.len()
    }

    /// The calls to choose from: those that have not had their effect, in any order; when all have had
    /// it, the operator learns the answers in the order in which it asked.
    fn ways(&self) -> Vec<usize> {
        let state = self.state();
        let all = 0..state.standing.len();
        let before: Vec<usize> = all
            .filter(|n| state.standing[*n].answer.is_none())
            .collect();
        match before.as_slice() {
            [] => state.standing.iter().take(1).map(|_| 0).collect(),
            _ => before,
        }
    }

    /// Whether the operator learned an answer by it.
    fn let_go(&self, n: usize) -> bool {
        let mut state = self.state();
        if n >= state.standing.len() {
            return true;
        }
        let standing = state.standing.remove(n);
        if let Some(answer) = &standing.answer {
            // How many looks are left would count once more if the lease were found taken over just after
            // it was created: that takes a pause and two others.
            if self.canonicalizer.forgets_before(&standing.asked, answer) {
                state.learned = state.last;
                state.holds = true;
            } else if !state.holds && self.canonicalizer.is_look(&standing.asked) {
                state.looks += 1;
                state.learned = state.looks;
            }
            state.last = hash(&(&standing.asked, answer));
            state.learned = hash(&(state.learned, state.last));
        }
        let _gone = standing.go.send(());
        standing.answer.is_some()
    }

    /// Whether the only call that stands there has not had its effect.
    fn is_one_before(&self) -> bool {
        matches!(self.state().standing.as_slice(), [only] if only.answer.is_none())
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

type Work = std::pin::Pin<Box<dyn Future<Output = Result<Report, Error>>>>;

/// An operator at work, or about to begin.
pub(crate) struct Task {
    scheduler: Arc<Scheduler>,
    work: Option<Work>,
    task: Option<JoinHandle<Result<Report, Error>>>,
    patience: Patience,
    /// The newest lease when its last call took effect: a test notes it.
    pub(crate) seen: Option<Lease>,
}

impl Task {
    pub(crate) fn new(
        scheduler: Arc<Scheduler>,
        patience: Patience,
        work: impl Future<Output = Result<Report, Error>> + 'static,
    ) -> Self {
        Self {
            scheduler,
            patience,
            work: Some(Box::pin(work)),
            task: None,
            seen: None,
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.task.is_some()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// From which of the calls that it stands at it can go on.
    pub(crate) fn ways(&self) -> Vec<usize> {
        match self.has_begun() {
            false => vec![0],
            true if self.has_ended() => Vec::new(),
            true => self.scheduler.ways(),
        }
    }

    /// Lets it begin, or lets go of the `n`-th of the calls that it stands at, and waits until it has
    /// come to the next, or to its end. Inside a `LocalSet`.
    pub(crate) async fn step(&mut self, n: usize) {
        match self.work.take() {
            Some(work) => self.task = Some(tokio::task::spawn_local(work)),
            None if self.scheduler.let_go(n) => {}
            None => return self.take_effect().await,
        }
        // The paused clock moves only when nothing else can.
        if self.scheduler.standing() > 0 {
            tokio::time::sleep(self.patience.meanwhile).await;
        }
        while !self.has_ended() && self.scheduler.standing() == 0 {
            tokio::select! {
                () = self.scheduler.arrived.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
        if !self.has_ended() && self.scheduler.standing() == 1 {
            tokio::time::sleep(self.patience.side_by_side).await;
        }
        if self.scheduler.is_one_before() {
            self.scheduler.let_go(0);
            self.take_effect().await;
        }
    }

    /// A call that was let go has its effect at once.
    async fn take_effect(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    pub(crate) async fn result(self) -> Result<Report, Error> {
        self.task.expect("it has begun").await.expect("no panic")
    }

    /// All that decides how it goes on: what it learned, and where it stands.
    pub(crate) fn position(&self, hasher: &mut impl Hasher) {
        (self.has_begun(), self.has_ended()).hash(hasher);
        let state = self.scheduler.state();
        // What became of it is what it learned last.
        let ended = self.has_ended() && self.scheduler.canonicalizer.looks_alike();
        let learned = if ended { state.last } else { state.learned };
        learned.hash(hasher);
        for standing in &state.standing {
            (&standing.asked, &standing.answer).hash(hasher);
        }
    }
}
