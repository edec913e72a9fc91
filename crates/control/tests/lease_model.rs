//! The lease's own transitions, run by a model checker: two and three operators on a model of the store, in
//! every order of their calls, with freezes, slow calls, reads that lag, clocks that differ and a hand.
//!
//! The transitions are production's: `src/lease/machine.rs` is compiled into this test as it is. What stands
//! in for `acquirer` and `guard`, the shell that performs what they say, is [`World::acquire`] and
//! [`World::hold`].
//!
//! # What is explored
//! Time passes in steps of one, each of production's times being scaled down to as few as keep their order
//! ([`TIMING`]), until a horizon. At any moment an operator begins, asks for a change, gives the lease back,
//! is frozen for as long as it may be (for good, too: then it has died) and goes on; a call takes effect at
//! any moment of those that it may take; and a read shows any state that the store had since `lag` before it
//! was sent. A frozen process learns the answers to the calls that it had sent when it goes on. In some runs
//! a hand deletes the newest lease or all of them, once; or the second operator is `unlock`; or operators
//! are stopped, or their calls fail.
//!
//! # What must hold
//! - No change takes effect once another operator has taken the lease: two never write at the same time,
//!   and a living holder has noticed, and its last call has ended, before the first read of the next.
//! - What a lease says that its holder left is what the next operator finds.
//! - The lease never blocks for ever: from every state at the horizon, a fresh operator whose calls are
//!   answered takes it, if the others have died.
//!
//! # What is taken for granted
//! - Creating a name that does not exist is linearisable, and answered truly; so is what an overwrite says
//!   that it replaced.
//! - Monotonic clocks run at the same rate, and wall clocks differ by less than `sane_skew`.
//! - What `docs/guarantees.md` does not promise: a process is not frozen between the check of the lease and
//!   sending the call, a virtual machine is not paused with its clocks, and no call takes effect later than
//!   its timeout.
//! - The hand deletes what every read shows, and not before the holder has made its first change.
//!
//! [`faults_are_found`] breaks the transitions, and must see each of them caught.
//!
//! A longer run: `MAINTENANCE_CUTS=20000 cargo test --workspace --test lease_model --release`.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stateright::{Checker, HasDiscoveries, Model, Property};

#[path = "../src/lease/machine.rs"]
mod machine;

use machine::{
    Acquirer, AcquirerAction, AcquirerInput, Holder, HolderAction, HolderInput, Listed, Moment,
    PreviousLease, Purpose, Task, Terms, Timing, after, standing,
};

/// Production's, as short as keeps the order of them.
const TIMING: Timing = Timing {
    term: steps(4),
    renewal: steps(2),
    fresh: steps(1),
    look_timeout: steps(1),
    lag: steps(1),
    check_lasts: steps(0),
    attempt_timeout: steps(1),
    sane_skew: steps(20),
    pause: steps(0),
    after_failure: steps(1),
    watch_poll: steps(2),
    holder_looks: 2,
    acquirer_looks: 0,
};

/// As far as two wall clocks are apart.
const SKEW: i64 = 10;

const fn steps(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What the shell does not do, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    LooksBeforeNoChange,
    RenewsWithoutLook,
    NotesNoFollower,
    MissesNoDeletedLease,
}

/// What the store has of a lease beside what the transitions read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Tag {
    /// The operator, and which of the leases that it created.
    id: (usize, u8),
    /// How many changes its holder and those before it have made, if it says so.
    recorded: Option<u8>,
}

type Lease = Listed<Tag>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Call {
    List,
    AskWhetherOperated,
    Create { n: u64, refusal_counts: bool },
    NoteFollower,
    Change,
    Write { n: u64, tag: Tag, terms: Terms },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Answer {
    AcquirerInput(AcquirerInput<Tag>),
    HolderInput(HolderInput),
    Changed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Wait {
    Nothing,
    Until(u64),
    /// For a call that was sent then.
    Call(Call, u64),
    /// Until the process goes on that was frozen.
    Answered(Answer),
}

/// An operator has two threads: what it does, and the renewals.
const MAIN: usize = 0;
const RENEWAL: usize = 1;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Operator {
    skew: i64,
    has_begun: bool,
    frozen_since: Option<u64>,
    acquirer: Option<Acquirer<Tag>>,
    holder: Option<Holder>,
    tasks: [Option<Task>; 2],
    waits: [Wait; 2],
    /// How many leases it has created; when it sent the call that created the last, and that one's number.
    leases: u8,
    created: (u64, u64),
    changes_left: u8,
    /// How many changes it knows of, once it has the lease.
    records: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    now: u64,
    /// Whether no call has been answered since time passed. What begins then might as well do so later.
    is_new: bool,
    leases: Arc<Vec<Lease>>,
    /// How many changes have taken effect.
    changes: u8,
    /// What reads that lag may show, with when it was overwritten.
    before: Vec<(u64, Arc<Vec<Lease>>, bool)>,
    /// Names that the store may not create again yet, and since when.
    deleted: Vec<(u64, u64)>,
    operators: Vec<Operator>,
    /// The operator that took the lease last.
    taker: Option<usize>,
    freezes_left: u8,
    failures_left: u8,
    hand_left: bool,
    fault: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    TimePasses,
    Begins(usize),
    Freezes(usize),
    Thaws(usize),
    /// With one of the answers that it may get.
    TakesEffect(usize, usize, usize),
    Fails(usize, usize),
    Changes(usize),
    GivesBack(usize),
    /// Its acquiring is stopped, or an error ends it.
    GivesUp(usize),
    DeletesNewest,
    DeletesAll,
}

/// What is explored.
#[derive(Debug, Clone)]
struct Lab {
    skews: Vec<Vec<i64>>,
    horizon: u64,
    freezes: u8,
    failures: u8,
    changes: u8,
    hand: bool,
    /// An operation came before, too, in other runs.
    former: bool,
    /// The second operator is `unlock`.
    unlocks: bool,
    gives_up: bool,
    broken: Option<Broken>,
    /// What the transitions are told; the world keeps to [`TIMING`].
    acquirer: Timing,
    holder: Timing,
}

impl Operator {
    fn new(skew: i64, changes_left: u8) -> Self {
        Self {
            skew,
            has_begun: false,
            frozen_since: None,
            acquirer: None,
            holder: None,
            tasks: [None, None],
            waits: [Wait::Nothing, Wait::Nothing],
            leases: 0,
            created: (0, 0),
            changes_left,
            records: None,
        }
    }

    fn moment(&self, now: u64) -> Moment {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        let wall = i64::try_from(now).unwrap() + 1_000 + self.skew;
        Moment {
            wall: Timestamp::from_second(wall).unwrap(),
            monotonic: *ORIGIN + steps(now),
        }
    }

    fn is_at_work(&self) -> bool {
        self.acquirer.is_some() || self.holder.is_some()
    }

    /// Its renewals wait, so that they can be ended.
    fn renews_later(&self) -> bool {
        matches!(self.waits[RENEWAL], Wait::Nothing | Wait::Until(_))
    }

    /// Nothing of it counts any more but a write of the lease that is under way.
    fn end(&mut self) {
        let [_, renewal] = std::mem::replace(&mut self.waits, [Wait::Nothing, Wait::Nothing]);
        if matches!(renewal, Wait::Call(Call::Write { .. }, _)) {
            self.waits[RENEWAL] = renewal;
        }
        (self.acquirer, self.holder) = (None, None);
        (self.tasks, self.changes_left, self.records) = ([None, None], 0, None);
    }
}

impl World {
    fn now_of(&self, who: usize) -> Moment {
        self.operators[who].moment(self.now)
    }

    fn call(&self, call: Call) -> Wait {
        Wait::Call(call, self.now)
    }

    fn until(&self, pause: Duration) -> Wait {
        Wait::Until(self.now + pause.as_secs())
    }

    fn begin(&mut self, lab: &Lab, who: usize) {
        let now = self.now_of(who);
        let operator = &mut self.operators[who];
        operator.has_begun = true;
        let mut acquirer = Acquirer::new();
        if lab.unlocks && who == 1 {
            let newest = self.leases.last().cloned();
            if !standing(&lab.acquirer, newest.as_ref(), now.wall).is_taken() {
                return;
            }
            acquirer = Acquirer::unlocking(newest);
        }
        operator.acquirer = Some(acquirer);
        self.acquire(lab, who, AcquirerInput::Begin);
    }

    /// Does what the acquirer says.
    fn acquire(&mut self, lab: &Lab, who: usize, input: AcquirerInput<Tag>) {
        let now = self.now_of(who);
        let operator = &mut self.operators[who];
        let Some(mut acquirer) = operator.acquirer.take() else {
            return;
        };
        if input == AcquirerInput::Looked(false) {
            operator.holder = None;
            (operator.tasks[RENEWAL], operator.waits[RENEWAL]) = (None, Wait::Nothing);
        }
        let is_created = input == AcquirerInput::Created;
        let action = acquirer.step(&lab.acquirer, now, input);
        let previous = acquirer.clone().previous();
        operator.acquirer = Some(acquirer);
        if is_created {
            let (sent, n) = operator.created;
            operator.holder = Some(Holder::new(n, operator.moment(sent)));
            self.start(lab, who, Purpose::Renew);
        }
        let wait = match action {
            AcquirerAction::List => self.call(Call::List),
            AcquirerAction::Wait(pause)
            | AcquirerAction::Watch(pause)
            | AcquirerAction::AwaitHolder(pause) => self.until(pause),
            AcquirerAction::Create { n, refusal_counts } => {
                self.operators[who].created = (self.now, n);
                self.call(Call::Create { n, refusal_counts })
            }
            AcquirerAction::AskWhetherOperated => self.call(Call::AskWhetherOperated),
            AcquirerAction::Look => return self.start(lab, who, Purpose::Settle),
            AcquirerAction::NoteFollower if lab.broken == Some(Broken::NotesNoFollower) => {
                Wait::Answered(Answer::AcquirerInput(AcquirerInput::Noted))
            }
            AcquirerAction::NoteFollower => return self.start(lab, who, Purpose::Change),
            AcquirerAction::Take => return self.take(lab, who, previous),
            AcquirerAction::Refuse | AcquirerAction::Leave => return self.operators[who].end(),
        };
        self.operators[who].waits[MAIN] = wait;
    }

    fn take(&mut self, lab: &Lab, who: usize, previous: PreviousLease<Tag>) {
        let now = self.now_of(who);
        let operator = &mut self.operators[who];
        operator.acquirer = None;
        // Its first read asks for that.
        let holder = operator.holder.as_ref();
        if !holder.is_some_and(|it| it.is_held(&lab.holder, now)) {
            return operator.end();
        }
        let recorded = match previous {
            PreviousLease::None => Some(0),
            PreviousLease::Known(tag) => tag.recorded,
            PreviousLease::Unreadable => None,
        };
        if recorded.is_some_and(|it| it != self.changes) {
            self.fault = Some("the lease before records what is not so");
        }
        self.taker = Some(who);
        // It copies what the lease before says, or reads until a read cannot lag.
        let unlocks = lab.unlocks && who == 1;
        operator.records = recorded.or((!unlocks).then_some(self.changes));
        if unlocks {
            self.start(lab, who, Purpose::Release);
        }
    }

    fn start(&mut self, lab: &Lab, who: usize, purpose: Purpose) {
        let task = Task::new(purpose, self.now_of(who));
        let operator = &mut self.operators[who];
        if purpose == Purpose::Release {
            (operator.tasks[RENEWAL], operator.waits[RENEWAL]) = (None, Wait::Nothing);
        }
        let thread = if purpose == Purpose::Renew {
            RENEWAL
        } else {
            MAIN
        };
        operator.tasks[thread] = Some(task);
        self.hold(lab, who, thread, HolderInput::Begin);
    }

    /// Does what the holder says to one of its tasks.
    fn hold(&mut self, lab: &Lab, who: usize, thread: usize, mut input: HolderInput) {
        let now = self.now_of(who);
        let operator = &mut self.operators[who];
        let (Some(mut task), Some(holder)) =
            (operator.tasks[thread].take(), operator.holder.as_mut())
        else {
            return;
        };
        let is_blind = match lab.broken {
            Some(Broken::LooksBeforeNoChange) => task.purpose == Purpose::Change,
            Some(Broken::RenewsWithoutLook) => task.purpose == Purpose::Renew,
            _ => false,
        };
        let action = loop {
            match holder.step(&lab.holder, &mut task, now, input) {
                HolderAction::List if is_blind => {
                    let own = Some(true);
                    input = HolderInput::Listed { newest: 0, own };
                }
                action => break action,
            }
        };
        let is_held = holder.is_held(&lab.holder, now);
        let purpose = task.purpose;
        operator.tasks[thread] = Some(task);
        let wait = match action {
            HolderAction::List => self.call(Call::List),
            HolderAction::Wait(pause) => self.until(pause),
            HolderAction::Write(expires) => {
                let is_release = expires.is_none();
                let call = Call::Write {
                    n: operator.created.1,
                    tag: Tag {
                        id: (who, operator.leases),
                        recorded: operator.records.filter(|_| is_release),
                    },
                    terms: Terms {
                        expires: expires.unwrap_or(now.wall),
                        released: is_release,
                        followed: false,
                    },
                };
                self.call(call)
            }
            HolderAction::Done(done) => {
                operator.tasks[thread] = None;
                match purpose {
                    Purpose::Settle => return self.acquire(lab, who, AcquirerInput::Looked(done)),
                    Purpose::Change if !done || !is_held => return operator.end(),
                    Purpose::Change if operator.acquirer.is_some() => self.call(Call::NoteFollower),
                    Purpose::Change => self.call(Call::Change),
                    Purpose::Release => return operator.end(),
                    Purpose::Renew => Wait::Nothing,
                }
            }
        };
        self.operators[who].waits[thread] = wait;
    }

    /// Lets every process that is not frozen go on with what it has waited for.
    fn settle(&mut self, lab: &Lab) {
        let threads = (0..self.operators.len()).flat_map(|who| [(who, MAIN), (who, RENEWAL)]);
        for (who, thread) in threads.clone().chain(threads) {
            self.go_on(lab, who, thread);
        }
    }

    fn go_on(&mut self, lab: &Lab, who: usize, thread: usize) {
        loop {
            let operator = &mut self.operators[who];
            let wait = &mut operator.waits[thread];
            let answer = match wait {
                _ if operator.frozen_since.is_some() => return,
                Wait::Until(until) if *until <= self.now => None,
                Wait::Answered(answer) => Some(answer.clone()),
                _ => return,
            };
            *wait = Wait::Nothing;
            match (answer, operator.tasks[thread].is_some()) {
                (None, true) => self.hold(lab, who, thread, HolderInput::Elapsed),
                (Some(Answer::HolderInput(input)), true) => self.hold(lab, who, thread, input),
                (None, false) => self.acquire(lab, who, AcquirerInput::Elapsed),
                (Some(Answer::AcquirerInput(input)), false) => self.acquire(lab, who, input),
                _ => {}
            }
        }
    }

    /// What a read that was sent then may say.
    fn reads(&self, who: usize, thread: usize, call: &Call, sent: u64) -> Vec<Answer> {
        let operator = &self.operators[who];
        let now = (&self.leases, self.changes > 0);
        let may_show = |until: u64| until + TIMING.lag.as_secs() > sent;
        let before = self.before.iter().filter(|(until, ..)| may_show(*until));
        let before = before.map(|(_, leases, operated)| (leases, *operated));
        let mut answers = Vec::new();
        for (leases, operated) in std::iter::once(now).chain(before) {
            let newest = leases.last();
            let answer = match call {
                Call::AskWhetherOperated => {
                    Answer::AcquirerInput(AcquirerInput::Operated(operated))
                }
                _ if operator.tasks[thread].is_none() => {
                    Answer::AcquirerInput(AcquirerInput::Listed(newest.cloned()))
                }
                _ => {
                    let own = leases.iter().find(|it| it.n == operator.created.1);
                    Answer::HolderInput(HolderInput::Listed {
                        newest: newest.map_or(0, |it| it.n),
                        own: own.map(|it| it.stored.id == (who, operator.leases)),
                    })
                }
            };
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
        answers
    }

    fn answers(&self, who: usize, thread: usize) -> usize {
        match &self.operators[who].waits[thread] {
            Wait::Call(call @ (Call::List | Call::AskWhetherOperated), sent) => {
                self.reads(who, thread, call, *sent).len()
            }
            // A name that was deleted a moment ago may be refused.
            Wait::Call(
                Call::Create {
                    n,
                    refusal_counts: true,
                },
                _,
            ) if self.deleted.iter().any(|(name, _)| name == n) => 2,
            _ => 1,
        }
    }

    fn take_effect(&mut self, lab: &Lab, who: usize, thread: usize, choice: usize) {
        let Wait::Call(call, sent) = self.operators[who].waits[thread].clone() else {
            return;
        };
        let answer = match call {
            Call::List => self.reads(who, thread, &call, sent).swap_remove(choice),
            Call::AskWhetherOperated if lab.broken == Some(Broken::MissesNoDeletedLease) => {
                Answer::AcquirerInput(AcquirerInput::Operated(false))
            }
            Call::AskWhetherOperated => self.reads(who, thread, &call, sent).swap_remove(choice),
            Call::Create { n, .. } => {
                let there = self.leases.iter().find(|it| it.n == n);
                Answer::AcquirerInput(match (there, choice) {
                    (Some(there), _) => AcquirerInput::Exists(there.clone()),
                    (None, 1) => AcquirerInput::Refused,
                    (None, _) => {
                        let operator = &mut self.operators[who];
                        operator.leases += 1;
                        let terms = Terms {
                            expires: after(operator.moment(sent).wall, TIMING.term),
                            released: false,
                            followed: false,
                        };
                        let tag = Tag {
                            id: (who, operator.leases),
                            recorded: None,
                        };
                        self.put(n, tag, terms);
                        AcquirerInput::Created
                    }
                })
            }
            Call::NoteFollower => {
                let acquirer = self.operators[who].acquirer.as_ref();
                if let Some(previous) = acquirer.and_then(Acquirer::newest).cloned()
                    && let Some(terms) = previous.terms
                {
                    let followed = true;
                    let terms = Terms { followed, ..terms };
                    self.put(previous.n, previous.stored, terms);
                }
                Answer::AcquirerInput(AcquirerInput::Noted)
            }
            Call::Change => {
                if self.taker != Some(who) {
                    self.fault = Some("a change took effect after another took the lease");
                }
                if self.changes == 0 {
                    self.overwrite();
                }
                self.changes += 1;
                self.operators[who].records = Some(self.changes);
                Answer::Changed
            }
            Call::Write { n, tag, terms } => {
                let there = self.leases.iter().find(|it| it.n == n);
                let own = there.is_some_and(|it| it.stored.id == tag.id);
                self.put(n, tag, terms);
                Answer::HolderInput(HolderInput::Written { own })
            }
        };
        self.operators[who].waits[thread] = Wait::Answered(answer);
        if !self.operators[who].is_at_work() {
            self.operators[who].end();
        }
    }

    /// Before anything is written: what was there may still be read for a while.
    fn overwrite(&mut self) {
        let current = (self.now, self.leases.clone(), self.changes > 0);
        self.before
            .retain(|it| (&it.1, it.2) != (&current.1, current.2));
        self.before.push(current);
    }

    fn put(&mut self, n: u64, stored: Tag, terms: Terms) {
        self.overwrite();
        let terms = Some(terms);
        let leases = Arc::make_mut(&mut self.leases);
        leases.retain(|it| it.n != n);
        leases.push(Lease { n, terms, stored });
        leases.sort_by_key(|it| it.n);
    }

    fn delete(&mut self, from: usize) {
        self.overwrite();
        let deleted = Arc::make_mut(&mut self.leases).drain(from..);
        self.deleted.extend(deleted.map(|it| (it.n, self.now)));
    }

    fn forget(&mut self) {
        let now = self.now;
        let oldest = (TIMING.lag + TIMING.look_timeout.max(TIMING.attempt_timeout)).as_secs();
        self.before.retain(|(until, ..)| now - until < oldest);
        self.deleted
            .retain(|(_, since)| now - since < TIMING.term.as_secs());
    }

    /// The longest that a call may take.
    fn longest(&self, who: usize, thread: usize, call: &Call) -> Duration {
        let operator = &self.operators[who];
        let purpose = operator.tasks[thread].as_ref().map(|it| it.purpose);
        match (call, purpose) {
            (Call::Change, _) => TIMING.check_lasts + TIMING.attempt_timeout,
            _ if operator.frozen_since.is_some() => TIMING.attempt_timeout,
            (Call::List, Some(Purpose::Change)) => TIMING.look_timeout,
            (Call::Write { .. }, _) if thread == RENEWAL => TIMING.attempt_timeout,
            _ => Duration::ZERO,
        }
    }

    /// What may happen to an operator's calls, and whether one must be answered before time passes.
    fn calls(&self, who: usize, events: &mut Vec<Event>) -> bool {
        let mut is_due = false;
        for thread in [MAIN, RENEWAL] {
            let Wait::Call(call, sent) = &self.operators[who].waits[thread] else {
                continue;
            };
            let choices = 0..self.answers(who, thread);
            events.extend(choices.map(|choice| Event::TakesEffect(who, thread, choice)));
            let has_task = self.operators[who].tasks[thread].is_some();
            if self.failures_left > 0 && has_task {
                events.push(Event::Fails(who, thread));
            }
            is_due |= self.now >= sent + self.longest(who, thread, call).as_secs();
        }
        is_due
    }

    /// Whether a fresh operator whose calls are answered at once takes the lease, if the others have died.
    fn is_free_at_last(&self, lab: &Lab) -> bool {
        let mut world = self.clone();
        world.before.clear();
        world.failures_left = 0;
        world.operators.iter_mut().for_each(Operator::end);
        let fresh = world.operators.len();
        world.operators.push(Operator::new(0, 0));
        // Its clock may be the slowest, and it may be refused until the lease ends by that.
        let longest = SKEW.unsigned_abs() * 2 + 3 * TIMING.term.as_secs() + 10;
        let mut events = Vec::new();
        while world.now < self.now + longest && world.taker != Some(fresh) {
            if !world.operators[fresh].is_at_work() {
                world.now += 1;
                world.operators[fresh] = Operator::new(0, 0);
                world.begin(lab, fresh);
            }
            events.clear();
            world.calls(fresh, &mut events);
            // The last: a name is refused as long as it may be.
            match events.pop() {
                Some(Event::TakesEffect(who, thread, n)) => world.take_effect(lab, who, thread, n),
                _ => world.now += 1,
            }
            world.before.clear();
            world.forget();
            world.settle(lab);
        }
        world.taker == Some(fresh)
    }
}

impl Model for Lab {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        let former = Lease {
            n: 1,
            terms: Some(Terms {
                expires: Timestamp::UNIX_EPOCH,
                released: true,
                followed: false,
            }),
            stored: Tag {
                id: (usize::MAX, 0),
                recorded: Some(0),
            },
        };
        let world = |skews: &Vec<i64>, leases: Vec<Lease>| {
            let operators = skews.iter().map(|skew| Operator::new(*skew, self.changes));
            let mut world = World {
                now: 0,
                is_new: true,
                leases: Arc::new(leases),
                changes: 0,
                before: Vec::new(),
                deleted: Vec::new(),
                operators: operators.collect(),
                taker: None,
                freezes_left: self.freezes,
                failures_left: self.failures,
                hand_left: self.hand,
                fault: None,
            };
            world.begin(self, 0);
            world
        };
        let none = self.skews.iter().map(|skews| world(skews, vec![]));
        let former = self
            .skews
            .iter()
            .map(|skews| world(skews, vec![former.clone()]));
        none.chain(former.filter(|_| self.former)).collect()
    }

    fn actions(&self, world: &World, events: &mut Vec<Event>) {
        if world.fault.is_some() {
            return;
        }
        let mut is_due = false;
        for who in 0..world.operators.len() {
            is_due |= world.calls(who, events);
        }
        for (who, operator) in world.operators.iter().enumerate() {
            if world.is_new && !operator.has_begun && world.operators[who - 1].has_begun {
                events.push(Event::Begins(who));
            }
            if !operator.is_at_work() {
                continue;
            }
            if let Some(since) = operator.frozen_since {
                if world.is_new && world.now > since {
                    events.push(Event::Thaws(who));
                }
                continue;
            }
            // Between calls, sooner in the same step makes no difference.
            let is_calling = operator.waits.iter().any(|it| matches!(it, Wait::Call(..)));
            if world.freezes_left > 0 && (is_calling || !is_due) {
                events.push(Event::Freezes(who));
            }
            let is_idle = operator.waits[MAIN] == Wait::Nothing;
            if is_idle && operator.changes_left > 0 {
                events.push(Event::Changes(who));
            }
            if is_idle && operator.renews_later() {
                events.push(Event::GivesBack(who));
            }
            let reads = matches!(
                operator.waits[MAIN],
                Wait::Until(_) | Wait::Call(Call::List | Call::AskWhetherOperated, _)
            );
            if self.gives_up && operator.acquirer.is_some() && reads && operator.renews_later() {
                events.push(Event::GivesUp(who));
            }
        }
        // What a hand deletes is what every read shows.
        let shows = |until: u64| until + TIMING.lag.as_secs() <= world.now;
        let is_shown = world.before.iter().all(|(until, ..)| shows(*until));
        let is_noted = world
            .taker
            .is_some_and(|it| world.operators[it].records > Some(0));
        if world.hand_left && is_shown && is_noted {
            events.extend([Event::DeletesNewest, Event::DeletesAll]);
        }
        if !is_due && world.now < self.horizon {
            events.push(Event::TimePasses);
        }
    }

    fn next_state(&self, world: &World, event: Event) -> Option<World> {
        let mut world = world.clone();
        let begins = matches!(
            event,
            Event::TimePasses | Event::Begins(_) | Event::Thaws(_)
        );
        world.is_new = begins;
        match event {
            Event::TimePasses => world.now += 1,
            Event::Begins(who) => world.begin(self, who),
            Event::Freezes(who) => {
                world.freezes_left -= 1;
                world.operators[who].frozen_since = Some(world.now);
            }
            Event::Thaws(who) => world.operators[who].frozen_since = None,
            Event::TakesEffect(who, thread, n) => world.take_effect(self, who, thread, n),
            Event::Fails(who, thread) => {
                world.failures_left -= 1;
                let failed = HolderInput::Failed { is_lasting: false };
                world.operators[who].waits[thread] = Wait::Answered(Answer::HolderInput(failed));
            }
            Event::Changes(who) => {
                world.operators[who].changes_left -= 1;
                world.start(self, who, Purpose::Change);
            }
            Event::GivesBack(who) => world.start(self, who, Purpose::Release),
            Event::GivesUp(who) => {
                let operator = &mut world.operators[who];
                let acquirer = operator.acquirer.take();
                operator.waits[MAIN] = Wait::Nothing;
                if operator.holder.is_some() && !acquirer.is_some_and(|it| it.awaits_holder()) {
                    world.start(self, who, Purpose::Release);
                } else {
                    operator.end();
                }
            }
            Event::DeletesNewest | Event::DeletesAll => {
                world.hand_left = false;
                let newest = world.leases.len() - 1;
                world.delete(if event == Event::DeletesAll {
                    0
                } else {
                    newest
                });
            }
        }
        world.forget();
        world.settle(self);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one at a time", |_, world: &World| world.fault.is_none()),
            Property::always("never blocked", |lab: &Self, world: &World| {
                world.now < lab.horizon || world.is_free_at_last(lab)
            }),
            Property::sometimes(WITNESS, |_, world: &World| {
                let first = &world.operators[0];
                let is_working = first.records.is_some() && first.tasks[MAIN].is_none();
                world.taker.is_some_and(|it| it > 0) && is_working
            }),
        ]
    }
}

/// What is explored has to reach this, or it shows nothing.
const WITNESS: &str = "taken over from a holder that had it";

impl Lab {
    fn new(skews: &[&[i64]], horizon: u64) -> Self {
        Self {
            skews: skews.iter().map(|it| it.to_vec()).collect(),
            horizon,
            freezes: 0,
            failures: 0,
            changes: 1,
            hand: false,
            former: false,
            unlocks: false,
            gives_up: false,
            broken: None,
            acquirer: TIMING,
            holder: TIMING,
        }
    }

    /// How many states there are, a violation if there is one, and whether [`WITNESS`] was seen.
    fn explore(self) -> (usize, Option<String>, bool) {
        let checker = self.checker().threads(2);
        let checker = checker.finish_when(HasDiscoveries::AnyFailures);
        let checker = checker.spawn_bfs().join();
        let mut discoveries = checker.discoveries();
        let is_witnessed = discoveries.remove(WITNESS).is_some();
        let violation = discoveries.into_iter().next().map(|(property, path)| {
            let fault = path.last_state().fault.unwrap_or_default();
            let events = path.into_actions();
            let events: String = events.iter().map(|it| format!("\n  {it:?}")).collect();
            format!("{property}: {fault}{events}")
        });
        (checker.unique_state_count(), violation, is_witnessed)
    }
}

/// A taker that does not trust the holder's clock, or one that does.
fn clocks() -> Lab {
    Lab::new(&[&[0, SKEW], &[0, -SKEW], &[0, 0]], 9)
}

fn frozen() -> Lab {
    let freezes = 1;
    let lab = Lab::new(&[&[0, SKEW]], 7);
    Lab { freezes, ..lab }
}

fn hand() -> Lab {
    let (hand, former, changes) = (true, true, 2);
    let lab = Lab::new(&[&[0, 0]], 5);
    Lab {
        hand,
        former,
        changes,
        ..lab
    }
}

fn unlock() -> Lab {
    let (unlocks, freezes) = (true, 1);
    let lab = Lab::new(&[&[0, 0]], 5);
    Lab {
        unlocks,
        freezes,
        ..lab
    }
}

#[test]
fn no_two_operators_write_at_once_and_the_lease_never_blocks() {
    let (unlocks, gives_up, failures) = (true, true, 1);
    let trouble = Lab {
        gives_up,
        failures,
        ..Lab::new(&[&[0, SKEW]], 7)
    };
    let three = Lab {
        unlocks,
        ..Lab::new(&[&[0, 0, 0]], 4)
    };
    let is_long = std::env::var_os("MAINTENANCE_CUTS").is_some();
    let labs = [
        ("clocks that differ", clocks()),
        ("a frozen process", frozen()),
        ("a hand that deletes leases", hand()),
        ("unlock", unlock()),
        ("calls that fail, and a stop", trouble),
        ("three operators", three),
    ];
    let explored = labs.map(|(name, mut lab)| {
        if is_long {
            lab.horizon += 2;
            lab.freezes = 1;
        }
        let (states, violation, is_witnessed) = lab.explore();
        println!("{name}: {states} states");
        assert_eq!(violation, None, "{name}");
        assert!(is_witnessed, "{name}: {WITNESS} was not seen");
        states
    });
    if !is_long {
        assert_eq!(
            explored,
            [144_568, 351_180, 219_336, 115_568, 95_944, 22_217]
        );
    }
}

#[test]
fn faults_are_found() {
    let broken = |lab: Lab, broken| Lab {
        broken: Some(broken),
        ..lab
    };
    let acquirer = |mut lab: Lab, change: fn(&mut Timing)| {
        change(&mut lab.acquirer);
        lab
    };
    let holder = |mut lab: Lab, change: fn(&mut Timing)| {
        change(&mut lab.holder);
        lab
    };
    let takes = "a change took effect after another took the lease";
    let records = "the lease before records what is not so";
    for (name, lab, expected) in [
        (
            "changes without a look",
            broken(unlock(), Broken::LooksBeforeNoChange),
            takes,
        ),
        (
            "renews without a look",
            broken(unlock(), Broken::RenewsWithoutLook),
            takes,
        ),
        (
            "notes no follower",
            broken(hand(), Broken::NotesNoFollower),
            records,
        ),
        (
            "misses no deleted lease",
            broken(hand(), Broken::MissesNoDeletedLease),
            records,
        ),
        (
            "trusts the wall clock",
            acquirer(clocks(), |it| it.sane_skew = steps(1)),
            takes,
        ),
        (
            "watches for the term alone",
            acquirer(frozen(), |it| {
                (it.lag, it.attempt_timeout) = (steps(0), steps(0))
            }),
            takes,
        ),
        (
            "awaits the holder of an unlocked lease one step less",
            acquirer(unlock(), |it| it.lag = steps(0)),
            takes,
        ),
        (
            "awaits the holder of a deleted lease one step less",
            acquirer(hand(), |it| it.lag = steps(0)),
            takes,
        ),
        (
            "believes late looks",
            holder(unlock(), |it| it.look_timeout = steps(100)),
            takes,
        ),
        (
            "believes old looks",
            holder(unlock(), |it| it.fresh = steps(3)),
            takes,
        ),
    ] {
        let (states, violation, _) = lab.explore();
        println!("{name}: found after {states} states");
        let Some(violation) = violation else {
            panic!("{name}: not found in {states} states");
        };
        assert!(violation.contains(expected), "{name}: {violation}");
    }
}
