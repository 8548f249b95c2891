//! What people do to alarms: who, why and for how long is asked of them, and kept.

use std::time::Duration;

use super::{Engine, Transition};
use crate::alarm::rule::RuleIx;
use crate::alarm::state::{Alarm, AlarmState, CommandError, Event, Suppression};
use crate::alarm::timer::us;
use crate::people::Actor;
use crate::plant::{Micros, Now};

/// Put aside by a person, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Until when, as the wall clock stood then.
    pub until: Micros,
    pub(super) until_us: u64,
}

/// Taken out of service by a person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Out {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Micros,
}

impl Engine {
    /// A person acknowledges.
    ///
    /// # Errors
    /// [`CommandError::NotWaiting`] says the present state.
    pub fn acknowledge(
        &mut self,
        rule: RuleIx,
        who: &Actor,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), CommandError> {
        let from = self.change(rule, Alarm::acknowledge)?;
        self.detail(rule).acknowledged_by = Some(who.name.clone());
        self.moved(rule, from, Event::Acknowledged, Some(who), now, out);
        Ok(())
    }

    /// A person resets a latched alarm.
    ///
    /// # Errors
    /// [`CommandError::NotLatched`] says the present state.
    pub fn reset(
        &mut self,
        rule: RuleIx,
        who: &Actor,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), CommandError> {
        let from = self.change(rule, Alarm::reset)?;
        self.moved(rule, from, Event::Reset, Some(who), now, out);
        Ok(())
    }

    /// Does `step` to the alarm of `rule`; gives the state that it was in.
    fn change(
        &mut self,
        rule: RuleIx,
        step: fn(&mut Alarm) -> Result<(), CommandError>,
    ) -> Result<AlarmState, CommandError> {
        let alarm = &mut self.states[rule.0 as usize].alarm;
        let from = alarm.state();
        step(alarm)?;
        Ok(from)
    }

    /// A person puts the alarm aside for `time`; on a shelved one it sets the time anew.
    ///
    /// # Errors
    /// [`CommandError::TooLong`], [`CommandError::IsOut`].
    pub fn shelve(
        &mut self,
        rule: RuleIx,
        (who, why): (&Actor, &str),
        time: Duration,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), CommandError> {
        let most = self.alarm_policy.shelve_most;
        if time.is_zero() || time > most {
            return Err(CommandError::TooLong { asked: time, most });
        }
        if self.states[rule.0 as usize].alarm.has(Suppression::OutOfService) {
            return Err(CommandError::IsOut);
        }
        self.detail(rule).shelf = Some(Shelf {
            by: who.name.clone(),
            why: why.to_owned(),
            until: now.wall.plus(time),
            until_us: us(now.mono).saturating_add(us(time)),
        });
        if self.states[rule.0 as usize].alarm.has(Suppression::Shelved) {
            self.touch(rule);
        } else {
            self.shelved.push(rule);
            self.suppress(rule, Suppression::Shelved, true, Some(who), now, out);
        }
        Ok(())
    }

    /// A person ends the shelving.
    ///
    /// # Errors
    /// [`CommandError::NotShelved`].
    pub fn unshelve(
        &mut self,
        rule: RuleIx,
        who: &Actor,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), CommandError> {
        let alarm = self.states[rule.0 as usize].alarm;
        if !alarm.has(Suppression::Shelved) {
            return Err(CommandError::NotShelved(alarm.state()));
        }
        self.end_shelf(rule, Some(who), now, out);
        Ok(())
    }

    /// A person takes the alarm out of service, until it is put back.
    ///
    /// # Errors
    /// [`CommandError::IsOut`] if it is out.
    pub fn take_out(
        &mut self,
        rule: RuleIx,
        (who, why): (&Actor, &str),
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), CommandError> {
        if self.states[rule.0 as usize].alarm.has(Suppression::OutOfService) {
            return Err(CommandError::IsOut);
        }
        self.detail(rule).out = Some(Out { by: who.name.clone(), why: why.to_owned(), since: now.wall });
        self.suppress(rule, Suppression::OutOfService, true, Some(who), now, out);
        Ok(())
    }

    /// A person puts it back into service.
    ///
    /// # Errors
    /// [`CommandError::NotOut`].
    pub fn put_back(
        &mut self,
        rule: RuleIx,
        who: &Actor,
        now: Now,
        out: &mut Vec<Transition>,
    ) -> Result<(), CommandError> {
        let alarm = self.states[rule.0 as usize].alarm;
        if !alarm.has(Suppression::OutOfService) {
            return Err(CommandError::NotOut(alarm.state()));
        }
        self.detail(rule).out = None;
        self.suppress(rule, Suppression::OutOfService, false, Some(who), now, out);
        Ok(())
    }

    /// Shelves whose time is over.
    pub(super) fn end_shelves(&mut self, now: Now, out: &mut Vec<Transition>) {
        let now_us = us(now.mono);
        let over = |r: &RuleIx| {
            self.details.get(r).and_then(|c| c.shelf.as_ref()).is_none_or(|s| now_us >= s.until_us)
        };
        let mut due: Vec<RuleIx> = self.shelved.iter().copied().filter(over).collect();
        due.sort_unstable();
        for rule in due {
            self.end_shelf(rule, None, now, out);
        }
    }

    fn end_shelf(&mut self, rule: RuleIx, who: Option<&Actor>, now: Now, out: &mut Vec<Transition>) {
        self.detail(rule).shelf = None;
        self.shelved.retain(|r| *r != rule);
        self.suppress(rule, Suppression::Shelved, false, who, now, out);
    }
}
