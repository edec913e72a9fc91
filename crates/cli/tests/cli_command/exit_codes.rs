//! Every exit code, by what brings it about; 6 (not confirmed) is in `confirm`.

use maintenance_cli::exit_code;
use maintenance_flag::Lease;
use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::TestEnv;

const WEB: &str = "/maintenance/demo-dev/flags/web";

#[test]
fn the_numbers_are_fixed() {
    assert_eq!(
        [
            exit_code::DONE,
            exit_code::FAILED,
            exit_code::USAGE,
            exit_code::REFUSED,
            exit_code::PARTIAL,
            exit_code::BUSY,
            exit_code::NOT_CONFIRMED,
            exit_code::ON,
            exit_code::INTERRUPTED,
        ],
        [0, 1, 2, 3, 4, 5, 6, 10, 130]
    );
}

#[test]
fn failed_is_1() {
    let env = TestEnv::aws();
    env.sandbox()
        .inject(Fault::on("GetParameter").always().access_denied());
    let output = env.run(&["status"]);
    output.refuses(
        1,
        "not allowed to ssm:GetParameter on /maintenance/demo-dev/flags/web",
    );
    output.says("Hint: allow ssm:GetParameter in the IAM policy of your user or role\n");

    // What nobody thought of says what to do next, too.
    let env = TestEnv::aws();
    let odd = Fault::on("GetParameter").always();
    env.sandbox()
        .inject(odd.fail(400, "ValidationException", "odd"));
    let output = env.run(&["status"]);
    output.refuses(
        1,
        "ssm:GetParameter on /maintenance/demo-dev/flags/web was refused",
    );
    output
        .says("\nCaused by: ValidationException: odd\n")
        .says("\nHint: fix the cause, then run the same command again\n");
}

#[test]
fn usage_is_2() {
    let env = TestEnv::files();
    env.run(&["--rloe", "web"])
        .misused("unexpected argument '--rloe' found");
    env.run(&["--role", "wbe"])
        .refuses(2, "there is no role wbe");
    env.run(&["--all", "--role", "web"])
        .refuses(2, "--all cannot be used with --role");
    env.run(&["on", "--exit-code"])
        .misused("unexpected argument '--exit-code' found")
        .says("tip: '--exit-code' belongs to `maintenance status`");
    env.run(&["--exit-code", "on"])
        .refuses(2, "only `status` takes --exit-code");
    env.run(&["off", "--force"])
        .misused("the following required arguments were not provided:")
        .says("--reason <WHY>");
}

#[test]
fn refused_is_3() {
    let env = TestEnv::aws();
    env.run(&["on", "-y", "--observer", "healthcheck"]).code(0);
    let output = env.run(&["off"]);
    output.refuses(3, "web maintenance was not changed");
    output
        .says("\nCaused by: the window is held by ")
        .says("healthcheck");
    output.says("a person may override it with `maintenance off --force --reason WHY`");
    // Another observer is refused too, and the one that holds it is not.
    env.run(&["off", "--observer", "other"]).code(3);
    env.run(&["status"]).stdout("on\n");
    env.run(&["off", "--observer", "healthcheck"])
        .code(0)
        .says("has been turned off");
}

#[test]
fn a_forced_off_overrides_an_observer_and_records_it() {
    let env = TestEnv::aws();
    env.run(&["on", "-y", "--observer", "healthcheck"]).code(0);
    env.run(&["off", "--force", "--reason", "it is wrong"])
        .exactly(
            0,
            "",
            "Disabling web maintenance mode for demo-dev\nWeb maintenance has been turned off\n",
        );
    let flag = &env.sandbox().parameters()[WEB].value;
    let flag: serde_json::Value = serde_json::from_str(flag).unwrap();
    assert_eq!(flag["overrode"]["name"], "healthcheck");
    assert_eq!(flag["reason"], "it is wrong");
    assert_eq!(flag["by"], "ana@laptop");
}

#[test]
fn an_observer_does_not_end_what_a_person_began() {
    let env = TestEnv::files();
    env.run(&["on", "-y"]).code(0);
    env.run(&["off", "--observer", "healthcheck"])
        .refuses(3, "web maintenance was not changed")
        .says("a person ends it with `maintenance off`");
}

#[test]
fn partial_is_4_and_the_same_command_goes_on() {
    let env = TestEnv::aws();
    for name in ["demo-dev-a", "demo-dev-b"] {
        env.sandbox().seed(FunctionSpec::new(name).reserved(7));
    }
    let before = env.sandbox().fleet();
    let on = ["on", "-y", "--role", "worker", "--function", "demo-dev-*"];
    let denied = Fault::on("PutFunctionConcurrency")
        .target("demo-dev-b")
        .always();
    env.sandbox().inject(denied.access_denied());
    let output = env.run(&on);
    output.code(4).stdout("").says("\n1 function paused\n");
    output.says("\nError: 1 of 2 functions of the worker role is not paused\n");
    output.says("\nCaused by: demo-dev-b: not allowed to lambda:PutFunctionConcurrency");
    output.says(
        "\nHint: allow lambda:PutFunctionConcurrency in the IAM policy of your user or role\n",
    );
    output.says("\nHint: run the same command again: it continues with what is left\n");

    env.sandbox().clear_faults();
    env.run(&on)
        .code(0)
        .says("Worker maintenance is already on\n");
    assert_eq!(env.sandbox().fleet()["demo-dev-b"].reserved, Some(0));
    env.run(&["off", "--role", "worker"])
        .code(0)
        .says("\n2 functions restored\n");
    assert_eq!(env.sandbox().fleet(), before);
}

#[test]
fn a_lease_lost_in_the_only_role_is_4_and_says_what_was_done_why_and_that_the_same_command_goes_on()
{
    let env = TestEnv::aws();
    for n in 0..3 {
        let name = format!("demo-dev-{n}");
        env.sandbox().seed(FunctionSpec::new(&name).reserved(7));
    }
    let before = env.sandbox().fleet();
    let on = ["on", "-y", "--role", "worker", "--function", "demo-dev-*"];
    // The permission to look at leases is taken away while the first function is paused, and AWS is slow, so that
    // the next change needs a look.
    let sandbox = env.sandbox().clone();
    let first = Fault::on("PutFunctionConcurrency").nth(1);
    env.sandbox().inject(first.hook(move |_| {
        let looks = Fault::on("GetParametersByPath").target("/lease");
        sandbox.inject(looks.always().access_denied());
    }));
    let busy = Fault::on("PutFunctionConcurrency").target("demo-dev-2");
    env.sandbox().inject(busy.times(6).throttle());
    let output = env.run(&on);
    output.code(4).stdout("");
    output
        .says("\nError: the lease was lost\n")
        .says("\nCaused by: not allowed to ssm:GetParametersByPath on /maintenance/demo-dev/lease")
        .says("\nCaused by: Worker maintenance is on, and the operation did not finish\n")
        .says("\nCaused by: 2 of 3 functions paused\n")
        .says("\nCaused by: not paused, or in part: demo-dev-2\n");
    output
        .says("\nHint: allow ssm:GetParametersByPath in the IAM policy of your user or role\n")
        .says("run the same command again to continue, or `maintenance off");

    // The lease could not be given back, either: as if an hour had passed.
    env.sandbox().clear_faults();
    for (name, stored) in env.sandbox().parameters() {
        if name.contains("/lease/") {
            let mut lease = Lease::decode(&stored.value).unwrap();
            lease.expires = lease.acquired - jiff::SignedDuration::from_hours(1);
            env.sandbox().set_parameter(&name, &lease.encode());
        }
    }
    env.run(&on)
        .code(0)
        .says("Worker maintenance is already on\n");
    env.run(&["off", "--role", "worker"]).code(0);
    assert_eq!(env.sandbox().fleet(), before);
}

/// An app whose workers' capacity cannot be saved, so that `on --all` ends after the web role.
fn scene_that_cannot_save() -> TestEnv {
    let env = TestEnv::aws();
    env.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    env.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    let denied = Fault::on("PutParameter").target("/capacity/").always();
    env.sandbox().inject(denied.access_denied());
    env
}

#[test]
fn an_error_in_a_later_role_has_its_own_code_and_says_what_was_done_before() {
    let env = scene_that_cannot_save();
    let output = env.run(&["on", "--all", "--yes"]);
    output
        .code(1)
        .stdout("")
        .says("Enabling web maintenance mode for demo-dev\nWeb maintenance has been turned on\n")
        .says("\nError: not allowed to ssm:PutParameter on /maintenance/demo-dev/capacity/worker/");
    output.says(
        "\nHint: Web maintenance has been turned on; run the same command again to continue, or \
         `maintenance off --all` to undo it\n",
    );
    env.run(&["status"]).code(0).stdout("on\n");

    // The report and the error are one document.
    let env = scene_that_cannot_save();
    let output = env.run(&["on", "--all", "--yes", "--json", "-q"]);
    output
        .code(1)
        .says("Error: not allowed to ssm:PutParameter on ");
    let document = output.json();
    assert_eq!(document["app"], "demo-dev");
    assert_eq!(document["roles"][0]["role"], "web");
    assert_eq!(document["roles"][0]["outcome"], "turned_on");
    assert_eq!(document["roles"][1]["role"], "worker");
    assert_eq!(document["roles"][1]["outcome"], "unfinished");
    let error = &document["error"];
    assert_eq!(error["exit_code"], 1);
    let message = error["message"].as_str().expect("a message");
    assert!(message.starts_with("not allowed to ssm:PutParameter on "));
}

#[test]
fn busy_is_5() {
    let env = TestEnv::aws();
    // Another `on` is held in the middle of its write.
    env.sandbox()
        .inject(Fault::on("PutParameter").target("/flags/").hang());
    let running = env.start(&["on", "-y"]);
    env.wait_until_hanging();
    let output = env.run(&["on", "-y"]);
    output
        .code(5)
        .stdout("")
        .says("Error: another operation is running: on web by ana@laptop");
    output.says("\nHint: wait for it to end; if it has died, run `maintenance unlock`, or this command again after ");
    // To look is no operation.
    env.run(&["status"]).code(0).stdout("off\n");
    drop(running);
}

#[test]
fn status_is_10_if_some_asked_role_is_on() {
    let env = TestEnv::files();
    env.run(&["status", "--exit-code"]).code(0).stdout("off\n");
    env.run(&["on", "-y", "--role", "worker"]).code(0);
    env.run(&["status", "--exit-code"]).code(0).stdout("off\n");
    env.run(&["status", "--exit-code", "--all"])
        .code(10)
        .stdout("web off\nworker on\n");
    env.run(&["--exit-code", "--role", "worker"])
        .code(10)
        .stdout("on\n");
    env.run(&["status", "--role", "worker"])
        .code(0)
        .stdout("on\n");
}

#[test]
fn a_malformed_flag_is_1_and_never_off() {
    let env = TestEnv::aws();
    env.sandbox().set_parameter(WEB, "offf");
    let output = env.run(&["status", "--exit-code"]);
    output.code(1).stdout("malformed\n");
    output.says(
        "Web maintenance status for demo-dev\nError: the flag of the web role is malformed\n",
    );
    output.says("\nCaused by: ").says("\nHint: ");
    env.run(&["status", "--all"])
        .code(1)
        .stdout("web malformed\nworker off\n");
    let output = env.run(&["status", "--json"]);
    assert_eq!(
        output.code(1).json()["roles"][0]["maintenance"],
        "malformed"
    );
    // What was asked for is done all the same, and said.
    env.run(&["off"]).code(0).says("Warning: ");
    env.run(&["status"]).code(0).stdout("off\n");
}
