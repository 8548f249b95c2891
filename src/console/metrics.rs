//! `/healthz`, `/readyz` and `/metrics` (Prometheus text).

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Shared;

/// After so many seconds without a move of the keeper it is told: a long cycle is none.
const STANDS_S: u64 = 6;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// It can do its work: the store can be written and read, and the keeper takes commands. Parts beside that
/// which are down do not make it unready; they are named, a line each.
pub(super) async fn readyz(State(shared): State<Shared>) -> (StatusCode, String) {
    let store = shared.counters.store();
    let failing = shared.counters.store_failing.load(Ordering::Relaxed) != 0;
    let why = if failing {
        format!("the store is {}: {}", store.state, store.problem.unwrap_or_default())
    } else if shared.counters.keeper_stands_s.load(Ordering::Relaxed) >= STANDS_S {
        "nothing is judged: the keeper has not moved for seconds".to_owned()
    } else if shared.commands.is_closed() {
        "the gateway is stopping".to_owned()
    } else if shared.with_ledger(|l| l.last_audit()).is_err() {
        "the ledger cannot be read".to_owned()
    } else {
        let mut text = "ready\n".to_owned();
        // What is wrong with them is told to those who may ask: here anybody may.
        for part in shared.parts.states().iter().filter(|p| !p.is_well()) {
            let _ = writeln!(text, "{}: {}", part.name, part.state);
        }
        return (StatusCode::OK, text);
    };
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", why.trim_end()))
}

/// Counters and states.
pub(super) async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    let mut text = String::new();
    let c = &shared.counters;
    let mut metric = |name: &str, kind: &str, help: &str, value: &AtomicU64| {
        let value = value.load(Ordering::Relaxed);
        // Writing into a String does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    metric("steamward_readings_total", "counter", "Readings committed.", &c.readings);
    metric("steamward_samples_total", "counter", "Samples committed.", &c.samples);
    metric("steamward_commits_total", "counter", "Journal commits.", &c.commits);
    metric(
        "steamward_commit_failures_total",
        "counter",
        "Commits that failed and were tried again.",
        &c.commit_failures,
    );
    metric("steamward_store_failing", "gauge", "1 while the store cannot be written.", &c.store_failing);
    metric(
        "steamward_readings_lost_total",
        "counter",
        "Readings that went before they could be stored.",
        &c.readings_lost,
    );
    let waiting = AtomicU64::new(c.store().waiting);
    metric("steamward_readings_waiting", "gauge", "Readings in memory that wait for the disk.", &waiting);
    metric(
        "steamward_keeper_stands_seconds",
        "gauge",
        "For how long the thread that judges has not moved; 0 while it does.",
        &c.keeper_stands_s,
    );
    metric("steamward_transitions_total", "counter", "Alarm transitions.", &c.transitions);
    metric("steamward_hazard_changes_total", "counter", "Hazard versions written.", &c.hazards);
    metric("steamward_journal_bytes", "gauge", "Bytes in use in journal.db.", &c.journal_bytes);
    metric(
        "steamward_last_commit_microseconds",
        "gauge",
        "Duration of the last commit.",
        &c.last_commit_micros,
    );
    let clock = shared.clock.get();
    let (sure, jumps) = (AtomicU64::new(u64::from(clock.doubt.is_none())), AtomicU64::new(clock.jumps));
    metric("steamward_clock_sure", "gauge", "1 while the machine's clock is believed.", &sure);
    metric("steamward_clock_jumps_total", "counter", "Jumps of the machine's clock.", &jumps);
    let mut family = |name: &str, kind: &str, help: &str, rows: Vec<(&str, String, u64)>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (label, of, value) in rows {
            let _ = writeln!(text, "{name}{{{label}=\"{of}\"}} {value}");
        }
    };
    let alarms = shared.live.alarms();
    let states = [
        "unacknowledged",
        "acknowledged",
        "returned_unacknowledged",
        "latched_unacknowledged",
        "latched_acknowledged",
        "shelved",
        "suppressed",
        "out_of_service",
    ];
    let count = |state: &str| alarms.iter().filter(|a| a.state == state).count() as u64;
    let rows = states.iter().map(|s| ("state", (*s).to_owned(), count(s))).collect();
    family("steamward_alarms", "gauge", "Alarms by state.", rows);
    let outlets = shared.outlet_states();
    let by_outlet = |value: fn(&crate::outlet::OutletState) -> u64| {
        outlets.iter().map(|o| ("outlet", o.id.clone(), value(o))).collect()
    };
    family(
        "steamward_outlet_delivered_total",
        "counter",
        "Readings or events delivered since the beginning of the store.",
        by_outlet(|o| o.delivered),
    );
    family(
        "steamward_outlet_up",
        "gauge",
        "1 if the last attempt went well.",
        by_outlet(|o| u64::from(o.ok)),
    );
    family("steamward_outlet_dead_letters", "gauge", "Refused for good.", by_outlet(|o| o.dead_letters));
    let up =
        shared.parts.states().into_iter().map(|p| ("part", p.name.clone(), u64::from(p.is_well()))).collect();
    family("steamward_part_up", "gauge", "1 while this part beside reading and judging works.", up);
    let sources = (shared.sources)();
    let by_source = |value: fn(&super::SourceView) -> u64| {
        sources.iter().map(|s| ("source", s.id.clone(), value(s))).collect()
    };
    family(
        "steamward_source_connected",
        "gauge",
        "1 while the connection stands.",
        by_source(|s| u64::from(s.connected)),
    );
    family("steamward_source_requests_total", "counter", "Requests or messages.", by_source(|s| s.requests));
    family(
        "steamward_source_errors_total",
        "counter",
        "Requests or messages that failed.",
        by_source(|s| s.errors),
    );
    let of_sessions = |value: fn(&super::MqttView) -> u64| {
        sources.iter().filter_map(|s| Some(("source", s.id.clone(), value(s.mqtt.as_ref()?)))).collect()
    };
    family(
        "steamward_mqtt_sessions_lost_total",
        "counter",
        "Times that the broker no longer had the session.",
        of_sessions(|m| m.sessions_lost),
    );
    family(
        "steamward_mqtt_broker_dropped_total",
        "counter",
        "Messages that the broker says it dropped.",
        of_sessions(|m| m.broker_dropped),
    );
    if let Ok(path) = shared.path_view() {
        let rows = vec![("of", "journal".to_owned(), path.outbox.pending_chunks)];
        family(
            "steamward_outbox_pending_chunks",
            "gauge",
            "Commits that the slowest database still lacks.",
            rows,
        );
    }
    if let Some(broker) = (shared.broker)() {
        tell_broker(&mut text, &broker);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn tell_broker(text: &mut String, broker: &super::BrokerView) {
    for (name, kind, help, value) in [
        ("up", "gauge", "1 while the embedded MQTT broker takes connections.", u64::from(broker.running)),
        ("ended_total", "counter", "Times the embedded broker's process ended unasked.", broker.ended),
        ("clients", "gauge", "Clients that are connected.", broker.counts.clients),
        ("messages_total", "counter", "Messages that came in.", broker.counts.messages),
        (
            "dropped_total",
            "counter",
            "Messages dropped because a client's queue was full.",
            broker.counts.dropped,
        ),
        ("wrong_passwords_total", "counter", "Wrong names or passwords.", broker.counts.wrong_passwords),
        ("refused_total", "counter", "Refused for want of a right.", broker.counts.refused),
        ("over_share_total", "counter", "Beyond a user's share of places.", broker.counts.over_share),
        (
            "malformed_total",
            "counter",
            "Closed for bytes that a client may not send.",
            broker.counts.malformed,
        ),
        ("turned_away_total", "counter", "Turned away for want of room.", broker.counts.turned_away),
    ] {
        let name = format!("steamward_broker_{name}");
        // Writing into a String does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
}
