//! Raw frames of a Modbus source, on demand: for whoever has to see what goes over the wire of a device
//! that the gateway holds the only connection to.
//!
//! A trace ends by itself; what it kept can be fetched until the next one begins, as a capture that
//! Wireshark opens.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::input::Body;
use super::refusal::{ErrorBody, Refusal};

/// Without a word on it, a trace is this long; longer than that it is never.
const USUAL: u64 = 60;
const LONGEST: u64 = 600;

/// The traces of the sources, by their ids; the gateway has them.
pub trait TracePort: Send + Sync {
    /// How the trace of a source stands; `None` if there is no such Modbus source.
    fn state(&self, source: &str) -> Option<TraceView>;
    /// Begins afresh, for one unit or all; false if there is no such source.
    fn start(&self, source: &str, unit: Option<u8>, long: Duration) -> bool;
    /// Keeps nothing more.
    fn stop(&self, source: &str);
    /// What is kept, as a capture file.
    fn pcap(&self, source: &str) -> Option<Vec<u8>>;
}

/// How the trace of a source stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TraceView {
    /// Frames are being kept.
    pub on: bool,
    /// Only of this unit; `null` for all, or while it is off.
    pub unit: Option<u8>,
    /// Ends by itself in so many seconds.
    pub seconds_left: Option<u64>,
    /// Frames kept.
    pub frames: usize,
}

/// What to keep.
#[derive(Deserialize, ToSchema)]
pub(super) struct TraceOrder {
    /// Begin (afresh), or end.
    on: bool,
    /// Only frames of this unit; all if it is left out.
    #[serde(default)]
    unit: Option<u8>,
    /// For how long, 1 to 600; 60 if it is left out.
    #[serde(default)]
    seconds: Option<u64>,
}

fn no_source(id: &str) -> Refusal {
    Refusal::new(
        "not-found",
        format!("没有 Modbus 采集源 {id}。"),
        format!("There is no Modbus source {id}."),
    )
}

/// Begins or ends a trace of the frames of a Modbus source.
#[utoipa::path(post, path = "/api/v1/sources/{id}/trace", params(("id" = String, Path)), request_body = TraceOrder,
    responses((status = 200, body = TraceView), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn trace_switch(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Body(order): Body<TraceOrder>,
) -> Result<Json<TraceView>, Refusal> {
    if order.on {
        let seconds = order.seconds.unwrap_or(USUAL);
        if !(1..=LONGEST).contains(&seconds) {
            return Err(Refusal::new(
                "bad-request",
                format!("seconds 须在 1 至 {LONGEST} 之间。"),
                format!("`seconds` must be from 1 to {LONGEST}."),
            ));
        }
        if shared.traces.start(&id, order.unit, Duration::from_secs(seconds)) {
            tracing::info!(source = %id, unit = ?order.unit, seconds, "frames are kept on request");
        }
    } else {
        shared.traces.stop(&id);
    }
    shared.traces.state(&id).map(Json).ok_or_else(|| no_source(&id))
}

/// How the trace of a Modbus source stands.
#[utoipa::path(get, path = "/api/v1/sources/{id}/trace", params(("id" = String, Path)),
    responses((status = 200, body = TraceView), (status = 404, body = ErrorBody)))]
pub(super) async fn trace_state(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<TraceView>, Refusal> {
    shared.traces.state(&id).map(Json).ok_or_else(|| no_source(&id))
}

/// The frames kept, as a pcap file for Wireshark.
#[utoipa::path(get, path = "/api/v1/sources/{id}/trace.pcap", params(("id" = String, Path)),
    responses((status = 200, description = "A capture", content_type = "application/vnd.tcpdump.pcap"), (status = 404, body = ErrorBody)))]
pub(super) async fn trace_pcap(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Refusal> {
    let pcap = shared.traces.pcap(&id).ok_or_else(|| no_source(&id))?;
    // Only a known id comes here, and ids have no characters that a header would mind.
    let name = format!("attachment; filename=\"{id}.pcap\"");
    Ok((
        [
            (header::CONTENT_TYPE, "application/vnd.tcpdump.pcap".to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ],
        pcap,
    ))
}
