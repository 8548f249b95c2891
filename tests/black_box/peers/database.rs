//! victoria-metrics (takes `/api/v2/write`) and InfluxDB 1.6 (takes `/write`, and knows types).

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Process, eventually, free_port, http, listens, unless};

pub struct Victoria {
    pub port: u16,
    process: Option<Process>,
    dir: TempDir,
}

impl Victoria {
    pub async fn start() -> Self {
        let mut database =
            Self { port: free_port(), process: None, dir: tempfile::tempdir().expect("a folder") };
        database.again().await;
        database
    }

    /// Stops it in order: it keeps what it has acknowledged.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.terminate().await;
        }
    }

    /// Starts it (again) on the same port and data. A repeated write of the same series and time
    /// replaces the first, as in InfluxDB; without the switch this database would keep both.
    pub async fn again(&mut self) {
        let child = Command::new("/usr/bin/victoria-metrics")
            .arg(format!("-storageDataPath={}", self.dir.path().display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{}", self.port))
            .args(["-memory.allowedBytes=64MiB", "-search.latencyOffset=0s", "-dedup.minScrapeInterval=1ms"])
            .stderr(Stdio::null())
            .spawn()
            .expect("victoria-metrics: run tests/tools.sh");
        self.process = Some(Process(child));
        listens(self.port).await;
    }

    /// Timestamps of a series in milliseconds, ascending, repeats included.
    pub async fn timestamps(&self, series: &str) -> Vec<u64> {
        let url = format!("http://127.0.0.1:{}/api/v1/export?match[]={series}&start=-1h", self.port);
        let Ok(answer) = http().get(url).send().await else { return Vec::new() };
        let text = answer.text().await.unwrap_or_default();
        let mut found: Vec<u64> = text
            .lines()
            .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
            .flat_map(|v| v["timestamps"].as_array().cloned().unwrap_or_default())
            .filter_map(|t| t.as_u64())
            .collect();
        found.sort_unstable();
        found
    }

    /// Waits until the series holds exactly `wanted`, each once.
    pub async fn holds(&self, series: &str, wanted: &BTreeSet<u64>) {
        let wanted: Vec<u64> = wanted.iter().copied().collect();
        eventually(&format!("{series} holds each reading exactly once"), async || {
            let found = self.timestamps(series).await;
            let missing = wanted.iter().filter(|t| found.binary_search(t).is_err()).count();
            unless(found == wanted, (format!("{missing} missing"), found.len(), wanted.len()))
        })
        .await;
    }
}

pub struct Influx1 {
    pub port: u16,
    _process: Process,
    _dir: TempDir,
}

impl Influx1 {
    /// Starts it with an empty database `boilers`.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (port, rpc) = (free_port(), free_port());
        let path = dir.path().display();
        let settings = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n[meta]\ndir = \"{path}/meta\"\n\
             [data]\ndir = \"{path}/data\"\nwal-dir = \"{path}/wal\"\n[monitor]\nstore-enabled = false\n\
             [http]\nbind-address = \"127.0.0.1:{port}\"\nlog-enabled = false\n"
        );
        let file = dir.path().join("influxdb.conf");
        std::fs::write(&file, settings).expect("a file");
        let child = Command::new("/usr/bin/influxd")
            .args(["run", "-config"])
            .arg(file)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("influxd: run tests/tools.sh");
        let database = Self { port, _process: Process(child), _dir: dir };
        listens(port).await;
        database.query("CREATE DATABASE boilers").await;
        database
    }

    pub async fn write(&self, lines: &str) {
        let url = format!("http://127.0.0.1:{}/write?db=boilers", self.port);
        let answer = http().post(url).body(lines.to_owned()).send().await.expect("it listens");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    pub async fn query(&self, text: &str) -> serde_json::Value {
        let url = format!("http://127.0.0.1:{}/query", self.port);
        let request = http().post(url).query(&[("db", "boilers"), ("epoch", "u"), ("q", text)]);
        let Ok(answer) = request.send().await else { return serde_json::Value::Null };
        serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default()
    }
}
