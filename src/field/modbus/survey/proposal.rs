//! From what was found to settings that can be pasted. Pure.

use std::fmt::Write;

use serde::Serialize;

use super::endpoint::UnitReport;
use super::tables::{TableRange, TableReport};
use crate::settings::Table;

/// Settings that suit the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// For `steamward.toml`.
    pub source: String,
    /// For the head of the profile; of the first unit that answered.
    pub profile: String,
}

/// In flight at once at most, even if the device takes more: there is nothing to gain beyond.
const MOST_PIPELINE: u8 = 8;

/// As the manuals write addresses: `40001` for holding register 0.
#[must_use]
pub fn modicon(table: Table, address: u32) -> String {
    let lead = match table {
        Table::Coil => 0,
        Table::DiscreteInput => 1,
        Table::InputRegister => 3,
        Table::HoldingRegister => 4,
    };
    if address < 9999 { format!("{lead}{:04}", address + 1) } else { format!("{lead}{:05}", address + 1) }
}

/// `address` as it stands in the settings; `registration` as a device that dials in gave it.
/// With `four_byte` its registers were read with four bytes each.
pub(super) fn proposal(
    address: &str,
    registration: &[u8],
    units: &[UnitReport],
    four_byte: bool,
) -> Option<Proposal> {
    let best = units.iter().find(|u| u.has_ranges())?;
    let paces: Vec<_> = units.iter().filter_map(|u| u.pace.as_ref()).collect();
    // Five times the worst seen leaves room for a busy moment.
    let worst_us = paces.iter().map(|p| p.worst_us).max().unwrap_or(0);
    let timeout_ms = (worst_us * 5 / 1000).div_ceil(100).max(2) * 100;
    let period_s = if timeout_ms < 1000 { 1 } else { timeout_ms / 1000 + 1 };
    let pause_ms = paces.iter().filter_map(|p| p.pause_ms).max().unwrap_or(0);
    let pipelines = units.iter().filter_map(|u| u.pipelining.as_ref());
    let pipeline = pipelines.map(|p| if p.speedup >= 1.3 { p.most } else { 1 }).min().unwrap_or(1);

    let mut source = String::new();
    // Writing into a String does not fail.
    let _ = writeln!(source, "[[source.modbus]]\nid = \"device\"\naddress = \"{address}\"");
    if !registration.is_empty() {
        let hex: String = registration.iter().map(|b| format!("{b:02X}")).collect();
        let _ = writeln!(source, "registration = \"hex:{hex}\"");
    }
    let _ = writeln!(source, "period = \"{period_s}s\"\ntimeout = \"{timeout_ms}ms\"");
    if pause_ms > 0 {
        let _ = writeln!(source, "pause = \"{pause_ms}ms\"");
    }
    if pipeline > 1 {
        let _ = writeln!(source, "pipeline = {}", pipeline.min(MOST_PIPELINE));
    }
    let _ = writeln!(
        source,
        "\n[[equipment]]\nid = \"equipment-1\"\nprofile = \"device\"\nsource = \"device\"\nunit = {}",
        best.unit
    );

    let mut profile = String::from("[modbus]\n");
    if let Some(limit) = limit(&best.tables, false) {
        let _ = writeln!(profile, "max_registers = {limit}");
    }
    if let Some(limit) = limit(&best.tables, true) {
        let _ = writeln!(profile, "max_bits = {limit}");
    }
    let ranges = |of: &dyn Fn(&TableReport) -> bool| -> String {
        let found = best.tables.iter().filter(|t| of(t)).flat_map(|t| t.ranges.iter().map(move |r| (t, r)));
        let line = |(t, r): (&TableReport, &TableRange)| {
            format!("  {{ table = \"{}\", from = {}, to = {} }},\n", t.table, r.run.from, r.run.to)
        };
        found.map(line).collect()
    };
    let _ = write!(profile, "readable = [\n{}]\n", ranges(&|_| true));
    let of_four_bytes = ranges(&|t| four_byte && !t.is_bits());
    if !of_four_bytes.is_empty() {
        let _ = write!(profile, "four_byte = [\n{of_four_bytes}]\n");
    }
    Some(Proposal { source, profile })
}

fn limit(tables: &[TableReport], bits: bool) -> Option<u16> {
    tables.iter().filter(|t| t.is_bits() == bits).filter_map(|t| t.limit).min()
}

#[cfg(test)]
mod tests {
    use super::modicon;
    use crate::settings::Table;

    #[test]
    fn addresses_are_written_as_manuals_do_and_long_ones_with_six_digits() {
        assert_eq!(modicon(Table::HoldingRegister, 0), "40001");
        assert_eq!(modicon(Table::Coil, 15), "00016");
        assert_eq!(modicon(Table::InputRegister, 9998), "39999");
        assert_eq!(modicon(Table::HoldingRegister, 9999), "410000");
        assert_eq!(modicon(Table::DiscreteInput, 65_535), "165536");
    }
}
