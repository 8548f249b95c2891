//! What a device tells of the past: it raises nothing, and what was beyond a limit is on record all the same, as a
//! precursor under its own time.

use std::time::Duration;

use super::{Engine, Precursor};
use crate::alarm::limit::{Zone, zone};
use crate::alarm::rule::RuleIx;
use crate::plant::{Micros, PointIx, Reading};

/// A breach in history, as far as it was told.
#[derive(Debug, Clone, Copy)]
pub(super) struct PastBreach {
    rule: RuleIx,
    from: Micros,
    to: Micros,
    peak: f64,
}

impl Engine {
    /// Follows readings of the past; they come in the order of their time, or what they tell is in pieces.
    pub(super) fn backfill(&mut self, at: Micros, readings: &[Reading]) {
        for reading in readings.iter().filter(|r| r.quality.is_usable()) {
            let rules = self.points[reading.point.0 as usize].rules;
            for number in rules.0..rules.1 {
                let definition = &self.rules[number as usize];
                if definition.kind.is_no_data() {
                    continue;
                }
                let beyond = zone(definition.kind, definition.at, definition.deadband, reading.value);
                self.follow_past(RuleIx(number), beyond == Zone::Breach, at, reading.value);
            }
        }
    }

    fn follow_past(&mut self, rule: RuleIx, beyond: bool, at: Micros, value: f64) {
        let known = self.past.iter().position(|p| p.rule == rule);
        match (known, beyond) {
            (None, false) => {}
            (None, true) => self.past.push(PastBreach { rule, from: at, to: at, peak: value }),
            (Some(n), true) => {
                let further = self.further(rule, value, self.past[n].peak);
                let past = &mut self.past[n];
                past.to = past.to.max(at);
                if further {
                    past.peak = value;
                }
            }
            (Some(n), false) => {
                let past = self.past.swap_remove(n);
                self.record(PastBreach { to: past.to.max(at), ..past });
            }
        }
    }

    /// The device is read now again: what it told of the past ends here.
    pub(super) fn end_past(&mut self, points: &[PointIx]) {
        let mut at = 0;
        while let Some(past) = self.past.get(at).copied() {
            let of = self.rules[past.rule.0 as usize].point;
            if of.is_some_and(|p| points.contains(&p)) {
                self.past.swap_remove(at);
                self.record(past);
            } else {
                at += 1;
            }
        }
    }

    fn record(&mut self, past: PastBreach) {
        let lasted = u64::try_from(past.to.0.saturating_sub(past.from.0)).unwrap_or(0);
        self.precursors.push(Precursor {
            rule: past.rule,
            beyond: true,
            at: past.to,
            peak: past.peak,
            lasted: Duration::from_micros(lasted),
        });
    }
}
