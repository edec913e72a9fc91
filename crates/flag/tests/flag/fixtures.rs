//! The fixtures mean what they always meant, and schema 1 still writes the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use maintenance_flag::{
    AccessKind, AccessSecret, AccessToken, App, Bypass, Capacity, CapacityDoc, Flag, Lease,
    LeaseRecord, Mode, Observation, Owner, Reserved, Schedule, ScheduledWindow, Scope, Session,
    StoredToken, TokenHash, Verdict, WindowId,
};
use serde_json::json;

/// The token whose hash is in the fixture.
const TOKEN: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_aBcDe";

const FULL: &str = include_str!("../fixtures/flag-1-full.json");
const MINIMAL: &str = include_str!("../fixtures/flag-1-minimal.json");
const PRODUCT: &str = include_str!("../fixtures/flag-1-product.json");
const READ_ONLY: &str = include_str!("../fixtures/flag-1-read-only.json");
const DRAINED: &str = include_str!("../fixtures/flag-1-drained.json");
const OPTIONS: &str = include_str!("../fixtures/flag-1-options.json");
const SCHEDULED: &str = include_str!("../fixtures/flag-1-scheduled.json");
const BARE_ON: &str = include_str!("../fixtures/flag-bare-on.txt");
const BARE_OFF: &str = include_str!("../fixtures/flag-bare-off.txt");
const CAPACITY: &str = include_str!("../fixtures/capacity-1.json");
const REPLACING: &str = include_str!("../fixtures/capacity-1-replaces.json");
const INVOKING: &str = include_str!("../fixtures/capacity-1-invoking.json");
const LEASE: &str = include_str!("../fixtures/lease-1.json");
const RELEASED: &str = include_str!("../fixtures/lease-1-released.json");
const LEFT: &str = include_str!("../fixtures/lease-1-left.json");
const FOLLOWED: &str = include_str!("../fixtures/lease-1-followed.json");
const ACCESS_TOKEN: &str = include_str!("../fixtures/token-1.json");
const OBSERVER: &str = include_str!("../fixtures/token-1-observer.json");
const SESSION: &str = include_str!("../fixtures/session-1.json");
const OBSERVATION: &str = include_str!("../fixtures/observation-1.json");

/// The secrets whose hashes are in the fixtures.
const ACCESS: &str = "mnt_0123456789_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_aBcDe";
const COOKIE: &str = "mns_vwxyz56789_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_aBcDe";

/// All fixtures that are documents.
pub(crate) const FLAGS: [&str; 7] = [
    FULL, MINIMAL, READ_ONLY, DRAINED, OPTIONS, PRODUCT, SCHEDULED,
];

fn full() -> Flag {
    let unknown = json!({"ticket": {"id": 42, "open": true}});
    Flag {
        window: Some("20261121T083000Z-00001a2b".parse().unwrap()),
        owner: Some(Owner::observer("healthcheck")),
        by: Some("ana@laptop".to_owned()),
        reason: Some("move the database to {{new}} hosts".to_owned()),
        message: Some("Back at nine. Wir sind gleich zurück.".to_owned()),
        since: Some("2026-11-21T08:30:00Z".parse().unwrap()),
        until: Some("2026-11-21T09:00:00.5Z".parse().unwrap()),
        retry_after: Some(600),
        bypass: Some(json!({
            "token": "sha256:2bb80d53",
            "addresses": ["192.0.2.0/24"],
            "paths": ["/healthz"],
        })),
        overrode: Some(Owner::manual("ben@desk")),
        unknown: unknown.as_object().unwrap().clone(),
        ..Flag::bare(Mode::On)
    }
}

fn read_only() -> Flag {
    Flag {
        window: Some("20261121T083000Z-00001a2b".parse().unwrap()),
        owner: Some(Owner::manual("ana@laptop")),
        by: Some("ana@laptop".to_owned()),
        since: Some("2026-11-21T08:30:00Z".parse().unwrap()),
        ..Flag::bare(Mode::ReadOnly)
    }
}

/// A window with every option of `on`, as this version writes it.
fn options() -> Flag {
    let token = StoredToken {
        hash: TokenHash::of("demo-dev", "web", TOKEN),
        until: "2026-11-22T08:30:00Z".parse().unwrap(),
    };
    let bypass = Bypass {
        token: Some(token),
        addresses: vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::1".parse().unwrap(),
        ],
        paths: vec!["/health".parse().unwrap(), "/hooks/*".parse().unwrap()],
    };
    Flag {
        message: Some("Back at nine.".to_owned()),
        until: Some("2026-11-21T09:00:00Z".parse().unwrap()),
        auto_off: true,
        bypass: bypass.write(None),
        ..read_only()
    }
}

/// Off, with windows to come, one of them of a later version.
fn scheduled() -> Flag {
    let by_hand = ScheduledWindow {
        window: "20261121T090500Z-00000007".parse().unwrap(),
        starts_at: "2026-12-01T21:00:00Z".parse().unwrap(),
        until: "2026-12-01T23:00:00Z".parse().unwrap(),
        mode: Mode::On,
        owner: Owner::manual("ana@laptop"),
        by: Some("ben@desk".to_owned()),
        reason: Some("move the database".to_owned()),
        message: Some("Back at midnight.".to_owned()),
        retry_after: Some(600),
        bypass: Some(json!({"paths": ["/healthz"]})),
        product: Some("shop".parse().unwrap()),
        recurring: None,
        accept_event_loss: true,
        cancelled: false,
        unknown: json!({"ticket": "T-1"}).as_object().unwrap().clone(),
    };
    let nightly = |day: u32, cancelled| ScheduledWindow {
        window: format!("202612{day:02}T010000Z-00000001").parse().unwrap(),
        starts_at: format!("2026-12-{day:02}T01:00:00Z").parse().unwrap(),
        until: format!("2026-12-{day:02}T02:00:00Z").parse().unwrap(),
        mode: Mode::ReadOnly,
        owner: Owner::manual("nightly"),
        by: None,
        reason: None,
        message: None,
        retry_after: None,
        bypass: None,
        product: None,
        recurring: Some("nightly".to_owned()),
        accept_event_loss: false,
        cancelled,
        unknown: Default::default(),
    };
    Flag {
        window: Some("20261121T083000Z-00001a2b".parse().unwrap()),
        by: Some("ana@laptop".to_owned()),
        since: Some("2026-11-21T09:00:00Z".parse().unwrap()),
        schedule: Schedule {
            windows: vec![by_hand, nightly(2, false), nightly(3, true)],
            unreadable: vec![json!({"window": "later", "phase": "full"})],
        },
        ..Flag::off()
    }
}

#[test]
fn a_token_of_schema_1_is_recognised_for_ever() {
    let flag = Flag::decode(OPTIONS).unwrap();
    let token = Bypass::read(flag.bypass.as_ref()).token.unwrap();
    assert!(token.hash.matches("demo-dev", "web", TOKEN));
}

#[test]
fn flags() {
    for (bytes, flag) in [
        (FULL, full()),
        (MINIMAL, Flag::off()),
        (READ_ONLY, read_only()),
        (
            PRODUCT,
            Flag {
                mode: Mode::On,
                product: Some("shop".parse().unwrap()),
                ..read_only()
            },
        ),
        (
            DRAINED,
            Flag {
                drained_at: Some("2026-11-21T08:45:00Z".parse().unwrap()),
                mode: Mode::On,
                ..read_only()
            },
        ),
        (OPTIONS, options()),
        (SCHEDULED, scheduled()),
    ] {
        assert_eq!(Flag::decode(bytes), Ok(flag.clone()));
        assert_eq!(flag.encode().as_deref(), Ok(bytes));
    }
}

#[test]
fn bare_words() {
    assert_eq!(Flag::decode(BARE_ON), Ok(Flag::bare(Mode::On)));
    assert_eq!(Flag::decode(BARE_OFF), Ok(Flag::off()));
}

#[test]
fn capacity() {
    let functions = [
        (
            "demo-dev-mail",
            Capacity {
                reserved: Reserved::Limit(20),
                provisioned: [("live".to_owned(), 5), ("3".to_owned(), 1)].into(),
                mappings: vec![],
            },
        ),
        (
            "demo-dev-orders",
            Capacity {
                reserved: Reserved::Unset,
                provisioned: BTreeMap::new(),
                mappings: vec![
                    "14e0db71-5d35-4eb5-b481-8945cf9d10c2".to_owned(),
                    "8a4b3c2d-0000-4000-8000-000000000001".to_owned(),
                ],
            },
        ),
        (
            "demo-dev-stopped",
            Capacity {
                reserved: Reserved::Limit(0),
                provisioned: BTreeMap::new(),
                mappings: vec![],
            },
        ),
    ];
    let document = CapacityDoc {
        origin: "arn:aws:lambda:eu-central-1:123456789012".to_owned(),
        functions: functions
            .into_iter()
            .map(|(name, capacity)| (name.to_owned(), capacity))
            .collect(),
        replaces: BTreeSet::new(),
        invoking: None,
    };
    assert_eq!(CapacityDoc::decode(CAPACITY), Ok(document.clone()));
    assert_eq!(document.encode(), CAPACITY);
}

#[test]
fn an_entry_that_replaces_an_earlier_one() {
    let capacity = Capacity {
        reserved: Reserved::Limit(9),
        provisioned: [("live".to_owned(), 2)].into(),
        mappings: vec!["14e0db71-5d35-4eb5-b481-8945cf9d10c2".to_owned()],
    };
    let origin = "arn:aws:lambda:eu-central-1:123456789012";
    let document = CapacityDoc::replacing(origin, "demo-dev-mail", capacity).unwrap();
    assert!(document.replaces.contains("demo-dev-mail"));
    assert_eq!(CapacityDoc::decode(REPLACING), Ok(document.clone()));
    assert_eq!(document.encode(), REPLACING);
}

/// A version that does not know the mark finds a document without functions.
#[test]
fn the_mark_of_an_invocation() {
    let origin = "arn:aws:lambda:eu-central-1:123456789012";
    let mark = CapacityDoc::invoking(origin, "demo-dev-mail");
    assert_eq!(CapacityDoc::decode(INVOKING), Ok(mark.clone()));
    assert_eq!(mark.encode(), INVOKING);
    let fields: serde_json::Value = serde_json::from_str(INVOKING).unwrap();
    assert_eq!(fields["functions"], serde_json::json!({}));
}

#[test]
fn one_bad_entry_hides_no_other() {
    let bad = CAPACITY.replace(r#""reserved":20"#, r#""reserved":-20"#);
    assert!(CapacityDoc::decode(&bad).is_err());
    let (document, unreadable) = CapacityDoc::decode_entries(&bad).unwrap();
    let readable: Vec<_> = document.functions.keys().collect();
    assert_eq!(readable, ["demo-dev-orders", "demo-dev-stopped"]);
    let unreadable: Vec<_> = unreadable.keys().collect();
    assert_eq!(unreadable, ["demo-dev-mail"]);
    let bad = REPLACING.replace(r#""replaces":true"#, r#""replaces":1"#);
    let error = CapacityDoc::decode(&bad).unwrap_err().to_string();
    assert!(error.contains("replaces of"), "{error}");
}

#[test]
fn leases() {
    let lease = Lease {
        id: "9f86d081884c7d65".to_owned(),
        by: "ana@laptop".to_owned(),
        operation: "on worker".to_owned(),
        acquired: "2026-11-21T08:30:00Z".parse().unwrap(),
        expires: "2026-11-21T08:30:30Z".parse().unwrap(),
        released: false,
        follower: None,
        left: BTreeMap::new(),
    };
    let released = Lease {
        released: true,
        ..lease.clone()
    };
    let window = |text: &str| -> WindowId { text.parse().unwrap() };
    let worker = LeaseRecord {
        flag: 7,
        saved: [
            (window("20261121T083000Z-00001a2b"), 1),
            (window("20261121T083000Z-00001a2b"), 2),
            (window("20261121T083000Z-00001a2b"), 3),
            (window("20261121T083000Z-00001a2b"), 5),
            (window("20261121T091500Z-0000ffff"), 1),
        ]
        .into(),
    };
    let left = Lease {
        left: [
            ("worker".to_owned(), Some(worker)),
            ("web".to_owned(), Some(LeaseRecord::default())),
            ("api".to_owned(), None),
        ]
        .into(),
        ..released.clone()
    };
    let followed = Lease {
        follower: Some("60303ae22b998861".to_owned()),
        ..released.clone()
    };
    let all = [
        (LEASE, lease),
        (RELEASED, released),
        (LEFT, left),
        (FOLLOWED, followed),
    ];
    for (bytes, lease) in all {
        assert_eq!(Lease::decode(bytes), Ok(lease.clone()));
        assert_eq!(lease.encode(), bytes);
    }
}

#[test]
fn tokens_and_sessions() {
    let app = App::new("demo", "dev").unwrap();
    let secret = AccessSecret::parse(AccessKind::Token, ACCESS).unwrap();
    let unknown = json!({"ticket": 42});
    let token = AccessToken {
        name: "release-bot".parse().unwrap(),
        scope: Scope::Write,
        observer: None,
        products: Some(["billing", "shop"].map(|it| it.parse().unwrap()).into()),
        hash: secret.hash(&app),
        created: "2026-11-29T11:00:00Z".parse().unwrap(),
        by: "ana@laptop".to_owned(),
        expires: Some("2027-02-27T11:00:00Z".parse().unwrap()),
        revoked: Some("2026-12-01T08:00:00Z".parse().unwrap()),
        unknown: unknown.as_object().unwrap().clone(),
    };
    let observer = AccessToken {
        name: "database".parse().unwrap(),
        scope: Scope::Observe,
        observer: Some("database".to_owned()),
        products: None,
        expires: None,
        revoked: None,
        unknown: Default::default(),
        ..token.clone()
    };
    for (bytes, token) in [(ACCESS_TOKEN, token), (OBSERVER, observer)] {
        assert_eq!(AccessToken::decode(bytes), Ok(token.clone()));
        assert_eq!(token.encode(), bytes);
        assert!(secret.matches(&app, &token.hash));
    }
    let cookie = AccessSecret::parse(AccessKind::Session, COOKIE).unwrap();
    let session = Session {
        token: secret.id().clone(),
        hash: cookie.hash(&app),
        created: "2026-11-29T11:00:00Z".parse().unwrap(),
        expires: "2026-11-29T23:00:00Z".parse().unwrap(),
    };
    assert_eq!(Session::decode(SESSION), Ok(session.clone()));
    assert_eq!(session.encode(), SESSION);
}

#[test]
fn the_observation_means_what_it_meant_and_is_written_as_it_was() {
    let time = |text: &str| text.parse().unwrap();
    let unknown = serde_json::json!({"of_later": [1]});
    let observation = Observation {
        result: Verdict::Unknown,
        checked_at: time("2026-11-29T14:00:00Z"),
        observed: Some("502 Bad Gateway".to_owned()),
        error: Some("the status is 502".to_owned()),
        streak: 0,
        others_changed_at: Some(time("2026-11-29T13:00:00Z")),
        normal_at: Some(time("2026-11-29T12:00:00Z")),
        is_unfinished: true,
        unknown: unknown.as_object().unwrap().clone(),
    };
    assert_eq!(Observation::decode(OBSERVATION), Ok(observation.clone()));
    assert_eq!(observation.encode(), OBSERVATION);
}

#[test]
fn a_truncated_value_is_malformed() {
    for bytes in FLAGS {
        for (end, _) in bytes.char_indices() {
            let flag = Flag::decode(&bytes[..end]);
            assert!(flag.is_err(), "{:?}", &bytes[..end]);
        }
    }
    for bytes in [CAPACITY, REPLACING] {
        for (end, _) in bytes.char_indices() {
            assert!(CapacityDoc::decode(&bytes[..end]).is_err());
        }
    }
    for bytes in [LEASE, RELEASED, LEFT, FOLLOWED] {
        for (end, _) in bytes.char_indices() {
            assert!(Lease::decode(&bytes[..end]).is_err());
        }
    }
    for bytes in [ACCESS_TOKEN, OBSERVER, SESSION] {
        for (end, _) in bytes.char_indices() {
            assert!(AccessToken::decode(&bytes[..end]).is_err());
            assert!(Session::decode(&bytes[..end]).is_err());
        }
    }
    for (end, _) in OBSERVATION.char_indices() {
        assert!(Observation::decode(&OBSERVATION[..end]).is_err());
    }
    for word in ["", "o", "of"] {
        assert!(Flag::decode(word).is_err(), "{word:?}");
    }
}
