//! The HTTP side: API under `/api/v1`, live events, health, metrics and the page.
//!
//! Reads the shared live view and the store; changes nothing itself but hands commands to the
//! keeper and tells the caller what became of them. Loopback needs no token; any other address does.

mod alarms;
mod api;
mod auth;
mod changes;
mod data_path;
mod demo;
mod door;
mod events;
mod figures;
mod hazards;
mod hygiene;
mod input;
mod metrics;
mod page;
mod push;
mod refusal;
mod reload;
mod shared;
mod trace;
mod views;

use std::sync::{Arc, Mutex};

use axum::Router;
use tokio::sync::mpsc;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::live::{Counters, Live, Request};
use crate::outlet::OutletStatus;
use crate::parts::Board;
use crate::plant::TextTable;
use crate::settings::Secret;
use crate::store::{JournalReader, LedgerReader};

pub use data_path::{
    BrokerView, DeviceView, EdgeDeviceView, EdgeNodeView, MqttView, PushView, SourceView, UnknownView,
};
pub use door::Door;
pub use push::{PushCall, PushPort, PushScope};
pub use refusal::Refusal;
pub use reload::{CurrentPlant, ReloadOutcome, ReloadRequest, ReloadView};
pub use trace::{TracePort, TraceView};
pub use views::{PushRejection, PushReport};

/// A switch the demo offers on the page; real plants have none.
pub trait DemoPort: Send + Sync {
    /// (name, 中文, English, active)
    fn faults(&self) -> Vec<(String, String, String, bool)>;
    /// Turns a fault on or off; false if there is no such fault.
    fn set(&self, name: &str, active: bool) -> bool;
}

/// Everything the console needs.
#[derive(Clone)]
pub struct Shared {
    /// The plant.
    pub plant: CurrentPlant,
    /// Values and alarms as of now.
    pub live: Live,
    /// Whether the machine's clock is believed.
    pub clock: crate::clock::Face,
    /// Counters for `/metrics`.
    pub counters: Arc<Counters>,
    /// To the keeper.
    pub commands: mpsc::Sender<Request>,
    /// Its own connection.
    pub ledger: Arc<Mutex<LedgerReader>>,
    /// One more, for long looks back, so that they hold nobody up.
    pub past: Arc<Mutex<LedgerReader>>,
    /// Its own connection.
    pub journal: Arc<Mutex<JournalReader>>,
    /// One more, for long looks back, so that they hold nobody up.
    pub history: Arc<Mutex<JournalReader>>,
    /// Texts that readings stand for.
    pub texts: TextTable,
    /// How the outlets stand.
    pub outlets: Arc<Mutex<Vec<OutletStatus>>>,
    /// How the parts beside reading, judging and recording stand.
    pub parts: Board,
    /// Where to ask for new settings; `None` where they come from no files.
    pub reloads: Option<mpsc::Sender<ReloadRequest>>,
    /// How the last reload went.
    pub reload: Arc<Mutex<ReloadView>>,
    /// How the sources stand.
    pub sources: Arc<dyn Fn() -> Vec<SourceView> + Send + Sync>,
    /// How the embedded broker stands, where the settings have one.
    pub broker: Arc<dyn Fn() -> Option<BrokerView> + Send + Sync>,
    /// Frame traces of Modbus sources.
    pub traces: Arc<dyn TracePort>,
    /// Bearer token; `None` on loopback.
    pub token: Option<Secret>,
    /// The way in for pushed readings.
    pub push: Arc<dyn PushPort>,
    /// Only in the demo.
    pub demo: Option<Arc<dyn DemoPort>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Steamward",
    description = "Live values, alarms and hazards of boilers and pressure vessels. Read-only towards the equipment."
))]
struct Doc;

fn api() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Doc::openapi())
        .routes(routes!(api::overview))
        .routes(routes!(api::equipment))
        .routes(routes!(api::points))
        .routes(routes!(api::trend))
        .routes(routes!(api::alarms))
        .routes(routes!(api::transitions))
        .routes(routes!(api::dead_letters))
        .routes(routes!(api::losses))
        .routes(routes!(api::precursors))
        .routes(routes!(figures::figures))
        .routes(routes!(hazards::hazards))
        .routes(routes!(hazards::hazard))
        .routes(routes!(hazards::evidence))
        .routes(routes!(alarms::acknowledge))
        .routes(routes!(alarms::reset))
        .routes(routes!(alarms::shelve))
        .routes(routes!(alarms::unshelve))
        .routes(routes!(alarms::take_out))
        .routes(routes!(alarms::put_back))
        .routes(routes!(hazards::acknowledge_hazard))
        .routes(routes!(hazards::close_hazard))
        .routes(routes!(reload::reload))
        .routes(routes!(reload::last))
        .routes(routes!(trace::trace_state, trace::trace_switch))
        .routes(routes!(trace::trace_pcap))
        .routes(routes!(demo::demo_faults))
        .routes(routes!(demo::demo_fault))
        .routes(routes!(push::readings))
        .routes(routes!(events::stream))
}

/// The OpenAPI document, from the code.
#[must_use]
pub fn openapi() -> String {
    let mut doc = api().into_openapi();
    hygiene::complete(&mut doc);
    doc.to_pretty_json().unwrap_or_default()
}

/// All routes.
pub fn router(shared: Shared) -> Router {
    let (api, mut doc) = api().split_for_parts();
    hygiene::complete(&mut doc);
    let doc = doc.to_pretty_json().unwrap_or_default();
    let open = Router::new()
        .route("/healthz", axum::routing::get(metrics::healthz))
        .route("/readyz", axum::routing::get(metrics::readyz))
        .fallback(page::asset);
    let guarded = api
        .route("/metrics", axum::routing::get(metrics::metrics))
        .route(
            "/api/v1/openapi.json",
            axum::routing::get(move || async move { ([("content-type", "application/json")], doc) }),
        )
        .layer(axum::middleware::from_fn_with_state(shared.clone(), auth::guard));
    guarded.merge(open).layer(axum::middleware::from_fn(hygiene::every_answer)).with_state(shared)
}
