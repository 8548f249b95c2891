//! Where a value stands in a Modbus device, and how its registers are to be understood.

use super::super::types::{ByteOrder, Format, Table};
use super::super::walk::Walk;

pub(super) const ORDERS: &[(&str, ByteOrder)] = &[
    ("abcd", ByteOrder::Abcd),
    ("cdab", ByteOrder::Cdab),
    ("badc", ByteOrder::Badc),
    ("dcba", ByteOrder::Dcba),
];
pub(super) const TABLES: &[(&str, Table)] = &[
    ("holding", Table::HoldingRegister),
    ("input", Table::InputRegister),
    ("coil", Table::Coil),
    ("discrete", Table::DiscreteInput),
];
pub(super) const TYPES: &[(&str, Format)] = &[
    ("u16", Format::U16),
    ("i16", Format::I16),
    ("u32", Format::U32),
    ("i32", Format::I32),
    ("u64", Format::U64),
    ("i64", Format::I64),
    ("f32", Format::F32),
    ("f64", Format::F64),
    ("bit", Format::RegisterBit(0)),
    ("bool", Format::Bit),
];

/// `40001`, `400001` (Modicon) or, with a table or another size, a plain number counted from the base.
pub(super) fn address(walk: &Walk<'_>, given: Option<Table>, base: u16) -> Option<(Table, u16)> {
    if !walk.has("address") {
        walk.mark("address");
        return None;
    }
    let number = walk.whole("address", 0, 465_536)? as u32;
    let modicon = |lead: u32, width: u32| {
        let table = match lead {
            1 => Table::DiscreteInput,
            3 => Table::InputRegister,
            4 => Table::HoldingRegister,
            _ => return None,
        };
        let rest = number - lead * width;
        (1..=65536).contains(&rest).then(|| (table, (rest - 1) as u16))
    };
    let found = match number {
        _ if given.is_some() => None,
        10_001..=49_999 => modicon(number / 10_000, 10_000),
        100_001..=465_536 => modicon(number / 100_000, 100_000),
        _ => None,
    };
    if found.is_some() {
        return found;
    }
    match u32::checked_sub(number, u32::from(base)).and_then(|n| u16::try_from(n).ok()) {
        Some(n) => Some((given.unwrap_or(Table::HoldingRegister), n)),
        None => {
            walk.fault(
                "address",
                format!("{number} is no register address"),
                "40001 style, or 0 to 65535 with a table",
            );
            None
        }
    }
}
