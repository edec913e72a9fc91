//! The transition table of the design, row by row, and what each row records.

use maintenance_flag::{
    Enter, Event, Exit, Flag, Mode, Outcome, Owner, Product, Refusal, Transition, next,
};

use crate::windows::{
    ana, at, enter, exit, normal, observer, off, on, turned_off, unchanged, window,
};

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
            let truncated = Vec::new();
            assert_eq!(
                step,
                Ok(Transition {
                    flag,
                    outcome,
                    truncated
                })
            );
        }
    }
}

#[test]
fn on_and_entered_again_stays_the_first_ones_but_for_the_reason() {
    for from in [on(ana()), on(observer()), Flag::bare(Mode::On)] {
        for owner in [ana(), observer(), Owner::manual("ben@desk")] {
            let is_monitor_of_another = owner == observer() && from.owner != Some(observer());
            let step = next(&from, enter(owner)).unwrap();
            if is_monitor_of_another {
                assert_eq!(Ok(step), unchanged(&from, Outcome::AlreadyOn));
                continue;
            }
            let reason = Some("second reason".to_owned());
            let by = Some("cleo@desk".to_owned());
            let flag = Flag {
                reason,
                by,
                ..from.clone()
            };
            assert_eq!((step.outcome, &step.flag), (Outcome::OptionsUpdated, &flag));
            // The same once more changes nothing.
            let again = next(&flag, enter(ana())).unwrap();
            assert_eq!(again.outcome, Outcome::AlreadyOn);
        }
    }
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
fn on_by_a_person_and_left_by_a_person_is_off() {
    let from = on(ana());
    let step = next(&from, exit(None));
    assert_eq!(step, Ok(turned_off(&from, "cleo@desk", None, None)));
    // No owner was overridden, so none is recorded; the reason is.
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
    // An operator who typed `on` into the console is a person too.
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
    let monitor = enter(observer());
    assert_eq!(next(&on, monitor), unchanged(&on, Outcome::AlreadyOn));
    assert_eq!(next(&off, exit(None)), unchanged(&off, Outcome::AlreadyOff));
}

#[test]
fn a_flag_after_any_transition_can_be_stored_and_read_back() {
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

fn shop() -> Product {
    "shop".parse().unwrap()
}

/// The event, asked for the product `shop`.
fn for_shop(event: Event) -> Event {
    let product = Some(shop());
    match event {
        Event::Enter(enter) => Event::Enter(Box::new(Enter { product, ..*enter })),
        Event::Exit(exit) => Event::Exit(Exit { product, ..exit }),
        Event::Normal { observer, at, .. } => Event::Normal {
            observer,
            product,
            at,
        },
        by_the_clock => by_the_clock,
    }
}

#[test]
fn a_window_opened_for_a_product_is_closed_by_leaving_it_or_by_itself() {
    let opened = next(&off(), for_shop(enter(ana()))).unwrap();
    assert_eq!(opened.outcome, Outcome::TurnedOn);
    assert_eq!(opened.flag.product, Some(shop()));
    for leave in [exit(None), for_shop(exit(None))] {
        let closed = next(&opened.flag, leave).unwrap();
        assert_eq!(closed.outcome, Outcome::TurnedOff);
        assert_eq!(closed.flag.product, None);
    }
    let again = next(&opened.flag, enter(ana())).unwrap();
    assert_eq!(again.flag.product, Some(shop()), "options change, not this");
}

#[test]
fn a_product_neither_changes_nor_closes_a_window_that_is_not_its_own() {
    let other = Flag {
        product: Some("billing".parse().unwrap()),
        ..on(ana())
    };
    for window in [on(ana()), on(observer()), other, Flag::bare(Mode::On)] {
        let entered = next(&window, for_shop(enter(ana())));
        assert_eq!(entered, unchanged(&window, Outcome::AlreadyOn));
        for leave in [exit(None), exit(Some("why")), normal("healthcheck")] {
            let left = next(&window, for_shop(leave));
            assert_eq!(left, unchanged(&window, Outcome::LeftOn));
        }
    }
    let closed = next(&off(), for_shop(exit(None)));
    assert_eq!(closed, unchanged(&off(), Outcome::AlreadyOff));
}
