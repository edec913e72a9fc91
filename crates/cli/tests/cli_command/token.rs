//! Tokens of the server: made, listed and revoked by the command.

use maintenance_tests::TestEnv;
use serde_json::json;

/// An app whose configuration names two products.
fn with_products() -> TestEnv {
    let env = TestEnv::files();
    let products = "[products.shop]\napps = [\"demo\"]\n[products.billing]\napps = [\"demo\"]\n";
    env.write(
        "maintenance.toml",
        &format!("app = \"demo\"\nenv = \"dev\"\n{products}"),
    );
    env
}

/// A token of this name, and its id.
fn token(env: &TestEnv, name: &str) -> (String, String) {
    let made = env.run(&["token", "new", "--name", name, "--scope", "read", "-q"]);
    made.code(0);
    assert_eq!(made.stderr, "");
    let token = made.stdout.trim_end().to_owned();
    let id = token[4..14].to_owned();
    (token, id)
}

/// All that the store of files holds.
fn stored(env: &TestEnv) -> String {
    let folder = env.folder().join("store/maintenance/demo-dev/tokens");
    let files = std::fs::read_dir(folder).expect("tokens");
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts.collect()
}

#[test]
fn a_new_token_is_alone_on_standard_output_and_is_not_stored() {
    let env = with_products();
    let made = env.run(&[
        "token",
        "new",
        "--name",
        "release-bot",
        "--scope",
        "write",
        "--product",
        "shop",
        "--product",
        "billing",
        "--expires",
        "90d",
    ]);
    made.code(0);
    let token = made.stdout.strip_suffix('\n').unwrap();
    assert!(token.starts_with("mnt_") && token.len() == 58, "{token}");
    let id = &token[4..14];
    made.says(&format!(
        "The token release-bot ({id}) may turn maintenance of billing, shop on and off, until "
    ))
    .says("(in 90 days)\nIt is shown only this once\n");
    assert!(!made.stderr.contains(&token[15..]));
    assert!(!stored(&env).contains(&token[15..]));
    assert!(stored(&env).contains(r#""by":"ana@laptop""#));

    let made = env.run(&[
        "token",
        "new",
        "--name",
        "database",
        "--scope",
        "observe",
        "--observer",
        "db",
        "--json",
    ]);
    made.says("may turn maintenance of every product on and off as the observer db, until it is revoked\n");
    let document = made.json();
    assert!(document["token"].as_str().unwrap().starts_with("mnt_"));
    for (key, value) in [
        ("name", json!("database")),
        ("scope", json!("observe")),
        ("observer", json!("db")),
        ("products", json!(null)),
        ("expires", json!(null)),
        ("state", json!("valid")),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
}

#[test]
fn tokens_are_listed_without_their_secrets_and_revoked_by_name_or_id() {
    let env = TestEnv::files();
    env.run(&["token", "list"]).exactly(
        0,
        "",
        "demo-dev has no tokens; `maintenance token new` creates one\n",
    );
    let (secret, first) = token(&env, "first");
    let (_, second) = token(&env, "second");
    env.run(&["token", "revoke", "first"]).exactly(
        0,
        "",
        &format!("The token first ({first}) has been revoked; a running server refuses it within 5 seconds\n"),
    );
    // The name is free again.
    let (_, third) = token(&env, "first");
    env.run(&["token", "revoke", &second, "--json"])
        .code(0)
        .says("The token second (");
    env.run(&["token", "revoke", &second])
        .code(0)
        .says(" was revoked at ");
    let list = env.run(&["token", "list"]);
    let lines: Vec<Vec<&str>> = list
        .code(0)
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        [
            "ID", "NAME", "SCOPE", "PRODUCTS", "CREATED", "BY", "EXPIRES", "STATE"
        ]
    );
    let of = |line: &[&str]| [line[0], line[1], line[5], line[7]].map(ToOwned::to_owned);
    let rows: Vec<_> = lines[1..].iter().map(|line| of(line)).collect();
    let row =
        |id: &str, name: &str, state: &str| [id, name, "ana@laptop", state].map(ToOwned::to_owned);
    assert_eq!(
        rows,
        [
            row(&first, "first", "revoked"),
            row(&second, "second", "revoked"),
            row(&third, "first", "valid"),
        ]
    );
    assert!(!list.stdout.contains(&secret[15..]));
    let list = env.run(&["token", "list", "--json"]).json();
    assert_eq!(list["app"], "demo-dev");
    assert_eq!(list["tokens"][1]["id"], second.as_str());
    assert_eq!(list["tokens"][1]["state"], "revoked");
}

#[test]
fn an_app_without_products_is_itself_one() {
    let env = TestEnv::files();
    let new = [
        "token",
        "new",
        "--name",
        "x",
        "--scope",
        "read",
        "--product",
    ];
    env.run(&[&new[..], &["demo"]].concat())
        .code(0)
        .says("may see demo, until");
    env.run(&[&new[..], &["shop"]].concat())
        .refuses(2, "there is no product shop");
}

#[test]
fn one_that_cannot_be_read_is_listed_and_can_be_removed() {
    let env = TestEnv::files();
    token(&env, "first");
    env.write(
        "store/maintenance/demo-dev/tokens/0123456789",
        "{\"schema\":2}",
    );
    let list = env.run(&["token", "list"]);
    assert!(list.code(0).stdout.contains("\n0123456789  -"), "{list:?}");
    env.run(&["token", "revoke", "0123456789"])
        .code(0)
        .says("The token 0123456789 could not be read, and has been deleted\n");
    assert_eq!(
        env.run(&["token", "list", "--json"]).json()["tokens"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn mistakes_make_no_token() {
    let env = with_products();
    token(&env, "release-bot");
    let before = stored(&env);
    let new = |more: &[&str]| {
        let mut all = vec!["token", "new"];
        all.extend(more);
        env.run(&all)
    };
    let taken = new(&["--name", "release-bot", "--scope", "read"]);
    assert!(
        taken
            .stderr
            .starts_with("Error: there is a token release-bot already: ")
    );
    taken
        .code(2)
        .says("Hint: choose another name, or run `maintenance token revoke release-bot` first\n");
    new(&["--name", "x", "--scope", "read", "--observer", "db"]).refuses(
        2,
        "an observer is named for the scope observe, and for no other",
    );
    for over in ["-1h", "0s"] {
        let past = new(&["--name", "x", "--scope", "read", "--expires", over]);
        past.code(2)
            .says("Hint: give --expires a length of time such as 90d\n");
    }
    for bad in [
        &["--name", "x", "--scope", "observe"][..],
        &["--name", "x", "--scope", "admin"],
        &["--name", "two\nlines", "--scope", "read"],
        &["--name", "x", "--scope", "read", "--product", "Shop!"],
        &["--scope", "read"],
        &["--name", "x", "--scope", "read", "--role", "web"],
    ] {
        let refused = new(bad);
        refused.code(2).stdout("");
        assert!(refused.stderr.starts_with("error: "), "{refused:?}");
    }
    new(&["--name", "x", "--scope", "read", "--product", "shopp"])
        .refuses(2, "there is no product shopp")
        .says("Hint: did you mean shop?\n");
    env.run(&["token", "list", "--product", "shop"])
        .refuses(2, "only `maintenance token new` takes --product");
    env.run(&["token", "revoke", "relase-bot"])
        .refuses(2, "there is no token relase-bot")
        .says("Hint: did you mean release-bot?\n");
    assert_eq!(stored(&env), before);
}
