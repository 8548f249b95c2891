//! What the audit trail tells of how points were read before: where a series goes on though its point is read otherwise,
//! and in which unit a value of then was.

use serde::Deserialize;

use super::Shared;
use super::shared::look_back;
use super::views::{ReadingChange, rfc3339};
use crate::plant::{Micros, Plant};
use crate::settings::Otherwise;
use crate::store::{LedgerReader, SettingsHistory, StoreError};

/// One change of the settings.
#[derive(Debug, Default, Deserialize)]
struct Change {
    #[serde(skip)]
    at: Micros,
    #[serde(default)]
    read_otherwise: Vec<Otherwise>,
    /// `None`: entries of earlier versions tell it in words alone.
    #[serde(default)]
    other_units: Option<Vec<Otherwise>>,
    /// There were more of them.
    #[serde(default)]
    cut: bool,
}

/// What one change says of the unit of a point.
enum Told<'a> {
    Changed(&'a Otherwise),
    Unknown,
}

/// Changes of the settings, oldest first.
pub(super) struct Changes {
    all: Vec<Change>,
    /// Times of which it cannot be told whether they lie before or after a change.
    unclear: Vec<(Micros, Option<Micros>)>,
}

/// All of them, also those that the ledger has not got yet.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn all(shared: &Shared) -> Result<Changes, StoreError> {
    // Before the ledger: what it gets in between is in both.
    let newest: Vec<_> = shared.live.read().settings_changes.iter().cloned().collect();
    let stored = look_back(&shared.past, LedgerReader::settings_changes).await?;
    Ok(Changes::of_both(stored, newest))
}

impl Changes {
    fn of_both(stored: SettingsHistory, newest: Vec<(Micros, String)>) -> Self {
        let SettingsHistory { changes: mut stored, unclear } = stored;
        let waiting: Vec<_> = newest.into_iter().filter(|one| !stored.contains(one)).collect();
        stored.extend(waiting);
        // What cannot be read changed nobody knows what.
        let read = |(at, detail): (Micros, String)| Change {
            at,
            ..serde_json::from_str(&detail).unwrap_or_default()
        };
        Self { all: stored.into_iter().map(read).collect(), unclear }
    }

    /// Those of the points of one piece of equipment in a span.
    pub(super) fn of(&self, equipment: &str, (from, to): (Micros, Micros)) -> Vec<ReadingChange> {
        let mut found = Vec::new();
        for change in self.all.iter().filter(|change| (from..=to).contains(&change.at)) {
            let otherwise = change.read_otherwise.iter().map(|one| ("read-otherwise", one));
            let units = change.other_units.iter().flatten().map(|one| ("unit", one));
            for (kind, one) in otherwise.chain(units) {
                let Otherwise { point, was, now } = one;
                let Some((owner, point)) = point.split_once('/') else { continue };
                if owner == equipment {
                    let (point, was, now) = (point.to_owned(), was.clone(), now.clone());
                    found.push(ReadingChange { at: rfc3339(change.at), kind, point, was, now });
                }
            }
        }
        found
    }

    /// In which unit a value of this rule's point was at a time; `None` where nobody can tell, and where the rule judges no
    /// point of the settings, and for a point that has changed where the clock had been set. The newest change before decides, for one may be told again at a start; what ended at the
    /// instant of a change ended in the unit of before.
    pub(super) fn unit_of(&self, plant: &Plant, rule: &str, at: Micros) -> Option<String> {
        let (name, _) = rule.rsplit_once('.')?;
        let (owner, id) = name.split_once('/')?;
        let equipment = plant.present().find(|e| e.id.as_str() == owner)?;
        let mut points = equipment.points.iter().map(|ix| plant.point(*ix));
        let now = points.find(|p| p.id.as_str() == id)?.unit.as_str();
        let told = || self.all.iter().filter_map(|change| Some((change.at, change.told(name)?)));
        let unclear = |at| self.unclear.iter().any(|(from, to)| at >= *from && to.is_none_or(|to| at <= to));
        if unclear(at) && told().next().is_some() {
            return None;
        }
        if let Some((_, Told::Changed(one))) = told().rfind(|(changed, _)| *changed < at) {
            return Some(one.now.clone());
        }
        match told().find(|(changed, _)| *changed >= at) {
            Some((_, Told::Changed(one))) => Some(one.was.clone()),
            Some((_, Told::Unknown)) => None,
            None => Some(now.to_owned()),
        }
    }
}

impl Change {
    /// What it says of this point's unit; nothing where it stayed.
    fn told(&self, point: &str) -> Option<Told<'_>> {
        let Some(units) = &self.other_units else { return Some(Told::Unknown) };
        let changed = units.iter().find(|one| one.point == point).map(Told::Changed);
        changed.or(self.cut.then_some(Told::Unknown))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Changes, Micros, SettingsHistory};
    use crate::plant::Plant;
    use crate::plant::example::plant;

    const POINT: &str = "boiler-1/p0";

    fn in_bar() -> Plant {
        let mut plant = plant(vec![Vec::new()]);
        plant.points[0].unit = "bar".to_owned();
        plant
    }

    fn unit(point: &str, was: &str, now: &str) -> serde_json::Value {
        json!({ "other_units": [{ "point": point, "was": was, "now": now }] })
    }

    fn told(all: &[(i64, serde_json::Value)]) -> SettingsHistory {
        let changes = all.iter().map(|(at, detail)| (Micros(*at), detail.to_string())).collect();
        SettingsHistory { changes, unclear: Vec::new() }
    }

    fn units<const N: usize>(all: &[(i64, serde_json::Value)], at: [i64; N]) -> [Option<String>; N] {
        let changes = Changes::of_both(told(all), Vec::new());
        at.map(|at| changes.unit_of(&in_bar(), &format!("{POINT}.hh"), Micros(at)))
    }

    fn some<const N: usize>(units: [&str; N]) -> [Option<String>; N] {
        units.map(|unit| Some(unit.to_owned()))
    }

    #[test]
    fn where_the_clock_had_been_set_no_unit_is_told_of_a_point_that_has_changed_and_that_of_any_other_is() {
        // Changed at 2000 (a machine without a battery), behind a start at 5000; its clock is past that again at 6000.
        let all = [(2000, unit(POINT, "MPa", "bar"))];
        let history = SettingsHistory { unclear: vec![(Micros(2000), Some(Micros(6000)))], ..told(&all) };
        let changes = Changes::of_both(history.clone(), Vec::new());
        let at = |changes: &Changes, at: i64| changes.unit_of(&in_bar(), &format!("{POINT}.hh"), Micros(at));
        assert_eq!(
            [1999, 2000, 5500, 6000, 6001].map(|t| at(&changes, t)),
            [Some("MPa".to_owned()), None, None, None, Some("bar".to_owned())]
        );
        let of_another =
            SettingsHistory { changes: told(&[(2000, unit("boiler-1/p9", "a", "b"))]).changes, ..history };
        assert_eq!(at(&Changes::of_both(of_another, Vec::new()), 5500).as_deref(), Some("bar"));
    }

    #[test]
    fn a_value_of_before_is_in_the_unit_of_then_and_only_the_changes_of_this_equipment_are_told() {
        let otherwise = json!({ "read_otherwise": [{ "point": POINT, "was": "u16", "now": "i16" }], "other_units": [
            { "point": "x/y", "was": "a", "now": "b" }] });
        let all = [(10, unit(POINT, "kPa", "MPa")), (15, otherwise), (20, unit(POINT, "MPa", "bar"))];
        assert_eq!(units(&all, [5, 12, 25]), some(["kPa", "MPa", "bar"]));
        let changes = Changes::of_both(told(&all), Vec::new());
        assert_eq!(changes.unit_of(&in_bar(), "gateway/store.state", Micros(5)), None);
        let kinds = |span: (i64, i64)| -> Vec<&str> {
            let found = changes.of("boiler-1", (Micros(span.0), Micros(span.1)));
            assert!(found.iter().all(|c| c.point == "p0"), "{found:?}");
            found.iter().map(|c| c.kind).collect()
        };
        assert_eq!(kinds((0, 100)), ["unit", "read-otherwise", "unit"]);
        assert_eq!(kinds((15, 19)), ["read-otherwise"]);
    }

    #[test]
    fn what_ended_at_the_instant_of_a_change_is_in_the_unit_of_before() {
        assert_eq!(units(&[(10, unit(POINT, "MPa", "bar"))], [9, 10, 11]), some(["MPa", "MPa", "bar"]));
    }

    #[test]
    fn a_change_that_is_told_again_at_a_start_leaves_the_values_between_in_the_unit_of_then() {
        let all = [(10, unit(POINT, "MPa", "bar")), (20, unit(POINT, "MPa", "bar"))];
        assert_eq!(units(&all, [5, 15, 20, 25]), some(["MPa", "bar", "bar", "bar"]));
    }

    #[test]
    fn before_a_change_that_does_not_tell_units_no_unit_is_known() {
        let words = json!({ "changes": ["~ equipment.boiler-1"], "count": 1 });
        assert_eq!(units(&[(10, words.clone())], [5, 15]), [None, Some("bar".to_owned())]);
        let all = [(4, unit(POINT, "kPa", "MPa")), (10, words), (20, unit(POINT, "MPa", "bar"))];
        assert_eq!(units(&all, [3, 15, 25]), some(["kPa", "MPa", "bar"]));
        // Of very many it tells the first.
        let mut cut = unit("x/y", "a", "b");
        cut["cut"] = true.into();
        assert_eq!(units(&[(10, cut)], [5, 15]), [None, Some("bar".to_owned())]);
        assert_eq!(units(&[(10, json!("torn"))], [5]), [None]);
    }

    #[test]
    fn a_change_that_the_ledger_has_not_got_yet_counts_and_is_told_once() {
        let all = [(10, unit(POINT, "kPa", "MPa")), (20, unit(POINT, "MPa", "bar"))];
        let changes = Changes::of_both(told(&all[..1]), told(&all).changes);
        let at = |at: i64| changes.unit_of(&in_bar(), &format!("{POINT}.hh"), Micros(at));
        assert_eq!([5, 15, 25].map(at), some(["kPa", "MPa", "bar"]));
        assert_eq!(changes.of("boiler-1", (Micros(0), Micros(99))).len(), 2);
    }
}
