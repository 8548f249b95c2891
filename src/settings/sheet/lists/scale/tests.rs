//! Words of scaling as they are met.

use super::*;

fn scale(text: &str) -> Option<(f64, f64)> {
    told(text).map(|t| (t.scale, t.offset))
}

#[test]
fn what_is_done_to_a_number_is_read_in_every_usual_form() {
    for (text, by) in [
        ("实际值=寄存器值/10", 0.1),
        ("实际值＝读数÷100", 0.01),
        ("读数除以10", 0.1),
        ("除以10后为实际值", 0.1),
        ("数据需除以100。", 0.01),
        ("÷10", 0.1),
        ("/10", 0.1),
        ("显示值*0.1", 0.1),
        ("显示值=读数*0.1", 0.1),
        ("乘以0.01", 0.01),
        ("×0.1", 0.1),
        ("x0.1", 0.1),
        ("X 0.01", 0.01),
        ("×10", 10.0),
        ("0.1℃/bit", 0.1),
        ("0,1 K/digit", 0.1),
        ("0.1 °C per count", 0.1),
        ("1bit=0.1℃", 0.1),
        ("1 LSB = 0.01 bar", 0.01),
        ("1个字=0.1℃", 0.1),
        ("放大10倍", 0.1),
        ("数据放大了100倍", 0.01),
        ("扩大10倍上传", 0.1),
        ("寄存器值为实际值的10倍", 0.1),
        ("缩小10倍", 10.0),
        ("系数0.1", 0.1),
        ("比例系数:0.01", 0.01),
        ("倍率：0.1", 0.1),
        ("单位0.1℃", 0.1),
        ("单位：0.01MPa", 0.01),
        ("以0.1℃为单位", 0.1),
        ("unit: 0.1 °C", 0.1),
        ("in 0.1°C", 0.1),
        ("tenths of °C", 0.1),
        ("Zehntel Grad", 0.1),
        ("divide by 10", 0.1),
        ("value / 10", 0.1),
        ("raw/10", 0.1),
        ("scale factor 0.1", 0.1),
        ("Faktor 0,1", 0.1),
        ("geteilt durch 100", 0.01),
        ("235表示23.5℃", 0.1),
        ("如1000=10.00", 0.01),
        ("0-1000对应0-100.0%，×0.1", 0.1),
        ("0..10000 = 0..100 bar", 0.01),
        ("原始值0~27648对应0~2.7648MPa", 0.0001),
        ("value = 0.1 * raw", 0.1),
    ] {
        assert_eq!(scale(text), Some((by, 0.0)), "{text}");
    }
    assert_eq!(scale("T = raw × 0.1 - 40"), Some((0.1, -40.0)));
    assert_eq!(scale("温度=读数*0.1-50℃"), Some((0.1, -50.0)));
    assert_eq!(scale("0-1000对应-50~150℃"), Some((0.2, -50.0)));
    assert_eq!(told("0-1000对应0~2.5米").and_then(|t| t.unit), Some("m"));
}

#[test]
fn how_fine_a_number_is_is_told_apart() {
    for (text, by) in [
        ("分辨率0.1", 0.1),
        ("分辨率：0.01MPa", 0.01),
        ("精确到0.1", 0.1),
        ("精度0.1", 0.1),
        ("保留1位小数", 0.1),
        ("一位小数", 0.1),
        ("带2位小数", 0.01),
        ("小数点后一位", 0.1),
        ("小数点1位", 0.1),
        ("小数位数:2", 0.01),
        ("1 decimal", 0.1),
        ("two decimals", 0.01),
        ("1 Nachkommastelle", 0.1),
        ("resolution 0.1", 0.1),
        ("Auflösung 0,1", 0.1),
    ] {
        let found = told(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((found.scale, found.resolution), (by, true), "{text}");
    }
}

#[test]
fn what_is_no_scale_is_not_taken_for_one() {
    for text in [
        "",
        "0=停 1=运行",
        "0:1200 1:2400 2:4800",
        "4-20mA对应0~1.6MPa",
        "精度0.5级",
        "精度±0.5%",
        "除氧器水位",
        "2024/10/12",
        "1#泵",
        "40001",
        "b0 极低水位, b1 高水位",
        "出厂值10",
        "见说明书第3页",
        "CT变比100/5",
        "0=自动 1=手动",
        "1分钟",
        "量程0~2.5MPa",
        "10号泵",
        "报警值=75",
        "默认=1",
    ] {
        assert_eq!(told(text), None, "{text}");
    }
}

#[test]
fn a_number_beside_a_word_of_scaling_is_worth_a_look() {
    for text in ["倍率见铭牌, 默认10", "CT变比100/5", "按比例换算 0x10", "10倍", "精确值见 3 页"]
    {
        assert!(speaks(text), "{text}");
    }
    for text in ["除氧器水位1", "解除报警1", "正常水位为0", "0=停 1=运行", "精度0.5级", "每秒加1"]
    {
        assert!(!speaks(text), "{text}");
    }
}

#[test]
fn a_unit_with_a_number_is_a_scale_and_a_unit() {
    for (text, found) in [
        ("0.1℃", (0.1, "℃")),
        ("0.1 °C", (0.1, "℃")),
        ("×0.1℃", (0.1, "℃")),
        ("x0.01MPa", (0.01, "MPa")),
        ("℃×0.1", (0.1, "℃")),
        ("℃*0.1", (0.1, "℃")),
        ("℃/10", (0.1, "℃")),
        ("1/10℃", (0.1, "℃")),
        ("℃(0.1)", (0.1, "℃")),
        ("℃(×0.1)", (0.1, "℃")),
        ("[0.1℃]", (0.1, "℃")),
        ("10Pa", (10.0, "Pa")),
        ("0.001 m³/h", (0.001, "m3/h")),
        ("0,1 bar", (0.1, "bar")),
    ] {
        assert_eq!(in_unit(text), Some(found), "{text}");
    }
    for text in ["℃", "m3/h", "kgf/cm2", "mmH2O", "[℃]", "m³/h", "0.5℃", "1#", "", "%"] {
        assert_eq!(in_unit(text), None, "{text}");
    }
    assert_eq!(["[℃]", "【℃】", "（℃）", "℃"].map(unbracketed), ["℃"; 4]);
}

#[test]
fn an_equation_for_the_register_is_turned_round() {
    for text in [
        "寄存器值=温度*10",
        "上传值=实际值×10",
        "通讯值=实际值*10",
        "register = value x 10",
        "原始值=实际值*10",
        "寄存器值=10*温度",
        "实际值x10",
        "实际值*10",
        "乘10后上传",
        "×10后上传",
        "乘以10上送",
        "上传时乘10",
        "multiplied by 10 and sent",
    ] {
        assert_eq!(scale(text), Some((0.1, 0.0)), "{text}");
    }
    assert_eq!(scale("寄存器值=温度*10+400"), Some((0.1, -40.0)));
    assert_eq!(scale("上传值=实际值/10"), Some((10.0, 0.0)));
    assert_eq!(scale("除以10后上传"), Some((10.0, 0.0)));
    assert_eq!(scale("上传值除以10"), Some((0.1, 0.0)));
    assert_eq!(scale("上传值乘0.1"), Some((0.1, 0.0)));
    assert_eq!(scale("实际值=上传值/10"), Some((0.1, 0.0)));
}

#[test]
fn an_expression_with_more_than_one_variable_is_not_understood() {
    for text in [
        "高16位*65536+低16位",
        "百分比*量程/100",
        "实际值=读数*量程/27648",
        "读数*系数/10",
        "Value=Temp*10",
        "寄存器值=上传值*10",
        "CT变比*PT变比/100",
    ] {
        assert_eq!(told(text), None, "{text}");
        assert!(speaks(text), "{text}");
    }
}

#[test]
fn of_two_ranges_the_one_with_a_unit_decimals_or_its_words_is_the_value() {
    for (text, by, from) in [
        ("0~1.6MPa对应0~16000", 0.0001, 0.0),
        ("0-1.6MPa，对应0-16000", 0.0001, 0.0),
        ("-50.0~150.0 对应 0~2000", 0.1, -50.0),
        ("0.000~2.500 = 0~2500", 0.001, 0.0),
        ("0~2500 (0.000~2.500MPa)", 0.001, 0.0),
        ("量程0-3.2MPa(0-32000)", 0.0001, 0.0),
        ("-500~3000 (-50.0~300.0)", 0.1, 0.0),
        ("0~100%对应0~10000", 0.01, 0.0),
        ("0-1000对应-50~150℃", 0.2, -50.0),
        ("寄存器0-1000对应量程0-100", 0.1, 0.0),
        ("量程0-100对应寄存器0-1000", 0.1, 0.0),
    ] {
        assert_eq!(scale(text), Some((by, from)), "{text}");
    }
    let (by, from) = scale("0-300℃对应6400-32000").expect("a scale");
    assert!((by - 300.0 / 25_600.0).abs() < 1e-9 && (from + 75.0).abs() < 1e-6, "{by} {from}");
    for text in ["0-1000对应0-100", "0-100对应0-1000", "量程0-1.6MPa=0-100%"] {
        assert_eq!(told(text), None, "{text}");
        assert!(speaks(text), "{text}");
    }
    let open = two_ranges("0-100对应0-1000").expect("two ranges");
    assert_eq!(open.told(Some((0.0, 100.0))).map(|t| t.scale), Some(0.1));
    assert_eq!(open.told(Some((0.0, 1000.0))).map(|t| t.scale), Some(10.0));
    assert_eq!(open.told(Some((0.0, 5.0))), None);
    for text in ["1-5为自动,6-10为手动", "0-100=故障,101-200=正常", "0-100为正常", "1-3号泵=4-6号阀"]
    {
        assert_eq!(two_ranges(text), None, "{text}");
        assert_eq!(told(text), None, "{text}");
    }
}

#[test]
fn a_value_with_its_unit_before_the_number_for_it_is_read() {
    for (text, by) in
        [("23.5℃对应235", 0.1), ("10t/h=1000", 0.01), ("数值1000=10t/h", 0.01), ("10 = 1.0", 0.1)]
    {
        assert_eq!(scale(text), Some((by, 0.0)), "{text}");
    }
    for text in ["传输值235，实际值23.5", "量纲0.1", "(0-32000)", "0-32000"] {
        assert!(told(text).is_some() || speaks(text), "{text}");
    }
}

#[test]
fn numbers_that_are_scales_without_a_word_are_listed() {
    for text in [
        "x100",
        "X10",
        "x10-3",
        "1/10",
        "1:100",
        "10:1",
        "10^-3",
        "E-3",
        "1e-3",
        "数据/10是温度",
        "kPa/100",
        "单位0.1",
        "单位：0.01",
        "XX.X",
        "xxx.xx",
        "000.0",
        "##.#",
    ] {
        assert!(told(text).is_some() || speaks(text), "{text}");
    }
    assert_eq!(scale("数据/10为实际温度"), Some((0.1, 0.0)));
    for text in [
        "1/2",
        "DN50/100",
        "A/B相",
        "单位MPa",
        "12:30",
        "e1",
        "x轴",
        "0",
        "00",
        "X",
        "1.5",
        "设备/1号",
        "2:1",
    ] {
        assert!(!speaks(text), "{text}");
    }
}
