//! The engine: current values, the rules on them, the delays, the transitions.
//!
//! Contract: after every `sample`, command or `tick`, ask `next_deadline` and call `tick` no later
//! than that. A bad or missing value neither raises nor clears a limit and freezes its running
//! delays (promise P4); the no-data rules speak instead. Delays run on the monotonic clock (P9).

use std::time::Duration;

use super::alarm::{AlarmState, CommandError, Event};
use super::limit::{Zone, zone};
use super::rule::{Rule, RuleIx, rules_of};
use crate::plant::{Cause, DeviceIx, LimitKind, Micros, Now, Plant, PointIx, Quality, Reading, SampleHead};

/// A point as the engine knows it.
#[derive(Debug, Clone, Copy)]
pub struct Current {
    /// Last usable value; NaN if there was none.
    pub value: f64,
    /// Of the last reading.
    pub quality: Quality,
    /// Time of the last usable value.
    pub at: Micros,
    /// When it came, on the monotonic clock.
    pub came: Duration,
    /// How old it was then by its own time, in microseconds.
    pub lag: i64,
}

/// How one alarm stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmInfo {
    /// ISA-18.2 state.
    pub state: AlarmState,
    /// Of the last raise.
    pub raised_at: Option<Micros>,
    /// Value at the last raise.
    pub value: Option<f64>,
    /// Who acknowledged last.
    pub acknowledged_by: Option<String>,
}

/// A change of state.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Which rule.
    pub rule: RuleIx,
    /// Before.
    pub from: AlarmState,
    /// After.
    pub to: AlarmState,
    /// Why.
    pub event: Event,
    /// When, wall clock.
    pub at: Micros,
    /// The value that did it, in the point's unit.
    pub value: Option<f64>,
    /// For no-data rules: what is wrong.
    pub cause: Option<Cause>,
    /// For commands: who.
    pub by: Option<String>,
}

/// The stored form of one rule's state.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Saved {
    /// Rule key.
    pub key: String,
    /// State.
    pub state: AlarmState,
    /// Of the last raise.
    pub raised_at: Option<Micros>,
    /// Value at the last raise.
    pub value: Option<f64>,
    /// Who acknowledged last.
    pub acknowledged_by: Option<String>,
    /// How long the breach has lasted towards its on-delay, milliseconds.
    pub on_elapsed_ms: Option<u64>,
    /// How long the return has lasted towards its off-delay, milliseconds.
    pub off_elapsed_ms: Option<u64>,
}

/// Whether a rule's condition holds right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// It does (or is held by delay or deadband).
    Yes,
    /// It does not.
    No,
    /// Nobody can tell.
    Unknown,
}

/// A delay that runs, or stands still while the value is unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Timer {
    elapsed: Duration,
    since: Option<Duration>,
}

impl Timer {
    fn running(now: Duration) -> Self {
        Self { elapsed: Duration::ZERO, since: Some(now) }
    }

    fn elapsed(self, now: Duration) -> Duration {
        self.elapsed + self.since.map_or(Duration::ZERO, |s| now.saturating_sub(s))
    }

    fn freeze(&mut self, now: Duration) {
        self.elapsed = self.elapsed(now);
        self.since = None;
    }

    fn resume(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    fn ends(self, delay: Duration) -> Option<Duration> {
        self.since.map(|s| s + delay.saturating_sub(self.elapsed))
    }
}

#[derive(Debug, Clone)]
struct State {
    info: AlarmInfo,
    on: Option<Timer>,
    off: Option<Timer>,
    dirty: bool,
}

#[derive(Debug, Clone, Copy)]
struct DeviceState {
    heard: Duration,
    stale_after: Duration,
    stale: bool,
    /// Why it is lost as a whole, if it is.
    lost: Option<Cause>,
}

/// The engine. One per gateway, driven by the keeper.
#[derive(Debug, Clone)]
pub struct Engine {
    rules: Vec<Rule>,
    states: Vec<State>,
    points: Vec<Current>,
    ranges: Vec<Option<(f64, f64)>>,
    device_points: Vec<Vec<PointIx>>,
    devices: Vec<DeviceState>,
    /// Rules of a point: `by_point[p].0 .. by_point[p].1` in `rules` (limits, then no data).
    by_point: Vec<(u32, u32)>,
    point_device: Vec<DeviceIx>,
    device_rule: Vec<Option<RuleIx>>,
    /// Rules with a running timer; few at any time.
    timed: Vec<RuleIx>,
    dirty: Vec<RuleIx>,
}

impl Engine {
    /// An engine for `plant`: every point not yet read, every alarm normal, no-data delays running.
    #[must_use]
    pub fn new(plant: &Plant, now: Now) -> Self {
        let rules = rules_of(plant);
        let mut by_point = vec![(0u32, 0u32); plant.points.len()];
        let mut device_rule = vec![None; plant.devices.len()];
        for (number, rule) in (0u32..).zip(&rules) {
            if let Some(PointIx(p)) = rule.point {
                let span = &mut by_point[p as usize];
                if span.0 == span.1 {
                    *span = (number, number);
                }
                span.1 = number + 1;
            }
            if let Some(DeviceIx(d)) = rule.device {
                device_rule[d as usize] = Some(RuleIx(number));
            }
        }
        let fresh = State {
            info: AlarmInfo {
                state: AlarmState::Normal,
                raised_at: None,
                value: None,
                acknowledged_by: None,
            },
            on: None,
            off: None,
            dirty: false,
        };
        let unread = Current {
            value: f64::NAN,
            quality: Quality::Bad(Cause::NotYetRead),
            at: Micros(0),
            came: now.mono,
            lag: 0,
        };
        let mut engine = Self {
            states: vec![fresh; rules.len()],
            points: vec![unread; plant.points.len()],
            ranges: plant.points.iter().map(|p| p.range).collect(),
            device_points: plant.devices.iter().map(|d| d.points.clone()).collect(),
            devices: plant
                .devices
                .iter()
                .map(|d| DeviceState {
                    heard: now.mono,
                    stale_after: d.stale_after,
                    stale: false,
                    lost: Some(Cause::NotYetRead),
                })
                .collect(),
            by_point,
            point_device: plant.points.iter().map(|p| p.device).collect(),
            device_rule,
            timed: Vec::new(),
            dirty: Vec::new(),
            rules,
        };
        for number in 0..engine.rules.len() {
            if engine.rules[number].device.is_some() {
                engine.start_on(RuleIx(number as u32), now.mono);
            }
        }
        engine
    }

    /// An engine for changed settings that goes on where this one stands: values, alarm states and, where
    /// a rule is the same, its running delays. `plant` keeps the numbers of this one's points and devices
    /// and may have more. Also gives the keys of the rules that are no more.
    #[must_use]
    pub fn succeed(&self, plant: &Plant, now: Now) -> (Self, Vec<String>) {
        let mut next = Self::new(plant, now);
        let old: std::collections::HashMap<&str, usize> =
            self.rules.iter().enumerate().map(|(n, r)| (r.key.as_str(), n)).collect();
        next.timed.clear();
        next.dirty.clear();
        for n in 0..next.rules.len() {
            let rule = RuleIx(n as u32);
            let before = old.get(next.rules[n].key.as_str()).copied();
            if let Some(before) = before {
                let mut state = self.states[before].clone();
                state.dirty = false;
                let (was, is) = (&self.rules[before], &next.rules[n]);
                // A delay that ran towards another setpoint or another end says nothing about this one.
                if (was.at, was.deadband, was.on_delay, was.off_delay)
                    != (is.at, is.deadband, is.on_delay, is.off_delay)
                {
                    (state.on, state.off) = (None, None);
                }
                next.states[n] = state;
            }
            next.touch(rule);
            if next.states[n].on.is_some() || next.states[n].off.is_some() {
                next.time(rule);
            }
        }
        for (n, current) in self.points.iter().enumerate() {
            next.points[n] = *current;
        }
        for (n, device) in self.devices.iter().enumerate() {
            let stale_after = next.devices[n].stale_after;
            next.devices[n] = DeviceState { stale_after, ..*device };
        }
        let now_known: std::collections::HashSet<&str> = next.rules.iter().map(|r| r.key.as_str()).collect();
        let gone =
            self.rules.iter().map(|r| &r.key).filter(|k| !now_known.contains(k.as_str())).cloned().collect();
        (next, gone)
    }

    /// All rules, in index order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The point as last known.
    #[must_use]
    pub fn current(&self, point: PointIx) -> Current {
        self.points[point.0 as usize]
    }

    /// How the alarm of `rule` stands.
    #[must_use]
    pub fn alarm(&self, rule: RuleIx) -> &AlarmInfo {
        &self.states[rule.0 as usize].info
    }

    /// Takes one sample in. A value outside its physical range, NaN or infinite becomes bad here,
    /// and `readings` keeps that for the journal. A sample that is not `live` is history only.
    pub fn sample(
        &mut self,
        head: SampleHead,
        readings: &mut [Reading],
        now: Now,
        out: &mut Vec<Transition>,
    ) {
        for reading in readings.iter_mut() {
            if reading.quality.is_usable() {
                let range = self.ranges[reading.point.0 as usize];
                if !reading.value.is_finite() {
                    reading.quality = Quality::Bad(Cause::NotANumber);
                } else if range.is_some_and(|(low, high)| reading.value < low || reading.value > high) {
                    reading.quality = Quality::Bad(Cause::OutOfRange);
                }
            }
            if !reading.quality.is_usable() {
                reading.value = f64::NAN;
            }
        }
        if !head.live || readings.is_empty() {
            return;
        }
        let comms =
            |r: &Reading| r.quality.cause().filter(|c| !r.quality.is_usable() && c.is_communication());
        let lost = if readings.iter().all(|r| comms(r).is_some()) { comms(&readings[0]) } else { None };
        let device = &mut self.devices[head.device.0 as usize];
        device.heard = now.mono;
        device.stale = false;
        self.set_lost(head.device, lost, now, out);
        for reading in readings.iter() {
            let current = &mut self.points[reading.point.0 as usize];
            current.quality = reading.quality;
            if reading.quality.is_usable() {
                current.value = reading.value;
                current.at = head.at;
                current.came = now.mono;
                current.lag = now.wall.0.saturating_sub(head.at.0);
            }
            self.judge(reading.point, now, out);
        }
    }

    /// Fires what is due: delays, staleness.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Transition>) {
        for number in 0..self.devices.len() {
            let device = &mut self.devices[number];
            if !device.stale && now.mono >= device.heard + device.stale_after {
                device.stale = true;
                let device = DeviceIx(number as u32);
                let never = self.devices[number].lost == Some(Cause::NotYetRead);
                let cause = if never { Cause::NotYetRead } else { Cause::Stale };
                self.set_lost(device, Some(cause), now, out);
                for at in 0..self.device_points[number].len() {
                    let point = self.device_points[number][at];
                    self.points[point.0 as usize].quality = Quality::Bad(cause);
                    self.judge(point, now, out);
                }
            }
        }
        // In rule order, so that what falls due together is told in the same order after a restart.
        let mut timed = std::mem::take(&mut self.timed);
        timed.sort_unstable();
        for rule in &timed {
            self.fire(*rule, now, out);
        }
        timed.retain(|rule| {
            let state = &self.states[rule.0 as usize];
            state.on.is_some() || state.off.is_some()
        });
        // Firing starts no new delay.
        self.timed = timed;
    }

    /// When `tick` has something to do next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let devices = self.devices.iter().filter(|d| !d.stale).map(|d| d.heard + d.stale_after);
        let timers = self.timed.iter().filter_map(|rule| {
            let (state, rule) = (&self.states[rule.0 as usize], &self.rules[rule.0 as usize]);
            let on = state.on.and_then(|t| t.ends(rule.on_delay));
            let off = state.off.and_then(|t| t.ends(rule.off_delay));
            on.into_iter().chain(off).min()
        });
        devices.chain(timers).min()
    }

    /// A person acknowledges.
    ///
    /// # Errors
    /// [`CommandError::NotWaiting`] says the present state.
    pub fn acknowledge(
        &mut self,
        rule: RuleIx,
        who: &str,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), CommandError> {
        let to = self.states[rule.0 as usize].info.state.acknowledge()?;
        self.states[rule.0 as usize].info.acknowledged_by = Some(who.to_owned());
        self.change(rule, to, Event::Acknowledged, now, Some(who), out);
        Ok(())
    }

    /// A person resets a latched alarm.
    ///
    /// # Errors
    /// [`CommandError::NotLatched`] says the present state.
    pub fn reset(
        &mut self,
        rule: RuleIx,
        who: &str,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), CommandError> {
        let to = self.states[rule.0 as usize].info.state.reset()?;
        self.change(rule, to, Event::Reset, now, Some(who), out);
        Ok(())
    }

    /// Whether the condition of `rule` holds; a hazard cannot be closed unless the answer is no.
    #[must_use]
    pub fn in_breach(&self, rule: RuleIx) -> Breach {
        let (state, definition) = (&self.states[rule.0 as usize], &self.rules[rule.0 as usize]);
        if state.info.state.is_active() {
            return Breach::Yes;
        }
        let Some(point) = definition.point.filter(|_| definition.kind != LimitKind::NoData) else {
            return Breach::No;
        };
        let current = self.points[point.0 as usize];
        if !current.quality.is_usable() {
            return Breach::Unknown;
        }
        match zone(definition.kind, definition.at, definition.deadband, current.value) {
            Zone::Clear => Breach::No,
            _ => Breach::Yes,
        }
    }

    /// The rules whose stored form changed since the last call.
    pub fn snapshot_changed(&mut self, now: Now) -> Vec<Saved> {
        let mut changed: Vec<RuleIx> = std::mem::take(&mut self.dirty);
        // A delay that runs is stored anew each time, so that a restart resumes it where it was.
        for rule in &self.timed {
            let runs = |t: Option<Timer>| t.is_some_and(|t| t.since.is_some());
            let state = &self.states[rule.0 as usize];
            if !state.dirty && (runs(state.on) || runs(state.off)) {
                changed.push(*rule);
            }
        }
        let milliseconds = |t: Timer| t.elapsed(now.mono).as_millis() as u64;
        changed
            .into_iter()
            .map(|rule| {
                let state = &mut self.states[rule.0 as usize];
                state.dirty = false;
                Saved {
                    key: self.rules[rule.0 as usize].key.clone(),
                    state: state.info.state,
                    raised_at: state.info.raised_at,
                    value: state.info.value,
                    acknowledged_by: state.info.acknowledged_by.clone(),
                    on_elapsed_ms: state.on.map(milliseconds),
                    off_elapsed_ms: state.off.map(milliseconds),
                }
            })
            .collect()
    }

    /// Puts stored states back (promise P3): states, latches and delay progress as they were; the
    /// delays of points stand still until a reading says how things are. Gives back what
    /// belongs to no rule of this engine.
    pub fn restore(&mut self, saved: &[Saved], now: Now) -> Vec<Saved> {
        let mut unknown = Vec::new();
        let index: std::collections::HashMap<&str, usize> =
            self.rules.iter().enumerate().map(|(n, r)| (r.key.as_str(), n)).collect();
        let mut found = Vec::new();
        for one in saved {
            match index.get(one.key.as_str()) {
                Some(n) => found.push((*n, one)),
                None => unknown.push(one.clone()),
            }
        }
        for (n, one) in found {
            let rule = RuleIx(n as u32);
            let still = |ms: u64| Timer { elapsed: Duration::from_millis(ms), since: None };
            let state = &mut self.states[n];
            state.info = AlarmInfo {
                state: one.state,
                raised_at: one.raised_at,
                value: one.value,
                acknowledged_by: one.acknowledged_by.clone(),
            };
            if self.rules[n].device.is_some() {
                // Its delay has begun anew with the start, unless the alarm already stands.
                if one.state.is_active() {
                    state.on = None;
                } else if let (Some(ms), Some(timer)) = (one.on_elapsed_ms, state.on.as_mut()) {
                    *timer = Timer { elapsed: Duration::from_millis(ms), since: Some(now.mono) };
                }
            } else {
                state.on = one.on_elapsed_ms.map(still);
                state.off = one.off_elapsed_ms.map(still);
                if state.on.is_some() || state.off.is_some() {
                    self.time(rule);
                }
            }
        }
        unknown
    }

    fn set_lost(&mut self, device: DeviceIx, lost: Option<Cause>, now: Now, out: &mut Vec<Transition>) {
        self.devices[device.0 as usize].lost = lost;
        let Some(rule) = self.device_rule[device.0 as usize] else { return };
        self.no_data(rule, lost.is_some(), now, out);
    }

    /// Judges the rules of one point by its current value.
    fn judge(&mut self, point: PointIx, now: Now, out: &mut Vec<Transition>) {
        let (from, to) = self.by_point[point.0 as usize];
        let current = self.points[point.0 as usize];
        for number in from..to {
            let rule = RuleIx(number);
            let definition = &self.rules[number as usize];
            if definition.kind == LimitKind::NoData {
                let device_lost = self.devices[self.point_device[point.0 as usize].0 as usize].lost.is_some();
                self.no_data(rule, !current.quality.is_usable() && !device_lost, now, out);
            } else if current.quality.is_usable() {
                let zone = zone(definition.kind, definition.at, definition.deadband, current.value);
                self.limit(rule, zone, now, out);
            } else {
                let state = &mut self.states[number as usize];
                for timer in [&mut state.on, &mut state.off].into_iter().flatten() {
                    if timer.since.is_some() {
                        timer.freeze(now.mono);
                        Self::mark(&mut self.dirty, state_dirty(&mut state.dirty), rule);
                    }
                }
            }
        }
    }

    fn limit(&mut self, rule: RuleIx, zone: Zone, now: Now, out: &mut Vec<Transition>) {
        let active = self.states[rule.0 as usize].info.state.is_active();
        let state = &mut self.states[rule.0 as usize];
        match (active, zone) {
            (false, Zone::Breach) => match state.on.as_mut() {
                Some(timer) => timer.resume(now.mono),
                None => self.start_on(rule, now.mono),
            },
            // Without an alarm the deadband says nothing: the breach has ended.
            (false, _) => self.stop_timers(rule),
            (true, Zone::Clear) => match state.off.as_mut() {
                Some(timer) => timer.resume(now.mono),
                None => {
                    state.off = Some(Timer::running(now.mono));
                    self.time(rule);
                    self.touch(rule);
                }
            },
            (true, _) => self.stop_timers(rule),
        }
        self.fire(rule, now, out);
    }

    fn no_data(&mut self, rule: RuleIx, missing: bool, now: Now, out: &mut Vec<Transition>) {
        let state = &self.states[rule.0 as usize];
        let active = state.info.state.is_active();
        match (missing, active) {
            (true, false) => match self.states[rule.0 as usize].on.as_mut() {
                Some(timer) => timer.resume(now.mono),
                None => self.start_on(rule, now.mono),
            },
            (true, true) => {}
            (false, true) => {
                let to = state.info.state.clear(false);
                self.change(rule, to, Event::Cleared, now, None, out);
            }
            (false, false) => self.stop_timers(rule),
        }
    }

    fn start_on(&mut self, rule: RuleIx, now: Duration) {
        self.states[rule.0 as usize].on = Some(Timer::running(now));
        self.time(rule);
        self.touch(rule);
    }

    fn stop_timers(&mut self, rule: RuleIx) {
        let state = &mut self.states[rule.0 as usize];
        if state.on.take().is_some() | state.off.take().is_some() {
            self.touch(rule);
        }
    }

    /// Raises or clears if its delay has run out.
    fn fire(&mut self, rule: RuleIx, now: Now, out: &mut Vec<Transition>) {
        let (state, definition) = (&self.states[rule.0 as usize], &self.rules[rule.0 as usize]);
        let due = |timer: Option<Timer>, delay| {
            timer.is_some_and(|t| t.since.is_some() && t.elapsed(now.mono) >= delay)
        };
        if due(state.on, definition.on_delay) {
            let to = state.info.state.raise();
            self.change(rule, to, Event::Raised, now, None, out);
        } else if due(state.off, definition.off_delay) {
            let to = state.info.state.clear(definition.latch);
            self.change(rule, to, Event::Cleared, now, None, out);
        }
    }

    fn change(
        &mut self,
        rule: RuleIx,
        to: AlarmState,
        event: Event,
        now: Now,
        by: Option<&str>,
        out: &mut Vec<Transition>,
    ) {
        let definition = &self.rules[rule.0 as usize];
        let limit_value = definition
            .point
            .filter(|_| definition.kind != LimitKind::NoData)
            .map(|p| self.points[p.0 as usize])
            .filter(|c| c.quality.is_usable())
            .map(|c| c.value);
        let cause = if definition.kind == LimitKind::NoData && event == Event::Raised {
            match (definition.point, definition.device) {
                (Some(p), _) => self.points[p.0 as usize].quality.cause(),
                (None, Some(d)) => self.devices[d.0 as usize].lost,
                (None, None) => None,
            }
        } else {
            None
        };
        let state = &mut self.states[rule.0 as usize];
        let from = state.info.state;
        state.info.state = to;
        if event == Event::Raised {
            state.info.raised_at = Some(now.wall);
            state.info.value = limit_value;
            state.info.acknowledged_by = None;
        }
        if matches!(event, Event::Raised | Event::Cleared) {
            state.on = None;
            state.off = None;
        }
        self.touch(rule);
        out.push(Transition {
            rule,
            from,
            to,
            event,
            at: now.wall,
            value: limit_value,
            cause,
            by: by.map(str::to_owned),
        });
    }

    fn time(&mut self, rule: RuleIx) {
        if !self.timed.contains(&rule) {
            self.timed.push(rule);
        }
    }

    fn touch(&mut self, rule: RuleIx) {
        let state = &mut self.states[rule.0 as usize];
        Self::mark(&mut self.dirty, state_dirty(&mut state.dirty), rule);
    }

    fn mark(dirty: &mut Vec<RuleIx>, already: bool, rule: RuleIx) {
        if !already {
            dirty.push(rule);
        }
    }
}

/// Sets the flag; gives whether it was set before.
fn state_dirty(flag: &mut bool) -> bool {
    std::mem::replace(flag, true)
}
