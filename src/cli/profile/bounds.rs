//! What a spreadsheet file may grow to when it is unpacked. A few kilobytes can stand for gigabytes, so the packed
//! sizes are added up and then proved before any of it is kept.

use std::io::{Cursor, Read};

use zip::ZipArchive;

/// All parts of a workbook together, unpacked. A list of 50 000 rows takes about a third of it.
pub(super) const MOST_UNPACKED: u64 = 64 << 20;
/// What a table of an OpenDocument file, or all sheets of an .xls, may span: rows times columns.
const MOST_SPAN: u64 = 2_000_000;

/// Refuses a workbook that would take more memory than a register list does.
///
/// # Errors
/// A sentence: what is wrong and what would be right.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    // The old .xls is not packed, but all between its first and its last cell is made room for.
    if !bytes.starts_with(b"PK") {
        if super::old_book::names_sectors_too_often(bytes) {
            return Err("its table names the same sectors over and over, as no spreadsheet program writes it; copy the list \
                        into a new workbook and save that"
                .to_owned());
        }
        let sheets = super::old_book::reaches(bytes);
        let spanned = spanned(sheets.iter().map(|reach| reach.cells));
        let widest = sheets.iter().max_by_key(|reach| reach.cells);
        return match widest.filter(|_| spanned > MOST_SPAN) {
            Some(far) => Err(too_far(u64::from(far.row) + 1, u64::from(far.column) + 1)),
            None => Ok(()),
        };
    }
    // What cannot be opened is told by whoever reads it.
    let Ok(mut archive) = ZipArchive::new(Cursor::new(bytes)) else { return Ok(()) };
    let mut told: u64 = 0;
    for n in 0..archive.len() {
        told = told.saturating_add(archive.by_index_raw(n).map_or(0, |part| part.size()));
    }
    if told > MOST_UNPACKED {
        return Err(too_large(told));
    }
    // The sizes that a file tells of itself may be wrong: all is unpacked into nothing once.
    let mut left = MOST_UNPACKED;
    for n in 0..archive.len() {
        let Ok(part) = archive.by_index(n) else { continue };
        let spreads = part.name().is_ok_and(|name| name == "content.xml");
        let mut part = part.take(left + 1);
        let used = if spreads {
            let mut text = Vec::new();
            // A part that is cut off or damaged is told by whoever reads it.
            let _ = part.read_to_end(&mut text);
            span(&text)?;
            text.len() as u64
        } else {
            drain(&mut part)
        };
        left = left.checked_sub(used).ok_or_else(|| too_large(MOST_UNPACKED))?;
    }
    Ok(())
}

/// All cells together, or as many as can be counted.
fn spanned(cells: impl Iterator<Item = u64>) -> u64 {
    cells.fold(0, u64::saturating_add)
}

fn too_large(bytes: u64) -> String {
    format!(
        "unpacked it would take {} MB or more, too large for a register list (at most {} MB); copy the list into a \
         new workbook and save that",
        bytes >> 20,
        MOST_UNPACKED >> 20
    )
}

fn too_far(rows: u64, columns: u64) -> String {
    format!(
        "a sheet reaches to row {rows} and column {}, too far out for a register list; delete what lies beyond the list, or \
         save the list alone",
        crate::settings::sheet::letters(usize::try_from(columns - 1).unwrap_or(usize::MAX))
    )
}

/// Reads to the end, or to where it cannot be read; gives how many bytes came.
fn drain(part: &mut impl Read) -> u64 {
    let mut buffer = [0; 16 << 10];
    let mut all = 0;
    while let Ok(n @ 1..) = part.read(&mut buffer) {
        all += n as u64;
    }
    all
}

/// Rows and cells of an OpenDocument table say how often they are repeated: a cell far out costs all before it.
fn span(content: &[u8]) -> Result<(), String> {
    let mut table = Table::default();
    for tag in content.split(|b| *b == b'<').skip(1) {
        let Some(end) = tag.iter().position(|b| *b == b'>') else { continue };
        let tag = &tag[..end];
        let name = tag.split(|b| b.is_ascii_whitespace() || *b == b'/').next().unwrap_or_default();
        match name {
            b"table:table" => table = Table::default(),
            b"table:table-row" => table.row(repeated(tag, b"table:number-rows-repeated")),
            b"table:table-cell" | b"table:covered-table-cell" => {
                let holds = !tag.ends_with(b"/") || tag.windows(11).any(|w| w == b"value-type=");
                table.cell(repeated(tag, b"table:number-columns-repeated"), holds);
            }
            _ => {}
        }
        if table.used.saturating_mul(table.width) > MOST_SPAN {
            return Err(too_far(table.used, table.width));
        }
    }
    Ok(())
}

/// How far a table reaches.
#[derive(Default)]
struct Table {
    /// Rows that have begun.
    rows: u64,
    /// Rows up to the last that holds something.
    used: u64,
    /// Columns up to the last that holds something.
    width: u64,
    column: u64,
}

impl Table {
    fn row(&mut self, times: u64) {
        self.rows = self.rows.saturating_add(times);
        self.column = 0;
    }

    fn cell(&mut self, times: u64, holds: bool) {
        self.column = self.column.saturating_add(times);
        if holds {
            self.used = self.rows;
            self.width = self.width.max(self.column);
        }
    }
}

fn repeated(tag: &[u8], attribute: &[u8]) -> u64 {
    let Some(at) = tag.windows(attribute.len()).position(|w| w == attribute) else { return 1 };
    let rest = &tag[at + attribute.len()..];
    let digits: String = rest
        .iter()
        .skip_while(|b| matches!(b, b'=' | b'"' | b'\'' | b' '))
        .take_while(|b| b.is_ascii_digit())
        .map(|b| char::from(*b))
        .collect();
    digits.parse().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn packed(name: &str, size: usize) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(name, zip::write::SimpleFileOptions::default()).expect("begun");
        let block = vec![b' '; 1 << 20];
        let mut left = size;
        while left > 0 {
            let n = left.min(block.len());
            writer.write_all(&block[..n]).expect("written");
            left -= n;
        }
        writer.finish().expect("finished").into_inner()
    }

    #[test]
    fn a_workbook_that_unpacks_to_more_than_a_register_list_is_refused() {
        let bomb = packed("xl/sharedStrings.xml", 80 << 20);
        assert!(bomb.len() < 200_000, "{}", bomb.len());
        assert!(check(&bomb).expect_err("large").contains("unpacked it would take 80 MB"));
        assert_eq!(check(&packed("xl/workbook.xml", 1 << 20)), Ok(()));
        assert_eq!(check(b"PK\x03\x04 cut off"), Ok(()));
    }

    #[test]
    fn an_old_workbook_with_a_cell_far_out_is_refused_before_room_is_made_for_it() {
        use super::super::old_book::tests::book;
        for small in [true, false] {
            let problem = check(&book(&[(0, 0), (65_535, 255)], small)).expect_err("far out");
            assert!(problem.contains("row 65536 and column IV"), "{problem}");
            assert_eq!(check(&book(&[(0, 0), (65_535, 29)], small)), Ok(()));
        }
        let real = std::fs::read("tests/sheets/e-electrodes.xls").expect("a sample");
        assert_eq!(check(&real), Ok(()));
        assert!(!super::super::old_book::reaches(&real).is_empty(), "its cells are not found");
    }

    #[test]
    fn more_cells_than_can_be_counted_are_as_many_as_can() {
        assert_eq!(spanned([u64::MAX, 5].into_iter()), u64::MAX);
    }

    #[test]
    fn an_open_document_that_repeats_its_cells_is_measured_before_it_is_read() {
        let row = |rows: u64, cell: &str| {
            format!("<table:table-row table:number-rows-repeated=\"{rows}\">{cell}</table:table-row>")
        };
        let text = "<table:table-cell office:value-type=\"string\"><text:p>x</text:p></table:table-cell>";
        let empty = "<table:table-cell table:number-columns-repeated=\"16384\"/>";
        let table = |rows: &str| format!("<table:table table:name=\"a\">{rows}</table:table>").into_bytes();
        // A million empty rows behind the list, as LibreOffice writes them.
        assert_eq!(span(&table(&(row(1, text) + &row(1_048_575, empty)))), Ok(()));
        let far = "<table:table-cell table:number-columns-repeated='16383'/>".to_owned() + text;
        assert!(span(&table(&row(1000, &far))).expect_err("far out").contains("row 1000 and column XFD"));
        assert!(span(&table(&(row(1_000_000, empty) + &row(1, &(empty.to_owned() + text))))).is_err());
    }
}
