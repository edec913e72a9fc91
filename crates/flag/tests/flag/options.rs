//! The options of a window: how it opens with them, how they are changed, and when it opens by itself.

use maintenance_flag::{
    Bypass, Change, Event, Flag, Mode, Options, Outcome, Owner, Refusal, StoredToken, TokenHash,
    next,
};
use serde_json::json;

use crate::windows::{ana, at, enter, enter_with, exit, observer, off, on, turned_off, window};

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
fn on_and_entered_with_other_options_keeps_window_owner_and_time() {
    let from = on(ana());
    let ben = Owner::manual("ben@desk");
    let step = next(&from, enter_with(ben.clone(), true, every_option())).unwrap();
    assert_eq!(step.outcome, Outcome::OptionsUpdated);
    assert!(step.outcome.changed());
    let expected = Flag {
        mode: Mode::ReadOnly,
        by: Some("cleo@desk".to_owned()),
        reason: Some("second reason".to_owned()),
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
    // It has no holder any more, and off is written so that every reader agrees.
    let step = next(&over, exit(None)).unwrap();
    assert_eq!(step, turned_off(&over, "cleo@desk", None, None));
    let manual = Flag {
        owner: Some(ana()),
        ..over.clone()
    };
    let normal = |at| Event::Normal {
        product: None,
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
