//! Every way to a Modbus device, against independent servers: serial lines that go and come back, serial
//! servers, devices that dial in, several requests in flight with rests between them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::peers::{Gateway, ModbusServer, Process, eventually, free_port, unless};
use crate::plants;

/// Ends of a serial line without wires.
struct Line {
    ours: PathBuf,
    theirs: PathBuf,
    _socat: Process,
}

impl Line {
    async fn in_folder(folder: &Path) -> Self {
        let (ours, theirs) = (folder.join("ours"), folder.join("theirs"));
        let end = |path: &Path| format!("pty,raw,echo=0,link={}", path.display());
        let socat = Command::new("socat")
            .args([end(&ours), end(&theirs)])
            .spawn()
            .expect("socat: run tests/tools.sh");
        let line = Self { ours, theirs, _socat: Process(socat) };
        eventually("the line is there", async || {
            unless(line.ours.exists() && line.theirs.exists(), &line.ours)
        })
        .await;
        line
    }

    fn serve(&self, units: &str) -> ModbusServer {
        let theirs = self.theirs.to_string_lossy();
        ModbusServer::start_with(&["--rtu", &theirs, "--units", units, "--baud", "38400", "--parity", "N"])
    }
}

fn source(id: &str, address: &str, more: &str) -> String {
    format!(
        "[[source.modbus]]\nid = \"{id}\"\naddress = \"{address}\"\nperiod = \"200ms\"\ntimeout = \"150ms\"\n\
         reconnect_min = \"50ms\"\nreconnect_max = \"200ms\"\n{more}"
    )
}

fn boiler(id: &str, source: &str, unit: u8) -> String {
    format!("[[equipment]]\nid = \"{id}\"\nprofile = \"boiler\"\nsource = \"{source}\"\nunit = {unit}\n")
}

/// The drum level of `equipment`, if it is good.
async fn level(gateway: &Gateway, equipment: &str) -> Option<f64> {
    let points = gateway.get(&format!("/api/v1/equipment/{equipment}/points")).await;
    let level = points.as_array()?.iter().find(|p| p["id"] == "drum_level")?.clone();
    (level["quality"] == "good").then(|| level["value"].as_f64()).flatten()
}

async fn reads(gateway: &Gateway, equipment: &str, wanted: f64) {
    eventually(&format!("{equipment} reads {wanted}"), async || {
        let is = level(gateway, equipment).await;
        let path = gateway.get("/api/v1/overview").await["path"]["sources"].clone();
        unless(is == Some(wanted), (is, path))
    })
    .await;
}

async fn source_status(gateway: &Gateway, id: &str) -> Value {
    let sources = gateway.get("/api/v1/overview").await["path"]["sources"].clone();
    sources.as_array().into_iter().flatten().find(|s| s["id"] == id).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_line_with_a_silent_unit_is_read_and_comes_back_after_it_was_unplugged() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = Line::in_folder(folder.path()).await;
    let mut server = line.serve("1,2");
    server.set_float(2, 12.5);
    server.tell("holding 2 49864 0 unit=2"); // −100
    let address = format!("serial://{}?baud=38400&parity=none", line.ours.display());
    let equipment = [boiler("a", "line", 1), boiler("b", "line", 2), boiler("nobody", "line", 3)].concat();
    let settings = plants::base() + &source("line", &address, "") + &equipment;
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    reads(&gateway, "a", 12.5).await;
    reads(&gateway, "b", -100.0).await;
    assert_eq!(level(&gateway, "nobody").await, None);
    // Unplugged: the device file is gone, and so are the values.
    drop(server);
    drop(line);
    let _ = std::fs::remove_file(folder.path().join("ours"));
    let _ = std::fs::remove_file(folder.path().join("theirs"));
    eventually("no value is shown as good", async || {
        let shown = (level(&gateway, "a").await, level(&gateway, "b").await);
        unless(shown == (None, None), shown)
    })
    .await;
    let line = Line::in_folder(folder.path()).await;
    let mut server = line.serve("1,2");
    server.set_float(2, -7.25);
    reads(&gateway, "a", -7.25).await;
    reads(&gateway, "b", -7.25).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rtu_frames_through_a_serial_server_are_read() {
    let mut server = ModbusServer::start_with(&["--rtu-tcp", "0", "--units", "1,17"]);
    server.set_float(2, 1.25);
    server.tell("holding 2 16704 0 unit=17"); // 12
    let address = format!("rtu+tcp://127.0.0.1:{}", server.port);
    let equipment = [boiler("a", "line", 1), boiler("b", "line", 17)].concat();
    let settings = plants::base() + &source("line", &address, "") + &equipment;
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    reads(&gateway, "a", 1.25).await;
    reads(&gateway, "b", 12.0).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn modbus_ascii_and_udp_datagrams_are_read() {
    for (option, scheme) in [("--ascii-tcp", "ascii+tcp"), ("--udp", "udp")] {
        let mut server = ModbusServer::start_with(&[option, "0"]);
        server.set_float(2, -7.25);
        let address = format!("{scheme}://127.0.0.1:{}", server.port);
        let settings = plants::base() + &source("line", &address, "") + &boiler("a", "line", 1);
        let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
        reads(&gateway, "a", -7.25).await;
        server.set_float(2, 1.5);
        reads(&gateway, "a", 1.5).await;
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_with_modbus_ascii_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = Line::in_folder(folder.path()).await;
    let theirs = line.theirs.to_string_lossy().into_owned();
    let mut server = ModbusServer::start_with(&["--ascii", &theirs, "--units", "1,2", "--baud", "38400"]);
    server.set_float(2, 12.5);
    server.tell("holding 2 49864 0 unit=2"); // −100
    let address = format!("ascii://{}?baud=38400&parity=none&data_bits=8", line.ours.display());
    let equipment = [boiler("a", "line", 1), boiler("b", "line", 2), boiler("nobody", "line", 3)].concat();
    let settings = plants::base() + &source("line", &address, "") + &equipment;
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    reads(&gateway, "a", 12.5).await;
    reads(&gateway, "b", -100.0).await;
    assert_eq!(level(&gateway, "nobody").await, None);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_dial_in_are_told_apart_read_and_taken_back_and_a_stranger_is_named() {
    let port = free_port();
    let (address, at) = (format!("rtu+listen://127.0.0.1:{port}"), format!("127.0.0.1:{port}"));
    let dials = |id: &str, packet: &str| {
        let more = format!("registration = \"{packet}\"\nheartbeat_packet = \"hex:FE\"\n");
        source(id, &address, &more).replace("150ms", "180ms")
    };
    let settings = [
        plants::base(),
        dials("one", "DTU-1"),
        dials("twelve", "DTU-12"),
        boiler("a", "one", 1),
        boiler("b", "twelve", 1),
    ]
    .concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    let dial = |packet: &str| {
        let beats = ["--heartbeat", "hex:FE", "--heartbeat-every", "0.05"];
        ModbusServer::start_with(&[&["--dial", &at, "--registration", packet][..], &beats].concat())
    };
    let stranger = dial("DTU-99");
    eventually("the page says who called", async || {
        let said = source_status(&gateway, "one").await["last_error"].clone();
        unless(said.as_str().is_some_and(|s| s.contains("DTU-99")), said)
    })
    .await;
    drop(stranger);
    let (mut one, mut twelve) = (dial("DTU-1"), dial("DTU-12"));
    one.set_float(2, 1.0);
    twelve.set_float(2, 12.0);
    reads(&gateway, "a", 1.0).await;
    reads(&gateway, "b", 12.0).await;
    // The daily redial, with heartbeats between the frames all the time.
    // A fourth call within a minute would be in doubt: two devices could take turns.
    for round in 1..=2 {
        let value = f32::from(round as u8) + 0.5;
        one.set_float(2, value);
        one.tell("hang-up");
        reads(&gateway, "a", f64::from(value)).await;
    }
    assert_eq!(level(&gateway, "b").await, Some(12.0));
    let status = source_status(&gateway, "twelve").await;
    assert_eq!((&status["connected"], &status["last_error"]), (&Value::Bool(true), &Value::Null), "{status}");
    gateway.stop().await;
}

/// Takes requests as they come, several at once, and answers each 4 ms later; register N holds N. Gives its
/// port, and how long after the one before each request of a connection came.
async fn unhurried_server() -> (u16, Arc<Mutex<Vec<Duration>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let gaps: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let kept = Arc::clone(&gaps);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let (mut read, mut write) = stream.into_split();
            let (to, mut answers) = tokio::sync::mpsc::unbounded_channel::<(Instant, [u8; 12])>();
            tokio::spawn(async move {
                while let Some((came, ask)) = answers.recv().await {
                    tokio::time::sleep_until((came + Duration::from_millis(4)).into()).await;
                    let (from, count) = (u16::from_be_bytes([ask[8], ask[9]]), u16::from(ask[11]));
                    let mut answer =
                        vec![ask[0], ask[1], 0, 0, 0, 3 + ask[11] * 2, ask[6], ask[7], ask[11] * 2];
                    answer.extend((from..from + count).flat_map(u16::to_be_bytes));
                    if write.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            });
            let mut last = None;
            let mut ask = [0u8; 12];
            while read.read_exact(&mut ask).await.is_ok() {
                let now = Instant::now();
                if let Some(last) = last.replace(now) {
                    kept.lock().expect("no panic while held").push(now - last);
                }
                let _ = to.send((now, ask));
            }
        }
    });
    (port, gaps)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_with_a_rest_between_them_are_spaced_and_all_answered() {
    let (port, gaps) = unhurried_server().await;
    // Ten requests a poll, four in flight, a rest before each: answers come while the next one rests.
    let mut profile =
        "kind = \"test\"\n[modbus]\nmax_registers = 2\npipeline = 4\npause = \"3ms\"\n".to_owned();
    for address in (0..20).step_by(2) {
        profile += &format!(
            "[[point]]\nid = \"r{address}\"\ntable = \"holding\"\naddress = {address}\ntype = \"u32\"\n"
        );
    }
    let equipment = "[[equipment]]\nid = \"e\"\nprofile = \"rested\"\nsource = \"plc\"\nunit = 1\n";
    let settings = plants::base() + &source("plc", &format!("tcp://127.0.0.1:{port}"), "") + equipment;
    let mut gateway = Gateway::start(&settings, &[("rested.toml", &profile)]);
    let mut seen = Value::Null;
    eventually("twenty polls", async || {
        seen = source_status(&gateway, "plc").await["devices"][0].clone();
        unless(seen["polls"].as_u64() >= Some(20), &seen)
    })
    .await;
    gateway.stop().await;
    assert_eq!(seen["failures"], 0, "{seen}");
    let gaps = gaps.lock().expect("no panic while held");
    // A request that was held up on its way may come close behind; more than a few are no accident.
    let close = gaps.iter().filter(|g| **g < Duration::from_millis(2)).count();
    assert!(close * 10 < gaps.len(), "{close} of {} requests came without a rest", gaps.len());
    let values = gateway.committed("e");
    assert!(values.len() >= 200, "{}", values.len());
    for (point, _, value) in values {
        let address: u32 = point[1..].parse().expect("r0 to r18");
        assert_eq!(value, f64::from(address << 16 | (address + 1)), "{point}");
    }
}
