//! What the folder promises as a whole: tolerance, places of problems, merging, round trips.

use proptest::prelude::*;

use super::*;

/// A sheet from lines with `|` between the cells; numbers as numbers, as Excel has them.
fn sheet(lines: &[&str]) -> Sheet {
    let cell = |t: &str| match t.trim() {
        "" => Cell::Empty,
        t => t.parse::<f64>().map_or_else(|_| Cell::Text(t.to_owned()), Cell::Number),
    };
    let rows = lines.iter().map(|l| l.split('|').map(cell).collect()).collect();
    Sheet { name: "点表".to_owned(), rows, merges: Vec::new() }
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
        sheet.merges = merges;
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
    assert_eq!(points(&found)[1], "lwco_electrode: address = 0, name = \"极低水位\", table = \"discrete\"");
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
    assert!(told(&import(&[sheet(&lines)], &wrong).faults)[0].contains("`adress` is no key"));
}

#[test]
fn a_sheet_without_a_list_says_how_to_name_the_columns() {
    let found = read_lines(&["甲 | 乙", "1 | 2"]);
    assert!(told(&found.faults)[0].starts_with("点表: no header row with a register address was found"));
}

#[test]
fn bits_below_one_joined_register_share_its_address() {
    let mut bits = sheet(&["名称 | 地址 | 位", "熄火 | 40021 | 3", "超压 | | 4", "检漏失败 | | 5"]);
    let expected = [
        "flame_fail: address = 40021, bit = 3, name = \"熄火\"",
        "steam_pressure_high: address = 40021, bit = 4, name = \"超压\"",
    ];
    assert_eq!(points(&import(&[bits.clone()], &Options::default()))[..2], expected);
    bits.merges = vec![Merge { rows: (1, 3), columns: (1, 1) }];
    let found = import(&[bits], &Options::default());
    assert_eq!(points(&found)[..2], expected);
    assert_eq!(told(&found.warnings), Vec::<String>::new());
}

#[test]
fn a_point_that_is_called_address_is_no_header() {
    let found = read_lines(&[
        "Name | Address | Type | Description",
        "Voltage | 40001 | UINT16 | bus",
        "Address | 40002 | UINT16 | Unit",
        "Current | 40003 | UINT16 | bus",
    ]);
    let addresses: Vec<_> = points(&found).iter().map(|p| p.contains("name_en = \"Address\"")).collect();
    assert_eq!(addresses, [false, true, false], "{:?}", points(&found));
}

#[test]
fn a_span_in_a_list_of_bits_is_a_field_or_spare() {
    let found = read_lines(&[
        "名称 | 地址 | 备注",
        "状态字 | 40021 | Bit0:超压;Bit1-3:模式;Bit4-15:备用",
        "报警字 | 40022 | b0 熄火, b1~b3 备用",
    ]);
    assert_eq!(
        points(&found),
        [
            "steam_pressure_high: address = 40021, bit = 0, name = \"超压\"",
            "p40021_1: address = 40021, bits = [1, 3], name = \"模式\", type = \"bits\"",
            "flame_fail: address = 40022, bit = 0, name = \"熄火\"",
        ]
    );
}

#[test]
fn a_number_that_is_no_register_is_told_with_what_it_may_have_meant() {
    let found = read_lines(&[
        "名称 | 地址 | 功能码 | 类型 | 位",
        "甲 | 40000 | 3 | INT16 |",
        "乙 | 65536 | 3 | INT16 |",
        "丙 | 7 | 3 | WORD | -1",
        "丁 | 8 | 3 | String(0) |",
    ]);
    assert_eq!(
        told(&found.faults),
        [
            "点表!B2: 40000 is no register: these numbers begin with 40001; \
             --table takes every number as a plain address",
            "点表!B3: 65536 lies beyond the last register, 65535; \
             check the address, and whether the list counts from 0 or from 1",
            "点表!E4: `-1` is no bit of a register; 0 to 15, 0 is the lowest; beyond that it is in the next register",
            "点表!D5: a text of 0 registers; 1 to 125 registers",
        ]
    );
}

#[test]
fn a_long_sheet_gives_its_points_and_no_more_warnings_than_it_has_faults() {
    let mut long = sheet(&["名称 | 地址 | 类型", "甲 | 40001 | INT16"]);
    // One forgotten cell at the end, and a column filled with one address.
    long.rows.resize(1_048_575, Vec::new());
    long.rows.push(vec![Cell::Text("x".to_owned())]);
    assert_eq!(import(&[long], &Options::default()).points.len(), 1);
    let mut same = vec!["名称 | 地址 | 类型"];
    same.resize(3000, "甲 | 40001 | INT16");
    let found = read_lines(&same);
    assert!(found.warnings.len() < 30_000, "{}", found.warnings.len());
}

#[test]
fn bit_ten_typed_as_a_number_is_not_bit_one() {
    let found = read_lines(&["名称 | 地址", "甲 | 40021.8", "乙 | 40021.9", "丙 | 40021.1", "丁 | 40021.11"]);
    let bits: Vec<_> = found.points.iter().map(|p| p.keys["bit"].to_string()).collect();
    assert_eq!(bits, ["8", "9", "10", "11"]);
}

#[test]
fn a_title_or_the_sheets_name_tells_the_table_of_plain_addresses() {
    let found = read_lines(&[
        "名称 | 地址 | 类型",
        "一、输入寄存器（04功能码）",
        "蒸汽压力 | 0 | INT16",
        "二、保持寄存器",
        "排烟温度 | 0 | INT16",
    ]);
    let tables: Vec<_> = found.points.iter().map(|p| p.keys["table"].to_string()).collect();
    assert_eq!(tables, ["\"input\"", "\"holding\""]);
    assert_eq!(told(&found.warnings), Vec::<String>::new());
}

#[test]
fn a_function_code_that_only_writes_leaves_the_row_out() {
    let found =
        read_lines(&["名称 | 地址 | 功能码 | 类型", "复位 | 0 | 06 | INT16", "压力 | 1 | 03/06 | INT16"]);
    assert_eq!(found.points.len(), 1);
    assert!(found.faults.is_empty());
    assert!(told(&found.warnings)[0].starts_with("点表!C2: `6` only writes: left out"));
}

#[test]
fn zeros_before_a_coil_and_x_before_a_number_are_read_by_the_sheets_habit() {
    let found = read_lines(&["名称 | 地址 | 类型", "蒸汽压力 | 4x0001 | INT16", "急停 | 0x0003 | BOOL"]);
    assert_eq!(
        points(&found),
        [
            "steam_pressure: address = 40001, name = \"蒸汽压力\", type = \"i16\"",
            "emergency_stop: address = 2, name = \"急停\", table = \"coil\"",
        ]
    );
}

#[test]
fn a_base_of_one_is_taken_from_the_header_and_written_into_the_profile() {
    let found = read_lines(&["名称 | 寄存器地址(从1开始) | 功能码 | 类型", "压力 | 1 | 03 | INT16"]);
    assert_eq!(found.head["address_base"], Val::Number(1.0));
    assert_eq!(found.points[0].place, Some((Table::HoldingRegister, 0, None)));
}

#[test]
fn a_note_below_the_list_sets_the_byte_order() {
    let found = read_lines(&["名称 | 地址 | 类型", "蒸汽压力 | 40001 | REAL", "说明：浮点数低字在前"]);
    assert_eq!(found.head["order"], Val::text("cdab"));
    assert!(told(&found.warnings)[0].starts_with("点表!3: this note sets the byte order"));
}

#[test]
fn the_plainest_of_several_address_columns_is_used() {
    let found = read_lines(&["名称 | 地址(HEX) | PLC地址 | 类型", "蒸汽压力 | 000A | 40011 | INT16"]);
    assert_eq!(found.points[0].keys["address"], Val::Number(40_011.0));
    assert_eq!(found.sheets[0].ignored, ["B `地址(HEX)` (another column says it)"]);
    let hex = read_lines(&["名称 | 地址(HEX) | 功能码 | 类型", "蒸汽压力 | 10 | 3 | INT16"]);
    assert_eq!(hex.points[0].keys["address"], Val::Number(16.0));
}

#[test]
fn whole_numbers_with_decimals_are_scaled_and_that_is_said() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 小数位",
        "蒸汽压力 | 40001 | INT16 | 2",
        "水位 | 40002 | REAL | 1",
    ]);
    assert_eq!(found.points[0].keys["scale"], Val::Number(0.01));
    assert!(!found.points[1].keys.contains_key("scale"));
    assert_eq!(told(&found.warnings).len(), 1, "{:?}", told(&found.warnings));
}

#[test]
fn a_multiplier_of_ten_is_questioned() {
    let found = read_lines(&["名称 | 地址 | 类型 | 倍率", "蒸汽压力 | 40001 | INT16 | 10"]);
    assert!(told(&found.warnings)[0].starts_with("点表!D2: multiplied by 10; is it not to be divided?"));
    let enlarged = read_lines(&["名称 | 地址 | 类型 | 放大倍数", "蒸汽压力 | 40001 | INT16 | 10"]);
    assert_eq!(enlarged.points[0].keys["scale"], Val::Number(0.1));
}

#[test]
fn bare_upper_and_lower_bounds_are_limits_and_that_is_said_unless_limits_stand_elsewhere() {
    let found = read_lines(&["名称 | 地址 | 类型 | 下限 | 上限", "压力 | 40001 | INT16 | 1 | 2"]);
    assert_eq!(found.points[0].keys["limits.h.at"], Val::Number(2.0));
    assert!(told(&found.warnings)[0].starts_with("点表!D1: taken as the limit of an alarm"));
    let both = read_lines(&["名称 | 地址 | 类型 | 下限 | 上限 | 高报", "压力 | 40001 | INT16 | 0 | 2 | 1"]);
    assert_eq!(both.points[0].keys["range"], Val::numbers(&[0.0, 2.0]));
    assert_eq!(both.points[0].keys["limits.h.at"], Val::Number(1.0));
    let english = read_lines(&["Name | Address | Type | Min | Max", "P | 40001 | INT16 | 0 | 2"]);
    assert_eq!(english.points[0].keys["range"], Val::numbers(&[0.0, 2.0]));
}

#[test]
fn a_list_that_seems_to_count_from_one_is_questioned() {
    let lines = ["名称 | 地址 | 功能码 | 类型", "压力 | 1 | FC03 | INT16", "温度 | 2 | FC03 | INT16"];
    assert!(told(&read_lines(&lines).warnings)[0].starts_with("点表!B2: the lowest address is 1"));
    let options = Options { address_base: Some(1), ..Options::default() };
    assert_eq!(told(&import(&[sheet(&lines)], &options).warnings), Vec::<String>::new());
    let modicon = read_lines(&["名称 | 地址 | 类型", "压力 | 40002 | INT16"]);
    assert_eq!(told(&modicon.warnings), Vec::<String>::new());
}

#[test]
fn a_unit_in_the_name_the_range_or_a_remark_is_found() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 量程 | 备注",
        "蒸汽压力(Mpa) | 40001 | INT16 | |",
        "排烟温度 | 40002 | INT16 | 0~400℃ |",
        "电压 | 40003 | INT16 | | 单位：V",
    ]);
    let units: Vec<_> = found.points.iter().map(|p| p.keys["unit"].cell()).collect();
    assert_eq!(units, ["MPa", "℃", "V"]);
    assert_eq!(found.points[0].keys["name"], Val::text("蒸汽压力"));
    let other = read_lines(&["名称 | 地址 | 类型 | 单位 | 高报", "压力 | 40001 | INT16 | MPa | 120kPa"]);
    assert_eq!(
        told(&other.faults),
        ["点表!E2: this is in kPa, but the point in MPa; write all numbers of a row in its unit"]
    );
}

#[test]
fn ratios_and_decimals_are_found_by_name_id_or_address_of_their_point() {
    let found = read_lines(&[
        "名称 | 英文名 | 地址 | 类型 | 乘以 | 小数点寄存器",
        "电流变比CT | ct | 40001 | UINT16 | |",
        "小数点 | dp | 40002 | UINT16 | |",
        "电流 | i | 40003 | UINT16 | CT | 40002",
        "功率 | p | 40004 | UINT16 | 电流变比CT、dp |",
        "电压 | u | 40005 | UINT16 | PT |",
    ]);
    assert_eq!(found.points[2].keys["times"].to_string(), "[\"ct\"]");
    assert_eq!(found.points[2].keys["decimals_from"], Val::text("dp"));
    assert_eq!(found.points[3].keys["times"].to_string(), "[\"ct\", \"dp\"]");
    assert_eq!(
        told(&found.faults),
        [
            "点表!E6: `PT` names no point of this list, or several; write the name, the id or the address of its row"
        ]
    );
}

#[test]
fn a_date_and_a_broken_formula_are_told_with_their_cell() {
    let mut list = sheet(&["名称 | 地址 | 类型", "甲 | x | INT16", "乙 | x | INT16"]);
    list.rows[1][1] = Cell::Date("2025-01-02".to_owned());
    list.rows[2][1] = Cell::Error("#REF!".to_owned());
    assert_eq!(
        told(&import(&[list], &Options::default()).faults),
        [
            "点表!B2: the spreadsheet made a date of it (2025-01-02); format the column as text and type it again",
            "点表!B3: the formula gives #REF!; mend the formula, or write the value",
        ]
    );
}

#[test]
fn a_table_in_the_number_and_another_in_the_function_code_are_a_fault() {
    let found = read_lines(&["名称 | 地址 | 功能码 | 类型", "压力 | 40001 | 04 | INT16"]);
    assert!(
        told(&found.faults)[0]
            .starts_with("点表!B2: 40001 is a holding address, but the function code reads input")
    );
}

#[test]
fn overlapping_and_repeated_registers_are_warned_of_and_bits_are_not() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 位",
        "甲 | 40001 | REAL |",
        "乙 | 40002 | INT16 |",
        "丙 | 40010 | INT16 |",
        "丁 | 40010 | INT16 |",
        "戊 | 40020 | BOOL | 1",
        "己 | 40020 | BOOL | 2",
        "庚 | 40020 | WORD |",
    ]);
    assert_eq!(
        told(&found.warnings),
        [
            "点表!B3: overlaps 点表!B2: a value of 2 registers; check addresses and types; both points are kept",
            "点表!B5: the same register as 点表!B4; check addresses and types; both points are kept",
        ]
    );
}

#[test]
fn ids_are_unique_whatever_the_names() {
    let found =
        read_lines(&["名称 | 地址", "蒸汽压力 | 40001", "蒸汽压力 | 40002", "青椒 | 40003", "青椒 | 300004"]);
    let ids: Vec<_> = found.points.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["steam_pressure", "steam_pressure_2", "p40003", "p30004"]);
    let twice = read_lines(&["标识 | 名称 | 地址", "a | 甲 | 40001", "a | 乙 | 40002"]);
    assert!(told(&twice.faults)[0].contains("the id `a` is used already at 点表!2"));
}

#[test]
fn what_the_sheet_does_not_mention_is_kept_and_what_it_no_longer_has_is_dropped() {
    let old = "# boiler\nkind = \"steam-boiler\"\n\n# mind the gauge\n[[point]]\nid = \"steam_pressure\" # main\nname = \"压力\"\naddress = 40001\ntype = \"f32\"\n\
               [point.limits]\nhh = { at = 1.25, on_delay = \"3s\", priority = \"critical\" }\n\n\
               [[point]]\nid = \"gone\"\naddress = 40009\n";
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 高高报 | 单位",
        "蒸汽压力 | 40001 | REAL | 1.2 | MPa",
        "水位 | 40003 | REAL | |",
    ]);
    let taken = merge(&profile(old), &found, false);
    let diff = Diff::between(&profile(old), &taken.profile);
    assert_eq!(
        diff.to_string(),
        "+ drum_level: name = \"水位\", address = 40003, type = \"f32\"\n- gone\n~ steam_pressure\n    \
         name: \"压力\" → \"蒸汽压力\"\n    unit: \"MPa\", was not there\n    limits.hh.at: 1.25 → 1.2\n\
         1 added, 1 removed, 1 changed, 0 as before"
    );
    assert_eq!(taken.kept, ["steam_pressure.limits.hh.on_delay", "steam_pressure.limits.hh.priority"]);
    let text = write("p.toml", Some(old), &taken.profile, "").unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(
        text,
        "# boiler\nkind = \"steam-boiler\"\n\n# mind the gauge\n[[point]]\nid = \"steam_pressure\" # main\nname = \"蒸汽压力\"\naddress = 40001\ntype = \"f32\"\nunit = \"MPa\"\n\
         [point.limits]\nhh = { at = 1.2, on_delay = \"3s\", priority = \"critical\" }\n\n\
         [[point]]\nid = \"drum_level\"\nname = \"水位\"\naddress = 40003\ntype = \"f32\"\n"
    );
    assert_eq!(profile(&text), Profile { points: stripped(&taken.profile.points), ..taken.profile.clone() });
    // With `replace` the sheet alone counts.
    let replaced = merge(&profile(old), &found, true).profile;
    assert!(!replaced.points[0].keys.contains_key("limits.hh.on_delay"));
}

/// As they come back from a file: every id is then the file's own.
fn stripped(points: &[Point]) -> Vec<Point> {
    points
        .iter()
        .map(|p| Point { explicit: true, hex: false, ..p.clone() })
        .map(|p| Point { comment: p.comment.clone(), ..p })
        .map(|mut p| {
            if p.id == "steam_pressure" {
                p.comment = Some("mind the gauge".to_owned());
            }
            p
        })
        .collect()
}

#[test]
fn a_point_renamed_by_hand_is_found_again_by_its_register() {
    let old = profile(
        "[[point]]\nid = \"main_steam\"\naddress = 40001\ntype = \"f32\"\n[point.limits]\nh = { at = 1 }\n",
    );
    let found = read_lines(&["名称 | 地址 | 类型", "蒸汽压力 | 40001 | REAL"]);
    let taken = merge(&old, &found, false);
    assert_eq!(taken.renamed, [("main_steam".to_owned(), "steam_pressure".to_owned())]);
    assert_eq!(taken.profile.points.len(), 1);
    assert_eq!(taken.profile.points[0].keys["limits.h.at"], Val::Number(1.0));
}

#[test]
fn limits_go_with_the_signal_and_not_with_the_register_or_a_numbered_id() {
    let old = profile(
        "[[point]]\nid = \"steam_pressure\"\nname = \"蒸汽压力\"\naddress = 40001\n[point.limits]\nh = { at = 1 }\n\
         [[point]]\nid = \"steam_pressure_2\"\nname = \"蒸汽压力\"\naddress = 40003\n[point.limits]\nh = { at = 2 }\n",
    );
    // A row was put in above: the numbers behind the ids shift, the points do not.
    let shifted = read_lines(&["名称 | 地址", "蒸汽压力 | 40005", "蒸汽压力 | 40001", "蒸汽压力 | 40003"]);
    let points = merge(&old, &shifted, false).profile.points;
    let limit =
        |p: &Point| (p.id.clone(), p.keys["address"].cell(), p.keys.get("limits.h.at").map(Val::cell));
    let text = |s: &str| s.to_owned();
    assert_eq!(
        points.iter().map(limit).collect::<Vec<_>>(),
        [
            (text("steam_pressure"), text("40001"), Some(text("1"))),
            (text("steam_pressure_2"), text("40003"), Some(text("2"))),
            (text("steam_pressure_3"), text("40005"), None),
        ]
    );
    // Another signal stands in the register now.
    let other = read_lines(&["名称 | 地址", "排烟温度 | 40001", "蒸汽压力 | 40007"]);
    assert_eq!(
        merge(&old, &other, false).profile.points.iter().map(limit).collect::<Vec<_>>(),
        [(text("steam_pressure"), text("40007"), Some(text("1"))), (text("stack_temp"), text("40001"), None),]
    );
}

#[test]
fn while_rows_cannot_be_read_no_point_is_dropped() {
    let old = profile("[[point]]\nid = \"a\"\naddress = 40001\n[[point]]\nid = \"b\"\naddress = 40002\n");
    let found = read_lines(&["标识 | 名称 | 地址", "a | 甲 | 40001", "b | 乙 | 40O02"]);
    let taken = merge(&old, &found, false);
    assert_eq!(taken.profile.points.len(), 2);
    assert_eq!(taken.kept, ["b"]);
}

#[test]
fn references_follow_a_point_that_was_renamed_by_hand() {
    let old = profile("[[point]]\nid = \"ct\"\nname = \"电流变比\"\naddress = 40001\n");
    let found = read_lines(&["名称 | 地址 | 乘以", "电流变比 | 40001 |", "电流 | 40002 | 电流变比"]);
    let taken = merge(&old, &found, false);
    assert_eq!(taken.renamed, [("ct".to_owned(), "ct_ratio".to_owned())]);
    assert_eq!(taken.profile.points[1].keys["times"].to_string(), "[\"ct\"]");
}

#[test]
fn a_current_loop_takes_the_place_of_an_older_scale() {
    let old = profile("[[point]]\nid = \"a\"\naddress = 40001\nscale = 0.1\noffset = -5\nunit = \"%\"\n");
    let found = read_lines(&[
        "标识 | 地址 | 类型 | 信号类型 | 原始下限 | 原始上限 | 量程下限 | 量程上限",
        "a | 40001 | UINT16 | 4-20mA | 4000 | 20000 | 0 | 100",
    ]);
    let keys = &merge(&old, &found, false).profile.points[0].keys;
    assert_eq!(keys["loop"].to_string(), "{ raw = [4000, 20000], range = [0, 100] }");
    assert!(!keys.contains_key("scale") && !keys.contains_key("offset") && keys.contains_key("unit"));
}

#[test]
fn reading_the_same_sheet_twice_changes_nothing() {
    let lines = [
        "名称 | 地址 | 类型 | 系数 | 高报",
        "蒸汽压力 | 40001 | INT16 | 0.01 | 1.2",
        "排烟温度 | 40002 | INT16 | 0.1 | 170",
    ];
    let first = merge(&Profile::default(), &read_lines(&lines), false).profile;
    let text = write("p.toml", None, &first, "# head\n").unwrap_or_else(|f| panic!("{f}"));
    let again = merge(&profile(&text), &read_lines(&lines), false);
    assert!(Diff::between(&profile(&text), &again.profile).is_empty());
    assert_eq!(write("p.toml", Some(&text), &again.profile, "").unwrap_or_default(), text);
}

fn a_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9蒸汽压力;:=/,\"'#{} .-]{1,12}",
        Just("0:停 1:开".to_owned()),
        Just("b0 甲, b1 乙".to_owned())
    ]
    .prop_map(|t| t.trim().to_owned())
    .prop_filter("blank signs are empty cells", |t| !text::is_blank(t))
}

fn a_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-1000..1000_i32).prop_map(f64::from),
        (-1_000_000..1_000_000_i32).prop_map(|n| f64::from(n) / 1000.0)
    ]
}

fn some<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(value)
}

fn a_point() -> impl Strategy<Value = Keys> {
    let words =
        (some(a_text()), some(a_text()), some(prop::sample::select(vec!["MPa", "℃", "t/h", "weird unit"])));
    let place = (
        some(prop::sample::select(vec!["holding", "input", "coil"])),
        prop_oneof![0..3000_u32, 40_001..40_500_u32, 30_001..30_500_u32, 400_001..400_500_u32],
        some(prop::sample::select(vec!["u16", "i32", "f32", "bcd32", "m10k48", "epoch32"])),
        some(prop::sample::select(vec!["abcd", "cdab", "badc", "dcba"])),
        some(0..16_u8),
    );
    let meaning = (
        some(a_number().prop_filter("a scale", |n| *n != 0.0)),
        some(a_number()),
        some(0..9_u8),
        some((a_number(), 1..100_u8)),
        some(prop::collection::vec(a_number(), 1..3)),
        some(any::<bool>()),
    );
    let rest = (
        some(prop::collection::btree_map(0..20_u8, (some(a_text()), a_text()), 1..4)),
        prop::collection::btree_map(
            prop::sample::select(vec!["ll", "l", "h", "hh", "state"]),
            (a_number(), some(0..9_u8), some(Just("3s")), some(Just("critical")), some(any::<bool>())),
            0..4,
        ),
        some((4_u8..20, 21_u8..100)),
        some(Just("10s")),
        some(prop::sample::select(vec!["decimal_point", "ct"])),
    );
    (words, place, meaning, rest).prop_map(|(words, place, meaning, rest)| {
        let mut keys = Keys::new();
        let mut put = |key: &str, value: Option<Val>| keys.extend(value.map(|v| (key.to_owned(), v)));
        put("name", words.0.map(Val::Text));
        put("name_en", words.1.map(Val::Text));
        put("unit", words.2.map(Val::text));
        put("table", place.0.map(Val::text));
        put("address", Some(Val::Number(f64::from(place.1))));
        let bits = place.0 == Some("coil");
        if bits {
            put("invert", meaning.5.map(Val::Flag));
        } else if let Some(bit) = place.4 {
            put("bit", Some(Val::Number(f64::from(bit))));
        } else {
            put("type", place.2.map(Val::text));
            put("order", place.3.map(Val::text));
        }
        put("scale", meaning.0.map(Val::Number));
        put("offset", meaning.1.map(Val::Number));
        put("decimals", meaning.2.map(|n| Val::Number(f64::from(n))));
        put("range", meaning.3.map(|(low, wide)| Val::numbers(&[low, low + f64::from(wide)])));
        put("sentinels", meaning.4.map(|s| Val::numbers(&s)));
        put("period", rest.3.map(Val::text));
        let label = |(zh, en): (Option<String>, String)| {
            let zh = zh.map(|t| ("zh".to_owned(), Val::Text(t)));
            Val::Table(zh.into_iter().chain([("en".to_owned(), Val::Text(en))]).collect())
        };
        put(
            "labels",
            rest.0.map(|l| Val::Table(l.into_iter().map(|(n, w)| (n.to_string(), label(w))).collect())),
        );
        put(
            "loop",
            rest.2.map(|(low, high)| {
                Val::parse(&format!("{{ raw = [{low}, {high}], range = [0, 1], live_zero = false }}"))
                    .expect("a table")
            }),
        );
        for (kind, (at, deadband, delay, priority, latch)) in rest.1 {
            put(&format!("limits.{kind}.at"), Some(Val::Number(at)));
            put(&format!("limits.{kind}.deadband"), deadband.map(|n| Val::Number(f64::from(n))));
            put(&format!("limits.{kind}.on_delay"), delay.map(Val::text));
            put(&format!("limits.{kind}.priority"), priority.map(Val::text));
            put(&format!("limits.{kind}.latch"), latch.map(Val::Flag));
        }
        keys
    })
}

fn a_profile() -> impl Strategy<Value = Profile> {
    let head = (
        some(Just("steam-boiler")),
        some(prop::sample::select(vec!["abcd", "cdab"])),
        some(prop::sample::select(vec!["holding", "input"])),
        some(0..2_u8),
        some(1..125_u8),
    );
    (head, prop::collection::vec(a_point(), 1..6)).prop_map(|(head, all)| {
        let mut keys = Keys::new();
        let mut put = |key: &str, value: Option<Val>| keys.extend(value.map(|v| (key.to_owned(), v)));
        put("kind", head.0.map(Val::text));
        put("order", head.1.map(Val::text));
        put("table", head.2.map(Val::text));
        put("address_base", head.3.map(|n| Val::Number(f64::from(n))));
        put("modbus.max_registers", head.4.map(|n| Val::Number(f64::from(n))));
        let base = head.3.unwrap_or(0);
        let point = |(n, mut keys): (usize, Keys)| {
            // Address 0 does not exist when counting from 1.
            if base == 1 && keys.get("address") == Some(&Val::Number(0.0)) {
                keys.insert("address".to_owned(), Val::Number(1.0));
            }
            // Six digits name their table themselves; beside a table they are beyond its end.
            if let (Some(Val::Number(n @ 65_536.0..)), true) =
                (keys.get("address").cloned(), keys.contains_key("table") || head.2.is_some())
            {
                keys.insert("address".to_owned(), Val::Number(n - 360_000.0));
            }
            Point { id: format!("p{n}"), keys, explicit: true, ..Point::default() }
        };
        Profile { head: keys, points: all.into_iter().enumerate().map(point).collect() }
    })
}

proptest! {
    #[test]
    fn an_exported_profile_imports_back_to_the_same(profile in a_profile()) {
        let imported = import(&[export("p", &profile)], &Options::default());
        prop_assert_eq!(told(&imported.faults), Vec::<String>::new());
        let back = merge(&Profile::default(), &imported, false).profile;
        let diff = Diff::between(&profile, &back);
        prop_assert!(diff.is_empty(), "{}", diff);
    }

    #[test]
    fn a_written_profile_reads_back_to_the_same(one in a_profile(), two in a_profile()) {
        let text = write("p.toml", None, &one, "# head\n").expect("written");
        let diff = Diff::between(&one, &read("p.toml", &text).expect("read"));
        prop_assert!(diff.is_empty(), "{}", diff);
        // And over another profile's file.
        let over = write("p.toml", Some(&text), &two, "").expect("written");
        let diff = Diff::between(&two, &read("p.toml", &over).expect("read"));
        prop_assert!(diff.is_empty(), "{}\n{}", diff, over);
    }

    #[test]
    fn no_cell_whatever_is_in_it_brings_the_import_down(
        rows in prop::collection::vec(prop::collection::vec("[0-9A-Fxb.,:;~\u{ff10}-\u{ff19}位一高报-]{0,8}|.{0,6}", 9), 1..8)
    ) {
        let header = ["名称", "寄存器地址", "数据类型", "系数", "量程", "位", "高报", "枚举", "备注"].map(str::to_owned).to_vec();
        let sheet = Sheet::of_texts("x", std::iter::once(header).chain(rows).collect());
        let imported = import(&[sheet], &Options::default());
        let text = write("p.toml", None, &merge(&Profile::default(), &imported, false).profile, "").expect("written");
        prop_assert!(read("p.toml", &text).is_ok());
    }
}
