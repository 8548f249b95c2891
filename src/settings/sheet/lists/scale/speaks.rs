//! Whether a text speaks of scaling, so that a person looks at it where nothing was made of it.

use super::equation::variables;
use super::{is_accuracy, ready, two_ranges};
use crate::settings::sheet::lists::range;

/// A number and a word of scaling: if nothing was made of it, a person has to look.
pub(in crate::settings::sheet) fn speaks(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "倍",
        "除以",
        "除",
        "乘",
        "放大",
        "缩小",
        "扩大",
        "分辨率",
        "分辩率",
        "精确",
        "小数",
        "比例",
        "系数",
        "换算",
        "对应",
        "因子",
        "变比",
        "scal",
        "factor",
        "divid",
        "divisor",
        "multipl",
        "resolution",
        "decimal",
        "/bit",
        "per bit",
        "lsb",
        "per count",
        "per digit",
        "/digit",
        "faktor",
        "geteilt",
        "auflösung",
        "nachkomma",
        "kommastelle",
        "gain",
        "tenth",
        "hundredth",
        "skalier",
        "ratio",
        "零点",
        "偏移",
        "offset",
        "实际值",
        "真实值",
        "传输值",
        "上传值",
        "量纲",
        "工程值",
        "寄存器值",
        "actual value",
        "raw value",
    ];
    let text = ready(text);
    let number = text.contains(|c: char| c.is_ascii_digit())
        || ["一位", "两位", "二位", "三位", "十", "百"].iter().any(|w| text.contains(w));
    if picture(&text) {
        return true;
    }
    if !number || is_accuracy(&text) {
        return false;
    }
    // 除氧器 is a deaerator, 排除 and 解除 are no divisions.
    let spoken = text
        .replace("除氧", "")
        .replace("排除", "")
        .replace("解除", "")
        .replace("清除", "")
        .replace("切除", "")
        .replace("除渣", "")
        .replace("除尘", "")
        .replace("删除", "")
        .replace("除垢", "");
    let sign = |c: char| {
        spoken
            .match_indices(c)
            .any(|(at, _)| spoken[at + c.len_utf8()..].trim_start().starts_with(|d: char| d.is_ascii_digit()))
    };
    // A range without a unit that no instrument has is one of raw numbers.
    let raw_range =
        || range(&text).is_some_and(|(low, high, unit)| unit.is_empty() && low < high && high >= 1000.0);
    two_ranges(&text).is_some()
        || text.split([',', ';', '\n', '|']).any(|part| variables(part) > 1)
        || raw_range()
        || WORDS.iter().any(|w| spoken.contains(w))
        || sign('×')
        || sign('*')
        || sign('÷')
        || bare(&spoken)
}

/// `XX.X`, `000.0`: how a number is shown.
fn picture(text: &str) -> bool {
    let text = text.trim();
    let mut signs = text.chars().filter(|c| *c != '.');
    let one = signs.next().filter(|c| "x0#".contains(*c));
    one.is_some_and(|one| signs.all(|c| c == one)) && text.matches('.').count() == 1 && !text.ends_with('.')
}

/// Numbers that are scales though no word says so: `x100`, `1/10`, `10:1`, `10^-3`, `E-3`, `数据/10`, `单位0.1`.
fn bare(text: &str) -> bool {
    let text = text.trim();
    let digit = |rest: &str| rest.trim_start().starts_with(|c: char| c.is_ascii_digit());
    let ten = |part: &str| {
        let part = part.trim();
        part.len() > 1 && part.strip_prefix('1').is_some_and(|zeros| zeros.bytes().all(|b| b == b'0'))
    };
    let ratio = text
        .split_once(['/', ':'])
        .is_some_and(|(a, b)| a.trim() == "1" && ten(b) || ten(a) && b.trim() == "1");
    let divided = text.match_indices('/').any(|(at, _)| {
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        ten(&rest[..end]) && !text[..at].trim_end().ends_with(|c: char| c.is_ascii_digit())
    });
    let power = text.strip_prefix("e-").or_else(|| text.strip_prefix("1e-")).is_some_and(digit);
    let part = text
        .split_once("单位")
        .is_some_and(|(_, rest)| digit(rest.trim_start_matches([':', '=', '为', '是'])));
    ratio || divided || power || part || text.contains("10^") || text.strip_prefix('x').is_some_and(digit)
}
