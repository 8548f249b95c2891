//! Which column tells what, where the words over it may mean several things: the cells below and the other columns decide.

use super::headers::{Column, Field};
use super::scan::Block;
use super::text::{folded, is_blank, letters, plain, tidy};
use super::{Sheet, address, places, station};

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
pub(super) fn settle(sheet: &Sheet, block: &mut Block) {
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
