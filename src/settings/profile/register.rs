//! Where a value stands in a Modbus device, and how its registers are to be understood.

use std::time::Duration;

use super::super::types::{AddressRange, ByteOrder, CurrentLoop, Encoding, Format, Scaling, Table, in_any};
use super::super::walk::Walk;

/// A point's place in a device, as a profile says it; other points by their ids.
#[derive(Debug, Clone)]
pub(in crate::settings) struct Register {
    pub(in crate::settings) table: Table,
    pub(in crate::settings) address: u16,
    pub(in crate::settings) format: Format,
    pub(in crate::settings) order: ByteOrder,
    /// Its registers hold four bytes each.
    pub(in crate::settings) four_byte: bool,
    pub(in crate::settings) scaling: Scaling,
    pub(in crate::settings) decimals_from: Option<String>,
    pub(in crate::settings) times: Vec<String>,
    pub(in crate::settings) confirm: bool,
    pub(in crate::settings) period: Option<Duration>,
}

/// What a profile says of all its registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults<'a> {
    pub(super) order: ByteOrder,
    pub(super) table: Option<Table>,
    /// The first address, 0 or 1.
    pub(super) base: u16,
    /// Ranges of registers with four bytes each.
    pub(super) four_byte: &'a [AddressRange],
}

impl Register {
    /// How many registers (or bits) it takes.
    pub(in crate::settings) fn registers(&self) -> u16 {
        self.format.registers(self.four_byte)
    }
}

pub(in crate::settings) const TABLES: &[(&str, Table)] = &[
    ("holding", Table::HoldingRegister),
    ("input", Table::InputRegister),
    ("coil", Table::Coil),
    ("discrete", Table::DiscreteInput),
];
const TYPES: &[(&str, Format)] = &[
    ("u16", Format::U16),
    ("i16", Format::I16),
    ("u32", Format::U32),
    ("i32", Format::I32),
    ("u64", Format::U64),
    ("i64", Format::I64),
    ("f16", Format::F16),
    ("f32", Format::F32),
    ("f64", Format::F64),
    ("bcd16", Format::Bcd(1)),
    ("bcd32", Format::Bcd(2)),
    ("bcd64", Format::Bcd(4)),
    ("m10k32", Format::M10k(2)),
    ("m10k48", Format::M10k(3)),
    ("m10k64", Format::M10k(4)),
    ("bit", Format::RegisterBit(0)),
    ("bits", bits(0, 15, false)),
    ("u8_high", bits(8, 15, false)),
    ("u8_low", bits(0, 7, false)),
    ("i8_high", bits(8, 15, true)),
    ("i8_low", bits(0, 7, true)),
    ("bool", Format::Bool),
    ("string", Format::Text(0, Encoding::Ascii)),
    ("epoch32", Format::Epoch32),
    ("epoch64_ms", Format::Epoch64Ms),
    ("clock6", Format::Clock6),
];
/// Bits of one register.
const fn bits(low: u8, high: u8, signed: bool) -> Format {
    Format::Bits { low, high, wide: false, signed }
}

const ENCODINGS: &[(&str, Encoding)] = &[
    ("ascii", Encoding::Ascii),
    ("utf8", Encoding::Utf8),
    ("gbk", Encoding::Gbk),
    ("utf16be", Encoding::Utf16Be),
    ("utf16le", Encoding::Utf16Le),
];

/// `abcd` and its three sisters, or any permutation of 2, 4 or 8 letters: letter n is the byte that
/// comes n-th.
pub(super) fn order(walk: &Walk<'_>) -> Option<ByteOrder> {
    let text = walk.text("order")?;
    let found = match text.to_ascii_lowercase().as_str() {
        "abcd" | "ab" => Some(ByteOrder::Abcd),
        "cdab" => Some(ByteOrder::Cdab),
        "badc" | "ba" => Some(ByteOrder::Badc),
        "dcba" => Some(ByteOrder::Dcba),
        other => permutation(other),
    };
    if found.is_none() {
        walk.fault(
            "order",
            format!("`{text}` is not a byte order"),
            "abcd, cdab, badc, dcba, or the letters a to d (32 bits) or a to h (64 bits) as the bytes come",
        );
    }
    found
}

fn permutation(text: &str) -> Option<ByteOrder> {
    let letters = text.as_bytes();
    if !matches!(letters.len(), 4 | 8) {
        return None;
    }
    let mut place = [0u8; 8];
    for (n, letter) in letters.iter().enumerate() {
        let significance = letter.checked_sub(b'a').filter(|s| usize::from(*s) < letters.len())?;
        if letters[..n].contains(letter) {
            return None;
        }
        place[n] = significance;
    }
    Some(ByteOrder::Other { bytes: letters.len() as u8, place })
}

/// `type`, `bit`, `bits`, `length` and `encoding` together.
fn format(walk: &Walk<'_>, table: Table, in_address: Option<u8>) -> Format {
    let given = walk.word("type", TYPES);
    let reversed = walk.word("bit_order", &[("normal", false), ("reversed", true)]).unwrap_or(false);
    let bit = walk.whole("bit", 0, 15).map(|b| b as u8).or(in_address);
    let field = walk.numbers("bits");
    let length = walk.whole("length", 1, 125);
    let encoding = walk.word("encoding", ENCODINGS);
    if table.is_bits() {
        return Format::Bit;
    }
    if let Some(bit) = bit {
        if let Some(wide) = given.filter(|f| f.width() > 1) {
            let problem = format!("a bit of one register, but the type takes {} registers", wide.width());
            walk.fault("bit", problem, "write the address of the bit's own register, and leave out the type");
        }
        return Format::RegisterBit(if reversed { 15 - bit } else { bit });
    }
    if let Some(field) = field {
        return bit_field(walk, given, &field);
    }
    match given {
        Some(Format::Text(..)) => {
            if length.is_none() && !walk.has("length") {
                walk.fault("length", "missing", "how many registers the text takes: length = 8");
            }
            Format::Text(length.unwrap_or(1) as u8, encoding.unwrap_or(Encoding::Ascii))
        }
        Some(format) => {
            for key in ["length", "encoding"] {
                if walk.has(key) {
                    walk.fault(key, "only a text has one", "type = \"string\", or remove the key");
                }
            }
            format
        }
        None => Format::U16,
    }
}

/// `bits` of a register or of two: as many as the type has; without a type two if the highest lies there.
fn bit_field(walk: &Walk<'_>, given: Option<Format>, field: &[f64]) -> Format {
    let fault = |problem: &str, remedy: &str| {
        walk.fault("bits", problem, remedy);
        Format::U16
    };
    let [low, high] = *field else {
        return fault("not a bit-field", "the lowest and the highest bit, 0 to 31: bits = [4, 7]");
    };
    let whole = low.fract() == 0.0 && high.fract() == 0.0;
    if !whole || !(0.0..=31.0).contains(&low) || !(low..=31.0).contains(&high) {
        return fault("not a bit-field", "the lowest and the highest bit, 0 to 31: bits = [4, 7]");
    }
    let (wide, signed) = match given {
        None => (high > 15.0, false),
        Some(Format::Bits { low: 0, high: 15, .. }) => (high > 15.0, false),
        Some(Format::U16 | Format::Bool) => (false, false),
        Some(Format::I16) => (false, true),
        Some(Format::U32) => (true, false),
        Some(Format::I32) => (true, true),
        Some(_) => {
            let remedy = "type = \"u16\", \"u32\", or \"i16\", \"i32\" where the highest bit is a sign";
            return fault("only whole numbers of one or two registers have bits", remedy);
        }
    };
    if !wide && high > 15.0 {
        return fault("one register has the bits 0 to 15", "type = \"u32\" or \"i32\" for two registers");
    }
    Format::Bits { low: low as u8, high: high as u8, wide, signed }
}

/// The scaling of a register: a current loop, or the linear one that was worked out before.
fn scaling(walk: &Walk<'_>, linear: (f64, f64)) -> Scaling {
    let Some(l) = walk.table("loop") else {
        return Scaling::Linear { scale: linear.0, offset: linear.1 };
    };
    let pair = |key: &'static str, example: &str| match l.numbers(key).as_deref() {
        Some([low, high]) if low != high => Some((*low, *high)),
        Some(_) => {
            l.fault(key, "no pair of different numbers", format!("{key} = {example}"));
            None
        }
        None => {
            if !l.has(key) {
                l.fault(key, "missing", format!("{key} = {example}"));
            }
            None
        }
    };
    let current = CurrentLoop {
        raw: pair("raw", "[819, 4095]: the raw values at 4 mA and 20 mA").unwrap_or((0.0, 1.0)),
        range: pair("range", "[0, 2.5]: the values at the same two ends").unwrap_or((0.0, 1.0)),
        live_zero: l.flag("live_zero").unwrap_or(true),
        clamp: l.flag("clamp").unwrap_or(false),
        fault_hold: l.duration("fault_hold").unwrap_or(Duration::from_secs(4)),
    };
    l.finish();
    if walk.has("scale") || walk.has("offset") || walk.has("calibration") {
        walk.fault(
            "loop",
            "stands beside scale, offset or calibration",
            "the loop alone says how it is scaled",
        );
    }
    Scaling::Loop(current)
}

/// The Modbus part of a point; `None` without an address.
pub(super) fn register(walk: &Walk<'_>, defaults: Defaults<'_>, linear: (f64, f64)) -> Option<Register> {
    let order = order(walk).unwrap_or(defaults.order);
    let function =
        walk.whole("function", 1, 4).and_then(|f| TABLES.iter().find(|t| i64::from(t.1.function()) == f));
    let table = walk.word("table", TABLES);
    if let (Some(f), Some(t)) = (function, table)
        && f.1 != t
    {
        walk.fault("function", format!("reads the {} table", f.0), "give `function` or `table`, not both");
    }
    let found = address(walk, table.or(function.map(|f| f.1)).or(defaults.table), defaults.base);
    let scaling = scaling(walk, linear);
    let decimals_from = walk.text("decimals_from").map(str::to_owned);
    let times = walk.texts("times").unwrap_or_default().into_iter().map(str::to_owned).collect();
    let confirm = walk.flag("confirm").unwrap_or(false);
    let period = walk.duration("period");
    let format = format(walk, found.map_or(Table::HoldingRegister, |f| f.0), found.and_then(|f| f.2));
    let (table, address, _) = found?;
    let four_byte = is_four_byte(walk, (table, address), format, defaults.four_byte);
    // Whoever reckons with registers later may rely on it that none lies beyond the last.
    if u32::from(address) + u32::from(format.registers(four_byte)) > 65536 {
        walk.fault("address", "the value reaches beyond register 65535", "check address and type");
        return None;
    }
    if let ByteOrder::Other { bytes, .. } = order
        && !table.is_bits()
        && u16::from(bytes) != format.width() * 2
    {
        let bytes_of_it = format.width() * 2;
        if walk.has("order") {
            let problem = format!("has {bytes} letters, but the value has {bytes_of_it} bytes");
            walk.fault("order", problem, "one letter a byte");
        } else if !matches!(format, Format::Text(..) | Format::Clock6) {
            let problem = format!(
                "the profile's order has {bytes} letters, but this value has {bytes_of_it} bytes: it would be \
                 read in a wrong one"
            );
            walk.fault("type", problem, "write the value's own order beside it, e.g. order = \"abcd\"");
        }
    }
    if period.is_some_and(|p| p < super::super::SHORTEST_PERIOD) {
        walk.fault("period", "shorter than 10 ms", "\"10ms\" or longer");
    }
    let period = period.map(|p| p.max(super::super::SHORTEST_PERIOD));
    Some(Register {
        table,
        address,
        format,
        order,
        four_byte,
        scaling,
        decimals_from,
        times,
        confirm,
        period,
    })
}

/// Whether the value stands in a register of four bytes. Only what has four bytes does, and alone: a part of one,
/// and what would need several, has no place that its makers would have agreed upon.
fn is_four_byte(
    walk: &Walk<'_>,
    (table, address): (Table, u16),
    format: Format,
    ranges: &[AddressRange],
) -> bool {
    if table.is_bits() {
        return false;
    }
    let bytes = format.width() * 2;
    let key = if walk.has("type") { "type" } else { "address" };
    if in_any(ranges, table, address) {
        if bytes != 4 {
            walk.fault(
                key,
                format!("a value of {bytes} bytes, but register {address} holds four (modbus.four_byte)"),
                "type = \"u32\", \"i32\", \"f32\" or another of 32 bits; for one bit of it type = \"u32\" and bits = \
                 [3, 3]; else correct the range",
            );
        }
        return true;
    }
    let end = address.saturating_add(format.width() - 1);
    if (address..=end).any(|at| in_any(ranges, table, at)) {
        walk.fault(
            key,
            format!(
                "the value reaches from register {address} into registers of four bytes (modbus.four_byte)"
            ),
            "check the address, the type and the range: no value stands in registers of two sizes",
        );
    }
    false
}

/// `40001`, `400001` (Modicon) or, with a table or another size, a plain number counted from the base.
/// As a text it may be hexadecimal (`"0x2000"`, always a plain number) and name a bit (`"40021.3"`).
fn address(walk: &Walk<'_>, given: Option<Table>, base: u16) -> Option<(Table, u16, Option<u8>)> {
    if !walk.has("address") {
        walk.mark("address");
        return None;
    }
    let (number, bit, hex) = match walk.is_plain_text("address") {
        true => written(walk)?,
        false => (walk.whole("address", 0, 465_536)? as u32, None, false),
    };
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
        // A hexadecimal text is a plain number: "0x9C41" is not the first holding register.
        _ if given.is_some() || hex => None,
        10_001..=49_999 => modicon(number / 10_000, 10_000),
        100_001..=465_536 => modicon(number / 100_000, 100_000),
        _ => None,
    };
    if let Some((table, address)) = found {
        return Some((table, address, bit));
    }
    match u32::checked_sub(number, u32::from(base)).and_then(|n| u16::try_from(n).ok()) {
        Some(n) => Some((given.unwrap_or(Table::HoldingRegister), n, bit)),
        None => {
            walk.fault(
                "address",
                format!("{number} is not a register address"),
                "40001 style, or 0 to 65535 with a table",
            );
            None
        }
    }
}

/// `"0x2000"`, `"40021.3"`, `"0x15.3"`: number, bit, and whether it is hexadecimal.
fn written(walk: &Walk<'_>) -> Option<(u32, Option<u8>, bool)> {
    let text = walk.text("address")?.trim();
    let (number, bit) = text.split_once('.').map_or((text, None), |(n, b)| (n, Some(b)));
    let hex = number.strip_prefix("0x").or_else(|| number.strip_prefix("0X"));
    let parsed = match hex {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    };
    let bit = match bit.map(|b| b.parse::<u8>().ok().filter(|b| *b < 16)) {
        None => Some(None),
        Some(Some(bit)) => Some(Some(bit)),
        Some(None) => None,
    };
    match (parsed.filter(|n| *n <= 465_536), bit) {
        (Some(number), Some(bit)) => Some((number, bit, hex.is_some())),
        _ => {
            walk.fault(
                "address",
                format!("`{text}` is not a register address"),
                "40001, \"0x2000\", or with a bit \"40021.3\"",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{Format, Table, load_texts};

    fn place(head: &str, point: &str) -> (Table, u16) {
        let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n";
        let profile = format!("kind = \"k\"\n{head}\n[[point]]\nid = \"x\"\n{point}\n");
        let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]).expect("good");
        let point = &loaded.settings.modbus[0].devices[0].groups[0].points[0];
        (point.table, point.address)
    }

    fn faults(source: &str, point: &str) -> String {
        let settings = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n{source}\n\
             [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n"
        );
        let profile = format!("kind = \"k\"\ntable = \"holding\"\n[[point]]\nid = \"x\"\n{point}\n");
        match load_texts(&[("t.toml", &settings)], &[("p.toml", &profile)], &[]) {
            Ok(_) => String::new(),
            Err(faults) => faults.0.iter().map(|f| format!("{}: {}\n", f.key, f.problem)).collect(),
        }
    }

    #[test]
    fn a_value_that_reaches_beyond_the_last_register_is_a_fault_and_told_once() {
        assert_eq!(faults("", "address = 65534\ntype = \"f32\""), "");
        for (address, kind) in [(65_535, "f32"), (65_533, "f64")] {
            assert_eq!(
                faults("", &format!("address = {address}\ntype = \"{kind}\"")),
                "point.0.address: the value reaches beyond register 65535\n"
            );
        }
        assert_eq!(faults("", "address = 70000"), "point.0.address: 70000 is not a register address\n");
    }

    #[test]
    fn a_duration_that_no_clock_holds_is_a_fault_in_every_key() {
        for key in ["period", "timeout", "pause", "connect_pause", "idle_close", "reconnect_max"] {
            let told = faults(&format!("{key} = \"200000000000000d\""), "address = 0");
            assert!(told.contains("`200000000000000d` is too long"), "{key}: {told}");
        }
        assert_eq!(faults("idle_close = \"36500d\"", "address = 0"), "");
    }

    fn format(point: &str) -> Format {
        let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n";
        let profile = format!("kind = \"k\"\n[[point]]\nid = \"x\"\naddress = 40001\n{point}\n");
        let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]).expect("good");
        loaded.settings.modbus[0].devices[0].groups[0].points[0].format
    }

    #[test]
    fn bits_of_a_signed_type_are_signed_and_lie_in_as_many_registers_as_the_type() {
        for (point, wide, signed) in [
            ("bits = [0, 7]", false, false),
            ("bits = [0, 7]\ntype = \"bits\"", false, false),
            ("bits = [0, 7]\ntype = \"u16\"", false, false),
            ("bits = [0, 7]\ntype = \"i16\"", false, true),
            ("bits = [0, 7]\ntype = \"u32\"", true, false),
            ("bits = [0, 7]\ntype = \"i32\"", true, true),
            ("type = \"i8_low\"", false, true),
            ("type = \"u8_low\"", false, false),
        ] {
            assert_eq!(format(point), Format::Bits { low: 0, high: 7, wide, signed }, "{point}");
        }
        let high = Format::Bits { low: 8, high: 15, wide: false, signed: true };
        assert_eq!(format("type = \"i8_high\""), high);
        let wide = Format::Bits { low: 4, high: 20, wide: true, signed: false };
        assert_eq!(format("bits = [4, 20]"), wide);
    }

    #[test]
    fn bits_that_the_type_does_not_have_are_faults() {
        for (point, word) in [
            ("bits = [4, 20]\ntype = \"i16\"", "one register"),
            ("bits = [4, 7]\ntype = \"f32\"", "only whole numbers"),
            ("bits = [7, 4]", "not a bit-field"),
            ("bits = [4]", "not a bit-field"),
            ("bit = 3\ntype = \"u32\"", "takes 2 registers"),
        ] {
            let told = faults("", &format!("address = 0\n{point}"));
            assert!(told.contains(word), "{point}: {told}");
        }
    }

    #[test]
    fn a_scale_that_makes_every_value_the_same_is_a_fault() {
        assert!(faults("", "address = 0\nscale = 0").contains("zero"));
    }

    #[test]
    fn a_register_is_found_however_its_manual_counts() {
        use Table::{Coil, DiscreteInput, HoldingRegister, InputRegister};
        for (head, point, wanted) in [
            ("", "address = 40001", (HoldingRegister, 0)),
            ("", "address = 400001", (HoldingRegister, 0)),
            ("", "address = 30001", (InputRegister, 0)),
            ("", "address = 10001", (DiscreteInput, 0)),
            // Modicon numbers count from 1 by themselves, whatever the base of the plain ones.
            ("address_base = 1", "address = 40001", (HoldingRegister, 0)),
            ("", "address = 0x2000", (HoldingRegister, 0x2000)),
            ("", "address = \"0x9C41\"", (HoldingRegister, 0x9C41)),
            ("", "address = \"0x7531\"", (HoldingRegister, 0x7531)),
            ("table = \"input\"", "address = \"0x9C41\"", (InputRegister, 0x9C41)),
            ("", "address = \"40001\"", (HoldingRegister, 0)),
            ("", "function = 1\naddress = 0", (Coil, 0)),
            ("", "function = 4\naddress = 1", (InputRegister, 1)),
            ("address_base = 1", "function = 4\naddress = 1", (InputRegister, 0)),
            ("table = \"holding\"", "address = 40001", (HoldingRegister, 40001)),
            ("table = \"holding\"\naddress_base = 1", "address = 40001", (HoldingRegister, 40000)),
            ("table = \"holding\"", "table = \"coil\"\naddress = 7", (Coil, 7)),
        ] {
            assert_eq!(place(head, point), wanted, "{head} {point}");
        }
    }
}
