//! One adapter for all detectors: slopes of some inputs, then the detector, then its words as numbers.

use std::fmt;
use std::time::Duration;

use crate::derive::boiler::Detector;
use crate::derive::boiler::slope::{Slope, SlopeSettings, SlopeState};

/// What an instrument runs.
pub(super) trait Running: fmt::Debug + Send + Sync {
    fn step(&mut self, inputs: &[Option<f64>], mono: Duration, said: &mut [f64]);
    fn copy(&self) -> Box<dyn Running>;
    fn save(&self) -> Option<String>;
    fn restore(&mut self, numbers: &[f64], memory: &str, away: Option<Duration>) -> bool;
}

/// Inputs and slopes a minute → what the detector reads.
type Feed<D> = fn(&[Option<f64>], &[Option<f64>]) -> <D as Detector>::Input;

/// The parts of one kind.
pub(super) struct Parts<D: Detector> {
    /// Inputs whose slope a minute is wanted.
    pub(super) slopes: &'static [usize],
    pub(super) settings: fn(&[f64]) -> D::Settings,
    pub(super) feed: Feed<D>,
    /// What it says → outputs; what is not written stays as it was.
    pub(super) tell: fn(D::Output, &mut [f64]),
}

impl<D: Detector> Clone for Parts<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Detector> Copy for Parts<D> {}

struct Run<D: Detector> {
    parts: Parts<D>,
    slopes: Vec<Slope>,
    rates: Vec<Option<f64>>,
    detector: D,
}

/// A detector at work.
pub(super) fn run<D>(parts: Parts<D>, numbers: &[f64]) -> Box<dyn Running>
where
    D: Detector + Clone + Send + Sync + 'static,
{
    let slopes = parts.slopes.iter().map(|_| Slope::new(SlopeSettings::default())).collect();
    let rates = vec![None; parts.slopes.len()];
    Box::new(Run { parts, slopes, rates, detector: D::new((parts.settings)(numbers)) })
}

impl<D: Detector> fmt::Debug for Run<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

impl<D: Detector + Clone + Send + Sync + 'static> Running for Run<D> {
    fn step(&mut self, inputs: &[Option<f64>], mono: Duration, said: &mut [f64]) {
        let of = self.parts.slopes.iter().zip(&mut self.slopes);
        for ((input, slope), rate) in of.zip(&mut self.rates) {
            let trend = slope.step(inputs.get(*input).copied().flatten(), mono);
            // No slope that stands out is none: the value stands.
            *rate = trend.map(|t| t.significant_per_s().unwrap_or(0.0) * 60.0);
        }
        let input = (self.parts.feed)(inputs, &self.rates);
        (self.parts.tell)(self.detector.step(input, mono), said);
    }

    fn copy(&self) -> Box<dyn Running> {
        let (slopes, rates) = (self.slopes.clone(), self.rates.clone());
        Box::new(Self { parts: self.parts, slopes, rates, detector: self.detector.clone() })
    }

    fn save(&self) -> Option<String> {
        let slopes: Vec<&SlopeState> = self.slopes.iter().map(Detector::state).collect();
        serde_json::to_string(&(slopes, self.detector.state())).ok()
    }

    fn restore(&mut self, numbers: &[f64], memory: &str, away: Option<Duration>) -> bool {
        let Ok((slopes, state)) = serde_json::from_str::<(Vec<SlopeState>, D::State)>(memory) else {
            return false;
        };
        if slopes.len() != self.slopes.len() {
            return false;
        }
        let restored = slopes.into_iter().map(|s| Slope::restored(SlopeSettings::default(), s, away));
        self.slopes = restored.collect();
        self.detector = D::restored((self.parts.settings)(numbers), state, away);
        true
    }
}
