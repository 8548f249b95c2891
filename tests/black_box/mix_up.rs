//! Promise P5 and the first duty of reading: ten thousand polls of devices that answer late, wrong,
//! cut off, too long, byte by byte, in noise, not at all, with exceptions, or close, deliver no value
//! that the device did not hold, at that address, for that very request.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::peers::chaos::{self, Chaos, Log};
use crate::peers::{Gateway, Process, eventually, unless};
use crate::plants;

const UNITS: std::ops::RangeInclusive<u8> = 1..=4;
const ADDRESSES: [u16; 6] = [0, 4, 8, 100, 104, 108];
const POLLS: usize = 10_000;

fn profile(pipeline: u8) -> String {
    let mut text =
        format!("kind = \"steam-boiler\"\n[modbus]\npipeline = {pipeline}\nretry_busy_after = \"20ms\"\n");
    for address in ADDRESSES {
        text += &format!(
            "[[point]]\nid = \"r{address}\"\ntable = \"holding\"\naddress = {address}\ntype = \"f64\"\n"
        );
    }
    text
}

/// Runs `sources` chaotic servers under one gateway until enough was asked, and judges what was stored.
async fn nothing_is_mixed_up(
    sources: u64,
    pipeline: u8,
    address: impl AsyncFn(u64, &Log) -> (String, Option<Process>),
) {
    let log: Log = Arc::new(Mutex::default());
    let mut settings = plants::base();
    let mut lines = Vec::new();
    for source in 0..sources {
        let (address, line) = address(source, &log).await;
        lines.extend(line);
        settings += &format!(
            "[[source.modbus]]\nid = \"s{source}\"\naddress = \"{address}\"\nperiod = \"50ms\"\ntimeout = \"50ms\"\n\
             reconnect_min = \"10ms\"\nreconnect_max = \"20ms\"\nbreaker = false\n"
        );
        for unit in UNITS {
            settings += &format!(
                "[[equipment]]\nid = \"s{source}u{unit}\"\nprofile = \"chaos\"\nsource = \"s{source}\"\nunit = {unit}\n"
            );
        }
    }
    let mut gateway = Gateway::start(&settings, &[("chaos.toml", &profile(pipeline))]);
    eventually("enough polls", async || {
        let asked: usize = log.lock().expect("no panic while held").values().map(Vec::len).sum();
        unless(asked >= POLLS, asked)
    })
    .await;
    gateway.stop().await;
    let log = log.lock().expect("no panic while held");
    let asked: usize = log.values().map(Vec::len).sum();
    let (mut good, mut wrong) = (0, Vec::new());
    for source in 0..sources {
        for unit in UNITS {
            for (point, at, value) in gateway.committed(&format!("s{source}u{unit}")) {
                let address: u16 = point[1..].parse().expect("r0 to r108");
                let (of_source, of_unit, of_address, request) = chaos::origin(value);
                let asked = log.get(&(source, unit, chaos::block(address))).map_or(&[][..], Vec::as_slice);
                let came = asked.get(request).map_or(i64::MAX, |r| r.0);
                // The next request for the address goes out only after this one has ended.
                let later = asked.get(request + 1..).unwrap_or_default();
                let next =
                    later.iter().find(|r| r.1 <= address && address + 3 <= r.2).map_or(i64::MAX, |r| r.0);
                let mine = (of_source, of_unit, of_address) == (source, unit, address);
                if mine && came <= at && at <= next {
                    good += 1;
                } else {
                    wrong.push((
                        source,
                        unit,
                        address,
                        value,
                        (of_source, of_unit, of_address, request),
                        at - came,
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} values are mixed up: {:?}",
        wrong.len(),
        good,
        &wrong[..wrong.len().min(5)]
    );
    assert!(good > asked, "{good} values of {asked} requests: hardly anything was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_faulty_polls_over_tcp_deliver_no_wrong_value() {
    nothing_is_mixed_up(6, 1, async |source, log| {
        let server = Chaos::start(source, false, Arc::clone(log)).await;
        (format!("tcp://127.0.0.1:{}", server.port), None)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_faulty_polls_with_four_requests_in_flight_deliver_no_wrong_value() {
    nothing_is_mixed_up(6, 4, async |source, log| {
        let server = Chaos::start(source, false, Arc::clone(log)).await;
        (format!("tcp://127.0.0.1:{}", server.port), None)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_faulty_polls_of_rtu_through_serial_servers_deliver_no_wrong_value() {
    nothing_is_mixed_up(24, 1, async |source, log| {
        let server = Chaos::start(source, true, Arc::clone(log)).await;
        (format!("rtu+tcp://127.0.0.1:{}", server.port), None)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_faulty_polls_on_serial_lines_deliver_no_wrong_value() {
    let folder = tempfile::tempdir().expect("a folder");
    nothing_is_mixed_up(24, 1, async |source, log| {
        let server = Chaos::start(source, true, Arc::clone(log)).await;
        let line = folder.path().join(format!("line-{source}"));
        let address = format!("TCP:127.0.0.1:{},nodelay,retry=100,interval=0.02", server.port);
        // A server that closes ends this pair; the line is plugged in again at once.
        let script = format!("while :; do socat pty,raw,echo=0,link={} {address}; done", line.display());
        let process = Command::new("bash")
            .args(["-c", &script])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash");
        eventually("the line is there", async || unless(line.exists(), &line)).await;
        (format!("serial://{}?baud=115200&parity=none", line.display()), Some(Process(process)))
    })
    .await;
}
