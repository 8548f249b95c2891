//! A register address as manuals and integrators write it → table, number, bit, how many registers.
//!
//! Modicon numbers (40001, 400001, 4x0001), plain and hexadecimal ones, ranges, bits behind a point.
//! PLC memory (D100, VD4, DB1.DBD0) is no Modbus address: it is named as such, never guessed.

use super::text::{is_blank, plain};
use crate::settings::Table;

/// How a number was written, which decides how it is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `40001`, `400001`, `4x0001`: the table is in the number, which counts from 1.
    Modicon,
    /// Decimal, counted from the profile's base.
    Plain,
    /// Hexadecimal, counted from the profile's base.
    Hex,
}

/// One address cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Said by the number itself.
    pub(super) table: Option<Table>,
    pub(super) number: u32,
    pub(super) form: Form,
    /// `40021.3`.
    pub(super) bit: Option<u8>,
    /// `40021.0-3`: a field up to this bit.
    pub(super) bit_to: Option<u8>,
    /// `40001-40002`: how many.
    pub(super) registers: Option<u32>,
    /// `00001`: a coil, unless a function code says otherwise.
    pub(super) maybe_coil: bool,
}

impl Address {
    /// The register counted from 0; `base` is where plain numbers start. `None` before the first.
    pub(super) fn first(&self, base: u8) -> Option<u32> {
        match (self.form, self.table) {
            (Form::Modicon, Some(Table::Coil)) => self.number.checked_sub(1),
            (Form::Modicon, Some(_)) if self.number >= 100_000 => (self.number % 100_000).checked_sub(1),
            (Form::Modicon, Some(_)) => (self.number % 10_000).checked_sub(1),
            _ => self.number.checked_sub(u32::from(base)),
        }
    }
}

/// What the rest of the sheet tells about its addresses.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habit {
    /// The column says hexadecimal, or most of its cells can be nothing else.
    pub(super) hex: bool,
    /// `4x0001` stands elsewhere: `0x0001` is then a coil, not a hexadecimal number.
    pub(super) x_style: bool,
    /// A `table` is set for the whole sheet: decimal numbers are plain.
    pub(super) plain: bool,
    /// Some cells can only be hexadecimal, and nothing says that the others are or are not.
    pub(super) mixed: bool,
    /// `00000` stands elsewhere: numbers filled up with zeros are plain ones, counted from 0.
    pub(super) from_zero: bool,
}

/// `000A`: a number that can only be hexadecimal, though nothing marks it.
pub(super) fn only_hex(text: &str) -> bool {
    let shown: String = plain(text).chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    plc(&shown, false).is_none() && matches!(single(&shown, Habit::default()), Err(SingleFault::Hex))
}

/// Why a cell is no register address; problem and remedy.
pub(super) type AddressFault = (String, String);

/// Reads one cell; `Ok(None)` for an empty one.
pub(super) fn address(text: &str, habit: Habit) -> Result<Option<Address>, AddressFault> {
    if is_blank(text) {
        return Ok(None);
    }
    let shown = plain(text);
    let upper: String = shown.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    let bare = ["寄存器", "地址", "REGISTER", "REG.", "REG", "ADDR.", "ADDR", "HR"]
        .iter()
        .find_map(|p| upper.strip_prefix(p))
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(&upper);
    if let Some(fault) = plc(bare, habit.hex) {
        return Err(fault);
    }
    let (bare, bit, bit_to) = bits(bare, &shown)?;
    let (start, end) = range(bare);
    let mut found = single(start, habit).map_err(|f| f.told(&shown))?;
    if let Some(end) = end {
        found.registers = Some(registers(start, end, &found, habit).ok_or_else(|| {
            (
                format!("`{shown}` is not a range of registers"),
                "write first-last, e.g. 40001-40002".to_owned(),
            )
        })?);
    }
    (found.bit, found.bit_to) = (bit, bit_to);
    if habit.mixed
        && found.form == Form::Plain
        && let Ok(hex) = u32::from_str_radix(start, 16)
        && hex != found.number
    {
        let remedy = "name the column 地址(HEX), or write 0x before the hexadecimal ones".to_owned();
        return Err((super::messages::number_of_two_kinds(&shown, found.number, hex), remedy));
    }
    Ok(Some(found))
}

/// The bit behind a register: `.3`, `:3`, `bit3`, `.0-3`.
fn bits<'a>(bare: &'a str, shown: &str) -> Result<(&'a str, Option<u8>, Option<u8>), AddressFault> {
    // `4:0008` is a table and a number, read by [`single`].
    if split_table(bare).is_some() {
        return Ok((bare, None, None));
    }
    let Some(cut) = bare.find(['.', ':']).or_else(|| bare.find("BIT")).or_else(|| bare.find('位')) else {
        return Ok((bare, None, None));
    };
    // `40001..40002` is a range.
    if bare[cut..].starts_with("..") {
        return Ok((bare, None, None));
    }
    let digits = bare[cut..].trim_start_matches(['.', ':', 'B', 'I', 'T', '位']);
    let mut both = digits.splitn(2, ['-', '~']);
    let one = |s: Option<&str>| s.map(|s| s.trim_start_matches(['.', 'B', 'I', 'T']).parse::<u8>());
    let wrong = || {
        (
            format!("`{shown}` does not tell which bit"),
            "write register.bit with a bit from 0 to 15, e.g. 40021.3".to_owned(),
        )
    };
    let register = bare[..cut].trim_end_matches(['-', '_', '/']);
    // Bits have two digits at most: `4.0008` is something else.
    let long = digits.split(['-', '~']).any(|d| d.bytes().filter(u8::is_ascii_digit).count() > 2);
    match (one(both.next()), one(both.next())) {
        _ if long => Err(wrong()),
        (Some(Ok(low)), None) if low <= 15 => Ok((register, Some(low), None)),
        (Some(Ok(low)), Some(Ok(high))) if low < high && high <= 31 => Ok((register, Some(low), Some(high))),
        _ => Err(wrong()),
    }
}

/// The two ends of `40001-40002`, `40001~2`, `40001至40002`.
fn range(bare: &str) -> (&str, Option<&str>) {
    for sign in ["..", "~", "至", "到", "TO", "-", "/", ",", "、", "&"] {
        if let Some((start, end)) = bare.split_once(sign)
            && !start.is_empty()
        {
            return (start, Some(end.trim_start_matches(['.', '~', '-'])));
        }
    }
    (bare, None)
}

fn registers(start: &str, end: &str, first: &Address, habit: Habit) -> Option<u32> {
    let mut last = single(end, habit).ok()?.number;
    if last <= first.number && end.len() < start.len() && first.form != Form::Hex {
        // `40009-10`: only the digits that change are written.
        let step = 10_u32.checked_pow(u32::try_from(end.len()).ok()?)?;
        last = first.number / step * step + end.parse::<u32>().ok()?;
    }
    let count = last.checked_sub(first.number)? + 1;
    (2..=125).contains(&count).then_some(count)
}

#[derive(Debug)]
enum SingleFault {
    Letters(String),
    Hex,
    Big,
    Text,
    CoilOrHex,
}

impl SingleFault {
    fn told(self, shown: &str) -> AddressFault {
        match self {
            Self::Letters(better) => (
                format!("`{shown}` is not a register address (a letter among the digits?)"),
                format!("write {better}"),
            ),
            Self::Hex => (
                format!("`{shown}` looks hexadecimal, but nothing says so"),
                format!("write 0x{}, or name the column 地址(HEX)", shown.to_uppercase()),
            ),
            Self::Big => (
                format!("`{shown}` is beyond the 65536 registers of a table"),
                "40001 style, or 0 to 65535 (0x0000 to 0xFFFF) with a function code".to_owned(),
            ),
            Self::CoilOrHex => (
                format!(
                    "`{shown}` may be hexadecimal or a coil, as others of the list are written like 4x0001; coils count from 1"
                ),
                "write 40001 style for a register, 00001 style for a coil".to_owned(),
            ),
            Self::Text => (
                format!("`{shown}` is not a register address"),
                "write it like 40001, 0x2000, or 0 with a function code".to_owned(),
            ),
        }
    }
}

fn single(text: &str, habit: Habit) -> Result<Address, SingleFault> {
    let make = |table, number: u32, form| {
        let top = if form == Form::Modicon { 465_536 } else { 65_536 };
        if number > top {
            return Err(SingleFault::Big);
        }
        Ok(Address { table, number, form, bit: None, bit_to: None, registers: None, maybe_coil: false })
    };
    let all = |s: &str, hex: bool| {
        !s.is_empty()
            && s.len() <= 8
            && s.bytes().all(|b| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() })
    };
    let hex = |digits: &str| make(None, u32::from_str_radix(digits, 16).unwrap_or(u32::MAX), Form::Hex);
    if let Some((lead, rest)) = split_table(text) {
        return x_style(lead, rest).ok_or(SingleFault::Big);
    }
    // Coils count from 1: where `0x0003` is one, `0x0000` may be a hexadecimal number or a slip.
    if habit.x_style && text.strip_prefix("0X").is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b == b'0'))
    {
        return Err(SingleFault::CoilOrHex);
    }
    if let Some((lead, rest)) = text.split_once('X')
        && matches!(lead, "1" | "3" | "4" | "0")
        && (lead != "0" || habit.x_style)
        && all(rest, false)
    {
        return x_style(lead, rest).ok_or(SingleFault::Big);
    }
    let digits = ["0X", "&H", "16#", "H", "$"].iter().find_map(|p| text.strip_prefix(p));
    if let Some(digits) = digits.or_else(|| text.strip_suffix('H')).filter(|d| all(d, true)) {
        return hex(digits);
    }
    if all(text, false) && !habit.hex {
        let number: u32 = text.parse().map_err(|_| SingleFault::Big)?;
        let table = match number {
            _ if habit.plain => None,
            10_001..=49_999 => modicon(number / 10_000),
            100_001..=465_536 => modicon(number / 100_000),
            _ => None,
        };
        let form = if table.is_some() { Form::Modicon } else { Form::Plain };
        let mut found = make(table, number, form)?;
        found.maybe_coil = !habit.plain
            && !habit.from_zero
            && (text.len() == 5 || text.len() == 6)
            && text.starts_with('0')
            && number > 0;
        return Ok(found);
    }
    if habit.hex && all(text, true) {
        return hex(text);
    }
    let mended: String = text
        .chars()
        .map(|c| match c {
            'O' | 'Q' => '0',
            'L' | 'I' | '|' => '1',
            'S' => '5',
            'Z' => '2',
            'B' => '8',
            c => c,
        })
        .collect();
    if mended != text
        && all(&mended, false)
        && text.bytes().filter(u8::is_ascii_digit).count() * 2 >= text.len()
    {
        return Err(SingleFault::Letters(mended));
    }
    if all(text, true) && text.bytes().any(|b| b.is_ascii_digit()) {
        return Err(SingleFault::Hex);
    }
    Err(SingleFault::Text)
}

/// `4:0008`, `3:00012`: the digit of a table, and a number with all its places.
fn split_table(text: &str) -> Option<(&str, &str)> {
    let (lead, rest) = text.split_once(':')?;
    let digits = (4..=5).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit());
    (matches!(lead, "0" | "1" | "3" | "4") && digits).then_some((lead, rest))
}

fn modicon(lead: u32) -> Option<Table> {
    match lead {
        1 => Some(Table::DiscreteInput),
        3 => Some(Table::InputRegister),
        4 => Some(Table::HoldingRegister),
        _ => None,
    }
}

/// `4x0001` and `0x0001` (a coil): Modicon numbers as touch panels write them.
fn x_style(lead: &str, digits: &str) -> Option<Address> {
    let number: u32 = digits.parse().ok()?;
    let lead: u32 = lead.parse().ok()?;
    // WinCC writes the whole Modicon number behind it: `4x400001`.
    let within = number.checked_sub(lead * 100_000).filter(|n| lead > 0 && digits.len() == 6 && *n > 0);
    let number = within.unwrap_or(number);
    if !(1..=65_536).contains(&number) {
        return None;
    }
    let (table, form, number) = match modicon(lead) {
        Some(table) if number <= 9_999 => (table, Form::Modicon, lead * 10_000 + number),
        Some(table) => (table, Form::Modicon, lead * 100_000 + number),
        // Coils have no Modicon number that a profile could hold: counted from 0, marked by the table.
        None => (Table::Coil, Form::Modicon, number),
    };
    Some(Address {
        table: Some(table),
        number,
        form,
        bit: None,
        bit_to: None,
        registers: None,
        maybe_coil: false,
    })
}

/// Memory of a PLC, and what to ask for.
fn plc(text: &str, hex: bool) -> Option<AddressFault> {
    let text = text.trim_start_matches('%');
    let letters = text.chars().take_while(char::is_ascii_uppercase).collect::<String>();
    let rest = &text[letters.len()..];
    if letters.is_empty() || !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if hex && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number: Option<u32> = rest.split('.').next().and_then(|n| n.parse().ok());
    let (maker, hint) = match letters.as_str() {
        "VB" | "VW" | "VD" | "V" => {
            let register = number.map(|n| n / 2 + 40_001).filter(|n| *n <= 49_999);
            let hint = match register {
                Some(r) if letters != "V" => format!(
                    " (on an S7-200 whose Modbus holding area starts at VB0 this would be {r}: have that confirmed)"
                ),
                _ => String::new(),
            };
            ("Siemens S7-200", hint)
        }
        "DB" | "MB" | "MW" | "MD" | "IW" | "QW" | "ID" | "QD" | "PIW" | "AIW" | "AQW" | "IB" | "QB" => {
            ("Siemens", String::new())
        }
        "I" | "Q" => ("Siemens", String::new()),
        "D" | "W" | "R" | "T" | "C" | "X" | "Y" | "M" | "S" | "SM" | "SD" | "HD" | "HM" | "ZR" | "LW"
        | "RW" | "LB" | "DM" | "CIO" | "DT" | "WR" => ("PLC", String::new()),
        _ => return None,
    };
    Some((
        format!("`{text}` is {maker} memory, not a Modbus address"),
        format!(
            "ask the vendor or the programmer for its Modbus register and function code{hint}, \
             or have the value moved into the Modbus area"
        ),
    ))
}

#[cfg(test)]
mod tests;
