//! What the other rooms get: the plan after every check has passed.

mod broker;
mod modbus;
mod mqtt;
mod outlets;
mod push;
mod register;
mod secret;
mod shape;
mod sparkplug;
pub mod topic;

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
pub use secret::Secret;
pub use shape::*;
pub use sparkplug::*;
pub use topic::*;

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
    /// Every secret with the key it stands under and the part that cannot work without it.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, &Secret)> {
        let mut all = Vec::new();
        all.extend(self.console.token.iter().map(|s| ("console.token".to_owned(), s)));
        for source in &self.push {
            all.extend(source.token.iter().map(|s| (format!("source.push.{}.token", source.id), s)));
        }
        for source in &self.mqtt {
            all.extend(source.login.iter().map(|(_, s)| (format!("source.mqtt.{}.password", source.id), s)));
        }
        for (n, user) in self.broker.iter().flat_map(|b| &b.users).enumerate() {
            all.push((format!("broker.user.{n}.password"), &user.password));
        }
        for outlet in &self.outlets.influx {
            let (key, secret) = match &outlet.api {
                InfluxApi::V2 { token, .. } => ("token", token.as_ref()),
                InfluxApi::V1 { login, .. } => ("password", login.as_ref().map(|(_, s)| s)),
            };
            all.extend(secret.map(|s| (format!("outlet.influx.{}.{key}", outlet.id), s)));
        }
        for outlet in &self.outlets.inspection {
            all.extend(outlet.secret.iter().map(|s| (format!("outlet.inspection.{}.secret", outlet.id), s)));
        }
        all
    }

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
