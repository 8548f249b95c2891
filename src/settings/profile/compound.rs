//! Limits on what values say over time, or together: rate of change, deviation, disagreement, mismatch, count, time to
//! a limit, voting. Each makes a derived point of its own, which is shown, kept and forwarded like any other, and whose
//! limits are judged like any other's: what was judged can always be seen.
//!
//! | key | point it makes | its value |
//! |---|---|---|
//! | `rate` | `ID_rate` | slope over a window (least squares), per s, min or h |
//! | `deviation` | `ID_deviation` | value less another point or a setpoint |
//! | `disagreement` | `ID_disagreement` | largest less smallest of several |
//! | `mismatch` | `ID_mismatch` | 1 when a feedback has not followed in time |
//! | `count` | `ID_count` | how often a condition came in a window |
//! | `time_to` | `ID_time_to_hh` | seconds until the limit is reached |
//! | `vote` | `ID_vote` | 1 when so many of several are beyond a value |

use std::time::Duration;

use super::super::in_words;
use super::super::walk::Walk;
use super::derived::{DerivedSetting, Recipe};
use super::limits::{LimitSetting, limit_keys, limits};
use crate::plant::{Id, LimitKind, Name, Priority};

/// Points that one vote or one disagreement may look at, its own among them.
const MOST_VOTERS: usize = 5;

/// The point whose limits are read.
struct Of<'a> {
    id: &'a Id,
    name: &'a Name,
    unit: &'a str,
    /// A counter that begins at 0 again when it would reach this.
    wraps_at: Option<f64>,
}

/// What the limits of the point `id` make beside limits of its own.
pub(in crate::settings) fn compound(
    walk: &Walk<'_>,
    id: &Id,
    name: &Name,
    unit: &str,
) -> Vec<DerivedSetting> {
    let wraps_at = walk.table("counter").and_then(|w| counter(&w));
    let of = Of { id, name, unit, wraps_at };
    let mut found = Vec::new();
    if let Some(w) = walk.table("rate") {
        found.extend(rate(&of, &w));
    }
    if let Some(w) = walk.table("deviation") {
        found.extend(deviation(&of, &w));
    }
    if let Some(w) = walk.table("disagreement") {
        found.extend(disagreement(&of, &w));
    }
    if let Some(w) = walk.table("mismatch") {
        found.extend(mismatch(&of, &w));
    }
    if let Some(w) = walk.table("count") {
        found.extend(count(&of, &w));
    }
    if let Some(w) = walk.table("time_to") {
        found.extend(time_to(&of, &w));
    }
    if let Some(w) = walk.table("vote") {
        found.extend(vote(&of, &w));
    }
    found
}

/// As a formula names it.
fn point(id: &str) -> String {
    format!("point({id:?})")
}

/// As a formula writes it.
pub(in crate::settings) fn quantity(number: f64, unit: &str) -> String {
    let unit = if unit.is_empty() || unit == "bool" { String::new() } else { format!(" {unit:?}") };
    if number < 0.0 { format!("(-{:?}{unit})", -number) } else { format!("{number:?}{unit}") }
}

impl Of<'_> {
    fn itself(&self) -> String {
        point(self.id.as_str())
    }

    fn make(
        &self,
        w: &Walk<'_>,
        (suffix, zh, en): (&str, &str, &str),
        unit: Option<&str>,
        limits: Vec<LimitSetting>,
        formula: Recipe,
    ) -> Option<DerivedSetting> {
        let id = match Id::new(&format!("{}_{suffix}", self.id)) {
            Ok(id) => id,
            Err(e) => {
                w.fault("", format!("the point it makes: {e}"), "a shorter id of the point");
                return None;
            }
        };
        Some(DerivedSetting {
            id,
            name: Name { zh: format!("{} {zh}", self.name.zh), en: format!("{} {en}", self.name.en) },
            unit: unit.map(str::to_owned),
            decimals: 3,
            range: None,
            labels: Vec::new(),
            limits,
            formula,
            votes: Vec::new(),
            id_place: w.place(""),
            place: w.place(""),
            key: w.path.clone(),
        })
    }
}

fn window(w: &Walk<'_>, usual: Duration) -> Duration {
    let window = w.duration("window").unwrap_or(usual);
    if window.is_zero() {
        w.fault("window", "no time", "1s to 7d, e.g. \"60s\"");
    }
    window.max(Duration::from_secs(1))
}

/// `counter = { wraps_at = 65536 }`
fn counter(w: &Walk<'_>) -> Option<f64> {
    let wraps_at = w.number("wraps_at");
    if !w.has("wraps_at") || wraps_at.is_some_and(|n| n <= 0.0) {
        w.fault(
            "wraps_at",
            "missing, or not above 0",
            "what follows its last value, in the point's unit: 65536",
        );
    }
    w.finish();
    wraps_at.filter(|n| *n > 0.0)
}

fn rate(of: &Of<'_>, w: &Walk<'_>) -> Option<DerivedSetting> {
    let per = w.word("per", &[("s", "rate"), ("min", "rate_min"), ("h", "rate_h")]).unwrap_or("rate_min");
    let window = in_words(window(w, Duration::from_secs(60)));
    // A counter that rolls over goes on counting.
    let value = match of.wraps_at {
        Some(wraps_at) => format!("unrolled({}, {})", of.itself(), quantity(wraps_at, of.unit)),
        None => of.itself(),
    };
    let formula = format!("{per}({value}, {window})");
    of.make(w, ("rate", "变化率", "rate"), None, limits(w, false), Recipe::Formula(formula))
}

fn deviation(of: &Of<'_>, w: &Walk<'_>) -> Option<DerivedSetting> {
    let from = if w.is_plain_text("from") {
        w.text("from").map(point)
    } else {
        w.number("from").map(|n| quantity(n, of.unit))
    };
    if from.is_none() && !w.has("from") {
        w.fault("from", "missing", "another point's id, or a setpoint in the point's unit");
    }
    let limits = limits(w, false);
    let formula = format!("{} - {}", of.itself(), from?);
    of.make(w, ("deviation", "偏差", "deviation"), None, limits, Recipe::Formula(formula))
}

/// The points of `with`, and the point itself before them.
fn together(of: &Of<'_>, w: &Walk<'_>) -> Option<Vec<String>> {
    let with = w.texts("with").unwrap_or_default();
    if with.is_empty() || with.len() >= MOST_VOTERS || with.iter().any(|p| *p == of.id.as_str()) {
        let remedy = format!("the ids of 1 to {} other points: with = [\"drum_level_2\"]", MOST_VOTERS - 1);
        w.fault("with", if with.is_empty() { "nothing to compare with" } else { "not these" }, remedy);
        return None;
    }
    Some(std::iter::once(of.itself()).chain(with.into_iter().map(point)).collect())
}

fn disagreement(of: &Of<'_>, w: &Walk<'_>) -> Option<DerivedSetting> {
    let all = together(of, w);
    let limits = limits(w, false);
    let all = all?.join(", ");
    let formula = Recipe::Formula(format!("max({all}) - min({all})"));
    of.make(w, ("disagreement", "互差", "disagreement"), None, limits, formula)
}

/// The one limit of a point that is 1 or 0: the table's own keys.
fn when_true(w: &Walk<'_>) -> Vec<LimitSetting> {
    let keys = limit_keys(w).at(1.0);
    vec![LimitSetting::Limit(LimitKind::State, Box::new(keys))]
}

fn mismatch(of: &Of<'_>, w: &Walk<'_>) -> Option<DerivedSetting> {
    let feedback = w.need("feedback", "the point that tells what was done: \"valve_open\"").map(point);
    let travel = w.duration("travel").unwrap_or(Duration::from_secs(10)).max(Duration::from_secs(1));
    let differs = if w.flag("inverted").unwrap_or(false) { "==" } else { "!=" };
    let limits = when_true(w);
    w.finish();
    let formula = format!("hold({} {differs} {}, {})", of.itself(), feedback?, in_words(travel));
    of.make(w, ("mismatch", "指令反馈不符", "mismatch"), Some("bool"), limits, Recipe::Formula(formula))
}

/// `above`, `below` or `is` as a condition on a point.
fn condition(of: &Of<'_>, w: &Walk<'_>) -> Option<impl Fn(&str) -> String + use<>> {
    let unit = of.unit.to_owned();
    let (above, below, is) = (w.number("above"), w.number("below"), w.flag("is"));
    let (sign, number) = match (above, below, is) {
        (Some(n), None, None) => (" >= ", Some(n)),
        (None, Some(n), None) => (" <= ", Some(n)),
        (None, None, Some(true)) => ("", None),
        (None, None, Some(false)) => ("not ", None),
        _ => {
            w.fault(
                "",
                "not one of above, below and is",
                "above = 75, in the point's unit; is = true for a discrete point",
            );
            return None;
        }
    };
    Some(move |point: &str| match number {
        Some(number) => format!("{point}{sign}{}", quantity(number, &unit)),
        None => format!("{sign}{point}"),
    })
}

fn count(of: &Of<'_>, w: &Walk<'_>) -> Option<DerivedSetting> {
    let window = in_words(window(w, Duration::from_secs(86_400)));
    let condition = condition(of, w);
    let limits = limits(w, false);
    let formula = format!("count({}, {window})", condition?(&of.itself()));
    let made = of.make(w, ("count", "次数", "count"), Some(""), limits, Recipe::Formula(formula))?;
    Some(DerivedSetting { decimals: 0, ..made })
}

fn time_to(of: &Of<'_>, w: &Walk<'_>) -> Option<DerivedSetting> {
    let kinds = [("ll", LimitKind::LL), ("l", LimitKind::L), ("h", LimitKind::H), ("hh", LimitKind::HH)];
    let limit = w.word("limit", &kinds);
    if !w.has("limit") {
        w.fault("limit", "missing", "which of the point's limits: limit = \"hh\"");
    }
    let window = window(w, Duration::from_secs(60));
    let within = w.duration("within").unwrap_or(Duration::from_secs(120));
    let keys = limit_keys(w).at(within.as_secs_f64());
    w.finish();
    let limit = limit?;
    let (suffix, key) = (format!("time_to_{}", limit.key()), limit.key().to_uppercase());
    let (zh, en) = (format!("预计到达 {key} 时间"), format!("time to {key}"));
    let limits = vec![LimitSetting::Limit(LimitKind::L, Box::new(keys))];
    let recipe = Recipe::TimeTo { of: of.id.clone(), limit, window };
    let made = of.make(w, (&suffix, &zh, &en), Some("s"), limits, recipe)?;
    Some(DerivedSetting { decimals: 0, ..made })
}

fn vote(of: &Of<'_>, w: &Walk<'_>) -> Option<DerivedSetting> {
    let all = together(of, w);
    let condition = condition(of, w);
    let need = w.whole("need", 1, MOST_VOTERS as i64).unwrap_or(2) as usize;
    let degraded = w.word("degraded", DEGRADED).unwrap_or(Degraded::Unknown);
    let keys = limit_keys(w).at(1.0);
    // A vote that cannot be taken is as urgent as what it watches.
    let priority = keys.priority().or(Some(Priority::High));
    let limits = vec![
        LimitSetting::Limit(LimitKind::State, Box::new(keys)),
        LimitSetting::NoData { after: None, off_delay: None, priority },
    ];
    w.finish();
    let (all, condition) = (all?, condition?);
    let end = if w.has("above") { Some(true) } else { w.has("below").then_some(false) };
    let voters = std::iter::once(of.id.as_str()).chain(w.texts("with").unwrap_or_default());
    let counted = end.map_or_else(Vec::new, |end| voters.map(|id| (id.to_owned(), end)).collect());
    if need > all.len() {
        w.fault("need", format!("{need} of {}", all.len()), "no more than there are points");
        return None;
    }
    let names = (format!("{need}/{} 表决", all.len()), format!("{need} of {} vote", all.len()));
    let names = ("vote", names.0.as_str(), names.1.as_str());
    if degraded != Degraded::Unknown {
        let formula = Recipe::Formula(without_the_dead(&all, need, degraded, condition));
        let made = of.make(w, names, Some("bool"), limits, formula)?;
        return Some(DerivedSetting { votes: counted, ..made });
    }
    // Every choice of so many, all of them beyond: known votes are enough, whatever an unknown one would say.
    let votes: Vec<String> = all.iter().map(|p| condition(p)).collect();
    let choices = (0u32..1 << votes.len()).filter(|c| c.count_ones() as usize == need).map(|choice| {
        let chosen = votes.iter().enumerate().filter(|(n, _)| choice & 1 << n != 0).map(|v| v.1.as_str());
        format!("({})", chosen.collect::<Vec<_>>().join(" and "))
    });
    let formula = choices.collect::<Vec<_>>().join(" or ");
    let made = of.make(w, names, Some("bool"), limits, Recipe::Formula(formula))?;
    Some(DerivedSetting { votes: counted, ..made })
}

/// What becomes of a vote when some of its points have no value (IEC 61511-1, 11.4 and 11.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Degraded {
    /// Known votes that are enough count; else it is unknown.
    Unknown,
    /// A dead one counts as beyond: 2 of 3 becomes 1 of 2, then 1 of 1.
    Fewer,
    /// A dead one is left out: 2 of 3 becomes 2 of 2, then 1 of 1.
    Same,
}

const DEGRADED: &[(&str, Degraded)] = &[
    ("unknown", Degraded::Unknown),
    ("1oo2", Degraded::Fewer),
    ("fewer", Degraded::Fewer),
    ("2oo2", Degraded::Same),
    ("same", Degraded::Same),
];

/// Counts those that have a value. When none has, the vote is unknown.
fn without_the_dead(
    all: &[String],
    need: usize,
    degraded: Degraded,
    condition: impl Fn(&str) -> String,
) -> String {
    let sum = |of: &dyn Fn(&String) -> String| all.iter().map(of).collect::<Vec<_>>().join(" + ");
    let beyond = sum(&|p| format!("if(bad({p}), 0, if({}, 1, 0))", condition(p)));
    let dead = sum(&|p| format!("if(bad({p}), 1, 0)"));
    let most = all.len();
    let needed = match degraded {
        Degraded::Same => format!("min({need}, {most} - ({dead}))"),
        Degraded::Fewer | Degraded::Unknown => format!("max(1, {need} - ({dead}))"),
    };
    format!("if({dead} >= {most}, {}, {beyond} >= {needed})", condition(&all[0]))
}

#[cfg(test)]
mod tests {
    use crate::plant::{LimitKind, Priority};
    use crate::settings::load_texts;

    #[test]
    fn a_vote_that_cannot_be_taken_is_as_urgent_as_what_it_watches() {
        let profile = "[[point]]\nid = \"a\"\nunit = \"mm\"\naddress = 40001\n\
            [[point]]\nid = \"b\"\nunit = \"mm\"\naddress = 40002\n";
        let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"s\"\naddress = \"tcp://192.0.2.1\"\n\
            [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"s\"\nunit = 1\n\
            [equipment.limits.a]\nvote = { with = [\"b\"], below = -75, priority = \"critical\" }\n";
        let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", profile)], &[]).unwrap();
        let vote = loaded.settings.plant.points.iter().find(|p| p.id.as_str() == "a_vote").unwrap();
        assert_eq!(vote.limits[0].kind, LimitKind::State);
        assert_eq!(vote.no_data.as_ref().unwrap().priority, Priority::Critical);
        // Below its range each is past what the vote asks for; above it is not.
        let voted: Vec<[bool; 2]> = loaded.settings.plant.points.iter().map(|p| p.voted).collect();
        assert_eq!(voted, [[true, false], [true, false], [false, false]]);
    }
}
