//! The units that structures name for what is in them, and what is told of all that is in them at once.
//!
//! A unit of a whole counts for members that the walk through it has met, never for a metric whose name only begins
//! alike.

use std::collections::{BTreeMap, HashMap};

use super::moment::Moment;
use crate::plant::{Cause, Micros};

/// Points that the structures of one message may reach as wholes, one after the other; with more of them each
/// structure is told of once, at the end.
const MOST_REACHED: usize = 100_000;

/// A structure that is open.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) name: Box<str>,
    /// A unit for the values in it alone, since it is history.
    pub(super) unit: Option<Box<str>>,
}

#[derive(Debug)]
struct Whole {
    unit: String,
    /// How long the name of the outermost structure around it is.
    top: usize,
}

/// The units of structures with mapped metrics in them, as the last BIRTH, or DATA since, named them.
#[derive(Debug, Default)]
pub(super) struct Wholes(HashMap<Box<str>, Whole>);

impl Wholes {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// `name` names `unit`; in a BIRTH, that it names none ends what it named before.
    pub(super) fn name_unit(&mut self, name: &str, top: usize, unit: Option<&str>, birth: bool) {
        match (unit, self.0.get_mut(name)) {
            (Some(unit), Some(known)) => {
                unit.clone_into(&mut known.unit);
                if birth {
                    known.top = top;
                }
            }
            (Some(unit), None) => {
                self.0.insert(name.into(), Whole { unit: unit.to_owned(), top });
            }
            (None, Some(known)) if birth && known.top == top => {
                self.0.remove(name);
            }
            (None, _) => {}
        }
    }
}

/// Whether `name` could be a member of the structure `whole`.
pub(super) fn contains(whole: &str, name: &str) -> bool {
    name.strip_prefix(whole).is_some_and(|rest| rest.starts_with('/'))
}

/// The unit of the metric `name`: its `own`, else that of the nearest structure it is `inside` that names one.
pub(super) fn unit_at<'u>(
    name: &str,
    (own, inside): (&'u str, &[usize]),
    around: &'u [Around],
    wholes: &'u Wholes,
) -> &'u str {
    if !own.is_empty() {
        return own;
    }
    let of_whole = |length: &usize| {
        let whole = name.get(..*length)?;
        let passing = around.iter().find(|a| &*a.name == whole).and_then(|a| a.unit.as_deref());
        passing.or_else(|| wholes.0.get(whole).map(|known| known.unit.as_str()))
    };
    inside.iter().rev().find_map(of_whole).unwrap_or_default()
}

/// What is told of many points at once, with a bound.
#[derive(Debug)]
pub(super) struct Late {
    left: Option<usize>,
    /// Structures all of whose points have no value at the end of the message.
    pub(super) names: BTreeMap<Box<str>, (Cause, Moment)>,
    /// Aliases of several metrics.
    pub(super) clashes: BTreeMap<u64, Micros>,
}

impl Default for Late {
    fn default() -> Self {
        Self { left: Some(MOST_REACHED), names: BTreeMap::new(), clashes: BTreeMap::new() }
    }
}

impl Late {
    /// Whether so many points may be reached now; from the first no on, none.
    pub(super) fn may_reach(&mut self, points: usize) -> bool {
        self.left = self.left.and_then(|left| left.checked_sub(points));
        self.left.is_some()
    }

    /// What is under `name` has no value at the end. History takes nothing from the present.
    pub(super) fn name(&mut self, name: &str, cause: Cause, moment: Moment) {
        match self.names.get_mut(name) {
            Some(known) if moment.live || !known.1.live => *known = (cause, moment),
            Some(_) => {}
            None => {
                self.names.insert(name.into(), (cause, moment));
            }
        }
    }

    pub(super) fn clash(&mut self, alias: u64, at: Micros) {
        self.clashes.insert(alias, at);
    }
}
