//! Names of states in other words than `0=正常,1=缺水`: some become that, of others it is only known that they speak of states.

use super::super::text::plain;

/// What stands between a number and the name of its state.
const VERBS: &[&str] = &["表示", "代表", "对应", "为", "是"];

/// The largest number of a state whose sign is a word.
const MOST: u32 = 63;

/// Words that name the state of something.
const WORDS: &[&str] = &[
    "正常", "异常", "故障", "报警", "告警", "缺", "停", "运行", "启", "开", "关", "合", "断", "手动", "自动",
    "本地", "远程", "就地", "远方", "就绪", "待机", "有效", "无效", "有火", "无火", "熄火", "点火", "吹扫",
    "高", "低", "满", "空载", "normal", "fault", "alarm", "fail", "stop", "run", "open", "close", "manual",
    "auto", "local", "remote", "ready", "idle", "standby", "off", "trip", "enable", "disable", "high", "low",
];

/// `0为正常，1为缺水` and `0x00=正常` as `0=正常，1=缺水`. `None` where nothing of that kind stands.
pub(super) fn with_signs(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut changed, mut before) = (text, false, None);
    while let Some(c) = rest.chars().next() {
        let begins = c.is_ascii_digit() && before.is_none_or(|b: char| !b.is_alphanumeric() && b != '.');
        let Some((number, behind, hex)) = begins.then(|| number(rest)).flatten() else {
            out.push(c);
            before = Some(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let verb = VERBS.iter().find_map(|verb| behind.strip_prefix(verb));
        let verb =
            verb.filter(|name| !name.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '-'));
        if (verb.is_some() || hex) && number > MOST {
            return None;
        }
        out.push_str(&number.to_string());
        out.push_str(if verb.is_some() { "=" } else { "" });
        changed |= hex || verb.is_some();
        rest = verb.unwrap_or(behind);
        before = Some('0');
    }
    changed.then_some(out)
}

/// A whole number at the begin, what is behind it, and whether it is hexadecimal.
fn number(text: &str) -> Option<(u32, &str, bool)> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = hex.map_or((text, 10), |hex| (hex, 16));
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    Some((u32::from_str_radix(&digits[..end], radix).ok()?, &digits[end..], hex.is_some()))
}

/// Without the bracket that closes the whole list: `缺水)`.
pub(super) fn closed(words: &str) -> &str {
    let mut words = words;
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}'), ('【', '】')] {
        while words.ends_with(close) && words.matches(close).count() > words.matches(open).count() {
            words = words.trim_end_matches(close).trim_end();
        }
    }
    words
}

/// Whether a text that is not read as names of states speaks of them: `正常=0,缺水=1`, `0正常 1缺水`, `停止(0)/运行(1)`, `1=缺水`.
pub(in crate::settings::sheet) fn speaks_of_states(text: &str) -> bool {
    let lower = plain(text).to_lowercase();
    let chars: Vec<char> = lower.chars().collect();
    if !WORDS.iter().any(|w| lower.contains(w)) {
        return false;
    }
    let (mut numbers, mut signed) = (Vec::new(), false);
    let mut n = 0;
    while n < chars.len() {
        if !chars[n].is_ascii_digit() {
            n += 1;
            continue;
        }
        let from = n;
        while chars.get(n).is_some_and(char::is_ascii_digit) {
            n += 1;
        }
        let digits: String = chars[from..n].iter().collect();
        let next = chars.get(n).copied();
        let before = from.checked_sub(1).and_then(|b| chars.get(b)).copied();
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || "._#%℃~-+".contains(c));
        // A range, a decimal, the number of a pump or a phase: no state.
        let counts = next.is_some_and(|c| "号路台级段次秒分小位个年月日天组档倍层楼区炉相度".contains(c));
        if joined(before) || joined(next) || counts {
            continue;
        }
        if let Ok(number) = digits.parse::<u32>() {
            numbers.push(number);
        }
        let behind: String = chars[n..].iter().collect();
        let name = behind.trim_start_matches([' ', '=', ':', '-', '>']);
        signed |= behind.trim_start().starts_with(['=', ':']) && WORDS.iter().any(|w| name.starts_with(w));
    }
    let both = |a: u32, b: u32| numbers.contains(&a) && numbers.contains(&b);
    signed || both(0, 1) || both(1, 2)
}

/// Words that name a state in which somebody is to be called.
const ALARMS: &[&str] = &[
    "报警", "告警", "故障", "异常", "跳闸", "超限", "缺水", "缺相", "断水", "断线", "断电", "熄火", "泄漏",
    "过载", "超压", "超温", "alarm", "fault", "fail", "trip", "abnormal", "leak", "overload",
];

/// In a text that names states (`0=正常,1=缺水`, `2=故障`): the number of the one that alarms, `None` inside where it is none
/// or several. `None` for a text that names no states.
pub(in crate::settings::sheet) fn alarm_state(text: &str) -> Option<Option<f64>> {
    let text = plain(text);
    let several = super::labels(&text).is_some();
    let signs = with_signs(&text).unwrap_or_else(|| text.clone());
    let all = super::marked(&text, false).filter(|_| several).or_else(|| super::marked(&signs, false))?;
    let alarms = |words: &str| {
        let words = ["无故障", "无报警", "无异常", "no fault", "no alarm", "no_fault"]
            .iter()
            .fold(words.to_lowercase(), |w, no| w.replace(no, ""));
        ALARMS.iter().any(|a| words.contains(a))
    };
    let mut found = all.iter().filter(|(_, words)| alarms(words)).map(|(number, _)| *number as f64);
    let one = found.next().filter(|_| found.next().is_none());
    (several || all.len() > 1 || one.is_some()).then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_between_a_number_and_its_state_are_signs() {
        for (text, signs) in [
            ("0为正常,1为缺水", Some("0=正常,1=缺水")),
            ("0表示停,1表示开", Some("0=停,1=开")),
            ("0x00=正常 0x01=缺水", Some("0=正常 1=缺水")),
            ("1对应0.1MPa", None),
            ("100为上限", None),
            ("寄存器0为低16位,寄存器1为高16位", None),
            ("0=正常", None),
        ] {
            assert_eq!(with_signs(text).as_deref(), signs, "{text}");
        }
        assert_eq!(closed("缺水)"), "缺水");
        assert_eq!(closed("故障(红)"), "故障(红)");
    }

    #[test]
    fn the_state_that_alarms_is_told_from_the_others() {
        for (text, state) in [
            ("0=正常,1=缺水", Some(Some(1.0))),
            ("0：停止 1：运行 2：故障", Some(Some(2.0))),
            ("2=故障", Some(Some(2.0))),
            ("0为无故障，1为有故障", Some(Some(1.0))),
            ("0=停,1=开", Some(None)),
            ("1=缺水,2=熄火", Some(None)),
            ("75", None),
            ("≥1.25 MPa", None),
            ("0.4~1.2", None),
            ("-75~75", None),
            ("1.25-1.3 MPa", None),
            ("5 s", None),
        ] {
            assert_eq!(alarm_state(text), state, "{text}");
        }
    }

    #[test]
    fn a_text_that_speaks_of_states_is_known_and_others_are_not() {
        for text in
            ["正常=0,缺水=1", "0正常 1缺水", "停止(0)/运行(1)", "1=缺水", "0/1：停止/运行", "1 run 2 stop"]
        {
            assert!(speaks_of_states(text), "{text}");
        }
        for text in [
            "",
            "1号泵 2号泵运行",
            "0~1为开度",
            "0.1",
            "高报80，低报20",
            "正常范围0-100",
            "pump 1 run",
            "MPa",
            "1/10",
        ] {
            assert!(!speaks_of_states(text), "{text}");
        }
    }
}
