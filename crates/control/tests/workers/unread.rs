//! What cannot be read of how a role stands is said, and hides nothing that can.

use std::time::Duration;

use maintenance_control::{Context, Part, RoleSpec, Selection, State};
use maintenance_sandbox::{Fault, FunctionSpec, Service};
use tokio::time::Instant;

use crate::support::OneApp as _;
use crate::support::{World, on_wish, web, worker};

fn lambda() -> Fault {
    Fault::any_call().service(Service::Lambda).always()
}

#[tokio::test(start_paused = true)]
async fn lambda_in_any_trouble_hides_no_flag() {
    let unavailable = "did not go through in time";
    for (trouble, why) in [
        (lambda().access_denied(), "not allowed to lambda:"),
        (lambda().throttle(), "no call through for 30 s"),
        (lambda().fail(500, "ServiceException", "odd"), unavailable),
        (lambda().drop_connection(), unavailable),
    ] {
        let world = World::mixed();
        world.on(&worker()).await.unwrap();
        world.inject(trouble);
        let status = world
            .control
            .status(&[web(), worker()], &Context::quiet())
            .await
            .unwrap();
        let (visitors, scaled) = (&status.roles[0], &status.roles[1]);
        assert_eq!((visitors.state, scaled.state), (State::Off, State::On));
        assert_eq!(visitors.unread, []);
        assert_eq!(scaled.workers, None);
        let flag = scaled.flag.as_ref().unwrap();
        assert_eq!(flag.reason.as_deref(), Some("migration"));
        let unread = &scaled.unread;
        assert_eq!(unread.len(), 1, "{unread:?}");
        assert_eq!(
            (unread[0].part, &unread[0].function),
            (Part::Functions, &None)
        );
        assert!(unread[0].error.contains(why), "{unread:?}");
        assert!(unread[0].hint.is_some(), "{unread:?}");

        world.sandbox.clear_faults();
        let status = world.status(&worker()).await;
        assert_eq!(status.roles[0].unread, []);
        assert_eq!(status.roles[0].workers.as_ref().unwrap().paused, 8);
    }
}

#[tokio::test(start_paused = true)]
async fn where_lambda_throttles_for_good_no_role_waits_for_another() {
    let names = ["mail", "search", "reports"];
    let world = World::new(names.map(|name| FunctionSpec::new(&format!("demo-dev-{name}"))));
    let roles = names.map(|name| {
        let functions = Selection::new(&[format!("demo-dev-{name}")], &[], Default::default());
        RoleSpec {
            role: name.parse().unwrap(),
            functions: Some(functions.unwrap()),
            ..worker()
        }
    });
    let on = world
        .control
        .on(&roles, &on_wish(), &Context::quiet())
        .await;
    assert!(on.unwrap().is_complete());
    world.inject(lambda().throttle());
    let began = Instant::now();
    let status = world
        .control
        .status(&roles, &Context::quiet())
        .await
        .unwrap();
    // The flags are known at once, and nobody waits for three minutes to be told.
    assert!(began.elapsed() < Duration::from_secs(40));
    assert!(status.roles.iter().all(|role| role.unread.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_takes_long_to_read_is_read_as_long_as_lambda_answers() {
    let world = World::new((0..100).map(|n| {
        let function = FunctionSpec::new(&format!("demo-dev-{n:02}")).versions(1);
        function.alias("live", 1).provisioned("live", 1)
    }));
    world.on(&worker()).await.unwrap();
    world.inject(lambda().delay(Duration::from_secs(5)));
    let began = Instant::now();
    let status = world.status(&worker()).await;
    assert_eq!(status.roles[0].unread, []);
    assert_eq!(status.roles[0].workers.as_ref().unwrap().paused, 100);
    assert!(began.elapsed() > Duration::from_secs(40));
}
