//! Missing data, and which alarm tells of it: the point's own, or that of something it hangs on.
//!
//! Law: a point that has had no usable value for its no-data time has an alarm of its own, unless a visible one stands,
//! as urgent or more so, that tells why: that of its lost device, of an earlier part of the same instrument, or of what
//! it is calculated from. Every point measures its own time. One that has run out waits for an alarm that is about to
//! tell, for as long as that one may take and no longer; what is hidden, or less urgent, tells nothing.

use std::collections::HashMap;

use super::{Engine, State, Transition};
use crate::alarm::rule::RuleIx;
use crate::alarm::timer::{Timer, us};
use crate::plant::{Cause, DeviceIx, LimitKind, Now, Plant, PointIx, Priority, Quality, Reading};

/// Whether there is a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    None,
    /// There is none yet, and nobody expects one.
    Awaited,
    Missing,
}

/// How another alarm stands to a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Teller {
    /// No other alarm tells of it.
    None,
    /// Its delay runs.
    Soon,
    /// It stands, and people see it.
    Stands,
}

/// Why a device did not give a value, if that was the way to it.
fn way(quality: Quality) -> Option<Cause> {
    quality.cause().filter(|c| !quality.is_usable() && c.is_communication())
}

impl Engine {
    /// Why a device is lost as a whole, if it is after this sample: of none of its points is anything known but that the
    /// way to it failed. One request that is answered means that the device is there, whatever the others say.
    pub(super) fn lost_by(&self, device: DeviceIx, readings: &[Reading]) -> Option<Cause> {
        let cause = way(readings.first()?.quality)?;
        let gone = |point: &PointIx| {
            let quality = self.points[point.0 as usize].quality;
            way(quality).is_some()
                || quality == Quality::Bad(Cause::NotYetRead)
                || readings.iter().any(|r| r.point == *point)
        };
        let all = readings.iter().all(|r| way(r.quality).is_some())
            && self.device_points[device.0 as usize].iter().all(gone);
        all.then_some(cause)
    }

    /// The device is lost as a whole from now on, for this cause, or it is not.
    pub(super) fn set_lost(
        &mut self,
        device: DeviceIx,
        lost: Option<Cause>,
        now: Now,
        out: &mut Vec<Transition>,
    ) {
        let was = std::mem::replace(&mut self.devices[device.0 as usize].lost, lost);
        if let Some(rule) = self.device_rule[device.0 as usize] {
            self.no_data(rule, self.gap_of(device), now, out);
        }
        if was.is_some() && lost.is_none() {
            self.untold.push(device);
        }
    }

    pub(super) fn gap_of(&self, device: DeviceIx) -> Gap {
        if self.devices[device.0 as usize].lost.is_none() { Gap::None } else { Gap::Missing }
    }

    pub(super) fn gap_at(&self, point: PointIx) -> Gap {
        if self.points[point.0 as usize].quality.is_usable() {
            Gap::None
        } else if self.awaits && self.is_awaited(point) {
            Gap::Awaited
        } else {
            Gap::Missing
        }
    }

    /// It, or what it is calculated from, was never read.
    fn is_awaited(&self, point: PointIx) -> bool {
        let point_state = &self.points[point.0 as usize];
        let unread = || self.inputs_of.get(&point).is_some_and(|all| all.iter().any(|p| self.is_awaited(*p)));
        !point_state.quality.is_usable()
            && (point_state.quality == Quality::Bad(Cause::NotYetRead) || unread())
    }

    /// Follows whether data are missing: the alarm comes after the on-delay, and goes when they have been there for the
    /// off-delay without a break.
    pub(super) fn no_data(&mut self, rule: RuleIx, gap: Gap, now: Now, out: &mut Vec<Transition>) {
        let now_us = us(now.mono);
        let state = &mut self.states[rule.0 as usize];
        match (gap, state.alarm.is_active(), state.timer.as_mut()) {
            (Gap::Missing, false, Some(timer)) | (Gap::None, true, Some(timer)) => timer.resume(now_us),
            (Gap::None, true, None) => self.start(rule, now_us),
            (Gap::Missing, false, None) => {
                if self.teller(rule) != Teller::Stands {
                    self.start(rule, now_us);
                }
            }
            // What stands goes on standing: data are not back because something else tells why they are gone.
            (Gap::Missing | Gap::Awaited, true, _) | (Gap::None | Gap::Awaited, false, _) => self.stop(rule),
        }
        if gap == Gap::None {
            self.fire(rule, now_us, now, out);
        }
        self.count_active(rule);
    }

    /// The no-data time of `rule` is over: whether another alarm tells instead. One that is about to is waited for.
    pub(super) fn is_told(&mut self, rule: RuleIx, timer: Timer, at_us: u64) -> bool {
        match self.teller(rule) {
            Teller::None => false,
            Teller::Soon => {
                self.states[rule.0 as usize].set(State::HELD, true);
                timer.elapsed_us(at_us) < self.told_within_us(rule)
            }
            Teller::Stands => {
                self.stop(rule);
                true
            }
        }
    }

    /// The no-data time of a rule and the longest delay of an alarm that may tell instead.
    pub(super) fn told_within_us(&self, rule: RuleIx) -> u64 {
        let definition = &self.rules[rule.0 as usize];
        let patience = match (definition.point, definition.device) {
            (Some(point), _) => self.patience_us(point),
            (None, Some(device)) => self.parts_patience_us(device),
            (None, None) => 0,
        };
        definition.on_delay_us().saturating_add(patience)
    }

    fn patience_us(&self, point: PointIx) -> u64 {
        let device = self.points[point.0 as usize].device;
        let own = self.device_rule[device.0 as usize].map_or(0, |r| self.rules[r.0 as usize].on_delay_us());
        let inputs = self.patience.get(&point).copied().unwrap_or(0);
        own.max(self.parts_patience_us(device)).max(inputs)
    }

    fn parts_patience_us(&self, device: DeviceIx) -> u64 {
        let before = self.parts.get(&device).map(|p| p.0.as_slice()).unwrap_or_default();
        let rules = before.iter().filter_map(|d| self.device_rule[d.0 as usize]);
        rules.map(|r| self.rules[r.0 as usize].on_delay_us()).max().unwrap_or(0)
    }

    /// Notes how long the alarms of what is calculated from others may take to be told by those; in the plant's order,
    /// in which nothing stands before what it is calculated from.
    pub(super) fn measure_patience(&mut self, plant: &Plant) {
        for point in plant.derived.iter().flat_map(|d| &d.points) {
            let inputs = self.inputs_of.get(point).map(|i| &**i).unwrap_or_default();
            let of = |input: &PointIx| {
                let own = self.no_data_rule(*input).map_or(0, |r| self.rules[r.0 as usize].on_delay_us());
                own.max(self.patience_us(*input))
            };
            let patience = inputs.iter().map(of).max().unwrap_or(0);
            self.patience.insert(*point, patience);
        }
    }

    /// Another alarm is about to tell of the gap that `rule` is about: its delay is the one to be kept over a restart, and not
    /// that of each point behind it.
    pub(super) fn is_told_soon(&self, rule: RuleIx) -> bool {
        let is_gap = self.rules[rule.0 as usize].kind.is_no_data();
        is_gap && !self.states[rule.0 as usize].alarm.is_active() && self.teller(rule) == Teller::Soon
    }

    /// Which alarm tells of the gap that `rule` is about.
    fn teller(&self, rule: RuleIx) -> Teller {
        let definition = &self.rules[rule.0 as usize];
        match (definition.point, definition.device) {
            (Some(point), _) => self.teller_of(point, definition.priority),
            (None, Some(device)) => self.part_that_tells(device, definition.priority),
            (None, None) => Teller::None,
        }
    }

    fn teller_of(&self, point: PointIx, priority: Priority) -> Teller {
        let device = self.points[point.0 as usize].device;
        let mut found = Teller::None;
        if self.devices[device.0 as usize].lost.is_some() {
            let own = self.device_rule[device.0 as usize].map_or(Teller::None, |r| self.tells(r, priority));
            found = own.max(self.part_that_tells(device, priority));
        }
        for input in self.inputs_of.get(&point).map(|i| &**i).unwrap_or_default() {
            if found == Teller::Stands {
                break;
            }
            if !self.points[input.0 as usize].quality.is_usable() {
                let own = self.no_data_rule(*input).map_or(Teller::None, |r| self.tells(r, priority));
                found = found.max(own).max(self.teller_of(*input, priority));
            }
        }
        found
    }

    /// Parts of one instrument that are polled at other periods: the first that is lost tells of those behind it.
    fn part_that_tells(&self, device: DeviceIx, priority: Priority) -> Teller {
        let before = self.parts.get(&device).map(|p| p.0.as_slice()).unwrap_or_default();
        let lost = before.iter().filter(|d| self.devices[d.0 as usize].lost.is_some());
        let rules = lost.filter_map(|d| self.device_rule[d.0 as usize]);
        rules.map(|rule| self.tells(rule, priority)).max().unwrap_or(Teller::None)
    }

    /// What an alarm says to those of this priority: nothing if it is hidden or less urgent.
    fn tells(&self, rule: RuleIx, priority: Priority) -> Teller {
        let (state, definition) = (&self.states[rule.0 as usize], &self.rules[rule.0 as usize]);
        if definition.priority > priority || state.alarm.is_suppressed() {
            Teller::None
        } else if state.alarm.is_active() {
            Teller::Stands
        } else if state.timer.is_some_and(Timer::runs) {
            Teller::Soon
        } else {
            Teller::None
        }
    }

    pub(super) fn no_data_rule(&self, point: PointIx) -> Option<RuleIx> {
        let rules = self.points[point.0 as usize].rules;
        let last = (rules.0..rules.1).next_back()?;
        (self.rules[last as usize].kind == LimitKind::NoData).then_some(RuleIx(last))
    }

    /// An alarm that may have told of gaps is hidden or over: others may have to.
    pub(super) fn tells_no_more(&mut self, rule: RuleIx) {
        let definition = &self.rules[rule.0 as usize];
        if definition.kind.is_no_data() {
            let device = definition.point.map(|p| self.points[p.0 as usize].device);
            self.untold.extend(definition.device.or(device));
        }
    }

    /// Where an alarm tells no more why points have no value, their own time begins.
    pub(super) fn retell(&mut self, now: Now, out: &mut Vec<Transition>) {
        let mut devices = std::mem::take(&mut self.untold);
        if devices.is_empty() {
            return;
        }
        for at in 0..devices.len() {
            let device = devices[at];
            devices.extend(self.parts.get(&device).into_iter().flat_map(|p| p.1.iter().copied()));
        }
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            if let Some(rule) = self.device_rule[device.0 as usize] {
                self.no_data(rule, self.gap_of(device), now, out);
            }
            for at in 0..self.device_points[device.0 as usize].len() {
                self.miss(self.device_points[device.0 as usize][at], now, out);
            }
        }
        for point in self.calculations.points() {
            self.miss(point, now, out);
        }
    }

    fn miss(&mut self, point: PointIx, now: Now, out: &mut Vec<Transition>) {
        let gap = self.gap_at(point);
        if let Some(rule) = self.no_data_rule(point).filter(|_| gap != Gap::None) {
            self.no_data(rule, gap, now, out);
        }
    }
}

/// Devices whose points one instrument has, polled at periods of their own: their labels differ behind `@`.
pub(super) fn parts_of(plant: &Plant) -> HashMap<DeviceIx, (Vec<DeviceIx>, Vec<DeviceIx>)> {
    let mut of: HashMap<&str, Vec<DeviceIx>> = HashMap::new();
    for (number, device) in (0u32..).zip(&plant.devices) {
        let label = device.label.rsplit_once('@').map_or(device.label.as_str(), |l| l.0);
        of.entry(label).or_default().push(DeviceIx(number));
    }
    let mut parts = HashMap::new();
    for devices in of.into_values().filter(|d| d.len() > 1) {
        for (at, device) in devices.iter().enumerate() {
            parts.insert(*device, (devices[..at].to_vec(), devices[at + 1..].to_vec()));
        }
    }
    parts
}
