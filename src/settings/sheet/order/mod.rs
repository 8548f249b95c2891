//! Byte orders in the words of manuals, PLC programs and Modbus masters: in a cell of their own, inside a type, and in
//! sentences around a list.

mod sentence;
mod words;

use super::text::folded;
pub(super) use sentence::{contradicts, said, speaks};
use words::{BYTES_HIGH, BYTES_LOW, Meaning, ORDERS, SHORT_SWAPS, WORDS_HIGH, WORDS_LOW};

/// A byte order, and whether the words could mean another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) key: String,
    pub(super) doubtful: bool,
}

impl Order {
    fn sure(key: &str) -> Self {
        Self { key: key.to_owned(), doubtful: false }
    }

    fn doubtful(key: &str) -> Self {
        Self { key: key.to_owned(), doubtful: true }
    }
}

/// Which values a sentence speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    Floats,
    Integers,
}

impl Scope {
    /// Whether a value of this type is meant.
    pub(super) fn covers(self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Floats => key.starts_with('f'),
            Self::Integers => !key.starts_with('f'),
        }
    }
}

/// What a sentence says of the byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) order: Order,
    pub(super) scope: Scope,
}
/// Reads an order cell: `CD AB`, `3412`, `低字在前`, `big-endian byte swap`.
pub(super) fn order(text: &str) -> Option<Order> {
    let word = bare(text);
    let word = word.trim_end_matches("模式").trim_end_matches("格式").trim_end_matches("顺序");
    let sure = |key: &str| Some(Order::sure(key));
    match word {
        "1234" | "0123" | "big" | "be" | "msb" | "msbfirst" | "正常" | "标准" | "默认" | "normal"
        | "standard" => sure("abcd"),
        "3412" | "2301" | "sw" | "ws" => sure("cdab"),
        "2143" | "1032" | "sb" | "bs" => sure("badc"),
        "4321" | "3210" | "little" | "le" | "lsb" | "lsbfirst" => sure("dcba"),
        "12" => sure("ab"),
        "21" => sure("ba"),
        "87654321" => sure("hgfedcba"),
        "12345678" => sure("abcdefgh"),
        _ if permutation(word) => sure(word),
        _ => said(text).into_iter().next().map(|s| s.order),
    }
}

/// Folded, without the signs that stand between the parts of an order.
fn bare(text: &str) -> String {
    folded(text).chars().filter(|c| !"-_,.:;()[]/\\>→、".contains(*c)).collect()
}

/// `abcd`, `ba`, `ghefcdab`: each letter once.
fn permutation(word: &str) -> bool {
    let mut letters = word.bytes().collect::<Vec<_>>();
    letters.sort_unstable();
    match letters.as_slice() {
        b"ab" | b"abcdefgh" => true,
        // Bytes cross words only in the four known ways.
        b"abcd" => matches!(word, "abcd" | "cdab" | "badc" | "dcba"),
        _ => false,
    }
}

/// A sentence about all values of a list, though it stands beside one of them.
pub(super) fn is_of_all(text: &str) -> bool {
    let word = folded(text);
    [
        "所有",
        "全部",
        "均",
        "以下",
        "本表",
        "都是",
        "都为",
        "allvalues",
        "all32",
        "allfloat",
        "allregister",
        "alle",
        "every",
    ]
    .iter()
    .any(|w| word.contains(w))
}

/// Takes an order out of a longer text.
pub(super) fn order_inside(word: &mut String) -> Option<Order> {
    for token in
        ["abcd", "cdab", "badc", "dcba", "1234", "3412", "2143", "4321", "ab cd", "cd ab", "ba dc", "dc ba"]
    {
        if let Some(at) = word.find(token) {
            word.replace_range(at..at + token.len(), "");
            return order(token);
        }
    }
    let bare: String = word.chars().filter(|c| *c != '-').collect();
    let phrases = ORDERS.iter().map(|(known, meaning)| match meaning {
        Meaning::Whole(key, doubtful) => (*known, *key, *doubtful, false),
        Meaning::SwapBytes => (*known, "badc", false, true),
        Meaning::SwapWords => (*known, "cdab", false, true),
        Meaning::Swap => (*known, "cdab", true, true),
    });
    let flags = [
        (WORDS_LOW, "cdab"),
        (WORDS_HIGH, "abcd"),
        (BYTES_LOW, "dcba"),
        (BYTES_HIGH, "abcd"),
        (SHORT_SWAPS, "abcd"),
    ];
    let flags =
        flags.into_iter().flat_map(|(all, key)| all.iter().map(move |known| (*known, key, false, false)));
    let (known, key, doubtful, swap) = phrases
        .chain(flags)
        .filter(|(known, ..)| bare.contains(known))
        .max_by_key(|(known, ..)| known.len())?;
    let (before, after) = bare.split_once(known)?;
    let (left, right) = (without_no(before), after.trim_start_matches([':', '=', ' ', '(', '否', '无']));
    if left == before.trim_end() && !after.contains(['否', '无']) {
        *word = format!("{before}{after}");
        return Some(Order { key: key.to_owned(), doubtful });
    }
    // `FLOAT 无字交换`, `float no swap`; of what else is turned round nobody knows what it is then.
    *word = format!("{left}{right}");
    swap.then(|| Order::sure("abcd")).or_else(|| {
        *word = bare.clone();
        None
    })
}

/// Without the words at its end that turn round what follows.
fn without_no(text: &str) -> &str {
    const NOS: &[&str] =
        &["不需要", "不需", "不用", "无需", "不", "无", "未", "非", "without", "not", "non", "no"];
    let mut left = text.trim_end();
    while let Some(less) = NOS.iter().find_map(|no| left.strip_suffix(no)) {
        left = less.trim_end();
    }
    left
}

/// The order that a short ending names, as ioBroker and others write types: `int32be`, `floatsw`, `U32_LE`.
pub(super) fn ending(word: &str) -> Option<(&str, Order)> {
    [("be", "abcd"), ("le", "dcba"), ("sw", "cdab"), ("ws", "cdab"), ("sb", "badc"), ("bs", "badc")]
        .iter()
        .find_map(|(end, key)| Some((word.strip_suffix(end)?, Order::sure(key))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_word_first_has_many_names() {
        for text in [
            "CDAB",
            "CD AB",
            "cd-ab",
            "3412",
            "2301",
            "低字在前",
            "高字在后",
            "低16位在前，高16位在后",
            "字交换",
            "Word Swap",
            "LSW first",
            "low word first",
            "little-endian word swap",
            "高低字交换",
            "每个寄存器高字节在前，低字在前",
        ] {
            assert_eq!(order(text).map(|o| o.key).as_deref(), Some("cdab"), "{text}");
        }
        for (text, key) in [
            ("大端", "abcd"),
            ("Big Endian", "abcd"),
            ("小端模式", "dcba"),
            ("big-endian byte swap", "badc"),
            ("BA", "ba"),
            ("GHEFCDAB", "ghefcdab"),
            ("高字在前，低字节在前", "badc"),
            ("低字在后", "abcd"),
            ("MSW first", "abcd"),
        ] {
            assert_eq!(order(text).map(|o| o.key).as_deref(), Some(key), "{text}");
        }
        assert!(order("低位在前").is_some_and(|o| o.doubtful));
        for text in ["", "acbd", "温度"] {
            assert_eq!(order(text), None, "{text}");
        }
    }

    #[test]
    fn sentences_tell_their_orders_and_which_values_they_mean() {
        let told = |text: &str| said(text).into_iter().map(|s| (s.order.key, s.scope)).collect::<Vec<_>>();
        let one = |key: &str, scope| vec![(key.to_owned(), scope)];
        assert_eq!(told("32位数据低字在前（CDAB）"), one("cdab", Scope::All));
        assert_eq!(told("32位浮点 CDAB"), one("cdab", Scope::Floats));
        assert_eq!(told("双字数据低字在前，高字在后"), one("cdab", Scope::All));
        assert_eq!(told("说明：浮点数低字在前，高字在后。"), one("cdab", Scope::Floats));
        assert_eq!(told("注：高字节在前，低字节在后；低字在前，高字在后"), one("cdab", Scope::All));
        assert_eq!(told("All 32-bit values are sent low word first."), one("cdab", Scope::All));
        assert_eq!(told("Byte order: C D A B"), one("cdab", Scope::All));
        assert_eq!(told("浮点数格式 3412"), one("cdab", Scope::Floats));
        assert_eq!(
            told("浮点数采用CDAB，长整型采用ABCD"),
            vec![("cdab".to_owned(), Scope::Floats), ("abcd".to_owned(), Scope::Integers)]
        );
        for text in ["通讯参数：9600, 8, N, 1", "1#锅炉 PLC", "换热器", "密码 3412", "badge", "高低水位"]
        {
            assert_eq!(told(text), [], "{text}");
            assert!(!speaks(text), "{text}");
        }
        for text in [
            "字节顺序见说明书",
            "endianness: see manual",
            "LSW/MSW 可设",
            "Low-Word zuerst",
            "low 16 bits first",
            "高低字可在面板上设置",
        ] {
            assert!(speaks(text), "{text}");
        }
    }

    #[test]
    fn a_negated_order_is_turned_round_or_not_understood() {
        let key = |text: &str| said(text).first().map(|s| s.order.key.clone());
        for text in [
            "浮点数不需要字交换",
            "注：32位数据无需字交换，高字在前的标准格式见手册",
            "无需高低字交换",
            "不需要字交换",
            "no word swap",
            "not word swapped",
            "Float format: not swapped",
            "without byte swap",
            "Word swap: disabled",
            "Word swap = off",
            "字交换 | 否",
            "字交换（无）",
            "无字节交换",
            "字节不交换",
            "字节交换：否",
            "字交换=0",
            "不是低字在前，而是高字在前",
            "不是低字在前而是高字在前",
            "words are not swapped",
            "ohne Word-Swap",
        ] {
            assert_eq!(key(text).as_deref(), Some("abcd"), "{text}");
        }
        assert_eq!(key("字交换，无字节交换").as_deref(), Some("cdab"));
        assert_eq!(key("字交换，字节交换").as_deref(), Some("dcba"));
        assert_eq!(key("无符号整型低字在前").as_deref(), Some("cdab"));
        for text in [
            "非小端",
            "不是CDAB",
            "not little endian",
            "不是不交换字节",
            "无需低字在前",
            "低字不在前",
            "字节序可选：ABCD",
            "CDAB或ABCD",
            "高低字可在面板上设置",
            "若读数不对请字交换",
            "low word first if set",
            "是否字交换",
        ] {
            assert_eq!(key(text), None, "{text}");
            assert!(speaks(text), "{text}");
        }
    }

    #[test]
    fn what_the_first_register_holds_tells_the_order() {
        let key = |text: &str| said(text).first().map(|s| s.order.key.clone());
        for (text, order) in [
            ("寄存器0为低16位，寄存器1为高16位", "cdab"),
            ("低地址存放低字", "cdab"),
            ("低地址存低16位, 高地址存高16位", "cdab"),
            ("前一个寄存器为低位字", "cdab"),
            ("第二个寄存器为高字", "cdab"),
            ("first register low word", "cdab"),
            ("第一个寄存器为高字", "abcd"),
            ("低字存放在高地址", "abcd"),
            ("先低后高", "cdab"),
            ("低前高后", "cdab"),
            ("前低后高", "cdab"),
            ("需交换高低16位", "cdab"),
            ("little endian, byte swapped", "cdab"),
        ] {
            assert_eq!(key(text).as_deref(), Some(order), "{text}");
        }
    }

    #[test]
    fn a_sentence_that_tells_two_orders_contradicts_itself() {
        for text in
            ["高字在前（CDAB）", "浮点数低字在前，ABCD", "小端，ABCD", "低字在前，高16位在前", "ABCD CDAB"]
        {
            assert!(contradicts(text), "{text}");
            assert_eq!(said(text), [], "{text}");
        }
        for text in [
            "32位数据低字在前（CDAB）",
            "浮点数采用CDAB，长整型采用ABCD",
            "低字在前，高字在后",
            "高字节在前，低字在前",
        ] {
            assert!(!contradicts(text), "{text}");
        }
    }

    #[test]
    fn an_order_inside_a_type_hears_what_turns_it_round() {
        for (text, left, key) in [
            ("float无字交换", "float", "abcd"),
            ("floatnowordswap", "float", "abcd"),
            ("float不交换", "float", "abcd"),
            ("floatwordswap", "float", "cdab"),
        ] {
            let mut word = text.to_owned();
            let found = order_inside(&mut word).map(|o| o.key);
            assert_eq!((word.trim(), found.as_deref()), (left, Some(key)), "{text}");
        }
    }
}
