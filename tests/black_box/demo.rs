//! `steamward demo`, as CI and a curious person run it.

use std::process::{Command, Stdio};
use std::time::Duration;

fn demo(dir: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steamward"));
    command
        .arg("demo")
        .arg("--dir")
        .arg(dir.join("store"))
        .args(arguments)
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[test]
fn the_demo_killed_after_its_hazard_and_resumed_has_lost_and_doubled_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut first =
        demo(dir.path(), &["--for", "10m", "--report", "first.json"]).spawn().expect("the binary");
    // The hazard comes about 45 s in; kill soon after it is on the disk.
    let ledger = dir.path().join("store/ledger.db");
    let raised = || {
        let reader = steamward::store::LedgerReader::open(&ledger).ok()?;
        reader.hazards(true).ok().filter(|h| !h.is_empty())
    };
    let began = std::time::Instant::now();
    while raised().is_none() {
        assert!(began.elapsed() < Duration::from_secs(120), "no hazard within two minutes");
        std::thread::sleep(Duration::from_millis(100));
    }
    first.kill().expect("it runs");
    first.wait().expect("an end");

    let second = demo(dir.path(), &["--for", "20s", "--resume", "--report", "second.json"]).output();
    let second = second.expect("the binary");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(second.status.success(), "{said}");
    let text = std::fs::read_to_string(dir.path().join("second.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["wrong"], serde_json::json!([]));
    assert_eq!(report["readings"]["missing"], 0);
    assert_eq!(report["hazards"][0]["receipts"][0]["state"], "delivered");
    let (read, committed) =
        (report["readings"]["read_this_run"].as_u64(), report["readings"]["committed"].as_u64());
    assert!(committed > read.map(|r| r + 500), "the first run's readings are gone: {text}");
}

#[test]
fn a_demo_without_a_hazard_does_not_pass() {
    let dir = tempfile::tempdir().expect("a folder");
    let run = demo(dir.path(), &["--for", "3s", "--calm"]).output().expect("the binary");
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("no hazard was raised"));
}
