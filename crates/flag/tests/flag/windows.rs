//! Windows to change: owners, events, and flags as they were before.

use jiff::Timestamp;
use maintenance_flag::{
    Enter, Event, Exit, Flag, Force, Mode, Options, Outcome, Owner, Refusal, Transition, WindowId,
};
use serde_json::json;

pub(crate) fn at(minute: u32) -> Timestamp {
    format!("2026-11-21T08:{minute:02}:00Z").parse().unwrap()
}

pub(crate) fn window(entropy: u32) -> WindowId {
    WindowId::new(at(0), entropy)
}

pub(crate) fn enter(owner: Owner) -> Event {
    enter_with(owner, false, Options::default())
}

pub(crate) fn enter_with(owner: Owner, read_only: bool, options: Options) -> Event {
    Event::Enter(Box::new(Enter {
        product: None,
        owner,
        by: "cleo@desk".to_owned(),
        reason: Some("second reason".to_owned()),
        window: window(2),
        at: at(30),
        read_only,
        options,
    }))
}

pub(crate) fn exit(force: Option<&str>) -> Event {
    Event::Exit(Exit {
        product: None,
        by: "cleo@desk".to_owned(),
        force: force.map(|reason| Force {
            reason: reason.to_owned(),
        }),
        at: at(30),
    })
}

pub(crate) fn normal(observer: &str) -> Event {
    Event::Normal {
        product: None,
        observer: observer.to_owned(),
        at: at(30),
    }
}

pub(crate) fn ana() -> Owner {
    Owner::manual("ana@laptop")
}

pub(crate) fn observer() -> Owner {
    Owner::observer("healthcheck")
}

/// A flag that `owner` turned on, with everything set that can be.
pub(crate) fn on(owner: Owner) -> Flag {
    Flag {
        window: Some(window(1)),
        by: Some(owner.name.clone()),
        owner: Some(owner),
        reason: Some("first reason".to_owned()),
        message: Some("Back at nine.".to_owned()),
        since: Some(at(10)),
        until: Some(at(50)),
        retry_after: Some(60),
        drained_at: Some(at(20)),
        bypass: Some(json!({"paths": ["/healthz"]})),
        unknown: json!({"ticket": "T-1"}).as_object().unwrap().clone(),
        ..Flag::bare(Mode::On)
    }
}

/// A flag that was turned off.
pub(crate) fn off() -> Flag {
    Flag {
        window: Some(window(0)),
        by: Some("ben@desk".to_owned()),
        since: Some(at(5)),
        bypass: Some(json!({"paths": ["/healthz"]})),
        unknown: json!({"ticket": "T-1"}).as_object().unwrap().clone(),
        ..Flag::off()
    }
}

pub(crate) fn unchanged(flag: &Flag, outcome: Outcome) -> Result<Transition, Refusal> {
    assert!(!outcome.changed());
    Ok(Transition {
        flag: flag.clone(),
        outcome,
        truncated: Vec::new(),
    })
}

/// The flag after it was turned off, seen from `from`.
pub(crate) fn turned_off(
    from: &Flag,
    by: &str,
    reason: Option<&str>,
    overrode: Option<Owner>,
) -> Transition {
    assert!(Outcome::TurnedOff.changed());
    Transition {
        flag: Flag {
            window: from.window.clone(),
            by: Some(by.to_owned()),
            reason: reason.map(str::to_owned),
            since: Some(at(30)),
            overrode,
            unknown: from.unknown.clone(),
            ..Flag::off()
        },
        outcome: Outcome::TurnedOff,
        truncated: Vec::new(),
    }
}
