//! Reading and writing flags: malformed values, unknown fields, and the values that a store takes.

use maintenance_flag::{DecodeError, Flag, MAX_VALUE_BYTES, Mode};
use serde_json::json;

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
fn an_error_names_the_field_and_quotes_no_content() {
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
        with_reason(MAX_VALUE_BYTES - frame + 1)
            .encode()
            .map_err(|refused| refused.bytes),
        Err(MAX_VALUE_BYTES + 1)
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
