//! Registers → requests: as few as the device allows, and never a value split over two.

use std::fmt::Write;

use crate::settings::{ModbusDevice, ModbusSource, Table};

/// One request and the points (indexes into the device's list) it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which table.
    pub table: Table,
    /// First address, from 0.
    pub address: u16,
    /// Registers or bits.
    pub count: u16,
    /// Points inside.
    pub points: Vec<usize>,
}

/// Merges what lies in one table within `max_gap` of each other, up to the device's cap
/// (Modbus Application Protocol V1.1b3: 125 registers, 2000 bits).
#[must_use]
pub fn plan(device: &ModbusDevice) -> Vec<Request> {
    let all: Vec<usize> = (0..device.points.len()).collect();
    plan_of(device, &all)
}

/// The same for some of the points.
#[must_use]
pub fn plan_of(device: &ModbusDevice, points: &[usize]) -> Vec<Request> {
    let mut order = points.to_vec();
    order.sort_by_key(|n| (device.points[*n].table, device.points[*n].address));
    let mut requests: Vec<Request> = Vec::new();
    for n in order {
        let point = &device.points[n];
        let (from, to) =
            (u32::from(point.address), u32::from(point.address) + u32::from(point.format.width()));
        if let Some(last) = requests.last_mut() {
            let (start, end) = (u32::from(last.address), u32::from(last.address) + u32::from(last.count));
            let whole = end.max(to) - start;
            if last.table == point.table
                && from <= end + u32::from(device.max_gap)
                && whole <= cap(device, point.table)
            {
                last.count = whole as u16;
                last.points.push(n);
                continue;
            }
        }
        requests.push(Request {
            table: point.table,
            address: point.address,
            count: point.format.width(),
            points: vec![n],
        });
    }
    requests
}

fn cap(device: &ModbusDevice, table: Table) -> u32 {
    let registers = u32::from(device.max_registers.clamp(4, 125));
    match table {
        Table::HoldingRegister | Table::InputRegister => registers,
        Table::Coil | Table::DiscreteInput => (registers * 16).min(2000),
    }
}

/// The poll plan of a source, for `steamward check`.
#[must_use]
pub fn describe_plan(source: &ModbusSource) -> String {
    let mut text = format!("poll plan of {} (tcp://{}:{})\n", source.id, source.host, source.port);
    for device in &source.devices {
        let requests = plan(device);
        let used: u32 = device.points.iter().map(|p| u32::from(p.format.width())).sum();
        let read: u32 = requests.iter().map(|r| u32::from(r.count)).sum();
        // Writing into a String does not fail.
        let _ = writeln!(
            text,
            "  unit {}: {} requests every {:?}, {used} registers used of {read} read",
            device.unit,
            requests.len(),
            device.period
        );
        for request in requests {
            let (function, name) = match request.table {
                Table::Coil => (1, "coils"),
                Table::DiscreteInput => (2, "discrete inputs"),
                Table::HoldingRegister => (3, "holding registers"),
                Table::InputRegister => (4, "input registers"),
            };
            let last = u32::from(request.address) + u32::from(request.count) - 1;
            let _ = writeln!(
                text,
                "    FC{function:02} {name} {}..{last}: {} points",
                request.address,
                request.points.len()
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{cap, plan};
    use crate::plant::{DeviceIx, PointIx};
    use crate::settings::{ByteOrder, Format, ModbusDevice, ModbusPoint, Table};

    fn device() -> impl Strategy<Value = ModbusDevice> {
        let format = prop_oneof![Just(Format::U16), Just(Format::F32), Just(Format::F64)];
        let table = prop_oneof![Just(Table::HoldingRegister), Just(Table::InputRegister)];
        let point = (table, 0u16..600, format);
        (prop::collection::vec(point, 1..60), 4u16..=125, 0u16..20).prop_map(
            |(points, max_registers, max_gap)| ModbusDevice {
                device: DeviceIx(0),
                unit: 1,
                period: Duration::from_secs(1),
                max_registers,
                max_gap,
                points: points
                    .into_iter()
                    .map(|(table, address, format)| ModbusPoint {
                        point: PointIx(0),
                        table,
                        address,
                        format,
                        order: ByteOrder::Abcd,
                        scale: 1.0,
                        offset: 0.0,
                        invert: false,
                        sentinels: Vec::new(),
                        origin: String::new(),
                    })
                    .collect(),
            },
        )
    }

    proptest! {
        #[test]
        fn every_point_is_read_once_and_whole_within_the_cap(device in device()) {
            let requests = plan(&device);
            let mut seen: Vec<usize> = requests.iter().flat_map(|r| r.points.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..device.points.len()).collect::<Vec<_>>());
            for request in &requests {
                prop_assert!(u32::from(request.count) <= cap(&device, request.table));
                for n in &request.points {
                    let point = &device.points[*n];
                    prop_assert_eq!(point.table, request.table);
                    prop_assert!(point.address >= request.address);
                    prop_assert!(point.address + point.format.width() <= request.address + request.count);
                }
            }
        }
    }
}
