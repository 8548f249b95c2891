//! One `[[point]]` of a profile.

use super::super::source::Merged;
use super::super::types::{ByteOrder, Format, Table};
use super::super::walk::Walk;
use super::ProfilePoint;
use super::limits::limits;
use super::register::{ORDERS, TABLES, TYPES, address};
use crate::plant::{Id, Name, ValueType};

pub(super) fn point(
    walk: &Walk<'_>,
    merged: &Merged,
    defaults: (ByteOrder, Option<Table>, u16),
) -> Option<ProfilePoint> {
    let id = walk.need("id", "\"drum_level\"").and_then(|text| match Id::new(text) {
        Ok(id) => Some(id),
        Err(e) => {
            walk.fault("id", e.to_string(), "e.g. drum_level");
            None
        }
    });
    let (zh, en) = (walk.text("name"), walk.text("name_en"));
    let unit = walk.text("unit").unwrap_or_default().to_owned();
    let decimals = walk.whole("decimals", 0, 9).unwrap_or(2) as u8;
    let range = walk.numbers("range").and_then(|r| match r[..] {
        [low, high] if low < high => Some((low, high)),
        _ => {
            walk.fault("range", "not a range", "two numbers, the smaller first: range = [0, 2.5]");
            None
        }
    });
    let scale = walk.number("scale").unwrap_or(1.0);
    let offset = walk.number("offset").unwrap_or(0.0);
    let invert = walk.flag("invert").unwrap_or(false);
    let sentinels = walk.numbers("sentinels").unwrap_or_default();
    let order = walk.word("order", ORDERS).unwrap_or(defaults.0);
    let table = walk.word("table", TABLES);
    let format = walk.word("type", TYPES);
    let bit = walk.whole("bit", 0, 15).map(|b| b as u8);
    let address = address(walk, table.or(defaults.1), defaults.2);
    let register = address.map(|(table, address)| {
        let bits = matches!(table, Table::Coil | Table::DiscreteInput);
        let format = match (format, bit, bits) {
            (_, Some(bit), false) => Format::RegisterBit(bit),
            (_, _, true) => Format::Bit,
            (Some(Format::Bit), None, false) => Format::RegisterBit(0),
            (Some(format), None, false) => format,
            (None, None, false) => Format::U16,
        };
        if u32::from(address) + u32::from(format.width()) > 65536 {
            walk.fault("address", "the value reaches beyond register 65535", "check address and type");
        }
        (table, address, format, order)
    });
    let key = walk.text("key").map(str::to_owned);
    let pointer = walk.text("pointer").map(str::to_owned);
    let quality = walk.text("quality").map(str::to_owned);
    let topic = walk.text("topic").map(str::to_owned);
    let limits = walk.table("limits").map(|l| limits(&l, false)).unwrap_or_default();
    walk.finish();
    let is_bool = unit == "bool" || matches!(register, Some((_, _, Format::Bit | Format::RegisterBit(_), _)));
    let whole = matches!(
        register,
        Some((_, _, Format::U16 | Format::I16 | Format::U32 | Format::I32 | Format::U64 | Format::I64, _))
    );
    let value_type = if is_bool {
        ValueType::Bool
    } else if whole && scale == 1.0 && offset == 0.0 {
        ValueType::Integer
    } else {
        ValueType::Float
    };
    let id = id?;
    let place = merged.place(&walk.path);
    Some(ProfilePoint {
        name: Name::new(zh, en, id.as_str()),
        origin: format!("{}:{}", place.file, place.line),
        id,
        unit,
        decimals: if value_type == ValueType::Float { decimals } else { 0 },
        range,
        value_type,
        scale,
        offset,
        invert,
        limits,
        register,
        sentinels,
        key,
        pointer,
        quality,
        topic,
        place,
    })
}
