//! What the words around a list say of its addresses: `地址从1开始`, `地址为十六进制`, `起始地址4096`, `字节地址`. What is understood is
//! used and told; a start that the addresses contradict, and addresses of bytes, are problems that stop.

use super::headers::Field;
use super::of_sheet::line;
use super::pairs::spoken;
use super::scan::Block;
use super::text::{folded, letters};
use super::{Sheet, Trouble, address, messages};

/// From here on a start is a Modicon number, which addresses of that kind agree with.
const MODICON: u32 = 10_001;

/// What one sentence says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The first register is 0 or 1.
    pub(super) base: Option<u8>,
    /// Hexadecimal, or decimal.
    pub(super) hex: Option<bool>,
    /// Where the list starts.
    pub(super) start: Option<u32>,
    /// Bytes are counted, not registers.
    pub(super) bytes: bool,
    /// Bits are counted from 1.
    pub(super) bits_from_one: bool,
}

/// A sentence with its place.
#[derive(Debug, Clone)]
struct Note {
    row: usize,
    column: usize,
    text: String,
    said: Said,
}

/// The sentences of one sheet, and those of covers.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    own: Vec<Note>,
    covers: Vec<Said>,
    /// The first row of the first list: a start is told above it.
    first: usize,
}

/// What holds for one row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Holds {
    pub(super) base: Option<u8>,
    pub(super) hex: Option<bool>,
    /// The start, and the row of the sentence.
    pub(super) start: Option<(u32, usize)>,
    /// The row of a sentence for which nothing below it can be read.
    pub(super) refused: Option<usize>,
}

/// What a cover sheet says.
pub(super) fn of_cover(sheet: &Sheet) -> Vec<Said> {
    (0..sheet.rows.len())
        .filter_map(|row| said(&spoken(sheet, row)))
        .map(|s| Said { start: None, ..s })
        .collect()
}

impl Places {
    /// The sentences around the lists of a sheet: every row that is neither a header nor a point.
    pub(super) fn of(sheet: &Sheet, blocks: &[Block], covers: &[Said]) -> Self {
        let is_point = |row: usize| {
            blocks.iter().any(|b| {
                b.header.contains(&row)
                    || b.exact
                    || b.rows.contains(&row)
                        && b.column(&Field::Address).is_some_and(|c| {
                            let habit = address::Habit { hex: true, ..address::Habit::default() };
                            let cell = sheet.down(row, c.index).shown();
                            !matches!(address::address(&cell, habit), Ok(None) | Err(_))
                        })
            })
        };
        let note = |row: usize| {
            let text = line(sheet, row);
            let said = said(&spoken(sheet, row))?;
            let cells = sheet.rows.get(row)?;
            let column = cells.iter().position(|c| !c.is_empty()).unwrap_or(0);
            Some(Note { row, column, text, said })
        };
        // An export says all of it in its keys.
        let exact = !blocks.is_empty() && blocks.iter().all(|b| b.exact);
        let own = (0..sheet.rows.len()).filter(|row| !exact && !is_point(*row)).filter_map(note).collect();
        Self { own, covers: covers.to_vec(), first: blocks.first().map_or(0, |b| b.header.start) }
    }

    /// What holds for a row: the nearest sentence above it, else the first below, else that of a cover.
    pub(super) fn at(&self, row: usize) -> Holds {
        fn nearest<T: Copy>(places: &Places, row: usize, of: impl Fn(&Said) -> Option<T>) -> Option<T> {
            let own = || places.own.iter().filter_map(|n| Some((n.row, of(&n.said)?)));
            let above = own().rfind(|(at, _)| *at < row);
            above.or_else(|| own().next()).map(|(_, v)| v).or_else(|| places.covers.iter().find_map(&of))
        }
        let above = |test: &dyn Fn(&Said) -> bool| {
            self.own.iter().rev().find(|n| n.row < row && test(&n.said)).map(|n| n.row)
        };
        let starts = |n: &&Note| n.said.start.is_some_and(|s| n.row < row || s >= MODICON);
        let start = self.own.iter().rev().find(|n| n.row < row && starts(n));
        let start = start.or_else(|| self.own.iter().find(starts));
        Holds {
            base: nearest(self, row, |s| s.base),
            hex: nearest(self, row, |s| s.hex),
            start: start.and_then(|n| Some((n.said.start?, n.row))),
            refused: above(&|s| s.bytes || s.bits_from_one),
        }
    }

    /// Every sentence with what was made of it: warnings, and those that stop.
    pub(super) fn told(&self, sheet: &str) -> (Vec<Trouble>, Vec<Trouble>) {
        let (mut warnings, mut faults) = (Vec::new(), Vec::new());
        for note in &self.own {
            let trouble = |problem: String, remedy: &str| Trouble {
                sheet: sheet.to_owned(),
                row: note.row + 1,
                column: letters(note.column),
                problem,
                remedy: remedy.to_owned(),
            };
            let said = &note.said;
            if said.bytes {
                faults.push(trouble(messages::byte_addresses(&note.text), messages::BYTE_ADDRESSES_REMEDY));
            }
            if said.bits_from_one {
                faults.push(trouble(messages::bits_from_one(&note.text), messages::BITS_FROM_ONE_REMEDY));
            }
            if let Some(base) = said.base {
                warnings.push(trouble(messages::base_note(base), messages::BASE_REMEDY));
            }
            if let Some(hex) = said.hex {
                warnings.push(trouble(messages::hex_note(hex), messages::HEX_REMEDY));
            }
            if let Some(start) = said.start.filter(|s| note.row < self.first && *s < MODICON) {
                warnings.push(trouble(messages::start_note(start), messages::BASE_REMEDY));
            }
            let late = said.start.is_some_and(|s| s < MODICON) && note.row >= self.first;
            if late && said.base.is_none() && said.hex.is_none() {
                warnings.push(trouble(messages::addresses_unused(&note.text), messages::BASE_REMEDY));
            }
            if *said == Said::default() {
                warnings.push(trouble(messages::addresses_unused(&note.text), messages::BASE_REMEDY));
            }
        }
        (warnings, faults)
    }
}

/// A header over addresses that count bytes.
pub(super) fn counts_bytes(title: &str) -> bool {
    let word = spaceless(title);
    ["字节地址", "字节偏移", "byteaddress", "byteoffset", "byteadresse"].iter().any(|w| word.contains(w))
}

/// A header over numbers that count from a start: `偏移地址`, `相对地址`, `offset`.
pub(super) fn is_offset(title: &str) -> bool {
    let word = spaceless(title);
    ["偏移", "相对", "offset", "relative"].iter().any(|w| word.contains(w))
}

/// A header over the register at which a group starts.
pub(super) fn is_start(title: &str) -> bool {
    let word = spaceless(title);
    [
        "起始",
        "首地址",
        "基地址",
        "基址",
        "startaddress",
        "startregister",
        "startingaddress",
        "baseaddress",
        "startadresse",
    ]
    .iter()
    .any(|w| word.contains(w))
}

fn spaceless(text: &str) -> String {
    folded(text).replace(['-', '_'], "")
}

/// What a text says of addresses; `None` if it does not speak of them. Nothing understood: all empty.
pub(super) fn said(text: &str) -> Option<Said> {
    let mut whole = folded(text);
    for other in [
        "从站地址",
        "站地址",
        "从机地址",
        "设备地址",
        "通讯地址",
        "通信地址",
        "仪表地址",
        "ip地址",
        "mac地址",
        "slaveaddress",
        "deviceaddress",
        "unitaddress",
        "slaveadresse",
        "geräteadresse",
        "邮箱地址",
        "公司地址",
        "厂址",
        "项目地址",
    ] {
        whole = whole.replace(other, " ");
    }
    let mut said = Said::default();
    let mut speaks = false;
    let mut of_address = false;
    for clause in whole.split([',', ';', '.', '\n', '|', '(', ')', '、', '[', ']']) {
        let bare = clause.replace(['-', '_'], "");
        let own =
            ["地址", "寄存器", "address", "register", "adresse", "点号"].iter().any(|w| clause.contains(w));
        of_address |= own;
        let from = counted_from(&bare);
        if !own && (bare.contains("位") || bare.contains("bit")) && from == Some(1) {
            said.bits_from_one = true;
            speaks = true;
        }
        if !of_address {
            continue;
        }
        if own || bare.ends_with("based") {
            match from {
                Some(base @ (0 | 1)) => said.base = Some(base as u8),
                Some(start) => said.start = Some(start),
                None => {}
            }
        }
        let word = if own { bare.clone() } else { bare.trim_matches([':', ' ']).to_owned() };
        let hex = ["十六进制", "16进制", "hexadecimal", "hex"]
            .iter()
            .any(|w| if own { word.contains(w) } else { word == **w });
        let decimal = ["十进制", "10进制", "decimal"]
            .iter()
            .any(|w| if own { word.replace("hexadecimal", "").contains(w) } else { word == **w });
        if hex != decimal && !clause.contains(['非', '不']) {
            said.hex = Some(hex);
        }
        said.bytes |= counts_bytes(clause) && !clause.contains(['非', '不']);
        if let Some(start) = started_at(&bare) {
            said.start = Some(start);
        }
        speaks |= hex
            || decimal
            || from.is_some()
            || ["加1", "减1", "+1", "1开始", "协议地址", "偏移", "offset", "基地址", "based", "进制"]
                .iter()
                .any(|w| clause.contains(w));
    }
    let heard = said != Said::default();
    (heard || speaks && of_address).then_some(said)
}

/// `从1开始`, `1based`, `starts at 1`.
fn counted_from(clause: &str) -> Option<u32> {
    for (word, base) in [
        ("1based", 1),
        ("0based", 0),
        ("onebased", 1),
        ("zerobased", 0),
        ("从零开始", 0),
        ("从一开始", 1),
        ("从零起", 0),
        ("从一起", 1),
    ] {
        if clause.contains(word) {
            return Some(base);
        }
    }
    for (lead, ends) in [
        ("从", &["开始", "起", "始", "计"][..]),
        ("以", &["开始", "起", "为起", "为首"]),
        ("自", &["开始", "起"]),
        ("由", &["开始", "起"]),
        ("startat", &[""]),
        ("startsat", &[""]),
        ("startfrom", &[""]),
        ("startsfrom", &[""]),
        ("startingat", &[""]),
        ("startingfrom", &[""]),
        ("countfrom", &[""]),
        ("countedfrom", &[""]),
        ("beginat", &[""]),
        ("beginwith", &[""]),
        ("beginnenbei", &[""]),
        ("beginntbei", &[""]),
        ("ab", &[""]),
    ] {
        for (at, _) in clause.match_indices(lead) {
            let Some((number, rest)) = number_at(&clause[at + lead.len()..]) else { continue };
            if ends.iter().any(|end| rest.starts_with(end)) {
                return Some(number);
            }
        }
    }
    None
}

/// `起始地址4096`, `base address 0x1000`.
fn started_at(clause: &str) -> Option<u32> {
    [
        "起始地址",
        "首地址",
        "基地址",
        "起始寄存器",
        "baseaddress",
        "startaddress",
        "startingaddress",
        "startadresse",
        "偏移量为",
    ]
    .iter()
    .find_map(|lead| {
        let at = clause.find(lead)? + lead.len();
        let rest = clause[at..].trim_start_matches([':', '=', '为', '是', ' ']);
        number_at(rest).map(|(n, _)| n).filter(|n| *n > 1)
    })
}

fn number_at(text: &str) -> Option<(u32, &str)> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (number, rest) = digits.split_at(end);
    match rest.strip_prefix('h').filter(|_| radix == 10) {
        Some(rest) => Some((u32::from_str_radix(number, 16).ok()?, rest)),
        None => Some((u32::from_str_radix(number, radix).ok()?, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_about_addresses_are_understood_listed_or_not_about_them() {
        let base = |n| Said { base: Some(n), ..Said::default() };
        let hex = |on| Said { hex: Some(on), ..Said::default() };
        let start = |n| Said { start: Some(n), ..Said::default() };
        for (text, found) in [
            ("锅炉A点表（站号1，地址从1开始）", base(1)),
            ("锅炉点表（寄存器地址从1开始）", base(1)),
            ("寄存器从0开始编号", base(0)),
            ("Addresses are 1-based", base(1)),
            ("Register addresses (0-based)", base(0)),
            ("addresses start at 1", base(1)),
            ("Adressen ab 1", base(1)),
            ("注：地址为十六进制", hex(true)),
            ("地址均为16进制", hex(true)),
            ("Register addresses (HEX)", hex(true)),
            ("地址为十进制", hex(false)),
            ("以下为从站1的寄存器,起始地址4096", start(4096)),
            ("Base address: 0x1000", start(4096)),
            ("Modbus地址从40001开始", start(40_001)),
            ("寄存器地址从0x1000开始", start(4096)),
            ("本表为字节地址", Said { bytes: true, ..Said::default() }),
            ("位序从1开始", Said { bits_from_one: true, ..Said::default() }),
            ("注2：PLC地址=协议地址+1，表中为协议地址", Said::default()),
            ("地址非十六进制", Said::default()),
        ] {
            assert_eq!(said(text), Some(found), "{text}");
        }
        for text in [
            "从站地址从1开始",
            "序号从1开始",
            "数据为十六进制",
            "Modbus地址: 5",
            "一、压力变送器（站号1）",
            "二、保持寄存器",
            "某某锅炉房通讯点表",
            "通讯参数：RS485 9600,8,N,1 功能码 03",
            "地址：某市某路10号",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
