//! How fast people answer, by priority; and how long alarms last.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Past, SECOND, What, is_call};
use crate::plant::Priority;

/// Times in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// How many.
    pub count: usize,
    /// Half of them were no longer.
    pub median_s: f64,
    /// Nine in ten were no longer.
    pub p90_s: f64,
}

impl Times {
    fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (seconds.len() as f64 * share).ceil() as usize;
            seconds.get(place.max(1) - 1).copied()
        };
        Some(Self { count: seconds.len(), median_s: at(0.5)?, p90_s: at(0.9)? })
    }
}

/// How people answer alarms of one priority.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answers {
    /// Which; `null` for rules that are no longer in the settings.
    pub priority: Option<&'static str>,
    /// Calls.
    pub calls: usize,
    /// Share of all calls, percent. EEMUA 191: about 5 critical, 15 high, 80 below.
    pub percent: f64,
    /// From the call to the acknowledgement.
    pub acknowledged: Option<Times>,
    /// Calls that were not acknowledged by the end.
    pub unanswered: usize,
    /// From the raise to the return.
    pub returned: Option<Times>,
}

/// By priority, the most urgent first; `all` calls there were.
pub(super) fn answers(past: &Past, all: usize) -> Vec<Answers> {
    #[derive(Default)]
    struct Open<'p> {
        called: BTreeMap<&'p str, i64>,
        raised: BTreeMap<&'p str, i64>,
        calls: usize,
        acknowledged: Vec<f64>,
        returned: Vec<f64>,
    }
    let number = |priority: Option<Priority>| priority.map_or(u8::MAX, |p| p as u8);
    let mut by_priority: BTreeMap<u8, Open<'_>> = BTreeMap::new();
    for s in &past.standing {
        let open = by_priority.entry(number(s.priority)).or_default();
        open.raised.insert(&s.rule, s.since.0);
    }
    for h in &past.happenings {
        let open = by_priority.entry(number(h.priority)).or_default();
        if is_call(h) {
            open.calls += 1;
            open.called.entry(&h.rule).or_insert(h.at.0);
        }
        let since = |at: i64| (h.at.0 - at) as f64 / SECOND as f64;
        match h.what {
            What::Raised(_) => {
                open.raised.insert(&h.rule, h.at.0);
            }
            What::Cleared => open.returned.extend(open.raised.remove(&*h.rule).map(since)),
            What::Acknowledged => open.acknowledged.extend(open.called.remove(&*h.rule).map(since)),
            What::Called | What::Moved => {}
        }
    }
    let word = |number: u8| {
        let all = [Priority::Critical, Priority::High, Priority::Medium, Priority::Low];
        all.into_iter().find(|p| *p as u8 == number).map(Priority::word)
    };
    let one = |(number, open): (u8, Open<'_>)| Answers {
        priority: word(number),
        calls: open.calls,
        percent: open.calls as f64 / all.max(1) as f64 * 100.0,
        unanswered: open.called.len(),
        acknowledged: Times::of(open.acknowledged),
        returned: Times::of(open.returned),
    };
    by_priority.into_iter().filter(|(_, open)| open.calls > 0).map(one).collect()
}
