//! What the API says: one struct a body, times as RFC 3339 UTC.

use serde::Serialize;
use utoipa::ToSchema;

use super::data_path::PathView;
use crate::live::{AlarmView, Texts};
use crate::plant::Micros;
use crate::store::{DeliveryRow, evidence::EvidenceSeries, trend::TrendSeries};

/// RFC 3339 with microseconds.
pub(super) fn rfc3339(at: Micros) -> String {
    at.rfc3339()
}

/// What became of a pushed request.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct PushReport {
    /// Why nothing was taken; only with status 400.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub error: Option<serde_json::Value>,
    /// Readings taken and on the disk, good or bad.
    pub accepted: usize,
    /// Readings that came before and were dropped.
    pub duplicates: usize,
    /// Readings, objects or lines that were not taken.
    pub rejected: usize,
    /// The first 100 of them.
    pub rejections: Vec<PushRejection>,
}

/// One item that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct PushRejection {
    /// JSON: place in the list, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// Line protocol: line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// As the sender names it.
    pub device: Option<String>,
    /// As the sender names it.
    pub point: Option<String>,
    /// `unknown-device`, `no-device`, `two-sources`, `unknown-point`, `unreadable`, `no-values` or `bad-line`.
    pub reason: &'static str,
    /// The same for people.
    pub message: Texts,
}

/// A limit and how its alarm stands.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct LimitView {
    pub kind: &'static str,
    pub at: f64,
    pub priority: &'static str,
    pub state: String,
}

/// A point with quality and time.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct PointView {
    pub id: String,
    pub name: Texts,
    pub unit: String,
    pub decimals: u8,
    pub value: Option<f64>,
    pub quality: &'static str,
    pub cause: Option<&'static str>,
    pub at: Option<String>,
    pub age_ms: Option<i64>,
    pub range: Option<(f64, f64)>,
    pub limits: Vec<LimitView>,
    /// What the value means, where it is one of an enumeration.
    pub label: Option<Texts>,
    /// The text, where the value is one.
    pub text: Option<String>,
}

/// A boiler or vessel with its points.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct EquipmentView {
    pub id: String,
    pub name: Texts,
    pub kind: String,
    pub model: Option<String>,
    pub registration: Option<String>,
    pub officer: Option<String>,
    pub points: Vec<PointView>,
}

/// The evidence window of a hazard.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct EvidenceRef {
    pub from: String,
    pub to: String,
    pub sealed: bool,
    pub sha256: Option<String>,
}

/// A hazard record.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct HazardView {
    pub id: String,
    pub number: String,
    /// `null` where it is about the site, a person or the duty.
    pub equipment: Option<String>,
    /// Why it was opened: `auto_alarm` today.
    pub source: &'static str,
    /// Of an alarm: its rule.
    pub rule: Option<String>,
    pub point: Option<String>,
    pub category: String,
    pub title: Texts,
    /// What it can lead to, if the settings told it when the record was opened.
    pub consequence: Option<Texts>,
    /// Who answers for it: the equipment's officer, or the safety director of the site.
    pub responsible: Option<String>,
    /// It went to the safety director.
    pub escalated: bool,
    pub level: &'static str,
    pub level_state: &'static str,
    pub status: &'static str,
    pub found_at: String,
    pub last_seen: String,
    pub occurrences: u32,
    pub value: Option<f64>,
    pub setpoint: Option<f64>,
    /// Of value and setpoint; `null` where no alarm opened it.
    pub unit: Option<String>,
    pub acknowledged_by: Option<String>,
    pub acknowledged_at: Option<String>,
    pub closed_by: Option<String>,
    pub closed_at: Option<String>,
    pub closing_note: Option<String>,
    pub override_reason: Option<String>,
    pub version: u32,
    pub evidence: EvidenceRef,
    pub deliveries: Vec<DeliveryView>,
}

/// How one version of a hazard was delivered.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct DeliveryView {
    pub outlet: String,
    pub version: u32,
    pub state: String,
    pub at: Option<String>,
    pub detail: String,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            outlet: row.outlet,
            version: row.version,
            state: row.state,
            at: row.at.map(rfc3339),
            detail: row.detail,
        }
    }
}

/// Evidence readings.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct EvidenceView {
    pub from: String,
    pub to: String,
    pub sealed: bool,
    pub sha256: Option<String>,
    pub series: Vec<EvidenceSeries>,
}

/// The recent past of one piece of equipment.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct TrendView {
    pub from: String,
    pub to: String,
    /// Width of a bucket.
    pub step_ms: u64,
    pub series: Vec<TrendSeries>,
    /// How points were read otherwise before, oldest first, as far as the audit trail tells; `null` where it cannot be read.
    pub changes: Option<Vec<ReadingChange>>,
}

/// A point that is read otherwise since this time.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadingChange {
    /// When the settings took effect.
    pub at: String,
    /// `read-otherwise`: in the same unit, its series goes on. `unit`: a new series begins.
    pub kind: &'static str,
    /// Point id.
    pub point: String,
    /// How it was read: register, type, order and scale, or the place in a payload; or the unit it was in.
    pub was: String,
    /// How it is read, or the unit it is in.
    pub now: String,
}

/// The site.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct SiteView {
    pub id: String,
    pub name: Texts,
    pub region: Option<String>,
    pub timezone: String,
}

/// Whether the gateway's own clock is believed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockView {
    /// Readings taken now are not marked.
    pub sure: bool,
    /// If not: `never-set`, `jumped` (within the last minute) or `not-synchronised`.
    pub reason: Option<&'static str>,
    /// When it jumped last since the start, by the time after the jump.
    pub last_jump_at: Option<String>,
    /// How far ahead, milliseconds; negative: back.
    pub last_jump_ms: Option<i64>,
}

impl From<crate::clock::State> for ClockView {
    fn from(state: crate::clock::State) -> Self {
        Self {
            sure: state.doubt.is_none(),
            reason: state.doubt.map(crate::clock::Doubt::word),
            last_jump_at: state.last_jump.map(|(at, _)| rfc3339(at)),
            last_jump_ms: state.last_jump.map(|(_, by)| by),
        }
    }
}

/// Everything the first page shows.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct Overview {
    pub site: SiteView,
    pub version: &'static str,
    pub now: String,
    /// Since when the plant is as it stands here. Where `values` says another time, units and limits may be others: read
    /// this again.
    pub settings_at: String,
    pub clock: ClockView,
    pub demo: bool,
    pub equipment: Vec<EquipmentView>,
    pub alarms: Vec<AlarmView>,
    pub hazards: Vec<HazardView>,
    pub path: PathView,
}

/// A page of the pull feed.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct HazardFeed {
    /// Ask for `after=` this next time.
    pub cursor: i64,
    /// CloudEvents in the order they were committed.
    pub events: Vec<serde_json::Value>,
    /// Hazards as they stand (only when no cursor was given).
    pub hazards: Vec<HazardView>,
}

/// A demo fault.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct FaultView {
    pub name: String,
    pub title: Texts,
    pub active: bool,
}
