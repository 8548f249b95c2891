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
        let guidance = self.guidance();
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
                guidance: guidance.clone(),
                follows: Vec::new(),
            })
        };
        each.into_iter().filter_map(limit).collect()
    }

    /// Physical range in the point's unit.
    #[must_use]
    pub fn range(&self, (factor, offset): (f64, f64)) -> Option<(f64, f64)> {
        let (low, high) = (self.low? * factor + offset, self.high? * factor + offset);
        (low < high).then(|| (tidy(low), tidy(high)))
    }

    fn guidance(&self) -> Option<Arc<Guidance>> {
        let words =
            |zh: &str, en: &str| (!zh.is_empty()).then(|| Name { zh: zh.to_owned(), en: en.to_owned() });
        let told = Guidance {
            message: None,
            consequence: words(&self.consequence, &self.consequence_en),
            response: words(&self.response, &self.response_en),
            response_time: self.response_time_s.map(Duration::from_secs),
        };
        (!told.is_empty()).then(|| Arc::new(told))
    }
}

/// Without the last digits that a conversion leaves: 1200 kPa and not 1199.9999999999998.
fn tidy(number: f64) -> f64 {
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
            let ladder = [p.low, p.ll, p.l, p.normal_low, p.normal_high, p.h, p.hh, p.high];
            let known: Vec<f64> = ladder.into_iter().flatten().collect();
            let limits = [p.ll, p.l, p.h, p.hh].iter().flatten().count();
            if limits > 0 {
                assert!(known.windows(2).all(|w| w[0] <= w[1]), "{} {}: {known:?}", p.kind, p.point);
                let strictly: Vec<f64> = [p.ll, p.l, p.h, p.hh].into_iter().flatten().collect();
                assert!(strictly.windows(2).all(|w| w[0] < w[1]), "{} {}: {strictly:?}", p.kind, p.point);
            }
            if let (Some(h), Some(normal), Some(deadband)) = (p.h, p.normal_high, p.deadband) {
                assert!(
                    deadband <= h - normal + 1e-9,
                    "{} {}: it would not clear in normal operation",
                    p.kind,
                    p.point
                );
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
    fn a_preset_comes_in_the_unit_of_the_point() {
        let pressure = preset("steam-boiler", "steam_pressure").expect("there is one");
        let kpa = pressure.limits((1000.0, 0.0));
        let of = |kind| kpa.iter().find(|l| l.kind == kind).map(|l| (l.at, l.deadband));
        assert_eq!(of(LimitKind::HH), Some((1250.0, 20.0)));
        assert_eq!(pressure.range((1000.0, 0.0)), Some((0.0, 2500.0)));
    }
}
