//! One hazard record: its fields and the words they have in API and ledger.

use uuid::Uuid;

use super::origin::{AlarmOrigin, Origin};
use crate::plant::{HazardLevel, Micros};

/// Where a record stands. For now three steps; the full lifecycle (assigned, rectifying, awaiting
/// review …) comes with the hazard workflow and fits between the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// 登记: found, nobody has taken note.
    Open,
    /// Somebody has.
    Acknowledged,
    /// 销号: really gone.
    Closed,
}

/// Whether a person has confirmed the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LevelState {
    /// By software; major hazards are judged by a person (GB 45067-2024).
    Proposed,
    /// Needs no further judgement.
    Confirmed,
}

/// The readings around it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// The window has not passed yet.
    Pending,
    /// Kept for good.
    Sealed {
        /// Of the series as JSON, hex.
        sha256: String,
        /// How many readings.
        readings: u64,
    },
}

/// One hazard record.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Hazard {
    /// UUIDv7, never changes.
    pub id: Uuid,
    /// For people: `YH-20261124-01`.
    pub number: String,
    /// Equipment id; `None` where it is about the site, a person or the duty.
    pub equipment: Option<String>,
    /// 使用登记证编号 or 设备代码.
    pub registration: Option<String>,
    /// 属地, GB/T 2260 code.
    pub region: Option<String>,
    /// Who answers for it: the equipment's officer, or the safety director of the site.
    #[serde(default)]
    pub responsible: Option<String>,
    /// It went to the safety director (安全总监).
    #[serde(default)]
    pub escalated: bool,
    /// Why it was opened. Its fields stand among those of the record, its word in `source`.
    #[serde(flatten)]
    pub origin: Origin,
    /// 分类, domain reference 5.2.
    pub category: String,
    /// 标题
    pub title_zh: String,
    /// Title
    pub title_en: String,
    /// 后果, as the settings told it when the record was opened.
    #[serde(default)]
    pub consequence_zh: Option<String>,
    /// What it can lead to.
    #[serde(default)]
    pub consequence_en: Option<String>,
    /// 一般 or 重大.
    pub level: HazardLevel,
    /// Proposed or confirmed.
    pub level_state: LevelState,
    /// When it was found first.
    pub found_at: Micros,
    /// When it was found last.
    pub last_seen: Micros,
    /// How often it was found while the record was open; the same breach shown again does not count.
    pub occurrences: u32,
    /// Step.
    pub status: Status,
    /// Who took note.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<Micros>,
    /// Who closed it.
    pub closed_by: Option<String>,
    /// When.
    pub closed_at: Option<Micros>,
    /// What was done.
    pub closing_note: Option<String>,
    /// Why it was closed though its limit is no longer in the settings, so that nobody can tell whether it is gone.
    #[serde(default)]
    pub override_reason: Option<String>,
    /// Grows by one with every change; part of the event id.
    pub version: u32,
    /// Evidence window, from.
    pub evidence_from: Micros,
    /// Evidence window, to.
    pub evidence_to: Micros,
    /// Sealed or not yet.
    pub evidence: Evidence,
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Found.
    Opened,
    /// Its alarm was raised again.
    Occurred,
    /// Somebody took note.
    Acknowledged,
    /// Closed.
    Closed,
    /// The evidence window has passed and is kept.
    EvidenceSealed,
}

/// A record after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct HazardChange {
    /// As it stands now.
    pub hazard: Hazard,
    /// What happened.
    pub kind: ChangeKind,
    /// When.
    pub at: Micros,
}

impl Hazard {
    /// The breach that opened it, where an alarm is its origin.
    #[must_use]
    pub fn alarm(&self) -> Option<&AlarmOrigin> {
        self.origin.alarm()
    }

    /// Key of the rule that opened it, where an alarm is its origin.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.alarm().map(|alarm| alarm.rule.as_str())
    }

    /// A further breach of its limit came to hold.
    pub(super) fn found_again(&mut self, at: Option<Micros>) {
        if let Origin::Alarm(alarm) = &mut self.origin {
            alarm.breach_at = at;
        }
    }

    /// What else is the same hazard while this record is open: see [`Origin::merge_key`].
    #[must_use]
    pub fn merge_key(&self) -> String {
        self.origin.merge_key(self.equipment.as_deref())
    }
}

impl Status {
    /// Stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
        }
    }
}

impl LevelState {
    /// Stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Confirmed => "confirmed",
        }
    }
}

impl ChangeKind {
    /// Stable word; part of the event type.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Occurred => "occurred",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
            Self::EvidenceSealed => "evidence_sealed",
        }
    }
}
