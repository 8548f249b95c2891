//! A public data set as a check on reality: the faults of the Tennessee Eastman process, replayed by limits that know
//! its normal operation only. How long each fault stays unseen stands in `docs/performance.md`, and is held to it:
//! some of them in every run, all of them with `make test-long`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The faults of the data set; 0 is none.
const FAULTS: std::ops::RangeInclusive<u32> = 0..=21;
/// Those of a usual run: no fault, one for limits and spans alike, one that both see late, and the two that only
/// spans see.
const USUAL: [u32; 5] = [0, 5, 14, 18, 19];
/// When each of them begins: after eight hours.
const ONSET: &str = "2026-01-01T08:00:00Z";

fn replay(folder: &Path, settings: &str, fault: u32, part: &str) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_steamward"))
        .arg("replay")
        .args(["--json", part, ONSET, "--config"])
        .arg(folder.join(settings))
        .arg("--csv")
        .arg(folder.join(format!("fault_{fault:02}.csv")))
        .output()
        .expect("steamward starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}

/// `15 xmeas_16.h` for the first alarm of a report: minutes since the onset, and the limit.
fn first(report: &Value) -> String {
    let time = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_second();
    let times = report["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|rule| Some((time(rule["tried"]["first"].as_str()?), rule["rule"].as_str()?)));
    times.min().map_or_else(
        || "none".to_owned(),
        |(at, rule)| format!("{} {}", (at - time(ONSET)) / 60, rule.trim_start_matches("plant/")),
    )
}

/// Calls before the onset, and the first alarm after it, of each fault.
fn outcomes(folder: &Path, settings: &str, faults: &[u32]) -> Vec<String> {
    let outcome = |fault: &u32| {
        let fault = *fault;
        let before = replay(folder, settings, fault, "--to");
        format!("{} | {}", first(&replay(folder, settings, fault, "--from")), before["tried"]["calls"])
    };
    faults.iter().map(outcome).collect()
}

#[test]
fn a_public_process_is_quiet_while_it_is_sound_and_its_faults_are_seen_as_early_as_is_written() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let made = Command::new(root.join(".venv/bin/python"))
        .arg(root.join("tests/peers/tennessee_eastman.py"))
        .arg(folder.path())
        .status()
        .expect("python starts: run tests/tools.sh");
    assert!(made.success(), "{made}");

    let faults: Vec<u32> =
        if std::env::var_os("STEAMWARD_LONG").is_some() { FAULTS.collect() } else { USUAL.to_vec() };
    let (limits, spans) = std::thread::scope(|scope| {
        let limits = scope.spawn(|| outcomes(folder.path(), "limits", &faults));
        let spans = outcomes(folder.path(), "spans", &faults);
        (limits.join().expect("no panic"), spans)
    });
    let rows: Vec<_> = faults
        .iter()
        .zip(limits.iter().zip(&spans))
        .map(|(fault, (limits, spans))| format!("| {fault} | {limits} | {spans} |"))
        .collect();
    assert_eq!(rows[0], "| 0 | none | 0 | none | 0 |", "48 hours without a fault");
    let document = std::fs::read_to_string(root.join("docs/performance.md")).expect("the document");
    let written: Vec<_> = document
        .lines()
        .skip_while(|line| !line.starts_with("| fault |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(written.len(), FAULTS.count(), "the table of the document");
    let written: Vec<_> = faults.iter().map(|fault| written[*fault as usize]).collect();
    assert_eq!(written, rows, "what comes out:\n{}", rows.join("\n"));
}
