//! The order in which functions are paused, each when what it has is saved and not before: at once those
//! whose event source mappings are settled, and the others as theirs settle.
//!
//! A mapping that is being created or updated shows only afterwards whether it was enabled, so that its
//! function cannot be saved before. It holds up its own function only. Nothing is paused here.

use std::collections::{BTreeMap, VecDeque};

use futures_util::{Stream, stream};
use maintenance_flag::Capacity;

use super::End;
use super::current::Current;
use super::saved::{Place, Saved};
use crate::error::{Error, LambdaError, in_full};
use crate::fleet::{Fleet, Looks, MappingState};
use crate::lease::Guard;
use crate::waits::Counted;

/// Functions that are to be paused.
pub(super) struct Queue<'a> {
    fleet: &'a Fleet,
    place: Place<'a>,
    origin: String,
    guard: &'a Guard,
    saved: Saved,
    /// A write that failed may have taken effect all the same.
    is_unsure: bool,
    /// Those that nothing is waited for any more.
    ready: VecDeque<(String, Verdict)>,
    /// Those with a mapping that is not settled.
    moving: BTreeMap<String, Current>,
    /// None before the first.
    looks: Option<Looks>,
    /// One for each mapping that is waited for.
    awaited: Vec<Counted>,
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
        saved: Saved,
        functions: BTreeMap<String, Current>,
    ) -> Result<Self, Error> {
        let (settled, moving) = functions
            .into_iter()
            .partition(|(_, current)| current.is_settled());
        let mut queue = Self {
            fleet,
            place,
            origin,
            guard,
            saved,
            is_unsure: false,
            ready: VecDeque::new(),
            moving,
            looks: None,
            awaited: Vec::new(),
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

    /// All that is saved, and whether nothing else can be.
    pub(super) fn into_saved(self) -> (Saved, bool) {
        (self.saved, !self.is_unsure)
    }

    async fn next(&mut self) -> Option<(String, Turn)> {
        while self.ready.is_empty() && !self.moving.is_empty() {
            self.look().await;
        }
        let (name, verdict) = self.ready.pop_front()?;
        let turn = match verdict {
            Verdict::Pause(current) => {
                Turn::Pause(current, self.saved.functions.get(&name).cloned())
            }
            Verdict::Leave(end) => Turn::Leave(end),
        };
        Some((name, turn))
    }

    /// Looks at what moves, and saves what has settled, all of it together.
    async fn look(&mut self) {
        match &mut self.looks {
            None => self.looks = Some(self.fleet.looks_at_mappings()),
            Some(looks) => {
                if !looks.again().await {
                    self.give_up();
                    return;
                }
            }
        }
        let mut settled = BTreeMap::new();
        // One call at a time: those that pause the others come first.
        for (name, mut current) in std::mem::take(&mut self.moving) {
            match self.settle(&name, &mut current).await {
                Err(error) => self.leave(name, End::from(error)),
                Ok(()) if current.is_settled() => {
                    settled.insert(name, current);
                }
                Ok(()) => {
                    self.moving.insert(name, current);
                }
            }
        }
        self.count();
        let names: Vec<String> = settled.keys().cloned().collect();
        if let Err(error) = self.save(settled).await {
            self.is_unsure = true;
            for name in names {
                let end = match error.halt() {
                    Some(halt) => End::from(LambdaError::Halted(halt)),
                    None => End::Unsaved(in_full(&error), error.hint()),
                };
                self.leave(name, end);
            }
        }
    }

    async fn settle(&self, name: &str, current: &mut Current) -> Result<(), LambdaError> {
        self.guard.check()?;
        for mapping in current.unsettled() {
            let state = self.fleet.mapping(&mapping.uuid).await?;
            // Deleted meanwhile: it delivers nothing.
            mapping.state = state.unwrap_or(MappingState::Other);
        }
        if current.is_settled() {
            current.read_again(self.fleet, name, self.guard).await?;
        }
        Ok(())
    }

    fn give_up(&mut self) {
        for (name, mut current) in std::mem::take(&mut self.moving) {
            let stuck = current.unsettled().map(|mapping| mapping.uuid.as_str());
            let stuck = stuck.collect::<Vec<_>>().join(", ");
            let error = LambdaError::Ended {
                function: stuck,
                what: "the event source mapping".to_owned(),
                ended: "is still being created or updated".to_owned(),
            };
            self.leave(name, End::Failed(error));
        }
        self.count();
    }

    fn leave(&mut self, name: String, end: End) {
        self.ready.push_back((name, Verdict::Leave(end)));
    }

    fn count(&mut self) {
        let moving = self.moving.values_mut().flat_map(Current::unsettled);
        let awaited = moving.map(|_| self.fleet.awaits_mapping());
        self.awaited = awaited.collect();
    }

    /// Saves settled functions, and only then has them ready.
    async fn save(&mut self, settled: BTreeMap<String, Current>) -> Result<(), Error> {
        let capacities = settled
            .iter()
            .map(|(name, current)| (name.clone(), current.capacity()))
            .collect();
        self.saved
            .save(self.place, &self.origin, &capacities, self.guard)
            .await?;
        let ready = settled.into_iter();
        self.ready
            .extend(ready.map(|(name, current)| (name, Verdict::Pause(current))));
        Ok(())
    }
}
