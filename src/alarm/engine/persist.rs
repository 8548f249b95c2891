//! What outlives a restart and a change of settings (promises P3 and P8).

use std::collections::HashMap;
use std::time::Duration;

use super::annunciate::FirstOut;
use super::away::Removed;
use super::operator::Shelf;
use super::stored::{
    MemoryOf, StoredAlarm, StoredCalls, StoredDesign, StoredExcursion, StoredMemory, StoredShelf,
};
use super::{DeviceState, Engine, Excursion, State};
use crate::alarm::rule::RuleIx;
use crate::alarm::state::{AlarmState, Suppression};
use crate::alarm::timer::{Timer, us};
use crate::plant::{Now, Plant};

fn ago_ms(since_us: u64, now_us: u64) -> u64 {
    now_us.saturating_sub(since_us) / 1000
}

impl Engine {
    /// The rules whose stored form changed since the last call.
    pub fn snapshot_changed(&mut self, now: Now) -> Vec<StoredAlarm> {
        let mut changed: Vec<RuleIx> = std::mem::take(&mut self.dirty);
        // What runs is stored anew each time, so that a restart resumes it where it was.
        let blind = self.blind.iter().map(|b| &b.rule);
        for rule in self.timed.iter().chain(&self.shelved).chain(&self.excursions).chain(blind) {
            let state = self.states[rule.0 as usize];
            let runs = state.timer.is_some_and(Timer::runs)
                || state.alarm.is_suppressed()
                || state.has(State::EXCURSION);
            if runs && !state.has(State::DIRTY) && !self.is_told_soon(*rule) {
                self.states[rule.0 as usize].set(State::DIRTY, true);
                changed.push(*rule);
            }
        }
        for rule in &changed {
            self.states[rule.0 as usize].set(State::DIRTY, false);
        }
        changed.into_iter().map(|rule| self.saved(rule, now)).collect()
    }

    /// The site's newest calls, if they may have changed since the last call.
    pub fn calls_changed(&mut self, now: Now) -> Option<StoredMemory> {
        let now_us = us(now.mono);
        let calls = self.flood.calls();
        let recent = calls.iter().any(|at| now_us.saturating_sub(*at) < us(self.alarm_policy.flood_window));
        // Once more after its end, so that the end is stored.
        if !recent && !self.flood.on && !self.flood.stored {
            return None;
        }
        self.flood.stored = self.flood.on;
        let ago_ms = calls.into_iter().map(|at| ago_ms(at, now_us)).collect();
        let body = serde_json::to_string(&StoredCalls { ago_ms, flood: self.flood.on }).ok()?;
        Some(StoredMemory { of: MemoryOf::Calls, name: String::new(), body })
    }

    /// What the formulas of derived points remember: means, totals, times; and the tests of readings. It changes all the time and takes some
    /// room, so the keeper stores it now and then, and at the end.
    #[must_use]
    pub fn memories(&self, now: Now) -> Vec<StoredMemory> {
        let row =
            |of: MemoryOf, (name, body): (&str, String)| StoredMemory { of, name: name.to_owned(), body };
        let formulas = self.calculations.memories(now).map(|m| row(MemoryOf::Formula, m));
        formulas.chain(self.tests.memories(us(now.mono)).map(|m| row(MemoryOf::Test, m))).collect()
    }

    /// Puts back what was remembered. What does not read back, or belongs to nothing any more, is forgotten.
    pub fn remember(&mut self, memories: &[StoredMemory], now: Now) {
        let now_us = us(now.mono);
        for memory in memories {
            match memory.of {
                MemoryOf::Formula => self.calculations.remember(&memory.name, &memory.body, now),
                MemoryOf::Test => self.tests.remember(&memory.name, &memory.body, now_us),
                MemoryOf::Calls => {
                    let calls: StoredCalls = serde_json::from_str(&memory.body).unwrap_or_default();
                    calls
                        .ago_ms
                        .iter()
                        .for_each(|ms| self.flood.call(now_us.saturating_sub(ms.saturating_mul(1000))));
                    (self.flood.on, self.flood.stored) = (calls.flood, calls.flood);
                }
            }
        }
    }

    pub(super) fn saved(&self, rule: RuleIx, now: Now) -> StoredAlarm {
        let now_us = us(now.mono);
        let state = self.states[rule.0 as usize];
        let definition = &self.rules[rule.0 as usize];
        let unknown = self.blind.iter().find(|b| b.rule == rule);
        let detail = self.details.get(&rule);
        let own_us = now_us.saturating_sub(self.late_us(rule));
        let elapsed = state.timer.map(|t| t.elapsed_us(own_us) / 1000);
        let active = state.alarm.is_active();
        let waits = state.alarm.state() == AlarmState::Unacknowledged;
        let saved = StoredAlarm {
            key: definition.key.to_string(),
            state: state.alarm.core(),
            raised_at: detail.and_then(|c| c.raised_at),
            value: detail.and_then(|c| c.value),
            acknowledged_by: detail.and_then(|c| c.acknowledged_by.clone()),
            on_elapsed_ms: elapsed.filter(|_| !active),
            off_elapsed_ms: elapsed.filter(|_| active),
            shelf: detail.and_then(|c| c.shelf.as_ref()).map(|s| StoredShelf {
                by: s.by.clone(),
                why: s.why.clone(),
                until: s.until,
                left_ms: s.until_us.saturating_sub(now_us).div_ceil(1000),
            }),
            out: detail.and_then(|c| c.out.clone()),
            by_design: StoredDesign { condition: state.has(State::IDLE), follows: state.has(State::FOLLOWS) },
            unknown_ms: unknown.map(|b| ago_ms(b.since_us, now_us)),
            excursion: detail.filter(|_| state.has(State::EXCURSION)).map(|c| StoredExcursion {
                since_ms: ago_ms(c.excursion.since_us, now_us),
                peak: c.excursion.peak,
                beyond: c.excursion.beyond,
            }),
            called_at: detail
                .filter(|_| waits)
                .map(|c| now.wall.minus(Duration::from_micros(now_us.saturating_sub(c.called_us)))),
            first: self.groups[definition.equipment.0 as usize].first.is_some_and(|f| f.rule == rule),
            ..StoredAlarm::default()
        };
        let unit = self.unit_of(rule).filter(|_| saved.has_numbers()).map(str::to_owned);
        StoredAlarm { unit, ..saved }
    }

    /// Puts stored states back (promise P3): states, latches, suppressions and delay progress as they were; the
    /// delays of points stand still until a reading says how things are. A shelf ends no later than it said,
    /// by whichever clock is first: a longer one would hide an alarm. What hides for a reason that the settings no longer
    /// have hides no more. Gives back what belongs to no rule of this engine; it says since when.
    pub fn restore(&mut self, saved: &[StoredAlarm], now: Now) -> Vec<StoredAlarm> {
        let mut unknown = Vec::new();
        let index: HashMap<&str, u32> = self.rules.iter().zip(0u32..).map(|(r, n)| (&*r.key, n)).collect();
        let mut found = Vec::new();
        for one in saved {
            match index.get(one.key.as_str()) {
                Some(n) => found.push((RuleIx(*n), one)),
                None => unknown.push(one.clone().gone(now)),
            }
        }
        // In rule order, so that lists come out as they were.
        found.sort_by_key(|f| f.0);
        for (rule, one) in &found {
            match one.away {
                None => self.put(*rule, one, now),
                Some(_) => self.reinstate(*rule, &one.come_back(), now),
            }
        }
        // Nothing is read yet: what is hidden is hidden for an unknown reason.
        for (rule, one) in found {
            if self.is_blind(rule) {
                let since_us = us(now.mono).saturating_sub(one.unknown_ms.unwrap_or(0).saturating_mul(1000));
                self.lose_sight(rule, since_us);
            }
        }
        self.drop_void_reasons();
        self.remember_away(&unknown);
        unknown
    }

    /// Numbers of another unit than its point has now mean nothing, and are not stored any longer.
    pub(super) fn put(&mut self, rule: RuleIx, one: &StoredAlarm, now: Now) {
        let other = |unit: &str| self.unit_of(rule).is_some_and(|now| now != unit);
        if one.unit.as_deref().is_some_and(other) {
            self.touch(rule);
            return self.put(rule, &one.without_numbers(), now);
        }
        let now_us = us(now.mono);
        // What was longer ago than the clock can tell was at its beginning.
        let ago = |ms: u64| now_us.saturating_sub(ms.saturating_mul(1000));
        let n = rule.0 as usize;
        let alarm = one.alarm();
        let state = &mut self.states[n];
        state.alarm = alarm;
        state.set(State::IDLE, one.by_design.condition);
        state.set(State::FOLLOWS, one.by_design.follows);
        state.set(State::EXCURSION, one.excursion.is_some());
        let elapsed = if alarm.is_active() { one.off_elapsed_ms } else { one.on_elapsed_ms };
        let elapsed = elapsed.map(Duration::from_millis);
        if self.rules[n].device.is_some() {
            // Its delay has begun anew with the start, unless the alarm already stands.
            match (alarm.is_active(), elapsed, state.timer.as_mut()) {
                (true, ..) => state.timer = elapsed.map(Timer::still),
                (false, Some(elapsed), Some(timer)) => {
                    *timer = Timer::still(elapsed);
                    timer.resume(now_us);
                }
                _ => {}
            }
            if self.states[n].timer.is_some() {
                self.time(rule);
            }
        } else {
            state.timer = elapsed.map(Timer::still);
            if state.timer.is_some() {
                self.time(rule);
            }
        }
        let shelf = one.shelf.as_ref().map(|shelf| {
            let by_wall = u64::try_from(shelf.until.0.saturating_sub(now.wall.0)).unwrap_or(0);
            let left = (shelf.left_ms.saturating_mul(1000)).min(by_wall.max(1));
            Shelf {
                by: shelf.by.clone(),
                why: shelf.why.clone(),
                until: shelf.until,
                until_us: now_us.saturating_add(left),
            }
        });
        if shelf.is_some() {
            self.shelved.push(rule);
        }
        let detail = self.detail(rule);
        detail.raised_at = one.raised_at;
        detail.value = one.value;
        detail.acknowledged_by.clone_from(&one.acknowledged_by);
        detail.out.clone_from(&one.out);
        detail.shelf = shelf;
        if let Some(StoredExcursion { since_ms, peak, beyond }) = one.excursion {
            detail.excursion = Excursion { since_us: ago(since_ms), peak, beyond };
        }
        detail.called_us = one.called_at.map_or(now_us, |at| {
            let since = u64::try_from(now.wall.0.saturating_sub(at.0)).unwrap_or(0);
            now_us.saturating_sub(since)
        });
        if one.excursion.is_some() {
            self.excursions.push(rule);
        }
        if alarm.state() == AlarmState::Unacknowledged {
            self.waits(rule);
        }
        if alarm.state().is_active() {
            self.groups[self.rules[n].equipment.0 as usize].active += 1;
        }
        if one.first {
            let group = &mut self.groups[self.rules[n].equipment.0 as usize];
            group.first = Some(FirstOut { rule, at_us: u64::MAX });
        }
        self.count_active(rule);
    }

    /// An engine for changed settings that goes on where this one stands: values, alarm states and, where
    /// a rule is the same, its running delays. What stands is judged by the new limits and conditions with the next
    /// `tick`. `plant` keeps the numbers of this one's points and devices and may have more. Also gives what became of the
    /// rules that are no more. `back`: settings of a moment ago come back, as if nothing had been; else a rule that was
    /// away begins anew, but for what people have not seen or have put aside.
    #[must_use]
    pub fn reconfigure(&self, plant: &Plant, back: bool, now: Now) -> (Self, Removed) {
        let mut next = Self::new(plant, now);
        let old: HashMap<&str, u32> = self.rules.iter().zip(0u32..).map(|(r, n)| (&*r.key, n)).collect();
        next.timed.clear();
        next.dirty.clear();
        next.flood = self.flood;
        for state in &mut next.states {
            state.set(State::TIMED | State::DIRTY, false);
        }
        for n in 0..next.rules.len() {
            let rule = RuleIx(n as u32);
            if let Some(before) = old.get(&*next.rules[n].key).copied() {
                self.carry_over(RuleIx(before), &mut next, rule);
            }
            next.touch(rule);
            if next.states[n].timer.is_some() {
                next.time(rule);
            }
            next.count_active(rule);
        }
        for (was, point_state) in self.points.iter().zip(&mut next.points) {
            (point_state.value, point_state.at, point_state.lag, point_state.came_us, point_state.quality) =
                (was.value, was.at, was.lag, was.came_us, was.quality);
            point_state.late = was.late;
        }
        next.tests.reconfigure(&self.tests);
        next.calculations.reconfigure(&self.calculations, now);
        // Of a fresh engine only those that calculate are not lost: they stay so.
        for (was, device) in self.devices.iter().zip(&mut next.devices).filter(|d| d.1.lost.is_some()) {
            *device = DeviceState { stale_after_us: device.stale_after_us, ..*was };
        }
        for n in 0..next.rules.len() {
            let rule = RuleIx(n as u32);
            if next.is_blind(rule) {
                let was = old.get(&*next.rules[n].key).copied();
                let was = self.blind.iter().find(|b| Some(b.rule.0) == was);
                next.lose_sight(rule, was.map_or(us(now.mono), |b| b.since_us));
            }
        }
        let removed = self.removed_by(&next, now);
        next.away.clone_from(&self.away);
        next.remember_away(&removed.saved);
        next.take_back(back, now);
        next.drop_void_reasons();
        next.unjudged = true;
        (next, removed)
    }

    /// What holds of rule `before` of this engine holds of `rule` of the next one.
    fn carry_over(&self, before: RuleIx, next: &mut Self, rule: RuleIx) {
        let n = rule.0 as usize;
        let was = self.states[before.0 as usize];
        let state = &mut next.states[n];
        let (busy, conditional) = (state.has(State::ACTIVE), state.has(State::CONDITIONAL));
        *state = was;
        state.set(State::DIRTY | State::TIMED, false);
        state.set(State::ACTIVE, busy);
        state.set(State::CONDITIONAL, conditional);
        // A delay that ran towards another setpoint or another end says nothing about this one.
        if !self.rules[before.0 as usize].times_like(&next.rules[n]) {
            state.timer = None;
            state.set(State::EXCURSION, false);
        }
        // In another unit or type it is another point: a number of then would pass for one in the unit of now.
        // Whether it is read at all is the same question in any unit.
        let same =
            self.rules[before.0 as usize].point == next.rules[n].point || next.rules[n].kind.is_no_data();
        if !same {
            state.timer = None;
            state.set(State::EXCURSION, false);
        }
        if let Some(detail) = self.details.get(&before) {
            let mut detail = detail.clone();
            detail.value = detail.value.filter(|_| same);
            next.details.insert(rule, detail);
        }
        if next.states[n].has(State::EXCURSION) {
            next.excursions.push(rule);
        }
        let shown = was.alarm.state();
        if was.alarm.has(Suppression::Shelved) {
            next.shelved.push(rule);
        }
        if shown == AlarmState::Unacknowledged {
            next.waits(rule);
        }
        let of = |e: crate::plant::EquipmentIx| e.0 as usize;
        let (group_was, group) = (
            self.groups[of(self.rules[before.0 as usize].equipment)],
            &mut next.groups[of(next.rules[n].equipment)],
        );
        group.active += u32::from(shown.is_active());
        if let Some(first) = group_was.first.filter(|f| f.rule == before) {
            group.first = Some(FirstOut { rule, ..first });
        }
    }
}
