//! What may be asked of the gateway, by whom, and why it was not done. Pure: no words for people beyond plain English,
//! no HTTP. The keeper carries a [`Command`] out; whoever took it in (today the console) says a [`Reason`] in its own words.

use std::time::Duration;

use crate::alarm::CommandError;
use crate::hazard::HazardError;
use crate::people::Actor;

/// What somebody asks for.
#[derive(Debug)]
pub enum Command {
    /// Do something to an alarm.
    Alarm {
        /// Rule key.
        rule: String,
        /// Who.
        by: Actor,
        /// What.
        action: AlarmAction,
    },
    /// Acknowledge a hazard.
    AcknowledgeHazard {
        /// Hazard id.
        id: String,
        /// Who.
        by: Actor,
        /// What is being done.
        note: String,
    },
    /// Close a hazard.
    CloseHazard {
        /// Hazard id.
        id: String,
        /// Who.
        by: Actor,
        /// What was done.
        note: String,
        /// Why, where the limit is no longer in the settings.
        override_reason: Option<String>,
    },
}

/// What a person does to an alarm.
#[derive(Debug)]
pub enum AlarmAction {
    /// Take note of it.
    Acknowledge {
        /// Why, or what is being done.
        note: String,
    },
    /// Release its latch.
    Reset,
    /// Put it aside.
    Shelve {
        /// Why.
        why: String,
        /// For how long.
        time: Duration,
    },
    /// End that.
    Unshelve,
    /// Take it out of service.
    TakeOut {
        /// Why.
        why: String,
    },
    /// End that.
    PutBack,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No rule has this key.
    #[error("There is no alarm {0}.")]
    NoAlarm(String),
    /// No open hazard has this id.
    #[error("There is no open hazard {0}.")]
    NoOpenHazard(String),
    /// The gateway's own alarms are hidden by nobody.
    #[error("The gateway's own alarms can only be acknowledged.")]
    OwnAlarm,
    /// One of the gateway's own alarms waits for nothing.
    #[error("The alarm {0} does not wait for an acknowledgement.")]
    NotWaiting(String),
    /// The alarm is not in a state for it.
    #[error(transparent)]
    Alarm(#[from] CommandError),
    /// The hazard is not in a state for it.
    #[error(transparent)]
    Hazard(#[from] HazardError),
}

impl Reason {
    /// A stable code: `not-found`, `wrong-state`, `limit-gone` or `not-reviewed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAlarm(_) | Self::NoOpenHazard(_) => "not-found",
            Self::Hazard(HazardError::LimitGone) => "limit-gone",
            Self::Hazard(HazardError::NotReviewed) => "not-reviewed",
            Self::OwnAlarm | Self::NotWaiting(_) | Self::Alarm(_) | Self::Hazard(_) => "wrong-state",
        }
    }
}
