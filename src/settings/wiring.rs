//! Where each point stands in its device, in words: what a person compares with the register list.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::types::{
    ByteOrder, Encoding, Factor, Format, JsonPath, ModbusPoint, MqttPoint, Scaling, Settings, Table,
};
use crate::plant::meaning::Kind;
use crate::plant::{Meaning, Point, PointIx};

/// For every point on registers: source and unit, table, address counted from 0, type, byte order, scale.
pub(super) fn wiring(settings: &Settings) -> HashMap<PointIx, String> {
    let mut found = HashMap::new();
    for source in &settings.modbus {
        for device in &source.devices {
            for point in device.groups.iter().flat_map(|g| &g.points) {
                let words = format!("{}/{} {}", source.id, device.unit, one(settings, point));
                found.insert(point.point, words);
            }
        }
    }
    found
}

/// For every point, by equipment and id: how its values are read, without the name of the source.
pub(super) fn readings(settings: &Settings) -> BTreeMap<(&str, &str), String> {
    let mut found = BTreeMap::new();
    let mut add = |point: PointIx, words: String| {
        let point = settings.plant.point(point);
        let equipment = settings.plant.equipment_at(point.equipment).id.as_str();
        found.insert((equipment, point.id.as_str()), words);
    };
    for device in settings.modbus.iter().flat_map(|s| &s.devices) {
        for point in device.groups.iter().flat_map(|g| &g.points) {
            add(point.point, format!("unit {} {}", device.unit, one(settings, point)));
        }
    }
    let payload = |point: &MqttPoint| match &point.register {
        Some(register) => one(settings, register),
        None => meant(&point.key, &point.pointer, (&point.meaning, settings.plant.point(point.point))),
    };
    for source in &settings.mqtt {
        for mapping in &source.mappings {
            mapping.points.iter().for_each(|p| add(p.point, payload(p)));
        }
        for point in source.metrics.iter().flat_map(|m| &m.points) {
            let meaning = (&point.meaning, settings.plant.point(point.point));
            add(point.point, meant(&point.metric, &JsonPath::default(), meaning));
        }
    }
    for point in settings.push.iter().flat_map(|s| &s.devices).flat_map(|d| &d.points) {
        add(point.point, payload(point));
    }
    found
}

/// A value of a payload: its name there, where it stands, its scale, whether it is inverted, and what the words of its
/// `map` mean. Labels are words too, but another label is another name for people and not another reading.
fn meant(key: &str, pointer: &JsonPath, (meaning, point): (&Meaning, &Point)) -> String {
    let mut text = key.to_owned();
    let pointer = pointer.to_string();
    if !pointer.is_empty() && pointer != key {
        let _ = write!(text, " at {pointer}");
    }
    scaled(&mut text, meaning.scale, meaning.offset);
    if matches!(meaning.kind, Kind::Truth { invert: true }) {
        text.push_str(" inverted");
    }
    let is_label = |word: &str| point.labels.iter().any(|(_, name)| name.zh == word || name.en == word);
    let words = meaning.words.iter().filter(|(word, _)| !is_label(word));
    for (n, (word, value)) in words.enumerate() {
        let _ = write!(text, "{} {word} = {}", if n == 0 { ";" } else { "," }, short(*value));
    }
    text
}

fn scaled(text: &mut String, scale: f64, offset: f64) {
    if scale != 1.0 {
        let _ = write!(text, " × {}", short(scale));
    }
    if offset != 0.0 {
        let _ = write!(text, " {} {}", if offset < 0.0 { '−' } else { '+' }, short(offset.abs()));
    }
}

fn one(settings: &Settings, point: &ModbusPoint) -> String {
    let table = match point.table {
        Table::Coil => "coil",
        Table::DiscreteInput => "discrete",
        Table::HoldingRegister => "holding",
        Table::InputRegister => "input",
    };
    let mut text = format!("{table} {}", point.address);
    let width = point.format.width();
    // Writing into a String does not fail.
    if point.registers() > 1 {
        let _ = write!(text, "..{}", u32::from(point.address) + u32::from(point.registers()) - 1);
    }
    let kind = kind(point.format);
    if !kind.is_empty() {
        let _ = write!(text, " {kind}");
    }
    if point.four_byte {
        text.push_str(" of four bytes");
    }
    // A single register has an order only where its bytes are swapped.
    let bytes = !point.format.is_truth() && (width > 1 || point.order != ByteOrder::Abcd);
    if bytes && !matches!(point.format, Format::M10k(_) | Format::Clock6) {
        let _ = write!(text, " {}", order(point.order, width));
    }
    match point.scaling {
        Scaling::Linear { scale, offset } => scaled(&mut text, scale, offset),
        Scaling::Loop(l) => {
            let (raw, range) = (l.raw, l.range);
            let _ = write!(text, " loop {}..{} = {}..{}", raw.0, raw.1, range.0, range.1);
        }
    }
    for factor in &point.factors {
        let (sign, of) = match factor {
            Factor::Times(of) => ("×", of),
            Factor::Decimals(of) => ("decimals from", of),
        };
        let _ = write!(text, " {sign} {}", settings.plant.point(*of).id);
    }
    if point.invert {
        text.push_str(" inverted");
    }
    text
}

/// The profile's word for a format; nothing for a coil or a discrete input.
fn kind(format: Format) -> String {
    let word = match format {
        Format::Bit => "",
        Format::Bool => "bool",
        Format::RegisterBit(bit) => return format!("bit {bit}"),
        Format::Bits { low, high, wide, signed } => {
            let kind = if signed { "i" } else { "u" };
            return format!("bits {low}..{high} of {kind}{}", if wide { 32 } else { 16 });
        }
        Format::U16 => "u16",
        Format::I16 => "i16",
        Format::U32 => "u32",
        Format::I32 => "i32",
        Format::U64 => "u64",
        Format::I64 => "i64",
        Format::F16 => "f16",
        Format::F32 => "f32",
        Format::F64 => "f64",
        Format::Bcd(width) => return format!("bcd{}", u32::from(width) * 16),
        Format::M10k(width) => return format!("m10k{}", u32::from(width) * 16),
        Format::Text(_, Encoding::Ascii) => "string",
        Format::Text(_, Encoding::Utf8) => "string utf8",
        Format::Text(_, Encoding::Gbk) => "string gbk",
        Format::Text(_, Encoding::Utf16Be) => "string utf16be",
        Format::Text(_, Encoding::Utf16Le) => "string utf16le",
        Format::Epoch32 => "epoch32",
        Format::Epoch64Ms => "epoch64_ms",
        Format::Clock6 => "clock6",
    };
    word.to_owned()
}

fn order(order: ByteOrder, width: u16) -> String {
    let word = match (order, width) {
        (ByteOrder::Abcd, _) => "abcd",
        (ByteOrder::Badc | ByteOrder::Dcba, 1) => "ba",
        (ByteOrder::Cdab, _) => "cdab",
        (ByteOrder::Badc, _) => "badc",
        (ByteOrder::Dcba, _) => "dcba",
        (ByteOrder::Other { bytes, place }, _) => {
            let letters = place.iter().take(usize::from(bytes)).map(|p| char::from(b'a' + p.min(&7)));
            return letters.collect();
        }
    };
    word.to_owned()
}

/// Without the noise of binary fractions: 0.1, not 0.10000000000000001.
fn short(number: f64) -> f64 {
    format!("{number:.12e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use crate::settings::{describe, load_texts};

    #[test]
    fn the_check_shows_address_type_order_and_scale_of_each_point() {
        let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 3\n";
        let profile = "kind = \"k\"\n\
            [[point]]\nid = \"flow\"\naddress = 40031\ntype = \"f32\"\norder = \"cdab\"\n\
            [[point]]\nid = \"temp\"\naddress = 30001\ntype = \"i16\"\nscale = 0.1\noffset = -40\n\
            [[point]]\nid = \"fault\"\naddress = 40021\nbit = 3\ninvert = true\n\
            [[point]]\nid = \"low\"\naddress = 10005\n\
            [[point]]\nid = \"level\"\naddress = 40050\nloop = { raw = [819, 4095], range = [0, 2.5] }\n";
        let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", profile)], &[]).expect("good");
        let said = describe(&loaded.settings);
        for line in [
            "  flow (flow)  <- plc/3 holding 30..31 f32 cdab\n",
            "  temp (temp)  <- plc/3 input 0 i16 × 0.1 − 40\n",
            "  fault (故障)  <- plc/3 holding 20 bit 3 inverted\n",
            "  low (low)  <- plc/3 discrete 4\n",
            "  level (level)  <- plc/3 holding 49 u16 loop 819..4095 = 0..2.5\n",
        ] {
            assert!(said.contains(line), "{line}{said}");
        }
    }
}
