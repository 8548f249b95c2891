//! `[[derived]]`: a point that is calculated, in a profile or of one piece of equipment.

use std::time::Duration;

use super::super::fault::Place;
use super::super::walk::Walk;
use super::compound::compound;
use super::limits::{LimitSetting, limits};
use super::point::labels;
use super::words::{id, range};
use crate::plant::{Id, LimitKind, Name};

/// A derived point as written.
#[derive(Debug, Clone)]
pub(in crate::settings) struct DerivedSetting {
    pub(in crate::settings) id: Id,
    pub(in crate::settings) name: Name,
    /// `None`: that of the formula.
    pub(in crate::settings) unit: Option<String>,
    pub(in crate::settings) decimals: u8,
    pub(in crate::settings) range: Option<(f64, f64)>,
    pub(in crate::settings) labels: Vec<(i64, Name)>,
    pub(in crate::settings) limits: Vec<LimitSetting>,
    pub(in crate::settings) formula: Recipe,
    /// Points that it counts as beyond a limit: at the low end of their range (`false`), at the high one.
    pub(in crate::settings) votes: Vec<(String, bool)>,
    /// Where its id stands.
    pub(in crate::settings) id_place: Place,
    /// Where what is wrong with it is told.
    pub(in crate::settings) place: Place,
    pub(in crate::settings) key: String,
}

impl DerivedSetting {
    /// A condition without limits, as if somebody had written it at `place`.
    pub(in crate::settings) fn discrete(
        id: Id,
        name: Name,
        formula: String,
        place: &Place,
        key: String,
    ) -> Self {
        Self {
            id,
            name,
            unit: Some("bool".to_owned()),
            decimals: 0,
            range: None,
            labels: Vec::new(),
            limits: Vec::new(),
            formula: Recipe::Formula(formula),
            votes: Vec::new(),
            id_place: place.clone(),
            place: place.clone(),
            key,
        }
    }
}

/// How it is calculated.
#[derive(Debug, Clone)]
pub(in crate::settings) enum Recipe {
    /// A formula.
    Formula(String),
    /// The time until `of` is at its limit; its setpoint is known when all limits are.
    TimeTo { of: Id, limit: LimitKind, window: Duration },
}

/// One `[[derived]]`, and those that its limits make.
pub(in crate::settings) fn derived(walk: &Walk<'_>) -> Vec<DerivedSetting> {
    let id = id(walk, "superheat");
    let (zh, en) = (walk.text("name"), walk.text("name_en"));
    let unit = walk.text("unit").map(str::to_owned);
    let decimals = walk.whole("decimals", 0, 9).unwrap_or(2) as u8;
    let range = range(walk);
    let labels = labels(walk);
    let formula = walk.need("formula", "\"steam_temp - tsat(steam_pressure)\"").map(str::to_owned);
    let mut found = Vec::new();
    let own = walk.table("limits").map(|l| {
        if let Some(id) = &id {
            let name = Name::new(zh, en, id.as_str());
            found = compound(&l, id, &name, unit.as_deref().unwrap_or_default());
        }
        limits(&l, false)
    });
    walk.finish();
    let (Some(id), Some(formula)) = (id, formula) else { return found };
    found.insert(
        0,
        DerivedSetting {
            name: Name::new(zh, en, id.as_str()),
            id,
            unit,
            decimals,
            range,
            labels,
            limits: own.unwrap_or_default(),
            formula: Recipe::Formula(formula),
            votes: Vec::new(),
            id_place: walk.place("id"),
            place: walk.place("formula"),
            key: format!("{}.formula", walk.path),
        },
    );
    found
}
