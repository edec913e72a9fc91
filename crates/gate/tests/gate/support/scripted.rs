//! A source that answers as it is told, and a timer that ends when it is told.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use maintenance_gate::{BoxError, Fetch, FlagSource, ParameterValue, Throttled};
use tokio::sync::{oneshot, watch};

/// A wait.
type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

type Answer = Result<Option<ParameterValue>, BoxError>;

/// A source with a script. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    /// What the next fetches get; the last one is repeated.
    answers: VecDeque<Turn>,
    asked: Vec<String>,
    hanging: Vec<oneshot::Sender<Answer>>,
}

#[derive(Clone)]
enum Turn {
    ParameterValue(ParameterValue),
    Missing,
    Fails,
    Throttled,
    Hangs,
}

impl Scripted {
    pub(crate) fn text(text: &str) -> Self {
        Self::default().then_text(text)
    }

    pub(crate) fn missing() -> Self {
        Self::default().then(Turn::Missing)
    }

    pub(crate) fn version(version: u64, text: &str) -> Self {
        Self::default().then(Turn::ParameterValue(
            ParameterValue::from(text).with_version(version),
        ))
    }

    pub(crate) fn failing() -> Self {
        Self::default().then_fails()
    }

    pub(crate) fn hanging() -> Self {
        Self::default().then_hangs()
    }

    pub(crate) fn then_text(self, text: &str) -> Self {
        self.then(Turn::ParameterValue(text.into()))
    }

    pub(crate) fn then_fails(self) -> Self {
        self.then(Turn::Fails)
    }

    pub(crate) fn then_hangs(self) -> Self {
        self.then(Turn::Hangs)
    }

    fn then(self, turn: Turn) -> Self {
        self.0.lock().unwrap().answers.push_back(turn);
        self
    }

    /// From now on this text, which has no version.
    pub(crate) fn set(&self, text: &str) {
        self.replace(Turn::ParameterValue(text.into()));
    }

    /// From now on this version.
    pub(crate) fn set_version(&self, version: u64, text: &str) {
        let reading = ParameterValue::from(text).with_version(version);
        self.replace(Turn::ParameterValue(reading));
    }

    /// From now on there is no such parameter.
    pub(crate) fn remove(&self) {
        self.replace(Turn::Missing);
    }

    /// From now on failures.
    pub(crate) fn fail(&self) {
        self.replace(Turn::Fails);
    }

    /// From now on refusals, since too many ask.
    pub(crate) fn throttle(&self) {
        self.replace(Turn::Throttled);
    }

    fn replace(&self, turn: Turn) {
        self.0.lock().unwrap().answers = VecDeque::from([turn]);
    }

    /// How often it was asked.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    /// What it was asked for, the last time.
    pub(crate) fn last_asked(&self) -> Option<String> {
        self.0.lock().unwrap().asked.last().cloned()
    }

    /// Answers the oldest fetch that hangs; false if its asker is gone.
    pub(crate) fn release(&self, answer: impl Into<ParameterValue>) -> bool {
        let sender = self.0.lock().unwrap().hanging.remove(0);
        sender.send(Ok(Some(answer.into()))).is_ok()
    }

    /// From now on no answer.
    pub(crate) fn hang(&self) {
        self.replace(Turn::Hangs);
    }
}

impl FlagSource for Scripted {
    fn fetch(&self, parameter: &str) -> Fetch {
        let mut script = self.0.lock().unwrap();
        script.asked.push(parameter.to_owned());
        let turn = if script.answers.len() > 1 {
            script.answers.pop_front().unwrap()
        } else {
            script.answers.front().expect("a script").clone()
        };
        let answer: Answer = match turn {
            Turn::ParameterValue(reading) => Ok(Some(reading)),
            Turn::Missing => Ok(None),
            Turn::Fails => Err("the store is on fire".into()),
            Turn::Throttled => Err(Throttled::new("Rate exceeded").into()),
            Turn::Hangs => {
                let (sender, receiver) = oneshot::channel();
                script.hanging.push(sender);
                return Box::pin(async move { receiver.await? });
            }
        };
        Box::pin(async move { answer })
    }
}

/// A timer that stands still until told. Clones share it.
#[derive(Clone)]
pub(crate) struct SteeredTimer {
    rings: watch::Sender<u32>,
    asked: Arc<Mutex<Vec<Duration>>>,
}

impl SteeredTimer {
    pub(crate) fn new() -> Self {
        Self {
            rings: watch::Sender::new(0),
            asked: Arc::default(),
        }
    }

    /// Ends every sleep that has begun.
    pub(crate) fn ring(&self) {
        self.rings.send_modify(|rings| *rings += 1);
    }

    /// The durations it was asked for.
    pub(crate) fn asked(&self) -> Vec<Duration> {
        self.asked.lock().unwrap().clone()
    }
}

impl SteeredTimer {
    /// A wait that ends when the timer rings.
    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        self.asked.lock().unwrap().push(duration);
        let mut rings = self.rings.subscribe();
        Box::pin(async move {
            let _ = rings.changed().await;
        })
    }
}
