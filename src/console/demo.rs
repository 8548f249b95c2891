//! The faults that the demo plant can play, switched over the API.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Shared;
use super::input::Body;
use super::refusal::{ErrorBody, Refusal};
use super::views::FaultView;
use crate::live::Texts;

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
