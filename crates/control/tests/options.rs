//! What a window gets, from the wish to what is stored, reported and shown by `status`.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::time::Duration;

use jiff::Timestamp;
use maintenance_control::{
    Actor, BypassLink, Context, Error, OnRequest, Report, RoleOutcome, RoleSpec, RoleStatus, State,
    Updated, Warning,
};
use maintenance_flag::{Bypass, Change, Flag, Mode, Options, Refusal, Token};
use maintenance_sandbox::FunctionSpec;
use serde_json::{Value, json};
use support::OneApp as _;
use support::{World, on_wish, only, start, web, worker};

async fn on(world: &World, roles: &[RoleSpec], wish: OnRequest) -> Report {
    let run = Context::quiet();
    world.control.on(roles, &wish, &run).await.expect("on")
}

fn wish(options: Options) -> OnRequest {
    OnRequest {
        options,
        ..on_wish()
    }
}

fn message(text: &str) -> OnRequest {
    wish(Options {
        message: Change::Set(text.to_owned()),
        ..Options::default()
    })
}

fn in_minutes(minutes: u64) -> Timestamp {
    start() + Duration::from_secs(minutes * 60)
}

fn opens_in(minutes: u64) -> Options {
    Options {
        until: Change::Set(in_minutes(minutes)),
        auto_off: Some(true),
        ..Options::default()
    }
}

fn link(byte: u8) -> BypassLink {
    BypassLink {
        token: Token::from_random([byte; Token::LEN]),
        until: in_minutes(60),
    }
}

async fn status(world: &World, role: &RoleSpec) -> (RoleStatus, Value) {
    let status = world.status(role).await;
    let document = serde_json::to_value(&status).expect("JSON");
    let role = status.roles.into_iter().next().expect("a role");
    (role, document["roles"][0].clone())
}

#[tokio::test(start_paused = true)]
async fn status_shows_all_of_it_and_never_the_hash() {
    let world = World::new([]);
    let wish = OnRequest {
        read_only: true,
        link: Some(link(1)),
        ..wish(Options {
            message: Change::Set("Back soon.".to_owned()),
            until: Change::Set(in_minutes(90)),
            auto_off: Some(true),
            retry_after: Change::Set(120),
            token: Change::Keep,
            addresses: Change::Set(vec!["192.0.2.0/24".parse().unwrap()]),
            paths: Change::Set(vec!["/hooks/*".parse().unwrap()]),
        })
    };
    let report = on(&world, &[web()], wish).await;
    let (role, shown) = status(&world, &web()).await;
    assert_eq!(role.options(), only(&report).options);
    assert_eq!(shown["maintenance"], "on");
    assert_eq!(shown["mode"], "read-only");
    assert_eq!(shown["message"], "Back soon.");
    assert_eq!(shown["until"], in_minutes(90).to_string());
    assert_eq!(shown["auto_off"], true);
    assert_eq!(shown["retry_after"], 120);
    assert_eq!(
        shown["bypass"],
        json!({
            "token_until": in_minutes(60).to_string(),
            "addresses": ["192.0.2.0/24"],
            "paths": ["/hooks/*"],
        })
    );
    for text in [shown.to_string(), serde_json::to_string(&report).unwrap()] {
        assert!(!text.contains("sha256"), "{text}");
        assert!(!text.contains(link(1).token.reveal()), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_token_is_hashed_for_each_role() {
    let world = World::new([]);
    let alone = RoleSpec {
        functions: None,
        ..worker()
    };
    let wish = OnRequest {
        link: Some(link(1)),
        ..on_wish()
    };
    on(&world, &[web(), alone], wish).await;
    let hash = |role| {
        let flag = world.flag(role);
        Bypass::read(flag.bypass.as_ref())
            .token
            .expect("a token")
            .hash
    };
    let token = link(1).token;
    for role in ["web", "worker"] {
        assert!(hash(role).matches("demo-dev", role, token.reveal()));
    }
    assert_ne!(hash("web"), hash("worker"));
    let stored = world.sandbox.parameters();
    let values: Vec<_> = stored.values().map(|it| it.value.as_str()).collect();
    assert!(!values.concat().contains(token.reveal()));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_open_is_changed_in_what_is_said_and_nothing_else() {
    let world = World::new([]);
    let first = OnRequest {
        link: Some(link(1)),
        ..message("Back soon.")
    };
    let report = on(&world, &[web()], first).await;
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOn);
    let before = world.flag("web");
    tokio::time::advance(Duration::from_secs(100)).await;
    let report = on(&world, &[web()], message("Back at nine.")).await;
    assert_eq!(only(&report).outcome, RoleOutcome::OptionsUpdated);
    let options = only(&report).options.as_ref().unwrap();
    assert_eq!(options.updated, [Updated::Message]);
    let after = world.flag("web");
    let expected = Flag {
        message: Some("Back at nine.".to_owned()),
        ..before
    };
    assert_eq!(after, expected, "drained_at stays too");

    // The same again, and nothing at all, are no change.
    let writes = world.writes().len();
    for again in [message("Back at nine."), on_wish()] {
        let report = on(&world, &[web()], again).await;
        assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
        assert_eq!(
            only(&report).options,
            status(&world, &web()).await.0.options()
        );
    }
    assert_eq!(world.writes().len(), writes);

    // A new link ends the one before.
    let report = on(
        &world,
        &[web()],
        OnRequest {
            link: Some(link(2)),
            ..on_wish()
        },
    )
    .await;
    let options = only(&report).options.as_ref().unwrap();
    assert_eq!(options.updated, [Updated::Token]);
    let stored = Bypass::read(world.flag("web").bypass.as_ref()).token;
    let hash = stored.expect("a token").hash;
    assert!(hash.matches("demo-dev", "web", link(2).token.reveal()));
    assert!(!hash.matches("demo-dev", "web", link(1).token.reveal()));
}

#[tokio::test(start_paused = true)]
async fn what_a_role_always_has_counts_when_its_window_opens() {
    let world = World::new([]);
    let standing = RoleSpec {
        options: Options {
            message: Change::Set("Back soon.".to_owned()),
            addresses: Change::Set(vec!["192.0.2.0/24".parse().unwrap()]),
            ..Options::default()
        },
        ..web()
    };
    let roles = std::slice::from_ref(&standing);
    on(&world, roles, message("Back at nine.")).await;
    let options = status(&world, &standing).await.0.options().unwrap();
    assert_eq!(options.message.as_deref(), Some("Back at nine."));
    assert_eq!(options.bypass.addresses, ["192.0.2.0/24"]);

    // A window that is open keeps what it has, whatever the configuration says.
    let none = wish(Options {
        addresses: Change::Clear,
        ..Options::default()
    });
    on(&world, roles, none).await;
    let report = on(&world, roles, on_wish()).await;
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
    let options = status(&world, &standing).await.0.options().unwrap();
    assert!(options.bypass.addresses.is_empty());

    // The next one begins anew.
    world.off(&standing).await.unwrap();
    on(&world, roles, on_wish()).await;
    let options = status(&world, &standing).await.0.options().unwrap();
    assert_eq!(options.message.as_deref(), Some("Back soon."));
    assert_eq!(options.bypass.addresses, ["192.0.2.0/24"]);
}

#[tokio::test(start_paused = true)]
async fn a_window_whose_end_has_come_is_off() {
    let world = World::new([]);
    on(&world, &[web()], wish(opens_in(10))).await;
    let (role, _) = status(&world, &web()).await;
    assert_eq!((role.state, role.opened_at()), (State::On, None));

    tokio::time::advance(Duration::from_secs(600)).await;
    let (role, shown) = status(&world, &web()).await;
    assert_eq!(role.state, State::Off);
    assert_eq!(role.opened_at(), Some(in_minutes(10)));
    assert_eq!(role.options(), None);
    assert_eq!(shown, json!({"role": "web", "maintenance": "off"}));
    assert_eq!(world.flag("web").mode, Mode::On, "nobody has written off");

    // `on` opens another window, and `off` writes what every reader knows.
    let window = world.flag("web").window;
    let report = on(&world, &[web()], wish(opens_in(20))).await;
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOn);
    assert_ne!(world.flag("web").window, window);
    tokio::time::advance(Duration::from_secs(600)).await;
    let report = world.off(&web()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.flag("web").mode, Mode::Off);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_has_passed_opens_nothing_at_once() {
    let world = World::new([]);
    let promise = Options {
        auto_off: None,
        ..opens_in(10)
    };
    on(&world, &[web()], wish(promise)).await;
    tokio::time::advance(Duration::from_secs(1_200)).await;
    let opens = wish(Options {
        auto_off: Some(true),
        ..Options::default()
    });
    let error = world.control.on(&[web()], &opens, &Context::quiet()).await;
    let error = error.unwrap_err();
    let refused = matches!(&error, Error::Refused { source, .. } if *source == Refusal::NoEnd);
    assert!(refused, "{error}");
    assert!(!world.flag("web").auto_off);
}

#[tokio::test(start_paused = true)]
async fn what_writes_is_drained_anew_when_a_read_only_window_closes_wholly() {
    let world = World::new([]);
    let read_only = OnRequest {
        read_only: true,
        ..on_wish()
    };
    let drained = |report: &Report| only(report).drained_at.expect("it is known");
    let first = drained(&on(&world, &[web()], read_only.clone()).await);
    assert_eq!(world.flag("web").drained_at, Some(first));
    tokio::time::advance(Duration::from_secs(100)).await;
    let told = OnRequest {
        read_only: true,
        ..message("Back soon.")
    };
    assert_eq!(drained(&on(&world, &[web()], told).await), first);

    let report = on(&world, &[web()], on_wish()).await;
    assert_eq!(only(&report).outcome, RoleOutcome::OptionsUpdated);
    let options = only(&report).options.as_ref().unwrap();
    assert_eq!(options.updated, [Updated::Mode]);
    let second = drained(&report);
    assert!(second >= first + Duration::from_secs(100), "{second}");
    assert_eq!(world.flag("web").drained_at, Some(second));

    // To let reading go on lets no code begin that writes.
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!(drained(&on(&world, &[web()], read_only).await), second);
    assert_eq!(world.flag("web").mode, Mode::ReadOnly);
}

#[tokio::test(start_paused = true)]
async fn functions_stay_paused_when_their_flag_opens_by_itself_and_that_is_said() {
    let world = World::new([FunctionSpec::new("demo-dev-a").reserved(7)]);
    let report = on(&world, &[worker()], wish(opens_in(10))).await;
    let warnings = &only(&report).warnings;
    assert!(
        matches!(warnings[..], [Warning::TurnsOffAlone { .. }]),
        "{warnings:?}"
    );
    tokio::time::advance(Duration::from_secs(600)).await;
    let (role, _) = status(&world, &worker()).await;
    assert_eq!(role.state, State::Off);
    let still_saved = Warning::StillSaved {
        role: worker().role,
        functions: 1,
    };
    assert_eq!(role.warnings, [still_saved]);
    world.off(&worker()).await.unwrap();
    assert_eq!(world.sandbox.fleet()["demo-dev-a"].reserved, Some(7));
}

#[tokio::test(start_paused = true)]
async fn when_an_observers_window_ends_is_the_observers_to_say() {
    let world = World::new([]);
    let observer = |options| OnRequest {
        who: Actor::Observer("healthcheck".to_owned()),
        ..wish(options)
    };
    on(&world, &[web()], observer(Options::default())).await;
    let before = world.flag("web");
    let opens = wish(opens_in(10));
    let error = world.control.on(&[web()], &opens, &Context::quiet()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(world.flag("web"), before);
    // A message anybody may change.
    let report = on(&world, &[web()], message("Back soon.")).await;
    assert_eq!(only(&report).outcome, RoleOutcome::OptionsUpdated);
    let report = on(&world, &[web()], observer(opens_in(10))).await;
    let options = only(&report).options.as_ref().unwrap();
    assert_eq!(options.updated, [Updated::Until, Updated::AutoOff]);
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_will_not_fit_is_refused_before_anything_is_begun() {
    let (mut stored, mut refused) = (0, 0);
    // Around the size from which on there is no room for the moment when the role is drained.
    for length in (3_750..3_950).step_by(10) {
        for role in [web(), worker()] {
            let world = World::new([FunctionSpec::new("demo-dev-a").reserved(7)]);
            let name = role.role.as_str().to_owned();
            let wish = message(&"x".repeat(length));
            match world.control.on(&[role], &wish, &Context::quiet()).await {
                Ok(_) => {
                    assert!(world.flag(&name).drained_at.is_some());
                    stored += 1;
                }
                Err(error) => {
                    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
                    assert!(world.writes().is_empty(), "{length}");
                    assert!(world.lease_is_free());
                    refused += 1;
                }
            }
        }
    }
    assert!(stored > 4 && refused > 4, "{stored} {refused}");
}
