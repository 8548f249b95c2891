//! What the tried settings would have done, beside what really happened: as a table, and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use serde_json::json;

use super::history::Really;
use crate::alarm::rehearsal::{Hours, Outcome, Tally};
use crate::cli::{padded, padded_left};
use crate::plant::Micros;
use crate::settings::in_words;
use crate::tongue::told;

pub(super) struct Report<'a> {
    pub(super) span: (Micros, Micros),
    /// Rule keys, by index.
    pub(super) keys: &'a [String],
    /// Rules that raise a hazard, by index.
    pub(super) hazards: &'a [bool],
    pub(super) outcome: &'a Outcome,
    pub(super) really: Option<&'a Really>,
    pub(super) unknown: &'a BTreeSet<String>,
}

fn seconds(duration: Duration) -> Duration {
    Duration::from_secs((duration.as_millis() as u64 + 500) / 1000)
}

impl Report<'_> {
    /// By rule key: what the tried settings did, and what really was; only those that did something.
    fn rows(&self) -> BTreeMap<&str, (Option<Tally>, Option<Tally>)> {
        let mut rows: BTreeMap<&str, (Option<Tally>, Option<Tally>)> = BTreeMap::new();
        for (key, tally) in self.keys.iter().zip(&self.outcome.tallies) {
            if tally.raised > 0 {
                rows.entry(key).or_default().0 = Some(*tally);
            }
        }
        for (key, tally) in self.really.iter().flat_map(|r| &r.tallies) {
            if tally.raised > 0 {
                rows.entry(key).or_default().1 = Some(*tally);
            }
        }
        rows
    }

    /// Rules marked as hazards that called at least once: one record each, unless somebody closes it between.
    fn hazard_rules(&self) -> u64 {
        let calls = |(marked, tally): (&bool, &Tally)| *marked && tally.raised > tally.hidden;
        self.hazards.iter().zip(&self.outcome.tallies).filter(|pair| calls(*pair)).count() as u64
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |words: String| {
            let _ = writeln!(text, "{words}");
        };
        let (from, to) = self.span;
        let o = self.outcome;
        line(format!(
            "{} to {}: {} samples, {} readings",
            from.rfc3339(),
            to.rfc3339(),
            o.samples,
            o.readings
        ));
        if o.late > 0 {
            line(format!("{} samples came too late to be judged", o.late));
        }
        for name in self.unknown.iter().take(10) {
            line(format!("not in these settings: {name}"));
        }
        if self.unknown.len() > 10 {
            line(format!("and {} more points that are not in these settings", self.unknown.len() - 10));
        }
        let rows = self.rows();
        let width = rows.keys().map(|k| k.chars().count()).max().unwrap_or(0).max(4);
        line(String::new());
        let head = |text: &str, width| padded_left(&told(text), width);
        let rule = padded(&told("rule"), width);
        line(format!("{rule}  {}  {}", head("these settings", 30), head("really", 30)));
        let cells = |tally: Option<Tally>| match tally {
            Some(t) => format!(
                "{:>6} x {:>9} {:>10}",
                t.raised,
                in_words(seconds(t.active)),
                in_words(seconds(t.longest))
            ),
            None => "-".to_owned(),
        };
        let heads = [head("times", 9), head("all in", 12), head("longest", 9)].concat();
        line(format!("{:<width$}  {heads}  {heads}", ""));
        for (key, (tried, real)) in &rows {
            let real = if self.really.is_some() { cells(*real) } else { String::new() };
            line(format!("{key:<width$}  {:>30}  {real:>30}", cells(*tried)));
        }
        if rows.is_empty() {
            line("no alarm, neither by these settings nor really".to_owned());
        }
        line(String::new());
        let worst = |hours: &Hours| match hours.worst() {
            Some((hour, n)) => format!("worst hour {} with {n}", hour.rfc3339()),
            None => "no hour with a call".to_owned(),
        };
        line(format!(
            "these settings: {} calls, {}, hazards for {} limits, {} precursors",
            o.calls,
            worst(&o.hours),
            self.hazard_rules(),
            o.precursors
        ));
        if let Some(really) = self.really {
            line(format!(
                "really: {} calls, {}, {} hazards",
                really.calls,
                worst(&really.hours),
                really.hazards
            ));
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let tally = |t: Option<Tally>| {
            t.map(|t| {
                json!({ "raised": t.raised, "hidden": t.hidden, "active_ms": t.active.as_millis() as u64,
                    "longest_ms": t.longest.as_millis() as u64, "first": t.first.map(Micros::rfc3339) })
            })
        };
        let worst =
            |hours: &Hours| hours.worst().map(|(hour, n)| json!({ "hour": hour.rfc3339(), "calls": n }));
        let rules: Vec<_> = self
            .rows()
            .into_iter()
            .map(|(key, (tried, real))| json!({ "rule": key, "tried": tally(tried), "really": tally(real) }))
            .collect();
        let o = self.outcome;
        let whole = json!({
            "from": self.span.0.rfc3339(), "to": self.span.1.rfc3339(),
            "samples": o.samples, "readings": o.readings, "late": o.late,
            "unknown": self.unknown, "rules": rules,
            "tried": { "calls": o.calls, "worst": worst(&o.hours), "hazard_limits": self.hazard_rules(),
                "precursors": o.precursors },
            "really": self.really.map(|r| json!({ "calls": r.calls, "worst": worst(&r.hours), "hazards": r.hazards })),
        });
        serde_json::to_string_pretty(&whole).unwrap_or_default()
    }
}
