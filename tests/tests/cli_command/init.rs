//! `maintenance init`: the file that it writes is accepted, and nothing is overwritten.

use maintenance_tests::Scene;
use serde_json::json;

use crate::settings::setting;

#[test]
fn init_writes_a_file_that_is_accepted() {
    let scene = Scene::bare();
    let path = scene.folder().join("maintenance.toml");
    let ran = scene.run(&["init", "--app", "shop", "--env", "prod"]);
    let shown = scene
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    ran.exactly(0, "", &format!("Wrote {} for shop-prod\n", shown.display()));
    assert_eq!(setting(&scene, &[], "app").0, "shop");
    assert_eq!(setting(&scene, &[], "env").0, "prod");
    let text = scene.read("maintenance.toml");
    assert!(text.matches('#').count() > 5, "it is commented: {text}");
    // What it says in comments is accepted too.
    let all: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if code.contains(" = ") || code.starts_with('[') => code,
            _ => line,
        })
        .filter(|line| !line.starts_with("path"))
        .collect();
    scene.write("maintenance.toml", &all.join("\n"));
    assert_eq!(setting(&scene, &[], "rate").1, "file");
    let functions = setting(&scene, &[], "roles.worker.functions").0;
    assert_eq!(functions, json!(["shop-prod-worker-*"]));
    // Nothing but the file is left.
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["home", "maintenance.toml"]);
}

#[test]
fn init_guesses_and_says_so_and_never_overwrites() {
    let scene = Scene::bare();
    scene.write("My Shop/here", "");
    let mut command = scene.command(&["init"]);
    let output = command
        .current_dir(scene.folder().join("My Shop"))
        .output()
        .unwrap();
    let folder = scene.folder().canonicalize().unwrap().join("My Shop");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "Wrote {}/maintenance.toml for My-Shop-dev\n\
             The app's name, My-Shop, is the folder's: give --app for another\n\
             The environment is dev: give --env for another\n",
            folder.display()
        )
    );
    scene.write("maintenance.toml", "app = \"mine\"\n");
    let file = scene
        .folder()
        .canonicalize()
        .unwrap()
        .join("maintenance.toml");
    scene.run(&["init", "--app", "shop"]).exactly(
        1,
        "",
        &format!(
            "Error: {} exists already\n\
             Caused by: a configuration file is never overwritten\n\
             Hint: edit it, or remove it first\n",
            file.display()
        ),
    );
    assert_eq!(scene.read("maintenance.toml"), "app = \"mine\"\n");
    scene
        .run(&["init", "--app", "a b", "--config", "x.toml"])
        .code(2);
}

#[test]
fn init_for_files_works_at_once() {
    let scene = Scene::bare();
    scene
        .run(&["init", "--app", "shop", "--store", "file:state of app"])
        .code(0);
    scene.run(&["on", "-y"]).code(0).says("turned on");
    assert!(
        scene
            .folder()
            .join("state of app/maintenance/shop-dev/flags/web")
            .is_file()
    );
}
