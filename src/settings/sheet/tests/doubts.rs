//! Cells and titles in which something other than what they look like may stand: setpoints beside words, codes that write, numbers
//! filled up with zeros, labels above an export.

use super::notations::{places, read_texts, texts};
use super::*;

fn limits(found: &Imported) -> Vec<String> {
    let of = |p: &Point| {
        let limits = p.keys.iter().filter(|(key, _)| key.starts_with("limits."));
        limits.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
    };
    found.points.iter().map(of).collect()
}

#[test]
fn a_setpoint_beside_the_name_of_an_alarm_is_a_setpoint() {
    for (text, kind, limit) in [
        ("1.25：超压报警", "FLOAT", "limits.h.at = 1.25"),
        ("1.25 -报警", "FLOAT", "limits.h.at = 1.25"),
        ("80=报警", "FLOAT", "limits.h.at = 80"),
        ("80报警", "UINT16", "limits.h.at = 80"),
        ("1.25，延时5秒", "FLOAT", "limits.h.at = 1.25"),
        ("80 m3/h报警，回差0.02", "FLOAT", "limits.h.at = 80"),
        ("0x00=正常,0xFF=故障", "UINT16", "limits.state.at = 255"),
        ("1：超压报警", "FLOAT", "limits.h.at = 1"),
        ("0.4以下报警", "FLOAT", "limits.l.at = 0.4"),
        ("0.4~1.2", "FLOAT", "limits.h.at = 1.2, limits.l.at = 0.4"),
        ("0x00=正常,0x01=缺水", "UINT16", "limits.state.at = 1"),
    ] {
        let found = read_texts(&["名称 | 地址 | 类型 | 报警值", &format!("压力 | 40001 | {kind} | {text}")]);
        assert_eq!(limits(&found), [limit], "{kind} {text}: {:?}", told(&found.faults));
    }
    let unit = read_texts(&["名称 | 地址 | 类型 | 单位 | 报警值", "温度 | 40001 | INT16 | ℃ | 2：超温报警"]);
    assert_eq!(limits(&unit), ["limits.h.at = 2"], "{:?}", told(&unit.faults));
}

#[test]
fn a_cell_with_several_setpoints_or_with_a_state_that_may_be_one_is_a_problem() {
    for text in [
        "1.25：报警；1.30：停炉",
        "1、高于1.25报警，2、低于0.4停炉",
        "1) 高于1.25报警 2) 低于0.4停炉",
        "1.25报警/1.30停炉",
        "高报80，低报20",
        "0=正常,1=缺水",
        "60：报警；63：停炉",
    ] {
        for column in ["报警值", "高报"] {
            let found = read_texts(&[
                &format!("名称 | 地址 | 类型 | {column}"),
                &format!("压力 | 40001 | FLOAT | {text}"),
            ]);
            assert_eq!(
                (found.faults.len(), found.points.len()),
                (1, 0),
                "{column} {text}: {:?}",
                points(&found)
            );
        }
    }
    for (kind, text) in [
        ("UINT16", "2=故障"),
        ("UINT16", "255=故障"),
        ("UINT16", "80=报警"),
        ("UINT16", "0xFF=故障"),
        ("UINT16", "80H=故障"),
        ("INT16", "0x0000=正常,0xFFFF=故障"),
        ("FLOAT", "高报0x50"),
        ("UINT16", "10：报警 12：停炉"),
        ("UINT16", "0=正常,1=1号泵故障"),
        ("BCD", "0=正常,1=缺水"),
    ] {
        let found = read_texts(&["名称 | 地址 | 类型 | 报警值", &format!("压力 | 40001 | {kind} | {text}")]);
        assert_eq!(found.faults.len(), 1, "{kind} {text}: {:?}", points(&found));
    }
    let scaled = read_texts(&[
        "名称 | 地址 | 类型 | 单位 | 系数 | 报警值",
        "压力 | 40001 | INT16 | MPa | 0.01 | 0：低报警，1：超压报警",
    ]);
    assert_eq!(scaled.faults.len(), 1, "{:?}", points(&scaled));
    let state = read_texts(&["名称 | 地址 | 类型 | state", "水位状态 | 40001 | UINT16 | 2=故障"]);
    assert_eq!(limits(&state), ["limits.state.at = 2"], "{:?}", told(&state.faults));
}

#[test]
fn a_hexadecimal_state_is_taken_in_its_own_column_and_never_as_a_setpoint() {
    let read = |column: &str, kind: &str, text: &str| {
        read_texts(&[&format!("名称 | 地址 | 类型 | {column}"), &format!("泵状态 | 40001 | {kind} | {text}")])
    };
    for (text, at) in
        [("0xFF=故障", 255), ("0x40=故障", 64), ("80H=故障", 128), ("0xFF", 255), ("255=故障", 255)]
    {
        let found = read("state", "UINT16", text);
        assert_eq!(limits(&found), [format!("limits.state.at = {at}")], "{text}: {:?}", told(&found.faults));
    }
    for (column, kind, text) in [
        ("高报", "UINT16", "0xFF=故障"),
        ("高报", "FLOAT", "0xFF"),
        ("高报", "UINT16", "80H"),
        ("低报", "FLOAT", "0x40=故障"),
        ("state", "FLOAT", "0xFF=故障"),
        ("state", "INT16", "0xFFFF=故障"),
        ("state", "UINT16", "0x1FFFF"),
        ("死区", "FLOAT", "0x05"),
    ] {
        let found = read(column, kind, text);
        assert_eq!(
            (found.faults.len(), found.points.len()),
            (1, 0),
            "{column} {kind} {text}: {:?}",
            points(&found)
        );
    }
}

#[test]
fn a_further_number_or_a_word_of_the_other_side_is_a_problem() {
    for text in [
        "1.25报警，1.30延时5秒停炉",
        "80℃报警，停炉90℃延时5秒",
        "80 max, 20 min",
        "1级80，2级90",
        "1级报警",
        "80\n90",
        "80 90",
        "80，90",
        "80, 90",
        "80、90",
        "80℃ 90℃",
        "1.25MPa 1.30MPa",
        "1.25(1.30)",
        "1.25\n1.30停炉",
        "1.25以上 0.4以下报警",
        "1.25报警~1.30停炉",
        "超温延时5秒停炉",
        "超低水位30",
    ] {
        for column in ["报警值", "高报", "低报"] {
            let found = cell_of_limit(column, text);
            assert_eq!(
                (found.faults.len(), found.points.len()),
                (1, 0),
                "{column} {text}: {:?}",
                points(&found)
            );
        }
    }
    for (column, text) in [
        ("高报", "0.4以下报警"),
        ("高高报", "≤0.4"),
        ("低报", "80以上"),
        ("报警值", "0.4MPa（低）"),
        ("死区", "0.02(0.05)"),
    ] {
        let found = cell_of_limit(column, text);
        assert_eq!((found.faults.len(), found.points.len()), (1, 0), "{column} {text}: {:?}", points(&found));
    }
    for (column, text, limit) in [
        ("高报", "1.25以上", "limits.h.at = 1.25"),
        ("低报", "0.4以下", "limits.l.at = 0.4"),
        ("报警值", "0.4 MPa以下报警", "limits.l.at = 0.4"),
        ("报警值", "1.25以上", "limits.h.at = 1.25"),
    ] {
        assert_eq!(limits(&cell_of_limit(column, text)), [limit], "{column} {text}");
    }
}

fn cell_of_limit(column: &str, text: &str) -> Imported {
    let mut sheet = texts("点表", &[&format!("名称 | 地址 | 类型 | {column}"), "压力 | 40001 | FLOAT | x"]);
    sheet.rows[1][3] = Cell::Text(text.to_owned());
    import(&[sheet], &Options::default())
}

#[test]
fn a_title_that_names_several_tables_or_contradicts_itself_ends_the_section_above_and_is_told() {
    let read = |title: &str| {
        let input = "输入寄存器（功能码：04）";
        read_texts(&["名称 | 地址 | 类型", input, "压力 | 1 | INT16", title, "流量 | 2 | INT16"])
    };
    let said = |found: &Imported| told(&found.warnings).join("\n");
    for title in ["保持寄存器（功能码：04）", "保持寄存器和输入寄存器", "功能码：01、03"]
    {
        let found = read(title);
        assert_eq!(places(&found), [(Table::InputRegister, 1), (Table::HoldingRegister, 2)], "{title}");
        assert!(
            said(&found).contains("点表!4: `") && said(&found).contains("several register tables"),
            "{}",
            said(&found)
        );
    }
    for title in ["二、温度", "支持功能码：03、04"] {
        let found = read(title);
        assert_eq!(places(&found), [(Table::InputRegister, 1), (Table::InputRegister, 2)], "{title}");
        assert!(!said(&found).contains("several register tables"), "{}", said(&found));
    }
    let above =
        ["输入寄存器（功能码：04）", "保持寄存器（功能码：04）", "名称 | 地址 | 类型", "压力 | 1 | INT16"];
    let found = read_texts(&above);
    assert_eq!(places(&found), [(Table::HoldingRegister, 1)]);
    assert!(said(&found).contains("several register tables"), "{}", said(&found));
}

#[test]
fn numbered_sentences_are_no_names_of_states() {
    for text in ["1、只读；2、每秒更新", "1）启动前检查 2）运行中记录", "泵1、泵2"] {
        let found = read_texts(&["名称 | 地址 | 类型 | 备注", &format!("水位 | 40001 | UINT16 | {text}")]);
        assert!(!found.points[0].keys.contains_key("labels"), "{text}: {:?}", points(&found));
    }
    let found = read_texts(&["名称 | 地址 | 类型 | 备注", "状态 | 40001 | UINT16 | 0、停止；1、运行"]);
    assert!(found.points[0].keys.contains_key("labels"), "{:?}", points(&found));
}

#[test]
fn states_with_large_hexadecimal_numbers_are_read() {
    let labels = |kind: &str, text: &str| {
        let row = format!("泵状态 | 40001 | {kind} | {text}");
        let found = read_texts(&["名称 | 地址 | 类型 | 备注", &row]);
        found.points[0].keys.get("labels").map(ToString::to_string).unwrap_or_default()
    };
    let both = |number: &str| format!("{{ 0 = {{ zh = \"正常\" }}, {number} = {{ zh = \"故障\" }} }}");
    for text in ["0x00=正常 0xFF=故障", "00H=正常,0FFH=故障", "0x00：正常；0xff：故障"] {
        assert_eq!(labels("UINT16", text), both("255"), "{text}");
    }
    let signed = labels("INT16", "0x0000=正常 0xFFFF=故障");
    assert_eq!(signed, "{ -1 = { zh = \"故障\" }, 0 = { zh = \"正常\" } }");
    for text in ["正常=0x00 故障=0xFF", "0x00为正常，0xFF为故障", "0为正常，255为故障"] {
        let found = read_texts(&["名称 | 地址 | 类型 | 备注", &format!("泵状态 | 40001 | UINT16 | {text}")]);
        let said = told(&found.warnings).join("\n");
        assert!(said.contains("may name the states of this value"), "{text}: {said}");
    }
}

#[test]
fn a_title_with_codes_that_write_or_with_several_leaves_the_table_open() {
    for title in ["功能码：16", "功能码 | 15", "支持功能码：01、02、03、04、05、06", "写功能码：16", "FC16"]
    {
        let found = read_texts(&["名称 | 地址 | 类型", "压力 | 1 | INT16", title, "流量 | 2 | INT16"]);
        let holding = [(Table::HoldingRegister, 1), (Table::HoldingRegister, 2)];
        assert_eq!(places(&found), holding, "{title}: {:?}", told(&found.faults));
        let above = read_texts(&[title, "名称 | 地址 | 类型", "压力 | 1 | INT16"]);
        assert_eq!(places(&above), [(Table::HoldingRegister, 1)], "{title}: {:?}", told(&above.faults));
    }
    let lines = ["名称 | 地址 | 类型", "功能码：04", "压力 | 1 | INT16", "功能码：16", "设定 | 2 | INT16"];
    let found = read_texts(&lines);
    assert_eq!(places(&found), [(Table::InputRegister, 1), (Table::HoldingRegister, 2)]);
    assert!(told(&found.warnings).join("\n").contains("点表!B5"), "{:?}", told(&found.warnings));
    let coils = read_texts(&["名称 | 地址 | 类型", "功能码 | 04", "压力 | 1 | INT16"]);
    assert_eq!(places(&coils), [(Table::InputRegister, 1)]);
    let cell = read_texts(&["名称 | 地址 | 功能码 | 类型", "压力 | 1 | 03/04 | INT16"]);
    assert!(told(&cell.faults).join("").contains("is not a function code"), "{:?}", points(&cell));
}

#[test]
fn zeros_before_a_number_are_plain_where_the_list_counts_from_0() {
    let rows = ["启动 | 00001 | 01", "急停 | 00001 | 02"];
    let plain = [(Table::Coil, 1), (Table::DiscreteInput, 1)];
    let header = read_texts(&["名称 | 地址（从0开始） | 功能码", rows[0], rows[1]]);
    assert_eq!(places(&header), plain, "{:?}", told(&header.faults));
    let note = read_texts(&["地址从0开始", "名称 | 地址 | 功能码", rows[0], rows[1]]);
    assert_eq!(places(&note), plain, "{:?}", told(&note.faults));
    let base = |base: u8| {
        let options = Options { address_base: Some(base), ..Options::default() };
        import(&[texts("点表", &["名称 | 地址 | 功能码", rows[0], rows[1]])], &options)
    };
    assert_eq!(places(&base(0)), plain);
    assert_eq!(places(&base(1)), [(Table::Coil, 0), (Table::DiscreteInput, 0)]);
}

#[test]
fn labels_above_an_export_are_titles_and_words_that_are_no_keys_are_told() {
    let list = ["id | name | address | type", "p | 压力 | 40001 | u16"];
    let found = read_texts(&["站号 | 3", "kind | steam-boiler", "编制 | 张三", list[0], list[1]]);
    assert_eq!(found.points[0].station, Some(3));
    assert_eq!(found.head.keys().map(String::as_str).collect::<Vec<_>>(), ["kind"]);
    assert_eq!(told(&found.warnings), Vec::<String>::new());
    let slave = read_texts(&["Slave ID | 4", list[0], list[1]]);
    assert_eq!((slave.points[0].station, slave.head.len()), (Some(4), 0));
    let wrong = read_texts(&["ordr | cdab", "modbus.gap | 3", list[0], list[1]]);
    assert_eq!(wrong.head.keys().map(String::as_str).collect::<Vec<_>>(), ["modbus.gap"]);
    let said = told(&wrong.warnings).join("\n");
    assert!(said.contains("点表!A1: `ordr` is not a key of a profile's head"), "{said}");
}

#[test]
fn a_column_for_one_limit_counts_more_than_one_for_all_limits_of_the_row() {
    let found = read_texts(&[
        "id | address | type | h | hh | message | message_hh | response_time_s | response_time_hh | deadband | deadband_hh",
        "a | 40001 | u16 | 8 | 9 | 高 | 停炉 | 60 | 5s | 1 | 2",
    ]);
    assert_eq!(
        limits(&found),
        [
            "limits.h.at = 8, limits.h.deadband = 1, limits.h.message = { zh = \"高\" }, limits.h.response_time = \"60s\", \
             limits.hh.at = 9, limits.hh.deadband = 2, limits.hh.message = \"停炉\", limits.hh.response_time = \"5s\""
        ],
        "{:?}",
        told(&found.faults)
    );
}
