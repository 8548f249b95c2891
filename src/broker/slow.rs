//! Wrong passwords slow down whoever sends them, by address and by name. Who has already proved a name
//! at an address is not held up by the guesses of others there. Times are given, so that it can be tested.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Wrong passwords that cost nothing: typing errors.
const FREE: u32 = 3;
/// The first pause; each further wrong password doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest where the name has been proved at the address: who guesses there must not shut out the
/// device that belongs there.
const LONGEST_PAUSE_PROVED: Duration = Duration::from_millis(250);
/// Without a further wrong password so long, it is forgotten.
const FORGET: Duration = Duration::from_secs(900);
/// Addresses, names and proved pairs that are remembered.
const MOST: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Address(IpAddr),
    Name(String),
    Pair(IpAddr, String),
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    times: u32,
    next: Instant,
    last: Instant,
}

/// Who sent wrong passwords, and when the next one may be tried.
#[derive(Debug, Default)]
pub(super) struct Slow {
    wrong: HashMap<Whose, Wrong>,
    proved: HashMap<(IpAddr, String), Instant>,
}

impl Slow {
    /// A password for `name` comes from `address`: `Ok` lets it be compared now, and makes the next one
    /// wait; `Err` is how long this one has to wait before it may ask again.
    pub(super) fn ask(&mut self, address: IpAddr, name: &str, now: Instant) -> Result<(), Duration> {
        let keys = self.keys(address, name);
        let until = keys.iter().filter_map(|k| self.wrong.get(k)).map(|w| w.next).max();
        if let Some(until) = until.filter(|until| *until > now) {
            return Err(until - now);
        }
        for key in &keys {
            if let Some(wrong) = self.wrong.get_mut(key) {
                wrong.next = now + key.pause(wrong.times);
            }
        }
        Ok(())
    }

    /// The password was wrong; gives how often that happened from this address or for this name.
    pub(super) fn wrong(&mut self, address: IpAddr, name: &str, now: Instant) -> u32 {
        self.make_room(now);
        let mut most = 0;
        for key in self.keys(address, name) {
            let pause = |times| key.pause(times);
            let wrong = self.wrong.entry(key.clone()).or_insert(Wrong { times: 0, next: now, last: now });
            wrong.times = wrong.times.saturating_add(1);
            wrong.last = now;
            wrong.next = now + pause(wrong.times);
            most = most.max(wrong.times);
        }
        most
    }

    /// The password was right.
    pub(super) fn right(&mut self, address: IpAddr, name: &str, now: Instant) {
        self.make_room(now);
        self.wrong.remove(&Whose::Pair(address, name.to_owned()));
        self.proved.insert((address, name.to_owned()), now);
    }

    fn keys(&self, address: IpAddr, name: &str) -> Vec<Whose> {
        if self.proved.contains_key(&(address, name.to_owned())) {
            vec![Whose::Pair(address, name.to_owned())]
        } else {
            vec![Whose::Address(address), Whose::Name(name.chars().take(64).collect())]
        }
    }

    /// Forgets what is over; if that is not enough, the quarter that was quiet longest: names are guessed
    /// from many addresses then.
    fn make_room(&mut self, now: Instant) {
        if self.wrong.len() >= MOST {
            self.wrong.retain(|_, w| now.saturating_duration_since(w.last) < FORGET);
        }
        if self.wrong.len() >= MOST {
            let oldest = quarter(self.wrong.values().map(|w| w.last));
            self.wrong.retain(|_, w| w.last > oldest);
        }
        if self.proved.len() >= MOST {
            let oldest = quarter(self.proved.values().copied());
            self.proved.retain(|_, at| *at > oldest);
        }
    }
}

/// A quarter of these times is not later than this one.
fn quarter(times: impl Iterator<Item = Instant>) -> Instant {
    let mut times: Vec<Instant> = times.collect();
    times.sort_unstable();
    times[times.len() / 4]
}

impl Whose {
    fn pause(&self, times: u32) -> Duration {
        let longest = if matches!(self, Self::Pair(..)) { LONGEST_PAUSE_PROVED } else { LONGEST_PAUSE };
        match times.checked_sub(FREE) {
            None | Some(0) => Duration::ZERO,
            Some(n) => FIRST_PAUSE.saturating_mul(1 << (n - 1).min(16)).min(longest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn guesses_of_one_address_or_at_one_name_become_slower_and_slower() {
        for spread in [false, true] {
            let (mut slow, mut now) = (Slow::default(), Instant::now());
            let begun = now;
            for n in 0..60_u8 {
                // One address and many names, or one name from many addresses.
                let (from, name) =
                    if spread { (address(n), "dtu".to_owned()) } else { (address(1), n.to_string()) };
                while let Err(wait) = slow.ask(from, &name, now) {
                    now += wait;
                }
                slow.wrong(from, &name, now);
            }
            let took = now - begun;
            assert!(took > Duration::from_secs(45 * 60), "60 guesses in {took:?}, spread: {spread}");
        }
    }

    #[test]
    fn who_has_proved_its_name_is_not_held_up_by_the_guesses_of_others() {
        let (mut slow, now) = (Slow::default(), Instant::now());
        assert!(slow.ask(address(1), "dtu", now).is_ok());
        slow.right(address(1), "dtu", now);
        for _ in 0..30 {
            slow.wrong(address(1), "root", now);
            slow.wrong(address(2), "dtu", now);
        }
        assert!(slow.ask(address(1), "dtu", now).is_ok(), "the device reconnects");
        assert!(slow.ask(address(2), "dtu", now).is_err(), "the guesser waits");
        // Its own name is guessed from its own address: that is slowed down too.
        for _ in 0..10 {
            slow.wrong(address(1), "dtu", now);
        }
        let wait = slow.ask(address(1), "dtu", now).expect_err("not at once");
        assert!(wait <= LONGEST_PAUSE_PROVED, "the device itself is not shut out: {wait:?}");
    }

    #[test]
    fn waiting_guesses_are_compared_one_after_the_other() {
        let (mut slow, now) = (Slow::default(), Instant::now());
        for _ in 0..5 {
            slow.wrong(address(1), "dtu", now);
        }
        let later = now + Duration::from_secs(1);
        assert!(slow.ask(address(1), "dtu", later).is_ok());
        assert!(slow.ask(address(1), "dtu", later).is_err(), "the second in the same instant waits");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut slow, now) = (Slow::default(), Instant::now());
        for n in 0..20_000_u32 {
            let (from, now) = (IpAddr::from(n.to_be_bytes()), now + Duration::from_millis(u64::from(n)));
            slow.wrong(from, &n.to_string(), now);
            slow.right(from, &n.to_string(), now);
        }
        assert!(slow.wrong.len() <= MOST + 2 && slow.proved.len() <= MOST);
    }
}
