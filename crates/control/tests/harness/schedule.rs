//! Who goes next: operators that make one call to AWS at a time, in an order that a test chooses.
//!
//! An operator stops at the answer to each call, which has had its effect. Letting it go means that it
//! learns the answer and comes as far as the next one. While it stands there time may pass, as for a
//! process that is frozen.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maintenance_control::{Error, Report};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Where an operator's answers wait.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    held: Mutex<VecDeque<oneshot::Sender<()>>>,
    arrived: Notify,
}

impl Turnstile {
    /// Waits for this answer's turn.
    pub(crate) async fn pass(&self) {
        let (go, turn) = oneshot::channel();
        self.held().push_back(go);
        self.arrived.notify_one();
        let _let_go = turn.await;
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<()>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn let_go(&self) {
        let first = self.held().pop_front();
        if let Some(first) = first {
            let _gone = first.send(());
        }
    }
}

type Work = std::pin::Pin<Box<dyn Future<Output = Result<Report, Error>>>>;

/// An operator at work, or about to begin.
pub(crate) struct Lane {
    turnstile: Arc<Turnstile>,
    work: Option<Work>,
    task: Option<JoinHandle<Result<Report, Error>>>,
}

impl Lane {
    pub(crate) fn new(
        turnstile: Arc<Turnstile>,
        work: impl Future<Output = Result<Report, Error>> + 'static,
    ) -> Self {
        Self {
            turnstile,
            work: Some(Box::pin(work)),
            task: None,
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Lets it learn one answer, and come to the next or to its end. Inside a `LocalSet`.
    pub(crate) async fn step(&mut self) {
        match self.work.take() {
            Some(work) => self.task = Some(tokio::task::spawn_local(work)),
            None => self.turnstile.let_go(),
        }
        loop {
            // The paused clock moves only when nothing else can.
            tokio::time::sleep(Duration::from_millis(1)).await;
            if self.has_ended() || !self.turnstile.held().is_empty() {
                return;
            }
            tokio::select! {
                () = self.turnstile.arrived.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    }

    /// As often as it takes.
    pub(crate) async fn finish(&mut self) {
        while !self.has_ended() {
            self.step().await;
        }
    }

    pub(crate) async fn result(self) -> Result<Report, Error> {
        self.task.expect("it has begun").await.expect("no panic")
    }
}

/// One step of a schedule: which lane went, and which could have.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    lane: usize,
    ready: Vec<usize>,
}

/// Lets lanes go as `choices` say, and then each to its end before the next.
pub(crate) async fn run(lanes: &mut [Lane], choices: &[usize]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    loop {
        let all = 0..lanes.len();
        let ready: Vec<usize> = all.filter(|lane| !lanes[*lane].has_ended()).collect();
        let Some(first) = ready.first() else {
            return steps;
        };
        let before = steps.last().map(|step| step.lane);
        let lane = match (choices.get(steps.len()), before) {
            (Some(choice), _) if ready.contains(choice) => *choice,
            (_, Some(before)) if ready.contains(&before) => before,
            _ => *first,
        };
        lanes[lane].step().await;
        steps.push(Step { lane, ready });
    }
}

/// Runs every schedule that switches from an operator which could go on at most so often. How many
/// there were. `attempt` runs one and returns its steps.
pub(crate) fn every<E>(
    switches: usize,
    mut attempt: impl FnMut(&[usize]) -> Result<Vec<Step>, E>,
) -> Result<usize, E> {
    let mut open = vec![Vec::new()];
    let mut count = 0;
    while let Some(choices) = open.pop() {
        let steps = attempt(&choices)?;
        count += 1;
        for (at, step) in steps.iter().enumerate().skip(choices.len()) {
            for other in step.ready.iter().filter(|lane| **lane != step.lane) {
                let mut next: Vec<usize> = steps[..at].iter().map(|step| step.lane).collect();
                next.push(*other);
                if switched(&steps, &next) <= switches {
                    open.push(next);
                }
            }
        }
    }
    Ok(count)
}

/// How often these choices leave a lane that could have gone on.
fn switched(steps: &[Step], choices: &[usize]) -> usize {
    let pairs = choices.windows(2).zip(steps.iter().skip(1));
    pairs
        .filter(|(pair, step)| pair[0] != pair[1] && step.ready.contains(&pair[0]))
        .count()
}
