//! What a reading costs from the wire to the disk to the database, measured on the built binary.
//!
//! Starts `steamward run` with N devices of M registers each on Modbus TCP connections of their own,
//! a real victoria-metrics, and a receiver of hazard events; then reads the gateway's own counters
//! from `/proc`: processor time, resident memory, bytes written. The devices live in this process,
//! so their cost is not counted. Prints a row of a Markdown table for each load.
//!
//! `cargo bench --bench wire_to_database -- [SECONDS]`; needs Linux and victoria-metrics.

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const REGISTERS: u16 = 100;
/// Device N breaches its limit when its first register shows this.
const BREACH: u16 = 60_000;

struct Load {
    devices: usize,
    period: &'static str,
}

const LOADS: [Load; 3] = [
    Load { devices: 10, period: "1s" },
    Load { devices: 10, period: "100ms" },
    Load { devices: 100, period: "1s" },
];

fn main() {
    let seconds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(60u64);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    println!(
        "| devices × registers × period | readings | CPU s per million readings | resident memory, MiB | \
         bytes written per reading | breach to hazard event: median, p99, ms |"
    );
    println!("|---|---|---|---|---|---|");
    for load in &LOADS {
        runtime.block_on(measure(load, Duration::from_secs(seconds)));
    }
}

/// What the devices show and when a breach was first told.
#[derive(Default)]
struct Device {
    value: AtomicU64,
    told: Mutex<Option<Instant>>,
}

struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn measure(load: &Load, length: Duration) {
    let dir = tempfile::tempdir().expect("a folder");
    let devices: Vec<Arc<Device>> = (0..load.devices).map(|_| Arc::default()).collect();
    let mut ports = Vec::new();
    for device in &devices {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        ports.push(listener.local_addr().expect("an address").port());
        tokio::spawn(serve(listener, Arc::clone(device)));
    }
    let database = free_port();
    let _database = Ends(
        Command::new("victoria-metrics")
            .arg(format!("-storageDataPath={}", dir.path().join("vm").display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{database}"))
            .stderr(Stdio::null())
            .spawn()
            .expect("victoria-metrics: run tests/tools.sh"),
    );
    let arrived: Arc<Mutex<Vec<(usize, Instant)>>> = Arc::default();
    let receiver = receive(Arc::clone(&arrived)).await;
    write_settings(dir.path(), load, &ports, database, receiver);
    let gateway = Ends(
        Command::new(env!("CARGO_BIN_EXE_steamward"))
            .args(["run", "."])
            .current_dir(dir.path())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary"),
    );
    let pid = gateway.0.id();
    // Start-up and connecting are not what is asked, nor the reserve that is written once, ten seconds after the start.
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if dir.path().join("data/ledger.reserve").exists() {
            break;
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let served: u64 = polls(&devices);
    let (cpu, written) = (processor_time(pid), bytes_written(pid));
    tokio::time::sleep(length).await;
    let readings = (polls(&devices) - served) * u64::from(REGISTERS);
    let cpu = processor_time(pid).saturating_sub(cpu);
    let written = bytes_written(pid) - written;
    let memory = resident(pid);
    // Then the breaches, one device after the other, off the beat of the polls.
    for device in &devices {
        device.value.store(u64::from(BREACH), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(137)).await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut delays: Vec<Duration> = Vec::new();
    for (number, at) in arrived.lock().expect("no panic while held").iter() {
        if let Some(told) = *devices[*number].told.lock().expect("no panic while held") {
            delays.push(at.saturating_duration_since(told));
        }
    }
    delays.sort_unstable();
    assert_eq!(delays.len(), devices.len(), "a hazard event is missing");
    let ms = |share: f64| delays[((delays.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    println!(
        "| {} × {REGISTERS} × {} | {readings} | {:.2} | {:.1} | {:.1} | {:.1}, {:.1} |",
        load.devices,
        load.period,
        cpu.as_secs_f64() / (readings as f64 / 1e6),
        memory as f64 / 1024.0,
        written as f64 / readings as f64,
        ms(0.5),
        ms(0.99),
    );
}

fn write_settings(dir: &std::path::Path, load: &Load, ports: &[u16], database: u16, receiver: u16) {
    let mut profile = "kind = \"bench\"\n".to_owned();
    for n in 0..REGISTERS {
        let limit = if n == 0 {
            format!("limits = {{ hh = {{ at = {BREACH}, hazard = \"general\" }} }}\n")
        } else {
            "limits = { h = { at = 65000, deadband = 10 }, l = { at = 0 } }\n".to_owned()
        };
        let _ =
            write!(profile, "[[point]]\nid = \"r{n}\"\naddress = {}\nscale = 0.1\n", 40001 + u32::from(n));
        profile += &limit.replace(&format!("at = {BREACH}"), &format!("at = {}", f64::from(BREACH) / 10.0));
    }
    let mut text = format!(
        "[site]\nid = \"bench\"\n[console]\nlisten = \"127.0.0.1:0\"\n[evidence]\nbefore = \"1s\"\nafter = \"1h\"\n\
         [[outlet.influx]]\nid = \"db\"\nurl = \"http://127.0.0.1:{database}\"\nbucket = \"b\"\n\
         [[outlet.inspection]]\nid = \"feed\"\nurl = \"http://127.0.0.1:{receiver}/\"\n"
    );
    for (n, port) in ports.iter().enumerate() {
        let _ = write!(
            text,
            "[[source.modbus]]\nid = \"plc-{n}\"\naddress = \"tcp://127.0.0.1:{port}\"\nperiod = \"{}\"\ntimeout = \"90ms\"\n\
             [[equipment]]\nid = \"e{n}\"\nprofile = \"bench\"\nsource = \"plc-{n}\"\nunit = 1\n",
            load.period
        );
    }
    std::fs::create_dir(dir.join("profiles")).expect("a folder");
    std::fs::write(dir.join("profiles/bench.toml"), profile).expect("a file");
    std::fs::write(dir.join("steamward.toml"), text).expect("a file");
}

async fn serve(listener: TcpListener, device: Arc<Device>) {
    while let Ok((stream, _)) = listener.accept().await {
        let device = Arc::clone(&device);
        tokio::spawn(async move {
            let _ = answer(stream, &device).await;
        });
    }
}

/// Upper half: polls; lower half: what the first register shows.
async fn answer(mut stream: TcpStream, device: &Device) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut ask = [0u8; 12];
    let mut tick = 0u16;
    loop {
        stream.read_exact(&mut ask).await?;
        let state = device.value.fetch_add(1 << 32, Ordering::Relaxed);
        tick = tick.wrapping_add(1);
        let mut frame = vec![ask[0], ask[1], 0, 0, 0, 203, ask[6], ask[7], 200];
        for n in 0..REGISTERS {
            // Slow signals with a little life, as plants have them.
            let value = if n == 0 { state as u16 } else { n * 37 + (tick / (n % 7 + 1)) % 16 };
            frame.extend(value.to_be_bytes());
        }
        if state as u16 == BREACH {
            device.told.lock().expect("no panic while held").get_or_insert_with(Instant::now);
        }
        stream.write_all(&frame).await?;
    }
}

fn polls(devices: &[Arc<Device>]) -> u64 {
    devices.iter().map(|d| d.value.load(Ordering::Relaxed) >> 32).sum()
}

async fn receive(arrived: Arc<Mutex<Vec<(usize, Instant)>>>) -> u16 {
    let take = async move |body: String| {
        let now = Instant::now();
        let event: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        if event["data"]["version"] == 1
            && let Some(number) = event["data"]["equipment"].as_str().and_then(|e| e[1..].parse().ok())
        {
            arrived.lock().expect("no panic while held").push((number, now));
        }
        axum::http::StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        axum::serve(listener, axum::Router::new().route("/", axum::routing::post(take))).await
    });
    port
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// User and system time so far.
fn processor_time(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let after = text.rsplit_once(')').expect("a name in brackets").1;
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux that Debian builds.
    Duration::from_millis(ticks * 10)
}

fn bytes_written(pid: u32) -> u64 {
    field(&format!("/proc/{pid}/io"), "write_bytes:")
}

/// KiB.
fn resident(pid: u32) -> u64 {
    field(&format!("/proc/{pid}/status"), "VmRSS:")
}

fn field(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).expect("it runs");
    let line = text.lines().find_map(|l| l.strip_prefix(name)).expect("a field of every Linux");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
}
