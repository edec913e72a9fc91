//! What the configuration file says of a role's windows.

use maintenance_tests::TestEnv;
use serde_json::{Value, json};

use crate::window::shown;

#[test]
fn the_configuration_file_says_what_a_window_has_when_it_opens() {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.web]\n\
         message = \"Back soon.\"\n\
         allow_ip = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n\
         allow_path = [\"/health\", \"/hooks/*\"]\n\
         url = \"https://example.com\"\n",
    );
    let config = env.run(&["config", "--json"]).json();
    let setting = |key: &str| config["settings"][format!("roles.web.{key}")].clone();
    let file = env.folder().join("maintenance.toml");
    assert_eq!(setting("message")["value"], "Back soon.");
    assert_eq!(
        setting("allow_ip")["value"],
        json!(["192.0.2.0/24", "2001:db8::/32"])
    );
    assert_eq!(
        setting("allow_path")["value"],
        json!(["/health", "/hooks/*"])
    );
    assert_eq!(setting("url")["value"], "https://example.com");
    assert_eq!(
        setting("allow_path")["source"],
        json!({"kind": "file", "at": format!("{}:4", file.display())})
    );
    let output = env.run(&["config"]);
    let text = &output.code(0).stdout;
    assert!(text.contains("192.0.2.0/24, 2001:db8::/32"), "{text}");

    // An option stands for the file's list, and does not add to it.
    env.run(&["on", "-y", "--allow-ip", "198.51.100.1"]).code(0);
    let has = shown(&env);
    assert_eq!(has["message"], "Back soon.");
    assert_eq!(has["bypass"]["addresses"], json!(["198.51.100.1"]));
    assert_eq!(has["bypass"]["paths"], json!(["/health", "/hooks/*"]));
    // The window keeps what it has.
    env.run(&["on"])
        .exactly(0, "", "Web maintenance is already on\n");
    env.run(&["on", "--message", ""]).code(0);
    env.run(&["on"])
        .exactly(0, "", "Web maintenance is already on\n");
    assert_eq!(shown(&env)["message"], Value::Null);
    env.run(&["off"]).code(0);
    env.run(&["on", "-y", "--allow-path", ""]).code(0);
    let has = shown(&env);
    assert_eq!(
        has["bypass"],
        json!({
            "token_until": null,
            "addresses": ["192.0.2.0/24", "2001:db8::/32"],
            "paths": [],
        })
    );
    // The worker role has none of it.
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    let worker = env.run(&["status", "--role", "worker", "--json"]).json();
    assert_eq!(worker["roles"][0]["message"], Value::Null);
}

#[test]
fn a_bad_line_of_the_file_is_named() {
    let env = TestEnv::aws();
    for (line, why) in [
        ("allow_ip = [\"office\"]", "is not an address or a range"),
        ("allow_ip = \"192.0.2.1\"", "expected a list, found string"),
        (
            "allow_path = [\"health\"]",
            "is not a path: it must begin with /",
        ),
        ("message = \"\"", "must not be empty"),
        (
            "url = \"example.com\"",
            "must begin with https:// or http://",
        ),
        ("url = \"https://example.com/?a=b\"", "must have no query"),
        ("allow_ips = []", "there is no key \"roles.web.allow_ips\""),
    ] {
        env.write("maintenance.toml", &format!("[roles.web]\n{line}\n"));
        let output = env.run(&["on", "-y"]);
        output
            .code(2)
            .says("Error: cannot use the configuration file ")
            .says("\nCaused by: line 2: ")
            .says(why);
        assert!(env.sandbox().calls().is_empty(), "{line}");
    }
}
