//! Rows of the ledger as its readers get them: plain data, no rules.

use super::Loss;
use crate::audit::Entry;
use crate::plant::Micros;

/// A stored alarm transition.
#[derive(Debug, Clone, serde::Serialize)]
#[allow(missing_docs)]
pub struct TransitionRow {
    pub seq: i64,
    pub at: Micros,
    pub rule: String,
    pub event: String,
    pub before: String,
    pub after: String,
    pub value: Option<f64>,
    pub cause: Option<String>,
    pub by: Option<String>,
}

impl TransitionRow {
    /// People were called to a new occurrence, as in [`crate::alarm::Transition::annunciates`].
    #[must_use]
    pub fn annunciates(&self) -> bool {
        calls(&self.event, &self.before, &self.after)
    }
}

/// See [`TransitionRow::annunciates`].
pub(in crate::store) fn calls(event: &str, before: &str, after: &str) -> bool {
    after == "unacknowledged" && !matches!(event, "repeated" | "reinstated") && !is_active(before)
}

/// People see an alarm whose condition holds.
pub(in crate::store) fn is_active(state: &str) -> bool {
    matches!(state, "acknowledged" | "unacknowledged")
}

/// A hazard event waiting for, or past, its delivery.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Cursor of the pull API.
    pub seq: i64,
    /// Hazard id.
    pub hazard: String,
    /// CloudEvent, JSON.
    pub body: String,
}

/// A receipt, or what stands in for it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DeliveryRow {
    /// Outlet id.
    pub outlet: String,
    /// Version of the hazard that was sent.
    pub version: u32,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// When.
    pub at: Option<Micros>,
    /// What the other side said.
    pub detail: String,
}

/// What the other side refused for good.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Outlet id.
    pub outlet: String,
    /// The line or the event.
    pub what: String,
    /// HTTP status.
    pub status: u16,
    /// The server's words.
    pub reason: String,
}

/// What nearly became an alarm, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecursorRow {
    /// When it ended.
    pub at: Micros,
    /// Key of the rule.
    pub rule: String,
    /// Beyond the limit, and back before the on-delay had passed; else only near.
    pub beyond: bool,
    /// The value furthest gone, in the point's unit.
    pub peak: f64,
    /// How long it lasted, milliseconds.
    pub lasted_ms: u64,
}

/// A row of the loss ledger.
#[derive(Debug, Clone)]
pub struct LossRow {
    /// When it was noted last.
    pub at: Micros,
    /// What went.
    pub loss: Loss,
    /// Why.
    pub reason: String,
}

/// One audit entry as stored.
pub type AuditRow = Entry;
