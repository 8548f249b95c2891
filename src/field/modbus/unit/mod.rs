//! One device on a bus: what it is asked, what it answered, and what has to be remembered of it to
//! judge an answer: refused registers, factors, faults of current loops, heartbeat, warm-up. No wire:
//! `bus` hands in answers and times.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::decode;
use super::factors::Factors;
use super::heartbeat::Heartbeat;
use super::plan::{LineCost, Request, plan, plan_of};
use super::torn::is_torn;
use super::warm_up::WarmUp;
use crate::plant::{Cause, DeviceIx, PointIx, Quality, Reading, TextTable};
use crate::settings::{Format, ModbusDevice, ModbusPoint, Scaling};

/// Refused addresses are asked for again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// One group of points with one period.
pub(super) struct Group {
    pub(super) device: DeviceIx,
    pub(super) period: Duration,
    pub(super) requests: Vec<Request>,
    pub(super) points: Vec<ModbusPoint>,
    /// Points that the device refuses, and why.
    refused: Vec<(usize, Cause)>,
    look_again: Option<Duration>,
    /// A refusal was met in this poll: the plan is made anew at its end.
    split: bool,
    /// By point: when a current loop first showed a fault, and its last good value.
    loops: Vec<LoopMemory>,
    /// Requests of the present poll without an end yet.
    pub(super) outstanding: usize,
    /// Every request of the present poll was answered so far.
    pub(super) whole: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct LoopMemory {
    fault_since: Option<Duration>,
    /// And when that was.
    last_good: Option<(f64, Duration)>,
}

/// A device and its memory. Times are of the bus's monotonic clock.
pub(super) struct Unit {
    pub(super) device: ModbusDevice,
    pub(super) groups: Vec<Group>,
    factors: Factors,
    heartbeat: Option<Heartbeat>,
    warm_up: Option<WarmUp>,
    /// A request stayed without an answer since the last one: it may have been off.
    missed: bool,
}

impl Unit {
    pub(super) fn new(device: ModbusDevice, cost: &LineCost) -> Self {
        let groups = device
            .groups
            .iter()
            .map(|group| Group {
                device: group.device,
                period: group.period,
                requests: plan(&device.quirks, group, cost),
                loops: vec![LoopMemory::default(); group.points.len()],
                points: group.points.clone(),
                refused: Vec::new(),
                look_again: None,
                split: false,
                outstanding: 0,
                whole: true,
            })
            .collect();
        let factors = Factors::of(&device);
        let (heartbeat, warm_up) = (Heartbeat::of(&device), device.quirks.warm_up.map(WarmUp::new));
        Self { device, groups, factors, heartbeat, warm_up, missed: false }
    }

    /// The registers that are set aside, by their line in the register list.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&str, u16, Cause)> {
        self.groups.iter().flat_map(|g| {
            g.refused.iter().map(|(n, cause)| (g.points[*n].origin.as_str(), g.points[*n].address, *cause))
        })
    }

    /// Begins a poll of a group: gives its requests, and the readings of points that are set aside.
    pub(super) fn begin(
        &mut self,
        group: usize,
        now: Duration,
        cost: &LineCost,
        out: &mut Vec<Reading>,
    ) -> Vec<Request> {
        if let Some(warm_up) = &mut self.warm_up {
            warm_up.begin();
        }
        let quirks = &self.device.quirks;
        let g = &mut self.groups[group];
        if g.look_again.is_some_and(|at| now >= at) {
            g.look_again = None;
            g.refused.clear();
            let all: Vec<usize> = (0..g.points.len()).collect();
            g.requests = plan_of(quirks, &g.points, &all, cost);
        }
        g.split = false;
        g.whole = true;
        out.extend(g.refused.iter().map(|(n, cause)| bad(g.points[*n].point, *cause)));
        g.requests.clone()
    }

    /// The device refuses one of the registers of `request`: gives the halves to try, or nothing when
    /// the guilty one is found and set aside.
    pub(super) fn refuse(
        &mut self,
        group: usize,
        request: &Request,
        code: u8,
        cost: &LineCost,
    ) -> Vec<Request> {
        let quirks = &self.device.quirks;
        let g = &mut self.groups[group];
        g.split = true;
        if request.points.len() > 1 {
            let (first, second) = request.points.split_at(request.points.len() / 2);
            let mut halves = plan_of(quirks, &g.points, first, cost);
            halves.extend(plan_of(quirks, &g.points, second, cost));
            return halves;
        }
        g.refused.extend(request.points.iter().map(|n| (*n, Cause::of_exception(code))));
        request.points.iter().for_each(|n| self.factors.refused(g.points[*n].point));
        Vec::new()
    }

    /// The poll of a group is over: after a refusal the rest gets a plan that reaches over no register
    /// that nobody asked for, since one of those is a hole. True if there was one.
    pub(super) fn end(&mut self, group: usize, now: Duration, cost: &LineCost) -> bool {
        let g = &mut self.groups[group];
        if !std::mem::take(&mut g.split) {
            return false;
        }
        let refused: Vec<usize> = g.refused.iter().map(|r| r.0).collect();
        let rest: Vec<usize> = (0..g.points.len()).filter(|n| !refused.contains(n)).collect();
        let mut tight = self.device.quirks.clone();
        (tight.max_gap, tight.readable) = (0, Vec::new());
        g.requests = plan_of(&tight, &g.points, &rest, cost);
        g.look_again = Some(now + LOOK_AGAIN);
        true
    }

    /// Bad readings for the points of `request`.
    pub(super) fn missed(&mut self, group: usize, request: &Request, cause: Cause, out: &mut Vec<Reading>) {
        self.missed |= cause.is_communication();
        let points = &self.groups[group].points;
        out.extend(request.points.iter().map(|n| bad(points[*n].point, cause)));
    }

    /// Bad readings for all points of a group.
    pub(super) fn all_missed(&self, group: usize, cause: Cause, out: &mut Vec<Reading>) {
        out.extend(self.groups[group].points.iter().map(|p| bad(p.point, cause)));
    }

    /// Whether the answer must be asked for twice.
    pub(super) fn wants_twice(&self, group: usize, request: &Request) -> bool {
        request.points.iter().any(|n| self.groups[group].points[*n].confirm)
    }

    /// An answer's values → readings. `earlier` are the values of the first of two answers.
    #[allow(clippy::too_many_arguments, reason = "one call, one answer, all that belongs to it")]
    pub(super) fn take(
        &mut self,
        group: usize,
        request: &Request,
        values: &[u8],
        earlier: Option<&[u8]>,
        now: Duration,
        timezone: &TimeZone,
        texts: &TextTable,
        out: &mut Vec<Reading>,
    ) {
        let back = std::mem::take(&mut self.missed);
        let doubt = self.warm_up.as_mut().is_some_and(|warm_up| {
            if back {
                warm_up.appeared(now);
            }
            warm_up.doubts(group, request, values, now)
        });
        let from = out.len();
        // A decimal point that was moved on the panel counts for the values beside it at once.
        let is_factor = |n: &&usize| self.factors.contains(self.groups[group].points[**n].point);
        let (first, then): (Vec<&usize>, Vec<&usize>) = request.points.iter().partition(is_factor);
        for n in first.into_iter().chain(then) {
            let Self { groups, factors, heartbeat, .. } = &mut *self;
            let Group { points, loops, period, .. } = &mut groups[group];
            let point = &points[*n];
            let at = usize::from(point.address - request.address);
            let (mut value, mut quality) = if request.table.is_bits() {
                let set = values.get(at / 8).is_some_and(|b| b >> (at % 8) & 1 == 1);
                if let Some(heartbeat) = heartbeat {
                    heartbeat.read(point.point, f64::from(u8::from(set)), now);
                }
                decode::bit(point, set)
            } else if let Format::Text(..) = point.format {
                match decode::text(point, values.get(at * 2..).unwrap_or_default()) {
                    Some(text) => texts.reading(&text),
                    None => (f64::NAN, Quality::Bad(Cause::Garbled)),
                }
            } else {
                let bytes = values.get(at * 2..).unwrap_or_default();
                match decode::raw(point, bytes, timezone) {
                    Err(cause) => (f64::NAN, Quality::Bad(cause)),
                    Ok(raw) => {
                        if let Some(heartbeat) = heartbeat {
                            heartbeat.read(point.point, raw, now);
                        }
                        let found = decode::engineering(point, raw);
                        match point.scaling {
                            Scaling::Loop(current) => {
                                hold(&mut loops[*n], found, now, (current.fault_hold, *period))
                            }
                            Scaling::Linear { .. } => found,
                        }
                    }
                }
            };
            factors.read(point.point, value, quality);
            (value, quality) = factors.apply(&point.factors, (value, quality));
            if point.confirm && quality == Quality::Good && is_torn(point, at, values, earlier) {
                quality = Quality::Uncertain(Cause::Torn);
            }
            if doubt && quality == Quality::Good {
                quality = Quality::Uncertain(Cause::WarmUp);
            }
            out.push(Reading { point: point.point, value, quality });
        }
        if let Some(heartbeat) = &self.heartbeat {
            for reading in out[from..].iter_mut().filter(|r| heartbeat.spoils(r.point, now)) {
                *reading = bad(reading.point, Cause::HeartbeatStopped);
            }
        }
    }
}

fn bad(point: PointIx, cause: Cause) -> Reading {
    Reading { point, value: f64::NAN, quality: Quality::Bad(cause) }
}

/// A loop's fault counts only when it has lasted for `long` (NAMUR NE 43 advises 4 s); until then the
/// last good value stands, in doubt, if it is not stale itself.
fn hold(
    memory: &mut LoopMemory,
    found: (f64, Quality),
    now: Duration,
    (long, period): (Duration, Duration),
) -> (f64, Quality) {
    if found.1 != Quality::Bad(Cause::LoopFault) {
        memory.fault_since = None;
        if found.1 == Quality::Good {
            memory.last_good = Some((found.0, now));
        }
        return found;
    }
    let since = *memory.fault_since.get_or_insert(now);
    let stale = long.saturating_add(period.saturating_mul(3));
    match memory.last_good {
        Some((last, at)) if now.saturating_sub(since) < long && now.saturating_sub(at) < stale => {
            (last, Quality::Uncertain(Cause::LoopFault))
        }
        _ => found,
    }
}

#[cfg(test)]
mod tests;
