//! `GET /api/v1/alarms/figures`: how well the alarm system did.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use super::input::Params;
use super::refusal::Refusal;
use super::shared::look_back;
use crate::plant::Micros;

/// If no time is given.
const USUAL: Duration = Duration::from_secs(7 * 86_400);

#[derive(Deserialize, IntoParams)]
pub(super) struct Span {
    /// From when, RFC 3339; seven days before the end if not given.
    from: Option<String>,
    /// Until when, RFC 3339; now if not given.
    to: Option<String>,
}

/// Calls, floods, bad actors, chattering and stale alarms, priorities and answers (EEMUA 191, ISA-18.2), of a span.
#[utoipa::path(get, path = "/api/v1/alarms/figures", params(Span), responses((status = 200, description = "Figures")))]
pub(super) async fn figures(
    State(shared): State<Shared>,
    Params(span): Params<Span>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let moment = |text: &str| {
        text.parse::<jiff::Timestamp>().map(|t| Micros(t.as_microsecond())).map_err(|_| {
            Refusal::new(
                "bad-request",
                format!("`{text}` 不是时间，请按 2026-11-24T08:00:00Z 填写。"),
                format!("`{text}` is not a time; write it like 2026-11-24T08:00:00Z"),
            )
        })
    };
    let to = span.to.as_deref().map_or_else(|| Ok(crate::clock::wall_now()), moment)?;
    let from = span.from.as_deref().map_or_else(|| Ok(to.minus(USUAL)), moment)?;
    if from >= to {
        return Err(Refusal::new(
            "bad-request",
            "from 须早于 to。".to_owned(),
            "from must be before to.".to_owned(),
        ));
    }
    let plant = shared.plant.get();
    let figures = look_back(&shared.past, move |ledger| ledger.figures((from, to), &plant)).await?;
    Ok(Json(serde_json::to_value(figures).unwrap_or_default()))
}
