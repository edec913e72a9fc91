//! Workers stop and come back exactly: compared field by field with before.

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use maintenance_control::{Error, RoleOutcome, Run, State, Store};
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};
use support::{World, control_by, control_with, off_wish, on_wish, only, worker};

#[tokio::test(start_paused = true)]
async fn every_kind_of_function_is_paused_and_comes_back_exactly() {
    let world = World::mixed();
    let before = world.sandbox.fleet();

    let report = world.on(&worker()).await.unwrap();
    let role = only(&report);
    assert_eq!(role.outcome, RoleOutcome::TurnedOn);
    let workers = role.workers.as_ref().unwrap();
    assert_eq!(workers.selected, 8);
    assert!(workers.failed.is_empty(), "{workers:?}");
    assert_eq!(
        workers.unchanged,
        ["demo-dev-zero"],
        "nothing of it can run"
    );
    for (name, function) in world.sandbox.fleet() {
        if name.starts_with("other") {
            assert_eq!(function, before[&name], "not ours");
            continue;
        }
        assert_eq!(function.reserved, Some(0), "{name}");
        assert!(function.provisioned.is_empty(), "{name}");
        for mapping in function.mappings.values() {
            assert_eq!(mapping.state, "Disabled", "{name}");
        }
    }
    let status = world.status(&worker()).await;
    let workers = status.roles[0].workers.as_ref().unwrap();
    assert_eq!((workers.selected, workers.paused), (8, 8), "{workers:?}");
    assert!(workers.pending.is_empty() && workers.drifted.is_empty() && workers.gone.is_empty());
    assert!(world.lease_is_free());

    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
    assert_eq!(world.status(&worker()).await.roles[0].state, State::Off);
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn on_twice_keeps_what_was_saved_and_pauses_what_is_new() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    let flag = world.flag("worker");
    world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-new").reserved(9));

    let report = world.on(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
    assert_eq!(
        only(&report).workers.as_ref().unwrap().changed,
        ["demo-dev-new"]
    );
    let now = maintenance_flag::Flag {
        // What was paused just now may run for longer.
        drained_at: flag.drained_at,
        ..world.flag("worker")
    };
    assert_eq!(now, flag, "window, owner, reason and time stay");
    assert_eq!(world.sandbox.fleet()["demo-dev-new"].reserved, Some(0));

    world.sandbox.reset_calls();
    let report = world.on(&worker()).await.unwrap();
    assert!(
        only(&report)
            .workers
            .as_ref()
            .is_none_or(|w| w.changed.is_empty())
    );
    let writes = world.sandbox.writes();
    let lambda = writes
        .iter()
        .filter(|call| call.call.service == maintenance_sandbox::Service::Lambda);
    assert_eq!(
        lambda.count(),
        0,
        "a third time touches nothing: {writes:?}"
    );

    world.off(&worker()).await.unwrap();
    let mut after = world.sandbox.fleet();
    assert_eq!(after.remove("demo-dev-new").unwrap().reserved, Some(9));
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn what_a_paused_function_got_since_is_paused_and_restored_too() {
    let world = World::new([FunctionSpec::new("demo-dev-a").reserved(5)]);
    world.on(&worker()).await.unwrap();
    // Somebody adds an event source while the function is paused.
    let specification = FunctionSpec::new("demo-dev-a")
        .reserved(0)
        .mapping(MappingSpec::sqs("q"));
    world.sandbox.seed(specification);
    world.on(&worker()).await.unwrap();
    let paused = &world.sandbox.fleet()["demo-dev-a"];
    assert!(
        paused
            .mappings
            .values()
            .all(|mapping| mapping.state == "Disabled")
    );
    world.off(&worker()).await.unwrap();
    let restored = &world.sandbox.fleet()["demo-dev-a"];
    assert_eq!(restored.reserved, Some(5), "what was saved first counts");
    assert!(
        restored
            .mappings
            .values()
            .all(|mapping| mapping.state == "Enabled")
    );
}

#[tokio::test(start_paused = true)]
async fn off_twice_changes_nothing() {
    let world = World::mixed();
    world.on(&worker()).await.unwrap();
    world.off(&worker()).await.unwrap();
    let (fleet, flag) = (world.sandbox.fleet(), world.flag("worker"));
    world.sandbox.reset_calls();
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOff);
    assert_eq!(world.writes(), []);
    assert_eq!(world.sandbox.fleet(), fleet);
    assert_eq!(world.flag("worker"), flag);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_function_deleted_while_paused_is_reported_gone_and_holds_up_nothing() {
    let world = World::mixed();
    let mut before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world.sandbox.delete_function("demo-dev-limited").unwrap();
    before.remove("demo-dev-limited");
    let status = world.status(&worker()).await;
    assert_eq!(
        status.roles[0].workers.as_ref().unwrap().gone,
        ["demo-dev-limited"]
    );
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(
        only(&report).workers.as_ref().unwrap().gone,
        ["demo-dev-limited"]
    );
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_deleted_while_paused_is_reported_gone() {
    let world = World::new([]);
    let uuids = world
        .sandbox
        .seed(FunctionSpec::new("demo-dev-q").mapping(MappingSpec::sqs("orders")));
    world.on(&worker()).await.unwrap();
    world.sandbox.delete_mapping(&uuids[0]).unwrap();
    let report = world.off(&worker()).await.unwrap();
    let gone = &only(&report).workers.as_ref().unwrap().gone;
    assert_eq!(
        gone,
        &[format!("demo-dev-q (event source mapping {})", uuids[0])]
    );
    assert!(report.is_complete());
    assert_eq!(world.sandbox.fleet()["demo-dev-q"].reserved, None);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_does_not_stop_the_others_and_the_same_command_goes_on() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let fault = || {
        Fault::on("PutFunctionConcurrency")
            .target("demo-dev-limited")
            .always()
            .fail(500, "ServiceException", "internal")
    };
    world.inject(fault());
    let report = world.on(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.failed.len(), 1);
    assert_eq!(workers.failed[0].function, "demo-dev-limited");
    assert_eq!(workers.changed.len(), 6);
    assert!(!report.is_complete());
    let status = world.status(&worker()).await;
    assert_eq!(
        status.roles[0].workers.as_ref().unwrap().pending,
        ["demo-dev-limited"]
    );

    world.sandbox.clear_faults();
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(
        only(&report).workers.as_ref().unwrap().changed,
        ["demo-dev-limited"]
    );

    world.inject(fault());
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    assert_eq!(only(&report).workers.as_ref().unwrap().failed.len(), 1);
    assert!(
        world.flag("worker").mode.is_on(),
        "on until the last function is verified"
    );
    assert!(!world.parameters("capacity").is_empty());

    world.sandbox.clear_faults();
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.sandbox.fleet(), before);
    assert!(world.parameters("capacity").is_empty());
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_change_is_kept_and_reported() {
    let world = World::mixed();
    let mut before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .set_reserved("demo-dev-limited", Some(50))
        .unwrap();
    before.get_mut("demo-dev-limited").unwrap().reserved = Some(50);
    // One that was disabled before, and so was not saved.
    let queue = before.get_mut("demo-dev-queue").unwrap();
    let disabled = queue
        .mappings
        .iter_mut()
        .find(|(_, mapping)| !mapping.enabled);
    let (uuid, mapping) = disabled.unwrap();
    (mapping.enabled, mapping.state) = (true, "Enabled".to_owned());
    let enabled_by_hand = uuid.clone();
    let status = world.status(&worker()).await;
    assert_eq!(
        status.roles[0].workers.as_ref().unwrap().drifted,
        ["demo-dev-limited"]
    );

    let report = world.on(&worker()).await.unwrap();
    assert!(!report.is_complete(), "it runs though it should be paused");
    assert_eq!(world.sandbox.fleet()["demo-dev-limited"].reserved, Some(50));

    world
        .sandbox
        .set_mapping_enabled(&enabled_by_hand, true)
        .unwrap();
    let status = world.status(&worker()).await;
    let workers = status.roles[0].workers.as_ref().unwrap();
    assert_eq!(workers.drifted, ["demo-dev-limited", "demo-dev-queue"]);
    assert!(workers.pending.is_empty(), "each is named once");
    let report = world.off(&worker()).await.unwrap();
    let drifted = &only(&report).workers.as_ref().unwrap().drifted;
    assert_eq!(drifted.len(), 2, "{drifted:?}");
    assert_eq!(
        drifted[1].setting,
        format!("event source mapping {enabled_by_hand}")
    );
    assert_eq!(drifted[0].function, "demo-dev-limited");
    assert_eq!(
        (drifted[0].saved.as_str(), drifted[0].now.as_str()),
        ("20", "50")
    );
    assert_eq!(only(&report).outcome, RoleOutcome::TurnedOff);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn who_insists_gets_back_what_was_saved() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    world
        .sandbox
        .set_reserved("demo-dev-limited", Some(50))
        .unwrap();
    world.sandbox.set_reserved("demo-dev-zero", None).unwrap();
    world
        .sandbox
        .set_reserved("demo-dev-provisioned", Some(90))
        .unwrap();
    world
        .sandbox
        .set_provisioned("demo-dev-provisioned", "live", Some(60))
        .unwrap();
    world
        .sandbox
        .set_provisioned("demo-dev-provisioned", "next", Some(4))
        .unwrap();
    let wish = maintenance_control::Off {
        restore_saved: true,
        ..off_wish()
    };
    let report = world
        .control
        .off(&[worker()], &wish, &Run::quiet())
        .await
        .unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(only(&report).workers.as_ref().unwrap().drifted, []);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn provisioned_concurrency_that_vanishes_while_it_is_waited_for_holds_up_nothing() {
    let world = World::new([FunctionSpec::new("demo-dev-a")
        .reserved(20)
        .versions(2)
        .alias("live", 1)
        .provisioned("live", 3)
        .provisioned("2", 4)
        .mapping(MappingSpec::sqs("q"))]);
    world.on(&worker()).await.unwrap();
    let sandbox = world.sandbox.clone();
    let looked = Fault::on("GetProvisionedConcurrencyConfig")
        .always()
        .before();
    world.inject(looked.hook(move |_| {
        sandbox.set_provisioned("demo-dev-a", "live", None).unwrap();
    }));
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(
        only(&report).workers.as_ref().unwrap().gone,
        ["demo-dev-a:live"]
    );
    let function = &world.sandbox.fleet()["demo-dev-a"];
    assert_eq!(function.provisioned.get("2"), Some(&4));
    assert!(
        function
            .mappings
            .values()
            .all(|mapping| mapping.state == "Enabled")
    );
}

#[tokio::test(start_paused = true)]
async fn a_function_that_cannot_be_read_stops_nobody_else() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let denied = || {
        Fault::on("GetFunction")
            .target("demo-dev-limited")
            .always()
            .access_denied()
    };
    world.inject(denied());
    let report = world.on(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.failed[0].function, "demo-dev-limited");
    assert_eq!(
        (
            workers.selected,
            workers.failed.len(),
            workers.changed.len()
        ),
        (8, 1, 6)
    );
    let status = world.status(&worker()).await;
    assert_eq!(
        status.roles[0].workers.as_ref().unwrap().pending,
        ["demo-dev-limited"]
    );
    world.sandbox.clear_faults();
    assert!(world.on(&worker()).await.unwrap().is_complete());

    world.inject(denied());
    let report = world.off(&worker()).await.unwrap();
    assert_eq!(only(&report).outcome, RoleOutcome::StillOn);
    assert_eq!(only(&report).workers.as_ref().unwrap().failed.len(), 1);
    assert!(
        !world.parameters("capacity").is_empty(),
        "what it had is saved still"
    );
    world.sandbox.clear_faults();
    assert!(world.off(&worker()).await.unwrap().is_complete());
    assert_eq!(world.sandbox.fleet(), before);

    // A permission that is missing for all of them changes nothing at all.
    world.inject(Fault::on("GetFunction").always().access_denied());
    let error = world.on(&worker()).await.unwrap_err();
    assert!(
        error.hint().unwrap().contains("lambda:GetFunction"),
        "{error}"
    );
    assert!(!world.flag("worker").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn a_reservation_the_account_has_no_room_for_is_named_and_the_next_off_goes_on() {
    let world = World::new([
        FunctionSpec::new("demo-dev-big").reserved(800),
        FunctionSpec::new("demo-dev-small").reserved(5),
        FunctionSpec::new("other"),
    ]);
    let before = world.sandbox.fleet();
    world.on(&worker()).await.unwrap();
    // Somebody else takes what pausing freed.
    world.sandbox.set_reserved("other", Some(500)).unwrap();
    let report = world.off(&worker()).await.unwrap();
    let workers = only(&report).workers.as_ref().unwrap();
    assert_eq!(workers.changed, ["demo-dev-small"]);
    assert_eq!(workers.failed.len(), 1);
    let words = &workers.failed[0].error;
    // 1,000 in all: 500 and 5 are taken, 495 are left, and 100 must stay; 405 are missing.
    assert!(words.contains("must keep 100 unreserved"), "{words}");
    assert!(words.contains("missing"), "{words}");
    world.sandbox.set_reserved("other", None).unwrap();
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn throttling_conflicts_and_lost_answers_are_waited_out() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    world.inject(Fault::any_call().every(3).throttle());
    world.inject(Fault::any_write().every(5).after().drop_connection());
    world
        .sandbox
        .begin_update("demo-dev-unset", std::time::Duration::from_secs(20))
        .unwrap();
    let report = world.on(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let report = world.off(&worker()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_selects_functions_and_finds_none_changes_nothing() {
    let world = World::new([FunctionSpec::new("other")]);
    let error = world.on(&worker()).await.unwrap_err();
    assert!(matches!(error, Error::NoFunctions { .. }), "{error}");
    assert!(error.hint().unwrap().contains("demo-dev-*"));
    assert!(world.parameters("flags").is_empty());
    assert!(world.lease_is_free());
}

#[tokio::test(start_paused = true)]
async fn tags_and_exclusions_choose() {
    let world = World::new([
        FunctionSpec::new("demo-dev-a").tag("role", "worker"),
        FunctionSpec::new("demo-dev-b").tag("role", "web"),
        FunctionSpec::new("demo-dev-prewarm").tag("role", "worker"),
        FunctionSpec::new("unrelated").tag("role", "worker"),
    ]);
    let selection = maintenance_control::Selection::new(
        &["demo-dev-*".to_owned()],
        &["*-prewarm".to_owned()],
        [("role".to_owned(), "worker".to_owned())].into(),
    )
    .unwrap();
    let role = maintenance_control::RoleSpec {
        functions: Some(selection),
        ..worker()
    };
    let roles = [role.clone()];
    let plan = world
        .control
        .plan_on(&roles, &on_wish(), &Run::quiet())
        .await
        .unwrap();
    assert_eq!(
        only(&plan).workers.as_ref().unwrap().changed,
        ["demo-dev-a"]
    );
    // GetFunction shows tags only to who may list them.
    world
        .sandbox
        .configure(|settings| settings.lambda.hide_tags = true);
    let error = world.on(&role).await.unwrap_err();
    assert!(error.hint().unwrap().contains("lambda:ListTags"), "{error}");
    world
        .sandbox
        .configure(|settings| settings.lambda.hide_tags = false);
    world.on(&role).await.unwrap();
    let fleet = world.sandbox.fleet();
    let paused: Vec<_> = fleet
        .iter()
        .filter(|(_, f)| f.reserved == Some(0))
        .collect();
    assert_eq!(paused.len(), 1);
    // What was saved is restored though the configuration has lost its functions since.
    let alone = maintenance_control::RoleSpec {
        functions: None,
        ..worker()
    };
    let report = world.off(&alone).await.unwrap();
    assert!(report.is_complete());
    assert!(world.sandbox.fleet().values().all(|f| f.reserved.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reads_only() {
    let world = World::mixed();
    let before = (world.sandbox.fleet(), world.sandbox.parameters());
    let roles = [worker()];
    let plan = world
        .control
        .plan_on(&roles, &on_wish(), &Run::quiet())
        .await
        .unwrap();
    assert!(plan.dry_run);
    assert_eq!(only(&plan).outcome, RoleOutcome::TurnedOn);
    assert_eq!(only(&plan).workers.as_ref().unwrap().selected, 8);
    assert_eq!(world.sandbox.writes(), []);
    assert_eq!((world.sandbox.fleet(), world.sandbox.parameters()), before);

    world.on(&worker()).await.unwrap();
    world.sandbox.reset_calls();
    let plan = world
        .control
        .plan_off(&roles, &off_wish(), &Run::quiet())
        .await
        .unwrap();
    assert_eq!(only(&plan).outcome, RoleOutcome::TurnedOff);
    assert_eq!(only(&plan).workers.as_ref().unwrap().changed.len(), 7);
    assert_eq!(world.sandbox.writes(), []);
}

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
        status.roles[0].warnings[0].contains("still saved"),
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
    assert_eq!(only(&report).outcome, RoleOutcome::AlreadyOn);
    assert!(world.flag("worker").window.is_some());
    world.off(&worker()).await.unwrap();
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn torn_saved_capacity_is_named_and_the_rest_is_restored() {
    let world = World::mixed();
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
    assert_eq!(world.sandbox.fleet(), before_tearing);
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
    let control = control_with(&world.sandbox, store(), "ana@laptop");
    let roles = [worker()];
    control.on(&roles, &on_wish(), &Run::quiet()).await.unwrap();

    for functions in [vec![], vec![FunctionSpec::new("demo-dev-unset")]] {
        let other = support::sandbox();
        other.configure(|settings| settings.account = "999999999999".to_owned());
        for function in functions {
            other.seed(function);
        }
        let elsewhere = control_with(&other, store(), "ana@laptop");
        let error = elsewhere
            .off(&roles, &off_wish(), &Run::quiet())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::WrongPlace { .. }), "{error}");
    }
    let report = control
        .off(&roles, &off_wish(), &Run::quiet())
        .await
        .unwrap();
    assert!(report.is_complete());
}

#[tokio::test(start_paused = true)]
async fn forty_functions_take_one_parameter_and_two_calls_each() {
    let names = (0..40).map(|n| format!("demo-dev-{n:055}"));
    let world = World::new(names.map(|name| FunctionSpec::new(&name).reserved(2)));
    let before = world.sandbox.fleet();
    world.sandbox.reset_calls();
    world.on(&worker()).await.unwrap();
    assert_eq!(world.parameters("capacity").len(), 1);
    let count = |operation: &str| {
        world
            .sandbox
            .calls()
            .iter()
            .filter(|call| call.call.operation == operation)
            .count()
    };
    assert_eq!(count("GetFunction"), 40);
    assert_eq!(count("PutFunctionConcurrency"), 40);
    assert_eq!(count("ListProvisionedConcurrencyConfigs"), 0);
    world.sandbox.reset_calls();
    world.off(&worker()).await.unwrap();
    assert_eq!(count("GetFunction"), 40);
    assert_eq!(count("PutFunctionConcurrency"), 40);
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn two_operators_at_once_lose_nothing() {
    let world = World::mixed();
    let before = world.sandbox.fleet();
    let other = control_by(&world.sandbox, "ben@desk");
    let roles = [worker()];
    let (quiet, wish) = (Run::quiet(), on_wish());
    let (one, two) = tokio::join!(
        world.control.on(&roles, &wish, &quiet),
        other.on(&roles, &wish, &quiet)
    );
    let busy = [&one, &two]
        .into_iter()
        .filter(|r| matches!(r, Err(Error::Busy { .. })))
        .count();
    assert_eq!(busy, 1, "{one:?} {two:?}");
    world.off(&worker()).await.unwrap();
    assert_eq!(world.sandbox.fleet(), before);
}
