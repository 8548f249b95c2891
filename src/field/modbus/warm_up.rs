//! Zeros of a device that has just started: it answers at once, but has measured nothing yet. Pure.
//!
//! What counts is the device, not the request: a block of alarm bits is all zero while all is well. So
//! zeros are in doubt while nothing of the device is anything else, and no longer than the time that
//! it takes to warm up; a device that is still all zero then is believed. `unit` asks at every answer.

use std::collections::HashMap;
use std::time::Duration;

use super::plan::Request;
use crate::settings::Table;

/// Group, table, first address, length.
type Block = (usize, Table, u16, u16);

/// One device's memory. Times are of the bus's monotonic clock.
pub(super) struct WarmUp {
    long: Duration,
    /// Zeros are in doubt until then; set by the first of them.
    until: Option<Duration>,
    /// Answers so far, and which was the last with anything but zeros in it.
    answers: u64,
    alive: u64,
    /// Answers there were when the present poll began.
    poll: u64,
    /// By block: its last answer, and whether it was all zero.
    last: HashMap<Block, (u64, bool)>,
}

impl WarmUp {
    pub(super) fn new(long: Duration) -> Self {
        Self { long, until: None, answers: 0, alive: 0, poll: 0, last: HashMap::new() }
    }

    /// The device answers again after silence. A new connection by itself says nothing: many devices
    /// close one that is idle.
    pub(super) fn appeared(&mut self, now: Duration) {
        *self = Self { until: Some(now + self.long), ..Self::new(self.long) };
    }

    /// A poll begins.
    pub(super) fn begin(&mut self) {
        self.poll = self.answers;
    }

    /// Whether the values of this answer are in doubt.
    pub(super) fn doubts(&mut self, group: usize, request: &Request, values: &[u8], now: Duration) -> bool {
        self.answers += 1;
        let zero = values.iter().all(|b| *b == 0);
        let block = (group, request.table, request.address, request.count);
        let (before, was_zero) = self.last.insert(block, (self.answers, zero)).unwrap_or((0, true));
        if !zero {
            self.alive = self.answers;
            self.until = None;
            return false;
        }
        // Zeros that were there before need a neighbour that spoke since; new ones one that speaks
        // in this very poll, for the device may have restarted between two polls.
        if self.alive > self.poll || was_zero && self.alive > before {
            return false;
        }
        now < *self.until.get_or_insert(now + self.long)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::WarmUp;
    use crate::field::modbus::plan::Request;
    use crate::settings::Table;

    fn block(table: Table, address: u16) -> Request {
        Request { table, address, count: 2, four_byte: false, points: vec![0] }
    }

    /// One poll of these blocks: which of them are in doubt.
    fn poll(warm: &mut WarmUp, at: u64, answers: &[(Table, u16, u8)]) -> Vec<bool> {
        warm.begin();
        let values = |low: u8| [0, 0, 0, low];
        let now = Duration::from_secs(at);
        answers
            .iter()
            .map(|(table, address, low)| warm.doubts(0, &block(*table, *address), &values(*low), now))
            .collect()
    }

    const HOLDING: Table = Table::HoldingRegister;
    const INPUT: Table = Table::InputRegister;

    #[test]
    fn zeros_are_in_doubt_only_while_the_whole_device_is_zero() {
        let mut warm = WarmUp::new(Duration::from_secs(30));
        // An alarm word that is zero because all is well, before and behind the values.
        for at in 0..100 {
            let doubts = poll(&mut warm, at, &[(HOLDING, 0, 0), (INPUT, 0, 7), (INPUT, 9, 0)]);
            assert_eq!(doubts, [at == 0, false, false], "{at}");
        }
        let all_zero = [(HOLDING, 0, 0), (INPUT, 0, 0), (INPUT, 9, 0)];
        // The alarm word was zero before; what is new is doubted at once, then all.
        assert_eq!(poll(&mut warm, 100, &all_zero), [false, true, true]);
        assert_eq!(poll(&mut warm, 101, &all_zero), [true, true, true]);
        assert_eq!(poll(&mut warm, 129, &all_zero), [true, true, true]);
        // It stands still and cold: that is a state like any other.
        assert_eq!(poll(&mut warm, 130, &all_zero), [false, false, false]);
    }

    #[test]
    fn values_that_fall_to_zero_are_doubted_before_any_neighbour_has_spoken() {
        let mut warm = WarmUp::new(Duration::from_secs(30));
        assert_eq!(poll(&mut warm, 0, &[(HOLDING, 0, 7), (INPUT, 0, 7)]), [false, false]);
        // An alarm that goes, in doubt for one poll; the device was not off.
        assert_eq!(poll(&mut warm, 1, &[(HOLDING, 0, 0), (INPUT, 0, 7)]), [true, false]);
        assert_eq!(poll(&mut warm, 2, &[(HOLDING, 0, 0), (INPUT, 0, 7)]), [false, false]);
    }

    #[test]
    fn a_device_that_comes_back_has_its_whole_time_again() {
        let mut warm = WarmUp::new(Duration::from_secs(30));
        assert_eq!(poll(&mut warm, 0, &[(HOLDING, 0, 0)]), [true]);
        assert_eq!(poll(&mut warm, 40, &[(HOLDING, 0, 0)]), [false]);
        warm.appeared(Duration::from_secs(50));
        assert_eq!(poll(&mut warm, 79, &[(HOLDING, 0, 0)]), [true]);
        assert_eq!(poll(&mut warm, 80, &[(HOLDING, 0, 0)]), [false]);
        assert_eq!(poll(&mut warm, 81, &[(HOLDING, 0, 1)]), [false]);
        assert_eq!(poll(&mut warm, 82, &[(HOLDING, 0, 0)]), [true]);
    }
}
