//! Files on the disk → sheets: Excel and OpenDocument by `calamine`, CSV and TSV in whatever encoding
//! a spreadsheet program saved them.

use std::path::Path;

use encoding_rs::{GB18030, UTF_16BE, UTF_16LE, WINDOWS_1252};

#[cfg(any(feature = "spreadsheets", test))]
use crate::settings::sheet::Cell;
use crate::settings::sheet::Sheet;

/// A register list of this size is no register list.
const MOST_BYTES: u64 = 32 << 20;

/// Cells of a sheet, with the empty ones before them in their rows.
#[cfg(feature = "spreadsheets")]
const MOST_CELLS: usize = 2_000_000;
/// Bytes of the texts of one sheet.
#[cfg(feature = "spreadsheets")]
const MOST_TEXT: usize = 32 << 20;
/// What a formula gives that a script wrote and no spreadsheet program has computed yet.
#[cfg(feature = "spreadsheets")]
const NOT_COMPUTED: &str =
    "nothing: it was never computed; open the file in a spreadsheet program and save it";

/// Reads all sheets of a file.
///
/// # Errors
/// A sentence: what is wrong and what would be right.
pub(super) fn sheets(path: &Path) -> Result<Vec<Sheet>, String> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|e| format!("{shown}: {e}"))?.len();
    if size > MOST_BYTES {
        return Err(format!("{shown}: {size} bytes is too large for a register list; save the list alone"));
    }
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" | "et" => book(path),
        "csv" | "tsv" | "txt" | "tab" => {
            let bytes = std::fs::read(path).map_err(|e| format!("{shown}: {e}"))?;
            // An Excel file under a wrong name says so in its first bytes.
            if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
                return book(path);
            }
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            text(&name, &bytes, extension == "tsv").map(|s| vec![s]).map_err(|e| format!("{shown}: {e}"))
        }
        _ => Err(format!(
            "{shown}: not a kind of file that is read here; save it as .xlsx, .xls, .ods, .csv or .tsv"
        )),
    }
}

/// Bytes → text: a byte order mark, else UTF-16 by its zeros, else UTF-8, else GB18030, or Windows-1252 where letters
/// with accents stand alone between plain ones.
pub(super) fn decode(bytes: &[u8]) -> String {
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).take(200).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if let Some((encoding, length)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(bytes.get(length..).unwrap_or_default()).0.into_owned();
    }
    if bytes.len().is_multiple_of(2) && odd > 4 && odd > 4 * even {
        return UTF_16LE.decode_without_bom_handling(bytes).0.into_owned();
    }
    if bytes.len().is_multiple_of(2) && even > 4 && even > 4 * odd {
        return UTF_16BE.decode_without_bom_handling(bytes).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if is_western(bytes) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
        Err(_) => GB18030.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// Chinese characters are pairs of high bytes; an umlaut is one alone. The four odd characters of GBK whose second byte
/// is a plain letter are outnumbered.
fn is_western(bytes: &[u8]) -> bool {
    let (mut odd, mut even) = (0_usize, 0_usize);
    for run in bytes.split(u8::is_ascii).filter(|run| !run.is_empty()) {
        if run.len() % 2 == 1 {
            odd += 1;
        } else {
            even += 1;
        }
    }
    odd > even
}

/// A text file as one sheet; row numbers are those a spreadsheet program shows.
fn text(name: &str, bytes: &[u8], tabs: bool) -> Result<Sheet, String> {
    let mut text = decode(bytes).replace("\r\n", "\n").replace('\r', "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let mut told = None;
    if let Some(rest) = text.strip_prefix("sep=") {
        told = rest.bytes().next();
        text = format!("\n{}", rest.split_once('\n').map_or("", |r| r.1));
    }
    let delimiter = told.unwrap_or_else(|| if tabs { b'\t' } else { delimiter(&text) });
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(e) => return Err(format!("no table of text: {e}")),
        }
        // The reader passes over empty lines before a record; a spreadsheet counts them as rows.
        let from = record.position().map_or(0, csv::Position::line);
        let own = 1 + record.iter().map(|f| f.matches('\n').count()).sum::<usize>();
        let empty = (reader.position().line().saturating_sub(from) as usize).saturating_sub(own);
        rows.extend(std::iter::repeat_n(Vec::new(), empty));
        rows.push(record.iter().map(|field| unmarked(field).to_owned()).collect());
    }
    Ok(Sheet::of_texts(name, rows))
}

/// Whether a spreadsheet program would compute the cell of a text file instead of showing it.
pub(super) fn computes(field: &str) -> bool {
    field.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A cell without the apostrophe that keeps spreadsheet programs from computing it.
fn unmarked(field: &str) -> &str {
    field.strip_prefix('\'').filter(|rest| computes(rest)).unwrap_or(field)
}

/// The sign that stands outside of quotes in most of the first lines.
fn delimiter(text: &str) -> u8 {
    let mut counts = [(b'\t', 0), (b';', 0), (b',', 0)];
    let mut quoted = false;
    let mut lines = 0;
    for c in text.bytes() {
        match c {
            b'"' => quoted = !quoted,
            b'\n' => {
                lines += 1;
                if lines > 40 {
                    break;
                }
            }
            c if !quoted => counts.iter_mut().filter(|(d, _)| *d == c).for_each(|(_, n)| *n += 1),
            _ => {}
        }
    }
    // A comma may be a decimal comma in a list of semicolons, not the other way round.
    match counts {
        [(tab, n), _, (_, commas)] if n > 0 && n * 2 >= commas => tab,
        [_, (semicolon, n), (_, commas)] if n > 0 && n * 2 >= commas => semicolon,
        [_, _, (comma, _)] => comma,
    }
}

#[cfg(not(feature = "spreadsheets"))]
fn book(path: &Path) -> Result<Vec<Sheet>, String> {
    Err(format!("{}: this build reads only CSV and TSV; save the sheet as CSV", path.display()))
}

#[cfg(feature = "spreadsheets")]
fn book(path: &Path) -> Result<Vec<Sheet>, String> {
    use calamine::{Reader, open_workbook_auto_from_rs};
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|e| format!("{shown}: {e}"))?;
    super::bounds::check(&bytes).map_err(|e| format!("{shown}: {e}"))?;
    let mut book = open_workbook_auto_from_rs(std::io::Cursor::new(bytes))
        .map_err(|e| format!("{shown}: not readable as a spreadsheet ({e}); open it and save it as .xlsx"))?;
    let mut found = Vec::new();
    for name in book.sheet_names() {
        let mut grid = Grid::default();
        let merges = fill(&mut book, &name, &mut grid).map_err(|e| format!("{shown}: sheet {name}: {e}"))?;
        let merges = merges
            .iter()
            .map(|m| crate::settings::sheet::Merge {
                rows: (m.start.0 as usize, m.end.0 as usize),
                columns: (m.start.1 as usize, m.end.1 as usize),
            })
            .collect::<Vec<_>>()
            .into();
        found.push(Sheet { name, rows: grid.rows, merges });
    }
    Ok(found)
}

/// Puts the cells of a sheet into `grid`, one by one where the format allows it: a single cell at the far
/// end must not cost the memory of all that lie between. Gives the joined cells.
#[cfg(feature = "spreadsheets")]
fn fill<R: std::io::Read + std::io::Seek>(
    book: &mut calamine::Sheets<R>,
    name: &str,
    grid: &mut Grid,
) -> Result<Vec<calamine::Dimensions>, String> {
    use calamine::{Data, Reader, Sheets, XlsxError};
    let told = |e: &dyn std::fmt::Display| e.to_string();
    match book {
        Sheets::Xlsx(x) => {
            match x.worksheet_cells_reader(name) {
                Ok(mut cells) => {
                    while let Some(cell) = cells.next_cell_with_formula().map_err(|e| told(&e))? {
                        let value = match Data::from(cell.value) {
                            Data::Empty if cell.formula.is_some() => Cell::Error(NOT_COMPUTED.to_owned()),
                            value => as_cell(&value),
                        };
                        grid.put(cell.pos, value)?;
                    }
                }
                // A sheet that is a chart holds no list.
                Err(XlsxError::NotAWorksheet(_)) => {}
                Err(e) => return Err(told(&e)),
            }
            Ok(x.merge_cells_by_sheet_name(name).unwrap_or_default())
        }
        Sheets::Xlsb(x) => {
            let mut cells = x.worksheet_cells_reader(name).map_err(|e| told(&e))?;
            while let Some(cell) = cells.next_cell().map_err(|e| told(&e))? {
                grid.put(cell.get_position(), as_cell(&Data::from(cell.get_value().clone())))?;
            }
            Ok(Vec::new())
        }
        _ => {
            let range = book.worksheet_range(name).map_err(|e| told(&e))?;
            // A range starts at the first cell that holds something; rows are counted from A1.
            let (top, left) = range.start().unwrap_or_default();
            for (row, column, data) in range.used_cells() {
                grid.put((top + row as u32, left + column as u32), as_cell(data))?;
            }
            Ok(match book {
                Sheets::Xls(x) => x.merge_cells_by_sheet_name(name).unwrap_or_default(),
                _ => Vec::new(),
            })
        }
    }
}

/// Rows of cells from A1 on.
#[cfg(feature = "spreadsheets")]
#[derive(Default)]
struct Grid {
    rows: Vec<Vec<Cell>>,
    held: usize,
    /// Bytes of all texts: many cells may name one long text of the workbook.
    text: usize,
}

#[cfg(feature = "spreadsheets")]
impl Grid {
    fn put(&mut self, (row, column): (u32, u32), cell: Cell) -> Result<(), String> {
        let (row, column) = (row as usize, column as usize);
        if cell == Cell::Empty {
            return Ok(());
        }
        if let Cell::Text(text) | Cell::Date(text) | Cell::Error(text) = &cell {
            self.text += text.len();
        }
        if self.text > MOST_TEXT {
            let most = MOST_TEXT >> 20;
            return Err(format!(
                "its texts take more than {most} MB, too large for a register list; save the list alone"
            ));
        }
        let width = self.rows.get(row).map_or(0, Vec::len);
        self.held += (column + 1).saturating_sub(width) + (row + 1).saturating_sub(self.rows.len());
        if self.held > MOST_CELLS {
            let at = crate::settings::sheet::letters(column);
            return Err(format!(
                "something stands in {at}{}, too far out for a register list; delete what lies beyond the list, \
                 or save the list alone",
                row + 1
            ));
        }
        if self.rows.len() <= row {
            self.rows.resize_with(row + 1, Vec::new);
        }
        let cells = &mut self.rows[row];
        if cells.len() <= column {
            cells.resize(column + 1, Cell::Empty);
        }
        cells[column] = cell;
        Ok(())
    }
}

#[cfg(feature = "spreadsheets")]
fn as_cell(data: &calamine::Data) -> Cell {
    use calamine::Data;
    match data {
        Data::Empty => Cell::Empty,
        Data::String(s) if s.is_empty() => Cell::Empty,
        Data::String(s) => Cell::Text(s.clone()),
        Data::Float(n) => Cell::Number(*n),
        Data::Int(n) => Cell::Number(*n as f64),
        Data::Bool(b) => Cell::Flag(*b),
        Data::DateTime(d) => Cell::Date(d.to_string()),
        Data::DateTimeIso(s) | Data::DurationIso(s) => Cell::Date(s.clone()),
        Data::Error(e) => Cell::Error(e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_a_spreadsheet_saves_is_read() {
        let words = "名称,地址\n蒸汽压力,40001\n";
        let utf16 = |mark: &[u8], big: bool| -> Vec<u8> {
            let units = words.encode_utf16();
            mark.iter()
                .copied()
                .chain(units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }))
                .collect()
        };
        let gbk = encoding_rs::GBK.encode(words).0.into_owned();
        let mut marked = b"\xef\xbb\xbf".to_vec();
        marked.extend(words.as_bytes());
        for (bytes, what) in [
            (words.as_bytes().to_vec(), "utf-8"),
            (marked, "utf-8 with mark"),
            (gbk, "gbk"),
            (utf16(b"\xff\xfe", false), "utf-16le with mark"),
            (utf16(b"\xfe\xff", true), "utf-16be with mark"),
            (utf16(b"", false), "utf-16le"),
            (utf16(b"", true), "utf-16be"),
        ] {
            assert_eq!(decode(&bytes), words, "{what}");
        }
        let german = "Bezeichnung;Einheit\nÖlstand;%\nVorlauftemperatur;°C\nZählerstand;m³\n";
        let western = encoding_rs::WINDOWS_1252.encode(german).0.into_owned();
        assert_eq!(decode(&western), german, "windows-1252");
    }

    #[test]
    fn rows_are_counted_as_a_spreadsheet_shows_them() {
        let sheet = text("x.csv", b"title\n\n\nname;addr\n\"two\nlines\";40001\n\nlast;40002\n", false)
            .expect("good");
        let shown: Vec<String> =
            sheet.rows.iter().map(|r| r.first().map(Cell::shown).unwrap_or_default()).collect();
        assert_eq!(shown, ["title", "", "", "name", "two\nlines", "", "last"]);
        assert_eq!(sheet.rows[3].len(), 2);
    }

    #[test]
    fn the_delimiter_is_found_outside_of_quotes() {
        assert_eq!(delimiter("a,b,c\n"), b',');
        assert_eq!(delimiter("a;b;0,1\n"), b';');
        assert_eq!(delimiter("a\tb, c\td\n"), b'\t');
        assert_eq!(delimiter("\"a;b\",c\n"), b',');
    }

    #[cfg(feature = "spreadsheets")]
    #[test]
    fn a_cell_at_the_far_end_of_a_sheet_costs_no_memory_and_is_named() {
        use super::Grid;
        let put = |grid: &mut Grid, at| grid.put(at, Cell::Text("x".to_owned()));
        let mut grid = Grid::default();
        assert_eq!((put(&mut grid, (0, 0)), put(&mut grid, (1_048_575, 0))), (Ok(()), Ok(())));
        assert_eq!((grid.rows.len(), grid.rows[5].len()), (1_048_576, 0));
        for row in 0..53 {
            put(&mut grid, (row, 16_383)).expect("few enough");
        }
        let problem = (53..100).find_map(|row| put(&mut grid, (row, 16_383)).err()).expect("too many");
        assert!(problem.starts_with("something stands in XFD"), "{problem}");
    }
}
