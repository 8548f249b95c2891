//! How well the alarm system does (EEMUA 191, ISA-18.2-2016 clause 16, IEC 62682 clause 16): how often it calls, floods,
//! bad actors, chattering and stale alarms, priorities, and how fast people answer; and what would quieten it.
//!
//! Below the alarms stands what nearly became one, above them the hazards: the pyramid of accidents (事故法则).
//!
//! Pure: what the ledger knows of a span goes in, figures come out. One site is one operator. Called by the ledger's reader
//! for the API and for `steamward figures`.

mod answers;
mod chatter;
mod floods;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

pub use answers::{Answers, Times};
pub use chatter::Chatter;
pub use floods::Flood;

use crate::plant::{HazardLevel, Micros, Priority};

const SECOND: i64 = 1_000_000;
const TEN_MINUTES: i64 = 600 * SECOND;
const HOUR: i64 = 3_600 * SECOND;
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
    /// Anything else: it was suppressed, a latch was released.
    Moved,
}

/// One happening; they are handed in by time.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// When.
    pub at: Micros,
    /// Rule key; one text for all happenings of a rule.
    pub rule: Arc<str>,
    /// Of the rule, if it is still in the settings.
    pub priority: Option<Priority>,
    /// What.
    pub what: What,
    /// After it, people see an alarm whose condition holds.
    pub stands: bool,
}

/// An alarm that stood when the span began.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Rule key.
    pub rule: String,
    /// Of the rule.
    pub priority: Option<Priority>,
    /// For how long people have seen it.
    pub since: Micros,
}

/// What the ledger knows of a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// What stood at its beginning.
    pub standing: Vec<Standing>,
    /// What happened to alarms in it, by time.
    pub happenings: Vec<Happening>,
    /// Hazards that were found in it.
    pub hazards: Vec<HazardLevel>,
    /// What nearly became an alarm in it: the rule, and whether it was beyond its limit and caught by the delay.
    pub precursors: Vec<(String, bool)>,
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

/// The pyramid (事故法则 1 : 29 : 300 : 1000), from its top down.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pyramid {
    /// 重大 hazards, proposed or confirmed.
    pub major: usize,
    /// 一般 hazards.
    pub general: usize,
    /// Calls to people.
    pub alarms: usize,
    /// Beyond a limit, and back before the on-delay had passed.
    pub delayed: usize,
    /// Within the margin of a limit (`near`), and back.
    pub near: usize,
}

/// Calls over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// Length of a step; the first begins with the span.
    pub step_s: i64,
    /// Calls in each, the last may be short.
    pub calls: Vec<usize>,
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
    /// Average in an hour; good at most 6, act above 12.
    pub per_hour: f64,
    /// See there.
    pub per_hour_verdict: Verdict,
    /// Average in a day; good at most 150, act from 300.
    pub per_day: f64,
    /// See there.
    pub per_day_verdict: Verdict,
    /// Most in any ten minutes.
    pub worst_ten_minutes: usize,
    /// Most in any sixty minutes.
    pub worst_hour: usize,
    /// When they came.
    pub timeline: Timeline,
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
    /// Standing at the end, as people see them: what is shelved, suppressed or out of service does not.
    pub standing: usize,
    /// Standing for more than a day: rule and since when, the oldest first.
    pub stale: Vec<(String, String)>,
    /// Good below 5, act from 10.
    pub stale_verdict: Verdict,
    /// By priority, the most urgent first.
    pub answers: Vec<Answers>,
    /// Of the spread over priorities (EEMUA 191: about 5 % critical, 15 % high): good up to that, act above twice as much; of
    /// fewer than twenty calls nothing can be said, and it is good.
    pub spread_verdict: Verdict,
    /// From hazards down to what only came near.
    pub pyramid: Pyramid,
    /// The ten rules that were nearly broken most often, and their share of all precursors.
    pub nearly: Vec<Actor>,
}

/// The figures of `past` between `from` and `to`.
#[must_use]
pub fn figures(past: &Past, from: Micros, to: Micros) -> Figures {
    let happenings = past.happenings.as_slice();
    let span_us = to.0.saturating_sub(from.0).max(1);
    let calls: Vec<&Happening> = happenings.iter().filter(|h| is_call(h)).collect();
    let times: Vec<i64> = calls.iter().map(|c| c.at.0).collect();
    let floods = floods::floods(&times, to.0);
    let flood_percent = floods::lasted_us(&floods) as f64 / span_us as f64 * 100.0;
    let top = most(calls.iter().map(|c| &*c.rule));
    let standing = standing(past);
    let mut stale: Vec<(&str, Micros)> =
        standing.iter().map(|s| (*s.0, *s.1)).filter(|(_, since)| to.0 - since.0 > STALE).collect();
    stale.sort_by_key(|(rule, since)| (since.0, *rule));
    let per_hour = calls.len() as f64 / (span_us as f64 / HOUR as f64);
    let (per_ten_minutes, per_day) = (per_hour / 6.0, per_hour * 24.0);
    let of_level = |level| past.hazards.iter().filter(|h| **h == level).count();
    let delayed = past.precursors.iter().filter(|p| p.1).count();
    let answers = answers::answers(past, calls.len());
    Figures {
        from: from.rfc3339(),
        to: to.rfc3339(),
        calls: calls.len(),
        per_ten_minutes,
        per_ten_minutes_verdict: verdict(per_ten_minutes, 1.0, 2.0),
        per_hour,
        per_hour_verdict: verdict(per_hour, 6.0, 12.0),
        per_day,
        per_day_verdict: verdict(per_day, 150.0, 300.0),
        worst_ten_minutes: worst(&times, TEN_MINUTES),
        worst_hour: worst(&times, HOUR),
        timeline: timeline(&times, from.0, span_us),
        floods,
        flood_percent,
        flood_verdict: verdict(flood_percent, 1.0, 1.0),
        top_percent: top.iter().map(|t| t.percent).sum(),
        top,
        chattering: chatter::chattering(happenings),
        standing: standing.len(),
        stale_verdict: verdict(stale.len() as f64, 4.0, 9.0),
        stale: stale.into_iter().map(|(rule, since)| (rule.to_owned(), since.rfc3339())).collect(),
        spread_verdict: spread(&answers, calls.len()),
        answers,
        pyramid: Pyramid {
            major: of_level(HazardLevel::Major),
            general: of_level(HazardLevel::General),
            alarms: calls.len(),
            delayed,
            near: past.precursors.len() - delayed,
        },
        nearly: most(past.precursors.iter().map(|p| p.0.as_str())),
    }
}

/// Fewer calls have no spread.
const FEWEST_CALLS: usize = 20;

/// The worse of the shares of critical and of high calls.
fn spread(answers: &[Answers], calls: usize) -> Verdict {
    if calls < FEWEST_CALLS {
        return Verdict::Good;
    }
    let of = |priority: Priority, good: f64| {
        let found = answers.iter().find(|a| a.priority == Some(priority.word()));
        verdict(found.map_or(0.0, |a| a.percent), good, 2.0 * good)
    };
    match (of(Priority::Critical, 5.0), of(Priority::High, 15.0)) {
        (Verdict::Act, _) | (_, Verdict::Act) => Verdict::Act,
        (Verdict::Good, Verdict::Good) => Verdict::Good,
        _ => Verdict::Watch,
    }
}

/// The ten that are named most often, of equals the first by name.
fn most<'r>(rules: impl Iterator<Item = &'r str>) -> Vec<Actor> {
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all = 0;
    for rule in rules {
        *by_rule.entry(rule).or_default() += 1;
        all += 1;
    }
    let mut often: Vec<(&str, usize)> = by_rule.into_iter().collect();
    often.sort_by_key(|(rule, calls)| (std::cmp::Reverse(*calls), *rule));
    let actor = |(rule, calls): (&str, usize)| Actor {
        rule: rule.to_owned(),
        calls,
        percent: calls as f64 / f64::from(all) * 100.0,
    };
    often.into_iter().take(TOP).map(actor).collect()
}

/// In steps of ten minutes, an hour, a day or a multiple of it, so that there are at most a few hundred.
fn timeline(times: &[i64], from: i64, span_us: i64) -> Timeline {
    let few = |step: i64, most: i64| span_us <= step.saturating_mul(most);
    let step = match () {
        () if few(TEN_MINUTES, 48) => TEN_MINUTES,
        () if few(HOUR, 24 * 8) => HOUR,
        () => 24 * HOUR * (span_us / (24 * HOUR * 400) + 1),
    };
    let mut calls = vec![0; usize::try_from((span_us - 1) / step + 1).unwrap_or(0)];
    for at in times {
        let place = usize::try_from((at - from).div_euclid(step)).ok();
        if let Some(count) = place.and_then(|n| calls.get_mut(n)) {
            *count += 1;
        }
    }
    Timeline { step_s: step / SECOND, calls }
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

/// What people see standing at the end, and since when.
fn standing(past: &Past) -> BTreeMap<&str, Micros> {
    let mut standing: BTreeMap<&str, Micros> =
        past.standing.iter().map(|s| (s.rule.as_str(), s.since)).collect();
    for h in &past.happenings {
        // Whose limit was taken out of the settings stands no more: nothing will ever clear it.
        if h.stands && h.priority.is_some() {
            standing.entry(&*h.rule).or_insert(h.at);
        } else {
            standing.remove(&*h.rule);
        }
    }
    standing
}

#[cfg(test)]
mod tests;
