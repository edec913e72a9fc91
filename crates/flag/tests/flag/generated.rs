//! Generated documents come back as they were written, and no text is read as what it does not say.

use jiff::Timestamp;
use maintenance_flag::{
    CapacityDoc, Flag, Lease, LeaseRecord, MAX_VALUE_BYTES, Mode, Owner, OwnerKind, Schedule,
    ScheduledWindow, WindowId,
};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::fixtures::FLAGS;

/// Awkward texts: braces, quotes, backslashes, line ends, other scripts.
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
    ) -> LeaseRecord {
        let window = |n| WindowId::new(Timestamp::UNIX_EPOCH, n);
        LeaseRecord { flag, saved: saved.into_iter().map(|(w, n)| (window(w), n)).collect() }
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
    fn scheduled()(
        starts_at in times(),
        lasts in 1..100_000_000_i64,
        entropy in any::<u32>(),
        read_only in any::<bool>(),
        owner in owners(),
        texts in [option::of(awkward()), option::of(awkward()), option::of(awkward()), option::of(awkward())],
        retry_after in option::of(any::<u32>()),
        bypass in option::of(values()),
        product in option::of("[a-z][a-z0-9_-]{0,31}"),
        flags in any::<[bool; 2]>(),
        unknown in unknown_fields(),
    ) -> ScheduledWindow {
        let [by, reason, message, recurring] = texts;
        let [accept_event_loss, cancelled] = flags;
        let until = Timestamp::from_millisecond(starts_at.as_millisecond() + lasts).unwrap();
        ScheduledWindow {
            window: WindowId::new(starts_at, entropy),
            product: product.map(|it| it.parse().unwrap()),
            mode: if read_only { Mode::ReadOnly } else { Mode::On },
            starts_at, until, owner, by, reason, message, recurring, retry_after, bypass, accept_event_loss,
            cancelled, unknown,
        }
    }
}

prop_compose! {
    /// Entries that cannot be read go behind those that can.
    fn schedules()(
        mut windows in prop::collection::vec(scheduled(), 0..3),
        unreadable in prop::collection::vec(awkward().prop_map(Value::from), 0..2),
    ) -> Schedule {
        windows.sort_by_key(|it| (it.starts_at, it.window.clone()));
        Schedule { windows, unreadable }
    }
}

prop_compose! {
    fn flags()(
        mode in prop_oneof![Just(Mode::On), Just(Mode::Off), Just(Mode::ReadOnly)],
        window in option::of((times(), any::<u32>())),
        owners in [option::of(owners()), option::of(owners())],
        product in option::of("[a-z][a-z0-9_-]{0,31}"),
        texts in [option::of(awkward()), option::of(awkward()), option::of(awkward())],
        since in option::of(times()),
        until in option::of(times()),
        auto_off in any::<bool>(),
        retry_after in option::of(any::<u32>()),
        drained_at in option::of(times()),
        bypass in option::of(values()),
        schedule in schedules(),
        unknown in unknown_fields(),
    ) -> Flag {
        let [by, reason, message] = texts;
        let [owner, overrode] = owners;
        Flag {
            window: window.map(|(at, entropy)| WindowId::new(at, entropy)),
            product: product.map(|it| it.parse().unwrap()),
            owner, overrode, by, reason, message, since, until, auto_off, retry_after, drained_at,
            bypass, schedule,
            unknown,
            ..Flag::bare(mode)
        }
    }
}

proptest! {
    #[test]
    fn reads_back_a_written_flag_that_a_store_takes(flag in flags()) {
        match flag.encode() {
            Ok(text) => {
                prop_assert!(text.len() <= MAX_VALUE_BYTES);
                prop_assert!(!text.contains("{{"), "{}", text);
                prop_assert_eq!(Flag::decode(&text), Ok(flag));
            }
            Err(refused) => prop_assert!(refused.bytes > MAX_VALUE_BYTES),
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
        follower in option::of(awkward()),
        left in prop::collection::btree_map("[a-z{]{1,8}", option::of(lefts()), 0..3),
    ) {
        let [id, by, operation] = texts;
        let lease = Lease { id, by, operation, acquired, expires, released, follower, left };
        let text = lease.encode();
        prop_assert!(!text.contains("{{"));
        prop_assert_eq!(Lease::decode(&text), Ok(lease));
    }
}
