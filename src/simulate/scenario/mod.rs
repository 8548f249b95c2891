//! Scenarios C1 to C12: what happens at a boiler or a vessel, told as readings over time, and what a gateway must make
//! of it. Pure: seconds go in, readings come out.
//!
//! The signals are those of a 10 t/h boiler of 1.25 MPa and of a 2.85 × 38 m autoclave, from balances where a trip acts
//! back and from curves elsewhere. Called by `cli/demo`, which plays them to the engine on a simulated clock.

mod boiler;
mod instruments;
mod vessel;

use std::time::Duration;

/// Time before the event, in which windows fill: seconds.
pub const LEAD_S: f64 = 120.0;

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// `C1`
    pub id: &'static str,
    /// 中文
    pub zh: &'static str,
    /// English
    pub en: &'static str,
    /// Profile of the one device, and keys of its equipment beside it.
    pub profile: &'static str,
    /// See there.
    pub equipment: &'static str,
    /// From the event on.
    pub lasts: Duration,
    /// Between readings.
    pub step: Duration,
    /// What must come of it; times from the event.
    pub expected: &'static [Expected],
    /// Its readings.
    pub story: fn() -> Box<dyn Story>,
}

/// What a gateway must make of it. Times in seconds from the event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    /// The alarm calls for the first time in this span.
    Calls(&'static str, f64, f64),
    /// The alarm calls so often in all.
    Times(&'static str, usize),
    /// The alarm never calls.
    Never(&'static str),
    /// The first of these calls before the second.
    Before(&'static str, &'static str),
    /// All hazards opened: by which rule, and whether they are proposed as major.
    Hazards(&'static [(&'static str, bool)]),
    /// A hazard of this rule opened at that time, and went to the safety director.
    Escalates(&'static str, f64),
    /// The point reads between these at that time.
    Reads(&'static str, f64, f64, f64),
    /// The point's quality at that time.
    Quality(&'static str, f64, &'static str),
}

/// Readings of one instant.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Measured so long before they arrive.
    pub late: Duration,
    /// Point and value; NaN for none.
    pub values: Vec<(&'static str, f64)>,
}

/// A scenario under way.
pub trait Story {
    /// What arrives at `t` seconds from the event; before it `t` is negative. Called with rising times.
    fn at(&mut self, t: f64) -> Vec<Said>;
}

/// Readings that follow from the time alone.
struct Curve(fn(f64) -> Vec<(&'static str, f64)>);

impl Story for Curve {
    fn at(&mut self, t: f64) -> Vec<Said> {
        vec![Said { late: Duration::ZERO, values: (self.0)(t) }]
    }
}

/// All of them, in order.
#[must_use]
pub fn all() -> Vec<Scenario> {
    let mut all = [boiler::SCENARIOS, instruments::SCENARIOS, vessel::SCENARIOS].concat();
    // C9 before C10.
    all.sort_by_key(|s| (s.id.len(), s.id));
    all
}

/// The scenario of this name, upper or lower case.
#[must_use]
pub fn scenario(id: &str) -> Option<Scenario> {
    all().into_iter().find(|s| s.id.eq_ignore_ascii_case(id))
}

const BOILER: &str = include_str!("boiler.toml");
const AUTOCLAVE: &str = include_str!("autoclave.toml");

/// The boiler of the scenarios in steady state; what an event changes is put over it.
fn steady() -> Vec<(&'static str, f64)> {
    vec![
        ("steam_pressure", 1.0),
        ("drum_level", 0.0),
        ("drum_level_2", 2.0),
        ("feedwater_flow", 8.0),
        ("steam_flow", 8.0),
        ("steam_temp", 184.1),
        ("sv_tail_temp", 32.0),
        ("burner_load", 80.0),
        ("gas_leak", 1.0),
        ("burner_run", 1.0),
        ("lwco_electrode", 0.0),
    ]
}

/// `values` over the steady state.
fn with(values: &[(&'static str, f64)]) -> Vec<(&'static str, f64)> {
    let mut all = steady();
    for (point, value) in values {
        if let Some(one) = all.iter_mut().find(|p| p.0 == *point) {
            one.1 = *value;
        }
    }
    all
}

/// `from` at `t0`, `to` at `t1`, straight between, level outside.
fn ramp(t: f64, (t0, from): (f64, f64), (t1, to): (f64, f64)) -> f64 {
    from + (to - from) * ((t - t0) / (t1 - t0)).clamp(0.0, 1.0)
}
