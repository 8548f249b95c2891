//! How fast a value changes: the slope of its last samples, by least squares (dP/dt, dT/dt, dL/dt).
//!
//! A slope counts only if there are enough samples and it stands out of the scatter; otherwise there is none to speak
//! of, and nothing is foretold. Sums are kept about their means and corrected sample by sample, so a step costs the
//! same however long the window is; they are summed afresh before rounding can add up. For values with outliers
//! there is [`Slope::theil_sen`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::steps::Steps;
use super::theil_sen::{self, Robust};
use super::window::{Sample, Window};
use super::{Detector, known};

/// What is looked at, and what counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlopeSettings {
    /// Samples older than this do not count. 60 s for pressure, 300 to 600 s for metal and water.
    pub window: Duration,
    /// Samples kept, 10…4096. Those that come closer together than the window's share of one are left out, so that
    /// the window stays as long as it is meant, however fast samples come.
    pub capacity: usize,
    /// Fewer are no slope.
    pub min_samples: usize,
    /// A line that explains this share of the variance stands out, 0…1. Default of the project.
    pub min_r2: f64,
    /// And so does one that rises over the window by more than this many standard deviations of its residuals.
    pub min_rise_to_scatter: f64,
    /// A smaller rise over the window never counts, in the value's unit: twice the instrument's resolution keeps one
    /// step of a digital value from being a trend. 0: any.
    pub min_rise: f64,
}

impl SlopeSettings {
    /// For metal and water: 300 s.
    #[must_use]
    pub fn slow() -> Self {
        Self { window: Duration::from_secs(300), ..Self::default() }
    }

    fn capacity(&self) -> usize {
        self.capacity.clamp(10, 4096)
    }

    /// Closer samples are left out.
    fn apart(&self) -> Duration {
        self.window / self.capacity() as u32
    }
}

impl Default for SlopeSettings {
    /// For pressure: 60 s, at least 10 samples, slope to noise above 3.
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            capacity: 128,
            min_samples: 10,
            min_r2: 0.8,
            min_rise_to_scatter: 3.0,
            min_rise: 0.0,
        }
    }
}

/// A slope and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Units of the value a second.
    pub per_s: f64,
    /// Coefficient of determination, 0…1; 0 for a value that does not change at all.
    pub r2: f64,
    /// Rise over the window to the standard deviation of the residuals; infinite for an exact line.
    pub rise_to_scatter: f64,
    /// How many samples it is of.
    pub samples: usize,
    /// From the oldest to the newest of them, seconds.
    pub span_s: f64,
    /// It stands out of the scatter.
    pub significant: bool,
}

impl Trend {
    /// The slope if it counts, units a second.
    #[must_use]
    pub fn significant_per_s(&self) -> Option<f64> {
        self.significant.then_some(self.per_s)
    }

    /// Units a minute.
    #[must_use]
    pub fn per_min(&self) -> f64 {
        self.per_s * 60.0
    }

    /// Units an hour.
    #[must_use]
    pub fn per_h(&self) -> f64 {
        self.per_s * 3600.0
    }
}

/// Sums of the samples in the window, about their means (Welford's, in both directions). Times and values are taken
/// from the sample the sums began with: a small change of a large value keeps its digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Moments {
    n: usize,
    origin_s: f64,
    origin: f64,
    mean_s: f64,
    mean: f64,
    tt: f64,
    tv: f64,
    vv: f64,
    /// Samples taken out since the sums were summed.
    taken: usize,
}

impl Moments {
    fn of(window: &Window) -> Self {
        let mut sums = Self::default();
        window.iter().for_each(|s| sums.add(s));
        sums
    }

    fn add(&mut self, sample: Sample) {
        if self.n == 0 {
            *self = Self { origin_s: sample.at_s, origin: sample.value, ..Self::default() };
        }
        self.n += 1;
        let (t, v) = (sample.at_s - self.origin_s, sample.value - self.origin);
        let (dt, dv) = (t - self.mean_s, v - self.mean);
        self.mean_s += dt / self.n as f64;
        self.mean += dv / self.n as f64;
        self.tt += dt * (t - self.mean_s);
        self.tv += dt * (v - self.mean);
        self.vv += dv * (v - self.mean);
    }

    /// Takes a sample out. False if the sums can no longer be trusted: as many were taken out as there are, or what is
    /// left is so much smaller than what was there that its digits are gone.
    fn take(&mut self, sample: Sample) -> bool {
        if self.n < 2 {
            *self = Self::default();
            return true;
        }
        self.n -= 1;
        self.taken += 1;
        let (t, v) = (sample.at_s - self.origin_s, sample.value - self.origin);
        let (dt, dv) = (t - self.mean_s, v - self.mean);
        let before = (self.tt, self.vv);
        self.mean_s -= dt / self.n as f64;
        self.mean -= dv / self.n as f64;
        self.tt -= dt * (t - self.mean_s);
        self.tv -= dt * (v - self.mean);
        self.vv -= dv * (v - self.mean);
        self.taken <= self.n && self.tt > 1e-6 * before.0 && self.vv >= 1e-6 * before.1
    }
}

/// What the slope of a value remembers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SlopeState {
    steps: Steps,
    window: Window,
    sums: Moments,
}

/// The slope of one value. Give it `None` while the value is unknown: samples grow old, none is added.
#[derive(Debug, Clone)]
pub struct Slope {
    settings: SlopeSettings,
    state: SlopeState,
    /// Room for the slopes of pairs.
    pairs: Vec<f64>,
}

impl Slope {
    /// The slope that three samples in ten may spoil without carrying it away (Theil–Sen), with the test of Mann and
    /// Kendall; calculated when asked for. `None` with too few samples.
    pub fn theil_sen(&mut self) -> Option<Robust> {
        if self.state.window.len() < self.settings.min_samples.max(2) {
            return None;
        }
        theil_sen::of(&self.state.window, &mut self.pairs)
    }

    fn trend(&self) -> Option<Trend> {
        let (settings, sums) = (&self.settings, &self.state.sums);
        let span_s = self.state.window.span_s();
        if sums.n < settings.min_samples.max(2) || sums.tt <= 0.0 {
            return None;
        }
        let per_s = sums.tv / sums.tt;
        let explained = per_s * sums.tv;
        let r2 = if sums.vv > 0.0 { (explained / sums.vv).clamp(0.0, 1.0) } else { 0.0 };
        let rise = (per_s * span_s).abs();
        let freedom = (sums.n as f64 - 2.0).max(1.0);
        let scatter = ((sums.vv - explained).max(0.0) / freedom).sqrt();
        let rise_to_scatter = if rise > 0.0 { rise / scatter } else { 0.0 };
        let stands_out = r2 >= settings.min_r2 || rise_to_scatter > settings.min_rise_to_scatter;
        let significant = stands_out && rise > 0.0 && rise >= settings.min_rise;
        Some(Trend { per_s, r2, rise_to_scatter, samples: sums.n, span_s, significant })
    }

    fn take(&mut self, sample: Sample) {
        if !self.state.sums.take(sample) {
            self.state.sums = Moments::of(&self.state.window);
        }
    }

    fn expire(&mut self) {
        while let Some(old) = self.state.window.expire(self.settings.window) {
            self.take(old);
        }
    }
}

impl Detector for Slope {
    type Settings = SlopeSettings;
    type State = SlopeState;
    type Input = Option<f64>;
    type Output = Option<Trend>;

    fn restored(settings: SlopeSettings, mut state: SlopeState, away: Option<Duration>) -> Self {
        match away {
            Some(away) => state.window.age(away),
            None => state.window = Window::default(),
        }
        state.window.reserve(settings.capacity());
        if state.sums.n != state.window.len() {
            state.sums = Moments::of(&state.window);
        }
        let mut slope = Self { settings, state, pairs: Vec::with_capacity(theil_sen::MOST_PAIRS) };
        slope.expire();
        slope
    }

    fn state(&self) -> &SlopeState {
        &self.state
    }

    fn step(&mut self, input: Option<f64>, mono: Duration) -> Option<Trend> {
        let passed = self.state.steps.passed(mono);
        self.state.window.age(passed);
        self.expire();
        let (apart, capacity) = (self.settings.apart(), self.settings.capacity());
        if let Some((new, old)) = known(input).and_then(|v| self.state.window.push(v, apart, capacity)) {
            self.state.sums.add(new);
            if let Some(old) = old {
                self.take(old);
            }
        }
        self.trend()
    }
}

#[cfg(test)]
#[path = "tests/slope.rs"]
mod tests;
