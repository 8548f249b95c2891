//! What the audit trail tells of how points were read before: where a series goes on though its point is read otherwise,
//! and in which unit a value of then was.

use super::Shared;
use super::shared::look_back;
use super::views::{ReadingChange, rfc3339};
use crate::plant::{Micros, Plant};
use crate::settings::{Otherwise, ReadChanges};
use crate::store::{LedgerReader, StoreError};

/// Changes of the settings, oldest first.
pub(super) struct Changes(Vec<(Micros, ReadChanges)>);

/// Those of a span.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn between(shared: &Shared, span: (Micros, Micros)) -> Result<Changes, StoreError> {
    let told = look_back(&shared.ledger, move |ledger: &LedgerReader| ledger.settings_changes(span)).await?;
    // Entries of earlier versions tell it in words alone.
    let read = |(at, detail): (Micros, String)| Some((at, serde_json::from_str(&detail).ok()?));
    Ok(Changes(told.into_iter().filter_map(read).collect()))
}

impl Changes {
    /// Those of the points of one piece of equipment.
    pub(super) fn of(&self, equipment: &str) -> Vec<ReadingChange> {
        let mut found = Vec::new();
        for (at, changes) in &self.0 {
            let otherwise = changes.otherwise.iter().map(|one| ("read-otherwise", one));
            for (kind, one) in otherwise.chain(changes.units.iter().map(|one| ("unit", one))) {
                let Otherwise { point, was, now } = one;
                let Some((owner, point)) = point.split_once('/') else { continue };
                if owner == equipment {
                    let (point, was, now) = (point.to_owned(), was.clone(), now.clone());
                    found.push(ReadingChange { at: rfc3339(*at), kind, point, was, now });
                }
            }
        }
        found
    }

    /// In which unit a value of this rule's point was at a time; `None` where the rule judges no point of the settings.
    pub(super) fn unit_of(&self, plant: &Plant, rule: &str, at: Micros) -> Option<String> {
        let (name, _) = rule.rsplit_once('.')?;
        let (owner, id) = name.split_once('/')?;
        let equipment = plant.present().find(|e| e.id.as_str() == owner)?;
        let mut points = equipment.points.iter().map(|ix| plant.point(*ix));
        let now = points.find(|p| p.id.as_str() == id)?.unit.as_str();
        let later = self.0.iter().filter(|(changed, _)| *changed > at);
        let was = later.flat_map(|(_, changes)| &changes.units).find(|one| one.point == name);
        Some(was.map_or(now, |one| &one.was).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, Micros, Otherwise, ReadChanges};
    use crate::plant::example::plant;

    #[test]
    fn a_value_of_before_is_in_the_unit_of_then_and_only_the_changes_of_this_equipment_are_told() {
        let plant = plant(vec![Vec::new()]);
        let equipment = plant.present().next().expect("one");
        let point = plant.point(equipment.points[0]);
        let name = format!("{}/{}", equipment.id, point.id);
        let change = |point: &str, was: &str, now: &str| {
            vec![Otherwise { point: point.to_owned(), was: was.to_owned(), now: now.to_owned() }]
        };
        let changes = Changes(vec![
            (Micros(10), ReadChanges { units: change(&name, "kPa", "bar"), ..ReadChanges::default() }),
            (
                Micros(15),
                ReadChanges { otherwise: change(&name, "u16", "i16"), units: change("x/y", "a", "b") },
            ),
            (Micros(20), ReadChanges { units: change(&name, "bar", &point.unit), ..ReadChanges::default() }),
        ]);
        let rule = format!("{name}.hh");
        let unit = |at: i64| changes.unit_of(&plant, &rule, Micros(at));
        assert_eq!([5, 12, 25].map(unit), [Some("kPa".into()), Some("bar".into()), Some(point.unit.clone())]);
        assert_eq!(changes.unit_of(&plant, "gateway/store.state", Micros(5)), None);
        let told = changes.of(equipment.id.as_str());
        assert_eq!(told.iter().map(|c| c.kind).collect::<Vec<_>>(), ["unit", "read-otherwise", "unit"]);
        assert!(told.iter().all(|c| c.point == point.id.as_str()), "{told:?}");
    }
}
