//! The console's page in real Chromium, against the demo.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::peers::Process;

#[test]
fn the_page_shows_live_values_and_a_hazard_with_its_evidence_in_chromium() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(root.join("web/node_modules").is_dir(), "run `make web`, then build again");
    let dir = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_steamward"))
        .args(["demo", "--calm", "--listen", "127.0.0.1:0", "--dir"])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let said = BufReader::new(child.stdout.take().expect("piped"));
    let _demo = Process(child);
    let address = said
        .lines()
        .map_while(Result::ok)
        .find_map(|l| Some(l.split_once("open ")?.1.split_once("/ ")?.0.to_owned()))
        .expect("the demo tells its address");
    let run = Command::new("node")
        .arg("e2e/console.spec.mjs")
        .arg(&address)
        .current_dir(root.join("web"))
        .output()
        .expect("node is installed");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
}
