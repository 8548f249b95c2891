//! Room for connections: so many in all, few that have not said who they are, fewer of those from one
//! address, and some kept free for this machine, on which the gateway itself is a client. Who is let in
//! takes a place of its user's share.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::shares::Shares;
use super::slow::one_host;

/// Connections that have not been let in yet, from one address and in all.
const MOST_STRANGERS_OF_ONE: usize = 32;
const MOST_STRANGERS: usize = 256;
/// Kept free for connections from this machine.
const FOR_THIS_MACHINE: usize = 16;

/// Tells a connection that has not logged in to make room.
#[derive(Debug, Default)]
struct Leave {
    now: Notify,
    gone: AtomicBool,
}

#[derive(Debug)]
struct Stranger {
    since: Instant,
    of_this_machine: bool,
    leave: Arc<Leave>,
}

#[derive(Debug)]
struct Taken {
    all: usize,
    strangers: HashMap<SocketAddr, Stranger>,
    of_one: HashMap<IpAddr, usize>,
    known: Shares<SocketAddr>,
}

/// Why a client that has said who it is has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotIn {
    /// It was sent away in this instant, to make room for another.
    SentAway,
    /// Its user's share of the places is used up.
    ShareUsedUp,
}

/// Counts who is in.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken>,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    from: SocketAddr,
    leave: Arc<Leave>,
}

impl Place {
    /// Comes back when somebody else needs the place more: this one has not logged in, and its address has
    /// more such connections than the other's.
    pub(super) async fn is_needed(&self) {
        self.leave.now.notified().await;
    }
}

impl Places {
    pub(super) fn new(most: usize, users: Vec<String>) -> Arc<Self> {
        let known = Shares::new(most.saturating_sub(FOR_THIS_MACHINE), users);
        let taken = Taken { all: 0, strangers: HashMap::new(), of_one: HashMap::new(), known };
        Arc::new(Self { most, taken: Mutex::new(taken) })
    }

    /// A place for a connection from `from` to `to`, or why there is none.
    pub(super) fn take(self: &Arc<Self>, from: SocketAddr, to: IpAddr) -> Result<Place, String> {
        let mut taken = self.lock();
        let own = is_this_machine(from, to);
        let kept_free = if own { 0 } else { FOR_THIS_MACHINE };
        let of_one = taken.of_one.get(&one_host(from.ip())).copied().unwrap_or_default();
        if of_one >= MOST_STRANGERS_OF_ONE && !own {
            return Err(format!("{of_one} connections from this address have not logged in yet"));
        }
        let full = |taken: &Taken| taken.all + kept_free >= self.most;
        let strange = |taken: &Taken| taken.strangers.len() + kept_free >= MOST_STRANGERS;
        if (full(&taken) || strange(&taken)) && !taken.make_room(of_one) {
            return Err(if full(&taken) {
                format!("{} connections are open", taken.all)
            } else {
                format!("{} connections have not logged in yet", taken.strangers.len())
            });
        }
        *taken.of_one.entry(one_host(from.ip())).or_default() += 1;
        let leave = Arc::<Leave>::default();
        let stranger = Stranger { since: Instant::now(), of_this_machine: own, leave: Arc::clone(&leave) };
        taken.strangers.insert(from, stranger);
        taken.all += 1;
        Ok(Place { places: Arc::clone(self), from, leave })
    }

    /// The client from there has said who it is.
    ///
    /// # Errors
    /// Why it has no place.
    pub(super) fn admit(&self, from: SocketAddr, user: &str) -> Result<(), NotIn> {
        let mut taken = self.lock();
        let Some(stranger) = taken.strangers.get(&from) else { return Err(NotIn::SentAway) };
        // This machine's places are not shared out: the gateway is one of its clients.
        if !stranger.of_this_machine && !taken.known.take(&from, user, Instant::now()) {
            return Err(NotIn::ShareUsedUp);
        }
        taken.is_no_stranger(from);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By loopback, or by an address of its own.
fn is_this_machine(from: SocketAddr, to: IpAddr) -> bool {
    let from = from.ip().to_canonical();
    from.is_loopback() || from == to.to_canonical()
}

impl Taken {
    fn is_no_stranger(&mut self, from: SocketAddr) {
        if self.strangers.remove(&from).is_some() {
            let host = one_host(from.ip());
            if let Some(of_one) = self.of_one.get_mut(&host) {
                *of_one -= 1;
                if *of_one == 0 {
                    self.of_one.remove(&host);
                }
            }
        }
    }

    /// Sends the oldest stranger away of the address that has most of them, if that has more than the
    /// newcomer's would have.
    fn make_room(&mut self, of_newcomer: usize) -> bool {
        let Some((host, _)) =
            self.of_one.iter().max_by_key(|(_, n)| **n).filter(|(_, n)| **n > of_newcomer + 1)
        else {
            return false;
        };
        let of_host = self.strangers.iter().filter(|(from, _)| one_host(from.ip()) == *host);
        let Some((from, stranger)) = of_host.min_by_key(|(_, s)| s.since) else { return false };
        stranger.leave.gone.store(true, Ordering::Relaxed);
        stranger.leave.now.notify_one();
        let from = *from;
        self.is_no_stranger(from);
        self.all -= 1;
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if self.leave.gone.load(Ordering::Relaxed) {
            return;
        }
        taken.is_no_stranger(self.from);
        taken.known.give_back(&self.from);
        taken.all -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{FOR_THIS_MACHINE, MOST_STRANGERS_OF_ONE, NotIn, Place, Places};
    use std::net::{IpAddr, SocketAddr};
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    const TO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 200));

    fn from(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], port))
    }

    fn strangers(places: &Arc<Places>, host: u8, most: u16) -> Vec<Place> {
        (0..most).map_while(|n| places.take(from(host, n), TO).ok()).collect()
    }

    #[test]
    fn one_address_that_never_logs_in_leaves_room_for_others() {
        let places = Places::new(1000, Vec::new());
        let held = strangers(&places, 1, 200);
        assert_eq!(held.len(), MOST_STRANGERS_OF_ONE);
        let _other = places.take(from(2, 1), TO).expect("another host gets in");
        assert_eq!(places.admit(held[0].from, "dtu"), Ok(()));
        let _known = places.take(from(1, 500), TO).expect("who has logged in is not a stranger");
        drop(held);
        assert!(places.taken.lock().expect("not poisoned").of_one.len() <= 2, "nothing is left behind");
    }

    #[tokio::test]
    async fn many_addresses_that_never_log_in_make_room_for_one_that_comes() {
        let places = Places::new(1000, Vec::new());
        let held: Vec<Vec<Place>> = (1..=20).map(|host| strangers(&places, host, 200)).collect();
        let device = places.take(from(100, 1), TO).expect("a device gets in");
        let gone = held.iter().flatten().find(|place| place.leave.gone.load(Ordering::Relaxed));
        let gone = gone.expect("room was made");
        gone.is_needed().await;
        assert_eq!(places.admit(gone.from, "dtu"), Err(NotIn::SentAway), "it is not let in after all");
        assert_eq!(places.admit(device.from, "dtu"), Ok(()));
        drop((held, device));
        let taken = places.taken.lock().expect("not poisoned");
        assert_eq!((taken.all, taken.strangers.len(), taken.of_one.len()), (0, 0, 0));
    }

    #[test]
    fn a_full_broker_still_has_places_for_this_machine() {
        for own in ["127.0.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9", "10.0.0.200:9"] {
            let places = Places::new(40, Vec::new());
            let mut held = Vec::new();
            for n in 0..200 {
                let address = from(1, n);
                let Ok(place) = places.take(address, TO) else { break };
                assert_eq!(places.admit(address, "dtu"), Ok(()));
                held.push(place);
            }
            assert_eq!(held.len(), 40 - FOR_THIS_MACHINE);
            assert!(places.take(own.parse().expect("an address"), TO).is_ok(), "{own}");
        }
    }

    #[test]
    fn a_user_that_has_used_up_its_share_leaves_places_to_another() {
        let places = Places::new(116, vec!["dtu".to_owned(), "panel".to_owned()]);
        let mut held = Vec::new();
        for n in 0..200 {
            let place = places.take(from(1, n), TO).expect("a place");
            if let Err(why) = places.admit(from(1, n), "dtu") {
                assert_eq!(why, NotIn::ShareUsedUp);
                break;
            }
            held.push(place);
        }
        assert_eq!(held.len(), 50 + 25, "the common half and its own part");
        for n in 0..25 {
            held.push(places.take(from(2, n), TO).expect("a place"));
            assert_eq!(places.admit(from(2, n), "panel"), Ok(()));
        }
    }
}
