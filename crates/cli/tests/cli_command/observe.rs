//! `maintenance observe`: the real command over real HTTP, once and until it is stopped.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use maintenance_tests::{Output, Stub, TestEnv};
use serde_json::{Value, json};

/// The app demo-dev with this observer `it`, which needs one result only.
fn env(observer: &str) -> TestEnv {
    let env = TestEnv::aws();
    configure(&env, observer);
    env
}

fn configure(env: &TestEnv, observer: &str) {
    let text = format!("[observers.it]\nconfirm = 1\nroles = [\"web\"]\n{observer}\n");
    env.write("maintenance.toml", &text);
}

fn once(env: &TestEnv) -> Output {
    env.run(&["observe", "--once"])
}

/// What one check came to: its result, and what was observed or why it is unknown.
fn seen(env: &TestEnv) -> (String, String) {
    let output = env.run(&["observe", "--once", "--json"]);
    let document = output.json();
    let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
    let shown = match document["error"].is_null() {
        true => text("observed"),
        false => text("error"),
    };
    (text("result"), shown)
}

fn sees(env: &TestEnv, result: &str, shown: &str) {
    let (is, said) = seen(env);
    assert_eq!(is, result, "{said}");
    assert!(said.contains(shown), "{said}");
}

#[test]
fn once_checks_each_acts_and_goes_on_with_the_streak_of_the_run_before() {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[observers.state]\nkind = \"file\"\npath = \"state\"\nmode = \"content\"\nmaintenance = \"down\"\n\
         roles = [\"web\"]\nmessage = \"Back soon.\"\n",
    );
    env.write("state", "down\n");
    once(&env)
        .code(0)
        .stdout("state maintenance\n")
        .says("state: maintenance (down), 1 of 2\n");
    assert_eq!(env.run(&["status"]).stdout, "off\n");
    once(&env)
        .code(0)
        .stdout("state maintenance\n")
        .says("state: turned on maintenance of web of demo-dev\n");
    let status = env.run(&["status", "--json"]).json();
    let web = &status["roles"][0];
    assert_eq!(web["owner"], json!({"kind": "observer", "name": "state"}));
    assert_eq!(web["message"], "Back soon.");
    // A person may not end it; and nothing that is unknown does.
    env.run(&["off"]).code(3);
    fs::remove_file(env.folder().join("state")).unwrap();
    once(&env)
        .code(1)
        .stdout("state unknown\n")
        .says("cannot read");
    assert_eq!(env.run(&["status"]).stdout, "on\n");
    env.write("state", "up\n");
    once(&env).code(0);
    once(&env)
        .code(0)
        .stdout("state normal\n")
        .says("state: turned off maintenance of web of demo-dev\n");
    assert_eq!(env.run(&["status"]).stdout, "off\n");
}

#[test]
fn a_parameter_counts_and_a_missing_one_as_it_is_said() {
    let env = env("kind = \"parameter\"\nparameter = \"/acme/state\"\nmaintenance = \"down\"");
    sees(&env, "unknown", "the parameter does not exist");
    env.sandbox().set_parameter("/acme/state", "DOWN");
    sees(&env, "maintenance", "DOWN");
    env.sandbox().set_parameter("/acme/state", "up");
    sees(&env, "normal", "up");
    configure(
        &env,
        "kind = \"parameter\"\nparameter = \"/acme/none\"\nmaintenance = \"down\"\nmissing = \"normal\"",
    );
    sees(&env, "normal", "does not exist");
}

fn query(url: &str, query: &str) -> String {
    format!("kind = \"sql\"\nurl = \"{url}\"\nquery = \"{query}\"\nmaintenance = \"down\"")
}

#[test]
fn a_value_of_a_database_counts_and_sql_null_is_unknown() {
    let env = env(&query("sqlite::memory:", "SELECT 'DOWN'"));
    sees(&env, "maintenance", "DOWN");
    for (sql, result, shown) in [
        ("SELECT 'up'", "normal", "up"),
        ("SELECT 1 + 1", "normal", "2"),
        ("SELECT NULL", "unknown", "the query gives NULL, or no row"),
        (
            "SELECT 1 UNION ALL SELECT 2",
            "unknown",
            "the query gives more than one row",
        ),
        ("SELECT 1, 2", "unknown", "the query must give one column"),
        (
            "SELECT x'01'",
            "unknown",
            "the value is binary: have the query make text or a number of it, as in flag + 0",
        ),
    ] {
        configure(&env, &query("sqlite::memory:", sql));
        sees(&env, result, shown);
    }
    configure(&env, &query("sqlite:state.db", "SELECT 'up'"));
    sees(&env, "unknown", "cannot connect to the database");
    assert!(!env.folder().join("state.db").exists());
}

/// A PostgreSQL that asks for the password in clear, and repeats it when it refuses it. What it was sent is received
/// by then.
fn postgres_that_refuses() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    let answer = move |client: &mut TcpStream| -> std::io::Result<()> {
        let read = |client: &mut TcpStream| {
            let mut length = [0; 4];
            client.read_exact(&mut length)?;
            let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
            client.read_exact(&mut body).map(|()| body)
        };
        read(client)?;
        client.write_all(b"R\0\0\0\x08\0\0\0\x03")?;
        client.read_exact(&mut [0])?;
        let password = String::from_utf8(read(client)?).unwrap();
        let password = password.trim_end_matches('\0');
        sender.send(password.to_owned()).unwrap();
        let said = format!("SFATAL\0VFATAL\0C28P01\0Mnobody has {password}\0\0");
        let length = u32::try_from(said.len() + 4).unwrap().to_be_bytes();
        client.write_all(&[b"E", &length[..], said.as_bytes()].concat())
    };
    thread::spawn(move || {
        // It ends with the test.
        for client in listener.incoming() {
            let _ = answer(&mut client.unwrap());
        }
    });
    (port, receiver)
}

#[test]
fn the_password_of_a_database_is_a_variable_as_it_is_and_is_shown_by_nothing() {
    const PASSWORD: &str = "p@ss/w:rd %41?#é";
    let (port, sent) = postgres_that_refuses();
    let url = |user: &str| format!("postgres://{user}@127.0.0.1:{port}/x?sslmode=disable");
    let mut env = env(&query(&url("${USER_OF_DB}:${PASSWORD}"), "SELECT 'up'"));
    env.set("USER_OF_DB", "me@home");
    once(&env)
        .code(1)
        .says("it is disabled: the variable PASSWORD is not set: url needs it\n");
    env.set("PASSWORD", PASSWORD);
    env.set(
        "DATABASE_URL",
        &url("me:p%40ss%2Fw%3Ard%20%2541%3F%23%C3%A9"),
    );
    for url in [&*url("${USER_OF_DB}:${PASSWORD}"), "${DATABASE_URL}"] {
        configure(&env, &query(url, "SELECT 'up'"));
        for arguments in [
            &["observe", "--once", "-vv"][..],
            &["observe", "--once", "--json"],
            &["config"],
            &["config", "--json"],
        ] {
            let output = env.run(arguments);
            let all = format!("{}{}", output.stdout, output.stderr);
            assert!(!all.contains("p@ss") && !all.contains("p%40ss"), "{all}");
            if arguments[0] == "observe" {
                assert!(
                    all.contains("cannot connect to the database: nobody has ***"),
                    "{all}"
                );
                assert_eq!(sent.try_recv().as_deref(), Ok(PASSWORD));
            }
        }
    }
}

#[test]
fn a_closed_calendar_means_maintenance_and_shows_when_it_opens() {
    let env = env("kind = \"calendar\"\ncalendar = \"changes\"");
    sees(&env, "unknown", "ssm:GetCalendarState");
    let opens = "2026-12-01T06:00:00Z".parse().unwrap();
    env.sandbox().set_calendar("changes", false, Some(opens));
    let document = env.run(&["observe", "--once", "--json"]).json();
    assert_eq!(document["result"], "maintenance");
    assert_eq!(document["observed"], "CLOSED");
    assert_eq!(document["next_transition"], "2026-12-01T06:00:00Z");
    env.sandbox().set_calendar("changes", true, None);
    sees(&env, "normal", "OPEN");
}

#[test]
fn an_alarm_counts_metric_or_composite_and_insufficient_data_is_unknown() {
    let mut env = env("kind = \"alarm\"\nalarm = \"db\"");
    let alarm = |kind: &str, state: &str| json!({kind: [{"AlarmName": "db", "StateValue": state}]});
    for (answer, result, shown) in [
        (Some(alarm("MetricAlarms", "ALARM")), "maintenance", "ALARM"),
        (Some(alarm("CompositeAlarms", "OK")), "normal", "OK"),
        (
            Some(alarm("MetricAlarms", "INSUFFICIENT_DATA")),
            "unknown",
            "neither",
        ),
        (
            Some(json!({"MetricAlarms": []})),
            "unknown",
            "no alarm \"db\"",
        ),
        (None, "unknown", "status 404"),
    ] {
        let answer: Option<Value> = answer;
        let cloudwatch = Stub::serve(move |_, body| {
            let asked: Value = serde_json::from_str(body).unwrap();
            assert_eq!(asked["AlarmNames"], json!(["db"]));
            Some(answer.as_ref()?.to_string())
        });
        // The option stands above the variable of one service.
        let everything = env.variables()["AWS_ENDPOINT_URL"].clone();
        env.set("AWS_ENDPOINT_URL_CLOUDWATCH", &cloudwatch.url());
        sees(&env, result, shown);
        assert_eq!(env.variables()["AWS_ENDPOINT_URL"], everything);
    }
}

#[test]
fn a_variable_is_sent_and_shown_by_nothing_and_an_unset_one_disables_its_observer() {
    let site =
        Stub::serve(|path, _| (path == "/db").then(|| "t0psecret is maintenance".to_owned()));
    let mut env = env(&format!(
        "kind = \"http\"\nurl = \"{}/${{PLACE}}\"\nheaders = {{ Authorization = \"Bearer ${{KEY}}\" }}\n\
         maintenance = \"down\"",
        site.url()
    ));
    env.set("PLACE", "db");
    let disabled = once(&env);
    disabled
        .code(1)
        .stdout("it disabled\n")
        .says("it is disabled: the variable KEY is not set: headers.Authorization needs it\n");
    env.set("KEY", "t0psecret");
    sees(&env, "normal", "*** is maintenance");
    let config = env.run(&["config"]);
    config.code(0);
    assert!(config.stdout.contains("Bearer ${KEY}"), "{config:?}");
    assert!(!config.stdout.contains("t0psecret"), "{config:?}");
    let stored = &env.sandbox().parameters()["/maintenance/demo-dev/observers/it"].value;
    assert!(!stored.contains("t0psecret"), "{stored}");
}

#[test]
fn it_observes_until_it_is_stopped_and_says_each_change_of_result_once() {
    let env = TestEnv::files();
    env.write(
        "maintenance.toml",
        "[observers.it]\nconfirm = 1\nroles = [\"web\"]\nkind = \"file\"\npath = \"share/flag\"\n\
         mode = \"exists\"\ninterval = \"1s\"\n",
    );
    env.write("share/.keep", "");
    let running = env.start(&["observe", "--json"]);
    running.says("Observing it (file, every 1 s) for web of demo-dev\n");
    running.says("it: normal (the file does not exist)\n");
    env.write("share/flag", "");
    running.says("it: maintenance (the file exists)\n");
    running.says("it: turned on maintenance of web of demo-dev\n");
    let line = running.answers("turned on maintenance");
    assert!(line.starts_with('{'), "{line}");
    running.interrupt();
    let ended = running.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.ends_with("Stopped\n"), "{ended:?}");
    let documents: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let results: Vec<_> = documents.iter().map(|it| &it["result"]).collect();
    assert_eq!(results.first(), Some(&&json!("normal")));
    assert_eq!(results.last(), Some(&&json!("maintenance")));
    // What it has turned on stays on without it.
    assert_eq!(env.run(&["status"]).stdout, "on\n");
}

#[test]
fn what_the_scheduler_does_is_a_document_of_its_own() {
    let env = TestEnv::files();
    // Without functions, and open all day, each day.
    let window = "[[windows]]\nname = \"always\"\ncron = \"0 0 * * *\"\nduration = \"1d\"\n\
                  timezone = \"Etc/UTC\"\nroles = [\"web\"]\n";
    env.write("maintenance.toml", window);
    let running = env.start(&["observe", "--json"]);
    running.says("Schedule: demo-dev web: in maintenance; 0 functions paused\n");
    let answered = running.answers("\"entered\"");
    running.interrupt();
    assert_eq!(running.wait().code, Some(0));
    let entered = answered.lines().last().expect("a line");
    let entered: Value = serde_json::from_str(entered).unwrap();
    let at = entered["at"].clone();
    assert_eq!(
        entered,
        json!({"at": at, "app": "demo-dev", "roles": ["web"], "schedule": "entered", "paused": 0})
    );
    env.run(&["off"]).code(0);
    // One that is gone from the file is told, and left.
    env.write("maintenance.toml", "");
    let output = env.run(&["observe", "--once", "--json"]);
    let documents: Vec<Value> = output
        .code(0)
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [unknown] = documents.as_slice() else {
        panic!("{documents:?}");
    };
    assert_eq!(
        (&unknown["schedule"], &unknown["recurring"]),
        (&json!("unknown"), &json!("always"))
    );
    let said = env.run(&["observe", "--once"]);
    said.code(0).stdout("").says("Schedule: demo-dev web: ");
}

#[test]
fn what_an_observer_cannot_be_names_its_line_and_what_to_do() {
    let env = TestEnv::aws();
    env.write("maintenance.toml", "app = \"demo\"\n");
    env.run(&["observe", "it"])
        .code(2)
        .says("Error: there is nothing to observe\n")
        .says("add [observers.NAME] to it");
    configure(&env, "kind = \"alarm\"\nalarm = \"db\"");
    env.run(&["observe", "if"])
        .code(2)
        .says("there is no observer if")
        .says("Hint: the observers are it");
    for (observer, why) in [
        ("", "line 1: observers.it: has no kind"),
        ("kind = \"htp\"", "must be http or file"),
        ("kind = \"http\"\nmaintenance = \"x\"", "has no url"),
        (
            "kind = \"http\"\nurl = \"ftp://x\"\nmaintenance = \"x\"",
            "must be a URL that begins with https:// or http://",
        ),
        (
            "kind = \"http\"\nurl = \"http://x\"",
            "has nothing that means maintenance",
        ),
        (
            "kind = \"http\"\nurl = \"http://x\"\nmaintenance = \"x\"\njson_path = \"state\"",
            "it is not a JSONPath",
        ),
        (
            "kind = \"http\"\nurl = \"http://x/${}\"\nmaintenance = \"x\"",
            "names no variable",
        ),
        (
            "kind = \"http\"\nurl = \"http://x\"\nstatus = [99]",
            "from 200 to 599",
        ),
        (
            "kind = \"alarm\"\nalarm = \"x\"\nregex = \"x\"",
            "line 6: observers.it.regex: an observer of kind alarm has no such key",
        ),
        ("kind = \"sql\"\nmaintenance = \"x\"", "has no url"),
        (
            "kind = \"sql\"\nurl = \"sqlite:x\"\nmaintenance = \"x\"",
            "has no query",
        ),
        (
            "kind = \"sql\"\nurl = \"sqlite:x\"\nquery = \"SELECT 1\"",
            "has no maintenance",
        ),
        (
            "kind = \"sql\"\nurl = \"postgres://me:s3cret@db/x\"\nquery = \"SELECT 1\"\nmaintenance = \"x\"",
            "line 5: observers.it.url: a password must not be in the file",
        ),
        (
            "kind = \"sql\"\nurl = \"mssql://db/x\"\nquery = \"SELECT 1\"\nmaintenance = \"x\"",
            "must be the URL of a database",
        ),
        (
            "kind = \"sql\"\nurl = \"postgres://db/x?user=me&password=s3cret\"\nquery = \"SELECT 1\"\nmaintenance = \"x\"",
            "line 5: observers.it.url: a password must not be in the file",
        ),
        ("kind = \"file\"\npath = \"x\"", "has no mode"),
        (
            "kind = \"file\"\npath = \"x\"\nmode = \"content\"\nmaintenance = \"x\"\nregex = \"(\"",
            "is not a regular expression",
        ),
        (
            "kind = \"command\"\ncommand = [\"x\"]",
            "has nothing that means maintenance",
        ),
        (
            "kind = \"command\"\ncommand = [\"x\"]\nstatus = [0]",
            "0 means normal",
        ),
        (
            "kind = \"alarm\"\nalarm = \"x\"\ninterval = \"500ms\"",
            "must be from 1 second to 366 days",
        ),
        (
            "kind = \"alarm\"\nalarm = \"x\"\nproduct = \"shop\"",
            "product covers all roles",
        ),
        (
            "kind = \"parameter\"\nparameter = \"x\"\nmaintenance = \"x\"\nnormal = \"X\"",
            "must differ from the value that means maintenance",
        ),
        (
            "kind = \"alarm\"\nalarm = \"x\"\nalrm = \"x\"",
            "there is no key \"observers.it.alrm\"",
        ),
    ] {
        configure(&env, observer);
        let refused = env.run(&["observe", "--once"]);
        refused.code(2).says(why).says("Hint: ");
        assert_eq!(refused.stdout, "", "{observer}");
    }
    assert!(env.sandbox().calls().is_empty());
    env.write("maintenance.toml", "app = \"demo\"\n");
    env.run(&["observe", "--once"]).exactly(
        0,
        "",
        "maintenance.toml names no observers: only scheduled windows are handled\n",
    );
}
