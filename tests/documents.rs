//! The documents, held to the code and to each other: tests that they name are there, decisions are numbered in turn and
//! found by room, and the Chinese guides are in step with the English ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())).flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
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
    let code: Vec<String> = [files(&root.join("src"), "rs"), files(&root.join("tests"), "rs")]
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
    for file in docs.chain(["README.md", "README.zh.md", "CHANGELOG.md"].map(|f| root.join(f))) {
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

/// The index of decisions: each room with the numbers that stand there.
fn index(text: &str) -> Vec<(&str, Vec<usize>)> {
    let table = text.split("| room | decisions |").nth(1).and_then(|t| t.split("\n\n").next());
    let rows = table.unwrap_or_default().lines();
    let rows = rows.filter_map(|row| row.strip_prefix("| `")?.split_once("` | "));
    let number = |item: &str| item.split(' ').next()?.parse::<usize>().ok();
    rows.map(|(room, cell)| (room, cell.split("; ").filter_map(number).collect())).collect()
}

#[test]
fn every_decision_is_in_the_index_under_a_room_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/decisions.md")).expect("docs/decisions.md");
    let rooms = fs::read_to_string(root.join("src/lib.rs")).expect("src/lib.rs");
    let all = text.lines().filter_map(|l| l.split_once(". **"));
    let all: BTreeSet<usize> = all.filter_map(|(n, _)| n.parse().ok()).collect();
    let index = index(&text);
    assert!(index.len() >= 20, "the table was not found: {index:?}");
    let named: BTreeSet<usize> = index.iter().flat_map(|(_, numbers)| numbers.iter().copied()).collect();
    let apart: Vec<&usize> = all.symmetric_difference(&named).collect();
    assert!(apart.is_empty(), "in the index or among the decisions alone: {apart:?}");
    let is_room = |room: &str| room == "tests" || rooms.contains(&format!("`{room}`"));
    let unknown: Vec<&str> = index.iter().map(|(room, _)| *room).filter(|room| !is_room(room)).collect();
    assert!(unknown.is_empty(), "rooms that are not there: {unknown:?}");
    let rooms: BTreeSet<&str> = index.iter().map(|(room, _)| *room).collect();
    assert_eq!(rooms.len(), index.len(), "a room stands twice");
}

/// Guides that are there in both languages.
const PAIRS: [(&str, &str); 4] = [
    ("README.md", "README.zh.md"),
    ("docs/quick-start.md", "docs/quick-start.zh.md"),
    ("docs/integrator.md", "docs/integrator.zh.md"),
    ("docs/operator.md", "docs/operator.zh.md"),
];

/// Stands in code marks and is said in Chinese there.
const TRANSLATED: [&str; 4] =
    ["bucket is there", "bucket created", "bucket is MISSING: run again with --create", "YH-date-count"];

/// A heading with what stands below it.
#[derive(Default)]
struct Section {
    depth: usize,
    /// The heading and all text but `shown`.
    prose: String,
    /// Lines of code, commands and what they print.
    shown: Vec<String>,
    rows_of_tables: usize,
}

fn sections(text: &str) -> Vec<Section> {
    let mut all = vec![Section::default()];
    let mut is_fenced = false;
    for line in text.lines() {
        let depth = line.chars().take_while(|c| *c == '#').count();
        if !is_fenced && depth > 0 && line[depth..].starts_with(' ') {
            all.push(Section { depth, ..Section::default() });
        }
        let section = all.last_mut().expect("there is one from the start");
        let is_fence = line.starts_with("```");
        if is_fence || is_fenced || line.starts_with("    ") {
            section.shown.push(line.trim().to_owned());
        } else {
            section.rows_of_tables += usize::from(line.starts_with('|'));
            section.prose.push_str(line);
            section.prose.push('\n');
        }
        is_fenced ^= is_fence;
    }
    all
}

fn depths(sections: &[Section]) -> Vec<usize> {
    sections.iter().map(|section| section.depth).collect()
}

/// What stands in code marks: settings, causes, commands, tests.
fn in_marks(prose: &str) -> Vec<String> {
    let marked = prose.split('`').skip(1).step_by(2);
    marked.map(|words| words.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{3000}'..'\u{a000}').contains(&c) || ('\u{ff00}'..'\u{fff0}').contains(&c))
}

/// What `chinese` lacks of `english`, or shows otherwise.
fn differences(english: &Section, chinese: &Section) -> Vec<String> {
    let mut found = Vec::new();
    if english.rows_of_tables != chinese.rows_of_tables {
        found.push(format!("{} rows of tables, not {}", chinese.rows_of_tables, english.rows_of_tables));
    }
    if english.shown.len() != chinese.shown.len() {
        found.push(format!("{} lines of code, not {}", chinese.shown.len(), english.shown.len()));
    }
    for (line, told) in english.shown.iter().zip(&chinese.shown) {
        if line != told && !is_chinese(told) {
            found.push(format!("`{told}` in place of `{line}`"));
        }
    }
    let here = in_marks(&chinese.prose);
    let wanted = in_marks(&english.prose).into_iter().filter(|words| !TRANSLATED.contains(&words.as_str()));
    found.extend(wanted.filter(|words| !here.contains(words)).map(|words| format!("`{words}` is missing")));
    found
}

#[test]
fn each_chinese_guide_has_the_headings_commands_and_settings_of_the_english_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for (english, chinese) in PAIRS {
        let ours = sections(&fs::read_to_string(root.join(english)).expect(english));
        let theirs = sections(&fs::read_to_string(root.join(chinese)).expect(chinese));
        assert!(ours.len() > 5, "{english}: the headings were not found");
        assert_eq!(depths(&ours), depths(&theirs), "depths of the headings of {english} and {chinese}");
        let known: Vec<String> = ours.iter().flat_map(|section| in_marks(&section.prose)).collect();
        for (one, other) in ours.iter().zip(&theirs) {
            let heading = other.prose.lines().next().unwrap_or_default();
            let mut found = differences(one, other);
            let told = in_marks(&other.prose).into_iter().filter(|words| !is_chinese(words));
            let alone = told.filter(|words| !known.contains(words));
            found.extend(alone.map(|words| format!("`{words}` is not in {english}")));
            wrong.extend(found.iter().map(|what| format!("{chinese}: {heading}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_seed_that_proptest_keeps_belongs_to_a_source_file_that_replays_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = files(&root.join("proptest-regressions"), "txt");
    assert!(!seeds.is_empty());
    for seed in seeds {
        let of = seed.strip_prefix(root.join("proptest-regressions")).expect("under it").with_extension("rs");
        assert!(
            root.join("src").join(&of).is_file(),
            "{} replays nothing: no src/{}",
            seed.display(),
            of.display()
        );
    }
}

#[test]
fn the_openapi_document_in_docs_is_what_the_gateway_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let checked_in = fs::read_to_string(file).expect("docs/openapi.json");
    let said = format!("{}\n", steamward::console::openapi());
    assert!(
        checked_in == said,
        "the API has changed: run `cargo run -- openapi > docs/openapi.json` and read the difference"
    );
}
