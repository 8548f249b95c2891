//! The alarm state machine of ISA-18.2 (IEC 62682), with the latched variants.
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
//! ```

/// State of one alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// A: no alarm.
    Normal,
    /// B: in alarm, nobody has acknowledged.
    Unacknowledged,
    /// C: in alarm, somebody has.
    Acknowledged,
    /// D: returned, nobody has acknowledged.
    ReturnedUnacknowledged,
    /// Returned but held, not acknowledged.
    LatchedUnacknowledged,
    /// Returned but held, acknowledged; waits for a reset.
    LatchedAcknowledged,
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
        }
    }

    /// The condition is in breach (as far as delays and deadband go).
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }

    /// State after the condition held.
    #[must_use]
    pub fn raise(self) -> Self {
        if self.is_active() { self } else { Self::Unacknowledged }
    }

    /// State after the return held.
    #[must_use]
    pub fn clear(self, latch: bool) -> Self {
        match (self, latch) {
            (Self::Unacknowledged, false) => Self::ReturnedUnacknowledged,
            (Self::Unacknowledged, true) => Self::LatchedUnacknowledged,
            (Self::Acknowledged, false) => Self::Normal,
            (Self::Acknowledged, true) => Self::LatchedAcknowledged,
            (other, _) => other,
        }
    }

    /// State after an acknowledgement.
    ///
    /// # Errors
    /// [`CommandError::NotWaiting`].
    pub fn acknowledge(self) -> Result<Self, CommandError> {
        match self {
            Self::Unacknowledged => Ok(Self::Acknowledged),
            Self::ReturnedUnacknowledged => Ok(Self::Normal),
            Self::LatchedUnacknowledged => Ok(Self::LatchedAcknowledged),
            other => Err(CommandError::NotWaiting(other)),
        }
    }

    /// State after a reset.
    ///
    /// # Errors
    /// [`CommandError::NotLatched`].
    pub fn reset(self) -> Result<Self, CommandError> {
        match self {
            Self::LatchedAcknowledged => Ok(Self::Normal),
            other => Err(CommandError::NotLatched(other)),
        }
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
        }
    }
}
