//! What a reading costs from the wire to a decoded sample, beside a single-threaded C program on
//! libmodbus that reads and decodes the same registers from the same server, in one run.
//!
//! `cargo bench --bench acquisition -- SECONDS`; needs `tests/tools.sh` to have built the C programs.
//! CPU is user and system time of all threads, from `/proc`; the server's own is not counted.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use steamward::field::{Field, Judged};
use steamward::plant::TextTable;
use steamward::settings::load_texts;
use tokio::sync::mpsc;

const REGISTERS: usize = 100;

/// Ends the process with its owner.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers")
}

fn server() -> (Server, u16) {
    let mut child = Command::new(peers().join("flood_server"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("flood_server: run tests/tools.sh");
    let mut line = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("listening PORT");
    let port = line.trim().rsplit(' ').next().and_then(|p| p.parse().ok()).expect("listening PORT");
    (Server(child), port)
}

/// CPU time of all threads of this process, seconds.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let nanos: u64 = tasks
        .flatten()
        .filter_map(|t| std::fs::read_to_string(t.path().join("schedstat")).ok())
        .filter_map(|s| s.split(' ').next().and_then(|n| n.parse::<u64>().ok()))
        .sum();
    nanos as f64 / 1e9
}

/// The wires alone, in a process of their own: what they read is dropped. Prints readings and CPU seconds.
fn wires(port: u16, devices: usize, period_ms: u64, seconds: u64, max_registers: usize, pipeline: usize) {
    let mut text = "[site]\nid = \"bench\"\n".to_owned();
    for n in 0..devices {
        text += &format!(
            "[[source.modbus]]\nid = \"s{n}\"\naddress = \"tcp://127.0.0.1:{port}\"\nperiod = \"{period_ms}ms\"\n\
             timeout = \"{period_ms}ms\"\nmax_registers = {max_registers}\npipeline = {pipeline}\n\
             [[equipment]]\nid = \"e{n}\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"s{n}\"\nunit = {}\n",
            1 + n % 247
        );
    }
    let mut profile = String::new();
    for n in 0..REGISTERS / 2 {
        profile +=
            &format!("[[point]]\nid = \"p{n}\"\ntable = \"holding\"\naddress = {}\ntype = \"f32\"\n", 2 * n);
    }
    let loaded = load_texts(&[("bench.toml", &text)], &[("p.toml", &profile)], &[]).expect("good settings");
    let (out, mut deliveries) = mpsc::channel::<steamward::field::Delivery>(64);
    let good = std::sync::Arc::new(AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&good);
    let sink = std::thread::spawn(move || {
        while let Some(delivery) = deliveries.blocking_recv() {
            let usable = delivery.batch.samples().flat_map(|s| s.1).filter(|r| r.quality.is_usable()).count();
            counted.fetch_add(usable as u64, Ordering::Relaxed);
        }
    });
    let field = Field::start(&loaded.settings, TextTable::default(), out, Judged::default())
        .expect("the wires start");
    // Connections stand and the first polls are over.
    std::thread::sleep(Duration::from_secs(2));
    let (cpu, readings) = (cpu_seconds(), good.load(Ordering::Relaxed));
    std::thread::sleep(Duration::from_secs(seconds));
    let (cpu, readings) = (cpu_seconds() - cpu, good.load(Ordering::Relaxed) - readings);
    println!("{readings} {cpu}");
    field.stop();
    drop(field);
    let _ = sink.join();
}

fn run_wires(port: u16, devices: usize, period_ms: u64, seconds: u64, max: usize, pipeline: usize) -> f64 {
    let args = [port as usize, devices, period_ms as usize, seconds as usize, max, pipeline];
    let out = Command::new(std::env::current_exe().expect("this program"))
        .arg("--wires")
        .args(args.map(|a| a.to_string()))
        .output()
        .expect("this program again");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut words = text.split_whitespace();
    let readings: f64 = words.next().and_then(|w| w.parse().ok()).expect("readings");
    let cpu: f64 = words.next().and_then(|w| w.parse().ok()).expect("CPU seconds");
    let wanted = devices as f64 * (REGISTERS / 2) as f64 * seconds as f64 * 1000.0 / period_ms as f64;
    assert!(readings > 0.97 * wanted, "{readings} readings of {wanted}");
    cpu / readings * 1e6
}

fn run_reader(port: u16, devices: usize, period_ms: u64, seconds: u64) -> f64 {
    let args = [devices, REGISTERS, period_ms as usize, seconds as usize].map(|a| a.to_string());
    let out = Command::new(peers().join("reader"))
        .arg("127.0.0.1")
        .arg(port.to_string())
        .args(args)
        .output()
        .expect("reader: run tests/tools.sh");
    let said: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one JSON line");
    let number = |key: &str| said[key].as_f64().unwrap_or_else(|| panic!("{key} in {said}"));
    assert!(number("errors") == 0.0, "{said}");
    number("cpu_s") / (number("registers") / 2.0) * 1e6
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|a| a == "--wires") {
        let n: Vec<usize> = args[1..].iter().filter_map(|a| a.parse().ok()).collect();
        return wires(n[0] as u16, n[1], n[2] as u64, n[3] as u64, n[4], n[5]);
    }
    let seconds = args.iter().find_map(|a| a.parse().ok()).unwrap_or(20u64);
    println!("CPU seconds per million readings (f32), {seconds} s each, {REGISTERS} registers a device");
    println!(
        "| devices | period | libmodbus in C | steamward | ratio | 4 requests a poll | the same, 4 in flight |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (devices, period_ms) in [(10, 100), (100, 1000)] {
        let (_server, port) = server();
        let theirs = run_reader(port, devices, period_ms, seconds);
        let ours = run_wires(port, devices, period_ms, seconds, 125, 1);
        let split = run_wires(port, devices, period_ms, seconds, 25, 1);
        let in_flight = run_wires(port, devices, period_ms, seconds, 25, 4);
        println!(
            "| {devices} | {period_ms} ms | {theirs:.3} | {ours:.3} | {:.2} | {split:.3} | {in_flight:.3} |",
            ours / theirs
        );
    }
}
