//! Rows that are headers: their words, what `--map` says of their columns, and joined headings over two rows.

use super::headers::{Column, Field, below_address, column, exact, mapped};
use super::pairs::{is_of_pairs, spoken};
use super::row::{Section, section};
use super::scan::filled;
use super::text::{folded, letters, plain, tidy};
use super::{Options, Sheet};

/// Columns that `--map` names by their letter.
pub(super) fn by_letter(width: usize, options: &Options) -> Vec<Column> {
    (0..width).filter_map(|n| asked(n, "", options)).collect()
}

/// What `--map` says of a column, by letter or by header.
fn asked(index: usize, title: &str, options: &Options) -> Option<Column> {
    let letter = letters(index);
    let (_, key) = options.map.iter().find(|(name, _)| {
        name.eq_ignore_ascii_case(&letter) || (!title.trim().is_empty() && folded(name) == folded(title))
    })?;
    let field = mapped(key)?;
    let title = if title.trim().is_empty() { letter } else { tidy(title) };
    let known = column(index, &title);
    Some(Column {
        index,
        title,
        field,
        hex: known.as_ref().is_some_and(|c| c.hex),
        base: known.as_ref().and_then(|c| c.base),
        unit: known.as_ref().and_then(|c| c.unit),
        exact: false,
    })
}

/// A header at a row, over one row or two: its rows and columns.
pub(super) fn header(
    sheet: &Sheet,
    row: usize,
    width: usize,
    options: &Options,
) -> Option<(std::ops::Range<usize>, Vec<Column>)> {
    let own = |row: usize| -> Vec<Column> {
        (0..sheet.rows.get(row).map_or(0, Vec::len))
            .filter_map(|n| {
                let title = sheet.cell(row, n).shown();
                if title.trim().is_empty() {
                    None
                } else {
                    asked(n, &title, options).or_else(|| column(n, &title))
                }
            })
            .collect()
    };
    let first = own(row);
    let place = |c: &Column| {
        matches!(&c.field, Field::Address | Field::SlaveOrAddress)
            || matches!(&c.field, Field::Key(k) if k == "pointer")
    };
    let useful = |columns: &[Column]| {
        let mut fields: Vec<_> = columns.iter().map(|c| &c.field).filter(|f| **f != Field::Passed).collect();
        fields.sort();
        fields.dedup();
        fields.len()
    };
    if !first.iter().any(place) || useful(&first) < 2 || is_of_pairs(sheet, row) {
        return None;
    }
    // A letter given on the command line names a column in every row: only words make a header.
    let by_word = |c: &Column| {
        let title = sheet.cell(row, c.index).shown();
        column(c.index, &title).is_some()
            || options.map.iter().any(|(name, _)| folded(name) == folded(&title))
    };
    if !first.iter().any(by_word) {
        return None;
    }
    // A second header row: sub-columns of joined headings, or the other language.
    let mut end = row + 1;
    let lower = own(row + 1);
    let under = |n: usize| below_address(&sheet.cell(row + 1, n).shown());
    let address_below = first.iter().filter(|c| place(c)).all(|c| {
        let below = sheet.cell(row + 1, c.index);
        below.is_empty() || under(c.index) || lower.iter().any(|l| l.index == c.index && place(l))
    });
    let ways = (0..width).filter(|n| under(*n) && !lower.iter().any(|l| l.index == *n)).count();
    let known = lower.len() + ways;
    let known_below = known > 0 && known * 2 >= filled(sheet, row + 1);
    // `功能码：04` below the header is a title of the rows.
    let is_title = filled(sheet, row + 1) == 1 && section(&spoken(sheet, row + 1)) != Section::Silent;
    let two = row + 1 < sheet.rows.len() && address_below && known_below && !is_title;
    if two {
        end += 1;
    }
    let mut columns = Vec::new();
    let mut group = String::new();
    for n in 0..width {
        let title = if two { sheet.cell(row + 1, n).shown() } else { sheet.cell(row, n).shown() };
        let over = match () {
            () if two => sheet.over(row, n),
            () if row > 0 => heading(sheet, row - 1, n, width),
            () => String::new(),
        };
        // Without joined cells a heading stands over its first column only.
        if two && !over.trim().is_empty() {
            group.clone_from(&over);
        }
        let over =
            if two && over.trim().is_empty() && !title.trim().is_empty() { group.clone() } else { over };
        let best = if title.trim().is_empty() { over.clone() } else { title.clone() };
        if best.trim().is_empty() {
            continue;
        }
        let both = format!("{}{}", tidy(&over), tidy(&title));
        let column = asked(n, &best, options)
            .or_else(|| exact(&plain(&title)).and_then(|_| column(n, &title)))
            .or_else(|| (!over.is_empty() && !title.is_empty()).then(|| column(n, &both)).flatten())
            .or_else(|| {
                (two && below_address(&title)).then(|| column(n, &format!("{over}({title})"))).flatten()
            })
            .or_else(|| column(n, &title))
            .or_else(|| if two { column(n, &over) } else { None });
        columns.extend(column);
    }
    Some((row..end, columns))
}

/// A heading joined over a few columns of the row below it; a title over all of them is none.
fn heading(sheet: &Sheet, row: usize, column: usize, width: usize) -> String {
    let wide = width.max(4) / 2;
    let over = sheet
        .merges
        .iter()
        .find(|m| m.rows.0 <= row && row <= m.rows.1 && (m.columns.0..=m.columns.1).contains(&column));
    match over {
        Some(m) if m.columns.1 - m.columns.0 < wide => sheet.cell(m.rows.0, m.columns.0).shown(),
        _ => String::new(),
    }
}
