//! The binary under test, in a folder of its own.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steamward::plant::Quality;
use steamward::store::{JournalReader, unpack};
use tempfile::TempDir;

use super::receiver::KEY;
use super::{Process, http, root, slow_http};

fn fake_clock_library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("a folder");
    let library = |folder: PathBuf| folder.join("faketime/libfaketimeMT.so.1");
    let mut found = folders.flatten().map(|f| library(f.path())).filter(|l| l.exists());
    found.next().expect("libfaketime: run tests/tools.sh")
}

pub struct Gateway {
    dir: TempDir,
    process: Option<Process>,
    pub address: String,
    log: Arc<Mutex<String>>,
    fake_clock: bool,
    environment: Vec<(String, std::ffi::OsString)>,
}

impl Gateway {
    /// Writes the settings and starts it.
    pub fn start(settings: &str, profiles: &[(&str, &str)]) -> Self {
        let mut gateway = Self::prepared(settings, profiles);
        gateway.again();
        gateway
    }

    /// Writes the settings only.
    pub fn prepared(settings: &str, profiles: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("profiles")).expect("a folder");
        std::fs::write(dir.path().join("steamward.toml"), settings).expect("a file");
        for (name, text) in profiles {
            std::fs::write(dir.path().join("profiles").join(name), text).expect("a file");
        }
        let (address, environment) = (String::new(), Vec::new());
        Self { dir, process: None, address, log: Arc::default(), fake_clock: false, environment }
    }

    /// More environment for its next life.
    pub fn set_environment(&mut self, environment: &[(&str, &std::ffi::OsStr)]) {
        let owned = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.environment = owned.collect();
    }

    /// Its wall clock goes beside the real one from its next life on: `+3600s`, `-2000d`. Can be called
    /// again while it runs: that is a jump.
    pub fn set_clock(&mut self, beside: &str) {
        self.fake_clock = true;
        // Never half written for the one who reads it.
        let (new, file) = (self.dir.path().join("clock.new"), self.dir.path().join("clock"));
        std::fs::write(&new, beside).expect("a file");
        std::fs::rename(new, file).expect("a file");
    }

    /// An environment variable of its next lives.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Other settings for its next life.
    pub fn configure(&self, settings: &str) {
        std::fs::write(self.dir.path().join("steamward.toml"), settings).expect("a file");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_steamward"));
        command
            .args(["run", "."])
            .current_dir(self.dir.path())
            .env("TEST_INSPECTION_KEY", KEY)
            .env("TEST_TOKEN", "black-box-token")
            .env("TEST_PUSH_TOKEN", "black-box-push-token")
            .env("NO_COLOR", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if self.fake_clock {
            // libfaketime under the binary as it is: the wall clock alone, read anew at every call.
            command
                .env("LD_PRELOAD", fake_clock_library())
                .env("FAKETIME_TIMESTAMP_FILE", self.dir.path().join("clock"))
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("DONT_FAKE_MONOTONIC", "1");
        }
        command
    }

    /// Another file in its folder.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.dir.path().join(name), text).expect("a file");
    }

    /// Runs another command of the binary in its folder: exit code and all it said.
    pub fn tool(&self, words: &[&str]) -> (i32, String) {
        let run = Command::new(env!("CARGO_BIN_EXE_steamward"))
            .args(words)
            .current_dir(self.dir.path())
            .env("TEST_TOKEN", "black-box-token")
            .stdin(Stdio::null())
            .output()
            .expect("the binary");
        let said = [run.stdout, run.stderr].concat();
        (run.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs it to its end, which must come by itself: exit code and what it said.
    pub fn fails(&self) -> (i32, String) {
        let run = self.command().output().expect("the binary");
        (run.status.code().unwrap_or(-1), String::from_utf8_lossy(&run.stderr).into_owned())
    }

    /// Starts it (again) on the same store; reads the console's address from the log.
    pub fn again(&mut self) {
        let line = self.launch("console on ");
        let (_, rest) = line.split_once("console on ").expect("it said so");
        self.address = rest.trim().trim_end_matches('/').to_owned();
    }

    /// Starts it (again) and waits for a line of its log with `mark` in it, which it gives.
    pub fn launch(&mut self, mark: &str) -> String {
        let mut child = self.command().stderr(Stdio::piped()).spawn().expect("the binary");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut all = String::new();
        let found = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).expect("the log") > 0, "the gateway ended:\n{all}");
            all.push_str(&line);
            if line.contains(mark) {
                break line;
            }
        };
        let kept = Arc::clone(&self.log);
        kept.lock().expect("no panic while held").push_str(&all);
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let mut kept = kept.lock().expect("no panic while held");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        self.process = Some(Process(child));
        found
    }

    /// Other settings, for a reload.
    pub fn rewrite(&self, settings: &str) {
        std::fs::write(self.dir.path().join("steamward.toml"), settings).expect("a file");
    }

    /// Sends a signal, `HUP` for one.
    pub fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("it runs");
        let sent = Command::new("kill").args([&format!("-{name}"), &process.0.id().to_string()]).status();
        assert!(sent.is_ok_and(|s| s.success()), "kill -{name}");
    }

    /// Processes that it started and that run.
    pub fn children(&self) -> Vec<u32> {
        let own = self.process.as_ref().expect("it runs").0.id();
        let all = std::fs::read_dir("/proc").expect("a folder").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let parent = |pid: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().find_map(|l| l.strip_prefix("PPid:")?.trim().parse::<u32>().ok())
        };
        pids.filter(|pid| parent(pid) == Some(own)).collect()
    }

    /// Stops one of its threads for some seconds.
    pub fn freeze(&self, thread: &str, seconds: u32) -> Process {
        let pid = self.process.as_ref().expect("it runs").0.id().to_string();
        let script = root().join("tests/peers/freeze_thread.py");
        let python = Command::new("python3").arg(script).args([&pid, thread, &seconds.to_string()]).spawn();
        Process(python.expect("python3"))
    }

    /// The code with which it ended by itself, if it has.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.as_mut().expect("it ran").0.try_wait().expect("its state").and_then(|s| s.code())
    }

    /// The most memory that the process has held so far, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        let pid = self.process.as_ref().expect("it runs").0.id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("told");
        line.trim().trim_end_matches("kB").trim().parse().expect("a number")
    }

    /// Everything it logged so far, over all its lives.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic while held").clone()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }

    pub async fn get(&self, path: &str) -> serde_json::Value {
        let Ok(answer) = http().get(format!("{}{path}", self.address)).send().await else {
            return serde_json::Value::Null;
        };
        serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default()
    }

    /// How a part beside reading and judging stands.
    pub async fn part(&self, name: &str) -> serde_json::Value {
        let parts = self.get("/api/v1/overview").await["path"]["parts"].clone();
        let found = parts.as_array().into_iter().flatten().find(|p| p["name"] == name);
        found.cloned().unwrap_or(serde_json::json!({ "parts": parts }))
    }

    /// What a GET answers, as it is.
    pub async fn text(&self, path: &str) -> String {
        let Ok(answer) = http().get(format!("{}{path}", self.address)).send().await else {
            return String::new();
        };
        answer.text().await.unwrap_or_default()
    }

    /// Status of a GET with these headers.
    pub async fn status(&self, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = http().get(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.map_or(0, |a| a.status().as_u16())
    }

    pub async fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = http()
            .post(format!("{}{path}", self.address))
            .header("content-type", "application/json")
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.map_or(0, |a| a.status().as_u16())
    }

    /// Pushes readings: status, answer, and when to come again.
    pub async fn push(
        &self,
        query: &str,
        kind: &str,
        body: &str,
        token: Option<&str>,
    ) -> (u16, serde_json::Value, Option<String>) {
        let url = format!("{}/api/v1/readings{query}", self.address);
        let mut request = slow_http().post(url).header("content-type", kind).body(body.to_owned());
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.send().await.expect("an answer");
        let retry = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default(), retry)
    }

    /// Pushes line protocol packed with gzip.
    pub async fn push_packed(&self, query: &str, body: Vec<u8>) -> u16 {
        let url = format!("{}/api/v1/readings{query}", self.address);
        let request =
            http().post(url).header("content-type", "text/plain").header("content-encoding", "gzip");
        request.body(body).send().await.map_or(0, |a| a.status().as_u16())
    }

    /// SIGTERM; gives how long it took.
    pub async fn stop(&mut self) -> Duration {
        let process = self.process.take().expect("it runs");
        let began = Instant::now();
        let status = process.terminate().await;
        assert!(status.success(), "ended with {status}:\n{}", self.log());
        began.elapsed()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn ledger_verifies(&self) -> bool {
        Command::new(env!("CARGO_BIN_EXE_steamward"))
            .args(["ledger", "verify", "data"])
            .current_dir(self.dir.path())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    }

    /// All committed readings with a value: (point, microseconds, value), in journal order.
    pub fn committed(&self, equipment: &str) -> Vec<(String, i64, f64)> {
        self.committed_of(equipment, Quality::is_usable)
    }

    /// The committed values of one point whose quality is good.
    pub fn good(&self, equipment: &str, point: &str) -> Vec<f64> {
        let all = self.committed_of(equipment, |q| q == Quality::Good);
        all.into_iter().filter(|c| c.0 == point).map(|c| c.2).collect()
    }

    fn committed_of(&self, equipment: &str, keep: impl Fn(Quality) -> bool) -> Vec<(String, i64, f64)> {
        let journal = JournalReader::open(&self.data().join("journal.db")).expect("a journal");
        let series = journal.series().expect("readable");
        let (mut found, mut seq) = (Vec::new(), 0);
        while let Some(chunk) = journal.next_after(seq).expect("readable") {
            seq = chunk.seq;
            unpack(&chunk.body, |sample| {
                for reading in sample.readings.iter().filter(|r| keep(r.quality)) {
                    let owner = series.iter().find(|s| s.id == reading.series).expect("a known series");
                    if owner.equipment == equipment {
                        found.push((owner.point.clone(), sample.at.0, reading.value));
                    }
                }
            })
            .expect("unpacks");
        }
        found
    }

    /// Times of one point's committed readings, in milliseconds.
    pub fn committed_ms(&self, equipment: &str, point: &str) -> BTreeSet<u64> {
        let all = self.committed(equipment);
        all.into_iter().filter(|c| c.0 == point).map(|c| (c.1 / 1000) as u64).collect()
    }
}
