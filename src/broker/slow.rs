//! Wrong passwords slow down whoever sends them, and shut out nobody else. Times are given, so that it
//! can be tested. The rule:
//!
//! - A name at an address: three wrong passwords are free, then each makes the next one there wait twice
//!   as long, from 0.5 s to a minute.
//! - A name at an address where it has logged in before waits a quarter of a second at most, and nothing
//!   below holds for it.
//! - An address, whatever the names, and a name, whatever the addresses: each further password takes
//!   longer to be looked at, up to [`LONGEST_DELAY`], and is looked at all the same.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Wrong passwords that cost nothing: typing errors.
const FREE: u32 = 3;
/// The first pause; each further wrong password doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// For a name at an address.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// For a name at an address where it has been proved: who guesses there must not shut out the device that
/// belongs there.
const LONGEST_PAUSE_PROVED: Duration = Duration::from_millis(250);
/// For an address, and for a name: with what a name at an address may wait, it fits the time that a client
/// has for its login.
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(4);
/// Without a further wrong password so long, it is forgotten.
const FORGET: Duration = Duration::from_secs(900);
/// Addresses, names and proved pairs that are remembered.
const MOST: usize = 4096;
/// Of a name so much is remembered.
const LONGEST_NAME: usize = 64;

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
    /// A password for `name` comes from `address`: `Ok` lets it be compared after that delay, and makes
    /// the next one wait; `Err` is how long this one has to wait before it may ask again.
    pub(super) fn ask(&mut self, address: IpAddr, name: &str, now: Instant) -> Result<Duration, Duration> {
        let (address, name) = (one_host(address), short(name));
        let proved = self.proved.contains_key(&(address, name.clone()));
        if let Some(wrong) = self.wrong.get_mut(&Whose::Pair(address, name.clone())) {
            if wrong.next > now {
                return Err(wrong.next - now);
            }
            wrong.next = now + pause(wrong.times, longest(proved));
        }
        if proved {
            return Ok(Duration::ZERO);
        }
        let delay = |whose| {
            let wrong: Option<&Wrong> = self.wrong.get(&whose);
            let fresh = wrong.filter(|w| now.saturating_duration_since(w.last) < FORGET);
            fresh.map_or(Duration::ZERO, |w| pause(w.times, LONGEST_DELAY))
        };
        Ok(delay(Whose::Address(address)).max(delay(Whose::Name(name))))
    }

    /// The password was wrong; gives how often that happened from this address or for this name.
    pub(super) fn wrong(&mut self, address: IpAddr, name: &str, now: Instant) -> u32 {
        self.make_room(now);
        let (address, name) = (one_host(address), short(name));
        let proved = self.proved.contains_key(&(address, name.clone()));
        let mut keys = vec![Whose::Pair(address, name.clone())];
        // A device that mistypes its own password slows nobody else.
        if !proved {
            keys.extend([Whose::Address(address), Whose::Name(name)]);
        }
        let mut most = 0;
        for key in keys {
            let wrong = self.wrong.entry(key).or_insert(Wrong { times: 0, next: now, last: now });
            let forgotten = now.saturating_duration_since(wrong.last) >= FORGET;
            wrong.times = if forgotten { 1 } else { wrong.times.saturating_add(1) };
            wrong.last = now;
            wrong.next = now + pause(wrong.times, longest(proved));
            most = most.max(wrong.times);
        }
        most
    }

    /// The password was right.
    pub(super) fn right(&mut self, address: IpAddr, name: &str, now: Instant) {
        self.make_room(now);
        let pair = (one_host(address), short(name));
        self.wrong.remove(&Whose::Pair(pair.0, pair.1.clone()));
        self.proved.insert(pair, now);
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

/// One host has as many IPv6 addresses as it likes: those of one network of 64 bits count as one. IPv4
/// counts as such also where it comes in a form of IPv6.
pub(super) fn one_host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) if !six.is_loopback() => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other => other,
    }
}

fn short(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

fn longest(proved: bool) -> Duration {
    if proved { LONGEST_PAUSE_PROVED } else { LONGEST_PAUSE }
}

fn pause(times: u32, longest: Duration) -> Duration {
    match times.checked_sub(FREE) {
        None | Some(0) => Duration::ZERO,
        Some(n) => FIRST_PAUSE.saturating_mul(1 << (n - 1).min(16)).min(longest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Guesses one after the other; how long they took.
    fn guesses(slow: &mut Slow, of: impl Iterator<Item = (IpAddr, String)>, begun: Instant) -> Duration {
        let mut now = begun;
        for (from, name) in of {
            loop {
                match slow.ask(from, &name, now) {
                    Ok(delay) => {
                        now += delay;
                        break;
                    }
                    Err(wait) => now += wait,
                }
            }
            slow.wrong(from, &name, now);
        }
        now - begun
    }

    #[test]
    fn guesses_at_one_name_from_one_address_become_slower_and_slower() {
        let one = (0..60).map(|_| (address(1), "dtu".to_owned()));
        let took = guesses(&mut Slow::default(), one, Instant::now());
        assert!(took > Duration::from_secs(45 * 60), "60 guesses in {took:?}");
    }

    #[test]
    fn an_address_that_tries_many_names_and_a_name_tried_from_many_addresses_are_slowed() {
        let many_names = (0..60).map(|n: u8| (address(1), n.to_string()));
        let many_addresses = (0..60).map(|n| (address(n), "dtu".to_owned()));
        for took in [
            guesses(&mut Slow::default(), many_names, Instant::now()),
            guesses(&mut Slow::default(), many_addresses, Instant::now()),
        ] {
            assert!(took > Duration::from_secs(3 * 60), "60 guesses in {took:?}");
        }
    }

    #[test]
    fn a_name_that_is_guessed_elsewhere_logs_in_from_a_new_address_a_little_later() {
        let (mut slow, mut now) = (Slow::default(), Instant::now());
        for n in 1..200 {
            now += Duration::from_secs(1);
            slow.wrong(address(n), "dtu", now);
            slow.wrong(address(1), "dtu", now);
        }
        let delay = slow.ask(address(250), "dtu", now).expect("looked at, not refused");
        assert!(delay > Duration::ZERO && delay <= LONGEST_DELAY, "{delay:?}");
        assert!(slow.ask(address(1), "dtu", now).is_err(), "the guesser waits");
        // Another name at the guesser's address: behind one router there are devices too.
        assert!(slow.ask(address(1), "panel", now).is_ok_and(|delay| delay <= LONGEST_DELAY));
        assert_eq!(slow.ask(address(250), "dtu", now + FORGET), Ok(Duration::ZERO), "it is forgotten");
    }

    #[test]
    fn who_has_proved_its_name_is_not_held_up_by_the_guesses_of_others() {
        let (mut slow, now) = (Slow::default(), Instant::now());
        assert!(slow.ask(address(1), "dtu", now).is_ok());
        slow.right(address(1), "dtu", now);
        for n in 0..30 {
            slow.wrong(address(1), "root", now);
            slow.wrong(address(2), "dtu", now);
            slow.wrong(address(100 + n), "dtu", now);
        }
        assert_eq!(slow.ask(address(1), "dtu", now), Ok(Duration::ZERO), "the device reconnects");
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
    fn one_host_is_one_address_in_ipv6_too() {
        let of = |text: &str| one_host(text.parse().expect("an address"));
        assert_eq!(of("fd00:1:2:3::1"), of("fd00:1:2:3:4:5:6:7"));
        assert_ne!(of("fd00:1:2:3::1"), of("fd00:1:2:4::1"));
        assert_eq!(of("::ffff:10.0.0.1"), address(1));
        assert!(of("::1").is_loopback() && of("::ffff:127.0.0.1").is_loopback());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut slow, now) = (Slow::default(), Instant::now());
        for n in 0..20_000_u32 {
            let (from, now) = (IpAddr::from(n.to_be_bytes()), now + Duration::from_millis(u64::from(n)));
            slow.wrong(from, &n.to_string(), now);
            slow.right(from, &n.to_string(), now);
        }
        assert!(slow.wrong.len() <= MOST + 3 && slow.proved.len() <= MOST);
    }
}
