//! Equations: `实际值=寄存器值/10` gives the value, `寄存器值=温度*10` gives the register. What the left side is called tells which.

use super::super::super::units;
use super::{Told, leading, near, unit_at};

/// Words for what the register holds, or what is sent.
const RAW: &[&str] = &[
    "寄存器",
    "上传",
    "上送",
    "通讯",
    "通信",
    "传输",
    "传送",
    "发送",
    "报文",
    "原始",
    "读数",
    "读值",
    "读取",
    "读出",
    "码值",
    "内码",
    "采样",
    "数据",
    "存储",
    "raw",
    "reg",
    "transmitted",
    "sent",
    "count",
    "adc",
    "rohwert",
    "reading",
    "data",
];
/// Words for what is measured.
const VALUE: &[&str] = &[
    "实际",
    "真实",
    "真值",
    "工程",
    "物理",
    "测量",
    "温度",
    "压力",
    "流量",
    "液位",
    "水位",
    "电流",
    "电压",
    "频率",
    "功率",
    "湿度",
    "浓度",
    "氧量",
    "转速",
    "开度",
    "actual",
    "real",
    "temp",
    "press",
    "flow",
    "level",
    "engineering",
    "istwert",
    "messwert",
];

pub(super) fn is_raw(text: &str) -> bool {
    RAW.iter().any(|w| text.contains(w))
}

pub(super) fn is_value(text: &str) -> bool {
    VALUE.iter().any(|w| text.contains(w)) && !is_raw(text)
}

/// What an equation tells: `None` if there is none, `Some(None)` for one that is not understood.
pub(super) fn equation(text: &str) -> Option<Option<Told>> {
    for part in text.split([',', ';', '\n', '|']) {
        let Some((head, tail)) = part.rsplit_once('=') else { continue };
        let tail: String = tail.chars().filter(|c| !c.is_whitespace()).collect();
        let tail = tail.trim_matches(['.', ')', '(', '[', ']']);
        if variables(tail) > 1 {
            return Some(None);
        }
        let Some((variable, told)) = product(tail) else { continue };
        let Some(told) = told else { return Some(None) };
        let head = head.trim();
        return Some(match (is_raw(head), is_raw(&variable)) {
            (true, true) => None,
            (true, false) => inverse(&told),
            (false, true) => Some(told),
            // `Value=Temp*10`: which of the two is sent?
            (false, false) if is_value(&variable) => None,
            (false, false) => Some(told),
        });
    }
    None
}

/// `raw*0.1-40`, `0.1*raw`: the variable, and the scale if all of it is understood.
fn product(tail: &str) -> Option<(String, Option<Told>)> {
    let word = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphabetic() || "()[]_#".contains(c));
    if let Some((scale, rest)) = leading(tail)
        && let Some(rest) = rest.strip_prefix(['*', '×', 'x', '·'])
    {
        let end = rest.find(['+', '-', '−']).unwrap_or(rest.len());
        if word(&rest[..end]) && scale != 0.0 {
            return Some((rest[..end].to_owned(), with_offset(near(scale), &rest[end..])));
        }
    }
    let at = tail.find(['*', '×', '÷', '/', '·'])?;
    let (before, rest) = tail.split_at(at);
    let divides = rest.starts_with(['÷', '/']);
    let rest = rest.trim_start_matches(['*', '×', '÷', '/', '·']);
    if !word(before) || units::known(before).is_some() {
        return None;
    }
    let (factor, rest) = leading(rest).filter(|(f, _)| *f != 0.0)?;
    let scale = near(if divides { 1.0 / factor } else { factor });
    Some((before.to_owned(), with_offset(scale, rest.trim_start_matches([')', ']']))))
}

/// From the value to the register and back.
fn inverse(told: &Told) -> Option<Told> {
    let scale = near(1.0 / told.scale);
    let offset = if told.offset == 0.0 { 0.0 } else { super::near_zero(-told.offset / told.scale) };
    scale.is_finite().then_some(Told { scale, offset, unit: told.unit, resolution: told.resolution })
}

/// What may stand behind a factor: nothing, a unit, or a number to add.
fn with_offset(scale: f64, rest: &str) -> Option<Told> {
    let rest = rest.replace('−', "-");
    if rest.starts_with(['+', '-']) {
        let (offset, behind) = leading(&rest)?;
        let unit = unit_at(behind);
        return (behind.is_empty() || unit.is_some()).then(|| Told { offset, unit, ..Told::by(scale) });
    }
    let unit = unit_at(&rest);
    // More is done than is understood here.
    let more = rest.contains(['*', '×', '÷', '^']) || unit.is_none() && rest.contains('/');
    (!more).then(|| Told { unit, ..Told::by(scale) })
}

/// How many things other than numbers are multiplied, divided or added: `高16位*65536+低16位` has two.
pub(super) fn variables(part: &str) -> usize {
    let signs = |c: char| matches!(c, '*' | '×' | '÷' | '·');
    let chars: Vec<char> = part.chars().collect();
    let mut operands: Vec<String> = vec![String::new()];
    let mut any = false;
    for (n, c) in chars.iter().enumerate() {
        let next = chars.get(n + 1).copied().unwrap_or(' ');
        // `t/h` is a unit.
        let divides = *c == '/' && next.is_ascii_digit();
        any |= signs(*c) || divides;
        if signs(*c) || divides || *c == '+' {
            operands.push(String::new());
        } else if let Some(last) = operands.last_mut() {
            last.push(*c);
        }
    }
    if !any {
        return 0;
    }
    let named = |o: &&String| {
        let o = o.trim().trim_start_matches(['(', '[', '-']);
        o.starts_with(char::is_alphabetic)
    };
    operands.iter().filter(named).count()
}
