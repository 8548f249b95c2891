//! Limits to begin with, by kind of equipment, point and nameplate: setpoints, delays, priorities, the operating states
//! that suppress them, and what to know and do.
//!
//! A table in the program (`points.csv`), written for the example units of the trade: a 10 t/h steam boiler, a 7 MW
//! hot-water boiler, a 2.4 MW thermal-oil heater and the usual vessels. [`nameplate`] makes this unit's numbers of
//! them, or says that it cannot. Sense to start from: what the settings write stands over it, key by key. Called by the
//! settings' building and by `steamward presets`.

pub mod nameplate;
pub mod states;
pub mod trips;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plant::dictionary;
use crate::plant::guidance::Guidance;
use crate::plant::{Limit, LimitKind, Name, Priority};
use nameplate::{Nameplate, Scale, Unscaled, scale};

/// One point of a kind of equipment, in its own unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Preset {
    pub kind: String,
    pub point: String,
    /// `bool` for a discrete point: `hh` = 1 is bad when 1, `ll` = 0 when 0.
    pub unit: String,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub ll: Option<f64>,
    pub l: Option<f64>,
    pub h: Option<f64>,
    pub hh: Option<f64>,
    pub deadband: Option<f64>,
    pub on_delay_s: Option<f64>,
    pub off_delay_s: Option<f64>,
    pub ll_priority: String,
    pub l_priority: String,
    pub h_priority: String,
    pub hh_priority: String,
    /// The band of normal operation.
    pub normal_low: Option<f64>,
    pub normal_high: Option<f64>,
    /// The fuel this row is for; empty: any.
    pub fuel: String,
    /// The outputs this row is for, in MW: `<0.7` or `>=0.7`; empty: any.
    pub size_mw: String,
    /// What the setpoints rest on; see [`nameplate::scale`].
    pub basis: String,
    /// The same for `ll`, `l` and the band of normal operation.
    pub basis_low: String,
    /// The operating state in which `ll` and `l` mean nothing; see [`states`].
    pub low_unless: String,
    /// The same for `h` and `hh`.
    pub high_unless: String,
    pub response_time_s: Option<u64>,
    /// Of the dictionary of points.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    pub consequence: String,
    pub consequence_en: String,
    pub response: String,
    pub response_en: String,
    /// Of `ll` and `l`, where they lead to something else than `h` and `hh`; empty: to the same.
    pub consequence_low: String,
    pub consequence_low_en: String,
    pub response_low: String,
    pub response_low_en: String,
}

static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_str!("points.csv").as_bytes());
    // Ours, and read by a test: a row that cannot be read is not there.
    let named = |preset: Preset| {
        let name = dictionary::label(Some(&preset.kind), &preset.point, None, None);
        Preset { name: name.zh, name_en: name.en, ..preset }
    };
    reader.deserialize().flatten().map(named).collect()
});

/// Every preset, by kind.
#[must_use]
pub fn presets() -> &'static [Preset] {
    &ALL
}

/// The row for a point of a unit of this kind and nameplate; `None`: there is none.
///
/// # Errors
/// A row that differs by something that the nameplate does not say, with one of them for its delays and words.
#[must_use]
pub fn find(
    kind: &str,
    point: &str,
    plate: &Nameplate,
) -> Option<Result<&'static Preset, (&'static Preset, Unscaled)>> {
    let rows: Vec<&Preset> = ALL.iter().filter(|p| p.kind == kind && p.point == point).collect();
    let first = *rows.first()?;
    if rows.iter().any(|p| !p.fuel.is_empty()) && plate.fuel.is_none() {
        return Some(Err((first, Unscaled::Missing("fuel"))));
    }
    let burns = |p: &&&Preset| p.fuel.is_empty() || plate.fuel.is_some_and(|f| f.as_str() == p.fuel);
    if rows.iter().filter(burns).any(|p| !p.size_mw.is_empty()) && plate.output.is_none() {
        return Some(Err((first, Unscaled::Missing("output"))));
    }
    let large = |p: &&&Preset| match (p.size_mw.strip_prefix(">="), p.size_mw.strip_prefix('<')) {
        (Some(from), _) => plate.output.zip(from.parse().ok()).is_some_and(|(o, from): (f64, f64)| o >= from),
        (_, Some(to)) => plate.output.zip(to.parse().ok()).is_some_and(|(o, to): (f64, f64)| o < to),
        _ => true,
    };
    rows.iter().filter(burns).find(large).copied().map(Ok)
}

fn priority(word: &str) -> Priority {
    match word {
        "critical" => Priority::Critical,
        "high" => Priority::High,
        "low" => Priority::Low,
        _ => Priority::Medium,
    }
}

/// A limit for this unit. Its setpoint is NaN where there is no honest number; the rest of it stands all the same.
#[derive(Debug, Clone)]
pub struct ForUnit {
    /// In the unit of the preset.
    pub limit: Limit,
    /// Why there is no setpoint.
    pub unscaled: Option<Unscaled>,
    /// The operating state that suppresses it; empty: none.
    pub unless: &'static str,
}

/// Without the last digits that a scaling leaves, and never nearer to the danger: 4 digits, down for a high limit.
fn setpoint(at: f64, kind: LimitKind) -> f64 {
    let at = tidy(at);
    if at == 0.0 || !at.is_finite() {
        return at;
    }
    let unit = 10f64.powi(3 - at.abs().log10().floor() as i32);
    let steps = at * unit;
    let whole = if (steps - steps.round()).abs() < 1e-6 {
        steps.round()
    } else if matches!(kind, LimitKind::LL | LimitKind::L) {
        steps.ceil()
    } else {
        steps.floor()
    };
    tidy(whole / unit)
}

impl Preset {
    /// Its limits for a unit of this nameplate, in the preset's own unit.
    #[must_use]
    pub fn limits(&'static self, plate: &Nameplate) -> Vec<ForUnit> {
        let seconds =
            |s: Option<f64>| s.and_then(|s| Duration::try_from_secs_f64(s).ok()).unwrap_or_default();
        let discrete = self.unit == "bool";
        let (low, high) = (scale(&self.basis_low, &self.kind, plate), scale(&self.basis, &self.kind, plate));
        let narrower =
            [&low, &high].into_iter().flatten().map(|s| s.factor.abs()).fold(f64::INFINITY, f64::min);
        let deadband = if narrower.is_finite() { tidy(self.deadband.unwrap_or(0.0) * narrower) } else { 0.0 };
        let each = [
            (LimitKind::LL, self.ll, &self.ll_priority),
            (LimitKind::L, self.l, &self.l_priority),
            (LimitKind::H, self.h, &self.h_priority),
            (LimitKind::HH, self.hh, &self.hh_priority),
        ];
        let (low_side, high_side) = (self.guidance(true), self.guidance(false));
        let limit = |(kind, at, word): (LimitKind, Option<f64>, &String)| {
            let at = at?;
            let is_low = matches!(kind, LimitKind::LL | LimitKind::L);
            let by = if is_low { low } else { high };
            let at = match by {
                _ if discrete => at,
                Ok(Scale { factor, offset }) => setpoint(at * factor + offset, kind),
                Err(_) => f64::NAN,
            };
            let limit = Limit {
                kind: if discrete { LimitKind::State } else { kind },
                at,
                deadband: if discrete { 0.0 } else { deadband },
                on_delay: seconds(self.on_delay_s),
                off_delay: seconds(self.off_delay_s),
                priority: priority(word),
                latch: false,
                hazard: None,
                escalate: false,
                near: 0.0,
                when: None,
                unless: Vec::new(),
                soon: Vec::new(),
                schedule: Vec::new(),
                guidance: if is_low { low_side.clone() } else { high_side.clone() },
                follows: Vec::new(),
            };
            let unless = if is_low { &self.low_unless } else { &self.high_unless };
            Some(ForUnit { limit, unscaled: by.err().filter(|_| !discrete), unless })
        };
        each.into_iter().filter_map(limit).collect()
    }

    /// The band of normal operation of a unit of this nameplate, in the preset's own unit.
    #[must_use]
    pub fn normal(&self, plate: &Nameplate) -> Option<(f64, f64)> {
        // A band has the basis of its lower edge: where a boiler runs, not what its plate allows.
        let basis = if self.basis_low == "working" { &self.basis_low } else { &self.basis };
        let Scale { factor, offset } = scale(basis, &self.kind, plate).ok()?;
        let (low, high) = (self.normal_low? * factor + offset, self.normal_high? * factor + offset);
        (low <= high && self.unit != "bool").then(|| (tidy(low), tidy(high)))
    }

    fn guidance(&self, low_side: bool) -> Option<Arc<Guidance>> {
        let words = |[zh, en]: [&String; 2], [low_zh, low_en]: [&String; 2]| {
            let own = low_side && !low_zh.is_empty();
            let (zh, en) = if own { (low_zh, low_en) } else { (zh, en) };
            (!zh.is_empty()).then(|| Name { zh: zh.clone(), en: en.clone() })
        };
        let told = Guidance {
            message: None,
            consequence: words(
                [&self.consequence, &self.consequence_en],
                [&self.consequence_low, &self.consequence_low_en],
            ),
            response: words([&self.response, &self.response_en], [&self.response_low, &self.response_low_en]),
            response_time: self.response_time_s.map(Duration::from_secs),
        };
        (!told.is_empty()).then(|| Arc::new(told))
    }
}

/// Without the last digits that a conversion leaves: 1200 kPa and not 1199.9999999999998.
pub(in crate::settings) fn tidy(number: f64) -> f64 {
    format!("{number:.9e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests;
