//! From values to alarms: zones, delays, excursions.

use super::{AlarmDetail, Engine, Excursion, Precursor, State, Transition};
use crate::alarm::limit::{Zone, zone};
use crate::alarm::rule::{Rule, RuleIx};
use crate::alarm::state::Event;
use crate::alarm::timer::{Timer, us};
use crate::plant::{DeviceIx, LimitKind, Now, PointIx};
use std::time::Duration;

/// The quiet band of a point narrowed by one more of its rules.
pub(super) fn narrowed(quiet_band: (f64, f64), rule: &Rule) -> (f64, f64) {
    let (low, high) = quiet_band;
    match rule.kind {
        LimitKind::H | LimitKind::HH => (low, high.min(rule.at - rule.near)),
        LimitKind::L | LimitKind::LL => (low.max(rule.at + rule.near), high),
        // Equal to within a half: from there on either way something is to be said.
        LimitKind::State if rule.at > 0.0 => (low, high.min(rule.at - 0.5)),
        LimitKind::State => (low.max(rule.at + 0.5), high),
        LimitKind::NoData => quiet_band,
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
    /// By when the values that `rule` is about are known: now, or as much before as they come late. Its delays run by that
    /// time.
    pub(super) fn late_us(&self, rule: RuleIx) -> u64 {
        let definition = &self.rules[rule.0 as usize];
        let point = definition.point.filter(|_| !definition.kind.is_no_data());
        point.map_or(0, |p| self.points[p.0 as usize].late_us())
    }

    /// Judges every device and point by what is known of it: its limits or conditions may be others than when it came.
    pub(super) fn judge_all(&mut self, now: Now, out: &mut Vec<Transition>) {
        for number in 0..self.devices.len() {
            if let Some(rule) = self.device_rule[number] {
                self.no_data(rule, self.gap_of(DeviceIx(number as u32)), now, out);
            }
        }
        for number in 0..self.points.len() {
            let own_us = us(now.mono).saturating_sub(self.points[number].late_us());
            self.judge(PointIx(number as u32), own_us, now, out);
        }
    }

    /// Judges the rules of one point by its current value, and those that hang on it. `own_us` is the time of the
    /// reading itself, on the monotonic clock: delays run by it.
    pub(super) fn judge(&mut self, point: PointIx, own_us: u64, now: Now, out: &mut Vec<Transition>) {
        let point_state = self.points[point.0 as usize];
        let usable = point_state.quality.is_usable();
        for number in point_state.rules.0..point_state.rules.1 {
            let rule = RuleIx(number);
            let definition = &self.rules[number as usize];
            if definition.kind == LimitKind::NoData {
                self.no_data(rule, self.gap_at(point), now, out);
            } else if usable && point_state.tells_of(definition.kind) {
                let zone = zone(definition.kind, definition.at, definition.deadband, point_state.value);
                self.limit(rule, zone, (point_state.value, own_us), now, out);
            } else {
                let state = &mut self.states[number as usize];
                if let Some(timer) = state.timer.as_mut().filter(|t| t.runs()) {
                    timer.freeze(own_us);
                    self.touch(rule);
                }
            }
        }
        if point_state.flags & super::FEEDS != 0 {
            self.calculations.feed(point);
        }
        if point_state.flags & super::DECIDES != 0 {
            self.conditions(point, now, out);
        }
    }

    fn limit(
        &mut self,
        rule: RuleIx,
        zone: Zone,
        (value, own_us): (f64, u64),
        now: Now,
        out: &mut Vec<Transition>,
    ) {
        let state = &mut self.states[rule.0 as usize];
        let active = state.alarm.is_active();
        match (active, zone) {
            (false, Zone::Breach) | (true, Zone::Clear) => match state.timer.as_mut() {
                Some(timer) => timer.resume(own_us),
                None => self.start(rule, own_us),
            },
            // Without an alarm the deadband says nothing: the breach has ended.
            (false, _) | (true, _) => self.stop(rule),
        }
        if !active {
            self.follow_excursion(rule, (value, own_us), now);
        }
        // What other points may hide waits for the end of this instant: their readings may come behind this one.
        if active || !self.states[rule.0 as usize].has(State::CONDITIONAL) {
            self.fire(rule, own_us, now, out);
        }
        self.count_active(rule);
    }

    /// Follows an excursion that is no alarm (yet), and keeps what came to nothing.
    fn follow_excursion(&mut self, rule: RuleIx, (value, own_us): (f64, u64), now: Now) {
        let definition = &self.rules[rule.0 as usize];
        let far = beyond(definition, value);
        // Without a margin, only what the delay catches counts.
        let away = far >= 0.0 || (definition.near > 0.0 && far >= -definition.near);
        let was = self.states[rule.0 as usize].has(State::EXCURSION);
        match (was, away) {
            (false, false) => {}
            (false, true) => {
                self.states[rule.0 as usize].set(State::EXCURSION, true);
                self.excursions.push(rule);
                self.detail(rule).excursion = Excursion { since_us: own_us, peak: value, beyond: far >= 0.0 };
            }
            (true, true) => {
                let definition = self.rules[rule.0 as usize].clone();
                let excursion = &mut self.detail(rule).excursion;
                excursion.beyond |= far >= 0.0;
                if far > beyond(&definition, excursion.peak) {
                    excursion.peak = value;
                }
            }
            (true, false) => {
                self.end_excursion(rule);
                self.touch(rule);
                let excursion = self.detail(rule).excursion;
                let lasted = Duration::from_micros(own_us.saturating_sub(excursion.since_us));
                let (beyond, peak) = (excursion.beyond, excursion.peak);
                self.precursors.push(Precursor { rule, beyond, at: now.wall, peak, lasted });
            }
        }
    }

    /// `value` lies further beyond the setpoint than `peak`.
    pub(super) fn further(&self, rule: RuleIx, value: f64, peak: f64) -> bool {
        let definition = &self.rules[rule.0 as usize];
        beyond(definition, value) > beyond(definition, peak)
    }

    /// The excursion is over, or has become an alarm.
    fn end_excursion(&mut self, rule: RuleIx) {
        if self.states[rule.0 as usize].has(State::EXCURSION) {
            self.states[rule.0 as usize].set(State::EXCURSION, false);
            self.excursions.retain(|r| *r != rule);
        }
    }

    pub(super) fn start(&mut self, rule: RuleIx, now_us: u64) {
        let state = &mut self.states[rule.0 as usize];
        state.timer = Some(Timer::running(now_us));
        state.set(State::HELD, false);
        self.time(rule);
        self.count_active(rule);
        self.touch(rule);
    }

    pub(super) fn stop(&mut self, rule: RuleIx) {
        if self.states[rule.0 as usize].timer.take().is_some() {
            self.touch(rule);
        }
    }

    /// Raises or clears if its delay has run out.
    pub(super) fn fire(&mut self, rule: RuleIx, at_us: u64, now: Now, out: &mut Vec<Transition>) {
        let (state, definition) = (&self.states[rule.0 as usize], &self.rules[rule.0 as usize]);
        let Some(timer) = state.timer.filter(|t| t.runs()) else { return };
        let active = state.alarm.is_active();
        let delay = if active { definition.off_delay_us() } else { definition.on_delay_us() };
        if timer.elapsed_us(at_us) < delay {
            return;
        }
        if !active && definition.kind.is_no_data() && self.is_told(rule, timer, at_us) {
            return;
        }
        let definition = &self.rules[rule.0 as usize];
        let (event, latch) = if active { (Event::Cleared, definition.latch) } else { (Event::Raised, false) };
        self.turn(rule, event, latch, now, out);
        self.count_active(rule);
    }

    /// The condition has come or gone.
    fn turn(&mut self, rule: RuleIx, event: Event, latch: bool, now: Now, out: &mut Vec<Transition>) {
        let value = self.value_of(rule);
        if event == Event::Raised {
            let detail: &mut AlarmDetail = self.detail(rule);
            detail.raised_at = Some(now.wall);
            detail.value = value;
            detail.acknowledged_by = None;
            self.end_excursion(rule);
            self.begins(rule, now, out);
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
            self.tells_no_more(rule);
            self.lift_consequences(now, out);
        }
    }

    /// The value that a transition of `rule` tells, if it is known.
    pub(super) fn value_of(&self, rule: RuleIx) -> Option<f64> {
        let definition = &self.rules[rule.0 as usize];
        let point = definition.point.filter(|_| !definition.kind.is_no_data())?;
        let point_state = &self.points[point.0 as usize];
        point_state.quality.is_usable().then_some(point_state.value)
    }

    /// Keeps count of the rules of a point that need every value of it.
    pub(super) fn count_active(&mut self, rule: RuleIx) {
        let Some(PointIx(point)) = self.rules[rule.0 as usize].point else { return };
        let state = &mut self.states[rule.0 as usize];
        let busy = state.timer.is_some() || state.alarm.is_active() || state.has(State::EXCURSION);
        if busy != state.has(State::ACTIVE) {
            state.set(State::ACTIVE, busy);
            let flags = &mut self.points[point as usize].flags;
            *flags = if busy { *flags + 1 } else { *flags - 1 };
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
