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
    bits.merges = vec![Merge { rows: (1, 3), columns: (1, 1) }].into();
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
            "点表!B2: 40000 is not a register: these numbers begin with 40001; \
             --table takes every number as a plain address",
            "点表!B3: 65536 lies beyond the last register, 65535; \
             check the address, and whether the list counts from 0 or from 1",
            "点表!E4: `-1` is not a bit of a register; 0 to 15, 0 is the lowest; beyond that it is in the next register",
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

#[test]
fn a_value_of_eight_bits_is_the_low_byte_with_its_sign_unless_the_row_names_the_high_one() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 系数 | 备注",
        "温度 | 40001 | SINT | |",
        "湿度 | 40002 | BYTE | 0.5 | 单位为百分比",
        "高温 | 40003 | INT8 | | 高字节",
        "低温 | 40003 | INT8 | | 低8位",
        "档位 | 40004 | USINT（高8位） | |",
        "转速 | 40005 | UINT8 MSB | |",
        "年月 | 40006 | UINT16 | | 高字节为年，低字节为月",
        "液位 | 40007 | UINT16 | | 有效数据在低字节",
        "阀位 | 40008 | INT16 | | 0.1%/LSB",
    ]);
    assert_eq!(told(&found.faults), Vec::<String>::new());
    let types: Vec<_> =
        found.points.iter().filter_map(|p| p.keys.get("type").and_then(Val::as_text)).collect();
    assert_eq!(types, ["i8_low", "u8_low", "i8_high", "i8_low", "u8_high", "u8_high", "u16", "u16", "i16"]);
    let said = told(&found.warnings).join("\n");
    assert!(said.contains("2 values of 8 bits: the low byte of the register was taken"), "{said}");
    assert!(said.contains("点表!E9: `有效数据在低字节` speaks of one byte"), "{said}");
    assert!(!said.contains("same register"), "two bytes of one register are two values: {said}");
    assert!(!said.contains("0.1%/LSB` speaks of one"), "a step of the scale is no byte: {said}");
    let wide = read_lines(&["名称 | 地址 | 类型", "甲 | 40001-40002 | BYTE"]);
    assert!(told(&wide.faults)[0].contains("does not fit 2 registers"), "{:?}", told(&wide.faults));
}

#[test]
fn a_byte_that_a_remark_calls_empty_is_never_the_value_and_two_named_bytes_are_asked() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 备注",
        "温度 | 40001 | BYTE | 高字节为0",
        "湿度 | 40002 | BYTE | 高8位无效",
        "流量 | 40003 | UINT8 | High byte always 0",
        "频率 | 40004 | USINT | upper byte unused",
        "电流 | 40005 | BYTE | 低字节保留",
        "转速 | 40006 | BYTE | 高字节，保留一位小数",
        "年月 | 40007 | BYTE | 高字节为年，低字节为月",
        "阀位（高字节） | 40008 | BYTE | 低字节",
    ]);
    let types: Vec<_> =
        found.points.iter().filter_map(|p| p.keys.get("type").and_then(Val::as_text)).collect();
    assert_eq!(types, ["u8_low", "u8_low", "u8_low", "u8_low", "u8_high", "u8_high"]);
    let said = told(&found.warnings).join("\n");
    assert!(said.contains("4 values of 8 bits: the low byte of the register was taken"), "{said}");
    assert!(said.contains("点表!D6: `低字节保留` says that the low byte is empty"), "{said}");
    let faults = told(&found.faults);
    assert!(faults[0].starts_with("点表!D8: `高字节为年，低字节为月` names both bytes"), "{faults:?}");
    assert!(faults[1].contains("names both bytes") && faults.len() == 2, "{faults:?}");
}

#[test]
fn a_type_of_several_bytes_is_read_whole_and_an_odd_number_of_them_is_asked() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 字节数",
        "压力 | 40001 | 2字节 |",
        "流量 | 40002 | BYTE[4] |",
        "液位 | 40004 | BYTE | 2",
        "阀位 | 40005 | BYTE | 1",
        "湿度 | 40006 | short int |",
        "频率 | 40007 | 3字节 |",
        "温度 | 40008 | ShortInt |",
    ]);
    let types: Vec<_> =
        found.points.iter().filter_map(|p| p.keys.get("type").and_then(Val::as_text)).collect();
    assert_eq!(types, ["u16", "u32", "u16", "u8_low", "i16"], "{:?}", told(&found.faults));
    let faults = told(&found.faults);
    assert!(faults[0].starts_with("点表!C7: `3字节` counts bytes"), "{faults:?}");
    assert!(faults[1].starts_with("点表!C8: `ShortInt` is 8 bits to some"), "{faults:?}");
}

#[test]
fn zeros_before_a_discrete_input_may_count_from_one_and_that_is_asked() {
    let found = read_lines_as_text(&["名称 | 地址 | 功能码", "急停 | 00001 | 02", "熄火 | 00002 | 02"]);
    assert_eq!(found.points[0].place, Some((Table::DiscreteInput, 1, None)));
    let said = told(&found.warnings).join("\n");
    assert!(said.contains("the lowest address is 1: does the list count from 1?"), "{said}");
    let coils = read_lines_as_text(&["名称 | 地址 | 功能码", "急停 | 00001 | 01"]);
    assert_eq!(coils.points[0].place, Some((Table::Coil, 0, None)));
    assert!(!told(&coils.warnings).join("\n").contains("count from 1"));
}

/// As a text file has it: `00001` stays as it is written.
fn read_lines_as_text(lines: &[&str]) -> Imported {
    let row = |l: &&str| l.split('|').map(|c| Cell::Text(c.trim().to_owned())).collect();
    let list =
        Sheet { name: "点表".to_owned(), rows: lines.iter().map(row).collect(), merges: Merges::default() };
    import(&[list], &Options::default())
}

#[test]
fn a_station_that_stands_only_on_a_cover_is_that_of_the_lists_that_tell_none() {
    let cover = |lines: &[&str]| Sheet { name: "封面".to_owned(), ..sheet(lines) };
    let list = sheet(&["名称 | 地址 | 类型", "压力 | 40001 | INT16"]);
    let own = Sheet {
        name: "二号".to_owned(),
        ..sheet(&["站号 4", "名称 | 地址 | 类型", "液位 | 40001 | INT16"])
    };
    let found = import(
        &[cover(&["某某锅炉", "从站地址 | 3", "波特率 | 9600"]), list.clone(), own.clone()],
        &Options::default(),
    );
    // Another list tells its own: whose the cover's is stays open.
    let units: Vec<_> = found.points.iter().map(|p| p.station).collect();
    assert_eq!(units, [Some(4)]);
    assert!(told(&found.faults).join("\n").contains("1 row names no unit id"), "{:?}", told(&found.faults));
    let found =
        import(&[cover(&["某某锅炉", "从站地址 | 3", "波特率 | 9600"]), list.clone()], &Options::default());
    assert_eq!(found.points[0].station, Some(3));
    let said = told(&found.warnings).join("\n");
    assert!(said.contains("封面!2: `从站地址 | 3`: unit id 3 taken"), "{said}");
    // Prose, examples and the parts of a frame below each other name no station.
    for lines in [
        &["例：读取从站1的数据，发送 01 03 00 00 00 02 C4 0B"][..],
        &["本设备支持从站 1 的读写"],
        &["主机请求", "从站地址 | 01", "功能码 | 03", "CRC | C4 0B"],
        &["发送帧", "从站地址：1"],
        &["默认站号 | 1"],
        &["从站1，功能码03，寄存器0"],
        &["从站地址 | 01 | 功能码 | 03"],
    ] {
        let found = import(&[cover(lines), list.clone()], &Options::default());
        assert_eq!(found.points[0].station, None, "{lines:?}");
    }
    let one = Options { sheet: Some("点表".to_owned()), ..Options::default() };
    let found = import(&[cover(&["从站地址 | 3"]), list.clone(), own], &one);
    assert_eq!(found.points[0].station, None, "another sheet tells a unit id, though it is not read now");
    // Two covers, two numbers: neither is guessed.
    let found = import(&[cover(&["站号：1", "站号：2"]), list], &Options::default());
    assert_eq!(found.points[0].station, None);
    assert!(
        told(&found.warnings).join("\n").contains("封面!2: `站号：2` tells a unit id"),
        "{:?}",
        found.warnings
    );
}

#[test]
fn a_sign_and_a_large_number_alone_are_never_taken_in_silence() {
    let remarks = ["×10", "x100", "*1000", "X 10", "（×10）"];
    let mut lines = vec!["名称 | 地址 | 类型 | 系数 | 备注".to_owned()];
    lines.extend(remarks.iter().enumerate().map(|(n, r)| format!("温度{n} | 4000{} | INT16 | | {r}", n + 1)));
    lines.extend(remarks.iter().enumerate().map(|(n, r)| format!("压力{n} | 4001{n} | INT16 | {r} |")));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let found = read_lines(&lines);
    let said: Vec<String> = told(&found.warnings).into_iter().chain(told(&found.faults)).collect();
    for row in 2..=11 {
        let column = if row <= 6 { 'E' } else { 'D' };
        let asked = |s: &&String| s.starts_with(&format!("点表!{column}{row}:"));
        assert!(
            said.iter()
                .any(|s| asked(&s)
                    && (s.contains("divided") || s.contains("scaling") || s.contains("multiplier"))),
            "{column}{row}: {said:?}"
        );
    }
}

#[test]
fn a_column_with_letters_among_its_digits_is_hexadecimal_throughout_and_that_is_told() {
    for addresses in [["0008", "000A", "0010"], ["8", "0A", "1C"]] {
        let lines: Vec<String> = std::iter::once("名称 | 地址 | 类型".to_owned())
            .chain(["压力", "温度", "液位"].iter().zip(addresses).map(|(n, a)| format!("{n} | {a} | INT16")))
            .collect();
        let texts = |l: &String| l.split('|').map(|c| Cell::Text(c.trim().to_owned())).collect();
        let list = Sheet {
            name: "点表".to_owned(),
            rows: lines.iter().map(texts).collect(),
            merges: Merges::default(),
        };
        let found = import(&[list], &Options::default());
        assert_eq!(told(&found.faults), Vec::<String>::new());
        let places: Vec<u32> =
            found.points.iter().filter_map(|p| p.place.map(|(_, first, _)| first)).collect();
        assert_eq!(places, addresses.map(|a| u32::from_str_radix(a, 16).expect("hexadecimal")));
        let said = told(&found.warnings).join("\n");
        assert!(
            said.contains("can only be hexadecimal: all addresses of this column were read so"),
            "{said}"
        );
    }
    // One odd cell among decimal ones may be a slip: it is asked, as is every number that it puts in doubt.
    let found =
        read_lines(&["名称 | 地址 | 类型", "压力 | 16 | INT16", "温度 | 0C1 | INT16", "液位 | 20 | INT16"]);
    assert_eq!((found.points.len(), found.faults.len()), (0, 3), "{:?}", found.faults);
    // Nor is it where the header says decimal, or where the letters may name the memory of a PLC.
    for (title, addresses) in
        [("地址(十进制)", ["1000", "100A"]), ("地址", ["A100", "A101"]), ("Addr (DEC)", ["0010", "000A"])]
    {
        let rows = addresses.map(|a| format!("压力{a} | {a} | INT16"));
        let found = read_lines(&[&format!("名称 | {title} | 类型"), &rows[0], &rows[1]]);
        assert!(!found.faults.is_empty(), "{title}: {:?}", points(&found));
    }
    let modicon = read_lines(&["名称 | 地址 | 类型", "压力 | 40016 | INT16", "温度 | 000C1 | INT16"]);
    assert!(!modicon.faults.is_empty(), "{:?}", modicon.points);
}

#[test]
fn a_unit_id_under_any_of_its_names_is_used_and_a_vague_one_is_told() {
    for title in ["单元号", "设备编号", "机号", "站", "局号", "仪表号", "下位机地址", "通讯ID"]
    {
        let head = format!("{title} | 名称 | 寄存器地址 | 类型");
        let found = read_lines(&[&head, "1 | 压力 | 40001 | INT16", "2 | 压力 | 40001 | INT16"]);
        let units: Vec<_> = found.points.iter().map(|p| p.station).collect();
        assert_eq!(units, [Some(1), Some(2)], "{title}: {:?}", found.faults);
        let vague = !matches!(title, "下位机地址" | "通讯ID");
        let said = told(&found.warnings).join("\n");
        assert_eq!(said.contains("was taken as the unit id of the device"), vague, "{title}: {said}");
    }
    // Beside a column that says it for certain the number is that of the equipment.
    let found = read_lines(&["设备编号 | 站号 | 名称 | 寄存器地址 | 类型", "1 | 7 | 压力 | 40001 | INT16"]);
    assert_eq!(found.points[0].station, Some(7));
    let titled =
        |title: &str| read_lines(&[title, "名称 | 地址 | 类型", "压力 | 40001 | INT16"]).points[0].station;
    assert_eq!(titled("仪表号：5"), Some(5));
    assert_eq!(titled("通讯ID 6"), Some(6));
    assert_eq!((titled("引风机号 2"), titled("设备地址：10号楼")), (None, None));
}

#[test]
fn a_hexadecimal_address_is_a_plain_one_also_where_its_number_looks_modicon() {
    let found = read_lines(&["名称 | 地址 | 类型", "压力 | 0x9C41 | INT16"]);
    let written =
        write("p.toml", None, &Profile { head: found.head, points: found.points }, "").expect("written");
    assert!(written.contains("0x9C41") && written.contains("table = \"holding\""), "{written}");
    // A profile that has it as a text and no table goes out and comes back as it is.
    let text = "kind = \"k\"\n\n[[point]]\nid = \"p\"\naddress = \"0x9C41\"\ntype = \"i16\"\n";
    let mine = profile(text);
    let back = import(&[export("x", &mine).sheet], &Options::default());
    assert_eq!(told(&back.faults), Vec::<String>::new());
    assert_eq!(back.points[0].keys, mine.points[0].keys);
    assert_eq!(back.points[0].place, mine.points[0].place);
    assert_eq!(mine.points[0].place, Some((Table::HoldingRegister, 0x9C41, None)));
}

#[test]
fn a_start_that_comes_again_and_an_offset_beside_it_are_one_address() {
    for (start, offset) in
        [("起始地址", "偏移量"), ("首地址", "偏移地址"), ("组地址", "组内偏移"), ("寄存器地址", "寄存器偏移")]
    {
        let head = format!("名称 | {start} | {offset} | 类型 | 功能码");
        let found = read_lines(&[
            &head,
            "压力 | 100 | 0 | INT16 | 03",
            "温度 | 100 | 1 | INT16 | 03",
            "液位 | 200 | 0 | INT16 | 03",
        ]);
        let places: Vec<_> = found.points.iter().filter_map(|p| p.place.map(|(_, first, _)| first)).collect();
        assert_eq!(places, [100, 101, 200], "{start}, {offset}: {:?}", points(&found));
        assert!(found.points.iter().all(|p| !p.keys.contains_key("offset")), "{start}, {offset}");
    }
    // Addresses that are all different are whole; the offset beside them says how they were made.
    let found = read_lines(&[
        "名称 | 寄存器地址 | 寄存器偏移 | 类型",
        "压力 | 100 | 0 | INT16",
        "温度 | 101 | 1 | INT16",
    ]);
    let places: Vec<_> = found.points.iter().filter_map(|p| p.place.map(|(_, first, _)| first)).collect();
    assert_eq!(places, [100, 101]);
}

#[test]
fn the_signal_of_a_converter_in_a_remark_beside_a_bare_whole_number_is_listed() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 系数 | 备注",
        "压力 | 40001 | INT16 | | 0-10V",
        "温度 | 40002 | INT16 | 0.1 | 4-20mA",
        "液位 | 40003 | FLOAT | | 4~20mA",
        "流量 | 40005 | UINT16 | | 4~20mA变送器",
    ]);
    let said: Vec<String> =
        told(&found.warnings).into_iter().filter(|s| s.contains("speaks of scaling")).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("点表!E2:") && said[1].starts_with("点表!E5:"), "{said:?}");
}

#[test]
fn many_rows_of_one_name_are_numbered_past_ids_that_are_taken() {
    let found = read_lines(&[
        "标识 | 名称 | 地址 | 类型",
        "| 水泵温度 | 40001 | INT16",
        "| 水泵温度 | 40002 | INT16",
        "pump_temp_3 | 别名 | 40003 | INT16",
        "| 水泵温度 | 40004 | INT16",
        "| 水泵温度 | 40005 | INT16",
    ]);
    let ids: Vec<&str> = found.points.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(
        ids,
        ["pump_temp", "pump_temp_2", "pump_temp_3", "pump_temp_4", "pump_temp_5"],
        "{:?}",
        found.faults
    );
}

#[test]
fn a_remark_that_is_another_unit_and_nothing_else_is_a_problem() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 单位 | 备注",
        "压力 | 40001 | INT16 | MPa | kPa",
        "温度 | 40002 | INT16 | ℃ | A",
        "液位 | 40003 | INT16 | mm | mm",
    ]);
    assert_eq!(found.points.len(), 2, "{:?}", points(&found));
    assert!(
        told(&found.faults)[0].starts_with("点表!E2: this is in kPa, but the point in MPa"),
        "{:?}",
        found.faults
    );
}

#[test]
fn a_normal_state_in_a_remark_without_an_alarm_is_told() {
    let found = read_lines(&[
        "名称 | 地址 | 类型 | 备注",
        "连锁 | 10001 | BOOL | 闭合为正常",
        "火焰 | 10002 | BOOL | 0=正常,1=报警",
        "泵 | 10003 | BOOL | 0=停止,1=运行",
    ]);
    let said: Vec<String> =
        told(&found.warnings).into_iter().filter(|s| s.contains("the normal state is")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("点表!D2: the normal state is 1, but nothing says"), "{said:?}");
}
