//! What stands beside a value under keys that no setting names, and what a reader must make of it: a unit, a quality,
//! a fault, a time. A value is not good because its sender spells `quality` otherwise. Pure.
//!
//! Only words that mean nothing else are known here. A key that may mean many things (`status`, `state`) speaks
//! against a value by a word of trouble, and leaves a doubt by a number that nobody can read.

use serde_json::Value;

use super::time::time;
use super::value::is_good;
use crate::field::ingest::civil::LocalTime;
use crate::plant::{Cause, Micros, Quality};
use crate::settings::{Good, TimeFormat};

/// What a key is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The unit of the value.
    Unit,
    /// How good it is: 192, `"good"`.
    Quality,
    /// Whether it is good: `true`, 1.
    Validity,
    /// What is wrong with it: nothing where it is 0, `false` or empty.
    Fault,
    /// How the thing itself is, the value perhaps included.
    Status,
    /// When it was taken.
    Time,
}

const WORDS: [(Word, &[&str]); 6] = [
    (
        Word::Unit,
        &[
            "unit",
            "units",
            "u",
            "uom",
            "engunit",
            "engunits",
            "engineeringunit",
            "engineeringunits",
            "unitname",
            "unitsymbol",
            "单位",
            "计量单位",
        ],
    ),
    (
        Word::Quality,
        &["q", "quality", "qual", "qualitycode", "qualityflag", "质量", "质量码", "质量戳", "品质", "品质码"],
    ),
    (
        Word::Validity,
        &[
            "valid",
            "isvalid",
            "validity",
            "validflag",
            "good",
            "isgood",
            "ok",
            "isok",
            "reliable",
            "isreliable",
            "有效",
            "有效性",
            "是否有效",
        ],
    ),
    (
        Word::Fault,
        &[
            "err",
            "error",
            "errcode",
            "errorcode",
            "errno",
            "invalid",
            "isinvalid",
            "bad",
            "isbad",
            "stale",
            "isstale",
            "offline",
            "isoffline",
            "错误",
            "错误码",
            "故障",
            "故障码",
            "无效",
        ],
    ),
    (
        Word::Status,
        &["status", "state", "st", "sts", "stat", "statuscode", "health", "状态", "状态码", "数据状态"],
    ),
    (
        Word::Time,
        &[
            "time",
            "ts",
            "t",
            "timestamp",
            "datetime",
            "date",
            "eventtime",
            "sampletime",
            "samplingtime",
            "sampletimestamp",
            "collecttime",
            "collectiontime",
            "acqtime",
            "acquisitiontime",
            "gathertime",
            "devicetime",
            "measuretime",
            "measurementtime",
            "measuredat",
            "sampledat",
            "recordtime",
            "reporttime",
            "updatetime",
            "时间",
            "时间戳",
            "采集时间",
            "采样时间",
            "上报时间",
            "更新时间",
            "测量时间",
            "数据时间",
        ],
    ),
];
const GOOD: [&str; 12] =
    ["good", "ok", "valid", "normal", "true", "success", "online", "正常", "好", "良好", "有效", "在线"];
const TROUBLE: [&str; 23] = [
    "bad",
    "err",
    "fault",
    "fail",
    "invalid",
    "offline",
    "stale",
    "timeout",
    "disconnect",
    "lost",
    "abnormal",
    "uncertain",
    "question",
    "故障",
    "异常",
    "离线",
    "错误",
    "无效",
    "失败",
    "断线",
    "断开",
    "超时",
    "坏",
];

/// What a key is about; capitals, blanks, `_` and `-` do not count.
#[must_use]
pub fn word_of(key: &str) -> Option<Word> {
    WORDS.iter().find(|(_, keys)| keys.iter().any(|known| is_word(key, known))).map(|w| w.0)
}

fn is_word(key: &str, known: &str) -> bool {
    let letters = key.chars().filter(|c| !matches!(c, ' ' | '_' | '-' | '.'));
    letters.map(|c| c.to_ascii_lowercase()).eq(known.chars())
}

/// A quality in words that says good, also with more behind it (`Good_Unspecified`, `Good, non-specific`).
#[must_use]
pub fn is_good_text(text: &str) -> bool {
    let text = text.trim();
    let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let opc = |n: f64| (192.0..256.0).contains(&n);
    text.is_empty() || GOOD.iter().any(|good| first.eq_ignore_ascii_case(good)) || text.parse().is_ok_and(opc)
}

fn is_trouble(text: &str) -> bool {
    let text = text.trim();
    let begins = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    TROUBLE.iter().any(|word| begins(word) || !word.is_ascii() && text.contains(word))
}

/// What `content` under a key of this kind says of the value beside it. `explicit`: its quality is said elsewhere.
#[must_use]
pub fn verdict(word: Option<Word>, content: &Value, explicit: bool) -> Quality {
    const DOUBT: Quality = Quality::Uncertain(Cause::DeviceSaysBad);
    let good = match (word, content) {
        (_, Value::Null) | (Some(Word::Unit | Word::Time), _) => true,
        (Some(Word::Quality | Word::Validity | Word::Fault), Value::String(text)) if is_good_text(text) => {
            true
        }
        // As a quality it is bad, as a truth value it is not.
        (Some(Word::Quality), Value::Number(n)) if n.as_f64() == Some(1.0) => return DOUBT,
        (Some(Word::Quality), _) => is_good(Some(content), Good::Auto),
        (Some(Word::Validity), _) => is_good(Some(content), Good::True) || is_good(Some(content), Good::Opc),
        (Some(Word::Fault), _) => is_good(Some(content), Good::Zero),
        (Some(Word::Status), Value::String(text)) if text.trim().parse::<f64>().is_err() => !is_trouble(text),
        (Some(Word::Status), Value::String(text)) if !explicit && !is_good_text(text) => return DOUBT,
        (Some(Word::Status), Value::Bool(set)) if !explicit && !set => return DOUBT,
        (Some(Word::Status), Value::Number(_)) if !explicit && !is_good(Some(content), Good::Opc) => {
            return DOUBT;
        }
        (None, Value::String(text)) if is_trouble(text) && !is_good_text(text) => return DOUBT,
        _ => true,
    };
    if good { Quality::Good } else { Quality::Bad(Cause::DeviceSaysBad) }
}

/// The worse of two verdicts; neither has a value of its own.
#[must_use]
pub fn worse(one: Quality, two: Quality) -> Quality {
    match (one, two) {
        (Quality::Bad(_), _) | (_, Quality::Good) => one,
        _ => two,
    }
}

/// The time in `content` under `key`, where the key means one and it can be read.
#[must_use]
pub fn time_under(key: &str, content: &Value, local: LocalTime<'_>) -> Option<Micros> {
    if word_of(key) != Some(Word::Time) {
        return None;
    }
    time(content, TimeFormat::Auto, local)
}

/// Whether `content` reads as a date whatever its key is: a text with the signs of one, or a number of milliseconds
/// or less within ten years of now.
#[must_use]
pub fn reads_as_time(content: &Value, local: LocalTime<'_>) -> bool {
    const TEN_YEARS: i64 = 10 * 365 * 86_400 * 1_000_000;
    let near = |at: Micros| at.0.abs_diff(local.arrival.0) <= TEN_YEARS.unsigned_abs();
    let looks_so = match content {
        Value::Number(number) => number.as_f64().is_some_and(|n| n >= 1e12),
        Value::String(text) => {
            text.contains(['-', '/', ':', '年']) && text.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    };
    looks_so && time(content, TimeFormat::Auto, local).is_some_and(near)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Word, reads_as_time, time_under, verdict, word_of, worse};
    use crate::field::ingest::civil::LocalTime;
    use crate::plant::{Cause, Micros, Quality};

    const BAD: Quality = Quality::Bad(Cause::DeviceSaysBad);
    const DOUBT: Quality = Quality::Uncertain(Cause::DeviceSaysBad);

    #[test]
    fn a_key_is_known_however_it_is_spelled() {
        for (key, word) in [
            ("Q", Some(Word::Quality)),
            ("Quality", Some(Word::Quality)),
            ("is_valid", Some(Word::Validity)),
            ("质量码", Some(Word::Quality)),
            ("errorCode", Some(Word::Fault)),
            ("STATUS", Some(Word::Status)),
            ("sample_time", Some(Word::Time)),
            ("collectTime", Some(Word::Time)),
            ("采集时间", Some(Word::Time)),
            ("Engineering Units", Some(Word::Unit)),
            ("name", None),
            ("uptime", None),
            ("", None),
        ] {
            assert_eq!(word_of(key), word, "{key}");
        }
    }

    #[test]
    fn what_stands_beside_a_value_speaks_for_it_or_against_it() {
        for (key, content, wanted) in [
            ("Q", json!(192), Quality::Good),
            ("Q", json!(0), BAD),
            ("Q", json!(1), DOUBT),
            ("Quality", json!("bad"), BAD),
            ("Quality", json!("Good_Unspecified"), Quality::Good),
            ("valid", json!(false), BAD),
            ("valid", json!(true), Quality::Good),
            ("valid", json!(1), Quality::Good),
            ("valid", json!("0"), BAD),
            ("valid", json!("yes"), BAD),
            ("valid", json!(null), Quality::Good),
            ("err", json!(0), Quality::Good),
            ("err", json!(""), Quality::Good),
            ("err", json!(7), BAD),
            ("error", json!("timeout"), BAD),
            ("status", json!("error"), BAD),
            ("status", json!("通讯异常"), BAD),
            ("status", json!("OK"), Quality::Good),
            ("status", json!("running"), Quality::Good),
            ("status", json!(1), DOUBT),
            ("status", json!("1"), DOUBT),
            ("status", json!(false), DOUBT),
            ("status", json!(192), Quality::Good),
            ("remark", json!("invalid"), DOUBT),
            ("remark", json!("drum"), Quality::Good),
            ("alarm", json!(1), Quality::Good),
        ] {
            assert_eq!(verdict(word_of(key), &content, false), wanted, "{key} {content}");
        }
        assert_eq!(
            verdict(word_of("status"), &json!(1), true),
            Quality::Good,
            "its quality is said elsewhere"
        );
        assert_eq!(verdict(word_of("status"), &json!("error"), true), BAD);
        assert_eq!([worse(DOUBT, BAD), worse(BAD, DOUBT), worse(DOUBT, Quality::Good)], [BAD, BAD, DOUBT]);
    }

    #[test]
    fn a_time_is_one_by_its_key_and_by_what_stands_there() {
        let local = LocalTime { zone: &jiff::tz::TimeZone::UTC, arrival: Micros(1_790_000_000_000_000) };
        let at = |key: &str, content: Value| time_under(key, &content, local).map(|at| at.0 / 1_000_000);
        assert_eq!(at("t", json!(1_790_000_000_000_i64)), Some(1_790_000_000));
        assert_eq!(at("t", json!(85.2)), None, "a temperature");
        assert_eq!(at("serial", json!(1_790_000_000_000_i64)), None);
        for (content, wanted) in [
            (json!("2026-09-21 14:13:20"), true),
            (json!(1_790_000_000_000_i64), true),
            (json!(1_790_000_000), false),
            (json!("1-2"), false),
            (json!("4:20"), false),
            (json!(8.5), false),
        ] {
            assert_eq!(reads_as_time(&content, local), wanted, "{content}");
        }
    }
}
