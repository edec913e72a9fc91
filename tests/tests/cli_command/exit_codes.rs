//! Every exit code, by what brings it about; 6 (not confirmed) is in `confirm`.

use maintenance_cli::exit_code;
use maintenance_sandbox::{Fault, FunctionSpec};
use maintenance_tests::Scene;

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
    let scene = Scene::aws();
    scene
        .sandbox()
        .inject(Fault::on("GetParameter").always().access_denied());
    let ran = scene.run(&["status"]);
    ran.refuses(
        1,
        "not allowed to ssm:GetParameter on /maintenance/demo-dev/flags/web",
    );
    ran.says("Hint: allow ssm:GetParameter in the IAM policy of your user or role\n");

    // What nobody thought of says what to do next, too.
    let scene = Scene::aws();
    let odd = Fault::on("GetParameter").always();
    scene
        .sandbox()
        .inject(odd.fail(400, "ValidationException", "odd"));
    let ran = scene.run(&["status"]);
    ran.refuses(
        1,
        "ssm:GetParameter on /maintenance/demo-dev/flags/web failed",
    );
    ran.says("\nCaused by: ValidationException: odd\n")
        .says("\nHint: fix the cause, then run the same command again\n");
}

#[test]
fn usage_is_2() {
    let scene = Scene::files();
    scene
        .run(&["--rloe", "web"])
        .misused("unexpected argument '--rloe' found");
    scene
        .run(&["--role", "wbe"])
        .refuses(2, "there is no role wbe");
    scene
        .run(&["--all", "--role", "web"])
        .refuses(2, "--all cannot be used with --role");
    scene
        .run(&["on", "--exit-code"])
        .misused("unexpected argument '--exit-code' found")
        .says("tip: '--exit-code' belongs to `maintenance status`");
    scene
        .run(&["--exit-code", "on"])
        .refuses(2, "--exit-code is for status alone");
    scene
        .run(&["off", "--force"])
        .misused("the following required arguments were not provided:")
        .says("--reason <WHY>");
}

#[test]
fn refused_is_3() {
    let scene = Scene::aws();
    scene
        .run(&["on", "-y", "--observer", "healthcheck"])
        .code(0);
    let ran = scene.run(&["off"]);
    ran.refuses(3, "web maintenance was not changed");
    ran.says("\nCaused by: the window is held by ")
        .says("healthcheck");
    ran.says("a person may override it with `maintenance off --force --reason WHY`");
    // Another observer is refused too, and the one that holds it is not.
    scene.run(&["off", "--observer", "other"]).code(3);
    scene.run(&["status"]).stdout("on\n");
    scene
        .run(&["off", "--observer", "healthcheck"])
        .code(0)
        .says("has been turned off");
}

#[test]
fn a_forced_off_overrides_an_observer_and_records_it() {
    let scene = Scene::aws();
    scene
        .run(&["on", "-y", "--observer", "healthcheck"])
        .code(0);
    scene
        .run(&["off", "--force", "--reason", "it is wrong"])
        .exactly(
            0,
            "",
            "Disabling web maintenance mode for demo-dev\nWeb maintenance has been turned off\n",
        );
    let flag = &scene.sandbox().parameters()[WEB].value;
    let flag: serde_json::Value = serde_json::from_str(flag).unwrap();
    assert_eq!(flag["overrode"]["name"], "healthcheck");
    assert_eq!(flag["reason"], "it is wrong");
    assert_eq!(flag["by"], "ana@laptop");
}

#[test]
fn an_observer_does_not_end_what_a_person_began() {
    let scene = Scene::files();
    scene.run(&["on", "-y"]).code(0);
    scene
        .run(&["off", "--observer", "healthcheck"])
        .refuses(3, "web maintenance was not changed")
        .says("a person ends it with `maintenance off`");
}

#[test]
fn partial_is_4_and_the_same_command_goes_on() {
    let scene = Scene::aws();
    for name in ["demo-dev-a", "demo-dev-b"] {
        scene.sandbox().seed(FunctionSpec::new(name).reserved(7));
    }
    let before = scene.sandbox().fleet();
    let on = ["on", "-y", "--role", "worker", "--function", "demo-dev-*"];
    let denied = Fault::on("PutFunctionConcurrency")
        .target("demo-dev-b")
        .always();
    scene.sandbox().inject(denied.access_denied());
    let ran = scene.run(&on);
    ran.code(4).stdout("").says("\n1 function paused\n");
    ran.says("\nError: 1 of 2 functions of the worker role is not paused\n");
    ran.says("\nCaused by: demo-dev-b: not allowed to lambda:PutFunctionConcurrency");
    ran.says(
        "\nHint: allow lambda:PutFunctionConcurrency in the IAM policy of your user or role\n",
    );
    ran.says("\nHint: run the same command again: it continues with what is left\n");

    scene.sandbox().clear_faults();
    scene
        .run(&on)
        .code(0)
        .says("Worker maintenance is already on\n");
    assert_eq!(scene.sandbox().fleet()["demo-dev-b"].reserved, Some(0));
    scene
        .run(&["off", "--role", "worker"])
        .code(0)
        .says("\n2 functions restored\n");
    assert_eq!(scene.sandbox().fleet(), before);
}

/// An app whose workers' capacity cannot be saved, so that `on --all` ends after the web role.
fn scene_that_cannot_save() -> Scene {
    let scene = Scene::aws();
    scene.write(
        "maintenance.toml",
        "[roles.worker]\nfunctions = [\"demo-dev-*\"]\n",
    );
    scene.sandbox().seed(FunctionSpec::new("demo-dev-a"));
    let denied = Fault::on("PutParameter").target("/capacity/").always();
    scene.sandbox().inject(denied.access_denied());
    scene
}

#[test]
fn an_error_in_a_later_role_has_its_own_code_and_says_what_was_done_before() {
    let scene = scene_that_cannot_save();
    let ran = scene.run(&["on", "--all", "--yes"]);
    ran.code(1)
        .stdout("")
        .says("Enabling web maintenance mode for demo-dev\nWeb maintenance has been turned on\n")
        .says("\nError: not allowed to ssm:PutParameter on /maintenance/demo-dev/capacity/worker/");
    ran.says(
        "\nHint: Web maintenance has been turned on; run the same command again to continue, or \
         `maintenance off --all` to undo it\n",
    );
    scene.run(&["status"]).code(0).stdout("on\n");

    // The report and the error are one document.
    let scene = scene_that_cannot_save();
    let ran = scene.run(&["on", "--all", "--yes", "--json", "-q"]);
    ran.code(1)
        .says("Error: not allowed to ssm:PutParameter on ");
    let document = ran.json();
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
    let scene = Scene::aws();
    // Another `on` is held in the middle of its write.
    scene
        .sandbox()
        .inject(Fault::on("PutParameter").target("/flags/").hang());
    let running = scene.start(&["on", "-y"]);
    scene.wait_until_hanging();
    let ran = scene.run(&["on", "-y"]);
    ran.code(5)
        .stdout("")
        .says("Error: another operation is running: on web by ana@laptop");
    ran.says("\nHint: wait for it to end; if it has died, run `maintenance unlock`, or this command again after ");
    // To look is no operation.
    scene.run(&["status"]).code(0).stdout("off\n");
    drop(running);
}

#[test]
fn status_is_10_if_some_asked_role_is_on() {
    let scene = Scene::files();
    scene
        .run(&["status", "--exit-code"])
        .code(0)
        .stdout("off\n");
    scene.run(&["on", "-y", "--role", "worker"]).code(0);
    scene
        .run(&["status", "--exit-code"])
        .code(0)
        .stdout("off\n");
    scene
        .run(&["status", "--exit-code", "--all"])
        .code(10)
        .stdout("web off\nworker on\n");
    scene
        .run(&["--exit-code", "--role", "worker"])
        .code(10)
        .stdout("on\n");
    scene
        .run(&["status", "--role", "worker"])
        .code(0)
        .stdout("on\n");
}

#[test]
fn a_malformed_flag_is_1_and_never_off() {
    let scene = Scene::aws();
    scene.sandbox().set_parameter(WEB, "offf");
    let ran = scene.run(&["status", "--exit-code"]);
    ran.code(1).stdout("malformed\n");
    ran.says("Web maintenance status for demo-dev\nError: the flag of the web role is malformed\n");
    ran.says("\nCaused by: ").says("\nHint: ");
    scene
        .run(&["status", "--all"])
        .code(1)
        .stdout("web malformed\nworker off\n");
    let ran = scene.run(&["status", "--json"]);
    assert_eq!(ran.code(1).json()["roles"][0]["maintenance"], "malformed");
    // What was asked for is done all the same, and said.
    scene.run(&["off"]).code(0).says("Warning: ");
    scene.run(&["status"]).code(0).stdout("off\n");
}
