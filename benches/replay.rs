//! How fast `steamward replay` judges a day of a plant: `cargo bench --bench replay -- [HOURS]`.
//!
//! Writes a journal as the gateway does (one commit a second, 10 devices of 100 points, every point with a
//! range and two limits, values that move and now and then breach), then runs the built binary on it. 24
//! hours are 86.4 million readings; making them takes longer than judging them.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use steamward::plant::{Batch, DeviceIx, Micros, PointIx, Quality, Reading};
use steamward::settings;
use steamward::store::{Journal, Ledger};

const DEVICES: u32 = 10;
const POINTS: u32 = 100;
const START: i64 = 1_790_000_000_000_000;

fn settings_text() -> (String, String) {
    let mut profile = "kind = \"bench\"\n".to_owned();
    for n in 0..POINTS {
        profile += &format!(
            "[[point]]\nid = \"p{n}\"\naddress = {}\nscale = 0.1\nrange = [-1000, 10000]\n\
             limits = {{ l = {{ at = -50, deadband = 5, on_delay = \"5s\" }}, h = {{ at = 995, deadband = 5, on_delay = \"3s\" }} }}\n",
            40001 + n
        );
    }
    let mut text =
        "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"s\"\naddress = \"tcp://192.0.2.1\"\n".to_owned();
    for n in 0..DEVICES {
        text += &format!("[[equipment]]\nid = \"e{n}\"\nprofile = \"p\"\nsource = \"s\"\nunit = {}\n", n + 1);
    }
    (text, profile)
}

/// A slow wave with some noise on it, different for each point; its crest breaches.
fn value(point: u32, second: u64) -> f64 {
    let phase = (second + u64::from(point) * 97) % 7200;
    let wave = if phase < 3600 { phase } else { 7200 - phase } as f64 / 3.6;
    let noise =
        f64::from((second as u32).wrapping_mul(2_654_435_761).wrapping_add(point.wrapping_mul(40_503)) >> 28);
    ((wave + noise) * 10.0).round() / 10.0
}

fn fill(dir: &Path, seconds: u64) {
    let (text, profile) = settings_text();
    std::fs::create_dir_all(dir.join("profiles")).expect("a folder");
    std::fs::write(dir.join("steamward.toml"), &text).expect("a file");
    std::fs::write(dir.join("profiles/p.toml"), &profile).expect("a file");
    let loaded = settings::load_texts(&[("t.toml", &text)], &[("p.toml", &profile)], &[]);
    let plant = loaded.expect("good settings").settings.plant;
    let store = dir.join("data");
    Ledger::open(&store).expect("a ledger");
    let mut journal = Journal::open(&store, &plant, Micros(START)).expect("a journal").journal;
    let mut batch = Batch::default();
    let mut readings = Vec::new();
    for second in 0..seconds {
        let at = Micros(START + second as i64 * 1_000_000);
        batch.clear();
        for device in 0..DEVICES {
            readings.clear();
            readings.extend((0..POINTS).map(|n| {
                let point = device * POINTS + n;
                Reading { point: PointIx(point), value: value(point, second), quality: Quality::Good }
            }));
            batch.push(DeviceIx(device), at, true, &readings);
        }
        journal.commit(&batch, &[], at).expect("a commit");
    }
}

fn main() {
    // Cargo hands `--bench` on.
    let hours = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(24u64);
    let dir = tempfile::tempdir().expect("a folder");
    let began = Instant::now();
    fill(dir.path(), hours * 3600);
    println!("a journal of {hours} h made in {:.0} s", began.elapsed().as_secs_f64());
    for _ in 0..3 {
        let began = Instant::now();
        let run = Command::new(env!("CARGO_BIN_EXE_steamward"))
            .args(["replay", "--config", "."])
            .current_dir(dir.path())
            .output()
            .expect("the binary");
        let took = began.elapsed().as_secs_f64();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let said = String::from_utf8_lossy(&run.stdout);
        let last = said.lines().find(|l| l.starts_with("these settings")).unwrap_or_default();
        println!("{took:.1} s, start and end included; {last}");
    }
}
