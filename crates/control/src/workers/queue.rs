//! The order in which functions are paused, each when what it has is saved and not before: at once those
//! whose event source mappings are settled, and the others as theirs settle.
//!
//! A mapping that is being created or updated shows only afterwards whether it was enabled, so that its
//! function cannot be saved before. It holds up its own function only. Whoever changes it may well be at
//! work on all of the function, so that all of it is read again then. A function that is new to us and
//! already at zero may be one that `off` has just restored, as a read that lags shows it: it is read again
//! before that is saved. Nothing is paused here.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use maintenance_flag::{Capacity, Reserved};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::End;
use super::current::Current;
use super::saved::{Place, Saved};
use crate::error::{Error, LambdaError, in_full};
use crate::fleet::{AT_ONCE, Fleet, Looks, MappingState};
use crate::lease::Guard;
use crate::waits::Counted;

/// How long after a function was read at zero it is read again before that is believed: longer than a read
/// of Lambda's lags.
const ZERO_IS_OLD: Duration = Duration::from_secs(3);

/// Functions that are to be paused.
pub(super) struct Queue<'a> {
    fleet: &'a Fleet,
    place: Place<'a>,
    origin: String,
    guard: &'a Guard,
    saved: &'a Mutex<Saved>,
    /// Those that nothing is waited for any more.
    ready: VecDeque<(String, Verdict)>,
    /// Those that were read at zero, and when that is believed.
    at_zero: Vec<(String, Current)>,
    believed_from: Instant,
    /// Those with a mapping that is not settled, in the order in which they are looked at.
    moving: Vec<(String, Current)>,
    /// None before the first.
    looks: Option<Looks>,
    /// One for each mapping that is waited for.
    awaited: Vec<Counted>,
    /// How long each function may run, seconds.
    timeouts: BTreeMap<String, u32>,
}

/// What one look found of those that moved.
#[derive(Default)]
struct Seen {
    /// They have settled.
    settled: Vec<(String, Current)>,
    /// They have not.
    moving: Vec<(String, Current)>,
    /// Nobody knows: AWS did not let us look.
    unknown: Vec<(String, Current)>,
    /// Why not.
    error: Option<LambdaError>,
}

impl Seen {
    /// AWS did not let us look at this one. The others would wait as long for nothing: another look asks
    /// them, and this one last, in case that it is alone in this.
    fn ends(
        &mut self,
        error: LambdaError,
        at: (String, Current),
        rest: impl Iterator<Item = (String, Current)>,
    ) {
        self.unknown.extend(rest);
        self.unknown.push(at);
        self.error = Some(error);
    }
}

enum Verdict {
    /// It is saved.
    Pause(Current),
    /// It is not.
    Leave(End),
}

/// What is next to do with a function.
pub(super) enum Turn {
    /// It stands so, and this is saved of it.
    Pause(Current, Option<Capacity>),
    /// It is not saved, and must not be touched.
    Leave(End),
    /// It does not exist any more. Whether something is saved of it.
    Gone(bool),
}

impl<'a> Queue<'a> {
    /// Puts functions in line, and saves those that can be saved now.
    ///
    /// # Errors
    /// [`Error`], if that fails: then none may be touched.
    pub(super) async fn new(
        fleet: &'a Fleet,
        place: Place<'a>,
        guard: &'a Guard,
        origin: String,
        saved: &'a Mutex<Saved>,
        functions: BTreeMap<String, Current>,
    ) -> Result<Self, Error> {
        let timeouts = functions
            .iter()
            .map(|(name, current)| (name.clone(), current.timeout))
            .collect();
        let (settled, moving): (Vec<_>, Vec<_>) = functions
            .into_iter()
            .partition(|(_, current)| current.is_settled());
        let (at_zero, settled) = settled
            .into_iter()
            .partition(|(_, current)| current.reserved == Reserved::Limit(0));
        let mut queue = Self {
            fleet,
            place,
            origin,
            guard,
            saved,
            ready: VecDeque::new(),
            at_zero,
            believed_from: Instant::now() + ZERO_IS_OLD,
            moving,
            looks: None,
            awaited: Vec::new(),
            timeouts,
        };
        queue.save(settled).await?;
        queue.count();
        Ok(queue)
    }

    /// The functions, each when its turn comes.
    ///
    /// It must be polled for as long as it is pending, while what it gave is worked on: a call of its own
    /// may be next in the line of the pace, before all others. `buffer_unordered` does so.
    pub(super) fn turns(&mut self) -> impl Stream<Item = (String, Turn)> {
        stream::unfold(self, |queue| async {
            let next = queue.next().await?;
            Some((next, queue))
        })
    }

    /// How long each function may run, seconds.
    pub(super) fn into_timeouts(self) -> BTreeMap<String, u32> {
        self.timeouts
    }

    async fn next(&mut self) -> Option<(String, Turn)> {
        while self.ready.is_empty() && !(self.moving.is_empty() && self.at_zero.is_empty()) {
            let is_due = self.moving.is_empty() || Instant::now() >= self.believed_from;
            if is_due && !self.at_zero.is_empty() {
                self.read_zeros_again().await;
            } else {
                self.look().await;
            }
        }
        let (name, verdict) = self.ready.pop_front()?;
        let saved = self.saved.lock().await;
        let turn = match verdict {
            Verdict::Pause(current) => Turn::Pause(current, saved.functions.get(&name).cloned()),
            Verdict::Leave(End::Failed(LambdaError::Gone { .. })) => {
                Turn::Gone(saved.functions.contains_key(&name))
            }
            Verdict::Leave(end) => Turn::Leave(end),
        };
        Some((name, turn))
    }

    /// Reads those again that were at zero, and saves them.
    async fn read_zeros_again(&mut self) {
        let at_zero = std::mem::take(&mut self.at_zero);
        let (fleet, guard) = (self.fleet, self.guard);
        let waited = guard.stop().or(sleep_until(self.believed_from)).await;
        let read = at_zero.into_iter().map(async |(name, mut current)| {
            let read = match waited {
                Ok(()) => current.read_reserved_again(fleet, &name, guard).await,
                Err(halt) => Err(LambdaError::Halted(halt)),
            };
            (name, read.map(|()| current))
        });
        let read: Vec<_> = stream::iter(read).buffered(AT_ONCE).collect().await;
        let mut settled = Vec::new();
        for (name, read) in read {
            match read {
                Ok(current) => settled.push((name, current)),
                Err(error) => self.leave(name, End::from(error)),
            }
        }
        self.save_or_leave(settled).await;
    }

    /// Looks at what moves, and saves what has settled, all of it together. Nobody is given up who was not
    /// looked at before.
    async fn look(&mut self) {
        let looks = match &mut self.looks {
            None => self.looks.insert(self.fleet.looks_at_mappings()),
            Some(looks) => looks,
        };
        // On a stop nothing is asked any more: who waits is told so at once.
        let mut is_last = !looks.again(self.guard).await.unwrap_or(true);
        let mut seen = self.settling().await;
        self.read_again(&mut seen).await;
        let looks = self.looks.as_ref();
        // One that AWS did not let us make was long enough.
        is_last |= seen.error.is_some() && looks.is_some_and(Looks::are_over);
        if is_last {
            self.give_up(seen.moving, seen.unknown, seen.error.as_ref());
        } else {
            self.moving = seen.moving;
            self.moving.extend(seen.unknown);
        }
        self.count();
        self.save_or_leave(seen.settled).await;
    }

    /// Saves functions; those that cannot be saved are not touched.
    async fn save_or_leave(&mut self, settled: Vec<(String, Current)>) {
        let names: Vec<String> = settled.iter().map(|(name, _)| name.clone()).collect();
        if let Err(error) = self.save(settled).await {
            for name in names {
                self.leave(name, end_of_all(&error));
            }
        }
    }

    /// Asks of each function whether a mapping of it moves still.
    async fn settling(&mut self) -> Seen {
        let mut seen = Seen::default();
        let mut functions = std::mem::take(&mut self.moving).into_iter();
        // One call at a time: those that pause the others come first.
        while let Some((name, current)) = functions.next() {
            match self.is_moving(&current).await {
                Ok(true) => seen.moving.push((name, current)),
                Ok(false) => seen.settled.push((name, current)),
                Err(error @ LambdaError::Unavailable { .. }) => {
                    seen.ends(error, (name, current), &mut functions);
                }
                Err(error) => self.leave(name, End::from(error)),
            }
        }
        seen
    }

    async fn is_moving(&self, current: &Current) -> Result<bool, LambdaError> {
        // Before a call has to wait for its turn.
        self.guard.check_known()?;
        let Some(mapping) = current.unsettled().next() else {
            return Ok(false);
        };
        let state = self.fleet.mapping(&mapping.uuid, Some(self.guard)).await?;
        // One that was deleted meanwhile delivers nothing.
        Ok(state == Some(MappingState::Unsettled))
    }

    /// Reads all again of those that have settled: their other mappings may have changed, or may move now.
    async fn read_again(&mut self, seen: &mut Seen) {
        if seen.settled.is_empty() {
            return;
        }
        let mut settled = std::mem::take(&mut seen.settled).into_iter();
        let mut mappings = match self.fleet.mappings(Some(self.guard)).await {
            Ok(mappings) => mappings,
            Err(error @ LambdaError::Unavailable { .. }) => {
                seen.unknown.extend(settled);
                seen.error = Some(error);
                return;
            }
            Err(error) => {
                let error = Error::from(error);
                for (name, _) in settled {
                    self.leave(name, end_of_all(&error));
                }
                return;
            }
        };
        while let Some((name, mut current)) = settled.next() {
            current.mappings = mappings.remove(&name).unwrap_or_default();
            if !current.is_settled() {
                seen.moving.push((name, current));
                continue;
            }
            match current.read_again(self.fleet, &name, self.guard).await {
                Ok(()) => {
                    self.timeouts.insert(name.clone(), current.timeout);
                    seen.settled.push((name, current));
                }
                Err(error @ LambdaError::Unavailable { .. }) => {
                    seen.ends(error, (name, current), &mut settled);
                }
                Err(error) => self.leave(name, End::from(error)),
            }
        }
    }

    fn give_up(
        &mut self,
        moving: Vec<(String, Current)>,
        unknown: Vec<(String, Current)>,
        error: Option<&LambdaError>,
    ) {
        for (name, current) in moving {
            let stuck = current.unsettled().map(|mapping| mapping.uuid.as_str());
            let stuck = stuck.collect::<Vec<_>>().join(", ");
            let error = LambdaError::Ended {
                function: stuck,
                what: "the event source mapping".to_owned(),
                ended: "is still being created or updated".to_owned(),
            };
            self.leave(name, End::Failed(error));
        }
        for (name, _) in unknown {
            let words = error.map(|error| in_full(error)).unwrap_or_default();
            let hint = error.and_then(LambdaError::hint);
            self.leave(name, End::Unsaved(words, hint));
        }
    }

    fn leave(&mut self, name: String, end: End) {
        self.ready.push_back((name, Verdict::Leave(end)));
    }

    fn count(&mut self) {
        let moving = self.moving.iter();
        let moving = moving.flat_map(|(_, current)| current.unsettled());
        let awaited = moving.map(|_| self.fleet.awaits_settling());
        self.awaited = awaited.collect();
    }

    /// Saves settled functions, and only then has them ready.
    async fn save(&mut self, settled: Vec<(String, Current)>) -> Result<(), Error> {
        let capacities = settled
            .iter()
            .map(|(name, current)| (name.clone(), current.capacity()))
            .collect();
        self.saved
            .lock()
            .await
            .save(self.place, &self.origin, &capacities, self.guard)
            .await?;
        let ready = settled.into_iter();
        self.ready
            .extend(ready.map(|(name, current)| (name, Verdict::Pause(current))));
        Ok(())
    }
}

/// What one failure makes of each that it meets.
pub(super) fn end_of_all(error: &Error) -> End {
    match error.halt() {
        Some(halt) => End::from(LambdaError::Halted(halt)),
        None => End::Unsaved(in_full(error), error.hint()),
    }
}
