//! Safety valve (安全阀): when it lifted and reseated, at what pressures, for how long, how often; whether it simmers; and
//! whether it failed to open.
//!
//! Three witnesses, in the order of trust: lift switch or acoustic sensor; tail pipe that gets hot at a step; the
//! pressure itself, which fell though neither burner nor steam flow explains it ([`witness`](super::witness)). The most
//! trusted one that knows anything decides. A lift ends only on the word of a witness at least as good as the one it
//! was found by. "Failed to open" asks for more: that *none* shows a sign.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::recent::Recent;
use super::steps::{Sign, Steps, Total};
use super::witness::{Firing, Pressure, TailPipe};
use super::{Detector, known};

/// Of one valve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SafetyValveSettings {
    /// Set pressure, MPa.
    pub set_mpa: f64,
    /// From this share of the set pressure on a fall may be a lift.
    pub lifts_from: f64,
    /// Above this share it must have lifted: the 3 % of tolerance are used up (0.5 to 2.3 MPa).
    pub fails_above: f64,
    /// For so long, without a sign, and it failed to open.
    pub fails_after: Duration,
    /// Below this share of the set pressure a hot tail pipe is a leak.
    pub simmers_below: f64,
    /// For so long, and it simmers.
    pub simmers_after: Duration,
    /// A tail pipe above this is hot, °C.
    pub tail_hot_c: f64,
    /// And it rose by more than this, K…
    pub tail_step_k: f64,
    /// …within this time: it blows.
    pub tail_within: Duration,
    /// It has reseated when the tail pipe is so much below its hottest, K. Default of the project.
    pub tail_falls_k: f64,
    /// A pressure falling faster than this is a sign, MPa/min.
    pub falls_mpa_per_min: f64,
    /// What full fire does with the stop valve shut, MPa/min: 0.2…0.25 for 10 t/h. It says what fall burner and steam
    /// flow explain.
    pub full_fire_mpa_per_min: f64,
    /// The lift pressure is the greatest within this time: the sign comes after the lift. Default of the project.
    pub peak_within: Duration,
}

impl Default for SafetyValveSettings {
    /// The lower valve of a boiler of 1.25 MPa: 1.04 times rated.
    fn default() -> Self {
        Self {
            set_mpa: 1.30,
            lifts_from: 0.97,
            fails_above: 1.03,
            fails_after: Duration::from_secs(10),
            simmers_below: 0.9,
            simmers_after: Duration::from_secs(600),
            tail_hot_c: 90.0,
            tail_step_k: 30.0,
            tail_within: Duration::from_secs(30),
            tail_falls_k: 30.0,
            falls_mpa_per_min: 0.05,
            full_fire_mpa_per_min: 0.22,
            peak_within: Duration::from_secs(90),
        }
    }
}

/// Readings of one moment. What the site does not have stays `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SafetyValveInput {
    /// At the valve, MPa.
    pub pressure_mpa: Option<f64>,
    /// Its slope, MPa/min.
    pub rate_mpa_per_min: Option<f64>,
    /// Lift switch or acoustic sensor: it is open.
    pub switch: Option<bool>,
    /// Tail pipe (排放管), °C.
    pub tail_c: Option<f64>,
    /// Burner, percent of rated.
    pub burner_percent: Option<f64>,
    /// Steam flow, percent of rated.
    pub steam_percent: Option<f64>,
}

/// Who says that it lifted; the most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Witness {
    /// Lift switch or acoustic sensor.
    Switch,
    /// Tail-pipe temperature.
    TailPipe,
    /// Inferred from the pressure.
    Pressure,
}

const BY_TRUST: [Witness; 3] = [Witness::Switch, Witness::TailPipe, Witness::Pressure];

/// One lift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lift {
    /// The best witness of it.
    pub by: Witness,
    /// Highest pressure about the lift, MPa.
    pub lift_mpa: Option<f64>,
    /// When it was seen shut, MPa. By tail pipe or inference that is later, and lower, than it was.
    pub reseat_mpa: Option<f64>,
    /// From sign to sign; unknown time does not count.
    pub lasted: Duration,
}

impl Lift {
    /// Reseat differential (启闭压差), percent of the lift pressure; usually 4…7, at most 10.
    #[must_use]
    pub fn differential_percent(&self) -> Option<f64> {
        let (lift, reseat) = (self.lift_mpa?, self.reseat_mpa?);
        (lift > 0.0).then(|| 100.0 * (lift - reseat) / lift)
    }
}

/// What a step says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SafetyValveOutput {
    /// The lift under way.
    pub lifted: Option<Lift>,
    /// It began with this step.
    pub began: bool,
    /// The lift that ended with this step.
    pub reseated: Option<Lift>,
    /// Lifts since the last calibration.
    pub lifts: u64,
    /// Simmer (微漏).
    pub simmers: bool,
    /// Above its tolerance for too long without a sign of a lift: critical.
    pub failed_to_open: bool,
}

/// What is remembered of a valve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SafetyValveState {
    steps: Steps,
    peak: Recent,
    tail: TailPipe,
    pressure: Pressure,
    lift: Option<Lift>,
    lasted: Total,
    lifts: u64,
    simmers: Sign,
    fails: Sign,
}

/// Watches one safety valve.
#[derive(Debug, Clone)]
pub struct SafetyValve {
    settings: SafetyValveSettings,
    state: SafetyValveState,
}

impl SafetyValve {
    /// It was calibrated (校验): its lifts are counted from here.
    pub fn calibrated(&mut self) {
        self.state.lifts = 0;
    }

    /// One sign a witness, the most trusted first; `None` if it knows nothing.
    fn signs(&mut self, input: SafetyValveInput, passed: Duration) -> [Option<bool>; 3] {
        let (settings, state) = (&self.settings, &mut self.state);
        let pressure = known(input.pressure_mpa);
        state.peak.step(pressure, settings.peak_within, passed);
        let firing = Firing {
            burner_percent: known(input.burner_percent),
            steam_percent: known(input.steam_percent),
            full_fire_mpa_per_min: settings.full_fire_mpa_per_min,
        };
        let near = state.peak.greatest().map(|peak| peak >= settings.lifts_from * settings.set_mpa);
        let rate = known(input.rate_mpa_per_min);
        let falls = settings.falls_mpa_per_min;
        let pressure = state.pressure.step(pressure.and(near), rate, falls, firing);
        [input.switch, state.tail.step(known(input.tail_c), settings, passed), pressure]
    }
}

impl Detector for SafetyValve {
    type Settings = SafetyValveSettings;
    type State = SafetyValveState;
    type Input = SafetyValveInput;
    type Output = SafetyValveOutput;

    fn restored(settings: SafetyValveSettings, mut state: SafetyValveState, away: Option<Duration>) -> Self {
        state.peak.resume(settings.peak_within, away);
        state.tail.resume(settings.tail_within, away);
        Self { settings, state }
    }

    fn state(&self) -> &SafetyValveState {
        &self.state
    }

    fn step(&mut self, input: SafetyValveInput, mono: Duration) -> SafetyValveOutput {
        let passed = self.state.steps.passed(mono);
        let signs = self.signs(input, passed);
        let (settings, state) = (&self.settings, &mut self.state);
        let pressure = known(input.pressure_mpa);
        // A witness less trusted than the one that found the lift cannot end it.
        let heard = state.lift.map_or(BY_TRUST.len(), |lift| lift.by as usize + 1);
        let word = BY_TRUST.into_iter().zip(signs).take(heard).find_map(|(by, sign)| Some((by, sign?)));
        let (mut began, mut reseated) = (false, None);
        match (&mut state.lift, word) {
            (None, Some((by, true))) => {
                began = true;
                state.lasted = Total::default();
                state.lasted.step(Some(true), Duration::ZERO);
                state.lifts = state.lifts.saturating_add(1);
                let lift_mpa = state.peak.greatest();
                state.lift = Some(Lift { by, lift_mpa, reseat_mpa: None, lasted: Duration::ZERO });
            }
            (Some(lift), word) => {
                lift.lasted = state.lasted.step(word.map(|_| true), passed);
                match word {
                    Some((by, true)) => lift.by = by,
                    Some((_, false)) => {
                        reseated = Some(Lift { reseat_mpa: pressure, ..*lift });
                        state.lift = None;
                    }
                    None => {}
                }
            }
            (None, _) => {}
        }
        let share = pressure.map(|p| p / settings.set_mpa);
        let tail = known(input.tail_c);
        let leaks = tail.zip(share).map(|(c, s)| c > settings.tail_hot_c && s < settings.simmers_below);
        // A few kelvin of deadband, or a tail pipe at the very limit would come and go.
        let tight = tail.map(|c| c < settings.tail_hot_c - 5.0);
        let simmers = state.simmers.step(leaks, tight, settings.simmers_after, passed);
        let silent = if signs.contains(&Some(true)) {
            Some(false)
        } else {
            signs.contains(&Some(false)).then_some(true)
        };
        let above = share.map(|s| s > settings.fails_above);
        let fails = match (above, silent) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let failed_to_open = state.fails.step(fails, fails.map(|f| !f), settings.fails_after, passed);
        SafetyValveOutput { lifted: state.lift, began, reseated, lifts: state.lifts, simmers, failed_to_open }
    }
}

#[cfg(test)]
#[path = "tests/safety_valve.rs"]
mod tests;
