//! Room for connections: so many in all, few that have not said who they are, fewer of those from one
//! address, and some kept free for this machine, on which the gateway itself is a client.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections that have not been let in yet, from one address and in all.
const MOST_STRANGERS_OF_ONE: usize = 32;
const MOST_STRANGERS: usize = 256;
/// Kept free for connections from loopback.
const FOR_LOOPBACK: usize = 16;

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    strangers: HashSet<SocketAddr>,
    of_one: HashMap<IpAddr, usize>,
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
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// A place for a connection from there, or why there is none.
    pub(super) fn take(self: &Arc<Self>, from: SocketAddr) -> Result<Place, String> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let loopback = from.ip().is_loopback();
        let most = if loopback { self.most } else { self.most.saturating_sub(FOR_LOOPBACK) };
        if taken.all >= most {
            return Err(format!("{} connections are open", taken.all));
        }
        let most = if loopback { MOST_STRANGERS } else { MOST_STRANGERS - FOR_LOOPBACK };
        if taken.strangers.len() >= most {
            return Err(format!("{} connections have not logged in yet", taken.strangers.len()));
        }
        let of_one = taken.of_one.entry(from.ip()).or_default();
        if *of_one >= MOST_STRANGERS_OF_ONE && !loopback {
            return Err(format!("{of_one} connections from this address have not logged in yet"));
        }
        *of_one += 1;
        taken.strangers.insert(from);
        taken.all += 1;
        Ok(Place { places: Arc::clone(self), from })
    }

    /// The client from there has said who it is.
    pub(super) fn admit(&self, from: SocketAddr) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).known(from);
    }
}

impl Taken {
    fn known(&mut self, from: SocketAddr) {
        if self.strangers.remove(&from)
            && let Some(of_one) = self.of_one.get_mut(&from.ip())
        {
            *of_one -= 1;
            if *of_one == 0 {
                self.of_one.remove(&from.ip());
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.known(self.from);
        taken.all -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{FOR_LOOPBACK, MOST_STRANGERS_OF_ONE, Places};
    use std::net::SocketAddr;

    fn from(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], port))
    }

    #[test]
    fn one_address_that_never_logs_in_leaves_room_for_others() {
        let places = Places::new(1000);
        let held: Vec<_> = (0..200).map_while(|n| places.take(from(1, n)).ok()).collect();
        assert_eq!(held.len(), MOST_STRANGERS_OF_ONE);
        let _other = places.take(from(2, 1)).expect("another host gets in");
        places.admit(held[0].from);
        assert!(places.take(from(1, 500)).is_ok(), "who has logged in is not a stranger");
        drop(held);
        assert!(places.taken.lock().expect("not poisoned").of_one.len() <= 1, "nothing is left behind");
    }

    #[test]
    fn a_full_broker_still_has_places_for_this_machine() {
        let places = Places::new(40);
        let mut held = Vec::new();
        for n in 0..200 {
            let address = from(1, n);
            let Ok(place) = places.take(address) else { break };
            places.admit(address);
            held.push(place);
        }
        assert_eq!(held.len(), 40 - FOR_LOOPBACK);
        assert!(places.take(SocketAddr::from(([127, 0, 0, 1], 9))).is_ok());
    }
}
