//! Compressed payloads (gzip, zlib), opened within a bound. Pure.

use std::borrow::Cow;
use std::io::Read;

use super::{PayloadError, guard};

/// What a compressed payload may become: a small one can hold gigabytes.
pub const LARGEST_OPENED: usize = 4 * guard::LARGEST;

/// The payload, opened if it is compressed. A text begins with neither mark.
///
/// # Errors
/// Damaged, or too large when opened.
pub fn opened(payload: &[u8]) -> Result<Cow<'_, [u8]>, PayloadError> {
    let limit = LARGEST_OPENED as u64 + 1;
    let mut plain = Vec::new();
    let read = match payload {
        _ if payload.len() > guard::LARGEST => return Ok(Cow::Borrowed(payload)),
        [0x1F, 0x8B, 8, ..] => flate2::read::MultiGzDecoder::new(payload).take(limit).read_to_end(&mut plain),
        [0x78, 0x9C | 0xDA, ..] => {
            flate2::read::ZlibDecoder::new(payload).take(limit).read_to_end(&mut plain)
        }
        _ => return Ok(Cow::Borrowed(payload)),
    };
    match read {
        Ok(length) if length > LARGEST_OPENED => Err(PayloadError::TooLargeOpened),
        Ok(_) => Ok(Cow::Owned(plain)),
        Err(e) => Err(PayloadError::NotOpened(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{LARGEST_OPENED, opened};
    use crate::field::ingest::payload::PayloadError;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(bytes).expect("memory");
        writer.finish().expect("memory")
    }

    #[test]
    fn gzip_and_zlib_are_opened_and_anything_else_stays_as_it_is() {
        let text = br#"{"a":1.5}"#;
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(text).expect("memory");
        for packed in [gzip(text), zlib.finish().expect("memory"), text.to_vec()] {
            assert_eq!(opened(&packed).as_deref(), Ok(&text[..]));
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_the_memory_and_damage_is_told() {
        let bomb = gzip(&vec![b' '; 64 * LARGEST_OPENED]);
        assert_eq!(opened(&bomb), Err(PayloadError::TooLargeOpened));
        let mut cut = gzip(br#"{"a":1.5}"#);
        cut.truncate(14);
        assert!(matches!(opened(&cut), Err(PayloadError::NotOpened(_))));
    }
}
