//! A formula at work: inputs and a time in, value and quality out, and what it remembers between.
//!
//! The evaluator has a clock of its own, which counts the monotonic time that passes between
//! evaluations. All that the cells keep is on it, so that saved state holds elapsed times and no
//! instants. The time the gateway is down does not count: nobody can say how long that was.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Formula;
use super::cell::Cell;
use super::program::Program;
use crate::plant::Quality;

/// A century; a stored clock beyond it is no clock.
const LONGEST_RUN_NS: u64 = 100 * 366 * 86_400 * 1_000_000_000;

/// A reading of one input.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// In the point's unit; of a discrete point 0 or 1.
    pub value: f64,
    /// Whether to believe it.
    pub quality: Quality,
}

/// What a formula remembers, to be stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    /// Which formula it is of.
    formula: String,
    /// How long it has run.
    ran_ns: u64,
    cells: Vec<Cell>,
}

/// One formula with its memory.
#[derive(Debug, Clone)]
pub struct Evaluator {
    program: Arc<Program>,
    cells: Vec<Cell>,
    ran_ns: u64,
    /// Monotonic time up to which `ran_ns` counts; `None` before the first evaluation.
    seen: Option<Duration>,
}

impl Evaluator {
    /// With nothing remembered.
    #[must_use]
    pub fn new(formula: &Formula) -> Self {
        let program = Arc::clone(&formula.program);
        let cells = program.cells.iter().map(|spec| Cell::new(*spec)).collect();
        Self { program, cells, ran_ns: 0, seen: None }
    }

    /// The result at `mono`, from the readings of [`Formula::inputs`] in their order; a missing one is
    /// bad. `atm_kpa` is the site's atmospheric pressure. NaN when the quality is bad.
    ///
    /// Allocates nothing. If `mono` goes back, time stands still until it has caught up.
    pub fn evaluate(&mut self, inputs: &[Input], mono: Duration, atm_kpa: f64) -> (f64, Quality) {
        self.evaluate_late(inputs, mono, Duration::ZERO, atm_kpa)
    }

    /// The same from readings that were taken `late` before `mono`: windows place them there, so that what was buffered
    /// and comes at once makes no steep slope.
    pub fn evaluate_late(
        &mut self,
        inputs: &[Input],
        mono: Duration,
        late: Duration,
        atm_kpa: f64,
    ) -> (f64, Quality) {
        self.ran_ns = self.ran_at(mono);
        let late_ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        self.seen = Some(self.seen.map_or(mono, |seen| seen.max(mono)));
        let result = self.program.run(
            inputs,
            atm_kpa,
            (self.ran_ns, self.ran_ns.saturating_sub(late_ns)),
            &mut self.cells,
        );
        (result.value, result.quality)
    }

    fn ran_at(&self, mono: Duration) -> u64 {
        let passed = self.seen.map_or(Duration::ZERO, |seen| mono.saturating_sub(seen));
        self.ran_ns.saturating_add(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX)).min(LONGEST_RUN_NS)
    }

    /// What it remembers at `mono`.
    #[must_use]
    pub fn save(&self, mono: Duration) -> Saved {
        Saved { formula: self.program.key.clone(), ran_ns: self.ran_at(mono), cells: self.cells.clone() }
    }

    /// Goes on at `mono` where `saved` left off. Returns whether it did: state of another formula, and
    /// state that is damaged, is not taken, and the memory stays as it was.
    pub fn restore(&mut self, saved: Saved, mono: Duration) -> bool {
        let specs = &self.program.cells;
        let mut cells = saved.cells;
        let fits = saved.formula == self.program.key
            && saved.ran_ns <= LONGEST_RUN_NS
            && cells.len() == specs.len()
            && cells.iter_mut().zip(specs).all(|(cell, spec)| cell.revive(*spec, saved.ran_ns));
        if fits {
            (self.cells, self.ran_ns, self.seen) = (cells, saved.ran_ns, Some(mono));
        }
        fits
    }

    /// Starts the running totals (`integral`) anew.
    pub fn reset_totals(&mut self) {
        for cell in &mut self.cells {
            cell.reset_total();
        }
    }
}
