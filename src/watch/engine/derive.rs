//! Derived points: calculated when one of their inputs came, and once a second where time alone changes them.
//!
//! [`Engine::settle`] calculates all that is due, in the plant's order, so that what hangs on several readings of one
//! batch is calculated once and from the newest of each: the order within the batch does not show. What comes out
//! is judged like any reading, and handed back to be kept and forwarded.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Engine, Spot, Transition};
use crate::derive::PlantNames;
use crate::derive::formula::{self, Evaluator, Formula, Input};
use crate::plant::{Batch, Cause, DeviceIx, Now, Plant, PointIx, Quality, Reading};
use crate::watch::timer::us;

/// How often what has a memory is calculated while nothing comes.
const EVERY_US: u64 = 1_000_000;

/// One derived point at work.
#[derive(Debug, Clone)]
pub(super) struct Calculation {
    point: PointIx,
    device: DeviceIx,
    /// `boiler-1/superheat`
    name: Box<str>,
    inputs: Box<[PointIx]>,
    read: Box<[Input]>,
    evaluator: Evaluator,
    remembers: bool,
    /// An input came since it was calculated.
    fed: bool,
    /// What was said last.
    told: (u64, Option<Quality>),
}

/// What is stored of one.
#[derive(Serialize, Deserialize)]
struct Memory {
    /// Until all of them are calculated again.
    due_us: u64,
    formula: formula::Saved,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Calculations {
    all: Vec<Calculation>,
    /// Whose inputs they are.
    by_input: HashMap<PointIx, Vec<u32>>,
    atm_kpa: f64,
    fed: bool,
    /// When those with a memory are due again; `None` without any.
    due_us: Option<u64>,
    readings: Vec<Reading>,
}

impl Calculations {
    pub(super) fn new(plant: &Plant, now_us: u64) -> Self {
        let mut made = Self { atm_kpa: plant.site.atm_kpa, ..Self::default() };
        for derived in &plant.derived {
            let point = plant.point(derived.point);
            let (points, equipment) = (plant.points.as_slice(), plant.equipment.as_slice());
            let names = PlantNames {
                points,
                equipment,
                own: point.equipment,
                this: Some(derived.point),
                undecided: None,
            };
            // It was checked with the settings; what cannot be calculated stays without a value.
            let Ok(formula) = Formula::parse_as(&derived.formula, &point.unit, &names) else { continue };
            let number = made.all.len() as u32;
            for input in formula.inputs() {
                made.by_input.entry(*input).or_default().push(number);
            }
            made.all.push(Calculation {
                point: derived.point,
                device: derived.device,
                name: format!("{}/{}", plant.equipment_at(point.equipment).id, point.id).into(),
                inputs: formula.inputs().into(),
                read: vec![Input { value: f64::NAN, quality: Quality::Good }; formula.inputs().len()].into(),
                evaluator: Evaluator::new(&formula),
                remembers: formula.has_memory(),
                // One of constants alone is calculated too.
                fed: true,
                told: (0, None),
            });
        }
        made.fed = !made.all.is_empty();
        made.due_us = made.all.iter().any(|c| c.remembers).then_some(now_us);
        made
    }

    /// Points that feed a calculation.
    pub(super) fn inputs(&self) -> impl Iterator<Item = PointIx> {
        self.by_input.keys().copied()
    }

    /// Devices that only calculate.
    pub(super) fn devices(&self) -> impl Iterator<Item = DeviceIx> {
        self.all.iter().map(|c| c.device)
    }

    pub(super) fn due_us(&self, now_us: u64) -> Option<u64> {
        if self.fed { Some(now_us) } else { self.due_us }
    }

    /// A reading of an input came, or its quality changed.
    pub(super) fn feed(&mut self, point: PointIx) {
        let Some(numbers) = self.by_input.get(&point) else { return };
        for number in numbers {
            self.all[*number as usize].fed = true;
        }
        self.fed = true;
    }

    /// What those with a memory remember, by name, as JSON.
    pub(super) fn memories(&self, now: Now) -> impl Iterator<Item = (&str, String)> {
        let due_us = self.due_us.unwrap_or(0).saturating_sub(us(now.mono));
        self.all.iter().filter(|c| c.remembers).filter_map(move |c| {
            let memory = Memory { due_us, formula: c.evaluator.save(now.mono) };
            Some((&*c.name, serde_json::to_string(&memory).ok()?))
        })
    }

    /// Puts a memory back; one of another formula, and a damaged one, is left aside.
    pub(super) fn remember(&mut self, name: &str, memory: &str, now: Now) {
        let Some(one) = self.all.iter_mut().find(|c| &*c.name == name) else { return };
        if let Ok(memory) = serde_json::from_str::<Memory>(memory)
            && one.evaluator.restore(memory.formula, now.mono)
        {
            let due = us(now.mono).saturating_add(memory.due_us.min(EVERY_US));
            self.due_us = self.due_us.map(|_| due);
        }
    }

    /// Goes on where `before` stands.
    pub(super) fn succeed(&mut self, before: &Self, now: Now) {
        for one in &mut self.all {
            if let Some(old) = before.all.iter().find(|c| c.name == one.name) {
                one.evaluator.restore(old.evaluator.save(now.mono), now.mono);
            }
        }
    }
}

impl Engine {
    /// Calculates and judges what is due; what came out is added to `batch` under the time it was calculated at.
    /// Call it after the samples of one instant, and after `tick`.
    pub fn settle(&mut self, now: Now, out: &mut Vec<Transition>, batch: &mut Batch) {
        let now_us = us(now.mono);
        let timed = self.calculations.due_us.is_some_and(|due| now_us >= due);
        if !self.calculations.fed && !timed {
            return;
        }
        self.calculations.fed = false;
        if timed {
            self.calculations.due_us = Some(now_us.saturating_add(EVERY_US));
        }
        let mut readings = std::mem::take(&mut self.calculations.readings);
        let mut device = None;
        for number in 0..self.calculations.all.len() {
            let one = &mut self.calculations.all[number];
            if !(one.fed || timed && one.remembers) {
                continue;
            }
            let fed = std::mem::take(&mut one.fed);
            for (read, input) in one.read.iter_mut().zip(&one.inputs) {
                let spot = &self.spots[input.0 as usize];
                *read = Input { value: spot.value, quality: spot.quality };
            }
            let (value, quality) = one.evaluator.evaluate(&one.read, now.mono, self.calculations.atm_kpa);
            let spot = &mut self.spots[one.point.0 as usize];
            let (low, high) = spot.range;
            let outside = quality.is_usable() && (value < low || value > high);
            let quality = if outside { Quality::Bad(Cause::OutOfRange) } else { quality };
            let told = (value.to_bits(), Some(quality));
            if !fed && told == one.told {
                continue;
            }
            one.told = told;
            let (point, of) = (one.point, one.device);
            take(spot, value, quality, now, now_us);
            if device.is_some_and(|d| d != of) {
                flush(batch, device, &mut readings, now);
            }
            device = Some(of);
            readings.push(Reading { point, value, quality });
            self.judge(point, now, out);
        }
        flush(batch, device, &mut readings, now);
        self.calculations.readings = readings;
    }
}

fn take(spot: &mut Spot, value: f64, quality: Quality, now: Now, now_us: u64) {
    spot.quality = quality;
    if quality.is_usable() {
        (spot.value, spot.at, spot.came_us, spot.lag) = (value, now.wall.0, now_us, 0);
    }
}

fn flush(batch: &mut Batch, device: Option<DeviceIx>, readings: &mut Vec<Reading>, now: Now) {
    if let Some(device) = device.filter(|_| !readings.is_empty()) {
        batch.push(device, now.wall, true, readings);
        readings.clear();
    }
}
