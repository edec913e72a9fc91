//! A fleet of environments and the store they share, in virtual time.
//!
//! An environment gets a request every so often. At the first request after its state has expired it
//! asks; whether the store answers is a token bucket's business. Nothing takes any time, so what is
//! shown is the waiting that the rules impose, not that of the network.

use std::time::Duration;

use crate::backoff::{Backoff, Failure, jittered};

/// How finely the time is divided, in milliseconds.
const TICK: u64 = 50;
/// The fleet runs for so long before anything is measured: stretched intervals settle meanwhile.
const SETTLE: u64 = 180_000;
/// Then so long to measure how often it asks. After that, the flag changes.
const MEASURE: u64 = 120_000;
/// How long to wait for the last gate.
pub(crate) const PATIENCE: u64 = 1_800_000;
/// Slots of the wheel of events; events that are due later than it reaches go round.
const SLOTS: u64 = 8_192;

/// Where the gates read the flag.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// From Parameter Store itself.
    Direct,
    /// By the Parameters and Secrets extension, which goes on with what it read for so long.
    Extension(Duration),
    /// From a file, which never refuses.
    File,
}

/// A fleet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) environments: u32,
    pub(crate) ttl: Duration,
    pub(crate) source: Source,
    /// Each environment gets a request every so often.
    pub(crate) request_every: Duration,
    /// Reads per second that the store answers. It saves up a second's worth.
    pub(crate) limit: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Reads asked of the store, while nothing changes, per second.
    pub(crate) asked: f64,
    /// Those of them that it answered.
    pub(crate) answered: f64,
    /// When half, 99 % and all of the gates had seen the change, in milliseconds after it; none if
    /// that was not within [`PATIENCE`].
    pub(crate) half: Option<u64>,
    pub(crate) most: Option<u64>,
    pub(crate) last: Option<u64>,
}

struct Environment {
    backoff: Backoff,
    /// When it asks next.
    due: u64,
    /// What the extension holds is used until then.
    cached_until: u64,
    /// Whether what the extension holds is the new state.
    cached_new: bool,
    seen: bool,
}

struct Bucket {
    per_tick: u64,
    /// In thousandths.
    tokens: u64,
}

impl Bucket {
    fn take(&mut self) -> bool {
        let taken = self.tokens.checked_sub(1_000);
        self.tokens = taken.unwrap_or(self.tokens);
        taken.is_some()
    }
}

impl Fleet {
    /// Runs it.
    pub(crate) fn run(&self) -> Outcome {
        let change = SETTLE + MEASURE;
        let mut random = fastrand::Rng::with_seed(20_261_121);
        let gap = u64::try_from(self.request_every.as_millis()).unwrap_or(u64::MAX);
        let phase = u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX) + gap;
        let held = match self.source {
            Source::Extension(ttl) => u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            Source::Direct | Source::File => 0,
        };
        let mut wheel: Vec<Vec<u32>> = vec![Vec::new(); usize::try_from(SLOTS).unwrap_or(0)];
        let slot = |due: u64| usize::try_from(due / TICK % SLOTS).unwrap_or(0);
        let mut fleet: Vec<Environment> = (0..self.environments)
            .map(|_| Environment {
                backoff: Backoff::new(self.ttl),
                due: random.u64(0..phase.max(1)),
                cached_until: random.u64(0..=held),
                cached_new: false,
                seen: false,
            })
            .collect();
        for (number, environment) in (0..).zip(&fleet) {
            wheel[slot(environment.due)].push(number);
        }
        let mut bucket = Bucket {
            per_tick: self.limit * TICK,
            tokens: self.limit * 1_000,
        };
        let (mut asked, mut answered) = (0_u64, 0_u64);
        let mut seen_at = Vec::new();
        let mut now = 0;
        while now < change + PATIENCE && seen_at.len() < fleet.len() {
            bucket.tokens = (bucket.tokens + bucket.per_tick).min(self.limit * 1_000);
            let mut dealt = std::mem::take(&mut wheel[slot(now)]);
            // Else those that waited longest would always come first.
            random.shuffle(&mut dealt);
            for number in dealt {
                let environment = &mut fleet[number as usize];
                if environment.due < now + TICK {
                    let at = environment.due.max(now);
                    let told = self.read(environment, at, at >= change, &mut bucket);
                    if (SETTLE..change).contains(&now) {
                        asked += u64::from(told.asked);
                        answered += u64::from(told.asked && told.new.is_some());
                    }
                    if told.new == Some(true) && !environment.seen {
                        environment.seen = true;
                        seen_at.push(at - change);
                    }
                    let pause = match told.new {
                        Some(_) => environment.backoff.succeeded(),
                        None => environment.backoff.failed(told.failure).after,
                    };
                    // The state expires, and some time later there is a request. Never in this tick
                    // again: it has been dealt out.
                    let expires = at + jittered(pause, random.u64(..));
                    let request = expires + random.u64(0..gap.max(1));
                    environment.due = request.max(now + TICK);
                }
                wheel[slot(environment.due)].push(number);
            }
            now += TICK;
        }
        seen_at.sort_unstable();
        let quantile = |of: usize| seen_at.get((fleet.len() * of).div_ceil(100) - 1).copied();
        let per_second = |count: u64| count as f64 / (MEASURE / 1_000) as f64;
        Outcome {
            asked: per_second(asked),
            answered: per_second(answered),
            half: quantile(50),
            most: quantile(99),
            last: quantile(100),
        }
    }

    /// One attempt of a gate to read the flag.
    fn read(&self, of: &mut Environment, at: u64, is_new: bool, bucket: &mut Bucket) -> Told {
        let told = |asked, new, failure| Told {
            asked,
            new,
            failure,
        };
        match self.source {
            Source::File => told(false, Some(is_new), Failure::Failed),
            Source::Direct if bucket.take() => told(true, Some(is_new), Failure::Failed),
            Source::Direct => told(true, None, Failure::Throttled),
            Source::Extension(_) if at < of.cached_until => {
                told(false, Some(of.cached_new), Failure::Failed)
            }
            Source::Extension(ttl) if bucket.take() => {
                of.cached_until = at + u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
                of.cached_new = is_new;
                told(true, Some(is_new), Failure::Failed)
            }
            // It does not say why it has no answer.
            Source::Extension(_) => told(true, None, Failure::Failed),
        }
    }
}

/// What an attempt came to.
struct Told {
    /// Whether the store was asked.
    asked: bool,
    /// Whether what was read is the new state; none if nothing was.
    new: Option<bool>,
    /// Why nothing was.
    failure: Failure,
}
