//! What can be read over the API: overview, equipment, trends, alarms, losses, precursors.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::input::Params;
use super::refusal::{ErrorBody, Refusal};
use super::shared::look_back;
use super::views::{EquipmentView, Overview, PointView, SiteView, TrendView, rfc3339};
use super::{Shared, changes};
use crate::clock::wall_now;
use crate::live::{AlarmView, Texts};
use crate::plant::Micros;
use crate::store::{JournalReader, trend};

/// Buckets in a trend.
const TREND_BUCKETS: u64 = 240;

/// Everything the first page shows.
#[utoipa::path(get, path = "/api/v1/overview", responses((status = 200, body = Overview)))]
pub(super) async fn overview(State(shared): State<Shared>) -> Result<Json<Overview>, Refusal> {
    // Before the points: what changes in between is noticed by the time.
    let (plant, since) = shared.plant.with_time();
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
        settings_at: rfc3339(since),
        clock: shared.clock.get().into(),
        demo: shared.demo.is_some(),
        equipment: shared.all_equipment(&plant),
        alarms: shared.live.alarms(),
        hazards: shared.hazard_views(false)?,
        path: shared.path_view()?,
    }))
}

/// All equipment with its points.
#[utoipa::path(get, path = "/api/v1/equipment", responses((status = 200, body = Vec<EquipmentView>)))]
pub(super) async fn equipment(State(shared): State<Shared>) -> Json<Vec<EquipmentView>> {
    Json(shared.all_equipment(&shared.plant.get()))
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
    let equipment = id.clone();
    let read = move |journal: &JournalReader| trend::collect(journal, &id, (from, to), step);
    let mut series = look_back(&shared.history, read).await?;
    // A point may have curves in units and types that it had before: the one of now comes first.
    let plant = shared.plant.get();
    let owner = plant.present().find(|e| e.id.as_str() == equipment);
    let points = || owner.iter().flat_map(|e| &e.points).map(|ix| plant.point(*ix));
    for one in &mut series {
        let point = points().find(|p| p.id.as_str() == one.point);
        one.current = point.is_some_and(|p| {
            one.value_type == p.value_type && one.unit.as_deref().is_none_or(|unit| unit == p.unit)
        });
    }
    series.sort_by_key(|s| !s.current);
    // A ledger that cannot be read costs the changes alone; that they are not known is said.
    let changes = changes::all(&shared).await.ok().map(|all| all.of(&equipment, (from, to)));
    let (from, to) = (rfc3339(from), rfc3339(to));
    Ok(Json(TrendView { from, to, step_ms: step.as_millis() as u64, series, changes }))
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

/// A time of the query, if it is given.
fn at_time(key: &str, text: Option<&str>) -> Result<Option<Micros>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    text.parse::<jiff::Timestamp>().map(|t| Some(Micros(t.as_microsecond()))).map_err(|_| {
        Refusal::new(
            "bad-request",
            format!("{key} 的时间 {text} 无法识别，请写成 2026-11-24T08:00:00Z。"),
            format!("{key}={text} is not a valid time; write it like 2026-11-24T08:00:00Z."),
        )
    })
}

/// Which transitions.
#[derive(Deserialize, IntoParams)]
pub(super) struct Which {
    /// At most this many, 1 to 1000.
    limit: Option<u32>,
    /// Of this rule only.
    rule: Option<String>,
    /// Not before this time, RFC 3339.
    from: Option<String>,
    /// Not after this time, RFC 3339.
    to: Option<String>,
}

/// Alarm transitions, newest first, of one rule or all, of a span or of ever.
#[utoipa::path(get, path = "/api/v1/alarms/transitions", params(Which), responses((status = 200, description = "Transitions, newest first")))]
pub(super) async fn transitions(
    State(shared): State<Shared>,
    Params(query): Params<Which>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let limit = query.limit.unwrap_or(100).clamp(1, 1000);
    let span = (at_time("from", query.from.as_deref())?, at_time("to", query.to.as_deref())?);
    let rows = shared.with_ledger(|l| l.transitions(query.rule.as_deref(), span, limit))?;
    // Before the changes: one in between is among them.
    let plant = shared.plant.get();
    // Where they cannot be read, units are not known.
    let changes = changes::all(&shared).await.ok();
    let rows: Vec<_> = rows
        .into_iter()
        .map(|t| {
            let unit = changes.as_ref().and_then(|all| all.unit_of(&plant, &t.rule, t.at));
            serde_json::json!({ "seq": t.seq, "at": rfc3339(t.at), "rule": t.rule, "event": t.event,
                "from": t.before, "to": t.after, "value": t.value, "unit": unit, "cause": t.cause, "by": t.by })
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
                "to": rfc3339(l.loss.to), "readings": l.loss.readings, "reason": l.reason, "detail": l.loss.detail })
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
