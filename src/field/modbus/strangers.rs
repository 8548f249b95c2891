//! Callers that have not said who they are: how many may wait, of all and of one address, and how often the log
//! is told of them. For `dial_in`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Callers that may wait at the same time.
const MOST: usize = 256;
/// Of them from one address: behind a mobile network's there may be several devices.
const MOST_OF_ONE: usize = 16;
/// In so long a time the log has this many lines about callers; the others are counted.
const WINDOW: Duration = Duration::from_secs(60);
const LINES: u32 = 5;

#[derive(Debug, Default)]
struct Waiting {
    of: HashMap<IpAddr, usize>,
    since: Option<Instant>,
    lines: u32,
    untold: u64,
}

/// Of one listener.
#[derive(Debug, Clone, Default)]
pub(super) struct Strangers(Arc<Mutex<Waiting>>);

/// A caller's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    from: IpAddr,
    strangers: Strangers,
}

impl Strangers {
    fn with<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A place for a caller, if there is one: an address that takes all of its own leaves those of others.
    pub(super) fn enter(&self, from: IpAddr) -> Option<Place> {
        self.with(|w| {
            let full = w.of.values().sum::<usize>() >= MOST;
            let mine = w.of.get(&from).copied().unwrap_or_default();
            (!full && mine < MOST_OF_ONE).then(|| w.of.insert(from, mine + 1))
        })?;
        Some(Place { from, strangers: self.clone() })
    }

    /// Whether the log may have a line now, and how many callers it was not told of since the last one.
    pub(super) fn line(&self, now: Instant) -> Option<u64> {
        self.with(|w| {
            if w.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
                (w.since, w.lines) = (Some(now), 0);
            }
            if w.lines >= LINES {
                w.untold += 1;
                return None;
            }
            w.lines += 1;
            Some(std::mem::take(&mut w.untold))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.strangers.with(|w| {
            let left = w.of.get(&self.from).copied().unwrap_or_default().saturating_sub(1);
            if left == 0 {
                w.of.remove(&self.from);
            } else {
                w.of.insert(self.from, left);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{LINES, MOST, MOST_OF_ONE, Strangers};

    #[test]
    fn one_address_that_takes_all_its_places_leaves_those_of_others() {
        let strangers = Strangers::default();
        let at = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut places: Vec<_> = (0..MOST_OF_ONE).map(|_| strangers.enter(at(1)).expect("a place")).collect();
        assert!(strangers.enter(at(1)).is_none());
        assert!(strangers.enter(at(2)).is_some());
        places.pop();
        assert!(strangers.enter(at(1)).is_some(), "a place was given back");
    }

    #[test]
    fn all_together_have_an_end_too() {
        let strangers = Strangers::default();
        let many = (0..=u8::MAX).flat_map(|n| (0..2).map(move |_| IpAddr::from([192, 0, 2, n])));
        let places: Vec<_> = many.map_while(|from| strangers.enter(from)).collect();
        assert_eq!(places.len(), MOST);
    }

    #[test]
    fn the_log_has_few_lines_a_minute_and_the_number_of_the_others() {
        let (strangers, start) = (Strangers::default(), Instant::now());
        let told = (0..1000).filter(|_| strangers.line(start).is_some()).count();
        assert_eq!(told, LINES as usize);
        assert_eq!(strangers.line(start + Duration::from_secs(61)), Some(1000 - u64::from(LINES)));
        assert_eq!(strangers.line(start + Duration::from_secs(62)), Some(0));
    }
}
