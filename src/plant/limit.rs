//! Limits as the integrator sets them: setpoint, deadband, delays, priority, latch, hazard.

use std::sync::Arc;
use std::time::Duration;

use super::PointIx;
use super::guidance::Guidance;
use super::schedule::Slot;

/// Which side of the setpoint is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LimitKind {
    /// Low-low: in breach when `pv <= at`.
    LL,
    /// Low: in breach when `pv <= at`.
    L,
    /// High: in breach when `pv >= at`.
    H,
    /// High-high: in breach when `pv >= at`.
    HH,
    /// Discrete: in breach when the state equals `at` (deadband unused).
    State,
    /// No usable value for too long; made from [`NoData`], never written as a limit.
    NoData,
}

impl LimitKind {
    /// The key in settings and in rule names (`drum_level.ll`).
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::LL => "ll",
            Self::L => "l",
            Self::H => "h",
            Self::HH => "hh",
            Self::State => "state",
            Self::NoData => "no_data",
        }
    }

    /// The rule is about there being a value, not about the value.
    #[must_use]
    pub fn is_no_data(self) -> bool {
        self == Self::NoData
    }
}

/// ISA-18.2 priority: shown as 1 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// 紧急
    Critical = 1,
    /// 高
    High = 2,
    /// 中
    Medium = 3,
    /// 低
    Low = 4,
}

impl Priority {
    /// `critical`, `high`, `medium` or `low`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }

    /// 中文
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Critical => "紧急",
            Self::High => "高",
            Self::Medium => "中",
            Self::Low => "低",
        }
    }
}

/// Level of a hazard that a limit raises. Major is only ever *proposed* by software;
/// a named person confirms it (domain 0.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HazardLevel {
    /// 一般
    General,
    /// 重大, proposed
    Major,
}

impl HazardLevel {
    /// `general` or `major`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Major => "major",
        }
    }
}

/// One limit on one point.
///
/// In breach per [`LimitKind`]; alarm after `on_delay` of unbroken breach; clears when
/// `pv < at - deadband` (H, HH), `pv > at + deadband` (LL, L) or the state has left `at`,
/// unbroken for `off_delay`. Source: domain reference, limit semantics; ISA-18.2 6.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Which side.
    pub kind: LimitKind,
    /// Setpoint, in the point's unit; 0 or 1 for a discrete point.
    pub at: f64,
    /// In the point's unit, at least 0.
    pub deadband: f64,
    /// Breach must last this long.
    pub on_delay: Duration,
    /// Return must last this long.
    pub off_delay: Duration,
    /// Urgency.
    pub priority: Priority,
    /// Holds the alarm after the return until somebody resets it.
    pub latch: bool,
    /// Raises a hazard of this level with its alarm.
    pub hazard: Option<HazardLevel>,
    /// The hazard is a matter for the safety director (安全总监), not for the equipment's officer (安全员).
    pub escalate: bool,
    /// What comes so near without a breach is kept as a precursor, in the point's unit; 0: nothing.
    pub near: f64,
    /// Calls people only while this point is 1; it is judged all the same.
    pub when: Option<PointIx>,
    /// Calls nobody while one of these is 1: operating states that suppress it by design (设计抑制).
    pub unless: Vec<PointIx>,
    /// Points that are 1 as soon as what makes a state of `unless` has begun: what would be raised then waits for the state.
    pub soon: Vec<PointIx>,
    /// Other setpoints for some hours of some days.
    pub schedule: Vec<Slot>,
    /// What people are told with it.
    pub guidance: Option<Arc<Guidance>>,
    /// Keys of rules it follows from: while one of them stands in a flood, it calls nobody.
    pub follows: Vec<String>,
}

/// The alarm for a point without a usable value (promise P4).
#[derive(Debug, Clone, PartialEq)]
pub struct NoData {
    /// Raised after this long without a usable value.
    pub after: Duration,
    /// Goes when there have been values for this long without a break.
    pub off_delay: Duration,
    /// Urgency.
    pub priority: Priority,
}
