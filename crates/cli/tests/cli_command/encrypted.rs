//! Parameters that a policy of the organisation turned into `SecureString`s.

use maintenance_sandbox::{FunctionSpec, KmsKey};
use maintenance_tests::TestEnv;

#[test]
fn encrypted_parameters_are_given_back_once_the_key_may_be_used() {
    let env = TestEnv::aws();
    let sandbox = env.sandbox();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    sandbox.seed(FunctionSpec::new("demo-dev-a").reserved(7));
    let before = sandbox.fleet();
    env.run(&["on", "-y", "--all"]).code(0);
    for name in sandbox.parameters().into_keys() {
        sandbox.encrypt_parameter(&name);
    }
    env.run(&["status", "--all"])
        .code(0)
        .stdout("web on\nworker on\n");

    sandbox.configure(|settings| settings.ssm.kms_key = KmsKey::Denied);
    let output = env.run(&["off", "--all"]);
    output.code(1).stdout("");
    assert!(
        output
            .stderr
            .contains("not allowed to kms:Decrypt on /maintenance/demo-dev/"),
        "{output:?}"
    );
    let hint = "Hint: it is a SecureString: allow kms:Decrypt, kms:Encrypt and kms:GenerateDataKey on its KMS key";
    assert!(output.stderr.contains(hint), "{output:?}");

    sandbox.configure(|settings| settings.ssm.kms_key = KmsKey::Usable);
    env.run(&["off", "--all"]).code(0);
    assert_eq!(sandbox.fleet(), before);
    let parameters = sandbox.parameters();
    for role in ["web", "worker"] {
        let flag = &parameters[&format!("/maintenance/demo-dev/flags/{role}")];
        assert_eq!(flag.kind, "SecureString");
    }
}
