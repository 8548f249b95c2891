//! From bytes to a JSON tree, within bounds: size, depth, text encoding, and what
//! some senders write where JSON has no number (`repair`).

use std::borrow::Cow;

use serde_json::Value;

use super::{PayloadError, packed, repair};

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
    match packed::opened(payload)? {
        Cow::Borrowed(plain) => decoded(plain),
        Cow::Owned(plain) => decoded(&plain).map(|text| Cow::Owned(text.into_owned())),
    }
}

fn decoded(payload: &[u8]) -> Result<Cow<'_, str>, PayloadError> {
    if let Ok(text) = std::str::from_utf8(payload) {
        // C programs like to send the end of their string too.
        return Ok(Cow::Borrowed(text.trim_start_matches('\u{feff}').trim_end_matches('\0')));
    }
    match encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(payload) {
        Some(text) => Ok(text),
        None => Err(PayloadError::NotText),
    }
}

/// The tree of `text`; single tokens that are not JSON cost their own field only.
///
/// # Errors
/// Too deep, or not JSON.
pub fn tree(text: &str) -> Result<Value, PayloadError> {
    repaired_tree(text).map(|(tree, _)| tree)
}

/// The tree of `text`, and how many tokens had to be repaired for it.
///
/// # Errors
/// Too deep, or not JSON.
pub fn repaired_tree(text: &str) -> Result<(Value, u32), PayloadError> {
    if depth(text) > DEEPEST {
        return Err(PayloadError::TooDeep);
    }
    let error = match serde_json::from_str(text) {
        Ok(tree) => return Ok((tree, 0)),
        Err(e) => PayloadError::NotJson(e.to_string()),
    };
    let Some((mended, count)) = repair::repaired(text) else { return Err(error) };
    serde_json::from_str(&mended).map(|tree| (tree, count)).map_err(|_| error)
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
        assert_eq!(tree("{\"a\":nonsense,\"b\":2}").expect("read")["b"], 2);
        assert!(tree("{\"a\":1").is_err(), "a number that is cut off may be another");
    }
}
