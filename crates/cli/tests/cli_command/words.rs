//! The design's table of the command, line by line, on both streams, byte for byte; in both stores.

use maintenance_tests::TestEnv;

/// What `status` says of a role that has just been turned on, after its name.
const ON: &str = " maintenance is on since TIME by ana@laptop\n  \
                  safe to migrate after TIME\n";

fn both() -> [TestEnv; 2] {
    let files = TestEnv::files();
    // Of a store that does not exist yet, `status` says that as well.
    std::fs::create_dir(files.folder().join("store")).unwrap();
    [files, TestEnv::aws()]
}

#[test]
fn on_and_on_again() {
    for env in both() {
        env.run(&["on", "--yes"]).exactly(
            0,
            "",
            "Enabling web maintenance mode for demo-dev\nWeb maintenance has been turned on\n",
        );
        let again = "Web maintenance is already on\n";
        env.run(&["on", "--yes"]).exactly(0, "", again);
        // It asks nothing, so it needs neither --yes nor a terminal.
        env.run(&["on"]).exactly(0, "", again);
    }
}

#[test]
fn off_and_off_again() {
    for env in both() {
        env.run(&["on", "-y"]).code(0).stdout("").says("turned on");
        env.run(&["off"]).exactly(
            0,
            "",
            "Disabling web maintenance mode for demo-dev\nWeb maintenance has been turned off\n",
        );
        env.run(&["off"])
            .exactly(0, "", "Web maintenance is already off\n");
    }
}

#[test]
fn status_of_one_role() {
    for env in both() {
        let heading = "Web maintenance status for demo-dev\n";
        env.run(&["status"]).exactly(0, "off\n", heading);
        env.run(&["on", "-y"]).code(0).stdout("").says("turned on");
        let on = format!("{heading}Web{ON}");
        env.run(&["status"]).timeless().exactly(0, "on\n", &on);
        env.run(&[]).timeless().exactly(0, "on\n", &on);
        env.run(&["--role", "worker"]).exactly(
            0,
            "off\n",
            "Worker maintenance status for demo-dev\n",
        );
    }
}

#[test]
fn status_of_all_roles() {
    for env in both() {
        let heading = "Maintenance status for demo-dev\n";
        env.run(&["status", "--all"])
            .exactly(0, "web off\nworker off\n", heading);
        env.run(&["on", "-y", "--role", "worker"])
            .code(0)
            .stdout("")
            .says("turned on");
        let on = format!("{heading}Worker{ON}");
        for arguments in [&["status", "--all"][..], &["--all"]] {
            let output = env.run(arguments).timeless();
            output.exactly(0, "web off\nworker on\n", &on);
        }
    }
}

#[test]
fn a_worker_role_without_functions_says_so() {
    for env in both() {
        env.run(&["on", "--yes", "--role", "worker"]).exactly(
            0,
            "",
            "Enabling worker maintenance mode for demo-dev\n\
             Worker maintenance has been turned on\n\
             The worker role selects no functions: only its flag is set\n",
        );
        env.run(&["off", "--role", "worker"]).exactly(
            0,
            "",
            "Disabling worker maintenance mode for demo-dev\n\
             Worker maintenance has been turned off\n",
        );
    }
}

#[test]
fn on_takes_web_first_and_off_takes_it_last() {
    for env in both() {
        env.run(&["on", "--all", "--yes"]).exactly(
            0,
            "",
            "Enabling web maintenance mode for demo-dev\n\
             Web maintenance has been turned on\n\
             Enabling worker maintenance mode for demo-dev\n\
             Worker maintenance has been turned on\n\
             The worker role selects no functions: only its flag is set\n",
        );
        env.run(&["off", "--all"]).exactly(
            0,
            "",
            "Disabling worker maintenance mode for demo-dev\n\
             Worker maintenance has been turned off\n\
             Disabling web maintenance mode for demo-dev\n\
             Web maintenance has been turned off\n",
        );
    }
}

#[test]
fn a_role_that_the_configuration_names_is_spoken_of_by_name() {
    for env in both() {
        env.write("maintenance.toml", "[roles.api]\n");
        env.run(&["on", "--yes", "--role", "api"]).exactly(
            0,
            "",
            "Enabling api maintenance mode for demo-dev\nApi maintenance has been turned on\n",
        );
        env.run(&["status", "--all"]).timeless().exactly(
            0,
            "web off\nworker off\napi on\n",
            &format!("Maintenance status for demo-dev\nApi{ON}"),
        );
    }
}
