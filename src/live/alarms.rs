//! Alarms as whoever shows them needs them: words instead of indices, times as RFC 3339 UTC.

use serde::Serialize;
use utoipa::ToSchema;

use crate::plant::Name;

/// A text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Texts {
    /// 中文
    pub zh: String,
    /// English
    pub en: String,
}

impl From<&Name> for Texts {
    fn from(name: &Name) -> Self {
        Self { zh: name.zh.clone(), en: name.en.clone() }
    }
}

/// An alarm that is not normal.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct AlarmView {
    pub rule: String,
    pub equipment: String,
    pub point: Option<String>,
    pub device: Option<String>,
    pub kind: &'static str,
    pub priority: &'static str,
    pub state: &'static str,
    pub value: Option<f64>,
    pub at: Option<f64>,
    pub unit: String,
    pub raised_at: Option<String>,
    pub acknowledged_by: Option<String>,
    pub hazard: Option<String>,
    /// The condition is in breach, also where nobody is called.
    pub active: bool,
    /// It came first in its equipment.
    pub first_out: bool,
    /// Nobody knows whether it should be hidden, because this point is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition_unknown: Option<String>,
    /// What an operator is told with it, as far as the settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance: Option<GuidanceView>,
    /// Who hid it, why, and until when (shelved) or since when (out of service).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenView>,
}

/// What to know and do. In messages the values of the raise stand where the settings have placeholders.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct GuidanceView {
    pub message: Option<Texts>,
    pub consequence: Option<Texts>,
    pub response: Option<Texts>,
    /// Seconds.
    pub response_time_s: Option<u64>,
}

/// An alarm put aside by a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct HiddenView {
    pub by: String,
    pub reason: String,
    pub until: Option<String>,
    pub since: Option<String>,
}
