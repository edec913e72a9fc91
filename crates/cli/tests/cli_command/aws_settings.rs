//! What stands in variables and in the files of AWS: what is empty is unset, and what cannot be used is
//! named. Nothing of it ends the process.

use std::os::unix::ffi::OsStrExt as _;

use maintenance_sandbox::Fault;
use maintenance_tests::{Output, TestEnv};

/// Every variable that the SDK reads.
const VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCOUNT_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL_SSM",
    "AWS_EXECUTION_ENV",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_RETRY_MODE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SDK_UA_APP_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// A scene whose environment has nothing of AWS.
fn without_variables() -> TestEnv {
    let mut env = TestEnv::aws();
    for variable in [
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        env.unset(variable);
    }
    env
}

/// A scene whose AWS is described by its files alone.
fn by_files(more: &str) -> TestEnv {
    let env = without_variables();
    let url = format!("http://{}", env.address());
    env.write(
        "home/.aws/config",
        &format!(
            "[default]\nregion = us-east-1\nendpoint_url = {url}\naws_access_key_id = AKIAFILE\n\
             aws_secret_access_key = secret\n{more}"
        ),
    );
    env
}

#[test]
fn a_variable_that_is_set_but_empty_is_unset() {
    let mut env = by_files("");
    for variable in VARIABLES {
        env.set(variable, "");
    }
    env.run(&["on", "-y"]).code(0);
    env.run(&["off"]).code(0);
    // And each of them beside those that are not.
    for variable in VARIABLES {
        let mut env = TestEnv::aws();
        if env.variables().contains_key(*variable) {
            continue;
        }
        env.set(variable, "");
        env.run(&["status"]).code(0).stdout("off\n");
    }
}

#[test]
fn a_setting_of_a_profile_that_is_empty_is_unset() {
    let mut env = by_files(
        "services = local\nrole_arn =\nsource_profile =\ncredential_process =\nsso_session =\n\
         aws_session_token =\nca_bundle =\nuse_fips_endpoint =\nretry_mode =\nlogin_session =\n\
         web_identity_token_file =\n\
         [services local]\nssm =\n  endpoint_url =\nlambda =\n  endpoint_url = # none\n",
    );
    env.run(&["on", "-y"]).code(0);
    // What is empty in the second file hides nothing of the first.
    env.write(
        "home/.aws/credentials",
        "[default]\naws_access_key_id =\naws_secret_access_key =\n",
    );
    env.run(&["off"]).code(0);
    // A profile without a region takes the variable's, as ever.
    env.write(
        "home/.aws/config",
        &env.read("home/.aws/config").replace("us-east-1", ""),
    );
    env.set("AWS_REGION", "us-east-1");
    env.run(&["status"]).code(0);
}

#[test]
fn an_empty_variable_of_ours_is_unset() {
    let mut env = TestEnv::aws();
    env.unset("MAINTENANCE_BY");
    env.set("USER", "ana");
    env.write(
        "maintenance.toml",
        "app = \"demo\"\nenv = \"dev\"\nrate = 5\n",
    );
    env.unset("MAINTENANCE_APP");
    env.unset("MAINTENANCE_ENV");
    let unset = env.run(&["config", "--json"]).code(0).json();
    for name in [
        "APP", "ENV", "STORE", "PREFIX", "ROLE", "RATE", "BY", "URL", "CONFIG",
    ] {
        env.set(&format!("MAINTENANCE_{name}"), "");
    }
    assert_eq!(env.run(&["config", "--json"]).code(0).json(), unset);
    env.run(&["status"]).code(0).stdout("off\n");
    env.unset("MAINTENANCE_CONFIG");
    env.run(&["init", "--config", "other.toml"]).code(0);
}

#[test]
fn an_address_that_is_none_is_named_before_anything_is_sent() {
    for variable in [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SSM",
        "AWS_ENDPOINT_URL_LAMBDA",
    ] {
        for (url, why) in [
            ("localhost:4566", "it must begin with http:// or https://"),
            ("http://host:99999", "its port must be 1 to 65535"),
            ("http://127.0.0.1:1\r", "it has a line break in it"),
            ("http://ho\u{1}st", "it has a control character in it"),
        ] {
            let mut env = TestEnv::aws();
            env.set(variable, url);
            let output = env.run(&["on", "--all", "-y"]);
            output.refuses(2, &format!("{variable} cannot be used"));
            output.says(&format!("\nCaused by: {why}\n"));
            output.says(&format!("\nHint: correct {variable}, or unset it\n"));
            assert!(env.sandbox().calls().is_empty());
        }
    }
    let env = TestEnv::aws();
    let output = env.run(&["status", "--endpoint-url", "http://me:hidden@host:0"]);
    output.refuses(2, "--endpoint-url cannot be used");
    assert!(!output.stderr.contains("hidden"), "{output:#?}");
}

#[test]
fn an_address_of_a_profile_that_is_none_is_named() {
    let env = by_files(
        "[profile other]\nendpoint_url = nowhere\nservices = local\n[services local]\nssm =\n  endpoint_url = nowhere\n",
    );
    env.run(&["status"]).code(0);
    let file = env.folder().join("home/.aws/config");
    let output = env.run(&["status", "--profile", "other"]);
    let name = format!("endpoint_url of the profile other ({}:7)", file.display());
    output.refuses(2, &format!("{name} cannot be used"));
    let text = env.read("home/.aws/config");
    env.write(
        "home/.aws/config",
        &text.replace("other]\nendpoint_url = nowhere", "other]"),
    );
    let output = env.run(&["status", "--profile", "other"]);
    output.refuses(2, "endpoint_url of ssm in [services local] cannot be used");
}

#[test]
fn a_line_break_in_a_credential_is_named() {
    for variable in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_PROFILE",
    ] {
        let mut env = TestEnv::aws();
        env.set(variable, "hidden\r");
        let output = env.run(&["on", "-y"]);
        output.refuses(2, &format!("{variable} cannot be used"));
        output.says("line break");
        assert!(!output.stderr.contains("hidden"), "{output:#?}");
    }
    let output = TestEnv::aws().run(&["on", "-y", "--region", "us-east-1\u{1b}"]);
    output.refuses(2, "--region cannot be used");
    let mut env = TestEnv::aws();
    env.set("AWS_EXECUTION_ENV", "küche");
    env.run(&["status"])
        .refuses(2, "AWS_EXECUTION_ENV cannot be used");
    let mut env = TestEnv::aws();
    env.set("AWS_ACCESS_KEY_ID", "schlüssel");
    let output = env.run(&["on", "-y"]);
    output.refuses(2, "AWS_ACCESS_KEY_ID cannot be used");
    output.says("it has a character in it that is not ASCII\n");
}

#[test]
fn a_variable_that_is_no_text_is_named() {
    for variable in [
        "AWS_PROFILE",
        "AWS_CONFIG_FILE",
        "HTTPS_PROXY",
        "MAINTENANCE_BY",
    ] {
        let env = TestEnv::aws();
        let mut command = env.command(&["status"]);
        command.env(variable, std::ffi::OsStr::from_bytes(b"caf\xe9"));
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.starts_with(&format!("Error: {variable} cannot be used\n")),
            "{said}"
        );
        assert!(said.contains("\nCaused by: it is not UTF-8\n"), "{said}");
    }
}

#[test]
fn the_files_of_windows_are_read_and_what_is_wrong_in_one_is_named() {
    let env = by_files("");
    let text = env.read("home/.aws/config").replace('\n', "\r\n");
    env.write("home/.aws/config", &text);
    env.run(&["status"]).code(0);

    let file = env.folder().join("home/.aws/config");
    env.write("home/.aws/config", &text.replace("= secret", "= hid\r den"));
    let output = env.run(&["status"]);
    let name = format!(
        "aws_secret_access_key of the profile default ({}:5)",
        file.display()
    );
    output.refuses(2, &format!("{name} cannot be used"));
    output.says("\nCaused by: it has a line break in it\n");

    env.write("home/.aws/config", "[default]\n\nregion\n");
    let output = env.run(&["status"]);
    let name = format!("the AWS configuration file {}", file.display());
    output.refuses(2, &format!("{name} cannot be used"));
    output.says("on line 3: Expected an '=' sign defining a property\n");

    std::fs::write(&file, b"[default]\nregion = caf\xe9\n").unwrap();
    env.run(&["status"])
        .refuses(2, &format!("{name} cannot be used"))
        .says("it is not UTF-8");
}

/// What `status` says in an environment that has only this of AWS.
fn says(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut env = without_variables();
    for (name, value) in variables {
        env.set(name, value);
    }
    let output = env.run(&[&["status"], arguments].concat());
    assert!(env.sandbox().calls().is_empty(), "{output:#?}");
    output
}

const REGION: (&str, &str) = ("AWS_REGION", "us-east-1");
const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIA"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

#[test]
fn missing_credentials_and_a_missing_region_are_told_apart() {
    says(&[REGION], &[]).exactly(
        1,
        "",
        "Error: no AWS credentials were found\n\
         Caused by: looked in the environment, the shared AWS files, and for a container's or an EC2 \
         instance's role\n\
         Hint: sign in with `aws login` or `aws sso login`, name a profile, or set \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n",
    );
    // With an endpoint URL, it is the signature that lacks it.
    for endpoint in [&[][..], &["--endpoint-url", "http://127.0.0.1:1"]] {
        says(&KEYS, endpoint).exactly(
            2,
            "",
            "Error: no AWS region is set\n\
             Hint: name one with --region or AWS_REGION, or set region in the profile\n",
        );
    }
}

#[test]
fn metadata_that_never_answers_is_one_line_also_with_v() {
    // It takes connections and answers none.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let variables = [
        REGION,
        ("AWS_EC2_METADATA_DISABLED", ""),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url),
    ];
    let output = says(&variables, &["-v"]);
    output
        .code(1)
        .says("Error: no AWS credentials were found\n");
    assert_eq!(
        output.stderr.matches("Caused by: ").count(),
        1,
        "{output:#?}"
    );
}

#[test]
fn settings_of_awss_own_endpoints_contradict_a_custom_one() {
    for variable in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
        let [key, secret] = KEYS;
        let variables = [REGION, key, secret, (variable, "true")];
        let output = says(&variables, &["--endpoint-url", "http://127.0.0.1:1"]);
        output
            .refuses(2, "the AWS endpoint settings contradict each other")
            .says("and custom endpoint are not supported\n")
            .says(variable);
    }
    says(&[REGION], &["--endpoint-url", "localhost:4566"])
        .refuses(2, "--endpoint-url cannot be used")
        .says("Caused by: it must begin with http:// or https://\n");
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_the_one_that_was_meant() {
    let mut env = by_files(
        "[profile prod]\nregion = eu-west-1\n[profile half]\nsource_profile = prdo\nrole_arn = arn:aws:iam::123456789012:role/x\n",
    );
    let file = env.folder().join("home/.aws/config");
    let cause = format!(
        "\nCaused by: there is no profile prdo in {}\nHint: did you mean prod?\n",
        file.display()
    );
    env.run(&["on", "-y", "--profile", "prdo"])
        .refuses(2, "--profile cannot be used")
        .says(&cause);
    env.run(&["on", "-y", "--profile", "half"])
        .refuses(
            2,
            &format!(
                "source_profile of the profile half ({}:9) cannot be used",
                file.display()
            ),
        )
        .says(&cause);
    env.set("AWS_PROFILE", "something");
    env.run(&["on", "-y"])
        .refuses(2, "AWS_PROFILE cannot be used")
        .says("\nHint: the profiles are default, half, prod\n")
        .says("\nHint: make it with `aws configure --profile something`\n");
    assert!(env.sandbox().calls().is_empty());
    // An app that needs no AWS is not held up by it.
    env.run(&["status", "--store", "file:store"])
        .code(0)
        .stdout("off\n");
}

#[test]
fn a_wrong_clock_and_refused_credentials_are_said_as_such_with_awss_words() {
    let skew = "Signature expired: 20261128T000000Z is now earlier than 20261129T000000Z (20261129T000500Z - 5 min.)";
    for (code, message, headline) in [
        (
            "InvalidSignatureException",
            skew,
            "this machine's clock is wrong, so AWS refuses its requests",
        ),
        (
            "RequestExpired",
            "Request has expired.",
            "this machine's clock is wrong, so AWS refuses its requests",
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String was 'hidden'",
            "AWS does not accept the credentials",
        ),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            "the AWS credentials have expired",
        ),
    ] {
        let env = TestEnv::aws();
        let refused = Fault::any_call().always().fail(403, code, message);
        env.sandbox().inject(refused);
        let output = env.run(&["on", "-y"]);
        let said = message.lines().next().unwrap();
        output
            .refuses(1, headline)
            .says(&format!("\nCaused by: {code}: {said}\n"));
        assert!(!output.stderr.contains("hidden"), "{output:#?}");
    }
}

#[test]
fn a_denial_by_the_organization_is_not_blamed_on_the_iam_policy() {
    let env = TestEnv::aws();
    let denied = "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: ssm:GetParameter on resource: x with an explicit deny in a service control policy";
    let fault = Fault::on("GetParameter").always();
    env.sandbox()
        .inject(fault.fail(400, "AccessDeniedException", denied));
    let output = env.run(&["status"]);
    output.code(1).says(
        "\nHint: a service control policy of your AWS organization denies ssm:GetParameter: ask its \
         administrators, since no IAM policy can allow it\n",
    );
    assert!(!output.stderr.contains("in the IAM policy"), "{output:#?}");
}

/// As the AWS CLI has it: else the keys of one account would act on another app's.
#[test]
fn a_profile_that_is_asked_for_stands_above_keys_in_variables() {
    let profile = "[profile other]\nregion = us-east-1\naws_access_key_id = AKIAOTHER\n\
                   aws_secret_access_key = secret\n";
    let callers = |env: &TestEnv| {
        let calls = env.sandbox().calls().into_iter();
        calls
            .map(|call| call.call.caller)
            .collect::<std::collections::BTreeSet<_>>()
    };
    let scene = || {
        let env = TestEnv::aws();
        env.write("home/.aws/config", profile);
        env
    };
    let env = scene();
    env.run(&["status", "--profile", "other"]).code(0);
    assert_eq!(callers(&env), ["AKIAOTHER".to_owned()].into());
    let env = scene();
    env.write("maintenance.toml", "profile = \"other\"\n");
    env.run(&["status"]).code(0);
    assert_eq!(callers(&env), ["AKIAOTHER".to_owned()].into());
    // A variable that names it does not.
    let mut env = scene();
    env.set("AWS_PROFILE", "other");
    env.run(&["status"]).code(0);
    assert_eq!(callers(&env), ["AKIASANDBOX".to_owned()].into());
    env.write("maintenance.toml", "env = \"dev\"\nprofile = \"othre\"\n");
    let file = env
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    let output = env.run(&["status"]);
    let message = format!("profile ({}:2) cannot be used", file.display());
    output
        .refuses(2, &message)
        .says("Hint: did you mean other?\n");
}
