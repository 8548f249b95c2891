//! Who dials in under one registration: one device, or two. One redials when its line was lost; two that introduce
//! themselves alike push each other out again and again, or take turns and hang up by themselves, and their values would
//! be one device's. Told by connections that were taken over while they were well, by calls that come from one address,
//! then another, then the first again, and by more calls than a lost line explains. Pure.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// After one take-over whose values these are is in doubt for this long.
const DOUBT: Duration = Duration::from_secs(60);
/// Two in this time are two devices; believed again when the last one is as long ago.
const TOGETHER: Duration = Duration::from_secs(600);
/// So many calls within a minute are more than a lost line explains: in doubt until they have become fewer.
const HURRIED: usize = 4;
const MINUTE: Duration = Duration::from_secs(60);

/// Who is on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// One device, as far as can be told.
    One,
    /// A connection that was well was taken over once, or calls come in too quick a turn.
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
    /// When the last calls came, the newest last.
    calls: VecDeque<Instant>,
    /// Whence the last call came, and whence those before it that came from elsewhere, with the time of the last one.
    address: Option<IpAddr>,
    elsewhere: Option<(IpAddr, Instant)>,
}

impl TakeOvers {
    /// A connection whose place a new call had taken answered all the same: somebody else is there.
    pub(super) fn count(&mut self, now: Instant) {
        self.before = self.last.replace(now);
        self.two = self.before.is_some_and(|before| now.duration_since(before) <= TOGETHER);
    }

    /// Somebody dialled in from `address` at `now` and introduced himself as this device.
    pub(super) fn called(&mut self, address: IpAddr, now: Instant) {
        if self.calls.len() == HURRIED {
            self.calls.pop_front();
        }
        self.calls.push_back(now);
        let Some(before) = self.address.replace(address).filter(|before| *before != address) else { return };
        // Back at the address before the last one: one device on a mobile network has a new one each time.
        if self.elsewhere.is_some_and(|(known, at)| known == address && now.duration_since(at) <= TOGETHER) {
            self.count(now);
        }
        self.elsewhere = Some((before, now));
    }

    fn is_hurried(&self, now: Instant) -> bool {
        self.calls.len() == HURRIED
            && self.calls[0] + MINUTE > self.calls[HURRIED - 1]
            && now.duration_since(self.calls[HURRIED - 1]) <= MINUTE
    }

    pub(super) fn callers(&self, now: Instant) -> Callers {
        match self.last.map(|last| now.duration_since(last)) {
            Some(ago) if self.two && ago <= TOGETHER => Callers::Two,
            Some(ago) if ago <= DOUBT => Callers::Doubtful,
            _ if self.is_hurried(now) => Callers::Doubtful,
            _ => Callers::One,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
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

    #[test]
    fn calls_in_a_quick_turn_are_doubtful_and_those_of_a_lost_line_are_not() {
        use Callers::{Doubtful, One};
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let here = IpAddr::from([192, 0, 2, 1]);
        let told = |every: u64| {
            let mut calls = TakeOvers::default();
            let told: Vec<Callers> = (0..8)
                .map(|n| {
                    calls.called(here, at(n * every));
                    calls.callers(at(n * every))
                })
                .collect();
            (told, calls.callers(at(7 * every + 61)))
        };
        assert_eq!(told(2), (vec![One, One, One, Doubtful, Doubtful, Doubtful, Doubtful, Doubtful], One));
        assert_eq!(told(30), (vec![One; 8], One));
    }

    #[test]
    fn two_that_hang_up_by_themselves_are_known_by_their_addresses_that_take_turns() {
        let start = Instant::now();
        let told = |addresses: &[u8]| {
            let mut calls = TakeOvers::default();
            for (n, last) in addresses.iter().enumerate() {
                calls.called(IpAddr::from([192, 0, 2, *last]), start + Duration::from_secs(60 * n as u64));
            }
            calls.callers(start + Duration::from_secs(60 * addresses.len() as u64 - 59))
        };
        assert_eq!(told(&[1, 1, 1, 1]), Callers::One);
        assert_eq!(told(&[1, 2, 3, 4, 5]), Callers::One, "a mobile network gives a new address each time");
        assert_eq!(told(&[1, 2, 1]), Callers::Doubtful);
        assert_eq!(told(&[1, 2, 1, 2]), Callers::Two);
        assert_eq!(told(&[1, 1, 2, 2, 1, 1, 2]), Callers::Two);
    }
}
