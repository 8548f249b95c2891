//! What a dead device costs its neighbours, with the breaker and without it: ten units on one serial line
//! of 9600 bit/s and ten behind one TCP connection, the fifth of each silent, all read every second.
//!
//! `cargo bench --bench dead_device -- SECONDS`; needs socat. The line is a pty whose other end answers
//! as slowly as a real line would: 11 bits a byte both ways, and 5 ms of thought. A poll is on time when
//! every request of its tick was answered and no tick was skipped.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use steamward::field::{Field, Judged};
use steamward::plant::TextTable;
use steamward::settings::load_texts;
use tokio::sync::mpsc;

#[path = "../tests/black_box/peers/frames.rs"]
mod frames;

const DEAD: u8 = 5;
const REGISTERS: u16 = 16;
const BYTE: Duration = Duration::from_micros(1146);

struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves one connection after the other; units other than the dead one answer zeros.
fn serve(rtu: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            std::thread::spawn(move || answer(stream, rtu));
        }
    });
    port
}

fn answer(mut stream: TcpStream, rtu: bool) {
    let mut ask = [0u8; 12];
    let ask = &mut ask[..if rtu { 8 } else { 12 }];
    while stream.read_exact(ask).is_ok() {
        let body = if rtu { &ask[..] } else { &ask[6..] };
        let (unit, function) = (body[0], body[1]);
        let count = u16::from_be_bytes([body[4], body[5]]);
        if unit == DEAD {
            continue;
        }
        let mut pdu = vec![function, (count * 2) as u8];
        pdu.resize(2 + usize::from(count) * 2, 0);
        let transaction = (!rtu).then(|| u16::from_be_bytes([ask[0], ask[1]]));
        let frame = frames::framed(transaction, unit, &pdu);
        if rtu {
            std::thread::sleep(BYTE * (ask.len() + frame.len()) as u32 + Duration::from_millis(5));
        }
        if stream.write_all(&frame).is_err() {
            return;
        }
    }
}

/// Worst healthy device of a source: share of its ticks that were polled whole and in time.
fn run(line: &Path, tcp: u16, breaker: bool, seconds: u64) -> [f64; 2] {
    let source = |id: &str, address: &str| {
        let mut text = format!(
            "[[source.modbus]]\nid = \"{id}\"\naddress = \"{address}\"\nperiod = \"1s\"\nbreaker = {breaker}\n"
        );
        for unit in 1..=10 {
            text += &format!(
                "[[equipment]]\nid = \"{id}-{unit}\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"{id}\"\nunit = {unit}\n"
            );
        }
        text
    };
    let text = "[site]\nid = \"bench\"\n".to_owned()
        + &source("line", &format!("serial://{}?baud=9600&parity=none", line.display()))
        + &source("net", &format!("tcp://127.0.0.1:{tcp}"));
    let mut profile = String::new();
    for n in 0..REGISTERS {
        profile += &format!("[[point]]\nid = \"r{n}\"\ntable = \"holding\"\naddress = {n}\n");
    }
    let loaded = load_texts(&[("bench.toml", &text)], &[("p.toml", &profile)], &[]).expect("good settings");
    let (out, mut deliveries) = mpsc::channel::<steamward::field::Delivery>(64);
    let sink = std::thread::spawn(move || while deliveries.blocking_recv().is_some() {});
    let field = Field::start(&loaded.settings, TextTable::default(), out, Judged::default())
        .expect("the wires start");
    let statuses = field.status_handle();
    std::thread::sleep(Duration::from_secs(seconds));
    let shares: Vec<f64> = statuses()
        .iter()
        .map(|source| {
            let healthy = source.devices.iter().filter(|d| d.unit != DEAD);
            healthy
                .map(|d| d.good_polls as f64 / (d.polls + d.missed).max(1) as f64)
                .fold(f64::INFINITY, f64::min)
        })
        .collect();
    field.stop();
    drop((statuses, field));
    let _ = sink.join();
    [shares[0], shares[1]]
}

fn main() {
    let seconds = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(120u64);
    let folder = tempfile::tempdir().expect("a folder");
    let line = folder.path().join("line");
    let (rtu, tcp) = (serve(true), serve(false));
    let _socat = Ends(
        Command::new("socat")
            .arg(format!("pty,raw,echo=0,link={}", line.display()))
            .arg(format!("TCP:127.0.0.1:{rtu},nodelay"))
            .stderr(Stdio::null())
            .spawn()
            .expect("socat: run tests/tools.sh"),
    );
    while !line.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("Polls on time of the worst of nine healthy devices, one dead beside them, {seconds} s");
    println!("| breaker | serial line, 9600 bit/s | TCP |");
    println!("|---|---|---|");
    for breaker in [true, false] {
        let [serial, net] = run(&line, tcp, breaker, seconds);
        println!(
            "| {} | {:.1} % | {:.1} % |",
            if breaker { "on" } else { "off" },
            serial * 100.0,
            net * 100.0
        );
    }
}
