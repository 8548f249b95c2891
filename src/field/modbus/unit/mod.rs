//! One device on a bus: what it is asked, what it answered, and what has to be remembered of it to
//! judge an answer: refused registers, factors, faults of current loops, heartbeat, warm-up. No wire:
//! `bus` hands in answers and times.
//!
//! `take` makes readings of answers; `refusals` finds and sets aside what the device does not answer, and
//! `learnt` what it allows in one request; here is the course of a poll.

mod learnt;
mod refusals;
mod take;

use std::time::Duration;

use super::factors::Factors;
use super::heartbeat::Heartbeat;
use super::plan::{LineCost, Request, plan, plan_of};
use super::warm_up::WarmUp;
use crate::plant::{Cause, DeviceIx, Micros, PointIx, Quality, Reading};
use crate::settings::{ModbusDevice, ModbusPoint};
use learnt::Learnt;
pub(super) use refusals::Refusal;
use refusals::{Refusals, halves};
pub(super) use take::{Answer, Words};
use take::{Held, LoopMemory, RefusedTexts};

/// One group of points with one period.
pub(super) struct Group {
    pub(super) device: DeviceIx,
    pub(super) period: Duration,
    pub(super) requests: Vec<Request>,
    /// Its own points, and behind them the factors that are read along for them.
    pub(super) points: Vec<ModbusPoint>,
    own: usize,
    refusals: Refusals,
    /// By point: when a current loop first showed a fault, and its last good value.
    loops: Vec<LoopMemory>,
    /// Values of the present poll that wait for a factor.
    held: Vec<Held>,
    /// Requests of the present poll without an end yet.
    pub(super) outstanding: usize,
    /// Every request of the present poll was answered so far.
    pub(super) whole: bool,
    /// One of them gave values.
    pub(super) gave: bool,
}

/// A device and its memory. Times are of the bus's monotonic clock.
pub(super) struct Unit {
    pub(super) device: ModbusDevice,
    pub(super) groups: Vec<Group>,
    factors: Factors,
    heartbeat: Option<Heartbeat>,
    warm_up: Option<WarmUp>,
    learnt: Learnt,
    /// A part of a request was answered by half of it as the whole was: its registers have another size.
    halved_in_vain: bool,
    /// A request stayed without an answer since the last one: it may have been off.
    missed: bool,
    /// Answers so far, and how many requests in a row got none.
    answers: u64,
    silences: u32,
    probes: u32,
    /// The settings of [`Learnt`] that were last told.
    told: Vec<String>,
    /// Values whose factor has come since, with the times they were read at.
    released: Vec<(Micros, Reading)>,
    /// Texts beyond what the store has places for.
    pub(super) refused_texts: RefusedTexts,
}

impl Unit {
    pub(super) fn new(device: ModbusDevice, cost: &LineCost) -> Self {
        let groups = device
            .groups
            .iter()
            .map(|group| {
                let points: Vec<ModbusPoint> = group.points.iter().chain(&group.factors).cloned().collect();
                Group {
                    device: group.device,
                    period: group.period,
                    requests: plan(&device.quirks, group, cost),
                    loops: vec![LoopMemory::default(); points.len()],
                    own: group.points.len(),
                    points,
                    refusals: Refusals::default(),
                    held: Vec::new(),
                    outstanding: 0,
                    whole: true,
                    gave: false,
                }
            })
            .collect();
        let factors = Factors::of(&device);
        let (heartbeat, warm_up) = (Heartbeat::of(&device), device.quirks.warm_up.map(WarmUp::new));
        Self {
            device,
            groups,
            factors,
            heartbeat,
            warm_up,
            learnt: Learnt::default(),
            halved_in_vain: false,
            missed: false,
            answers: 0,
            silences: 0,
            probes: 0,
            told: Vec::new(),
            released: Vec::new(),
            refused_texts: RefusedTexts::default(),
        }
    }

    /// Begins a poll of a group: gives its requests, and the readings of points that are set aside. A
    /// `probe` of a device that does not answer asks for parts of its first request now and then: one
    /// register that is answered by silence must not hide the others.
    pub(super) fn begin(
        &mut self,
        group: usize,
        now: Duration,
        probe: bool,
        cost: &LineCost,
        out: &mut Vec<Reading>,
    ) -> Vec<Request> {
        if let Some(warm_up) = &mut self.warm_up {
            warm_up.begin();
        }
        let again = self.groups[group].refusals.look_again(now);
        if let Some(again) = again {
            self.replan(group, cost, &again);
        }
        let g = &mut self.groups[group];
        g.refusals.begin();
        (g.whole, g.gave) = (true, false);
        out.extend(g.refusals.aside().filter(|(n, _)| *n < g.own).map(|(n, c)| bad(g.points[n].point, c)));
        let mut requests = g.requests.clone();
        requests.extend(g.refusals.trial());
        if probe {
            self.probes += 1;
            self.in_parts(group, &mut requests);
        }
        requests
    }

    /// Two of three probes ask for the first request in two parts, once the one and once the other first.
    fn in_parts(&mut self, group: usize, requests: &mut Vec<Request>) {
        let turn = self.probes % 3;
        let Some(first) = requests.first().filter(|r| turn != 0 && r.points.len() > 1).cloned() else {
            return;
        };
        let mut parts = halves(&first, &self.groups[group].points);
        if turn == 2 {
            parts.reverse();
        }
        requests.splice(0..1, parts);
    }

    /// Plans a group anew with what is known of the device by now; `apart` are points that are asked for by
    /// themselves, since the device has refused them.
    fn replan(&mut self, group: usize, cost: &LineCost, apart: &[usize]) {
        let g = &mut self.groups[group];
        let aside: Vec<usize> = g.refusals.aside().map(|a| a.0).chain(apart.iter().copied()).collect();
        let quirks = self.learnt.narrowed(&self.device.quirks, aside.iter().map(|n| &g.points[*n]));
        let rest: Vec<usize> = (0..g.points.len()).filter(|n| !aside.contains(n)).collect();
        g.requests = plan_of(&quirks, &g.points, &rest, cost);
        let wide = self.learnt.narrowed(&self.device.quirks, std::iter::empty());
        g.requests.extend(plan_of(&wide, &g.points, apart, cost));
    }

    /// Bad readings for the points of `request`.
    pub(super) fn missed(&mut self, group: usize, request: &Request, cause: Cause, out: &mut Vec<Reading>) {
        self.missed |= cause.is_communication();
        let g = &self.groups[group];
        let own = request.points.iter().filter(|n| **n < g.own);
        out.extend(own.map(|n| bad(g.points[*n].point, cause)));
    }

    /// Bad readings for all points of a group.
    pub(super) fn all_missed(&self, group: usize, cause: Cause, out: &mut Vec<Reading>) {
        let g = &self.groups[group];
        out.extend(g.points[..g.own].iter().map(|p| bad(p.point, cause)));
    }

    /// The device's counter has stood still for too long: its other values are not believed.
    pub(super) fn is_frozen(&self, now: Duration) -> bool {
        self.heartbeat.as_ref().is_some_and(|h| h.is_standing(now))
    }

    /// Whether the answer must be asked for twice.
    pub(super) fn wants_twice(&self, group: usize, request: &Request) -> bool {
        request.points.iter().any(|n| self.groups[group].points[*n].confirm)
    }
}

fn bad(point: PointIx, cause: Cause) -> Reading {
    Reading { point, value: f64::NAN, quality: Quality::Bad(cause) }
}

#[cfg(test)]
mod four_byte;
#[cfg(test)]
mod polled;
#[cfg(test)]
mod tests;
