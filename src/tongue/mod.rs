//! What people are told on the command line, in their language.
//!
//! The code writes English. `zh.txt` holds the Chinese of each sentence, found by the English one; `{}` stands for what
//! differs from time to time. A sentence that has none yet is shown in English, so nothing is ever left out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// A language of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Chinese.
    Zh,
}

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// Sets the language of this process.
pub fn choose(language: Language) {
    CHOSEN.store(u8::from(language == Language::Zh), Ordering::Relaxed);
}

/// The language of this process; English until one is chosen.
#[must_use]
pub fn chosen() -> Language {
    if CHOSEN.load(Ordering::Relaxed) == 1 { Language::Zh } else { Language::En }
}

impl Language {
    /// `zh`, `zh_CN.UTF-8`, `en`, `C.UTF-8`; `None` for what names no language that is here.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase();
        let plain = word.split(['.', '@']).next().unwrap_or_default();
        match plain.split(['_', '-']).next()? {
            "zh" | "chinese" => Some(Self::Zh),
            "en" | "english" => Some(Self::En),
            _ => None,
        }
    }

    /// From the environment, as the C library reads it: `LC_ALL`, then `LC_MESSAGES`, then `LANG`, the first that is set.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &&str| variable(name).is_some_and(|v| !v.is_empty());
        let name = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find(|n| set(n))?;
        Self::of(&variable(name)?)
    }
}

/// A text of one or more lines in the language of this process.
#[must_use]
pub fn told(text: &str) -> Cow<'_, str> {
    match chosen() {
        Language::En => Cow::Borrowed(text),
        Language::Zh => Cow::Owned(in_chinese(text)),
    }
}

/// The same in Chinese, line by line; what has no Chinese stays as it is.
#[must_use]
pub fn in_chinese(text: &str) -> String {
    let told = |line: &str| {
        let bare = line.trim_start();
        let indent = &line[..line.len() - bare.len()];
        format!("{indent}{}", phrase(bare).unwrap_or_else(|| bare.to_owned()))
    };
    text.split('\n').map(told).collect::<Vec<_>>().join("\n")
}

/// The longest line that is looked at; what is longer is no sentence of ours.
const LONGEST: usize = 4000;

/// One line: a sentence, several behind one another, or one behind a name (`file:3:1: key: …`).
fn phrase(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    sentence(text).or_else(|| listed(text)).or_else(|| {
        text.match_indices(": ").find_map(|(at, _)| {
            let (name, rest) = text.split_at(at + 2);
            let told = sentence(rest).or_else(|| listed(rest))?;
            Some(format!("{name}{told}"))
        })
    })
}

/// What is joined to the words before it: `; of 2 in flight 1 were answered`.
fn joined(hole: &str) -> Option<String> {
    let joints = [("; ", "；"), (", ", "，")];
    let (rest, joint) = joints.iter().find_map(|(by, joint)| Some((hole.strip_prefix(by)?, joint)))?;
    Some(format!("{joint}{}", phrase(rest).as_deref().unwrap_or(rest)))
}

/// Several sentences behind one another, parted by semicolons or commas.
fn listed(text: &str) -> Option<String> {
    let parted = |by: &'static str, chinese: &str| {
        text.match_indices(by).find_map(|(at, _)| {
            let first = sentence(&text[..at])?;
            let rest = &text[at + by.len()..];
            let rest = sentence(rest).or_else(|| listed(rest))?;
            Some(format!("{first}{chinese}{rest}"))
        })
    };
    parted("; ", "；").or_else(|| parted(", ", "，"))
}

/// A sentence of the catalogue: what stands between the holes, and the Chinese.
struct Entry {
    english: Vec<&'static str>,
    chinese: &'static str,
    /// Letters that are not holes: the more, the surer the match.
    letters: usize,
}

static CATALOGUE: LazyLock<(HashMap<&'static str, &'static str>, Vec<Entry>)> = LazyLock::new(|| {
    let (mut whole, mut holed) = (HashMap::new(), Vec::new());
    for (english, chinese) in pairs() {
        if english.contains("{}") {
            let english: Vec<&str> = english.split("{}").collect();
            let letters = english.iter().map(|s| s.len()).sum();
            holed.push(Entry { english, chinese, letters });
        } else {
            whole.insert(english, chinese);
        }
    }
    holed.sort_by_key(|e| std::cmp::Reverse(e.letters));
    (whole, holed)
});

/// English and Chinese of every sentence, as the catalogue has them.
pub fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut lines = include_str!("zh.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?.strip_prefix("  ")?)))
}

/// The Chinese of one sentence, if the catalogue has it.
fn sentence(text: &str) -> Option<String> {
    let (whole, holed) = &*CATALOGUE;
    if let Some(chinese) = whole.get(text) {
        return Some((*chinese).to_owned());
    }
    holed.iter().find_map(|entry| {
        let found = holes(&entry.english, text)?;
        let mut said = String::new();
        let mut next = 0;
        let mut rest = entry.chinese;
        // `{}` takes the holes in turn, `{0}` the one of that number; other braces stand for themselves.
        while let Some((before, after)) = rest.split_once('{') {
            said.push_str(before);
            let number = after.split_once('}').filter(|(n, _)| n.chars().all(|c| c.is_ascii_digit()));
            let Some((number, after)) = number else {
                said.push('{');
                rest = after;
                continue;
            };
            let hole = if number.is_empty() { next } else { number.parse().ok()? };
            next = hole + 1;
            // What stands in marks of code is somebody's own word.
            let own = is_marked(&entry.english, hole);
            let hole = found.get(hole).copied().unwrap_or_default();
            let told = if own { None } else { joined(hole).or_else(|| phrase(hole)) };
            said.push_str(told.as_deref().unwrap_or(hole));
            rest = after;
        }
        said.push_str(rest);
        Some(said)
    })
}

/// What stands in the holes, if the text is this sentence.
fn holes<'t>(english: &[&str], text: &'t str) -> Option<Vec<&'t str>> {
    let (first, last) = (english.first()?, english.last()?);
    let mut rest = text.strip_prefix(first)?.strip_suffix(last)?;
    let mut found = Vec::new();
    for part in &english[1..english.len() - 1] {
        let (hole, after) = rest.split_once(part)?;
        found.push(hole);
        rest = after;
    }
    found.push(rest);
    // What stands in marks of code ends at the next mark.
    let torn = found.iter().enumerate().any(|(n, hole)| is_marked(english, n) && hole.contains('`'));
    // `unit = 1` is a key of a file, not a sentence about a unit.
    let is_key = found.iter().any(|hole| hole.starts_with("= "));
    (!torn && !is_key).then_some(found)
}

/// The hole of this number stands in marks of code.
fn is_marked(english: &[&str], hole: usize) -> bool {
    let at = |n: usize| english.get(n).copied().unwrap_or_default();
    at(hole).ends_with('`') && at(hole + 1).starts_with('`')
}

#[cfg(test)]
mod tests {
    use super::{Language, in_chinese, pairs};

    #[test]
    fn the_language_is_read_as_the_c_library_reads_it() {
        let of = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|s| s.0 == name).map(|s| s.1.to_owned());
            Language::of_environment(find)
        };
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8")]), Some(Language::Zh));
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "en_US.UTF-8")]), Some(Language::En));
        assert_eq!(of(&[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_TW")]), Some(Language::Zh));
        assert_eq!(of(&[("LANG", "zh_CN"), ("LC_ALL", "")]), Some(Language::Zh));
        assert_eq!(of(&[("LANG", "C.UTF-8")]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_sentence_is_told_with_what_stands_in_its_holes_and_these_are_told_too() {
        assert_eq!(in_chinese("missing"), "缺少");
        assert_eq!(in_chinese("there is no profile `boilr`"), "没有名为 `boilr` 的设备模板");
        assert_eq!(in_chinese("did you mean `boiler`?"), "是不是 `boiler`？");
        assert_eq!(in_chinese("this is a string"), "这里是字符串");
        assert_eq!(in_chinese("write an integer from 0 to 255"), "请写 0 到 255 之间的整数");
        assert_eq!(
            in_chinese("a sentence that nobody has translated"),
            "a sentence that nobody has translated"
        );
        assert_eq!(in_chinese("  missing\nmissing"), "  缺少\n缺少");
        // Behind a name, behind one another; and what somebody else wrote stays as he wrote it.
        assert_eq!(in_chinese("a.toml:3:1: x: missing; write at = 1"), "a.toml:3:1: x: 缺少；请写 at = 1");
        assert_eq!(in_chinese("`empty` is not known"), "不认识 `empty`");
        assert_eq!(in_chinese("unit 3\nunit = 3"), "站 3\nunit = 3");
        assert_eq!(
            in_chinese(
                "several requests at once: not answered properly; of 2 in flight 1 were answered: no answer within 1s"
            ),
            "同时多个请求：应答不正确；同时 2 个请求，应答了 1 个：1s 内没有应答"
        );
        // A hole ends with its line.
        assert_eq!(
            in_chinese("+ a\n1 added, 0 removed, 0 changed, 2 as before"),
            "+ a\n新增 1，删除 0，修改 0，不变 2"
        );
        assert_eq!(
            in_chinese("a = { file = \"/path\" } or a = { env = \"NAME\" }"),
            "a = { file = \"/path\" } 或 a = { env = \"NAME\" }"
        );
    }

    #[test]
    fn every_sentence_of_the_catalogue_has_chinese_with_the_same_holes() {
        let mut count = 0;
        for (english, chinese) in pairs() {
            count += 1;
            assert!(!chinese.is_ascii(), "{english}: {chinese}");
            let holes = english.matches("{}").count();
            let numbered = (0..holes).filter(|n| chinese.contains(&format!("{{{n}}}"))).count();
            assert_eq!(chinese.matches("{}").count() + numbered, holes, "{english}: {chinese}");
            let letters: usize = english.split("{}").map(str::len).sum();
            assert!(letters >= 3, "{english} matches nearly anything");
        }
        let lines = include_str!("zh.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')).count();
        assert_eq!(lines, 2 * count, "each English line is followed by its Chinese, two spaces before it");
    }
}
