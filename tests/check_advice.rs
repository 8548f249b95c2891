//! What `steamward check` advises is followed to the letter, and then the settings load.
//!
//! Each folder of `tests/broken` (refused) and `tests/doubtful` (warned of) is copied and edited as its faults say: a
//! remedy `write the line so: …` or `write KEY = "…"` by itself, the others by the folder's `advice.toml`, whose edits may only touch lines
//! that a fault names.

use std::path::{Path, PathBuf};
use std::process::Command;

const WRITE_LINE: &str = "write the line so: ";

struct Edit {
    file: String,
    /// From 1.
    line: usize,
    from: String,
    to: String,
    /// `file:line` of the fault, if it is another line's.
    told: Option<String>,
}

struct Advice {
    edits: Vec<Edit>,
    /// With all of them the folder is good.
    loads: bool,
}

fn advice(folder: &Path) -> Advice {
    let Ok(text) = std::fs::read_to_string(folder.join("advice.toml")) else {
        return Advice { edits: Vec::new(), loads: true };
    };
    let document: toml_edit::DocumentMut = text.parse().expect("advice.toml is TOML");
    let edits = document.get("edit").and_then(|e| e.as_array_of_tables()).expect("edits");
    let edit = |table: &toml_edit::Table| {
        let text = |key: &str| table.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        Edit {
            file: text("file").expect("a file"),
            line: table.get("line").and_then(toml_edit::Item::as_integer).expect("a line") as usize,
            from: text("from").expect("from"),
            to: text("to").expect("to"),
            told: text("told"),
        }
    };
    let loads = document.get("loads").and_then(toml_edit::Item::as_bool).unwrap_or(true);
    Advice { edits: edits.iter().map(edit).collect(), loads }
}

/// Exit code, and every line that was said.
fn check(dir: &Path) -> (i32, Vec<String>) {
    let run = Command::new(env!("CARGO_BIN_EXE_steamward"))
        .arg("check")
        .arg(dir.file_name().unwrap_or_default())
        .current_dir(dir.parent().unwrap_or(dir))
        .env_clear()
        .env("NAME", "a long random text for secrets")
        .output()
        .expect("the binary runs");
    let text = [run.stdout, run.stderr].concat();
    let said = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    (run.status.code().unwrap_or(-1), said)
}

fn copied(from: &Path, to: &Path) -> PathBuf {
    let target = to.join(from.file_name().unwrap_or_default());
    std::fs::create_dir_all(&target).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        if entry.path().is_dir() {
            copied(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target.join(entry.file_name())).expect("a copy");
        }
    }
    target
}

/// `name/file:line` of a fault or warning.
fn place(said: &str) -> Option<String> {
    let said = said.strip_prefix("warning: ").unwrap_or(said);
    let mut parts = said.splitn(4, ':');
    let (file, line) = (parts.next()?, parts.next()?);
    line.parse::<usize>().ok().map(|line| format!("{file}:{line}"))
}

/// Place, key and value of a remedy `write KEY = "…"`, with whatever is told behind it.
fn written(said: &str) -> Option<(String, &str, &str)> {
    let (_, remedy) = said.split_once("; write ")?;
    let (key, value) = remedy.split_once(" = ")?;
    let is_key = key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let end = value.strip_prefix('"')?.find('"')? + 2;
    is_key.then_some((place(said)?, key, &value[..end]))
}

fn edited(path: &Path, line: usize, change: impl FnOnce(&str) -> String) {
    let text = std::fs::read_to_string(path).expect("a file");
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    lines[line - 1] = change(&lines[line - 1]);
    std::fs::write(path, lines.join("\n")).expect("written");
}

/// Follows the advice; gives what was said before and after.
fn follow(folder: &Path) -> (Vec<String>, i32, Vec<String>, Advice) {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let copy = tempfile::tempdir().expect("a folder");
    let dir = copied(folder, copy.path());
    let (_, before) = check(&dir);
    let advice = advice(folder);
    // From below, so that new lines do not move those above; whole lines first.
    for said in before.iter().rev().filter(|s| s.contains(WRITE_LINE)) {
        let place = place(said).unwrap_or_else(|| panic!("{name}: no place in {said}"));
        let (file, line) = place.rsplit_once(':').expect("file and line");
        let (_, write) = said.split_once(WRITE_LINE).expect("a line to write");
        edited(&copy.path().join(file), line.parse().expect("a number"), |_| write.to_owned());
    }
    // Then what to write for a key, where nobody says what else to do with its line.
    for (place, key, value) in before.iter().filter_map(|s| written(s)) {
        let (file, line) = place.rsplit_once(':').expect("file and line");
        let is_edited =
            |e: &Edit| e.told.is_none() && format!("{name}/{}", e.file) == file && e.line.to_string() == line;
        if !advice.edits.iter().any(is_edited) {
            edited(&copy.path().join(file), line.parse().expect("a number"), |old| {
                if old.trim_start().starts_with(key) { format!("{key} = {value}") } else { old.to_owned() }
            });
        }
    }
    let mut edits: Vec<&Edit> = advice.edits.iter().collect();
    edits.sort_by_key(|e| std::cmp::Reverse(e.line));
    for edit in edits {
        let told = edit.told.clone().unwrap_or_else(|| format!("{}:{}", edit.file, edit.line));
        let named = |s: &String| {
            place(s).is_some_and(|p| p == format!("{name}/{told}"))
                || told == "settings" && s.starts_with("settings: ")
        };
        assert!(before.iter().any(named), "{name}: nothing was said of {told}: {before:#?}");
        edited(&dir.join(&edit.file), edit.line, |old| {
            assert!(old.contains(&edit.from), "{name}: `{}` is not in `{old}`", edit.from);
            old.replacen(&edit.from, &edit.to, 1)
        });
    }
    let (code, after) = check(&dir);
    (before, code, after, advice)
}

fn folders(of: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(of);
    let mut all: Vec<_> = std::fs::read_dir(root).expect("folders").flatten().map(|e| e.path()).collect();
    all.sort();
    all
}

#[test]
fn settings_that_were_refused_load_when_their_faults_were_followed_to_the_letter() {
    let all = folders("broken");
    assert!(all.len() >= 38, "{all:?}");
    for folder in all {
        let (before, code, after, advice) = follow(&folder);
        if advice.loads {
            assert_eq!(code, 0, "{}: {before:#?}\nafter: {after:#?}", folder.display());
        } else {
            let still = after.iter().filter(|a| before.contains(a) && place(a).is_some()).count();
            let were = before.iter().filter(|b| place(b).is_some()).count();
            assert!(still < were / 2, "{}: {after:#?}", folder.display());
        }
    }
}

#[test]
fn settings_that_were_warned_of_are_without_a_warning_when_the_advice_was_followed() {
    for folder in folders("doubtful") {
        let (before, code, after, advice) = follow(&folder);
        let warned = |said: &[String]| said.iter().filter(|s| s.starts_with("warning: ")).count();
        assert!(warned(&before) > 0, "{}: {before:#?}", folder.display());
        assert_eq!(code, 0, "{}: {after:#?}", folder.display());
        if !advice.edits.is_empty() {
            assert_eq!(warned(&after), 0, "{}: {after:#?}", folder.display());
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let warnings: Vec<&str> =
            before.iter().filter(|s| s.starts_with("warning: ")).map(String::as_str).collect();
        insta::assert_snapshot!(format!("doubtful-{name}"), warnings.join("\n"));
    }
}
