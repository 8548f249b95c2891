//! One row → one point, or several where a cell lists the bits of a register.
//!
//! Every cell that cannot be understood is told with its place; the row is then left out by `import`.

mod alarm_bit;
mod bit_words;
mod device;
mod factor;
mod limits;
mod listed_bits;
mod measure;
mod naming;
mod one_byte;
mod order_told;
mod place;
mod register;
mod sentinels;
mod table_words;

pub(super) use one_byte::first_bit;
pub(super) use table_words::{Section, allows, section, section_table};

use super::address::{Address, Form, Habit, address};
use super::headers::{Column, Field};
use super::scan::Block;
use super::text::{NumberFault, is_blank, letters, number_and_unit, plain, tidy};
use super::value::{Keys, Val};
use super::{Sheet, Trouble, names, units};
use crate::settings::Table;

/// A point as its row tells it, before ids are made unique and references resolved.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// From an id column, or from words; never from the register.
    pub(super) id: Option<String>,
    /// The sheet itself names the id.
    pub(super) explicit: bool,
    pub(super) keys: Keys,
    pub(super) comment: Option<String>,
    /// Row from 0 and the column of the address.
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) slot: Option<Slot>,
    /// `decimals_from`, `times`: key, column, words as written.
    pub(super) references: Vec<(&'static str, usize, String)>,
    /// How the address is written in the sheet.
    pub(super) form: Option<Form>,
    /// Unit id of its device, and what the list calls it.
    pub(super) station: Option<u8>,
    pub(super) device: Option<String>,
}

/// What a point takes of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) table: Table,
    pub(super) first: u32,
    pub(super) registers: u32,
    pub(super) bit: Option<u8>,
}

/// Where the point of a row stands: the column of its address, what it takes of the device, and how the address is written.
#[derive(Debug, Clone, Copy, Default)]
struct Stands {
    column: usize,
    slot: Option<Slot>,
    form: Option<Form>,
}

/// What stands around the row.
pub(super) struct Surroundings<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) block: &'a Block,
    pub(super) kind: Option<&'a str>,
    pub(super) habit: Habit,
    pub(super) base: u8,
    /// The base of the profile that comes out, in which addresses are written.
    pub(super) head_base: u8,
    /// A note names where the list starts: in a column of offsets it is added, in another nothing lies before it.
    pub(super) start: Option<u32>,
    /// `table` of the head: every decimal address is plain.
    pub(super) head_table: Option<Table>,
    /// A title above the rows, or the sheet's name, says which table.
    pub(super) section: Option<Table>,
    /// The address cell of the row above, for bits that stand below each other.
    pub(super) above: Option<(String, Option<u8>)>,
    /// The unit id of the row above, or of a title.
    pub(super) station: Option<u8>,
    /// The device's name of the row above.
    pub(super) device: Option<String>,
    /// Numbers of the list have decimal commas: what `1.250` means is open.
    pub(super) decimal_comma: bool,
}

/// What became of a row.
pub(super) enum Outcome {
    Points(Vec<Draft>),
    /// No point, said why; empty rows say nothing.
    Skipped(String),
    /// A place kept free, or a point that was taken out.
    Free(String),
}

pub(super) struct Reading<'a> {
    around: &'a Surroundings<'a>,
    row: usize,
    pub(super) faults: Vec<Trouble>,
    pub(super) warnings: Vec<Trouble>,
    /// The plain address had no table: holding was taken.
    pub(super) assumed_table: bool,
    /// Address text and bit, for the row below.
    pub(super) address: Option<(String, Option<u8>)>,
    /// Unit id and name of the device, for the row below.
    pub(super) station: Option<u8>,
    pub(super) device: Option<String>,
    /// No data type stands in its cell: an unsigned 16-bit number was taken.
    pub(super) untyped: bool,
    /// A value of one byte, and nothing says which: the low one was taken.
    pub(super) low_byte: bool,
    /// Its address is filled up with zeros (`00001`): read as a coil, or as a plain number of another table.
    pub(super) filled_up: Option<bool>,
    /// What its cells say of the byte order of all values of the list.
    pub(super) order_notes: Vec<usize>,
    /// The column whose text became the name though it is a remark.
    named_by: Option<usize>,
    /// Bytes of a text, told behind its address.
    text_bytes: Option<u32>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(around: &'a Surroundings<'a>, row: usize) -> Self {
        Self {
            around,
            row,
            faults: Vec::new(),
            warnings: Vec::new(),
            assumed_table: false,
            address: None,
            station: around.station,
            device: around.device.clone(),
            untyped: false,
            low_byte: false,
            filled_up: None,
            order_notes: Vec::new(),
            named_by: None,
            text_bytes: None,
        }
    }

    fn column(&self, field: &Field) -> Option<&'a Column> {
        self.around.block.column(field)
    }

    /// The cell of a field, if it holds something; one joined with those above counts.
    fn cell(&self, field: &Field) -> Option<(usize, String)> {
        let column = self.column(field)?.index;
        let text = self.around.sheet.down(self.row, column).shown();
        (!is_blank(&text)).then_some((column, text))
    }

    fn trouble(&self, column: usize, problem: String, remedy: String) -> Trouble {
        Trouble {
            sheet: self.around.sheet.name.clone(),
            row: self.row + 1,
            column: letters(column),
            problem,
            remedy,
        }
    }

    pub(super) fn fault(&mut self, column: usize, problem: impl Into<String>, remedy: impl Into<String>) {
        let trouble = self.trouble(column, problem.into(), remedy.into());
        self.faults.push(trouble);
    }

    fn warn(&mut self, column: usize, problem: impl Into<String>, remedy: impl Into<String>) {
        let trouble = self.trouble(column, problem.into(), remedy.into());
        self.warnings.push(trouble);
    }

    pub(super) fn read(&mut self) -> Outcome {
        self.spoilt_cells();
        if !self.faults.is_empty() {
            return Outcome::Points(Vec::new());
        }
        let exact = self.around.block.exact;
        let names = self.names();
        let is_free = !exact && (names.all.iter().any(|n| names::is_reserved(n)) || self.is_void());
        self.which_station();
        if is_free {
            self.kept_free();
            return Outcome::Free(names.all.join(" "));
        }
        if !exact {
            self.doubtful_points();
        }
        let place = match self.place() {
            Ok(place) => place,
            Err(Some(skip)) => return Outcome::Skipped(skip),
            Err(None) => return Outcome::Points(Vec::new()),
        };
        let listed = if exact { None } else { self.listed_bits(place.as_ref()) };
        let mut keys = Keys::new();
        self.own_keys(&mut keys);
        let stands = match &place {
            Some((column, found)) => self.stands(*column, found, listed.is_some(), &mut keys),
            None => Stands::default(),
        };
        if place.is_some() && stands.slot.is_none() && self.faults.is_empty() {
            return Outcome::Skipped(self.line());
        }
        match listed {
            Some(bits) => self.bit_points(&bits, &keys, stands.slot, stands.column, stands.form),
            None => Outcome::Points(vec![self.draft(names, keys, stands)]),
        }
    }

    /// Cells that hold no value as it was meant.
    fn spoilt_cells(&mut self) {
        for c in self.around.block.columns.iter().filter(|c| c.field != Field::Passed) {
            match self.around.sheet.cell(self.row, c.index) {
                super::Cell::Error(e) => {
                    let problem = format!("the formula gives {e}");
                    self.fault(c.index, problem, "mend the formula, or write the value");
                }
                super::Cell::Date(d) if c.field != Field::Remark => {
                    let problem = format!("the spreadsheet made a date of it ({d})");
                    self.fault(c.index, problem, "format the column as text and type it again");
                }
                _ => {}
            }
        }
    }

    /// Where the point stands, by its cell.
    fn stands(&mut self, column: usize, found: &Address, listed: bool, keys: &mut Keys) -> Stands {
        let slot = self.register(column, found, listed, keys);
        // `00001` counts from 1 as a coil; as another table's number it is a plain one.
        let coil = found.maybe_coil && slot.is_some_and(|s| s.table == Table::Coil);
        self.filled_up = slot.filter(|_| found.maybe_coil).map(|_| coil);
        Stands { column, slot, form: Some(if coil { Form::Modicon } else { found.form }) }
    }

    /// The point of the row, with what its register holds and what is told of it.
    fn draft(&mut self, mut names: naming::Names, mut keys: Keys, stands: Stands) -> Draft {
        let exact = self.around.block.exact;
        let is_bit = keys.contains_key("bit")
            || matches!(keys.get("type").and_then(Val::as_text), Some("bit" | "bool"))
            || stands.slot.is_some_and(|s| matches!(s.table, Table::Coil | Table::DiscreteInput));
        if is_bit && !exact {
            self.order_in_remarks(true, None, &mut None);
        }
        let mut hints = Vec::new();
        if let Some(unit) = self.unit(&mut names, is_bit, &mut hints) {
            keys.insert("unit".to_owned(), Val::text(&unit));
        }
        if let Some((_, text)) = self.cell(&Field::RawUnit) {
            let read = || units::unit(&text).replace('℃', "degC").replace('℉', "degF");
            keys.insert("raw_unit".to_owned(), Val::text(if exact { text.clone() } else { read() }));
        }
        self.measure(&mut keys, is_bit, hints, &names);
        let unit = keys.get("unit").and_then(Val::as_text).map(str::to_owned);
        if is_bit && !exact {
            self.alarm_bit(&mut keys, &names);
        } else {
            self.limits(&mut keys, unit.as_deref());
        }
        let mut references = Vec::new();
        for (key, field) in [("decimals_from", Field::DecimalsFrom), ("times", Field::Times)] {
            references.extend(self.cell(&field).map(|(column, text)| (key, column, plain(&text))));
        }
        self.told_of_limits(&mut keys);
        if exact {
            self.rest_of_export(&mut keys);
        }
        let comment = self.remark(&mut keys);
        let (id, explicit) = self.id(&names);
        names.put(&mut keys, exact);
        Draft {
            id,
            explicit,
            keys,
            comment,
            row: self.row,
            column: stands.column,
            slot: stands.slot,
            references,
            form: stands.form,
            station: self.station,
            device: self.device.clone(),
        }
    }

    /// A remark that takes the whole row out of the list.
    fn is_void(&self) -> bool {
        let remarks =
            self.around.block.columns.iter().filter(|c| matches!(c.field, Field::Remark | Field::Passed));
        remarks.map(|c| self.around.sheet.cell(self.row, c.index).shown()).any(|t| names::is_void(&t))
    }

    /// A place kept free hands the register on to the bits below it.
    fn kept_free(&mut self) {
        let own = self.column(&Field::Address).map(|c| self.around.sheet.down(self.row, c.index).shown());
        let found = own.filter(|text| !is_blank(text)).and_then(|text| {
            let found = address(&text, self.around.habit).ok()??;
            Some((plain(&text).split('.').next().unwrap_or_default().to_owned(), found.bit))
        });
        self.address = found.or_else(|| self.around.above.clone());
    }

    /// `1.250` in a list whose numbers have decimal commas.
    fn doubtful_points(&mut self) {
        if !self.around.decimal_comma {
            return;
        }
        let around = self.around;
        for c in &around.block.columns {
            let super::Cell::Text(text) = around.sheet.cell(self.row, c.index) else { continue };
            let text = plain(text);
            let thousands = text.trim_start_matches('-').split_once('.').is_some_and(|(whole, rest)| {
                rest.len() == 3
                    && (1..=3).contains(&whole.len())
                    && whole != "0"
                    && (whole.bytes().chain(rest.bytes())).all(|b| b.is_ascii_digit())
            });
            if c.field.is_number() && thousands {
                let problem =
                    format!("`{text}` may be {} or {}", text.replace('.', ""), text.replace('.', ","));
                self.fault(
                    c.index,
                    problem,
                    "this list has decimal commas: write it without the point, or with a comma",
                );
            }
        }
    }

    /// The row as one line, for the list of what was skipped.
    fn line(&self) -> String {
        let cells = self.around.sheet.rows.get(self.row).into_iter().flatten();
        let words: Vec<String> = cells.map(|c| tidy(&c.shown())).filter(|t| !t.is_empty()).collect();
        words.join(" | ").chars().take(80).collect()
    }
}

/// A number with a unit behind it, or what is wrong with it.
pub(super) fn quantity(text: &str) -> Result<(f64, String), (String, String)> {
    let found = number_and_unit(text).and_then(|(number, unit)| {
        // `0~5` is two numbers.
        let second = unit.strip_prefix(['~', '至', '到', '/', '…']).map(str::trim_start);
        let two = second.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
        if two { Err(NumberFault::Text) } else { Ok((number, unit)) }
    });
    found.map_err(|e| match e {
        NumberFault::Comma => {
            let both = plain(text);
            let (point, joined) = (both.replace(',', "."), both.replace(',', ""));
            (format!("`{both}` may be {point} or {joined}"), "write it with a decimal point".to_owned())
        }
        NumberFault::Text => {
            (format!("`{}` is not a number", plain(text)), "write a plain number, e.g. 1.25".to_owned())
        }
    })
}
