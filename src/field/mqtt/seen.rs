//! What came in that nobody configured: device and point names, in a bounded list, so that the
//! integrator sees what is being passed over. And counts of what was done with messages.

use std::collections::HashMap;

use super::sparkplug::{Counters, Life};
use crate::plant::Micros;

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

/// How a Sparkplug B edge node stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeNode {
    /// Group id.
    pub group: String,
    /// Edge node id.
    pub node: String,
    /// Whether it is there.
    pub life: Life,
    /// Its configured devices, and whether each is there.
    pub devices: Vec<(String, bool)>,
    /// When its last NBIRTH came.
    pub last_birth: Option<Micros>,
    /// A rebirth would help, and is not asked for yet, or may not be.
    pub wants_rebirth: bool,
    /// What happened so far.
    pub counters: Counters,
}

/// How a session's messages went, for the page and `/metrics`.
#[derive(Debug, Clone, Default)]
pub struct MqttStatus {
    /// Names that no setting knows, at most 200.
    pub unknown: Vec<Unknown>,
    /// How many more there were.
    pub unknown_more: u64,
    /// Messages that the broker had kept for new subscribers.
    pub retained: u64,
    /// Messages and readings that came a second time and were dropped.
    pub duplicates: u64,
    /// Messages whose expiry interval was over.
    pub expired: u64,
    /// Messages that their shape passes over, such as echoes of commands.
    pub ignored: u64,
    /// Messages that could not be read.
    pub set_aside: u64,
    /// Tokens that were not JSON and cost their own field only.
    pub repaired: u64,
    /// Times that could not be read; what came with them is in doubt.
    pub bad_times: u64,
    /// Messages without a time that may have waited at the broker while the gateway was away.
    pub queued: u64,
    /// Last wills and the like: devices said to be gone.
    pub offline: u64,
    /// Received and not yet on the disk.
    pub unacknowledged: u64,
    /// Times that the broker no longer had this gateway's session when it came back.
    pub sessions_lost: u64,
    /// When that was found last.
    pub session_lost_at: Option<Micros>,
    /// Messages that the broker says it dropped, of this gateway or of others; only with `dropped_topic`.
    pub broker_dropped: u64,
    /// Sparkplug B edge nodes of the settings.
    pub nodes: Vec<EdgeNode>,
}

/// What the sender calls device and point.
type Names = (Option<String>, Option<String>);

/// The list as it is filled. A name that came once gives way to a new one when the list is full: what is real comes
/// again, and two hundred damaged names must not hide it.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often each name of the list came.
    known: HashMap<Names, u64>,
    list: Vec<Unknown>,
    more: u64,
    changed: bool,
}

impl Seen {
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

    /// Writes the list into `status`, if there is anything new.
    pub fn tell(&mut self, status: &mut Option<Box<MqttStatus>>) {
        if std::mem::take(&mut self.changed) {
            let status = status.get_or_insert_default();
            status.unknown.clone_from(&self.list);
            status.unknown_more = self.more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Seen};

    #[test]
    fn junk_does_not_hide_what_comes_again() {
        let mut seen = Seen::default();
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
        let mut seen = Seen::default();
        for round in 0..3 {
            for n in 0..MOST {
                seen.note("t", Some("d"), Some(&n.to_string()), || Some("1".repeat(500)));
            }
            assert_eq!(seen.list.len(), MOST, "{round}");
        }
        seen.note("t", Some("e"), None, || None);
        let mut status = None;
        seen.tell(&mut status);
        let told = status.expect("told");
        assert_eq!((told.unknown.len(), told.unknown_more), (MOST, 1));
        assert!(told.unknown[0].example.as_ref().is_some_and(|e| e.len() == 80));
        let mut again = None;
        seen.tell(&mut again);
        assert!(again.is_none(), "told twice without news");
    }
}
