//! Windows to come: what a flag says at a time, the transition of each event by a table, and that none loses a
//! window or opens early.

use jiff::{SignedDuration, Timestamp};
use maintenance_flag::{
    CancelWindow, Change, Enter, Event, Exit, Flag, MAX_SCHEDULE_BYTES, MAX_SCHEDULED,
    MAX_VALUE_BYTES, Mode, MoveWindow, Options, Outcome, Owner, Product, Refusal, ScheduleEvent,
    ScheduleOutcome, ScheduleTransition, ScheduleWindow, ScheduledWindow, Transition, WindowId,
    next, reschedule,
};
use proptest::prelude::*;
use serde_json::json;

use crate::windows::{ana, observer, on, window};

/// Minutes after half past eight, which is now in [`windows`](crate::windows).
fn at(minutes: i64) -> Timestamp {
    crate::windows::at(30) + SignedDuration::from_mins(minutes)
}

fn enter(id: u32, now: i64) -> Enter {
    Enter {
        owner: ana(),
        by: "ana@laptop".to_owned(),
        product: None,
        reason: Some("move the database".to_owned()),
        window: window(id),
        at: at(now),
        read_only: false,
        options: Options {
            message: Change::Set("Back soon.".to_owned()),
            ..Options::default()
        },
    }
}

fn request(id: u32, from: i64, to: i64) -> ScheduleWindow {
    ScheduleWindow {
        enter: enter(id, 0),
        starts_at: at(from),
        until: at(to),
        recurring: None,
        accept_event_loss: false,
    }
}

fn nightly(id: u32, from: i64, to: i64) -> ScheduleWindow {
    ScheduleWindow {
        recurring: Some("nightly".to_owned()),
        ..request(id, from, to)
    }
}

fn schedule(flag: &Flag, request: ScheduleWindow) -> Result<ScheduleTransition, Refusal> {
    reschedule(flag, ScheduleEvent::Schedule(Box::new(request)))
}

fn scheduled(flag: &Flag, request: ScheduleWindow) -> Flag {
    let step = schedule(flag, request).unwrap();
    assert_eq!(step.outcome, ScheduleOutcome::Scheduled);
    step.flag
}

fn moved(
    flag: &Flag,
    id: u32,
    from: i64,
    to: i64,
    now: i64,
) -> Result<ScheduleTransition, Refusal> {
    let request = MoveWindow {
        window: window(id),
        product: None,
        starts_at: at(from),
        until: at(to),
        by: "ben@desk".to_owned(),
        replacement: window(id + 100),
        at: at(now),
    };
    reschedule(flag, ScheduleEvent::Move(Box::new(request)))
}

fn cancel(flag: &Flag, id: u32, now: i64) -> Result<ScheduleTransition, Refusal> {
    let request = CancelWindow {
        window: window(id),
        product: None,
        withdraw: false,
        at: at(now),
    };
    reschedule(flag, ScheduleEvent::Cancel(request))
}

fn turn_on(flag: &Flag, owner: Owner, now: i64) -> Transition {
    let enter = Enter {
        owner,
        reason: None,
        options: Options::default(),
        ..enter(99, now)
    };
    next(flag, Event::Enter(Box::new(enter))).unwrap()
}

fn exit(product: Option<&str>, now: i64) -> Event {
    Event::Exit(Exit {
        by: "cleo@desk".to_owned(),
        product: product.map(|it| it.parse().unwrap()),
        force: None,
        at: at(now),
    })
}

fn normal(now: i64) -> Event {
    Event::Normal {
        observer: "healthcheck".to_owned(),
        product: None,
        at: at(now),
    }
}

fn ids(flag: &Flag) -> Vec<&WindowId> {
    let windows = flag.schedule.windows.iter();
    windows.map(|it| &it.window).collect()
}

#[test]
fn a_window_is_open_from_its_start_to_its_end_and_the_stored_mode_stays() {
    let flag = scheduled(&Flag::off(), request(1, 60, 120));
    assert_eq!(flag.mode, Mode::Off);
    for (minute, mode) in [
        (0, Mode::Off),
        (59, Mode::Off),
        (60, Mode::On),
        (119, Mode::On),
        (120, Mode::Off),
        (999, Mode::Off),
    ] {
        assert_eq!(flag.mode_at(at(minute)), mode, "at {minute}");
        assert_eq!(flag.at(at(minute)).mode, mode, "at {minute}");
    }
    let open = flag.at(at(60)).into_owned();
    let expected = Flag {
        window: Some(window(1)),
        owner: Some(ana()),
        by: Some("ana@laptop".to_owned()),
        reason: Some("move the database".to_owned()),
        message: Some("Back soon.".to_owned()),
        since: Some(at(60)),
        until: Some(at(120)),
        auto_off: true,
        schedule: flag.schedule.clone(),
        ..Flag::bare(Mode::On)
    };
    assert_eq!(open, expected);
    assert_eq!(flag.changes_at(at(0)), Some(at(60)));
    assert_eq!(flag.changes_at(at(60)), Some(at(120)));
    assert_eq!(flag.changes_at(at(120)), None);
    // Nothing of it is in what a version that does not know the key reads.
    let mut old = flag.clone();
    old.schedule = Default::default();
    assert_eq!(old.mode_at(at(60)), Mode::Off);
}

#[test]
fn a_read_only_window_lets_readers_in() {
    let mut request = request(1, 60, 120);
    request.enter.read_only = true;
    let flag = scheduled(&Flag::off(), request);
    assert_eq!(flag.mode_at(at(60)), Mode::ReadOnly);
}

#[test]
fn a_window_that_a_person_opened_stays_and_the_scheduled_one_falls_away() {
    let flag = scheduled(&Flag::off(), request(1, 60, 120));
    let by_hand = turn_on(&flag, ana(), 50);
    assert_eq!(by_hand.outcome, Outcome::TurnedOn);
    let flag = by_hand.flag;
    for minute in [50, 60, 119, 120, 999] {
        assert_eq!(flag.at(at(minute)).as_ref(), &flag, "at {minute}");
    }
    // Off means off, also while the time of the other one runs.
    let off = next(&flag, exit(None, 70)).unwrap();
    assert_eq!(off.outcome, Outcome::TurnedOff);
    assert_eq!(off.flag.mode_at(at(70)), Mode::Off);
    assert_eq!(ids(&off.flag), [] as [&WindowId; 0]);
    // Before that time, it is still to come.
    let off = next(&flag, exit(None, 55)).unwrap().flag;
    assert_eq!(off.mode_at(at(60)), Mode::On);
}

#[test]
fn what_a_monitor_sees_ends_no_scheduled_window() {
    let flag = scheduled(&Flag::off(), request(1, 60, 120));
    let alarm = turn_on(&flag, observer(), 50).flag;
    assert_eq!(alarm.at(at(70)).owner, Some(observer()));
    let calm = next(&alarm, normal(70)).unwrap();
    assert_eq!(calm.outcome, Outcome::TurnedOff);
    assert_eq!(calm.flag.at(at(70)).window, Some(window(1)));
    // Nor does it end one that is open by its time.
    let refused = next(&flag, normal(70));
    assert_eq!(refused, Err(Refusal::Conflict { holder: ana() }));
}

#[test]
fn the_first_on_after_the_start_writes_the_window_as_it_was_scheduled() {
    let flag = scheduled(&Flag::off(), request(1, 60, 120));
    for owner in [ana(), observer(), Owner::manual("ben@desk")] {
        let step = turn_on(&flag, owner, 70);
        assert_eq!(step.outcome, Outcome::TurnedOn);
        let open = flag.at(at(70)).into_owned();
        let expected = Flag {
            schedule: Default::default(),
            ..open
        };
        assert_eq!(step.flag, expected, "but for what is over");
        // Once more, nothing changes.
        assert_eq!(turn_on(&step.flag, ana(), 71).outcome, Outcome::AlreadyOn);
    }
    // With options, it has these.
    let mut later = enter(99, 70);
    later.options.until = Change::Set(at(180));
    let step = next(&flag, Event::Enter(Box::new(later))).unwrap();
    assert_eq!(step.outcome, Outcome::TurnedOn);
    assert_eq!(step.flag.window, Some(window(1)));
    assert_eq!(step.flag.since, Some(at(60)));
    assert_eq!(step.flag.mode_at(at(179)), Mode::On);
    assert_eq!(step.flag.mode_at(at(180)), Mode::Off);
}

#[test]
fn off_of_a_window_that_is_open_by_its_time_ends_it() {
    let flag = scheduled(&Flag::off(), request(1, 60, 120));
    let step = next(&flag, exit(None, 70)).unwrap();
    assert_eq!(step.outcome, Outcome::TurnedOff);
    assert_eq!(step.flag.window, Some(window(1)));
    assert_eq!(step.flag.mode_at(at(70)), Mode::Off);
    let before = next(&flag, exit(None, 50)).unwrap();
    assert_eq!(before.outcome, Outcome::AlreadyOff);
    assert_eq!(before.flag, flag);
}

#[test]
fn an_occurrence_that_was_ended_or_cancelled_is_not_entered_again() {
    let flag = scheduled(&Flag::off(), nightly(1, 60, 120));
    let written = turn_on(&flag, ana(), 70).flag;
    let ended = [
        next(&flag, exit(None, 70)).unwrap().flag,
        next(&written, exit(None, 75)).unwrap().flag,
        cancel(&flag, 1, 10).unwrap().flag,
    ];
    for flag in ended {
        for minute in [75, 90, 119] {
            assert_eq!(flag.mode_at(at(minute)), Mode::Off, "at {minute}");
        }
        // The scheduler, which finds it missing in no flag, asks for it in vain.
        let mut again = nightly(1, 60, 120);
        again.enter.at = at(90);
        let again = schedule(&flag, again).unwrap();
        assert_eq!(again.outcome, ScheduleOutcome::AlreadyScheduled);
        // It is remembered until its end has passed.
        assert_eq!(ids(&flag), [&window(1)]);
        let later = next(&flag, Event::Enter(Box::new(enter(5, 120)))).unwrap();
        assert_eq!(ids(&later.flag), [] as [&WindowId; 0]);
    }
}

#[test]
fn a_written_occurrence_that_ends_early_by_itself_does_not_open_again() {
    let flag = scheduled(&Flag::off(), nightly(1, 60, 120));
    let mut shorter = enter(99, 70);
    shorter.options.until = Change::Set(at(80));
    let flag = next(&flag, Event::Enter(Box::new(shorter))).unwrap().flag;
    assert_eq!(flag.mode_at(at(79)), Mode::On);
    assert_eq!(flag.mode_at(at(80)), Mode::Off);
    assert_eq!(flag.mode_at(at(100)), Mode::Off);
}

#[test]
fn the_clock_set_back_closes_no_site_early_and_opens_none_that_was_written() {
    let flag = scheduled(&Flag::off(), request(1, 60, 120));
    assert_eq!(flag.mode_at(at(61)), Mode::On);
    assert_eq!(flag.mode_at(at(1)), Mode::Off, "it follows the clock");
    let written = turn_on(&flag, ana(), 61).flag;
    assert_eq!(written.mode_at(at(1)), Mode::On, "it is open");
    let closed = next(&written, exit(None, 62)).unwrap().flag;
    for minute in [1, 60, 100] {
        assert_eq!(closed.mode_at(at(minute)), Mode::Off, "at {minute}");
    }
    let unwritten = next(&flag, exit(None, 62)).unwrap().flag;
    assert_eq!(unwritten.mode_at(at(61)), Mode::Off);
}

#[test]
fn leaving_a_product_ends_what_was_scheduled_for_it_alone() {
    let mut request = request(1, 60, 120);
    request.enter.product = Some("shop".parse().unwrap());
    let flag = scheduled(&Flag::off(), request);
    let other = next(&flag, exit(Some("billing"), 70)).unwrap();
    assert_eq!(other.outcome, Outcome::LeftOn);
    assert_eq!(other.flag.owner, Some(ana()), "it says whose it is");
    for product in [Some("shop"), None] {
        let left = next(&flag, exit(product, 70)).unwrap();
        assert_eq!(left.outcome, Outcome::TurnedOff);
        assert_eq!(left.flag.mode_at(at(70)), Mode::Off);
    }
    let billing = CancelWindow {
        window: window(1),
        product: Some("billing".parse::<Product>().unwrap()),
        withdraw: false,
        at: at(0),
    };
    let refused = reschedule(&flag, ScheduleEvent::Cancel(billing));
    let window = window(1);
    assert_eq!(refused, Err(Refusal::NotScheduled { window }));
}

fn ended(now: i64) -> Event {
    let by = "schedule".to_owned();
    Event::End { by, at: at(now) }
}

#[test]
fn the_clock_writes_a_window_at_its_start_and_closes_it_at_its_end_and_nothing_else() {
    let start = |flag: &Flag, now| next(flag, Event::Start { at: at(now) }).unwrap();
    let end = |flag: &Flag, now| next(flag, ended(now)).unwrap();
    let flag = scheduled(&Flag::off(), request(1, 10, 60));
    // Nothing is due before the start, and nothing has ended.
    assert_eq!(start(&flag, 9).outcome, Outcome::AlreadyOff);
    assert_eq!(end(&flag, 9).outcome, Outcome::AlreadyOff);
    let step = start(&flag, 10);
    assert_eq!(step.outcome, Outcome::TurnedOn);
    let on = step.flag;
    assert_eq!(
        (on.since, on.until, on.auto_off),
        (Some(at(10)), Some(at(60)), true)
    );
    assert_eq!(
        (on.window.as_ref(), on.owner.as_ref()),
        (Some(&window(1)), Some(&ana()))
    );
    assert_eq!(start(&on, 11).outcome, Outcome::AlreadyOn);
    // One that is open stays, by whichever clock: whether it was written, or not yet.
    assert_eq!(end(&on, 59).outcome, Outcome::LeftOn);
    assert_eq!(end(&flag, 59).outcome, Outcome::LeftOn);
    assert_eq!(start(&on, 60).outcome, Outcome::AlreadyOff);
    let step = end(&on, 60);
    assert_eq!(step.outcome, Outcome::TurnedOff);
    assert_eq!(step.flag.by.as_deref(), Some("schedule"));
    // Set back, the clock opens and closes nothing again.
    assert_eq!(start(&step.flag, 30).outcome, Outcome::AlreadyOff);
    assert_eq!(end(&step.flag, 30).outcome, Outcome::AlreadyOff);
}

#[test]
fn a_window_that_begins_when_another_ends_is_not_ended_with_it() {
    let flag = scheduled(&Flag::off(), request(1, 10, 60));
    let flag = scheduled(&flag, request(2, 60, 90));
    let on = next(&flag, Event::Start { at: at(10) }).unwrap().flag;
    let step = next(&on, ended(60)).unwrap();
    assert_eq!(step.outcome, Outcome::LeftOn);
    let step = next(&on, Event::Start { at: at(60) }).unwrap();
    assert_eq!(step.outcome, Outcome::TurnedOn);
    assert_eq!(step.flag.window, Some(window(2)));
}

/// From ten to sixty minutes after now, and then to ninety.
#[test]
fn visitors_are_served_when_the_last_of_the_windows_ends_that_follow_each_other() {
    let read_only = |mut request: ScheduleWindow| {
        request.enter.read_only = true;
        request
    };
    let first = |request| scheduled(&Flag::off(), request);
    let closed = first(request(1, 10, 60));
    let serves = |flag: &Flag, now| flag.at(at(now)).serves_at();
    assert_eq!(serves(&closed, 10), Some(at(60)));
    assert_eq!(serves(&closed, 0), None, "they are served now");
    let both = scheduled(&closed, request(2, 60, 90));
    assert_eq!(serves(&both, 10), Some(at(90)));
    assert_eq!(serves(&both, 60), Some(at(90)));
    let later = scheduled(&closed, request(2, 61, 90));
    assert_eq!(serves(&later, 10), Some(at(60)));
    let three = scheduled(&both, request(3, 90, 95));
    assert_eq!(serves(&three, 10), Some(at(95)));
    // Written, and with another end.
    let written = next(&three, Event::Start { at: at(10) }).unwrap().flag;
    assert_eq!(serves(&written, 10), Some(at(95)));
    let shorter = Flag {
        until: Some(at(59)),
        ..written
    };
    assert_eq!(serves(&shorter, 10), Some(at(59)));
    // What is cancelled does not open.
    let cancelled = cancel(&three, 2, 5).unwrap().flag;
    assert_eq!(serves(&cancelled, 10), Some(at(60)));
    // Most visitors only read.
    let then_readers = scheduled(&closed, read_only(request(2, 60, 90)));
    assert_eq!(serves(&then_readers, 10), Some(at(60)));
    let readers_first = scheduled(&first(read_only(request(1, 10, 60))), request(2, 60, 90));
    assert_eq!(serves(&readers_first, 10), Some(at(90)));
}

/// What a person accepted when a window was scheduled is needed until all of its functions are paused.
#[test]
fn a_loss_that_was_accepted_is_remembered_while_the_window_is_open_and_no_longer() {
    let accepting = |id| ScheduleWindow {
        accept_event_loss: true,
        ..request(id, 10, 60)
    };
    let flag = scheduled(&Flag::off(), accepting(1));
    assert!(flag.at(at(10)).accepts_event_loss());
    let on = next(&flag, Event::Start { at: at(10) }).unwrap().flag;
    assert!(on.accepts_event_loss());
    let stored = Flag::decode(&on.encode().unwrap()).unwrap();
    assert!(stored.accepts_event_loss());
    assert_eq!(on.schedule.to_come(at(0)).count(), 0, "it opens once");
    assert_eq!(on.mode_at(at(60)), Mode::Off);
    // It gets a later end, and another window is scheduled.
    let mut later = enter(99, 20);
    later.options.until = Change::Set(at(180));
    let longer = next(&on, Event::Enter(Box::new(later))).unwrap().flag;
    let longer = turn_on(&longer, ana(), 70).flag;
    assert!(longer.accepts_event_loss());
    let next_one = reschedule(
        &longer,
        ScheduleEvent::Schedule(Box::new(ScheduleWindow {
            enter: enter(2, 70),
            ..request(2, 200, 210)
        })),
    );
    assert!(next_one.unwrap().flag.accepts_event_loss());
    // Of a window that has ended nothing is left, nor of one that was cancelled.
    for off in [exit(None, 30), ended(60)] {
        let off = next(&on, off).unwrap().flag;
        assert!(!off.accepts_event_loss());
        assert_eq!(off.schedule.windows, []);
        assert!(!turn_on(&off, ana(), 31).flag.accepts_event_loss());
    }
    assert_eq!(cancel(&flag, 1, 5).unwrap().flag.schedule.windows, []);
    let plain = scheduled(&Flag::off(), request(1, 10, 60));
    let plain = next(&plain, Event::Start { at: at(10) }).unwrap().flag;
    assert!(!plain.accepts_event_loss() && plain.schedule.windows.is_empty());
}

#[test]
fn the_clock_ends_what_an_observer_opened_and_no_window_without_an_end_of_its_own() {
    let on = turn_on(&Flag::off(), Owner::observer("healthcheck"), 0).flag;
    assert_eq!(next(&on, ended(1_000)).unwrap().outcome, Outcome::LeftOn);
    let on = Flag {
        until: Some(at(30)),
        auto_off: true,
        ..on
    };
    assert_eq!(next(&on, ended(29)).unwrap().outcome, Outcome::LeftOn);
    assert_eq!(next(&on, ended(30)).unwrap().outcome, Outcome::TurnedOff);
}

#[test]
fn windows_are_kept_by_their_start_and_the_same_once_more_changes_nothing() {
    let flag = scheduled(&Flag::off(), request(1, 200, 260));
    let flag = scheduled(&flag, request(2, 60, 120));
    let flag = scheduled(&flag, request(3, 120, 200));
    assert_eq!(ids(&flag), [&window(2), &window(3), &window(1)]);
    for id in [1, 7] {
        let again = schedule(&flag, request(id, 200, 260)).unwrap();
        assert_eq!(again.outcome, ScheduleOutcome::AlreadyScheduled);
        assert_eq!(again.flag, flag);
    }
}

#[test]
fn windows_that_overlap_are_refused_and_the_other_one_is_named() {
    let flag = scheduled(&Flag::off(), request(1, 60, 120));
    for (from, to) in [(60, 120), (0, 61), (119, 130), (70, 80), (50, 500)] {
        let mut other = request(2, from, to);
        other.enter.reason = Some("another".to_owned());
        let Err(Refusal::Overlaps(overlap)) = schedule(&flag, other) else {
            panic!("{from} to {to} is allowed");
        };
        assert_eq!(overlap.window, Some(window(1)));
        assert_eq!(
            (overlap.starts_at, overlap.until),
            (Some(at(60)), Some(at(120)))
        );
        assert!(!overlap.is_open);
    }
    let refusal = schedule(&flag, request(2, 119, 130)).unwrap_err();
    let message = "it would overlap the window 20261121T080000Z-00000001 by ana@laptop \
                   (2026-11-21T09:30:00Z to 2026-11-21T10:30:00Z)";
    assert_eq!(refusal.to_string(), message);
    for (from, to) in [(1, 60), (120, 130)] {
        scheduled(&flag, request(2, from, to));
    }
}

#[test]
fn a_window_that_is_open_overlaps_until_its_end_and_for_ever_without_one() {
    let until = |minutes: Option<i64>| Flag {
        until: minutes.map(at),
        ..on(ana())
    };
    for (end, from, allowed) in [
        (Some(20), 19, false),
        (Some(20), 20, true),
        (None, 9_999, false),
        // It should have ended ten minutes ago.
        (Some(-10), 60, false),
    ] {
        let step = schedule(&until(end), request(2, from, from + 10));
        assert_eq!(step.is_ok(), allowed, "{end:?} {from}: {step:?}");
        if let Err(Refusal::Overlaps(overlap)) = step {
            assert!(overlap.is_open);
        }
    }
    // An occurrence of a recurring window is known all the same, so that `off` ends it, too.
    let flag = scheduled(&until(None), nightly(2, -5, 60));
    let off = next(&flag, exit(None, 10)).unwrap().flag;
    assert_eq!(off.mode_at(at(10)), Mode::Off);
}

#[test]
fn bad_times_and_too_many_windows_are_refused() {
    let starts_at = at(-1);
    let past = schedule(&Flag::off(), request(1, -1, 60));
    assert_eq!(past, Err(Refusal::StartsInPast { starts_at }));
    let empty = schedule(&Flag::off(), request(1, 60, 60));
    assert!(matches!(empty, Err(Refusal::EndsFirst { .. })), "{empty:?}");
    let mut flag = Flag::off();
    for n in 0..MAX_SCHEDULED as u32 {
        let hour = i64::from(n) * 60 + 60;
        flag = scheduled(&flag, request(n, hour, hour + 60));
    }
    let one_more = schedule(&flag, request(50, 9_000, 9_001));
    let most = MAX_SCHEDULED;
    assert_eq!(one_more, Err(Refusal::TooMany { most }));
}

#[test]
fn an_occurrence_that_began_while_nothing_ran_may_be_entered() {
    let flag = scheduled(&Flag::off(), nightly(1, -10, 60));
    assert_eq!(flag.mode_at(at(0)), Mode::On);
    let over = schedule(&Flag::off(), nightly(1, -10, 0));
    assert!(
        matches!(over, Err(Refusal::StartsInPast { .. })),
        "{over:?}"
    );
}

#[test]
fn an_occurrence_follows_its_configuration_until_it_begins() {
    let flag = scheduled(&Flag::off(), nightly(1, 60, 120));
    let longer = scheduled(&flag, nightly(1, 60, 180));
    assert_eq!(longer.schedule.windows.len(), 1);
    assert_eq!(longer.mode_at(at(150)), Mode::On);
    let withdrawn = CancelWindow {
        window: window(1),
        product: None,
        withdraw: true,
        at: at(0),
    };
    let step = reschedule(&flag, ScheduleEvent::Cancel(withdrawn)).unwrap();
    assert_eq!(ids(&step.flag), [] as [&WindowId; 0]);
    let mut begun = nightly(1, 60, 180);
    begun.enter.at = at(70);
    let step = schedule(&flag, begun).unwrap();
    assert_eq!(step.outcome, ScheduleOutcome::AlreadyScheduled);
}

#[test]
fn moves_a_window_that_has_yet_to_open() {
    let flag = scheduled(&Flag::off(), request(1, 60, 120));
    let step = moved(&flag, 1, 90, 150, 10).unwrap();
    assert_eq!(step.outcome, ScheduleOutcome::Moved);
    let entry = &step.flag.schedule.windows[0];
    assert_eq!((entry.starts_at, entry.until), (at(90), at(150)));
    assert_eq!(
        (&entry.by, &entry.owner),
        (&Some("ben@desk".to_owned()), &ana())
    );
    assert_eq!(entry.window, window(1));
    let same = moved(&flag, 1, 60, 120, 10).unwrap();
    assert_eq!(same.outcome, ScheduleOutcome::AlreadyScheduled);
    // Not into another, nor the past; and not once it is open, written or not.
    let two = scheduled(&flag, request(2, 200, 260));
    let refused = moved(&two, 1, 190, 210, 10);
    assert!(matches!(refused, Err(Refusal::Overlaps(_))), "{refused:?}");
    let refused = moved(&flag, 1, 5, 20, 10);
    assert!(
        matches!(refused, Err(Refusal::StartsInPast { .. })),
        "{refused:?}"
    );
    let written = turn_on(&flag, ana(), 60).flag;
    for flag in [&flag, &written] {
        let refused = [moved(flag, 1, 90, 150, 60), cancel(flag, 1, 60)];
        for refused in refused {
            assert!(
                matches!(refused, Err(Refusal::HasBegun { .. })),
                "{refused:?}"
            );
        }
    }
    let refused = moved(&flag, 9, 90, 150, 10);
    assert!(
        matches!(refused, Err(Refusal::NotScheduled { .. })),
        "{refused:?}"
    );
}

#[test]
fn an_occurrence_that_is_moved_does_not_open_at_its_old_time() {
    let flag = scheduled(&Flag::off(), nightly(1, 60, 120));
    let flag = moved(&flag, 1, 20, 40, 10).unwrap().flag;
    for (minute, mode) in [(20, Mode::On), (40, Mode::Off), (60, Mode::Off)] {
        assert_eq!(flag.mode_at(at(minute)), mode, "at {minute}");
    }
    assert_eq!(ids(&flag), [&window(101), &window(1)]);
    let again = schedule(&flag, nightly(1, 60, 120)).unwrap();
    assert_eq!(again.outcome, ScheduleOutcome::AlreadyScheduled);
}

#[test]
fn an_entry_that_cannot_be_read_is_ignored_and_kept() {
    for entry in [
        json!(7),
        json!({}),
        json!({"window": "later", "phase": "full"}),
        json!({"window": "w", "starts_at": "soon", "until": "2026-11-21T10:00:00Z", "mode": "on",
               "owner": {"kind": "manual", "name": "ana"}}),
        json!({"window": "w", "starts_at": "2026-11-21T10:00:00Z", "until": "2026-11-21T09:00:00Z",
               "mode": "on", "owner": {"kind": "manual", "name": "ana"}}),
        json!({"window": "w", "starts_at": "2026-11-21T08:00:00Z", "until": "2026-11-21T09:00:00Z",
               "mode": "off", "owner": {"kind": "manual", "name": "ana"}}),
    ] {
        let text = json!({"schema": 1, "mode": "off", "scheduled": [entry]}).to_string();
        let flag = Flag::decode(&text).unwrap();
        assert_eq!(flag.mode_at(at(0)), Mode::Off, "{text}");
        assert_eq!(flag.schedule.unreadable, [entry]);
        assert_eq!(flag.schedule.errors().count(), 1);
        let flag = scheduled(&flag, request(1, 60, 120));
        let flag = turn_on(&flag, ana(), 10).flag;
        assert_eq!(flag.schedule.unreadable.len(), 1);
        assert!(flag.encode().unwrap().contains(&entry_text(&flag)));
    }
    // Nor does a whole list that is none.
    let flag = Flag::decode(r#"{"schema":1,"mode":"on","scheduled":"soon"}"#).unwrap();
    assert_eq!((flag.mode, flag.schedule.unreadable.len()), (Mode::On, 1));
}

fn entry_text(flag: &Flag) -> String {
    flag.schedule.unreadable[0].to_string()
}

#[test]
fn what_a_newer_version_wrote_is_not_rewritten() {
    let newer = Flag {
        schema: 2,
        ..scheduled(&Flag::off(), request(1, 60, 120))
    };
    let refused = Err(Refusal::NewerSchema { schema: 2 });
    assert_eq!(schedule(&newer, request(2, 200, 260)), refused);
    assert_eq!(moved(&newer, 1, 90, 150, 10), refused);
    assert_eq!(cancel(&newer, 1, 10), refused);
    let refused = Err(Refusal::NewerSchema { schema: 2 });
    assert_eq!(next(&newer, exit(None, 70)), refused);
    assert_eq!(newer.mode_at(at(60)), Mode::On, "it is read all the same");
}

#[test]
fn a_window_to_come_has_room_now_and_when_it_opens_and_leaves_some_to_close() {
    let with_message = |bytes: usize| {
        let mut request = request(1, 60, 120);
        request.enter.options.message = Change::Set("x".repeat(bytes));
        schedule(&Flag::off(), request).unwrap()
    };
    let most = (0..MAX_VALUE_BYTES)
        .rfind(|bytes| with_message(*bytes).check_size().is_ok())
        .unwrap();
    let refused = with_message(most + 1).check_size().unwrap_err();
    assert_eq!(refused.bytes, refused.most + 1);
    assert_eq!(refused.fields[0].name, "scheduled");
    assert!(refused.fields[0].bytes > MAX_SCHEDULE_BYTES);
    // With other things in the flag, what counts is that it can open.
    let mut crowded = with_message(most).flag;
    let note = "n".repeat(MAX_VALUE_BYTES - 300 - MAX_SCHEDULE_BYTES);
    crowded.unknown.insert("note".to_owned(), note.into());
    let step = schedule(&crowded, request(2, 200, 260)).unwrap();
    assert!(step.check_size().is_err());
}

#[derive(Debug, Clone)]
enum Act {
    Schedule(u32, i64, i64, bool),
    Move(usize, i64, i64),
    Cancel(usize),
    On(bool),
    Off,
    Normal,
    Clock(bool),
    Wait(i64),
}

/// What an act makes of a flag.
#[derive(Debug, Clone)]
enum Happens {
    Switch(Event),
    Schedule(ScheduleEvent),
}

fn acts() -> impl Strategy<Value = Act> {
    let time = || (-20..300_i64, 1..90_i64);
    prop_oneof![
        3 => (0..40_u32, time(), any::<bool>()).prop_map(|(id, (from, lasts), recurring)| {
            Act::Schedule(id, from, from + lasts, recurring)
        }),
        1 => (0..4_usize, time()).prop_map(|(n, (from, lasts))| Act::Move(n, from, from + lasts)),
        1 => (0..4_usize).prop_map(Act::Cancel),
        1 => any::<bool>().prop_map(Act::On),
        1 => Just(Act::Off),
        1 => Just(Act::Normal),
        2 => any::<bool>().prop_map(Act::Clock),
        3 => (0..60_i64).prop_map(Act::Wait),
    ]
}

proptest! {
    /// Through any events a window is open at a time only if a person, a monitor or a window whose time it is
    /// says so; none is lost but by a cancel, by its own end, or by `off` in its time; and no two overlap.
    #[test]
    fn no_event_loses_a_window_or_opens_early(acts in prop::collection::vec(acts(), 0..24)) {
        let mut flag = Flag::off();
        let mut now = 0;
        for (step, act) in acts.into_iter().enumerate() {
            let before = flag.clone();
            let pick = |n: usize| before.schedule.windows.get(n).map(|it| it.window.clone());
            let event = match act {
                Act::Wait(minutes) => {
                    now += minutes;
                    continue;
                }
                Act::Schedule(id, from, to, recurring) => {
                    let mut request = request(id, now + from, now + to);
                    request.enter.at = at(now);
                    request.recurring = recurring.then(|| "nightly".to_owned());
                    Happens::Schedule(ScheduleEvent::Schedule(Box::new(request)))
                }
                Act::Move(n, from, to) => {
                    let Some(window) = pick(n) else { continue };
                    let replacement = crate::windows::window(1_000 + step as u32);
                    Happens::Schedule(ScheduleEvent::Move(Box::new(MoveWindow {
                        window, replacement, product: None, starts_at: at(now + from),
                        until: at(now + to), by: "ben@desk".to_owned(), at: at(now),
                    })))
                }
                Act::Cancel(n) => {
                    let Some(window) = pick(n) else { continue };
                    let at = at(now);
                    Happens::Schedule(ScheduleEvent::Cancel(CancelWindow { window, product: None, withdraw: false, at }))
                }
                Act::On(by_monitor) => {
                    let owner = if by_monitor { observer() } else { ana() };
                    let mut enter = enter(500 + step as u32, now);
                    enter.owner = owner;
                    Happens::Switch(Event::Enter(Box::new(enter)))
                }
                Act::Off => Happens::Switch(exit(None, now)),
                Act::Normal => Happens::Switch(normal(now)),
                Act::Clock(true) => Happens::Switch(Event::Start { at: at(now) }),
                Act::Clock(false) => Happens::Switch(ended(now)),
            };
            let after = match event.clone() {
                Happens::Switch(event) => next(&before, event).map(|step| step.flag),
                Happens::Schedule(event) => reschedule(&before, event).map(|step| step.flag),
            };
            let Ok(after) = after else { continue };
            flag = after;
            let stored = flag.encode().unwrap();
            prop_assert_eq!(Flag::decode(&stored), Ok(flag.clone()));
            let opens = |flag: &Flag| -> Vec<ScheduledWindow> {
                let windows = flag.schedule.windows.iter();
                windows.filter(|it| !it.cancelled && at(now) < it.until).cloned().collect()
            };
            // What is left of the windows that were to open.
            for entry in opens(&before) {
                let is_kept = opens(&flag).iter().any(|it| it.window == entry.window);
                let is_written = flag.window.as_ref() == Some(&entry.window);
                let is_asked_for = match &event {
                    Happens::Schedule(ScheduleEvent::Cancel(it)) => it.window == entry.window,
                    Happens::Schedule(ScheduleEvent::Move(it)) => it.window == entry.window,
                    Happens::Switch(Event::Exit(_)) => entry.is_due(at(now)),
                    _ => false,
                };
                prop_assert!(is_kept || is_written || is_asked_for, "{:?} lost {:?}", event, entry);
            }
            // Nothing opens at a time that no window has.
            let edges = before.schedule.windows.iter().chain(&flag.schedule.windows);
            let edges = edges.flat_map(|it| [it.starts_at, it.until]);
            let edges = edges.chain(flag.opens_at()).filter(|time| *time > at(now));
            for edge in edges.chain([at(now + 1)]) {
                for time in [edge - SignedDuration::from_secs(1), edge] {
                    let is_on = flag.mode_at(time).is_on();
                    let by_entry = opens(&flag).iter().any(|it| it.is_due(time));
                    let ends = flag.opens_at();
                    let by_itself = flag.mode.is_on() && ends.is_none_or(|end| time < end);
                    prop_assert_eq!(is_on, by_entry || by_itself);
                }
            }
            let windows = opens(&flag);
            for (n, one) in windows.iter().enumerate() {
                for other in &windows[n + 1..] {
                    prop_assert!(one.until <= other.starts_at, "{:?} overlap", (one, other));
                }
            }
            prop_assert!(windows.len() <= MAX_SCHEDULED);
        }
    }
}
