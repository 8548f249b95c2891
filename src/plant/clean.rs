//! Text from outside as one line that shows what it holds: whoever sends a line break, a terminal's
//! control sequence or a change of the writing direction must not be able to forge lines of the log or
//! of the audit, or to hide what is written.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every character that cannot be seen written out, `\n` or `\u{202e}` for one.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => clean.push_str("\\n"),
            '\r' => clean.push_str("\\r"),
            '\t' => clean.push_str("\\t"),
            c if is_unseen(c) => {
                // Writing into a String does not fail.
                let _ = write!(clean, "\\u{{{:x}}}", u32::from(c));
            }
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// A control character, a mark that changes the writing direction, or one without width that breaks a
/// line or a word.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{clean, is_unseen};

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for (text, shown) in [
            ("ok\r\n2026-11-30 INFO forged", "ok\\r\\n2026-11-30 INFO forged"),
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            ("pay \u{202e}evil\u{2066}", "pay \\u{202e}evil\\u{2066}"),
            ("a\u{85}b\u{2028}c", "a\\u{85}b\\u{2028}c"),
            ("1# 蒸汽锅炉 – 4,5 t/h", "1# 蒸汽锅炉 – 4,5 t/h"),
        ] {
            assert_eq!(clean(text), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_unseen_is_left(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(is_unseen));
        }
    }
}
