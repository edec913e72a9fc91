//! Reaching AWS as the AWS CLI does: by a proxy, by certificates of one's own, by `aws login`.

use maintenance_tests::{Network, TestEnv};

/// No name that resolves: whoever asks for it directly learns that at once.
const HOST: &str = "aws.invalid";

/// A scene whose AWS is known as a host that only the proxy reaches.
fn env(scheme: &str) -> (TestEnv, Network) {
    let mut env = TestEnv::aws();
    let network = Network::before(env.address(), HOST);
    env.set("AWS_ENDPOINT_URL", &format!("{scheme}://{HOST}"));
    env.write("ca.pem", &format!("# ours\n{}", network.authority()));
    (env, network)
}

#[test]
fn https_goes_by_the_proxy_and_trusts_the_bundle() {
    for variable in ["HTTPS_PROXY", "https_proxy"] {
        let (mut env, network) = env("https");
        let proxy = format!("http://ana:p%40ss@{}", network.proxy());
        env.set(variable, &proxy);
        env.set("AWS_CA_BUNDLE", "ca.pem");
        // The other scheme's is none of its business.
        env.set("HTTP_PROXY", "http://127.0.0.1:1");
        env.run(&["on", "-y"]).code(0);
        env.run(&["status"]).code(0).stdout("on\n");
        let seen = network.seen();
        let calls = env.sandbox().calls().len();
        assert!(
            seen.len() < calls,
            "a connection a command, not a call: {seen:#?}"
        );
        for head in seen {
            assert!(
                head.starts_with("CONNECT aws.invalid:443 HTTP/1.1\r\n"),
                "{head}"
            );
            // ana:p@ss
            let head = head.to_lowercase();
            assert!(
                head.contains("proxy-authorization: basic yw5honbac3m="),
                "{head}"
            );
        }
    }
}

#[test]
fn http_goes_by_its_proxy_and_a_host_of_no_proxy_by_none() {
    let (mut env, network) = env("http");
    // Without a scheme, as many write it.
    env.set("HTTP_PROXY", &network.proxy().to_string());
    env.set("HTTPS_PROXY", "http://127.0.0.1:1");
    env.run(&["status"]).code(0).stdout("off\n");
    let seen = network.seen();
    assert!(
        seen[0].starts_with("POST http://aws.invalid/ HTTP/1.1\r\n"),
        "{seen:?}"
    );
    env.set("no_proxy", "example.com, .invalid");
    env.run(&["status"])
        .code(1)
        .says(" did not go through in time\nCaused by: ")
        .says("Hint: check the network, the region and the endpoint URL, then try again");
    assert_eq!(network.seen(), seen);
}

#[test]
fn this_machine_is_reached_without_a_proxy() {
    let mut env = TestEnv::aws();
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        env.set(variable, "http://127.0.0.1:1");
    }
    env.run(&["status"]).code(0).stdout("off\n");
}

#[test]
fn the_profile_may_name_the_bundle_and_without_it_the_certificate_is_not_trusted() {
    let (mut env, network) = env("https");
    env.set("https_proxy", &network.proxy().to_string());
    let bundle = env.folder().join("ca.pem");
    let config = format!("[default]\nca_bundle = {}\n", bundle.display());
    env.write("home/.aws/config", &config);
    env.run(&["status"]).code(0).stdout("off\n");
    env.write("home/.aws/config", "[default]\nca_bundle =\n");
    env.run(&["status"]).code(1).says("certificate");
}

#[test]
fn a_bundle_that_is_none_is_named() {
    let mut env = TestEnv::aws();
    env.write("text.pem", "no certificate\n");
    for (path, why) in [
        (
            "none.pem",
            "none.pem: No such file or directory (os error 2)",
        ),
        ("text.pem", "text.pem holds no certificate in PEM"),
    ] {
        env.set("AWS_CA_BUNDLE", path);
        let output = env.run(&["status"]);
        output.refuses(2, "AWS_CA_BUNDLE cannot be used");
        output.says(&format!("\nCaused by: {why}\n"));
    }
    env.unset("AWS_CA_BUNDLE");
    env.write(
        "home/.aws/config",
        "# mine\n[default]\nca_bundle = none.pem\n",
    );
    let output = env.run(&["status"]);
    let file = env.folder().join("home/.aws/config");
    let name = format!("ca_bundle of the profile default ({}:3)", file.display());
    output.refuses(2, &format!("{name} cannot be used"));
}

#[test]
fn a_proxy_that_is_none_is_named_without_its_password() {
    let mut env = TestEnv::aws();
    for proxy in [
        "socks5://me:hidden@proxy:1080",
        "http://me:hidden@proxy:99999",
    ] {
        env.set("HTTPS_PROXY", proxy);
        let output = env.run(&["status"]);
        output.refuses(2, "HTTPS_PROXY cannot be used");
        assert!(!output.stderr.contains("hidden"), "{output:#?}");
    }
}

#[test]
fn who_signed_in_with_aws_login_needs_no_key() {
    let mut env = TestEnv::aws();
    env.unset("AWS_ACCESS_KEY_ID");
    env.unset("AWS_SECRET_ACCESS_KEY");
    env.write(
        "home/.aws/config",
        "[default]\nlogin_session = arn:aws:iam::0123456789012:user/Admin\n",
    );
    // Where the AWS CLI leaves it: the name is a hash of the session's.
    let file = "36db1d138ff460920374e4c3d8e01f53f9f73537e89c88d639f68393df0e2726";
    env.write(
        &format!("home/.aws/login/cache/{file}.json"),
        r#"{
            "accessToken": {
                "accessKeyId": "ASIALOGIN",
                "secretAccessKey": "secret",
                "sessionToken": "token",
                "accountId": "012345678901",
                "expiresAt": "2099-01-01T00:00:00Z"
            },
            "tokenType": "aws_sigv4",
            "refreshToken": "refresh",
            "clientId": "arn:aws:signin:::devtools/same-device",
            "dpopKey": "unused until it is refreshed"
        }"#,
    );
    env.run(&["on", "-y"]).code(0);
    let callers = env
        .sandbox()
        .calls()
        .into_iter()
        .map(|call| call.call.caller);
    assert!(callers.into_iter().all(|caller| caller == "ASIALOGIN"));
}
