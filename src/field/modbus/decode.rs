//! Registers and bits → engineering values. Pure.

use crate::plant::{Cause, Quality};
use crate::settings::{ByteOrder, Format, ModbusPoint};

/// The largest integer a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of a register point; `words` starts at its address and has at least its width.
#[must_use]
pub fn registers(point: &ModbusPoint, words: &[u16]) -> (f64, Quality) {
    let width = usize::from(point.format.width());
    let Some(words) = words.get(..width) else { return (f64::NAN, Quality::Bad(Cause::Garbled)) };
    let mut bytes = [0u8; 8];
    let at = 8 - 2 * width;
    for (n, word) in words.iter().enumerate() {
        // Little-endian word orders put the least significant word first.
        let place = match point.order {
            ByteOrder::Abcd | ByteOrder::Badc => n,
            ByteOrder::Cdab | ByteOrder::Dcba => width - 1 - n,
        };
        let pair = match point.order {
            ByteOrder::Abcd | ByteOrder::Cdab => word.to_be_bytes(),
            ByteOrder::Badc | ByteOrder::Dcba => word.to_le_bytes(),
        };
        bytes[at + 2 * place..at + 2 * place + 2].copy_from_slice(&pair);
    }
    let bits = u64::from_be_bytes(bytes);
    let raw = match point.format {
        Format::Bit => return bit(point, words[0] != 0),
        Format::RegisterBit(number) => return bit(point, bits >> number & 1 == 1),
        Format::U16 | Format::U32 | Format::U64 => bits as f64,
        Format::I16 => f64::from(bits as u16 as i16),
        Format::I32 => f64::from(bits as u32 as i32),
        Format::I64 => bits as i64 as f64,
        Format::F32 => f64::from(f32::from_bits(bits as u32)),
        Format::F64 => f64::from_bits(bits),
    };
    if !raw.is_finite() || point.sentinels.contains(&raw) {
        return (f64::NAN, Quality::Bad(Cause::NotANumber));
    }
    let wide = matches!(point.format, Format::U64 | Format::I64) && raw.abs() > EXACT;
    let quality = if wide { Quality::Uncertain(Cause::Rounded) } else { Quality::Good };
    (raw * point.scale + point.offset, quality)
}

/// The value of a coil, a discrete input or a bit of a register.
#[must_use]
pub fn bit(point: &ModbusPoint, set: bool) -> (f64, Quality) {
    (f64::from(u8::from(set != point.invert)), Quality::Good)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::registers;
    use crate::plant::{PointIx, Quality};
    use crate::settings::{ByteOrder, Format, ModbusPoint, Table};

    const ORDERS: [ByteOrder; 4] = [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba];

    fn point(format: Format, order: ByteOrder) -> ModbusPoint {
        ModbusPoint {
            point: PointIx(0),
            table: Table::HoldingRegister,
            address: 0,
            format,
            order,
            scale: 1.0,
            offset: 0.0,
            invert: false,
            sentinels: vec![32767.0],
            origin: String::new(),
        }
    }

    /// Independent of the decoder: letters of the order pick bytes of the big-endian form.
    fn encode(bytes: &[u8], order: ByteOrder) -> Vec<u16> {
        let mut words: Vec<[u8; 2]> = bytes.chunks(2).map(|c| [c[0], c[1]]).collect();
        if matches!(order, ByteOrder::Cdab | ByteOrder::Dcba) {
            words.reverse();
        }
        let swap = matches!(order, ByteOrder::Badc | ByteOrder::Dcba);
        words
            .iter()
            .map(|w| if swap { u16::from_be_bytes([w[1], w[0]]) } else { u16::from_be_bytes(*w) })
            .collect()
    }

    #[test]
    fn one_and_a_quarter_reads_alike_in_all_four_orders() {
        for (order, words) in
            ORDERS.into_iter().zip([[0x3FA0, 0x0000], [0x0000, 0x3FA0], [0xA03F, 0x0000], [0x0000, 0xA03F]])
        {
            assert_eq!(registers(&point(Format::F32, order), &words), (1.25, Quality::Good), "{order:?}");
        }
    }

    #[test]
    fn a_sentinel_or_a_nan_is_no_value() {
        assert!(!registers(&point(Format::I16, ByteOrder::Abcd), &[0x7FFF]).1.is_usable());
        assert!(!registers(&point(Format::F32, ByteOrder::Abcd), &[0x7FC0, 0]).1.is_usable());
    }

    #[test]
    fn an_integer_beyond_the_exact_range_is_uncertain() {
        let words = [0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF];
        assert!(matches!(registers(&point(Format::I64, ByteOrder::Abcd), &words).1, Quality::Uncertain(_)));
    }

    proptest! {
        #[test]
        fn every_format_reads_back_in_every_order(value in any::<i32>(), which in 0usize..4, float in any::<f32>()) {
            let order = ORDERS[which];
            let read = |format, bytes: &[u8]| registers(&point(format, order), &encode(bytes, order)).0;
            prop_assert_eq!(read(Format::I32, &value.to_be_bytes()), f64::from(value));
            prop_assert_eq!(read(Format::U32, &(value as u32).to_be_bytes()), f64::from(value as u32));
            prop_assert_eq!(read(Format::I64, &i64::from(value).to_be_bytes()), f64::from(value));
            prop_assert_eq!(read(Format::F64, &f64::from(value).to_be_bytes()), f64::from(value));
            let short = value as i16;
            prop_assume!(short != 32767 && value != 32767);
            prop_assert_eq!(read(Format::I16, &short.to_be_bytes()), f64::from(short));
            if float.is_finite() {
                prop_assert_eq!(read(Format::F32, &float.to_be_bytes()), f64::from(float));
            }
        }
    }
}
