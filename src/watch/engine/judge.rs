//! From values to alarms: zones, delays, excursions.

use super::{Cold, Engine, Excursion, Precursor, State, Transition};
use crate::plant::{Cause, DeviceIx, LimitKind, Now, PointIx};
use crate::watch::alarm::{Event, Veil};
use crate::watch::limit::{Zone, zone};
use crate::watch::rule::{Rule, RuleIx};
use crate::watch::timer::{Timer, us};
use std::time::Duration;

/// The calm band of a point narrowed by one more of its rules.
pub(super) fn calmer(calm: (f64, f64), rule: &Rule) -> (f64, f64) {
    let (low, high) = calm;
    match rule.kind {
        LimitKind::H | LimitKind::HH => (low, high.min(rule.at - rule.near)),
        LimitKind::L | LimitKind::LL => (low.max(rule.at + rule.near), high),
        // Equal to within a half: from there on either way something is to be said.
        LimitKind::State if rule.at > 0.0 => (low, high.min(rule.at - 0.5)),
        LimitKind::State => (low.max(rule.at + 0.5), high),
        LimitKind::NoData => calm,
    }
}

/// The value is neither in breach nor in the deadband.
pub(super) fn is_clear(rule: &Rule, value: f64) -> bool {
    zone(rule.kind, rule.at, rule.deadband, value) == Zone::Clear
}

/// How far `value` lies beyond the setpoint; negative: on the good side.
fn beyond(rule: &Rule, value: f64) -> f64 {
    match rule.kind {
        LimitKind::H | LimitKind::HH => value - rule.at,
        LimitKind::L | LimitKind::LL => rule.at - value,
        LimitKind::State => 0.5 - (value - rule.at).abs(),
        LimitKind::NoData => f64::NEG_INFINITY,
    }
}

impl Engine {
    pub(super) fn set_lost(
        &mut self,
        device: DeviceIx,
        lost: Option<Cause>,
        now: Now,
        out: &mut Vec<Transition>,
    ) {
        self.devices[device.0 as usize].lost = lost;
        let Some(rule) = self.device_rule[device.0 as usize] else { return };
        self.no_data(rule, lost.is_some(), now, out);
    }

    /// Judges the rules of one point by its current value, and those that hang on it.
    pub(super) fn judge(&mut self, point: PointIx, now: Now, out: &mut Vec<Transition>) {
        let spot = self.spots[point.0 as usize];
        let usable = spot.quality.is_usable();
        for number in spot.rules.0..spot.rules.1 {
            let rule = RuleIx(number);
            let definition = &self.rules[number as usize];
            if definition.kind == LimitKind::NoData {
                let device_lost = self.devices[spot.device.0 as usize].lost.is_some();
                self.no_data(rule, !usable && !device_lost, now, out);
            } else if usable {
                let zone = zone(definition.kind, definition.at, definition.deadband, spot.value);
                self.limit(rule, zone, spot.value, now, out);
            } else {
                let state = &mut self.states[number as usize];
                if let Some(timer) = state.timer.as_mut().filter(|t| t.runs()) {
                    timer.freeze(us(now.mono));
                    self.touch(rule);
                }
            }
        }
        if spot.attention & super::FEEDS != 0 {
            self.calculations.feed(point);
        }
        if spot.attention & super::DECIDES != 0 && usable {
            self.conditions(point, now, out);
        }
    }

    /// A rule whose condition does not hold is judged on, and calls nobody. An unknown condition changes
    /// nothing.
    fn conditions(&mut self, point: PointIx, now: Now, out: &mut Vec<Transition>) {
        let Some(rules) = self.conditional.get(&point) else { return };
        for rule in rules.clone() {
            // As last known; what was never known neither suppresses nor lifts.
            let known = |point: PointIx| Some(self.spots[point.0 as usize].value).filter(|v| v.is_finite());
            let conditions = self.conditions.get(&rule).map(Vec::as_slice).unwrap_or_default();
            let contradicts =
                |(point, wanted): &(PointIx, bool)| known(*point).map(|v| (v >= 0.5) != *wanted);
            let idle = match conditions.iter().map(contradicts).try_fold(false, |idle, c| Some(idle | c?)) {
                Some(idle) => idle,
                None if conditions.iter().any(|c| contradicts(c) == Some(true)) => true,
                None => self.states[rule.0 as usize].has(State::IDLE),
            };
            let state = &mut self.states[rule.0 as usize];
            if state.has(State::IDLE) != idle {
                state.set(State::IDLE, idle);
                self.design(rule, now, out);
            }
        }
    }

    /// Puts the veil by design where a reason for it stands, and lifts it where none is left.
    pub(super) fn design(&mut self, rule: RuleIx, now: Now, out: &mut Vec<Transition>) {
        let state = &self.states[rule.0 as usize];
        let wanted = state.has(State::IDLE) || state.has(State::FOLLOWS);
        if wanted != state.alarm.has(Veil::Design) {
            self.veil(rule, Veil::Design, wanted, None, now, out);
        }
    }

    fn limit(&mut self, rule: RuleIx, zone: Zone, value: f64, now: Now, out: &mut Vec<Transition>) {
        let now_us = us(now.mono);
        let state = &mut self.states[rule.0 as usize];
        let active = state.alarm.is_active();
        match (active, zone) {
            (false, Zone::Breach) | (true, Zone::Clear) => match state.timer.as_mut() {
                Some(timer) => timer.resume(now_us),
                None => self.start(rule, now_us),
            },
            // Without an alarm the deadband says nothing: the breach has ended.
            (false, _) | (true, _) => self.stop(rule),
        }
        if !active {
            self.stray(rule, value, now);
        }
        self.fire(rule, now, out);
        self.rebusy(rule);
    }

    /// Follows an excursion that is no alarm (yet), and keeps what came to nothing.
    fn stray(&mut self, rule: RuleIx, value: f64, now: Now) {
        let definition = &self.rules[rule.0 as usize];
        let far = beyond(definition, value);
        // Without a margin, only what the delay catches counts.
        let astray = far >= 0.0 || (definition.near > 0.0 && far >= -definition.near);
        let was = self.states[rule.0 as usize].has(State::ASTRAY);
        let now_us = us(now.mono);
        match (was, astray) {
            (false, false) => {}
            (false, true) => {
                self.states[rule.0 as usize].set(State::ASTRAY, true);
                self.straying.push(rule);
                self.cold(rule).excursion = Excursion { since_us: now_us, peak: value, beyond: far >= 0.0 };
            }
            (true, true) => {
                let definition = self.rules[rule.0 as usize].clone();
                let excursion = &mut self.cold(rule).excursion;
                excursion.beyond |= far >= 0.0;
                if far > beyond(&definition, excursion.peak) {
                    excursion.peak = value;
                }
            }
            (true, false) => {
                self.home(rule);
                self.touch(rule);
                let excursion = self.cold(rule).excursion;
                let lasted = Duration::from_micros(now_us.saturating_sub(excursion.since_us));
                let (beyond, peak) = (excursion.beyond, excursion.peak);
                self.precursors.push(Precursor { rule, beyond, at: now.wall, peak, lasted });
            }
        }
    }

    /// The excursion is over, or has become an alarm.
    fn home(&mut self, rule: RuleIx) {
        if self.states[rule.0 as usize].has(State::ASTRAY) {
            self.states[rule.0 as usize].set(State::ASTRAY, false);
            self.straying.retain(|r| *r != rule);
        }
    }

    pub(super) fn no_data(&mut self, rule: RuleIx, missing: bool, now: Now, out: &mut Vec<Transition>) {
        let state = &mut self.states[rule.0 as usize];
        match (missing, state.alarm.is_active()) {
            (true, false) => match state.timer.as_mut() {
                Some(timer) => timer.resume(us(now.mono)),
                None => self.start(rule, us(now.mono)),
            },
            (true, true) => {}
            (false, true) => self.turn(rule, Event::Cleared, false, now, out),
            (false, false) => self.stop(rule),
        }
        self.rebusy(rule);
    }

    pub(super) fn start(&mut self, rule: RuleIx, now_us: u64) {
        self.states[rule.0 as usize].timer = Some(Timer::running(now_us));
        self.time(rule);
        self.rebusy(rule);
        self.touch(rule);
    }

    fn stop(&mut self, rule: RuleIx) {
        if self.states[rule.0 as usize].timer.take().is_some() {
            self.touch(rule);
        }
    }

    /// Raises or clears if its delay has run out.
    pub(super) fn fire(&mut self, rule: RuleIx, now: Now, out: &mut Vec<Transition>) {
        let (state, definition) = (&self.states[rule.0 as usize], &self.rules[rule.0 as usize]);
        let Some(timer) = state.timer.filter(|t| t.runs()) else { return };
        let active = state.alarm.is_active();
        let delay = if active { definition.off_delay_us() } else { definition.on_delay_us() };
        if timer.elapsed_us(us(now.mono)) < delay {
            return;
        }
        let (event, latch) = if active { (Event::Cleared, definition.latch) } else { (Event::Raised, false) };
        self.turn(rule, event, latch, now, out);
        self.rebusy(rule);
    }

    /// The condition has come or gone.
    fn turn(&mut self, rule: RuleIx, event: Event, latch: bool, now: Now, out: &mut Vec<Transition>) {
        let value = self.value_of(rule);
        if event == Event::Raised {
            let cold: &mut Cold = self.cold(rule);
            cold.raised_at = Some(now.wall);
            cold.value = value;
            cold.acknowledged_by = None;
            self.home(rule);
            self.follows(rule, now, out);
        }
        let state = &mut self.states[rule.0 as usize];
        state.timer = None;
        let from = state.alarm.state();
        if event == Event::Raised {
            state.alarm.raise();
        } else {
            state.alarm.clear(latch);
        }
        self.moved(rule, from, event, None, now, out);
        if event == Event::Cleared {
            self.lift_consequences(now, out);
        }
    }

    /// The value that a transition of `rule` tells, if it is known.
    pub(super) fn value_of(&self, rule: RuleIx) -> Option<f64> {
        let definition = &self.rules[rule.0 as usize];
        let point = definition.point.filter(|_| !definition.kind.is_no_data())?;
        let spot = &self.spots[point.0 as usize];
        spot.quality.is_usable().then_some(spot.value)
    }

    /// Keeps count of the rules of a point that need every value of it.
    pub(super) fn rebusy(&mut self, rule: RuleIx) {
        let Some(PointIx(point)) = self.rules[rule.0 as usize].point else { return };
        let state = &mut self.states[rule.0 as usize];
        let busy = state.timer.is_some() || state.alarm.is_active() || state.has(State::ASTRAY);
        if busy != state.has(State::BUSY) {
            state.set(State::BUSY, busy);
            let attention = &mut self.spots[point as usize].attention;
            *attention = if busy { *attention + 1 } else { *attention - 1 };
        }
    }

    pub(super) fn time(&mut self, rule: RuleIx) {
        let state = &mut self.states[rule.0 as usize];
        if !state.has(State::TIMED) {
            state.set(State::TIMED, true);
            self.timed.push(rule);
        }
    }
}
