//! Modbus ASCII (Modbus over serial line V1.02, 2.5.2) to RTU frames and back: a colon, each byte as two
//! hexadecimal digits, a longitudinal check (LRC), CR LF. All above the wire knows RTU only. Pure.

use super::frame::crc;

/// Longest frame: colon, 2 × 254 digits and two of the LRC, CR LF; what is longer is noise.
const LONGEST: usize = 513;

/// The characters of one RTU frame.
pub(super) fn of_rtu(frame: &[u8]) -> Vec<u8> {
    let body = &frame[..frame.len().saturating_sub(2)];
    let check = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
    let mut out = Vec::with_capacity(body.len() * 2 + 5);
    out.push(b':');
    for byte in body.iter().chain([&check]) {
        for digit in [byte >> 4, byte & 0xF] {
            out.push(if digit < 10 { b'0' + digit } else { b'A' + digit - 10 });
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Takes the whole frames off `heard` and appends them to `out` as RTU frames; gives how many bytes those have.
/// A frame whose check is wrong becomes one whose CRC is wrong.
pub(super) fn to_rtu(heard: &mut Vec<u8>, out: &mut Vec<u8>) -> usize {
    let before = out.len();
    while let Some(end) = heard.iter().position(|b| *b == b'\n') {
        let line = &heard[..end];
        let from = line.iter().rposition(|b| *b == b':').map_or(line.len(), |at| at + 1);
        append(line[from..].trim_ascii_end(), out);
        heard.drain(..=end);
    }
    // What stands before the last colon is noise; what has no end in sight is, too.
    if heard.len() > LONGEST {
        let from = heard.iter().rposition(|b| *b == b':').unwrap_or(heard.len());
        heard.drain(..from);
        if heard.len() > LONGEST {
            heard.clear();
        }
    }
    out.len() - before
}

fn append(digits: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    let value = |digit: u8| char::from(digit).to_digit(16).map(|d| d as u8);
    for pair in digits.chunks(2) {
        let byte = match pair {
            [high, low] => value(*high).zip(value(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        let Some(byte) = byte else {
            out.truncate(from);
            return;
        };
        out.push(byte);
    }
    let sum = out[from..].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    // The LRC.
    if out.len() > from {
        out.pop();
    }
    if out.len() - from < 2 {
        out.truncate(from);
        return;
    }
    let crc = crc(&out[from..]);
    let crc = if sum == 0 { crc } else { !crc };
    out.extend_from_slice(&crc.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{of_rtu, to_rtu};
    use crate::field::modbus::frame::crc;

    fn rtu(body: &[u8]) -> Vec<u8> {
        [body, &crc(body).to_le_bytes()].concat()
    }

    #[test]
    fn a_frame_is_written_and_read_as_in_the_specification() {
        // Unit 1, function 3, register 0, one register: LRC FB.
        let frame = rtu(&[1, 3, 0, 0, 0, 1]);
        assert_eq!(of_rtu(&frame), b":010300000001FB\r\n");
        let (mut heard, mut out) = (b"noise:0103000:010300000001FB\r\n:01".to_vec(), Vec::new());
        assert_eq!(to_rtu(&mut heard, &mut out), 8);
        assert_eq!((out, heard), (frame, b":01".to_vec()));
    }

    #[test]
    fn digits_in_small_letters_and_blanks_at_the_end_are_read_too() {
        let frame = rtu(&[0x1F, 3, 2, 0xAB, 0xCD]);
        for written in [&b":1f0302abcd64\r\n"[..], b":1F0302ABCD64\n", b"\0\xFF:1F0302aBcD64 \r\n"] {
            let (mut heard, mut out) = (written.to_vec(), Vec::new());
            to_rtu(&mut heard, &mut out);
            assert_eq!(out, frame, "{written:?}");
        }
    }

    #[test]
    fn a_frame_with_a_wrong_check_is_one_with_a_wrong_crc_and_noise_is_nothing() {
        let (mut heard, mut out) = (b":010300000001FC\r\n".to_vec(), Vec::new());
        assert_eq!(to_rtu(&mut heard, &mut out), 8);
        assert_ne!(out, rtu(&[1, 3, 0, 0, 0, 1]));
        for noise in [&b"\r\n"[..], b":\r\n", b":0\r\n", b":0G0300\r\n", b":01\n", b"010300000001FB\r\n"] {
            let (mut heard, mut out) = (noise.to_vec(), Vec::new());
            assert_eq!((to_rtu(&mut heard, &mut out), out.len(), heard.len()), (0, 0, 0), "{noise:?}");
        }
        for endless in [vec![b'0'; 2000], [b":", &[b'0'; 2000][..]].concat()] {
            let mut heard = endless;
            to_rtu(&mut heard, &mut Vec::new());
            assert!(heard.is_empty());
        }
        let mut begun = [&[b'7'; 2000][..], b":0103"].concat();
        to_rtu(&mut begun, &mut Vec::new());
        assert_eq!(begun, b":0103", "a frame may have begun behind long noise");
    }

    proptest! {
        #[test]
        fn whatever_is_written_comes_back_in_whatever_pieces(
            body in prop::collection::vec(any::<u8>(), 2..250), cut in 0usize..500
        ) {
            let written = of_rtu(&rtu(&body));
            let cut = cut.min(written.len());
            let (mut heard, mut out) = (written[..cut].to_vec(), Vec::new());
            to_rtu(&mut heard, &mut out);
            heard.extend_from_slice(&written[cut..]);
            to_rtu(&mut heard, &mut out);
            prop_assert_eq!(out, rtu(&body));
        }

        #[test]
        fn no_bytes_make_it_panic(mut noise in prop::collection::vec(any::<u8>(), 0..600)) {
            to_rtu(&mut noise, &mut Vec::new());
        }
    }
}
