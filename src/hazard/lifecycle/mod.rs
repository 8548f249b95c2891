//! The life of one hazard record: registered (登记), acknowledged, closed (销号).
//!
//! [`apply`] is the only way by which a record changes after it was opened, whatever its origin is and whoever asks. It
//! knows no clock: when a record has to be looked at again without anybody asking is its [`next_wake_up`].

use super::record::{ChangeKind, Evidence, Hazard, HazardChange, Status};
use crate::alarm::Breach;
use crate::people::Actor;
use crate::plant::Micros;

/// What happens to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// It was found again while it is open.
    FindAgain {
        /// When the breach came to hold, where an alarm is the origin.
        breach_at: Option<Micros>,
    },
    /// Somebody takes note of it.
    Acknowledge,
    /// Somebody closes it.
    Close {
        /// What was done.
        note: &'a str,
        /// What says that it is gone.
        proof: Proof<'a>,
    },
    /// The readings around it are kept for good.
    Seal {
        /// Of the series as JSON, hex.
        sha256: &'a str,
        /// How many readings.
        readings: u64,
    },
}

/// What says that a hazard is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof<'a> {
    /// How its limit stands.
    Limit(Breach),
    /// Its limit is not in the settings any more, so no value tells it.
    LimitGone {
        /// Why it is to be closed all the same, in a person's words.
        reason: Option<&'a str>,
    },
    /// No alarm is its origin, so no value tells it; what is to be shown for each origin comes with its workflow.
    Reviewed {
        /// Why it is gone, in the words of the person who looked.
        reason: Option<&'a str>,
    },
}

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HazardError {
    /// Not among the open ones.
    #[error("there is no such open hazard")]
    Unknown,
    /// Already acknowledged.
    #[error("the hazard is already acknowledged")]
    AlreadyAcknowledged,
    /// Must be acknowledged first.
    #[error("acknowledge the hazard before closing it")]
    NotAcknowledged,
    /// Its limit is in breach.
    #[error("the limit is still in breach: the hazard is not gone, so it cannot be closed")]
    StillInBreach,
    /// The value is not known.
    #[error("the value is unknown, and unknown is not normal: restore the measurement before closing")]
    ValueUnknown,
    /// Its limit is not in the settings.
    #[error(
        "its limit is no longer in the settings, so nobody can tell whether the hazard is gone: close it with a reason \
         (`override_reason`), which is kept in the audit"
    )]
    LimitGone,
    /// No limit tells whether it is gone.
    #[error(
        "no limit tells whether this hazard is gone: say why it is (`override_reason`), which is kept in the audit"
    )]
    NotReviewed,
    /// Evidence is sealed once.
    #[error("the evidence is already sealed")]
    AlreadySealed,
}

/// When a record has to be looked at again, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeUp {
    /// The evidence window ends: what was read until then can be sealed.
    SealEvidence {
        /// End of the window, by the wall clock of the record.
        at: Micros,
    },
}

/// Does `step` to `record`, in the name of `actor`.
///
/// # Errors
/// [`HazardError`]; the record stays as it is.
pub fn apply(
    record: &Hazard,
    step: &Step<'_>,
    actor: &Actor,
    now: Micros,
) -> Result<HazardChange, HazardError> {
    let closed = record.status == Status::Closed;
    let mut next = record.clone();
    let kind = match step {
        Step::FindAgain { .. } | Step::Acknowledge | Step::Close { .. } if closed => {
            return Err(HazardError::Unknown);
        }
        Step::FindAgain { breach_at } => {
            next.occurrences += 1;
            next.last_seen = now;
            next.found_again(*breach_at);
            ChangeKind::Occurred
        }
        Step::Acknowledge => {
            if record.status != Status::Open {
                return Err(HazardError::AlreadyAcknowledged);
            }
            next.status = Status::Acknowledged;
            next.acknowledged_by = Some(actor.name.clone());
            next.acknowledged_at = Some(now);
            ChangeKind::Acknowledged
        }
        Step::Close { note, proof } => {
            gone(*proof)?;
            if record.status != Status::Acknowledged {
                return Err(HazardError::NotAcknowledged);
            }
            next.status = Status::Closed;
            next.closed_by = Some(actor.name.clone());
            next.closed_at = Some(now);
            next.closing_note = Some((*note).to_owned());
            if let Proof::LimitGone { reason } | Proof::Reviewed { reason } = proof {
                next.override_reason = reason.map(str::to_owned);
            }
            ChangeKind::Closed
        }
        Step::Seal { sha256, readings } => {
            if record.evidence != Evidence::Pending {
                return Err(HazardError::AlreadySealed);
            }
            next.evidence = Evidence::Sealed { sha256: (*sha256).to_owned(), readings: *readings };
            ChangeKind::EvidenceSealed
        }
    };
    next.version += 1;
    Ok(HazardChange { hazard: next, kind, at: now })
}

/// When `record` has to be looked at again by itself; `None` if it waits for people only.
#[must_use]
pub fn next_wake_up(record: &Hazard) -> Option<WakeUp> {
    (record.evidence == Evidence::Pending).then_some(WakeUp::SealEvidence { at: record.evidence_to })
}

/// An error unless `proof` says that the hazard is gone, or a person answers for it.
fn gone(proof: Proof<'_>) -> Result<(), HazardError> {
    match proof {
        Proof::Limit(Breach::Yes) => Err(HazardError::StillInBreach),
        Proof::Limit(Breach::Unknown) => Err(HazardError::ValueUnknown),
        Proof::LimitGone { reason: None } => Err(HazardError::LimitGone),
        Proof::Reviewed { reason: None } => Err(HazardError::NotReviewed),
        Proof::Limit(Breach::No)
        | Proof::LimitGone { reason: Some(_) }
        | Proof::Reviewed { reason: Some(_) } => Ok(()),
    }
}

#[cfg(test)]
mod tests;
