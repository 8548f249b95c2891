//! Which filters the broker's session has, and which it should have.
//!
//! A persistent session keeps the subscriptions of earlier settings; what nobody wants any more must
//! be unsubscribed by name. So the filters are kept in a small file beside the store, written before
//! they are subscribed and shortened when the broker has confirmed: a crash in between forgets none.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::settings::{Qos, topic};

/// Filters in one SUBSCRIBE packet.
const TOGETHER: usize = 200;
/// Topics that are unsubscribed on sight when the history is unknown.
const MOST_GUESSES: usize = 200;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Kept {
    /// Whose session, and where; another one has other filters.
    session: String,
    filters: BTreeSet<String>,
}

/// What to send next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// These filters, all with this quality of service.
    Subscribe(Vec<String>, Qos),
    /// This one.
    Unsubscribe(String),
}

/// The filters of one session.
#[derive(Debug)]
pub struct Subscriptions {
    session: String,
    file: Option<PathBuf>,
    wanted: BTreeMap<String, Qos>,
    /// Filters of earlier settings that the broker may still have.
    old: BTreeSet<String>,
    /// The file told of a session that was there.
    pub had: bool,
    /// No file told which filters the session has.
    history_unknown: bool,
    /// The broker had a session when we first came.
    found_session: bool,
    guesses: BTreeSet<String>,
    confirmed: bool,
    to_confirm: usize,
    /// A subscription was refused: it is asked for again at the next connection.
    refused: bool,
    queued: VecDeque<Ask>,
    flying: HashMap<u16, Ask>,
}

impl Subscriptions {
    /// `session` names broker and client id; `file` is where filters are kept, if anywhere. Of a filter
    /// that is wanted twice the last quality of service counts.
    #[must_use]
    pub fn new(session: String, file: Option<PathBuf>, wanted: impl Iterator<Item = (String, Qos)>) -> Self {
        let kept = file.as_ref().and_then(|file| {
            let text = std::fs::read_to_string(file).ok()?;
            serde_json::from_str::<Kept>(&text).ok().filter(|kept| kept.session == session)
        });
        let wanted = without_covered(wanted.collect());
        let history_unknown = kept.is_none();
        let had = kept.as_ref().is_some_and(|kept| !kept.filters.is_empty());
        let old: BTreeSet<String> =
            kept.unwrap_or_default().filters.into_iter().filter(|f| !wanted.contains_key(f)).collect();
        Self {
            session,
            file,
            wanted,
            old,
            had,
            history_unknown,
            found_session: false,
            guesses: BTreeSet::new(),
            confirmed: false,
            to_confirm: 0,
            refused: false,
            queued: VecDeque::new(),
            flying: HashMap::new(),
        }
    }

    /// The filters that are wanted.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.wanted.keys().map(String::as_str)
    }

    /// What to ask for after a connect. Once per process in any case, because settings may have
    /// changed; and whenever the broker has no session, because rumqttc does not.
    pub fn connected(&mut self, session_present: bool) -> Vec<Ask> {
        self.queued.clear();
        self.flying.clear();
        if !session_present {
            self.old.clear();
            self.confirmed = false;
            self.history_unknown = false;
        } else if !self.confirmed {
            self.found_session = true;
        }
        if self.confirmed {
            return Vec::new();
        }
        self.keep(self.wanted.keys().chain(&self.old).cloned().collect());
        let mut asks: Vec<Ask> = self.old.iter().cloned().map(Ask::Unsubscribe).collect();
        for qos in [Qos::ExactlyOnce, Qos::AtLeastOnce, Qos::AtMostOnce] {
            let of_it = self.wanted.iter().filter(|w| *w.1 == qos);
            let filters: Vec<String> = of_it.map(|w| w.0.clone()).collect();
            asks.extend(filters.chunks(TOGETHER).map(|c| Ask::Subscribe(c.to_vec(), qos)));
        }
        self.to_confirm = asks.len();
        self.refused = false;
        self.queued.extend(asks.iter().cloned());
        asks
    }

    /// The oldest request that waited was sent under this packet id.
    pub fn sent(&mut self, id: u16) {
        if let Some(ask) = self.queued.pop_front() {
            self.flying.insert(id, ask);
        }
    }

    /// What a SUBSCRIBE that is not answered yet asked for.
    pub fn asked(&self, id: u16) -> Option<Qos> {
        match self.flying.get(&id) {
            Some(Ask::Subscribe(_, qos)) => Some(*qos),
            _ => None,
        }
    }

    /// The broker answers a SUBSCRIBE: for each filter what was granted, or why not.
    /// Gives the refusals, each with its filter.
    pub fn answered(&mut self, id: u16, answers: &[Result<u8, String>]) -> Vec<String> {
        let Some(Ask::Subscribe(filters, _)) = self.flying.remove(&id) else { return Vec::new() };
        self.refused |= answers.iter().any(Result::is_err);
        self.confirm();
        let refused = |(filter, answer): (&String, &Result<u8, String>)| {
            let why = answer.as_ref().err()?;
            Some(format!("the broker refuses the subscription to `{filter}`: {why}"))
        };
        filters.iter().zip(answers).filter_map(refused).collect()
    }

    /// The broker answers an UNSUBSCRIBE; gives the filter.
    pub fn gone(&mut self, id: u16) -> Option<String> {
        let Some(Ask::Unsubscribe(filter)) = self.flying.remove(&id) else { return None };
        if self.old.remove(&filter) {
            self.confirm();
        }
        Some(filter)
    }

    /// A message came that no mapping wants. If nothing is known about the session's history, its
    /// very topic may be an old filter; a wildcard cannot be guessed.
    pub fn unwanted(&mut self, topic: &str) -> Option<Ask> {
        let guess = self.history_unknown
            && self.found_session
            && self.guesses.len() < MOST_GUESSES
            && self.guesses.insert(topic.to_owned());
        let ask = guess.then(|| Ask::Unsubscribe(topic.to_owned()))?;
        self.queued.push_back(ask.clone());
        Some(ask)
    }

    fn confirm(&mut self) {
        self.to_confirm = self.to_confirm.saturating_sub(1);
        if self.to_confirm == 0 && !self.confirmed {
            self.confirmed = !self.refused;
            self.keep(self.wanted.keys().cloned().collect());
        }
    }

    fn keep(&self, filters: BTreeSet<String>) {
        let Some(file) = &self.file else { return };
        let kept = Kept { session: self.session.clone(), filters };
        let text = serde_json::to_string_pretty(&kept).expect("texts are JSON");
        let beside = file.with_extension("new");
        let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file));
        if let Err(e) = written {
            warn!("{}: {e}; filters of these settings may stay subscribed when they change", file.display());
        }
    }
}

/// Without filters that another one covers: some brokers send a message once for each filter that takes it.
fn without_covered(mut wanted: BTreeMap<String, Qos>) -> BTreeMap<String, Qos> {
    let wild = wanted.iter().filter(|(filter, _)| filter.contains(['+', '#']));
    let wild: Vec<(String, Qos)> = wild.map(|(filter, qos)| (filter.clone(), *qos)).collect();
    wanted.retain(|filter, qos| {
        !wild.iter().any(|(other, of)| other != filter && of >= qos && topic::covers(other, filter))
    });
    wanted
}

#[cfg(test)]
mod tests {
    use super::{Ask, Subscriptions};
    use crate::settings::Qos;

    fn subscriptions(file: &std::path::Path, client: &str, filters: &[&str]) -> Subscriptions {
        let filters = filters.iter().map(|f| ((*f).to_owned(), Qos::AtLeastOnce));
        Subscriptions::new(client.to_owned(), Some(file.to_owned()), filters)
    }

    fn subscribe(filters: &[&str]) -> Ask {
        Ask::Subscribe(filters.iter().map(|f| (*f).to_owned()).collect(), Qos::AtLeastOnce)
    }

    #[test]
    fn a_filter_of_earlier_settings_is_unsubscribed_until_the_broker_confirms() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("filters.json");
        let mut first = subscriptions(&file, "c", &["b", "a"]);
        assert_eq!(first.connected(false), [subscribe(&["a", "b"])]);
        // Nothing is confirmed yet, and the process ends: the next one must know of `a`.
        let mut second = subscriptions(&file, "c", &["b", "c"]);
        let wanted = [Ask::Unsubscribe("a".to_owned()), subscribe(&["b", "c"])];
        assert_eq!(second.connected(true), wanted);
        // The connection breaks before the answers: the same again.
        assert_eq!(second.connected(true), wanted);
        second.sent(1);
        second.sent(2);
        assert_eq!(second.gone(1), Some("a".to_owned()));
        assert!(second.answered(2, &[Ok(1), Ok(1)]).is_empty());
        assert_eq!(second.connected(true), [], "all is confirmed");
        assert_eq!(second.connected(false), [subscribe(&["b", "c"])], "the broker forgot the session");
        let mut third = subscriptions(&file, "c", &["c"]);
        assert_eq!(third.connected(true)[0], Ask::Unsubscribe("b".to_owned()), "`a` is forgotten");
        let mut other = subscriptions(&file, "another client", &["c"]);
        assert_eq!(other.connected(true), [subscribe(&["c"])]);
    }

    #[test]
    fn each_quality_of_service_has_requests_of_its_own() {
        let wanted = [("b", Qos::AtMostOnce), ("a", Qos::AtLeastOnce), ("c", Qos::AtMostOnce)];
        let wanted = wanted.into_iter().map(|(filter, qos)| (filter.to_owned(), qos));
        let mut one = Subscriptions::new("c".to_owned(), None, wanted);
        let live = Ask::Subscribe(vec!["b".to_owned(), "c".to_owned()], Qos::AtMostOnce);
        assert_eq!(one.connected(false), [subscribe(&["a"]), live]);
        one.sent(1);
        one.sent(2);
        assert_eq!((one.asked(1), one.asked(2)), (Some(Qos::AtLeastOnce), Some(Qos::AtMostOnce)));
    }

    #[test]
    fn a_filter_that_another_one_covers_is_not_subscribed_and_the_broker_is_told_to_forget_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("filters.json");
        let mut before = subscriptions(&file, "c", &["plant/b1/data", "other"]);
        before.connected(false);
        let mut now = subscriptions(&file, "c", &["plant/b1/data", "plant/#", "other"]);
        let wanted = [Ask::Unsubscribe("plant/b1/data".to_owned()), subscribe(&["other", "plant/#"])];
        assert_eq!(now.connected(true), wanted);
        // A better quality of service is not given up for it.
        let wanted = [("a/#", Qos::AtMostOnce), ("a/b", Qos::AtLeastOnce)];
        let wanted = wanted.into_iter().map(|(filter, qos)| (filter.to_owned(), qos));
        let both = Subscriptions::new("c".to_owned(), None, wanted);
        assert_eq!(both.filters().collect::<Vec<_>>(), ["a/#", "a/b"]);
    }

    #[test]
    fn a_refusal_names_its_filter() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut one = subscriptions(&dir.path().join("f"), "c", &["a", "b"]);
        one.connected(false);
        one.sent(7);
        let said = one.answered(7, &[Ok(1), Err("not authorized".to_owned())]);
        assert_eq!(said, ["the broker refuses the subscription to `b`: not authorized"]);
        // The broker's rules may be others the next time, though it kept the session.
        assert_eq!(one.connected(true), [subscribe(&["a", "b"])]);
        one.sent(8);
        assert!(one.answered(8, &[Ok(1), Ok(1)]).is_empty());
        assert_eq!(one.connected(true), []);
    }

    #[test]
    fn with_an_unknown_history_an_unwanted_topic_is_unsubscribed_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut one = subscriptions(&dir.path().join("f"), "c", &["a"]);
        one.connected(true);
        assert_eq!(one.unwanted("x"), Some(Ask::Unsubscribe("x".to_owned())));
        assert_eq!(one.unwanted("x"), None);
        let mut fresh = subscriptions(&dir.path().join("g"), "c", &["a"]);
        fresh.connected(false);
        assert_eq!(fresh.unwanted("x"), None, "a new session has no old filters");
    }
}
