//! How well the alarm system does (EEMUA 191, ISA-18.2-2016 clause 16, IEC 62682 clause 16): how often it calls, floods,
//! bad actors, chattering and stale alarms, priorities, and how fast people answer; and what would quieten it.
//!
//! Pure: transitions and a span go in, figures come out. One site is one operator. Called by the ledger's reader for the
//! API and for `steamward figures`.

mod chatter;

use std::collections::BTreeMap;

use serde::Serialize;

pub use chatter::Chatter;

use crate::plant::{Micros, Priority};

const SECOND: i64 = 1_000_000;
/// EEMUA 191: more than this in ten minutes is a flood.
const FLOOD: usize = 10;
const TEN_MINUTES: i64 = 600 * SECOND;
/// An alarm that stands for longer is stale (滞留).
const STALE: i64 = 86_400 * SECOND;
/// Bad actors that are named.
const TOP: usize = 10;

/// What happened to an alarm, as far as the figures go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Its condition came to hold; and whether people were called.
    Raised(bool),
    /// It holds no longer.
    Cleared,
    /// Somebody took note.
    Acknowledged,
    /// People were called to what was hidden before.
    Called,
}

/// One happening; they are handed in by time.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// When.
    pub at: Micros,
    /// Rule key.
    pub rule: String,
    /// Of the rule, if it is still in the settings.
    pub priority: Option<Priority>,
    /// What.
    pub what: What,
}

/// How a figure stands to the recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within it.
    Good,
    /// Between good and where something must be done.
    Watch,
    /// Something must be done.
    Act,
}

fn verdict(value: f64, good: f64, act: f64) -> Verdict {
    match value {
        v if v <= good => Verdict::Good,
        v if v > act => Verdict::Act,
        _ => Verdict::Watch,
    }
}

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

/// One rule and how often it called.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Actor {
    /// Rule key.
    pub rule: String,
    /// Calls.
    pub calls: usize,
    /// Share of all calls, percent.
    pub percent: f64,
}

/// A flood (洪泛): more than ten calls in ten minutes, until there are fewer than five.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flood {
    /// First call of it.
    pub from: String,
    /// Last call of it.
    pub to: String,
    /// Calls in it.
    pub calls: usize,
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

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Begin of the span.
    pub from: String,
    /// End.
    pub to: String,
    /// Calls to people.
    pub calls: usize,
    /// Average in ten minutes; good at most 1, act above 2.
    pub per_ten_minutes: f64,
    /// See there.
    pub per_ten_minutes_verdict: Verdict,
    /// Average in a day; good at most 150, act from 300.
    pub per_day: f64,
    /// See there.
    pub per_day_verdict: Verdict,
    /// Most in any ten minutes.
    pub worst_ten_minutes: usize,
    /// Floods.
    pub floods: Vec<Flood>,
    /// Share of the time in flood, percent; good below 1.
    pub flood_percent: f64,
    /// See there.
    pub flood_verdict: Verdict,
    /// The ten that called most.
    pub top: Vec<Actor>,
    /// Their share of all calls, percent; act above 20 where there are enough rules to tell.
    pub top_percent: f64,
    /// Chattering (抖动) and fleeting ones, with what would quieten them.
    pub chattering: Vec<Chatter>,
    /// Standing at the end.
    pub standing: usize,
    /// Standing for more than a day: rule and since when.
    pub stale: Vec<(String, String)>,
    /// Good below 5, act from 10.
    pub stale_verdict: Verdict,
    /// By priority, the most urgent first.
    pub answers: Vec<Answers>,
}

/// The figures of `happenings`, which are in the order of their times, between `from` and `to`.
#[must_use]
pub fn figures(happenings: &[Happening], from: Micros, to: Micros) -> Figures {
    let span_us = to.0.saturating_sub(from.0).max(1);
    let calls: Vec<&Happening> = happenings.iter().filter(|h| is_call(h)).collect();
    let times: Vec<i64> = calls.iter().map(|c| c.at.0).collect();
    let tens = span_us as f64 / TEN_MINUTES as f64;
    let (floods, flooded_us) = floods(&times);
    let flood_percent = flooded_us as f64 / span_us as f64 * 100.0;
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    calls.iter().for_each(|c| *by_rule.entry(&c.rule).or_default() += 1);
    let mut top: Vec<(&str, usize)> = by_rule.into_iter().collect();
    top.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let percent = |n: usize| n as f64 / calls.len().max(1) as f64 * 100.0;
    let top: Vec<Actor> = top
        .into_iter()
        .take(TOP)
        .map(|(rule, calls)| Actor { rule: rule.to_owned(), calls, percent: percent(calls) })
        .collect();
    let standing = standing(happenings);
    let stale: Vec<(String, String)> = standing
        .iter()
        .filter(|(_, since)| to.0.saturating_sub(since.0) > STALE)
        .map(|(rule, since)| ((*rule).to_owned(), since.rfc3339()))
        .collect();
    let per_ten_minutes = calls.len() as f64 / tens;
    let per_day = per_ten_minutes * 144.0;
    Figures {
        from: from.rfc3339(),
        to: to.rfc3339(),
        calls: calls.len(),
        per_ten_minutes,
        per_ten_minutes_verdict: verdict(per_ten_minutes, 1.0, 2.0),
        per_day,
        per_day_verdict: verdict(per_day, 150.0, 300.0),
        worst_ten_minutes: worst(&times, TEN_MINUTES),
        floods,
        flood_percent,
        flood_verdict: verdict(flood_percent, 1.0, 1.0),
        top_percent: top.iter().map(|t| t.percent).sum(),
        top,
        chattering: chatter::chattering(happenings),
        standing: standing.len(),
        stale_verdict: verdict(stale.len() as f64, 4.0, 9.0),
        stale,
        answers: answers(happenings, calls.len()),
    }
}

fn is_call(h: &Happening) -> bool {
    matches!(h.what, What::Raised(true) | What::Called)
}

/// Most of `times` within any window of that length.
fn worst(times: &[i64], window: i64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (n, at) in times.iter().enumerate() {
        while at - times[first] >= window {
            first += 1;
        }
        most = most.max(n + 1 - first);
    }
    most
}

/// Begins with the eleventh call in ten minutes, ends when there are fewer than five (domain: alarm states and numbers).
fn floods(times: &[i64]) -> (Vec<Flood>, i64) {
    let within = |n: usize| times[..=n].iter().rev().take_while(|t| times[n] - **t < TEN_MINUTES).count();
    let (mut found, mut begun, mut flooded) = (Vec::new(), None::<usize>, 0);
    for n in 0..times.len() {
        let many = within(n);
        match begun {
            None if many > FLOOD => begun = Some(n + 1 - many),
            Some(first) if many < 5 => {
                flooded += close(&mut found, times, first, n - 1);
                begun = None;
            }
            _ => {}
        }
    }
    if let Some(first) = begun {
        flooded += close(&mut found, times, first, times.len() - 1);
    }
    (found, flooded)
}

fn close(found: &mut Vec<Flood>, times: &[i64], first: usize, last: usize) -> i64 {
    let (from, to) = (Micros(times[first]), Micros(times[last]));
    found.push(Flood { from: from.rfc3339(), to: to.rfc3339(), calls: last + 1 - first });
    to.0 - from.0
}

/// Rules whose condition holds at the end, and since when.
fn standing(happenings: &[Happening]) -> BTreeMap<&str, Micros> {
    let mut standing = BTreeMap::new();
    for h in happenings {
        match h.what {
            What::Raised(_) => {
                standing.entry(h.rule.as_str()).or_insert(h.at);
            }
            What::Cleared => {
                standing.remove(h.rule.as_str());
            }
            What::Acknowledged | What::Called => {}
        }
    }
    standing
}

fn answers(happenings: &[Happening], all: usize) -> Vec<Answers> {
    #[derive(Default)]
    struct Open {
        called: BTreeMap<String, i64>,
        raised: BTreeMap<String, i64>,
        calls: usize,
        acknowledged: Vec<f64>,
        returned: Vec<f64>,
    }
    let mut by_priority: BTreeMap<u8, Open> = BTreeMap::new();
    for h in happenings {
        let open = by_priority.entry(h.priority.map_or(u8::MAX, |p| p as u8)).or_default();
        if is_call(h) {
            open.calls += 1;
            open.called.entry(h.rule.clone()).or_insert(h.at.0);
        }
        let since = |at: i64| (h.at.0 - at) as f64 / SECOND as f64;
        match h.what {
            What::Raised(_) => {
                open.raised.insert(h.rule.clone(), h.at.0);
            }
            What::Cleared => open.returned.extend(open.raised.remove(&h.rule).map(since)),
            What::Acknowledged => open.acknowledged.extend(open.called.remove(&h.rule).map(since)),
            What::Called => {}
        }
    }
    let word = |number: u8| {
        let all = [Priority::Critical, Priority::High, Priority::Medium, Priority::Low];
        all.into_iter().find(|p| *p as u8 == number).map(Priority::word)
    };
    let one = |(number, open): (u8, Open)| Answers {
        priority: word(number),
        calls: open.calls,
        percent: open.calls as f64 / all.max(1) as f64 * 100.0,
        unanswered: open.called.len(),
        acknowledged: Times::of(open.acknowledged),
        returned: Times::of(open.returned),
    };
    by_priority.into_iter().filter(|(_, open)| open.calls > 0).map(one).collect()
}

#[cfg(test)]
mod tests;
