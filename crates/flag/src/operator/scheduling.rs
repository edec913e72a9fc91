//! Windows to come: which may be scheduled, moved and cancelled, and what becomes of them when a flag is written.

use jiff::Timestamp;

use super::event::{Enter, Overlap, Refusal};
use super::size::{self, TooLarge};
use crate::document::SCHEMA;
use crate::flag::Flag;
use crate::names::{Product, WindowId};
use crate::schedule::ScheduledWindow;

/// How many windows to come a role may have.
pub const MAX_SCHEDULED: usize = 8;

/// What happens to the windows to come of a role.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleEvent {
    /// A window shall open later.
    Schedule(Box<ScheduleWindow>),
    /// A window that has yet to open gets another time.
    Move(Box<MoveWindow>),
    /// A window that has yet to open shall not.
    Cancel(CancelWindow),
}

impl ScheduleEvent {
    /// When it happens.
    fn at(&self) -> Timestamp {
        match self {
            Self::Schedule(request) => request.enter.at,
            Self::Move(request) => request.at,
            Self::Cancel(request) => request.at,
        }
    }
}

/// A request for a window that opens later.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleWindow {
    /// The window as it shall be. Of its options `until` and `auto_off` do not count; `at` is now.
    pub enter: Enter,
    /// When it opens, UTC.
    pub starts_at: Timestamp,
    /// When it ends, UTC.
    pub until: Timestamp,
    /// The name of the recurring window that it is an occurrence of. One that has begun may be scheduled, too: no
    /// process ran at its start.
    pub recurring: Option<String>,
    /// Pause functions at its start though asynchronous events will be lost.
    pub accept_event_loss: bool,
}

/// A request to move a window that has yet to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveWindow {
    /// The window.
    pub window: WindowId,
    /// Move only what was scheduled for this product.
    pub product: Option<Product>,
    /// When it opens, UTC.
    pub starts_at: Timestamp,
    /// When it ends, UTC.
    pub until: Timestamp,
    /// Who asks: `ana@laptop`.
    pub by: String,
    /// The identity that an occurrence of a recurring window gets: it is moved by cancelling it and
    /// scheduling a single window, so that its old time is not scheduled anew.
    pub replacement: WindowId,
    /// Now, UTC.
    pub at: Timestamp,
}

/// A request to cancel a window that has yet to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelWindow {
    /// The window.
    pub window: WindowId,
    /// Cancel only what was scheduled for this product.
    pub product: Option<Product>,
    /// Forget an occurrence of a recurring window rather than remember that it was cancelled: the configuration
    /// has it no more.
    pub withdraw: bool,
    /// Now, UTC.
    pub at: Timestamp,
}

/// What came of an allowed event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleOutcome {
    /// The window will open.
    Scheduled,
    /// The same window was scheduled already; nothing changed.
    AlreadyScheduled,
    /// The window has another time.
    Moved,
    /// The window will not open.
    Cancelled,
}

impl ScheduleOutcome {
    /// Whether there is something to store.
    #[must_use]
    pub fn changed(self) -> bool {
        match self {
            Self::Scheduled | Self::Moved | Self::Cancelled => true,
            Self::AlreadyScheduled => false,
        }
    }
}

/// An allowed event: the flag as it shall be, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleTransition {
    /// The flag after the event: its mode is what it was.
    pub flag: Flag,
    /// What came of it.
    pub outcome: ScheduleOutcome,
    /// The window as it was, if it was known.
    pub before: Option<ScheduledWindow>,
    /// The window as it is now; if it was cancelled, as it was.
    pub window: ScheduledWindow,
}

impl ScheduleTransition {
    /// Checks that the flag can be stored, that each window to come has room when it opens, and that they leave
    /// room for what closes a window.
    ///
    /// # Errors
    /// [`TooLarge`] says how many bytes it would take, and which fields are the largest.
    pub fn check_size(&self) -> Result<(), TooLarge> {
        size::check_schedule(&self.flag)
    }
}

/// What becomes of the windows to come of `stored` on `event`. No window is held by anyone before it has begun: any
/// person may move or cancel it. From then on it is one like any other ([`next`](crate::next)).
///
/// # Errors
/// [`Refusal`], if the event is not allowed.
pub fn reschedule(stored: &Flag, event: ScheduleEvent) -> Result<ScheduleTransition, Refusal> {
    let now = event.at();
    let mut step = match event {
        ScheduleEvent::Schedule(request) => schedule(stored, *request)?,
        ScheduleEvent::Move(request) => move_window(stored, *request)?,
        ScheduleEvent::Cancel(request) => cancel(stored, &request)?,
    };
    if !step.outcome.changed() {
        return Ok(step);
    }
    if stored.schema > SCHEMA {
        return Err(Refusal::NewerSchema {
            schema: stored.schema,
        });
    }
    step.flag.settle(now);
    Ok(step)
}

/// Adds a window to come.
fn schedule(current: &Flag, request: ScheduleWindow) -> Result<ScheduleTransition, Refusal> {
    let at = request.enter.at;
    check_times(request.starts_at, request.until)?;
    let is_recurring = request.recurring.is_some();
    if request.until <= at || request.starts_at < at && !is_recurring {
        let starts_at = request.starts_at;
        return Err(Refusal::StartsInPast { starts_at });
    }
    let (window, owner) = (request.enter.window.clone(), request.enter.owner.clone());
    let opened = request.enter.opened(&Flag::off());
    let entry = ScheduledWindow {
        window,
        owner,
        starts_at: request.starts_at,
        until: request.until,
        mode: opened.mode,
        by: opened.by,
        reason: opened.reason,
        message: opened.message,
        retry_after: opened.retry_after,
        bypass: opened.bypass,
        product: opened.product,
        recurring: request.recurring,
        accept_event_loss: request.accept_event_loss,
        cancelled: false,
        unknown: serde_json::Map::new(),
    };
    // The same once more: an operation that died half-way is repeated. An occurrence of a recurring window that
    // does not open any more stays so; one that has yet to open follows its configuration.
    let twin = entry.window.clone();
    let is_known = |known: &ScheduledWindow| {
        let is_itself = known.window == twin && (known.cancelled || known.starts_at <= at);
        is_itself || is_same(known, &entry)
    };
    if let Some(known) = current.schedule.windows.iter().find(|it| is_known(it)) {
        return Ok(unchanged(current, known));
    }
    let mut windows = current.schedule.windows.iter();
    let before = windows.find(|known| known.window == twin).cloned();
    let flag = add(current, entry.clone(), &twin, at)?;
    Ok(ScheduleTransition {
        flag,
        outcome: ScheduleOutcome::Scheduled,
        before,
        window: entry,
    })
}

fn unchanged(current: &Flag, known: &ScheduledWindow) -> ScheduleTransition {
    ScheduleTransition {
        flag: current.clone(),
        outcome: ScheduleOutcome::AlreadyScheduled,
        before: Some(known.clone()),
        window: known.clone(),
    }
}

/// Whether two entries are the same but for their identity and who asked.
fn is_same(known: &ScheduledWindow, entry: &ScheduledWindow) -> bool {
    let twin = ScheduledWindow {
        window: known.window.clone(),
        by: known.by.clone(),
        owner: known.owner.clone(),
        unknown: known.unknown.clone(),
        ..entry.clone()
    };
    twin == *known
}

/// Moves a window that has yet to open.
fn move_window(current: &Flag, request: MoveWindow) -> Result<ScheduleTransition, Refusal> {
    let MoveWindow { at, .. } = request;
    let known = to_come(current, &request.window, request.product.as_ref(), at)?;
    check_times(request.starts_at, request.until)?;
    if (known.starts_at, known.until) == (request.starts_at, request.until) {
        return Ok(unchanged(current, known));
    }
    if request.starts_at < at {
        let starts_at = request.starts_at;
        return Err(Refusal::StartsInPast { starts_at });
    }
    let mut moved = ScheduledWindow {
        starts_at: request.starts_at,
        until: request.until,
        by: Some(request.by),
        ..known.clone()
    };
    if moved.recurring.take().is_some() {
        moved.window = request.replacement;
    }
    Ok(ScheduleTransition {
        flag: add(current, moved.clone(), &request.window, at)?,
        outcome: ScheduleOutcome::Moved,
        before: Some(known.clone()),
        window: moved,
    })
}

/// Cancels a window that has yet to open.
fn cancel(current: &Flag, request: &CancelWindow) -> Result<ScheduleTransition, Refusal> {
    let CancelWindow {
        window,
        product,
        withdraw,
        at,
    } = request;
    let known = to_come(current, window, product.as_ref(), *at)?;
    let mut flag = current.clone();
    let is_it = |it: &ScheduledWindow| it.window == *window;
    if *withdraw {
        flag.schedule.windows.retain(|it| !is_it(it));
    } else {
        flag.schedule.end(is_it);
    }
    Ok(ScheduleTransition {
        flag,
        outcome: ScheduleOutcome::Cancelled,
        before: Some(known.clone()),
        window: known.clone(),
    })
}

fn check_times(starts_at: Timestamp, until: Timestamp) -> Result<(), Refusal> {
    if until <= starts_at {
        return Err(Refusal::EndsFirst { starts_at, until });
    }
    Ok(())
}

/// The window that shall be changed, if it has yet to open.
fn to_come<'a>(
    current: &'a Flag,
    window: &WindowId,
    product: Option<&Product>,
    now: Timestamp,
) -> Result<&'a ScheduledWindow, Refusal> {
    let mut known = current.schedule.windows.iter();
    let known =
        known.find(|known| known.window == *window && !known.cancelled && now < known.until);
    match known {
        Some(known) if product.is_none() || product == known.product.as_ref() => {
            if known.starts_at <= now {
                let starts_at = known.starts_at;
                let window = window.clone();
                return Err(Refusal::HasBegun { window, starts_at });
            }
            Ok(known)
        }
        _ if current.window.as_ref() == Some(window) && current.own_mode_at(now).is_on() => {
            Err(Refusal::HasBegun {
                window: window.clone(),
                starts_at: current.since.unwrap_or(now),
            })
        }
        _ => Err(Refusal::NotScheduled {
            window: window.clone(),
        }),
    }
}

/// Adds an entry in the place of another one, if it has room in time.
fn add(
    current: &Flag,
    entry: ScheduledWindow,
    instead_of: &WindowId,
    at: Timestamp,
) -> Result<Flag, Refusal> {
    let mut flag = current.clone();
    flag.forget_past(at);
    let is_it = |known: &ScheduledWindow| known.window == *instead_of;
    if entry.window == *instead_of {
        flag.schedule.windows.retain(|known| !is_it(known));
    } else {
        flag.schedule.end(is_it);
    }
    if let Some(overlap) = overlap(&flag, &entry, at) {
        return Err(Refusal::Overlaps(Box::new(overlap)));
    }
    let windows = &mut flag.schedule.windows;
    if windows.iter().filter(|window| !window.cancelled).count() >= MAX_SCHEDULED {
        return Err(Refusal::TooMany {
            most: MAX_SCHEDULED,
        });
    }
    windows.push(entry);
    flag.schedule.sort();
    Ok(flag)
}

/// What a window would overlap: the one that is open, or another one to come. One that ends as it begins
/// does not overlap it.
fn overlap(flag: &Flag, entry: &ScheduledWindow, at: Timestamp) -> Option<Overlap> {
    // A person who ends the open window ends an occurrence whose time has come, too, if it is known.
    if flag.own_mode_at(at).is_on() && entry.recurring.is_none() {
        // What is expected to have ended and has not has no end.
        let until = flag.until.filter(|until| *until > at);
        if until.is_none_or(|until| entry.starts_at < until) {
            return Some(Overlap {
                window: flag.window.clone(),
                is_open: true,
                starts_at: flag.since,
                until,
                by: flag.by.clone(),
                reason: flag.reason.clone(),
                recurring: None,
            });
        }
    }
    let mut windows = flag.schedule.windows.iter();
    let other = windows.find(|known| {
        !known.cancelled && known.starts_at < entry.until && entry.starts_at < known.until
    })?;
    Some(Overlap {
        window: Some(other.window.clone()),
        is_open: other.is_due(at),
        starts_at: Some(other.starts_at),
        until: Some(other.until),
        by: other.by.clone(),
        reason: other.reason.clone(),
        recurring: other.recurring.clone(),
    })
}
