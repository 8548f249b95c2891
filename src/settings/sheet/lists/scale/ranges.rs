//! Two ranges beside each other: `0-1000对应0-100.0%`, `0~1.6MPa对应0~27648`. Which of them the register holds is told by a unit,
//! by decimals, by words, by the ends that converters have, or by the range of the row; never by the place alone.

use super::super::range;
use super::{SIGNS, Told, near, near_zero, unit_at};

/// One of the two.
#[derive(Debug, Clone, PartialEq)]
struct Side {
    low: f64,
    high: f64,
    unit: Option<&'static str>,
    /// What speaks for a value in engineering units, and for what a register holds.
    value: bool,
    raw: bool,
}

/// Two ranges that stand for each other.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::settings::sheet) struct TwoRanges {
    left: Side,
    right: Side,
}

/// What may stand before a range without meaning anything else than one.
const WORDS_OF_RAW: &[&str] = &[
    "原始",
    "寄存器",
    "码值",
    "码",
    "上传",
    "上送",
    "通讯",
    "通信",
    "传输",
    "数字量",
    "采样",
    "ad",
    "raw",
    "register",
    "count",
];
const WORDS_OF_VALUE: &[&str] = &[
    "量程", "工程", "实际", "测量", "显示", "温度", "压力", "流量", "液位", "水位", "开度", "频率", "电流",
    "电压", "氧量", "功率", "转速", "负压", "差压", "浓度", "湿度", "range", "value", "actual",
];
const WORDS_OF_NEITHER: &[&str] =
    &["范围", "数值", "数据", "数", "值", "即", "为", "对应", "输出", "输入", "的", "是", "s", "data"];
/// The upper ends that converters and fieldbuses have.
const ENDS: &[f64] = &[
    255.0, 1023.0, 2047.0, 4095.0, 4096.0, 8191.0, 16_383.0, 16_384.0, 27_648.0, 32_000.0, 32_767.0,
    32_768.0, 65_535.0,
];

/// The two ranges of a text, if it holds two and nothing else around them.
pub(in crate::settings::sheet) fn two_ranges(text: &str) -> Option<TwoRanges> {
    let text = super::ready(text);
    SIGNS
        .iter()
        .find_map(|sign| {
            let (left, right) = text.split_once(sign)?;
            both(left, right)
        })
        // `0~2500 (0.000~2.500MPa)`, `量程0-1.6MPa(0-32000)`.
        .or_else(|| {
            let (left, right) = text.split_once('(')?;
            let found = both(left, right.trim_end().strip_suffix(')')?)?;
            (found.is_settled()).then_some(found)
        })
}

fn both(left: &str, right: &str) -> Option<TwoRanges> {
    let parts = |side: &str| -> Vec<String> {
        let parts = side.split([',', ';', '\n', '|', '(', ')']).map(|p| p.trim().to_owned());
        parts.filter(|p| !p.is_empty()).collect()
    };
    let left = side(parts(left).last()?)?;
    let right = side(parts(right).first()?)?;
    (left.low < left.high && right.low < right.high).then_some(TwoRanges { left, right })
}

fn side(part: &str) -> Option<Side> {
    let at = part.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '±'))?;
    let mut words = part[..at].trim().to_owned();
    let has = |all: &[&str]| all.iter().any(|w| part[..at].contains(w));
    let (mut raw, mut value) = (has(WORDS_OF_RAW), has(WORDS_OF_VALUE));
    for word in [WORDS_OF_RAW, WORDS_OF_VALUE, WORDS_OF_NEITHER].into_iter().flatten() {
        words = words.replace(word, "");
    }
    if words.chars().any(char::is_alphanumeric) {
        return None;
    }
    let (low, high, behind) = range(&part[at..])?;
    let unit = unit_at(&behind);
    let rest = behind.trim_start();
    if unit.is_none() && rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '=' | '*' | '×' | '/'))
    {
        return None;
    }
    let digits = &part[at..];
    let points = digits.match_indices('.').any(|(n, _)| {
        digits[n + 1..].starts_with(|c: char| c.is_ascii_digit()) && !digits[..n].ends_with('.')
    });
    value |= unit.is_some() || points || low.fract() != 0.0 || high.fract() != 0.0;
    raw |= ENDS.contains(&high) && !value;
    Some(Side { low, high, unit, value, raw: raw && !(unit.is_some() || points) })
}

impl Side {
    fn span(&self) -> f64 {
        self.high - self.low
    }
}

impl TwoRanges {
    fn is_settled(&self) -> bool {
        self.told(None).is_some()
    }

    /// The scale, where it is plain which side the register holds; `range` is that of the row.
    pub(in crate::settings::sheet) fn told(&self, range: Option<(f64, f64)>) -> Option<Told> {
        let (left, right) = (&self.left, &self.right);
        let same = |side: &Side| range == Some((side.low, side.high));
        // A unit or decimals on both sides: two ways to say a value, and none of them the register's.
        let left_is_raw = match () {
            () if (right.value && !left.value) || (left.raw && !right.raw && !left.value) => true,
            () if (left.value && !right.value) || (right.raw && !left.raw && !right.value) => false,
            () if left.value && right.value => return None,
            // Temperatures and draughts go below 0; the finer of the two is what a converter gives.
            () if right.low < 0.0 && left.low >= 0.0 && right.span() < left.span() => true,
            () if left.low < 0.0 && right.low >= 0.0 && left.span() < right.span() => false,
            () if same(right) && !same(left) => true,
            () if same(left) && !same(right) => false,
            () => return None,
        };
        let (raw, value) = if left_is_raw { (left, right) } else { (right, left) };
        let scale = near((value.high - value.low) / (raw.high - raw.low));
        Some(Told { offset: near_zero(value.low - raw.low * scale), unit: value.unit, ..Told::by(scale) })
    }
}
