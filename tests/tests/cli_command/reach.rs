//! Reaching AWS as the AWS CLI does: by a proxy, by certificates of one's own, by `aws login`.

use maintenance_tests::{Network, Scene};

/// No name that resolves: whoever asks for it directly learns that at once.
const HOST: &str = "aws.invalid";

/// A scene whose AWS is known as a host that only the proxy reaches.
fn scene(scheme: &str) -> (Scene, Network) {
    let mut scene = Scene::aws();
    let network = Network::before(scene.address(), HOST);
    scene.set("AWS_ENDPOINT_URL", &format!("{scheme}://{HOST}"));
    scene.write("ca.pem", &format!("# ours\n{}", network.authority()));
    (scene, network)
}

#[test]
fn https_goes_by_the_proxy_and_trusts_the_bundle() {
    for variable in ["HTTPS_PROXY", "https_proxy"] {
        let (mut scene, network) = scene("https");
        let proxy = format!("http://ana:p%40ss@{}", network.proxy());
        scene.set(variable, &proxy);
        scene.set("AWS_CA_BUNDLE", "ca.pem");
        // The other scheme's is none of its business.
        scene.set("HTTP_PROXY", "http://127.0.0.1:1");
        scene.run(&["on", "-y"]).code(0);
        scene.run(&["status"]).code(0).stdout("on\n");
        let seen = network.seen();
        let calls = scene.sandbox().calls().len();
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
    let (mut scene, network) = scene("http");
    // Without a scheme, as many write it.
    scene.set("HTTP_PROXY", &network.proxy().to_string());
    scene.set("HTTPS_PROXY", "http://127.0.0.1:1");
    scene.run(&["status"]).code(0).stdout("off\n");
    let seen = network.seen();
    assert!(
        seen[0].starts_with("POST http://aws.invalid/ HTTP/1.1\r\n"),
        "{seen:?}"
    );
    scene.set("no_proxy", "example.com, .invalid");
    scene
        .run(&["status"])
        .code(1)
        .says("the parameter store cannot be reached");
    assert_eq!(network.seen(), seen);
}

#[test]
fn this_machine_is_reached_without_a_proxy() {
    let mut scene = Scene::aws();
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
        scene.set(variable, "http://127.0.0.1:1");
    }
    scene.run(&["status"]).code(0).stdout("off\n");
}

#[test]
fn the_profile_may_name_the_bundle_and_without_it_the_certificate_is_not_trusted() {
    let (mut scene, network) = scene("https");
    scene.set("https_proxy", &network.proxy().to_string());
    let bundle = scene.folder().join("ca.pem");
    let config = format!("[default]\nca_bundle = {}\n", bundle.display());
    scene.write("home/.aws/config", &config);
    scene.run(&["status"]).code(0).stdout("off\n");
    scene.write("home/.aws/config", "[default]\nca_bundle =\n");
    scene.run(&["status"]).code(1).says("certificate");
}

#[test]
fn a_bundle_that_is_none_is_named() {
    let mut scene = Scene::aws();
    scene.write("text.pem", "no certificate\n");
    for (path, why) in [
        (
            "none.pem",
            "none.pem: No such file or directory (os error 2)",
        ),
        ("text.pem", "text.pem holds no certificate in PEM"),
    ] {
        scene.set("AWS_CA_BUNDLE", path);
        let ran = scene.run(&["status"]);
        ran.refuses(2, "AWS_CA_BUNDLE cannot be used");
        ran.says(&format!("\nCaused by: {why}\n"));
    }
    scene.unset("AWS_CA_BUNDLE");
    scene.write(
        "home/.aws/config",
        "# mine\n[default]\nca_bundle = none.pem\n",
    );
    let ran = scene.run(&["status"]);
    let file = scene.folder().join("home/.aws/config");
    let name = format!("ca_bundle of the profile default ({}:3)", file.display());
    ran.refuses(2, &format!("{name} cannot be used"));
}

#[test]
fn a_proxy_that_is_none_is_named_without_its_password() {
    let mut scene = Scene::aws();
    for proxy in [
        "socks5://me:hidden@proxy:1080",
        "http://me:hidden@proxy:99999",
    ] {
        scene.set("HTTPS_PROXY", proxy);
        let ran = scene.run(&["status"]);
        ran.refuses(2, "HTTPS_PROXY cannot be used");
        assert!(!ran.stderr.contains("hidden"), "{ran:#?}");
    }
}

#[test]
fn who_signed_in_with_aws_login_needs_no_key() {
    let mut scene = Scene::aws();
    scene.unset("AWS_ACCESS_KEY_ID");
    scene.unset("AWS_SECRET_ACCESS_KEY");
    scene.write(
        "home/.aws/config",
        "[default]\nlogin_session = arn:aws:iam::0123456789012:user/Admin\n",
    );
    // Where the AWS CLI leaves it: the name is a hash of the session's.
    let file = "36db1d138ff460920374e4c3d8e01f53f9f73537e89c88d639f68393df0e2726";
    scene.write(
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
    scene.run(&["on", "-y"]).code(0);
    let callers = scene
        .sandbox()
        .calls()
        .into_iter()
        .map(|call| call.call.caller);
    assert!(callers.into_iter().all(|caller| caller == "ASIALOGIN"));
}
