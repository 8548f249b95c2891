//! `/healthz`, `/readyz` and `/metrics` (Prometheus text).

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Shared;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// It can do its work: the ledger reads and the keeper takes commands.
pub(super) async fn readyz(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    if shared.commands.is_closed() || shared.with_ledger(|l| l.last_audit()).is_err() {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
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
    metric("steamward_transitions_total", "counter", "Alarm transitions.", &c.transitions);
    metric("steamward_hazard_changes_total", "counter", "Hazard versions written.", &c.hazards);
    metric("steamward_journal_bytes", "gauge", "Bytes in use in journal.db.", &c.journal_bytes);
    metric(
        "steamward_last_commit_microseconds",
        "gauge",
        "Duration of the last commit.",
        &c.last_commit_micros,
    );
    let alarms = shared.live.alarms();
    let _ = writeln!(text, "# HELP steamward_alarms Alarms by state.\n# TYPE steamward_alarms gauge");
    for state in ["unacknowledged", "acknowledged", "returned_unacknowledged"] {
        let count = alarms.iter().filter(|a| a.state == state).count();
        let _ = writeln!(text, "steamward_alarms{{state=\"{state}\"}} {count}");
    }
    let _ = writeln!(
        text,
        "# HELP steamward_outlet_delivered_total Readings or events delivered.\n# TYPE steamward_outlet_delivered_total counter"
    );
    for status in &shared.outlets {
        let o = status.get();
        let _ = writeln!(text, "steamward_outlet_delivered_total{{outlet=\"{}\"}} {}", o.id, o.delivered);
        let _ = writeln!(text, "steamward_outlet_up{{outlet=\"{}\"}} {}", o.id, u8::from(o.ok));
        let _ = writeln!(text, "steamward_outlet_dead_letters{{outlet=\"{}\"}} {}", o.id, o.dead_letters);
    }
    for s in (shared.sources)() {
        let _ = writeln!(text, "steamward_source_connected{{source=\"{}\"}} {}", s.id, u8::from(s.connected));
        let _ = writeln!(text, "steamward_source_errors_total{{source=\"{}\"}} {}", s.id, s.errors);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
