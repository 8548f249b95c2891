//! What people do to alarms over the API: acknowledge, reset, shelve for a time, take out of service.
//!
//! Each answer comes after the commit; who and why are asked for wherever an alarm is hidden, and kept in the
//! audit trail.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Shared;
use super::hazards::checked;
use super::input::Body;
use super::refusal::{ErrorBody, Refusal};
use crate::command::{AlarmAction, Command};

/// Which alarm, and who.
#[derive(Deserialize, ToSchema)]
pub(super) struct OnRule {
    /// Its key, as in the list of alarms.
    rule: String,
    by: String,
    #[serde(default)]
    note: String,
}

/// Which alarm is hidden, by whom, and why.
#[derive(Deserialize, ToSchema)]
pub(super) struct Hide {
    rule: String,
    by: String,
    /// Must be given.
    reason: String,
}

/// Which alarm is put aside, by whom, why, and for how long.
#[derive(Deserialize, ToSchema)]
pub(super) struct ShelveFor {
    rule: String,
    by: String,
    /// Must be given.
    reason: String,
    /// At most what `[alarms] shelve_most` allows.
    minutes: u32,
}

fn reasoned(by: &str, reason: &str) -> Result<(String, String), Refusal> {
    let (by, reason) = checked(by, reason)?;
    if reason.is_empty() {
        return Err(Refusal::new(
            "bad-request",
            "请写明原因，再搁置或停用报警。",
            "Say why in `reason`: nobody hides an alarm without one.",
        ));
    }
    Ok((by, reason))
}

async fn ask(
    shared: &Shared,
    rule: String,
    by: String,
    action: AlarmAction,
) -> Result<Json<serde_json::Value>, Refusal> {
    shared.ask(Command::Alarm { rule, by: shared.actor(by), action }).await
}

/// Acknowledge an alarm.
#[utoipa::path(post, path = "/api/v1/alarms/acknowledge", request_body = OnRule,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn acknowledge(
    State(shared): State<Shared>,
    Body(body): Body<OnRule>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, note) = checked(&body.by, &body.note)?;
    ask(&shared, body.rule, by, AlarmAction::Acknowledge { note }).await
}

/// Reset a latched alarm whose condition has returned.
#[utoipa::path(post, path = "/api/v1/alarms/reset", request_body = OnRule,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn reset(
    State(shared): State<Shared>,
    Body(body): Body<OnRule>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, _) = checked(&body.by, &body.note)?;
    ask(&shared, body.rule, by, AlarmAction::Reset).await
}

/// Shelve an alarm: it calls nobody for some minutes, is judged all the same, and calls then if it is still true.
#[utoipa::path(post, path = "/api/v1/alarms/shelve", request_body = ShelveFor,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn shelve(
    State(shared): State<Shared>,
    Body(body): Body<ShelveFor>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, why) = reasoned(&body.by, &body.reason)?;
    let time = Duration::from_secs(60 * u64::from(body.minutes));
    ask(&shared, body.rule, by, AlarmAction::Shelve { why, time }).await
}

/// End the shelving of an alarm before its time.
#[utoipa::path(post, path = "/api/v1/alarms/unshelve", request_body = OnRule,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn unshelve(
    State(shared): State<Shared>,
    Body(body): Body<OnRule>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, _) = checked(&body.by, &body.note)?;
    ask(&shared, body.rule, by, AlarmAction::Unshelve).await
}

/// Take an alarm out of service, for maintenance; it calls nobody until it is put back.
#[utoipa::path(post, path = "/api/v1/alarms/take-out", request_body = Hide,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn take_out(
    State(shared): State<Shared>,
    Body(body): Body<Hide>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, why) = reasoned(&body.by, &body.reason)?;
    ask(&shared, body.rule, by, AlarmAction::TakeOut { why }).await
}

/// Put an alarm back into service.
#[utoipa::path(post, path = "/api/v1/alarms/put-back", request_body = OnRule,
    responses((status = 200, description = "On the disk"), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn put_back(
    State(shared): State<Shared>,
    Body(body): Body<OnRule>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let (by, _) = checked(&body.by, &body.note)?;
    ask(&shared, body.rule, by, AlarmAction::PutBack).await
}
