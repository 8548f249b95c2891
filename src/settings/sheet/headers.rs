//! The words over the columns → what a column holds. Chinese and English, with units, notes in
//! parentheses, two languages in one cell; a column nobody knows is ignored and listed, never guessed.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::text::{folded, plain, tidy};

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Field {
    Id,
    Tag,
    Name,
    NameEn,
    Describe,
    Unit,
    Decimals,
    Table,
    Function,
    Address,
    Type,
    Order,
    Bit,
    /// How far behind the start of its group the register stands.
    Beyond,
    Registers,
    Scale,
    Offset,
    Range,
    RangeLo,
    RangeHi,
    RawRange,
    RawLo,
    RawHi,
    RawUnit,
    Signal,
    DecimalsFrom,
    Times,
    Sentinels,
    Invert,
    Labels,
    Bits,
    /// `正常状态`: the value of a bit while all is well.
    Normal,
    /// `ll`, `l`, `h`, `hh`, `state`: the setpoint.
    Limit(&'static str),
    /// `上限`, `下限` alone: limits, or the range if the limits stand elsewhere.
    EitherLo,
    EitherHi,
    /// Of all limits of the row: `deadband`, `on_delay_s`, `off_delay_s`.
    Every(&'static str),
    /// `报警值`: a high limit, and of a bit the state that alarms.
    Alarm,
    /// The value is to be multiplied by −1.
    Negate,
    /// Modbus unit id of the device the row belongs to.
    Slave,
    /// `通讯地址`: a unit id, or the register where no other column tells one.
    SlaveOrAddress,
    /// What the device of the row is called.
    Device,
    Remark,
    /// Known, of no use here: serial number, access.
    Passed,
    /// A profile key under its own name, the cell as TOML has it.
    Key(String),
}

impl Field {
    /// Its cells hold numbers, which may have decimal commas.
    pub(super) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Scale
                | Self::Offset
                | Self::RangeLo
                | Self::RangeHi
                | Self::Limit(_)
                | Self::Alarm
                | Self::Every(_)
        )
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) index: usize,
    pub(super) title: String,
    pub(super) field: Field,
    /// `地址(HEX)`.
    pub(super) hex: bool,
    /// `地址(从1开始)`.
    pub(super) base: Option<u8>,
    /// `压力(MPa)` over a limit, a range.
    pub(super) unit: Option<&'static str>,
    /// The header is a profile key as it stands in a profile.
    pub(super) exact: bool,
}

/// `field,words`: what each field is called over a column, besides its own name.
const WORDS: &str = include_str!("header_words.csv");

/// The names of the fields; those that are keys of a profile or of its CSV form are marked in [`exact`].
const FIELDS: &[(&str, Field)] = &[
    ("id", Field::Id),
    ("tag", Field::Tag),
    ("name", Field::Name),
    ("name_en", Field::NameEn),
    ("describe", Field::Describe),
    ("unit", Field::Unit),
    ("decimals", Field::Decimals),
    ("table", Field::Table),
    ("function", Field::Function),
    ("address", Field::Address),
    ("type", Field::Type),
    ("order", Field::Order),
    ("bit", Field::Bit),
    ("beyond", Field::Beyond),
    ("length", Field::Registers),
    ("scale", Field::Scale),
    ("offset", Field::Offset),
    ("range", Field::Range),
    ("range_lo", Field::RangeLo),
    ("range_hi", Field::RangeHi),
    ("raw_range", Field::RawRange),
    ("raw_lo", Field::RawLo),
    ("raw_hi", Field::RawHi),
    ("raw_unit", Field::RawUnit),
    ("signal", Field::Signal),
    ("decimals_from", Field::DecimalsFrom),
    ("times", Field::Times),
    ("sentinels", Field::Sentinels),
    ("invert", Field::Invert),
    ("labels", Field::Labels),
    ("bit_list", Field::Bits),
    ("normal", Field::Normal),
    ("ll", Field::Limit("ll")),
    ("l", Field::Limit("l")),
    ("h", Field::Limit("h")),
    ("hh", Field::Limit("hh")),
    ("state", Field::Limit("state")),
    ("either_lo", Field::EitherLo),
    ("either_hi", Field::EitherHi),
    ("deadband", Field::Every("deadband")),
    ("on_delay_s", Field::Every("on_delay")),
    ("off_delay_s", Field::Every("off_delay")),
    ("alarm", Field::Alarm),
    ("negate", Field::Negate),
    ("slave", Field::Slave),
    ("slave_or_address", Field::SlaveOrAddress),
    ("device", Field::Device),
    ("remark", Field::Remark),
    ("passed", Field::Passed),
];

/// Every word, folded and without joining signs → its field.
static KNOWN: LazyLock<HashMap<String, Field>> = LazyLock::new(|| {
    let mut known = HashMap::new();
    for line in WORDS.lines().skip(1) {
        let Some((name, words)) = line.split_once(',') else { continue };
        let Some((_, field)) = FIELDS.iter().find(|(f, _)| *f == name) else { continue };
        for word in words.split('|').chain([name]).filter(|w| !w.is_empty()) {
            known.entry(joined(word)).or_insert_with(|| field.clone());
        }
    }
    known
});

fn joined(word: &str) -> String {
    word.chars().filter(|c| !" _-.".contains(*c)).collect()
}

/// Profile keys that a column may carry under their own name; the cell is read as TOML has it.
const KEYS: &[&str] = &[
    "bits",
    "bit_order",
    "encoding",
    "calibration",
    "loop",
    "period",
    "confirm",
    "pointer",
    "quality",
    "topic",
    "metric",
    "length",
    "on_delay",
    "off_delay",
    "range",
    "map",
    "shared",
    "max_step",
    "flatline",
];

/// What one header cell says, if anything.
pub(super) fn column(index: usize, title: &str) -> Option<Column> {
    let title = tidy(title);
    let text = plain(&title);
    let exact_key = exact(&text);
    if let Some(field) = exact_key {
        return Some(Column { index, title, field, hex: false, base: None, unit: None, exact: true });
    }
    let whole = folded(&text);
    let (outside, inside) = parentheses(&whole);
    let mut field = look(&whole).or_else(|| look(&outside));
    if field.is_none() {
        field = whole.split(['/', '|', '\n', '、', ',']).find_map(look).or_else(|| {
            // `名称name`, `地址Address`: the Chinese part, then the Latin one.
            let latin: String = outside.chars().filter(char::is_ascii).collect();
            let chinese: String = outside.chars().filter(|c| !c.is_ascii()).collect();
            look(&chinese)
                .filter(|_| !latin.is_empty())
                .or_else(|| look(&latin).filter(|_| !chinese.is_empty()))
        });
    }
    let field = field.or_else(|| look(&inside)).or_else(|| ending(&outside))?;
    let hexadecimal = ["hex", "十六进制", "16进制"].iter().any(|w| whole.contains(w));
    let base = match () {
        () if ["从0", "0起", "0开始", "0-based", "base0", "zero"].iter().any(|w| whole.contains(w)) => {
            Some(0)
        }
        () if ["从1", "1起", "1开始", "1-based", "base1"].iter().any(|w| whole.contains(w)) => Some(1),
        () => None,
    };
    let hex = hexadecimal && field == Field::Address;
    Some(Column { index, unit: super::units::known(&inside), title, field, hex, base, exact: false })
}

/// The key of a profile that a column of this heading holds, for who gave a profile the headings of a list.
pub(in crate::settings) fn profile_key(title: &str) -> Option<&'static str> {
    match column(0, title)?.field {
        Field::Id | Field::Tag => Some("id"),
        Field::Name | Field::Describe => Some("name"),
        Field::NameEn => Some("name_en"),
        Field::Unit => Some("unit"),
        Field::Decimals => Some("decimals"),
        Field::Table => Some("table"),
        Field::Address => Some("address"),
        Field::Type => Some("type"),
        Field::Order => Some("order"),
        Field::Bit => Some("bit"),
        Field::Scale => Some("scale"),
        Field::Offset => Some("offset"),
        Field::RangeLo => Some("range_lo"),
        Field::RangeHi => Some("range_hi"),
        Field::Limit(key) | Field::Every(key) => Some(key),
        _ => None,
    }
}

/// A header that is a profile key or one of the CSV form's columns, letter by letter.
pub(super) fn exact(text: &str) -> Option<Field> {
    const WORDS_ONLY: &[&str] = &[
        "tag",
        "describe",
        "beyond",
        "either_lo",
        "either_hi",
        "passed",
        "bit_list",
        "normal",
        "raw_range",
        "raw_lo",
        "raw_hi",
        "signal",
        "alarm",
        "negate",
        "slave",
        "slave_or_address",
        "device",
    ];
    let own = FIELDS.iter().find(|(name, _)| *name == text && !WORDS_ONLY.contains(name));
    if let Some((_, field)) = own {
        return Some(field.clone());
    }
    let of_limit = super::keys::OF_LIMIT.iter().any(|own| {
        let kind = text.strip_prefix(own).and_then(|rest| rest.strip_prefix('_'));
        *own != "at" && kind.is_some_and(|k| super::keys::LIMITS.contains(&k))
    });
    let of_every = crate::settings::limit_columns::tells(text);
    (KEYS.contains(&text) || of_limit || of_every || text == "no_data" || super::keys::way(text).is_some())
        .then(|| Field::Key(text.to_owned()))
}

/// What stands below a joined `寄存器地址` and tells how it is written: `十进制`, `HEX`, `起始`.
pub(super) fn below_address(title: &str) -> bool {
    matches!(
        folded(title).trim_matches(['(', ')']),
        "十进制"
            | "十六进制"
            | "10进制"
            | "16进制"
            | "dec"
            | "hex"
            | "decimal"
            | "hexadecimal"
            | "dez"
            | "dezimal"
            | "plc"
            | "modbus"
            | "起始"
            | "开始"
            | "start"
            | "from"
            | "von"
    )
}

/// What stands outside and inside of parentheses.
fn parentheses(text: &str) -> (String, String) {
    let (mut outside, mut inside, mut depth) = (String::new(), String::new(), 0_u32);
    for c in text.chars() {
        match c {
            '(' | '[' | '【' | '<' => depth += 1,
            ')' | ']' | '】' | '>' => depth = depth.saturating_sub(1),
            c if depth > 0 => inside.push(c),
            c => outside.push(c),
        }
    }
    (outside, inside)
}

fn look(word: &str) -> Option<Field> {
    let word = word.trim_matches(|c: char| ":*.·-_".contains(c));
    if word.is_empty() {
        return None;
    }
    KNOWN.get(&joined(word)).cloned()
}

/// Longer Chinese headers by how they end: `锅炉信号名称`, `Modbus通讯地址`.
fn ending(word: &str) -> Option<Field> {
    [
        ("ip地址", Field::Passed),
        ("mac地址", Field::Passed),
        ("站地址", Field::Slave),
        ("设备地址", Field::Slave),
        ("从机地址", Field::Slave),
        ("仪表地址", Field::Slave),
        ("设备通讯地址", Field::Slave),
        ("从站号", Field::Slave),
        ("站号", Field::Slave),
        ("通讯地址", Field::SlaveOrAddress),
        ("通信地址", Field::SlaveOrAddress),
        ("slaveaddress", Field::Slave),
        ("slaveid", Field::Slave),
        ("deviceaddress", Field::Slave),
        ("寄存器地址", Field::Address),
        ("地址", Field::Address),
        ("数据类型", Field::Type),
        ("名称", Field::Name),
        ("描述", Field::Describe),
        ("单位", Field::Unit),
        ("功能码", Field::Function),
        ("备注", Field::Remark),
        ("address", Field::Address),
    ]
    .into_iter()
    .find(|(end, _)| word.ends_with(end))
    .map(|(_, field)| field)
}

/// A key of `--map`: a profile key, one of the CSV form's columns, or `ignore`.
pub(super) fn mapped(key: &str) -> Option<Field> {
    match key {
        "ignore" => Some(Field::Passed),
        "tag" | "signal" | "raw_range" | "raw_lo" | "raw_hi" | "alarm" | "slave" | "device" => {
            FIELDS.iter().find(|(name, _)| *name == key).map(|(_, field)| field.clone())
        }
        _ => exact(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_in_both_languages_and_with_notes() {
        for (title, field) in [
            ("寄存器地址", Field::Address),
            ("Modbus地址", Field::Address),
            ("PLC地址", Field::Address),
            ("Addr", Field::Address),
            ("地址（十进制）", Field::Address),
            ("寄存器地址/Address", Field::Address),
            ("地址\nAddress", Field::Address),
            ("测点名称", Field::Name),
            ("锅炉信号名称", Field::Name),
            ("参数", Field::Name),
            ("描述", Field::Describe),
            ("点位描述", Field::Describe),
            ("锅炉信号描述", Field::Describe),
            ("点位名称", Field::Name),
            ("英文名", Field::NameEn),
            ("数据类型", Field::Type),
            ("Data Type", Field::Type),
            ("单位", Field::Unit),
            ("精度", Field::Scale),
            ("Multiplier", Field::Scale),
            ("偏移", Field::Offset),
            ("功能码", Field::Function),
            ("FC", Field::Function),
            ("字节序", Field::Order),
            ("Byte Order", Field::Order),
            ("位", Field::Bit),
            ("量程下限(MPa)", Field::RangeLo),
            ("量程", Field::Range),
            ("小数位", Field::Decimals),
            ("高高报", Field::Limit("hh")),
            ("低报(MPa)", Field::Limit("l")),
            ("HH", Field::Limit("hh")),
            ("Eng. Units", Field::Unit),
            ("Max", Field::RangeHi),
            ("下限", Field::EitherLo),
            ("读写", Field::Passed),
            ("R/W", Field::Passed),
            ("从站地址", Field::Slave),
            ("设备通讯地址", Field::Slave),
            ("1#炉从站地址", Field::Slave),
            ("Slave ID", Field::Slave),
            ("Unit-ID", Field::Slave),
            ("Node", Field::Slave),
            ("通讯地址", Field::SlaveOrAddress),
            ("报警值", Field::Alarm),
            ("Bezeichnung", Field::Name),
            ("Datentyp", Field::Type),
            ("Einheit", Field::Unit),
            ("Scaled Low", Field::RangeLo),
            ("_address", Field::Address),
            ("备注", Field::Remark),
            ("断线值", Field::Sentinels),
            ("常闭", Field::Invert),
            ("小数点寄存器", Field::DecimalsFrom),
            ("原始下限", Field::RawLo),
            ("信号类型", Field::Signal),
            ("寄 存 器 地 址", Field::Address),
        ] {
            assert_eq!(column(0, title).map(|c| c.field), Some(field), "{title}");
        }
        for title in ["", "颜色", "蒸汽压力", "40001", "采集周期负责人"] {
            assert_eq!(column(0, title), None, "{title}");
        }
        let hex = column(0, "地址(HEX)").expect("known");
        assert!(hex.hex);
        assert_eq!(column(0, "寄存器地址（从1开始）").and_then(|c| c.base), Some(1));
        assert_eq!(column(0, "高报(MPa)").and_then(|c| c.unit), Some("MPa"));
    }

    #[test]
    fn the_keys_of_a_profile_are_headers_too() {
        for key in
            ["id", "name", "name_en", "decimals_from", "range_lo", "hh", "on_delay_s", "length", "scale"]
        {
            assert!(exact(key).is_some(), "{key}");
        }
        for key in
            ["pointer", "priority_hh", "hazard_ll", "deadband_h", "no_data", "after_no_data", "confirm"]
        {
            assert_eq!(exact(key), Some(Field::Key(key.to_owned())), "{key}");
        }
        assert_eq!(exact("priority_x"), None);
        assert_eq!(mapped("ignore"), Some(Field::Passed));
    }
}
