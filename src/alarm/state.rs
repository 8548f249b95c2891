//! The alarm state diagram of ISA-18.2 / IEC 62682, clause 5.6, whole: nine states, with latches.
//!
//! ```text
//!            raise                    acknowledge
//!  Normal ─────────▶ Unacknowledged ───────────────▶ Acknowledged
//!    ▲                 │      ▲                          │
//!    │           clear │      │ raise (new occurrence)   │ clear
//!    │                 ▼      │                          │
//!    ├─ acknowledge ─ ReturnedUnacknowledged             │
//!    └────────────────────────────────────────────────────┘
//!  With latch, clear leads to Latched{Una,A}cknowledged, and only a reset to Normal.
//!  From any of them a suppression leads to Shelved, Suppressed (by design) or OutOfService.
//! ```
//!
//! While it is suppressed the condition is judged on and nobody is called. When the last suppression is lifted, what is
//! still true calls anew as Unacknowledged, and a latch that nobody has seen is shown. Called by the engine.

/// State of one alarm, as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// A: no alarm.
    #[default]
    Normal,
    /// B: in alarm, nobody has acknowledged.
    Unacknowledged,
    /// C: in alarm, somebody has.
    Acknowledged,
    /// D: returned, nobody has acknowledged.
    ReturnedUnacknowledged,
    /// E: returned but held, not acknowledged.
    LatchedUnacknowledged,
    /// F: returned but held, acknowledged; waits for a reset.
    LatchedAcknowledged,
    /// G: a person has put it aside for a time.
    Shelved,
    /// H: the plant's state makes it meaningless.
    Suppressed,
    /// I: a person has taken it out, for maintenance.
    OutOfService,
}

/// What moved an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The condition held for its on-delay.
    Raised,
    /// The return held for its off-delay.
    Cleared,
    /// A person took note.
    Acknowledged,
    /// A person released a latched alarm.
    Reset,
    /// A person put it aside for a time.
    Shelved,
    /// That time is over, or a person ended it.
    Unshelved,
    /// A state of the plant began in which it means nothing.
    Suppressed,
    /// That state ended.
    Unsuppressed,
    /// A person took it out of service.
    TakenOut,
    /// A person put it back.
    PutBack,
    /// Nobody has acknowledged it for long: it calls again.
    Repeated,
    /// The settings do not have its rule any more.
    Removed,
    /// They have it again, and it is in the state that this tells.
    Reinstated,
}

/// What keeps an alarm from people (ISA-18.2). Several may hold for one alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression {
    /// By a person, for a time.
    Shelved,
    /// By design: the state of the equipment, a condition of the limit, or a cause that is already told.
    ByDesign,
    /// By a person, until put back.
    OutOfService,
}

/// Why a command does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is nothing to acknowledge.
    #[error("nothing to acknowledge: the alarm is {}", .0.word())]
    NotWaiting(AlarmState),
    /// Only a latched, acknowledged alarm whose condition has returned can be reset.
    #[error("cannot reset: the alarm is {}; only a latched, acknowledged alarm can be reset", .0.word())]
    NotLatched(AlarmState),
    /// It is not shelved.
    #[error("cannot unshelve: the alarm is {}", .0.word())]
    NotShelved(AlarmState),
    /// What is out of service needs no shelf.
    #[error("cannot shelve: the alarm is out of service")]
    IsOut,
    /// It is in service.
    #[error("cannot put back: the alarm is {}", .0.word())]
    NotOut(AlarmState),
    /// Nobody may shelve for ever.
    #[error("cannot shelve for {asked:?}: at most {most:?}, and not for no time")]
    TooLong {
        /// What was asked for.
        asked: std::time::Duration,
        /// What is allowed.
        most: std::time::Duration,
    },
}

/// One alarm: how its condition stands with people, and the suppressions on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// One of the states A to F.
    core: AlarmState,
    suppressions: u8,
}

impl Alarm {
    /// Nothing has happened yet.
    pub const NORMAL: Self = Self { core: AlarmState::Normal, suppressions: 0 };

    /// As stored: the state under the suppressions.
    #[must_use]
    pub fn stored(core: AlarmState) -> Self {
        let core = if core.is_suppression() { AlarmState::Normal } else { core };
        Self { core, suppressions: 0 }
    }

    /// The state under the suppressions, one of A to F.
    #[must_use]
    pub fn core(self) -> AlarmState {
        self.core
    }

    /// The state as people see it. Out of service says more than suppressed, that more than shelved.
    #[must_use]
    pub fn state(self) -> AlarmState {
        if self.has(Suppression::OutOfService) {
            AlarmState::OutOfService
        } else if self.has(Suppression::ByDesign) {
            AlarmState::Suppressed
        } else if self.has(Suppression::Shelved) {
            AlarmState::Shelved
        } else {
            self.core
        }
    }

    /// The condition is in breach, as far as delays and deadband go.
    #[must_use]
    pub fn is_active(self) -> bool {
        self.core.is_active()
    }

    /// It is suppressed in this way.
    #[must_use]
    pub fn has(self, by: Suppression) -> bool {
        self.suppressions & by.bit() != 0
    }

    /// It is suppressed in any way.
    #[must_use]
    pub fn is_suppressed(self) -> bool {
        self.suppressions != 0
    }

    /// The condition held.
    pub fn raise(&mut self) {
        if !self.core.is_active() {
            self.core = AlarmState::Unacknowledged;
        }
    }

    /// The return held. What nobody was called for needs no acknowledgement.
    pub fn clear(&mut self, latch: bool) {
        self.core = match (self.core, latch) {
            (AlarmState::Unacknowledged, true) => AlarmState::LatchedUnacknowledged,
            (AlarmState::Unacknowledged, false) if self.is_suppressed() => AlarmState::Normal,
            (AlarmState::Unacknowledged, false) => AlarmState::ReturnedUnacknowledged,
            (AlarmState::Acknowledged, false) => AlarmState::Normal,
            (AlarmState::Acknowledged, true) => AlarmState::LatchedAcknowledged,
            (other, _) => other,
        };
    }

    /// A person takes note.
    ///
    /// # Errors
    /// [`CommandError::NotWaiting`].
    pub fn acknowledge(&mut self) -> Result<(), CommandError> {
        self.core = match self.state() {
            AlarmState::Unacknowledged => AlarmState::Acknowledged,
            AlarmState::ReturnedUnacknowledged => AlarmState::Normal,
            AlarmState::LatchedUnacknowledged => AlarmState::LatchedAcknowledged,
            other => return Err(CommandError::NotWaiting(other)),
        };
        Ok(())
    }

    /// A person releases the latch.
    ///
    /// # Errors
    /// [`CommandError::NotLatched`].
    pub fn reset(&mut self) -> Result<(), CommandError> {
        match self.state() {
            AlarmState::LatchedAcknowledged => {
                self.core = AlarmState::Normal;
                Ok(())
            }
            other => Err(CommandError::NotLatched(other)),
        }
    }

    /// Suppresses it in this way; false if it was so already.
    pub fn suppress(&mut self, by: Suppression) -> bool {
        let new = !self.has(by);
        self.suppressions |= by.bit();
        new
    }

    /// Lifts one suppression; false if there was none. With the last one gone the alarm calls for what is true now.
    pub fn lift(&mut self, by: Suppression) -> bool {
        if !self.has(by) {
            return false;
        }
        self.suppressions &= !by.bit();
        if self.suppressions == 0 {
            self.core = match self.core {
                AlarmState::Unacknowledged | AlarmState::Acknowledged => AlarmState::Unacknowledged,
                AlarmState::LatchedUnacknowledged | AlarmState::LatchedAcknowledged => {
                    AlarmState::LatchedUnacknowledged
                }
                _ => AlarmState::Normal,
            };
        }
        true
    }
}

impl Suppression {
    fn bit(self) -> u8 {
        match self {
            Self::Shelved => 1,
            Self::ByDesign => 2,
            Self::OutOfService => 4,
        }
    }
}

impl AlarmState {
    /// Stable word for API and ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned_unacknowledged",
            Self::LatchedUnacknowledged => "latched_unacknowledged",
            Self::LatchedAcknowledged => "latched_acknowledged",
            Self::Shelved => "shelved",
            Self::Suppressed => "suppressed",
            Self::OutOfService => "out_of_service",
        }
    }

    /// The condition is in breach (as far as delays and deadband go), and people are called.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }

    fn is_suppression(self) -> bool {
        matches!(self, Self::Shelved | Self::Suppressed | Self::OutOfService)
    }
}

impl Event {
    /// Stable word for API and ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::Acknowledged => "acknowledged",
            Self::Reset => "reset",
            Self::Shelved => "shelved",
            Self::Unshelved => "unshelved",
            Self::Suppressed => "suppressed",
            Self::Unsuppressed => "unsuppressed",
            Self::TakenOut => "taken_out",
            Self::PutBack => "put_back",
            Self::Repeated => "repeated",
            Self::Removed => "removed",
            Self::Reinstated => "reinstated",
        }
    }
}
