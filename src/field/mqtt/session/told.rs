//! What the log has been told of each topic: the first few messages about it, then every thousandth. So one topic
//! that chatters neither fills the log nor hides another. Pure.

use std::collections::HashMap;

/// Told one by one.
const FEW: u64 = 3;
/// Then one in so many.
const EVERY: u64 = 1000;
/// Topics that are counted apart; all others together.
const MOST_TOPICS: usize = 1000;

/// What a line in the log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum About {
    /// A payload that cannot be read.
    Payload,
    /// A time that cannot be read.
    Time,
}

/// How often each topic gave reason for a line.
#[derive(Debug, Default)]
pub struct Told {
    topics: HashMap<(String, About), u64>,
    others: u64,
}

impl Told {
    /// Counts one more; true if the log is to tell it.
    pub fn first_few(&mut self, topic: &str, about: About) -> bool {
        let key = (topic.to_owned(), about);
        let room = self.topics.len() < MOST_TOPICS;
        let count = match self.topics.get_mut(&key) {
            Some(count) => count,
            None if room => self.topics.entry(key).or_default(),
            None => &mut self.others,
        };
        *count += 1;
        *count <= FEW || count.is_multiple_of(EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::{About, Told};

    #[test]
    fn a_topic_that_chatters_does_not_hide_another() {
        let mut told = Told::default();
        let lines = (0..10_000).filter(|_| told.first_few("noisy", About::Payload)).count();
        assert_eq!(lines, 13);
        assert!(told.first_few("quiet", About::Payload));
        assert!(told.first_few("noisy", About::Time));
        for n in 0..100_000 {
            told.first_few(&n.to_string(), About::Payload);
        }
        assert!(told.topics.len() <= 1000);
    }
}
