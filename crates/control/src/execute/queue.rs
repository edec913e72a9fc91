//! The order in which functions are paused, each when what it has is saved and not before: at once those
//! whose event source mappings are settled, and the others as theirs settle.
//!
//! A mapping that is being created or updated shows only afterwards whether it was enabled, so that its
//! function cannot be saved before. It holds up its own function only. The other client may well be at
//! work on all of the function, so that all of it is read again then. A function that is new to us and
//! already at zero may be one that `off` has just restored, as a read that lags shows it: it is read again
//! before that is saved. Nothing is paused here.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{Stream, StreamExt as _, stream};
use maintenance_flag::Reserved;
use tokio::time::{Instant, sleep_until};

use super::End;
use super::function::Saving;
use crate::error::Error;
use crate::fence::Fence;
use crate::fleet::LambdaError;
use crate::fleet::{AT_ONCE, Fleet, LAG, Looks, MappingState};
use crate::observe::ObservedFunction;
use crate::report::Failure;
use crate::text::in_full;
use crate::waits::{Counted, MAPPING_PATIENCE};

/// Functions that are to be paused.
pub(super) struct Queue<'a> {
    fleet: &'a Fleet,
    saving: Saving<'a>,
    fence: &'a Fence,
    /// Those that nothing is waited for any more.
    ready: VecDeque<(String, Ready)>,
    /// Those that were read at zero, and when that is believed.
    at_zero: Vec<(String, ObservedFunction)>,
    believed_from: Instant,
    /// Those with a mapping that is not settled, in the order in which they are looked at.
    moving: Vec<(String, ObservedFunction)>,
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
    settled: Vec<(String, ObservedFunction)>,
    /// They have not.
    moving: Vec<(String, ObservedFunction)>,
    /// Unknown: AWS did not let us look.
    unknown: Vec<(String, ObservedFunction)>,
    /// Why not.
    error: Option<LambdaError>,
}

impl Seen {
    /// AWS did not let us look at this one. Asking the others now would be as slow and as useless: the next
    /// look asks them first, and this one last in case only it is affected.
    fn ends(
        &mut self,
        error: LambdaError,
        at: (String, ObservedFunction),
        rest: impl Iterator<Item = (String, ObservedFunction)>,
    ) {
        self.unknown.extend(rest);
        self.unknown.push(at);
        self.error = Some(error);
    }
}

/// A function that nothing is waited for any more.
pub(super) enum Ready {
    /// It stands so, and is saved.
    Saved(ObservedFunction),
    /// It is not saved, and must not be touched.
    Left(End),
}

impl<'a> Queue<'a> {
    /// Puts functions in line, and saves those that can be saved now.
    ///
    /// # Errors
    /// [`Error`], if that fails: then none may be touched.
    pub(super) async fn new(
        fleet: &'a Fleet,
        saving: Saving<'a>,
        fence: &'a Fence,
        functions: BTreeMap<String, ObservedFunction>,
    ) -> Result<Self, Error> {
        let timeouts = functions
            .iter()
            .map(|(name, function)| (name.clone(), function.timeout))
            .collect();
        let (settled, moving): (Vec<_>, Vec<_>) = functions
            .into_iter()
            .partition(|(_, function)| function.is_settled());
        let (at_zero, settled) = settled
            .into_iter()
            .partition(|(_, function)| function.reserved == Reserved::Limit(0));
        let mut queue = Self {
            fleet,
            saving,
            fence,
            ready: VecDeque::new(),
            at_zero,
            believed_from: Instant::now() + LAG,
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
    /// may be next in the rate limiter's line, before all others. `buffer_unordered` does so.
    pub(super) fn ready(&mut self) -> impl Stream<Item = (String, Ready)> {
        stream::unfold(self, |queue| async {
            let next = queue.next().await?;
            Some((next, queue))
        })
    }

    /// How long each function may run, seconds.
    pub(super) fn into_timeouts(self) -> BTreeMap<String, u32> {
        self.timeouts
    }

    async fn next(&mut self) -> Option<(String, Ready)> {
        while self.ready.is_empty() && !(self.moving.is_empty() && self.at_zero.is_empty()) {
            let is_due = self.moving.is_empty() || Instant::now() >= self.believed_from;
            if is_due && !self.at_zero.is_empty() {
                self.read_zeros_again().await;
            } else {
                self.look().await;
            }
        }
        self.ready.pop_front()
    }

    /// Reads those again that were at zero, and saves them.
    async fn read_zeros_again(&mut self) {
        let at_zero = std::mem::take(&mut self.at_zero);
        let (fleet, fence) = (self.fleet, self.fence);
        let waited = fence.until_stopped(sleep_until(self.believed_from)).await;
        let read = at_zero.into_iter().map(async |(name, mut function)| {
            let read = match waited {
                Ok(()) => function.read_reserved_again(fleet, &name, fence).await,
                Err(halt) => Err(LambdaError::Halted(halt)),
            };
            (name, read.map(|()| function))
        });
        let read: Vec<_> = stream::iter(read).buffered(AT_ONCE).collect().await;
        let mut settled = Vec::new();
        for (name, read) in read {
            match read {
                Ok(function) => settled.push((name, function)),
                Err(error) => self.leave(name, End::of(error)),
            }
        }
        self.save_or_leave(settled).await;
    }

    /// Looks at what moves, and saves what has settled, all of it together. None is given up that was not
    /// looked at before.
    async fn look(&mut self) {
        let looks = match &mut self.looks {
            None => self.looks.insert(Looks::new(MAPPING_PATIENCE)),
            Some(looks) => looks,
        };
        // On a stop nothing is asked any more: who waits is told so at once.
        let mut is_last = !looks.again(self.fence).await.unwrap_or(true);
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
    async fn save_or_leave(&mut self, settled: Vec<(String, ObservedFunction)>) {
        let names: Vec<String> = settled.iter().map(|(name, _)| name.clone()).collect();
        if let Err(error) = self.save(settled).await {
            for name in names {
                let end = End::unsaved(&name, &error);
                self.leave(name, end);
            }
        }
    }

    /// Asks of each function whether a mapping of it moves still.
    async fn settling(&mut self) -> Seen {
        let mut seen = Seen::default();
        let mut functions = std::mem::take(&mut self.moving).into_iter();
        // One call at a time: those that pause the others come first.
        while let Some((name, function)) = functions.next() {
            match self.is_moving(&function).await {
                Ok(true) => seen.moving.push((name, function)),
                Ok(false) => seen.settled.push((name, function)),
                Err(error) if error.is_unavailable() => {
                    seen.ends(error, (name, function), &mut functions);
                }
                Err(error) => self.leave(name, End::of(error)),
            }
        }
        seen
    }

    async fn is_moving(&self, function: &ObservedFunction) -> Result<bool, LambdaError> {
        // Before a call has to wait for its turn.
        self.fence.check_known()?;
        let Some(mapping) = function.unsettled().next() else {
            return Ok(false);
        };
        let state = self.fleet.mapping(&mapping.uuid, Some(self.fence)).await?;
        // One that was deleted meanwhile delivers nothing.
        Ok(state == Some(MappingState::Unsettled))
    }

    /// Reads all again of those that have settled: their other mappings may have changed, or may move now.
    async fn read_again(&mut self, seen: &mut Seen) {
        if seen.settled.is_empty() {
            return;
        }
        let mut settled = std::mem::take(&mut seen.settled).into_iter();
        let mut mappings = match self.fleet.mappings(Some(self.fence)).await {
            Ok(mappings) => mappings,
            Err(error) if error.is_unavailable() => {
                seen.unknown.extend(settled);
                seen.error = Some(error);
                return;
            }
            Err(error) => {
                let error = Error::from(error);
                for (name, _) in settled {
                    let end = End::unsaved(&name, &error);
                    self.leave(name, end);
                }
                return;
            }
        };
        while let Some((name, mut function)) = settled.next() {
            function.mappings = mappings.remove(&name).unwrap_or_default();
            if !function.is_settled() {
                seen.moving.push((name, function));
                continue;
            }
            match function.read_again(self.fleet, &name, self.fence).await {
                Ok(()) => {
                    self.timeouts.insert(name.clone(), function.timeout);
                    seen.settled.push((name, function));
                }
                Err(error) if error.is_unavailable() => {
                    seen.ends(error, (name, function), &mut settled);
                }
                Err(error) => self.leave(name, End::of(error)),
            }
        }
    }

    fn give_up(
        &mut self,
        moving: Vec<(String, ObservedFunction)>,
        unknown: Vec<(String, ObservedFunction)>,
        error: Option<&LambdaError>,
    ) {
        for (name, function) in moving {
            let stuck = function.unsettled().map(|mapping| mapping.uuid.as_str());
            let stuck = stuck.collect::<Vec<_>>().join(", ");
            let ended = "is still being created or updated";
            let error = LambdaError::ended(&stuck, "the event source mapping", ended);
            self.leave(name, End::Failed(error));
        }
        for (name, _) in unknown {
            let words = error.map(|error| in_full(error)).unwrap_or_default();
            let failure = Failure::new(&name, words, error.and_then(LambdaError::hint));
            self.leave(name, End::Unsaved(failure));
        }
    }

    fn leave(&mut self, name: String, end: End) {
        self.ready.push_back((name, Ready::Left(end)));
    }

    fn count(&mut self) {
        let moving = self.moving.iter();
        let moving = moving.flat_map(|(_, function)| function.unsettled());
        let awaited = moving.map(|_| self.fleet.awaits_settling());
        self.awaited = awaited.collect();
    }

    /// Saves settled functions, and only then has them ready.
    async fn save(&mut self, settled: Vec<(String, ObservedFunction)>) -> Result<(), Error> {
        let capacities = settled
            .iter()
            .map(|(name, function)| (name.clone(), function.capacity()))
            .collect();
        let Saving {
            place,
            origin,
            saved,
        } = self.saving;
        let mut saved = saved.lock().await;
        saved.save(place, origin, &capacities, self.fence).await?;
        let ready = settled.into_iter();
        self.ready
            .extend(ready.map(|(name, function)| (name, Ready::Saved(function))));
        Ok(())
    }
}
