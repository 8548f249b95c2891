//! Bytes of a settings file → text. UTF-8 is what is wanted; what Chinese editors and Excel save is read too,
//! and said.

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE};

/// A text, and what its bytes were taken for if they are not UTF-8.
pub(super) struct Decoded {
    pub(super) text: String,
    pub(super) taken_for: Option<&'static str>,
}

/// The text, or the offset of the first byte that fits no encoding.
pub(super) fn decoded(bytes: &[u8]) -> Result<Decoded, usize> {
    if let Some(rest) = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]) {
        return utf8(rest).map(|text| Decoded { text, taken_for: None });
    }
    for (mark, encoding) in [([0xff, 0xfe], UTF_16LE), ([0xfe, 0xff], UTF_16BE)] {
        if let Some(rest) = bytes.strip_prefix(&mark) {
            return strictly(encoding, rest, "UTF-16").ok_or(2);
        }
    }
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if even + odd > bytes.len() / 8 {
        let encoding = if odd > even { UTF_16LE } else { UTF_16BE };
        return strictly(encoding, bytes, "UTF-16").ok_or(0);
    }
    match utf8(bytes) {
        Ok(text) => Ok(Decoded { text, taken_for: None }),
        Err(at) => strictly(GB18030, bytes, "GBK (GB 18030)").ok_or(at),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, usize> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|e| e.valid_up_to())
}

fn strictly(encoding: &'static Encoding, bytes: &[u8], name: &'static str) -> Option<Decoded> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?.into_owned();
    Some(Decoded { text, taken_for: Some(name) })
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn what_editors_and_spreadsheets_save_is_read_and_named() {
        let text = "name = \"北区锅炉\"\n";
        let utf16 = |little: bool, mark: bool| {
            let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
            units.flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect::<Vec<u8>>()
        };
        let gbk = encoding_rs::GB18030.encode(text).0.into_owned();
        for (bytes, name) in [
            (text.as_bytes().to_vec(), None),
            ([&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(), None),
            (gbk, Some("GBK (GB 18030)")),
            (utf16(true, true), Some("UTF-16")),
            (utf16(false, true), Some("UTF-16")),
            (utf16(true, false), Some("UTF-16")),
            (utf16(false, false), Some("UTF-16")),
        ] {
            let found = decoded(&bytes).ok().map(|d| (d.text, d.taken_for));
            assert_eq!(found, Some((text.to_owned(), name)));
        }
    }

    #[test]
    fn what_fits_no_encoding_is_refused_at_its_byte() {
        assert_eq!(decoded(b"name = \"\xff\xff\"").err(), Some(8));
        assert_eq!(decoded(b"name = \"caf\xe9\"\n").err(), Some(11));
    }
}
