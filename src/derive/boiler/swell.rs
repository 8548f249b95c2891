//! Shrink and swell (虚假水位): after a load step the drum level moves against the mass balance for 30 to 90 s. More load
//! swells it (pressure falls, bubbles grow), less load shrinks it.
//!
//! What is said here may delay H after a swell and L after a shrink, for 60 s at most, with the reason shown. It never
//! may delay LL or HH. Everything doubtful is decided against the delay: an unknown load ends the permission, its time
//! runs on over unknown readings, a level that moves *with* the mass balance is believed at once, and after one delay
//! there is none for a while, so that a load that swings cannot silence an alarm for good.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::recent::Recent;
use super::steps::Steps;
use super::{Detector, known};
use crate::plant::LimitKind;

/// No setting makes a delay longer.
pub const LONGEST: Duration = Duration::from_secs(60);

/// What a load step is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SwellSettings {
    /// A change of load by more than this, percent of the rated one…
    pub step_percent: f64,
    /// …within this time is a step.
    pub within: Duration,
    /// How long L or H may be delayed; at most [`LONGEST`].
    pub hold: Duration,
    /// After a delay there is none for so long. Default of the project.
    pub rest: Duration,
}

impl Default for SwellSettings {
    /// More than 10 % a minute.
    fn default() -> Self {
        Self {
            step_percent: 10.0,
            within: Duration::from_secs(60),
            hold: LONGEST,
            rest: Duration::from_secs(120),
        }
    }
}

/// Readings of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SwellInput {
    /// Steam drawn, percent of the rated flow; the burner's load where no steam meter is.
    pub load_percent: Option<f64>,
    /// Slope of the measured level, mm/min.
    pub level_rate_mm_per_min: Option<f64>,
    /// The slope the flows stand for, mm/min.
    pub model_rate_mm_per_min: Option<f64>,
}

/// Which way the level is misled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Misled {
    /// Up, by more load.
    Swell,
    /// Down, by less.
    Shrink,
}

/// The level is not to be believed for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swell {
    /// Which way.
    pub misled: Misled,
    /// For how long at most from now.
    pub left: Duration,
}

impl Swell {
    /// Whether the alarm of such a limit on the drum level may wait for so long.
    #[must_use]
    pub fn may_delay(&self, limit: LimitKind) -> bool {
        match limit {
            LimitKind::H => self.misled == Misled::Swell,
            LimitKind::L => self.misled == Misled::Shrink,
            LimitKind::LL | LimitKind::HH | LimitKind::State | LimitKind::NoData => false,
        }
    }
}

/// A load step under way, or the rest after one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Episode {
    misled: Misled,
    lasted: Duration,
}

/// What is remembered of the load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SwellState {
    steps: Steps,
    load: Recent,
    episode: Option<Episode>,
}

/// Watches the load of one boiler.
#[derive(Debug, Clone)]
pub struct SwellDetector {
    settings: SwellSettings,
    state: SwellState,
}

impl Detector for SwellDetector {
    type Settings = SwellSettings;
    type State = SwellState;
    type Input = SwellInput;
    type Output = Option<Swell>;

    fn restored(settings: SwellSettings, mut state: SwellState, away: Option<Duration>) -> Self {
        state.load.resume(settings.within, away);
        Self { settings, state }
    }

    fn state(&self) -> &SwellState {
        &self.state
    }

    fn step(&mut self, input: SwellInput, mono: Duration) -> Option<Swell> {
        let (settings, state) = (&self.settings, &mut self.state);
        let passed = state.steps.passed(mono);
        let load = known(input.load_percent);
        state.load.step(load, settings.within, passed);
        let hold = settings.hold.min(LONGEST);
        if let Some(episode) = &mut state.episode {
            episode.lasted = episode.lasted.saturating_add(passed);
            if episode.lasted >= hold.saturating_add(settings.rest) {
                state.episode = None;
            }
        }
        let load = load?;
        if state.episode.is_none() {
            let risen = state.load.least().map_or(0.0, |least| load - least);
            let fallen = state.load.greatest().map_or(0.0, |greatest| greatest - load);
            let misled = if risen >= fallen { Misled::Swell } else { Misled::Shrink };
            if risen.max(fallen) > settings.step_percent {
                state.episode = Some(Episode { misled, lasted: Duration::ZERO });
            }
        }
        let episode = state.episode?;
        let rates = known(input.level_rate_mm_per_min).zip(known(input.model_rate_mm_per_min));
        let believed = rates.is_some_and(|(is, must)| is * must > 0.0);
        let left = hold.saturating_sub(episode.lasted);
        (!left.is_zero() && !believed).then_some(Swell { misled: episode.misled, left })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::boiler::tests::laws;

    /// A second each; the seconds at which a delay was allowed, and the last answer.
    fn run(loads: impl IntoIterator<Item = Option<f64>>) -> Vec<Option<Swell>> {
        let mut detector = SwellDetector::new(SwellSettings::default());
        let step = |(load_percent, second)| {
            detector.step(SwellInput { load_percent, ..Default::default() }, Duration::from_secs(second))
        };
        loads.into_iter().zip(0..).map(step).collect()
    }

    fn seconds(said: &[Option<Swell>]) -> Vec<usize> {
        (0..said.len()).filter(|s| said[*s].is_some()).collect()
    }

    fn level(load: f64, seconds: usize) -> impl Iterator<Item = Option<f64>> {
        std::iter::repeat_n(Some(load), seconds)
    }

    #[test]
    fn a_step_of_more_load_may_delay_h_for_a_minute_and_never_another_limit() {
        let said = run(level(50.0, 100).chain(level(90.0, 600)));
        assert_eq!(seconds(&said), (100..160).collect::<Vec<_>>());
        let swell = said[100].expect("a swell");
        assert_eq!((swell.misled, swell.left), (Misled::Swell, LONGEST));
        assert_eq!(said[130].map(|s| s.left), Some(Duration::from_secs(30)));
        let kinds = [LimitKind::LL, LimitKind::L, LimitKind::H, LimitKind::HH];
        assert_eq!(kinds.map(|k| swell.may_delay(k)), [false, false, true, false]);
    }

    #[test]
    fn no_setting_delays_an_alarm_for_longer_than_a_minute() {
        let longer = SwellSettings { hold: Duration::from_secs(300), ..Default::default() };
        let mut detector = SwellDetector::new(longer);
        let mut step = |load, second| {
            let input = SwellInput { load_percent: Some(load), ..Default::default() };
            detector.step(input, Duration::from_secs(second))
        };
        assert_eq!(step(50.0, 0), None);
        assert_eq!(step(90.0, 1).map(|s| s.left), Some(LONGEST));
        assert_eq!(step(90.0, 61), None);
    }

    #[test]
    fn a_step_of_less_load_may_delay_l_but_never_ll() {
        let said = run(level(90.0, 100).chain(level(50.0, 10)));
        let shrink = said[100].expect("a shrink");
        assert!(
            shrink.may_delay(LimitKind::L)
                && !shrink.may_delay(LimitKind::LL)
                && !shrink.may_delay(LimitKind::H)
        );
    }

    #[test]
    fn a_slow_change_of_load_is_no_step() {
        let slow = |second: u32| Some(30.0 + 9.0 * f64::from(second) / 60.0);
        assert!(seconds(&run((0..400).map(slow))).is_empty());
        let fast = |second: u32| Some(30.0 + 12.0 * f64::from(second) / 60.0);
        assert!(!seconds(&run((0..100).map(fast))).is_empty());
    }

    #[test]
    fn a_load_that_swings_without_end_silences_no_alarm_for_longer_than_a_minute_in_three() {
        let said = run((0..3600).map(|s| Some(if s % 40 < 20 { 30.0 } else { 80.0 })));
        let allowed = seconds(&said);
        assert!(allowed.len() <= 60 * 20, "{}", allowed.len());
        let longest = allowed.chunk_by(|a, b| a + 1 == *b).map(<[usize]>::len).max();
        assert_eq!(longest, Some(60));
    }

    #[test]
    fn an_unknown_load_ends_the_permission_and_its_time_runs_on() {
        let said = run(level(50.0, 100).chain(level(90.0, 10)).chain([None; 30]).chain(level(90.0, 100)));
        let allowed: Vec<_> = (100..110).chain(140..160).collect();
        assert_eq!(seconds(&said), allowed);
    }

    #[test]
    fn a_level_that_moves_with_the_mass_balance_is_believed_at_once() {
        let mut detector = SwellDetector::new(SwellSettings::default());
        let mut step = |second, load, is, must| {
            let input = SwellInput {
                load_percent: Some(load),
                level_rate_mm_per_min: is,
                model_rate_mm_per_min: must,
            };
            detector.step(input, Duration::from_secs(second))
        };
        step(0, 90.0, Some(0.0), Some(0.0));
        assert!(step(1, 50.0, Some(-20.0), Some(5.0)).is_some(), "shrinks though water is fed");
        assert!(step(2, 50.0, Some(-20.0), Some(-5.0)).is_none(), "falls because none is fed");
        assert!(step(3, 50.0, Some(-20.0), None).is_some());
    }

    #[test]
    fn a_load_that_changed_while_the_gateway_was_away_is_no_step() {
        let step = |detector: &mut SwellDetector, load, second| {
            let input = SwellInput { load_percent: Some(load), ..Default::default() };
            detector.step(input, Duration::from_secs(second))
        };
        let mut before = SwellDetector::new(SwellSettings::default());
        step(&mut before, 30.0, 0);
        let again = |away| SwellDetector::restored(SwellSettings::default(), before.state().clone(), away);
        assert_eq!(step(&mut again(None), 80.0, 0), None);
        assert_eq!(step(&mut again(Some(Duration::from_secs(3600))), 80.0, 0), None);
        assert!(step(&mut again(Some(Duration::from_secs(5))), 80.0, 0).is_some());
    }

    proptest! {
        #[test]
        fn a_restart_is_as_if_time_had_stood_still(
            story in laws::story((laws::reading(40.0..60.0), laws::reading(-9.0..9.0), laws::reading(-9.0..9.0)))
        ) {
            let story = story.map(|(load_percent, level_rate_mm_per_min, model_rate_mm_per_min)| {
                SwellInput { load_percent, level_rate_mm_per_min, model_rate_mm_per_min }
            });
            laws::restart_is_invisible::<SwellDetector>(SwellSettings::default, story)?;
        }
    }
}
