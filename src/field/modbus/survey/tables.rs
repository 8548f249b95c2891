//! One table of one unit: what of it can be read, and what the device said to the rest.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use super::super::frame::Ask;
use super::super::link::PollError;
use super::asker::Asker;
use super::proposal::modicon;
use super::ranges::{Found, Reply, Run, Search, find};
use crate::settings::Table;

/// Modbus Application Protocol V1.1b3, 6.1 and 6.3.
const MOST_REGISTERS: u16 = 125;
const MOST_BITS: u16 = 2000;
/// Where lists usually begin: the first page, round numbers of both kinds, and devices that take the
/// manual's 30001 and 40001 at its word. What is readable there is followed further.
const USUAL: [Range<u32>; 13] = [
    0..200,
    256..260,
    300..304,
    500..504,
    512..516,
    1000..1004,
    2000..2004,
    3000..3004,
    0x1000..0x1020,
    0x2000..0x2020,
    30_000..30_004,
    40_000..40_004,
    50_000..50_004,
];
const FOLLOW: u32 = 2000;
const BUDGET: u32 = 400;
const DEEP_BUDGET: u32 = 20_000;
/// Questions without an answer in a row after which a table is left.
const MOST_SILENT: u8 = 6;
/// One table of a unit.
#[derive(Debug, Clone, Serialize)]
pub struct TableReport {
    /// `holding`, `input`, `coil`, `discrete`.
    pub table: &'static str,
    /// Function code that reads it.
    pub function: u8,
    /// `readable`, `refused` (nothing there was readable), `unsupported` (exception 1) or `silent`.
    pub state: &'static str,
    /// Readable addresses.
    pub ranges: Vec<TableRange>,
    /// Most registers or bits that one request was given.
    pub largest: u16,
    /// The device takes no more than this, seen where more was readable.
    pub limit: Option<u16>,
    /// It gives whole 32-bit values only: an odd address or count is refused.
    pub pairs: bool,
    /// Something was answered as if its registers had another size (four bytes, or two with `--register-bytes 4`).
    pub other_size: bool,
    /// Exception codes met.
    pub exceptions: BTreeSet<u8>,
    /// Questions asked.
    pub requests: u32,
    /// Everything that was to be looked at was.
    pub complete: bool,
}

impl TableReport {
    pub(super) fn is_bits(&self) -> bool {
        matches!(self.table, "coil" | "discrete")
    }
}

/// Readable addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableRange {
    /// On the wire.
    #[serde(flatten)]
    pub run: Run,
    /// The same as manuals write it: `40001..40010`.
    pub modicon: String,
}

/// The name of a table in a profile.
#[must_use]
pub fn table_name(table: Table) -> &'static str {
    match table {
        Table::Coil => "coil",
        Table::DiscreteInput => "discrete",
        Table::HoldingRegister => "holding",
        Table::InputRegister => "input",
    }
}

/// The table of this name.
pub(super) fn table_of(name: &str) -> Table {
    match name {
        "coil" => Table::Coil,
        "discrete" => Table::DiscreteInput,
        "input" => Table::InputRegister,
        _ => Table::HoldingRegister,
    }
}

/// Looks through the table.
pub(super) async fn one_table(asker: &mut Asker, unit: u8, table: Table, deep: bool) -> TableReport {
    let before = asker.requests;
    let mut seen = Seen::default();
    let mut pairs = false;
    let mut found = look_through(asker, unit, table, deep, 1, &mut seen).await;
    if found.runs.is_empty() && !table.is_bits() && !seen.unsupported && seen.silent < MOST_SILENT {
        // Whole 32-bit values only?
        let mut whole = false;
        for window in USUAL {
            let ask = Ask::Read { table, address: window.start as u16, count: 2, four_byte: asker.four_byte };
            whole |= asker.ask(unit, ask).await.is_ok();
        }
        if whole {
            pairs = true;
            found = look_through(asker, unit, table, deep, 2, &mut seen).await;
        }
    }
    let state = match () {
        () if !found.runs.is_empty() => "readable",
        () if seen.unsupported => "unsupported",
        // A line that broke off before anybody said no is no refusal.
        () if seen.silent >= MOST_SILENT => "silent",
        () if seen.exceptions.is_empty() && !seen.other_size => "silent",
        () => "refused",
    };
    let ranges = found.runs.iter().map(|run| TableRange {
        run: *run,
        modicon: format!("{}..{}", modicon(table, run.from), modicon(table, run.to)),
    });
    TableReport {
        table: table_name(table),
        function: table.function(),
        state,
        ranges: ranges.collect(),
        largest: found.largest,
        limit: found.limit,
        pairs,
        other_size: seen.other_size,
        exceptions: seen.exceptions,
        requests: asker.requests - before,
        complete: found.complete || seen.unsupported,
    }
}

#[derive(Debug, Default)]
struct Seen {
    exceptions: BTreeSet<u8>,
    other_size: bool,
    unsupported: bool,
    /// In a row.
    silent: u8,
}

async fn look_through(
    asker: &mut Asker,
    unit: u8,
    table: Table,
    deep: bool,
    grain: u16,
    seen: &mut Seen,
) -> Found {
    let search = Search {
        windows: if deep { std::iter::once(0..65_536).collect() } else { USUAL.to_vec() },
        most: match (table.is_bits(), asker.four_byte) {
            (true, _) => MOST_BITS,
            (false, true) => MOST_REGISTERS / 2,
            (false, false) => MOST_REGISTERS,
        },
        grain,
        follow: if deep { 0 } else { FOLLOW },
        grid: if deep { [100, 256] } else { [10, 16] },
        budget: if deep { DEEP_BUDGET } else { BUDGET },
    };
    let four_byte = asker.four_byte;
    let ask = |address, count| Ask::Read { table, address, count, four_byte };
    find(&search, async |address, count| match asker.ask(unit, ask(address, count)).await {
        Ok(_) => {
            seen.silent = 0;
            Reply::Readable
        }
        Err(PollError::Exception(code)) => {
            seen.silent = 0;
            seen.exceptions.insert(code);
            seen.unsupported |= code == 1;
            if matches!(code, 1 | 10 | 11) { Reply::Stop } else { Reply::Refused }
        }
        Err(PollError::OtherSize { .. }) => {
            (seen.silent, seen.other_size) = (0, true);
            Reply::Refused
        }
        Err(PollError::Short { .. }) => {
            seen.silent = 0;
            Reply::Refused
        }
        // Some devices say nothing instead of no.
        Err(
            PollError::Late(_)
            | PollError::Garbled(_)
            | PollError::OtherTransaction { .. }
            | PollError::TwoCallers,
        ) => {
            seen.silent += 1;
            if seen.silent >= MOST_SILENT { Reply::Stop } else { Reply::Refused }
        }
        Err(PollError::Line(_)) => Reply::Stop,
    })
    .await
}
