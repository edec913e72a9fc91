//! A command that died still holds its lease for half a minute, unless somebody ends it.

use maintenance_sandbox::Fault;
use maintenance_tests::Scene;

/// A scene in which `on` was killed in the middle of its write.
fn left_by_the_dead() -> Scene {
    let scene = Scene::aws();
    scene
        .sandbox()
        .inject(Fault::on("PutParameter").target("/flags/").hang());
    let running = scene.start(&["on", "-y"]);
    scene.wait_until_hanging();
    running.kill();
    assert_eq!(running.wait().code, None, "killed by a signal");
    scene.sandbox().clear_faults();
    scene.sandbox().release_hanging();
    scene
}

#[test]
fn a_lease_of_the_dead_is_ended_and_the_next_command_works() {
    let scene = left_by_the_dead();
    scene
        .run(&["on", "-y"])
        .code(5)
        .says("Error: another operation is at work: on web by ana@laptop");
    scene
        .run(&["unlock", "--yes"])
        .code(0)
        .stdout("")
        .says("The lease of demo-dev has been ended\n");
    scene
        .run(&["on", "-y"])
        .code(0)
        .says("Web maintenance has been turned on\n");
}

#[test]
fn it_asks_on_a_terminal_and_refuses_elsewhere() {
    let scene = left_by_the_dead();
    scene
        .run(&["unlock"])
        .refuses(6, "not confirmed, so nothing was changed");
    let mut terminal = scene.at_terminal(&["unlock"]);
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("n\n");
    terminal
        .wait()
        .code(6)
        .says("is held by ana@laptop")
        .says("Nothing was changed\n");
    scene.run(&["on", "-y"]).code(5);
    let mut terminal = scene.at_terminal(&["unlock"]);
    terminal.expect("Are you sure? (y/N) ");
    terminal.type_in("y\n");
    terminal
        .wait()
        .code(0)
        .says("The lease of demo-dev has been ended\n");
    scene.run(&["on", "-y"]).code(0);
}

#[test]
fn without_a_holder_there_is_nothing_to_end() {
    for scene in [Scene::files(), Scene::aws()] {
        let nobody = "Nobody holds the lease of demo-dev\n";
        scene.run(&["unlock"]).exactly(0, "", nobody);
        scene.run(&["on", "-y"]).code(0);
        scene.run(&["unlock"]).exactly(0, "", nobody);
    }
}
