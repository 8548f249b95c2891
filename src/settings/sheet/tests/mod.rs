//! What the folder promises as a whole: where a list begins, what its rows mean, what a second import keeps, and that
//! what is written reads back.

mod doubts;
mod merging;
mod notations;
mod properties;
mod rows;

use super::*;

/// A sheet from lines with `|` between the cells; numbers as numbers, as Excel has them.
fn sheet(lines: &[&str]) -> Sheet {
    let cell = |t: &str| match t.trim() {
        "" => Cell::Empty,
        t => t.parse::<f64>().map_or_else(|_| Cell::Text(t.to_owned()), Cell::Number),
    };
    let rows = lines.iter().map(|l| l.split('|').map(cell).collect()).collect();
    Sheet { name: "点表".to_owned(), rows, merges: Merges::default() }
}

fn read_lines(lines: &[&str]) -> Imported {
    import(&[sheet(lines)], &Options::default())
}

/// The points as `id: key = value, …`.
fn points(imported: &Imported) -> Vec<String> {
    let words = |p: &Point| p.keys.iter().map(|(k, v)| format!("{k} = {v}")).collect::<Vec<_>>().join(", ");
    imported.points.iter().map(|p| format!("{}: {}", p.id, words(p))).collect()
}

fn told(troubles: &[Trouble]) -> Vec<String> {
    troubles.iter().map(ToString::to_string).collect()
}

fn profile(text: &str) -> Profile {
    read("p.toml", text).unwrap_or_else(|f| panic!("{f}"))
}

#[test]
fn the_header_is_found_below_titles_and_blank_rows_and_notes_are_passed_over() {
    let found = read_lines(&[
        "某某锅炉房通讯点表",
        "",
        "编制 | 张三 | 2025年",
        "序号 | 名称 | 地址 | 类型",
        "1 | 蒸汽压力 | 40001 | INT16",
        "",
        "二、温度",
        "2 | 排烟温度 | 40002 | INT16",
        "注：以上为只读",
    ]);
    assert_eq!(told(&found.faults), Vec::<String>::new());
    assert_eq!(
        found.points.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(),
        ["steam_pressure", "stack_temp"]
    );
    let skipped: Vec<usize> = found.sheets[0].skipped.iter().map(|s| s.row).collect();
    assert_eq!(skipped, [7, 9]);
}

#[test]
fn a_cell_of_characters_that_nobody_sees_is_empty() {
    let found = read_lines(&["名称 | 地址 | 类型 | 单位", "功率因数 | 40001 | REAL | \0\0\u{200b}"]);
    assert_eq!(points(&found), ["power_factor: address = 40001, name = \"功率因数\", type = \"f32\""]);
}

#[test]
fn two_header_rows_and_joined_cells_are_one_header() {
    let mut sheet = sheet(&[
        "名称 | 地址 | 类型 | 量程 | | 报警 |",
        " | | | 下限 | 上限 | 下限 | 上限",
        "蒸汽压力 | 40001 | INT16 | 0 | 2.5 | 0.6 | 1.2",
        "| 40002 | INT16 | 0 | 100 | |",
    ]);
    let expected = [
        "address = 40001, limits.h.at = 1.2, limits.l.at = 0.6, name = \"蒸汽压力\", range = [0, 2.5], type = \"i16\"",
    ];
    // Without joined cells, as in a text file; then as Excel has them.
    for merges in [
        Vec::new(),
        vec![
            Merge { rows: (0, 0), columns: (3, 4) },
            Merge { rows: (0, 0), columns: (5, 6) },
            Merge { rows: (0, 1), columns: (0, 0) },
            Merge { rows: (0, 1), columns: (1, 1) },
            Merge { rows: (0, 1), columns: (2, 2) },
        ],
    ] {
        sheet.merges = merges.into();
        let found = import(&[sheet.clone()], &Options::default());
        assert_eq!(points(&found)[0], format!("steam_pressure: {}", expected[0]));
        assert_eq!(found.points[1].id, "p40002");
    }
}

#[test]
fn chinese_and_english_headers_below_each_other_are_one_header() {
    let found = read_lines(&["名称 | 寄存器地址 | 类型", "Name | Address | Type", "蒸汽压力 | 40001 | REAL"]);
    assert_eq!(points(&found), ["steam_pressure: address = 40001, name = \"蒸汽压力\", type = \"f32\""]);
}

#[test]
fn a_second_list_on_the_same_sheet_has_its_own_header() {
    let found = read_lines(&[
        "名称 | 地址 | 类型",
        "蒸汽压力 | 40001 | REAL",
        "",
        "Modbus地址 | 功能码 | 信号名称",
        "0 | 02 | 极低水位",
    ]);
    assert_eq!(
        points(&found)[1],
        "lwco_electrode: address = 0, name = \"极低水位\", table = \"discrete\", unit = \"bool\""
    );
}

#[test]
fn a_column_is_what_the_command_line_says_by_header_or_letter() {
    let options = Options {
        map: vec![("采集口".to_owned(), "address".to_owned()), ("A".to_owned(), "name".to_owned())],
        ..Options::default()
    };
    let lines = ["啥 | 采集口 | 类型", "蒸汽压力 | 40001 | REAL"];
    assert_eq!(import(&[sheet(&lines)], &options).points[0].id, "steam_pressure");
    let bare = Options {
        map: vec![("A".to_owned(), "name".to_owned()), ("B".to_owned(), "address".to_owned())],
        ..Options::default()
    };
    assert_eq!(import(&[sheet(&["蒸汽压力 | 40001"])], &bare).points[0].id, "steam_pressure");
    let wrong = Options { map: vec![("A".to_owned(), "adress".to_owned())], ..Options::default() };
    assert!(told(&import(&[sheet(&lines)], &wrong).faults)[0].contains("`adress` is not a key"));
}

#[test]
fn a_sheet_without_a_list_says_how_to_name_the_columns() {
    let found = read_lines(&["甲 | 乙", "1 | 2"]);
    assert!(told(&found.faults)[0].starts_with("点表: no header row with a register address was found"));
}
