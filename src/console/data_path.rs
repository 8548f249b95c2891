//! The way of the data as the API tells it: sources with their devices, the outbox, the outlets.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::live::Heard;
use crate::live::StoreView;
use crate::outlet::OutletState;
use crate::parts::{Counts, PartState};

/// One source on the data path.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct SourceView {
    pub id: String,
    pub kind: &'static str,
    pub connected: bool,
    pub last_error: Option<String>,
    pub requests: u64,
    pub errors: u64,
    pub round_trip_us: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    /// Connections made since the start.
    pub connects: u64,
    /// Answers that came after their request was given up, dropped.
    pub late_answers: u64,
    /// Answers of another unit, function or length, dropped.
    pub foreign_answers: u64,
    /// Modbus: second copies of answers.
    pub doubled_answers: u64,
    pub crc_errors: u64,
    /// Bytes that belonged to no frame.
    pub junk_bytes: u64,
    /// RTU: frames of another master on the line.
    pub other_master: u64,
    /// Modbus: what stands on it.
    pub devices: Vec<DeviceView>,
    /// Of an MQTT session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<MqttView>,
    /// Of a push source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<PushView>,
}

/// How the embedded MQTT broker stands; counted since the gateway's start.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct BrokerView {
    pub address: String,
    /// It takes connections; if not, `last_error` says why, and it is tried again.
    pub running: bool,
    /// Times its process ended without being asked to.
    pub ended: u64,
    pub last_error: Option<String>,
    pub last_error_at: Option<String>,
    #[serde(flatten)]
    pub counts: Counts,
}

/// What came in over HTTP that nobody configured, and what was not taken.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct PushView {
    /// Devices and points that came in and that no setting knows, at most 200.
    pub unknown: Vec<UnknownView>,
    /// How many more there were.
    pub unknown_more: u64,
    pub duplicates: u64,
    pub rejected: u64,
}

/// A device on a Modbus source; counted since the start or since its settings changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct DeviceView {
    pub label: String,
    pub unit: u8,
    /// `waiting`, `reading`, `reading-part`, `failing`, `resting` or `disconnected`.
    pub state: &'static str,
    /// The last trouble; `state` says whether there is one now.
    pub last_error: Option<String>,
    pub last_error_at: Option<String>,
    pub requests: u64,
    pub failures: u64,
    pub polls: u64,
    /// Polls with every request answered.
    pub good_polls: u64,
    /// Ticks skipped because the poll before took too long.
    pub missed_polls: u64,
    /// `good_polls` of `polls`, 0 to 1.
    pub success: Option<f64>,
    pub round_trip_p50_us: Option<u64>,
    pub round_trip_p99_us: Option<u64>,
    /// Registers the device refuses: address and line of the register list.
    pub refused: Vec<String>,
    /// Readings whose text found no place in the store (`Texts` in the configuration).
    pub refused_texts: u64,
    /// What was learnt of the device, as lines for its profile's `[modbus]`.
    pub learnt: Vec<String>,
}

/// How the messages of an MQTT session went, and what nobody configured.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct MqttView {
    /// Devices and points that came in and that no setting knows, at most 200.
    pub unknown: Vec<UnknownView>,
    /// How many more there were.
    pub unknown_more: u64,
    pub retained: u64,
    pub duplicates: u64,
    pub expired: u64,
    pub ignored: u64,
    pub set_aside: u64,
    /// Tokens that were not JSON and cost their own field only.
    pub repaired: u64,
    /// Times that could not be read; what came with them is in doubt.
    pub bad_times: u64,
    /// Messages without a time that may have waited at the broker while the gateway was away.
    pub queued: u64,
    pub offline: u64,
    pub unacknowledged: u64,
    /// Times that the broker no longer had the session when the gateway came back.
    pub sessions_lost: u64,
    pub session_lost_at: Option<String>,
    /// Messages that the broker says it dropped; only with `dropped_topic`.
    pub broker_dropped: u64,
    /// Sparkplug B edge nodes of the settings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<EdgeNodeView>,
}

/// How a Sparkplug B edge node stands; counted since the session began.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct EdgeNodeView {
    pub group: String,
    pub node: String,
    /// `online`, `offline`, or `unknown`: not heard of since the broker is connected.
    pub state: &'static str,
    pub devices: Vec<EdgeDeviceView>,
    /// When its last NBIRTH came.
    pub last_birth_at: Option<String>,
    pub messages: u64,
    pub births: u64,
    /// Times that missing messages were given up.
    pub gaps: u64,
    /// Dropped, because their session was not seen to begin.
    pub lost: u64,
    pub duplicates: u64,
    /// DataSets and Templates that could not be opened.
    pub unreadable_structures: u64,
    pub rebirths_asked: u64,
    /// A rebirth would help; it is not asked for yet, or may not be.
    pub wants_rebirth: bool,
}

/// A device behind an edge node.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct EdgeDeviceView {
    pub device: String,
    pub online: bool,
}

/// A name that no setting knows; without `point` the device itself is unknown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct UnknownView {
    pub topic: String,
    pub device: Option<String>,
    pub point: Option<String>,
    pub example: Option<String>,
}

/// What waits to be forwarded.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct OutboxView {
    /// The disk takes what is read; if not, alarms are shown but not yet kept.
    pub writable: bool,
    /// In which state the store is.
    pub store: StoreView,
    /// Readings that went before they could be stored, since the start; the loss ledger tells which.
    pub lost: u64,
    pub pending_chunks: u64,
    pub bytes: u64,
    pub oldest_at: Option<String>,
}

/// How often a device is heard, as it was measured.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct HeardView {
    pub device: String,
    /// The source it is on.
    pub source: String,
    /// Milliseconds between two of its samples; `null` before the second one.
    pub every_ms: Option<u64>,
    /// Milliseconds that the settings expect between two; a device that is asked more often than each second has 1000.
    pub expected_ms: u64,
    /// After so many milliseconds without a sample it is silent; with a pace above this the alarms come of the settings.
    pub silent_after_ms: u64,
    /// It comes clearly more seldom than expected: what its equipment's settings would have to say, `expect_every = \"20s\"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<String>,
}

/// A device is given so many of its expected paces before it is silent.
const PACES: u32 = 3;

impl HeardView {
    /// `kind` is that of its source.
    pub(super) fn of(heard: Heard, kind: &str) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let expected = heard.silent_after / PACES;
        // One message in three that is missed does not make a pace.
        let slow = heard.every.filter(|every| *every > expected.mul_f64(1.5));
        let key = if kind == "modbus" { "period" } else { "expect_every" };
        Self {
            write: slow.map(|every| format!("{key} = \"{}s\"", every.as_secs_f64().ceil())),
            every_ms: heard.every.map(ms),
            expected_ms: ms(expected),
            silent_after_ms: ms(heard.silent_after),
            device: heard.device,
            source: heard.source,
        }
    }
}

/// The data path from the wires to the targets.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct PathView {
    pub sources: Vec<SourceView>,
    /// The embedded broker, where the settings have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerView>,
    /// How often each device is heard.
    pub heard: Vec<HeardView>,
    pub outbox: OutboxView,
    pub outlets: Vec<OutletState>,
    /// Console, embedded broker, outlets, and what sources wait for: what is down is tried again.
    pub parts: Vec<PartState>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::HeardView;
    use crate::live::Heard;

    fn view(kind: &str, every: Option<f64>, silent_after: u64) -> HeardView {
        let (device, source) = ("s/d".to_owned(), "s".to_owned());
        let every = every.map(Duration::from_secs_f64);
        HeardView::of(Heard { device, source, every, silent_after: Duration::from_secs(silent_after) }, kind)
    }

    #[test]
    fn a_device_that_comes_clearly_more_seldom_than_expected_is_told_with_the_setting_to_write() {
        let slow = view("mqtt", Some(19.98), 15);
        assert_eq!((slow.every_ms, slow.expected_ms, slow.silent_after_ms), (Some(19_980), 5000, 15_000));
        assert_eq!(slow.write.as_deref(), Some("expect_every = \"20s\""));
        assert_eq!(view("push", Some(8.2), 15).write.as_deref(), Some("expect_every = \"9s\""));
        assert_eq!(view("modbus", Some(3.4), 3).write.as_deref(), Some("period = \"4s\""));
        // A message now and then that is late or lost, and a device of which nothing is known yet.
        assert_eq!(view("mqtt", Some(7.4), 15).write, None);
        assert_eq!(view("mqtt", Some(0.2), 15).write, None);
        assert_eq!(view("mqtt", None, 15).write, None);
    }
}
