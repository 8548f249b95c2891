//! Suppression by design and what it rests on: a condition, an operating state, a cause that is told already.
//!
//! Law: nothing that is unknown hides an alarm. A reason that nobody can read any more hides for as long as
//! `AlarmPolicy::unknown_hides` allows, then it is no reason, and the alarm says that this is why it calls. What has become
//! unknown suppresses nothing anew. What is itself hidden, or less urgent, explains nothing; and no reason outlives the settings
//! that made it one.

use std::collections::HashSet;

use super::{Engine, FIRST_READ_US, State, Transition};
use crate::alarm::rule::RuleIx;
use crate::alarm::state::Suppression;
use crate::alarm::timer::us;
use crate::plant::{Cause, Now, PointIx};

/// A point that says whether a rule means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) point: PointIx,
    /// The rule calls only while the point is this.
    pub(super) wanted: bool,
}

/// A rule that is hidden for a reason that nobody can read any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blind {
    pub(super) rule: RuleIx,
    pub(super) since_us: u64,
}

/// Whether a cause that a rule follows from is told.
enum Annunciated {
    Yes,
    /// Its alarm stands, and the value it is about is unknown.
    Perhaps,
    No,
}

impl Engine {
    /// Whether the point is 1; `None` while that is unknown.
    pub(super) fn is_true(&self, point: PointIx) -> Option<bool> {
        let point_state = &self.points[point.0 as usize];
        point_state.quality.is_usable().then_some(point_state.value >= 0.5)
    }

    /// Whether a condition of `rule` hides it; `Err`: a point that it hangs on is unknown, and no other one decides.
    fn condition(&self, rule: RuleIx) -> Result<bool, PointIx> {
        let mut unknown = None;
        for one in self.conditions.get(&rule).map(Vec::as_slice).unwrap_or_default() {
            match self.is_true(one.point) {
                Some(is) if is != one.wanted => return Ok(true),
                Some(_) => {}
                None => unknown = unknown.or(Some(one.point)),
            }
        }
        // A state that begins hides nothing that is shown, but holds what is hidden until it is clear.
        if self.states[rule.0 as usize].has(State::IDLE) {
            for point in self.soon.get(&rule).map(Vec::as_slice).unwrap_or_default() {
                match self.is_true(*point) {
                    Some(true) => return Ok(true),
                    Some(false) => {}
                    None => unknown = unknown.or(Some(*point)),
                }
            }
        }
        unknown.map_or(Ok(false), Err)
    }

    /// The point whose unknown value would decide whether `rule` is hidden.
    #[must_use]
    pub fn undecided_by(&self, rule: RuleIx) -> Option<PointIx> {
        self.condition(rule).err()
    }

    /// A point that rules hang on was read, or became unknown: looks at those anew.
    pub(super) fn conditions(&mut self, point: PointIx, now: Now, out: &mut Vec<Transition>) {
        // Taken out and put back, so that nothing is copied.
        let Some(rules) = self.conditional.get_mut(&point).map(std::mem::take) else { return };
        for rule in &rules {
            self.reconsider(*rule, now, out);
        }
        self.conditional.insert(point, rules);
    }

    /// A rule whose condition does not hold is judged on, and calls nobody.
    fn reconsider(&mut self, rule: RuleIx, now: Now, out: &mut Vec<Transition>) {
        match self.condition(rule) {
            Ok(idle) => {
                if self.states[rule.0 as usize].has(State::IDLE) != idle {
                    self.states[rule.0 as usize].set(State::IDLE, idle);
                    self.design(rule, now, out);
                }
                self.see(rule);
            }
            Err(_) if self.states[rule.0 as usize].has(State::IDLE) => {
                self.lose_sight(rule, us(now.mono));
                self.end_blind(now, out);
            }
            Err(_) => {}
        }
    }

    /// Before a raise: a state that is about to begin, and in which the rule means nothing, hides it now.
    pub(super) fn begins(&mut self, rule: RuleIx, now: Now, out: &mut Vec<Transition>) {
        let Some(points) = self.soon.get(&rule) else { return };
        if !self.states[rule.0 as usize].has(State::IDLE)
            && points.iter().any(|p| self.is_true(*p) == Some(true))
        {
            self.states[rule.0 as usize].set(State::IDLE, true);
            self.design(rule, now, out);
        }
    }

    /// Suppresses by design where a reason for it stands, and lifts that where none is left.
    pub(super) fn design(&mut self, rule: RuleIx, now: Now, out: &mut Vec<Transition>) {
        let state = &self.states[rule.0 as usize];
        let wanted = state.has(State::IDLE) || state.has(State::FOLLOWS);
        if wanted != state.alarm.has(Suppression::ByDesign) {
            self.suppress(rule, Suppression::ByDesign, wanted, None, now, out);
        }
    }

    /// Why the rule is hidden can be read again, or it is not hidden.
    fn see(&mut self, rule: RuleIx) {
        if !self.blind.is_empty() && !self.is_blind(rule) {
            self.blind.retain(|b| b.rule != rule);
        }
    }

    /// A reason for which `rule` is hidden is unknown.
    pub(super) fn is_blind(&self, rule: RuleIx) -> bool {
        let state = self.states[rule.0 as usize];
        (state.has(State::IDLE) && self.condition(rule).is_err())
            || (state.has(State::FOLLOWS) && matches!(self.cause(rule), Annunciated::Perhaps))
    }

    pub(super) fn lose_sight(&mut self, rule: RuleIx, since_us: u64) {
        if self.blind.iter().all(|b| b.rule != rule) {
            self.blind.push(Blind { rule, since_us });
            self.touch(rule);
        }
    }

    /// Until when an unknown reason hides. After a start everything has time for a first reading.
    pub(super) fn blind_until(&self, blind: &Blind) -> u64 {
        let priority = self.rules[blind.rule.0 as usize].priority as usize - 1;
        let allowed = us(self.alarm_policy.unknown_hides[priority]);
        blind.since_us.saturating_add(allowed).max(self.began_us.saturating_add(FIRST_READ_US))
    }

    /// What has been hidden for too long by what is unknown is shown.
    pub(super) fn end_blind(&mut self, now: Now, out: &mut Vec<Transition>) {
        if self.flood.on {
            self.lose_sight_of_causes(us(now.mono));
        }
        if self.blind.is_empty() {
            return;
        }
        let now_us = us(now.mono);
        let over = |b: &&Blind| now_us >= self.blind_until(b);
        let mut due: Vec<RuleIx> = self.blind.iter().filter(over).map(|b| b.rule).collect();
        due.sort_unstable();
        for rule in due {
            self.blind.retain(|b| b.rule != rule);
            if self.condition(rule).is_err() {
                self.states[rule.0 as usize].set(State::IDLE, false);
            }
            if matches!(self.cause(rule), Annunciated::Perhaps) {
                self.states[rule.0 as usize].set(State::FOLLOWS, false);
            }
            self.design(rule, now, out);
        }
    }

    fn lose_sight_of_causes(&mut self, now_us: u64) {
        let follows = |r: &&RuleIx| self.states[r.0 as usize].has(State::FOLLOWS);
        let lost: Vec<RuleIx> = self.causes.keys().filter(follows).copied().collect();
        for rule in lost {
            match self.cause(rule) {
                Annunciated::Perhaps => self.lose_sight(rule, now_us),
                Annunciated::Yes | Annunciated::No => self.see(rule),
            }
        }
    }

    /// Before a raise: in a flood, what follows from an alarm that stands is not told.
    pub(super) fn follows(&mut self, rule: RuleIx, now: Now, out: &mut Vec<Transition>) {
        if self.flood.on
            && matches!(self.cause(rule), Annunciated::Yes)
            && !self.states[rule.0 as usize].has(State::FOLLOWS)
        {
            self.states[rule.0 as usize].set(State::FOLLOWS, true);
            self.design(rule, now, out);
        }
    }

    /// The flood or the cause is over: what is still true is told now.
    pub(super) fn lift_consequences(&mut self, now: Now, out: &mut Vec<Transition>) {
        if self.causes.is_empty() {
            return;
        }
        let mut following: Vec<RuleIx> =
            self.causes.keys().copied().filter(|r| self.states[r.0 as usize].has(State::FOLLOWS)).collect();
        following.sort_unstable();
        for rule in following {
            if !self.flood.on || matches!(self.cause(rule), Annunciated::No) {
                self.states[rule.0 as usize].set(State::FOLLOWS, false);
                self.design(rule, now, out);
            }
        }
    }

    fn cause(&self, rule: RuleIx) -> Annunciated {
        let definition = &self.rules[rule.0 as usize];
        if self.first_out(definition.equipment).is_some_and(|first| first.rule == rule) {
            return Annunciated::No;
        }
        let urgent = definition.priority;
        let mut told = Annunciated::No;
        for cause in self.causes.get(&rule).map(Vec::as_slice).unwrap_or_default() {
            let alarm = self.states[cause.0 as usize].alarm;
            let definition = &self.rules[cause.0 as usize];
            if !alarm.is_active() || alarm.is_suppressed() || definition.priority > urgent {
                continue;
            }
            let known = definition.kind.is_no_data()
                || definition.point.is_none_or(|p| self.points[p.0 as usize].quality.is_usable());
            if known {
                return Annunciated::Yes;
            }
            told = Annunciated::Perhaps;
        }
        told
    }

    /// What has no condition or no cause any more, as after other settings or a restart, is hidden no longer.
    pub(super) fn drop_void_reasons(&mut self) {
        let conditional: HashSet<RuleIx> = self.conditional.values().flatten().copied().collect();
        for number in 0..self.rules.len() {
            let (rule, state) = (RuleIx(number as u32), self.states[number]);
            let idle = state.has(State::IDLE) && !conditional.contains(&rule);
            let follows =
                state.has(State::FOLLOWS) && (!self.flood.on || matches!(self.cause(rule), Annunciated::No));
            if idle {
                self.states[number].set(State::IDLE, false);
            }
            if follows {
                self.states[number].set(State::FOLLOWS, false);
            }
            if idle || follows {
                self.unsettled.push(rule);
            }
        }
    }

    /// Why `rule` calls though something might hide it, for people to read.
    pub(super) fn calls_in_doubt(&self, rule: RuleIx) -> Option<Cause> {
        self.undecided_by(rule).map(|_| Cause::ConditionUnknown)
    }
}
