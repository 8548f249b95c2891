//! Addresses in several notations, names of states, one byte of a register, and pairs of keys and values above a list.

use super::*;

/// As a text file has it: `00001` stays as it is written.
pub(super) fn texts(name: &str, lines: &[&str]) -> Sheet {
    let row = |l: &&str| l.split('|').map(|c| Cell::Text(c.trim().to_owned())).collect();
    Sheet { name: name.to_owned(), rows: lines.iter().map(row).collect(), merges: Merges::default() }
}

pub(super) fn read_texts(lines: &[&str]) -> Imported {
    import(&[texts("点表", lines)], &Options::default())
}

pub(super) fn places(found: &Imported) -> Vec<(Table, u32)> {
    found.points.iter().filter_map(|p| p.place).map(|(table, first, _)| (table, first)).collect()
}

#[test]
fn zeros_before_a_number_of_another_table_than_coils_are_asked_wherever_the_list_begins() {
    for code in ["02", "03", "04"] {
        let row = format!("急停 | 00002 | {code}");
        let found = read_texts(&["名称 | 地址 | 功能码", &row]);
        let said = told(&found.warnings).join("\n");
        assert!(
            said.contains(
                "点表!B2: 1 address like `00002` is taken as a plain number of another table than coils"
            ),
            "{said}"
        );
    }
    let options = Options { address_base: Some(1), ..Options::default() };
    let found = import(&[texts("点表", &["名称 | 地址 | 功能码", "急停 | 00002 | 02"])], &options);
    assert_eq!(places(&found), [(Table::DiscreteInput, 1)]);
    assert!(!told(&found.warnings).join("\n").contains("counts from 1"));
    let found = read_texts(&["名称 | 寄存器区 | 地址", "急停 | 离散输入 | 00007"]);
    assert!(told(&found.warnings).join("\n").contains("like `00007`"), "{:?}", told(&found.warnings));
}

#[test]
fn the_same_zeros_as_a_coil_and_as_another_table_are_a_problem() {
    let found =
        read_texts(&["名称 | 地址 | 功能码", "启动 | 00001 | 01", "急停 | 00001 | 02", "熄火 | 00002 | 02"]);
    assert_eq!(places(&found), [(Table::Coil, 0)]);
    let faults = told(&found.faults);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("点表!B3: `00001` of another table would count from 0"), "{faults:?}");
    assert_eq!(found.sheets[0].points, 1);
}

#[test]
fn a_list_with_00000_fills_plain_numbers_up_with_zeros() {
    let found = read_texts(&["名称 | 地址 | 功能码", "启动 | 00000 | 01", "停止 | 00001 | 01"]);
    assert_eq!(places(&found), [(Table::Coil, 0), (Table::Coil, 1)]);
    assert!(told(&found.warnings).join("\n").contains("`00000` stands in this list"));
}

#[test]
fn plain_addresses_beside_those_that_name_their_table_are_asked() {
    for (whole, code) in [
        ("40001", "03"),
        ("30001", "04"),
        ("10001", "02"),
        ("00001", "01"),
        ("400001", "03"),
        ("4x0001", "03"),
    ] {
        // Where 4x0001 stands, 0x0010 is a coil.
        for plain in ["0", "7", "0x0010"].iter().filter(|p| whole != "4x0001" || !p.starts_with("0x")) {
            let rows = [format!("甲 | {whole} | {code}"), format!("乙 | {plain} | 03")];
            let found = read_texts(&["名称 | 地址 | 功能码", &rows[0], &rows[1]]);
            let said = told(&found.warnings).join("\n");
            let asked = format!(
                "点表!B3: `{plain}` is read as a plain address, counted from 0, and `{whole}` of the same list"
            );
            assert!(said.contains(&asked), "{whole} {plain}: {said}");
        }
    }
    let alike = read_texts(&["名称 | 地址 | 功能码", "甲 | 40001 | 03", "乙 | 30001 | 04"]);
    assert!(!told(&alike.warnings).join("\n").contains("of the same list"));
}

#[test]
fn names_of_states_are_read_in_any_column_and_in_several_ways() {
    let two =
        "labels = { 0 = { zh = \"正常\" }, 1 = { zh = \"缺水\" } }, name = \"水位状态\", type = \"u16\"";
    for text in [
        "0=正常,1=缺水",
        "0：正常 1：缺水",
        "（0：正常；1：缺水）",
        "0为正常，1为缺水",
        "0x00=正常 0x01=缺水",
        "0表示正常，1表示缺水",
    ] {
        for column in ["备注", "单位", "描述", "枚举", "量程"] {
            let found = read_texts(&[
                &format!("名称 | 地址 | 类型 | {column}"),
                &format!("水位状态 | 40001 | UINT16 | {text}"),
            ]);
            let all = points(&found);
            assert_eq!(
                all,
                [format!("level_status: address = 40001, {two}")],
                "{column} {text}: {:?}",
                told(&found.faults)
            );
        }
    }
}

#[test]
fn what_may_name_states_and_is_not_understood_is_asked() {
    for text in ["正常=0,缺水=1", "0正常 1缺水", "停止(0)/运行(1)", "1=缺水", "0/1：停止/运行"]
    {
        for column in ["备注", "单位", "描述", "枚举"] {
            let found = read_texts(&[
                &format!("名称 | 地址 | 类型 | {column}"),
                &format!("水位状态 | 40001 | UINT16 | {text}"),
            ]);
            let said = told(&found.warnings).join("\n");
            assert!(
                said.contains("点表!D2: ") && said.contains("may name the states of this value"),
                "{column} {text}: {said}"
            );
            assert!(found.points.iter().all(|p| !p.keys.contains_key("unit")), "{column} {text}");
        }
    }
    let found =
        read_texts(&["名称 | 地址 | 类型 | 单位 | 备注", "压力 | 40001 | UINT16 | MPa | 1号炉 0~1.6"]);
    assert!(!told(&found.warnings).join("\n").contains("may name the states"));
}

#[test]
fn names_of_states_in_a_column_of_alarms_tell_the_state_and_are_no_setpoint() {
    for text in ["0=正常,1=缺水", "0=正常, 1=缺水", "0:正常;1:缺水"] {
        for column in ["报警值", "报警状态"] {
            let found = read_texts(&[
                &format!("名称 | 地址 | 类型 | {column}"),
                &format!("水位状态 | 40001 | UINT16 | {text}"),
            ]);
            let all = points(&found);
            assert_eq!(
                all,
                [
                    "level_status: address = 40001, labels = { 0 = { zh = \"正常\" }, 1 = { zh = \"缺水\" } }, \
                  limits.state.at = 1, name = \"水位状态\", type = \"u16\""
                ],
                "{column} {text}: {:?}",
                told(&found.faults)
            );
        }
        let found =
            read_texts(&["名称 | 地址 | 类型 | 高报", &format!("水位状态 | 40001 | UINT16 | {text}")]);
        assert!(told(&found.faults).join("").contains("names states, and not one"), "{:?}", points(&found));
    }
    let open = read_texts(&["名称 | 地址 | 类型 | 报警状态", "水位状态 | 40001 | UINT16 | 0=停,1=开"]);
    assert_eq!(open.faults.len(), 1, "{:?}", points(&open));
}

#[test]
fn the_columns_of_the_csv_form_that_tell_people_something_are_read_for_each_limit() {
    let found = read_texts(&[
        "id | address | type | l | h | message | message_en | message_low | response_time_s",
        "a | 40001 | u16 | 1 | 9 | 高 | high | 低 | 60",
        "b | 40002 | u16 | | | 高 | | |",
    ]);
    assert_eq!(
        points(&found),
        [
            "a: address = 40001, limits.h.at = 9, limits.h.message = { zh = \"高\", en = \"high\" }, \
             limits.h.response_time = \"60s\", limits.l.at = 1, limits.l.message = { zh = \"低\" }, \
             limits.l.response_time = \"60s\", type = \"u16\"",
            "b: address = 40002, type = \"u16\"",
        ]
    );
}

#[test]
fn the_states_of_a_bit_in_the_column_of_units_tell_its_alarm() {
    let found = read_texts(&["名称 | 地址 | 类型 | 单位", "连锁 | 10001 | BOOL | 0:正常 1:故障"]);
    let state = found.points[0].keys.get("limits.state.at");
    assert_eq!(state, Some(&Val::Number(1.0)), "{:?}", points(&found));
}

#[test]
fn a_type_that_tells_which_byte_is_empty_or_valid_is_one_byte_of_the_register() {
    for (text, kind) in [
        ("BYTE（高字节为0）", "u8_low"),
        ("BYTE(high byte 0)", "u8_low"),
        ("8位无符号(低字节有效)", "u8_low"),
        ("BYTE 高字节为0", "u8_low"),
        ("UINT8, high byte unused", "u8_low"),
        ("1字节，高字节为0", "u8_low"),
        ("BYTE（bit0-7）", "u8_low"),
        ("SINT（高8位保留）", "i8_low"),
        ("INT8（低字节为0）", "i8_high"),
        ("BYTE（低字节为0）", "u8_high"),
        ("8位无符号（高字节有效）", "u8_high"),
        ("BYTE(low byte 0)", "u8_high"),
        ("UINT8 (bits 8-15)", "u8_high"),
        ("UINT16（高字节为0）", "u16"),
    ] {
        let found = read_texts(&["名称 | 地址 | 类型", &format!("水位 | 40001 | {text}")]);
        let read = found.points.first().and_then(|p| p.keys.get("type")).and_then(Val::as_text);
        assert_eq!(read, Some(kind), "{text}: {:?}", told(&found.faults));
    }
    for text in ["BYTE（高低字节）", "FLOAT（高字节为0）", "压力（高字节为0）"] {
        let found = read_texts(&["名称 | 地址 | 类型", &format!("水位 | 40001 | {text}")]);
        assert_eq!(found.faults.len(), 1, "{text}: {:?}", points(&found));
    }
}

#[test]
fn a_type_and_a_remark_that_name_different_bytes_are_a_problem() {
    let found = read_texts(&["名称 | 地址 | 类型 | 备注", "水位 | 40001 | BYTE（高字节为0） | 数据在高字节"]);
    assert!(
        told(&found.faults).join("").contains("names both bytes of the register"),
        "{:?}",
        points(&found)
    );
}

#[test]
fn a_cover_tells_its_keys_and_values_along_the_row() {
    let list = texts("点表", &["名称 | 地址 | 类型 | 功能码", "压力 | 0 | FLOAT | 03"]);
    for (row, unit, order) in [
        ("波特率 | 9600 | 站号 | 3 | 字节序 | CDAB", Some(3), Some("cdab")),
        ("站号 | : | 3", Some(3), None),
        ("站号 | | | 3 | 波特率 | | 9600", Some(3), None),
        ("通讯参数 | 波特率 | 9600 | 站号 | 3", Some(3), None),
        ("波特率：9600 | 站号：3 | 校验：无", Some(3), None),
        ("协议 | Modbus RTU | 从站地址 | 5 | 功能码 | 04 | 字节序 | CDAB", Some(5), Some("cdab")),
        ("站号 | 3 | 出厂默认", None, None),
        ("站号 | 1 | 2 | 3", None, None),
        ("1#炉 | 站号 | 1 | 2#炉 | 站号 | 2", None, None),
        ("从站地址 | 01 | 功能码 | 03 | 起始地址 | 0000", None, None),
    ] {
        let found = import(&[texts("封面", &[row]), list.clone()], &Options::default());
        assert_eq!(found.points[0].station, unit, "{row}");
        assert_eq!(found.head.get("order").and_then(Val::as_text), order, "{row}");
    }
}

#[test]
fn the_rows_above_a_list_tell_their_keys_and_values_along_the_row() {
    let read = |row: &str| read_texts(&[row, "名称 | 地址 | 类型", "压力 | 1 | FLOAT"]);
    let found = read("功能码 | 04 | 站号 | 3");
    assert_eq!((places(&found), found.points[0].station), (vec![(Table::InputRegister, 1)], Some(3)));
    assert_eq!(places(&read("功能码：04")), [(Table::InputRegister, 1)]);
    let found = read("地址 | 从1开始 | 站号 | 3");
    assert_eq!((places(&found), found.points[0].station), (vec![(Table::HoldingRegister, 0)], Some(3)));
    let found = read("起始地址 | 1 | 站号 | 3");
    assert_eq!((found.sheets[0].headers.clone(), found.points[0].station), (vec![2], Some(3)));
    let found = read("1#炉 | 站号 | 1 | 2#炉 | 站号 | 2");
    assert_eq!(found.points[0].station, None);
    assert!(told(&found.warnings).join("\n").contains("tells two unit ids"), "{:?}", told(&found.warnings));
}
