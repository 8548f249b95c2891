//! `[[state]]`: an operating state (运行状态), and the limits that mean nothing in it (设计抑制).

use std::time::Duration;

use super::super::fault::Place;
use super::super::in_words;
use super::super::walk::Walk;
use super::derived::{DerivedSetting, Recipe};
use super::words::id;
use crate::plant::{Id, Name};

/// Recognised after this long, if nothing is written.
const HOLD: Duration = Duration::from_secs(30);

/// An operating state as written. The point of its id is 1 while it lasts.
#[derive(Debug, Clone)]
pub(in crate::settings) struct StateSetting {
    pub(in crate::settings) point: DerivedSetting,
    /// 1 as soon as its condition holds, before it is recognised; `None` for one that is recognised at once.
    pub(in crate::settings) begins: Option<DerivedSetting>,
    /// Limits that call nobody in it: `POINT.LIMIT`, with `*` for any.
    pub(in crate::settings) suppress: Vec<String>,
    /// Of these, all the same.
    pub(in crate::settings) never: Vec<String>,
    pub(in crate::settings) suppress_place: Place,
}

impl StateSetting {
    /// Whether it suppresses the limit `limit` of `point`.
    pub(in crate::settings) fn covers(&self, point: &str, limit: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|p| matches(p, point, limit));
        any(&self.suppress) && !any(&self.never)
    }
}

/// `drum_level.l`, `*.ll`, `gas_*.*`
pub(in crate::settings) fn matches(pattern: &str, point: &str, limit: &str) -> bool {
    let Some((of_point, of_limit)) = pattern.rsplit_once('.') else { return false };
    alike(of_point, point) && alike(of_limit, limit)
}

/// One `*` stands for anything.
fn alike(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
        }
        None => pattern == text,
    }
}

/// One `[[state]]`.
pub(in crate::settings) fn state(walk: &Walk<'_>) -> Option<StateSetting> {
    let id = id(walk, "cold_stop");
    let (zh, en) = (walk.text("name"), walk.text("name_en"));
    let when = walk.need("when", "\"not burner_run and steam_pressure < 0.05 MPa\"").map(str::to_owned);
    let hold = walk.duration("hold").unwrap_or(HOLD);
    let patterns = |key| -> Vec<String> {
        let all = walk.texts(key).unwrap_or_default();
        for pattern in all.iter().filter(|p| !p.contains('.')) {
            let problem = format!("`{pattern}` names no limit");
            walk.fault(key, problem, "POINT.LIMIT, with * for any: [\"*.l\", \"stack_temp.*\"]");
        }
        all.into_iter().map(str::to_owned).collect()
    };
    let (suppress, never) = (patterns("suppress"), patterns("never"));
    walk.finish();
    let (id, when) = (id?, when?);
    let point = |id: Id, name: Name, formula: String| DerivedSetting {
        id,
        name,
        unit: Some("bool".to_owned()),
        decimals: 0,
        range: None,
        labels: Vec::new(),
        limits: Vec::new(),
        formula: Recipe::Formula(formula),
        votes: Vec::new(),
        id_place: walk.place("id"),
        place: walk.place("when"),
        key: format!("{}.when", walk.path),
    };
    let name = Name::new(zh, en, id.as_str());
    let of_begins = Name { zh: format!("{} 条件", name.zh), en: format!("{} (condition)", name.en) };
    let begins = Id::new(&format!("{id}_begins")).ok().filter(|_| hold >= Duration::from_secs(1));
    let begins = begins.map(|id| point(id, of_begins, when.clone()));
    let formula = match &begins {
        Some(begins) => format!("hold(point({:?}), {})", begins.id.as_str(), in_words(hold)),
        None if hold < Duration::from_secs(1) => when,
        None => format!("hold({when}, {})", in_words(hold)),
    };
    let suppress_place = walk.place("suppress");
    Some(StateSetting { point: point(id, name, formula), begins, suppress, never, suppress_place })
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_point_or_limit_or_a_part_of_a_name() {
        for (pattern, point, limit, wanted) in [
            ("*.l", "steam_pressure", "l", true),
            ("*.l", "steam_pressure", "ll", false),
            ("stack_temp.*", "stack_temp", "hh", true),
            ("gas_*.*", "gas_leak", "h", true),
            ("gas_*.*", "gas", "h", false),
            ("steam_pressure.l", "steam_pressure", "l", true),
            ("steam_pressure", "steam_pressure", "l", false),
        ] {
            assert_eq!(matches(pattern, point, limit), wanted, "{pattern} {point}.{limit}");
        }
    }
}
