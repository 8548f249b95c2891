//! Files written whole or not at all, and sheets as CSV or Excel files.

use std::io::Write as _;
use std::path::Path;

use crate::settings::sheet::{Cell, Sheet};

/// Writes beside the file, syncs, and puts it in place by a rename: a reader sees the old or the new.
pub(super) fn whole(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let shown = path.display();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        std::fs::create_dir_all(folder)?;
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        if let Ok(old) = std::fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        std::fs::File::open(folder)?.sync_all()
    })();
    written.map_err(|e: std::io::Error| {
        let _ = std::fs::remove_file(&beside);
        format!("{shown}: {e}")
    })
}

/// The bytes of a sheet, by the file's ending.
pub(super) fn sheet(path: &Path, sheet: &Sheet) -> Result<Vec<u8>, String> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "csv" => text(sheet, b','),
        "tsv" => text(sheet, b'\t'),
        "xlsx" => excel(sheet),
        _ => Err(format!("{}: written as .xlsx, .csv or .tsv only", path.display())),
    }
    .map_err(|e| format!("{}: {e}", path.display()))
}

/// UTF-8 with the mark without which Excel takes it for the local encoding.
fn text(sheet: &Sheet, delimiter: u8) -> Result<Vec<u8>, String> {
    let mut out = b"\xef\xbb\xbf".to_vec();
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).flexible(true).from_writer(&mut out);
    for row in &sheet.rows {
        if row.is_empty() {
            // An empty record would be written as `""`.
            writer.write_record(["", ""]).map_err(|e| e.to_string())?;
        } else {
            writer.write_record(row.iter().map(harmless)).map_err(|e| e.to_string())?;
        }
    }
    writer.flush().map_err(|e| e.to_string())?;
    drop(writer);
    Ok(out)
}

/// A text that a spreadsheet program would compute gets an apostrophe before it; reading takes it off again.
fn harmless(cell: &Cell) -> String {
    let shown = cell.shown();
    let number = matches!(cell, Cell::Number(_)) || shown.parse::<f64>().is_ok();
    if !number && super::read::computes(&shown) { format!("'{shown}") } else { shown }
}

#[cfg(not(feature = "spreadsheets"))]
fn excel(_: &Sheet) -> Result<Vec<u8>, String> {
    Err("this build writes only CSV and TSV".to_owned())
}

#[cfg(feature = "spreadsheets")]
fn excel(sheet: &Sheet) -> Result<Vec<u8>, String> {
    use rust_xlsxwriter::{Format, Workbook};
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    let title: String = sheet.name.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(31).collect();
    let wrong = |e: rust_xlsxwriter::XlsxError| e.to_string();
    page.set_name(if title.is_empty() { "profile" } else { &title }).map_err(wrong)?;
    let bold = Format::new().set_bold();
    // Texts stay texts: `1-2` is no date, `40021.10` no number.
    let as_text = Format::new().set_num_format("@");
    let header = sheet.rows.iter().position(|r| r.first().is_some_and(|c| c.shown() == "id")).unwrap_or(0);
    for (r, row) in sheet.rows.iter().enumerate() {
        for (c, cell) in row.iter().enumerate() {
            let (r32, c16) = (r as u32, c as u16);
            match cell {
                Cell::Empty => {}
                Cell::Number(n) => _ = page.write_number(r32, c16, *n).map_err(wrong)?,
                Cell::Flag(b) => _ = page.write_boolean(r32, c16, *b).map_err(wrong)?,
                Cell::Text(t) | Cell::Date(t) | Cell::Error(t) => {
                    let format = if r == header { &bold } else { &as_text };
                    page.write_string_with_format(r32, c16, t, format).map_err(wrong)?;
                }
            }
        }
    }
    page.set_freeze_panes(header as u32 + 1, 1).map_err(wrong)?;
    page.autofit();
    book.save_to_buffer().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_would_be_computed_is_marked_and_comes_back_as_it_was() {
        let texts = [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "'=1",
            "''-x",
            "it's",
            "'quoted'",
            "-30001/32766",
        ];
        let row: Vec<Cell> =
            texts.iter().map(|t| Cell::Text((*t).to_owned())).chain([Cell::Number(-75.0)]).collect();
        let sheet = Sheet {
            name: "x".to_owned(),
            rows: vec![row],
            merges: crate::settings::sheet::Merges::default(),
        };
        for ending in ["x.csv", "x.tsv"] {
            let dir = tempfile::tempdir().expect("a folder");
            let path = dir.path().join(ending);
            let bytes = super::sheet(&path, &sheet).expect("written");
            std::fs::write(&path, &bytes).expect("a file");
            let mut reader = csv::ReaderBuilder::new()
                .delimiter(if ending == "x.tsv" { b'\t' } else { b',' })
                .has_headers(false)
                .from_reader(&bytes[3..]);
            let written = reader.records().next().expect("a row").expect("good");
            let computed =
                |f: &&str| f.starts_with(['=', '+', '-', '@', '\t', '\r']) && f.parse::<f64>().is_err();
            assert_eq!(written.iter().find(computed), None, "{ending}");
            let back = super::super::read::sheets(&path).expect("read");
            let shown: Vec<String> = back[0].rows[0].iter().map(Cell::shown).collect();
            assert_eq!(shown[..texts.len()], texts, "{ending}");
            assert_eq!(shown[texts.len()], "-75");
        }
    }
}
