//! Devices with registers of four bytes (Enron, Daniel): a request of N registers there is answered by 4·N bytes.

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Answer, Unit, Words};
use crate::field::modbus::plan::{LineCost, Request, may_read};
use crate::plant::{Micros, PointIx, Quality, TextTable};
use crate::settings::{AddressRange, Format, ModbusPoint, Quirks, Seam, Table, load_texts};

const COST: LineCost = LineCost { request: Duration::from_millis(5), byte: Duration::from_micros(1) };

/// As the Enron extension has it: 5001 to 6999 are 32-bit integers, 7001 to 7999 floats, all others 16-bit.
fn answer(request: &Request) -> Vec<u8> {
    let register = |address: u16| match address {
        5001..=6999 => (-i32::from(address)).to_be_bytes().to_vec(),
        7001..=7999 => (f32::from(address) / 8.0).to_be_bytes().to_vec(),
        other => other.to_be_bytes().to_vec(),
    };
    (request.address..request.address + request.count).flat_map(register).collect()
}

fn polled(unit: &mut Unit) -> (Vec<Request>, HashMap<PointIx, (f64, Quality)>) {
    let (mut out, texts) = (Vec::new(), TextTable::default());
    let requests = unit.begin(0, Duration::ZERO, false, &COST, &mut out);
    for request in &requests {
        let values = answer(request);
        let answer = Answer { values: &values, earlier: None, now: Duration::ZERO, at: Micros(0) };
        unit.take(0, request, &answer, Words { timezone: &TimeZone::UTC, texts: &texts }, &mut out);
    }
    (requests, out.iter().map(|r| (r.point, (r.value, r.quality))).collect())
}

#[test]
fn integers_floats_and_registers_of_the_usual_size_of_one_device_are_read_side_by_side() {
    let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
                    [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n";
    let mut profile = "kind = \"k\"\ntable = \"holding\"\n[modbus]\nmax_gap = 124\n\
                       four_byte = [{ from = 5001, to = 6999 }, { from = 7001, to = 7999 }]\n"
        .to_owned();
    let mut wanted = Vec::new();
    for (address, kind, value) in [
        (5000, "u16", 5000.0),
        (5001, "i32", -5001.0),
        (5002, "i32", -5002.0),
        (6999, "i32", -6999.0),
        (7000, "u16", 7000.0),
        (7001, "f32", 875.125),
        (7002, "f32", 875.25),
    ] {
        profile += &format!("[[point]]\nid = \"r{address}\"\naddress = {address}\ntype = \"{kind}\"\n");
        wanted.push(value);
    }
    let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]).expect("good");
    let source = &loaded.settings.modbus[0];
    let mut unit = Unit::new(source.devices[0].clone(), &COST);
    let (requests, values) = polled(&mut unit);
    let spans: Vec<_> = requests.iter().map(|r| (r.address, r.count, r.four_byte)).collect();
    assert_eq!(
        spans,
        [(5000, 1, false), (5001, 2, true), (6999, 1, true), (7000, 1, false), (7001, 2, true)],
        "no request has registers of two sizes in it"
    );
    let read: Vec<f64> = (0..7).map(|n| values[&PointIx(n)].0).collect();
    assert_eq!(read, wanted);
    let plan = crate::field::modbus::describe_plan(source, |_| String::new());
    assert!(plan.text.contains("FC03 holding registers 5001..5002 of four bytes: 2 points"), "{}", plan.text);
}

#[test]
fn what_is_asked_beyond_a_request_has_registers_of_its_size_and_fits_an_answer() {
    let range = AddressRange { table: Table::HoldingRegister, from: 100, to: 199 };
    let quirks = Quirks { four_byte: vec![range], ..Quirks::default() };
    for (from, count, may) in [
        (100, 62, true),
        (100, 63, false),
        (99, 1, true),
        (99, 2, false),
        (190, 10, true),
        (190, 11, false),
        (200, 125, true),
    ] {
        assert_eq!(may_read(&quirks, Table::HoldingRegister, from, count), may, "{from} {count}");
    }
}

proptest! {
    #[test]
    fn every_point_is_read_in_a_request_of_its_size_whose_answer_fits(
        addresses in prop::collection::btree_set(4990u16..7300, 1..150), max_gap in 0u16..125, max_registers in 2u16..126
    ) {
        let ranges = [(5001, 6999), (7001, 7999)];
        let in_four = |a: u16| ranges.iter().any(|r| (r.0..=r.1).contains(&a));
        let table = Table::HoldingRegister;
        let four_byte = ranges.map(|(from, to)| AddressRange { table, from, to }).to_vec();
        // As the settings make them.
        let seams = [5001, 7000, 7001, 8000].map(|at| Seam { table, at }).to_vec();
        let quirks = Quirks { max_gap, max_registers, four_byte, seams, ..Quirks::default() };
        let points: Vec<ModbusPoint> = (0..)
            .zip(&addresses)
            .map(|(n, address)| {
                let format = match *address {
                    5001..=6999 => Format::I32,
                    7001..=7999 => Format::F32,
                    _ => Format::U16,
                };
                let plain = ModbusPoint::plain(PointIx(n), table, *address, format);
                ModbusPoint { four_byte: in_four(*address), ..plain }
            })
            .collect();
        let device = crate::settings::ModbusDevice {
            label: "d".to_owned(),
            unit: 1,
            quirks,
            groups: vec![crate::settings::PollGroup {
                device: crate::plant::DeviceIx(0),
                period: Duration::from_secs(1),
                points: points.clone(),
                factors: Vec::new(),
            }],
        };
        let (requests, values) = polled(&mut Unit::new(device, &COST));
        for request in &requests {
            prop_assert!(request.value_bytes() <= 250 && request.count <= max_registers);
            let all = request.address..request.address + request.count;
            prop_assert!(all.clone().all(|a| in_four(a) == request.four_byte), "{:?}", request);
        }
        for point in &points {
            let wanted = match point.address {
                5001..=6999 => -f64::from(point.address),
                7001..=7999 => f64::from(point.address) / 8.0,
                other => f64::from(other),
            };
            prop_assert_eq!(values[&point.point], (wanted, Quality::Good));
        }
    }
}
