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
    let (text, mut changed) = decimal(text);
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut before) = (text.as_str(), None);
    while let Some(c) = rest.chars().next() {
        let Some((number, behind)) = (c.is_ascii_digit() && begins(before)).then(|| whole(rest)).flatten()
        else {
            out.push(c);
            before = Some(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let verb = VERBS.iter().find_map(|verb| behind.strip_prefix(verb));
        let verb =
            verb.filter(|name| !name.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '-'));
        if verb.is_some() && number > MOST {
            return None;
        }
        out.push_str(&number.to_string());
        out.push_str(if verb.is_some() { "=" } else { "" });
        changed |= verb.is_some();
        rest = verb.unwrap_or(behind);
        before = Some('0');
    }
    changed.then_some(out)
}

/// A number may begin behind this sign.
fn begins(before: Option<char>) -> bool {
    before.is_none_or(|b| !b.is_alphanumeric() && b != '.')
}

/// A whole number at the begin, and what is behind it.
fn whole(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Hexadecimal numbers (`0xFF`, `0FFH`) as decimal ones, and whether there is one.
fn decimal(text: &str) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut before, mut found) = (text, None, false);
    while let Some(c) = rest.chars().next() {
        let hex = (c.is_ascii_hexdigit() && begins(before)).then(|| hexadecimal(rest)).flatten();
        if let Some((number, behind)) = hex {
            out.push_str(&number.to_string());
            (rest, before, found) = (behind, Some('0'), true);
        } else {
            out.push(c);
            (rest, before) = (&rest[c.len_utf8()..], Some(c));
        }
    }
    (out, found)
}

/// `0xFF`, `0FFH` or `FFH=` at the begin, and what is behind it. `8h` may be hours, `ACH` a word.
fn hexadecimal(text: &str) -> Option<(u32, &str)> {
    let not_hex = |c: char| !c.is_ascii_hexdigit();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let end = digits.find(not_hex).unwrap_or(digits.len());
        return Some((u32::from_str_radix(&digits[..end], 16).ok()?, &digits[end..]));
    }
    let end = text.find(not_hex)?;
    let behind = text[end..].strip_prefix(['h', 'H'])?;
    let has_sign = behind.trim_start().starts_with([':', '=']) || VERBS.iter().any(|v| behind.starts_with(v));
    let is_sure = has_sign || end >= 2 && text.starts_with(|c: char| c.is_ascii_digit());
    let is_whole = !behind.starts_with(|c: char| c.is_ascii_alphanumeric());
    (is_sure && is_whole).then(|| u32::from_str_radix(&text[..end], 16).ok()).flatten().map(|n| (n, behind))
}

/// A hexadecimal number stands in the text: `0xFF`, `80H`, `16#FF`. Of a value that counts `states` also `80h`, which is 80 hours
/// elsewhere, and `1F=`.
pub(in crate::settings::sheet) fn has_hexadecimal(text: &str, states: bool) -> bool {
    let text = plain(text);
    let mut before: Option<char> = None;
    text.char_indices().any(|(at, c)| {
        let begins = before.is_none_or(|b| !b.is_ascii_alphanumeric() && b != '.');
        before = Some(c);
        c.is_ascii_hexdigit() && begins && is_hexadecimal(&text[at..], states)
    })
}

fn is_hexadecimal(text: &str, states: bool) -> bool {
    let prefixed = ["0x", "0X", "16#"].iter().find_map(|lead| text.strip_prefix(lead));
    if prefixed.is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_hexdigit())) {
        return true;
    }
    let end = text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len());
    let (digits, behind) = text.split_at(end);
    let signed = |behind: &str| behind.trim_start().starts_with([':', '=']);
    let mixed = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.contains(|c: char| c.is_ascii_alphabetic())
        && signed(behind);
    let hours = behind.strip_prefix('h').is_some_and(|behind| !signed(behind));
    states && mixed || hexadecimal(text).is_some() && (states || !hours)
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
    let (lower, hex) = decimal(&plain(text).to_lowercase());
    let chars: Vec<char> = lower.chars().collect();
    if !WORDS.iter().any(|w| lower.contains(w)) {
        return false;
    }
    let (mut numbers, mut signed, mut verbs) = (Vec::new(), false, 0);
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
        let verb = VERBS.iter().find_map(|verb| behind.strip_prefix(verb));
        verbs += usize::from(verb.is_some_and(|name| WORDS.iter().any(|w| name.starts_with(w))));
        signed |= behind.trim_start().starts_with(['=', ':']) && WORDS.iter().any(|w| name.starts_with(w));
    }
    let both = |a: u32, b: u32| numbers.contains(&a) && numbers.contains(&b);
    signed || verbs > 1 || hex && numbers.len() > 1 || both(0, 1) || both(1, 2)
}

/// Words that name a state in which somebody is to be called.
const ALARMS: &[&str] = &[
    "报警", "告警", "故障", "异常", "跳闸", "超限", "缺水", "缺相", "断水", "断线", "断电", "熄火", "泄漏",
    "过载", "超压", "超温", "alarm", "fault", "fail", "trip", "abnormal", "leak", "overload",
];

/// Words before one of an alarm that make a good state of it: `无故障`, `no fault`.
const NO: &[&str] = &["没有", "无", "未", "非", "不", "no ", "no_", "not ", "non-"];

/// What names of states in the cell of a limit come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::settings::sheet) enum Named {
    /// Several states, one of them an alarm: its number.
    Alarm(f64),
    /// One number with the name of an alarm (`2=故障`, `255=故障`): a state, or a setpoint.
    Alone(f64),
    /// States, or several numbers with words, of which nothing tells when to call.
    Unclear,
}

/// The states that a text names: `0=正常,1=缺水`, `2=故障`. `None` for a text that names none: a setpoint with words may stand
/// there (`1.25：超压报警`, `80=报警`). Only a value that `counts_states` (a whole number without scale and unit) has states.
pub(in crate::settings::sheet) fn alarm_state(text: &str, counts_states: bool) -> Option<Named> {
    let text = plain(text);
    if !super::numbered(&text).is_empty() {
        return None;
    }
    let several = super::labels(&text).is_some();
    let signs = with_signs(&text).unwrap_or_else(|| text.clone());
    let all = super::marked(&text, false).filter(|_| several).or_else(|| super::marked(&signs, false))?;
    let alarms = |words: &str| {
        let words = ALARMS
            .iter()
            .flat_map(|alarm| NO.iter().map(move |no| format!("{no}{alarm}")))
            .fold(words.to_lowercase(), |words, no| words.replace(&no, ""));
        ALARMS.iter().any(|a| words.contains(a))
    };
    if let [(number, words)] = &all[..] {
        return (counts_states && alarms(words)).then_some(Named::Alone(*number as f64));
    }
    // A hexadecimal number is no setpoint, however large.
    let most = if has_hexadecimal(&text, true) { u32::from(u16::MAX) } else { MOST };
    let is_state = |number: i64| (-1..=i64::from(most)).contains(&number);
    let has_digits = |words: &String| words.contains(|c: char| c.is_ascii_digit());
    // Names of states begin at 0 or 1; `60：报警；63：停炉` are setpoints.
    let fits = counts_states
        && all.iter().any(|(number, _)| matches!(number, 0 | 1))
        && all.iter().all(|(number, words)| is_state(*number) && !has_digits(words));
    let mut found = all.iter().filter(|(_, words)| alarms(words)).map(|(number, _)| *number as f64);
    let one = found.next().filter(|_| fits && found.next().is_none());
    Some(one.map_or(Named::Unclear, Named::Alarm))
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
            ("0x00=正常 0xFF=故障", Some("0=正常 255=故障")),
            ("00H=正常 0FFH=故障", Some("0=正常 255=故障")),
            ("00H:正常 FFH:故障", Some("0:正常 255:故障")),
            ("0x00为正常,0xFF为故障", None),
            ("每8h运行", None),
            ("ACH 运行", None),
        ] {
            assert_eq!(with_signs(text).as_deref(), signs, "{text}");
        }
        assert_eq!(closed("缺水)"), "缺水");
        assert_eq!(closed("故障(红)"), "故障(红)");
    }

    #[test]
    fn the_state_that_alarms_is_told_from_the_others() {
        for (text, state) in [
            ("0=正常,1=缺水", Some(Named::Alarm(1.0))),
            ("0：停止 1：运行 2：故障", Some(Named::Alarm(2.0))),
            ("0为无故障，1为有故障", Some(Named::Alarm(1.0))),
            ("0=未报警,1=报警", Some(Named::Alarm(1.0))),
            ("0x00=正常,0x01=缺水", Some(Named::Alarm(1.0))),
            ("2=故障", Some(Named::Alone(2.0))),
            ("0=停,1=开", Some(Named::Unclear)),
            ("1=缺水,2=熄火", Some(Named::Unclear)),
            ("0=正常,1=1号泵故障", Some(Named::Unclear)),
            ("60：报警；63：停炉", Some(Named::Unclear)),
            ("75", None),
            ("≥1.25 MPa", None),
            ("0.4~1.2", None),
            ("-75~75", None),
            ("1.25-1.3 MPa", None),
            ("5 s", None),
            ("1.25：超压报警", None),
            ("1.25：报警；1.30：停炉", None),
            ("1.25 -报警", None),
            ("1.25。报警", None),
            ("80=报警", Some(Named::Alone(80.0))),
            ("255=故障", Some(Named::Alone(255.0))),
            ("0xFF=故障", Some(Named::Alone(255.0))),
            ("80H=故障", Some(Named::Alone(128.0))),
            ("0x00=正常,0xFF=故障", Some(Named::Alarm(255.0))),
            ("0=正常,255=故障", Some(Named::Unclear)),
            ("1、高于1.25报警，2、低于0.4停炉", None),
            ("1) 高报警 2) 低停炉", None),
            ("0、正常 1、缺水报警", None),
        ] {
            assert_eq!(alarm_state(text, true), state, "{text}");
        }
    }

    #[test]
    fn hexadecimal_numbers_are_known_and_hours_are_none() {
        for text in ["0xFF", "0xFF=故障", "80H=故障", "80h:故障", "高报0X40", "16#FF", "FFH=故障", "0FFH"]
        {
            assert!(has_hexadecimal(text, false), "{text}");
        }
        for text in ["80h", "8h", "80Hz", "80", "1.25 MPa", "0x", "80C：报警", "40A", "100×2"] {
            assert!(!has_hexadecimal(text, false), "{text}");
        }
        assert!(has_hexadecimal("1F=故障", true) && has_hexadecimal("80h", true));
    }

    #[test]
    fn a_measured_value_has_no_states() {
        assert_eq!(alarm_state("255=故障", false), None);
        assert_eq!(alarm_state("2=故障", false), None);
        assert_eq!(alarm_state("1：超压报警", false), None);
        assert_eq!(alarm_state("0=正常,1=缺水", false), Some(Named::Unclear));
    }

    #[test]
    fn a_text_that_speaks_of_states_is_known_and_others_are_not() {
        for text in [
            "正常=0,缺水=1",
            "0正常 1缺水",
            "停止(0)/运行(1)",
            "1=缺水",
            "0/1：停止/运行",
            "1 run 2 stop",
            "正常=0x00 故障=0xFF",
            "0x00 正常 0xFF 故障",
            "00H 正常 0FFH 故障",
            "0为正常,255为故障",
            "0x00为正常,0xFF为故障",
        ] {
            assert!(speaks_of_states(text), "{text}");
        }
        for text in [
            "",
            "1号泵 2号泵运行",
            "每8h停1次",
            "100为报警",
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
