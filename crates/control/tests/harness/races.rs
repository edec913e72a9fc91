//! Several operators at once: exactly one works at a time, whoever is refused learns by whom, a holder
//! whose lease was taken over makes no further change, and nothing is lost.
//!
//! In which order they go is said elsewhere ([`crate::orders`]).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::SignedDuration;
use maintenance_control::{Error, Holder, Report, RoleSpec};
use maintenance_flag::Lease;

use crate::canonicalizer::Canonicalizer;
use crate::crashes::Operation::{self, Off, On};
use crate::explore::Choice;
use crate::fleet::Plan;
use crate::scheduler::{Patience, Scheduler, Task};
use crate::wire::Broken;
use crate::world::{LEASE_IS_OVER, Violation, World, who};

const NAMES: [&str; 3] = ["ana", "ben", "cleo"];

/// What became of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Worked,
    /// Somebody else held the lease.
    Refused,
    /// It lost the lease.
    Lost,
}

/// Operators at work on one app.
pub(crate) struct Race {
    pub(crate) world: World,
    role: RoleSpec,
    operations: Vec<Operation>,
    tasks: Vec<Task>,
    canonicalizer: Arc<Canonicalizer>,
}

impl Race {
    /// No operator has begun; maintenance is on if the first operation is `off`. The build may be broken. Inside
    /// a `LocalSet`.
    pub(crate) async fn new(
        plan: &Plan,
        role: &RoleSpec,
        operations: &[Operation],
        patience: Patience,
        canonicalizer: Canonicalizer,
        broken: Option<Broken>,
    ) -> Result<Self, Violation> {
        let skews = [SignedDuration::ZERO; NAMES.len()];
        Self::begin(
            plan,
            role,
            operations,
            patience,
            &skews,
            canonicalizer,
            broken,
        )
        .await
    }

    /// The same with operators whose clocks differ by so much from AWS's.
    pub(crate) async fn with_clocks(
        plan: &Plan,
        role: &RoleSpec,
        operations: &[Operation],
        skews: &[SignedDuration],
        canonicalizer: Canonicalizer,
    ) -> Result<Self, Violation> {
        let patience = Patience::SHORT;
        Self::begin(plan, role, operations, patience, skews, canonicalizer, None).await
    }

    async fn begin(
        plan: &Plan,
        role: &RoleSpec,
        operations: &[Operation],
        patience: Patience,
        skews: &[SignedDuration],
        canonicalizer: Canonicalizer,
        broken: Option<Broken>,
    ) -> Result<Self, Violation> {
        let world = World::new(plan, broken).await;
        if operations.first() == Some(&Off) {
            let prepared = world.operator("zoe").on(std::slice::from_ref(role)).await;
            world.note("on", prepared)?;
        }
        let canonicalizer = Arc::new(canonicalizer);
        let named = operations.iter().zip(NAMES).zip(skews);
        let tasks = named.map(|((operation, name), skew)| {
            let scheduler = Scheduler::new(canonicalizer.clone());
            let operator = world.operator_at(name, Some(scheduler.clone()), *skew);
            let (operation, roles) = (*operation, [role.clone()]);
            Task::new(scheduler, patience, async move {
                match operation {
                    On => operator.on(&roles).await,
                    Off => operator.off(&roles).await,
                }
            })
        });
        Ok(Self {
            tasks: tasks.collect(),
            world,
            role: role.clone(),
            operations: operations.to_vec(),
            canonicalizer,
        })
    }

    pub(crate) fn has_ended(&self, task: usize) -> bool {
        self.tasks[task].has_ended()
    }

    /// Every way to go on. Of those who have not begun with the same operation, the first does: another
    /// would do the same under another name.
    pub(crate) fn ways(&self) -> Vec<Choice> {
        let is_like_an_earlier = |task: usize| {
            let mut earlier = 0..task;
            let operation = self.operations[task];
            earlier.any(|it| !self.tasks[it].has_begun() && self.operations[it] == operation)
        };
        let mut ways = Vec::new();
        for (task, it) in self.tasks.iter().enumerate() {
            if it.has_begun() || !is_like_an_earlier(task) {
                ways.extend(it.ways().into_iter().map(|n| Choice::Go(task, n)));
            }
        }
        // Whoever holds the lease first.
        let holder = self.holder();
        ways.sort_by_key(|choice| !matches!(choice, Choice::Go(it, _) if Some(*it) == holder));
        ways
    }

    pub(crate) fn has_paused(&self) -> bool {
        self.canonicalizer.has_paused()
    }

    /// The same, and that time passes, once, while somebody holds the lease: at any other moment only
    /// the order counts.
    pub(crate) fn ways_in_time(&self) -> Vec<Choice> {
        let mut ways = self.ways();
        let is_held = self
            .world
            .lease()
            .is_some_and(|it| it.is_held(self.world.now()));
        if !ways.is_empty() && is_held && !self.has_paused() {
            ways.extend([Choice::Freeze, Choice::Hang]);
        }
        ways
    }

    /// Which operator's lease is held now, if any is.
    fn holder(&self) -> Option<usize> {
        let lease = self.world.lease()?;
        let holder = NAMES.iter().position(|name| lease.by == who(name));
        holder.filter(|_| lease.is_held(self.world.now()))
    }

    /// Does what was chosen. Whether the others need not be tried first: if the holder of the lease did
    /// something that makes no difference to them, since all they do meanwhile is to look at the lease.
    /// After a pause one who has lost the lease may look at anything.
    ///
    /// # Errors
    /// If somebody else does anything but look.
    pub(crate) async fn choose_apart(&mut self, choice: Choice) -> Result<bool, Violation> {
        let holder = self.holder();
        let calls = self.world.calls().len();
        self.choose(choice).await;
        let mut makes_none = true;
        let Choice::Go(task, _) = choice else {
            return Ok(false);
        };
        for call in &self.world.calls()[calls..] {
            let on_lease = call.target.contains("/lease");
            makes_none &= !call.changed || (!on_lease && !self.has_paused());
            let looks = !call.changed && (on_lease || self.has_paused());
            if holder.is_some_and(|it| it != task) && !looks {
                return Err(format!(
                    "somebody else has the lease, and {call:?} was made"
                ));
            }
        }
        Ok(makes_none && holder == Some(task))
    }

    pub(crate) async fn choose(&mut self, choice: Choice) {
        let from = self.world.now();
        match choice {
            Choice::Go(task, n) => {
                self.go(task, n).await;
                return;
            }
            Choice::Freeze => tokio::time::advance(LEASE_IS_OVER).await,
            Choice::Hang => tokio::time::sleep(LEASE_IS_OVER).await,
        }
        self.canonicalizer.paused(from, self.world.now());
    }

    async fn go(&mut self, task: usize, n: usize) {
        let task = &mut self.tasks[task];
        task.step(n).await;
        if !task.has_ended() {
            task.seen = self.world.lease();
        }
    }

    pub(crate) async fn finish(&mut self, task: usize) {
        while !self.has_ended(task) {
            self.go(task, 0).await;
        }
    }

    /// All that decides how everything goes on. What is written is what whoever wrote it had learned
    /// until then; what remains is in which order.
    pub(crate) fn state(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.canonicalizer.has_paused().hash(&mut hasher);
        for task in &self.tasks {
            task.position(&mut hasher);
        }
        for change in self.world.changes() {
            let target = self.canonicalizer.of(&change.target);
            (change.by, change.operation, target).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Everything that somebody changed, but for the lease's own parameters, was changed by whoever had
    /// taken the newest lease then.
    pub(crate) fn check_one_at_a_time(&self) -> Result<(), Violation> {
        let mut leases = BTreeSet::new();
        let mut holder = String::new();
        for change in self.world.changes() {
            if change.target.contains("/lease/") {
                if change.operation.to_ascii_lowercase().starts_with("delete") {
                    continue;
                }
                if leases.insert(change.target) {
                    holder = change.by;
                }
            } else if change.by != holder {
                return Err(format!("{holder} has the lease, and {change:?} was made"));
            }
        }
        Ok(())
    }

    /// What each came to, all of whom have ended.
    pub(crate) async fn ends(self) -> (World, Vec<Result<Report, Error>>) {
        let mut ends = Vec::new();
        for task in self.tasks {
            ends.push(task.result().await);
        }
        (self.world, ends)
    }

    /// What is left, after one more `off`, and what became of each.
    pub(crate) async fn check_end(mut self, lags: bool) -> Result<Vec<Ended>, Violation> {
        self.check_one_at_a_time()?;
        let mut ended = Vec::new();
        for (n, task) in std::mem::take(&mut self.tasks).into_iter().enumerate() {
            let seen = task.seen.clone();
            ended.push(match task.result().await {
                Err(Error::LeaseLost { .. }) => Ended::Lost,
                Err(Error::Unfinished { source, .. })
                    if matches!(*source, Error::LeaseLost { .. }) =>
                {
                    Ended::Lost
                }
                Err(busy @ Error::Busy { .. }) => {
                    self.check_busy(n, &busy, seen, lags)?;
                    Ended::Refused
                }
                result => {
                    self.world.note(NAMES[n], result)?;
                    Ended::Worked
                }
            });
        }
        let somebody_lost = ended.contains(&Ended::Lost);
        if !somebody_lost && !ended.contains(&Ended::Worked) {
            return Err("everybody was refused".to_owned());
        }
        if somebody_lost && !self.has_paused() && !lags {
            return Err("somebody lost the lease in no time".to_owned());
        }
        let role = std::slice::from_ref(&self.role);
        let last = self.world.operator("zoe").off(role).await;
        let last = self.world.note("the last off", last)?;
        if self.world.flag(self.role.role.as_str()).mode.is_on() {
            return Err("the flag is on after the last off".to_owned());
        }
        self.world.check_restored(&last)?;
        Ok(ended)
    }

    /// Whoever is refused learns of the lease that was held when it last looked: by whom, on which
    /// machine, for what, since when and until when. `lags`: it may have looked at an older one. Where three race,
    /// one that lost to two others is refused for the second of them, who may have given the lease back meanwhile.
    fn check_busy(
        &self,
        n: usize,
        busy: &Error,
        seen: Option<Lease>,
        lags: bool,
    ) -> Result<(), Violation> {
        let Error::Busy(Holder {
            by,
            operation,
            since,
            until,
        }) = busy
        else {
            return Ok(());
        };
        let wrong = |why: &str| Err(format!("{} was refused for {busy:?}: {why}", NAMES[n]));
        let message = busy.to_string();
        let parts = [by.clone(), operation.clone(), since.to_string()];
        if !parts.iter().all(|part| message.contains(part)) {
            return wrong("the message does not say all of it");
        }
        let Some(holder) = NAMES.iter().position(|name| *by == who(name)) else {
            return wrong("nobody is called so");
        };
        let word = if self.operations[holder] == On {
            "on"
        } else {
            "off"
        };
        if holder == n || *operation != format!("{word} {}", self.role.role) {
            return wrong("that is not what the holder does");
        }
        match seen {
            _ if lags => Ok(()),
            Some(lease)
                if (!lease.released || self.operations.len() > 2)
                    && *by == lease.by
                    && *operation == lease.operation
                    && *since == lease.acquired
                    && *until == lease.expires =>
            {
                Ok(())
            }
            seen => wrong(&format!("the lease was {seen:?}")),
        }
    }
}
