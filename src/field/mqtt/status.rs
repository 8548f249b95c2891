//! How an MQTT session and its edge nodes stand, for the data path and `/metrics`.

use super::sparkplug::{Counters, Life};
use crate::field::ingest::unmapped::{Unknown, Unmapped};
use crate::plant::Micros;

/// How a Sparkplug B edge node stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeNode {
    /// Group id.
    pub group: String,
    /// Edge node id.
    pub node: String,
    /// Whether it is there.
    pub life: Life,
    /// Its configured devices, and whether each is there.
    pub devices: Vec<(String, bool)>,
    /// When its last NBIRTH came.
    pub last_birth: Option<Micros>,
    /// A rebirth would help, and is not asked for yet, or may not be.
    pub wants_rebirth: bool,
    /// What happened so far.
    pub counters: Counters,
}

/// How a session's messages went, for the page and `/metrics`.
#[derive(Debug, Clone, Default)]
pub struct MqttStatus {
    /// Names that no setting knows, at most 200.
    pub unknown: Vec<Unknown>,
    /// How many more there were.
    pub unknown_more: u64,
    /// Messages that the broker had kept for new subscribers.
    pub retained: u64,
    /// Messages and readings that came a second time and were dropped.
    pub duplicates: u64,
    /// Messages whose expiry interval was over.
    pub expired: u64,
    /// Messages that their shape passes over, such as echoes of commands.
    pub ignored: u64,
    /// Messages that could not be read.
    pub set_aside: u64,
    /// Tokens that were not JSON and cost their own field only.
    pub repaired: u64,
    /// Times that could not be read; what came with them is in doubt.
    pub bad_times: u64,
    /// Messages without a time that may have waited at the broker while the gateway was away.
    pub queued: u64,
    /// Last wills and the like: devices said to be gone.
    pub offline: u64,
    /// Received and not yet on the disk.
    pub unacknowledged: u64,
    /// Times that the broker no longer had this gateway's session when it came back.
    pub sessions_lost: u64,
    /// When that was found last.
    pub session_lost_at: Option<Micros>,
    /// Messages that the broker says it dropped, of this gateway or of others; only with `dropped_topic`.
    pub broker_dropped: u64,
    /// Sparkplug B edge nodes of the settings.
    pub nodes: Vec<EdgeNode>,
}

impl MqttStatus {
    /// Takes over the names that nobody configured, if there are new ones; the status is made when the first one comes.
    pub(super) fn note_unmapped(status: &mut Option<Box<Self>>, unmapped: &mut Unmapped) {
        if let Some((list, more)) = unmapped.news() {
            let status = status.get_or_insert_default();
            status.unknown = list.to_vec();
            status.unknown_more = more;
        }
    }
}
