//! Places of one kind (connections, kept sessions, kept messages) divided among the users: half of them
//! belong to the users in equal parts, the other half to whoever comes first. So one user can have many
//! where others need few, and none can take what belongs to another. Pure; times are given.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Who has which place. Without users all belong to the one without a name.
#[derive(Debug)]
pub(super) struct Shares<K> {
    most: usize,
    users: Vec<String>,
    taken: HashMap<K, (String, Instant)>,
    of: HashMap<String, usize>,
}

impl<K: Hash + Eq + Clone> Shares<K> {
    pub(super) fn new(most: usize, users: Vec<String>) -> Self {
        Self { most, users, taken: HashMap::new(), of: HashMap::new() }
    }

    /// The place `key` is this user's now, or already; false where its share is used up.
    pub(super) fn take(&mut self, key: &K, user: &str, now: Instant) -> bool {
        if let Some((_, at)) = self.taken.get_mut(key) {
            *at = now;
            return true;
        }
        if !self.has_room_for(user) {
            return false;
        }
        self.taken.insert(key.clone(), (user.to_owned(), now));
        *self.of.entry(user.to_owned()).or_default() += 1;
        true
    }

    /// Places that are each user's own.
    pub(super) fn own(&self) -> usize {
        self.most / (2 * self.users.len().max(1))
    }

    fn has_room_for(&self, user: &str) -> bool {
        let (own, used) = (self.own(), self.of.get(user).copied().unwrap_or_default());
        let unused = |other: &String| own.saturating_sub(self.of.get(other).copied().unwrap_or_default());
        let kept_free: usize = self.users.iter().filter(|other| *other != user).map(unused).sum();
        if used < own { self.taken.len() < self.most } else { self.taken.len() + kept_free < self.most }
    }

    /// Whose place it is.
    pub(super) fn owner(&self, key: &K) -> Option<&str> {
        self.taken.get(key).map(|(user, _)| user.as_str())
    }

    pub(super) fn give_back(&mut self, key: &K) {
        if let Some((user, _)) = self.taken.remove(key)
            && let Some(used) = self.of.get_mut(&user)
        {
            *used -= 1;
            if *used == 0 {
                self.of.remove(&user);
            }
        }
    }

    /// Places taken or asked for at least so long ago.
    pub(super) fn older_than(&self, age: Duration, now: Instant) -> Vec<K> {
        let old = |at: &Instant| now.saturating_duration_since(*at) >= age;
        self.taken.iter().filter(|(_, (_, at))| old(at)).map(|(key, _)| key.clone()).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn users(of: &[&str]) -> Vec<String> {
        of.iter().map(|u| (*u).to_owned()).collect()
    }

    #[test]
    fn one_user_leaves_the_others_what_is_theirs() {
        let now = Instant::now();
        let mut shares = Shares::new(2000, users(&["dtu", "gateway", "panel", "spare"]));
        let taken = (0..3000).filter(|n| shares.take(n, "dtu", now)).count();
        assert_eq!(taken, 1000 + 250, "the common half and its own part");
        for (n, user) in ["gateway", "panel", "spare"].into_iter().enumerate() {
            let keys = 10_000 * (n + 1)..;
            assert_eq!(keys.take(1000).filter(|n| shares.take(n, user, now)).count(), 250, "{user}");
        }
        assert_eq!(shares.len(), 2000);
        assert!(shares.take(&5, "dtu", now), "what is taken already costs nothing");
        shares.give_back(&5);
        assert!(shares.take(&9_000, "panel", now) && !shares.take(&9_001, "panel", now));
    }

    #[test]
    fn without_users_all_places_are_for_everybody() {
        let mut shares = Shares::new(10, Vec::new());
        assert_eq!((0..20).filter(|n| shares.take(n, "", Instant::now())).count(), 10);
    }

    #[test]
    fn what_is_old_can_be_looked_at_and_given_back() {
        let now = Instant::now();
        let mut shares = Shares::new(10, users(&["a"]));
        shares.take(&1, "a", now);
        shares.take(&2, "a", now + Duration::from_secs(50));
        assert_eq!(shares.older_than(Duration::from_secs(30), now + Duration::from_secs(60)), [1]);
        assert_eq!(shares.owner(&1), Some("a"));
        shares.give_back(&1);
        shares.give_back(&1);
        assert_eq!((shares.len(), shares.owner(&1)), (1, None));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_and_given_back_each_user_can_have_its_own_part(
            steps in proptest::collection::vec((0_usize..3, 0_u8..60, any::<bool>()), 0..200),
        ) {
            let names = ["a", "b", "c"];
            let mut shares = Shares::new(30, users(&names));
            for (user, key, take) in steps {
                if take {
                    shares.take(&key, names[user], Instant::now());
                } else {
                    shares.give_back(&key);
                }
            }
            prop_assert!(shares.len() <= 30);
            for (n, user) in names.into_iter().enumerate() {
                let has = shares.of.get(user).copied().unwrap_or_default();
                let keys = (0..shares.own().saturating_sub(has)).map(|k| u8::try_from(100 + 10 * n + k).expect("small"));
                for key in keys {
                    prop_assert!(shares.take(&key, user, Instant::now()));
                }
            }
        }
    }
}
