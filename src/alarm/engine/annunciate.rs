//! What reaches people: who was first, how many at once, and calling again when nobody answers.
//!
//! In a flood what only follows from an alarm that is told already is suppressed, never the first-out.

use super::{Engine, Transition};
use crate::alarm::rule::RuleIx;
use crate::alarm::state::{AlarmState, Event, Suppression};
use crate::alarm::timer::us;
use crate::people::Actor;
use crate::plant::{EquipmentIx, Now};

/// More calls than this are counted by their number only.
const REMEMBERED: usize = 16;

/// The alarm that came first in an equipment where none stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstOut {
    /// Which.
    pub rule: RuleIx,
    pub(super) at_us: u64,
}

/// The alarms of one piece of equipment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    pub(super) active: u32,
    pub(super) first: Option<FirstOut>,
}

/// The newest calls, and whether they are too many (ISA-18.2: more than ten in ten minutes, until fewer
/// than five).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flood {
    /// A ring, monotonic microseconds.
    pub(super) calls: [u64; REMEMBERED],
    pub(super) count: usize,
    pub(super) on: bool,
    /// As it was stored last.
    pub(super) stored: bool,
}

impl Flood {
    pub(super) fn call(&mut self, now_us: u64) {
        self.calls[self.count % REMEMBERED] = now_us;
        self.count += 1;
    }

    /// Those that are remembered, oldest first.
    pub(super) fn calls(&self) -> Vec<u64> {
        (1..=REMEMBERED).rev().filter_map(|n| self.nth(n)).collect()
    }

    /// When the `n`th newest call was; 1 is the newest.
    fn nth(&self, n: usize) -> Option<u64> {
        ((1..=REMEMBERED.min(self.count)).contains(&n)).then(|| self.calls[(self.count - n) % REMEMBERED])
    }
}

impl Engine {
    /// The alarms are too many to be read: ten minutes' calls passed the flood limit.
    #[must_use]
    pub fn in_flood(&self) -> bool {
        self.flood.on
    }

    /// The alarm that came first in this equipment, while any stands.
    #[must_use]
    pub fn first_out(&self, equipment: EquipmentIx) -> Option<FirstOut> {
        self.groups[equipment.0 as usize].first
    }

    /// Tells that `rule` has moved from `from` to what it is now, and keeps the counts.
    pub(super) fn moved(
        &mut self,
        rule: RuleIx,
        from: AlarmState,
        event: Event,
        by: Option<&Actor>,
        now: Now,
        out: &mut Vec<Transition>,
    ) {
        let to = self.states[rule.0 as usize].alarm.state();
        let definition = &self.rules[rule.0 as usize];
        let cause = (definition.kind.is_no_data() && to.is_active() && event != Event::Acknowledged)
            .then(|| match (definition.point, definition.device) {
                (Some(p), _) => self.points[p.0 as usize].quality.cause(),
                (None, Some(d)) => self.devices[d.0 as usize].lost,
                (None, None) => None,
            })
            .flatten();
        // Who is called, or left to call, is told if that is so only because a condition is unknown.
        let doubtful = matches!(event, Event::Raised | Event::Unsuppressed) && to.is_active();
        let cause = cause.or_else(|| self.calls_in_doubt(rule).filter(|_| doubtful));
        let transition = Transition {
            rule,
            from,
            to,
            event,
            at: now.wall,
            value: self.value_of(rule),
            cause,
            by: by.cloned(),
            raised_at: self.details.get(&rule).and_then(|c| c.raised_at),
        };
        self.count(rule, from, to, us(now.mono));
        if transition.annunciates() {
            self.called(rule, us(now.mono));
        } else if to != AlarmState::Unacknowledged {
            self.waiting.remove(&rule);
        }
        self.touch(rule);
        out.push(transition);
    }

    /// How many alarms of the equipment people see, and which was the first.
    pub(super) fn count(&mut self, rule: RuleIx, from: AlarmState, to: AlarmState, now_us: u64) {
        let group = &mut self.groups[self.rules[rule.0 as usize].equipment.0 as usize];
        let before = group.first;
        match (from.is_active(), to.is_active()) {
            (false, true) => {
                group.active += 1;
                // Of those that came at the same instant the order they were looked at says nothing.
                let earlier = group.first.is_none_or(|f| f.at_us == now_us && rule < f.rule);
                if group.active == 1 || earlier {
                    group.first = Some(FirstOut { rule, at_us: now_us });
                }
            }
            (true, false) => {
                group.active = group.active.saturating_sub(1);
                if group.active == 0 {
                    group.first = None;
                }
            }
            _ => {}
        }
        // It is stored with the rule that it is, so the one that is it no longer is stored anew.
        if let Some(before) = before.filter(|b| group.first != Some(*b)) {
            self.touch(before.rule);
        }
    }

    fn called(&mut self, rule: RuleIx, now_us: u64) {
        self.detail(rule).called_us = now_us;
        self.waits(rule);
        self.flood.call(now_us);
        let window = us(self.alarm_policy.flood_window);
        let over = self.flood.nth(usize::from(self.alarm_policy.flood_begins) + 1);
        self.flood.on |= over.is_some_and(|at| now_us.saturating_sub(at) < window);
    }

    /// Until somebody answers it.
    pub(super) fn waits(&mut self, rule: RuleIx) {
        self.waiting.insert(rule);
        self.again_us = self.again_us.min(self.calls_again_us(rule).unwrap_or(u64::MAX));
    }

    /// Those that nobody answered call again.
    pub(super) fn call_again(&mut self, now: Now, out: &mut Vec<Transition>) {
        let now_us = us(now.mono);
        if now_us < self.again_us {
            return;
        }
        let due: Vec<RuleIx> = self
            .waiting
            .iter()
            .copied()
            .filter(|r| self.calls_again_us(*r).is_some_and(|at| now_us >= at))
            .collect();
        for rule in due {
            self.detail(rule).called_us = now_us;
            let state = self.states[rule.0 as usize].alarm.state();
            self.moved(rule, state, Event::Repeated, None, now, out);
        }
        self.again_us = self.waiting.iter().filter_map(|r| self.calls_again_us(*r)).min().unwrap_or(u64::MAX);
    }

    fn calls_again_us(&self, rule: RuleIx) -> Option<u64> {
        let after = self.alarm_policy.repeat[self.rules[rule.0 as usize].priority as usize - 1]?;
        Some(self.details.get(&rule)?.called_us.saturating_add(us(after)))
    }

    /// When something of this is due next.
    pub(super) fn next_call(&self) -> Option<u64> {
        let again = (!self.waiting.is_empty() && self.again_us != u64::MAX).then_some(self.again_us);
        let shelves =
            self.shelved.iter().filter_map(|r| self.details.get(r)?.shelf.as_ref().map(|s| s.until_us));
        let flood = self.flood.on.then(|| self.flood_ends_us()).flatten();
        let blind = self.blind.iter().map(|b| self.blind_until(b));
        again.into_iter().chain(shelves).chain(flood).chain(blind).min()
    }

    fn flood_ends_us(&self) -> Option<u64> {
        let at = self.flood.nth(usize::from(self.alarm_policy.flood_ends.max(1)))?;
        Some(at.saturating_add(us(self.alarm_policy.flood_window)))
    }

    pub(super) fn end_flood(&mut self, now: Now, out: &mut Vec<Transition>) {
        if self.flood.on && self.flood_ends_us().is_none_or(|at| us(now.mono) >= at) {
            self.flood.on = false;
            self.lift_consequences(now, out);
        }
    }

    /// Suppresses an alarm in one way, or lifts that, and tells it.
    pub(super) fn suppress(
        &mut self,
        rule: RuleIx,
        how: Suppression,
        on: bool,
        by: Option<&Actor>,
        now: Now,
        out: &mut Vec<Transition>,
    ) {
        let alarm = &mut self.states[rule.0 as usize].alarm;
        let from = alarm.state();
        let changed = if on { alarm.suppress(how) } else { alarm.lift(how) };
        if !changed {
            return;
        }
        let event = match (how, on) {
            (Suppression::Shelved, true) => Event::Shelved,
            (Suppression::Shelved, false) => Event::Unshelved,
            (Suppression::ByDesign, true) => Event::Suppressed,
            (Suppression::ByDesign, false) => Event::Unsuppressed,
            (Suppression::OutOfService, true) => Event::TakenOut,
            (Suppression::OutOfService, false) => Event::PutBack,
        };
        self.moved(rule, from, event, by, now, out);
        self.count_active(rule);
        if on {
            // What is hidden explains nothing.
            self.tells_no_more(rule);
            self.lift_consequences(now, out);
        }
    }
}
