//! Which messages may have waited at the broker while we were away, and which are copies of the one before. Pure: the
//! clock is handed in.
//!
//! MQTT does not say when a message was published. A broker that has kept our session sends what waited at once after
//! the connection, in order, before anything newer. So after such a connect a message is of unknown age, at most as
//! old as we have been away,
//!
//! - until the line has been silent for [`SILENCE`] with nothing unacknowledged (a broker waits for
//!   acknowledgements, so a pause before them tells nothing),
//! - until its topic was silent for [`PACE`], which the burst of a queue is not,
//! - and for [`LONGEST`] at most: a line where neither comes carries far more than a queue.
//!
//! Filters that overlap make some brokers send a message once for each of them, one behind the other
//! (MQTT 5.0, 3.3.4).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::settings::topic;

/// The line is silent.
const SILENCE: Duration = Duration::from_millis(500);
/// A topic's messages come at their own pace again.
const PACE: Duration = Duration::from_secs(5);
/// No queue takes longer.
const LONGEST: Duration = Duration::from_secs(30);
/// Copies come one behind the other, well within this.
const TOGETHER: Duration = Duration::from_secs(1);
/// Topics whose last message is remembered while a queue may empty.
const MOST_TOPICS: usize = 10_000;

/// A queue at the broker that may be emptying.
#[derive(Debug)]
struct Queue {
    connected: Instant,
    /// How long we were away; `None`: nobody knows, for we have just started.
    away: Option<Duration>,
    /// When each topic, by its fingerprint, last said something.
    topics: HashMap<u64, Instant>,
}

#[derive(Debug)]
struct Last {
    print: u64,
    retained: bool,
    at: Instant,
    copies: usize,
}

/// What is known of the order in which messages came.
#[derive(Debug, Default)]
pub struct Arrivals {
    filters: Vec<String>,
    lost: Option<Instant>,
    queue: Option<Queue>,
    /// When something last came, or was acknowledged.
    busy: Option<Instant>,
    last: Option<Last>,
}

impl Arrivals {
    /// `filters` are those that are subscribed.
    #[must_use]
    pub fn new(filters: Vec<String>) -> Self {
        Self { filters, ..Self::default() }
    }

    /// Connected; `kept` says that the broker has kept our session.
    pub fn connected(&mut self, kept: bool, now: Instant) {
        let away = self.lost.take().map(|lost| now.duration_since(lost));
        self.queue = kept.then(|| Queue { connected: now, away, topics: HashMap::new() });
        self.busy = Some(now);
        self.last = None;
    }

    /// The connection is gone, or could not be made.
    pub fn disconnected(&mut self, now: Instant) {
        if self.busy.take().is_some() {
            self.lost = Some(now);
        }
        self.queue = None;
    }

    /// Something was acknowledged.
    pub fn acknowledged(&mut self, now: Instant) {
        self.busy = Some(now);
    }

    /// How old a message on the topic with this fingerprint may be, if it may have waited. `owed` messages before
    /// it are not acknowledged yet.
    pub fn age(&mut self, topic: u64, owed: usize, now: Instant) -> Option<Duration> {
        let silent = self.busy.is_some_and(|busy| now.duration_since(busy) >= SILENCE);
        self.busy = Some(now);
        let queue = self.queue.as_mut()?;
        let since = now.duration_since(queue.connected);
        if silent && owed == 0 || since >= LONGEST || queue.topics.len() >= MOST_TOPICS {
            self.queue = None;
            return None;
        }
        let paced = queue.topics.insert(topic, now).is_some_and(|before| now.duration_since(before) >= PACE);
        if paced {
            return None;
        }
        Some(queue.away.map_or(Duration::MAX, |away| away.saturating_add(since)))
    }

    /// A message that the broker sends again for another filter: the same as the one just before it, and no more
    /// often than filters match. `print` is a fingerprint of topic and payload.
    pub fn is_copy(&mut self, name: &str, print: u64, retained: bool, now: Instant) -> bool {
        let same = self.last.as_mut().filter(|last| {
            last.print == print && last.retained == retained && now.duration_since(last.at) < TOGETHER
        });
        if let Some(last) = same {
            let matching = self.filters.iter().filter(|f| topic::matches(f, name)).count();
            if last.copies + 1 < matching {
                last.copies += 1;
                return true;
            }
        }
        self.last = Some(Last { print, retained, at: now, copies: 0 });
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Arrivals, LONGEST, PACE, SILENCE};

    const MS: Duration = Duration::from_millis(1);

    fn back_after(away: Duration) -> (Arrivals, Instant) {
        let mut arrivals = Arrivals::default();
        let start = Instant::now();
        arrivals.connected(false, start);
        assert_eq!(arrivals.age(1, 0, start + MS), None, "a new session has no queue");
        arrivals.disconnected(start + MS);
        // Attempts that fail do not shorten the time.
        arrivals.disconnected(start + away / 2);
        let back = start + MS + away;
        arrivals.connected(true, back);
        (arrivals, back)
    }

    #[test]
    fn what_comes_at_once_after_an_outage_may_be_as_old_as_the_outage() {
        let away = Duration::from_secs(60);
        let (mut arrivals, back) = back_after(away);
        for n in 1..100 {
            assert_eq!(arrivals.age(u64::from(n % 3), 7, back + MS * n), Some(away + MS * n));
        }
        // Silent, but the broker may wait for our acknowledgements.
        let late = back + MS * 100 + SILENCE;
        assert!(arrivals.age(1, 1, late).is_some());
        arrivals.acknowledged(late + MS * 400);
        assert!(arrivals.age(1, 0, late + MS * 401).is_some());
        assert_eq!(arrivals.age(1, 0, late + MS * 401 + SILENCE), None);
        assert_eq!(arrivals.age(1, 0, late + MS * 402 + SILENCE), None, "the queue is empty for good");
    }

    #[test]
    fn on_a_busy_line_each_topic_is_known_by_its_pace_and_no_queue_lasts_for_ever() {
        let (mut arrivals, back) = back_after(Duration::from_secs(60));
        assert!(arrivals.age(1, 9, back + MS).is_some());
        for n in 1..60 {
            assert!(arrivals.age(2, 9, back + MS * 100 * n).is_some());
        }
        assert_eq!(arrivals.age(1, 9, back + MS + PACE + MS * 1000), None);
        assert!(arrivals.age(3, 9, back + LONGEST - MS).is_some());
        assert_eq!(arrivals.age(3, 9, back + LONGEST), None);
    }

    #[test]
    fn after_a_start_nobody_knows_how_long_a_kept_session_has_waited() {
        let mut arrivals = Arrivals::default();
        let start = Instant::now();
        arrivals.connected(true, start);
        assert_eq!(arrivals.age(1, 0, start + MS), Some(Duration::MAX));
    }

    #[test]
    fn a_message_comes_once_for_all_its_filters_and_a_repeat_is_one() {
        let filters = ["plant/#", "plant/+/data", "other"].map(str::to_owned).to_vec();
        let mut arrivals = Arrivals::new(filters);
        let now = Instant::now();
        let mut copy = |name: &str, print, at: u32| arrivals.is_copy(name, print, false, now + MS * at);
        assert!(!copy("plant/a/data", 1, 0));
        assert!(copy("plant/a/data", 1, 0), "the second filter");
        assert!(!copy("plant/a/data", 1, 1), "two filters match, so the third is another message");
        assert!(copy("plant/a/data", 1, 1));
        assert!(!copy("plant/a/data", 2, 2));
        assert!(!copy("plant/a/data", 2, 2000), "long after it");
        assert!(!copy("other", 3, 2000));
        assert!(!copy("other", 3, 2000), "one filter: the device said it twice");
    }
}
