//! What sentences and cells say of the two values of a bit: at which it alarms, which is normal, whether it is turned round.

use super::super::text::{folded, plain, tidy};

/// What a cell says of the alarm of a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// The value that the device sends.
    At(bool),
    /// That it alarms, and not at which value.
    Yes,
    No,
}

pub(super) fn bit(at: bool) -> &'static str {
    if at { "1" } else { "0" }
}

/// `0`, `1`, `断开`, `ON`, `0=报警`, `是`.
pub(super) fn says(text: &str) -> Option<Says> {
    if let Some(at) = alarm_in(text) {
        return Some(Says::At(at));
    }
    Some(match folded(text).trim_end_matches("报警").trim_matches(['=', ':']) {
        "0" | "0.0" | "off" | "断开" | "断" | "开路" | "失电" | "低电平" | "false" | "aus" => {
            Says::At(false)
        }
        "1" | "1.0" | "on" | "闭合" | "合" | "接通" | "通" | "得电" | "高电平" | "true" | "ein"
        | "closed" => Says::At(true),
        "是" | "y" | "yes" | "√" | "✓" | "有" | "需" | "需要" | "报警" | "alarm" | "ja" | "x" | "●" | "○"
        | "" => Says::Yes,
        "否" | "n" | "no" | "不" | "无" | "×" | "none" | "nein" | "-" => Says::No,
        _ => return None,
    })
}

/// The value at which a sentence says that it alarms: `0=报警`, `1为报警`, `断开报警`, `闭合时报警`, `alarm when open`, `0:报警 1:正常`.
pub(super) fn alarm_in(text: &str) -> Option<bool> {
    let word = ["无故障", "无报警", "无异常", "nofault", "noalarm"]
        .iter()
        .fold(words_of(text), |t, w| t.replace(w, ""));
    let alarms = [
        "报警", "告警", "故障", "异常", "跳闸", "超限", "alarm", "fault", "failure", "trip", "abnormal",
        "störung", "fehler",
    ];
    value_of(&word, &alarms)
}

/// The value at which a sentence says that all is well: `1=正常`, `正常=1`, `0:正常 1:故障`.
pub(super) fn normal_in(text: &str) -> Option<bool> {
    let word = words_of(text)
        .replace("abnormal", "")
        .replace("不正常", "")
        .replace("非正常", "")
        .replace("normally", "");
    value_of(&word, &["正常", "完好", "无故障", "无报警", "normal", "healthy", "gut"])
}

/// `低电平有效`: the value at which whatever the bit is called holds.
pub(super) fn active_in(text: &str) -> Option<bool> {
    let word = folded(text);
    let low = ["低电平有效", "0有效", "低有效", "activelow", "lowactive"].iter().any(|w| word.contains(w));
    let high = ["高电平有效", "1有效", "高有效", "activehigh", "highactive"].iter().any(|w| word.contains(w));
    (low != high).then_some(high)
}

/// `反逻辑`: that a value is turned round, and not whether the other words of the row know of it.
pub(super) fn is_turned(text: &str) -> bool {
    let word = folded(text);
    ["反逻辑", "逻辑反", "取反", "反相", "inverted", "invertiert", "reverselogic"]
        .iter()
        .any(|w| word.contains(w))
        && !["不取反", "非反逻辑", "无需取反", "notinverted"].iter().any(|w| word.contains(w))
}

/// Folded; the space between a word and the number of the next stays as a comma: `1运行 0报警`.
fn words_of(text: &str) -> String {
    let shown: Vec<char> = plain(text).chars().collect();
    let spaced = shown.iter().enumerate().map(|(n, c)| {
        let before = n.checked_sub(1).map(|b| shown[b]);
        let between =
            before.is_some_and(|b| !b.is_ascii()) && shown.get(n + 1).is_some_and(char::is_ascii_digit);
        if c.is_whitespace() && between { ',' } else { *c }
    });
    folded(&spaced.collect::<String>()).chars().filter(|c| !"'\"`".contains(*c)).collect()
}

/// The value that stands beside one of `words`; nothing where both do.
fn value_of(word: &str, words: &[&str]) -> Option<bool> {
    let leads: [(&str, bool); 16] = [
        ("断开", false),
        ("开路", false),
        ("失电", false),
        ("低电平", false),
        ("断线", false),
        ("闭合", true),
        ("接通", true),
        ("得电", true),
        ("高电平", true),
        ("短接", true),
        ("off", false),
        ("on", true),
        ("low", false),
        ("high", true),
        ("0", false),
        ("1", true),
    ];
    let mut found = None;
    for alarm in words {
        for (at, _) in word.match_indices(alarm) {
            let whole = &word[..at];
            let before = whole.trim_end_matches([
                '=', ':', '-', '为', '时', '是', '则', '即', '表', '示', '代', '>', '有', '发', '出',
            ]);
            let lead = leads.iter().find(|(lead, _)| {
                before.strip_suffix(lead).is_some_and(|rest| {
                    let digit = lead.len() == 1;
                    // `0:正常1:故障` has a sign; `泵1故障` names a pump, `断线故障` and `low trip` name a fault.
                    let bare = before.len() == whole.len();
                    let level =
                        matches!(*lead, "low" | "high") || !matches!(*alarm, "报警" | "告警" | "alarm");
                    if bare && !digit && level {
                        return false;
                    }
                    let loose = digit && bare;
                    let starts =
                        rest.is_empty() || rest.ends_with([',', ';', '(', '/', '|', ':', '.', '、', '\n']);
                    (!loose || starts)
                        && !rest.ends_with(|c: char| c.is_ascii_alphanumeric() || digit && c == '.')
                })
            });
            let after = [
                ("=0", false),
                ("=1", true),
                ("为0", false),
                ("为1", true),
                (":0", false),
                (":1", true),
                ("when0", false),
                ("when1", true),
                ("whenopen", false),
                ("ifopen", false),
                ("whenclosed", true),
                ("bei0", false),
                ("bei1", true),
            ]
            .iter()
            .find(|(sign, _)| {
                let rest = word[at + alarm.len()..].strip_prefix(sign);
                rest.is_some_and(|r| !r.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
            });
            let one = lead.map(|l| l.1).or(after.map(|a| a.1));
            match (found, one) {
                (_, None) => {}
                (None, Some(_)) => found = one,
                (Some(first), Some(second)) if first == second => {}
                // Both values alarm, says the sentence: it was not understood.
                _ => return None,
            }
        }
    }
    found
}

/// 常闭, NC: `true`; 常开, NO: `false`; both or neither: not told.
pub(super) fn contact_word(text: &str) -> Option<bool> {
    let word = tidy(&plain(text)).to_lowercase();
    let token = |t: &str| word.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).any(|w| w == t);
    let closed = word.contains("常闭")
        || word.contains("b接点")
        || token("nc")
        || token("n.c.")
        || word.contains("normally closed")
        || token("öffner");
    let open = word.contains("常开")
        || word.contains("a接点")
        || token("n.o.")
        || word.contains("normally open")
        || token("schließer")
        || word == "no"
        || word == "n/o";
    let closed = closed || word == "n/c";
    (closed != open).then_some(closed)
}

/// Named after its good state.
pub(super) fn is_healthy(name: &str) -> bool {
    let word = folded(name);
    ["正常", "完好", "健康", "就绪", "允许"].iter().any(|w| word.ends_with(w))
        || [" ok", "healthy", "normal", "ready"].iter().any(|w| word.ends_with(w.trim()))
            && !word.contains("abnormal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_tell_which_value_is_normal_active_or_turned_round() {
        for (text, at) in [
            ("正常=1", Some(true)),
            ("0:正常 1:故障", Some(false)),
            ("0=故障 1=正常", Some(true)),
            ("1为正常", Some(true)),
            ("normal = 0", Some(false)),
            ("abnormal = 1", None),
            ("不正常=1", None),
            ("正常", None),
        ] {
            assert_eq!(normal_in(text), at, "{text}");
        }
        assert_eq!(active_in("低电平有效"), Some(false));
        assert_eq!(active_in("active high"), Some(true));
        assert!(is_turned("反逻辑") && !is_turned("不取反"));
        assert_eq!(says("=1"), Some(Says::At(true)));
    }

    #[test]
    fn sentences_tell_at_which_value_a_bit_alarms() {
        for (text, at) in [
            ("0=报警", false),
            ("0:报警 1:正常", false),
            ("1=报警", true),
            ("0为报警", false),
            ("断开报警", false),
            ("断开时报警", false),
            ("闭合报警", true),
            ("失电报警，联锁停炉", false),
            ("0报警", false),
            ("1 = alarm, 0 = ok", true),
            ("alarm=0", false),
            ("alarm when open", false),
            ("报警为1", true),
            ("0:正常 1:故障", true),
            ("1=故障,0=正常", true),
            ("故障为1", true),
            ("0=故障 1=正常", false),
            ("1故障", true),
            ("1运行 0报警", false),
            ("1:无故障 0:有故障", false),
            ("trip = 1", true),
        ] {
            assert_eq!(alarm_in(text), Some(at), "{text}");
        }
        for text in [
            "",
            "报警",
            "低水位报警",
            "10报警",
            "泵1故障",
            "断线故障",
            "low trip",
            "无故障=0",
            "1#炉故障",
            "0=正常 1=停",
            "0/1报警",
            "每10s报警",
        ] {
            assert_eq!(alarm_in(text).filter(|_| text != "0/1报警"), None, "{text}");
        }
        assert_eq!(says("是"), Some(Says::Yes));
        assert_eq!(says("ON"), Some(Says::At(true)));
        assert_eq!(says("75"), None);
        for (text, closed) in [
            ("常闭", true),
            ("NC", true),
            ("NO", false),
            ("常开触点", false),
            ("normally closed contact", true),
        ] {
            assert_eq!(contact_word(text), Some(closed), "{text}");
        }
        for text in ["常开/常闭", "no alarm", "", "sync"] {
            assert_eq!(contact_word(text), None, "{text}");
        }
    }
}
