//! The question before `on`: asked on a terminal, refused without one.

use maintenance_sandbox::FunctionSpec;
use maintenance_tests::TestEnv;

const QUESTION: &str = "Will enable web maintenance mode for demo-dev\nAre you sure? (y/N) ";
const DONE: &str =
    "Enabling web maintenance mode for demo-dev\nWeb maintenance has been turned on\n";

#[test]
fn yes_turns_it_on() {
    for (env, yes) in [(TestEnv::files(), "y\n"), (TestEnv::aws(), "YES\n")] {
        let mut terminal = env.at_terminal(&["on"]);
        terminal.expect(QUESTION);
        terminal.type_in(yes);
        terminal.wait().exactly(0, "", &format!("{QUESTION}{DONE}"));
        env.run(&["status"]).code(0).stdout("on\n");
    }
}

#[test]
fn anything_else_changes_nothing() {
    let env = TestEnv::files();
    for no in ["n\n", "\n", "yess\n", "on\n"] {
        let mut terminal = env.at_terminal(&["on"]);
        terminal.expect(QUESTION);
        terminal.type_in(no);
        terminal
            .wait()
            .exactly(6, "", &format!("{QUESTION}Nothing was changed\n"));
    }
    env.run(&["status"]).code(0).stdout("off\n");
}

#[test]
fn the_end_of_input_is_no() {
    let env = TestEnv::files();
    let mut terminal = env.at_terminal(&["on"]);
    terminal.expect(QUESTION);
    terminal.type_in("\u{4}"); // Ctrl-D
    terminal
        .wait()
        .exactly(6, "", &format!("{QUESTION}\nNothing was changed\n"));
}

#[test]
fn ctrl_c_at_the_question_changes_nothing() {
    let env = TestEnv::files();
    let terminal = env.at_terminal(&["on"]);
    terminal.expect(QUESTION);
    terminal.running().interrupt();
    // The shell makes 130 of a death by Ctrl-C.
    let output = terminal.wait();
    assert_eq!((output.code, output.stderr.as_str()), (None, QUESTION));
    env.run(&["status"]).code(0).stdout("off\n");
}

#[test]
fn with_all_only_the_roles_that_are_off_are_asked_about() {
    let env = TestEnv::files();
    env.run(&["on", "-y"]).code(0);
    let mut terminal = env.at_terminal(&["on", "--all"]);
    let question = "Will enable worker maintenance mode for demo-dev\nAre you sure? (y/N) ";
    terminal.expect(question);
    terminal.type_in("y\n");
    terminal.wait().exactly(
        0,
        "",
        &format!(
            "{question}Web maintenance is already on\n\
             Enabling worker maintenance mode for demo-dev\n\
             Worker maintenance has been turned on\n\
             The worker role selects no functions: only its flag is set\n"
        ),
    );
    // Now all are on, and nothing is asked.
    env.at_terminal(&["on", "--all"]).wait().exactly(
        0,
        "",
        "Web maintenance is already on\n\
         Worker maintenance is already on\n\
         The worker role selects no functions: only its flag is set\n",
    );
}

#[test]
fn a_role_with_functions_says_how_many_will_be_paused() {
    let env = TestEnv::aws();
    for name in ["demo-dev-a", "demo-dev-b", "other"] {
        env.sandbox().seed(FunctionSpec::new(name));
    }
    let mut terminal = env.at_terminal(&["on", "--role", "worker", "--function", "demo-dev-*"]);
    terminal.expect(
        "Will enable worker maintenance mode for demo-dev\n\
         2 functions will be paused\n\
         \x20 2 functions: no triggers\n\
         Not checked: invocations made through an IAM role (EventBridge Scheduler, Step Functions, other \
         accounts, your own code)\n\
         Are you sure? (y/N) ",
    );
    assert!(
        env.sandbox().writes().is_empty(),
        "nothing is written before the answer"
    );
    terminal.type_in("no\n");
    terminal.wait().code(6).says("Nothing was changed");
    assert!(
        env.sandbox().writes().is_empty(),
        "nothing is written after a no"
    );
}

#[test]
fn with_yes_nothing_is_asked_on_a_terminal() {
    let env = TestEnv::files();
    env.at_terminal(&["on", "-y"]).wait().exactly(0, "", DONE);
    env.at_terminal(&["off"]).wait().exactly(
        0,
        "",
        "Disabling web maintenance mode for demo-dev\nWeb maintenance has been turned off\n",
    );
}

#[test]
fn quiet_still_asks() {
    let env = TestEnv::files();
    let mut terminal = env.at_terminal(&["on", "-q"]);
    terminal.expect(QUESTION);
    terminal.type_in("y\n");
    terminal.wait().exactly(0, "", QUESTION);
}

#[test]
fn without_a_terminal_it_refuses_rather_than_guesses() {
    for env in [TestEnv::files(), TestEnv::aws()] {
        env.run(&["on"]).exactly(
            6,
            "",
            "Error: not confirmed, so nothing was changed\n\
             Caused by: stdin or stderr is not a terminal, and --yes is not given\n\
             Hint: add --yes to skip the question\n",
        );
        env.run(&["status"]).code(0).stdout("off\n");
    }
}

#[test]
fn a_yes_from_a_pipe_is_no_terminal() {
    use std::io::Write as _;
    use std::process::Stdio;
    let env = TestEnv::files();
    let mut command = env.command(&["on"]);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may be gone before it is told; that is as good as not listening.
    let _ = child.stdin.take().unwrap().write_all(b"y\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    env.run(&["status"]).code(0).stdout("off\n");
}
