//! What is stored is not as this version left it: a flag set by hand, saved capacity that is torn or
//! another account's.

use maintenance_control::{Context, Error, OffRequest, RoleOutcome, State, Store};
use maintenance_sandbox::{Fault, FunctionSpec, KmsKey, Service};

use crate::support::OneApp as _;
use crate::support::{World, control_with, off_wish, on_wish, only, worker};

#[tokio::test(start_paused = true)]
async fn a_flag_set_off_by_hand_loses_nothing() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/flags/worker", "off");
    let status = world.status(&worker()).await;
    assert_eq!(status.roles[0].state, State::Off);
    assert!(
        status.roles[0].warnings[0]
            .to_string()
            .contains("still saved"),
        "{status:?}"
    );
    // A new window over the old one: what was saved first still counts.
    world.on(&worker()).await.unwrap();
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn off_restores_what_a_flag_set_off_by_hand_left() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/flags/worker", "off");
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOff);
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_bare_on_gets_a_window_when_something_is_saved_for_it() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world
        .sandbox
        .set_parameter("/maintenance/demo-dev/flags/worker", "on");
    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::OptionsUpdated);
    assert!(world.flag("worker").window.is_some());
    world.off(&worker()).await.unwrap();
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn torn_saved_capacity_is_named_and_the_rest_is_restored() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    let name = world.parameters("capacity").remove(0);
    let whole = world.sandbox.parameters()[&name].value.clone();
    let before_tearing = world.sandbox.fleet();
    world
        .sandbox
        .set_parameter(&name, &whole[..whole.len() / 2]);

    let error = world.on(&worker()).await.unwrap_err();
    assert!(
        matches!(error, Error::Unreadable { .. }),
        "on cannot know what is saved: {error}"
    );
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    assert_eq!(
        only(&report).workers.as_ref().unwrap().failed[0].function,
        name
    );
    assert_eq!(
        world.sandbox.parameters()[&name].value,
        whole[..whole.len() / 2]
    );
    // What was at zero is in another parameter.
    let rest = ["demo-dev-zero", "demo-dev-zero-queue"];
    for (function, now) in world.sandbox.fleet() {
        let was = if rest.contains(&function.as_str()) {
            &before
        } else {
            &before_tearing
        };
        assert_eq!(now, was[&function], "{function}");
    }
    assert!(world.flag("worker").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn another_accounts_functions_are_not_taken_for_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = || {
        Store::File(maintenance_control::FileStore::new(
            folder.path().to_owned(),
        ))
    };
    let world = World::mixed();
    let control = control_with(crate::support::app(), &world.sandbox, store(), "ana@laptop");
    let roles = [worker()];
    control
        .on(&roles, &on_wish(), &Context::quiet())
        .await
        .unwrap();

    for functions in [vec![], vec![FunctionSpec::new("demo-dev-unset")]] {
        let other = crate::support::sandbox();
        other.configure(|settings| settings.account = "999999999999".to_owned());
        for function in functions {
            other.seed(function);
        }
        let elsewhere = control_with(crate::support::app(), &other, store(), "ana@laptop");
        let error = elsewhere
            .off(&roles, &off_wish(), &Context::quiet())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::WrongPlace { .. }), "{error}");
    }
    let report = control
        .off(&roles, &off_wish(), &Context::quiet())
        .await
        .unwrap();
    assert!(report.is_complete());
}

/// With a store in a folder, an account without functions may be another account: STS says which it is.
#[tokio::test(start_paused = true)]
async fn the_last_functions_of_an_account_are_named_gone_when_sts_says_that_it_is_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::File(maintenance_control::FileStore::new(
        folder.path().to_owned(),
    ));
    let world = World::mixed();
    let control = control_with(crate::support::app(), &world.sandbox, store, "ana@laptop");
    let roles = [worker()];
    let (on, quiet) = (on_wish(), Context::quiet());
    control.on(&roles, &on, &quiet).await.unwrap();
    let functions: Vec<String> = world.sandbox.fleet().into_keys().collect();
    for function in &functions {
        world.sandbox.delete_function(function).unwrap();
    }

    world.inject(Fault::on("GetCallerIdentity").throttle());
    let refused = control.off(&roles, &off_wish(), &quiet).await.unwrap_err();
    assert!(matches!(refused, Error::WrongPlace { .. }), "{refused}");

    let report = control.off(&roles, &off_wish(), &quiet).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert!(!workers.gone.is_empty(), "{report:?}");
    assert!(workers.gone.iter().all(|gone| functions.contains(gone)));
    let status = control.status(&roles, &quiet).await.unwrap();
    assert_eq!(status.roles[0].state, State::Off);
}

/// As if a policy of the organisation went over everything that is stored.
fn encrypt_all(world: &World) {
    for name in world.sandbox.parameters().into_keys() {
        assert!(world.sandbox.encrypt_parameter(&name));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_policy_encrypted_is_read_written_and_given_back() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    encrypt_all(&world);
    assert_eq!(world.status(&worker()).await.roles[0].state, State::On);
    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);

    // Also the lease, while it is held.
    let sandbox = world.sandbox.clone();
    let encrypt = Fault::any_write().service(Service::Lambda);
    world.inject(encrypt.always().hook(move |_| {
        for (name, parameter) in sandbox.parameters() {
            if parameter.kind == "String" {
                sandbox.encrypt_parameter(&name);
            }
        }
    }));
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(world.sandbox.fleet(), before);
    let parameters = world.sandbox.parameters();
    let flag = &parameters["/maintenance/demo-dev/flags/worker"];
    assert_eq!(flag.kind, "SecureString");
    assert!(!world.flag("worker").mode.is_on());
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn without_the_key_nothing_is_changed_and_the_permission_is_named() {
    let world = World::mixed();
    world.on(&worker()).await.unwrap();
    let paused = world.sandbox.fleet();
    encrypt_all(&world);
    let configure = |key| {
        world
            .sandbox
            .configure(|settings| settings.ssm.kms_key = key)
    };
    for (key, word) in [
        (KmsKey::Denied, "kms:Decrypt"),
        (KmsKey::Disabled, "in KMS"),
    ] {
        configure(key);
        let error = world.off(&worker()).await.unwrap_err();
        let hint = error.hint().unwrap();
        assert!(hint.contains(word) && !hint.contains("upgrade"), "{hint}");
        let error = world
            .control
            .status(&[worker()], &Context::quiet())
            .await
            .unwrap_err();
        assert_eq!(error.hint().as_deref(), Some(hint.as_str()));
        assert_eq!(world.sandbox.fleet(), paused);
    }
    configure(KmsKey::Usable);
    assert!(world.off(&worker()).await.unwrap().is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_the_flag_does_not_match_changes_no_function() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let flag = "/maintenance/demo-dev/flags/worker";
    world.sandbox.set_parameter(flag, "off");
    world.sandbox.set_allowed_pattern(flag, "on|off");
    let error = world.on(&worker()).await.unwrap_err();
    assert!(
        error.hint().unwrap().contains("--allowed-pattern"),
        "{error}"
    );
    assert_eq!(world.sandbox.fleet(), before);
    world.sandbox.set_allowed_pattern(flag, ".*");
    assert!(world.on(&worker()).await.unwrap().is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_comes_meanwhile_keeps_off_from_its_flag_and_from_nothing_else() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    let flag = "/maintenance/demo-dev/flags/worker";
    world.sandbox.set_allowed_pattern(flag, "on|off");
    let error = world.off(&worker()).await.unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("--allowed-pattern"), "{error:?}");
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.flag("worker").mode.is_on());
    world.sandbox.set_allowed_pattern(flag, ".*");
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert!(!world.flag("worker").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn one_bad_entry_is_named_and_the_good_ones_beside_it_are_restored() {
    let names = ["demo-dev-a", "demo-dev-b"];
    let world = World::new(names.map(|name| FunctionSpec::new(name).reserved(5)));
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    let name = world.parameters("capacity").remove(0);
    let whole = world.sandbox.parameters()[&name].value.clone();
    let bad = whole.replace(
        r#""demo-dev-a":{"reserved":5"#,
        r#""demo-dev-a":{"reserved":"five""#,
    );
    assert_ne!(bad, whole);
    world.sandbox.set_parameter(&name, &bad);

    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.changed, ["demo-dev-b"]);
    assert_eq!(workers.failed[0].function, name);
    assert!(workers.failed[0].is_lasting, "it would only be found again");
    assert!(
        workers.failed[0].error.contains("demo-dev-a"),
        "{workers:?}"
    );
    assert_eq!(world.sandbox.parameters()[&name].value, bad);
    assert_eq!(world.sandbox.fleet()["demo-dev-b"], before["demo-dev-b"]);

    world.sandbox.set_parameter(&name, &whole);
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn the_way_out_of_saved_capacity_that_cannot_be_read_is_named_and_leads_out() {
    let world = World::of(1);
    world.on(&worker()).await.unwrap();
    let name = world.parameters("capacity").remove(0);
    world.sandbox.set_parameter(&name, "torn");
    let report = world.off(&worker()).await.unwrap();
    let failed = &only(&report).workers.as_ref().unwrap().failed;
    let hint = failed[0].hint.as_deref().unwrap();
    assert!(hint.ends_with("set that by hand and delete it"));

    world.sandbox.set_reserved("demo-dev-000", Some(1)).unwrap();
    world.sandbox.delete_parameter(&name);
    let off = OffRequest {
        force: Some("set by hand".to_owned()),
        ..off_wish()
    };
    let run = Context::quiet();
    let off = world.control.off(&[worker()], &off, &run).await.unwrap();
    assert!(off.is_complete(), "{off:?}");
    assert_eq!(only(&off).outcome, RoleOutcome::TurnedOff);
}
