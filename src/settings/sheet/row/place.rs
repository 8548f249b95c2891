//! Which register a row means: its own cell, that of the row above it, or a number counted from what another column or a note
//! names.

use super::super::address::{Address, Form, Habit, address};
use super::super::headers::{Column, Field};
use super::super::text::{is_blank, plain, written};
use super::super::{Cell, messages, pairs, places, scan, types};
use super::Reading;
use super::table_words::is_label;

impl Reading<'_> {
    /// The register's address; `Err(Some)` for a row that is none, `Err(None)` when told.
    pub(super) fn place(&mut self) -> Result<Option<(usize, Address)>, Option<String>> {
        let around = self.around;
        let Some(column) = self.column(&Field::Address) else { return Ok(None) };
        let index = column.index;
        let cell = around.sheet.down(self.row, index);
        let mut text = cell.shown();
        let filled = scan::filled(around.sheet, self.row);
        // `功能码 | 04` between the rows is a title, though a point of this name could stand at 4.
        let label = || pairs::cells(around.sheet, self.row).first().is_some_and(|cell| is_label(cell));
        if !around.block.exact && filled == 2 && around.block.columns.len() > 2 && label() {
            return Err(Some(self.line()));
        }
        if is_blank(&text) {
            if around.block.exact {
                return Ok(None);
            }
            match (&around.above, self.cell(&Field::Bit)) {
                (Some((above, _)), Some(_)) => text.clone_from(above),
                _ => {
                    let title = self.line();
                    let listed = ["pointer", "topic", "metric"]
                        .iter()
                        .any(|k| self.cell(&Field::Key((*k).to_owned())).is_some());
                    if listed {
                        return Ok(None);
                    }
                    if filled < 3 || self.cell(&Field::Type).is_none() && self.cell(&Field::Name).is_none() {
                        return Err(Some(title));
                    }
                    self.fault(
                        index,
                        "no register address",
                        "write one like 40001; delete the row if it is not a point",
                    );
                    return Err(None);
                }
            }
        }
        // `40021.10` typed as a number arrives as 40021.1: after bit 9 it is bit 10.
        if let (Cell::Number(n), Some((above, Some(9)))) = (cell, &around.above)
            && n.fract() != 0.0
            && written(*n).split_once('.').is_some_and(|(r, b)| b == "1" && above.starts_with(r))
        {
            text.push('0');
        }
        if !around.block.exact {
            self.behind_the_number(index, &mut text)?;
        }
        let typed_plain = around.habit.plain
            || around.block.exact
                && (self.cell(&Field::Table).is_some() || self.cell(&Field::Function).is_some());
        let hex = column.hex || around.habit.hex;
        let habit = Habit { hex, plain: typed_plain, mixed: around.habit.mixed && !hex, ..around.habit };
        match address(&text, habit) {
            Ok(Some(mut found)) => {
                let register = plain(&text).split('.').next().unwrap_or_default().to_owned();
                self.address = Some((register, found.bit));
                if !around.block.exact {
                    self.counted_on(column, &mut found)?;
                }
                Ok(Some((index, found)))
            }
            Ok(None) => Err(Some(self.line())),
            Err(_) if filled <= 2 && !text.chars().any(|c| c.is_ascii_digit()) => Err(Some(self.line())),
            Err(_) if filled == 1 => Err(Some(self.line())),
            Err((problem, remedy)) => {
                self.fault(index, problem, remedy);
                Err(None)
            }
        }
    }

    /// Adds what another column or a note says to count from.
    fn counted_on(&mut self, column: &Column, found: &mut Address) -> Result<(), Option<String>> {
        if let Some((at, text)) = self.cell(&Field::Beyond) {
            let Ok(beyond) = plain(&text).parse::<u32>() else {
                self.fault(at, format!("`{}` is not a number of registers", plain(&text)), "0 or more");
                return Err(None);
            };
            found.number = found.number.saturating_add(beyond);
        }
        let Some(start) = self.around.start else { return Ok(()) };
        if places::is_offset(&column.title) && found.form != Form::Modicon {
            let mut at =
                address(&start.to_string(), Habit { plain: self.around.habit.plain, ..Habit::default() })
                    .ok()
                    .flatten()
                    .ok_or(None)?;
            at.number = at.number.saturating_add(found.number);
            *found = Address { bit: found.bit, bit_to: found.bit_to, registers: found.registers, ..at };
        } else if found.form != Form::Modicon && found.number < start {
            self.fault(column.index, messages::start_unclear(start), messages::START_REMEDY);
            return Err(None);
        }
        Ok(())
    }

    /// What Kepware writes behind a number: `400200.16H` is a text of 16 bytes, `400300[4]` an array.
    fn behind_the_number(&mut self, column: usize, text: &mut String) -> Result<(), Option<String>> {
        let shown = plain(text);
        if let Some((_, count)) = shown.strip_suffix(']').and_then(|t| t.split_once('['))
            && count.bytes().all(|b| b.is_ascii_digit() || b == b',')
            && !count.is_empty()
        {
            self.fault(column, messages::array(&shown), "write a row for each value, with its own address");
            return Err(None);
        }
        let upper = shown.to_uppercase();
        let texts =
            self.cell(&Field::Type).and_then(|(_, t)| types::type_word(&t)).is_some_and(|w| w.is_text());
        if let (true, Some((register, rest))) = (texts, upper.split_once('.'))
            && let Ok(bytes @ 1..=250) = rest.trim_end_matches(['H', 'L']).parse::<u32>()
        {
            if rest.ends_with('L') {
                self.fault(
                    column,
                    messages::low_byte_text(&shown),
                    "write the text's row in the profile by hand, with encoding and order",
                );
                return Err(None);
            }
            self.text_bytes = Some(bytes);
            *text = register.to_owned();
        }
        Ok(())
    }
}
