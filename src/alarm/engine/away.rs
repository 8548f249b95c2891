//! Rules that the settings do not have any more, and that may come back.
//!
//! Law: nothing is lost in silence. A rule that goes in a state that people see, or while it is suppressed, leaves a transition, and its state
//! is kept. When it comes back, what nobody has seen is shown, and what a person put aside stays aside; an acknowledgement of before
//! answers for nothing that happens now. Settings that come back by themselves bring all of it back as it was.

use super::stored::StoredAlarm;
use super::{Engine, Transition};
use crate::alarm::rule::RuleIx;
use crate::alarm::state::{AlarmState, Event};
use crate::plant::{Micros, Now};

/// What became of the rules that new settings do not have.
#[derive(Debug, Clone, Default)]
pub struct Removed {
    /// Their keys.
    pub keys: Vec<String>,
    /// As they are to be stored.
    pub saved: Vec<StoredAlarm>,
    /// The end of those that were not normal; their rules are those of the engine before.
    pub transitions: Vec<Transition>,
}

impl StoredAlarm {
    /// The settings do not have its rule, from now on if they had it until now.
    pub(super) fn gone(self, now: Now) -> Self {
        Self { away: self.away.or(Some(now.wall)), ..self }
    }

    /// It says something that a new rule would not.
    fn says_something(&self) -> bool {
        *self != Self { key: self.key.clone(), away: self.away, ..Self::default() }
    }

    /// What counts of it when its rule comes back after a time in which nothing was judged.
    pub(super) fn come_back(&self) -> Self {
        let state = match self.state {
            AlarmState::LatchedAcknowledged | AlarmState::LatchedUnacknowledged => {
                AlarmState::LatchedUnacknowledged
            }
            AlarmState::ReturnedUnacknowledged => AlarmState::ReturnedUnacknowledged,
            _ => AlarmState::Normal,
        };
        let told = state != AlarmState::Normal;
        Self {
            key: self.key.clone(),
            state,
            raised_at: self.raised_at.filter(|_| told),
            // In which unit an earlier version kept it, nobody can tell any more.
            value: self.value.filter(|_| told && self.unit.is_some()),
            unit: self.unit.clone().filter(|_| told && self.value.is_some()),
            shelf: self.shelf.clone(),
            out: self.out.clone(),
            ..Self::default()
        }
    }
}

impl Engine {
    /// What the settings of `next` do not have any more.
    pub(super) fn removed_by(&self, next: &Self, now: Now) -> Removed {
        let known: std::collections::HashSet<&str> = next.rules.iter().map(|r| &*r.key).collect();
        let mut removed = Removed::default();
        for (number, definition) in (0u32..).zip(&self.rules).filter(|(_, r)| !known.contains(&*r.key)) {
            let rule = RuleIx(number);
            removed.keys.push(definition.key.to_string());
            removed.saved.push(self.saved(rule, now).gone(now));
            let from = self.states[number as usize].alarm.state();
            if from != AlarmState::Normal {
                let event = Event::Removed;
                removed.transitions.push(self.told_of(rule, (from, AlarmState::Normal), event, now.wall));
            }
        }
        removed
    }

    fn told_of(
        &self,
        rule: RuleIx,
        (from, to): (AlarmState, AlarmState),
        event: Event,
        at: Micros,
    ) -> Transition {
        let raised_at = self.details.get(&rule).and_then(|c| c.raised_at);
        Transition { rule, from, to, event, at, value: self.value_of(rule), cause: None, by: None, raised_at }
    }

    /// Keeps what was stored of rules that the settings do not have.
    pub(super) fn remember_away(&mut self, saved: &[StoredAlarm]) {
        let away = saved.iter().filter(|s| s.away.is_some() && s.says_something());
        self.away.extend(away.map(|s| (s.key.clone(), s.clone())));
    }

    /// Rules that were away and are back, as they were or as they count now.
    pub(super) fn take_back(&mut self, as_it_was: bool, now: Now) {
        for number in 0..self.rules.len() {
            let Some(saved) = self.away.remove(&*self.rules[number].key) else { continue };
            let saved = if as_it_was { StoredAlarm { away: None, ..saved } } else { saved.come_back() };
            self.reinstate(RuleIx(number as u32), &saved, now);
        }
    }

    /// Puts a rule back that was away; it is told with the next `tick`.
    pub(super) fn reinstate(&mut self, rule: RuleIx, saved: &StoredAlarm, now: Now) {
        self.put(rule, saved, now);
        self.touch(rule);
        self.reinstated.push(rule);
    }

    /// Tells what came back in another state than normal.
    pub(super) fn tell_reinstated(&mut self, now: Now, out: &mut Vec<Transition>) {
        for rule in std::mem::take(&mut self.reinstated) {
            let to = self.states[rule.0 as usize].alarm.state();
            if to != AlarmState::Normal {
                out.push(self.told_of(rule, (AlarmState::Normal, to), Event::Reinstated, now.wall));
            }
        }
    }
}
