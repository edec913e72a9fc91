//! The bypass link: printed once, stored as no more than a hash, and ended by whatever should end it.

use jiff::{SignedDuration, Timestamp};
use lambda_http::http::{Method, Request};
use maintenance_flag::{Bypass, Flag, StoredToken, Token};
use maintenance_gate::{Gate, MemorySource};
use maintenance_tests::TestEnv;
use serde_json::{Value, json};

fn stored(env: &TestEnv, role: &str) -> Option<StoredToken> {
    let name = format!("/maintenance/demo-dev/flags/{role}");
    let flag = Flag::decode(&env.sandbox().parameters()[&name].value).expect("a flag");
    Bypass::read(flag.bypass.as_ref()).token
}

/// The token in a link that begins like this.
#[track_caller]
fn token<'a>(link: &'a str, begins: &str) -> &'a str {
    let token = link.strip_suffix('\n').unwrap_or(link).strip_prefix(begins);
    let token = token.unwrap_or_else(|| panic!("{link} does not begin with {begins}"));
    assert_eq!(token.len(), Token::LEN, "{link}");
    token
}

const BARE: &str = "/?maintenance-bypass=";

#[test]
fn the_link_is_the_answer_and_what_is_said_of_it_holds_no_secret() {
    let env = TestEnv::aws();
    let before = Timestamp::now();
    let output = env.run(&["on", "-y", "--bypass"]);
    let secret = token(&output.stdout, BARE);
    let held = stored(&env, "web").expect("a token");
    assert!(held.hash.matches("demo-dev", "web", secret));
    let day = SignedDuration::from_hours(24);
    assert!(held.until <= Timestamp::now() + day);
    assert!(held.until + SignedDuration::from_secs(1) >= before + day);
    let until = held.until;
    let secret = secret.to_owned();
    let secret = secret.as_str();
    output.timeless().exactly(
        0,
        &format!("{BARE}{secret}\n"),
        "Enabling web maintenance mode for demo-dev\n\
         Web maintenance has been turned on\n\
         \x20 bypass link: valid until TIME\n\
         Anyone with this link can pass until TIME, or until this maintenance ends: share it with the \
         team only\n\
         Scripts send the part after maintenance-bypass= in the header X-Maintenance-Bypass\n\
         Append it to any URL of the site\n",
    );
    // Only a hash is stored, and not even that is shown.
    let parameters = env.sandbox().parameters();
    let values: String = parameters.values().map(|it| it.value.as_str()).collect();
    assert!(values.contains("sha256:") && !values.contains(secret));
    let status = env.run(&["status", "--json", "-vv"]);
    let all = format!("{}{}", status.stdout, status.stderr);
    assert!(!all.contains("sha256:") && !all.contains(secret), "{all}");
    assert_eq!(
        status.json()["roles"][0]["bypass"]["token_until"],
        until.to_string()
    );
    let status = env.run(&["status"]).timeless();
    status.code(0).says("\n  bypass link: valid until TIME\n");
}

#[test]
fn it_leads_where_the_option_the_variable_or_the_role_says() {
    let mut env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.web]\nurl = \"https://role.example\"\n",
    );
    let link = |env: &TestEnv, arguments: &[&str], begins: &str| {
        let output = env.run(&[&["on", "-y", "--bypass"], arguments].concat());
        token(
            &output.code(0).stdout,
            &format!("{begins}?maintenance-bypass="),
        );
        assert!(!output.stderr.contains("Append"), "{output:?}");
        let warned = output.stderr.contains("Warning: the link is not https");
        assert_eq!(warned, begins.starts_with("http://"), "{output:?}");
    };
    link(&env, &[], "https://role.example/");
    link(&env, &["--all"], "https://role.example/");
    env.set("MAINTENANCE_URL", "https://variable.example/shop");
    link(&env, &[], "https://variable.example/shop");
    link(
        &env,
        &["--url", "http://127.0.0.1:3000"],
        "http://127.0.0.1:3000/",
    );
    let config = env.run(&["config", "--json"]).json();
    assert_eq!(
        config["settings"]["url"],
        json!({
            "value": "https://variable.example/shop",
            "source": {"kind": "variable", "at": "MAINTENANCE_URL"},
        })
    );
    env.unset("MAINTENANCE_URL");
    env.run(&["on", "-y", "--role", "worker", "--bypass"])
        .code(0)
        .says("Append it to any URL of the site\n");
}

#[test]
fn an_address_that_it_cannot_lead_to_is_refused() {
    let mut env = TestEnv::aws();
    for bad in [
        "example.com",
        "https://me:secret@example.com",
        "https://example.com/?a=b",
        "https://example.com/#top",
    ] {
        let output = env.run(&["on", "-y", "--bypass", "--url", bad]);
        output.code(2).says(&format!(
            "error: invalid value '{bad}' for '--url <URL>': must "
        ));
        assert!(env.sandbox().calls().is_empty());
    }
    env.run(&["on", "-y", "--url", "https://example.com"])
        .code(2)
        .says("--bypass");
    env.set("MAINTENANCE_URL", "example.com");
    env.run(&["on", "-y", "--bypass"])
        .refuses(2, "MAINTENANCE_URL cannot be used");
    assert!(env.sandbox().calls().is_empty());
}

#[test]
fn one_token_is_for_all_roles_of_the_command() {
    let env = TestEnv::aws();
    let output = env.run(&["on", "-y", "--all", "--bypass"]);
    let secret = token(&output.code(0).stdout, BARE);
    for role in ["web", "worker"] {
        let held = stored(&env, role).expect("a token");
        assert!(held.hash.matches("demo-dev", role, secret), "{role}");
    }
}

#[test]
fn a_new_link_or_a_new_window_ends_the_one_before() {
    let env = TestEnv::aws();
    let mut seen = Vec::new();
    let passes = |secret: &str| {
        stored(&env, "web").is_some_and(|it| it.hash.matches("demo-dev", "web", secret))
    };
    for _ in 0..3 {
        // On while it is on: it asks nothing, and says what it did.
        let output = env.run(&["on", "-y", "--bypass"]);
        let secret = token(&output.code(0).stdout, BARE).to_owned();
        if !seen.is_empty() {
            output.says("Web maintenance is on; options updated: bypass link\n");
        }
        assert!(passes(&secret));
        assert!(!seen.iter().any(|old: &String| passes(old)), "{seen:?}");
        seen.push(secret);
    }
    seen.dedup();
    assert_eq!(seen.len(), 3);

    env.run(&["on", "--message", "x"]).code(0).stdout("");
    assert!(passes(&seen[2]), "another option does not end it");
    env.run(&["on", "--no-bypass"])
        .code(0)
        .stdout("")
        .says("Web maintenance is on; options updated: bypass link\n");
    assert_eq!(stored(&env, "web"), None);
    env.run(&["on", "--no-bypass"])
        .exactly(0, "", "Web maintenance is already on\n");

    let output = env.run(&["on", "--bypass"]);
    let secret = token(&output.code(0).stdout, BARE);
    env.run(&["off"]).code(0);
    assert!(!passes(secret));
    env.run(&["on", "-y"]).code(0);
    assert!(!passes(secret));
}

#[test]
fn as_json_it_is_an_object_of_the_report() {
    let env = TestEnv::aws();
    let output = env.run(&[
        "on",
        "-y",
        "--json",
        "--bypass",
        "--url",
        "https://example.com",
    ]);
    let bypass = &output.code(0).json()["bypass"];
    let link = bypass["link"].as_str().expect("a link");
    let secret = token(link, "https://example.com/?maintenance-bypass=");
    let held = stored(&env, "web").expect("a token");
    assert!(held.hash.matches("demo-dev", "web", secret));
    assert_eq!(
        bypass["header"],
        json!({"name": "X-Maintenance-Bypass", "value": secret})
    );
    assert_eq!(bypass["until"], held.until.to_string());
    assert!(!output.stderr.contains(secret));
    // Nobody who did not ask for one is told of one.
    for arguments in [&["on", "--json"][..], &["off", "--json"]] {
        assert_eq!(env.run(arguments).code(0).json()["bypass"], Value::Null);
    }
}

#[test]
fn it_is_on_standard_output_and_nowhere_else() {
    let env = TestEnv::aws();
    let quiet = env.run(&["on", "-y", "-q", "--bypass"]);
    let secret = token(&quiet.stdout, BARE);
    quiet.exactly(0, &format!("{BARE}{secret}\n"), "");
    for arguments in [
        &["on", "-y", "-vvv", "--bypass"][..],
        &["on", "-y", "-vvv", "--bypass", "--json"],
    ] {
        let loud = env.run(arguments);
        let at = loud.stdout.find("maintenance-bypass=").expect("a link");
        let secret = loud.stdout[at..].get(19..19 + Token::LEN);
        let secret = secret.expect("a token");
        assert!(!loud.code(0).stderr.contains(secret), "{loud:?}");
        assert!(!loud.stderr.contains("sha256:"), "{loud:?}");
    }
}

#[test]
fn a_plan_makes_none_and_a_refusal_prints_none() {
    let env = TestEnv::aws();
    let output = env.run(&["on", "--dry-run", "--bypass"]);
    output.code(0);
    assert!(
        output
            .stdout
            .starts_with("Would enable web maintenance mode for demo-dev\n")
    );
    assert!(output.stdout.contains("\n  bypass link: valid until "));
    assert!(!format!("{}{}", output.stdout, output.stderr).contains("maintenance-bypass="));
    let json = env.run(&["on", "--dry-run", "--bypass", "--json"]).json();
    assert_eq!(json["bypass"], Value::Null);
    assert!(env.sandbox().writes().is_empty());
    // Nobody confirmed it.
    env.run(&["on", "--bypass"])
        .refuses(6, "not confirmed, so nothing was changed");
    // Nobody could store it.
    let denied = maintenance_sandbox::Fault::on("PutParameter").always();
    env.sandbox().inject(denied.access_denied());
    env.run(&["on", "-y", "--bypass"]).code(1).stdout("");
    assert!(env.sandbox().parameters().is_empty());
}

/// What a gate answers to a request, with the flag as it is stored; none if it lets it pass.
fn answered(env: &TestEnv, method: Method, uri: &str, header: Option<(&str, &str)>) -> Option<u16> {
    let flag = &env.sandbox().parameters()["/maintenance/demo-dev/flags/web"].value;
    let gate = Gate::builder().app("demo").env("dev");
    let gate = gate.source(MemorySource::new(flag.clone())).build();
    let gate = gate.expect("a gate");
    let mut request = Request::builder().method(method).uri(uri);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let mut request = request.body(()).expect("a request");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let decision = runtime
        .expect("a runtime")
        .block_on(gate.check(&mut request));
    let response = decision.into_response()?;
    Some(response.status().as_u16())
}

#[test]
fn what_the_command_prints_is_what_a_gate_takes() {
    let env = TestEnv::aws();
    let report = env.run(&["on", "-y", "--bypass", "--allow-path", "/hooks/*", "--json"]);
    let bypass = &report.code(0).json()["bypass"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let link = text(&bypass["link"]);
    let (name, value) = (
        text(&bypass["header"]["name"]),
        text(&bypass["header"]["value"]),
    );
    let header = Some((name.as_str(), value.as_str()));
    assert_eq!(answered(&env, Method::GET, &link, None), Some(303));
    assert_eq!(answered(&env, Method::POST, "/pay", header), None);
    assert_eq!(answered(&env, Method::GET, "/hooks/a", None), None);
    assert_eq!(answered(&env, Method::GET, "/", None), Some(503));

    env.run(&["on", "--no-bypass"]).code(0);
    assert_eq!(answered(&env, Method::GET, &link, None), Some(503));
    assert_eq!(answered(&env, Method::POST, "/pay", header), Some(503));

    env.run(&["on", "-y", "--read-only"]).code(0);
    assert_eq!(answered(&env, Method::GET, "/", None), None);
    assert_eq!(answered(&env, Method::POST, "/", None), Some(503));
}
