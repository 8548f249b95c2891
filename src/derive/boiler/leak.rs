//! A hint of a tube leak (水冷壁爆管征兆): more water goes in than comes out as steam and blowdown, or stays in the drum.
//!
//! `gap = mean over 30 min of (feed - steam - blowdown - ρ·A·dL/dt)`. A gap alone may be a flow meter; with a second sign
//! (stack cooler, furnace pressure up, more make-up) it is not. The flow meters must have been compared in a week known
//! to be tight: what they differed by then is `zero_t_h`. A hint is for a person to confirm.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drum::{Drum, DrumFlows};
use super::steps::{Sign, Steps};
use super::{Detector, known};

/// Parts of the mean.
const MINUTES: usize = 30;
const MINUTE: Duration = Duration::from_secs(60);

/// Of one boiler.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakSettings {
    /// What a mm of level holds.
    pub drum: Drum,
    /// Rated steam flow, t/h.
    pub rated_t_h: f64,
    /// What the meters show with a tight boiler, t/h.
    pub zero_t_h: f64,
    /// A gap above this is a hint, percent of rated.
    pub hint_percent: f64,
    /// A gap below this is none, percent of rated.
    pub clear_percent: f64,
    /// A gap above this, with a second sign, is critical, percent of rated. Default of the project.
    pub critical_percent: f64,
    /// For so long.
    pub after: Duration,
    /// So much of the 30 minutes must be known, or there is no mean. Default of the project.
    pub least_known: Duration,
}

impl Default for LeakSettings {
    /// 10 t/h; 5 to 6 % of rated for 15 min.
    fn default() -> Self {
        Self {
            drum: Drum::default(),
            rated_t_h: 10.0,
            zero_t_h: 0.0,
            hint_percent: 6.0,
            clear_percent: 5.0,
            critical_percent: 12.0,
            after: Duration::from_secs(900),
            least_known: Duration::from_secs(1200),
        }
    }
}

/// Readings of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LeakInput {
    /// Through the drum.
    pub flows: DrumFlows,
    /// Slope of the measured level, mm/min.
    pub level_rate_mm_per_min: Option<f64>,
    /// The stack gets colder at equal load.
    pub stack_falls: Option<bool>,
    /// The furnace pressure rises.
    pub furnace_rises: Option<bool>,
    /// More make-up water is taken than usual.
    pub make_up_rises: Option<bool>,
}

/// How serious it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leak {
    /// No hint.
    None,
    /// A gap, and nothing else: perhaps a meter.
    Gap,
    /// A gap and a second sign: high.
    Likely,
    /// A large gap and a second sign, or a gap and two: critical.
    Critical,
}

/// What a step says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakOutput {
    /// Mean of 30 minutes, t/h (`steam_balance_gap`); none before enough of them is known.
    pub gap_t_h: Option<f64>,
    /// The same, percent of rated.
    pub gap_percent: Option<f64>,
    /// What it hints at.
    pub leak: Leak,
}

/// Water missed in a minute, and how much of the minute was known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Part {
    missed_t: f64,
    known_s: f64,
}

/// What is remembered of a boiler's water.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LeakState {
    steps: Steps,
    parts: [Part; MINUTES],
    newest: usize,
    spent: Duration,
    /// The gap holds from its step to the next one.
    last_gap_t_h: Option<f64>,
    sign: Sign,
    large: bool,
    signs: [bool; 3],
}

impl LeakState {
    /// Time goes on, known by the last gap or by none.
    fn pass(&mut self, mut passed: Duration) {
        self.newest %= MINUTES;
        if passed >= MINUTE * MINUTES as u32 {
            // Nothing before is left. Of what came since, half an hour is as good as all.
            self.parts = Default::default();
            passed = MINUTE * MINUTES as u32;
        }
        while !passed.is_zero() {
            if self.spent >= MINUTE {
                self.newest = (self.newest + 1) % MINUTES;
                self.parts[self.newest] = Part::default();
                self.spent = Duration::ZERO;
            }
            let slice = passed.min(MINUTE - self.spent);
            if let Some(gap) = self.last_gap_t_h {
                let part = &mut self.parts[self.newest];
                part.missed_t += gap * slice.as_secs_f64() / 3600.0;
                part.known_s += slice.as_secs_f64();
            }
            self.spent += slice;
            passed -= slice;
        }
    }

    fn mean_t_h(&self, least_known: Duration) -> Option<f64> {
        let known_s: f64 = self.parts.iter().map(|p| p.known_s).sum();
        let missed_t: f64 = self.parts.iter().map(|p| p.missed_t).sum();
        // Thousandths of a second go astray in summing.
        let enough = known_s > 0.0 && known_s + 0.001 >= least_known.as_secs_f64();
        enough.then(|| missed_t / known_s * 3600.0)
    }
}

/// Watches the water of one boiler.
#[derive(Debug, Clone, Copy)]
pub struct LeakDetector {
    settings: LeakSettings,
    state: LeakState,
}

impl Detector for LeakDetector {
    type Settings = LeakSettings;
    type State = LeakState;
    type Input = LeakInput;
    type Output = LeakOutput;

    fn restored(settings: LeakSettings, mut state: LeakState, away: Option<Duration>) -> Self {
        match away {
            Some(away) => {
                // What was missed while away is not known.
                let gap = state.last_gap_t_h.take();
                state.pass(away);
                state.last_gap_t_h = gap;
            }
            None => state.parts = Default::default(),
        }
        Self { settings, state }
    }

    fn state(&self) -> &LeakState {
        &self.state
    }

    fn step(&mut self, input: LeakInput, mono: Duration) -> LeakOutput {
        let (settings, state) = (&self.settings, &mut self.state);
        let passed = state.steps.passed(mono);
        state.pass(passed);
        let stored = known(input.level_rate_mm_per_min).and_then(|rate| settings.drum.storage_t_h(rate));
        let gap = input.flows.surplus_t_h().zip(stored).map(|(surplus, stored)| surplus - stored);
        state.last_gap_t_h = known(gap.map(|g| g - settings.zero_t_h));
        for (sign, now) in
            state.signs.iter_mut().zip([input.stack_falls, input.furnace_rises, input.make_up_rises])
        {
            *sign = now.unwrap_or(*sign);
        }
        let gap_t_h = state.mean_t_h(settings.least_known);
        let gap_percent = gap_t_h.and_then(|g| known(Some(100.0 * g / settings.rated_t_h)));
        // While the gap of the moment is unknown the mean only ages: it raises nothing and clears nothing.
        let told = gap_percent.filter(|_| state.last_gap_t_h.is_some());
        let (holds, clear) =
            (told.map(|g| g > settings.hint_percent), told.map(|g| g < settings.clear_percent));
        state.large = told.map_or(state.large, |g| g > settings.critical_percent);
        let leak = if state.sign.step(holds, clear, settings.after, passed) {
            match state.signs.iter().filter(|s| **s).count() {
                0 => Leak::Gap,
                1 if !state.large => Leak::Likely,
                _ => Leak::Critical,
            }
        } else {
            Leak::None
        };
        LeakOutput { gap_t_h, gap_percent, leak }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::boiler::tests::laws;

    fn input(feed: f64) -> LeakInput {
        let flows = DrumFlows { feed_t_h: Some(feed), steam_t_h: Some(7.0), blow_t_h: Some(0.2) };
        LeakInput { flows, level_rate_mm_per_min: Some(0.0), ..Default::default() }
    }

    struct Bench {
        detector: LeakDetector,
        second: u64,
    }

    impl Bench {
        fn new() -> Self {
            Self { detector: LeakDetector::new(LeakSettings::default()), second: 0 }
        }

        /// A step every five seconds; the last answer.
        fn minutes(&mut self, minutes: u64, input: LeakInput) -> LeakOutput {
            let mut last = None;
            for _ in 0..minutes * 12 {
                self.second += 5;
                last = Some(self.detector.step(input, Duration::from_secs(self.second)));
            }
            last.expect("at least one step")
        }
    }

    #[test]
    fn a_gap_of_a_tenth_of_rated_is_a_hint_after_a_quarter_of_an_hour_above_the_limit() {
        let mut bench = Bench::new();
        let out = bench.minutes(60, input(7.2));
        assert!(out.gap_t_h.is_some_and(|g| g.abs() < 1e-9) && out.leak == Leak::None, "{out:?}");
        // The mean passes 6 % after 18 of 30 minutes; 15 more must pass.
        assert_eq!(bench.minutes(32, input(8.2)).leak, Leak::None);
        let out = bench.minutes(4, input(8.2));
        assert_eq!(out.leak, Leak::Gap);
        assert!(out.gap_percent.is_some_and(|g| (g - 10.0).abs() < 1e-6), "{out:?}");
        assert_eq!(bench.minutes(40, input(7.2)).leak, Leak::None, "and it clears");
    }

    #[test]
    fn a_second_sign_makes_it_likely_and_a_third_or_a_large_gap_critical() {
        let mut bench = Bench::new();
        bench.minutes(90, input(8.2));
        let one = LeakInput { make_up_rises: Some(true), ..input(8.2) };
        assert_eq!(bench.minutes(1, one).leak, Leak::Likely);
        let unknown = LeakInput { make_up_rises: None, ..one };
        assert_eq!(bench.minutes(1, unknown).leak, Leak::Likely, "an unknown sign takes nothing back");
        let two = LeakInput { furnace_rises: Some(true), ..one };
        assert_eq!(bench.minutes(1, two).leak, Leak::Critical);
        let one = LeakInput { furnace_rises: Some(false), flows: input(9.0).flows, ..one };
        assert_eq!(bench.minutes(40, one).leak, Leak::Critical, "18 % of rated");
    }

    #[test]
    fn water_that_fills_the_drum_is_not_missing() {
        let mut bench = Bench::new();
        let rate = Drum::default().level_rate_mm_per_min(1.0);
        let out = bench.minutes(90, LeakInput { level_rate_mm_per_min: rate, ..input(8.2) });
        assert!(out.gap_t_h.is_some_and(|g| g.abs() < 1e-9), "{out:?}");
    }

    #[test]
    fn meters_that_differ_on_a_tight_boiler_are_set_to_zero() {
        let settings = LeakSettings { zero_t_h: 1.0, ..Default::default() };
        let mut bench = Bench { detector: LeakDetector::new(settings), second: 0 };
        assert!(bench.minutes(90, input(8.2)).gap_t_h.is_some_and(|g| g.abs() < 1e-9));
    }

    #[test]
    fn without_two_thirds_of_the_half_hour_known_there_is_no_mean_and_nothing_is_raised_or_cleared() {
        let mut bench = Bench::new();
        assert_eq!(bench.minutes(19, input(8.2)).gap_t_h, None);
        assert!(bench.minutes(2, input(8.2)).gap_t_h.is_some());
        let lost = LeakInput { level_rate_mm_per_min: None, ..input(8.2) };
        assert_eq!(
            bench.minutes(90, lost),
            LeakOutput { gap_t_h: None, gap_percent: None, leak: Leak::None }
        );
        bench.minutes(90, input(8.2));
        assert_eq!(bench.minutes(90, lost).leak, Leak::Gap, "still");
        assert_eq!(bench.minutes(15, input(7.2)).leak, Leak::Gap, "too little known to clear");
        assert_eq!(bench.minutes(10, input(7.2)).leak, Leak::None);
    }

    #[test]
    fn an_absence_of_unknown_length_leaves_no_mean() {
        let mut bench = Bench::new();
        bench.minutes(60, input(8.2));
        let mut again = LeakDetector::restored(LeakSettings::default(), *bench.detector.state(), None);
        assert_eq!(again.step(input(8.2), Duration::ZERO).gap_t_h, None);
        for (away_min, tells) in [(5, true), (15, false), (600, false)] {
            let away = Some(Duration::from_secs(60 * away_min));
            let mut again = LeakDetector::restored(LeakSettings::default(), *bench.detector.state(), away);
            let gap = again.step(input(8.2), Duration::ZERO).gap_t_h;
            assert_eq!(gap.is_some(), tells, "away for {away_min} min: what was missed then is unknown");
        }
    }

    proptest! {
        #[test]
        fn a_restart_is_as_if_time_had_stood_still(
            story in laws::story((
                (laws::reading(6.0..10.0), laws::reading(6.0..8.0), laws::reading(0.0..1.0), laws::reading(-5.0..5.0)),
                any::<[Option<bool>; 3]>(),
            ))
        ) {
            let story = story.map(|((feed_t_h, steam_t_h, blow_t_h, level_rate_mm_per_min), signs)| {
                let [stack_falls, furnace_rises, make_up_rises] = signs;
                let flows = DrumFlows { feed_t_h, steam_t_h, blow_t_h };
                LeakInput { flows, level_rate_mm_per_min, stack_falls, furnace_rises, make_up_rises }
            });
            let short = || LeakSettings {
                after: Duration::from_secs(10), least_known: Duration::from_secs(5), ..Default::default()
            };
            laws::restart_is_invisible::<LeakDetector>(short, story.clone())?;
            laws::unknown_changes_nothing::<LeakDetector, _>(short, story, |o| o.leak)?;
        }
    }
}
