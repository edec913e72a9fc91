//! `-v` and `-vv`, on a terminal and elsewhere.

use maintenance_tests::Scene;

#[test]
fn on_a_terminal_it_is_told_in_colours_and_nothing_is_complained_of() {
    let mut scene = Scene::aws();
    scene.set("TERM", "xterm");
    for more in ["-v", "-vv"] {
        let ran = scene.at_terminal(&["status", more]).wait();
        ran.code(0).stdout("off\n");
        ran.says("\u{1b}[").says("maintenance_cli").says("prefix");
        ran.says("Web maintenance status for demo-dev\n");
        for complaint in ["panicked", "ansi", "tracing-subscriber"] {
            assert!(!ran.stderr.contains(complaint), "{ran:#?}");
        }
    }
    scene.set("NO_COLOR", "1");
    let ran = scene.at_terminal(&["status", "-vv"]).wait();
    ran.code(0).says("INFO maintenance_cli");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:#?}");
}

#[test]
fn elsewhere_it_is_told_without_colours_and_twice_names_each_call() {
    let scene = Scene::aws();
    let once = scene.run(&["status", "-v"]);
    once.code(0).says(" INFO maintenance_cli");
    assert!(!once.stderr.contains("ssm:GetParameter"), "{once:#?}");
    let twice = scene.run(&["status", "-vv"]);
    twice.code(0).says(" INFO maintenance_cli");
    twice
        .says("DEBUG maintenance_control")
        .says("ssm:GetParameter took=");
    assert!(!twice.stderr.contains('\u{1b}'), "{twice:#?}");
}
