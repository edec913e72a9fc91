//! Reading and writing leases and capacities: unreadable documents, and what a lease leaves out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maintenance_flag::{CapacityDoc, DecodeError, Lease, LeaseRecord, MAX_VALUE_BYTES, WindowId};

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
        follower: None,
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
fn an_unreadable_left_field_of_a_lease_is_unknown() {
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
    let left = LeaseRecord {
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
        follower: None,
        left: [("worker".to_owned(), Some(left))].into(),
    };
    let text = lease.encode();
    assert!(text.len() <= MAX_VALUE_BYTES);
    let back = Lease::decode(&text).unwrap();
    assert_eq!(back.left, [("worker".to_owned(), None)].into());
}
