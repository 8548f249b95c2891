//! Limits tried on what has been: the same engine, fed with stored samples and their own times.
//!
//! Deterministic: the same samples give the same outcome, to the last digit. What the gateway did not judge is history here
//! too; where that was not noted, a sample that is older than the newest by more than [`LATE`]. Before its first reading nothing is
//! known of a device, and nothing is missing. Nobody acknowledges
//! in a rehearsal, so what counts is when a condition held, not how long people took. Called by
//! `steamward replay`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Engine, Event, RuleIx, Transition};
use crate::plant::{Batch, Cause, DeviceIx, Micros, Now, Plant, Quality, Reading, SampleHead};

/// Readings that come later than this were buffered, and raise nothing (domain 0.5).
const LATE: i64 = 600_000_000;
const HOUR: i64 = 3_600_000_000;

/// What one rule did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How often its condition came to hold.
    pub raised: u64,
    /// Of them while it is suppressed: suppressed by design, or following from another.
    pub hidden: u64,
    /// How long it held in all.
    pub active: Duration,
    /// The longest time it held.
    pub longest: Duration,
    /// When it held first.
    pub first: Option<Micros>,
    since: Option<Micros>,
}

impl Tally {
    /// The condition came to hold.
    pub fn raise(&mut self, at: Micros, hidden: bool) {
        self.raised += 1;
        self.hidden += u64::from(hidden);
        self.first.get_or_insert(at);
        self.since = Some(at);
    }

    /// It holds no longer.
    pub fn clear(&mut self, at: Micros) {
        let Some(since) = self.since.take() else { return };
        let lasted = Duration::from_micros(u64::try_from(at.0.saturating_sub(since.0)).unwrap_or(0));
        self.active += lasted;
        self.longest = self.longest.max(lasted);
    }
}

/// Calls by the hour they came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hours(BTreeMap<i64, u64>);

impl Hours {
    /// One more call.
    pub fn call(&mut self, at: Micros) {
        *self.0.entry(at.0.div_euclid(HOUR)).or_default() += 1;
    }

    /// The hour with the most calls, the earliest of equals, and how many.
    #[must_use]
    pub fn worst(&self) -> Option<(Micros, u64)> {
        let best = self.0.iter().rev().max_by_key(|(_, n)| **n)?;
        Some((Micros(best.0 * HOUR), *best.1))
    }

    /// How many in the hour that begins at `at`.
    #[must_use]
    pub fn at(&self, at: Micros) -> u64 {
        self.0.get(&at.0.div_euclid(HOUR)).copied().unwrap_or(0)
    }
}

/// What limits would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// By rule index.
    pub tallies: Vec<Tally>,
    /// Calls to people.
    pub calls: u64,
    /// By the hour.
    pub hours: Hours,
    /// Caught by a delay, or came near.
    pub precursors: u64,
    /// Samples judged.
    pub samples: u64,
    /// Readings judged.
    pub readings: u64,
    /// Samples that came too late to be judged.
    pub late: u64,
}

/// A rehearsal under way.
#[derive(Debug)]
pub struct Rehearsal {
    engine: Engine,
    from: Micros,
    /// Newest time so far.
    now: Now,
    /// Derived points are calculated anew; what comes out is nobody's.
    made: Batch,
    calculating: Vec<bool>,
    out: Vec<Transition>,
    outcome: Outcome,
}

impl Rehearsal {
    /// Begins at `from` with nothing known.
    #[must_use]
    pub fn new(plant: &Plant, from: Micros) -> Self {
        let now = Now { mono: Duration::ZERO, wall: from };
        let mut engine = Engine::new(plant, now);
        engine.await_first_readings();
        let outcome = Outcome {
            tallies: vec![Tally::default(); engine.rules().len()],
            calls: 0,
            hours: Hours::default(),
            precursors: 0,
            samples: 0,
            readings: 0,
            late: 0,
        };
        let calculating = (0..plant.devices.len() as u32).map(|d| plant.calculates(DeviceIx(d))).collect();
        Self { engine, from, now, made: Batch::default(), calculating, out: Vec::new(), outcome }
    }

    /// One stored sample, and whether it was judged when it came, if that is known; `readings` may be changed. Samples come
    /// in the order they were stored.
    pub fn sample(&mut self, device: DeviceIx, at: Micros, live: Option<bool>, readings: &mut [Reading]) {
        // What was calculated then is calculated again.
        if self.calculating.get(device.0 as usize).is_some_and(|c| *c) {
            return;
        }
        if !live.unwrap_or(at.0 >= self.now.wall.0 - LATE) {
            self.outcome.late += 1;
            return;
        }
        // Devices are read side by side: a little back in time is the same instant.
        if at > self.now.wall {
            self.until(at);
        }
        for reading in readings.iter_mut() {
            // What another range or another test rejected is judged by these.
            let tested = matches!(
                reading.quality,
                Quality::Bad(Cause::OutOfRange | Cause::Jump)
                    | Quality::Uncertain(Cause::Frozen | Cause::OutOfRange)
            );
            if tested && reading.value.is_finite() {
                reading.quality = Quality::Good;
            }
        }
        self.outcome.samples += 1;
        self.outcome.readings += readings.len() as u64;
        let len = u32::try_from(readings.len()).unwrap_or(u32::MAX);
        let head = SampleHead { device, at, live: true, len };
        self.engine.sample(head, readings, self.now, &mut self.out);
        if !self.out.is_empty() {
            self.follow();
        }
    }

    /// Goes on to `at`; fires what is due before it, at its own time. What is due at `at` itself waits for the samples of
    /// that instant, as it does in the gateway: a condition that ends with its delay has not outlasted it.
    fn until(&mut self, at: Micros) {
        let mono = Duration::from_micros(u64::try_from(at.0.saturating_sub(self.from.0)).unwrap_or(0));
        self.settle();
        let mut last = None;
        while let Some(due) = self.engine.next_deadline().filter(|due| *due < mono && last != Some(*due)) {
            last = Some(due);
            let due = due.max(self.now.mono);
            self.now = Now { mono: due, wall: self.from.plus(due) };
            self.tick();
        }
        self.now = Now { mono, wall: at };
    }

    fn tick(&mut self) {
        self.engine.tick(self.now, &mut self.out);
        self.settle();
    }

    fn settle(&mut self) {
        self.engine.settle(self.now, &mut self.out, &mut self.made);
        self.made.clear();
        self.follow();
    }

    fn follow(&mut self) {
        for t in self.out.drain(..) {
            let tally = &mut self.outcome.tallies[t.rule.0 as usize];
            match t.event {
                Event::Raised => tally.raise(t.at, !t.annunciates()),
                Event::Cleared => tally.clear(t.at),
                _ => {}
            }
            if t.annunciates() {
                self.outcome.calls += 1;
                self.outcome.hours.call(t.at);
            }
        }
        self.outcome.precursors += self.engine.take_precursors().len() as u64;
    }

    /// The rules, in index order.
    #[must_use]
    pub fn rules(&self) -> &[super::Rule] {
        self.engine.rules()
    }

    /// Ends at `to`: what still holds has held until then.
    #[must_use]
    pub fn end(mut self, to: Micros) -> Outcome {
        if to > self.now.wall {
            self.until(to);
        }
        self.settle();
        self.tick();
        let at = self.now.wall;
        for number in 0..self.outcome.tallies.len() {
            if self.engine.alarm(RuleIx(number as u32)).active {
                self.outcome.tallies[number].clear(at);
            }
        }
        self.outcome
    }
}
