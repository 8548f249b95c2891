//! From bytes to a JSON tree, within bounds: size, depth, text encoding, and the words that some
//! senders write where JSON has no number.

use std::borrow::Cow;

use serde_json::Value;

use super::PayloadError;

/// Larger payloads are refused unread.
pub const LARGEST: usize = 256 * 1024;
/// Deeper nesting is refused unread.
pub const DEEPEST: usize = 32;

/// The payload as text: UTF-8, or GBK as many Chinese devices write it.
///
/// # Errors
/// Too long, or neither of the two.
pub fn text(payload: &[u8]) -> Result<Cow<'_, str>, PayloadError> {
    if payload.len() > LARGEST {
        return Err(PayloadError::TooLarge(payload.len()));
    }
    if let Ok(text) = std::str::from_utf8(payload) {
        // C programs like to send the end of their string too.
        return Ok(Cow::Borrowed(text.trim_start_matches('\u{feff}').trim_end_matches('\0')));
    }
    match encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(payload) {
        Some(text) => Ok(text),
        None => Err(PayloadError::NotText),
    }
}

/// The tree of `text`.
///
/// # Errors
/// Too deep, or not JSON.
pub fn tree(text: &str) -> Result<Value, PayloadError> {
    if depth(text) > DEEPEST {
        return Err(PayloadError::TooDeep);
    }
    serde_json::from_str(text).or_else(|e| match without_nan(text) {
        Some(mended) => serde_json::from_str(&mended).map_err(|e| PayloadError::NotJson(e.to_string())),
        None => Err(PayloadError::NotJson(e.to_string())),
    })
}

/// How deep brackets are nested outside texts.
fn depth(text: &str) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// The text with `NaN` and `Infinity` (any sign, any case) outside of texts as `null`, if it has any.
fn without_nan(text: &str) -> Option<String> {
    const WORDS: [&str; 6] = ["-infinity", "+infinity", "infinity", "-inf", "inf", "nan"];
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped, mut found, mut from, mut at) = (false, false, false, 0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let byte = bytes[at];
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if byte == b'"' {
            quoted = true;
        } else if matches!(byte, b'N' | b'n' | b'I' | b'i' | b'-' | b'+') {
            let here = &bytes[at..];
            let word = WORDS
                .iter()
                .find(|w| here.len() >= w.len() && here[..w.len()].eq_ignore_ascii_case(w.as_bytes()));
            if let Some(word) = word {
                out.push_str(&text[from..at]);
                out.push_str("null");
                at += word.len();
                from = at;
                found = true;
                continue;
            }
        }
        at += 1;
    }
    out.push_str(&text[from..]);
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, LARGEST, PayloadError, text, tree};

    #[test]
    fn gbk_is_understood_where_utf_8_does_not_fit() {
        let (gbk, _, _) = encoding_rs::GBK.encode("{\"锅筒压力\":1.02,\"状态\":\"运行\"}");
        assert!(std::str::from_utf8(&gbk).is_err());
        let read = tree(&text(&gbk).expect("GBK")).expect("JSON");
        assert_eq!(read["锅筒压力"], 1.02);
        assert_eq!(text(&[0xFF, 0xFF, 0x00]), Err(PayloadError::NotText));
        assert_eq!(text("\u{feff}{}\0".as_bytes()).expect("text"), "{}");
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_refused_unread() {
        assert_eq!(text(&vec![b' '; LARGEST + 1]), Err(PayloadError::TooLarge(LARGEST + 1)));
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(tree(&nested(DEEPEST)).is_ok());
        assert_eq!(tree(&nested(DEEPEST + 1)), Err(PayloadError::TooDeep));
        // Brackets in a text are no nesting.
        assert!(tree(&format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(99))).is_ok());
    }

    #[test]
    fn nan_and_infinity_are_no_values_and_no_reason_to_lose_the_rest() {
        let read = tree(r#"{"a":NaN,"b":-Infinity,"c":[inf,1.5],"NaN":"-inf, NaN"}"#).expect("mended");
        assert!(read["a"].is_null() && read["b"].is_null() && read["c"][0].is_null());
        assert_eq!((&read["c"][1], &read["NaN"]), (&1.5.into(), &"-inf, NaN".into()));
        assert!(tree("{\"a\":nonsense}").is_err());
    }
}
