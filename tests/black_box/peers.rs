//! The outside world, started on free loopback ports and ended with its handle.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use tempfile::TempDir;

const KEY: &str = "black-box-key";

/// Asks again and again until `done`; fails with `what` after `limit`.
pub async fn eventually(limit: Duration, what: &str, mut done: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port").port()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

async fn listens(port: u16) {
    eventually(Duration::from_secs(20), "a peer listens", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
    })
    .await;
}

/// Ends the process with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// pymodbus.
pub struct ModbusServer {
    pub port: u16,
    _process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl ModbusServer {
    pub fn start() -> Self {
        let mut child = Command::new(root().join(".venv/bin/python"))
            .arg(root().join("tests/peers/modbus_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python with pymodbus: run tests/tools.sh");
        let input = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let port = line.trim().rsplit(' ').next().and_then(|p| p.parse().ok()).expect("listening PORT");
        Self { port, _process: Process(child), input, output }
    }

    pub fn set_float(&mut self, address: u16, value: f32) {
        writeln!(self.input, "float {address} {value}").expect("the server reads");
        self.output.read_line(&mut String::new()).expect("done");
    }
}

/// mosquitto.
pub struct Broker {
    pub port: u16,
    _process: Process,
    _dir: TempDir,
}

impl Broker {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let file = dir.path().join("mosquitto.conf");
        std::fs::write(
            &file,
            format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n"),
        )
        .expect("a file");
        let child = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(file)
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto: run tests/tools.sh");
        let broker = Self { port, _process: Process(child), _dir: dir };
        listens(port).await;
        broker
    }

    /// Publishes with QoS 1 over a client of its own and waits for the broker's word.
    pub fn publish(&self, topic: &str, payload: &str) {
        let options = rumqttc::MqttOptions::new("publisher", "127.0.0.1", self.port);
        // The blocking client brings a runtime of its own, so it needs a thread of its own.
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (client, mut events) = rumqttc::Client::new(options, 10);
                client
                    .publish(topic, rumqttc::QoS::AtLeastOnce, false, payload.as_bytes())
                    .expect("room for one");
                let taken = |e| matches!(e, Ok(rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))));
                assert!(events.iter().any(taken), "the broker did not take the message");
            });
        });
    }
}

/// victoria-metrics.
pub struct Database {
    pub port: u16,
    process: Option<Process>,
    dir: TempDir,
}

impl Database {
    pub async fn victoria() -> Self {
        let mut database =
            Self { port: free_port(), process: None, dir: tempfile::tempdir().expect("a folder") };
        database.again().await;
        database
    }

    pub fn stop(&mut self) {
        self.process = None;
    }

    pub async fn again(&mut self) {
        let child = Command::new("/usr/bin/victoria-metrics")
            .arg(format!("-storageDataPath={}", self.dir.path().display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{}", self.port))
            .args(["-memory.allowedBytes=64MiB", "-search.latencyOffset=0s"])
            .stderr(Stdio::null())
            .spawn()
            .expect("victoria-metrics: run tests/tools.sh");
        self.process = Some(Process(child));
        listens(self.port).await;
    }

    /// All timestamps of a series in milliseconds, repeats included.
    pub async fn timestamps(&self, series: &str) -> Vec<u128> {
        let url = format!(
            "http://127.0.0.1:{}/api/v1/export?match[]={series}&start=-1h&reduce_mem_usage=1",
            self.port
        );
        let Ok(answer) = reqwest_client().get(url).send().await else { return Vec::new() };
        let text = answer.text().await.unwrap_or_default();
        text.lines()
            .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
            .flat_map(|v| v["timestamps"].as_array().cloned().unwrap_or_default())
            .filter_map(|t| t.as_u64().map(u128::from))
            .collect()
    }
}

fn reqwest_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().expect("a client")
}

/// The inspection system: checks signatures, remembers ids.
pub struct Receiver {
    pub url: String,
    ids: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let ids = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&ids);
        let handler = async move |headers: axum::http::HeaderMap, body: String| {
            let header =
                |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).expect("any length");
            mac.update(format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp")).as_bytes());
            let wanted = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
            let event: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            if header("webhook-signature") != wanted || event["specversion"] != "1.0" {
                return (axum::http::StatusCode::UNAUTHORIZED, "wrong signature");
            }
            let id = event["id"].as_str().unwrap_or_default().to_owned();
            let mut seen = seen.lock().expect("no panic while held");
            if !seen.contains(&id) {
                seen.push(id);
            }
            (axum::http::StatusCode::OK, "taken")
        };
        let router = axum::Router::new().route("/events", axum::routing::post(handler));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/events", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, ids }
    }

    pub fn ids(&self) -> Vec<String> {
        self.ids.lock().expect("no panic while held").clone()
    }
}

/// The binary under test.
pub struct Gateway {
    dir: TempDir,
    process: Option<Process>,
    address: String,
}

impl Gateway {
    pub fn start(settings: &str, profiles: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("profiles")).expect("a folder");
        std::fs::write(dir.path().join("steamward.toml"), settings).expect("a file");
        for (name, text) in profiles {
            std::fs::write(dir.path().join("profiles").join(name), text).expect("a file");
        }
        let mut gateway = Self { dir, process: None, address: String::new() };
        gateway.again();
        gateway
    }

    /// Starts it (again) on the same store; reads the console's address from the log.
    pub fn again(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_steamward"))
            .args(["run", "."])
            .current_dir(self.dir.path())
            .env("TEST_INSPECTION_KEY", KEY)
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).expect("the log") > 0, "the gateway ended:\n{all}");
            if let Some((_, rest)) = line.split_once("console on ") {
                self.address = rest.trim().trim_end_matches('/').to_owned();
                break;
            }
            all.push_str(&line);
        }
        std::thread::spawn(move || for _ in log.lines() {});
        self.process = Some(Process(child));
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }

    pub async fn get(&self, path: &str) -> serde_json::Value {
        let Ok(answer) = reqwest_client().get(format!("{}{path}", self.address)).send().await else {
            return serde_json::Value::Null;
        };
        serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default()
    }

    pub async fn post(&self, path: &str, body: &str) -> u16 {
        let request = reqwest_client()
            .post(format!("{}{path}", self.address))
            .header("content-type", "application/json")
            .body(body.to_owned());
        request.send().await.map_or(0, |a| a.status().as_u16())
    }

    /// SIGTERM; gives how long it took.
    pub async fn stop(&mut self) -> Duration {
        let mut process = self.process.take().expect("it runs");
        let began = Instant::now();
        let _ = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status();
        let code =
            tokio::task::spawn_blocking(move || process.0.wait()).await.expect("no panic").expect("an end");
        assert!(code.success(), "ended with {code}");
        began.elapsed()
    }

    pub fn ledger_verifies(&self) -> bool {
        Command::new(env!("CARGO_BIN_EXE_steamward"))
            .args(["ledger", "verify", "data"])
            .current_dir(self.dir.path())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    }
}
