//! Two witnesses of a safety valve's lift where there is no switch: its tail pipe, and the pressure itself. Each says
//! yes, no, or nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::recent::Recent;
use super::safety_valve::SafetyValveSettings;

/// A tail pipe (排放管). It blows when its temperature rises by a step to hot, until it has cooled from its hottest.
/// Hot without a step is no lift.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TailPipe {
    recent: Recent,
    /// Hottest since it began to blow, °C.
    hottest_c: Option<f64>,
}

impl TailPipe {
    pub(super) fn step(
        &mut self,
        celsius: Option<f64>,
        settings: &SafetyValveSettings,
        passed: Duration,
    ) -> Option<bool> {
        self.recent.step(celsius, settings.tail_within, passed);
        let celsius = celsius?;
        let hot = celsius > settings.tail_hot_c;
        match self.hottest_c {
            Some(hottest) if hot && celsius > hottest - settings.tail_falls_k => {
                self.hottest_c = Some(hottest.max(celsius));
            }
            Some(_) => {
                self.hottest_c = None;
                // The step that was is over, or it would be found again.
                self.recent = Recent::default();
            }
            None => {
                let stepped = self.recent.least().is_some_and(|least| celsius - least > settings.tail_step_k);
                self.hottest_c = (hot && stepped).then_some(celsius);
            }
        }
        Some(self.hottest_c.is_some())
    }

    pub(super) fn resume(&mut self, within: Duration, away: Option<Duration>) {
        self.recent.resume(within, away);
    }
}

/// What is fired and what is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Firing {
    pub(super) burner_percent: Option<f64>,
    pub(super) steam_percent: Option<f64>,
    pub(super) full_fire_mpa_per_min: f64,
}

impl Firing {
    /// The fall that they explain, MPa/min, 0 or negative: more is drawn than fired.
    fn explains(self) -> Option<f64> {
        let surplus = self.burner_percent? - self.steam_percent?;
        Some((surplus / 100.0 * self.full_fire_mpa_per_min).min(0.0))
    }
}

/// The pressure. It tells of a lift when it was near the set pressure and falls by more than burner and steam flow
/// explain, until it no longer falls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pressure {
    falling: bool,
}

impl Pressure {
    /// `near`: it is known, and was near the set pressure lately. `falls`: faster is a sign, MPa/min.
    pub(super) fn step(
        &mut self,
        near: Option<bool>,
        rate_mpa_per_min: Option<f64>,
        falls: f64,
        firing: Firing,
    ) -> Option<bool> {
        if self.falling {
            self.falling = rate_mpa_per_min? < -falls;
        } else if near? {
            let rate = rate_mpa_per_min?;
            self.falling = rate < -falls && rate < firing.explains()? - falls;
        }
        Some(self.falling)
    }
}
