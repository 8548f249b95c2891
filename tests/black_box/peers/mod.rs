//! The outside world: real servers and a few rogues, each on a free loopback port with its data in a
//! temporary folder, ended with its handle.

mod broker;
pub mod chaos;
mod database;
pub mod frames;
mod gateway;
pub mod influx2;
mod modbus;
pub mod odd;
mod receiver;
pub mod rogue;
mod sparkplug;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub use broker::Broker;
pub use database::{Influx1, Victoria};
pub use gateway::Gateway;
pub use modbus::ModbusServer;
pub use odd::Odd;
pub use receiver::{KEY, Receiver};
pub use rogue::Rogue;
pub use sparkplug::EdgeNode;

/// How long anything may take on a busy machine.
pub const WAIT: Duration = Duration::from_secs(60);

/// Asks again and again until `done` says `None`; fails with `what` and the last complaint.
pub async fn eventually(what: &str, mut done: impl AsyncFnMut() -> Option<String>) {
    let began = Instant::now();
    while let Some(complaint) = done().await {
        assert!(began.elapsed() < WAIT, "not within {WAIT:?}: {what}; last seen: {complaint}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `None` if `good`, else the complaint.
pub fn unless(good: bool, complaint: impl std::fmt::Debug) -> Option<String> {
    (!good).then(|| format!("{complaint:?}"))
}

pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port").port()
}

pub fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a clock after 1970").as_millis() as u64
}

/// Microseconds since 1970.
pub fn now_us() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a clock after 1970").as_micros() as i64
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

async fn listens(port: u16) {
    eventually("a peer listens", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.err().map(|e| e.to_string())
    })
    .await;
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client")
}

/// For calls that may wait for the disk.
fn slow_http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(WAIT).build().expect("a client")
}

/// Ends the process with its owner.
pub struct Process(pub Child);

impl Process {
    /// SIGTERM, and waits for the end.
    async fn terminate(mut self) -> std::process::ExitStatus {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        tokio::task::spawn_blocking(move || self.0.wait()).await.expect("no panic").expect("an end")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
