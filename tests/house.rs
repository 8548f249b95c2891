//! The table of rooms in `lib.rs`, held: imports point one way, and the middle stays pure.

use std::fs;
use std::path::{Path, PathBuf};

/// Room → rooms it may import. `cli` and `gateway` know everything and are not listed.
const ROOMS: &[(&str, &[&str])] = &[
    ("plant", &[]),
    ("simulate", &[]),
    ("settings", &["plant", "derive"]),
    ("field", &["plant", "settings", "clock"]),
    ("broker", &["settings"]),
    ("derive", &["plant"]),
    ("watch", &["plant", "derive"]),
    ("hazard", &["plant", "watch"]),
    ("store", &["plant", "derive", "watch", "hazard"]),
    ("parts", &["clock"]),
    ("outlet", &["plant", "settings", "store", "clock", "parts"]),
    ("console", &["plant", "settings", "hazard", "outlet", "store", "clock", "parts"]),
];

/// What the pure rooms must not touch: wires, files, clocks.
const IMPURE: &[&str] = &[
    "tokio",
    "rusqlite",
    "reqwest",
    "axum",
    "rumqttc",
    "std::fs",
    "std::net",
    "SystemTime::now",
    "Instant::now",
];

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

fn code_lines(path: &Path) -> Vec<(usize, String)> {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim_start().starts_with("//"))
        .map(|(n, l)| (n + 1, l.to_owned()))
        .collect()
}

#[test]
fn imports_follow_the_table_of_rooms() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, allowed) in ROOMS {
        for file in files(&src.join(room)) {
            for (number, line) in code_lines(&file) {
                for part in line.split("crate::").skip(1) {
                    let target: String =
                        part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                    if target != *room && !allowed.contains(&target.as_str()) {
                        wrong.push(format!("{}:{number}: `{room}` may not know `{target}`", file.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pure_rooms_touch_no_wire_no_file_and_no_clock() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for room in ["plant", "watch", "hazard"] {
        for file in files(&src.join(room)) {
            for (number, line) in code_lines(&file) {
                for word in IMPURE {
                    if line.contains(word) {
                        wrong.push(format!(
                            "{}:{number}: `{room}` must stay pure, yet: {word}",
                            file.display()
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_says_what_it_is_for() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let silent: Vec<_> = files(&src)
        .into_iter()
        .filter(|f| !fs::read_to_string(f).unwrap_or_default().starts_with("//!"))
        .map(|f| f.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no module head in: {silent:?}");
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

#[test]
fn a_decision_that_replaces_another_is_named_there_and_no_number_leads_nowhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/decisions.md")).expect("docs/decisions.md");
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines() {
        let begins = line.split_once(". **").is_some_and(|(n, _)| n.parse::<usize>().is_ok());
        match entries.last_mut() {
            Some(entry) if !begins => {
                entry.push(' ');
                entry.push_str(line.trim());
            }
            _ if begins => entries.push(line.to_owned()),
            _ => {}
        }
    }
    let after = |entry: &str, words: &str| -> Vec<usize> {
        let found = entry.match_indices(words).map(|(at, _)| &entry[at + words.len()..]);
        found
            .filter_map(|rest| {
                rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().parse().ok()
            })
            .collect()
    };
    for (n, entry) in entries.iter().enumerate().map(|(n, entry)| (n + 1, entry)) {
        for other in after(entry, "Replaced by ") {
            assert!(
                after(&entries[other - 1], "(replaces ").contains(&n),
                "{n} says that {other} replaces it"
            );
        }
        for other in after(entry, "(replaces ") {
            assert!(after(&entries[other - 1], "Replaced by ").contains(&n), "{other} is replaced by {n}");
        }
        for other in after(entry, "decision ").into_iter().chain(after(entry, "see ")) {
            assert!(other != n && (1..=entries.len()).contains(&other), "{n} names {other}");
        }
    }
}
