//! A gate whose source, clock and timer are steered.

use std::time::Duration;

use maintenance_gate::{Builder, Decision, Gate, ManualClock};
use tokio::task::{JoinHandle, yield_now};

use super::{START, Scripted, SteeredTimer, demo, get};

pub(crate) struct Bench {
    pub(crate) gate: Gate,
    pub(crate) source: Scripted,
    pub(crate) clock: ManualClock,
    pub(crate) timer: SteeredTimer,
}

impl Bench {
    pub(crate) fn new(source: Scripted) -> Self {
        Self::of(source, |builder| builder)
    }

    pub(crate) fn of(source: Scripted, more: impl FnOnce(Builder) -> Builder) -> Self {
        let (clock, timer) = (ManualClock::new(START), SteeredTimer::new());
        let builder = demo()
            .source(source.clone())
            .clock(clock.clone())
            .sleep_with({
                let timer = timer.clone();
                move |duration| timer.sleep(duration)
            });
        Self {
            gate: more(builder).build().unwrap(),
            source,
            clock,
            timer,
        }
    }

    pub(crate) async fn blocks(&self) -> bool {
        matches!(self.gate.check(&mut get()).await, Decision::Block(_))
    }

    /// A request of its own task: whether it was refused.
    pub(crate) fn spawn(&self) -> JoinHandle<bool> {
        let gate = self.gate.clone();
        tokio::spawn(async move { matches!(gate.check(&mut get()).await, Decision::Block(_)) })
    }
}

/// Lets every task run until it waits.
pub(crate) async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

/// Lets the time pass until the source is asked again; how long that took, in milliseconds.
pub(crate) async fn until_asked(bench: &Bench) -> u64 {
    let (before, mut waited) = (bench.source.count(), 0);
    while bench.source.count() == before {
        bench.clock.advance(Duration::from_millis(50));
        waited += 50;
        bench.blocks().await;
        assert!(waited < 1_000_000, "it never asks again");
    }
    waited
}

/// The seconds, give or take a fifth, and what it takes to see it.
#[track_caller]
pub(crate) fn is_about(waited: u64, seconds: u64) {
    let allowed = seconds * 800..=seconds * 1_200 + 50;
    assert!(allowed.contains(&waited), "{waited} ms, not {seconds} s");
}
