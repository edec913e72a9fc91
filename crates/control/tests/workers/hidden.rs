//! Reads that lag hide saved capacity, or show what is gone, from an `off` after an operation that died or
//! whose record somebody changed.

use std::time::Duration;

use maintenance_control::Report;

use crate::support::{World, only, start, worker};

const LIMITED: &str = "demo-dev-limited";

/// Maintenance is on. The names of what is saved.
async fn on() -> (World, Vec<String>) {
    let world = World::mixed();
    world.on(&worker()).await.unwrap();
    let saved = world.parameters("capacity");
    // What was at zero is read again before that is believed, and saved after the others.
    assert_eq!(saved.len(), 2);
    (world, saved)
}

/// The operation before died long ago, so that what it left is unknown.
fn forget(world: &World) {
    world.leave_a_lease(9, start() - Duration::from_secs(3_600));
}

/// `off`, from whose last looks these parameters are hidden. It is complete, unless something is missing.
async fn off_with_hidden(world: &World, hidden: &[String]) {
    assert!(off_from(world, hidden).await.is_complete());
    assert!(!world.flag("worker").mode.is_on());
}

async fn off_from(world: &World, hidden: &[String]) -> Report {
    let role = worker();
    let (report, ()) = tokio::join!(world.off(&role), async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        for name in hidden {
            assert!(world.sandbox.delete_parameter(name), "{name} is gone");
        }
        assert_eq!(world.sandbox.fleet()[LIMITED].reserved, Some(0));
    });
    report.unwrap()
}

/// Stores what is saved as of another window, too, with this reservation of one function instead.
fn save_as(world: &World, saved: &[String], window: &str, reserved: u32) -> Vec<String> {
    let store = |name: &String| {
        let value = &world.sandbox.parameters()[name].value;
        let value = value.replace(
            r#""demo-dev-limited":{"reserved":20"#,
            &format!(r#""demo-dev-limited":{{"reserved":{reserved}"#),
        );
        let parts: Vec<&str> = name.rsplitn(3, '/').collect();
        let other = format!("{}/{window}/{}", parts[2], parts[0]);
        world.sandbox.set_parameter(&other, &value);
        other
    };
    saved.iter().map(store).collect()
}

#[tokio::test(start_paused = true)]
async fn what_off_saw_once_of_a_dead_operation_counts_though_a_later_read_hides_it() {
    let before = World::mixed().sandbox.fleet();
    let (world, saved) = on().await;
    forget(&world);
    off_with_hidden(&world, &saved).await;
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn what_the_operation_before_left_counts_though_a_later_read_hides_it() {
    let before = World::mixed().sandbox.fleet();
    let (world, saved) = on().await;
    // Somebody deleted one that the record names, so that `off` looks for it for as long as it may.
    let more = save_as(&world, &saved, "20200101T000000Z-00000001", 20);
    let lease = world.parameters("lease").pop().expect("a lease");
    let record = world.sandbox.parameters()[&lease].value.clone();
    let names_more = record.replace(
        r#""saved":{"#,
        r#""saved":{"20200101T000000Z-00000001":"1","#,
    );
    assert_ne!(names_more, record);
    world.sandbox.set_parameter(&lease, &names_more);
    for name in &more {
        world.sandbox.delete_parameter(name);
    }
    let report = off_from(&world, &saved).await;
    let failed = &only(&report).workers.as_ref().unwrap().failed;
    assert_eq!(failed.len(), 1, "the one that was deleted: {failed:?}");
    assert_eq!(world.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_window_that_is_gone_does_not_count_though_a_read_still_shows_it() {
    let before = World::mixed().sandbox.fleet();
    let (world, saved) = on().await;
    let gone = save_as(&world, &saved, "20200101T000000Z-00000001", 5);
    forget(&world);
    off_with_hidden(&world, &gone).await;
    assert_eq!(world.sandbox.fleet(), before, "5 was of another time");
}

#[tokio::test(start_paused = true)]
async fn an_earlier_window_that_is_hidden_counts_if_a_later_one_found_the_function_at_zero() {
    let before = World::mixed().sandbox.fleet();
    let (world, saved) = on().await;
    // Somebody typed `off`, and the next `on` saved what it found.
    save_as(&world, &saved, "29990101T000000Z-00000001", 0);
    forget(&world);
    off_with_hidden(&world, &saved).await;
    assert_eq!(world.sandbox.fleet(), before);
}
