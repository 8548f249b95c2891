//! Which device on the line a row belongs to: a column of unit ids, or a title such as `二、液位计（站号2）`.
//! Every station becomes a profile of its own, with the lines that put it into the settings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::headers::Field;
use super::import::{Found, Imported};
use super::scan::Block;
use super::text::{folded, plain};
use super::{Sheet, Trouble, messages, pairs};

/// A unit id in a cell: `1`, `01`, `2#`, `#2`, `3号`, `0x0A`, `0AH`, `站2`, `Slave 3`.
pub(super) fn number(text: &str) -> Option<u8> {
    let word = folded(text);
    if let Some(hex) = word.strip_prefix("0x").or_else(|| word.strip_suffix('h')) {
        return u8::from_str_radix(hex, 16).ok();
    }
    let bare = word.trim_end_matches("号站").trim_end_matches(['#', '号', '站']);
    let folded_names = NAMES.iter().map(|name| folded(name));
    let lead = folded_names.filter(|name| bare.starts_with(name.as_str())).map(|name| name.len()).max();
    let bare = match lead {
        Some(length) => &bare[length..],
        None => LEADS.iter().find_map(|lead| bare.strip_prefix(lead)).unwrap_or(bare),
    };
    // A number typed into a spreadsheet may arrive as 1.0.
    let bare = bare.trim_matches([':', '=', '#', '.']);
    let bare = bare.strip_suffix(".0").unwrap_or(bare);
    (bare.len() <= 3 && bare.bytes().all(|b| b.is_ascii_digit())).then(|| bare.parse().ok()).flatten()
}

/// What a unit id is called, whatever stands around it; the longer before those they begin with.
const NAMES: &[&str] = &[
    "从站地址",
    "从机地址",
    "设备地址",
    "通讯地址",
    "通信地址",
    "站地址",
    "从站号",
    "从机号",
    "站号",
    "从站",
    "slave address",
    "slave id",
    "slave",
    "unit id",
    "unit-id",
    "node id",
    "modbus id",
    "modbus地址",
    "station no.",
    "station number",
    "station",
    "geräteadresse",
    "slave-adresse",
    "仪表地址",
    "仪表站号",
    "下位机地址",
    "通讯id",
    "通信id",
    "单元号",
    "局号",
    "仪表号",
    "机号",
];

/// Headers that may number the equipment as well as the devices on the line.
pub(super) fn is_vague(title: &str) -> bool {
    matches!(folded(title).as_str(), "单元号" | "设备编号" | "机号" | "站" | "局号" | "仪表号")
}

/// What else may stand before the number in a cell of a column of unit ids.
const LEADS: &[&str] =
    &["从机", "子站", "stationno", "unit", "node", "地址", "站", "id", "no.", "no", "nr.", "nr", "#", "第"];

/// A unit id in a title or a sheet's name: `从站地址：2`, `Slave ID 3`, `2号站`, `站号 1`.
pub(super) fn in_title(text: &str) -> Option<u8> {
    if is_example(text) {
        return None;
    }
    let lower = plain(text).to_lowercase();
    for word in NAMES {
        for (at, _) in lower.match_indices(word) {
            // 风机号 numbers fans, 手机号 is a telephone's.
            if is_vague(word) && lower[..at].ends_with(char::is_alphabetic) {
                continue;
            }
            let rest =
                lower[at + word.len()..].trim_start_matches([' ', ':', '=', '为', '是', '#', '(', '号', '|']);
            let hex = rest.strip_prefix("0x");
            let body = hex.unwrap_or(rest);
            let digits: String = body
                .chars()
                .take_while(|c| if hex.is_some() { c.is_ascii_hexdigit() } else { c.is_ascii_digit() })
                .collect();
            let behind = body[digits.len()..].trim_start().chars().next();
            // `1~3`, `1-247`, `1/2` are several, `40001` is a register, `10号楼` a house.
            let house = ["号楼", "号院", "号厂", "号房", "号路", "号线"]
                .iter()
                .any(|w| body[digits.len()..].starts_with(w));
            if digits.is_empty() || house || behind.is_some_and(|c| "~-—至到/、.个台只条路楼层室".contains(c))
            {
                continue;
            }
            let found = u8::from_str_radix(&digits, if hex.is_some() { 16 } else { 10 }).ok();
            if found.is_some() {
                return found;
            }
        }
    }
    let before = ["号站", "#站", "号从站", "#从站"].iter().find_map(|w| lower.find(w))?;
    let digits: String = lower[..before]
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .chars()
        .rev()
        .collect();
    digits.parse().ok()
}

/// Whether a list that is not read now may tell a unit id: a column, the sheet's name, or any of its rows.
pub(super) fn is_told(sheet: &Sheet, blocks: &[Block]) -> bool {
    blocks.iter().any(|b| b.column(&Field::Slave).is_some())
        || in_title(&sheet.name).is_some()
        || (0..sheet.rows.len()).any(|row| in_title(&super::of_sheet::line(sheet, row)).is_some())
}

/// Text that shows what goes over the line: `例：读取从站1的数据，发送 01 03 …`.
fn is_example(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "例",
        "e.g.",
        "example",
        "beispiel",
        "发送",
        "返回",
        "响应",
        "应答",
        "报文",
        "帧",
        "校验码",
        "crc",
        "request",
        "response",
        "query",
        "frame",
    ];
    // What is no example: parameters of the line beside which a unit id may stand.
    const OTHERWISE: &[&str] = &[
        "比例",
        "响应时间",
        "应答时间",
        "返回时间",
        "帧格式",
        "responsetime",
        "frameformat",
        "requestinterval",
    ];
    let word = OTHERWISE.iter().fold(folded(text), |word, other| word.replace(other, ""));
    WORDS.iter().any(|w| word.contains(w))
}

/// A label of a unit id by itself: `从站地址`, `Modbus Slave ID:`, `设备站号（十进制）`.
fn is_label(text: &str) -> bool {
    let word = folded(text);
    let bare = word.split('(').next().unwrap_or_default().trim_end_matches([':', '=', '为', '是', '#']);
    let names = || NAMES.iter().filter(|name| !is_vague(name)).map(|name| folded(name));
    let leads = ["", "modbus", "modbusrtu", "rtu", "plc", "设备", "本机", "仪表", "通讯", "通信"];
    names().any(|name| bare.strip_suffix(name.as_str()).is_some_and(|lead| leads.contains(&lead)))
}

/// The unit ids of a row of labels and numbers, in cells behind each other or in one: `波特率 | 9600 | 站号 | 3`.
pub(super) fn labelled(sheet: &Sheet, row: usize) -> Vec<u8> {
    let cells = pairs::cells(sheet, row);
    let valid = |text: &str| number(text).filter(|unit| (1..=247).contains(unit));
    let piece = |text: &str| {
        let (label, value) = text.split_at(text.find(|c: char| c.is_ascii_digit() || c == '#')?);
        is_label(label).then(|| valid(value.trim()))?
    };
    match &cells[..] {
        // Also among other parameters: `波特率9600，站号3`; whatever is longer is a sentence.
        [] => Vec::new(),
        [one] => {
            let text = plain(one);
            let mut pieces = text.split([',', ';', '、', '\n']);
            let short = pieces.clone().all(|p| p.chars().count() <= 24 && !p.contains("功能码"));
            pieces.find_map(piece).filter(|_| short).into_iter().collect()
        }
        several => {
            let line = folded(&several.join("|"));
            let has = |words: &[&str]| words.iter().any(|w| line.contains(w));
            // Parts of a frame, unless the row tells the parameters of the line.
            let line_of = has(&[
                "波特率",
                "字节序",
                "停止位",
                "协议",
                "串口",
                "baud",
                "stopbit",
                "protocol",
                "byteorder",
            ]);
            let frame = has(&["功能码", "function"]) && !line_of;
            let open = has(&["默认", "缺省", "出厂", "范围", "可设", "default", "factory", "range"]);
            if frame || several.len() > 2 && open || several.iter().any(|t| t.chars().count() > 24) {
                return Vec::new();
            }
            let bare =
                |n: usize| several.get(n).is_some_and(|t| plain(t).bytes().all(|b| b.is_ascii_digit()));
            let mut found: Vec<u8> = Vec::new();
            for (n, cell) in several.iter().enumerate() {
                // A label with several numbers behind it tells none of them.
                let behind = several.get(n + 1).filter(|_| is_label(cell) && !bare(n + 2));
                let unit = behind.and_then(|value| valid(value)).or_else(|| piece(&plain(cell)));
                found.extend(unit.filter(|unit| !found.contains(unit)));
            }
            found
        }
    }
}

/// What sheets without a list tell of the unit id: `从站地址：3` on a cover holds for all lists that tell none.
#[derive(Debug, Default)]
pub(super) struct Covers {
    /// What all of them tell alike.
    pub(super) unit: Option<u8>,
    /// Sheet, row from 0, words, unit id.
    said: Vec<(String, usize, String, u8)>,
}

impl Covers {
    /// Rows that are a label and a number; none that belongs to an example or a frame, which has its parts below each other.
    pub(super) fn of<'a>(sheets: impl Iterator<Item = &'a Sheet>) -> Self {
        const AROUND: usize = 8;
        let mut said = Vec::new();
        for sheet in sheets {
            let lines: Vec<String> =
                (0..sheet.rows.len()).map(|row| super::of_sheet::line(sheet, row)).collect();
            let shown = |row: usize| {
                let near = row.saturating_sub(AROUND)..(row + AROUND + 1).min(lines.len());
                lines[near].iter().any(|text| is_example(text))
            };
            for row in (0..lines.len()).filter(|row| !shown(*row)) {
                let units = labelled(sheet, row).into_iter();
                said.extend(units.map(|unit| (sheet.name.clone(), row, lines[row].clone(), unit)));
            }
        }
        let first = said.first().map(|s| s.3);
        Self { unit: first.filter(|unit| said.iter().all(|s| s.3 == *unit)), said }
    }

    /// Gives the unit id of the covers to the points of a workbook in which no list tells one itself.
    pub(super) fn give(&mut self, drafts: &mut [Found], others_tell: bool) {
        if others_tell || drafts.iter().any(|f| f.draft.station.is_some()) {
            self.unit = None;
        }
        if self.unit.is_some() {
            drafts.iter_mut().for_each(|f| f.draft.station = self.unit);
        }
    }

    /// Tells where the unit id of a list is from, or why what a cover tells was not used.
    pub(super) fn tell(&self, drafts: &[Found], warnings: &mut Vec<Trouble>) {
        let used = |unit: u8| drafts.iter().any(|f| f.draft.station == Some(unit));
        let open = drafts.iter().any(|f| f.draft.station.is_none());
        let (said, problem): (&[_], fn(u8, &str) -> String) = match self.unit {
            Some(unit) if used(unit) => (&self.said[..1], messages::station_of_cover),
            None if open => (&self.said, |_, text| messages::stations_of_covers(text)),
            _ => return,
        };
        warnings.extend(said.iter().map(|(sheet, row, text, unit)| Trouble {
            sheet: sheet.clone(),
            row: row + 1,
            column: String::new(),
            problem: problem(*unit, text),
            remedy:
                "a column 站号 in the list, or a title `站号 1` above it, says it without doubt".to_owned(),
        }));
    }
}

/// One device of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Station {
    /// Modbus unit id; none if its rows do not tell one.
    pub unit: Option<u8>,
    /// What the list calls it.
    pub name: Option<String>,
    /// How many points.
    pub points: usize,
}

/// The stations of a list, by unit id.
pub(super) fn stations(drafts: &[Found]) -> Vec<Station> {
    let mut found: BTreeMap<Option<u8>, Station> = BTreeMap::new();
    for draft in drafts.iter().map(|f| &f.draft) {
        let one = found.entry(draft.station).or_insert_with(|| Station {
            unit: draft.station,
            name: None,
            points: 0,
        });
        one.points += 1;
        one.name = one.name.take().or_else(|| draft.device.clone());
    }
    found.into_values().collect()
}

/// Whether the same names come at several stations: twins, each a piece of equipment of its own.
pub(super) fn are_twins(drafts: &[Found]) -> bool {
    let mut first: BTreeMap<&str, Option<u8>> = BTreeMap::new();
    drafts.iter().any(|f| {
        let Some(id) = f.draft.id.as_deref() else { return false };
        *first.entry(id).or_insert(f.draft.station) != f.draft.station
    })
}

impl Imported {
    /// What belongs to one station; warnings and faults stay with the whole list.
    #[must_use]
    pub fn of(&self, unit: Option<u8>) -> Self {
        let points = self.points.iter().filter(|p| p.station == unit).cloned().collect();
        Self {
            head: self.head.clone(),
            points,
            faults: self.faults.clone(),
            partial: self.partial,
            ..Self::default()
        }
    }

    /// The lines that put the profiles of a list into the settings; `profile` gives each station's name of profile.
    #[must_use]
    pub fn equipment_lines(&self, name: &str, profile: impl Fn(Option<u8>) -> String) -> String {
        let id = |text: &str| {
            let id: String = text
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
                .collect();
            let id = id.trim_matches('-').to_owned();
            if id.is_empty() { "unit".to_owned() } else { id }
        };
        let mut text = String::new();
        // Writing into a String does not fail.
        let head = |text: &mut String, id: &str, name: Option<&str>| {
            let _ = writeln!(text, "[[equipment]]\nid = \"{id}\"");
            if let Some(name) = name {
                let _ = writeln!(text, "name = {}", toml_edit::Value::from(name));
            }
            if self.kind().is_none() {
                let _ = writeln!(text, "kind = \"steam-boiler\"        # say which kind it is");
            }
        };
        let place = |text: &mut String, station: &Station| {
            let _ = writeln!(text, "profile = {}", toml_edit::Value::from(profile(station.unit)));
            let _ = writeln!(text, "source = \"plc-1\"             # the [[source.modbus]] of the line");
            let _ = match station.unit {
                Some(unit) => writeln!(text, "unit = {unit}"),
                None => writeln!(text, "unit = 1                     # the list does not say"),
            };
        };
        if self.twins || self.stations.len() == 1 {
            for station in &self.stations {
                let own = match station.unit {
                    Some(unit) if self.stations.len() > 1 => format!("{}-{unit}", id(name)),
                    _ => id(name),
                };
                head(&mut text, &own, station.name.as_deref());
                place(&mut text, station);
            }
            return text;
        }
        head(&mut text, &id(name), None);
        for station in &self.stations {
            let _ = match &station.name {
                Some(name) => writeln!(text, "[[equipment.device]]          # {}", name.replace('\n', " ")),
                None => writeln!(text, "[[equipment.device]]"),
            };
            place(&mut text, station);
        }
        text
    }

    fn kind(&self) -> Option<&str> {
        self.head.get("kind").and_then(super::Val::as_text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_id_is_read_as_people_write_it() {
        for (text, unit) in [
            ("1", 1),
            ("01", 1),
            ("2#", 2),
            ("#2", 2),
            ("３号", 3),
            ("0x0A", 10),
            ("0AH", 10),
            ("站2", 2),
            ("Slave 3", 3),
            ("地址:4", 4),
            ("1.0", 1),
            ("247", 247),
        ] {
            assert_eq!(number(text), Some(unit), "{text}");
        }
        for text in ["", "PLC", "40001", "1-3", "300", "见铭牌", "1号泵"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn an_example_of_what_goes_over_the_line_names_no_station() {
        for text in [
            "例：读取从站1的数据，发送 01 03 00 00 00 02 C4 0B",
            "e.g. slave 1: 01 03 00 00",
            "从站1返回报文",
            "Request to slave 5",
        ] {
            assert_eq!(in_title(text), None, "{text}");
        }
        assert_eq!(in_title("从站地址：2，比例 0.1"), Some(2));
        assert_eq!(in_title("站号 2，响应时间 100ms，帧格式 8N1"), Some(2));
        for text in ["从站地址", "Modbus Slave ID:", "设备站号（十进制）", "Slave Address"] {
            assert!(is_label(text), "{text}");
        }
        for text in ["机号", "默认站号", "从站数量", "液位计（站号", "1#锅炉从站地址"] {
            assert!(!is_label(text), "{text}");
        }
    }

    #[test]
    fn a_title_may_name_the_station() {
        for (text, unit) in [
            ("二、液位计（站号2）", 2),
            ("通讯参数：RS485 9600,8,N,1 站号 1 功能码 03", 1),
            ("从站地址：0x11", 17),
            ("Slave ID: 3", 3),
            ("2号站", 2),
            ("Modbus地址: 5", 5),
            ("从站地址 | 3", 3),
        ] {
            assert_eq!(in_title(text), Some(unit), "{text}");
        }
        for text in [
            "站号1~3",
            "共有从站3台",
            "Modbus地址从40001开始",
            "从站数量",
            "1#锅炉",
            "站号范围1-247",
            "点表",
            "station a",
        ] {
            assert_eq!(in_title(text), None, "{text}");
        }
    }
}
