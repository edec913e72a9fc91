//! The two commands that a stranger tries first.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use maintenance_tests::{TestEnv, binary};

#[test]
fn the_demonstration_holds() {
    // Nothing of the caller's account is looked at, and nothing of it leaks in.
    let mut env = TestEnv::bare();
    env.set("AWS_PROFILE", "production");
    env.set("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1");
    env.set("MAINTENANCE_STORE", "file:/nowhere");
    let output = env.run(&["demo"]);
    assert_eq!(output.code(0).stderr, "");
    for line in [
        "$ maintenance on --all --yes",
        "  Error: pausing demo-dev-worker-images would drop asynchronous events\n",
        "  <title>Down for maintenance</title>\n",
        "  Web maintenance has been turned on\n",
        "  HTTP/1.1 503 Service Unavailable\n",
        "  429 TooManyRequestsException\n",
        "$ maintenance off --all\n",
        "  HTTP/1.1 200 OK\n",
        "✓ every setting is what it was\n",
        "checks passed.\n",
    ] {
        assert!(
            output.stdout.contains(line),
            "{line:?} is missing: {}",
            output.stdout
        );
    }
    assert!(
        !output.stdout.contains('✗') && !output.stdout.contains('\u{1b}'),
        "{}",
        output.stdout
    );
}

#[test]
fn the_demonstration_as_json() {
    let output = TestEnv::bare().run(&["demo", "--json"]);
    let document = output.code(0).json();
    assert_eq!(document["held"], true);
    let checks = document["checks"].as_array().unwrap();
    assert!(
        checks.len() > 10 && checks.iter().all(|check| check["held"] == true),
        "{checks:#?}"
    );
}

/// `name=value` of the lines to paste, as a shell reads them.
fn exported(lines: &str) -> Vec<(String, String)> {
    let script = format!("{lines}\nenv");
    let output = Command::new("sh")
        .env_clear()
        .args(["-c", &script])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The status line of a page.
fn status_of(url: &str) -> String {
    get(url).lines().next().unwrap().to_owned()
}

/// A page, with its head.
fn get(url: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_second_terminal_drives_the_served_app() {
    let env = TestEnv::bare();
    let served = env.start(&["dev", "--state", "state"]);
    served.says("Press Ctrl-C here to stop it\n");
    let lines = served.answers("/exports\n");
    let said = served.said();
    let page = said
        .split_whitespace()
        .find(|word| word.starts_with("http://127.0.0.1:") && word.ends_with('/'));
    let page = page.expect("the page's address").to_owned();
    let variables = exported(&lines);
    let folder = variables
        .iter()
        .find(|(name, _)| name == "MAINTENANCE_CONFIG")
        .unwrap();
    assert!(std::path::Path::new(&folder.1).is_file());
    let run = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env_clear()
            .envs(variables.clone())
            .current_dir(env.folder());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };

    assert_eq!(run(&["status", "--all"]), "web off\nworker off\n");
    // Its observer is one of the file that it has written.
    assert_eq!(run(&["observe", "--once"]), "database normal\n");
    assert_eq!(status_of(&page), "HTTP/1.1 200 OK");
    run(&["on", "--all", "--yes", "--accept-event-loss"]);
    // What the gate knows may be a second old: the moment it changes is awaited, not slept for.
    let becomes = |status: &str| {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while status_of(&page) != status {
            assert!(std::time::Instant::now() < until, "never {status}");
        }
    };
    becomes("HTTP/1.1 503 Service Unavailable");
    run(&["on", "--allow-ip", "127.0.0.1"]);
    becomes("HTTP/1.1 200 OK");
    run(&["on", "--allow-ip", ""]);
    becomes("HTTP/1.1 503 Service Unavailable");
    assert_eq!(run(&["status", "--all"]), "web on\nworker on\n");

    served.interrupt();
    let output = served.wait();
    output.code(0).says("\nStopped; its state is in state\n");
    assert!(
        !std::path::Path::new(&folder.1).exists(),
        "nothing is left behind"
    );

    // It is taken up where it was left, and brought back.
    let served = env.start(&["dev", "--state", "state"]);
    served.says("Press Ctrl-C here to stop it\n");
    let variables = exported(&served.answers("/exports\n"));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env_clear()
            .envs(variables.clone())
            .current_dir(env.folder());
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = run(&["off", "--all"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("5 functions restored\n"), "{said}");
    served.terminate();
    served.wait().code(0);
}

#[test]
fn the_page_is_the_built_in_one_unless_another_is_named() {
    let env = TestEnv::bare();
    let page = |title: &str| format!("<title>{title}</title>");
    // That of the folder it runs in is of another app.
    env.write("public/maintenance.html", &page("Elsewhere"));
    env.write("mine.html", &page("Mine"));
    for (arguments, title) in [
        (&["dev"][..], "Down for maintenance"),
        (&["dev", "--page", "mine.html"], "Mine"),
    ] {
        let served = env.start(arguments);
        served.says("Press Ctrl-C here to stop it\n");
        let variables = exported(&served.answers("/exports\n"));
        let mut on = Command::new(binary());
        on.args(["on", "--yes"]).env_clear().envs(variables);
        assert!(on.output().unwrap().status.success());
        let said = served.said();
        let url = said
            .split("has a page at ")
            .nth(1)
            .and_then(|it| it.lines().next());
        let url = url.expect("the page's address");
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !get(url).contains(&page(title)) {
            assert!(
                std::time::Instant::now() < until,
                "never {title}: {}",
                get(url)
            );
        }
        served.terminate();
        served.wait().code(0);
    }
    let output = env.run(&["dev", "--page", "mine.txt"]);
    output.refuses(2, "--page mine.txt cannot be used");
    let output = env.run(&["dev", "--page", "none.html"]);
    output.refuses(2, "--page none.html cannot be used");
}

/// What the local AWS answers to a call of Parameter Store.
fn call(endpoint: &str, operation: &str, body: &str) -> String {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Amz-Target: AmazonSSM.{operation}\r\n\
         Content-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\nAuthorization: \
         AWS4-HMAC-SHA256 Credential=akid/20260101/us-east-1/ssm/aws4_request\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_served_aws_waits_as_aws_does_if_it_is_asked_to() {
    for (arguments, read) in [
        (&["dev"] as &[&str], "new"),
        (&["dev", "--aws-waits"], "ParameterNotFound"),
    ] {
        let env = TestEnv::bare();
        let served = env.start(arguments);
        served.says("Press Ctrl-C here to stop it\n");
        let variables = exported(&served.answers("/exports\n"));
        let of = |name: &str| &variables.iter().find(|it| it.0 == name).unwrap().1;
        let endpoint = of("AWS_ENDPOINT_URL");
        let put = r#"{"Name": "/app/flag", "Value": "new", "Type": "String"}"#;
        let answer = call(endpoint, "PutParameter", put);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        // A read right after the write.
        let answer = call(endpoint, "GetParameter", r#"{"Name": "/app/flag"}"#);
        assert!(answer.contains(read), "{arguments:?}: {answer}");
        served.terminate();
        served.wait().code(0);
    }
}

#[test]
fn a_port_that_is_taken_is_said() {
    let env = TestEnv::bare();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = env.run(&["dev", "--port", &port]);
    output
        .code(1)
        .stdout("")
        .says(&format!("Error: cannot listen on 127.0.0.1:{port}\n"));
    output.says("\nHint: ");
}
