//! Registers → requests: as few bytes and round trips as the device and the line allow, and never a
//! value split over two. Pure.
//!
//! Two neighbours are merged when reading the gap between them costs less than another request; which
//! gaps may be read at all is the profile's to say (`max_gap`, `readable`, `forbidden`).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use super::factors::in_order;
use super::frame::Ask;
use crate::plant::PointIx;
use crate::settings::{
    AddressRange, Factor, ModbusDevice, ModbusPoint, ModbusSource, PollGroup, Quirks, Table, Transport,
};

/// Modbus Application Protocol V1.1b3, 6.1 and 6.3.
const MOST_REGISTERS: u16 = 125;
/// Of four bytes each, so that the answer is no longer.
const MOST_FOUR_BYTE: u16 = MOST_REGISTERS / 2;
const MOST_BITS: u16 = 2000;
/// A value that is read without its factor costs as much as so many requests.
const APART: u32 = 4;
/// What a device is reckoned to think before it answers, for the prediction.
const THINKS: Duration = Duration::from_millis(15);
/// A round trip in a plant's network, for the prediction.
const NETWORK: Duration = Duration::from_millis(5);

/// One request and the points (indexes into the group's list) it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which table.
    pub table: Table,
    /// First address, from 0.
    pub address: u16,
    /// Registers or bits.
    pub count: u16,
    /// Registers of four bytes each.
    pub four_byte: bool,
    /// Points inside.
    pub points: Vec<usize>,
}

impl Request {
    /// What is asked for it, with so many registers or bits beyond its own.
    pub(super) fn ask(&self, more: u16) -> Ask {
        let Self { table, address, count, four_byte, .. } = *self;
        Ask::Read { table, address, count: count.saturating_add(more), four_byte }
    }

    /// Bytes of values in its answer.
    pub(super) fn value_bytes(&self) -> usize {
        self.ask(0).value_bytes().unwrap_or_default()
    }
}

/// What time costs on a line.
#[derive(Debug, Clone, Copy)]
pub struct LineCost {
    /// Of a request and an empty answer.
    pub request: Duration,
    /// Of each byte of values.
    pub byte: Duration,
}

impl LineCost {
    /// Reckoned from the transport; a serial server's line is taken for 9600 bit/s.
    #[must_use]
    pub fn of(transport: &Transport) -> Self {
        match transport {
            Transport::Tcp { .. } | Transport::Udp { .. } => {
                Self { request: NETWORK, byte: Duration::from_micros(1) }
            }
            Transport::Serial(port) => Self {
                request: port.frame_time(13) + port.silence() * 2 + THINKS,
                byte: port.frame_time(1).min(port.wire_time(2)),
            },
            Transport::RtuTcp { ascii, .. } => Self {
                request: NETWORK + THINKS + Duration::from_millis(20),
                byte: Duration::from_micros(if *ascii { 2200 } else { 1100 }),
            },
            // A mobile network: 0.3 s a round trip, whatever is in it.
            Transport::DialIn(_) => {
                Self { request: Duration::from_millis(300), byte: Duration::from_micros(1100) }
            }
        }
    }

    fn of_request(&self, table: Table, four_byte: bool, count: u32) -> Duration {
        let each = if four_byte { 4 } else { 2 };
        let bytes = if table.is_bits() { count.div_ceil(8) } else { count * each };
        self.request + self.byte * bytes
    }
}

/// The requests that read every point of the group once.
#[must_use]
pub fn plan(quirks: &Quirks, group: &PollGroup, cost: &LineCost) -> Vec<Request> {
    let points: Vec<ModbusPoint> = group.points.iter().chain(&group.factors).cloned().collect();
    let all: Vec<usize> = (0..points.len()).collect();
    plan_of(quirks, &points, &all, cost)
}

/// The same for some of the points. Least total cost, by dynamic programming over the points in order
/// of their addresses; values and what they are multiplied by in one request where that may be, else the
/// factor behind its values.
#[must_use]
pub fn plan_of(quirks: &Quirks, all: &[ModbusPoint], points: &[usize], cost: &LineCost) -> Vec<Request> {
    let mut order = points.to_vec();
    order.sort_by_key(|n| (all[*n].table, all[*n].address, all[*n].registers()));
    let mut requests = Vec::new();
    for of_table in order.chunk_by(|a, b| all[*a].table == all[*b].table) {
        requests.extend(plan_table(quirks, all, of_table, cost));
    }
    in_order(requests, all, |again| {
        let mut order = again.to_vec();
        order.sort_by_key(|n| (all[*n].table, all[*n].address));
        let tables = order.chunk_by(|a, b| all[*a].table == all[*b].table);
        tables.flat_map(|of_table| plan_table(quirks, all, of_table, cost)).collect()
    })
}

/// Values of `part` whose factor stands in the same table, but not in `part`.
fn parted(all: &[ModbusPoint], part: &[usize], order: &[usize]) -> u32 {
    let has = |among: &[usize], of: PointIx| among.iter().any(|n| all[*n].point == of);
    let factors = part.iter().flat_map(|n| &all[*n].factors).map(Factor::point);
    factors.filter(|of| has(order, *of) && !has(part, *of)).count() as u32
}

fn plan_table(quirks: &Quirks, all: &[ModbusPoint], order: &[usize], cost: &LineCost) -> Vec<Request> {
    let table = all[order[0]].table;
    let from = |n: usize| u32::from(all[order[n]].address);
    let to = |n: usize| from(n) + u32::from(all[order[n]].registers());
    let multiplied = order.iter().any(|n| !all[*n].factors.is_empty());
    // best[n]: the least cost of the first n points, and where their last request begins.
    let mut best: Vec<Option<(Duration, usize)>> = vec![None; order.len() + 1];
    best[0] = Some((Duration::ZERO, 0));
    for first in 0..order.len() {
        let Some((before, _)) = best[first] else { continue };
        let mut reach = to(first);
        let four_byte = all[order[first]].four_byte;
        let cap = u32::from(cap(quirks, table, four_byte));
        for last in first..order.len() {
            let gap = (reach, from(last));
            let crossed = gap.0 >= gap.1
                || (may_cross(quirks, table, gap.0, gap.1) && !is_forbidden(quirks, table, gap.0, gap.1));
            reach = reach.max(to(last));
            let span = reach - from(first);
            let seam = quirks
                .seams
                .iter()
                .any(|s| s.table == table && from(first) < u32::from(s.at) && u32::from(s.at) < reach);
            if last > first && (!crossed || span > cap || seam || all[order[last]].four_byte != four_byte) {
                break;
            }
            let mut total = before + cost.of_request(table, four_byte, span);
            if multiplied {
                total += cost.request * (APART * parted(all, &order[first..=last], order));
            }
            if best[last + 1].is_none_or(|b| total < b.0) {
                best[last + 1] = Some((total, first));
            }
        }
    }
    let mut requests = Vec::new();
    let mut end = order.len();
    while end > 0 {
        // Every point alone is a request, so there always is a way.
        let first = best[end].map_or(end - 1, |b| b.1);
        let stop = (first..end).map(to).max().unwrap_or_default();
        requests.push(Request {
            table,
            address: all[order[first]].address,
            count: (stop - from(first)) as u16,
            four_byte: all[order[first]].four_byte,
            points: order[first..end].to_vec(),
        });
        end = first;
    }
    requests.reverse();
    requests
}

fn within(range: &AddressRange, table: Table, from: u32, to: u32) -> bool {
    range.table == table && u32::from(range.from) <= from && to <= u32::from(range.to) + 1
}

fn may_cross(quirks: &Quirks, table: Table, from: u32, to: u32) -> bool {
    to <= from + u32::from(quirks.max_gap) || quirks.readable.iter().any(|r| within(r, table, from, to))
}

fn is_forbidden(quirks: &Quirks, table: Table, from: u32, to: u32) -> bool {
    quirks.forbidden.iter().any(|r| r.table == table && u32::from(r.from) < to && from <= u32::from(r.to))
}

/// Whether so many registers or bits may be asked for in one request from there; all of one size.
pub(super) fn may_read(quirks: &Quirks, table: Table, from: u16, count: u16) -> bool {
    let four_byte = quirks.is_four_byte(table, from);
    let (first, end) = (u32::from(from), u32::from(from) + u32::from(count));
    let other = |at: u32| u16::try_from(at).is_ok_and(|at| quirks.is_four_byte(table, at) != four_byte);
    count <= cap(quirks, table, four_byte)
        && !is_forbidden(quirks, table, first, end)
        && !(first..end).any(other)
}

fn cap(quirks: &Quirks, table: Table, four_byte: bool) -> u16 {
    if table.is_bits() {
        quirks.max_bits.clamp(1, MOST_BITS)
    } else {
        quirks.max_registers.clamp(1, if four_byte { MOST_FOUR_BYTE } else { MOST_REGISTERS })
    }
}

/// What a source's polls cost, in words and in numbers.
#[derive(Debug, Clone)]
pub struct PlanReport {
    /// For people.
    pub text: String,
    /// Share of the bus time that is needed; above 1 the periods cannot be kept.
    pub load: f64,
}

/// The poll plan of a source, for `steamward check`; `name` gives the id of a point.
#[must_use]
pub fn describe_plan(source: &ModbusSource, name: impl Fn(PointIx) -> String) -> PlanReport {
    let cost = LineCost::of(&source.transport);
    let mut text = format!("poll plan of {} ({})\n", source.id, source.transport.address());
    let mut load = 0.0;
    for device in &source.devices {
        for group in &device.groups {
            let requests = plan(&device.quirks, group, &cost);
            let time: Duration = requests
                .iter()
                .map(|r| cost.of_request(r.table, r.four_byte, u32::from(r.count)) + device.quirks.pause)
                .sum();
            let in_flight = if matches!(source.transport, Transport::Tcp { .. }) {
                f64::from(device.quirks.pipeline.max(1)).min(requests.len().max(1) as f64)
            } else {
                1.0
            };
            let share = time.as_secs_f64() / in_flight / group.period.as_secs_f64().max(1e-3);
            load += share;
            describe_group(&mut text, device, group, &requests, time.div_f64(in_flight), share);
            for (value, factor) in apart(group, &requests) {
                let (value, factor) = (name(value), name(factor));
                let _ = writeln!(
                    text,
                    "    `{value}` and its factor `{factor}` come in two requests: a factor that changes and changes back \
                     between them is not noticed"
                );
            }
        }
    }
    // Writing into a String does not fail.
    let _ = writeln!(text, "  bus time: about {:.0} % of what there is", load * 100.0);
    PlanReport { text, load }
}

/// `1 request`, `2 requests`.
fn count(number: usize, of: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {of}{s}")
}

/// Registers and bits that hold a value; those that several points share count once.
fn used<'a>(points: impl Iterator<Item = &'a ModbusPoint>) -> usize {
    let cells = points.flat_map(|p| {
        let from = u32::from(p.address);
        (from..from + u32::from(p.registers())).map(|address| (p.table, address))
    });
    cells.collect::<BTreeSet<_>>().len()
}

/// Values that no request reads together with their factor, each with that.
fn apart(group: &PollGroup, requests: &[Request]) -> Vec<(PointIx, PointIx)> {
    let points: Vec<&ModbusPoint> = group.points.iter().chain(&group.factors).collect();
    let read = |request: &Request, of: PointIx| request.points.iter().any(|n| points[*n].point == of);
    let mut found = Vec::new();
    for value in &group.points {
        for of in value.factors.iter().map(Factor::point) {
            let planned = requests.iter().any(|r| read(r, value.point));
            if planned && !requests.iter().any(|r| read(r, value.point) && read(r, of)) {
                found.push((value.point, of));
            }
        }
    }
    found
}

fn describe_group(
    text: &mut String,
    device: &ModbusDevice,
    group: &PollGroup,
    requests: &[Request],
    time: Duration,
    share: f64,
) {
    let used = used(group.points.iter().chain(&group.factors));
    let read: u32 = requests.iter().map(|r| u32::from(r.count)).sum();
    let _ = writeln!(
        text,
        "  unit {}: {} every {:?}, {used} registers used of {read} read, about {} ms a poll ({:.0} %)",
        device.unit,
        count(requests.len(), "request"),
        group.period,
        time.as_millis().max(1),
        share * 100.0
    );
    for request in requests {
        let last = u32::from(request.address) + u32::from(request.count) - 1;
        let _ = writeln!(
            text,
            "    FC{:02} {} {}..{last}{}: {}",
            request.table.function(),
            request.table.name(),
            request.address,
            if request.four_byte { " of four bytes" } else { "" },
            count(request.points.len(), "point")
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{LineCost, cap, plan_of, used};
    use crate::plant::PointIx;
    use crate::settings::{AddressRange, Format, ModbusPoint, Quirks, Table};

    fn line(request_ms: u64, byte_us: u64) -> LineCost {
        LineCost { request: Duration::from_millis(request_ms), byte: Duration::from_micros(byte_us) }
    }

    fn points(of: &[(Table, u16, Format)]) -> Vec<ModbusPoint> {
        of.iter().map(|(t, a, f)| ModbusPoint::plain(PointIx(0), *t, *a, *f)).collect()
    }

    fn spans(quirks: &Quirks, points: &[ModbusPoint], cost: &LineCost) -> Vec<(u16, u16)> {
        let all: Vec<usize> = (0..points.len()).collect();
        plan_of(quirks, points, &all, cost).iter().map(|r| (r.address, r.count)).collect()
    }

    #[test]
    fn a_register_that_several_points_share_is_used_once() {
        let points = points(&[
            (Table::HoldingRegister, 0, Format::U32),
            (Table::HoldingRegister, 1, Format::U16),
            (Table::HoldingRegister, 1, Format::U16),
            (Table::InputRegister, 1, Format::U16),
        ]);
        assert_eq!(used(points.iter()), 3);
    }

    #[test]
    fn a_value_that_no_request_reads_with_its_factor_is_told_of() {
        use crate::settings::load_texts;
        let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n";
        let plan = |at: u32| {
            let profile = format!(
                "kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\ntimes = [\"ct\"]\n\
                 [[point]]\nid = \"ct\"\naddress = {at}\n"
            );
            let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]).expect("good");
            super::describe_plan(&loaded.settings.modbus[0], |p| {
                loaded.settings.plant.point(p).id.to_string()
            })
            .text
        };
        assert!(plan(40_300).contains("`x` and its factor `ct` come in two requests"), "{}", plan(40_300));
        assert!(!plan(40_002).contains("two requests"), "{}", plan(40_002));
        assert!(plan(30_001).contains("two requests"), "another table");
    }

    #[test]
    fn a_gap_is_read_where_that_is_cheaper_than_another_request() {
        let points =
            points(&[(Table::HoldingRegister, 0, Format::U16), (Table::HoldingRegister, 20, Format::U16)]);
        let quirks = Quirks { max_gap: 50, ..Quirks::default() };
        // 19 registers between them: 38 bytes, against one request more.
        assert_eq!(spans(&quirks, &points, &line(30, 500)), [(0, 21)]);
        assert_eq!(spans(&quirks, &points, &line(30, 2000)), [(0, 1), (20, 1)]);
    }

    #[test]
    fn a_gap_is_crossed_only_where_the_profile_allows_it() {
        let points =
            points(&[(Table::HoldingRegister, 0, Format::U16), (Table::HoldingRegister, 4, Format::U16)]);
        let cost = line(30, 10);
        let range = |from, to| vec![AddressRange { table: Table::HoldingRegister, from, to }];
        assert_eq!(spans(&Quirks::default(), &points, &cost), [(0, 1), (4, 1)]);
        let readable = Quirks { readable: range(0, 10), ..Quirks::default() };
        assert_eq!(spans(&readable, &points, &cost), [(0, 5)]);
        let forbidden = Quirks { max_gap: 10, forbidden: range(2, 2), ..Quirks::default() };
        assert_eq!(spans(&forbidden, &points, &cost), [(0, 1), (4, 1)]);
    }

    #[test]
    fn a_device_that_gives_one_register_is_asked_for_one() {
        let points = points(&[0, 1, 2].map(|a| (Table::InputRegister, a, Format::U16)));
        let quirks = Quirks { max_registers: 1, ..Quirks::default() };
        assert_eq!(spans(&quirks, &points, &line(5, 1)), [(0, 1), (1, 1), (2, 1)]);
    }

    fn any_points() -> impl Strategy<Value = Vec<ModbusPoint>> {
        let format =
            prop_oneof![Just(Format::U16), Just(Format::F32), Just(Format::F64), Just(Format::Clock6)];
        let register =
            (prop_oneof![Just(Table::HoldingRegister), Just(Table::InputRegister)], 0u16..600, format);
        let bit = (prop_oneof![Just(Table::Coil), Just(Table::DiscreteInput)], 0u16..600, Just(Format::Bit));
        prop::collection::vec(prop_oneof![3 => register, 1 => bit], 1..60).prop_map(|p| points(&p))
    }

    fn any_quirks() -> impl Strategy<Value = Quirks> {
        let range = (0u16..600, 0u16..30).prop_map(|(from, long)| AddressRange {
            table: Table::HoldingRegister,
            from,
            to: from + long,
        });
        (
            6u16..=125,
            1u16..=200,
            0u16..40,
            prop::collection::vec(range.clone(), 0..3),
            prop::collection::vec(range, 0..3),
        )
            .prop_map(|(max_registers, max_bits, max_gap, forbidden, readable)| Quirks {
                max_registers,
                max_bits,
                max_gap,
                forbidden,
                readable,
                ..Quirks::default()
            })
    }

    proptest! {
        #[test]
        fn every_point_is_read_once_and_whole_within_every_cap(
            points in any_points(), quirks in any_quirks(), request_ms in 1u64..300, byte_us in 1u64..2000
        ) {
            let all: Vec<usize> = (0..points.len()).collect();
            let requests = plan_of(&quirks, &points, &all, &line(request_ms, byte_us));
            let mut seen: Vec<usize> = requests.iter().flat_map(|r| r.points.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, all);
            for request in &requests {
                prop_assert!(request.count <= cap(&quirks, request.table, false));
                let mut asked = vec![false; usize::from(request.count)];
                for n in &request.points {
                    let point = &points[*n];
                    prop_assert_eq!(point.table, request.table);
                    prop_assert!(point.address >= request.address);
                    prop_assert!(point.address + point.format.width() <= request.address + request.count);
                    for a in point.address..point.address + point.format.width() {
                        asked[usize::from(a - request.address)] = true;
                    }
                }
                // Every register that nobody asked for lies in a gap that may be crossed.
                let mut gap = 0u16;
                for (n, hit) in asked.iter().enumerate() {
                    gap = if *hit { 0 } else { gap + 1 };
                    let address = request.address + n as u16;
                    let readable = quirks.readable.iter().any(|r| r.table == request.table && (r.from..=r.to).contains(&address));
                    prop_assert!(gap <= quirks.max_gap || readable, "gap at {}", address);
                    let forbidden = quirks.forbidden.iter().any(|r| r.table == request.table && (r.from..=r.to).contains(&address));
                    prop_assert!(*hit || !forbidden, "forbidden {}", address);
                }
            }
        }
    }
}
