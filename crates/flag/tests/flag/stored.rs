//! Reading and writing documents: what is malformed, what is kept, what a store takes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maintenance_flag::{
    CapacityDoc, DecodeError, EncodeError, Flag, Lease, Left, MAX_VALUE_BYTES, Mode, Owner,
    OwnerKind, WindowId,
};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::fixtures::FLAGS;

fn malformed(text: &str) -> String {
    match Flag::decode(text) {
        Err(DecodeError::Malformed { reason }) => reason,
        other => panic!("{text:?} gives {other:?}"),
    }
}

#[test]
fn bare_words_with_or_without_white_space() {
    for text in ["on", "on\n", " on\r\n", "\ton "] {
        assert_eq!(Flag::decode(text), Ok(Flag::bare(Mode::On)));
    }
    for text in ["off", "off\n", "\n off"] {
        assert_eq!(Flag::decode(text), Ok(Flag::off()));
    }
}

#[test]
fn anything_else_is_malformed_and_says_which_field() {
    for (text, part) in [
        ("", "empty"),
        (" \n", "empty"),
        ("ON", "not JSON"),
        ("On", "not JSON"),
        ("offf", "not JSON"),
        ("on off", "not JSON"),
        ("\"on\"", "not a JSON object"),
        ("true", "not a JSON object"),
        ("1", "not a JSON object"),
        ("null", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("{}", "\"schema\""),
        ("{} {}", "not JSON"),
        (r#"{"mode":"on"}"#, "\"schema\""),
        (r#"{"schema":null,"mode":"on"}"#, "\"schema\""),
        (r#"{"schema":0,"mode":"on"}"#, "\"schema\""),
        (r#"{"schema":-1,"mode":"on"}"#, "\"schema\""),
        (r#"{"schema":1.5,"mode":"on"}"#, "\"schema\""),
        (r#"{"schema":"1","mode":"on"}"#, "\"schema\""),
        (r#"{"schema":1}"#, "\"mode\""),
        (r#"{"schema":1,"mode":null}"#, "\"mode\""),
        (r#"{"schema":1,"mode":true}"#, "\"mode\""),
        (r#"{"schema":1,"mode":"ON"}"#, "\"mode\""),
        (r#"{"schema":1,"mode":""}"#, "\"mode\""),
        (r#"{"schema":1,"mode":"on","window":"a/b"}"#, "\"window\""),
        (r#"{"schema":1,"mode":"on","window":7}"#, "\"window\""),
        (r#"{"schema":1,"mode":"on","owner":"ana"}"#, "\"owner\""),
        (r#"{"schema":1,"mode":"on","owner":{}}"#, "\"owner\""),
        (
            r#"{"schema":1,"mode":"on","owner":{"kind":"manual"}}"#,
            "\"owner\"",
        ),
        (
            r#"{"schema":1,"mode":"on","owner":{"kind":"cat","name":"x"}}"#,
            "\"owner\"",
        ),
        (
            r#"{"schema":1,"mode":"on","overrode":{"kind":"cat","name":"x"}}"#,
            "\"overrode\"",
        ),
        (r#"{"schema":1,"mode":"on","by":1}"#, "\"by\""),
        (r#"{"schema":1,"mode":"on","reason":[]}"#, "\"reason\""),
        (r#"{"schema":1,"mode":"on","message":{}}"#, "\"message\""),
        (
            r#"{"schema":1,"mode":"on","since":"yesterday"}"#,
            "\"since\"",
        ),
        (
            r#"{"schema":1,"mode":"on","until":"2026-11-21"}"#,
            "\"until\"",
        ),
        (
            r#"{"schema":1,"mode":"on","until":1795000000}"#,
            "\"until\"",
        ),
        (
            r#"{"schema":1,"mode":"on","retry_after":-1}"#,
            "\"retry_after\"",
        ),
        (
            r#"{"schema":1,"mode":"on","retry_after":1.5}"#,
            "\"retry_after\"",
        ),
        (
            r#"{"schema":1,"mode":"on","retry_after":"60"}"#,
            "\"retry_after\"",
        ),
        (
            r#"{"schema":1,"mode":"on","retry_after":4294967296}"#,
            "\"retry_after\"",
        ),
    ] {
        let reason = malformed(text);
        assert!(reason.contains(part), "{text:?} is malformed: {reason}");
    }
}

#[test]
fn what_is_wrong_is_said_without_what_is_stored() {
    for text in [
        "hunter2",
        r#"{"hunter2":1}"#,
        r#"{"schema":1,"mode":"hunter2"}"#,
        r#"{"schema":1,"mode":"on","since":"hunter2"}"#,
        r#"{"schema":1,"mode":"on","owner":{"kind":"hunter2"}}"#,
    ] {
        let error = Flag::decode(text).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn null_is_the_same_as_nothing() {
    let text = r#"{"schema":1,"mode":"on","window":null,"owner":null,"by":null,"until":null,"retry_after":null,"bypass":null}"#;
    assert_eq!(Flag::decode(text), Ok(Flag::bare(Mode::On)));
}

#[test]
fn a_newer_document_is_read_as_far_as_it_is_understood() {
    let flag = Flag::decode(r#"{"schema":2,"mode":"on","moon":"full"}"#).unwrap();
    assert_eq!((flag.schema, flag.mode), (2, Mode::On));
    assert_eq!(flag.unknown["moon"], "full");
    let newer = |text| match Flag::decode(text) {
        Err(DecodeError::NewerSchema { schema }) => schema,
        other => panic!("{text:?} gives {other:?}"),
    };
    assert_eq!(newer(r#"{"schema":2,"mode":"half-open"}"#), 2);
    assert_eq!(newer(r#"{"schema":9}"#), 9);
    assert_eq!(
        newer(r#"{"schema":2,"mode":"on","owner":["ana","ben"]}"#),
        2
    );
}

#[test]
fn half_understood_capacities_and_leases_are_not_read_at_all() {
    let capacity = r#"{"schema":2,"origin":"x","functions":{}}"#;
    let lease = r#"{"schema":2,"id":"x","by":"x","operation":"x","acquired":"2026-11-21T08:30:00Z","expires":"2026-11-21T08:30:30Z"}"#;
    let newer = DecodeError::NewerSchema { schema: 2 };
    assert_eq!(CapacityDoc::decode(capacity), Err(newer.clone()));
    assert_eq!(Lease::decode(lease), Err(newer));
}

#[test]
fn malformed_capacities_name_the_function() {
    for (function, part) in [
        ("5", "capacity"),
        ("{}", "reserved"),
        (r#"{"reserved":null}"#, "reserved"),
        (r#"{"reserved":-1}"#, "reserved"),
        (r#"{"reserved":"0"}"#, "reserved"),
        (r#"{"reserved":4294967296}"#, "reserved"),
        (r#"{"reserved":1,"provisioned":[]}"#, "provisioned"),
        (
            r#"{"reserved":1,"provisioned":{"live":"5"}}"#,
            "provisioned",
        ),
        (r#"{"reserved":1,"mappings":{}}"#, "mappings"),
        (r#"{"reserved":1,"mappings":[1]}"#, "mappings"),
    ] {
        let text =
            format!(r#"{{"schema":1,"origin":"x","functions":{{"demo-dev-mail":{function}}}}}"#);
        let error = CapacityDoc::decode(&text).unwrap_err().to_string();
        assert!(
            error.contains("demo-dev-mail") && error.contains(part),
            "{error}"
        );
    }
    for text in [
        r#"{"schema":1,"functions":{}}"#,
        r#"{"schema":1,"origin":"x"}"#,
        r#"{"schema":1,"origin":"x","functions":[]}"#,
        "on",
        "",
    ] {
        assert!(CapacityDoc::decode(text).is_err(), "{text}");
    }
}

#[test]
fn a_lease_is_held_until_it_ends_or_is_given_back() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let lease = Lease {
        id: "x".to_owned(),
        by: "ana@laptop".to_owned(),
        operation: "on".to_owned(),
        acquired: at("2026-11-21T08:30:00Z"),
        expires: at("2026-11-21T08:30:30Z"),
        released: false,
        left: BTreeMap::new(),
    };
    assert!(lease.is_held(at("2026-11-21T08:30:29.999Z")));
    assert!(!lease.is_held(at("2026-11-21T08:30:30Z")));
    let released = Lease {
        released: true,
        ..lease
    };
    assert!(!released.is_held(at("2026-11-21T08:30:00Z")));
}

#[test]
fn what_a_lease_left_is_unknown_if_it_cannot_be_read() {
    for left in [
        "null",
        "7",
        "{}",
        r#"{"flag":-1}"#,
        r#"{"flag":1,"saved":["x"]}"#,
        r#"{"flag":1,"saved":{"a/b":"1"}}"#,
        r#"{"flag":1,"saved":{"w":1}}"#,
        r#"{"flag":1,"saved":{"w":""}}"#,
        r#"{"flag":1,"saved":{"w":"1-"}}"#,
        r#"{"flag":1,"saved":{"w":"1-4000000000"}}"#,
    ] {
        let text = format!(
            r#"{{"schema":1,"id":"x","by":"x","operation":"x","acquired":"2026-11-21T08:30:00Z","expires":"2026-11-21T08:30:30Z","left":{{"web":{left}}}}}"#
        );
        let lease = Lease::decode(&text).unwrap();
        assert_eq!(lease.left, [("web".to_owned(), None)].into(), "{left}");
    }
}

#[test]
fn a_lease_that_has_too_much_to_say_says_that_it_is_unknown() {
    let saved = (0..2_000).map(|n| (WindowId::new(Timestamp::UNIX_EPOCH, n), 1));
    let left = Left {
        flag: 1,
        saved: saved.collect(),
    };
    let lease = Lease {
        id: "x".to_owned(),
        by: "x".to_owned(),
        operation: "x".to_owned(),
        acquired: Timestamp::UNIX_EPOCH,
        expires: Timestamp::UNIX_EPOCH,
        released: true,
        left: [("worker".to_owned(), Some(left))].into(),
    };
    let text = lease.encode();
    assert!(text.len() <= MAX_VALUE_BYTES);
    let back = Lease::decode(&text).unwrap();
    assert_eq!(back.left, [("worker".to_owned(), None)].into());
}

#[test]
fn fields_of_a_later_version_are_kept_in_their_order() {
    let text = r#"{"schema":1,"mode":"off","b":[1,{"x":null}],"a":null,"ticket":"T-1"}"#;
    assert_eq!(Flag::decode(text).unwrap().encode().as_deref(), Ok(text));
}

#[test]
fn more_than_a_parameter_holds_is_refused_to_the_byte() {
    let with_reason = |length: usize| Flag {
        reason: Some("x".repeat(length)),
        ..Flag::bare(Mode::On)
    };
    let frame = with_reason(0).encode().unwrap().len();
    let largest = with_reason(MAX_VALUE_BYTES - frame);
    assert_eq!(largest.encode().unwrap().len(), MAX_VALUE_BYTES);
    assert_eq!(
        with_reason(MAX_VALUE_BYTES - frame + 1).encode(),
        Err(EncodeError {
            bytes: MAX_VALUE_BYTES + 1
        })
    );
    // What counts is bytes, not characters, and an escaped brace is longer than a plain one.
    let umlauts = Flag {
        reason: Some("ü".repeat(MAX_VALUE_BYTES / 2)),
        ..Flag::bare(Mode::On)
    };
    assert!(umlauts.encode().is_err());
    let braces = Flag {
        reason: Some("{".repeat(MAX_VALUE_BYTES / 3)),
        ..Flag::bare(Mode::On)
    };
    assert!(braces.encode().is_err());
}

/// Texts with much of what is awkward: braces, quotes, backslashes, line ends, other scripts.
fn awkward() -> impl Strategy<Value = String> {
    prop_oneof!["[{}\"\\\\\n a{é世]{0,24}", any::<String>()]
}

fn times() -> impl Strategy<Value = Timestamp> {
    (0..4_102_444_800_000_i64).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

fn owners() -> impl Strategy<Value = Owner> {
    let kinds = prop_oneof![Just(OwnerKind::Manual), Just(OwnerKind::Observer)];
    (kinds, awkward()).prop_map(|(kind, name)| Owner { kind, name })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        awkward().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((awkward(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn lefts()(
        flag in any::<u64>(),
        saved in prop::collection::btree_set((0..3_u32, 0..40_u32), 0..40),
    ) -> Left {
        let window = |n| WindowId::new(Timestamp::UNIX_EPOCH, n);
        Left { flag, saved: saved.into_iter().map(|(w, n)| (window(w), n)).collect() }
    }
}

prop_compose! {
    fn unknown_fields()(pairs in prop::collection::vec(("x_[a-z{]{1,8}", values()), 0..4))
        -> Map<String, Value>
    {
        pairs.into_iter().collect()
    }
}

prop_compose! {
    fn flags()(
        mode in prop_oneof![Just(Mode::On), Just(Mode::Off), Just(Mode::ReadOnly)],
        window in option::of((times(), any::<u32>())),
        owner in option::of(owners()),
        overrode in option::of(owners()),
        texts in [option::of(awkward()), option::of(awkward()), option::of(awkward())],
        since in option::of(times()),
        until in option::of(times()),
        auto_off in any::<bool>(),
        retry_after in option::of(any::<u32>()),
        drained_at in option::of(times()),
        bypass in option::of(values()),
        unknown in unknown_fields(),
    ) -> Flag {
        let [by, reason, message] = texts;
        Flag {
            window: window.map(|(at, entropy)| WindowId::new(at, entropy)),
            owner, overrode, by, reason, message, since, until, auto_off, retry_after, drained_at,
            bypass,
            unknown,
            ..Flag::bare(mode)
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_and_a_store_takes_it(flag in flags()) {
        match flag.encode() {
            Ok(text) => {
                prop_assert!(text.len() <= MAX_VALUE_BYTES);
                prop_assert!(!text.contains("{{"), "{}", text);
                prop_assert_eq!(Flag::decode(&text), Ok(flag));
            }
            Err(EncodeError { bytes }) => prop_assert!(bytes > MAX_VALUE_BYTES),
        }
    }

    #[test]
    fn reading_never_panics_and_on_is_never_invented(text in any::<String>()) {
        if let Ok(flag) = Flag::decode(&text) {
            prop_assert!(flag.mode == Mode::Off || text.contains("on") || text.contains("read-only"));
        }
        let _ = CapacityDoc::decode(&text);
        let _ = Lease::decode(&text);
    }

    #[test]
    fn a_byte_changed_anywhere_never_turns_on_into_off(
        which in 0..FLAGS.len(),
        position in any::<prop::sample::Index>(),
        byte in 0_u8..128,
    ) {
        let mut bytes = FLAGS[which].as_bytes().to_vec();
        let before = Flag::decode(FLAGS[which]).unwrap().mode;
        let position = position.index(bytes.len());
        bytes[position] = byte;
        if let Some(flag) = String::from_utf8(bytes).ok().and_then(|text| Flag::decode(&text).ok()) {
            prop_assert_eq!(flag.mode, before);
        }
    }

    #[test]
    fn a_lease_comes_back(
        texts in [awkward(), awkward(), awkward()],
        acquired in times(),
        expires in times(),
        released in any::<bool>(),
        left in prop::collection::btree_map("[a-z{]{1,8}", option::of(lefts()), 0..3),
    ) {
        let [id, by, operation] = texts;
        let lease = Lease { id, by, operation, acquired, expires, released, left };
        let text = lease.encode();
        prop_assert!(!text.contains("{{"));
        prop_assert_eq!(Lease::decode(&text), Ok(lease));
    }
}

#[test]
fn the_bypass_is_not_looked_into() {
    let text = r#"{"schema":1,"mode":"on","bypass":{"paths":["/healthz"],"x":[{"y":1}]}}"#;
    let flag = Flag::decode(text).unwrap();
    assert_eq!(
        flag.bypass,
        Some(json!({"paths": ["/healthz"], "x": [{"y": 1}]}))
    );
    assert_eq!(flag.encode().as_deref(), Ok(text));
}
