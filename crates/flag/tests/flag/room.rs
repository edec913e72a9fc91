//! What a flag has room for: refused on the way in, made to fit on the way out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maintenance_flag::{
    Change, Enter, Event, Exit, Flag, Force, Lease, MAX_NAME_BYTES, MAX_REASON_BYTES,
    MAX_VALUE_BYTES, Mode, Options, Outcome, Owner, TooLarge, Transition, Truncated, WindowId,
    next, stored_bytes,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::windows::{ana, at, enter_with, exit, normal, observer, off, on, window};

fn message(text: impl Into<String>) -> Options {
    Options {
        message: Change::Set(text.into()),
        ..Options::default()
    }
}

fn entered(from: &Flag, options: Options) -> Transition {
    next(from, enter_with(ana(), false, options)).unwrap()
}

/// The flag with a field that this version does not know, which takes so many bytes.
fn with_note(mut flag: Flag, bytes: usize) -> Flag {
    flag.unknown
        .insert("note".to_owned(), "n".repeat(bytes).into());
    flag
}

#[test]
fn a_text_takes_what_it_takes_as_stored() {
    for (text, bytes) in [
        ("", 0),
        ("plain", 5),
        ("ü", 2),
        ("\"\\", 4),
        ("\n", 2),
        ("{{", 7),
    ] {
        assert_eq!(stored_bytes(text), bytes, "{text:?}");
    }
}

#[test]
fn there_is_room_to_the_byte_for_fields_that_are_added_later() {
    let room = |length: usize| entered(&Flag::off(), message("x".repeat(length))).check_size();
    let most = (0..MAX_VALUE_BYTES)
        .rfind(|length| room(*length).is_ok())
        .unwrap();
    let mut flag = entered(&Flag::off(), message("x".repeat(most))).flag;
    assert_eq!(flag.drained_at, None);
    flag.drained_at = Some(at(20));
    assert_eq!(flag.encode().map(|text| text.len()), Ok(MAX_VALUE_BYTES));
    let refused = room(most + 1).unwrap_err();
    assert_eq!(refused.bytes, refused.most + 1);
    let first = &refused.fields[0];
    assert_eq!((first.name.as_str(), first.bytes), ("message", most + 1));

    // A flag typed by hand gets a window, too, before anything is saved for it.
    let typed = |length| Transition {
        flag: with_note(Flag::bare(Mode::On), length),
        outcome: Outcome::AlreadyOn,
        truncated: Vec::new(),
    };
    let most = (0..MAX_VALUE_BYTES).rfind(|length| typed(*length).check_size().is_ok());
    let mut flag = typed(most.unwrap()).flag;
    (flag.window, flag.drained_at) = (Some(window(1)), Some(at(20)));
    assert_eq!(flag.encode().map(|text| text.len()), Ok(MAX_VALUE_BYTES));
}

#[test]
fn names_the_largest_fields_first() {
    let paths = (0..160).map(|n| format!("/hooks/number/{n}").parse().unwrap());
    let options = Options {
        addresses: Change::Set(vec!["192.0.2.0/24".parse().unwrap()]),
        paths: Change::Set(paths.collect()),
        ..message("m".repeat(1_000))
    };
    let refused = entered(&with_note(off(), 30), options)
        .check_size()
        .unwrap_err();
    assert!(refused.is_of_options());
    let fields = refused.fields.iter();
    let named: Vec<_> = fields.map(|it| (it.name.as_str(), it.is_option)).collect();
    assert_eq!(
        named[..3],
        [("bypass.paths", true), ("message", true), ("owner", false)]
    );
    for field in [
        ("bypass.addresses", true),
        ("reason", true),
        ("note", false),
    ] {
        assert!(named.contains(&field), "{field:?}");
    }
    let TooLarge { bytes, most, .. } = refused;
    let paths = refused.fields[0].bytes;
    assert_eq!(
        refused.to_string(),
        format!(
            "the flag would take {bytes} bytes, and may take {most}: {paths} of them \"bypass.paths\", \
             1000 of them \"message\""
        )
    );
}

#[test]
fn tells_stored_fields_from_options() {
    let stored = |refused: &TooLarge| {
        let first = &refused.fields[0];
        assert!(!first.is_option, "{first:?}");
        first.name.clone()
    };
    // Nothing that is asked for takes it.
    let refused = entered(&with_note(off(), 3_900), Options::default()).check_size();
    let refused = refused.unwrap_err();
    assert_eq!(
        (stored(&refused).as_str(), refused.is_of_options()),
        ("note", false)
    );
    // The message would do, if it were shorter.
    let refused = entered(&with_note(off(), 3_400), message("m".repeat(600))).check_size();
    let refused = refused.unwrap_err();
    assert_eq!(
        (stored(&refused).as_str(), refused.is_of_options()),
        ("note", true)
    );
    // A window that is open keeps its reason unless another is given.
    let typed = Flag {
        reason: Some("r".repeat(3_990)),
        ..Flag::bare(Mode::On)
    };
    let mut unexplained = enter_with(ana(), false, message("short"));
    if let Event::Enter(enter) = &mut unexplained {
        enter.reason = None;
    }
    let refused = next(&typed, unexplained).unwrap().check_size().unwrap_err();
    assert_eq!(
        (stored(&refused).as_str(), refused.is_of_options()),
        ("reason", false)
    );
    let typed = Flag {
        bypass: Some(json!({"countries": "c".repeat(4_000)})),
        ..Flag::bare(Mode::On)
    };
    let refused = entered(&typed, message("short")).check_size().unwrap_err();
    assert_eq!(stored(&refused), "bypass.countries");
}

#[test]
fn closing_cuts_long_texts_first_and_then_leaves_out_the_largest_fields() {
    let mut from = with_note(on(Owner::observer("o".repeat(2_000))), 1_500);
    from.unknown
        .insert("more".to_owned(), json!([1, 2, "{{".repeat(100)]));
    let force = || exit(Some(&"why ".repeat(500)));
    let step = next(&from, force()).unwrap();
    assert_eq!(step.outcome, Outcome::TurnedOff);
    // Cut, there is room for every field.
    assert_eq!(
        step.truncated,
        [Truncated::EndOf("overrode"), Truncated::EndOf("reason")]
    );
    let flag = step.flag;
    let (overrode, reason) = (
        flag.overrode.clone().unwrap().name,
        flag.reason.clone().unwrap(),
    );
    assert_eq!(
        (overrode.len(), reason.len()),
        (MAX_NAME_BYTES, MAX_REASON_BYTES)
    );
    assert!(overrode.starts_with("ooo") && overrode.ends_with("o…"));
    assert_eq!(flag.unknown, from.unknown);
    assert!(flag.encode().is_ok());

    from = with_note(from, 3_900);
    let step = next(&from, force()).unwrap();
    let words: Vec<_> = step.truncated.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "the end of \"overrode\"",
            "the end of \"reason\"",
            "\"note\""
        ]
    );
    let mut unknown = from.unknown.clone();
    unknown.shift_remove("note");
    assert_eq!(
        step.flag.unknown, unknown,
        "smaller fields stay, in their order"
    );
    assert!(step.flag.encode().is_ok());

    // What fits is not touched, however long.
    let long = "r".repeat(3_000);
    let step = next(&on(ana()), exit(Some(&long))).unwrap();
    assert_eq!((step.flag.reason, step.truncated), (Some(long), Vec::new()));
}

#[test]
fn a_lease_is_stored_however_much_there_is_to_say() {
    let roles = (0..300).map(|n| (format!("a-role-with-quite-a-long-name-{n}"), None));
    let left: BTreeMap<_, _> = roles.collect();
    let names: Vec<_> = left.keys().map(String::as_str).collect();
    let lease = Lease {
        id: "x".to_owned(),
        by: "ana@laptop".to_owned(),
        operation: format!("on {}", names.join(", ")),
        acquired: Timestamp::UNIX_EPOCH,
        expires: Timestamp::UNIX_EPOCH,
        released: false,
        follower: None,
        left,
    };
    let text = lease.encode();
    assert!(text.len() <= MAX_VALUE_BYTES);
    let back = Lease::decode(&text).unwrap();
    assert_eq!((back.by, back.left), (lease.by, BTreeMap::new()));
    assert!(back.operation.starts_with("on a-role-with") && back.operation.ends_with('…'));
}

fn texts(most: usize) -> impl Strategy<Value = String> {
    let some = prop_oneof![
        Just("x"),
        Just("{"),
        Just("\""),
        Just("\n"),
        Just("é"),
        Just("\u{1}")
    ];
    (some, 0..most).prop_map(|(char, times)| char.repeat(times))
}

/// What takes at most so many bytes as stored.
fn accepted(most: usize) -> impl Strategy<Value = String> {
    texts(most + 1).prop_map(move |mut text| {
        while stored_bytes(&text) > most {
            text.truncate(text.len() / 4 * 2);
        }
        text
    })
}

fn notes() -> impl Strategy<Value = Map<String, Value>> {
    let notes = prop::collection::btree_map("x_[a-z{]{1,40}", texts(2_000), 0..40);
    notes.prop_map(|notes| {
        notes
            .into_iter()
            .map(|(key, text)| (key, text.into()))
            .collect()
    })
}

proptest! {
    // Each case is kilobytes.
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn closes_a_window_whatever_the_flag_holds(
        owner in (any::<bool>(), texts(5_000)),
        texts in [texts(5_000), texts(5_000), texts(5_000)],
        reason in prop::option::of(texts(5_000)),
        unknown in notes(),
    ) {
        let owner = match owner {
            (true, name) => Owner::observer(name),
            (false, name) => Owner::manual(name),
        };
        let [by, message, window] = texts;
        let from = Flag {
            owner: Some(owner),
            by: Some(by.clone()),
            message: Some(message),
            window: window.get(..64).and_then(|id| id.parse().ok()),
            unknown,
            ..Flag::bare(Mode::On)
        };
        let forced = Event::Exit(Exit {
        product: None,
            by,
            force: Some(Force { reason: reason.clone().unwrap_or_default() }),
            at: at(30),
        });
        for event in [forced, exit(None), normal("healthcheck")] {
            let Ok(step) = next(&from, event) else { continue };
            prop_assert_eq!(step.outcome, Outcome::TurnedOff);
            let text = step.flag.encode().map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(Flag::decode(&text), Ok(step.flag.clone()));
            let all = step.flag.unknown == from.unknown;
            let truncated = step.truncated.iter().any(|it| matches!(it, Truncated::Field(_)));
            prop_assert_eq!(all, !truncated);
        }
    }

    /// What this version accepts, it never has to leave out.
    #[test]
    fn closes_a_window_that_it_opened_without_leaving_anything_out(
        (name, by) in (accepted(MAX_NAME_BYTES), accepted(MAX_NAME_BYTES)),
        (reason, why) in (accepted(MAX_REASON_BYTES), accepted(MAX_REASON_BYTES)),
        message in texts(4_000),
        note in 0_usize..1_500,
    ) {
        let enter = Event::Enter(Box::new(Enter {
        product: None,
            owner: Owner::observer(name),
            by: by.clone(),
            reason: Some(reason),
            window: WindowId::new(at(0), 1),
            at: at(10),
            read_only: false,
            options: self::message(message),
        }));
        let step = next(&with_note(Flag::off(), note), enter).unwrap();
        if step.check_size().is_ok() {
            let mut flag = step.flag;
            flag.drained_at = Some(at(20));
            prop_assert!(flag.encode().is_ok());
            let force = Some(Force { reason: why });
            let step = next(&flag, Event::Exit(Exit { by, product: None, force, at: at(30) })).unwrap();
            prop_assert_eq!(step.truncated, []);
            prop_assert!(step.flag.encode().is_ok());
        }
    }
}

#[test]
fn an_observer_closes_its_window_whatever_is_stored() {
    let from = with_note(on(observer()), 10_000);
    let step = next(&from, normal("healthcheck")).unwrap();
    assert_eq!(step.truncated, [Truncated::Field("note".to_owned())]);
    assert_eq!(step.flag.unknown["ticket"], "T-1");
    assert!(step.flag.encode().is_ok());
}
