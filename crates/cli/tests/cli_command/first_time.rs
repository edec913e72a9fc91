//! An app that is operated on for the first time: a slip in its name, or a handler without the gate, is said.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use maintenance_tests::TestEnv;

const NEVER: &str = "demo-dev has never been in maintenance: no flag is stored for it. If that is unexpected, \
                     check --app, --env, --store, --prefix, --profile and --region\n";

/// A site that answers every request so, until the test ends.
pub(crate) fn site(answer: &'static str) -> String {
    site_of([answer, answer])
}

/// A site that answers the first request so, and every later one otherwise.
fn site_of([first, later]: [&'static str; 2]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        let answers = std::iter::once(first).chain(std::iter::repeat(later));
        for (stream, answer) in listener.incoming().zip(answers) {
            let mut stream = stream.expect("a visitor");
            // It may be gone before it is answered.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/")
}

pub(crate) const OPEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
pub(crate) const GATE: &str = "HTTP/1.1 503 Service Unavailable\r\nx-maintenance: on\r\ncontent-length: 0\r\n\
                    connection: close\r\n\r\n";

#[test]
fn off_says_that_an_app_has_never_been_in_maintenance() {
    for env in [TestEnv::files(), TestEnv::aws()] {
        let already = "Web maintenance is already off\n";
        env.run(&["off"])
            .exactly(0, "", &format!("{already}{NEVER}"));
        env.run(&["off", "-q"]).exactly(0, "", "");
        // One whose worker has been on has been.
        env.run(&["on", "-y", "--role", "worker"]).code(0);
        env.run(&["off", "--role", "worker"]).code(0);
        env.run(&["off"]).exactly(0, "", already);
    }
}

#[test]
fn off_says_how_the_site_of_such_an_app_answers() {
    let mut env = TestEnv::aws();
    let url = site(OPEN);
    env.set("MAINTENANCE_URL", &url);
    let says = format!("{NEVER}{url} answers 200, and no gate refuses the request\n");
    env.run(&["off"]).code(0).says(&says);
    let url = site(GATE);
    env.set("MAINTENANCE_URL", &url);
    env.run(&["off"]).code(0).says(&format!(
        "Warning: {url} is in maintenance all the same: its gate reads the flag of another app or store\n"
    ));
    env.set("MAINTENANCE_URL", "http://127.0.0.1:9/");
    let says = "http://127.0.0.1:9/ could not be reached to check its gate: Connection refused";
    env.run(&["off"]).code(0).says(says);
    let url = site("no HTTP\r\n\r\n");
    env.set("MAINTENANCE_URL", &url);
    let says =
        format!("{url} could not be reached to check its gate: invalid HTTP version parsed\n");
    env.run(&["off"]).code(0).says(&says);
}

#[test]
fn on_says_whether_a_gate_answers() {
    for (answer, with_gate) in [(GATE, true), (OPEN, false)] {
        let mut env = TestEnv::aws();
        env.write("maintenance.toml", "[roles.web]\nttl = 0\n");
        let url = site(answer);
        env.set("MAINTENANCE_URL", &url);
        let says = match with_gate {
            true => format!("\n{url} answers 503: its gate has seen the flag\n"),
            false => format!("\nWarning: no gate refuses requests to {url} after 1 s: check that"),
        };
        let output = env.run(&["on", "-y"]);
        output.code(0).says(&says);
        // Nothing has changed for visitors.
        let output = env.run(&["on"]);
        output.exactly(0, "", "Web maintenance is already on\n");
        env.run(&["off"]).code(0);
        let output = env.run(&["on", "-y", "--no-verify"]);
        assert!(!output.code(0).stderr.contains("gate"), "{output:?}");
        env.run(&["off"]).code(0);
        let json = env.run(&["on", "-y", "--json"]).code(0).json();
        assert_eq!(json["site"]["gate"], with_gate);
        assert_eq!(json["site"]["url"], url);
    }
}

/// A gate sees the flag when its TTL has passed.
#[test]
fn on_says_how_long_it_took_until_the_site_answered_503() {
    let mut env = TestEnv::files();
    env.write("maintenance.toml", "[roles.web]\nttl = 5\n");
    let url = site_of([OPEN, GATE]);
    env.set("MAINTENANCE_URL", &url);
    let says = format!("\n{url} answers 503 after 1 s: its gate has seen the flag\n");
    env.run(&["on", "-y"]).code(0).says(&says);
}

/// A site that takes visitors in and never answers.
#[test]
fn a_stop_ends_the_look_at_the_site() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}/", silent.local_addr().expect("its address"));
    for command in [&["off"][..], &["on", "-y"]] {
        let mut env = TestEnv::aws();
        env.set("MAINTENANCE_URL", &url);
        let running = env.start(command);
        let visitor = silent.accept().expect("a visitor");
        running.interrupt();
        running.says("Stopping after the current step");
        let output = running.wait();
        // What was asked for is done.
        output.code(0);
        assert!(
            !output.stderr.contains("could not be reached"),
            "{output:?}"
        );
        drop(visitor);
    }
}

#[test]
fn where_something_may_pass_no_gate_has_to_refuse() {
    for options in [
        &["--read-only"][..],
        &["--allow-ip", "127.0.0.1"],
        &["--role", "worker"],
    ] {
        let mut env = TestEnv::aws();
        env.set("MAINTENANCE_URL", &site(OPEN));
        let output = env.run(&[&["on", "-y"], options].concat());
        assert!(!output.code(0).stderr.contains("no gate"), "{output:?}");
    }
}
