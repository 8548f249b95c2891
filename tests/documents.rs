//! The documents, held to the code: tests that they name are there, and decisions are numbered in turn.

use std::fs;
use std::path::{Path, PathBuf};

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())).flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_test_that_the_table_of_field_quirks_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/integrator.md")).expect("docs/integrator.md");
    let table =
        page.split("### Field quirks").nth(1).and_then(|t| t.split("\n## ").next()).unwrap_or_default();
    let code: Vec<String> = [files(&root.join("src")), files(&root.join("tests"))]
        .concat()
        .iter()
        .map(|f| fs::read_to_string(f).unwrap_or_default())
        .collect();
    let named: Vec<&str> = table
        .split('`')
        .filter_map(|word| word.rsplit_once("::").map(|(_, test)| test))
        .filter(|test| *test != "*")
        .collect();
    assert!(named.len() >= 27, "the table was not found: {named:?}");
    let gone: Vec<_> =
        named.iter().filter(|test| !code.iter().any(|c| c.contains(&format!("fn {test}(")))).collect();
    assert!(gone.is_empty(), "named in the table and not there: {gone:?}");
}

#[test]
fn no_document_holds_the_marks_of_a_merge_and_decisions_are_numbered_in_turn() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).expect("docs").flatten().map(|e| e.path());
    for file in docs.chain(["README.md", "CHANGELOG.md"].map(|f| root.join(f))) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let marked = text.lines().any(|l| l.starts_with("<<<<<<<") || l.starts_with(">>>>>>>"));
        assert!(!marked, "{}", file.display());
    }
    let text = fs::read_to_string(root.join("docs/decisions.md")).expect("docs/decisions.md");
    let numbers: Vec<usize> =
        text.lines().filter_map(|l| l.split_once(". **")).filter_map(|(n, _)| n.parse().ok()).collect();
    let wanted: Vec<usize> = (1..=numbers.len()).collect();
    assert!(numbers.len() >= 57 && numbers == wanted, "{numbers:?}");
}
