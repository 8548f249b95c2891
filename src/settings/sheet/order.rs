//! Byte orders in the words of manuals, PLC programs and Modbus masters.

use super::text::folded;

/// A byte order, and whether the words could mean another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) key: String,
    pub(super) doubtful: bool,
}

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
    ("byteswapped", "badc", false),
    ("byteswap", "badc", false),
    ("swapbytes", "badc", false),
    ("swappedfp", "cdab", false),
    ("lowwordfirst", "cdab", false),
    ("highwordfirst", "abcd", false),
    ("inverse", "cdab", true),
    ("swapped", "cdab", true),
    ("swap", "cdab", true),
    ("bigendian", "abcd", false),
    ("littleendian", "dcba", false),
    ("高低字交换", "cdab", false),
    ("字节交换", "badc", false),
    ("字交换", "cdab", false),
    ("字序交换", "cdab", false),
    ("双字交换", "cdab", false),
    ("低字在前", "cdab", false),
    ("低位字在前", "cdab", false),
    ("低字先", "cdab", false),
    ("低16位在前", "cdab", false),
    ("先低字后高字", "cdab", false),
    ("先低后高", "cdab", true),
    ("低前高后", "cdab", true),
    ("低位在前", "cdab", true),
    ("低字节在前", "dcba", false),
    ("高字在前", "abcd", false),
    ("高位字在前", "abcd", false),
    ("高字先", "abcd", false),
    ("高16位在前", "abcd", false),
    ("先高字后低字", "abcd", false),
    ("先高后低", "abcd", false),
    ("高前低后", "abcd", false),
    ("高位在前", "abcd", false),
    ("高字节在前", "abcd", false),
    ("不交换", "abcd", false),
    ("大端", "abcd", false),
    ("小端", "dcba", false),
];

/// Reads an order cell: `CD AB`, `3412`, `低字在前`, `big-endian byte swap`.
pub(super) fn order(text: &str) -> Option<Order> {
    let word: String = folded(text).chars().filter(|c| !"-_,.:;()[]/\\>".contains(*c)).collect();
    let word = word.trim_end_matches("模式").trim_end_matches("格式").trim_end_matches("顺序");
    let sure = |key: &str| Some(Order { key: key.to_owned(), doubtful: false });
    match word {
        "1234" | "0123" | "big" | "be" | "msb" | "msbfirst" | "正常" | "标准" | "默认" | "normal"
        | "standard" => sure("abcd"),
        "3412" | "2301" => sure("cdab"),
        "2143" | "1032" => sure("badc"),
        "4321" | "3210" | "little" | "le" | "lsb" | "lsbfirst" => sure("dcba"),
        "12" => sure("ab"),
        "21" => sure("ba"),
        "87654321" => sure("hgfedcba"),
        "12345678" => sure("abcdefgh"),
        _ if permutation(word) => sure(word),
        _ => ORDERS
            .iter()
            .filter(|(known, _, _)| word.contains(known))
            .max_by_key(|(known, _, _)| known.len())
            .map(|(_, key, doubtful)| Order { key: (*key).to_owned(), doubtful: *doubtful }),
    }
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

/// Takes an order out of a longer text.
pub(super) fn order_inside(word: &mut String) -> Option<Order> {
    for token in ["abcd", "cdab", "badc", "dcba", "1234", "3412", "2143", "4321", "ab cd", "cd ab"] {
        if let Some(at) = word.find(token) {
            word.replace_range(at..at + token.len(), "");
            return order(token);
        }
    }
    let bare: String = word.chars().filter(|c| *c != '-').collect();
    let (known, key, doubtful) =
        ORDERS.iter().filter(|(known, _, _)| bare.contains(known)).max_by_key(|(known, _, _)| known.len())?;
    *word = bare.replacen(known, "", 1);
    Some(Order { key: (*key).to_owned(), doubtful: *doubtful })
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
            "字交换",
            "Word Swap",
            "little-endian word swap",
            "高低字交换",
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
        ] {
            assert_eq!(order(text).map(|o| o.key).as_deref(), Some(key), "{text}");
        }
        assert!(order("低位在前").is_some_and(|o| o.doubtful));
        for text in ["", "acbd", "温度"] {
            assert_eq!(order(text), None, "{text}");
        }
    }
}
