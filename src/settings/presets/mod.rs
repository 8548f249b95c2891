//! Limits to begin with, by kind of equipment and point: range, limits, delays, priorities, and what to know and do.
//!
//! A table in the program (`points.csv`), from the example units of the trade: a 10 t/h steam boiler, a 7 MW hot-water
//! boiler, a 2.4 MW thermal-oil heater and the usual vessels. Sense to start from, never a substitute for the nameplate:
//! what the settings write stands over it, key by key. Called by the settings' building and by `steamward presets`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plant::guidance::Guidance;
use crate::plant::{Limit, LimitKind, Name, Priority};

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
    pub response_time_s: Option<u64>,
    pub name: String,
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
    reader.deserialize().flatten().collect()
});

/// Every preset, by kind.
#[must_use]
pub fn presets() -> &'static [Preset] {
    &ALL
}

/// The preset of a point of this kind of equipment.
#[must_use]
pub fn preset(kind: &str, point: &str) -> Option<&'static Preset> {
    ALL.iter().find(|p| p.kind == kind && p.point == point)
}

fn priority(word: &str) -> Priority {
    match word {
        "critical" => Priority::Critical,
        "high" => Priority::High,
        "low" => Priority::Low,
        _ => Priority::Medium,
    }
}

impl Preset {
    /// Its limits for a point whose unit is `factor` and `offset` away from the preset's.
    #[must_use]
    pub fn limits(&self, (factor, offset): (f64, f64)) -> Vec<Limit> {
        let seconds =
            |s: Option<f64>| s.and_then(|s| Duration::try_from_secs_f64(s).ok()).unwrap_or_default();
        let discrete = self.unit == "bool";
        let each = [
            (LimitKind::LL, self.ll, &self.ll_priority),
            (LimitKind::L, self.l, &self.l_priority),
            (LimitKind::H, self.h, &self.h_priority),
            (LimitKind::HH, self.hh, &self.hh_priority),
        ];
        let (low_side, high_side) = (self.guidance(true), self.guidance(false));
        let limit = |(kind, at, word): (LimitKind, Option<f64>, &String)| {
            Some(Limit {
                kind: if discrete { LimitKind::State } else { kind },
                at: if discrete { at? } else { tidy(at? * factor + offset) },
                deadband: if discrete { 0.0 } else { tidy(self.deadband.unwrap_or(0.0) * factor.abs()) },
                on_delay: seconds(self.on_delay_s),
                off_delay: seconds(self.off_delay_s),
                priority: priority(word),
                latch: false,
                hazard: None,
                escalate: false,
                near: 0.0,
                when: None,
                unless: Vec::new(),
                schedule: Vec::new(),
                guidance: if matches!(kind, LimitKind::LL | LimitKind::L) {
                    low_side.clone()
                } else {
                    high_side.clone()
                },
                follows: Vec::new(),
            })
        };
        each.into_iter().filter_map(limit).collect()
    }

    /// The band of normal operation in the point's unit.
    #[must_use]
    pub fn normal(&self, (factor, offset): (f64, f64)) -> Option<(f64, f64)> {
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
pub(super) fn tidy(number: f64) -> f64 {
    format!("{number:.9e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::{LimitKind, preset, presets};

    #[test]
    fn every_row_is_read_and_keeps_the_order_rule() {
        let rows = include_str!("points.csv").lines().count() - 1;
        assert_eq!((presets().len(), rows), (172, 172));
        for p in presets().iter().filter(|p| p.unit != "bool") {
            let (deadband, tight) = (p.deadband.unwrap_or(0.0), 1.0 - 1e-9);
            let beyond = |at: Option<f64>, normal: Option<f64>| Some((at? - normal?).abs() * tight);
            for distance in
                [(p.h, p.normal_high), (p.hh, p.normal_high), (p.l, p.normal_low), (p.ll, p.normal_low)]
            {
                let clears = beyond(distance.0, distance.1).is_none_or(|d| deadband < d);
                assert!(clears, "{} {}: it could stand on in normal operation", p.kind, p.point);
            }
            let ladder = [p.low, p.ll, p.l, p.normal_low, p.normal_high, p.h, p.hh, p.high];
            let known: Vec<f64> = ladder.into_iter().flatten().collect();
            let limits = [p.ll, p.l, p.h, p.hh].iter().flatten().count();
            if limits > 0 {
                assert!(known.windows(2).all(|w| w[0] <= w[1]), "{} {}: {known:?}", p.kind, p.point);
                for band in [p.normal_low, p.normal_high] {
                    let strictly: Vec<f64> = [p.ll, p.l, band, p.h, p.hh].into_iter().flatten().collect();
                    assert!(strictly.windows(2).all(|w| w[0] < w[1]), "{} {}: {strictly:?}", p.kind, p.point);
                }
            }
        }
    }

    #[test]
    fn who_has_a_limit_is_told_what_follows_and_what_to_do_in_both_languages() {
        for p in presets() {
            for limit in p.limits((1.0, 0.0)) {
                let told = limit.guidance.unwrap_or_else(|| panic!("{} {} tells nothing", p.kind, p.point));
                let response = told.response.as_ref().map(|r| (r.zh.as_str(), r.en.as_str()));
                assert!(
                    response.is_some_and(|(zh, en)| !zh.is_ascii() && en.is_ascii()),
                    "{} {response:?}",
                    p.point
                );
            }
        }
    }

    #[test]
    fn too_little_is_told_as_too_little() {
        let level = preset("steam-boiler", "drum_level").expect("there is one").limits((1.0, 0.0));
        let response = |kind| {
            let limit = level.iter().find(|l| l.kind == kind)?;
            Some(limit.guidance.as_ref()?.response.as_ref()?.en.clone())
        };
        let (low, high) =
            (response(LimitKind::LL).unwrap_or_default(), response(LimitKind::HH).unwrap_or_default());
        assert!(low.starts_with("stop firing") && !low.contains("stop feeding"), "{low}");
        assert!(high.starts_with("stop feeding") && !high.contains("stop firing"), "{high}");
    }

    #[test]
    fn a_preset_comes_in_the_unit_of_the_point() {
        let pressure = preset("steam-boiler", "steam_pressure").expect("there is one");
        let kpa = pressure.limits((1000.0, 0.0));
        let of = |kind| kpa.iter().find(|l| l.kind == kind).map(|l| (l.at, l.deadband));
        assert_eq!(of(LimitKind::HH), Some((1250.0, 20.0)));
        assert_eq!(pressure.normal((1000.0, 0.0)), Some((800.0, 1100.0)));
    }
}
