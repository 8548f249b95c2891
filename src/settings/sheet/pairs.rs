//! Rows of keys and values above a list or on a cover: `波特率 | 9600 | 站号 | 3 | 字节序 | CDAB`.

use super::Sheet;
use super::headers::column;
use super::text::{plain, tidy};

/// The longest key.
const LONGEST: usize = 16;

/// The cells of a row that hold more than a sign between others.
pub(super) fn cells(sheet: &Sheet, row: usize) -> Vec<String> {
    let all = sheet.rows.get(row).into_iter().flatten().map(|c| tidy(&c.shown()));
    all.filter(|t| !plain(t).trim_matches([':', '=', '-', '>', '|', ' ']).is_empty()).collect()
}

/// The row as sentences, each key with the number behind it, however many cells lie between: `波特率:9600 | 站号:3 | 字节序 | CDAB`.
pub(super) fn spoken(sheet: &Sheet, row: usize) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut key = false;
    for cell in cells(sheet, row) {
        let number = plain(&cell).contains(|c: char| c.is_ascii_digit());
        match parts.last_mut() {
            Some(last) if key && number => {
                let bare = last.trim_end_matches([':', '：', '=', ' ']).len();
                last.truncate(bare);
                last.push(':');
                last.push_str(&cell);
                key = false;
            }
            _ => {
                key = !number && cell.chars().count() <= LONGEST;
                parts.push(cell);
            }
        }
    }
    parts.join(" | ")
}

/// Keys and numbers by turns, and no header of a list: `起始地址 | 40001 | 站号 | 3`.
pub(super) fn is_of_pairs(sheet: &Sheet, row: usize) -> bool {
    let cells = cells(sheet, row);
    let value = |t: &String| column(0, t).is_none() && plain(t).contains(|c: char| c.is_ascii_digit());
    !cells.is_empty() && cells.len().is_multiple_of(2) && cells.iter().skip(1).step_by(2).all(value)
}
