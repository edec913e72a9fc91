//! Which change of a flag is allowed: DESIGN's table as one pure function.

use jiff::Timestamp;

use super::event::{Enter, Event, Exit, Outcome, Refusal, Transition, mode};
use super::size;
use crate::document::SCHEMA;
use crate::flag::Flag;
use crate::owner::{Owner, OwnerKind};

/// Who holds a window whose flag names no owner.
const SET_BY_HAND: &str = "a person who set the flag by hand";

/// What becomes of `stored` on `event`. A scheduled window whose time has come is open ([`Flag::at`]), and
/// becomes the flag by the first event that is allowed.
///
/// # Errors
/// [`Refusal`], if the event is not allowed: see the table in the project's design, whose every row is
/// a test here.
pub fn next(stored: &Flag, event: Event) -> Result<Transition, Refusal> {
    let now = event.at();
    let mut step = apply(stored, event)?;
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

fn apply(stored: &Flag, event: Event) -> Result<Transition, Refusal> {
    let now = event.at();
    let current = stored.at(now);
    let current = current.as_ref();
    let is_unwritten = stored.due(now).is_some();
    let unchanged = |outcome| Ok(Transition::new(current.clone(), outcome));
    Ok(match (current.mode.is_on(), event) {
        (_, Event::Start { .. }) => {
            return unchanged(match current.mode_at(now).is_on() {
                true if is_unwritten => Outcome::TurnedOn,
                true => Outcome::AlreadyOn,
                false => Outcome::AlreadyOff,
            });
        }
        (true, Event::End { .. }) if current.mode_at(now).is_on() => {
            return unchanged(Outcome::LeftOn);
        }
        (true, Event::End { by, .. }) => close(current, Closing::new(by, now)),
        (false, Event::Exit(_) | Event::Normal { .. } | Event::End { .. }) => {
            return unchanged(Outcome::AlreadyOff);
        }
        (_, Event::Enter(enter)) => {
            let mut step = if current.mode_at(now).is_on() {
                update(current, *enter)?
            } else {
                Transition::new(enter.opened(current), Outcome::TurnedOn)
            };
            if is_unwritten {
                step.outcome = Outcome::TurnedOn;
            }
            if step.outcome == Outcome::AlreadyOn {
                return Ok(step);
            }
            // One that has passed would open the role at once.
            if step.flag.auto_off && step.flag.until.is_none_or(|end| end <= now) {
                return Err(Refusal::NoEnd);
            }
            step
        }
        (true, Event::Exit(Exit { product, .. }) | Event::Normal { product, .. })
            if product.is_some() && product != current.product =>
        {
            return unchanged(Outcome::LeftOn);
        }
        (true, Event::Exit(exit)) => exit_by_person(current, exit)?,
        (true, Event::Normal { observer, .. }) => {
            let is_holder = current.owner == Some(Owner::observer(observer.as_str()));
            // A window that has ended by itself has no holder.
            if !is_holder && current.mode_at(now).is_on() {
                let holder = current.owner.clone();
                // A person typed a flag without an owner.
                let holder = holder.unwrap_or_else(|| Owner::manual(SET_BY_HAND));
                return Err(Refusal::Conflict { holder });
            }
            close(current, Closing::new(observer, now))
        }
    })
}

fn exit_by_person(current: &Flag, exit: Exit) -> Result<Transition, Refusal> {
    // A window that has ended by itself has no holder.
    let is_on = current.mode_at(exit.at).is_on();
    let mut holder = current.owner.clone();
    holder = holder.filter(|owner| owner.kind == OwnerKind::Observer && is_on);
    if let (Some(holder), None) = (&holder, &exit.force) {
        let holder = holder.clone();
        return Err(Refusal::Conflict { holder });
    }
    let closing = Closing {
        reason: exit.force.map(|force| force.reason),
        overrode: holder,
        ..Closing::new(exit.by, exit.at)
    };
    // Off means off: a scheduled window whose time came meanwhile does not open in its stead.
    let mut current = current.clone();
    current.schedule.end(|known| {
        known.is_due(exit.at) && (exit.product.is_none() || exit.product == known.product)
    });
    Ok(close(&current, closing))
}

/// The window stays, with its owner and time; the reason and the options may be others.
fn update(current: &Flag, enter: Enter) -> Result<Transition, Refusal> {
    let mut flag = current.clone();
    if enter.product.is_some() && enter.product != current.product {
        return Ok(Transition::new(flag, Outcome::AlreadyOn));
    }
    // A monitor that repeats its alarm must not close what a person left open to readers, nor say why they
    // turned it on.
    if enter.owner.kind == OwnerKind::Manual || current.owner.as_ref() == Some(&enter.owner) {
        flag.mode = mode(enter.read_only);
        flag.reason = enter.reason.or(flag.reason);
    }
    enter.options.apply(&mut flag);
    if flag == *current {
        return Ok(Transition::new(flag, Outcome::AlreadyOn));
    }
    // Only the observer may change when its window ends, by any option.
    if let Some(holder) = &current.owner
        && holder.kind == OwnerKind::Observer
        && *holder != enter.owner
        && flag.opens_at() != current.opens_at()
    {
        return Err(Refusal::Conflict {
            holder: holder.clone(),
        });
    }
    flag.by = Some(enter.by);
    Ok(Transition::new(flag, Outcome::OptionsUpdated))
}

/// How a window closes.
struct Closing {
    by: String,
    reason: Option<String>,
    overrode: Option<Owner>,
    at: Timestamp,
}

impl Closing {
    fn new(by: String, at: Timestamp) -> Self {
        Self {
            by,
            reason: None,
            overrode: None,
            at,
        }
    }
}

fn close(current: &Flag, closing: Closing) -> Transition {
    let mut flag = Flag {
        window: current.window.clone(),
        by: Some(closing.by),
        reason: closing.reason,
        since: Some(closing.at),
        overrode: closing.overrode,
        schedule: current.schedule.clone(),
        unknown: current.unknown.clone(),
        ..Flag::off()
    };
    flag.settle(closing.at);
    // The stored flag must never keep a window from closing.
    let (flag, truncated) = size::fit(flag);
    Transition {
        flag,
        outcome: Outcome::TurnedOff,
        truncated,
    }
}
