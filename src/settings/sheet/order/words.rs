//! The words that byte orders are told in.

/// What a phrase says where nothing turns it round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A whole order; `true` if the words could mean another.
    Whole(&'static str, bool),
    /// The two words are exchanged, the two bytes of each, or one of both.
    SwapWords,
    SwapBytes,
    Swap,
}

/// Phrases that name a whole order or an exchange; words and bytes alone are in [`WORDS_LOW`] and its sisters.
pub(super) const ORDERS: &[(&str, Meaning)] = {
    use Meaning::{Swap, SwapBytes, SwapWords, Whole};
    &[
        ("bigendianbyteswap", Whole("badc", false)),
        ("bigendianwordswap", Whole("cdab", false)),
        ("littleendianbyteswap", Whole("cdab", false)),
        // Taken word by word this would be BADC; those who write it mean the low word first.
        ("littleendianwordswap", Whole("cdab", true)),
        ("wordswap", SwapWords),
        ("wordsswap", SwapWords),
        ("wordsareswap", SwapWords),
        ("swapword", SwapWords),
        ("swappedword", SwapWords),
        ("swappingword", SwapWords),
        ("swappedfp", SwapWords),
        ("wordorderreversed", SwapWords),
        ("reversedword", SwapWords),
        ("byteswap", SwapBytes),
        ("bytesswap", SwapBytes),
        ("bytesareswap", SwapBytes),
        ("swapbyte", SwapBytes),
        ("swappedbyte", SwapBytes),
        ("inverse", Whole("cdab", true)),
        ("swap", Swap),
        ("bigendian", Whole("abcd", false)),
        ("littleendian", Whole("dcba", false)),
        ("高低字交换", SwapWords),
        ("高低字节交换", SwapBytes),
        ("交换高低字节", SwapBytes),
        ("高低位交换", Whole("cdab", true)),
        ("高低16位交换", SwapWords),
        ("交换高低16位", SwapWords),
        ("交换高低字", SwapWords),
        ("字节交换", SwapBytes),
        ("交换字节", SwapBytes),
        ("字交换", SwapWords),
        ("交换字", SwapWords),
        ("字序交换", SwapWords),
        ("双字交换", SwapWords),
        ("先低后高", Whole("cdab", true)),
        ("低前高后", Whole("cdab", true)),
        ("前低后高", Whole("cdab", true)),
        ("低位在前", Whole("cdab", true)),
        ("高位在后", Whole("cdab", true)),
        ("先高后低", Whole("abcd", false)),
        ("高前低后", Whole("abcd", false)),
        ("前高后低", Whole("abcd", false)),
        ("高位在前", Whole("abcd", false)),
        ("低位在后", Whole("abcd", false)),
        ("大端", Whole("abcd", false)),
        ("小端", Whole("dcba", false)),
    ]
};

/// An exchange in short that says nothing beside other words: 热交换器 is a heat exchanger.
pub(super) const SHORT_SWAPS: &[&str] =
    &["不交换", "无交换", "无需交换", "不需交换", "不需要交换", "未交换", "不用交换"];

pub(super) const WORDS_LOW: &[&str] = &[
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
pub(super) const WORDS_HIGH: &[&str] = &[
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
pub(super) const BYTES_LOW: &[&str] = &[
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
pub(super) const BYTES_HIGH: &[&str] = &[
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
/// The first register of a value, the second one, and what either holds.
pub(super) const FIRST: &[&str] = &[
    "第一个寄存器",
    "第1个寄存器",
    "第一寄存器",
    "首个寄存器",
    "首寄存器",
    "前一个寄存器",
    "前一寄存器",
    "前面的寄存器",
    "寄存器0",
    "低地址",
    "低位地址",
    "小地址",
    "第一个字",
    "第1个字",
    "firstregister",
    "1stregister",
    "register0",
    "loweraddress",
    "lowaddress",
    "lowerregister",
    "erstesregister",
    "erstenregister",
];
pub(super) const SECOND: &[&str] = &[
    "第二个寄存器",
    "第2个寄存器",
    "第二寄存器",
    "后一个寄存器",
    "后一寄存器",
    "后面的寄存器",
    "下一个寄存器",
    "寄存器1",
    "高地址",
    "高位地址",
    "大地址",
    "第二个字",
    "第2个字",
    "secondregister",
    "2ndregister",
    "register1",
    "higheraddress",
    "highaddress",
    "nextregister",
    "zweitesregister",
    "zweitenregister",
];
pub(super) const LOW: &[&str] =
    &["低16位", "低十六位", "低位字", "低字", "lowword", "lowerword", "lsw", "low16", "lower16", "低位"];
pub(super) const HIGH: &[&str] =
    &["高16位", "高十六位", "高位字", "高字", "highword", "upperword", "msw", "high16", "upper16", "高位"];

/// What else shows that a sentence is about byte or word order, understood or not.
pub(super) const TOPICS: &[&str] = &[
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
    "endian",
    "byteorder",
    "wordorder",
    "swap",
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
    "低字",
    "高字",
    "低位字",
    "高位字",
    "低16位",
    "高16位",
    "低十六位",
    "高十六位",
    "lowword",
    "highword",
    "字反转",
    "反转字",
    "字节反转",
    "字倒序",
    "reversedbyte",
    "byteorderreversed",
    "getauscht",
    "vertauscht",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_of_the_tables_is_passed_over_as_if_it_spoke_of_something_else() {
        let own = ORDERS.iter().map(|(w, _)| *w).filter(|w| *w != "inverse");
        let flags =
            [WORDS_LOW, WORDS_HIGH, BYTES_LOW, BYTES_HIGH, SHORT_SWAPS].into_iter().flatten().copied();
        for word in own.chain(flags) {
            assert!(super::super::speaks(word), "{word}");
        }
    }
}
