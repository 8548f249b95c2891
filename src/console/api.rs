//! The request handlers: read the live view and the store, hand commands to the keeper.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use super::input::{Body, Params};
use super::views::{
    AlarmView, EquipmentView, ErrorBody, EvidenceRef, EvidenceView, FaultView, HazardFeed, HazardView,
    LimitView, OutboxView, Overview, PathView, PointView, Refusal, SiteView, Texts, TrendView, rfc3339,
};
use super::{Command, Request, Shared};
use crate::clock::wall_now;
use crate::hazard::{Evidence, Hazard};
use crate::plant::{Equipment, Micros, Plant, ValueType};
use crate::store::{JournalReader, LedgerReader, StoreError, evidence, trend};

/// Longest wait of a command for the disk.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Buckets in a trend.
const TREND_BUCKETS: u64 = 240;
/// Longest name or note taken, in characters.
const LONGEST_TEXT: usize = 2000;

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

impl Shared {
    pub(super) fn with_ledger<T>(
        &self,
        read: impl FnOnce(&LedgerReader) -> Result<T, StoreError>,
    ) -> Result<T, Refusal> {
        Ok(read(&self.ledger.lock().unwrap_or_else(PoisonError::into_inner))?)
    }

    fn with_journal<T>(
        &self,
        read: impl FnOnce(&JournalReader) -> Result<T, StoreError>,
    ) -> Result<T, Refusal> {
        Ok(read(&self.journal.lock().unwrap_or_else(PoisonError::into_inner))?)
    }

    /// All equipment that is in the settings.
    fn all_equipment(&self) -> Vec<EquipmentView> {
        let plant = self.plant.get();
        plant.present().map(|e| self.equipment_view(&plant, e)).collect()
    }

    /// How the outlets stand.
    pub(super) fn outlet_states(&self) -> Vec<crate::outlet::OutletState> {
        let outlets = self.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        outlets.iter().map(crate::outlet::OutletStatus::get).collect()
    }

    fn equipment_view(&self, plant: &Plant, equipment: &Equipment) -> EquipmentView {
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
        let deliveries = self.with_ledger(|l| l.deliveries(&id))?;
        let sha256 = match &hazard.evidence {
            Evidence::Sealed { sha256, .. } => Some(sha256.clone()),
            Evidence::Pending => None,
        };
        Ok(HazardView {
            id,
            number: hazard.number,
            equipment: hazard.equipment,
            rule: hazard.rule,
            point: hazard.point,
            category: hazard.category,
            title: Texts { zh: hazard.title_zh, en: hazard.title_en },
            level: hazard.level.word(),
            level_state: hazard.level_state.word(),
            status: hazard.status.word(),
            found_at: rfc3339(hazard.found_at),
            last_seen: rfc3339(hazard.last_seen),
            occurrences: hazard.occurrences,
            value: hazard.value,
            setpoint: hazard.setpoint,
            unit: hazard.unit,
            acknowledged_by: hazard.acknowledged_by,
            acknowledged_at: hazard.acknowledged_at.map(rfc3339),
            closed_by: hazard.closed_by,
            closed_at: hazard.closed_at.map(rfc3339),
            closing_note: hazard.closing_note,
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

    fn hazard_views(&self, closed: bool) -> Result<Vec<HazardView>, Refusal> {
        self.with_ledger(|l| l.hazards(closed))?.into_iter().map(|h| self.hazard_view(h)).collect()
    }

    pub(super) fn find_hazard(&self, id: &str) -> Result<Hazard, Refusal> {
        self.with_ledger(|l| l.hazard(id))?.ok_or_else(|| {
            Refusal::new("not-found", format!("没有隐患 {id}。"), format!("There is no hazard {id}."))
        })
    }

    pub(super) fn path_view(&self) -> Result<PathView, Refusal> {
        let outlets = self.outlet_states();
        let behind = outlets.iter().filter(|o| o.kind == "influx").map(|o| o.cursor).min();
        let (pending_chunks, oldest) = match behind {
            Some(cursor) => self.with_journal(|j| j.pending(cursor))?,
            None => (0, None),
        };
        let failing = &self.counters.store_failing;
        let writable = failing.load(std::sync::atomic::Ordering::Relaxed) == 0;
        let bytes = self.counters.journal_bytes.load(std::sync::atomic::Ordering::Relaxed);
        Ok(PathView {
            sources: (self.sources)(),
            outbox: OutboxView { writable, pending_chunks, bytes, oldest_at: oldest.map(rfc3339) },
            outlets,
        })
    }

    pub(super) async fn ask(&self, command: Command) -> Result<Json<serde_json::Value>, Refusal> {
        let (reply, outcome) = oneshot::channel();
        let stopping = || Refusal::new("stopping", "网关正在停止。", "The gateway is stopping.");
        self.commands.send(Request { command, reply }).await.map_err(|_| stopping())?;
        // It is carried out as soon as the disk takes it; the caller is not left hanging meanwhile.
        match tokio::time::timeout(LONGEST_WAIT, outcome).await {
            Ok(outcome) => outcome.map_err(|_| stopping())??,
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

/// Everything the first page shows.
#[utoipa::path(get, path = "/api/v1/overview", responses((status = 200, body = Overview)))]
pub(super) async fn overview(State(shared): State<Shared>) -> Result<Json<Overview>, Refusal> {
    let plant = shared.plant.get();
    let site = &plant.site;
    Ok(Json(Overview {
        site: SiteView {
            id: site.id.to_string(),
            name: Texts::from(&site.name),
            region: site.region.clone(),
            timezone: site.timezone.clone(),
        },
        version: env!("CARGO_PKG_VERSION"),
        now: rfc3339(wall_now()),
        clock: shared.clock.get().into(),
        demo: shared.demo.is_some(),
        equipment: shared.all_equipment(),
        alarms: shared.live.alarms(),
        hazards: shared.hazard_views(false)?,
        path: shared.path_view()?,
    }))
}

/// All equipment with its points.
#[utoipa::path(get, path = "/api/v1/equipment", responses((status = 200, body = Vec<EquipmentView>)))]
pub(super) async fn equipment(State(shared): State<Shared>) -> Json<Vec<EquipmentView>> {
    Json(shared.all_equipment())
}

/// The points of one piece of equipment with quality and age.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/points", params(("id" = String, Path)),
    responses((status = 200, body = Vec<PointView>), (status = 404, body = ErrorBody)))]
pub(super) async fn points(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Vec<PointView>>, Refusal> {
    let plant = shared.plant.get();
    let found = plant.present().find(|e| e.id.as_str() == id);
    let equipment = found.ok_or_else(|| no_equipment(&id))?;
    Ok(Json(shared.equipment_view(&plant, equipment).points))
}

#[derive(Deserialize, IntoParams)]
pub(super) struct Past {
    /// How far back, 1 to 1440; 60 if not given.
    minutes: Option<u64>,
}

/// The recent past of one piece of equipment: per point and bucket the lowest, highest and last value.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/trend", params(("id" = String, Path), Past),
    responses((status = 200, body = TrendView), (status = 404, body = ErrorBody)))]
pub(super) async fn trend(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Params(query): Params<Past>,
) -> Result<Json<TrendView>, Refusal> {
    if !shared.plant.get().present().any(|e| e.id.as_str() == id) {
        return Err(no_equipment(&id));
    }
    let span = Duration::from_secs(60 * query.minutes.unwrap_or(60).clamp(1, 1440));
    let step = (span / u32::try_from(TREND_BUCKETS).unwrap_or(1)).max(Duration::from_secs(1));
    let step_micros = step.as_micros() as i64;
    // Buckets on a fixed grid: the same reading falls into the same bucket at every look.
    let to = wall_now();
    let from = Micros((to.minus(span).0 / step_micros) * step_micros);
    let history = Arc::clone(&shared.history);
    let read = move || {
        let journal = history.lock().unwrap_or_else(PoisonError::into_inner);
        trend::collect(&journal, &id, (from, to), step)
    };
    let series = tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|e| Err(StoreError::Corrupt(format!("the look back ended early: {e}"))))?;
    Ok(Json(TrendView { from: rfc3339(from), to: rfc3339(to), step_ms: step.as_millis() as u64, series }))
}

fn no_equipment(id: &str) -> Refusal {
    Refusal::new("not-found", format!("没有设备 {id}。"), format!("There is no equipment {id}."))
}

/// Alarms that are not normal.
#[utoipa::path(get, path = "/api/v1/alarms", responses((status = 200, body = Vec<AlarmView>)))]
pub(super) async fn alarms(State(shared): State<Shared>) -> Json<Vec<AlarmView>> {
    Json(shared.live.alarms())
}

#[derive(Deserialize, IntoParams)]
pub(super) struct Limit {
    /// At most this many, 1 to 1000.
    limit: Option<u32>,
}

/// Alarm transitions, newest first.
#[utoipa::path(get, path = "/api/v1/alarms/transitions", params(Limit), responses((status = 200, description = "Transitions, newest first")))]
pub(super) async fn transitions(
    State(shared): State<Shared>,
    Params(query): Params<Limit>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let rows = shared.with_ledger(|l| l.transitions(query.limit.unwrap_or(100).clamp(1, 1000)))?;
    let rows: Vec<_> = rows
        .into_iter()
        .map(|t| {
            serde_json::json!({ "seq": t.seq, "at": rfc3339(t.at), "rule": t.rule, "event": t.event,
                "from": t.before, "to": t.after, "value": t.value, "cause": t.cause, "by": t.by })
        })
        .collect();
    Ok(Json(rows.into()))
}

/// What an outlet's other side refused for good, newest first: the line or event, and the server's words.
#[utoipa::path(get, path = "/api/v1/dead-letters", params(Limit), responses((status = 200, description = "Dead letters, newest first")))]
pub(super) async fn dead_letters(
    State(shared): State<Shared>,
    Params(query): Params<Limit>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let rows = shared.with_ledger(|l| l.newest_dead_letters(query.limit.unwrap_or(100).clamp(1, 1000)))?;
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(at, d)| {
            serde_json::json!({ "at": rfc3339(at), "outlet": d.outlet, "what": d.what,
                "status": d.status, "reason": d.reason })
        })
        .collect();
    Ok(Json(rows.into()))
}

/// The loss ledger: spans that the disk budget dropped before an outlet had them, newest first.
#[utoipa::path(get, path = "/api/v1/losses", params(Limit), responses((status = 200, description = "Losses, newest first")))]
pub(super) async fn losses(
    State(shared): State<Shared>,
    Params(query): Params<Limit>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let rows = shared.with_ledger(|l| l.losses(query.limit.unwrap_or(100).clamp(1, 1000)))?;
    let rows: Vec<_> = rows
        .into_iter()
        .map(|l| {
            serde_json::json!({ "at": rfc3339(l.at), "outlet": l.loss.outlet, "from": rfc3339(l.loss.from),
                "to": rfc3339(l.loss.to), "readings": l.loss.readings, "reason": l.reason })
        })
        .collect();
    Ok(Json(rows.into()))
}

/// What nearly became an alarm, newest first: came near its limit, or was beyond it for less than the on-delay.
#[utoipa::path(get, path = "/api/v1/precursors", params(Limit), responses((status = 200, description = "Precursors, newest first")))]
pub(super) async fn precursors(
    State(shared): State<Shared>,
    Params(query): Params<Limit>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let rows = shared.with_ledger(|l| l.precursors(query.limit.unwrap_or(100).clamp(1, 1000)))?;
    let rows: Vec<_> = rows
        .into_iter()
        .map(|p| {
            serde_json::json!({ "at": rfc3339(p.at), "rule": p.rule, "beyond": p.beyond, "peak": p.peak,
                "lasted_ms": p.lasted_ms })
        })
        .collect();
    Ok(Json(rows.into()))
}

#[derive(Deserialize, IntoParams)]
pub(super) struct After {
    /// Cursor of the last call; 0 for the beginning. Without it: hazards as they stand.
    after: Option<i64>,
    /// At most this many events, 1 to 1000.
    limit: Option<u32>,
    /// Without a cursor: closed ones as well.
    closed: Option<bool>,
}

/// Hazards as they stand, or, with `after`, the events since that cursor (pull feed).
#[utoipa::path(get, path = "/api/v1/hazards", params(After), responses((status = 200, body = HazardFeed)))]
pub(super) async fn hazards(
    State(shared): State<Shared>,
    Params(query): Params<After>,
) -> Result<Json<HazardFeed>, Refusal> {
    let limit = query.limit.unwrap_or(100).clamp(1, 1000);
    let Some(after) = query.after else {
        let hazards = shared.hazard_views(query.closed.unwrap_or(false))?;
        return Ok(Json(HazardFeed { cursor: 0, events: Vec::new(), hazards }));
    };
    let rows = shared.with_ledger(|l| l.events_after(after, limit))?;
    let cursor = rows.last().map_or(after, |r| r.seq);
    let events = rows.iter().filter_map(|r| serde_json::from_str(&r.body).ok()).collect();
    Ok(Json(HazardFeed { cursor, events, hazards: Vec::new() }))
}

/// One hazard.
#[utoipa::path(get, path = "/api/v1/hazards/{id}", params(("id" = String, Path)),
    responses((status = 200, body = HazardView), (status = 404, body = ErrorBody)))]
pub(super) async fn hazard(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<HazardView>, Refusal> {
    let hazard = shared.find_hazard(&id)?;
    Ok(Json(shared.hazard_view(hazard)?))
}

/// The readings around a hazard: sealed once its window has passed, until then as far as they go.
#[utoipa::path(get, path = "/api/v1/hazards/{id}/evidence", params(("id" = String, Path)),
    responses((status = 200, body = EvidenceView), (status = 404, body = ErrorBody)))]
pub(super) async fn evidence(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<EvidenceView>, Refusal> {
    let hazard = shared.find_hazard(&id)?;
    let sealed = shared.with_ledger(|l| l.evidence(&id))?;
    let (sha256, series) = match sealed {
        Some((sha256, body)) => {
            let series = evidence::open(&sha256, &body)?;
            (Some(sha256), series)
        }
        None => {
            let (from, to) = (hazard.evidence_from, hazard.evidence_to);
            let collect = |j: &JournalReader| evidence::collect(j, &hazard.equipment, from, to);
            (None, shared.with_journal(collect)?)
        }
    };
    Ok(Json(EvidenceView {
        from: rfc3339(hazard.evidence_from),
        to: rfc3339(hazard.evidence_to),
        sealed: sha256.is_some(),
        sha256,
        series,
    }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ByWhom {
    by: String,
    #[serde(default)]
    note: String,
}

pub(super) fn checked(by: &str, note: &str) -> Result<(String, String), Refusal> {
    let by = by.trim();
    if by.is_empty() || by.chars().count() > 100 || note.chars().count() > LONGEST_TEXT {
        return Err(Refusal::new(
            "bad-request",
            "请填写姓名（1 至 100 字），备注不超过 2000 字。",
            "Give a name of 1 to 100 characters and a note of at most 2000.",
        ));
    }
    Ok((by.to_owned(), note.trim().to_owned()))
}

/// Acknowledge a hazard.
#[utoipa::path(post, path = "/api/v1/hazards/{id}/acknowledge", params(("id" = String, Path)), request_body = ByWhom,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn acknowledge_hazard(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Body(body): Body<ByWhom>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, note) = checked(&body.by, &body.note)?;
    shared.ask(Command::AcknowledgeHazard { id, by, note }).await
}

/// Close a hazard with a note on how it was removed; refused while its limit is in breach or its value unknown.
#[utoipa::path(post, path = "/api/v1/hazards/{id}/close", params(("id" = String, Path)), request_body = ByWhom,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn close_hazard(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Body(body): Body<ByWhom>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, note) = checked(&body.by, &body.note)?;
    if note.is_empty() {
        return Err(Refusal::new(
            "bad-request",
            "请写明如何消除隐患，再销号。",
            "Say in the note how the hazard was removed.",
        ));
    }
    shared.ask(Command::CloseHazard { id, by, note }).await
}

fn no_demo() -> Refusal {
    Refusal::new("not-found", "仅演示模式提供。", "Only the demo has this.")
}

/// Faults the demo plant can play; 404 on a real gateway.
#[utoipa::path(get, path = "/api/v1/demo/faults", responses((status = 200, body = Vec<FaultView>), (status = 404, body = ErrorBody)))]
pub(super) async fn demo_faults(State(shared): State<Shared>) -> Result<Json<Vec<FaultView>>, Refusal> {
    let demo = shared.demo.as_ref().ok_or_else(no_demo)?;
    let faults = demo.faults().into_iter();
    Ok(Json(
        faults.map(|(name, zh, en, active)| FaultView { name, title: Texts { zh, en }, active }).collect(),
    ))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Switch {
    active: bool,
}

/// Turn a demo fault on or off.
#[utoipa::path(post, path = "/api/v1/demo/faults/{name}", params(("name" = String, Path)), request_body = Switch,
    responses((status = 200, description = "Done"), (status = 404, body = ErrorBody)))]
pub(super) async fn demo_fault(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Body(body): Body<Switch>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let demo = shared.demo.as_ref().ok_or_else(no_demo)?;
    if demo.set(&name, body.active) {
        Ok(Json(serde_json::json!({ "done": true })))
    } else {
        Err(Refusal::new("not-found", format!("没有故障 {name}。"), format!("There is no fault {name}.")))
    }
}
