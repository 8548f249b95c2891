//! Frames on the wire: whole, cut, foreign.

use proptest::prelude::*;

use super::{Answer, Ask, Rtu, Wrong, check, other_master, rtu, tcp};
use crate::settings::{Framing, Table};

fn ask(count: u16) -> Ask {
    Ask::Read { table: Table::HoldingRegister, address: 0x6B, count, four_byte: false }
}

fn rtu_answer(unit: u8, values: &[u8]) -> Vec<u8> {
    let mut frame = vec![unit, 3, values.len() as u8];
    frame.extend(values);
    let crc = super::CRC.checksum(&frame);
    frame.extend(crc.to_le_bytes());
    frame
}

#[test]
fn requests_are_written_as_the_specification_shows() {
    let mut out = Vec::new();
    // Example of V1.1b3, 6.3: read registers 108 to 110.
    ask(3).write(Framing::Tcp, 0x11, 0x1501, false, &mut out);
    assert_eq!(out, [0x15, 0x01, 0, 0, 0, 6, 0x11, 3, 0, 0x6B, 0, 3]);
    out.clear();
    // A well-known worked frame: unit 0x11, registers 0x6B, three of them, CRC 76 87.
    ask(3).write(Framing::Rtu, 0x11, 0, false, &mut out);
    assert_eq!(out, [0x11, 3, 0, 0x6B, 0, 3, 0x76, 0x87]);
}

#[test]
fn an_answer_must_fit_in_unit_function_and_length() {
    let good = [3, 4, 1, 2, 3, 4];
    assert_eq!(check(&ask(2), 7, 7, &good), Ok(Answer::Values(&good[2..])));
    assert_eq!(check(&ask(2), 7, 7, &[0x83, 2]), Ok(Answer::Exception(2)));
    assert_eq!(check(&ask(2), 7, 8, &good), Err(Wrong::Unit(8)));
    assert_eq!(check(&ask(2), 7, 7, &[4, 4, 1, 2, 3, 4]), Err(Wrong::Function(4)));
    assert_eq!(check(&ask(3), 7, 7, &good), Err(Wrong::Length { got: 4, wanted: 6 }));
    assert_eq!(check(&ask(2), 7, 7, &[3, 6, 1, 2, 3, 4]), Err(Wrong::Count { told: 6, got: 4 }));
    assert_eq!(check(&ask(2), 7, 7, &[]), Err(Wrong::Empty));
}

#[test]
fn an_answer_of_four_bytes_a_register_fits_where_it_was_asked_for() {
    let four = Ask::Read { table: Table::HoldingRegister, address: 7001, count: 2, four_byte: true };
    let mut out = Vec::new();
    // The request is as any other: its count is of registers.
    four.write(Framing::Tcp, 1, 7, false, &mut out);
    assert_eq!(out, [0, 7, 0, 0, 0, 6, 1, 3, 0x1B, 0x59, 0, 2]);
    let answer = [3, 8, 0x3F, 0xA0, 0, 0, 0x42, 0xB1, 0, 0];
    assert_eq!(check(&four, 1, 1, &answer), Ok(Answer::Values(&answer[2..])));
    assert_eq!(check(&ask(2), 1, 1, &answer), Err(Wrong::Length { got: 8, wanted: 4 }));
    assert_eq!(four.rtu_bytes(), (8, 13));
    let frame = rtu_answer(1, &answer[2..]);
    assert!(matches!(rtu(&frame, &four, 1, false, true), Rtu::Answer { .. }));
}

#[test]
fn an_rtu_answer_is_found_behind_junk_only_where_that_is_allowed() {
    let frame = rtu_answer(7, &[1, 2, 3, 4]);
    let junk = [&[0x00, 0xFF, 7, 3][..], &frame, &[0x00]].concat();
    let Rtu::Answer { pdu, junk: skipped, .. } = rtu(&junk, &ask(2), 7, false, true) else { panic!() };
    assert_eq!((&junk[pdu], skipped), (&[3, 4, 1, 2, 3, 4][..], 4));
    assert!(!matches!(rtu(&junk, &ask(2), 7, false, false), Rtu::Answer { .. }));
}

#[test]
fn the_echo_of_a_half_duplex_adapter_is_stepped_over() {
    let mut bytes = Vec::new();
    ask(2).write(Framing::Rtu, 7, 0, false, &mut bytes);
    bytes.extend(rtu_answer(7, &[1, 2, 3, 4]));
    assert!(matches!(rtu(&bytes, &ask(2), 7, false, true), Rtu::Answer { junk: 8, .. }));
}

#[test]
fn values_that_look_like_a_frame_cost_no_answer_that_comes_in_pieces() {
    let inner = [0, 0x90, 0x84, 2, 0, 0, 0, 0];
    let crc = super::CRC.checksum(&inner[1..4]).to_le_bytes();
    let values = [inner[0], inner[1], inner[2], inner[3], crc[0], crc[1], 0, 0];
    let whole = rtu_answer(7, &values);
    for cut in 3..whole.len() {
        assert_eq!(rtu(&whole[..cut], &ask(4), 7, false, true), Rtu::More, "{cut}");
    }
    assert!(matches!(rtu(&whole, &ask(4), 7, false, true), Rtu::Answer { junk: 0, .. }));
}

#[test]
fn only_what_no_device_says_of_itself_betrays_another_master() {
    let framed = |body: &[u8]| [body, &super::CRC.checksum(body).to_le_bytes()].concat();
    let read = framed(&[7, 3, 0, 0x6B, 0, 3]);
    assert_eq!(other_master(&[&[0xFF], &read[..], &[0]].concat(), false), Some((7, 3)));
    assert_eq!(other_master(&framed(&[7, 6, 0, 1, 0, 5]), false), Some((7, 6)));
    assert_eq!(other_master(&framed(&[7, 16, 0, 1, 0, 1, 2, 0, 5]), false), Some((7, 16)));
    // Answers, late or foreign, are not: three bytes of coils are as long as a request.
    assert_eq!(other_master(&framed(&[7, 1, 3, 1, 2, 3]), false), None);
    assert_eq!(other_master(&rtu_answer(7, &[1, 2, 3, 4]), false), None);
    assert_eq!(other_master(&framed(&[7, 0x83, 2]), false), None);
    assert_eq!(other_master(&read[..7], false), None);
}

#[test]
fn a_whole_frame_for_another_request_is_foreign_and_one_with_a_broken_crc_is_nothing() {
    let mut frame = rtu_answer(8, &[1, 2, 3, 4]);
    assert!(matches!(rtu(&frame, &ask(2), 7, false, true), Rtu::Foreign { why: Wrong::Unit(8), .. }));
    let last = frame.len() - 1;
    frame[last] ^= 1;
    assert_eq!(rtu(&frame, &ask(2), 8, false, true), Rtu::BadCrc);
    frame[last] ^= 1;
    frame.swap(last - 1, last);
    assert!(matches!(rtu(&frame, &ask(2), 8, true, true), Rtu::Answer { .. }));
}

proptest! {
    #[test]
    fn an_rtu_answer_is_found_whole_wherever_it_is_cut(
        values in prop::collection::vec(any::<u8>(), 2..=250), cut in any::<prop::sample::Index>()
    ) {
        let values = &values[..values.len() / 2 * 2];
        let frame = rtu_answer(9, values);
        let ask = ask(values.len() as u16 / 2);
        let part = &frame[..cut.index(frame.len())];
        let early = matches!(rtu(part, &ask, 9, false, true), Rtu::Answer { .. });
        prop_assert!(!early);
        let found = rtu(&frame, &ask, 9, false, true);
        let whole = matches!(&found, Rtu::Answer { pdu, .. } if frame[pdu.clone()][2..] == *values);
        prop_assert!(whole, "{:?}", found);
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), unit in any::<u8>()) {
        let _ = tcp(&bytes);
        let _ = other_master(&bytes, false);
        for ask in [ask(2), Ask::Identify { level: 1, object: 0 }] {
            let _ = rtu(&bytes, &ask, unit, false, true);
            let _ = rtu(&bytes, &ask, unit, true, false);
            let _ = check(&ask, unit, unit, &bytes);
        }
    }
}
