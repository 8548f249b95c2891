//! A changed record as a CloudEvents 1.0 event for the inspection system.

use serde_json::{Value, json};

use super::record::{Evidence, HazardChange};
use crate::plant::{HazardLevel, Micros};

/// The event that tells of `change`. Its id is `<uuid>#<version>`: the same change always has the
/// same id, so a receiver may drop repeats.
#[must_use]
pub fn cloud_event(change: &HazardChange, site: &str) -> Value {
    let h = &change.hazard;
    let alarm = h.alarm();
    let region = h.region.as_deref().unwrap_or("-");
    let evidence = match &h.evidence {
        Evidence::Pending => {
            json!({ "from": h.evidence_from.rfc3339(), "to": h.evidence_to.rfc3339(), "sealed": false })
        }
        Evidence::Sealed { sha256, readings } => {
            json!({ "from": h.evidence_from.rfc3339(), "to": h.evidence_to.rfc3339(),
            "sealed": true, "sha256": sha256, "readings": readings })
        }
    };
    let data = json!({
        "hazard_id": h.id,
        "number": h.number,
        "version": h.version,
        "equipment": h.equipment,
        "registration": h.registration,
        "region": h.region,
        "responsible": h.responsible,
        "escalated_to": h.escalated.then_some("safety_director"),
        "rule": h.rule(),
        "point": alarm.and_then(|a| a.point.as_deref()),
        "category": h.category,
        "title_zh": h.title_zh,
        "title_en": h.title_en,
        "consequence_zh": h.consequence_zh,
        "consequence_en": h.consequence_en,
        "level": h.level.word(),
        "level_zh": if h.level == HazardLevel::Major { "重大" } else { "一般" },
        "level_state": h.level_state.word(),
        "source": h.origin.as_str(),
        "status": h.status.word(),
        "found_at": h.found_at.rfc3339(),
        "last_seen": h.last_seen.rfc3339(),
        "occurrences": h.occurrences,
        "value": alarm.and_then(|a| a.value),
        "setpoint": alarm.and_then(|a| a.setpoint),
        "unit": alarm.map(|a| a.unit.as_str()),
        "acknowledged_at": h.acknowledged_at.map(Micros::rfc3339),
        "closed_at": h.closed_at.map(Micros::rfc3339),
        "closing_note": h.closing_note,
        "override_reason": h.override_reason,
        "rectification": { "plan": null, "person": null, "measures": null, "due_at": null, "funds_cny": null },
        "evidence": evidence,
    });
    json!({
        "specversion": "1.0",
        "id": format!("{}#{}", h.id, h.version),
        "source": format!("/plants/{region}/{site}/{}", h.equipment.as_deref().unwrap_or("-")),
        "type": format!("cn.steamward.hazard.{}.v1", change.kind.word()),
        "subject": h.registration.as_deref().or(h.equipment.as_deref()).unwrap_or(site),
        "time": change.at.rfc3339(),
        "datacontenttype": "application/json",
        "data": data,
    })
}
