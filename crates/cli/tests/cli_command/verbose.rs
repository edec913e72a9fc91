//! `-v` and `-vv`, on a terminal and elsewhere.

use maintenance_tests::TestEnv;

#[test]
fn on_a_terminal_it_is_told_in_colours_and_nothing_is_complained_of() {
    let mut env = TestEnv::aws();
    env.set("TERM", "xterm");
    for more in ["-v", "-vv"] {
        let output = env.at_terminal(&["status", more]).wait();
        output.code(0).stdout("off\n");
        output
            .says("\u{1b}[")
            .says("maintenance_cli")
            .says("prefix");
        output.says("Web maintenance status for demo-dev\n");
        for complaint in ["panicked", "ansi", "tracing-subscriber"] {
            assert!(!output.stderr.contains(complaint), "{output:#?}");
        }
    }
    env.set("NO_COLOR", "1");
    let output = env.at_terminal(&["status", "-vv"]).wait();
    output.code(0).says("INFO maintenance_cli");
    assert!(!output.stderr.contains('\u{1b}'), "{output:#?}");
}

#[test]
fn elsewhere_it_is_told_without_colours_and_twice_names_each_call() {
    let env = TestEnv::aws();
    let once = env.run(&["status", "-v"]);
    once.code(0).says(" INFO maintenance_cli");
    assert!(!once.stderr.contains("ssm:GetParameter"), "{once:#?}");
    let twice = env.run(&["status", "-vv"]);
    twice.code(0).says(" INFO maintenance_cli");
    twice
        .says("DEBUG maintenance_control")
        .says("ssm:GetParameter took=");
    assert!(!twice.stderr.contains('\u{1b}'), "{twice:#?}");
}
