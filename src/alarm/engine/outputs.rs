//! What the engine tells others: a point's current value, how an alarm stands, transitions, precursors.

use std::time::Duration;

use super::operator::{Out, Shelf};
use crate::alarm::rule::RuleIx;
use crate::alarm::state::{AlarmState, Event};
use crate::people::Actor;
use crate::plant::{Cause, Micros, PointIx, Quality};

/// A point as the engine knows it.
#[derive(Debug, Clone, Copy)]
pub struct Current {
    /// Last usable value; NaN if there was none.
    pub value: f64,
    /// Of the last reading.
    pub quality: Quality,
    /// Time of the last usable value.
    pub at: Micros,
    /// When it came, on the monotonic clock.
    pub came: Duration,
    /// How old it was then by its own time, in microseconds.
    pub lag: i64,
}

/// How one alarm stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmInfo {
    /// ISA-18.2 state, as people see it.
    pub state: AlarmState,
    /// The condition is in breach, whatever people see.
    pub active: bool,
    /// Of the last raise.
    pub raised_at: Option<Micros>,
    /// Value at the last raise.
    pub value: Option<f64>,
    /// Who acknowledged last.
    pub acknowledged_by: Option<String>,
    /// Why nobody is called, if a person put it aside.
    pub shelf: Option<Shelf>,
    /// Why it is out of service.
    pub out: Option<Out>,
    /// Nobody knows whether it should be hidden, because this point is unknown; so it is not, or not for long.
    pub undecided_by: Option<PointIx>,
}

/// A change of state.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Which rule.
    pub rule: RuleIx,
    /// Before, as people saw it.
    pub from: AlarmState,
    /// After.
    pub to: AlarmState,
    /// Why.
    pub event: Event,
    /// When, wall clock.
    pub at: Micros,
    /// The value that did it, in the point's unit.
    pub value: Option<f64>,
    /// For no-data rules: what is wrong. For others: that nobody knows whether it should be hidden.
    pub cause: Option<Cause>,
    /// For commands: who.
    pub by: Option<Actor>,
    /// When the breach that this is about came to hold: the same for all that happens in one breach.
    pub raised_at: Option<Micros>,
}

impl Transition {
    /// People are called to a new occurrence. A raise while it is suppressed calls nobody; its end may.
    #[must_use]
    pub fn annunciates(&self) -> bool {
        let news = !matches!(self.event, Event::Repeated | Event::Reinstated);
        self.to == AlarmState::Unacknowledged && news && !self.from.is_active()
    }
}

/// Something that came to nothing this time: the base of the pyramid (事故法则).
#[derive(Debug, Clone, PartialEq)]
pub struct Precursor {
    /// Whose limit.
    pub rule: RuleIx,
    /// It was beyond the limit and came back before the on-delay had passed; else it only came near.
    pub beyond: bool,
    /// When it ended.
    pub at: Micros,
    /// The value furthest gone.
    pub peak: f64,
    /// How long it lasted.
    pub lasted: Duration,
}

/// Whether a rule's condition holds right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// It does (or is held by delay or deadband).
    Yes,
    /// It does not.
    No,
    /// Nobody can tell.
    Unknown,
}
