//! The engine: current values, the rules on them, the delays, the transitions.
//!
//! Contract: after the samples of one instant, call `settle`; after that, and after every command or `tick`, ask
//! `next_deadline` and call `tick` and `settle` no later than that. A bad or missing value neither raises nor clears a limit and freezes its running
//! delays (promise P4); the no-data rules speak instead. Delays run on the monotonic clock (P9).
//!
//! Fast by shape: a value that lies where none of its point's limits has anything to say, on a point where
//! nothing is under way, costs two comparisons (`PointState::flags`, `PointState::quiet_band`). What only an alarm needs
//! is kept apart in `AlarmDetail`, made when something happens.
//!
//! `judge` decides, `gaps` follows what has no value, `suppression` hides by design, `derive` calculates, `annunciate` is what reaches people, `operator` what they ask for, `persist` what outlives a restart in the form of `stored`, `away` what outlives its rule.

mod annunciate;
mod away;
mod backfill;
mod derive;
mod gaps;
mod judge;
mod operator;
mod outputs;
mod persist;
mod schedule;
mod state;
mod steps;
mod stored;
mod suppression;
mod validate;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::rule::{Rule, RuleIx, rules_of};
use super::timer::us;
use crate::plant::{
    AlarmPolicy, Cause, DeviceIx, LimitKind, Micros, Now, Plant, PointIx, Quality, Reading, SampleHead,
};
use annunciate::{Flood, Group};
use backfill::PastBreach;
use derive::Calculations;
use schedule::Schedules;
use state::{AlarmDetail, DECIDES, DeviceState, Excursion, FEEDS, Pace, PointState, State, TESTED, VOTED};
use suppression::{Blind, Condition};
use validate::Tests;

pub use annunciate::FirstOut;
pub use away::Removed;
pub use operator::{Out, Shelf};
pub use outputs::{AlarmInfo, Breach, Current, Precursor, Transition};
pub use stored::{
    MemoryOf, StoredAlarm, StoredCalls, StoredDesign, StoredExcursion, StoredMemory, StoredShelf, StoredText,
};

/// A reading that comes this much later than it was taken is judged by its own time; less is the way it took.
const LATE_US: i64 = 1_000_000;
/// No clock is believed about more than this.
const LATEST_US: i64 = 3_600_000_000;

/// How long before they came readings were taken, by their own time where that is believed, in microseconds. `doubted`
/// asks the readings for a doubt about a clock; it is not asked for what came at once.
fn late_us(lag: i64, doubted: impl FnOnce(fn(Quality) -> bool) -> bool) -> u32 {
    let of_a_clock = |q: Quality| matches!(q, Quality::Uncertain(Cause::ClockUnsure | Cause::DeviceClock));
    let believed = (LATE_US..LATEST_US).contains(&lag) && !doubted(of_a_clock);
    if believed { lag as u32 } else { 0 }
}

/// A broken 4–20 mA loop that is read as a plain number reads a quarter of the range below it; by no more than this share
/// a value is still one.
const BELOW: f64 = 0.1;

/// The unit of each point; those that are equal are one.
fn units_of(plant: &Plant) -> Vec<Arc<str>> {
    let mut known: BTreeSet<Arc<str>> = BTreeSet::new();
    let units = plant.points.iter().map(|point| {
        let unit = known.get(&*point.unit).cloned().unwrap_or_else(|| Arc::from(&*point.unit));
        known.insert(Arc::clone(&unit));
        unit
    });
    units.collect()
}

/// After a start, what a condition hangs on has so long to be read for the first time.
const FIRST_READ_US: u64 = 10_000_000;

/// The engine. One per gateway, driven by the keeper.
#[derive(Debug, Clone)]
pub struct Engine {
    alarm_policy: AlarmPolicy,
    rules: Vec<Rule>,
    states: Vec<State>,
    details: HashMap<RuleIx, Box<AlarmDetail>>,
    points: Vec<PointState>,
    /// Of each point; few differ.
    units: Vec<Arc<str>>,
    device_points: Vec<Vec<PointIx>>,
    devices: Vec<DeviceState>,
    device_rule: Vec<Option<RuleIx>>,
    /// Rules that call only while this point is 1, or while it is not, by point.
    conditional: HashMap<PointIx, Vec<RuleIx>>,
    /// What those hang on.
    conditions: HashMap<RuleIx, Vec<Condition>>,
    /// Points that are 1 when a state is about to begin in which the rule means nothing.
    soon: HashMap<RuleIx, Vec<PointIx>>,
    /// Rules that are hidden for a reason that nobody can read any more; few at any time.
    blind: Vec<Blind>,
    /// What derived points are calculated from.
    inputs_of: HashMap<PointIx, Box<[PointIx]>>,
    /// Devices that are parts of one instrument, polled at other periods: those before this one, and those behind it.
    parts: HashMap<DeviceIx, (Vec<DeviceIx>, Vec<DeviceIx>)>,
    /// How long the inputs of a derived point may take to tell why it has no value, µs.
    patience: HashMap<PointIx, u64>,
    /// Devices with an alarm that tells no more why their points have no value; few, and until the next tick.
    untold: Vec<DeviceIx>,
    /// Breaches that devices tell of the past; few at any time.
    past: Vec<PastBreach>,
    /// What was never read is not missing.
    awaits: bool,
    /// When this engine began.
    began_us: u64,
    /// Rules that only follow from others, and from which.
    causes: HashMap<RuleIx, Vec<RuleIx>>,
    calculations: Calculations,
    tests: Tests,
    schedules: Schedules,
    groups: Vec<Group>,
    flood: Flood,
    precursors: Vec<Precursor>,
    /// Rules with a timer; few at any time.
    timed: Vec<RuleIx>,
    /// Unacknowledged ones, which call again.
    waiting: BTreeSet<RuleIx>,
    /// None of them calls again before this, so they are looked at only then.
    again_us: u64,
    shelved: Vec<RuleIx>,
    /// On an excursion.
    excursions: Vec<RuleIx>,
    /// Whose reasons for a suppression changed with the settings.
    unsettled: Vec<RuleIx>,
    /// What was stored of rules that the settings do not have, by key.
    away: BTreeMap<String, StoredAlarm>,
    /// Rules that were away, and are to be told.
    reinstated: Vec<RuleIx>,
    /// The settings are others than when the values came.
    unjudged: bool,
    dirty: Vec<RuleIx>,
}

impl Engine {
    /// An engine for `plant`: every point not yet read, every alarm normal, no-data delays running.
    #[must_use]
    pub fn new(plant: &Plant, now: Now) -> Self {
        let rules = rules_of(plant);
        let now_us = us(now.mono);
        let mut points: Vec<PointState> = plant
            .points
            .iter()
            .map(|p| PointState {
                value: f64::NAN,
                at: 0,
                lag: 0,
                came_us: now_us,
                range: p.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY)),
                quiet_band: (f64::NEG_INFINITY, f64::INFINITY),
                rules: (0, 0),
                device: p.device,
                flags: (0..2).filter(|end| p.voted[*end]).map(|end| VOTED[end]).sum(),
                late: 0,
                quality: Quality::Bad(Cause::NotYetRead),
            })
            .collect();
        let mut device_rule = vec![None; plant.devices.len()];
        for (number, rule) in (0u32..).zip(&rules) {
            if let Some(PointIx(p)) = rule.point {
                let point_state = &mut points[p as usize];
                if point_state.rules.0 == point_state.rules.1 {
                    point_state.rules = (number, number);
                }
                point_state.rules.1 = number + 1;
                point_state.quiet_band = judge::narrowed(point_state.quiet_band, rule);
            }
            if let Some(DeviceIx(d)) = rule.device {
                device_rule[d as usize] = Some(RuleIx(number));
            }
        }
        let device = |d: &crate::plant::Device| DeviceState {
            heard_us: now_us,
            stale_after_us: us(d.stale_after),
            stale: false,
            lost: Some(Cause::NotYetRead),
            pace: Pace::default(),
        };
        let mut engine = Self {
            alarm_policy: plant.alarm_policy,
            states: vec![State::FRESH; rules.len()],
            details: HashMap::new(),
            device_points: plant.devices.iter().map(|d| d.points.clone()).collect(),
            devices: plant.devices.iter().map(device).collect(),
            device_rule,
            conditional: HashMap::new(),
            conditions: HashMap::new(),
            soon: HashMap::new(),
            blind: Vec::new(),
            inputs_of: HashMap::new(),
            parts: gaps::parts_of(plant),
            patience: HashMap::new(),
            untold: Vec::new(),
            past: Vec::new(),
            awaits: false,
            began_us: now_us,
            causes: HashMap::new(),
            calculations: Calculations::new(plant, now_us),
            tests: Tests::new(plant),
            schedules: Schedules::default(),
            groups: vec![Group::default(); plant.equipment.len()],
            flood: Flood::default(),
            precursors: Vec::new(),
            timed: Vec::new(),
            waiting: BTreeSet::new(),
            again_us: u64::MAX,
            shelved: Vec::new(),
            excursions: Vec::new(),
            unsettled: Vec::new(),
            away: BTreeMap::new(),
            reinstated: Vec::new(),
            unjudged: false,
            dirty: Vec::new(),
            units: units_of(plant),
            points,
            rules,
        };
        engine.relate(plant);
        engine.put_setpoints(now);
        for point in engine.tests.points() {
            engine.points[point.0 as usize].flags |= TESTED;
        }
        engine.inputs_of = engine.calculations.inputs_of();
        engine.measure_patience(plant);
        for input in engine.calculations.inputs() {
            engine.points[input.0 as usize].flags |= FEEDS;
        }
        // Nobody waits for what only calculates: it hangs on its inputs.
        for DeviceIx(device) in engine.calculations.devices() {
            let device = &mut engine.devices[device as usize];
            (device.stale, device.lost) = (true, None);
        }
        for number in 0..engine.rules.len() {
            let device = engine.rules[number].device;
            if device.is_some_and(|d| engine.gap_of(d) == gaps::Gap::Missing) {
                engine.start(RuleIx(number as u32), now_us);
            }
        }
        engine
    }

    /// Nothing is missing before it was read for the first time: for a past that begins in the middle.
    pub fn await_first_readings(&mut self) {
        self.awaits = true;
        for device in &mut self.devices {
            (device.stale, device.lost) = (true, None);
        }
        for rule in std::mem::take(&mut self.timed) {
            self.states[rule.0 as usize].set(State::TIMED, false);
            self.states[rule.0 as usize].timer = None;
        }
    }

    /// Conditions and consequences: which rules hang on which.
    fn relate(&mut self, plant: &Plant) {
        let by_key: HashMap<&str, RuleIx> =
            self.rules.iter().zip(0u32..).map(|(r, n)| (&*r.key, RuleIx(n))).collect();
        self.schedules = Schedules::new(plant, &by_key);
        let mut rule = 0;
        for point in &plant.points {
            for limit in &point.limits {
                let only = limit.when.iter().map(|p| Condition { point: *p, wanted: true });
                let never = limit.unless.iter().map(|p| Condition { point: *p, wanted: false });
                let conditions: Vec<Condition> = only.chain(never).collect();
                for point in conditions.iter().map(|c| c.point).chain(limit.soon.iter().copied()) {
                    self.conditional.entry(point).or_default().push(RuleIx(rule));
                    self.points[point.0 as usize].flags |= DECIDES;
                }
                if !conditions.is_empty() {
                    self.states[rule as usize].set(State::CONDITIONAL, true);
                    self.conditions.insert(RuleIx(rule), conditions);
                }
                if !limit.soon.is_empty() {
                    self.soon.insert(RuleIx(rule), limit.soon.clone());
                }
                let causes: Vec<RuleIx> =
                    limit.follows.iter().filter_map(|key| by_key.get(key.as_str()).copied()).collect();
                if !causes.is_empty() {
                    self.causes.insert(RuleIx(rule), causes);
                }
                rule += 1;
            }
            rule += u32::from(point.no_data.is_some());
        }
    }

    /// All rules, in index order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The point as last known.
    #[must_use]
    pub fn current(&self, point: PointIx) -> Current {
        let point_state = &self.points[point.0 as usize];
        Current {
            value: point_state.value,
            quality: point_state.quality,
            at: Micros(point_state.at),
            came: Duration::from_micros(point_state.came_us),
            lag: point_state.lag,
        }
    }

    /// How the alarm of `rule` stands.
    #[must_use]
    pub fn alarm(&self, rule: RuleIx) -> AlarmInfo {
        let alarm = self.states[rule.0 as usize].alarm;
        let detail = self.details.get(&rule).map(|c| (**c).clone()).unwrap_or_default();
        AlarmInfo {
            state: alarm.state(),
            active: alarm.is_active(),
            raised_at: detail.raised_at,
            value: detail.value,
            acknowledged_by: detail.acknowledged_by,
            shelf: detail.shelf,
            out: detail.out,
            undecided_by: self.undecided_by(rule),
        }
    }

    /// What nearly became an alarm since the last call.
    pub fn take_precursors(&mut self) -> Vec<Precursor> {
        std::mem::take(&mut self.precursors)
    }

    /// Takes one sample in. A value outside its physical range, NaN or infinite becomes bad here,
    /// and `readings` keeps that for the journal, with the value that was rejected. A sample that is not
    /// `live` is history only.
    pub fn sample(
        &mut self,
        head: SampleHead,
        readings: &mut [Reading],
        now: Now,
        out: &mut Vec<Transition>,
    ) {
        let now_us = us(now.mono);
        let lag = now.wall.0.saturating_sub(head.at.0);
        let late_us = late_us(lag, |doubts| readings.iter().any(|r| doubts(r.quality)));
        let own_us = now_us.saturating_sub(u64::from(late_us));
        for reading in readings.iter_mut() {
            if reading.quality.is_usable() {
                let point_state = &self.points[reading.point.0 as usize];
                let (low, high) = point_state.range;
                if !reading.value.is_finite() {
                    reading.quality = Quality::Bad(Cause::NotANumber);
                    reading.value = f64::NAN;
                    continue;
                }
                let tested = point_state.flags & TESTED != 0;
                if reading.value < low || reading.value > high {
                    reading.quality = self.beyond(reading);
                }
                if tested && head.live && reading.quality.is_usable() {
                    self.validate(reading, own_us);
                }
            } else {
                reading.value = f64::NAN;
            }
        }
        if readings.is_empty() {
            return;
        }
        if !head.live {
            self.backfill(head.at, readings);
            return;
        }
        if !self.past.is_empty() {
            let points = std::mem::take(&mut self.device_points[head.device.0 as usize]);
            self.end_past(&points);
            self.device_points[head.device.0 as usize] = points;
        }
        let lost = self.lost_by(head.device, readings);
        let device = &mut self.devices[head.device.0 as usize];
        device.heard_us = now_us;
        device.stale = false;
        device.pace.heard(readings[0].point, now_us);
        if device.lost != lost || lost.is_some() {
            self.set_lost(head.device, lost, now, out);
        }
        self.part_burst(own_us, now, out);
        for reading in readings.iter() {
            let point_state = &mut self.points[reading.point.0 as usize];
            point_state.quality = reading.quality;
            if reading.quality.is_usable() {
                (point_state.value, point_state.at, point_state.came_us, point_state.lag) =
                    (reading.value, head.at.0, now_us, lag);
                point_state.late = late_us;
                if point_state.flags & !(FEEDS | TESTED | VOTED[0] | VOTED[1]) == 0
                    && reading.value > point_state.quiet_band.0
                    && reading.value < point_state.quiet_band.1
                {
                    if point_state.flags & FEEDS != 0 {
                        self.calculations.feed(reading.point);
                    }
                    continue;
                }
            }
            self.judge(reading.point, own_us, now, out);
        }
    }

    /// Fires what is due: delays, staleness, the ends of shelving, floods, calls to repeat.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Transition>) {
        let now_us = us(now.mono);
        for number in 0..self.devices.len() {
            let device = &mut self.devices[number];
            if device.stale || now_us < device.heard_us.saturating_add(device.stale_after_us) {
                continue;
            }
            device.stale = true;
            let never = device.lost == Some(Cause::NotYetRead);
            let cause = if never { Cause::NotYetRead } else { Cause::Stale };
            self.set_lost(DeviceIx(number as u32), Some(cause), now, out);
            for at in 0..self.device_points[number].len() {
                let point = self.device_points[number][at];
                let point_state = &mut self.points[point.0 as usize];
                point_state.quality = Quality::Bad(cause);
                let own_us = now_us.saturating_sub(point_state.late_us());
                self.judge(point, own_us, now, out);
            }
        }
        self.tell_reinstated(now, out);
        if std::mem::take(&mut self.unjudged) {
            self.judge_all(now, out);
        }
        // In rule order, so that what falls due together is told in the same order after a restart.
        let mut timed = std::mem::take(&mut self.timed);
        timed.sort_unstable();
        for rule in &timed {
            self.fire(*rule, now_us.saturating_sub(self.late_us(*rule)), now, out);
        }
        timed.retain(|rule| {
            let state = &mut self.states[rule.0 as usize];
            state.set(State::TIMED, state.timer.is_some());
            state.timer.is_some()
        });
        timed.append(&mut self.timed);
        self.timed = timed;
        for rule in std::mem::take(&mut self.unsettled) {
            self.design(rule, now, out);
        }
        self.end_blind(now, out);
        self.reschedule(now, out);
        self.end_shelves(now, out);
        self.call_again(now, out);
        self.end_flood(now, out);
        self.retell(now, out);
    }

    /// When `tick` has something to do next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let devices =
            self.devices.iter().filter(|d| !d.stale).map(|d| d.heard_us.saturating_add(d.stale_after_us));
        let timers = self.timed.iter().filter_map(|rule| {
            let (state, definition) = (&self.states[rule.0 as usize], &self.rules[rule.0 as usize]);
            let delay = match state.alarm.is_active() {
                true => definition.off_delay_us(),
                false if state.has(State::HELD) => self.told_within_us(*rule),
                false => definition.on_delay_us(),
            };
            Some(state.timer?.ends_us(delay)?.saturating_add(self.late_us(*rule)))
        });
        let others = self.calculations.due_us(0).into_iter().chain(self.schedules.due_us);
        devices.chain(timers).chain(self.next_call()).chain(others).min().map(Duration::from_micros)
    }

    /// Whether the condition of `rule` holds; a hazard cannot be closed unless the answer is no.
    #[must_use]
    pub fn in_breach(&self, rule: RuleIx) -> Breach {
        let (state, definition) = (&self.states[rule.0 as usize], &self.rules[rule.0 as usize]);
        if state.alarm.is_active() {
            return Breach::Yes;
        }
        let Some(point) = definition.point.filter(|_| !definition.kind.is_no_data()) else {
            return Breach::No;
        };
        let point_state = &self.points[point.0 as usize];
        if !point_state.quality.is_usable() || !point_state.tells_of(definition.kind) {
            return Breach::Unknown;
        }
        if judge::is_clear(definition, point_state.value) { Breach::No } else { Breach::Yes }
    }

    /// Time between two samples of a device, as it was measured; `None` before its second one.
    #[must_use]
    pub fn pace(&self, device: DeviceIx) -> Option<Duration> {
        self.devices[device.0 as usize].pace.every_us().map(Duration::from_micros)
    }

    /// What a usable reading beyond the physical range is worth. On the side of a limit, its own or that of a vote, it
    /// counts, in doubt, as what has passed that limit: an instrument shows no more than its end, whatever the true value is. What lies further above than
    /// the whole range is long, or further below than [`BELOW`] of it, was not measured: a broken wire reads low.
    fn beyond(&self, reading: &Reading) -> Quality {
        let point_state = &self.points[reading.point.0 as usize];
        let (low, high) = point_state.range;
        let span = high - low;
        let (far, side, voted) = if reading.value > high {
            (reading.value - high > span, [LimitKind::H, LimitKind::HH], VOTED[1])
        } else {
            (low - reading.value > BELOW * span, [LimitKind::L, LimitKind::LL], VOTED[0])
        };
        let rules = &self.rules[point_state.rules.0 as usize..point_state.rules.1 as usize];
        let counts = point_state.flags & voted != 0 || rules.iter().any(|r| side.contains(&r.kind));
        if far || !counts {
            return Quality::Bad(Cause::OutOfRange);
        }
        match reading.quality {
            Quality::Uncertain(Cause::LoopSaturated) => reading.quality,
            _ => Quality::Uncertain(Cause::OutOfRange),
        }
    }

    /// In which unit a rule judges; `None` where it judges no value.
    fn unit_of(&self, rule: RuleIx) -> Option<&str> {
        let definition = &self.rules[rule.0 as usize];
        let point = definition.point.filter(|_| !definition.kind.is_no_data())?;
        self.units.get(point.0 as usize).map(|unit| &**unit)
    }

    fn detail(&mut self, rule: RuleIx) -> &mut AlarmDetail {
        self.details.entry(rule).or_default()
    }

    fn touch(&mut self, rule: RuleIx) {
        let state = &mut self.states[rule.0 as usize];
        if !state.has(State::DIRTY) {
            state.set(State::DIRTY, true);
            self.dirty.push(rule);
        }
    }
}
