//! Which register table words and function codes mean, in a cell and in a title.

use super::super::text::{folded, plain};
use crate::settings::Table;

/// The function code a cell names first: the table, or `Err` for one that only writes. `None` also where it names several
/// that read: `03/04`.
pub(super) fn function(text: &str) -> Option<Result<Table, ()>> {
    let text = plain(text);
    let listed = text.find(|c: char| c.is_ascii_digit()).map(|at| codes(&text[at..].to_lowercase()));
    if listed.is_some_and(|listed| reading(&listed).len() > 1) {
        return None;
    }
    let runs = text.split(|c: char| !c.is_ascii_digit()).filter_map(|r| r.parse::<u32>().ok());
    let mut writes = false;
    for code in runs {
        match table_of_code(code) {
            Some(table) => return Some(Ok(table)),
            None => writes |= matches!(code, 5 | 6 | 10 | 15 | 16),
        }
    }
    writes.then_some(Err(()))
}

/// The function code that reads a table.
pub(super) fn function_code(table: Table) -> u8 {
    match table {
        Table::Coil => 1,
        Table::DiscreteInput => 2,
        Table::HoldingRegister => 3,
        Table::InputRegister => 4,
    }
}

fn table_of_code(code: u32) -> Option<Table> {
    match code {
        1 => Some(Table::Coil),
        2 => Some(Table::DiscreteInput),
        3 => Some(Table::HoldingRegister),
        4 => Some(Table::InputRegister),
        _ => None,
    }
}

/// A register table in words, in a cell of its own.
pub(super) fn table_word(text: &str) -> Option<Table> {
    let word = folded(text);
    match word.as_str() {
        "4x" | "4区" | "4" | "hr" | "holding" => Some(Table::HoldingRegister),
        "3x" | "3区" | "3" | "ir" | "input" => Some(Table::InputRegister),
        "1x" | "1区" | "1" | "di" | "discrete" => Some(Table::DiscreteInput),
        "0x" | "0区" | "0" | "do" | "coil" => Some(Table::Coil),
        _ => section_table(&word),
    }
}

/// What a title says of the table of the rows below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings::sheet) enum Section {
    /// It names one table, or the function code that reads it.
    Of(Table),
    /// It names function codes that write and none that reads: whatever held above does not hold below it.
    Writes,
    /// Several tables by name, or a table and a code that reads another one: nobody knows the table of the rows below it.
    Several,
    /// Codes of several kinds without a table's name.
    Codes,
    /// Nothing.
    Silent,
}

/// A register table named in a title: `二、输入寄存器（只读）`, `功能码：04`.
pub(in crate::settings::sheet) fn section_table(text: &str) -> Option<Table> {
    match section(text) {
        Section::Of(table) => Some(table),
        Section::Writes | Section::Several | Section::Codes | Section::Silent => None,
    }
}

/// The table a title names; by words before codes, by neither where it names several.
pub(in crate::settings::sheet) fn section(text: &str) -> Section {
    let word = folded(text);
    let (named, codes) = (in_words(&word), all_codes(&plain(text).to_lowercase()));
    match (&named[..], &reading(&codes)[..]) {
        ([table], []) => Section::Of(*table),
        ([table], codes) if codes.contains(table) => Section::Of(*table),
        ([_, ..], _) => Section::Several,
        ([], [table]) if codes.iter().all(|code| table_of_code(*code) == Some(*table)) => Section::Of(*table),
        ([], []) if codes.iter().any(|code| matches!(code, 5 | 6 | 15 | 16)) => Section::Writes,
        ([], [_, ..]) => Section::Codes,
        ([], []) => Section::Silent,
    }
}

/// A title of several codes (`支持功能码：03、04`) names one that reads this table: it does not speak against it.
pub(in crate::settings::sheet) fn allows(text: &str, table: Table) -> bool {
    reading(&all_codes(&plain(text).to_lowercase())).contains(&table)
}

/// The tables that a folded title names.
fn in_words(word: &str) -> Vec<Table> {
    const WORDS: &[(Table, &[&str])] = &[
        (Table::HoldingRegister, &["保持寄存器", "holdingreg", "4x区", "4xxxx"]),
        (Table::InputRegister, &["输入寄存器", "inputreg", "3x区", "3xxxx"]),
        (Table::DiscreteInput, &["离散输入", "离散量输入", "discreteinput", "输入状态", "1x区", "1xxxx"]),
        (Table::Coil, &["线圈", "coil", "0x区", "0xxxx"]),
    ];
    let word = word.replace("离散输入寄存器", "离散输入").replace("discreteinputreg", "discreteinput");
    let named = WORDS.iter().filter(|(_, words)| words.iter().any(|w| word.contains(w)));
    named.map(|(table, _)| *table).collect()
}

/// The tables that codes read, each once.
fn reading(codes: &[u32]) -> Vec<Table> {
    let mut tables = Vec::new();
    for table in codes.iter().filter_map(|code| table_of_code(*code)) {
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    tables
}

/// The label of a function code and nothing else: `功能码：`, `写功能码`.
pub(super) fn is_label(text: &str) -> bool {
    let word = folded(text);
    let word = word.trim_end_matches([':', '=']);
    let word = ["支持", "支持的", "读", "写", "读写"]
        .iter()
        .find_map(|lead| word.strip_prefix(lead))
        .unwrap_or(word);
    matches!(word, "功能码" | "功能号" | "命令码" | "functioncode" | "funktionscode" | "fc")
}

/// All function codes of a title but those that stand apart as codes to write (`读功能码03，写功能码16`); a title of those
/// alone names them.
fn all_codes(word: &str) -> Vec<u32> {
    const NAMES: &[&str] =
        &["功能码", "功能号", "命令码", "function code", "function", "funktionscode", "fc"];
    let (mut read, mut write) = (Vec::new(), Vec::new());
    let mut from = 0;
    while from < word.len() {
        let rest = &word[from..];
        let Some((at, name)) = NAMES
            .iter()
            .filter_map(|n| Some((rest.find(n)?, *n)))
            .min_by_key(|(at, n)| (*at, usize::MAX - n.len()))
        else {
            break;
        };
        let (before, behind) = (&word[..from + at], &rest[at + name.len()..]);
        from += at + name.len();
        // `pfc` is a power factor controller.
        if name.is_ascii()
            && before.ends_with(|c: char| c.is_ascii_alphanumeric())
            && !before.ends_with("write")
        {
            continue;
        }
        let before = before.trim_end();
        let writes = ["写", "写入", "write"].iter().any(|w| before.ends_with(w)) && !before.ends_with("读写");
        let found = codes(behind);
        if writes { write.extend(found) } else { read.extend(found) }
    }
    if read.is_empty() && write.is_empty() {
        read.extend(bare_hex(word));
    }
    if read.is_empty() { write } else { read }
}

/// Codes that follow each other at the begin of a text in lower case: `：03`, `03(读)、06(写)`, `0x03/0x10`, `03~06`.
fn codes(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([' ', ':', '=', '#', '|', '为', '是', '有', '号', '.']);
    rest = match rest.strip_prefix(['(', '[']) {
        Some(inside) if inside.starts_with(|c: char| c.is_ascii_digit()) => inside,
        _ => past_brackets(rest).trim_start_matches([' ', ':', '=']),
    };
    loop {
        rest = ["fc", "功能码"].iter().find_map(|name| rest.strip_prefix(name)).unwrap_or(rest);
        let hex = rest.strip_prefix("0x");
        let body = hex.unwrap_or(rest);
        let digits = body.find(|c: char| !c.is_ascii_digit()).unwrap_or(body.len());
        let suffix = body[digits..].strip_prefix('h');
        let radix = if hex.is_some() || suffix.is_some() { 16 } else { 10 };
        let Ok(code) = u32::from_str_radix(&body[..digits], radix) else { return found };
        let behind = suffix.unwrap_or(&body[digits..]);
        // `4x`, `2号站`, `10个`
        if behind.starts_with(['x', '区', '号', '个', '#']) {
            return found;
        }
        found.push(code);
        rest = past_brackets(behind).trim_start_matches(['读', '写']);
        rest = past_brackets(rest);
        let next = rest
            .trim_start_matches([' ', '、', ',', '/', ';', '和', '及', '或', '与', '&', '+', '~', '-', '至']);
        if next.len() == rest.len() {
            return found;
        }
        rest = next;
    }
}

/// What is behind a bracket that opens the text, else the text.
fn past_brackets(text: &str) -> &str {
    let inside = text.trim_start().strip_prefix(['(', '[']).and_then(|rest| rest.split_once([')', ']']));
    inside.map_or(text, |(_, behind)| behind)
}

/// `读取（0x04）`: one code in hexadecimal without its name, where the title speaks of no address and no station.
fn bare_hex(word: &str) -> Option<u32> {
    let other = ["地址", "站", "从机", "addr", "slave", "unit", "id", "寄存器0x"];
    if other.iter().any(|w| word.contains(w)) {
        return None;
    }
    let mut found = word.match_indices("0x").map(|(at, _)| {
        let digits = &word[at + 2..];
        let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        u32::from_str_radix(&digits[..end], 16).ok().filter(|code| matches!(code, 3 | 4) && end <= 2)
    });
    found.next().flatten().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_a_table_by_words_or_by_one_code_that_reads() {
        for (title, table) in [
            ("二、输入寄存器（只读）", Table::InputRegister),
            ("功能码：03", Table::HoldingRegister),
            ("功能码 | 04", Table::InputRegister),
            ("功能码:04 | 站号:3", Table::InputRegister),
            ("功能码（04）", Table::InputRegister),
            ("功能码 0x04", Table::InputRegister),
            ("功能码：04H", Table::InputRegister),
            ("FC1", Table::Coil),
            ("FC 02", Table::DiscreteInput),
            ("Function code: 04", Table::InputRegister),
            ("读功能码04，写功能码16", Table::InputRegister),
            ("功能码：04，起始地址：0，数量：10", Table::InputRegister),
            ("读取（0x04）", Table::InputRegister),
            ("保持寄存器（功能码：03、06、16）", Table::HoldingRegister),
            ("线圈（功能码：01、05、15）", Table::Coil),
            ("离散输入寄存器", Table::DiscreteInput),
        ] {
            assert_eq!(section(title), Section::Of(table), "{title}");
        }
    }

    #[test]
    fn a_label_of_a_code_is_no_name_of_a_point() {
        for label in ["功能码", "写功能码：", "Function code:", "支持功能码"] {
            assert!(is_label(label), "{label}");
        }
        for name in ["功能码寄存器", "压力", "fc1"] {
            assert!(!is_label(name), "{name}");
        }
    }

    #[test]
    fn codes_that_write_and_several_codes_name_no_table() {
        for title in [
            "功能码：16",
            "功能码 | 15",
            "写功能码：16",
            "FC16",
            "FC 15",
            "fc05",
            "功能码：0x10",
            "功能码：10H",
            "功能码：06/16",
        ] {
            assert_eq!(section(title), Section::Writes, "{title}");
        }
        for title in [
            "支持功能码：01、02、03、04、05、06",
            "功能码：01(读)、03(读)、16(写)",
            "功能码：01~04",
            "FC03/FC04",
            "功能码：03 06 16",
        ] {
            assert_eq!(section(title), Section::Codes, "{title}");
        }
        assert!(allows("FC03/FC04", Table::InputRegister) && !allows("功能码：01、02", Table::InputRegister));
        for title in [
            "保持寄存器（功能码：04）",
            "保持寄存器（功能码：01、02）",
            "功能码：01(读线圈)、03(读保持寄存器)",
            "保持寄存器和输入寄存器",
            "线圈、离散输入（功能码：01）",
        ] {
            assert_eq!(section(title), Section::Several, "{title}");
        }
        for title in ["功能码：14", "功能码：100", "起始地址：0x0400", "从站 0x03", "PFC03", "二、温度"]
        {
            assert_eq!(section(title), Section::Silent, "{title}");
        }
    }

    #[test]
    fn a_cell_that_names_several_codes_to_read_names_none() {
        for (cell, read) in [
            ("03", Some(Ok(Table::HoldingRegister))),
            ("03/06/16", Some(Ok(Table::HoldingRegister))),
            ("FC4", Some(Ok(Table::InputRegister))),
            ("0x04", Some(Ok(Table::InputRegister))),
            ("03 (4x)", Some(Ok(Table::HoldingRegister))),
            ("03:读1个或多个", Some(Ok(Table::HoldingRegister))),
            ("16", Some(Err(()))),
            ("06/16", Some(Err(()))),
            ("03/04", None),
            ("01、02、03、04、05、06", None),
            ("x", None),
        ] {
            assert_eq!(function(cell), read, "{cell}");
        }
    }
}
