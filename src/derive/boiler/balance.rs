//! Whether the drum level moves as the flows say it must. If measured and modelled rate disagree for five minutes, water
//! leaves unseen, a flow meter is off, or the level is not what the gauge shows (假水位).
//!
//! Shrink and swell make the two disagree for a minute and a half at most; that is too short to matter here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drum::{Drum, DrumFlows};
use super::steps::{Sign, Steps};
use super::{Detector, known};

/// Of one drum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalanceSettings {
    /// What a mm of level holds.
    pub drum: Drum,
    /// Rates further apart disagree, mm/min. Default of the project: what 6 % of 10 t/h move.
    pub apart_mm_per_min: f64,
    /// Rates nearer than this agree again, mm/min.
    pub near_mm_per_min: f64,
    /// They must disagree for so long.
    pub after: Duration,
}

impl Default for BalanceSettings {
    fn default() -> Self {
        Self {
            drum: Drum::default(),
            apart_mm_per_min: 2.0,
            near_mm_per_min: 1.0,
            after: Duration::from_secs(300),
        }
    }
}

/// Readings of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BalanceInput {
    /// Slope of the measured level, mm/min.
    pub level_rate_mm_per_min: Option<f64>,
    /// Through the drum.
    pub flows: DrumFlows,
}

/// What a step says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalanceOutput {
    /// The rate the flows stand for, mm/min.
    pub model_mm_per_min: Option<f64>,
    /// Measured less modelled, mm/min. Negative: water is missing.
    pub difference_mm_per_min: Option<f64>,
    /// They have disagreed for long enough.
    pub disagrees: bool,
}

/// What is remembered of a drum's balance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BalanceState {
    steps: Steps,
    sign: Sign,
}

/// Compares level and flows of one drum.
#[derive(Debug, Clone, Copy)]
pub struct Balance {
    settings: BalanceSettings,
    state: BalanceState,
}

impl Detector for Balance {
    type Settings = BalanceSettings;
    type State = BalanceState;
    type Input = BalanceInput;
    type Output = BalanceOutput;

    fn restored(settings: BalanceSettings, state: BalanceState, _away: Option<Duration>) -> Self {
        Self { settings, state }
    }

    fn state(&self) -> &BalanceState {
        &self.state
    }

    fn step(&mut self, input: BalanceInput, mono: Duration) -> BalanceOutput {
        let (settings, state) = (&self.settings, &mut self.state);
        let passed = state.steps.passed(mono);
        let model = input.flows.surplus_t_h().and_then(|s| settings.drum.level_rate_mm_per_min(s));
        let difference = known(input.level_rate_mm_per_min).zip(model).map(|(is, must)| is - must);
        let apart = difference.map(|d| d.abs() > settings.apart_mm_per_min);
        let near = difference.map(|d| d.abs() < settings.near_mm_per_min);
        let disagrees = state.sign.step(apart, near, settings.after, passed);
        BalanceOutput { model_mm_per_min: model, difference_mm_per_min: difference, disagrees }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::boiler::tests::laws;

    fn input(rate: Option<f64>, surplus: f64) -> BalanceInput {
        let flows = DrumFlows { feed_t_h: Some(7.0 + surplus), steam_t_h: Some(7.0), blow_t_h: Some(0.0) };
        BalanceInput { level_rate_mm_per_min: rate, flows }
    }

    /// Steps a second each; whether they disagreed after each.
    fn run(inputs: impl IntoIterator<Item = BalanceInput>) -> Vec<bool> {
        let mut balance = Balance::new(BalanceSettings::default());
        let timed = inputs.into_iter().zip(0..);
        timed.map(|(i, second)| balance.step(i, Duration::from_secs(second)).disagrees).collect()
    }

    #[test]
    fn a_frozen_level_while_two_tonnes_an_hour_are_missing_is_told_after_five_minutes() {
        let told = run((0..=300).map(|_| input(Some(0.0), -2.0)));
        assert_eq!(told.iter().position(|t| *t), Some(300));
    }

    #[test]
    fn a_level_that_moves_as_the_flows_say_agrees() {
        let rate = Drum::default().level_rate_mm_per_min(-2.0);
        assert!(!run((0..900).map(|_| input(rate, -2.0))).contains(&true));
    }

    #[test]
    fn shrink_and_swell_is_too_short_to_disagree() {
        let swell = |second: u64| if second % 600 < 90 { 25.0 } else { 0.0 };
        assert!(!run((0..3600).map(|s| input(Some(swell(s)), 0.0))).contains(&true));
    }

    #[test]
    fn unknown_neither_tells_nor_takes_back() {
        let leak = || input(Some(-5.0), 0.0);
        let told = run((0..200).map(|_| leak()).chain((0..600).map(|_| input(None, 0.0))));
        assert!(!told.contains(&true));
        let told = run((0..=300).map(|_| leak()).chain((0..600).map(|_| input(None, 0.0))));
        assert!(told[300..].iter().all(|t| *t));
        let told = run((0..=300).map(|_| leak()).chain([input(Some(0.5), 0.0)]));
        assert_eq!(told.last(), Some(&false));
    }

    proptest! {
        #[test]
        fn a_restart_is_as_if_time_had_stood_still(
            story in laws::story((laws::reading(-10.0..10.0), laws::reading(0.0..10.0), laws::reading(0.0..10.0), laws::reading(0.0..1.0)))
        ) {
            let story = story.map(|(level_rate_mm_per_min, feed_t_h, steam_t_h, blow_t_h)| BalanceInput {
                level_rate_mm_per_min,
                flows: DrumFlows { feed_t_h, steam_t_h, blow_t_h },
            });
            let short = || BalanceSettings { after: Duration::from_secs(10), ..Default::default() };
            laws::restart_is_invisible::<Balance>(short, story.clone())?;
            laws::unknown_changes_nothing::<Balance, _>(short, story, |o| o.disagrees)?;
        }
    }
}
