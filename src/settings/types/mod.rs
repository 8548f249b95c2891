//! What the other rooms get: the plan after every check has passed.

mod broker;
mod modbus;
mod mqtt;
mod outlets;
mod push;
mod register;
mod shape;
mod sparkplug;
mod topic;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::plant::Plant;

pub use broker::*;
pub use modbus::*;
pub use mqtt::*;
pub use outlets::*;
pub use push::*;
pub use register::*;
pub use shape::*;
pub use sparkplug::*;
pub use topic::*;

/// A text that never shows in a log, an error or a `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹secret›")
    }
}

/// The checked plan.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Site, equipment, points, limits, devices.
    pub plant: Plant,
    /// Modbus endpoints.
    pub modbus: Vec<ModbusSource>,
    /// MQTT brokers.
    pub mqtt: Vec<MqttSource>,
    /// Senders over HTTP.
    pub push: Vec<PushSource>,
    /// The embedded MQTT broker, if wanted.
    pub broker: Option<Broker>,
    /// Where data goes.
    pub outlets: Outlets,
    /// Where it is kept.
    pub store: Store,
    /// HTTP API and page.
    pub console: Console,
    /// Readings kept with a hazard.
    pub evidence: Evidence,
    /// When the machine's clock is believed.
    pub clock: Clock,
    /// How to log.
    pub log: Log,
}

impl Settings {
    /// Sources and outlets are the very same, with what their secrets and certificates hold.
    #[must_use]
    pub fn reads_and_sends_like(&self, other: &Self) -> bool {
        self.modbus == other.modbus
            && self.mqtt == other.mqtt
            && self.push == other.push
            && self.outlets == other.outlets
    }
}

/// Where data is kept.
#[derive(Debug, Clone)]
pub struct Store {
    /// Folder of `ledger.db` and `journal.db`.
    pub dir: PathBuf,
    /// Longest wait of a reading for its group commit.
    pub commit_every: Duration,
    /// Largest journal file in bytes; beyond, the oldest telemetry goes.
    pub journal_max_bytes: u64,
    /// Delivered readings stay at least this long, for trends and evidence.
    pub keep: Duration,
    /// Room on the disk that is held for the ledger, in bytes; 0: none.
    pub reserve_bytes: u64,
    /// Most readings that wait in memory for a disk that takes nothing; beyond, the oldest go.
    pub waiting_max: usize,
}

/// HTTP API and page.
#[derive(Debug, Clone)]
pub struct Console {
    /// Listen address. Anything but loopback needs `token`.
    pub listen: SocketAddr,
    /// Bearer token.
    pub token: Option<Secret>,
}

/// Readings kept with a hazard.
#[derive(Debug, Clone, Copy)]
pub struct Evidence {
    /// Before the first breach.
    pub before: Duration,
    /// After it; then the window is sealed.
    pub after: Duration,
}

/// When the machine's clock is believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clock {
    /// Only while a time service has it synchronised.
    pub require_sync: bool,
    /// Exists while it is; else the files of the usual services tell.
    pub sync_file: Option<PathBuf>,
}

/// How to log.
#[derive(Debug, Clone)]
pub struct Log {
    /// JSON lines instead of text.
    pub json: bool,
    /// `tracing` filter, e.g. `info,steamward::field=debug`.
    pub filter: String,
}
