//! Two answers for one wide counter, one soon after the other: a device that changes it word by word
//! may have been read in between. Pure; `unit` asks for points with `confirm`.

use super::decode::significant;
use super::frame::register_bytes;
use crate::settings::{Format, ModbusPoint};

/// Whether the point's value, `at` registers into `later`, may be made of words that never stood
/// together. Only its lowest word may have counted on since `earlier`, and only up: a carry into the
/// next word between the two answers cannot be told from a torn one.
pub(super) fn is_torn(point: &ModbusPoint, at: usize, later: &[u8], earlier: Option<&[u8]>) -> bool {
    let Some(earlier) = earlier else { return false };
    let width = usize::from(point.format.width());
    if point.registers() == 1 {
        // Whoever has registers of four bytes gives one as a whole.
        return false;
    }
    let from = at * register_bytes(point.four_byte);
    let span = from..from + width * 2;
    let (Some(one), Some(two)) = (earlier.get(span.clone()), later.get(span)) else { return true };
    if !(2..=4).contains(&width) || matches!(point.format, Format::Text(..)) {
        // Texts and clocks: no word stands above another.
        return one.chunks(2).zip(two.chunks(2)).filter(|(a, b)| a != b).count() > 1;
    }
    let (one, two) = (significant(one, point.order), significant(two, point.order));
    let falls = two < one && matches!(point.format, Format::U32 | Format::U64 | Format::Bcd(_));
    one >> 16 != two >> 16 || falls
}

#[cfg(test)]
mod tests {
    use super::is_torn;
    use crate::plant::PointIx;
    use crate::settings::{ByteOrder, Format, ModbusPoint, Table};

    fn torn(order: ByteOrder, earlier: [u16; 2], later: [u16; 2]) -> bool {
        let plain = ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::U32);
        let bytes = |words: [u16; 2]| words.map(u16::to_be_bytes).concat();
        is_torn(&ModbusPoint { order, ..plain }, 0, &bytes(later), Some(&bytes(earlier)))
    }

    #[test]
    fn a_counter_may_count_on_in_its_lowest_word_and_nowhere_else() {
        assert!(!torn(ByteOrder::Abcd, [1, 7], [1, 7]));
        assert!(!torn(ByteOrder::Abcd, [1, 7], [1, 9]));
        // 0001 FFFF → 0002 0000, met in between: high word new, low word old; and the other way round.
        assert!(torn(ByteOrder::Abcd, [1, 0xFFFF], [2, 0xFFFF]));
        assert!(torn(ByteOrder::Abcd, [1, 0xFFFF], [1, 0]));
        assert!(torn(ByteOrder::Abcd, [2, 0xFFFF], [2, 0]));
        assert!(torn(ByteOrder::Abcd, [1, 0xFFFF], [2, 0]));
    }

    #[test]
    fn which_word_is_the_lowest_is_the_orders_to_say() {
        assert!(!torn(ByteOrder::Cdab, [7, 1], [9, 1]));
        assert!(torn(ByteOrder::Cdab, [0xFFFF, 1], [0xFFFF, 2]));
    }

    #[test]
    fn a_value_that_is_not_wide_or_was_read_once_is_never_torn() {
        let point = |format| ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, format);
        assert!(!is_torn(&point(Format::U16), 0, &[0, 1], Some(&[9, 9])));
        assert!(!is_torn(&point(Format::U32), 0, &[0, 1, 0, 1], None));
        // Longer than any number: the seconds of a clock go on.
        assert!(!is_torn(&point(Format::Clock6), 0, &[0; 12], Some(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9])));
        assert!(is_torn(&point(Format::U32), 0, &[0, 1], Some(&[0, 1])));
        // One register of four bytes; two of them are read one after the other.
        let wide = |format| ModbusPoint { four_byte: true, ..point(format) };
        assert!(!is_torn(&wide(Format::U32), 0, &[0, 2, 0, 0], Some(&[0, 1, 0xFF, 0xFF])));
        let [later, earlier] = [[0, 0, 0, 2, 0, 0, 0, 0], [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]];
        assert!(is_torn(&wide(Format::U64), 0, &later, Some(&earlier)));
    }
}
