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
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;

    use super::{Request, Unit};
    use crate::field::modbus::plan::LineCost;
    use crate::plant::{Cause, DeviceIx, PointIx, Quality, Reading, TextTable};
    use crate::settings::{
        CurrentLoop, Factor, Format, ModbusDevice, ModbusPoint, PollGroup, Quirks, Scaling, Table,
    };

    const COST: LineCost = LineCost { request: Duration::from_millis(5), byte: Duration::from_micros(1) };

    fn unit(quirks: Quirks, points: Vec<ModbusPoint>) -> Unit {
        let group = PollGroup { device: DeviceIx(0), period: Duration::from_secs(1), points };
        Unit::new(ModbusDevice { label: "plc/1".to_owned(), unit: 1, quirks, groups: vec![group] }, &COST)
    }

    fn register(n: u16) -> ModbusPoint {
        ModbusPoint::plain(PointIx(u32::from(n)), Table::HoldingRegister, n, Format::U16)
    }

    fn read(unit: &mut Unit, at: u64, words: &[u16]) -> Vec<Reading> {
        let now = Duration::from_secs(at);
        let mut out = Vec::new();
        let requests = unit.begin(0, now, &COST, &mut out);
        let [request] = &requests[..] else { panic!("one request") };
        let values: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
        unit.take(0, request, &values, None, now, &TimeZone::UTC, &TextTable::default(), &mut out);
        out
    }

    #[test]
    fn a_decimal_point_register_scales_its_value_and_without_it_there_is_none() {
        let pv = ModbusPoint { factors: vec![Factor::Decimals(PointIx(0))], ..register(1) };
        let mut unit = unit(Quirks::default(), vec![register(0), pv]);
        assert_eq!(read(&mut unit, 0, &[1, 1845])[1].value, 184.5);
        assert_eq!(read(&mut unit, 1, &[2, 1845])[1].value, 18.45);
        let mut alone = super::tests::unit(
            Quirks::default(),
            vec![ModbusPoint { factors: vec![Factor::Times(PointIx(9))], ..register(1) }],
        );
        assert_eq!(read(&mut alone, 0, &[5])[0].quality, Quality::Bad(Cause::NoFactor));
    }

    #[test]
    fn a_decimal_point_that_is_moved_counts_at_once_wherever_it_stands() {
        let pv = ModbusPoint { factors: vec![Factor::Decimals(PointIx(1))], ..register(0) };
        let mut unit = unit(Quirks::default(), vec![pv, register(1)]);
        let pv = |readings: Vec<Reading>| readings.iter().find(|r| r.point == PointIx(0)).unwrap().value;
        assert_eq!(pv(read(&mut unit, 0, &[1845, 1])), 184.5);
        assert_eq!(pv(read(&mut unit, 1, &[1845, 2])), 18.45);
    }

    #[test]
    fn a_decimal_point_that_can_be_none_gives_no_value_rather_than_zero() {
        let of = |format, word: u32| {
            let decimals = ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, format);
            let pv = ModbusPoint { factors: vec![Factor::Decimals(PointIx(0))], ..register(2) };
            let mut unit = unit(Quirks { max_gap: 1, ..Quirks::default() }, vec![decimals, pv]);
            let words = word.to_be_bytes();
            let words = [0, 2].map(|n| u16::from_be_bytes([words[n], words[n + 1]]));
            read(&mut unit, 0, &[words[0], words[1], 1845])[1]
        };
        assert_eq!(of(Format::I32, 1).value, 184.5);
        assert_eq!(of(Format::I32, (-2i32) as u32).value, 184_500.0);
        for none in [255, 65_535, i32::MAX as u32, i32::MIN as u32] {
            assert_eq!(of(Format::I32, none).quality, Quality::Bad(Cause::NoFactor), "{none}");
        }
        assert_eq!(of(Format::F32, 1.5f32.to_bits()).quality, Quality::Bad(Cause::NoFactor));
    }

    #[test]
    fn a_factor_that_the_device_refuses_is_none_any_more() {
        let pv = ModbusPoint { factors: vec![Factor::Times(PointIx(0))], ..register(1) };
        let mut unit = unit(Quirks::default(), vec![register(0), pv]);
        assert_eq!(read(&mut unit, 0, &[80, 5])[1].value, 400.0);
        let mut out = Vec::new();
        let now = Duration::from_secs(1);
        let whole = unit.begin(0, now, &COST, &mut out).remove(0);
        let halves = unit.refuse(0, &whole, 2, &COST);
        assert!(unit.refuse(0, &halves[0], 2, &COST).is_empty());
        unit.take(0, &halves[1], &[0, 5], None, now, &TimeZone::UTC, &TextTable::default(), &mut out);
        assert_eq!(out.last().unwrap().quality, Quality::Bad(Cause::NoFactor));
    }

    #[test]
    fn what_is_multiplied_beyond_all_numbers_is_no_number() {
        let huge = ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::F64);
        let pv = ModbusPoint { factors: vec![Factor::Times(PointIx(0))], ..register(4) };
        let mut unit = unit(Quirks::default(), vec![huge, pv]);
        let bits = 1e308f64.to_bits().to_be_bytes();
        let words: Vec<u16> = bits.chunks(2).map(|w| u16::from_be_bytes([w[0], w[1]])).collect();
        let found = read(&mut unit, 0, &[&words[..], &[5000]].concat());
        assert_eq!((found[0].value, found[0].quality), (1e308, Quality::Good));
        assert_eq!(found[1].quality, Quality::Bad(Cause::NotANumber));
    }

    #[test]
    fn a_broken_wire_is_a_fault_after_its_hold_and_never_a_low_reading() {
        let sensor = ModbusPoint {
            scaling: Scaling::Loop(CurrentLoop {
                raw: (819.0, 4095.0),
                range: (-150.0, 150.0),
                live_zero: true,
                clamp: false,
                fault_hold: Duration::from_secs(4),
            }),
            ..register(0)
        };
        let mut unit = unit(Quirks::default(), vec![sensor]);
        let good = read(&mut unit, 0, &[2457])[0];
        assert_eq!((good.value.round(), good.quality), (0.0, Quality::Good));
        for at in 1..5 {
            let held = read(&mut unit, at, &[0])[0];
            assert_eq!((held.value, held.quality), (good.value, Quality::Uncertain(Cause::LoopFault)));
        }
        assert_eq!(read(&mut unit, 5, &[0])[0].quality, Quality::Bad(Cause::LoopFault));
        assert_eq!(read(&mut unit, 6, &[2457])[0].quality, Quality::Good);
        // What it was an hour ago is no value of today.
        assert_eq!(read(&mut unit, 3600, &[0])[0].quality, Quality::Bad(Cause::LoopFault));
    }

    #[test]
    fn a_heartbeat_that_stands_still_makes_all_others_bad_until_it_moves() {
        let quirks = Quirks { heartbeat: Some((PointIx(0), Duration::from_secs(10))), ..Quirks::default() };
        let mut unit = unit(quirks, vec![register(0), register(1)]);
        for at in 0..=10 {
            assert_eq!(read(&mut unit, at, &[7, 5])[1].quality, Quality::Good, "{at}");
        }
        let stopped = read(&mut unit, 11, &[7, 5]);
        assert_eq!(stopped[1].quality, Quality::Bad(Cause::HeartbeatStopped));
        assert_eq!(stopped[0].quality, Quality::Good);
        assert_eq!(read(&mut unit, 12, &[8, 5])[1].quality, Quality::Good);
    }

    #[test]
    fn a_heartbeat_bit_beside_the_registers_counts_too() {
        let beat = ModbusPoint::plain(PointIx(0), Table::Coil, 0, Format::Bit);
        let quirks = Quirks { heartbeat: Some((PointIx(0), Duration::from_secs(10))), ..Quirks::default() };
        let mut unit = unit(quirks, vec![beat, register(1)]);
        let mut quality = |at: u64, bit: u8| {
            let now = Duration::from_secs(at);
            let mut out = Vec::new();
            for (request, values) in unit.begin(0, now, &COST, &mut out).iter().zip([&[bit][..], &[0, 5]]) {
                unit.take(0, request, values, None, now, &TimeZone::UTC, &TextTable::default(), &mut out);
            }
            out[1].quality
        };
        assert_eq!(
            (quality(0, 0), quality(9, 1), quality(19, 1)),
            (Quality::Good, Quality::Good, Quality::Good)
        );
        assert_eq!(quality(20, 1), Quality::Bad(Cause::HeartbeatStopped));
        assert_eq!(quality(21, 0), Quality::Good);
    }

    #[test]
    fn zeros_are_in_doubt_after_a_restart_and_after_silence_for_as_long_as_the_device_warms_up() {
        let quirks = Quirks { warm_up: Some(Duration::from_secs(30)), ..Quirks::default() };
        let mut unit = unit(quirks, vec![register(0), register(1)]);
        assert_eq!(read(&mut unit, 0, &[7, 5])[0].quality, Quality::Good);
        assert_eq!(read(&mut unit, 1, &[0, 0])[0].quality, Quality::Uncertain(Cause::WarmUp));
        assert_eq!(read(&mut unit, 30, &[0, 0])[0].quality, Quality::Uncertain(Cause::WarmUp));
        assert_eq!(read(&mut unit, 32, &[0, 0])[0].quality, Quality::Good);
        let request = unit.groups[0].requests[0].clone();
        unit.missed(0, &request, Cause::ExceptionBusy, &mut Vec::new());
        assert_eq!(read(&mut unit, 33, &[0, 0])[0].quality, Quality::Good, "busy is not off");
        unit.missed(0, &request, Cause::Timeout, &mut Vec::new());
        assert_eq!(read(&mut unit, 34, &[0, 0])[0].quality, Quality::Uncertain(Cause::WarmUp));
        assert_eq!(read(&mut unit, 35, &[0, 1])[0].quality, Quality::Good);
    }

    #[test]
    fn the_guilty_register_is_found_by_halving_and_looked_at_again_later() {
        let mut unit = unit(Quirks::default(), (0..8).map(register).collect());
        let mut out = Vec::new();
        let mut todo = unit.begin(0, Duration::ZERO, &COST, &mut out);
        let mut read: Vec<usize> = Vec::new();
        while let Some(request) = todo.pop() {
            let hit = (request.address..request.address + request.count).contains(&5);
            if hit { todo.extend(unit.refuse(0, &request, 2, &COST)) } else { read.extend(request.points) }
        }
        read.sort_unstable();
        assert_eq!(read, [0, 1, 2, 3, 4, 6, 7]);
        assert!(unit.end(0, Duration::ZERO, &COST));
        assert_eq!(unit.refused().map(|r| r.1).collect::<Vec<_>>(), [5]);
        let next = unit.begin(0, Duration::from_secs(1), &COST, &mut out);
        assert_eq!(next.iter().map(|r| (r.address, r.count)).collect::<Vec<_>>(), [(0, 5), (6, 2)]);
        assert_eq!(out.last().unwrap().quality, Quality::Bad(Cause::ExceptionAddress));
        assert_eq!(unit.begin(0, Duration::from_secs(601), &COST, &mut out).len(), 1);
    }

    #[test]
    fn a_counter_whose_two_answers_do_not_agree_is_uncertain() {
        let counter = ModbusPoint {
            confirm: true,
            ..ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::U32)
        };
        let mut unit = unit(Quirks::default(), vec![counter]);
        let request = Request { table: Table::HoldingRegister, address: 0, count: 2, points: vec![0] };
        let mut quality = |earlier: [u8; 4], values: [u8; 4]| {
            let mut out = Vec::new();
            let (now, texts) = (Duration::ZERO, TextTable::default());
            unit.take(0, &request, &values, Some(&earlier), now, &TimeZone::UTC, &texts, &mut out);
            out[0].quality
        };
        assert_eq!(quality([0, 1, 0xFF, 0xFF], [0, 2, 0, 0]), Quality::Uncertain(Cause::Torn));
        assert_eq!(quality([0, 1, 0, 1], [0, 1, 0, 2]), Quality::Good);
    }
}
