//! The table of rooms in `src/lib.rs`, held: every room is in it, imports follow it however they are written, and a
//! room that calls itself pure reads no clock, log, file, socket or environment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Beginnings of paths that a pure room must not name, and macros that it must not call.
const IMPURE: &[&str] = &[
    "axum",
    "chrono",
    "eprint",
    "eprintln",
    "log",
    "print",
    "println",
    "reqwest",
    "rumqttc",
    "rusqlite",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "tokio",
    "tracing",
];

/// Two names in a row, anywhere in a path, that read a clock or look a time zone up.
const IMPURE_PAIRS: &[(&str, &str)] = &[
    ("Instant", "now"),
    ("SystemTime", "now"),
    ("Zoned", "now"),
    ("Timestamp", "now"),
    ("TimeZone", "get"),
    ("TimeZone", "system"),
];

/// One row of the table.
#[derive(Debug, Default)]
struct Room {
    /// None: everything.
    may_know: Option<BTreeSet<String>>,
    pure: bool,
}

/// A path as it is written, with the groups of `use` taken apart.
#[derive(Debug, PartialEq)]
struct Written {
    line: usize,
    /// The modules that it stands in, from the crate's root.
    within: Vec<String>,
    names: Vec<String>,
    /// `name!(…)`.
    is_macro: bool,
    in_tests: bool,
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

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
    found.sort();
    found
}

fn names_in_backticks(cell: &str) -> impl Iterator<Item = String> + '_ {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The table in the head of `src/lib.rs`.
fn table(text: &str) -> BTreeMap<String, Room> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let mut rooms = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [name, purpose, may_know, ..] = cells[..] else { panic!("a row of three cells: {row}") };
        let Some(name) = names_in_backticks(name).next() else { continue };
        let may_know = (may_know != "everything").then(|| names_in_backticks(may_know).collect());
        rooms.insert(name, Room { may_know, pure: purpose.ends_with("; pure") });
    }
    assert!(rooms.len() >= 10, "the table was not found");
    rooms
}

/// The modules that a file stands for: `src/a/b.rs` and `src/a/b/mod.rs` are `a`, `b`.
fn modules(file: &Path) -> Vec<String> {
    let inner = file.strip_prefix(source()).unwrap_or(file).with_extension("");
    let mut names: Vec<String> = inner.iter().map(|n| n.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|n| n == "mod" || n == "lib" || n == "main") {
        names.pop();
    }
    names
}

fn is_test_file(file: &Path) -> bool {
    modules(file).iter().any(|n| n == "tests" || n.ends_with("_tests"))
}

/// Reads all paths of `tokens` into `found`, also those within macros.
fn paths(tokens: TokenStream, within: &[String], in_tests: bool, found: &mut Vec<Written>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    let mut tests_next = false;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Punct(p) if p.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) {
                    tests_next |= attribute.stream().to_string().replace(' ', "").starts_with("cfg(test");
                }
                at += 1;
            }
            TokenTree::Ident(word) if word == "mod" => {
                match (tokens.get(at + 1), tokens.get(at + 2)) {
                    (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
                        let inner = [within, &[name.to_string()]].concat();
                        paths(body.stream(), &inner, in_tests || tests_next, found);
                        at += 3;
                    }
                    _ => at += 1,
                }
                tests_next = false;
            }
            TokenTree::Ident(_) => {
                at = path(&tokens, at, &[], (within, in_tests), found);
            }
            TokenTree::Group(group) => {
                paths(group.stream(), within, in_tests, found);
                if group.delimiter() == Delimiter::Brace {
                    tests_next = false;
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads one path that begins at `at`, behind the names of `before`; says where the next one may begin.
fn path(
    tokens: &[TokenTree],
    mut at: usize,
    before: &[String],
    (within, in_tests): (&[String], bool),
    found: &mut Vec<Written>,
) -> usize {
    let colons = |at: usize| {
        let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
        colon(at) && colon(at + 1)
    };
    let mut names = before.to_vec();
    let line = tokens[at].span().start().line;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        names.push(name.to_string());
        at += 1;
        if !colons(at) {
            break;
        }
        at += 2;
        if matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == '*') {
            names.push("*".to_owned());
        }
        if let Some(TokenTree::Group(group)) = tokens.get(at)
            && group.delimiter() == Delimiter::Brace
        {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let mut next = 0;
            while next < inner.len() {
                next = match &inner[next] {
                    TokenTree::Ident(_) => path(&inner, next, &names, (within, in_tests), found),
                    _ => next + 1,
                };
            }
            return at + 1;
        }
    }
    if names == ["crate"] && matches!(tokens.get(at), Some(TokenTree::Ident(word)) if word == "as") {
        names.push("as".to_owned());
    }
    let is_macro = matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == '!')
        && matches!(tokens.get(at + 1), Some(TokenTree::Group(_)));
    found.push(Written { is_macro, line, within: within.to_vec(), names, in_tests });
    at
}

fn written(text: &str, file: &Path) -> Vec<Written> {
    let tokens = TokenStream::from_str(text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut found = Vec::new();
    paths(tokens, &modules(file), is_test_file(file), &mut found);
    found
}

/// The room that a path leads to, if it leads through the crate's root.
fn target(path: &Written) -> Option<&str> {
    let names: Vec<&str> = path.names.iter().map(String::as_str).collect();
    match names.first()? {
        &"crate" | &"steamward" => names.get(1).copied(),
        &"super" => {
            let up = names.iter().take_while(|n| **n == "super").count();
            (up == path.within.len()).then(|| names.get(up).copied()).flatten()
        }
        _ => None,
    }
}

/// What a file does that the table forbids.
fn offences(text: &str, file: &Path, rooms: &BTreeMap<String, Room>) -> Vec<String> {
    let own = modules(file).first().cloned().unwrap_or_default();
    let Some(room) = rooms.get(&own) else { return Vec::new() };
    let mut wrong = Vec::new();
    for path in written(text, file) {
        let at = format!("{}:{}", file.strip_prefix(source()).unwrap_or(file).display(), path.line);
        if let (Some(target), Some(may_know)) = (target(&path), &room.may_know) {
            let is_room = rooms.contains_key(target);
            if ["self", "as", "*"].contains(&target)
                || (is_room && target != own && !may_know.contains(target))
            {
                wrong.push(format!("{at}: `{own}` may not know `{target}`"));
            }
        }
        if room.pure && !path.in_tests {
            let whole = path.names.join("::");
            let begins = |word: &str| {
                (whole == word && (path.is_macro || word.contains("::")))
                    || whole.starts_with(&format!("{word}::"))
            };
            let pair = |(a, b): &(&str, &str)| path.names.windows(2).any(|w| w[0] == *a && w[1] == *b);
            if IMPURE.iter().any(|word| begins(word)) || IMPURE_PAIRS.iter().any(pair) {
                wrong.push(format!("{at}: `{own}` must stay pure, yet: {whole}"));
            }
        }
    }
    wrong
}

fn rooms() -> BTreeMap<String, Room> {
    table(&fs::read_to_string(source().join("lib.rs")).expect("src/lib.rs"))
}

#[test]
fn imports_follow_the_table_of_rooms_and_pure_rooms_stay_pure() {
    let rooms = rooms();
    let wrong: Vec<String> = files(&source())
        .iter()
        .flat_map(|file| offences(&fs::read_to_string(file).expect("a file"), file, &rooms))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_table_and_every_row_is_a_room() {
    let there: BTreeSet<String> = fs::read_dir(source())
        .expect("src")
        .flatten()
        .map(|e| e.path().with_extension("").file_name().unwrap_or_default().to_string_lossy().into_owned())
        .filter(|name| name != "lib" && name != "main")
        .collect();
    let rooms = rooms();
    assert_eq!(there, rooms.keys().cloned().collect());
    for (name, room) in &rooms {
        let unknown: Vec<_> =
            room.may_know.iter().flatten().filter(|known| !rooms.contains_key(*known)).collect();
        assert!(unknown.is_empty(), "`{name}` may know rooms that are not there: {unknown:?}");
    }
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    let mut rooms = rooms();
    rooms.insert("plant".to_owned(), Room { may_know: Some(BTreeSet::new()), pure: true });
    let file = source().join("plant/inner/deep.rs");
    for text in [
        "use crate::store::Journal;",
        "use crate::{plant::Micros, store};",
        "use super::super::super::store::Journal;",
        "mod a { use super::super::super::super::store; }",
        "use steamward::store::Journal;",
        "fn f() { crate::store::open() }",
        "fn f() { assert_eq!(1, vec![crate::store::open()][0]) }",
        "fn f(x: &crate::store::Journal) {}",
        "#[cfg(test)] mod tests { use crate::store::Journal; }",
        "use crate as c;",
        "use crate::{self as c};",
        "use crate::*;",
        "use super::super::super::*;",
        "fn f() { std::time::Instant::now(); }",
        "use std::{collections::BTreeMap, fs};",
        "use std::env::var;",
        "fn f() { tracing::info!(\"x\") }",
        "use tracing::info;",
        "fn f() { println!(\"x\") }",
        "use tokio::sync::mpsc;",
        "fn f() { std::thread::spawn(|| 1); }",
    ] {
        assert!(!offences(text, &file, &rooms).is_empty(), "{text}: {:?}", offences(text, &file, &rooms));
    }
    for text in [
        "use crate::plant::Micros;",
        "use super::super::clean;",
        "use super::store;",
        "/// Like `crate::store`.\nfn f() {} // crate::store",
        "fn f() { let text = \"crate::store\"; }",
        "#[cfg(test)] mod tests { use std::fs; }",
        "use std::time::Duration;",
        "fn f(store: u8, log: f64) { store + log.ln() }",
    ] {
        assert_eq!(offences(text, &file, &rooms), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = files(&source())
        .into_iter()
        .filter(|f| !fs::read_to_string(f).unwrap_or_default().starts_with("//!"))
        .map(|f| f.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no module head in: {silent:?}");
}
