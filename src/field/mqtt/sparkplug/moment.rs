//! When a value was taken, and whether it may be judged.
//!
//! A metric carries its own time, else that of its payload counts, else its arrival. A node clock more
//! than ten minutes off is not believed: it shows in the payload's time, for a payload is read as soon
//! as it is sent (QoS 0 is not kept for absent readers). A value of a BIRTH is the present one however
//! long ago it last changed (`tck-id-operational-behavior-data-publish-nbirth-values`); in DATA, an
//! old time is a late report and history, flagged `is_historical` or not.

use crate::plant::{Cause, Micros, Quality};

const TOLERANCE_MICROS: i64 = 10 * 60 * 1_000_000;

/// When, and what it is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Stored and forwarded under this time.
    pub(super) at: Micros,
    /// The present value.
    pub(super) live: bool,
    /// The node's clock is not believed.
    pub(super) doubted: bool,
}

impl Moment {
    /// Quality with the doubt about the time.
    pub(super) fn doubt(self, quality: Quality) -> Quality {
        match quality {
            Quality::Good if self.doubted => Quality::Uncertain(Cause::DeviceClock),
            other => other,
        }
    }
}

/// Times as a message gives them, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Of the payload.
    pub(super) payload: Option<u64>,
    /// When it came.
    pub(super) arrival: Micros,
    /// A BIRTH.
    pub(super) birth: bool,
}

impl Times {
    /// When the message was sent, where that is believable, else when it came.
    pub(super) fn message(self) -> Moment {
        match self.payload.map(micros) {
            Some(Some(at)) if self.near(at) => Moment { at, live: true, doubted: false },
            None => Moment { at: self.arrival, live: true, doubted: false },
            Some(_) => Moment { at: self.arrival, live: true, doubted: true },
        }
    }

    /// When a metric of the message with this time of its own was taken.
    pub(super) fn metric(self, own: Option<u64>, historical: bool) -> Moment {
        let whole = self.message();
        let Some(own) = own else { return Moment { live: !historical, ..whole } };
        let ahead = |at: Micros| at.0 > self.arrival.0 + TOLERANCE_MICROS;
        match micros(own).filter(|at| !ahead(*at)) {
            None => Moment { at: whole.at, live: !historical, doubted: true },
            Some(at) if historical => Moment { at, live: false, doubted: whole.doubted },
            _ if whole.doubted => whole,
            Some(at) if self.near(at) => Moment { at, ..whole },
            // Unchanged since long, and the present value all the same.
            Some(_) if self.birth => whole,
            Some(at) => Moment { at, live: false, doubted: false },
        }
    }

    fn near(self, at: Micros) -> bool {
        at.0.abs_diff(self.arrival.0) <= TOLERANCE_MICROS as u64
    }
}

fn micros(millis: u64) -> Option<Micros> {
    // 2^42 ms is the year 2109; nothing later is a time, and nothing here overflows.
    (millis > 0 && millis < 1 << 42).then(|| Micros(millis as i64 * 1000))
}

#[cfg(test)]
mod tests {
    use super::{Moment, Times};
    use crate::plant::Micros;

    const NOW_MS: u64 = 1_790_000_000_000;
    const NOW: Micros = Micros(NOW_MS as i64 * 1000);
    const HOUR: u64 = 3_600_000;

    fn at(millis: u64, live: bool, doubted: bool) -> Moment {
        Moment { at: Micros(millis as i64 * 1000), live, doubted }
    }

    fn times(payload: Option<u64>, birth: bool) -> Times {
        Times { payload, arrival: NOW, birth }
    }

    #[test]
    fn the_metrics_time_counts_then_the_payloads_then_the_arrival() {
        assert_eq!(
            times(Some(NOW_MS - 5), false).metric(Some(NOW_MS - 9), false),
            at(NOW_MS - 9, true, false)
        );
        assert_eq!(times(Some(NOW_MS - 5), false).metric(None, false), at(NOW_MS - 5, true, false));
        assert_eq!(times(None, false).metric(None, false), at(NOW_MS, true, false));
    }

    #[test]
    fn history_is_never_judged() {
        let times = times(Some(NOW_MS), false);
        assert_eq!(times.metric(Some(NOW_MS - HOUR), true), at(NOW_MS - HOUR, false, false));
        assert_eq!(times.metric(Some(NOW_MS), true), at(NOW_MS, false, false));
        assert_eq!(times.metric(Some(NOW_MS - HOUR), false), at(NOW_MS - HOUR, false, false));
        assert!(!times.metric(None, true).live);
    }

    #[test]
    fn a_birth_value_that_has_not_changed_for_long_is_live_at_the_birth() {
        assert_eq!(
            times(Some(NOW_MS - 5), true).metric(Some(NOW_MS - HOUR), false),
            at(NOW_MS - 5, true, false)
        );
        assert_eq!(
            times(Some(NOW_MS), true).metric(Some(NOW_MS - HOUR), true),
            at(NOW_MS - HOUR, false, false)
        );
    }

    #[test]
    fn a_node_clock_that_is_far_off_is_not_believed_either_way() {
        for off in [NOW_MS - HOUR, NOW_MS + HOUR, 0, u64::MAX] {
            assert_eq!(times(Some(off), false).metric(Some(off), false), at(NOW_MS, true, true), "{off}");
            assert_eq!(times(Some(off), false).message(), at(NOW_MS, true, true), "{off}");
        }
        assert_eq!(times(Some(NOW_MS), false).metric(Some(NOW_MS + HOUR), false), at(NOW_MS, true, true));
        assert_eq!(times(Some(NOW_MS), false).metric(Some(NOW_MS + HOUR), true), at(NOW_MS, false, true));
    }
}
