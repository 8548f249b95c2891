//! What is remembered of a device, on a clock of the test.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{Answer, Refusal, Request, Unit, Words};
use crate::field::modbus::plan::LineCost;
use crate::plant::{Cause, DeviceIx, Micros, PointIx, Quality, Reading, TextTable};
use crate::settings::{
    CurrentLoop, Factor, Format, ModbusDevice, ModbusPoint, PollGroup, Quirks, Scaling, Table,
};

const COST: LineCost = LineCost { request: Duration::from_millis(5), byte: Duration::from_micros(1) };

fn unit(quirks: Quirks, points: Vec<ModbusPoint>) -> Unit {
    let group =
        PollGroup { device: DeviceIx(0), period: Duration::from_secs(1), points, factors: Vec::new() };
    Unit::new(ModbusDevice { label: "plc/1".to_owned(), unit: 1, quirks, groups: vec![group] }, &COST)
}

fn register(n: u16) -> ModbusPoint {
    ModbusPoint::plain(PointIx(u32::from(n)), Table::HoldingRegister, n, Format::U16)
}

fn take(unit: &mut Unit, request: &Request, values: &[u8], now: Duration, out: &mut Vec<Reading>) {
    let answer = Answer { values, earlier: None, now, at: Micros(now.as_micros() as i64) };
    let (timezone, texts) = (&TimeZone::UTC, &TextTable::default());
    unit.take(0, request, &answer, Words { timezone, texts }, out);
}

fn read(unit: &mut Unit, at: u64, words: &[u16]) -> Vec<Reading> {
    let now = Duration::from_secs(at);
    let mut out = Vec::new();
    let requests = unit.begin(0, now, false, &COST, &mut out);
    let [request] = &requests[..] else { panic!("one request") };
    let values: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
    take(unit, request, &values, now, &mut out);
    unit.settle(0, now);
    while unit.released(&mut out).is_some() {}
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
    for none in [7, 9, 255, 65_535, (-7i32) as u32, i32::MAX as u32, i32::MIN as u32] {
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
    let whole = unit.begin(0, now, false, &COST, &mut out).remove(0);
    let halves = unit.refuse(0, &whole, Refusal::Code(2));
    assert!(unit.refuse(0, &halves[0], Refusal::Code(2)).is_empty());
    take(&mut unit, &halves[1], &[0, 5], now, &mut out);
    unit.settle(0, now);
    assert!(unit.released(&mut out).is_some());
    assert_eq!(out.last().unwrap().quality, Quality::Bad(Cause::NoFactor));
}

#[test]
fn what_is_multiplied_beyond_all_numbers_is_no_number() {
    let plain = ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::F64);
    let huge = ModbusPoint { factors: vec![Factor::Times(PointIx(4))], ..plain };
    let mut unit = unit(Quirks::default(), vec![huge, register(4)]);
    let bits = 1e308f64.to_bits().to_be_bytes();
    let words: Vec<u16> = bits.chunks(2).map(|w| u16::from_be_bytes([w[0], w[1]])).collect();
    let found = read(&mut unit, 0, &[&words[..], &[5000]].concat());
    let huge = found.iter().find(|r| r.point == PointIx(0)).expect("a reading");
    assert_eq!(huge.quality, Quality::Bad(Cause::NotANumber));
}

#[test]
fn a_product_is_never_better_than_its_worst_factor() {
    let of = |factor: ModbusPoint, words: [u16; 2]| {
        let pv = ModbusPoint { factors: vec![Factor::Times(PointIx(0))], ..register(2) };
        let mut unit = unit(Quirks { max_gap: 1, ..Quirks::default() }, vec![factor, pv]);
        let found = read(&mut unit, 0, &[words[0], words[1], 123])[1];
        (found.value, found.quality)
    };
    let float = ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::F32);
    let none = Quality::Bad(Cause::NoFactor);
    assert_eq!(of(float.clone(), [0x4248, 0]), (6150.0, Quality::Good));
    assert_eq!(of(float.clone(), [0, 0x4248]).1, none, "50 with its words swapped");
    assert_eq!(of(float.clone(), [0, 0]).1, none, "a ratio that was never set");
    assert_eq!(of(float.clone(), [0xBF80, 0]).1, none, "minus one");
    let held = |range| ModbusPoint { range: Some(range), ..register(0) };
    assert_eq!(of(held((1.0, 200.0)), [80, 0]), (9840.0, Quality::Good));
    assert_eq!(of(held((1.0, 200.0)), [65_535, 0]).1, none, "out of its range");
    let saturated = ModbusPoint {
        scaling: Scaling::Loop(CurrentLoop {
            raw: (4.0, 20.0),
            range: (1.0, 17.0),
            live_zero: true,
            clamp: false,
            fault_hold: Duration::ZERO,
        }),
        ..float
    };
    let milliamperes = 20.75f32.to_bits();
    let found = of(saturated, [(milliamperes >> 16) as u16, milliamperes as u16]);
    assert_eq!(found.1, Quality::Uncertain(Cause::FactorUnsure));
}

#[test]
fn a_factor_is_taken_with_its_own_factor_and_held_against_its_range_with_it() {
    let read_with = |range| {
        let ct =
            ModbusPoint { factors: vec![Factor::Decimals(PointIx(2))], range: Some(range), ..register(1) };
        let pv = ModbusPoint {
            factors: vec![Factor::Times(PointIx(1)), Factor::Decimals(PointIx(2))],
            ..register(0)
        };
        let mut unit = unit(Quirks::default(), vec![pv, ct, register(2)]);
        let found = read(&mut unit, 0, &[200, 1000, 1]);
        let pv = found.iter().find(|r| r.point == PointIx(0)).expect("a reading");
        (pv.value, pv.quality)
    };
    assert_eq!(read_with((1.0, 200.0)), (20_000.0, Quality::Good));
    assert_eq!(read_with((1.0, 50.0)).1, Quality::Bad(Cause::NoFactor));
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
        for (request, values) in unit.begin(0, now, false, &COST, &mut out).iter().zip([&[bit][..], &[0, 5]])
        {
            take(&mut unit, request, values, now, &mut out);
        }
        out[1].quality
    };
    assert_eq!((quality(0, 0), quality(9, 1), quality(19, 1)), (Quality::Good, Quality::Good, Quality::Good));
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
    let mut todo = unit.begin(0, Duration::ZERO, false, &COST, &mut out);
    let mut read: Vec<usize> = Vec::new();
    while let Some(request) = todo.pop() {
        let hit = (request.address..request.address + request.count).contains(&5);
        if hit {
            todo.extend(unit.refuse(0, &request, Refusal::Code(2)));
        } else {
            read.extend(request.points);
        }
    }
    read.sort_unstable();
    assert_eq!(read, [0, 1, 2, 3, 4, 6, 7]);
    assert!(unit.end(0, Duration::ZERO, &COST).is_none());
    assert_eq!(unit.refused().map(|r| r.1).collect::<Vec<_>>(), [5]);
    let next = unit.begin(0, Duration::from_secs(1), false, &COST, &mut out);
    assert_eq!(next.iter().map(|r| (r.address, r.count)).collect::<Vec<_>>(), [(0, 5), (6, 2)]);
    assert_eq!(out.last().unwrap().quality, Quality::Bad(Cause::ExceptionAddress));
    // Soon it is asked for again, by itself.
    let look = unit.begin(0, Duration::from_secs(5), false, &COST, &mut out);
    assert_eq!(look.iter().map(|r| (r.address, r.count)).collect::<Vec<_>>(), [(0, 5), (6, 2), (5, 1)]);
    assert!(unit.end(0, Duration::from_secs(5), &COST).is_none());
    let again = unit.begin(0, Duration::from_secs(6), false, &COST, &mut out);
    assert_eq!(again.iter().map(|r| (r.address, r.count)).collect::<Vec<_>>(), [(0, 8)]);
}

#[test]
fn a_counter_whose_two_answers_do_not_agree_is_uncertain() {
    let counter = ModbusPoint {
        confirm: true,
        ..ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::U32)
    };
    let mut unit = unit(Quirks::default(), vec![counter]);
    let request =
        Request { table: Table::HoldingRegister, address: 0, count: 2, four_byte: false, points: vec![0] };
    let mut quality = |earlier: [u8; 4], values: [u8; 4]| {
        let mut out = Vec::new();
        let (now, texts) = (Duration::ZERO, TextTable::default());
        let answer = Answer { values: &values, earlier: Some(&earlier), now, at: Micros(0) };
        unit.take(0, &request, &answer, Words { timezone: &TimeZone::UTC, texts: &texts }, &mut out);
        out[0].quality
    };
    assert_eq!(quality([0, 1, 0xFF, 0xFF], [0, 2, 0, 0]), Quality::Uncertain(Cause::Torn));
    assert_eq!(quality([0, 1, 0, 1], [0, 1, 0, 2]), Quality::Good);
}

#[test]
fn a_text_beyond_the_points_share_is_unreadable_counted_and_told_once() {
    let text = ModbusPoint {
        origin: "p.toml:7".to_owned(),
        ..ModbusPoint::plain(
            PointIx(0),
            Table::HoldingRegister,
            0,
            Format::Text(2, crate::settings::Encoding::Ascii),
        )
    };
    let name = ModbusPoint { point: PointIx(1), address: 2, ..text.clone() };
    let mut unit = unit(Quirks::default(), vec![text, name]);
    let request =
        Request { table: Table::HoldingRegister, address: 0, count: 4, four_byte: false, points: vec![0, 1] };
    let texts = TextTable::default();
    let mut take = |noise: usize| {
        let values = format!("{noise:04}SZS1").into_bytes();
        let (mut out, now) = (Vec::new(), Duration::ZERO);
        let answer = Answer { values: &values, earlier: None, now, at: Micros(0) };
        unit.take(0, &request, &answer, Words { timezone: &TimeZone::UTC, texts: &texts }, &mut out);
        (out[0].quality, out[1].quality, unit.refused_texts.count, unit.refused_texts.news())
    };
    for n in 0..crate::plant::MOST_OF_A_POINT {
        assert_eq!(take(n), (Quality::Good, Quality::Good, 0, None));
    }
    let unreadable = Quality::Bad(Cause::Unreadable);
    let (noise, other, count, told) = take(2000);
    assert_eq!((noise, other, count), (unreadable, Quality::Good, 1));
    assert!(told.is_some_and(|t| t.contains("p.toml:7") && t.contains("more than 1000 different texts")));
    assert_eq!(take(2001), (unreadable, Quality::Good, 2, None));
    assert_eq!(take(7), (Quality::Good, Quality::Good, 2, None), "what has a number keeps it");
    // From then on its texts are looked up and never added, whatever room there is: no name is made, nothing is locked.
    let empty = TextTable::default();
    let answer = Answer { values: b"2002SZS1", earlier: None, now: Duration::ZERO, at: Micros(0) };
    let mut out = Vec::new();
    unit.take(0, &request, &answer, Words { timezone: &TimeZone::UTC, texts: &empty }, &mut out);
    assert_eq!((out[0].quality, empty.since(0)), (unreadable, vec![(0, "SZS1".to_owned())]));
}
