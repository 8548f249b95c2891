//! Byte orders in the words of manuals, PLC programs and Modbus masters: in a cell of their own, inside a type, and in
//! sentences around a list.

use super::text::{folded, plain};

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

/// Phrases that name a whole order; words and bytes alone are in [`WORDS_LOW`] and its sisters.
const ORDERS: &[(&str, &str, bool)] = &[
    ("bigendianbyteswap", "badc", false),
    ("bigendianwordswap", "cdab", false),
    ("littleendianbyteswap", "cdab", false),
    // Taken word by word this would be BADC; those who write it mean the low word first.
    ("littleendianwordswap", "cdab", true),
    ("wordswapped", "cdab", false),
    ("wordswap", "cdab", false),
    ("swapwords", "cdab", false),
    ("swapword", "cdab", false),
    ("swappedwords", "cdab", false),
    ("byteswapped", "badc", false),
    ("byteswap", "badc", false),
    ("swapbytes", "badc", false),
    ("swappedbytes", "badc", false),
    ("swappedfp", "cdab", false),
    ("inverse", "cdab", true),
    ("swapped", "cdab", true),
    ("swap", "cdab", true),
    ("bigendian", "abcd", false),
    ("littleendian", "dcba", false),
    ("高低字交换", "cdab", false),
    ("高低字节交换", "badc", false),
    ("高低位交换", "cdab", true),
    ("字节交换", "badc", false),
    ("字交换", "cdab", false),
    ("字序交换", "cdab", false),
    ("双字交换", "cdab", false),
    ("先低后高", "cdab", true),
    ("低前高后", "cdab", true),
    ("低位在前", "cdab", true),
    ("高位在后", "cdab", true),
    ("先高后低", "abcd", false),
    ("高前低后", "abcd", false),
    ("高位在前", "abcd", false),
    ("低位在后", "abcd", false),
    ("不交换", "abcd", false),
    ("无交换", "abcd", false),
    ("无需交换", "abcd", false),
    ("noswap", "abcd", false),
    ("notswapped", "abcd", false),
    ("大端", "abcd", false),
    ("小端", "dcba", false),
];

const WORDS_LOW: &[&str] = &[
    "低字在前",
    "低位字在前",
    "低字先",
    "低字序在前",
    "低16位在前",
    "低十六位在前",
    "低16位先",
    "先低字",
    "先低16位",
    "高字在后",
    "高位字在后",
    "高16位在后",
    "高十六位在后",
    "lowwordfirst",
    "lswfirst",
    "leastsignificantwordfirst",
    "lowerwordfirst",
    "loworderwordfirst",
    "lowordfirst",
    "low16bitfirst",
    "low16bitsfirst",
    "lower16bitsfirst",
    "lowwordzuerst",
    "niederwertigeswortzuerst",
    "firstwordlow",
    "lowwordhighword",
    "低字高字",
];
const WORDS_HIGH: &[&str] = &[
    "高字在前",
    "高位字在前",
    "高字先",
    "高字序在前",
    "高16位在前",
    "高十六位在前",
    "高16位先",
    "先高字",
    "先高16位",
    "低字在后",
    "低位字在后",
    "低16位在后",
    "低十六位在后",
    "highwordfirst",
    "mswfirst",
    "mostsignificantwordfirst",
    "upperwordfirst",
    "highorderwordfirst",
    "hiwordfirst",
    "high16bitfirst",
    "high16bitsfirst",
    "upper16bitsfirst",
    "highwordzuerst",
    "höherwertigeswortzuerst",
    "firstwordhigh",
    "highwordlowword",
    "高字低字",
];
const BYTES_LOW: &[&str] = &[
    "低字节在前",
    "低字节先",
    "先低字节",
    "高字节在后",
    "低8位在前",
    "高8位在后",
    "lowbytefirst",
    "lsbfirst",
    "leastsignificantbytefirst",
    "lowbytezuerst",
    "lowerbytefirst",
];
const BYTES_HIGH: &[&str] = &[
    "高字节在前",
    "高字节先",
    "先高字节",
    "低字节在后",
    "高8位在前",
    "低8位在后",
    "highbytefirst",
    "msbfirst",
    "mostsignificantbytefirst",
    "highbytezuerst",
    "upperbytefirst",
];

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

/// Every order that a sentence tells, each with the values it speaks of.
pub(super) fn said(text: &str) -> Vec<Said> {
    let mut found: Vec<Said> = Vec::new();
    // Of words and of bytes apart: both together make one order.
    let (mut words, mut bytes): (Option<bool>, Option<bool>) = (None, None);
    let mut scope = Scope::All;
    let lower = plain(text).to_lowercase();
    for clause in lower.split([',', ';', '.', '\n', '|', '!', '、']) {
        let own = scope_of(clause);
        if own != Scope::All && own != scope {
            found.extend(together(words, bytes).map(|order| Said { order, scope }));
            (words, bytes, scope) = (None, None, own);
        }
        let folded = bare(clause);
        let has = |all: &[&str]| all.iter().any(|w| folded.contains(w));
        if let Some(order) = letters_in(clause) {
            found.push(Said { order: Order::sure(&order), scope });
            continue;
        }
        let (low, high) = (has(WORDS_LOW), has(WORDS_HIGH));
        if low != high {
            words = Some(high);
        }
        let (low_byte, high_byte) = (has(BYTES_LOW), has(BYTES_HIGH));
        if low_byte != high_byte {
            bytes = Some(high_byte);
        }
        if low || high || low_byte || high_byte {
            continue;
        }
        let phrase = ORDERS
            .iter()
            .filter(|(known, _, _)| folded.contains(known))
            .max_by_key(|(known, _, _)| known.len());
        if let Some((_, key, doubtful)) = phrase {
            let order = if *doubtful { Order::doubtful(key) } else { Order::sure(key) };
            found.push(Said { order, scope });
        }
    }
    found.extend(together(words, bytes).map(|order| Said { order, scope }));
    found
}

/// The order of words and bytes, each `true` for the high one first.
fn together(words: Option<bool>, bytes: Option<bool>) -> Option<Order> {
    Some(match (words, bytes) {
        (None, None) => return None,
        (Some(true), None | Some(true)) | (None, Some(true)) => Order::sure("abcd"),
        (Some(false), None | Some(true)) => Order::sure("cdab"),
        (Some(true), Some(false)) => Order::sure("badc"),
        (Some(false), Some(false)) => Order::sure("dcba"),
        (None, Some(false)) => Order::doubtful("dcba"),
    })
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
fn letters_in(clause: &str) -> Option<String> {
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
    for n in starts {
        for key in ["abcd", "cdab", "badc", "dcba"] {
            if at(n, key) {
                return Some(key.to_owned());
            }
        }
        for (digits, key) in [("1234", "abcd"), ("3412", "cdab"), ("2143", "badc"), ("4321", "dcba")] {
            if worded && at(n, digits) {
                return Some(key.to_owned());
            }
        }
        let eight: String = chars[n..].iter().take_while(|c| c.is_ascii_lowercase()).collect();
        if eight.len() == 8 && permutation(&eight) {
            return Some(eight);
        }
    }
    None
}

/// Whether a text is about byte or word order at all, understood or not.
pub(super) fn speaks(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "字节序",
        "字序",
        "字节顺序",
        "字顺序",
        "字节次序",
        "高低字",
        "高低位",
        "字在前",
        "字在后",
        "字节在前",
        "字节在后",
        "位在前",
        "位在后",
        "字交换",
        "字节交换",
        "大端",
        "小端",
        "endian",
        "byteorder",
        "wordorder",
        "byteswap",
        "wordswap",
        "lsw",
        "msw",
        "wordfirst",
        "bytefirst",
        "bytereihenfolge",
        "wortreihenfolge",
        "wortfolge",
        "字节排列",
        "解码顺序",
        "高字节",
        "低字节",
    ];
    let word = bare(text);
    let mut spoken = [WORDS, WORDS_LOW, WORDS_HIGH, BYTES_LOW, BYTES_HIGH].into_iter().flatten();
    spoken.any(|w| word.contains(w)) || letters_in(&plain(text).to_lowercase()).is_some()
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
    let phrases = ORDERS.iter().map(|(known, key, doubtful)| (*known, *key, *doubtful));
    let flags = [(WORDS_LOW, "cdab"), (WORDS_HIGH, "abcd"), (BYTES_LOW, "dcba"), (BYTES_HIGH, "abcd")];
    let flags = flags.into_iter().flat_map(|(all, key)| all.iter().map(move |known| (*known, key, false)));
    let (known, key, doubtful) = phrases
        .chain(flags)
        .filter(|(known, _, _)| bare.contains(known))
        .max_by_key(|(known, _, _)| known.len())?;
    *word = bare.replacen(known, "", 1);
    Some(Order { key: key.to_owned(), doubtful })
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
}
