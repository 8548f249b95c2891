//! What registers become, byte order by byte order.

use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{engineering, raw, text};
use crate::field::ingest::civil::LocalTime;
use crate::plant::{Cause, Micros, PointIx, Quality, decimal};
use crate::settings::{ByteOrder, CurrentLoop, Encoding, Format, ModbusPoint, Scaling, Table};

const ORDERS: [ByteOrder; 4] = [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba];

fn point(format: Format, order: ByteOrder) -> ModbusPoint {
    ModbusPoint { order, ..ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, format) }
}

fn read(format: Format, order: ByteOrder, bytes: &[u8]) -> Result<f64, Cause> {
    raw(&point(format, order), bytes, LocalTime::UTC)
}

/// Independent of the decoder: letters of the order pick bytes of the big-endian form.
fn encode(bytes: &[u8], order: ByteOrder) -> Vec<u8> {
    let mut words: Vec<[u8; 2]> = bytes.chunks(2).map(|c| [c[0], c[1]]).collect();
    if matches!(order, ByteOrder::Cdab | ByteOrder::Dcba) {
        words.reverse();
    }
    let swap = matches!(order, ByteOrder::Badc | ByteOrder::Dcba);
    match order {
        ByteOrder::Other { place, .. } => (0..bytes.len()).map(|n| bytes[usize::from(place[n])]).collect(),
        _ => words.iter().flat_map(|w| if swap { [w[1], w[0]] } else { *w }).collect(),
    }
}

#[test]
fn one_and_a_quarter_reads_alike_in_all_four_orders() {
    for (order, bytes) in ORDERS.into_iter().zip([
        [0x3F, 0xA0, 0, 0],
        [0, 0, 0x3F, 0xA0],
        [0xA0, 0x3F, 0, 0],
        [0, 0, 0xA0, 0x3F],
    ]) {
        assert_eq!(read(Format::F32, order, &bytes), Ok(1.25), "{order:?}");
    }
}

#[test]
fn a_sentinel_or_a_nan_is_no_value() {
    let broken = ModbusPoint { sentinels: vec![32767.0], ..point(Format::I16, ByteOrder::Abcd) };
    assert_eq!(raw(&broken, &[0x7F, 0xFF], LocalTime::UTC), Err(Cause::Sentinel));
    assert_eq!(read(Format::F32, ByteOrder::Abcd, &[0x7F, 0xC0, 0, 0]), Err(Cause::NotANumber));
    assert_eq!(read(Format::F32, ByteOrder::Abcd, &[0x7F, 0xC0]), Err(Cause::Garbled));
}

#[test]
fn a_sentinel_is_known_in_the_precision_of_its_register() {
    let broken = ModbusPoint { sentinels: vec![-999.9], ..point(Format::F32, ByteOrder::Abcd) };
    assert_eq!(raw(&broken, &(-999.9f32).to_be_bytes(), LocalTime::UTC), Err(Cause::Sentinel));
    assert_eq!(raw(&broken, &(-999.8f32).to_be_bytes(), LocalTime::UTC), Ok(-999.8));
}

#[test]
fn a_value_at_its_limit_is_the_very_number_of_the_limit() {
    let scaled = |format, scale, offset| ModbusPoint {
        scaling: Scaling::Linear { scale, offset },
        ..point(format, ByteOrder::Abcd)
    };
    let value = |p: &ModbusPoint, bytes: &[u8]| engineering(p, raw(p, bytes, LocalTime::UTC).unwrap());
    assert_eq!(value(&scaled(Format::U16, 0.01, 0.0), &35u16.to_be_bytes()), (0.35, Quality::Good));
    assert_eq!(value(&scaled(Format::I16, 0.1, -100.0), &1001i16.to_be_bytes()), (0.1, Quality::Good));
    let float = 0.83f32.to_be_bytes();
    assert_eq!(value(&point(Format::F32, ByteOrder::Abcd), &float), (0.83, Quality::Good));
    assert_eq!(value(&scaled(Format::F32, 0.1, 0.0), &float), (0.083, Quality::Good));
}

#[test]
fn a_float_of_a_size_that_nothing_has_is_uncertain_and_zero_is_not() {
    let quality = |format, bytes: &[u8]| {
        let p = point(format, ByteOrder::Cdab);
        engineering(&p, raw(&p, bytes, LocalTime::UTC).unwrap()).1
    };
    let doubt = Quality::Uncertain(Cause::Implausible);
    for usual in [1.25f32, -12.5, 100.0, 0.5] {
        // Written as abcd, read as cdab: the words of round numbers make denormals.
        assert_eq!(quality(Format::F32, &usual.to_be_bytes()), doubt, "{usual}");
    }
    for usual in [0.83f32, 184.4] {
        assert_eq!(quality(Format::F32, &usual.to_be_bytes()), doubt, "{usual}");
    }
    assert_eq!(quality(Format::F64, &1.25f64.to_be_bytes()), doubt);
    assert_eq!(quality(Format::F32, &[0; 4]), Quality::Good);
    assert_eq!(quality(Format::F32, &[0, 0, 0x80, 0]), Quality::Good, "minus zero");
    assert_eq!(quality(Format::U32, &[0, 0, 0, 1]), Quality::Good);
    assert_eq!(quality(Format::F64, &[0, 0, 0, 0, 0, 0, 0x3F, 0xF0]), Quality::Good);
}

#[test]
fn nonsense_is_uncertain_however_it_is_scaled_and_as_a_half_float_too() {
    let dead_zero = sensor(false, false);
    let Scaling::Loop(current) = dead_zero.scaling else { panic!("a loop") };
    let scaling = Scaling::Loop(CurrentLoop { raw: (0.0, 100.0), ..current });
    let current = ModbusPoint { scaling, ..point(Format::F32, ByteOrder::Cdab) };
    let read = |p: &ModbusPoint, bytes: &[u8]| engineering(p, raw(p, bytes, LocalTime::UTC).unwrap()).1;
    assert_eq!(read(&current, &50.0f32.to_be_bytes()), Quality::Uncertain(Cause::Implausible));
    assert_eq!(read(&current, &[0, 0, 0x42, 0x48]), Quality::Good);
    let half = point(Format::F16, ByteOrder::Badc);
    assert_eq!(read(&half, &[0x3D, 0x00]), Quality::Uncertain(Cause::Implausible), "1.25 in the other order");
    assert_eq!(read(&half, &[0x00, 0x3D]), Quality::Good);
    assert_eq!(read(&half, &[0, 0]), Quality::Good);
}

#[test]
fn a_value_beyond_all_numbers_is_no_number() {
    let far = ModbusPoint {
        scaling: Scaling::Linear { scale: 1e10, offset: 0.0 },
        ..point(Format::F64, ByteOrder::Abcd)
    };
    assert_eq!(engineering(&far, 1e300).1, Quality::Bad(Cause::NotANumber));
}

#[test]
fn an_integer_beyond_the_exact_range_is_uncertain() {
    let p = point(Format::I64, ByteOrder::Abcd);
    assert_eq!(engineering(&p, 9.1e15).1, Quality::Uncertain(Cause::Rounded));
}

#[test]
fn decimal_registers_read_as_they_are_written() {
    assert_eq!(read(Format::Bcd(2), ByteOrder::Abcd, &[0x12, 0x34, 0x56, 0x78]), Ok(12_345_678.0));
    assert_eq!(read(Format::Bcd(1), ByteOrder::Abcd, &[0x1A, 0]), Err(Cause::NotANumber));
    let m10k = [0, 12, 0x0D, 0x80]; // 12, 3456
    assert_eq!(read(Format::M10k(2), ByteOrder::Abcd, &m10k), Ok(123_456.0));
    assert_eq!(read(Format::M10k(2), ByteOrder::Cdab, &[0x0D, 0x80, 0, 12]), Ok(123_456.0));
    assert_eq!(read(Format::M10k(2), ByteOrder::Abcd, &[0xFF, 0xFF, 0xF2, 0x80]), Ok(-13_456.0));
    assert_eq!(read(Format::M10k(2), ByteOrder::Abcd, &[0, 1, 0x27, 0x10]), Err(Cause::NotANumber));
}

#[test]
fn bits_of_a_register_and_halves_of_it() {
    let bytes = [0b1010_0000, 0b0000_0101];
    let bits = |low, high, signed| Format::Bits { low, high, wide: false, signed };
    assert_eq!(read(bits(0, 2, false), ByteOrder::Abcd, &bytes), Ok(5.0));
    assert_eq!(read(bits(8, 15, false), ByteOrder::Abcd, &bytes), Ok(160.0));
    assert_eq!(read(bits(8, 15, true), ByteOrder::Abcd, &bytes), Ok(-96.0));
    assert_eq!(read(bits(0, 2, true), ByteOrder::Abcd, &bytes), Ok(-3.0));
    assert_eq!(read(bits(0, 3, true), ByteOrder::Abcd, &bytes), Ok(5.0));
    assert_eq!(read(bits(0, 15, true), ByteOrder::Abcd, &[0xFF, 0xFD]), Ok(-3.0));
    let wide = Format::Bits { low: 0, high: 31, wide: true, signed: true };
    assert_eq!(read(wide, ByteOrder::Cdab, &[0xFF, 0xFD, 0xFF, 0xFF]), Ok(-3.0));
    // The low bits of two registers stand in the second one.
    let low = Format::Bits { low: 0, high: 7, wide: true, signed: false };
    assert_eq!(read(low, ByteOrder::Abcd, &[1, 2, 3, 4]), Ok(4.0));
    assert_eq!(read(Format::RegisterBit(15), ByteOrder::Abcd, &bytes), Ok(1.0));
    assert_eq!(read(Format::RegisterBit(15), ByteOrder::Badc, &bytes), Ok(0.0));
}

#[test]
fn halves_and_times_are_numbers_too() {
    assert_eq!(read(Format::F16, ByteOrder::Abcd, &[0x3D, 0x00]), Ok(1.25));
    assert_eq!(read(Format::F16, ByteOrder::Abcd, &[0xC0, 0x00]), Ok(-2.0));
    assert_eq!(read(Format::F16, ByteOrder::Abcd, &[0x7C, 0x00]), Err(Cause::NotANumber));
    assert_eq!(read(Format::Epoch32, ByteOrder::Abcd, &[0x6A, 0xB1, 0x3B, 0x80]), Ok(1_790_000_000.0));
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let shanghai = LocalTime { zone: &zone, arrival: Micros(0) };
    let bytes: Vec<u8> = [26i16, 9, 21, 22, 13, 20].iter().flat_map(|w| w.to_be_bytes()).collect();
    let p = point(Format::Clock6, ByteOrder::Abcd);
    assert_eq!(raw(&p, &bytes, shanghai), Ok(1_790_000_000.0));
    assert_eq!(raw(&p, &[0; 12], shanghai), Err(Cause::NotANumber));
}

#[test]
fn a_clock_in_the_hour_that_comes_twice_is_the_one_nearer_to_its_answer() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let bytes: Vec<u8> = [2026i16, 10, 25, 2, 30, 0].iter().flat_map(|w| w.to_be_bytes()).collect();
    let p = point(Format::Clock6, ByteOrder::Abcd);
    for at in [1_792_888_200, 1_792_891_800] {
        let local = LocalTime { zone: &zone, arrival: Micros(at * 1_000_000 + 300_000) };
        assert_eq!(raw(&p, &bytes, local), Ok(at as f64));
    }
}

#[test]
fn texts_end_at_their_mark_and_keep_their_characters() {
    let p = |encoding, order| ModbusPoint { order, ..point(Format::Text(4, encoding), order) };
    assert_eq!(text(&p(Encoding::Ascii, ByteOrder::Abcd), b"AB12\0\0xx").as_deref(), Some("AB12"));
    assert_eq!(text(&p(Encoding::Ascii, ByteOrder::Badc), b"BA21  \0\0").as_deref(), Some("AB12"));
    let gbk = [0xB9, 0xF8, 0xC2, 0xAF, 0x31, 0, 0, 0];
    assert_eq!(text(&p(Encoding::Gbk, ByteOrder::Abcd), &gbk).as_deref(), Some("锅炉1"));
    let utf16 = [0x95, 0x05, 0x70, 0x89, 0, 0x31, 0, 0];
    assert_eq!(text(&p(Encoding::Utf16Be, ByteOrder::Abcd), &utf16).as_deref(), Some("锅炉1"));
}

#[test]
fn every_raw_number_but_zero_is_true_at_a_discrete_point_whatever_its_format() {
    for (format, bytes, set) in [
        (Format::U16, vec![0, 255], 1.0),
        (Format::U16, vec![0, 2], 1.0),
        (Format::I16, vec![0xFF, 0xFF], 1.0),
        (Format::F32, vec![0x3F, 0, 0, 0], 1.0),
        (Format::Bits { low: 4, high: 7, wide: false, signed: false }, vec![0, 0x30], 1.0),
        (Format::Bool, vec![0, 255], 1.0),
        (Format::U16, vec![0, 0], 0.0),
    ] {
        for (invert, wanted) in [(false, set), (true, 1.0 - set)] {
            let scaling = Scaling::Linear { scale: 0.1, offset: 5.0 };
            let discrete = ModbusPoint { truth: true, invert, scaling, ..point(format, ByteOrder::Abcd) };
            let raw = raw(&discrete, &bytes, LocalTime::UTC).expect("a number");
            assert_eq!(engineering(&discrete, raw), (wanted, Quality::Good), "{format:?} {bytes:?} {invert}");
        }
    }
}

fn sensor(live_zero: bool, clamp: bool) -> ModbusPoint {
    ModbusPoint {
        scaling: Scaling::Loop(CurrentLoop {
            raw: (5530.0, 27648.0),
            range: (0.0, 2.5),
            live_zero,
            clamp,
            fault_hold: Duration::from_secs(4),
        }),
        ..point(Format::I16, ByteOrder::Abcd)
    }
}

#[test]
fn a_current_loop_reads_as_the_worked_example_and_a_broken_wire_is_no_pressure() {
    let p = sensor(true, false);
    assert!((engineering(&p, 5530.0).0 - 0.0).abs() < 1e-9);
    assert!((engineering(&p, 16589.0).0 - 1.25).abs() < 1e-3);
    assert_eq!(engineering(&p, 27648.0), (2.5, Quality::Good));
    assert_eq!(engineering(&p, 4976.0).1, Quality::Bad(Cause::LoopFault));
    assert_eq!(engineering(&p, 0.0).1, Quality::Bad(Cause::LoopFault));
    // 3.7 mA and 20.7 mA: beyond the band, not yet a fault.
    assert_eq!(engineering(&p, 5115.0).1, Quality::Uncertain(Cause::LoopSaturated));
    assert_eq!(engineering(&p, 28615.0).1, Quality::Uncertain(Cause::LoopSaturated));
    assert_eq!(engineering(&sensor(true, true), 28615.0).0, 2.5);
}

proptest! {
    #[test]
    fn every_format_reads_back_in_every_order(
        value in any::<i32>(), float in any::<f32>(), wide in any::<i64>(),
        which in 0usize..5, shuffled in Just([0u8, 1, 2, 3, 4, 5, 6, 7]).prop_shuffle(),
        short in Just([0u8, 1, 2, 3]).prop_shuffle()
    ) {
        let other8 = ByteOrder::Other { bytes: 8, place: shuffled };
        let mut place = [0u8; 8];
        place[..4].copy_from_slice(&short);
        let other4 = ByteOrder::Other { bytes: 4, place };
        let order4 = *ORDERS.get(which).unwrap_or(&other4);
        let order8 = *ORDERS.get(which).unwrap_or(&other8);
        let order2 = *ORDERS.get(which).unwrap_or(&ByteOrder::Abcd);
        let read4 = |format, bytes: &[u8]| read(format, order4, &encode(bytes, order4));
        let read8 = |format, bytes: &[u8]| read(format, order8, &encode(bytes, order8));
        prop_assert_eq!(read4(Format::I32, &value.to_be_bytes()), Ok(f64::from(value)));
        prop_assert_eq!(read4(Format::U32, &(value as u32).to_be_bytes()), Ok(f64::from(value as u32)));
        if float.is_finite() {
            prop_assert_eq!(read4(Format::F32, &float.to_be_bytes()), Ok(decimal::of_single(float)));
        }
        prop_assert_eq!(read8(Format::I64, &wide.to_be_bytes()), Ok(wide as f64));
        prop_assert_eq!(read8(Format::U64, &wide.to_be_bytes()), Ok(wide as u64 as f64));
        prop_assert_eq!(read8(Format::F64, &f64::from(value).to_be_bytes()), Ok(f64::from(value)));
        let small = value as i16;
        prop_assert_eq!(read(Format::I16, order2, &encode(&small.to_be_bytes(), order2)), Ok(f64::from(small)));
        let digits = format!("{:08}", value.unsigned_abs() % 100_000_000);
        let packed: Vec<u8> =
            (0..4).map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap()).collect();
        prop_assert_eq!(read4(Format::Bcd(2), &packed), Ok(f64::from(value.unsigned_abs() % 100_000_000)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..24), low in 0u8..32, which in 0usize..12) {
        let format = [
            Format::Bits { low, high: 31, wide: true, signed: low % 2 == 1 }, Format::Bcd(4), Format::M10k(4), Format::Clock6, Format::F16,
            Format::Text(6, Encoding::Gbk), Format::Text(6, Encoding::Utf16Le), Format::Epoch64Ms,
            Format::U64, Format::RegisterBit(15), Format::Bool, Format::Text(3, Encoding::Utf8),
        ][which];
        for order in ORDERS {
            let p = point(format, order);
            let _ = raw(&p, &bytes, LocalTime::UTC).map(|r| engineering(&p, r));
            let _ = text(&p, &bytes);
        }
    }
}
