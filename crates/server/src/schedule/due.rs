//! What the clock asks for: one pure function of the recurring windows, the flags and the time.
//!
//! Gates open and close by themselves; what is due is what no gate can do: to keep the next occurrences of
//! recurring windows in the flags, to pause functions when a window opens, and to restore them when it has
//! closed. Each action is safe to repeat, and under the lease it is looked at once more whether it is still due.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use maintenance_control::RoleSpec;
use maintenance_flag::{App, Change, Flag, Mode, Product, ScheduledWindow, WindowId};

use super::recurrence::Occurrence;
use super::windows::{Place, RecurringWindow};

/// How far ahead the occurrences of a recurring window are kept in the flags; the next one always is.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// The most occurrences of a recurring window that are kept: a flag has room for eight windows in all.
const MOST: usize = 3;

/// A role, and how it stands.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The role.
    pub place: &'a Place,
    /// The same as configured.
    pub spec: &'a RoleSpec,
    /// Its flag, as stored or as it was when it was read ([`Flag::at`]).
    pub flag: &'a Flag,
    /// Whether it was open then by a scheduled window that nothing has written yet.
    pub is_open_by_time: bool,
}

/// Something that is due for roles of one app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// These scheduled windows are no occurrences of their recurring window any more: its configuration has changed.
    Withdraw {
        /// The window.
        window: WindowId,
        /// The product that it is for.
        product: Option<Product>,
        /// The roles that have it.
        places: Vec<Place>,
    },
    /// Add an occurrence of a recurring window to the flags, or bring it to what the configuration says.
    Schedule {
        /// The index of the recurring window.
        of: usize,
        /// The occurrence.
        occurrence: Occurrence,
        /// The roles that lack it.
        places: Vec<Place>,
    },
    /// The end of a window has come: restore the functions.
    Leave {
        /// The roles.
        places: Vec<Place>,
        /// Their windows.
        windows: Vec<WindowId>,
        /// The product that those were opened for.
        product: Option<Product>,
    },
    /// The start of a window has come: pause the functions. Or it came, and not all are paused.
    Enter {
        /// The roles.
        places: Vec<Place>,
        /// Their windows.
        windows: Vec<WindowId>,
        /// The product that those are for.
        product: Option<Product>,
        /// Pause functions though events will be lost.
        accept_event_loss: bool,
    },
}

impl Action {
    /// The roles that it is about: at least one, all of one app.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        match self {
            Self::Withdraw { places, .. }
            | Self::Schedule { places, .. }
            | Self::Leave { places, .. }
            | Self::Enter { places, .. } => places,
        }
    }

    /// Whether another one is this, or what is left of it when some of its roles are done.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let (places, windows) = match (self, other) {
            (
                Self::Leave {
                    places, windows, ..
                },
                Self::Leave { .. },
            ) => (places, windows),
            (
                Self::Enter {
                    places,
                    windows,
                    accept_event_loss: own,
                    ..
                },
                Self::Enter {
                    accept_event_loss, ..
                },
            ) if own == accept_event_loss => (places, windows),
            _ => return self == other,
        };
        other.places().iter().all(|place| places.contains(place))
            && other.windows().iter().all(|it| windows.contains(it))
    }

    /// The windows that its roles turn for.
    fn windows(&self) -> &[WindowId] {
        match self {
            Self::Leave { windows, .. } | Self::Enter { windows, .. } => windows,
            Self::Withdraw { .. } | Self::Schedule { .. } => &[],
        }
    }

    /// The app.
    pub(super) fn app(&self) -> Option<&App> {
        self.places().first().map(|place| &place.app)
    }

    /// What is the same of it for all apps of a product, so that one operation does it for them. None: it is for its
    /// app alone.
    pub(super) fn of_product(&self) -> Option<Self> {
        let mut shared = self.clone();
        match &mut shared {
            Self::Schedule { places, .. }
            | Self::Withdraw {
                places,
                product: Some(_),
                ..
            } => places.clear(),
            Self::Leave {
                places,
                windows,
                product: Some(_),
            }
            | Self::Enter {
                places,
                windows,
                product: Some(_),
                ..
            } => {
                places.clear();
                windows.clear();
            }
            Self::Withdraw { .. } | Self::Leave { .. } | Self::Enter { .. } => return None,
        }
        Some(shared)
    }
}

/// Which windows the flags have had: a clock that is set back brings none of them back.
#[derive(Debug, Clone, Default)]
pub struct Memory(BTreeSet<(Place, WindowId)>);

impl Memory {
    /// Takes note of the windows that these flags have.
    pub fn note(&mut self, roles: &[Standing<'_>]) {
        for role in roles {
            let windows = role.flag.schedule.windows.iter();
            let windows = windows.map(|known| &known.window).chain(&role.flag.window);
            let had = windows.map(|window| (role.place.clone(), window.clone()));
            self.0.extend(had);
        }
    }

    fn has(&self, place: &Place, window: &WindowId) -> bool {
        self.0.contains(&(place.clone(), window.clone()))
    }
}

/// Roles of an app that turn together, and the windows that they turn for.
type Turning = (Vec<Place>, Vec<WindowId>);

/// What is due at this time, in the order in which it is to be done.
#[must_use]
pub fn due(
    windows: &[RecurringWindow],
    roles: &[Standing<'_>],
    memory: &Memory,
    now: Timestamp,
) -> Vec<Action> {
    let mut actions = Vec::new();
    schedule(windows, roles, memory, now, &mut actions);
    // Those of an app together, since an app has one operation at a time.
    let mut leaving: BTreeMap<(&App, Option<Product>), Turning> = BTreeMap::new();
    let mut entering: BTreeMap<(&App, Option<Product>, bool), Turning> = BTreeMap::new();
    for role in roles {
        let app = &role.place.app;
        let (turning, window) = match turn(role, now) {
            None => continue,
            Some(Turn::Leave { window, product }) => {
                (leaving.entry((app, product)).or_default(), window)
            }
            Some(Turn::Enter {
                window,
                product,
                accept_event_loss,
            }) => {
                let key = (app, product, accept_event_loss);
                (entering.entry(key).or_default(), window)
            }
        };
        let (places, windows) = turning;
        places.push(role.place.clone());
        windows.extend(window);
    }
    let leaving = leaving.into_iter();
    actions.extend(
        leaving.map(|((_, product), (places, windows))| Action::Leave {
            places,
            windows,
            product,
        }),
    );
    let entering = entering.into_iter();
    actions.extend(
        entering.map(
            |((_, product, accept_event_loss), (places, windows))| Action::Enter {
                places,
                windows,
                product,
                accept_event_loss,
            },
        ),
    );
    actions
}

/// When something may be due next, as far as is known now: when a role opens or closes, or an occurrence comes
/// near.
#[must_use]
pub fn next_due(
    windows: &[RecurringWindow],
    roles: &[Standing<'_>],
    now: Timestamp,
) -> Option<Timestamp> {
    let changes = roles.iter().filter_map(|role| role.flag.changes_at(now));
    let ends = windows.iter().filter_map(|window| {
        // Its place is taken by the one after it.
        let mut open = window.recurrence.ending_after(now);
        open.next().map(|occurrence| occurrence.end)
    });
    changes.chain(ends).min()
}

/// What is due for the functions of a role.
enum Turn {
    Enter {
        window: Option<WindowId>,
        product: Option<Product>,
        accept_event_loss: bool,
    },
    Leave {
        window: Option<WindowId>,
        product: Option<Product>,
    },
}

fn turn(role: &Standing<'_>, now: Timestamp) -> Option<Turn> {
    let flag = role.flag;
    // It comes first: of a window that begins when the one before it ends, the functions stay paused.
    if let Some(window) = flag.due(now) {
        return Some(Turn::Enter {
            window: Some(window.window.clone()),
            product: window.product.clone(),
            accept_event_loss: window.accept_event_loss,
        });
    }
    if !flag.mode.is_on() || !flag.auto_off {
        return None;
    }
    let (window, product) = (flag.window.clone(), flag.product.clone());
    if !flag.mode_at(now).is_on() {
        // What nothing has written has nothing to restore.
        return (!role.is_open_by_time).then_some(Turn::Leave { window, product });
    }
    // Or the process that paused its functions died in the middle, or could not pause all.
    let has_functions = role.spec.functions.is_some();
    if role.is_open_by_time || has_functions && flag.drained_at.is_none() {
        return Some(Turn::Enter {
            window,
            product,
            accept_event_loss: flag.accepts_event_loss(),
        });
    }
    None
}

fn schedule(
    windows: &[RecurringWindow],
    roles: &[Standing<'_>],
    memory: &Memory,
    now: Timestamp,
    actions: &mut Vec<Action>,
) {
    let mut withdrawn: BTreeMap<(&App, &WindowId, Option<&Product>), Vec<Place>> = BTreeMap::new();
    for role in roles {
        for entry in role.flag.schedule.to_come(now) {
            let is_stale = windows.iter().any(|window| {
                entry.recurring.as_deref() == Some(window.name.as_str())
                    && !is_occurrence(window, role.place, entry)
            });
            if is_stale {
                let key = (&role.place.app, &entry.window, entry.product.as_ref());
                let places = withdrawn.entry(key);
                places.or_default().push(role.place.clone());
            }
        }
    }
    for ((_, window, product), places) in withdrawn {
        actions.push(Action::Withdraw {
            window: window.clone(),
            product: product.cloned(),
            places,
        });
    }
    for (of, window) in windows.iter().enumerate() {
        for (n, occurrence) in window.recurrence.ending_after(now).take(MOST).enumerate() {
            let is_near = occurrence.start.duration_since(now) < AHEAD;
            if n > 0 && !is_near {
                break;
            }
            let mut lacking: BTreeMap<&App, Vec<Place>> = BTreeMap::new();
            for role in roles {
                if window.places.contains(role.place)
                    && lacks(role, window, occurrence, memory, now)
                {
                    let places = lacking.entry(&role.place.app).or_default();
                    places.push(role.place.clone());
                }
            }
            actions.extend(lacking.into_values().map(|places| Action::Schedule {
                of,
                occurrence,
                places,
            }));
        }
    }
}

/// Whether a scheduled window is an occurrence of this recurring one, as the configuration has it now.
fn is_occurrence(window: &RecurringWindow, place: &Place, entry: &ScheduledWindow) -> bool {
    window.places.contains(place)
        && entry.window == id(window, entry.starts_at)
        && window.recurrence.starts_at(entry.starts_at)
}

/// Whether an occurrence has to be added to this flag, or changed in it. One that it has had is never added again.
fn lacks(
    role: &Standing<'_>,
    window: &RecurringWindow,
    occurrence: Occurrence,
    memory: &Memory,
    now: Timestamp,
) -> bool {
    let flag = role.flag;
    let id = id(window, occurrence.start);
    // It is open, or it was the last one.
    if flag.window.as_ref() == Some(&id) {
        return false;
    }
    // The clock was set back while nothing ran: what had begun by the last change of the flag had its time.
    if flag
        .since
        .is_some_and(|since| since > now && occurrence.start <= since)
    {
        return false;
    }
    let mut known = flag.schedule.windows.iter();
    match known.find(|known| known.window == id) {
        None => !memory.has(role.place, &id),
        // It was cancelled or has begun: it stays what it is.
        Some(known) if known.cancelled || known.starts_at <= now => false,
        Some(known) => {
            let mode = mode(window);
            let usual = match &role.spec.options.message {
                Change::Set(message) => Some(message),
                Change::Keep | Change::Clear => None,
            };
            let message = window.message.as_ref().or(usual);
            let stored = (known.until, known.mode, known.accept_event_loss);
            stored != (occurrence.end, mode, window.accept_event_loss)
                || (&known.reason, &known.product) != (&window.reason, &window.product)
                || known.message.as_ref() != message
        }
    }
}

fn mode(window: &RecurringWindow) -> Mode {
    match window.read_only {
        true => Mode::ReadOnly,
        false => Mode::On,
    }
}

/// The identity of an occurrence: the same in every process and role, so that two processes add it once.
#[must_use]
pub fn id(window: &RecurringWindow, start: Timestamp) -> WindowId {
    // FNV-1a: it only tells windows apart that start in the same second.
    let hash = window.name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    WindowId::new(start, hash)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use maintenance_control::Selection;
    use maintenance_flag::{
        CancelWindow, Enter, Event, Exit, Options, Outcome, Owner, Role, ScheduleEvent,
        ScheduleWindow, next, reschedule,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::{Recurrence, time_zone};

    const START: &str = "2026-11-29T12:00:00Z";

    fn at(minute: i64) -> Timestamp {
        START.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }

    /// Twenty minutes at every full hour.
    fn hourly() -> RecurringWindow {
        RecurringWindow {
            name: "hourly".to_owned(),
            recurrence: Recurrence {
                cron: "0 * * * *".parse().unwrap(),
                zone: time_zone("Etc/UTC").unwrap(),
                length: SignedDuration::from_mins(20),
            },
            product: None,
            places: vec![place()],
            reason: Some("sync".to_owned()),
            message: None,
            read_only: false,
            accept_event_loss: false,
        }
    }

    fn place() -> Place {
        Place {
            app: App::new("demo", "dev").unwrap(),
            role: Role::worker(),
        }
    }

    fn spec() -> RoleSpec {
        RoleSpec {
            role: Role::worker(),
            functions: Selection::new(&["*".to_owned()], &[], Default::default()).ok(),
            drain: Default::default(),
            options: Default::default(),
        }
    }

    /// A role, its flag and its functions, as operations change them.
    struct World {
        flag: Flag,
        is_paused: bool,
        window: RecurringWindow,
        memory: Memory,
        /// How many windows people have opened.
        by_hand: u32,
    }

    impl World {
        fn new() -> Self {
            Self {
                flag: Flag::off(),
                is_paused: false,
                window: hourly(),
                memory: Memory::default(),
                by_hand: 0,
            }
        }

        fn due(&mut self, now: Timestamp) -> Vec<Action> {
            let (place, spec) = (place(), spec());
            let standing = Standing {
                place: &place,
                spec: &spec,
                flag: &self.flag,
                is_open_by_time: false,
            };
            let windows = std::slice::from_ref(&self.window);
            self.memory.note(&[standing]);
            // What is read may be how it stands as well as what is stored.
            let open = Standing {
                flag: &self.flag.at(now),
                is_open_by_time: self.flag.due(now).is_some(),
                ..standing
            };
            let actions = due(windows, &[standing], &self.memory, now);
            assert_eq!(actions, due(windows, &[open], &self.memory, now));
            actions
        }

        /// Does what is due, until nothing is.
        fn step(&mut self, now: Timestamp) -> Vec<Action> {
            let mut done = Vec::new();
            for _ in 0..4 {
                let actions = self.due(now);
                if actions.is_empty() {
                    return done;
                }
                for action in actions {
                    self.apply(&action, now);
                    done.push(action);
                }
            }
            panic!("it does not come to rest: {done:?} with {:?}", self.flag);
        }

        fn apply(&mut self, action: &Action, at: Timestamp) {
            match action {
                Action::Schedule { occurrence, .. } => {
                    let window = &self.window;
                    let event = ScheduleEvent::Schedule(Box::new(ScheduleWindow {
                        enter: Enter {
                            owner: Owner::manual("schedule:hourly"),
                            by: "schedule:hourly".to_owned(),
                            product: None,
                            reason: window.reason.clone(),
                            window: id(window, occurrence.start),
                            at,
                            read_only: false,
                            options: Options {
                                message: match &window.message {
                                    Some(message) => Change::Set(message.clone()),
                                    None => Change::Keep,
                                },
                                ..Options::default()
                            },
                        },
                        starts_at: occurrence.start,
                        until: occurrence.end,
                        recurring: Some(window.name.clone()),
                        accept_event_loss: false,
                    }));
                    self.flag = reschedule(&self.flag, event).unwrap().flag;
                }
                Action::Withdraw { window, .. } => self.cancel(window.clone(), true, at),
                Action::Enter { .. } => {
                    let step = next(&self.flag, Event::Start { at }).unwrap();
                    if step.outcome != Outcome::AlreadyOff {
                        self.flag = step.flag;
                        self.flag.drained_at = Some(at);
                        self.is_paused = true;
                    }
                }
                Action::Leave { .. } => {
                    let by = "schedule".to_owned();
                    let step = next(&self.flag, Event::End { by, at }).unwrap();
                    if step.outcome != Outcome::LeftOn {
                        self.flag = step.flag;
                        self.is_paused = false;
                    }
                }
            }
        }

        fn cancel(&mut self, window: WindowId, withdraw: bool, at: Timestamp) {
            let event = ScheduleEvent::Cancel(CancelWindow {
                window,
                product: None,
                withdraw,
                at,
            });
            if let Ok(step) = reschedule(&self.flag, event) {
                self.flag = step.flag;
            }
        }

        fn person_turns_on(&mut self, at: Timestamp) {
            self.by_hand += 1;
            let enter = Enter {
                owner: Owner::manual("ana"),
                by: "ana".to_owned(),
                product: None,
                reason: None,
                window: WindowId::new(at, self.by_hand),
                at,
                read_only: false,
                options: Default::default(),
            };
            let step = next(&self.flag, Event::Enter(Box::new(enter))).unwrap();
            self.flag = step.flag;
            self.flag.drained_at = Some(at);
            self.is_paused = true;
        }

        fn person_turns_off(&mut self, at: Timestamp) {
            let exit = Exit {
                by: "ana".to_owned(),
                product: None,
                force: None,
                at,
            };
            self.flag = next(&self.flag, Event::Exit(exit)).unwrap().flag;
            self.is_paused = false;
        }

        fn open(&self, now: Timestamp) -> Option<WindowId> {
            let flag = self.flag.at(now);
            flag.mode_at(now).is_on().then(|| flag.window.clone())?
        }
    }

    fn kinds(actions: &[Action]) -> Vec<&'static str> {
        let kind = |action: &Action| match action {
            Action::Withdraw { .. } => "withdraw",
            Action::Schedule { .. } => "schedule",
            Action::Leave { .. } => "leave",
            Action::Enter { .. } => "enter",
        };
        actions.iter().map(kind).collect()
    }

    #[test]
    fn occurrences_are_kept_ahead_and_each_is_entered_and_left_once() {
        let mut world = World::new();
        // It is noon: one is open, and the next two are near.
        let done = world.step(at(5));
        assert_eq!(kinds(&done), ["schedule", "schedule", "schedule", "enter"]);
        assert!(world.is_paused);
        assert_eq!(world.open(at(5)), Some(id(&world.window, at(0))));
        assert_eq!(world.step(at(19)), []);
        // Nothing that runs: the gate opens all the same, and functions stay paused until something does.
        assert_eq!(world.open(at(20)), None);
        assert_eq!(kinds(&world.step(at(20))), ["schedule", "leave"]);
        assert!(!world.is_paused);
        assert_eq!(world.step(at(59)), []);
        assert_eq!(kinds(&world.step(at(60))), ["enter"]);
        let window = world.flag.window.clone();
        assert_eq!(window, Some(id(&world.window, at(60))));
    }

    #[test]
    fn one_that_began_while_nothing_ran_is_entered_and_one_that_is_over_is_not() {
        let mut world = World::new();
        world.step(at(30));
        assert_eq!(world.open(at(30)), None);
        // Down from half past twelve to ten past four.
        assert!(
            world.open(at(245)).is_none(),
            "what is kept ahead has an end"
        );
        assert!(kinds(&world.step(at(250))).ends_with(&["enter"]));
        assert_eq!(world.open(at(250)), Some(id(&world.window, at(240))));
    }

    #[test]
    fn one_that_a_person_ended_or_cancelled_is_not_entered_again() {
        let mut world = World::new();
        world.step(at(1));
        world.person_turns_off(at(2));
        assert_eq!(world.step(at(3)), []);
        assert_eq!(world.open(at(3)), None);
        world.cancel(id(&world.window, at(60)), false, at(3));
        world.step(at(61));
        assert_eq!(world.open(at(61)), None);
        world.step(at(121));
        assert!(world.open(at(121)).is_some(), "the one after it is");
    }

    #[test]
    fn the_functions_of_a_window_whose_process_died_in_the_middle_are_paused() {
        let mut world = World::new();
        world.step(at(0));
        // The flag was written, and the process died.
        world.flag.drained_at = None;
        world.is_paused = false;
        assert_eq!(kinds(&world.step(at(1))), ["enter"]);
        assert!(world.is_paused);
        // Nothing is done about a window of a person, who may have reasons.
        world.person_turns_off(at(2));
        world.person_turns_on(at(3));
        world.flag.drained_at = None;
        assert_eq!(world.step(at(4)), []);
    }

    #[test]
    fn a_window_by_hand_that_ends_by_itself_gives_its_functions_back() {
        let mut world = World::new();
        world.step(at(30));
        world.person_turns_on(at(31));
        (world.flag.until, world.flag.auto_off) = (Some(at(40)), true);
        assert_eq!(world.step(at(39)), []);
        assert_eq!(kinds(&world.step(at(40))), ["leave"]);
        assert!(!world.is_paused);
        // One with a mere expected end stays until the person ends it.
        world.person_turns_on(at(41));
        world.flag.until = Some(at(45));
        assert_eq!(world.step(at(50)), []);
        assert!(world.is_paused);
    }

    #[test]
    fn windows_to_come_follow_the_configuration() {
        let mut world = World::new();
        world.step(at(30));
        world.window.message = Some("Back soon.".to_owned());
        assert_eq!(kinds(&world.step(at(31))), ["schedule"; 3]);
        let messages = world.flag.schedule.windows.iter().map(|it| &it.message);
        assert_eq!(messages.filter(|it| it.is_some()).count(), 3);
        world.window.message = None;
        world.window.recurrence.cron = "30 * * * *".parse().unwrap();
        let done = kinds(&world.step(at(35)));
        assert_eq!(done.iter().filter(|it| **it == "withdraw").count(), 3);
        let starts = world.flag.schedule.windows.iter().map(|it| it.starts_at);
        assert_eq!(starts.collect::<Vec<_>>(), [at(30), at(90), at(150)]);
        // Of a role that has it no more, it is withdrawn.
        world.window.places.clear();
        assert_eq!(
            kinds(&world.step(at(55))),
            ["withdraw", "withdraw", "leave"]
        );
    }

    #[test]
    fn the_clock_set_back_begins_and_ends_nothing_twice() {
        let mut world = World::new();
        world.step(at(0));
        world.step(at(20));
        assert_eq!(world.open(at(20)), None);
        for minute in [19, 10, 0, -5, 10, 20] {
            world.step(at(minute));
            assert_eq!(world.open(at(minute)), None, "at {minute}");
            assert!(!world.is_paused);
        }
        // Nor after another window, whose flag knows nothing of the one before.
        world.step(at(30));
        world.person_turns_on(at(31));
        world.person_turns_off(at(32));
        world.step(at(10));
        assert_eq!(world.open(at(10)), None);
        world.person_turns_on(at(10));
        world.person_turns_off(at(11));
        world.step(at(12));
        assert_eq!(world.open(at(12)), None);
        // One that is open when the clock is set back stays open.
        world.step(at(60));
        assert!(world.open(at(61)).is_some());
        assert_eq!(world.step(at(50)), []);
        assert!(world.open(at(50)).is_some() && world.is_paused);
        world.step(at(80));
        assert!(world.open(at(80)).is_none() && !world.is_paused);
    }

    #[test]
    fn what_is_due_next_is_known() {
        let mut world = World::new();
        let (place, spec) = (place(), spec());
        let next = |world: &World, now| {
            let standing = Standing {
                place: &place,
                spec: &spec,
                flag: &world.flag,
                is_open_by_time: false,
            };
            next_due(std::slice::from_ref(&world.window), &[standing], now)
        };
        world.step(at(5));
        assert_eq!(next(&world, at(5)), Some(at(20)));
        world.step(at(20));
        assert_eq!(next(&world, at(20)), Some(at(60)));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Wait(i64),
        SetBack(i64),
        Step,
        On,
        Off,
        Cancel(usize),
    }

    fn acts() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (1..50_i64).prop_map(Act::Wait),
            1 => (1..90_i64).prop_map(Act::SetBack),
            5 => Just(Act::Step),
            1 => Just(Act::On),
            1 => Just(Act::Off),
            1 => (0..3_usize).prop_map(Act::Cancel),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever the clock and people do: after each look at it an occurrence is open just when it should be, its
        /// functions are paused just then, and none is entered again that has ended.
        #[test]
        fn an_occurrence_is_open_just_when_it_should_be(acts in prop::collection::vec(acts(), 0..40)) {
            let mut world = World::new();
            let mut minute = 0;
            let mut is_by_hand = false;
            let mut over = BTreeSet::new();
            let mut unwritten = BTreeSet::new();
            for act in acts {
                let before = world.open(at(minute));
                let ended = world.flag.schedule.windows.iter().filter(|it| it.until <= at(minute));
                for it in ended {
                    // What nothing has written, or closed, follows a clock that is set back, as long as it is kept.
                    let is_own = world.flag.mode.is_on() && world.flag.window.as_ref() == Some(&it.window);
                    let is_over = it.cancelled && !is_own;
                    let known = if is_over { &mut over } else { &mut unwritten };
                    known.insert(it.window.clone());
                }
                match act {
                    Act::Wait(minutes) => { minute += minutes; continue; }
                    Act::SetBack(minutes) => { minute -= minutes; continue; }
                    Act::On => {
                        is_by_hand |= before.is_none();
                        world.person_turns_on(at(minute));
                    }
                    Act::Off => {
                        let due = world.flag.schedule.windows.iter().filter(|it| it.is_due(at(minute)));
                        if before.is_some() {
                            over.extend(due.map(|it| it.window.clone()));
                        }
                        world.person_turns_off(at(minute));
                        is_by_hand = false;
                    }
                    Act::Cancel(n) => {
                        let known = world.flag.schedule.to_come(at(minute)).nth(n);
                        if let Some(window) = known.map(|it| it.window.clone()) {
                            world.cancel(window.clone(), false, at(minute));
                            over.insert(window);
                        }
                    }
                    Act::Step => {
                        if world.flag.auto_off && before.is_none() {
                            over.extend(world.flag.window.clone());
                        }
                        world.step(at(minute));
                        let now = world.open(at(minute));
                        prop_assert_eq!(world.is_paused, now.is_some());
                        let mut due = world.window.recurrence.ending_after(at(minute));
                        let due = due.next().filter(|it| it.start <= at(minute));
                        let due = due.map(|it| id(&world.window, it.start));
                        let is_set_back = world.flag.since.is_some_and(|since| since > at(minute));
                        let is_unwritten = due.as_ref().is_some_and(|due| unwritten.contains(due));
                        if !is_by_hand && !is_set_back && !is_unwritten {
                            let expected = due.filter(|due| !over.contains(due));
                            prop_assert_eq!(now, expected);
                        }
                    }
                }
                let now = world.open(at(minute));
                if let Some(window) = &now {
                    prop_assert!(!over.contains(window), "{} is entered again", window);
                }
                if let Some(window) = before.filter(|before| now.as_ref() != Some(before)) {
                    over.insert(window);
                }
            }
        }
    }
}
