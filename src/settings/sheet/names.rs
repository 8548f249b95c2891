//! Ids for points: from English names, from a dictionary of boiler-house words, or by register.
//! Chinese is never spelled out in pinyin: `p40001` says more than a guessed syllable.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::text::{folded, has_chinese, plain};
use crate::plant::dictionary::{self, Known};

/// A name as it is looked up → the points that it may mean, in the order of the dictionary.
static KNOWN: LazyLock<HashMap<String, Vec<&'static Known>>> = LazyLock::new(|| {
    let mut known: HashMap<String, Vec<_>> = HashMap::new();
    for point in dictionary::all() {
        for name in point.names() {
            let meant = known.entry(spelled(name)).or_default();
            if !meant.contains(&point) {
                meant.push(point);
            }
        }
    }
    known
});

/// Without what people write one way or another: `Make-up flow`, `makeup_flow`.
fn spelled(name: &str) -> String {
    folded(name).replace(['-', '_'], "")
}

/// Words that names are made of, longest first where one holds another; together they make an id.
const WORDS: &[(&str, &str)] = &[
    ("电流互感器变比", "ct_ratio"),
    ("电压互感器变比", "pt_ratio"),
    ("电流变比", "ct_ratio"),
    ("电压变比", "pt_ratio"),
    ("小数点位置", "decimal_point"),
    ("小数点位数", "decimal_point"),
    ("小数点", "decimal_point"),
    ("小数位", "decimal_point"),
    ("正向有功电能", "import_energy"),
    ("反向有功电能", "export_energy"),
    ("总有功电能", "total_energy"),
    ("有功电能", "energy"),
    ("总有功功率", "total_power"),
    ("有功功率", "power"),
    ("无功功率", "reactive_power"),
    ("视在功率", "apparent_power"),
    ("功率因数", "power_factor"),
    ("循环水泵", "circ_pump"),
    ("给水泵", "feed_pump"),
    ("循环泵", "circ_pump"),
    ("引风机", "id_fan"),
    ("鼓风机", "fd_fan"),
    ("送风机", "fd_fan"),
    ("软水箱", "soft_water_tank"),
    ("省煤器", "economizer"),
    ("除氧器", "deaerator"),
    ("燃烧器", "burner"),
    ("冷凝器", "condenser"),
    ("节能器", "economizer"),
    ("储气罐", "receiver"),
    ("膨胀槽", "expansion_tank"),
    ("安全阀", "safety_valve"),
    ("调节阀", "control_valve"),
    ("电磁阀", "solenoid_valve"),
    ("锅炉", "boiler"),
    ("锅筒", "drum"),
    ("汽包", "drum"),
    ("炉膛", "furnace"),
    ("蒸汽", "steam"),
    ("给水", "feedwater"),
    ("回水", "return_water"),
    ("供水", "supply_water"),
    ("出水", "outlet_water"),
    ("进水", "inlet_water"),
    ("补水", "makeup"),
    ("排污", "blowdown"),
    ("导热油", "oil"),
    ("天然气", "gas"),
    ("燃气", "gas"),
    ("燃油", "fuel_oil"),
    ("烟气", "flue_gas"),
    ("排烟", "stack"),
    ("空气", "air"),
    ("出口", "outlet"),
    ("进口", "inlet"),
    ("入口", "inlet"),
    ("压力", "pressure"),
    ("压差", "dp"),
    ("温度", "temp"),
    ("水位", "level"),
    ("液位", "level"),
    ("瞬时", ""),
    ("流量", "flow"),
    ("累计", "total"),
    ("电流", "current"),
    ("电压", "voltage"),
    ("频率", "frequency"),
    ("转速", "speed"),
    ("开度", "opening"),
    ("浓度", "concentration"),
    ("湿度", "humidity"),
    ("负荷", "load"),
    ("时间", "time"),
    ("设定值", "setpoint"),
    ("给定值", "setpoint"),
    ("给定", "setpoint"),
    ("测量值", "value"),
    ("实测值", "value"),
    ("当前值", "value"),
    ("输出", "output"),
    ("输入", "input"),
    ("通道", "channel"),
    ("电极", "electrode"),
    ("运行", "run"),
    ("停止", "stop"),
    ("启动", "start"),
    ("故障", "fault"),
    ("报警", "alarm"),
    ("状态", "status"),
    ("信号", ""),
    ("远程", "remote"),
    ("手动", "manual"),
    ("自动", "auto"),
    ("电源", "power_supply"),
    ("时钟", "clock"),
    ("日期", "date"),
    ("变频器", "vfd"),
    ("变频", "vfd"),
    ("水箱", "tank"),
    ("凝结水", "condensate"),
    ("热水", "hot_water"),
    ("冷却水", "cooling_water"),
    ("油泵", "oil_pump"),
    ("油压", "oil_pressure"),
    ("油温", "oil_temp"),
    ("氧量", "o2"),
    ("电导率", "conductivity"),
    ("硬度", "hardness"),
    ("火焰", "flame"),
    ("点火", "ignition"),
    ("联锁", "interlock"),
    ("旁路", "bypass"),
    ("急停", "emergency_stop"),
    ("复位", "reset"),
    ("开", "open"),
    ("关", "closed"),
    ("有功", "active"),
    ("无功", "reactive"),
    ("功率", "power"),
    ("电能", "energy"),
    ("电度", "energy"),
    ("锅水", "boiler_water"),
    ("炉水", "boiler_water"),
    ("水", "water"),
    ("油", "oil"),
    ("正常", "ok"),
    ("极低", "low_low"),
    ("极高", "high_high"),
    ("超低", "low_low"),
    ("超高", "high_high"),
    ("过高", "high"),
    ("过低", "low"),
    ("心跳", "heartbeat"),
    ("水泵", "pump"),
    ("风机", "fan"),
    ("阀门", "valve"),
    ("相", ""),
    ("泵", "pump"),
    ("阀", "valve"),
    ("高", "high"),
    ("低", "low"),
    ("年", "year"),
    ("月", "month"),
    ("日", "day"),
    ("时", "hour"),
    ("分", "minute"),
    ("秒", "second"),
    ("号", ""),
    ("路", ""),
    ("第", ""),
    ("总", "total"),
    ("主", "main"),
    ("备", "standby"),
];

/// What may stand around a known name without changing what it is.
const FILLERS: &[&str] = &[
    "锅炉房",
    "锅炉",
    "当前",
    "实时",
    "瞬时",
    "测量值",
    "显示值",
    "实际值",
    "数值",
    "检测",
    "模拟量",
    "报警",
    "信号",
    "值",
    "pv",
];

/// Names that hold a place and no value.
pub(super) fn is_reserved(name: &str) -> bool {
    let word = folded(name);
    let word = super::lists::scale::unbracketed(&word);
    let word = word.split(['(', '[', '【']).next().unwrap_or_default();
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit() || "-~_#".contains(c));
    matches!(
        word,
        "备用"
            | "保留"
            | "预留"
            | "未用"
            | "未使用"
            | "空"
            | "空余"
            | "空闲"
            | "reserved"
            | "reserve"
            | "spare"
            | "unused"
            | "备用点"
            | "备用位"
            | "备用通道"
            | "空位"
            | "空点"
            | "预留点"
            | "备注用"
            | "不用"
            | "未定义"
            | "notused"
            | "free"
            | "frei"
            | "nichtbelegt"
            | "nichtverwendet"
            | "reserviert"
            | "n.c"
    ) || is_void(name)
}

/// A point that was taken out of the list, said in its name or as the whole of its remark: `作废`, `(已取消)`, `void`.
pub(super) fn is_void(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "作废",
        "取消",
        "删除",
        "废弃",
        "停用",
        "废除",
        "void",
        "deleted",
        "obsolete",
        "removed",
        "cancelled",
        "canceled",
        "deprecated",
        "entfällt",
        "gelöscht",
    ];
    let word = folded(text);
    let word = super::lists::scale::unbracketed(&word);
    let word = word.trim_end_matches(['.', '!', ',', ';', '。']);
    let bare = ["此点", "该点", "本点", "此项", "该项", "本行", "点位", "已", "信号"]
        .iter()
        .fold(word, |w, lead| w.strip_prefix(lead).unwrap_or(w));
    let bare = bare.strip_suffix('了').unwrap_or(bare);
    let marked = |open: &str, close: &str| {
        WORDS.iter().any(|w| {
            [format!("{open}{w}{close}"), format!("{open}已{w}{close}")]
                .iter()
                .any(|m| word.ends_with(m.as_str()) || word.starts_with(m.as_str()))
        })
    };
    WORDS.contains(&bare)
        || word.starts_with("作废")
        || word.starts_with("已作废")
        || marked("(", ")")
        || marked("[", "]")
        || marked("【", "】")
}

/// A name of a whole register in a list of its bits: `报警字1`, `Status word 2`.
pub(super) fn is_register_name(name: &str) -> bool {
    let word = folded(name);
    let word =
        word.trim_end_matches(|c: char| c.is_ascii_digit() || "-~_#(".contains(c)).trim_end_matches(')');
    [
        "报警字",
        "状态字",
        "故障字",
        "控制字",
        "告警字",
        "信号字",
        "寄存器",
        "开关量字",
        "word",
        "wort",
        "register",
        "flags",
        "alarms",
    ]
    .iter()
    .any(|w| word.ends_with(w))
}

/// An id made from a name in the Latin alphabet: `SteamPressure`, `Steam pressure (MPa)`.
pub(super) fn slug(name: &str) -> Option<String> {
    let name = plain(name);
    if has_chinese(&name) {
        return None;
    }
    let name = name.split(['(', '[']).next().unwrap_or_default();
    let spelled = [("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue"), ("ß", "ss")];
    let name = spelled.iter().fold(name.to_owned(), |n, (letter, plain)| n.replace(letter, plain));
    let mut id = String::new();
    let mut last: Option<char> = None;
    for c in name.chars() {
        let camel = c.is_ascii_uppercase() && last.is_some_and(|l| l.is_ascii_lowercase());
        let separate = !c.is_ascii_alphanumeric();
        if (camel || separate) && !id.is_empty() && !id.ends_with('_') {
            id.push('_');
        }
        if !separate {
            id.push(c.to_ascii_lowercase());
        }
        last = Some(c);
    }
    let id = cut(id.trim_matches('_'));
    (!id.is_empty()
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.contains(|c: char| c.is_ascii_alphabetic()))
    .then_some(id)
}

/// A variable's name and not only a tag number or a symbol: `SteamPressure`, `drum_level`, not `IrAt`.
pub(super) fn speaks(text: &str) -> bool {
    let longest = text.split(|c: char| !c.is_ascii_alphabetic()).map(str::len).max().unwrap_or(0);
    !has_chinese(text) && (longest >= 6 || longest >= 4 && text.contains('_'))
}

/// A name that the dictionary has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: &'static str,
    /// What it is on other equipment, where nothing says which equipment this is.
    pub(super) also: Vec<&'static str>,
    /// It is a point of other equipment than this.
    pub(super) foreign: bool,
}

/// The point that the dictionary has under this name, in either language; those of `kind` first.
pub(super) fn named(name: &str, kind: Option<&str>) -> Option<Named> {
    let word = folded(name);
    let word = spelled(word.split(['(', '[', '【', '（']).next().unwrap_or_default());
    let kind = kind.filter(|kind| dictionary::all().iter().any(|k| k.kinds.contains(kind)));
    let lookup = |word: &str| {
        let all = KNOWN.get(word)?;
        if let Some(own) = kind.and_then(|kind| all.iter().find(|k| k.is_of(kind))) {
            return Some(Named { id: own.id, also: Vec::new(), foreign: false });
        }
        let id = all.first()?.id;
        let mut also: Vec<&str> = all.iter().map(|k| k.id).filter(|other| *other != id).collect();
        also.dedup();
        Some(Named { id, also: if kind.is_none() { also } else { Vec::new() }, foreign: kind.is_some() })
    };
    if let Some(found) = lookup(&word) {
        return Some(found);
    }
    // `1#锅炉蒸汽压力` is the steam pressure: each device has its own profile's points.
    let mut bare = word.as_str();
    loop {
        let unnumbered = bare.trim_start_matches(|c: char| c.is_ascii_digit());
        let next = unnumbered
            .strip_prefix(['#', '号'])
            .or_else(|| FILLERS.iter().find_map(|f| bare.strip_prefix(f)))
            .or_else(|| FILLERS.iter().find_map(|f| bare.strip_suffix(f)));
        match next {
            Some(next) if !next.is_empty() => bare = next,
            _ => return None,
        }
        if let Some(found) = lookup(bare) {
            return Some(found);
        }
    }
}

/// An id for a Chinese name, if every word of it is known; points of `kind` first.
pub(super) fn translated(name: &str, kind: Option<&str>) -> Option<String> {
    let word = folded(name);
    let word = word.split(['(', '[', '【', '（']).next().unwrap_or_default();
    named(name, kind).map(|found| found.id.to_owned()).or_else(|| composed(word))
}

/// Word by word, longest first; all of the name must be known.
fn composed(word: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut number: Option<String> = None;
    let mut rest = word;
    while !rest.is_empty() {
        let known = WORDS.iter().filter(|(zh, _)| rest.starts_with(zh)).max_by_key(|(zh, _)| zh.len());
        if let Some((zh, en)) = known {
            if !en.is_empty() {
                parts.push((*en).to_owned());
                parts.extend(number.take());
            }
            rest = &rest[zh.len()..];
            continue;
        }
        let latin: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        if latin.is_empty() {
            rest = rest.strip_prefix(['#', '-', '_', '.', '/', ' ', ':'])?;
            continue;
        }
        rest = &rest[latin.len()..];
        // `1#循环泵` is pump 1: the number goes behind its thing.
        if latin.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with(['#', '号']) {
            number = Some(latin);
        } else {
            parts.push(latin);
        }
    }
    let id = cut(&parts.join("_"));
    (id.contains(|c: char| c.is_ascii_alphabetic())).then_some(id)
}

/// At most 56 characters, so that a number still fits behind.
fn cut(id: &str) -> String {
    id.chars().take(56).collect::<String>().trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::Id;

    #[test]
    fn english_names_become_ids() {
        for (name, id) in [
            ("Steam pressure", "steam_pressure"),
            ("SteamPressure", "steam_pressure"),
            ("steam_pressure", "steam_pressure"),
            ("Phase A voltage (V)", "phase_a_voltage"),
            ("PT-101", "pt_101"),
            ("  U1  ", "u1"),
            ("Ölstand", "oelstand"),
        ] {
            assert_eq!(slug(name).as_deref(), Some(id), "{name}");
        }
        assert_eq!(slug("蒸汽压力"), None);
        assert_eq!(slug("101"), None);
    }

    #[test]
    fn boiler_words_are_known_alone_and_in_company() {
        for (name, id) in [
            ("蒸汽压力", "steam_pressure"),
            ("汽包水位", "drum_level"),
            ("锅筒水位", "drum_level"),
            ("给水流量", "feedwater_flow"),
            ("排烟温度", "stack_temp"),
            ("1#锅炉蒸汽压力", "steam_pressure"),
            ("排烟温度(℃)", "stack_temp"),
            ("A相电压", "a_voltage"),
            ("通道12", "channel_12"),
            ("引风机电流", "id_fan_current"),
            ("1#循环泵故障", "circ_pump_a_fault"),
            ("3#循环泵故障", "circ_pump_3_fault"),
            ("PLC时钟年", "plc_clock_year"),
            ("电流互感器变比CT", "ct_ratio_ct"),
        ] {
            assert_eq!(translated(name, None).as_deref(), Some(id), "{name}");
        }
        assert_eq!(translated("青椒肉丝", None), None);
        assert_eq!(translated("出口压力", Some("thermal-oil-heater")).as_deref(), Some("oil_out_pressure"));
        assert_eq!(translated("出口压力", Some("hot-water-boiler")).as_deref(), Some("outlet_pressure"));
    }

    #[test]
    fn every_name_of_the_dictionary_gives_its_id_for_its_kind() {
        for point in dictionary::all() {
            let kinds: Vec<Option<&str>> = point.kinds.iter().copied().map(Some).collect();
            for kind in if kinds.is_empty() { vec![None] } else { kinds } {
                for name in point.names() {
                    let found = named(name, kind).map(|n| (n.id, n.also.len(), n.foreign));
                    assert_eq!(found, Some((point.id, 0, false)), "{kind:?}: {name}");
                    assert_eq!(translated(name, kind).as_deref(), Some(point.id), "{kind:?}: {name}");
                }
            }
        }
        assert!(WORDS.iter().all(|(_, en)| en.is_empty() || Id::new(en).is_ok()));
    }

    #[test]
    fn a_name_that_means_several_points_says_so() {
        let of = |name, kind| named(name, kind).map(|n| (n.id, n.also, n.foreign));
        assert_eq!(of("出口压力", None), Some(("outlet_pressure", vec!["oil_out_pressure"], false)));
        assert_eq!(of("出口压力", Some("thermal-oil-heater")), Some(("oil_out_pressure", vec![], false)));
        assert_eq!(of("压力", Some("steam-boiler")), Some(("pressure", vec![], true)));
        assert_eq!(of("压力", Some("air-receiver")), Some(("pressure", vec![], false)));
        assert_eq!(of("Main steam pressure (MPa)", None), Some(("steam_pressure", vec![], false)));
        assert_eq!(of("青椒肉丝", None), None);
    }

    #[test]
    fn places_kept_free_are_no_points() {
        for name in [
            "备用",
            "备用3",
            "保留",
            "Reserved",
            "spare 2",
            "(备用)",
            "备用(DI7)",
            "frei",
            "nicht belegt",
            "作废",
            "已取消",
            "蒸汽压力(作废)",
            "【作废】水位",
            "VOID",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["备用泵故障", "报警取消", "取消消音", "删除记录按钮", "Removed water"]
        {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
