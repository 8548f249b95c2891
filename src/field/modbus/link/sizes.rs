//! RTU: blocks that a unit answers with another size than was asked for. One such frame may be another master's, with
//! our own answer still to come behind it; the same three times in a row is the device's own way.

use super::PollError;
use crate::field::modbus::frame::Ask;

/// So often in a row the same block was answered with the same other size.
const SURE: u8 = 3;
/// Blocks that are remembered.
const MOST: usize = 64;

#[derive(Debug, PartialEq, Eq)]
struct Odd {
    unit: u8,
    function: u8,
    address: u16,
    is_double: bool,
    times: u8,
}

#[derive(Debug, Default)]
pub(super) struct Sizes(Vec<Odd>);

impl Sizes {
    /// A request ended with `outcome`: whether that was the device's own answer, behind which no other comes.
    pub(super) fn is_its_way(&mut self, unit: u8, ask: &Ask, outcome: &PollError) -> bool {
        let is_double = match *outcome {
            PollError::Short { .. } => false,
            PollError::OtherSize { got, wanted, .. } if got < wanted => false,
            PollError::OtherSize { got, wanted, .. } if got == wanted * 2 => true,
            _ => {
                self.right(unit, ask);
                return false;
            }
        };
        let Some((function, address)) = block(ask) else { return false };
        let fits = |o: &&mut Odd| (o.unit, o.function, o.address) == (unit, function, address);
        if let Some(known) = self.0.iter_mut().find(fits) {
            known.times = if known.is_double == is_double { known.times.saturating_add(1) } else { 1 };
            known.is_double = is_double;
            return known.times >= SURE;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Odd { unit, function, address, is_double, times: 1 });
        false
    }

    /// The block was answered as it was asked for, or not at all.
    pub(super) fn right(&mut self, unit: u8, ask: &Ask) {
        let Some((function, address)) = block(ask) else { return };
        self.0.retain(|o| (o.unit, o.function, o.address) != (unit, function, address));
    }
}

fn block(ask: &Ask) -> Option<(u8, u16)> {
    match *ask {
        Ask::Read { address, .. } => Some((ask.function(), address)),
        Ask::Identify { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{PollError, Sizes};
    use crate::field::modbus::frame::Ask;
    use crate::settings::Table;

    #[test]
    fn a_size_that_comes_three_times_in_a_row_is_the_devices_own() {
        let of = |address| Ask::Read { table: Table::HoldingRegister, address, count: 4, four_byte: false };
        let short = PollError::Short { got: 2, wanted: 4, four_byte: false };
        let double = PollError::OtherSize { got: 16, wanted: 8, four_byte: false };
        for odd in [&short, &double] {
            let mut sizes = Sizes::default();
            let mut told = |address, outcome| sizes.is_its_way(1, &of(address), outcome);
            assert_eq!([odd; 4].map(|odd| told(7, odd)), [false, false, true, true]);
            assert!(!told(8, odd), "another block");
            let late = PollError::Late(std::time::Duration::from_secs(1));
            assert!(!told(7, &late) && !told(7, odd), "silence in between begins anew");
        }
        let mut sizes = Sizes::default();
        let told = [&short, &short, &double, &double, &double].map(|odd| sizes.is_its_way(1, &of(7), odd));
        assert_eq!(told, [false, false, false, false, true]);
    }
}
