//! Operating states → points that tell them, and the limits that they suppress by design; and the other conditions
//! that hang on a point of the same equipment.

use super::super::fault::{Fault, nearest};
use super::super::profile::{Plausible, StateSetting};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::{Doubts, EquipmentIx, Flatline, PointIx};

impl PlantBuilder<'_> {
    /// Makes the points of the states; call [`PlantBuilder::suppress`] when all limits are there.
    pub(super) fn states(
        &mut self,
        equipment: EquipmentIx,
        owner: &str,
        states: &[StateSetting],
        own: &mut Vec<PointIx>,
    ) {
        self.derived(equipment, owner, states.iter().map(|s| s.point.clone()).collect(), own);
    }

    /// Hangs the limits of the equipment's points on its states.
    pub(super) fn suppress(&mut self, states: &[StateSetting], own: &[PointIx]) {
        for state in states {
            let of = own.iter().copied().find(|p| self.points[p.0 as usize].id == state.point.id);
            let Some(of) = of else { continue };
            let mut idle: Vec<&String> = state.suppress.iter().collect();
            for point in own {
                let point = &mut self.points[point.0 as usize];
                for limit in &mut point.limits {
                    let (id, key) = (point.id.as_str(), limit.kind.key());
                    idle.retain(|pattern| !super::super::profile::matches(pattern, id, key));
                    if state.covers(id, key) {
                        limit.unless.push(of);
                    }
                }
            }
            // With a star it may well find nothing; a limit that is named must be there.
            for pattern in idle.into_iter().filter(|p| p.contains('.') && !p.contains('*')) {
                self.faults.borrow_mut().push(Fault {
                    place: state.suppress_place.clone(),
                    key: state.point.key.replace(".when", ".suppress"),
                    problem: format!("there is no limit `{pattern}`"),
                    remedy: "POINT.LIMIT of this equipment, with * for any: \"*.l\"".to_owned(),
                });
            }
        }
    }

    /// The tests of one point's readings, with indexes for names.
    pub(super) fn doubts(&mut self, of: &[(PointIx, Plausible)], own: &[PointIx], w: &Walk<'_>) {
        for (point, written) in of {
            let flatline = written.flatline.as_ref().map(|(after, within, when)| {
                let named = when.as_ref().and_then(|name| {
                    let found = own.iter().copied().find(|p| self.points[p.0 as usize].id.as_str() == name);
                    if found.is_none() {
                        let known = nearest(name, own.iter().map(|p| self.points[p.0 as usize].id.as_str()));
                        if !w.is_partial() {
                            let problem = format!("there is no point `{name}`");
                            w.fault_at(&written.when_written, problem, known);
                        }
                    }
                    found
                });
                Flatline { after: *after, within: *within, when: named }
            });
            let doubts = Doubts { max_step: written.max_step, flatline };
            self.points[point.0 as usize].doubts = Some(Box::new(doubts));
        }
    }
}
