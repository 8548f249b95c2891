//! What the other rooms get: the plan after every check has passed.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::plant::{DeviceIx, Plant, PointIx};

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
    /// Where data goes.
    pub outlets: Outlets,
    /// Where it is kept.
    pub store: Store,
    /// HTTP API and page.
    pub console: Console,
    /// Readings kept with a hazard.
    pub evidence: Evidence,
    /// How to log.
    pub log: Log,
}

/// One Modbus TCP endpoint; one owner, one connection, all its units.
#[derive(Debug, Clone)]
pub struct ModbusSource {
    /// Settings id.
    pub id: crate::plant::Id,
    /// Host name or address.
    pub host: String,
    /// TCP port, 502 unless told.
    pub port: u16,
    /// How long to wait for one answer.
    pub timeout: Duration,
    /// First and longest pause between connection attempts (jittered).
    pub reconnect: (Duration, Duration),
    /// The units on it.
    pub devices: Vec<ModbusDevice>,
}

/// One unit id on an endpoint, as one piece of equipment sees it.
#[derive(Debug, Clone)]
pub struct ModbusDevice {
    /// Into the plant.
    pub device: DeviceIx,
    /// Modbus unit id, 0 to 255.
    pub unit: u8,
    /// Time from poll to poll.
    pub period: Duration,
    /// Most registers in one request, 1 to 125 (coils: 16 times as many, at most 2000).
    pub max_registers: u16,
    /// Unasked registers that may lie inside a merged request.
    pub max_gap: u16,
    /// What to read.
    pub points: Vec<ModbusPoint>,
}

/// The four Modbus tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Function code 1.
    Coil,
    /// Function code 2.
    DiscreteInput,
    /// Function code 3.
    HoldingRegister,
    /// Function code 4.
    InputRegister,
}

/// How the registers of a value are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Coil or discrete input.
    Bit,
    /// One bit of a register, 0 = least significant.
    RegisterBit(u8),
    /// 16-bit unsigned.
    U16,
    /// 16-bit two's complement.
    I16,
    /// 32-bit unsigned.
    U32,
    /// 32-bit two's complement.
    I32,
    /// 64-bit unsigned.
    U64,
    /// 64-bit two's complement.
    I64,
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
}

impl Format {
    /// How many registers (or bits, for [`Format::Bit`]) it takes.
    #[must_use]
    pub fn width(self) -> u16 {
        match self {
            Self::Bit | Self::RegisterBit(_) | Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
        }
    }
}

/// Order of the bytes on the wire, A the most significant of a 32-bit value.
/// For 64 bits the same rule holds over four words; for 16 bits BADC and DCBA swap the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Big-endian, as the Modbus specification has it.
    Abcd,
    /// Words swapped.
    Cdab,
    /// Bytes swapped within each word.
    Badc,
    /// Little-endian.
    Dcba,
}

/// One point's place in a device and the way to its engineering value: `raw × scale + offset`.
#[derive(Debug, Clone)]
pub struct ModbusPoint {
    /// Into the plant.
    pub point: PointIx,
    /// Which table.
    pub table: Table,
    /// Protocol address, from 0.
    pub address: u16,
    /// Width and kind.
    pub format: Format,
    /// Byte and word order.
    pub order: ByteOrder,
    /// Multiplier.
    pub scale: f64,
    /// Added after the multiplier.
    pub offset: f64,
    /// For bits: 1 means 0.
    pub invert: bool,
    /// Raw values (before scaling) that mean "no measurement".
    pub sentinels: Vec<f64>,
    /// `file:line` of the register list, for messages.
    pub origin: String,
}

/// Protocol level of an MQTT connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttVersion {
    /// 3.1.1
    V3,
    /// 5
    V5,
}

/// One MQTT broker session.
#[derive(Debug, Clone)]
pub struct MqttSource {
    /// Settings id.
    pub id: crate::plant::Id,
    /// Host name or address.
    pub host: String,
    /// 1883 unless told.
    pub port: u16,
    /// 3.1.1 or 5.
    pub version: MqttVersion,
    /// The session lives under this name at the broker; stable across restarts.
    pub client_id: String,
    /// Name and password.
    pub login: Option<(String, Secret)>,
    /// Keep-alive.
    pub keep_alive: Duration,
    /// MQTT 5 receive maximum: how many unacknowledged messages the broker may send.
    pub receive_maximum: u16,
    /// Keep the session at the broker this long while we are away (MQTT 5; 3.1.1 keeps it for ever).
    pub session_expiry: Duration,
    /// What to subscribe to.
    pub mappings: Vec<MqttMapping>,
}

/// One topic filter and what its payloads mean.
#[derive(Debug, Clone)]
pub struct MqttMapping {
    /// Into the plant.
    pub device: DeviceIx,
    /// Topic filter, wildcards allowed.
    pub topic: String,
    /// Where the device's own time stands in the payload, if anywhere.
    pub time: Option<(String, TimeFormat)>,
    /// Where the points stand. A single point with an empty pointer takes a plain scalar payload.
    pub points: Vec<MqttPoint>,
}

/// One point in a payload.
#[derive(Debug, Clone)]
pub struct MqttPoint {
    /// Into the plant.
    pub point: PointIx,
    /// JSON pointer (RFC 6901); empty for the payload itself.
    pub pointer: String,
    /// JSON pointer of the value's quality: 192, `true` or `"good"` are good; anything else is bad.
    pub quality: Option<String>,
    /// Multiplier.
    pub scale: f64,
    /// Added after the multiplier.
    pub offset: f64,
    /// For booleans: true means 0.
    pub invert: bool,
}

/// How a payload writes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since the epoch, fractions allowed.
    Seconds,
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// RFC 3339 text.
    Rfc3339,
    /// `2025-01-01 08:00:00` in the site's time zone.
    Local,
}

/// Where data goes.
#[derive(Debug, Clone, Default)]
pub struct Outlets {
    /// Time series.
    pub influx: Vec<InfluxOutlet>,
    /// Hazard events.
    pub inspection: Vec<InspectionOutlet>,
}

/// Which write path the database has.
#[derive(Debug, Clone)]
pub enum InfluxApi {
    /// `/api/v2/write?org=…&bucket=…`, `Authorization: Token …`.
    V2 {
        /// Organisation.
        org: String,
        /// Bucket.
        bucket: String,
        /// API token.
        token: Option<Secret>,
    },
    /// `/write?db=…`, Basic authentication.
    V1 {
        /// Database.
        database: String,
        /// Name and password.
        login: Option<(String, Secret)>,
    },
}

/// One line-protocol database.
#[derive(Debug, Clone)]
pub struct InfluxOutlet {
    /// Settings id; its cursor's name.
    pub id: crate::plant::Id,
    /// `http://…` or `https://…`, without the write path.
    pub url: String,
    /// Write path and credentials.
    pub api: InfluxApi,
    /// Compress request bodies.
    pub gzip: bool,
    /// Most readings in one request.
    pub batch_readings: usize,
    /// Oldest a committed reading gets before it is sent.
    pub batch_age: Duration,
    /// Per request.
    pub timeout: Duration,
    /// First and longest pause between attempts (jittered).
    pub retry: (Duration, Duration),
}

/// One receiver of hazard events.
#[derive(Debug, Clone)]
pub struct InspectionOutlet {
    /// Settings id; its cursor's name.
    pub id: crate::plant::Id,
    /// Where to POST.
    pub url: String,
    /// Standard-Webhooks key bytes; `None` sends unsigned.
    pub secret: Option<Secret>,
    /// Per request.
    pub timeout: Duration,
    /// First and longest pause between attempts (jittered).
    pub retry: (Duration, Duration),
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

/// How to log.
#[derive(Debug, Clone)]
pub struct Log {
    /// JSON lines instead of text.
    pub json: bool,
    /// `tracing` filter, e.g. `info,steamward::field=debug`.
    pub filter: String,
}

/// One piece of equipment's metrics on a Sparkplug B edge node, or on one device behind it.
#[derive(Debug, Clone)]
pub struct SparkplugMapping {
    /// Into the plant.
    pub device: DeviceIx,
    /// Sparkplug group id.
    pub group: String,
    /// Sparkplug edge node id.
    pub node: String,
    /// Sparkplug device id; `None` for metrics of the edge node itself.
    pub sub_device: Option<String>,
    /// Which metric is which point.
    pub points: Vec<SparkplugPoint>,
}

/// One point as a Sparkplug metric: `value × scale + offset`.
#[derive(Debug, Clone)]
pub struct SparkplugPoint {
    /// Into the plant.
    pub point: PointIx,
    /// Metric name as the BIRTH gives it, folders and all (`Steam/Pressure`).
    pub metric: String,
    /// Multiplier.
    pub scale: f64,
    /// Added after the multiplier.
    pub offset: f64,
    /// For booleans: true means 0.
    pub invert: bool,
}

/// How to listen to edge nodes, and what to do when messages went missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SparkplugRules {
    /// How long a message may wait for one that was sent before it (the Reorder Timeout).
    pub reorder: Duration,
    /// Shortest time between two rebirth requests to one edge node.
    pub rebirth_every: Duration,
    /// Whether rebirth requests (NCMD `Node Control/Rebirth`) may be published at all.
    pub may_rebirth: bool,
    /// Edge nodes send changes only: while a device is online, its unchanged values are told again
    /// when nothing came for this long. Less than `stale_after` of the devices.
    pub repeat: Duration,
}

impl Default for SparkplugRules {
    fn default() -> Self {
        Self {
            reorder: Duration::from_secs(2),
            rebirth_every: Duration::from_secs(30),
            may_rebirth: true,
            repeat: Duration::from_secs(10),
        }
    }
}
