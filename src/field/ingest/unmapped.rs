//! What came in that nobody configured: device and point names, in a bounded list, so that the
//! integrator sees what is being passed over. For MQTT and push.

use std::collections::HashMap;

/// Names kept; more are only counted.
const MOST: usize = 200;
/// Names and examples are cut at this many characters.
const LONGEST: usize = 80;

/// A name that no setting knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The topic it was first seen in.
    pub topic: String,
    /// What the sender calls the device, as far as that is known.
    pub device: Option<String>,
    /// What the sender calls the point; `None`: the device itself is not configured.
    pub point: Option<String>,
    /// The first value seen.
    pub example: Option<String>,
}

/// What the sender calls device and point.
type Names = (Option<String>, Option<String>);

/// The list as it is filled. A name that came once gives way to a new one when the list is full: what is real comes
/// again, and two hundred damaged names must not hide it.
#[derive(Debug, Default)]
pub struct Unmapped {
    /// How often each name of the list came.
    known: HashMap<Names, u64>,
    list: Vec<Unknown>,
    more: u64,
    changed: bool,
}

impl Unmapped {
    /// Notes a name; `example` is only asked for the first time.
    pub fn note(
        &mut self,
        topic: &str,
        device: Option<&str>,
        point: Option<&str>,
        example: impl FnOnce() -> Option<String>,
    ) {
        let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
        let key = (device.map(cut), point.map(cut));
        if let Some(count) = self.known.get_mut(&key) {
            *count = count.saturating_add(1);
            return;
        }
        self.changed = true;
        if self.list.len() >= MOST {
            self.more += 1;
            let once = |u: &Unknown| self.known.get(&(u.device.clone(), u.point.clone())) == Some(&1);
            let Some(place) = self.list.iter().position(once) else { return };
            let gone = self.list.remove(place);
            self.known.remove(&(gone.device, gone.point));
        }
        self.list.push(Unknown {
            topic: cut(topic),
            device: key.0.clone(),
            point: key.1.clone(),
            example: example().map(|e| cut(&e)),
        });
        self.known.insert(key, 1);
    }

    /// The names so far, and how many more there were.
    #[must_use]
    pub fn listed(&self) -> (&[Unknown], u64) {
        (&self.list, self.more)
    }

    /// The same, if there is anything new since this was asked last.
    pub fn news(&mut self) -> Option<(&[Unknown], u64)> {
        std::mem::take(&mut self.changed).then_some((&self.list, self.more))
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Unmapped};

    #[test]
    fn junk_does_not_hide_what_comes_again() {
        let mut seen = Unmapped::default();
        for n in 0..1000 {
            seen.note("t", Some(&format!("junk-{n}")), None, || None);
            if n % 100 == 50 {
                seen.note("t", Some("boiler-9"), None, || None);
            }
        }
        let (list, more) = seen.listed();
        assert_eq!((list.len(), more), (MOST, 801));
        assert!(list.iter().any(|u| u.device.as_deref() == Some("boiler-9")));
    }

    #[test]
    fn the_list_is_bounded_and_tells_each_name_once() {
        let mut seen = Unmapped::default();
        for round in 0..3 {
            for n in 0..MOST {
                seen.note("t", Some("d"), Some(&n.to_string()), || Some("1".repeat(500)));
            }
            assert_eq!(seen.list.len(), MOST, "{round}");
        }
        seen.note("t", Some("e"), None, || None);
        let (list, more) = seen.news().expect("told");
        assert_eq!((list.len(), more), (MOST, 1));
        assert!(list[0].example.as_ref().is_some_and(|e| e.len() == 80));
        assert!(seen.news().is_none(), "told twice without news");
    }
}
