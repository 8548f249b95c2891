//! Which register a row means, and how it is to be read: table, address, type, byte order, bit, length.

use super::super::address::{Address, Form};
use super::super::headers::Field;
use super::super::text::{folded, plain};
use super::super::types::{says_nothing, type_key, type_word, unread, width};
use super::super::value::{Keys, Val};
use super::super::{messages, table_key};
use super::table_words::{function, function_code, table_word};
use super::{Reading, Slot, one_byte};
use crate::settings::Table;

impl Reading<'_> {
    /// Table, address, type, order, bit, length, and what they take of the device.
    pub(super) fn register(
        &mut self,
        column: usize,
        found: &Address,
        listed: bool,
        keys: &mut Keys,
    ) -> Option<Slot> {
        let table = self.table(column, found)?;
        let modicon = found.form == Form::Modicon && found.table.is_some() && table != Table::Coil;
        let coil = found.maybe_coil && table == Table::Coil;
        let first = if coil { Some(found.number - 1) } else { found.first(self.around.base) };
        let Some(first) = first.filter(|f| *f <= 65_535) else {
            let number = found.number;
            match () {
                () if found.form == Form::Modicon => {
                    let problem =
                        format!("{number} is not a register: these numbers begin with {}", number + 1);
                    self.fault(column, problem, "--table takes every number as a plain address");
                }
                () if number == 0 => {
                    let remedy = "addresses counted from 0 need no base: --address-base 0";
                    self.fault(column, "0 lies before the first register, 1", remedy);
                }
                () => {
                    let problem = format!(
                        "{number} lies beyond the last register, {}",
                        65_535 + u32::from(self.around.base)
                    );
                    self.fault(
                        column,
                        problem,
                        "check the address, and whether the list counts from 0 or from 1",
                    );
                }
            }
            return None;
        };
        let mut put = |key: &str, value: Val| _ = keys.insert(key.to_owned(), value);
        if self.around.block.exact {
            put("address", Val::Number(f64::from(found.number)));
            let hex = found.form == Form::Hex && self.around.head_table.is_none();
            if self.cell(&Field::Table).is_some() || hex && self.cell(&Field::Function).is_none() {
                put("table", Val::text(table_key(table)));
            }
            if self.cell(&Field::Function).is_some() {
                put("function", Val::Number(f64::from(function_code(table))));
            }
        } else if modicon && self.around.head_table.is_none() {
            put("address", Val::Number(f64::from(found.number)));
        } else {
            // In a profile every number beside a table counts from the base.
            let counted = found.form == Form::Modicon || coil;
            let (base, head) = (self.around.base, self.around.head_base);
            let number = if counted || base != head { first + u32::from(head) } else { found.number };
            put("address", Val::Number(f64::from(number)));
            if self.around.head_table != Some(table) {
                put("table", Val::text(table_key(table)));
            }
        }
        let bits = matches!(table, Table::Coil | Table::DiscreteInput);
        let key = self.kind_of_value(found, bits, listed, keys)?;
        let registers = match key {
            _ if bits => 1,
            Some(key) => width(key)
                .or_else(|| keys.get("length").and_then(Val::as_number).map(|n| n as u32))
                .unwrap_or(1),
            None => 1,
        };
        Some(Slot { table, first, registers, bit: one_byte::first_bit(keys) })
    }

    /// Which table: the number's own, the row's, the head's, the section's, or holding.
    fn table(&mut self, column: usize, found: &Address) -> Option<Table> {
        let mut said: Option<(usize, Table)> = None;
        if let Some((at, text)) = self.cell(&Field::Function) {
            match function(&text) {
                Some(Ok(table)) => said = Some((at, table)),
                Some(Err(())) => {
                    self.warn(
                        at,
                        format!("`{}` only writes: left out", plain(&text)),
                        "Steamward reads with 1 to 4",
                    );
                    return None;
                }
                None => {
                    self.fault(at, format!("`{}` is not a function code", plain(&text)), "01, 02, 03 or 04");
                    return None;
                }
            }
        }
        if let Some((at, text)) = self.cell(&Field::Table) {
            match table_word(&text) {
                Some(table) if said.is_none_or(|(_, t)| t == table) => said = Some((at, table)),
                Some(_) => {
                    self.fault(
                        at,
                        format!("`{}` and the function code differ", plain(&text)),
                        "one of them is wrong",
                    );
                    return None;
                }
                // `寄存器类型` may hold the data type.
                None if type_word(&text).is_some() || said.is_some() => {}
                None => {
                    let remedy = "holding, input, coil or discrete (保持寄存器, 输入寄存器, 线圈, 离散输入)";
                    self.fault(at, format!("`{}` is not a register table", plain(&text)), remedy);
                    return None;
                }
            }
        }
        match (found.table, said) {
            (Some(own), Some((_, table))) if own != table => {
                self.fault(
                    column,
                    format!(
                        "{} is a {} address, but the function code reads {} ones",
                        found.number,
                        table_key(own),
                        table_key(table)
                    ),
                    "find out which is right; --table takes every number as a plain address",
                );
                None
            }
            (Some(own), _) => Some(own),
            (None, Some((_, table))) => Some(table),
            (None, None) => {
                if let Some(table) = self.around.head_table {
                    return Some(table);
                }
                let bit = self.cell(&Field::Type).and_then(|(_, t)| type_word(&t));
                let is_bit = bit.is_some_and(|w| w.is_bit());
                if found.maybe_coil && (is_bit || self.cell(&Field::Type).is_none()) {
                    return Some(Table::Coil);
                }
                if let Some(table) = self.around.section {
                    return Some(table);
                }
                if is_bit && found.bit.is_none() && self.cell(&Field::Bit).is_none() {
                    self.fault(
                        column,
                        format!("{} is a bit, but of which table?", found.number),
                        "write 10001 or 00001 style, add a column 功能码 (01, 02), or --table discrete",
                    );
                    return None;
                }
                self.assumed_table = true;
                Some(Table::HoldingRegister)
            }
        }
    }

    /// `type`, `order`, `bit`, `bits`, `length`; `None` when told. `Some(None)`: left to the default.
    fn kind_of_value(
        &mut self,
        found: &Address,
        bits: bool,
        listed: bool,
        keys: &mut Keys,
    ) -> Option<Option<&'static str>> {
        let at = self.column(&Field::Address).map_or(0, |c| c.index);
        let mut bit = found.bit;
        if let Some((column, text)) = self.cell(&Field::Bit) {
            let word = folded(&text);
            // A minus is no word before the number.
            let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '-');
            match digits.trim_end_matches('位').parse::<u8>() {
                Ok(b) if b <= 15 && bit.is_none_or(|own| own == b) => bit = Some(b),
                Ok(b) if b <= 15 => {
                    self.fault(column, format!("bit {b}, but the address says another"), "write it once");
                    return None;
                }
                _ => {
                    let remedy = "0 to 15, 0 is the lowest; beyond that it is in the next register";
                    self.fault(column, format!("`{}` is not a bit of a register", plain(&text)), remedy);
                    return None;
                }
            }
        }
        let (counted, in_bytes) = match self.cell(&Field::Registers) {
            Some((column, text)) => {
                let title = self.column(&Field::Registers).map_or("", |c| c.title.as_str());
                let bytes = folded(title).contains("字节")
                    || folded(&text).contains("字节")
                    || folded(title).contains("byte");
                let digits: String = plain(&text).chars().take_while(char::is_ascii_digit).collect();
                match digits.parse::<u32>() {
                    Ok(n) if (1..=250).contains(&n) => {
                        (Some((column, if bytes { n.div_ceil(2) } else { n })), bytes)
                    }
                    _ => {
                        self.fault(
                            column,
                            format!("`{}` is not a number of registers", plain(&text)),
                            "1 to 125",
                        );
                        return None;
                    }
                }
            }
            None => (self.text_bytes.map(|b| (at, b.div_ceil(2))), self.text_bytes.is_some()),
        };
        let mut registers = found.registers.or(counted.map(|c| c.1));
        let mut own_order = None;
        let mut key = None;
        if let Some((column, text)) = self.cell(&Field::Type).filter(|(_, t)| !says_nothing(t)) {
            let Some(mut word) = type_word(&text) else {
                let (problem, remedy) = unread(&text);
                self.fault(column, problem, remedy);
                return None;
            };
            if in_bytes {
                self.count_bytes(&mut word, &text);
            }
            if !bits && !self.around.block.exact && bit.is_none() && found.bit_to.is_none() && !listed {
                self.which_byte(&mut word, registers);
            }
            // A length of 8 counts the bits.
            if word.is_byte() && found.registers.is_none() && registers == Some(8) {
                registers = Some(1);
            }
            let Some(known) = type_key(&word, registers) else {
                let count = registers.unwrap_or(1);
                let remedy = "1, 2 or 4 registers for a number; check address and type";
                self.fault(column, format!("`{}` does not fit {count} registers", plain(&text)), remedy);
                return None;
            };
            own_order = word.order.map(|o| (column, o));
            key = Some(known);
            if known == "string" {
                let length = registers.or(word.characters.map(|c| c.div_ceil(2)));
                let Some(length) = length else {
                    let remedy = "write String(8), a range like 40101-40104, or a column 长度";
                    self.fault(column, "how long is the text?", remedy);
                    return None;
                };
                if !(1..=125).contains(&length) {
                    self.fault(column, format!("a text of {length} registers"), "1 to 125 registers");
                    return None;
                }
                if registers.is_none() {
                    let remedy = "two characters a register; write the range if that is wrong";
                    self.warn(column, format!("`{}` taken as {length} registers", plain(&text)), remedy);
                }
                keys.insert("length".to_owned(), Val::Number(f64::from(length)));
            } else if let (Some(wide), Some(count)) = (width(known), registers) {
                let also =
                    found.registers.is_none() && !in_bytes && (count == wide * 2 || count == wide * 16);
                if wide != count && !also && !bits {
                    let where_ = if found.registers.is_some() { at } else { counted.map_or(at, |c| c.0) };
                    self.fault(
                        where_,
                        format!("{count} registers, but `{}` takes {wide}", plain(&text)),
                        "correct the range or the type",
                    );
                    return None;
                }
            }
        } else if let Some(count) = registers.filter(|c| *c > 1 && !bits && !listed) {
            self.fault(
                at,
                format!("{count} registers, but no data type"),
                "say in a column 数据类型 what they hold: UINT32, INT32, FLOAT …",
            );
            return None;
        } else if !bits
            && !listed
            && bit.is_none()
            && found.bit_to.is_none()
            && self.column(&Field::Type).is_some()
        {
            self.untyped = true;
        }
        if bits {
            if key.is_some_and(|k| !matches!(k, "bit" | "bool")) && !self.around.block.exact {
                self.fault(
                    at,
                    "a coil or a discrete input holds one bit, no number",
                    "check function code and type",
                );
                return None;
            }
            return Some(Some("bool"));
        }
        if let (Some(low), Some(high)) = (found.bit, found.bit_to) {
            // The highest bit of a signed type is its sign.
            let kind = if high > 15 { "i32" } else { "i16" };
            let kind = key.filter(|k| *k == kind).unwrap_or("bits");
            keys.insert("type".to_owned(), Val::text(kind));
            keys.insert("bits".to_owned(), Val::numbers(&[f64::from(low), f64::from(high)]));
            return Some(Some(if high > 15 { "u32" } else { "u16" }));
        }
        if let Some(bit) = bit {
            // WORD or BYTE is what holds the bit; INT16 or FLOAT is a number, and a number is more than one bit.
            let holds = |k: &str| matches!(k, "bit" | "bool" | "u16") || k == "u8_low" && bit <= 7;
            if let Some(key) = key.filter(|k| !holds(k))
                && !self.around.block.exact
            {
                let (column, text) = self.cell(&Field::Type).unwrap_or((at, key.to_owned()));
                self.fault(
                    column,
                    messages::number_or_bit(&plain(&text), bit),
                    messages::NUMBER_OR_BIT_REMEDY,
                );
                return None;
            }
            keys.insert("bit".to_owned(), Val::Number(f64::from(bit)));
            if self.around.block.exact
                && let Some(key) = key
            {
                keys.insert("type".to_owned(), Val::text(key));
            }
            return Some(Some("bit"));
        }
        if let Some(key) = key {
            keys.insert("type".to_owned(), Val::text(key));
        }
        self.order(key, own_order, keys)?;
        Some(key)
    }
}
