//! What a demo run did, checked from outside: the journal against what the database holds, the
//! ledger against what the inspection system holds, the audit chain from its beginning.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::audit;
use crate::hazard::Evidence;
use crate::plant::{Micros, ValueType};
use crate::simulate::{Plant, tally};
use crate::store::{JournalReader, LedgerReader, unpack};

/// What only the run itself knows.
pub(super) struct Facts {
    pub(super) resumed: bool,
    pub(super) ran: Duration,
    /// Readings taken from the wires in this run, good and bad.
    pub(super) read: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: &'static str,
    resumed: bool,
    ran_seconds: f64,
    readings: Readings,
    alarms: Alarms,
    hazards: Vec<HazardLine>,
    inspection: Inspection,
    audit_entries: u64,
    /// What is not as promised; empty when all is well.
    pub(super) wrong: Vec<String>,
}

/// Counts over the whole store; with `--resume` that is more than this run read.
#[derive(Debug, Serialize)]
struct Readings {
    /// Taken from the wires in this run, good and bad.
    read_this_run: u64,
    /// On the disk, good and bad.
    committed: u64,
    /// Of those, with a value: these belong into the database.
    with_value: u64,
    /// Of those, found there with the same value.
    delivered: u64,
    missing: u64,
    /// Written again with the same value (harmless: same series and time).
    repeated_writes: u64,
    conflicting_writes: u64,
    /// In the database but never committed.
    unknown: u64,
}

#[derive(Debug, Serialize)]
struct Alarms {
    raised: usize,
    cleared: usize,
    by_rule: HashMap<String, usize>,
}

#[derive(Debug, Serialize)]
struct HazardLine {
    id: String,
    number: String,
    rule: String,
    title_zh: String,
    title_en: String,
    level: &'static str,
    level_state: &'static str,
    status: &'static str,
    occurrences: u32,
    found_at: String,
    evidence_readings: Option<u64>,
    receipts: Vec<Receipt>,
}

#[derive(Debug, Serialize)]
struct Receipt {
    version: u32,
    state: String,
    at: Option<String>,
    said: String,
}

#[derive(Debug, Serialize)]
struct Inspection {
    events_written: usize,
    events_received: usize,
    repeats: u64,
}

impl Report {
    pub(super) fn summary(&self) -> String {
        let r = &self.readings;
        format!(
            "{} readings committed, {} of {} with a value found in the database, {} missing; \
             {} alarms raised, {} hazards, {} of {} events received: {}",
            r.committed,
            r.delivered,
            r.with_value,
            r.missing,
            self.alarms.raised,
            self.hazards.len(),
            self.inspection.events_received,
            self.inspection.events_written,
            if self.wrong.is_empty() { "as promised" } else { "NOT as promised" }
        )
    }
}

/// Checks the store in `dir` against the files of the stand-ins.
pub(super) fn check(dir: &Path, facts: &Facts) -> Result<Report, String> {
    let words = |e: &dyn std::fmt::Display| e.to_string();
    let journal = JournalReader::open(&dir.join("journal.db")).map_err(|e| words(&e))?;
    let ledger = LedgerReader::open(&dir.join("ledger.db")).map_err(|e| words(&e))?;
    let database = tally::database(&Plant::database_file(dir)).map_err(|e| words(&e))?;
    let (received, repeats) = tally::inspection(&Plant::inspection_file(dir)).map_err(|e| words(&e))?;

    let mut wrong = Vec::new();
    let readings = readings(&journal, database, facts.read).map_err(|e| words(&e))?;
    for (count, what) in [
        (readings.missing, "committed readings are not in the database"),
        (readings.conflicting_writes, "readings were written twice with different values"),
        (readings.unknown, "readings in the database were never committed"),
    ] {
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    }
    if readings.committed < facts.read {
        wrong.push(format!("{} readings taken, only {} committed", facts.read, readings.committed));
    }
    if readings.delivered == 0 {
        wrong.push("no reading reached the database".to_owned());
    }
    let transitions = ledger.transitions(None, (None, None), u32::MAX).map_err(|e| words(&e))?;
    let mut by_rule: HashMap<String, usize> = HashMap::new();
    for t in transitions.iter().filter(|t| t.event == "raised") {
        *by_rule.entry(t.rule.clone()).or_default() += 1;
    }
    let count = |event: &str| transitions.iter().filter(|t| t.event == event).count();
    let alarms = Alarms { raised: count("raised"), cleared: count("cleared"), by_rule };

    let hazards = hazards(&ledger, &mut wrong)?;
    let inspection = Inspection {
        events_written: events(&ledger, &received, &mut wrong)?,
        events_received: received.len(),
        repeats,
    };
    let audit_entries = match audit::verify(ledger.audit().map_err(|e| words(&e))?.iter()) {
        Ok(summary) => summary.entries,
        Err(broken) => {
            wrong.push(format!("the audit chain is broken: {broken}"));
            0
        }
    };
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        resumed: facts.resumed,
        ran_seconds: (facts.ran.as_secs_f64() * 10.0).round() / 10.0,
        readings,
        alarms,
        hazards,
        inspection,
        audit_entries,
        wrong,
    })
}

fn readings(
    journal: &JournalReader,
    mut database: tally::Database,
    read: u64,
) -> Result<Readings, crate::store::StoreError> {
    let series: HashMap<u32, _> = journal.series()?.into_iter().map(|s| (s.id, s)).collect();
    let (mut committed, mut with_value, mut delivered) = (0, 0, 0);
    let mut counted = HashSet::new();
    let mut seq = 0;
    while let Some(chunk) = journal.next_after(seq)? {
        seq = chunk.seq;
        unpack(&chunk.body, |sample| {
            for reading in sample.readings {
                committed += 1;
                if !reading.quality.is_usable() {
                    continue;
                }
                let Some(s) = series.get(&reading.series) else { continue };
                // The same point at the same instant is one reading, however often it was sent.
                if !counted.insert((reading.series, sample.at.0)) {
                    continue;
                }
                with_value += 1;
                let key = (s.equipment.clone(), s.point.clone(), sample.at.0);
                if database.readings.remove(&key).is_some_and(|t| same(&t, reading.value, s.value_type)) {
                    delivered += 1;
                }
            }
        })?;
    }
    Ok(Readings {
        read_this_run: read,
        committed,
        with_value,
        delivered,
        missing: with_value - delivered,
        repeated_writes: database.repeats,
        conflicting_writes: database.conflicts,
        unknown: database.readings.len() as u64,
    })
}

fn same(text: &str, value: f64, value_type: ValueType) -> bool {
    match value_type {
        ValueType::Bool => text == if value == 0.0 { "f" } else { "t" },
        ValueType::Integer => text.strip_suffix('i').and_then(|t| t.parse().ok()) == Some(value as i64),
        // The demo has no texts.
        ValueType::Float | ValueType::Text => text.parse() == Ok(value),
    }
}

fn hazards(ledger: &LedgerReader, wrong: &mut Vec<String>) -> Result<Vec<HazardLine>, String> {
    let found = ledger.hazards(true).map_err(|e| e.to_string())?;
    if found.is_empty() {
        wrong.push("no hazard was raised".to_owned());
    }
    let mut lines = Vec::new();
    let mut open = HashSet::new();
    for h in found {
        let id = h.id.to_string();
        if h.status.word() != "closed" && !open.insert(h.merge_key()) {
            wrong.push(format!("two open hazards for {}", h.merge_key()));
        }
        let deliveries = ledger.deliveries(&id).map_err(|e| e.to_string())?;
        let delivered = deliveries.iter().filter(|d| d.state == "delivered").count();
        if delivered != h.version as usize {
            wrong.push(format!("hazard {}: {delivered} of {} versions have a receipt", h.number, h.version));
        }
        lines.push(HazardLine {
            id,
            rule: h.rule().unwrap_or_default().to_owned(),
            number: h.number,
            title_zh: h.title_zh,
            title_en: h.title_en,
            level: h.level.word(),
            level_state: h.level_state.word(),
            status: h.status.word(),
            occurrences: h.occurrences,
            found_at: time(h.found_at),
            evidence_readings: match h.evidence {
                Evidence::Sealed { readings, .. } => Some(readings),
                Evidence::Pending => None,
            },
            receipts: deliveries
                .into_iter()
                .map(|d| Receipt { version: d.version, state: d.state, at: d.at.map(time), said: d.detail })
                .collect(),
        });
    }
    Ok(lines)
}

/// Every event that was written must have been received, unchanged, each hazard's in order.
fn events(
    ledger: &LedgerReader,
    received: &[(String, String)],
    wrong: &mut Vec<String>,
) -> Result<usize, String> {
    let written = ledger.events_after(0, u32::MAX).map_err(|e| e.to_string())?;
    let mut last: HashMap<&str, usize> = HashMap::new();
    for event in &written {
        let body: serde_json::Value = serde_json::from_str(&event.body).map_err(|e| e.to_string())?;
        let id = body["id"].as_str().unwrap_or_default();
        match received.iter().position(|(r, _)| r == id) {
            None => wrong.push(format!("event {id} was not received")),
            Some(at) => {
                if received[at].1 != event.body {
                    wrong.push(format!("event {id} was received with another body"));
                }
                if last.insert(&event.hazard, at).is_some_and(|before| before > at) {
                    wrong.push(format!("event {id} was received out of order"));
                }
            }
        }
    }
    if received.len() > written.len() {
        wrong.push(format!("{} events received that were never written", received.len() - written.len()));
    }
    Ok(written.len())
}

fn time(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| String::new(), |t| format!("{t:.3}"))
}
