//! What the lease decides, without a store, a clock or a task: pure transitions, which a model checker runs
//! as well (`tests/lease_model.rs`).
//!
//! An [`Acquirer`] gets the lease or ends another's; a [`Holder`] keeps its own, by [`Task`]s. Each is told
//! what happened and the time, and says what to do next. `acquirer` and `guard` do that on the real store.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How long everything takes. Production has one of these; the model checker's is as short as possible.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    /// How long a lease lasts unless renewed.
    pub(crate) term: Duration,
    /// How often the holder renews it.
    pub(crate) renewal: Duration,
    /// How old the holder's last look at its lease may be when it sends a write without another look.
    pub(crate) fresh: Duration,
    /// How long one look before a change may take; a longer one says nothing about now.
    pub(crate) look_timeout: Duration,
    /// Longer than a read of the store lags behind its writes.
    pub(crate) lag: Duration,
    /// How long after the check of the lease a call may be sent.
    pub(crate) check_lasts: Duration,
    /// How long after it was sent a call may take effect.
    pub(crate) attempt_timeout: Duration,
    /// How long ago a lease must have ended for the difference of two wall clocks to be no explanation.
    pub(crate) sane_skew: Duration,
    /// The pause between two looks.
    pub(crate) pause: Duration,
    /// The pause after a look that failed.
    pub(crate) after_failure: Duration,
    /// How often to look at a lease that is watched. A live holder renews less often than this.
    pub(crate) watch_poll: Duration,
    /// How often a holder looks for its lease before it counts as deleted: reads lag.
    pub(crate) holder_looks: u32,
    /// How often an acquirer looks again before it calls the lease busy: a lagging read may show a lease
    /// that was given back.
    pub(crate) acquirer_looks: u32,
}

impl Timing {
    /// How long a lease must not change before it is taken over: its term, a renewal that a lagging read
    /// hides, and the last call that its holder may have sent after its last check.
    pub(crate) fn watch(&self) -> Duration {
        self.term + self.last_change()
    }

    /// How long the holder of a lease that was ended may still change something: it sends no write later
    /// than a look allows, a look may lag, a setting is read again between the look and the write, and the
    /// last call takes time.
    pub(crate) fn notice(&self) -> Duration {
        self.look_timeout + self.last_change()
    }

    fn last_change(&self) -> Duration {
        self.lag + self.check_lasts + self.attempt_timeout
    }
}

/// A moment on both clocks. Either may stand still or jump: the monotonic one stops while a laptop sleeps,
/// and the wall clock is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) monotonic: Instant,
}

impl Moment {
    /// How long ago it was, by the clock that says more.
    fn age(&self, now: Self) -> Duration {
        let wall = now.wall.duration_since(self.wall);
        let wall = Duration::try_from(wall).unwrap_or_default();
        now.monotonic.duration_since(self.monotonic).max(wall)
    }
}

/// A time so much later.
pub(crate) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// A lease as a read shows it, with what the store has of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Listed<T> {
    pub(crate) n: u64,
    /// None if it is malformed.
    pub(crate) terms: Option<Terms>,
    pub(crate) stored: T,
}

/// What a lease says of its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    pub(crate) expires: Timestamp,
    pub(crate) released: bool,
    /// Whether it names its follower.
    pub(crate) followed: bool,
}

/// Whether the lease after this one may be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Yes.
    Free,
    /// Yes, but its holder may be at work for a little longer.
    Ended,
    /// No: by our clock, too, its term has not ended.
    Held,
    /// That depends on whether it still changes: by our clock its term has ended, or begins in the future.
    Doubtful,
}

impl Standing {
    pub(crate) fn is_taken(self) -> bool {
        matches!(self, Self::Held | Self::Doubtful)
    }
}

/// How the newest lease stands.
pub(crate) fn standing<T>(timing: &Timing, newest: Option<&Listed<T>>, now: Timestamp) -> Standing {
    let Some(newest) = newest else {
        return Standing::Free;
    };
    // Its holder finds it malformed as well, and stops.
    let Some(terms) = &newest.terms else {
        return Standing::Ended;
    };
    let ended_long_ago = now >= after(terms.expires, timing.sane_skew);
    // At most for its term: if that is so because clocks differ, it is over soon.
    let is_running = now < terms.expires && terms.expires <= after(now, timing.term);
    match (terms.released || ended_long_ago, is_running) {
        (true, _) => Standing::Free,
        (_, true) => Standing::Held,
        _ => Standing::Doubtful,
    }
}

/// What an acquirer is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcquirerAction {
    List,
    Wait(Duration),
    /// The newest lease is watched from now on: say so, and wait.
    Watch(Duration),
    /// Whether to report `Refused` if the store rejects this number although no such lease exists.
    Create {
        n: u64,
        refusal_counts: bool,
    },
    /// Find out whether an operation on the app came before, though there is no lease of it.
    AskWhetherOperated,
    /// Make sure that the lease that was created is the newest.
    Look,
    /// Have the lease before name its follower.
    NoteFollower,
    /// The holder before may be at work for so long: say so, and wait.
    AwaitHolder(Duration),
    /// The lease is ours.
    Take,
    /// The newest lease is held.
    Refuse,
    /// The lease that was to be ended has ended otherwise.
    Leave,
}

/// What an acquirer is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum AcquirerInput<T> {
    Begin,
    Elapsed,
    /// The newest lease there is.
    Listed(Option<Listed<T>>),
    Created,
    Exists(Listed<T>),
    Refused,
    Operated(bool),
    Looked(bool),
    Noted,
}

/// An operation that wants the lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Acquirer<T> {
    /// The lease before ours.
    newest: Option<Listed<T>>,
    /// Ends that one, be it held, and does not look for another.
    unlocks: bool,
    looks: u32,
    /// When watching began, and whether the next listing is the last one because the watch is over.
    watch: Option<(Instant, bool)>,
    /// The holder before may be at work.
    awaits: bool,
    /// The lease that was just before ours is not there any more.
    vanished: bool,
}

/// What is known of the lease before the one that was created.
#[derive(Debug, Clone)]
pub(crate) enum PreviousLease<T> {
    /// There was none.
    None,
    /// It is not there any more, or malformed.
    Unreadable,
    Known(T),
}

impl<T: Clone + PartialEq> Acquirer<T> {
    pub(crate) fn new() -> Self {
        Self {
            newest: None,
            unlocks: false,
            looks: 0,
            watch: None,
            awaits: false,
            vanished: false,
        }
    }

    /// One that ends this lease.
    pub(crate) fn unlocking(newest: Option<Listed<T>>) -> Self {
        Self {
            newest,
            unlocks: true,
            ..Self::new()
        }
    }

    /// The newest lease that was seen; once ours is created, the one before.
    pub(crate) fn newest(&self) -> Option<&Listed<T>> {
        self.newest.as_ref()
    }

    /// What is known of the lease before ours, once that is created.
    pub(crate) fn previous(self) -> PreviousLease<T> {
        match self.newest {
            None if !self.vanished => PreviousLease::None,
            Some(newest) if !self.vanished && newest.terms.is_some() => {
                PreviousLease::Known(newest.stored)
            }
            _ => PreviousLease::Unreadable,
        }
    }

    /// Whether the next operation has to wait for the holder before, too, if this one does not to the end:
    /// then the lease must not be given back.
    pub(crate) fn awaits_holder(&self) -> bool {
        self.awaits
    }

    pub(crate) fn step(
        &mut self,
        timing: &Timing,
        now: Moment,
        input: AcquirerInput<T>,
    ) -> AcquirerAction {
        match input {
            AcquirerInput::Begin if self.unlocks => self.create(true),
            AcquirerInput::Begin => AcquirerAction::List,
            AcquirerInput::Elapsed if self.awaits => AcquirerAction::Take,
            AcquirerInput::Elapsed => {
                if let Some((since, is_over)) = &mut self.watch {
                    *is_over = now.monotonic.duration_since(*since) >= timing.watch();
                }
                AcquirerAction::List
            }
            AcquirerInput::Listed(newest) => match self.watch.take() {
                Some(watch) => self.watched(timing, now, watch, newest),
                None => {
                    // A read that lags does not undo what creating has shown.
                    let n = |newest: &Option<Listed<T>>| newest.as_ref().map(|it| it.n);
                    if n(&newest) >= n(&self.newest) {
                        self.newest = newest;
                    }
                    self.decide(timing, now)
                }
            },
            AcquirerInput::Created if self.newest.is_none() => {
                // Until that is answered.
                self.awaits = true;
                AcquirerAction::AskWhetherOperated
            }
            AcquirerInput::Created => AcquirerAction::Look,
            AcquirerInput::Exists(lease) => {
                self.newest = Some(lease);
                self.again(timing, now)
            }
            // A name that was deleted a moment ago may be refused, and is not needed. Its holder may live.
            AcquirerInput::Refused => {
                (self.awaits, self.vanished) = (true, true);
                AcquirerAction::Create {
                    n: self.next() + 1,
                    refusal_counts: false,
                }
            }
            // What came before has no lease any more: its holder may live.
            AcquirerInput::Operated(operated) => {
                self.vanished |= operated;
                self.awaits = self.vanished;
                AcquirerAction::Look
            }
            // Our first read lagged by many leases.
            AcquirerInput::Looked(false) => self.again(timing, now),
            AcquirerInput::Looked(true) => match &self.newest {
                Some(Listed { terms: Some(_), .. }) => AcquirerAction::NoteFollower,
                _ => self.await_holder(timing),
            },
            AcquirerInput::Noted => self.await_holder(timing),
        }
    }

    fn decide(&mut self, timing: &Timing, now: Moment) -> AcquirerAction {
        match standing(timing, self.newest(), now.wall) {
            Standing::Free => self.create(false),
            Standing::Ended => self.create(true),
            // Only when no read that lags can be behind it: what changes from now on is alive.
            Standing::Doubtful if self.looks == timing.acquirer_looks => {
                self.watch = Some((now.monotonic, false));
                AcquirerAction::Watch(timing.watch_poll)
            }
            Standing::Held | Standing::Doubtful => self.again(timing, now),
        }
    }

    /// Watches until the newest lease has not changed for so long that its holder must have stopped, or until
    /// it changes.
    fn watched(
        &mut self,
        timing: &Timing,
        now: Moment,
        (since, is_over): (Instant, bool),
        newest: Option<Listed<T>>,
    ) -> AcquirerAction {
        if newest != self.newest {
            self.newest = newest;
            if standing(timing, self.newest(), now.wall).is_taken() {
                return AcquirerAction::Refuse;
            }
            self.looks = 0;
            return self.again(timing, now);
        }
        if is_over {
            return self.create(false);
        }
        self.watch = Some((since, false));
        let left = (since + timing.watch()).duration_since(now.monotonic);
        AcquirerAction::Wait(left.min(timing.watch_poll))
    }

    fn next(&self) -> u64 {
        self.newest().map_or(0, |it| it.n) + 1
    }

    fn create(&mut self, awaits: bool) -> AcquirerAction {
        let terms = self.newest().and_then(|it| it.terms.as_ref());
        // Its follower's number is free again if that one was deleted by hand.
        self.vanished = terms.is_some_and(|it| it.followed);
        self.awaits = awaits || self.vanished;
        AcquirerAction::Create {
            n: self.next(),
            refusal_counts: self.vanished || self.newest.is_none(),
        }
    }

    /// Another was quicker, or our read lagged.
    fn again(&mut self, timing: &Timing, now: Moment) -> AcquirerAction {
        self.awaits = false;
        // Another ended it in the same moment; the newest is not what was looked at.
        if self.unlocks && !standing(timing, self.newest(), now.wall).is_taken() {
            return AcquirerAction::Leave;
        }
        if self.unlocks || self.looks == timing.acquirer_looks {
            return AcquirerAction::Refuse;
        }
        self.looks += 1;
        AcquirerAction::Wait(timing.pause)
    }

    fn await_holder(&self, timing: &Timing) -> AcquirerAction {
        match self.awaits {
            true => AcquirerAction::AwaitHolder(timing.notice()),
            false => AcquirerAction::Take,
        }
    }
}

/// A holder of a lease, as it knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Holder {
    n: u64,
    lost: bool,
    /// When the last renewal that took effect was begun.
    renewed: Moment,
    /// When the last look that found all as it should be was begun.
    looked: Moment,
}

/// What a holder looks at its lease for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// It was just created.
    Settle,
    /// A change is about to be made. One such look at a time serves all that wait for it.
    Change,
    /// Renews it, again and again.
    Renew,
    /// Gives it back.
    Release,
}

/// One of the things that a holder does, side by side with others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    pub(crate) purpose: Purpose,
    /// When it came, or this renewal was begun.
    begun: Moment,
    /// How often it has listed the leases for this look, and when it did so last.
    looks: u32,
    listed: Moment,
}

/// What a holder's task is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HolderAction {
    Wait(Duration),
    List,
    /// Write the lease: renewed until then, or given back.
    Write(Option<Timestamp>),
    /// It is done, and whether the lease is held; no change may be made if not.
    Done(bool),
}

/// What a holder's task is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum HolderInput {
    Begin,
    Elapsed,
    /// The highest number of the leases there are, and whether the one with ours is ours; none if there is
    /// none.
    Listed {
        newest: u64,
        own: Option<bool>,
    },
    /// No answer, or an error; and whether that will stay so.
    Failed {
        is_lasting: bool,
    },
    /// Whether what was overwritten was ours.
    Written {
        own: bool,
    },
}

impl Task {
    pub(crate) fn new(purpose: Purpose, now: Moment) -> Self {
        Self {
            purpose,
            begun: now,
            looks: 0,
            listed: now,
        }
    }

    fn list(&mut self, now: Moment) -> HolderAction {
        self.looks += 1;
        self.listed = now;
        HolderAction::List
    }

    fn wait(&mut self, pause: Duration) -> HolderAction {
        self.looks = 0;
        HolderAction::Wait(pause)
    }
}

impl Holder {
    /// One that created this lease; `acquired` was before that.
    pub(crate) fn new(n: u64, acquired: Moment) -> Self {
        Self {
            n,
            lost: false,
            renewed: acquired,
            looked: acquired,
        }
    }

    /// A holder that could neither renew nor look at its lease for as long as a lease lasts does not hold it.
    pub(crate) fn is_held(&self, timing: &Timing, now: Moment) -> bool {
        !self.lost && self.renewed.age(now) < timing.term && self.looked.age(now) < timing.term
    }

    fn lose(&mut self) -> HolderAction {
        self.lost = true;
        HolderAction::Done(false)
    }

    pub(crate) fn step(
        &mut self,
        timing: &Timing,
        task: &mut Task,
        now: Moment,
        input: HolderInput,
    ) -> HolderAction {
        use Purpose::{Change, Release, Renew, Settle};
        let is_held = self.is_held(timing, now);
        match (input, task.purpose) {
            (HolderInput::Begin, Renew) => task.wait(timing.renewal),
            (HolderInput::Begin, Settle) => task.list(now),
            // The lease may be hidden by a lagging read.
            (HolderInput::Elapsed, _) if task.looks > 0 => task.list(now),
            // A process that was frozen wakes up here, perhaps long after its lease has ended.
            (HolderInput::Begin | HolderInput::Elapsed, _) if !is_held => self.lose(),
            // Perhaps another looked meanwhile, and began after this one had come.
            (HolderInput::Begin, Change)
                if self.looked.age(now) < timing.fresh
                    || self.looked.monotonic >= task.begun.monotonic =>
            {
                HolderAction::Done(true)
            }
            (HolderInput::Begin | HolderInput::Elapsed, _) => {
                task.begun = now;
                task.list(now)
            }
            (HolderInput::Listed { newest, own }, _) => {
                self.listed(timing, task, now, (newest, own))
            }
            (HolderInput::Failed { .. }, Renew) => task.wait(timing.renewal),
            (HolderInput::Failed { is_lasting: true }, _) => self.lose(),
            (HolderInput::Failed { .. }, _) => task.wait(timing.after_failure),
            // Deleted or taken since that look.
            (HolderInput::Written { own: false }, _) => self.lose(),
            (HolderInput::Written { .. }, Renew) if is_held => {
                self.renewed = task.begun;
                task.wait(timing.renewal)
            }
            (HolderInput::Written { .. }, Settle | Change | Renew | Release) => {
                HolderAction::Done(is_held)
            }
        }
    }

    fn listed(
        &mut self,
        timing: &Timing,
        task: &mut Task,
        now: Moment,
        (newest, own): (u64, Option<bool>),
    ) -> HolderAction {
        if newest > self.n || own == Some(false) {
            return self.lose();
        }
        if own.is_none() {
            // One that does not show may be hidden by a read that lags.
            return match task.looks < timing.holder_looks {
                true => HolderAction::Wait(timing.pause),
                false => self.lose(),
            };
        }
        // The process may have been frozen.
        if task.purpose == Purpose::Change && task.listed.age(now) > timing.look_timeout {
            return task.wait(timing.after_failure);
        }
        task.looks = 0;
        self.looked = task.listed;
        match task.purpose {
            Purpose::Settle | Purpose::Change => HolderAction::Done(true),
            // Frozen in the middle of that look, perhaps, until another operation took over.
            _ if !self.is_held(timing, now) => HolderAction::Done(false),
            Purpose::Renew => HolderAction::Write(Some(after(task.begun.wall, timing.term))),
            Purpose::Release => HolderAction::Write(None),
        }
    }
}
