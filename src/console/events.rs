//! Live events (SSE): alarms and hazards at once, changed values and the data path once a second.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde_json::json;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::Shared;
use super::views::rfc3339;
use crate::clock::wall_now;
use crate::live;
use crate::live::{LiveEvent, LivePoint};
use crate::plant::{Micros, Quality};

/// A page that does not read is dropped after this many events; it will come back and start afresh.
const QUEUE: usize = 256;

/// Server-sent events `values`, `alarm`, `hazard`, `path`, `refresh`.
#[utoipa::path(get, path = "/api/v1/events", responses((status = 200, description = "text/event-stream")))]
pub(super) async fn stream(
    State(shared): State<Shared>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (tx, rx) = mpsc::channel(QUEUE);
    tokio::spawn(feed(shared, tx));
    Sse::new(ReceiverStream::new(rx)).keep_alive(KeepAlive::new().interval(Duration::from_secs(5)))
}

async fn feed(shared: Shared, out: mpsc::Sender<Result<Event, Infallible>>) {
    let mut changes = shared.live.listen();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut shown: Vec<(u64, Quality, Micros)> = Vec::new();
    loop {
        let event = tokio::select! {
            change = changes.recv() => match change {
                Ok(LiveEvent::Alarm(alarm)) => named("alarm", &json!(*alarm)),
                Ok(LiveEvent::Hazard(id)) => match shared.find_hazard(&id).and_then(|h| shared.hazard_view(h)) {
                    Ok(hazard) => named("hazard", &json!(hazard)),
                    Err(_) => continue,
                },
                // The page fell behind: it fetches everything again.
                Err(broadcast::error::RecvError::Lagged(_)) => named("refresh", &json!({})),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            _ = tick.tick() => {
                if out.is_closed() {
                    return;
                }
                let values = changed(&shared, &mut shown);
                if out.try_send(Ok(named("values", &values))).is_err() {
                    return;
                }
                match shared.path_view() {
                    Ok(path) => named("path", &json!(path)),
                    Err(_) => continue,
                }
            }
        };
        if out.try_send(Ok(event)).is_err() {
            return;
        }
    }
}

fn named(name: &str, data: &serde_json::Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// Points whose value, quality or time moved since the last look.
fn changed(shared: &Shared, shown: &mut Vec<(u64, Quality, Micros)>) -> serde_json::Value {
    let view: &live::View = &shared.live.read();
    let mut points = Vec::new();
    let (plant, since) = shared.plant.with_time();
    for (ix, point) in plant.points_ix() {
        let Some(&LivePoint { value, quality, at, .. }) = view.points.get(ix.0 as usize) else { continue };
        let state = (value.to_bits(), quality, at);
        match shown.get_mut(ix.0 as usize) {
            Some(old) if *old == state => continue,
            Some(old) => *old = state,
            None => shown.push(state),
        }
        let time = if at == Micros::default() { None } else { Some(rfc3339(at)) };
        points.push(json!([
            plant.equipment_at(point.equipment).id,
            point.id,
            value.is_finite().then_some(value),
            quality.word(),
            quality.cause().map(|c| c.word()),
            time
        ]));
    }
    json!({ "at": rfc3339(wall_now()), "settings_at": rfc3339(since), "points": points })
}
