//! That the documents speak of things that exist.

use std::path::Path;

/// The texts in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_test_that_the_guarantees_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/guarantees.md")).expect("it is there");
    let mut named = 0;
    for (path, test) in quoted(&text).iter().filter_map(|it| it.split_once("::")) {
        if !path.ends_with(".rs") {
            continue;
        }
        let source = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        assert!(
            source.contains(&format!("fn {test}(")),
            "docs/guarantees.md names {path}::{test}, which is not there"
        );
        named += 1;
    }
    assert!(named >= 20, "only {named} tests are named");
}
