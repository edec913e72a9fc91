//! What the kept versions of a flag tell, and what they do not.

use std::time::Duration;

use maintenance_flag::{
    CancelWindow, Change, Enter, Event, Exit, Flag, FlagVersion, Force, HistoryEntry, HistoryKind,
    HistoryResult, Mode, MoveWindow, Options, Owner, RecordedMode, ScheduleEvent, ScheduleWindow,
    Source, Times, next, reschedule, transitions,
};

use crate::windows::{at, observer, window};

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/ops/ana";

/// A flag, and the versions of it that a store has kept.
struct Play {
    flag: Flag,
    versions: Vec<FlagVersion>,
    first: u64,
}

impl Play {
    fn new() -> Self {
        Self {
            flag: Flag::off(),
            versions: Vec::new(),
            first: 1,
        }
    }

    fn write(&mut self, minute: u32, value: &str) -> &mut Self {
        self.versions.push(FlagVersion {
            number: self.first + self.versions.len() as u64,
            value: value.to_owned(),
            at: at(minute),
            user: Some(ARN.to_owned()),
        });
        if let Ok(flag) = Flag::decode(value) {
            self.flag = flag;
        }
        self
    }

    fn event(&mut self, minute: u32, event: Event) -> &mut Self {
        let flag = next(&self.flag, event).unwrap().flag;
        self.store(minute, &flag)
    }

    fn store(&mut self, minute: u32, flag: &Flag) -> &mut Self {
        self.write(minute, &flag.encode().unwrap())
    }

    fn on(&mut self, minute: u32, owner: Owner, options: Options) -> &mut Self {
        self.event(
            minute,
            Event::Enter(Box::new(Enter {
                by: owner.name.clone(),
                owner,
                product: Some("shop".parse().unwrap()),
                reason: Some(format!("reason {minute}")),
                window: window(minute),
                at: at(minute),
                read_only: false,
                options,
            })),
        )
    }

    fn off(&mut self, minute: u32, force: Option<&str>) -> &mut Self {
        self.event(
            minute,
            Event::Exit(Exit {
                by: "ben@desk".to_owned(),
                product: None,
                force: force.map(|reason| Force {
                    reason: reason.to_owned(),
                }),
                at: at(minute),
            }),
        )
    }

    fn reschedule(&mut self, minute: u32, event: ScheduleEvent) {
        let flag = reschedule(&self.flag, event).unwrap().flag;
        self.store(minute, &flag);
    }

    /// What `on` notes once all functions are paused.
    fn drained(&mut self, minute: u32) -> &mut Self {
        let flag = Flag {
            drained_at: Some(at(minute + 1)),
            ..self.flag.clone()
        };
        self.store(minute, &flag)
    }

    fn told(&self) -> Vec<HistoryEntry> {
        transitions(&self.versions, at(59))
    }

    /// Kind, from → to, by, source, minutes, result: newest first.
    fn lines(&self) -> Vec<String> {
        self.told().iter().map(line).collect()
    }
}

fn line(entry: &HistoryEntry) -> String {
    let minutes = entry.duration.map(|it| (it.as_secs() / 60).to_string());
    format!(
        "{} {}: {} → {} by {} ({}) {} {}",
        entry.at.strftime("%M"),
        entry.kind.as_str(),
        entry.from.as_str(),
        entry.to.as_str(),
        entry.by.as_deref().unwrap_or("-"),
        entry.source.map_or("-", Source::as_str),
        minutes.as_deref().unwrap_or("-"),
        entry.result.as_str(),
    )
}

/// Ana asks for a window of this number.
fn enter_at(minute: u32, number: u32) -> Event {
    Event::Enter(Box::new(Enter {
        by: "ana@laptop".to_owned(),
        owner: ana(),
        product: None,
        reason: Some(format!("reason {minute}")),
        window: window(number),
        at: at(minute),
        read_only: false,
        options: Options::default(),
    }))
}

fn ana() -> Owner {
    Owner::manual("ana@laptop")
}

fn until(minute: u32) -> Options {
    Options {
        until: Change::Set(at(minute)),
        auto_off: Some(true),
        ..Options::default()
    }
}

#[test]
fn a_window_has_who_why_how_long_and_how_it_ended() {
    let mut play = Play::new();
    assert_eq!(play.told(), []);
    play.on(1, ana(), Options::default())
        .drained(2)
        .off(11, None);
    assert_eq!(
        play.lines(),
        [
            "11 turned_off: on → off by ben@desk (manual) 10 complete",
            "01 turned_on: off → on by ana@laptop (manual) 10 complete",
        ]
    );
    let opening = &play.told()[1];
    assert_eq!(opening.version, 1);
    assert_eq!(opening.user.as_deref(), Some(ARN));
    assert_eq!(opening.owner, Some(ana()));
    assert_eq!(opening.reason.as_deref(), Some("reason 1"));
    assert_eq!(opening.window, Some(window(1)));
    assert_eq!(opening.product.as_ref().unwrap().as_str(), "shop");
    assert_eq!(opening.duration, Some(Duration::from_secs(600)));
    // Whose it was that closed is told there, too.
    assert_eq!(play.told()[0].owner, Some(ana()));
}

#[test]
fn what_on_notes_in_its_own_flag_is_no_transition_nor_is_the_same_twice() {
    let mut play = Play::new();
    play.on(1, ana(), Options::default()).drained(2).drained(3);
    // An answer was lost, and the same is written again.
    let value = play.flag.encode().unwrap();
    play.write(4, &value);
    assert_eq!(
        play.lines(),
        ["01 turned_on: off → on by ana@laptop (manual) - complete"]
    );
}

#[test]
fn a_window_whose_functions_were_never_all_paused_is_no_success() {
    let mut play = Play::new();
    play.on(1, ana(), Options::default());
    assert_eq!(
        play.lines(),
        ["01 turned_on: off → on by ana@laptop (manual) - unknown"]
    );
    play.off(5, None);
    assert_eq!(
        play.lines()[1],
        "01 turned_on: off → on by ana@laptop (manual) 4 partial"
    );
}

#[test]
fn an_observers_window_and_who_overrode_it() {
    let mut play = Play::new();
    play.on(1, observer(), Options::default()).drained(2);
    play.event(
        5,
        Event::Normal {
            observer: "healthcheck".to_owned(),
            product: None,
            at: at(5),
        },
    );
    play.on(10, observer(), Options::default()).drained(11);
    play.off(12, Some("the monitor is wrong"));
    assert_eq!(
        play.lines(),
        [
            "12 turned_off: on → off by ben@desk (manual) 2 complete",
            "10 turned_on: off → on by healthcheck (observer) 2 complete",
            "05 turned_off: on → off by healthcheck (observer) 4 complete",
            "01 turned_on: off → on by healthcheck (observer) 4 complete",
        ]
    );
    let forced = &play.told()[0];
    assert_eq!(forced.overrode, Some(observer()));
    assert_eq!(forced.reason.as_deref(), Some("the monitor is wrong"));
}

#[test]
fn updated_options_are_named_and_lengthen_no_window() {
    let mut play = Play::new();
    let message = Options {
        message: Change::Set("Back at nine.".to_owned()),
        ..Options::default()
    };
    play.on(1, ana(), Options::default())
        .drained(2)
        .on(4, ana(), message);
    let read_only = Flag {
        mode: Mode::ReadOnly,
        by: Some("cleo@desk".to_owned()),
        ..play.flag.clone()
    };
    play.store(6, &read_only).off(9, None);
    assert_eq!(
        play.lines(),
        [
            "09 turned_off: read-only → off by ben@desk (manual) 8 complete",
            "06 options_updated: on → read-only by cleo@desk (-) - complete",
            "04 options_updated: on → on by ana@laptop (-) - complete",
            "01 turned_on: off → on by ana@laptop (manual) 8 complete",
        ]
    );
    let told = play.told();
    assert_eq!(told[2].changed, ["reason", "message"]);
    assert_eq!(told[2].reason.as_deref(), Some("reason 4"));
    assert_eq!(
        (&told[1].changed[..], &told[1].reason),
        (&["mode"][..], &None)
    );
}

#[test]
fn a_window_that_ends_by_itself_is_told_without_a_version_of_its_own() {
    let mut play = Play::new();
    play.on(1, ana(), until(20)).drained(2);
    let ended = "20 ended_by_itself: on → off by - (schedule) 19 unknown";
    assert_eq!(play.lines()[0], ended);
    // Not before its end.
    let early = transitions(&play.versions, at(19));
    assert_eq!(early.len(), 1);
    assert_eq!(early[0].duration, None);
    // `off` gives back what it left paused, and a new one opens.
    play.off(30, None).on(40, ana(), Options::default());
    assert_eq!(
        play.lines(),
        [
            "40 turned_on: off → on by ana@laptop (manual) - unknown",
            "30 restored: off → off by ben@desk (-) - complete",
            ended,
            "01 turned_on: off → on by ana@laptop (manual) 19 complete",
        ]
    );
    // One that opens right after the end, without an `off` between.
    let mut play = Play::new();
    play.on(1, ana(), until(20))
        .drained(2)
        .on(25, ana(), Options::default());
    assert_eq!(
        play.lines(),
        [
            "25 turned_on: off → on by ana@laptop (manual) - unknown",
            ended,
            "01 turned_on: off → on by ana@laptop (manual) 19 complete",
        ]
    );
    // What is noted late, after the end, opens and closes nothing.
    let mut play = Play::new();
    play.on(1, ana(), until(20)).drained(22);
    assert_eq!(play.lines().len(), 2, "{:?}", play.lines());
    assert_eq!(play.lines()[0], ended);
}

#[test]
fn hand_edits_are_told_as_what_they_are() {
    let mut play = Play::new();
    play.write(1, "on").write(3, "off\n").write(5, "offf");
    play.on(7, ana(), Options::default()).drained(8);
    let good = play.flag.encode().unwrap();
    play.write(10, "{\"schema\":1,")
        .write(12, &good)
        .off(15, None);
    assert_eq!(
        play.lines(),
        [
            "15 turned_off: on → off by ben@desk (manual) 8 complete",
            "12 set_by_hand: unreadable → on by ana@laptop (manual) - unknown",
            "10 unreadable: on → unreadable by - (manual) - unknown",
            "07 turned_on: unreadable → on by ana@laptop (manual) 8 complete",
            "05 unreadable: off → unreadable by - (manual) - unknown",
            "03 set_by_hand: on → off by - (manual) 2 unknown",
            "01 set_by_hand: off → on by - (manual) 2 unknown",
        ]
    );
    let told = play.told();
    assert_eq!(
        told[2].error.as_ref().unwrap().to_string(),
        "the stored value is malformed: the JSON ends in the middle"
    );
    // A newer version of this program is no person.
    let mut play = Play::new();
    play.write(1, r#"{"schema":9,"mode":"half"}"#);
    assert_eq!(
        play.lines(),
        ["01 unreadable: off → unreadable by - (-) - unknown"]
    );
}

#[test]
fn a_bare_on_that_gets_the_name_of_a_window_is_one_window() {
    let mut play = Play::new();
    play.write(1, "on");
    let named = Flag {
        window: Some(window(7)),
        ..Flag::bare(Mode::On)
    };
    play.store(2, &named).drained(3).off(6, None);
    assert_eq!(
        play.lines(),
        [
            "06 turned_off: on → off by ben@desk (manual) 5 complete",
            "01 set_by_hand: off → on by - (manual) 5 complete",
        ]
    );
}

#[test]
fn windows_to_come_are_told_when_they_are_scheduled_moved_and_cancelled_and_when_they_open() {
    let mut play = Play::new();
    let schedule = |n: u32, from: u32, to: u32, minute: u32| {
        let Event::Enter(enter) = enter_at(minute, n) else {
            unreachable!("it enters")
        };
        ScheduleEvent::Schedule(Box::new(ScheduleWindow {
            enter: *enter,
            starts_at: at(from),
            until: at(to),
            recurring: None,
            accept_event_loss: false,
        }))
    };
    play.reschedule(1, schedule(7, 10, 20, 1));
    play.reschedule(2, schedule(8, 40, 50, 2));
    play.reschedule(
        3,
        ScheduleEvent::Move(Box::new(MoveWindow {
            window: window(7),
            product: None,
            starts_at: at(15),
            until: at(25),
            by: "ben@desk".to_owned(),
            replacement: window(9),
            at: at(3),
        })),
    );
    play.reschedule(
        4,
        ScheduleEvent::Cancel(CancelWindow {
            window: window(8),
            product: None,
            withdraw: false,
            at: at(4),
        }),
    );
    let planned = [
        "04 cancelled: off → off by - (-) - complete",
        "03 rescheduled: off → off by ben@desk (manual) - complete",
        "02 scheduled: off → off by ana@laptop (manual) - complete",
        "01 scheduled: off → off by ana@laptop (manual) - complete",
    ];
    let until = |minute| {
        let told = transitions(&play.versions, at(minute));
        told.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(until(14), planned);
    let moved = &transitions(&play.versions, at(14))[1];
    let times = |times: Option<Times>| times.map(|it| (it.starts_at, it.until));
    assert_eq!(times(moved.times_before), Some((at(10), at(20))));
    assert_eq!(times(moved.times), Some((at(15), at(25))));
    // Nothing is written when it opens and ends.
    let started = "15 started_by_itself: off → on by ben@desk (schedule) - unknown";
    assert_eq!(until(16), [&[started][..], &planned].concat());
    let started = started.replace("- unknown", "10 unknown");
    let ended = "25 ended_by_itself: on → off by - (schedule) 10 unknown";
    assert_eq!(
        until(30),
        [&[ended, started.as_str()][..], &planned].concat()
    );
    // `on` writes what is open already, and notes that its functions are paused; `off` ends it early.
    let open = Flag {
        drained_at: Some(at(16)),
        ..play.flag.at(at(15)).into_owned()
    };
    play.store(16, &open).off(18, None);
    assert_eq!(
        play.lines()[..2],
        [
            "18 turned_off: on → off by ben@desk (manual) 3 complete",
            "15 started_by_itself: off → on by ben@desk (schedule) 3 complete",
        ]
    );
    assert_eq!(play.lines().len(), 6);
}

#[test]
fn at_the_edge_of_what_is_kept_nothing_is_guessed() {
    let mut whole = Play::new();
    whole
        .on(1, ana(), Options::default())
        .drained(2)
        .off(9, None);
    whole
        .on(20, ana(), Options::default())
        .drained(21)
        .off(29, None);
    let kept = |from: usize| transitions(&whole.versions[from..], at(59));
    let lines = |from| kept(from).iter().map(line).collect::<Vec<_>>();
    let whole_lines = whole.lines();
    // The oldest kept version is an opening, a note in it, or a closing.
    let opened = "01 turned_on: unknown → on by ana@laptop (manual) 8 complete";
    assert_eq!(
        lines(1),
        [&whole_lines[..3], &[opened.to_owned()][..]].concat()
    );
    assert_eq!(
        lines(2),
        [
            &whole_lines[..2],
            &["09 turned_off: unknown → off by ben@desk (-) - complete".to_owned()][..]
        ]
        .concat()
    );
    assert_eq!(lines(5).len(), 1);
    // A bare value does not say since when.
    let bare = FlagVersion {
        number: 7,
        value: "on".to_owned(),
        at: at(3),
        user: None,
    };
    let told = transitions(&[bare], at(59));
    assert_eq!(told[0].from, RecordedMode::Unknown);
    assert_eq!((told[0].at, told[0].kind), (at(3), HistoryKind::SetByHand));
}

#[test]
fn a_window_that_replaced_another_hides_when_that_closed() {
    let mut play = Play::new();
    play.on(1, ana(), Options::default());
    // Another client wrote over it what it had read long ago.
    play.flag = Flag::off();
    play.on(5, observer(), Options::default()).drained(6);
    assert_eq!(
        play.lines(),
        [
            "05 turned_on: on → on by healthcheck (observer) - complete",
            "01 turned_on: off → on by ana@laptop (manual) - partial",
        ]
    );
}

#[test]
fn clocks_that_went_back_make_no_negative_length() {
    let mut play = Play::new();
    play.on(10, ana(), Options::default())
        .drained(11)
        .off(5, None);
    assert_eq!(play.told()[0].duration, None);
    assert_eq!(play.told()[0].result, HistoryResult::Complete);
}
