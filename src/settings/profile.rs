//! Profiles: a register list or payload map written once, used by every device of that make.
//! TOML with limits and names, or CSV as it falls out of a spreadsheet.

use std::cell::RefCell;

use super::fault::{Fault, Place};
use super::source::{Merged, merge};
use super::types::{ByteOrder, Format, Table, TimeFormat};
use super::walk::Walk;
use crate::plant::{HazardLevel, Id, Limit, LimitKind, Name, Priority, ValueType};
use std::time::Duration;

/// A parsed profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    pub(super) kind: Option<String>,
    pub(super) time: Option<(String, TimeFormat)>,
    pub(super) points: Vec<ProfilePoint>,
}

/// One point of a profile.
#[derive(Debug, Clone)]
pub(super) struct ProfilePoint {
    pub(super) id: Id,
    pub(super) name: Name,
    pub(super) unit: String,
    pub(super) decimals: u8,
    pub(super) range: Option<(f64, f64)>,
    pub(super) value_type: ValueType,
    pub(super) scale: f64,
    pub(super) offset: f64,
    pub(super) invert: bool,
    pub(super) limits: Vec<LimitSetting>,
    pub(super) register: Option<(Table, u16, Format, ByteOrder)>,
    pub(super) sentinels: Vec<f64>,
    pub(super) pointer: Option<String>,
    pub(super) quality: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) origin: String,
    pub(super) place: Place,
}

/// A limit, an alarm for missing data, or the wish to have none, as written.
#[derive(Debug, Clone)]
pub(super) enum LimitSetting {
    Limit(LimitKind, LimitKeys),
    NoData { after: Option<Duration>, priority: Option<Priority> },
    Off(LimitKind),
}

/// The keys of a limit that were written; the others come from the limit it stands over, or a default.
#[derive(Debug, Clone, Default)]
pub(super) struct LimitKeys {
    at: Option<f64>,
    deadband: Option<f64>,
    on_delay: Option<Duration>,
    off_delay: Option<Duration>,
    priority: Option<Priority>,
    latch: Option<bool>,
    /// `Some(None)`: none, said so.
    hazard: Option<Option<HazardLevel>>,
}

impl LimitKeys {
    /// Puts these keys over `base`; `None` if there is no setpoint from either.
    pub(super) fn over(&self, kind: LimitKind, base: Option<&Limit>) -> Option<Limit> {
        let default = match kind {
            LimitKind::LL | LimitKind::HH => Priority::Critical,
            _ => Priority::High,
        };
        Some(Limit {
            kind,
            at: self.at.or(base.map(|b| b.at))?,
            deadband: self.deadband.or(base.map(|b| b.deadband)).unwrap_or_default(),
            on_delay: self.on_delay.or(base.map(|b| b.on_delay)).unwrap_or_default(),
            off_delay: self.off_delay.or(base.map(|b| b.off_delay)).unwrap_or_default(),
            priority: self.priority.or(base.map(|b| b.priority)).unwrap_or(default),
            latch: self.latch.or(base.map(|b| b.latch)).unwrap_or_default(),
            hazard: self.hazard.or(base.map(|b| b.hazard)).unwrap_or_default(),
        })
    }
}

impl LimitSetting {
    pub(super) fn kind(&self) -> LimitKind {
        match self {
            Self::Limit(kind, _) => *kind,
            Self::NoData { .. } => LimitKind::NoData,
            Self::Off(kind) => *kind,
        }
    }
}

pub(super) const PRIORITIES: &[(&str, Priority)] = &[
    ("critical", Priority::Critical),
    ("high", Priority::High),
    ("medium", Priority::Medium),
    ("low", Priority::Low),
];
const ORDERS: &[(&str, ByteOrder)] = &[
    ("abcd", ByteOrder::Abcd),
    ("cdab", ByteOrder::Cdab),
    ("badc", ByteOrder::Badc),
    ("dcba", ByteOrder::Dcba),
];
const TABLES: &[(&str, Table)] = &[
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
    ("f32", Format::F32),
    ("f64", Format::F64),
    ("bit", Format::RegisterBit(0)),
    ("bool", Format::Bit),
];

/// Parses `text`; `file` is named in faults.
pub(super) fn parse(file: &str, text: &str, faults: &mut Vec<Fault>) -> Profile {
    if file.to_ascii_lowercase().ends_with(".csv") {
        let toml = match csv_as_toml(file, text) {
            Ok(toml) => toml,
            Err(fault) => {
                faults.push(fault);
                return Profile::default();
            }
        };
        let mut own = Vec::new();
        let profile = parse_toml(file, &toml, &mut own);
        // The generated text has one line a row: the numbers agree with the spreadsheet's.
        faults.extend(own.into_iter().map(|mut f| {
            f.place.column = 1;
            f
        }));
        return profile;
    }
    parse_toml(file, text, faults)
}

fn parse_toml(file: &str, text: &str, faults: &mut Vec<Fault>) -> Profile {
    let merged = merge(&[(file.to_owned(), text.to_owned())], &[], faults);
    let found = RefCell::new(Vec::new());
    let profile = read(&merged, &found);
    faults.append(&mut found.into_inner());
    profile
}

/// One row a point; the columns are the keys of the TOML form, limits as `ll`, `l`, `h`, `hh`.
fn csv_as_toml(file: &str, text: &str) -> Result<String, Fault> {
    let fault = |line: u64, problem: String| Fault {
        place: Place { file: file.to_owned(), line: line as usize, column: 1 },
        key: String::new(),
        problem,
        remedy: "one row a point, as many cells as the header has columns".to_owned(),
    };
    // Spreadsheets of many countries write semicolons; a byte order mark is no part of a name.
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains(';') && !first.contains(',') { b';' } else { b',' };
    let mut rows =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = rows.headers().map_err(|e| fault(1, e.to_string()))?.clone();
    let mut points = Vec::new();
    for row in rows.records() {
        let row = row.map_err(|e| fault(e.position().map_or(1, csv::Position::line), e.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line) as usize;
        let cell = |name: &str| {
            header.iter().position(|h| h == name).and_then(|n| row.get(n)).filter(|c| !c.is_empty())
        };
        let mut keys = Vec::new();
        for name in header.iter() {
            let Some(value) = cell(name) else { continue };
            let known_elsewhere =
                ["range_lo", "range_hi", "ll", "l", "h", "hh", "deadband", "on_delay_s", "off_delay_s"];
            if known_elsewhere.contains(&name) || name.starts_with("priority_") {
                continue;
            }
            let plain = matches!(name, "decimals" | "bit" | "scale" | "offset" | "invert")
                || (name == "address" && value.parse::<u32>().is_ok());
            keys.push(format!("{} = {}", quoted(name), if plain { scalar(value) } else { quoted(value) }));
        }
        if let (Some(low), Some(high)) = (cell("range_lo"), cell("range_hi")) {
            keys.push(format!("range = [{}, {}]", scalar(low), scalar(high)));
        }
        let mut limits = Vec::new();
        for kind in ["ll", "l", "h", "hh"] {
            let Some(at) = cell(kind) else { continue };
            let mut limit = format!("at = {}", scalar(at));
            for (column, key, unit) in [
                ("deadband", "deadband", ""),
                ("on_delay_s", "on_delay", "s"),
                ("off_delay_s", "off_delay", "s"),
            ] {
                if let Some(value) = cell(column) {
                    let value =
                        if unit.is_empty() { scalar(value) } else { quoted(&format!("{value}{unit}")) };
                    limit = format!("{limit}, {key} = {value}");
                }
            }
            if let Some(priority) = cell(&format!("priority_{kind}")) {
                limit = format!("{limit}, priority = {}", quoted(priority));
            }
            limits.push(format!("{kind} = {{ {limit} }}"));
        }
        if !limits.is_empty() {
            keys.push(format!("limits = {{ {} }}", limits.join(", ")));
        }
        while points.len() + 1 < line.saturating_sub(1) {
            points.push(String::new());
        }
        points.push(format!("  {{ {} }},", keys.join(", ")));
    }
    Ok(format!("point = [\n{}\n]\n", points.join("\n")))
}

/// A cell as TOML text on one line, whatever is in it.
fn quoted(cell: &str) -> String {
    let mut text = String::from("\"");
    for c in cell.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// A cell as a TOML number or boolean, as spreadsheets write them (`.5`, `007`, `TRUE`). Anything else becomes a
/// text, so that the reader of the key complains about it in its place, and no cell can write keys of its own.
fn scalar(cell: &str) -> String {
    if let Ok(whole) = cell.parse::<i64>() {
        return whole.to_string();
    }
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => format!("{number:?}"),
        _ if cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false") => {
            cell.to_ascii_lowercase()
        }
        _ => quoted(cell),
    }
}

fn read(merged: &Merged, faults: &RefCell<Vec<Fault>>) -> Profile {
    let root = Walk::root(merged, faults);
    let kind = root.text("kind").map(str::to_owned);
    let order = root.word("order", ORDERS).unwrap_or(ByteOrder::Abcd);
    let table = root.word("table", TABLES);
    let base = root.whole("address_base", 0, 1).unwrap_or(0) as u16;
    let time = root.table("time").and_then(|t| {
        let pointer = t.need("pointer", "\"/ts\"");
        let format = t.word(
            "format",
            &[
                ("s", TimeFormat::Seconds),
                ("ms", TimeFormat::Millis),
                ("us", TimeFormat::Micros),
                ("rfc3339", TimeFormat::Rfc3339),
                ("local", TimeFormat::Local),
            ],
        );
        t.finish();
        Some((pointer?.to_owned(), format.unwrap_or(TimeFormat::Millis)))
    });
    let mut points: Vec<ProfilePoint> = Vec::new();
    for walk in root.list("point") {
        let Some(point) = point(&walk, merged, (order, table, base)) else {
            continue;
        };
        if points.iter().any(|p| p.id == point.id) {
            walk.fault(
                "id",
                format!("the point `{}` stands here twice", point.id),
                "every point of a profile needs its own id",
            );
            continue;
        }
        points.push(point);
    }
    root.finish();
    Profile { kind, time, points }
}

fn point(
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
        pointer,
        quality,
        topic,
        place,
    })
}

/// `40001`, `400001` (Modicon) or, with a table or another size, a plain number counted from the base.
fn address(walk: &Walk<'_>, given: Option<Table>, base: u16) -> Option<(Table, u16)> {
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

/// The limits of one point, in the order LL, L, H, HH, state, no data.
/// With `may_inherit` they stand over a profile's own, and what is not written is taken from there.
pub(super) fn limits(walk: &Walk<'_>, may_inherit: bool) -> Vec<LimitSetting> {
    let mut found = Vec::new();
    for (key, kind) in [
        ("ll", LimitKind::LL),
        ("l", LimitKind::L),
        ("h", LimitKind::H),
        ("hh", LimitKind::HH),
        ("state", LimitKind::State),
    ] {
        walk.mark(key);
        if walk.is_off(key) {
            found.push(LimitSetting::Off(kind));
            continue;
        }
        let Some(l) = walk.table(key) else { continue };
        let at = l.number("at");
        if !may_inherit && !l.has("at") {
            l.fault("at", "missing", "write the setpoint in the point's unit: at = -75");
        }
        let deadband = l.number("deadband");
        if deadband.is_some_and(|d| d < 0.0) {
            l.fault("deadband", "negative", "0 or more, in the point's unit");
        }
        let levels =
            [("general", Some(HazardLevel::General)), ("major", Some(HazardLevel::Major)), ("none", None)];
        let keys = LimitKeys {
            at,
            deadband,
            on_delay: l.duration("on_delay"),
            off_delay: l.duration("off_delay"),
            priority: l.word("priority", PRIORITIES),
            latch: l.flag("latch"),
            hazard: l.word("hazard", &levels),
        };
        l.finish();
        found.push(LimitSetting::Limit(kind, keys));
    }
    walk.mark("no_data");
    if walk.is_off("no_data") {
        found.push(LimitSetting::Off(LimitKind::NoData));
    } else if let Some(n) = walk.table("no_data") {
        let after = n.duration("after");
        if after.is_some_and(|a| a.is_zero()) {
            n.fault("after", "zero", "more than nothing, e.g. \"10s\"; no_data = false for none");
        }
        found.push(LimitSetting::NoData { after, priority: n.word("priority", PRIORITIES) });
        n.finish();
    }
    walk.finish();
    found
}
