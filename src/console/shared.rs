//! What the handlers work with: views made from the live values and the store, and the way to the keeper.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use tokio::sync::oneshot;

use super::Shared;
use super::data_path::{HeardView, OutboxView, PathView};
use super::refusal::Refusal;
use super::views::{EquipmentView, EvidenceRef, HazardView, LimitView, PointView, rfc3339};
use crate::command::Command;
use crate::hazard::{AlarmOrigin, Evidence, Hazard, Origin};
use crate::live::Request;
use crate::live::Texts;
use crate::people::{Actor, Via};
use crate::plant::{Equipment, Micros, Plant, ValueType};
use crate::store::{JournalReader, LedgerReader, StoreError};

/// Longest wait of a command for the disk.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!("the console cannot read the store: {error}");
        Self::new(
            "internal",
            "网关读取存储失败，详见日志。",
            "The gateway could not read its store; the log says why.",
        )
    }
}

/// A long look into the store, where it holds nobody up.
pub(super) async fn look_back<R: Send + 'static, T: Send + 'static>(
    reader: &Arc<Mutex<R>>,
    read: impl FnOnce(&R) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let reader = Arc::clone(reader);
    tokio::task::spawn_blocking(move || read(&reader.lock().unwrap_or_else(PoisonError::into_inner)))
        .await
        .unwrap_or_else(|e| Err(StoreError::Corrupt(format!("the look back ended early: {e}"))))
}

impl Shared {
    pub(super) fn with_ledger<T>(
        &self,
        read: impl FnOnce(&LedgerReader) -> Result<T, StoreError>,
    ) -> Result<T, Refusal> {
        Ok(read(&self.ledger.lock().unwrap_or_else(PoisonError::into_inner))?)
    }

    pub(super) fn with_journal<T>(
        &self,
        read: impl FnOnce(&JournalReader) -> Result<T, StoreError>,
    ) -> Result<T, Refusal> {
        Ok(read(&self.journal.lock().unwrap_or_else(PoisonError::into_inner))?)
    }

    /// All equipment that is in the settings.
    pub(super) fn all_equipment(&self, plant: &Plant) -> Vec<EquipmentView> {
        plant.present().map(|e| self.equipment_view(plant, e)).collect()
    }

    /// How the outlets stand.
    pub(super) fn outlet_states(&self) -> Vec<crate::outlet::OutletState> {
        let outlets = self.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        outlets.iter().map(crate::outlet::OutletStatus::get).collect()
    }

    pub(super) fn equipment_view(&self, plant: &Plant, equipment: &Equipment) -> EquipmentView {
        let view = self.live.read();
        let points = equipment
            .points
            .iter()
            .map(|ix| {
                let point = plant.point(*ix);
                let live = view.points.get(ix.0 as usize).copied();
                let limits = point
                    .limits
                    .iter()
                    .map(|limit| {
                        let rule = format!("{}/{}.{}", equipment.id, point.id, limit.kind.key());
                        LimitView {
                            kind: limit.kind.key(),
                            at: limit.at,
                            priority: limit.priority.word(),
                            state: view.alarms.get(&rule).map_or("normal", |a| a.state).to_owned(),
                        }
                    })
                    .collect();
                let read = live.filter(|l| l.at != Micros::default());
                PointView {
                    id: point.id.to_string(),
                    name: Texts::from(&point.name),
                    unit: point.unit.clone(),
                    decimals: point.decimals,
                    value: live.map(|l| l.value).filter(|v| v.is_finite()),
                    quality: live.map_or("bad", |l| l.quality.word()),
                    cause: live.map_or(Some("not-yet-read"), |l| l.quality.cause().map(|c| c.word())),
                    at: read.map(|l| rfc3339(l.at)),
                    age_ms: read.map(|l| l.lag / 1000 + l.came.elapsed().as_millis() as i64),
                    range: point.range,
                    limits,
                    label: live.and_then(|l| {
                        let whole = (l.value.fract() == 0.0).then_some(l.value as i64)?;
                        point.labels.iter().find(|label| label.0 == whole).map(|label| Texts::from(&label.1))
                    }),
                    text: live
                        .filter(|_| point.value_type == ValueType::Text)
                        .and_then(|l| self.texts.get(l.value)),
                }
            })
            .collect();
        EquipmentView {
            id: equipment.id.to_string(),
            name: Texts::from(&equipment.name),
            kind: equipment.kind.to_string(),
            model: equipment.model.clone(),
            registration: equipment.registration.clone(),
            officer: equipment.officer.clone(),
            points,
        }
    }

    pub(super) fn hazard_view(&self, hazard: Hazard) -> Result<HazardView, Refusal> {
        let id = hazard.id.to_string();
        let deliveries = self.with_ledger(|l| l.deliveries(&id)).unwrap_or_default();
        let sha256 = match &hazard.evidence {
            Evidence::Sealed { sha256, .. } => Some(sha256.clone()),
            Evidence::Pending => None,
        };
        let source = hazard.origin.as_str();
        let (alarm, is_alarm) = match hazard.origin {
            Origin::Alarm(alarm) => (alarm, true),
            _ => (AlarmOrigin::default(), false),
        };
        Ok(HazardView {
            id,
            number: hazard.number,
            equipment: hazard.equipment,
            source,
            rule: is_alarm.then_some(alarm.rule),
            point: alarm.point,
            category: hazard.category,
            title: Texts { zh: hazard.title_zh, en: hazard.title_en },
            consequence: hazard.consequence_zh.zip(hazard.consequence_en).map(|(zh, en)| Texts { zh, en }),
            responsible: hazard.responsible,
            escalated: hazard.escalated,
            level: hazard.level.word(),
            level_state: hazard.level_state.word(),
            status: hazard.status.word(),
            found_at: rfc3339(hazard.found_at),
            last_seen: rfc3339(hazard.last_seen),
            occurrences: hazard.occurrences,
            value: alarm.value,
            setpoint: alarm.setpoint,
            unit: is_alarm.then_some(alarm.unit),
            acknowledged_by: hazard.acknowledged_by,
            acknowledged_at: hazard.acknowledged_at.map(rfc3339),
            closed_by: hazard.closed_by,
            closed_at: hazard.closed_at.map(rfc3339),
            closing_note: hazard.closing_note,
            override_reason: hazard.override_reason,
            version: hazard.version,
            evidence: EvidenceRef {
                from: rfc3339(hazard.evidence_from),
                to: rfc3339(hazard.evidence_to),
                sealed: sha256.is_some(),
                sha256,
            },
            deliveries: deliveries.into_iter().map(Into::into).collect(),
        })
    }

    pub(super) fn hazard_views(&self, closed: bool) -> Result<Vec<HazardView>, Refusal> {
        let mut newer = self.live.read().hazards.clone();
        let stored = match self.with_ledger(|l| l.hazards(closed)) {
            Ok(stored) => stored,
            // The gateway knows by itself what is not closed.
            Err(e) if closed => return Err(e),
            Err(_) => Vec::new(),
        };
        let mut hazards: Vec<Hazard> =
            stored.into_iter().map(|h| newer.remove(&h.id.to_string()).unwrap_or(h)).collect();
        hazards.extend(newer.into_values());
        hazards.retain(|h| closed || h.status != crate::hazard::Status::Closed);
        hazards.into_iter().map(|h| self.hazard_view(h)).collect()
    }

    pub(super) fn find_hazard(&self, id: &str) -> Result<Hazard, Refusal> {
        if let Some(hazard) = self.live.read().hazards.get(id) {
            return Ok(hazard.clone());
        }
        self.with_ledger(|l| l.hazard(id))?.ok_or_else(|| {
            Refusal::new("not-found", format!("没有隐患 {id}。"), format!("There is no hazard {id}."))
        })
    }

    pub(super) fn path_view(&self) -> Result<PathView, Refusal> {
        let outlets = self.outlet_states();
        let behind = outlets.iter().filter(|o| o.kind == "influx").map(|o| o.cursor).min();
        // A store that cannot be read leaves the rest of the path to be seen.
        let (pending_chunks, oldest) = match behind {
            Some(cursor) => self.with_journal(|j| j.pending(cursor)).unwrap_or_default(),
            None => (0, None),
        };
        let failing = &self.counters.store_failing;
        let writable = failing.load(std::sync::atomic::Ordering::Relaxed) == 0;
        let store = self.counters.store();
        let lost = self.counters.readings_lost.load(std::sync::atomic::Ordering::Relaxed);
        let bytes = self.counters.journal_bytes.load(std::sync::atomic::Ordering::Relaxed);
        let sources = (self.sources)();
        let heard = self.live.heard().into_iter().map(|heard| {
            let kind = sources.iter().find(|s| s.id == heard.source).map_or("", |s| s.kind);
            HeardView::of(heard, kind)
        });
        Ok(PathView {
            heard: heard.collect(),
            sources,
            broker: (self.broker)(),
            outbox: OutboxView {
                writable,
                store,
                lost,
                pending_chunks,
                bytes,
                oldest_at: oldest.map(rfc3339),
            },
            outlets,
            parts: self.parts.states(),
        })
    }

    /// The person of this name, with what is known of how they came.
    pub(super) fn actor(&self, name: String) -> Actor {
        let via = if self.token.is_some() { Via::ConsoleToken } else { Via::OpenConsole };
        Actor::person(name, via)
    }

    pub(super) async fn ask(&self, command: Command) -> Result<Json<serde_json::Value>, Refusal> {
        let (reply, outcome) = oneshot::channel();
        let stopping = || Refusal::new("stopping", "网关正在停止。", "The gateway is stopping.");
        self.commands.send(Request { command, reply }).await.map_err(|_| stopping())?;
        // It is carried out as soon as the disk takes it; the caller is not left hanging meanwhile.
        match tokio::time::timeout(LONGEST_WAIT, outcome).await {
            Ok(outcome) => outcome.map_err(|_| stopping())?.map_err(|reason| Refusal::from(&reason))?,
            Err(_) => {
                return Err(Refusal::new(
                    "store-failing",
                    "存储暂时无法写入：操作已接收，恢复后写入，请稍后核对。",
                    "The store cannot be written now: what you asked for is done once it can; look again later.",
                ));
            }
        }
        Ok(Json(serde_json::json!({ "done": true })))
    }
}
