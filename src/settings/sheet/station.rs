//! Which device on the line a row belongs to: a column of unit ids, or a title such as `二、液位计（站号2）`.
//! Every station becomes a profile of its own, with the lines that put it into the settings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::import::{Found, Imported};
use super::text::{folded, plain};
use super::{Sheet, Trouble, messages};

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

/// What sheets without a list tell of the unit id: `从站地址：3` on a cover holds for all lists that tell none.
#[derive(Debug, Default)]
pub(super) struct Covers {
    /// What all of them tell alike.
    pub(super) unit: Option<u8>,
    /// Sheet, row from 0, words, unit id.
    said: Vec<(String, usize, String, u8)>,
}

impl Covers {
    pub(super) fn of<'a>(sheets: impl Iterator<Item = &'a Sheet>) -> Self {
        let mut said = Vec::new();
        for sheet in sheets {
            said.extend((0..sheet.rows.len()).filter_map(|row| {
                let text = super::of_sheet::line(sheet, row);
                let unit = in_title(&text).filter(|unit| (1..=247).contains(unit))?;
                Some((sheet.name.clone(), row, text, unit))
            }));
        }
        let first = said.first().map(|s| s.3);
        Self { unit: first.filter(|unit| said.iter().all(|s| s.3 == *unit)), said }
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
