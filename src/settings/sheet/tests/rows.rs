//! What the cells of a row mean, and what is told where they could mean two things.

use super::*;

#[test]
fn bits_below_one_joined_register_share_its_address() {
    let mut bits = sheet(&["名称 | 地址 | 位", "熄火 | 40021 | 3", "超压 | | 4", "检漏失败 | | 5"]);
    let expected = [
        "flame_fail: address = 40021, bit = 3, name = \"熄火\", unit = \"bool\"",
        "steam_pressure_high: address = 40021, bit = 4, name = \"超压\", unit = \"bool\"",
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
            "steam_pressure_high: address = 40021, bit = 0, name = \"超压\", unit = \"bool\"",
            "p40021_1: address = 40021, bits = [1, 3], name = \"模式\", type = \"bits\"",
            "flame_fail: address = 40022, bit = 0, name = \"熄火\", unit = \"bool\"",
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
            "emergency_stop: address = 2, name = \"急停\", table = \"coil\", unit = \"bool\"",
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
        "锅筒水位 | 40002 | FLOAT ABCD | 1",
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
        "甲 | 40001 | FLOAT ABCD |",
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
fn two_columns_of_addresses_that_differ_are_asked_or_told() {
    let found = read_lines(&[
        "名称 | 十进制地址 | 十六进制地址 | 功能码 | 类型",
        "压力 | 16 | 0x0010 | 03 | INT16",
        "温度 | 17 | 0x0011 | 03 | INT16",
        "流量 | 20 | 0x0020 | 03 | INT16",
    ]);
    assert_eq!(found.points.len(), 2);
    assert!(
        told(&found.faults)[0].starts_with("点表!C4: `0x0020` here and `20` in column B are not"),
        "{:?}",
        found.faults
    );
    let found = read_lines(&[
        "名称 | 1#炉地址 | 2#炉地址 | 类型",
        "压力 | 40001 | 40101 | INT16",
        "温度 | 40002 | 40102 | INT16",
    ]);
    assert_eq!((found.points.len(), found.faults.len()), (2, 0));
    assert!(
        told(&found.warnings)[0].starts_with("点表!C2: `2#炉地址` names other registers"),
        "{:?}",
        found.warnings
    );
    let same = read_lines(&[
        "名称 | 协议地址 | PLC地址 | 类型",
        "压力 | 0 | 40001 | INT16",
        "温度 | 1 | 40002 | INT16",
    ]);
    assert_eq!((same.points.len(), same.faults.len(), same.warnings.len()), (2, 0, 0));
}
