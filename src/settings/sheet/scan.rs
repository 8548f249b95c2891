//! Where in a sheet the register list is: header rows by their words, blocks of rows below them,
//! titles and notes around. A sheet may hold several blocks, each with its own header.

use super::headers::{Column, Field, below_address, column, exact, mapped};
use super::text::{folded, is_blank, letters, plain, tidy};
use super::{Options, Sheet, Trouble, address, places, station};

/// A header and the rows that belong to it.
#[derive(Debug)]
pub(super) struct Block {
    /// Rows of the header, from 0; empty when `--map` names the columns.
    pub(super) header: std::ops::Range<usize>,
    pub(super) columns: Vec<Column>,
    /// Columns nobody knows, or that say what another says already: title with letter.
    pub(super) ignored: Vec<String>,
    pub(super) rows: std::ops::Range<usize>,
    /// Columns called 上限 or 下限 and nothing more, taken as limits.
    pub(super) doubtful: Vec<usize>,
    /// Other columns of addresses than the one that is read.
    pub(super) others: Vec<Column>,
    /// Every header is a key of the profile: an export, in which nothing is to be guessed.
    pub(super) exact: bool,
}

impl Block {
    pub(super) fn column(&self, field: &Field) -> Option<&Column> {
        self.columns.iter().find(|c| c.field == *field)
    }
}

/// The blocks of a sheet, in order.
pub(super) fn blocks(sheet: &Sheet, options: &Options) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut row = 0;
    let width = sheet.width();
    while row < sheet.rows.len() {
        // A point may be called Address: a row with one of its own is no header.
        let above = found.last().and_then(|b| b.column(&Field::Address));
        let is_point = above.is_some_and(|c| is_address(sheet, row, c.index));
        match (!is_point).then(|| header(sheet, row, width, options)).flatten() {
            Some((header, columns)) => {
                if let Some(last) = found.last_mut() {
                    last.rows.end = header.start;
                }
                row = header.end;
                found.push(block(sheet, header, columns));
            }
            None => row += 1,
        }
    }
    if found.is_empty() {
        let columns: Vec<Column> = by_letter(width, options);
        let first = columns
            .iter()
            .find(|c| c.field == Field::Address)
            .and_then(|c| (0..sheet.rows.len()).find(|row| is_address(sheet, *row, c.index)));
        if let Some(first) = first {
            found.push(block(sheet, first..first, columns));
        }
    }
    for block in &mut found {
        settle(sheet, block);
    }
    found
}

fn is_address(sheet: &Sheet, row: usize, column: usize) -> bool {
    matches!(address::address(&sheet.cell(row, column).shown(), address::Habit::default()), Ok(Some(_)))
}

fn block(sheet: &Sheet, header: std::ops::Range<usize>, columns: Vec<Column>) -> Block {
    let rows = header.end..sheet.rows.len();
    Block {
        header,
        columns,
        ignored: Vec::new(),
        rows,
        doubtful: Vec::new(),
        others: Vec::new(),
        exact: false,
    }
}

/// Columns that `--map` names by their letter.
fn by_letter(width: usize, options: &Options) -> Vec<Column> {
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

fn header(
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
    if !first.iter().any(place) || useful(&first) < 2 {
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
    let two = row + 1 < sheet.rows.len() && address_below && known_below;
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

/// How many cells of a row hold something.
pub(super) fn filled(sheet: &Sheet, row: usize) -> usize {
    sheet.rows.get(row).map_or(0, |r| r.iter().filter(|c| !c.is_empty()).count())
}

/// `Unit` over bare numbers tells the unit id: no unit of measure is a number.
fn unit_ids(sheet: &Sheet, block: &mut Block) {
    if block.columns.iter().any(|c| matches!(c.field, Field::Slave | Field::SlaveOrAddress)) {
        return;
    }
    let others = block.columns.iter().filter(|c| c.field == Field::Unit).count();
    let rows = block.rows.clone();
    let numbers = |index: usize| {
        let cells = rows.clone().map(|row| sheet.down(row, index).shown()).filter(|t| !is_blank(t));
        let ids: Option<std::collections::BTreeSet<u8>> =
            cells.map(|t| plain(&t).parse::<f64>().ok().and_then(|_| station::number(&t))).collect();
        ids.map_or(0, |ids| ids.len())
    };
    // `1` alone may be how a list writes that a value has no unit.
    let id = block.columns.iter().find(|c| {
        let ids = if c.field == Field::Unit { numbers(c.index) } else { 0 };
        ids > 1 || ids == 1 && others > 1
    });
    if let Some(id) = id.map(|c| c.index) {
        for c in block.columns.iter_mut().filter(|c| c.index == id) {
            c.field = Field::Slave;
        }
    }
}

/// `通讯地址` is the register where nothing else is; `设备` the name. A column of station numbers holds numbers.
fn devices(sheet: &Sheet, block: &mut Block) {
    let has = |block: &Block, f: &[Field]| block.columns.iter().any(|c| f.contains(&c.field));
    let addressed = has(block, &[Field::Address]) || has(block, &[Field::Key("pointer".to_owned())]);
    let named = has(block, &[Field::Name, Field::NameEn, Field::Describe, Field::Tag, Field::Id]);
    let rows = block.rows.clone();
    unit_ids(sheet, block);
    // 机号 and 设备编号 may number the equipment: beside a column that tells the unit id for certain they do.
    let certain = block.columns.iter().any(|c| c.field == Field::Slave && !station::is_vague(&c.title));
    for c in &mut block.columns {
        if certain && c.field == Field::Slave && station::is_vague(&c.title) {
            c.field = Field::Passed;
        }
        match c.field {
            Field::SlaveOrAddress => c.field = if addressed { Field::Slave } else { Field::Address },
            Field::Device if !named => c.field = Field::Name,
            _ => {}
        }
        if c.field == Field::Slave {
            let cells = rows.clone().map(|row| sheet.cell(row, c.index).shown()).filter(|t| !is_blank(t));
            let (mut numbers, mut all) = (0_usize, 0_usize);
            for text in cells {
                all += 1;
                numbers += usize::from(station::number(&text).is_some());
            }
            // Names of devices: no unit ids.
            if numbers * 2 < all {
                c.field = Field::Passed;
            }
        }
    }
}

/// `起始地址` with `偏移量` or `偏移地址` beside it: the start comes again in every row, the offset tells the register.
fn starts_and_offsets(sheet: &Sheet, block: &mut Block) {
    let whole = |text: &str| plain(text).parse::<u32>().ok();
    let cells = |index: usize| -> Vec<String> {
        let texts = block.rows.clone().map(|row| sheet.down(row, index).shown());
        texts
            .filter(|t| {
                whole(t).is_some()
                    || address::address(t, address::Habit::default()).is_ok_and(|a| a.is_some())
            })
            .collect()
    };
    let distinct =
        |all: &[String]| all.iter().map(|t| folded(t)).collect::<std::collections::BTreeSet<_>>().len();
    let beyond = block.columns.iter().find(|c| c.field == Field::Beyond).map(|c| c.index);
    let is_start =
        |c: &&Column| c.field == Field::Address && (beyond.is_some() || places::is_start(&c.title));
    let start = block.columns.iter().find(is_start).map(|c| c.index);
    let starts = start.map(cells).unwrap_or_default();
    // A start comes again; addresses that are all different are whole already.
    let again = starts.len() > 1 && distinct(&starts) < starts.len();
    let fits = |index: usize| {
        let numbers = cells(index);
        let both: Vec<String> = starts.iter().zip(&numbers).map(|(s, n)| format!("{s}+{n}")).collect();
        again
            && Some(index) != start
            && numbers.len() == starts.len()
            && numbers.iter().all(|t| whole(t).is_some())
            && (distinct(&numbers) > distinct(&starts) || distinct(&both) == both.len())
    };
    let named = |c: &&Column| {
        matches!(c.field, Field::Offset | Field::Address) && places::is_offset(&c.title) && fits(c.index)
    };
    let offset = match beyond {
        Some(index) => Some(index).filter(|index| fits(*index)),
        None => block.columns.iter().find(named).map(|c| c.index),
    };
    for c in &mut block.columns {
        if Some(c.index) == offset {
            c.field = Field::Beyond;
        } else if c.field == Field::Beyond {
            c.field = Field::Passed;
        }
    }
}

/// One column for each field: limits and ranges told apart, the best address column chosen.
fn settle(sheet: &Sheet, block: &mut Block) {
    devices(sheet, block);
    let has = |block: &Block, f: &[Field]| block.columns.iter().any(|c| f.contains(&c.field));
    let limits = has(block, &[Field::Limit("h"), Field::Limit("l")]);
    let ranges = has(block, &[Field::Range, Field::RangeLo, Field::RangeHi]);
    for c in &mut block.columns {
        if matches!(c.field, Field::EitherLo | Field::EitherHi) && !ranges && !limits {
            block.doubtful.push(c.index);
        }
        c.field = match (&c.field, limits && !ranges) {
            (Field::EitherLo, true) => Field::RangeLo,
            (Field::EitherHi, true) => Field::RangeHi,
            (Field::EitherLo, false) => Field::Limit("l"),
            (Field::EitherHi, false) => Field::Limit("h"),
            (field, _) => field.clone(),
        };
    }
    starts_and_offsets(sheet, block);
    let best = block
        .columns
        .iter()
        .filter(|c| c.field == Field::Address)
        .map(|c| (worth(sheet, block, c), std::cmp::Reverse(c.index)))
        .max()
        .map(|(_, index)| index.0);
    // `通道` beside `名称`: the one that says name is the name, the other a tag.
    let name_columns = block.columns.iter().filter(|c| c.field == Field::Name).count();
    let says_name = |c: &Column| c.title.contains('名') || folded(&c.title).contains("name");
    if name_columns > 1 && block.columns.iter().any(|c| c.field == Field::Name && says_name(c)) {
        for c in &mut block.columns {
            if c.field == Field::Name && !says_name(c) {
                c.field = Field::Tag;
            }
        }
    }
    let mut seen: Vec<Field> = Vec::new();
    let mut kept = Vec::new();
    for c in std::mem::take(&mut block.columns) {
        let many = matches!(c.field, Field::Passed | Field::Remark);
        let other_address = c.field == Field::Address && Some(c.index) != best;
        if other_address {
            block.others.push(c.clone());
        }
        if other_address || (!many && seen.contains(&c.field)) {
            block.ignored.push(format!("{} `{}` (another column says it)", letters(c.index), c.title));
            continue;
        }
        if c.field == Field::Passed {
            block.ignored.push(format!("{} `{}`", letters(c.index), c.title));
        }
        seen.push(c.field.clone());
        kept.push(c);
    }
    block.columns = kept;
    let used: Vec<&Column> = block.columns.iter().filter(|c| c.field != Field::Passed).collect();
    block.exact = used.iter().all(|c| c.exact) && used.iter().any(|c| c.field == Field::Id);
    if let Some(last) = block.header.end.checked_sub(1).filter(|_| !block.header.is_empty()) {
        for n in 0..sheet.width() {
            let title = tidy(&sheet.cell(last, n).shown());
            let title = if title.is_empty() { tidy(&sheet.over(block.header.start, n)) } else { title };
            let known = block.columns.iter().any(|c| c.index == n)
                || block.ignored.iter().any(|i| i.starts_with(&format!("{} ", letters(n))));
            if !title.is_empty() && !known {
                block.ignored.push(format!("{} `{title}`", letters(n)));
            }
        }
    }
}

/// Numbers with a decimal comma stand in the list: `0,1`, `-12,5`.
pub(super) fn has_decimal_commas(sheet: &Sheet, block: &Block) -> bool {
    let comma = |text: &str| {
        text.trim_start_matches('-').split_once(',').is_some_and(|(whole, rest)| {
            let digits = !whole.is_empty() && whole.bytes().chain(rest.bytes()).all(|b| b.is_ascii_digit());
            digits && (whole == "0" || matches!(rest.len(), 1 | 2))
        })
    };
    block
        .columns
        .iter()
        .filter(|c| c.field.is_number())
        .any(|c| block.rows.clone().any(|row| comma(&plain(&sheet.cell(row, c.index).shown()))))
}

/// How plainly a column tells addresses: Modicon numbers before marked hexadecimal before plain ones.
fn worth(sheet: &Sheet, block: &Block, column: &Column) -> i64 {
    let habit = address::Habit { hex: column.hex, ..address::Habit::default() };
    block
        .rows
        .clone()
        .map(|row| match address::address(&sheet.down(row, column.index).shown(), habit) {
            Ok(Some(a)) if a.form == address::Form::Modicon => 4,
            Ok(Some(a)) if a.form == address::Form::Hex => 3,
            Ok(Some(_)) => 2,
            Ok(None) => 0,
            Err(_) => -1,
        })
        .sum()
}

/// `key | value` above the first header: keys of the profile's head, as an export writes them.
pub(super) fn head(sheet: &Sheet, until: usize) -> (super::Keys, Vec<usize>) {
    const TEXTS: &[&str] = &["kind", "order", "table"];
    let mut found = super::Keys::new();
    let mut rows = Vec::new();
    for row in 0..until.min(sheet.rows.len()) {
        let key = plain(&sheet.cell(row, 0).shown());
        let value = sheet.cell(row, 1).shown();
        let ours = TEXTS.contains(&key.as_str())
            || matches!(key.as_str(), "address_base")
            || key.starts_with("modbus.")
            || key.starts_with("time.");
        if ours && !value.trim().is_empty() && filled(sheet, row) == 2 {
            let value = match super::Val::parse(&value) {
                Some(value) if !TEXTS.contains(&key.as_str()) => value,
                _ => super::Val::Text(value.trim().to_owned()),
            };
            found.insert(key, value);
            rows.push(row);
        }
    }
    (found, rows)
}

/// The trouble of a sheet in which no register list was found.
pub(super) fn nothing(sheet: &Sheet) -> Trouble {
    Trouble {
        sheet: sheet.name.clone(),
        row: 0,
        column: String::new(),
        problem: "no header row with a register address was found".to_owned(),
        remedy: "name the columns, e.g. 名称, 寄存器地址, 数据类型, 单位 (Name, Address, Type, Unit), \
                 or tell them: --map 'C=address' --map 'B=name'"
            .to_owned(),
    }
}
