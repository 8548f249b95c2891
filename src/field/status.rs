//! How sources and devices stand, for the page, the API and `/metrics`.

use std::sync::{Arc, Mutex, PoisonError};

use super::modbus::{LineCounts, RoundTrips};
use crate::plant::Micros;

/// How a source stands.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct SourceStatus {
    pub id: String,
    pub kind: &'static str,
    pub connected: bool,
    pub last_error: Option<String>,
    /// Dial-in: what the last caller said whom nobody expects, while this device has not called.
    pub stranger: Option<String>,
    pub requests: u64,
    pub errors: u64,
    pub round_trip_us: u64,
    /// Modbus: bytes, late and foreign answers, CRC errors.
    pub line: LineCounts,
    /// Modbus: each device on it.
    pub devices: Vec<DeviceStatus>,
    /// Of an MQTT session.
    pub mqtt: Option<Box<super::mqtt::MqttStatus>>,
    /// Of a push source.
    pub push: Option<Box<super::push::PushStatus>>,
}

/// What a device does at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Not asked yet.
    Waiting,
    /// All is read.
    Reading,
    /// Some registers are refused and set aside.
    ReadingPart,
    /// The last poll had an error.
    Failing,
    /// Silent, rests behind its breaker.
    Resting,
    /// Its connection is down.
    Disconnected,
}

impl DeviceState {
    /// Stable word for the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Reading => "reading",
            Self::ReadingPart => "reading-part",
            Self::Failing => "failing",
            Self::Resting => "resting",
            Self::Disconnected => "disconnected",
        }
    }
}

/// How one device on a Modbus source stands; counted since the start or since its settings changed.
#[derive(Debug, Clone)]
pub struct DeviceStatus {
    /// As in the plant; `plc-1/1`.
    pub label: String,
    /// Unit id.
    pub unit: u8,
    /// What it does.
    pub state: DeviceState,
    /// The last trouble, in words; `state` says whether there is one now.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<Micros>,
    /// Requests that ended, answered or not.
    pub requests: u64,
    /// Of them with an error.
    pub failures: u64,
    /// Ticks that were polled.
    pub polls: u64,
    /// Of them with every request answered.
    pub good_polls: u64,
    /// Ticks that were skipped because the one before took too long.
    pub missed: u64,
    /// How long answers took.
    pub round_trips: RoundTrips,
    /// Refused registers: address and line of the register list.
    pub refused: Vec<String>,
    /// Readings whose text found no place in the store.
    pub refused_texts: u64,
    /// What was learnt of the device, as lines for its profile's `[modbus]`.
    pub learnt: Vec<String>,
}

impl DeviceStatus {
    pub(super) fn new(label: &str, unit: u8) -> Self {
        Self {
            label: label.to_owned(),
            unit,
            state: DeviceState::Waiting,
            last_error: None,
            last_error_at: None,
            requests: 0,
            failures: 0,
            polls: 0,
            good_polls: 0,
            missed: 0,
            round_trips: RoundTrips::default(),
            refused: Vec::new(),
            refused_texts: 0,
            learnt: Vec::new(),
        }
    }
}

/// Shared by the source (writes) and whoever shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status(Arc<Mutex<SourceStatus>>);

impl Status {
    pub(crate) fn new(id: &str, kind: &'static str) -> Self {
        Self(Arc::new(Mutex::new(SourceStatus { id: id.to_owned(), kind, ..SourceStatus::default() })))
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut SourceStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).kind
    }

    pub(crate) fn get(&self) -> SourceStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
