//! The transition table of the design, row by row, and what each row records.

use jiff::Timestamp;
use maintenance_flag::{
    Bypass, Change, Enter, Event, Exit, Flag, Force, Mode, Options, Outcome, Owner, Refusal, Step,
    StoredToken, TokenHash, WindowId, next,
};
use serde_json::json;

fn at(minute: u32) -> Timestamp {
    format!("2026-11-21T08:{minute:02}:00Z").parse().unwrap()
}

fn window(entropy: u32) -> WindowId {
    WindowId::new(at(0), entropy)
}

fn enter(owner: Owner) -> Event {
    enter_with(owner, false, Options::default())
}

fn enter_with(owner: Owner, read_only: bool, options: Options) -> Event {
    Event::Enter(Box::new(Enter {
        owner,
        by: "cleo@desk".to_owned(),
        reason: Some("second reason".to_owned()),
        window: window(2),
        at: at(30),
        read_only,
        options,
    }))
}

/// Every option, set.
fn every_option() -> Options {
    Options {
        message: Change::Set("New.".to_owned()),
        until: Change::Set(at(45)),
        auto_off: Some(true),
        retry_after: Change::Set(7),
        token: Change::Set(StoredToken {
            hash: TokenHash::of("demo-dev", "web", "secret"),
            until: at(59),
        }),
        addresses: Change::Set(vec!["192.0.2.0/24".parse().unwrap()]),
        paths: Change::Set(vec!["/hooks/*".parse().unwrap()]),
    }
}

fn exit(force: Option<&str>) -> Event {
    Event::Exit(Exit {
        by: "cleo@desk".to_owned(),
        force: force.map(|reason| Force {
            reason: reason.to_owned(),
        }),
        at: at(30),
    })
}

fn normal(observer: &str) -> Event {
    Event::Normal {
        observer: observer.to_owned(),
        at: at(30),
    }
}

fn ana() -> Owner {
    Owner::manual("ana@laptop")
}

fn observer() -> Owner {
    Owner::observer("healthcheck")
}

/// A flag that `owner` turned on, with everything set that can be.
fn on(owner: Owner) -> Flag {
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
fn off() -> Flag {
    Flag {
        window: Some(window(0)),
        by: Some("ben@desk".to_owned()),
        since: Some(at(5)),
        bypass: Some(json!({"paths": ["/healthz"]})),
        unknown: json!({"ticket": "T-1"}).as_object().unwrap().clone(),
        ..Flag::off()
    }
}

fn unchanged(flag: &Flag, outcome: Outcome) -> Result<Step, Refusal> {
    assert!(!outcome.changed());
    Ok(Step {
        flag: flag.clone(),
        outcome,
    })
}

/// The flag after it was turned off, seen from `from`.
fn turned_off(from: &Flag, by: &str, reason: Option<&str>, overrode: Option<Owner>) -> Step {
    assert!(Outcome::TurnedOff.changed());
    Step {
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
    }
}

#[test]
fn off_and_entered_by_anyone_is_on() {
    assert!(Outcome::TurnedOn.changed());
    for from in [off(), Flag::off()] {
        for owner in [ana(), observer()] {
            let step = next(&from, enter(owner.clone()));
            let flag = Flag {
                window: Some(window(2)),
                owner: Some(owner),
                by: Some("cleo@desk".to_owned()),
                reason: Some("second reason".to_owned()),
                since: Some(at(30)),
                unknown: from.unknown.clone(),
                ..Flag::bare(Mode::On)
            };
            let outcome = Outcome::TurnedOn;
            assert_eq!(step, Ok(Step { flag, outcome }));
        }
    }
}

#[test]
fn on_and_entered_again_stays_the_first_ones() {
    for from in [on(ana()), on(observer()), Flag::bare(Mode::On)] {
        for owner in [ana(), observer(), Owner::manual("ben@desk")] {
            let step = next(&from, enter(owner));
            assert_eq!(step, unchanged(&from, Outcome::AlreadyOn));
        }
    }
}

#[test]
fn a_window_opens_with_its_options_and_without_those_of_the_last() {
    let step = next(&off(), enter_with(ana(), true, every_option())).unwrap();
    assert_eq!(step.outcome, Outcome::TurnedOn);
    let flag = step.flag;
    assert_eq!(flag.mode, Mode::ReadOnly);
    assert_eq!(flag.message.as_deref(), Some("New."));
    assert_eq!((flag.until, flag.auto_off), (Some(at(45)), true));
    assert_eq!(flag.retry_after, Some(7));
    let bypass = Bypass::read(flag.bypass.as_ref());
    assert_eq!(bypass.token.map(|token| token.until), Some(at(59)));
    assert_eq!(bypass.addresses.len(), 1);
    assert_eq!(
        bypass.paths,
        ["/hooks/*".parse().unwrap()],
        "and not /healthz"
    );
    let closed = next(&flag, exit(None)).unwrap().flag;
    assert_eq!(closed.bypass, None, "what was let in ends with the window");
    let again = next(&closed, enter(ana())).unwrap().flag;
    assert_eq!(
        (again.bypass, again.auto_off, again.until),
        (None, false, None)
    );
}

#[test]
fn on_and_entered_with_other_options_keeps_window_owner_reason_and_time() {
    let from = on(ana());
    let ben = Owner::manual("ben@desk");
    let step = next(&from, enter_with(ben.clone(), true, every_option())).unwrap();
    assert_eq!(step.outcome, Outcome::OptionsUpdated);
    assert!(step.outcome.changed());
    let expected = Flag {
        mode: Mode::ReadOnly,
        by: Some("cleo@desk".to_owned()),
        message: Some("New.".to_owned()),
        until: Some(at(45)),
        auto_off: true,
        retry_after: Some(7),
        bypass: step.flag.bypass.clone(),
        ..from.clone()
    };
    assert_eq!(step.flag, expected);
    // The same again changes nothing; a plain `on` closes what was open to readers, and keeps the rest.
    let again = next(&step.flag, enter_with(ben.clone(), true, every_option()));
    assert_eq!(again.unwrap().outcome, Outcome::AlreadyOn);
    let full = next(&step.flag, enter(ben)).unwrap();
    assert_eq!(full.outcome, Outcome::OptionsUpdated);
    assert_eq!(
        full.flag,
        Flag {
            mode: Mode::On,
            ..step.flag
        }
    );
}

#[test]
fn an_observer_closes_nothing_that_another_left_open_to_readers() {
    let read_only = |owner| Flag {
        mode: Mode::ReadOnly,
        ..on(owner)
    };
    for holder in [ana(), Owner::observer("other")] {
        let from = read_only(holder);
        let step = next(&from, enter(observer()));
        assert_eq!(step, unchanged(&from, Outcome::AlreadyOn));
    }
    let own = next(&read_only(observer()), enter(observer())).unwrap();
    assert_eq!(
        (own.outcome, own.flag.mode),
        (Outcome::OptionsUpdated, Mode::On)
    );
}

#[test]
fn an_option_can_be_cleared_and_what_this_version_does_not_know_stays() {
    let mut from = next(&off(), enter_with(ana(), false, every_option()))
        .unwrap()
        .flag;
    from.bypass.as_mut().unwrap()["countries"] = json!(["CH"]);
    let clear = Options {
        message: Change::Clear,
        until: Change::Clear,
        auto_off: Some(false),
        retry_after: Change::Clear,
        token: Change::Clear,
        addresses: Change::Clear,
        paths: Change::Clear,
    };
    let flag = next(&from, enter_with(ana(), false, clear)).unwrap().flag;
    assert_eq!(flag.bypass, Some(json!({"countries": ["CH"]})));
    assert_eq!(
        (flag.message, flag.until, flag.retry_after),
        (None, None, None)
    );
    assert!(!flag.auto_off);
}

#[test]
fn a_window_that_opens_by_itself_needs_an_end() {
    let auto_off = Options {
        auto_off: Some(true),
        ..Options::default()
    };
    let refused = Err(Refusal::NoEnd);
    assert_eq!(
        next(&off(), enter_with(ana(), false, auto_off.clone())),
        refused
    );
    let bare = Flag::bare(Mode::On);
    assert_eq!(
        next(&bare, enter_with(ana(), false, auto_off.clone())),
        refused
    );
    // The end that the window has already will do; to take it away will not.
    let step = next(&on(ana()), enter_with(ana(), false, auto_off)).unwrap();
    assert_eq!(step.flag.opens_at(), Some(at(50)));
    let endless = Options {
        until: Change::Clear,
        ..Options::default()
    };
    assert_eq!(next(&step.flag, enter_with(ana(), false, endless)), refused);
    // One that has passed would open the role at once.
    let promised = Flag {
        until: Some(at(1)),
        ..on(ana())
    };
    assert_eq!(
        next(&promised, enter_with(ana(), false, auto_off_alone())),
        refused
    );
    let later = Options {
        until: Change::Set(at(55)),
        ..auto_off_alone()
    };
    let step = next(&promised, enter_with(ana(), false, later)).unwrap();
    assert_eq!(step.flag.opens_at(), Some(at(55)));
}

fn auto_off_alone() -> Options {
    Options {
        auto_off: Some(true),
        ..Options::default()
    }
}

#[test]
fn standing_options_count_where_nothing_else_is_said() {
    let standing = Options {
        message: Change::Set("Back soon.".to_owned()),
        retry_after: Change::Set(60),
        auto_off: Some(true),
        ..Options::default()
    };
    let said = Options {
        message: Change::Set("Back at nine.".to_owned()),
        retry_after: Change::Clear,
        auto_off: Some(false),
        ..Options::default()
    };
    assert_eq!(said.clone().or(standing.clone()), said);
    assert_eq!(Options::default().or(standing.clone()), standing);
    let mixed = Options {
        retry_after: Change::Clear,
        ..Options::default()
    };
    let expected = Options {
        retry_after: Change::Clear,
        ..standing.clone()
    };
    assert_eq!(mixed.or(standing), expected);
}

#[test]
fn a_window_whose_end_has_come_is_over() {
    let over = Flag {
        until: Some(at(20)),
        auto_off: true,
        ..on(observer())
    };
    assert_eq!(over.mode_at(at(19)), Mode::On);
    assert_eq!(over.mode_at(at(20)), Mode::Off);
    let promised = Flag {
        auto_off: false,
        ..over.clone()
    };
    assert_eq!(promised.mode_at(at(59)), Mode::On, "a promise is no switch");
    let step = next(&over, enter(ana())).unwrap();
    assert_eq!(step.outcome, Outcome::TurnedOn);
    assert_eq!(
        (step.flag.owner, step.flag.window),
        (Some(ana()), Some(window(2)))
    );
    // Nobody holds it any more, and off is written so that every reader agrees.
    let step = next(&over, exit(None)).unwrap();
    assert_eq!(step, turned_off(&over, "cleo@desk", None, None));
    let manual = Flag {
        owner: Some(ana()),
        ..over.clone()
    };
    let normal = |at| Event::Normal {
        observer: observer().name,
        at,
    };
    let step = next(&manual, normal(at(20))).unwrap();
    assert_eq!(step.outcome, Outcome::TurnedOff);
    let held = Err(Refusal::Conflict { holder: ana() });
    assert_eq!(next(&manual, normal(at(19))), held);
}

#[test]
fn only_the_observer_changes_when_its_window_ends_by_itself() {
    let auto_off = Options {
        auto_off: Some(true),
        ..Options::default()
    };
    let step = next(&on(observer()), enter_with(ana(), false, auto_off.clone()));
    assert_eq!(step, Err(Refusal::Conflict { holder: observer() }));
    let step = next(&on(observer()), enter_with(observer(), false, auto_off)).unwrap();
    assert_eq!(step.flag.opens_at(), Some(at(50)));
    let message = Options {
        message: Change::Set("New.".to_owned()),
        ..Options::default()
    };
    let step = next(&step.flag, enter_with(ana(), false, message)).unwrap();
    assert_eq!(step.outcome, Outcome::OptionsUpdated);
}

#[test]
fn on_by_a_person_and_left_by_a_person_is_off() {
    let from = on(ana());
    let step = next(&from, exit(None));
    assert_eq!(step, Ok(turned_off(&from, "cleo@desk", None, None)));
    // Nobody was overridden, so nobody is recorded; the reason is.
    let step = next(&from, exit(Some("urgent")));
    assert_eq!(
        step,
        Ok(turned_off(&from, "cleo@desk", Some("urgent"), None))
    );
}

#[test]
fn on_by_hand_in_the_console_and_left_by_a_person_is_off() {
    for mode in [Mode::On, Mode::ReadOnly] {
        let from = Flag::bare(mode);
        let step = next(&from, exit(None));
        assert_eq!(step, Ok(turned_off(&from, "cleo@desk", None, None)));
    }
}

#[test]
fn on_by_a_person_and_normal_to_an_observer_is_a_conflict() {
    let step = next(&on(ana()), normal("healthcheck"));
    assert_eq!(step, Err(Refusal::Conflict { holder: ana() }));
    // Somebody who typed `on` into the console is a person too.
    let step = next(&Flag::bare(Mode::On), normal("healthcheck"));
    assert!(matches!(step, Err(Refusal::Conflict { .. })), "{step:?}");
}

#[test]
fn on_by_an_observer_and_normal_to_that_one_is_off() {
    let from = on(observer());
    let step = next(&from, normal("healthcheck"));
    assert_eq!(step, Ok(turned_off(&from, "healthcheck", None, None)));
}

#[test]
fn on_by_an_observer_and_normal_to_another_is_a_conflict() {
    let step = next(&on(observer()), normal("other"));
    assert_eq!(step, Err(Refusal::Conflict { holder: observer() }));
    // A person of the same name is not that observer.
    let person = on(Owner::manual("healthcheck"));
    assert!(next(&person, normal("healthcheck")).is_err());
}

#[test]
fn on_by_an_observer_and_left_by_a_person_is_a_conflict_that_names_it() {
    let refusal = next(&on(observer()), exit(None)).unwrap_err();
    assert_eq!(refusal, Refusal::Conflict { holder: observer() });
    assert!(refusal.to_string().contains("healthcheck"), "{refusal}");
}

#[test]
fn on_by_an_observer_and_forced_by_a_person_is_off_and_records_both() {
    let from = on(observer());
    let step = next(&from, exit(Some("false alarm")));
    let expected = turned_off(&from, "cleo@desk", Some("false alarm"), Some(observer()));
    assert_eq!(step, Ok(expected));
}

#[test]
fn off_and_left_stays_off() {
    for from in [off(), Flag::off()] {
        for event in [exit(None), exit(Some("urgent")), normal("healthcheck")] {
            assert_eq!(next(&from, event), unchanged(&from, Outcome::AlreadyOff));
        }
    }
}

#[test]
fn a_newer_document_is_read_but_never_rewritten() {
    let newer = |flag: Flag| Flag { schema: 2, ..flag };
    let refused = Err(Refusal::NewerSchema { schema: 2 });
    assert_eq!(next(&newer(off()), enter(ana())), refused);
    assert_eq!(next(&newer(on(ana())), exit(None)), refused);
    assert_eq!(next(&newer(on(observer())), normal("healthcheck")), refused);
    assert_eq!(next(&newer(on(observer())), exit(Some("urgent"))), refused);
    // What would change nothing needs no rewriting.
    let (on, off) = (newer(on(ana())), newer(off()));
    assert_eq!(next(&on, enter(ana())), unchanged(&on, Outcome::AlreadyOn));
    assert_eq!(next(&off, exit(None)), unchanged(&off, Outcome::AlreadyOff));
}

#[test]
fn what_follows_a_transition_can_be_stored_and_read_back() {
    let mut flag = Flag::off();
    for event in [
        enter(observer()),
        exit(Some("false alarm")),
        enter(ana()),
        exit(None),
    ] {
        flag = next(&flag, event).unwrap().flag;
        assert_eq!(Flag::decode(&flag.encode().unwrap()), Ok(flag.clone()));
    }
}
