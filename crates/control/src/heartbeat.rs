//! A stream that reports once a second, while its next item is awaited, that the work goes on.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// How often it reports.
const PERIOD: Duration = Duration::from_secs(1);

/// A stream and what to call while it is pending.
pub(crate) struct Heartbeat<S, F> {
    stream: S,
    report: F,
    period: Interval,
}

impl<S: Stream + Unpin, F: Fn()> Heartbeat<S, F> {
    pub(crate) fn new(stream: S, report: F) -> Self {
        let mut period = interval_at(Instant::now() + PERIOD, PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            stream,
            report,
            period,
        }
    }

    pub(crate) async fn next(&mut self) -> Option<S::Item> {
        loop {
            tokio::select! {
                biased;
                next = self.stream.next() => return next,
                _ = self.period.tick() => (self.report)(),
            }
        }
    }
}
