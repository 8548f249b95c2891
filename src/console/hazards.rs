//! Hazards over the API: as they stand, as a feed of events, with their evidence; acknowledging and closing.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::input::{Body, Params};
use super::refusal::{ErrorBody, Refusal};
use super::views::{EvidenceView, HazardFeed, HazardView, rfc3339};
use crate::command::Command;
use crate::plant::is_unseen;
use crate::store::{JournalReader, evidence};

/// Longest name or note taken, in characters.
const LONGEST_TEXT: usize = 2000;

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
            let ahead = shared.with_ledger(|l| l.windows())?.get(&id).map(|window| window.1);
            let equipment = hazard.equipment.as_deref().unwrap_or_default();
            let collect = |j: &JournalReader| evidence::collect(j, equipment, (from, to), ahead);
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

#[derive(Deserialize, ToSchema)]
pub(super) struct Closing {
    by: String,
    #[serde(default)]
    note: String,
    /// Why it is to be closed though its limit is no longer in the settings.
    #[serde(default)]
    override_reason: Option<String>,
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
    // A note may have lines; in the audit it is one.
    let note = note.split_whitespace().collect::<Vec<_>>().join(" ");
    if by.chars().chain(note.chars()).any(is_unseen) {
        return Err(Refusal::new(
            "bad-request",
            "姓名和备注中不能含有不可见字符（控制字符、文字方向标记）。",
            "A name or note must not hold characters that cannot be seen: control characters, marks of direction.",
        ));
    }
    Ok((by.to_owned(), note))
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
    shared.ask(Command::AcknowledgeHazard { id, by: shared.actor(by), note }).await
}

/// Close a hazard with a note on how it was removed; refused while its limit is in breach or its value unknown, and,
/// where the limit is no longer in the settings, without a reason.
#[utoipa::path(post, path = "/api/v1/hazards/{id}/close", params(("id" = String, Path)), request_body = Closing,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn close_hazard(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Body(body): Body<Closing>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, note) = checked(&body.by, &body.note)?;
    let (_, reason) = checked(&body.by, body.override_reason.as_deref().unwrap_or_default())?;
    let override_reason = Some(reason).filter(|r| !r.is_empty());
    if note.is_empty() {
        return Err(Refusal::new(
            "bad-request",
            "请写明如何消除隐患，再销号。",
            "Say in the note how the hazard was removed.",
        ));
    }
    let by = shared.actor(by);
    shared.ask(Command::CloseHazard { id, by, note, override_reason }).await
}
