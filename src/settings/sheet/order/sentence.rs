//! What a sentence says of the byte order. A word that turns it round (`不需要字交换`, `not swapped`, `字节交换：否`) is heard;
//! what leaves it open (`可设`, `or`) or says two things is not understood.

use std::collections::BTreeSet;

use super::super::text::plain;
use super::words::{
    BYTES_HIGH, BYTES_LOW, FIRST, HIGH, LOW, Meaning, ORDERS, SECOND, SHORT_SWAPS, TOPICS, WORDS_HIGH,
    WORDS_LOW,
};
use super::{Order, Said, Scope, bare, permutation};

/// Every order that a sentence tells, each with the values it speaks of. Nothing where it contradicts itself.
pub(in crate::settings::sheet) fn said(text: &str) -> Vec<Said> {
    heard(text).unwrap_or_default()
}

/// Whether a sentence tells two orders for the same values.
pub(in crate::settings::sheet) fn contradicts(text: &str) -> bool {
    heard(text).is_err()
}

/// Words and bytes told one by one: both together make one order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Parts {
    /// The high word first.
    words: Option<bool>,
    /// The high byte first.
    bytes: Option<bool>,
    /// The bytes of each word are exchanged.
    swapped: bool,
}

impl Parts {
    fn order(self) -> Option<Order> {
        Some(match (self.words, self.bytes, self.swapped) {
            (None, None, false) => return None,
            (None | Some(true), _, true) => Order::sure("badc"),
            (Some(false), _, true) => Order::sure("dcba"),
            (Some(true), None | Some(true), false) | (None, Some(true), false) => Order::sure("abcd"),
            (Some(false), None | Some(true), false) => Order::sure("cdab"),
            (Some(true), Some(false), false) => Order::sure("badc"),
            (Some(false), Some(false), false) => Order::sure("dcba"),
            (None, Some(false), false) => Order::doubtful("dcba"),
        })
    }

    /// Takes a word in; `Err` where it says the other thing.
    fn words(&mut self, high: bool) -> Result<(), ()> {
        if self.words.is_some_and(|own| own != high) {
            return Err(());
        }
        self.words = Some(high);
        Ok(())
    }

    fn bytes(&mut self, high: bool) -> Result<(), ()> {
        if self.bytes.is_some_and(|own| own != high) || self.swapped && high {
            return Err(());
        }
        self.bytes = Some(high);
        Ok(())
    }
}

/// `Err` for a sentence that contradicts itself.
fn heard(text: &str) -> Result<Vec<Said>, ()> {
    let mut found: Vec<Said> = Vec::new();
    let mut parts = Parts::default();
    let mut scope = Scope::All;
    for clause in clauses(text) {
        let own = scope_of(&clause);
        if own != Scope::All && own != scope {
            found.extend(parts.order().map(|order| Said { order, scope }));
            (parts, scope) = (Parts::default(), own);
        }
        if let Some(order) = hear(&clause, &mut parts)? {
            found.push(Said { order, scope });
        }
    }
    found.extend(parts.order().map(|order| Said { order, scope }));
    // A manual that explains all orders tells none.
    let kinds: BTreeSet<&str> = found.iter().map(|s| s.order.key.as_str()).collect();
    if kinds.len() > 2 {
        return Ok(Vec::new());
    }
    let mut one: Vec<Said> = Vec::new();
    for said in found {
        match one.iter().find(|s| s.scope == said.scope) {
            // `低字在前（低位在前）`: the plain word counts, the doubtful one agrees.
            Some(first) if first.order.key == said.order.key => {}
            Some(_) => return Err(()),
            None => one.push(said),
        }
    }
    Ok(one)
}

/// Hears one clause: a whole order, or a part of one.
fn hear(clause: &str, parts: &mut Parts) -> Result<Option<Order>, ()> {
    let folded = bare(clause);
    let no = negations(clause);
    if leaves_open(clause) {
        return Ok(None);
    }
    let mut letters = letters_in(clause);
    letters.sort();
    letters.dedup();
    match letters.as_slice() {
        [] => {}
        [order] => return Ok((no == 0).then(|| Order::sure(order))),
        [_, _] => return Err(()),
        _ => return Ok(None),
    }
    let has = |all: &[&str]| all.iter().any(|w| folded.contains(w));
    let (mut low, mut high) = (has(WORDS_LOW), has(WORDS_HIGH));
    if low == high {
        (low, high) = by_register(&folded);
    }
    let (low_byte, high_byte) = (has(BYTES_LOW), has(BYTES_HIGH));
    let turned = no == 1 && ["不是", "并非", "非", "not", "isn"].iter().any(|w| clause.contains(w));
    if low || high || low_byte || high_byte {
        if no > 0 && !turned {
            return Ok(None);
        }
        if low != high {
            parts.words(high != turned)?;
        }
        if low_byte != high_byte {
            parts.bytes(high_byte != turned)?;
        }
        return Ok(None);
    }
    if no == 1 && SHORT_SWAPS.iter().any(|w| folded.contains(w)) {
        if folded.contains("字节") {
            parts.bytes(true)?;
        } else {
            parts.words(true)?;
        }
        return Ok(None);
    }
    let phrase =
        ORDERS.iter().filter(|(known, _)| folded.contains(known)).max_by_key(|(known, _)| known.len());
    let Some((_, meaning)) = phrase else { return Ok(None) };
    match (meaning, no) {
        (_, 2..) | (Meaning::Whole(..), 1) => {}
        (Meaning::Whole(key, doubtful), _) => {
            return Ok(Some(Order { key: (*key).to_owned(), doubtful: *doubtful }));
        }
        (Meaning::SwapWords, 0) => parts.words(false)?,
        (Meaning::Swap, 0) => return Ok(Some(Order::doubtful("cdab"))),
        (Meaning::SwapWords | Meaning::Swap, _) => parts.words(true)?,
        (Meaning::SwapBytes, 0) if parts.bytes == Some(true) => return Err(()),
        (Meaning::SwapBytes, 0) => parts.swapped = true,
        (Meaning::SwapBytes, _) => parts.bytes(true)?,
    }
    Ok(None)
}

/// The clauses of a text in lower case; a bare `否` belongs to what stands before it.
fn clauses(text: &str) -> Vec<String> {
    let lower =
        plain(text).to_lowercase().replace("而是", ",").replace(" but ", ",").replace(" sondern ", ",");
    // Both words of such an order may be divided by a comma: `little endian, byte swapped`.
    let whole = bare(&lower);
    if ["endianbyteswap", "endianwordswap"].iter().any(|w| whole.contains(w)) {
        return vec![lower.replace([',', ';', '|', '(', ')', '['], " ")];
    }
    let mut found: Vec<String> = Vec::new();
    for clause in lower.split([',', ';', '.', '\n', '|', '!', '、', '(', ')', '[', ']', '【', '】']) {
        let alone = is_no(clause.trim());
        match found.last_mut().filter(|_| alone) {
            Some(last) => {
                last.push(':');
                last.push_str(clause);
            }
            None => found.push(clause.to_owned()),
        }
    }
    found
}

/// A cell, or what stands behind a colon, that says no.
fn is_no(word: &str) -> bool {
    matches!(
        word,
        "否" | "无"
            | "不"
            | "关"
            | "关闭"
            | "不需要"
            | "不用"
            | "没有"
            | "0"
            | "n"
            | "no"
            | "off"
            | "none"
            | "false"
            | "disabled"
            | "disable"
            | "×"
            | "x"
            | "nein"
            | "aus"
            | "-"
            | "/"
    )
}

/// How many words of a clause turn it round.
fn negations(clause: &str) -> usize {
    let mut text = clause.to_owned();
    for other in ["无符号", "无锡", "无功", "无线", "无纸", "不锈", "不同", "非常", "否则", "未知", "未定"]
    {
        text = text.replace(other, " ");
    }
    // The value behind a colon or an equals sign is a word of its own.
    let (text, tail) = match text.rsplit_once([':', '=']) {
        Some((head, tail)) if is_no(tail.trim()) => (head.to_owned(), 1),
        _ => (text, 0),
    };
    let signs = text.chars().filter(|c| "不无非否未没勿".contains(*c)).count();
    let closed = ["禁用", "禁止", "关闭", "停用", "取消"].iter().filter(|w| text.contains(**w)).count();
    let tokens: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|t| !t.is_empty()).collect();
    let english = tokens.iter().enumerate().filter(|(n, t)| match **t {
        // `reg no 1` counts something.
        "no" => !tokens.get(n + 1).is_some_and(|next| next.bytes().all(|b| b.is_ascii_digit())),
        "not" | "non" | "without" | "disabled" | "disable" | "off" | "never" | "none" | "isn" | "aren"
        | "doesn" | "don" | "nicht" | "kein" | "keine" | "ohne" | "unswapped" => true,
        _ => false,
    });
    signs + closed + english.count() + tail
}

/// `可设`, `ABCD or CDAB`, `若不对请交换`: the order is left open.
fn leaves_open(clause: &str) -> bool {
    let text =
        ["可编程", "可燃", "可见", "可靠", "或者说"].iter().fold(clause.to_owned(), |t, w| t.replace(w, " "));
    let word = |w: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|t| t == w);
    [
        "可", "或", "若", "如果", "如需", "如遇", "是否", "有的", "部分", "尝试", "?", "/设置", "待定",
        "未知", "未定", "不同",
    ]
    .iter()
    .any(|w| text.contains(w))
        || [
            "or",
            "if",
            "may",
            "can",
            "could",
            "might",
            "either",
            "optional",
            "selectable",
            "configurable",
            "adjustable",
            "try",
            "some",
            "depends",
            "oder",
            "einstellbar",
        ]
        .iter()
        .any(|w| word(w))
}

/// `寄存器0为低16位`, `低地址存放低字`: which word the first register holds, as (low first, high first).
fn by_register(folded: &str) -> (bool, bool) {
    let mut rest = folded.to_owned();
    let place = |rest: &mut String, all: &[&str]| {
        let found = all.iter().filter(|w| {
            rest.find(*w).is_some_and(|at| !rest[at + w.len()..].starts_with(|c: char| c.is_ascii_digit()))
        });
        let Some(longest) = found.max_by_key(|w| w.len()) else { return false };
        *rest = rest.replacen(longest, " ", 1);
        true
    };
    let (first, second) = (place(&mut rest, FIRST), place(&mut rest, SECOND));
    if first == second || rest.contains("字节") || rest.contains("byte") {
        return (false, false);
    }
    let has = |all: &[&str]| all.iter().any(|w| rest.contains(w));
    match (has(LOW), has(HIGH)) {
        (true, false) => (first, second),
        (false, true) => (second, first),
        _ => (false, false),
    }
}

fn scope_of(clause: &str) -> Scope {
    const FLOATS: &[&str] = &["浮点", "float", "real", "实数", "单精度", "双精度", "gleitkomma"];
    const INTEGERS: &[&str] =
        &["整型", "整数", "整形", "长整", "dint", "dword", "integer", "uint32", "int32", "long", "ganzzahl"];
    let any = |all: &[&str]| all.iter().any(|w| clause.contains(w));
    match (any(FLOATS), any(INTEGERS)) {
        (true, false) => Scope::Floats,
        (false, true) => Scope::Integers,
        _ => Scope::All,
    }
}

/// `CDAB`, `CD AB`, `C-D-A-B`, `GHEFCDAB` between other words; digits only beside words for an order.
fn letters_in(clause: &str) -> Vec<String> {
    let chars: Vec<char> = clause.chars().collect();
    let boundary = |c: Option<&char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    let at = |from: usize, word: &str| -> bool {
        let mut n = from;
        for (k, letter) in word.chars().enumerate() {
            if k > 0 && matches!(chars.get(n), Some(' ' | '-' | '_')) {
                n += 1;
            }
            if chars.get(n) != Some(&letter) {
                return false;
            }
            n += 1;
        }
        boundary(chars.get(n))
    };
    let starts = (0..chars.len()).filter(|n| boundary(n.checked_sub(1).and_then(|b| chars.get(b))));
    let worded =
        ["浮点", "float", "字节", "字序", "顺序", "格式", "order", "format", "word", "byte", "swap", "32"]
            .iter()
            .any(|w| clause.contains(w));
    let mut found: Vec<String> = Vec::new();
    for n in starts {
        let letters = ["abcd", "cdab", "badc", "dcba"].iter().find(|key| at(n, key));
        let digits = [("1234", "abcd"), ("3412", "cdab"), ("2143", "badc"), ("4321", "dcba")];
        let digits = digits.iter().find(|(digits, _)| worded && at(n, digits)).map(|(_, key)| key);
        let eight: String = chars[n..].iter().take_while(|c| c.is_ascii_lowercase()).collect();
        let own = letters.or(digits).map(|key| (*key).to_owned());
        found.extend(own.or_else(|| (eight.len() == 8 && permutation(&eight)).then_some(eight)));
    }
    found
}

/// Whether a text is about byte or word order at all, understood or not.
pub(in crate::settings::sheet) fn speaks(text: &str) -> bool {
    let word = bare(text);
    let orders = ORDERS.iter().map(|(w, _)| *w).filter(|w| *w != "inverse");
    let flags =
        [TOPICS, WORDS_LOW, WORDS_HIGH, BYTES_LOW, BYTES_HIGH, SHORT_SWAPS].into_iter().flatten().copied();
    let mut spoken = orders.chain(flags);
    spoken.any(|w| word.contains(w)) || !letters_in(&plain(text).to_lowercase()).is_empty()
}
