//! Cells that hold more than one thing: ranges, scales, states, bits, flags.

use super::*;

#[test]
fn ranges_are_read_with_minus_signs_and_units() {
    for (text, low, high, unit) in [
        ("0~2.5", 0.0, 2.5, ""),
        ("0～2.5MPa", 0.0, 2.5, "MPa"),
        ("0-2.5", 0.0, 2.5, ""),
        ("-150-150", -150.0, 150.0, ""),
        ("-150~-50 mm", -150.0, -50.0, "mm"),
        ("±150", -150.0, 150.0, ""),
        ("0…1.6", 0.0, 1.6, ""),
        ("0至100%", 0.0, 100.0, "%"),
        ("[0, 2.5]", 0.0, 2.5, ""),
    ] {
        assert_eq!(range(text), Some((low, high, unit.to_owned())), "{text}");
    }
    for text in ["", "x", "2.5", "-5", "1,5"] {
        assert_eq!(range(text), None, "{text}");
    }
}

#[test]
fn a_scale_may_be_written_as_a_fraction_or_in_words() {
    for (text, value) in [
        ("0.1", 0.1),
        ("0.1 ", 0.1),
        ("×0.1", 0.1),
        ("x0.01", 0.01),
        ("*10", 10.0),
        ("1/10", 0.1),
        ("÷100", 0.01),
        ("/10", 0.1),
        ("0,1", 0.1),
        ("1%", 0.01),
        ("放大10倍", 0.1),
        ("2位小数", 0.01),
        ("一位小数", 0.1),
    ] {
        assert_eq!(scale(text), Ok(value), "{text}");
    }
    for text in ["", "abc", "1/0", "0/5"] {
        assert!(scale(text).is_err(), "{text}");
    }
}

#[test]
fn a_remark_may_tell_the_scale() {
    for (text, found) in [
        ("0-1000对应0-100.0%，×0.1", Some((0.1, 0.0))),
        ("0~4000 对应 -50~350", Some((0.1, -50.0))),
        ("实际值 ×0.01", Some((0.01, 0.0))),
        ("放大10倍", Some((0.1, 0.0))),
        ("保留2位小数", Some((0.01, 0.0))),
        ("单位kWh，实际值=数据/100", Some((0.01, 0.0))),
        ("value=raw*0.1", Some((0.1, 0.0))),
        ("1=1/10", None),
        ("每秒加1", None),
        ("0-100", None),
        ("xylophone", None),
        ("", None),
    ] {
        assert_eq!(scale::told(text).map(|t| (t.scale, t.offset)), found, "{text}");
    }
}

#[test]
fn enumerations_become_labels_with_their_language() {
    let read = |text: &str| labels(text).map(|l| l.to_string());
    assert_eq!(
        read("0:停炉 1:吹扫 2：点火").as_deref(),
        Some("{ 0 = { zh = \"停炉\" }, 1 = { zh = \"吹扫\" }, 2 = { zh = \"点火\" } }")
    );
    assert_eq!(read("0=stop;1=run").as_deref(), Some("{ 0 = { en = \"stop\" }, 1 = { en = \"run\" } }"));
    assert_eq!(
        read("0=停炉/Stop; 1=运行/Run").as_deref(),
        Some("{ 0 = { zh = \"停炉\", en = \"Stop\" }, 1 = { zh = \"运行\", en = \"Run\" } }")
    );
    assert!(read("0-停止，1-运行").is_some());
    assert!(read("0停炉\n1吹扫").is_none());
    for text in ["", "0-100", "range 0-2.5: see manual", "4-20mA", "1:10", "2024-01-05"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_list_of_bits_comes_apart() {
    let one = |bit: u8, name: &str| (bit, bit, name.to_owned());
    let expected = vec![one(0, "极低水位"), one(1, "高水位"), one(10, "备用")];
    for text in [
        "b0 极低水位, b1 高水位, b10 备用",
        "bit0:极低水位;bit1:高水位;bit10:备用",
        "位0=极低水位\n位1=高水位\n位10=备用",
        "第0位：极低水位，第1位：高水位，第10位：备用",
        "报警字：B0极低水位、B1高水位、B10备用",
        "D0:极低水位 D1:高水位 D10:备用",
    ] {
        assert_eq!(bits(text), Some(expected.clone()), "{text}");
    }
    for text in ["", "b0 only", "DB1", "40021", "b16 x, b17 y", "b1 x, b1 y"] {
        assert_eq!(bits(text), None, "{text}");
    }
    let spare = bits("b9 给水泵B故障, b10~b12 备用").expect("a list");
    assert_eq!(spare, [one(9, "给水泵B故障"), (10, 12, "备用".to_owned())]);
    assert_eq!(bits("b8 pump A, b9 pump B").map(|b| b[1].2.clone()).as_deref(), Some("pump B"));
}

#[test]
fn a_span_of_bits_needs_its_mark_only_once() {
    for text in [
        "Bit2:熄火;Bit3-15:备用",
        "第2位 熄火，第3-15位：备用",
        "b2 熄火 b3~15 备用",
        "b2 熄火\nbit3-bit15 备用",
    ] {
        let wanted = [(2, 2, "熄火".to_owned()), (3, 15, "备用".to_owned())];
        assert_eq!(bits(text).as_deref(), Some(&wanted[..]), "{text}");
    }
    for text in ["b0 x, b5-3 y", "b0-4 x, b4 y", "b0 4-20mA"] {
        assert_eq!(bits(text), None, "{text}");
    }
}

#[test]
fn raw_values_and_flags_come_in_many_forms() {
    let words =
        |text: &str| raw_words(text).map(|all| all.into_iter().map(|(_, raw)| raw).collect::<Vec<_>>());
    assert_eq!(
        words("30001/-30001/32766"),
        Some(vec![Raw::Number(30_001.0), Raw::Number(-30_001.0), Raw::Number(32_766.0)])
    );
    assert_eq!(words("0x7FFF、-2000"), Some(vec![Raw::Bits(0x7fff), Raw::Number(-2000.0)]));
    assert_eq!(words("7FFFH"), Some(vec![Raw::Bits(0x7fff)]));
    assert_eq!(words("FFFF"), Some(vec![Raw::Bits(0xffff)]));
    assert_eq!(words("断线"), None);
    assert_eq!(["常闭", "NC", "√", "是"].map(flag), [Some(true); 4]);
    assert_eq!(["常开", "NO", "", "否"].map(flag), [Some(false); 4]);
    assert_eq!(flag("maybe"), None);
}

#[test]
fn ranges_of_values_are_no_labels() {
    for text in ["0-100=故障,101-200=正常", "1~5:自动 6~10:手动"] {
        assert_eq!(labels(text), None, "{text}");
    }
    assert!(labels("0-停止，1-运行").is_some() && labels("-1=故障 0=正常").is_some());
}
