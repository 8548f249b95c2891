//! The console's page in real Chromium, against the demo and a gateway whose settings change.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::peers::{Gateway, Process};
use crate::plants;

#[test]
fn the_page_shows_live_values_and_a_hazard_with_its_evidence_in_chromium() {
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
    browse(&["e2e/console.spec.mjs", &address]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_units_and_ways_of_reading_of_before_and_draws_a_hazard_in_its_own_unit() {
    let settings = plants::base()
        + "[[source.push]]\nid = \"app\"\nexpect_every = \"10s\"\n\
           [[equipment]]\nid = \"v\"\nprofile = \"vessel\"\nsource = \"app\"\n";
    let vessel = "kind = \"pressure-vessel\"\n[[point]]\nid = \"p\"\nname = \"压力\"\nunit = \"MPa\"\n\
                  [point.limits]\nhh = { at = 1.5, priority = \"critical\", hazard = \"major\" }\n";
    let mut gateway = Gateway::start(&settings, &[("vessel.toml", vessel)]);
    let profile = gateway.data().with_file_name("profiles").join("vessel.toml");
    let (address, profile) = (gateway.address.clone(), profile.to_string_lossy().into_owned());
    let browsed = tokio::task::spawn_blocking(move || browse(&["e2e/units.spec.mjs", &address, &profile]));
    browsed.await.expect("the page is right");
    gateway.stop().await;
}

/// Runs a script of the page's in Chromium.
fn browse(words: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(root.join("web/node_modules").is_dir(), "run `make web`, then build again");
    let run = Command::new("node").args(words).current_dir(root.join("web")).output();
    let run = run.expect("node is installed");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
}
