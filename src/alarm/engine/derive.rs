//! Derived points: calculated when one of their inputs came, and once a second where time alone changes them.
//!
//! [`Engine::settle`] calculates all that is due, in the plant's order, so that what hangs on several readings of one
//! batch is calculated once and from the newest of each: the order within the batch does not show. What comes out
//! is judged like any reading, and handed back to be kept and forwarded. What a device had buffered and sends at once is
//! calculated with reading by reading, each at its own time.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::steps::Stepped;
use super::{Engine, PointState, Transition};
use crate::alarm::timer::us;
use crate::derive::PlantNames;
use crate::derive::formula::{self, Evaluator, Formula, Input};
use crate::derive::instrument::{self, Instrument};
use crate::plant::{
    Batch, Cause, Derived, DeviceIx, How, Micros, Now, Plant, PointIx, Quality, Reading, unit,
};

/// How often what has a memory is calculated while nothing comes.
const EVERY_US: u64 = 1_000_000;

/// What an instrument reads.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A point, with factor and offset to the instrument's unit.
    Point(PointIx, f64, f64),
    /// Nothing is named: this, if it is known.
    Absent(Option<f64>),
}

/// What calculates.
#[derive(Debug, Clone)]
enum Work {
    /// True from that instant on.
    After(Micros),
    Formula {
        evaluator: Evaluator,
        inputs: Box<[PointIx]>,
        read: Box<[Input]>,
        remembers: bool,
    },
    Instrument {
        instrument: Stepped,
        inputs: Box<[Source]>,
        read: Box<[Option<f64>]>,
    },
}

/// One calculation at work.
#[derive(Debug, Clone)]
struct Calculation {
    points: Box<[PointIx]>,
    device: DeviceIx,
    /// `boiler-1/superheat`, of its first point.
    name: Box<str>,
    work: Work,
    /// An input came since it was calculated.
    fed: bool,
    /// What was said last of each point.
    told: Box<[(u64, Option<Quality>)]>,
}

impl Calculation {
    fn new(derived: &Derived, plant: &Plant) -> Option<Self> {
        let first = plant.point(*derived.points.first()?);
        let work = match &derived.how {
            How::Formula(text) => {
                let (points, equipment) = (plant.points.as_slice(), plant.equipment.as_slice());
                let this = derived.points.first().copied();
                let names = PlantNames { points, equipment, own: first.equipment, this, undecided: None };
                // It was checked with the settings; what cannot be calculated stays without a value.
                let formula = Formula::parse_as(text, &first.unit, &names).ok()?;
                let nothing = Input { value: f64::NAN, quality: Quality::Bad(Cause::NotYetRead) };
                Work::Formula {
                    evaluator: Evaluator::new(&formula),
                    inputs: formula.inputs().into(),
                    read: vec![nothing; formula.inputs().len()].into(),
                    remembers: formula.has_memory(),
                }
            }
            How::After(at) => Work::After(*at),
            How::Instrument { kind, inputs, numbers } => {
                let kind = instrument::kind(kind)?;
                let of = |(port, point): (&instrument::Port, &Option<PointIx>)| {
                    let Some(point) = *point else { return Source::Absent(port.absent) };
                    let unit = &plant.point(point).unit;
                    let (factor, offset) = unit::conversion(unit, port.unit).unwrap_or((1.0, 0.0));
                    Source::Point(point, factor, offset)
                };
                Work::Instrument {
                    instrument: Stepped::new(Instrument::new(kind, numbers)),
                    inputs: kind.inputs.iter().zip(inputs).map(of).collect(),
                    read: vec![None; kind.inputs.len()].into(),
                }
            }
        };
        Some(Self {
            points: derived.points.as_slice().into(),
            device: derived.device,
            name: format!("{}/{}", plant.equipment_at(first.equipment).id, first.id).into(),
            work,
            // One of constants alone is calculated too.
            fed: true,
            told: vec![(0, None); derived.points.len()].into(),
        })
    }

    fn inputs(&self) -> Vec<PointIx> {
        match &self.work {
            Work::Formula { inputs, .. } => inputs.to_vec(),
            Work::After(_) => Vec::new(),
            Work::Instrument { inputs, .. } => inputs
                .iter()
                .filter_map(|input| match input {
                    Source::Point(point, ..) => Some(*point),
                    Source::Absent(_) => None,
                })
                .collect(),
        }
    }

    fn remembers(&self) -> bool {
        match &self.work {
            Work::Formula { remembers, .. } => *remembers,
            Work::Instrument { .. } | Work::After(_) => true,
        }
    }

    /// Calculates; each point's value and quality goes to `said`.
    fn run(
        &mut self,
        points: &[PointState],
        (now, late): (Now, Duration),
        atm_kpa: f64,
        mut said: impl FnMut(usize, f64, Quality),
    ) {
        match &mut self.work {
            Work::Formula { evaluator, inputs, read, .. } => {
                for (read, input) in read.iter_mut().zip(inputs) {
                    let point_state = &points[input.0 as usize];
                    *read = Input { value: point_state.value, quality: point_state.quality };
                }
                let (value, quality) = evaluator.evaluate_late(read, now.mono, late, atm_kpa);
                said(0, value, quality);
            }
            Work::After(at) => said(0, f64::from(u8::from(now.wall >= *at)), Quality::Good),
            Work::Instrument { instrument, inputs, read } => {
                // As good as what it reads; an input that is bad is unknown to it, and it says itself what follows.
                let (mut doubt, mut came) = (Quality::Good, false);
                for (read, input) in read.iter_mut().zip(&*inputs) {
                    *read = match *input {
                        Source::Absent(absent) => absent,
                        Source::Point(point, factor, offset) => {
                            let point_state = &points[point.0 as usize];
                            came |= point_state.quality.is_usable() && point_state.came_us == us(now.mono);
                            if point_state.quality != Quality::Good {
                                doubt = Quality::Uncertain(Cause::DerivedInput);
                            }
                            point_state.quality.is_usable().then_some(point_state.value * factor + offset)
                        }
                    };
                }
                let own = now.mono.saturating_sub(late);
                for (number, value) in instrument.step(read, own, came).iter().enumerate() {
                    let known = value.is_finite();
                    said(number, *value, if known { doubt } else { Quality::Bad(Cause::DerivedInput) });
                }
            }
        }
    }

    /// How long before they came the readings that it goes by were taken; of several inputs the freshest counts.
    fn late_us(&self, points: &[PointState]) -> u64 {
        match &self.work {
            Work::Formula { inputs, .. } => {
                inputs.iter().map(|p| points[p.0 as usize].late_us()).min().unwrap_or(0)
            }
            Work::Instrument { inputs, .. } => {
                let points = inputs.iter().filter_map(|input| match input {
                    Source::Point(point, ..) => Some(&points[point.0 as usize]),
                    Source::Absent(_) => None,
                });
                points.filter(|s| s.quality.is_usable()).map(PointState::late_us).min().unwrap_or(0)
            }
            Work::After(_) => 0,
        }
    }

    fn save(&self, mono: Duration) -> Option<Kept> {
        match &self.work {
            Work::Formula { remembers: false, .. } => None,
            Work::Formula { evaluator, .. } => Some(Kept::Formula(evaluator.save(mono))),
            Work::After(_) => None,
            Work::Instrument { instrument, .. } => instrument.save().map(Kept::Instrument),
        }
    }

    fn restore(&mut self, kept: Kept, away: Option<Duration>, mono: Duration) -> bool {
        match (&mut self.work, kept) {
            (Work::Formula { evaluator, .. }, Kept::Formula(saved)) => evaluator.restore(saved, mono),
            (Work::Instrument { instrument, .. }, Kept::Instrument(saved)) => {
                instrument.restore(&saved, away)
            }
            _ => false,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Formula(formula::Saved),
    Instrument(String),
}

/// What is stored of one.
#[derive(Serialize, Deserialize)]
struct Memory {
    /// Until all of them are calculated again.
    due_us: u64,
    /// When it was stored.
    at: Micros,
    kept: Kept,
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
    /// When what was fed was taken, and whether that was earlier than it came.
    fed_at: (u64, bool),
    /// What was calculated between the readings of a burst.
    made: Batch,
}

impl Calculations {
    pub(super) fn new(plant: &Plant, now_us: u64) -> Self {
        let mut made = Self { atm_kpa: plant.site.atm_kpa, ..Self::default() };
        for one in plant.derived.iter().filter_map(|derived| Calculation::new(derived, plant)) {
            let number = made.all.len() as u32;
            for input in one.inputs() {
                made.by_input.entry(input).or_default().push(number);
            }
            made.all.push(one);
        }
        made.fed = !made.all.is_empty();
        made.due_us = made.all.iter().any(Calculation::remembers).then_some(now_us);
        made
    }

    /// Points that feed a calculation.
    pub(super) fn inputs(&self) -> impl Iterator<Item = PointIx> {
        self.by_input.keys().copied()
    }

    /// What each point is calculated from.
    pub(super) fn inputs_of(&self) -> HashMap<PointIx, Box<[PointIx]>> {
        let each = |c: &Calculation| {
            let inputs: Box<[PointIx]> = c.inputs().into();
            c.points.iter().map(|p| (*p, inputs.clone())).collect::<Vec<_>>()
        };
        self.all.iter().flat_map(each).collect()
    }

    /// What is calculated, in an order in which nothing stands before what it is calculated from.
    pub(super) fn points(&self) -> Vec<PointIx> {
        self.all.iter().flat_map(|c| c.points.iter().copied()).collect()
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
        self.all.iter().filter_map(move |c| {
            let memory = Memory { due_us, at: now.wall, kept: c.save(now.mono)? };
            Some((&*c.name, serde_json::to_string(&memory).ok()?))
        })
    }

    /// Puts a memory back; one of another formula, and a damaged one, is left aside.
    pub(super) fn remember(&mut self, name: &str, memory: &str, now: Now) {
        let Some(one) = self.all.iter_mut().find(|c| &*c.name == name) else { return };
        let Ok(memory) = serde_json::from_str::<Memory>(memory) else { return };
        // A clock that went back says nothing of how long the gateway was away.
        let away = u64::try_from(now.wall.0.saturating_sub(memory.at.0)).ok().map(Duration::from_micros);
        if one.restore(memory.kept, away, now.mono) {
            let due = us(now.mono).saturating_add(memory.due_us.min(EVERY_US));
            self.due_us = self.due_us.map(|_| due);
        }
    }

    /// Goes on where `before` stands.
    pub(super) fn reconfigure(&mut self, before: &Self, now: Now) {
        for one in &mut self.all {
            let old = before.all.iter().find(|c| c.name == one.name);
            if let Some(kept) = old.and_then(|old| old.save(now.mono)) {
                one.restore(kept, Some(Duration::ZERO), now.mono);
            }
        }
    }
}

impl Engine {
    /// Calculates and judges what is due; what came out is added to `batch` under the time it was calculated at.
    /// Call it after the samples of one instant, and after `tick`.
    pub fn settle(&mut self, now: Now, out: &mut Vec<Transition>, batch: &mut Batch) {
        if !self.calculations.made.is_empty() {
            batch.append(&mut self.calculations.made);
        }
        self.calculate(now, out, batch);
    }

    /// Readings taken at `own_us` are about to come. Those of a burst are calculated with one after the other, each at its
    /// own time; those that come as they are taken wait for each other.
    pub(super) fn part_burst(&mut self, own_us: u64, now: Now, out: &mut Vec<Transition>) {
        let (fed_at, was_late) = self.calculations.fed_at;
        let is_late = own_us < us(now.mono);
        if self.calculations.fed && (is_late || was_late) && own_us != fed_at {
            let mut made = std::mem::take(&mut self.calculations.made);
            self.calculate(now, out, &mut made);
            self.calculations.made = made;
        }
        self.calculations.fed_at = (own_us, is_late);
    }

    fn calculate(&mut self, now: Now, out: &mut Vec<Transition>, batch: &mut Batch) {
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
        // Device and lateness of what waits to be told.
        let mut told_as = None;
        for number in 0..self.calculations.all.len() {
            let one = &mut self.calculations.all[number];
            if !(one.fed || timed && one.remembers()) {
                continue;
            }
            let fed = std::mem::take(&mut one.fed);
            let late_us = one.late_us(&self.points);
            let as_this = Some((one.device, late_us));
            if told_as != as_this {
                flush(batch, told_as, &mut readings, now);
            }
            told_as = as_this;
            let from = readings.len();
            let (points, mut told) = (std::mem::take(&mut one.points), std::mem::take(&mut one.told));
            one.run(
                &self.points,
                (now, Duration::from_micros(late_us)),
                self.calculations.atm_kpa,
                |n, value, quality| {
                    let said = (value.to_bits(), Some(quality));
                    // What time alone did not change is not told again.
                    if fed || told[n] != said {
                        told[n] = said;
                        readings.push(Reading { point: points[n], value, quality });
                    }
                },
            );
            (one.points, one.told) = (points, told);
            for reading in &mut readings[from..] {
                let (low, high) = self.points[reading.point.0 as usize].range;
                if reading.quality.is_usable() && (reading.value < low || reading.value > high) {
                    reading.quality = self.beyond(reading);
                }
                let point_state = &mut self.points[reading.point.0 as usize];
                point_state.quality = reading.quality;
                if reading.quality.is_usable() {
                    let at = now.wall.0.saturating_sub(late_us as i64);
                    (point_state.value, point_state.at, point_state.came_us, point_state.lag) =
                        (reading.value, at, now_us, late_us as i64);
                    point_state.late = late_us as u32;
                }
            }
            for made in readings.iter().skip(from) {
                self.judge(made.point, now_us.saturating_sub(late_us), now, out);
            }
        }
        flush(batch, told_as, &mut readings, now);
        self.calculations.readings = readings;
    }
}

fn flush(batch: &mut Batch, of: Option<(DeviceIx, u64)>, readings: &mut Vec<Reading>, now: Now) {
    if let Some((device, late_us)) = of.filter(|_| !readings.is_empty()) {
        batch.push(device, now.wall.minus(Duration::from_micros(late_us)), true, readings);
        readings.clear();
    }
}
