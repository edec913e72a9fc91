//! A character in a credential that cannot be sent: whoever provided it is named, exit 2, at every link
//! from which credentials may come. Signing with it would end the process.

use maintenance_tests::{Output, Stub, TestEnv};
use serde_json::json;

/// What no credential may have in it, as JSON writes it, and how it is called.
const UNUSABLE: [(&str, &str); 3] = [
    ("hidden\\r\\n", "a line break"),
    ("hid\\u001bden", "a control character"),
    ("hidden\\u00e9", "a character in it that is not ASCII"),
];

/// Where credentials are taken from a process, straight, by a role, and by a role of that role.
const PROFILES: &str = "[profile tool]\ncredential_process = cat credentials.json\n\
    [profile role]\nsource_profile = tool\nrole_arn = arn:aws:iam::123456789012:role/x\n\
    [profile role-of-role]\nsource_profile = role\nrole_arn = arn:aws:iam::123456789012:role/y\n";

/// A scene without keys of its own, whose STS and metadata answer like this.
fn env(answer: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> (TestEnv, Stub) {
    let mut env = TestEnv::aws();
    let stub = Stub::serve(answer);
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        env.unset(variable);
    }
    env.set("AWS_ENDPOINT_URL_STS", &stub.url());
    env.set("AWS_ENDPOINT_URL_SSO", &stub.url());
    env.set("PATH", "/usr/bin:/bin");
    (env, stub)
}

/// The same with a process that prints credentials.
fn with_process(key_of_role: &str) -> (TestEnv, Stub) {
    let key = key_of_role.to_owned();
    let (env, stub) = env(move |_, body| by_sts("AssumeRole", body, &key));
    env.write("home/.aws/config", PROFILES);
    (env, stub)
}

/// What STS answers this action with, which is all that is asked of it.
fn by_sts(action: &str, body: &str, key: &str) -> Option<String> {
    body.starts_with(&format!("Action={action}&")).then(|| {
        format!(
            "<{action}Response><{action}Result><Credentials><AccessKeyId>{key}</AccessKeyId>\
             <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{action}Result></{action}Response>"
        )
    })
}

/// What a process prints, or an endpoint answers.
fn credentials(id: &str, secret: &str, token: &str) -> String {
    format!(
        r#"{{"Version": 1, "Code": "Success", "AccessKeyId": "{id}", "SecretAccessKey": "{secret}",
            "SessionToken": "{token}", "Token": "{token}", "Expiration": "2099-01-01T00:00:00Z"}}"#
    )
}

/// Nothing was written, and the value is not said.
#[track_caller]
fn refused(env: &TestEnv, origin: &str, what: &str) {
    let output = env.run(&["on", "-y"]);
    output.refuses(2, &format!("{origin} cannot be used"));
    output.says(&format!("\nCaused by: {what}"));
    does_not_say_it(&output);
    let writes = env.sandbox().writes();
    assert!(writes.is_empty(), "{writes:#?}");
}

#[track_caller]
fn does_not_say_it(output: &Output) {
    assert!(!output.stderr.contains("hid"), "{output:#?}");
}

fn callers(env: &TestEnv) -> Vec<String> {
    let calls = env.sandbox().calls().into_iter();
    calls.map(|call| call.call.caller).collect()
}

#[test]
fn a_process_that_prints_what_cannot_be_sent_is_named_also_below_roles() {
    let printed = "what the credential_process of the profile tool printed";
    for profile in ["tool", "role", "role-of-role"] {
        let (mut env, _stub) = with_process("ASIAROLE");
        env.set("AWS_PROFILE", profile);
        env.write(
            "credentials.json",
            &credentials("AKIATOOL", "secret", "token"),
        );
        env.run(&["status"]).code(0).stdout("off\n");
        let caller = if profile == "tool" {
            "AKIATOOL"
        } else {
            "ASIAROLE"
        };
        assert!(callers(&env).iter().all(|it| it == caller), "{profile}");
        for (value, called) in UNUSABLE {
            for (text, what) in [
                (credentials(value, "secret", "token"), "access key id"),
                (credentials("AKIATOOL", value, "token"), "secret access key"),
                (credentials("AKIATOOL", "secret", value), "session token"),
            ] {
                env.write("credentials.json", &text);
                refused(&env, printed, &format!("the {what} has {called}"));
            }
        }
    }
}

#[test]
fn the_process_is_that_of_the_profile_that_has_the_credentials() {
    let (mut env, _stub) = with_process("ASIAROLE");
    // Of a profile that takes a role, its own process is not run; of one that takes none, nothing else is.
    let more = "[profile other]\ncredential_process = cat none.json\nsource_profile = tool\n\
                role_arn = arn:aws:iam::123456789012:role/z\n\
                [profile mine]\ncredential_process = cat credentials.json\nsource_profile = role\n";
    env.write("home/.aws/config", &format!("{PROFILES}{more}"));
    env.write(
        "credentials.json",
        &credentials("hidden\\n", "secret", "token"),
    );
    for (profile, of) in [("other", "tool"), ("mine", "mine")] {
        env.set("AWS_PROFILE", profile);
        let printed = format!("what the credential_process of the profile {of} printed");
        refused(&env, &printed, "the access key id has a line break in it\n");
    }
}

#[test]
fn sts_that_answers_what_cannot_be_sent_is_named_at_every_link() {
    let (why, key) = (
        "the access key id has a line break in it\n",
        "hid&#13;&#10;den",
    );
    for profile in ["role", "role-of-role"] {
        let (mut env, _stub) = with_process(key);
        env.set("AWS_PROFILE", profile);
        env.write(
            "credentials.json",
            &credentials("AKIATOOL", "secret", "token"),
        );
        refused(&env, "what STS answered for a role", why);
    }
    let by_token = move |_: &str, body: &str| by_sts("AssumeRoleWithWebIdentity", body, key);
    let (mut env, _stub) = env(by_token);
    env.write("token", "token\n");
    env.set("AWS_WEB_IDENTITY_TOKEN_FILE", "token");
    env.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x");
    refused(&env, "what STS answered for a role", why);
}

/// A profile that takes a role with what this source provides.
fn role_from(source: &str) -> String {
    format!(
        "[profile role]\ncredential_source = {source}\nrole_arn = arn:aws:iam::123456789012:role/x\n"
    )
}

#[test]
fn the_endpoint_of_a_container_that_answers_what_cannot_be_sent_is_named() {
    for (value, called) in UNUSABLE {
        let answer = credentials("AKIA", "secret", value);
        let (mut env, stub) = env(move |path, _| (path == "/mine").then(|| answer.clone()));
        env.set(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}/mine", stub.url()),
        );
        env.write("home/.aws/config", &role_from("EcsContainer"));
        let why = format!("the session token has {called}");
        refused(&env, "what the endpoint of the container answered", &why);
        env.set("AWS_PROFILE", "role");
        refused(&env, "what the endpoint of the container answered", &why);
    }
}

/// A scene on a machine whose metadata names this region, role and key.
fn machine(region: &'static str, role: &'static str, key: &'static str) -> (TestEnv, Stub) {
    let (mut env, stub) = env(move |path, _| {
        let below = path.strip_prefix("/latest/meta-data/");
        match below.and_then(|it| it.strip_prefix("iam/security-credentials/")) {
            Some("") => Some(role.to_owned()),
            Some(name) if name == role => Some(credentials(key, "secret", "token")),
            _ if below == Some("placement/region") => Some(region.to_owned()),
            _ => (path == "/latest/api/token").then(|| "token".to_owned()),
        }
    });
    env.unset("AWS_EC2_METADATA_DISABLED");
    env.unset("AWS_REGION");
    env.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &stub.url());
    env.write("home/.aws/config", &role_from("Ec2InstanceMetadata"));
    (env, stub)
}

#[test]
fn the_metadata_of_a_machine_that_answers_what_cannot_be_sent_is_named() {
    let (env, _stub) = machine("us-east-1", "role", "ASIAMACHINE");
    env.run(&["status"]).code(0).stdout("off\n");
    assert!(callers(&env).iter().all(|it| it == "ASIAMACHINE"));

    let (mut env, _stub) = machine("us-east-1", "role", "hidden\\n");
    let metadata = "what the metadata of this machine answered";
    let why = "the access key id has a line break in it\n";
    refused(&env, metadata, why);
    env.set("AWS_PROFILE", "role");
    refused(&env, metadata, why);

    let (mut env, _stub) = machine("us-east-1", "hid\nden", "ASIAMACHINE");
    let why = "the name of its role has a character in it that cannot stand in an address\n";
    refused(&env, metadata, why);
    env.set("AWS_PROFILE", "role");
    refused(&env, metadata, why);

    let (env, _stub) = machine("us-east-1\n", "role", "ASIAMACHINE");
    let region = "the region that the metadata of this machine answered";
    refused(&env, region, "it has a line break in it\n");
}

#[test]
fn a_login_and_a_session_of_identity_center_that_cannot_be_sent_are_named() {
    let (mut env, _stub) = env(|path, _| {
        let role = json!({"accessKeyId": "hidden\n", "secretAccessKey": "secret", "expiration": 4_102_444_800_000_u64});
        let asked = path.starts_with("/federation/credentials?");
        asked.then(|| json!({ "roleCredentials": role }).to_string())
    });
    let role = "role_arn = arn:aws:iam::123456789012:role/x\n";
    env.write(
        "home/.aws/config",
        &format!(
            "[profile login]\nlogin_session = arn:aws:iam::0123456789012:user/Admin\n\
             [profile login-role]\nsource_profile = login\n{role}\
             [profile center]\nsso_session = dev\nsso_account_id = 123456789012\nsso_role_name = Admin\n\
             [profile center-role]\nsource_profile = center\n{role}\
             [sso-session dev]\nsso_region = us-east-1\nsso_start_url = https://dev.awsapps.com/start\n"
        ),
    );
    // The names of the files are hashes of the sessions'.
    let login = json!({
        "accessToken": {
            "accessKeyId": "hidden\r", "secretAccessKey": "secret", "sessionToken": "token",
            "accountId": "012345678901", "expiresAt": "2099-01-01T00:00:00Z",
        },
        "refreshToken": "refresh", "clientId": "client", "dpopKey": "unused until it is refreshed",
    });
    let file = "36db1d138ff460920374e4c3d8e01f53f9f73537e89c88d639f68393df0e2726";
    env.write(
        &format!("home/.aws/login/cache/{file}.json"),
        &login.to_string(),
    );
    let session = |token: &str| {
        json!({
            "accessToken": token, "expiresAt": "2099-01-01T00:00:00Z", "region": "us-east-1",
            "startUrl": "https://dev.awsapps.com/start",
        })
    };
    let file = "home/.aws/sso/cache/34c6fceca75e456f25e7e99531e2425c6c1de443.json";
    env.write(file, &session("token").to_string());
    let why = "the access key id has a line break in it\n";
    for (profile, origin) in [
        ("login", "what aws login saved"),
        ("login-role", "what aws login saved"),
        ("center", "what IAM Identity Center answered"),
        ("center-role", "what IAM Identity Center answered"),
    ] {
        env.set("AWS_PROFILE", profile);
        refused(&env, origin, why);
    }
    // The SDK itself refuses to send this one.
    env.write(file, &session("hid\nden").to_string());
    let output = env.run(&["on", "-y"]);
    output
        .code(1)
        .says("Error: the AWS credentials cannot be loaded\n");
    does_not_say_it(&output);
}
