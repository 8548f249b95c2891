//! Connections of a device that dials in, taken over by another while they were well. One device redials when
//! its line was lost; two that introduce themselves alike push each other out again and again, and their
//! values would be one device's. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// After one take-over whose values these are is in doubt for this long.
const DOUBT: Duration = Duration::from_secs(60);
/// Two in this time are two devices; believed again when the last one is as long ago.
const TOGETHER: Duration = Duration::from_secs(600);

/// Who is on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// One device, as far as can be told.
    One,
    /// A connection that was well was taken over once.
    Doubtful,
    /// Two devices take turns.
    Two,
}

/// The last two take-overs of one line.
#[derive(Debug, Default)]
pub(super) struct TakeOvers {
    last: Option<Instant>,
    before: Option<Instant>,
    two: bool,
}

impl TakeOvers {
    /// A new call took the place of a connection that was open, and whose last request was answered.
    pub(super) fn count(&mut self, now: Instant) {
        self.before = self.last.replace(now);
        self.two = self.before.is_some_and(|before| now.duration_since(before) <= TOGETHER);
    }

    pub(super) fn callers(&self, now: Instant) -> Callers {
        match self.last.map(|last| now.duration_since(last)) {
            Some(ago) if self.two && ago <= TOGETHER => Callers::Two,
            Some(ago) if ago <= DOUBT => Callers::Doubtful,
            _ => Callers::One,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Callers, TakeOvers};

    #[test]
    fn two_take_overs_in_ten_minutes_are_two_devices_until_ten_minutes_are_quiet() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut calls = TakeOvers::default();
        assert_eq!(calls.callers(at(0)), Callers::One);
        calls.count(at(100));
        assert_eq!((calls.callers(at(160)), calls.callers(at(161))), (Callers::Doubtful, Callers::One));
        calls.count(at(701));
        assert_eq!(calls.callers(at(702)), Callers::Doubtful, "ten minutes later: it may have lost its line");
        calls.count(at(900));
        assert_eq!((calls.callers(at(1500)), calls.callers(at(1501))), (Callers::Two, Callers::One));
    }
}
