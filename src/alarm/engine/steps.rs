//! The time of an instrument is that of the readings it goes by. Between readings it goes on with what came last; when readings of
//! that very time come late, what it only held over is undone, and they are stepped through at their own times.

use std::time::Duration;

use crate::derive::instrument::Instrument;

/// An instrument and its time.
#[derive(Debug, Clone)]
pub(super) struct Stepped {
    instrument: Instrument,
    /// Of its last step.
    at: Duration,
    /// As it was at the last reading, and when, if time has gone on since.
    before: Option<(Duration, Box<Instrument>)>,
}

impl Stepped {
    pub(super) fn new(instrument: Instrument) -> Self {
        Self { instrument, at: Duration::ZERO, before: None }
    }

    /// A step with readings taken at `own` that `came` now, or with those that were there already. A reading that is older than
    /// one before it counts at that one's time.
    pub(super) fn step(&mut self, read: &[Option<f64>], own: Duration, came: bool) -> &[f64] {
        if came {
            if let Some((at, before)) = self.before.take_if(|(at, _)| *at <= own)
                && own < self.at
            {
                (self.instrument, self.at) = (*before, at);
            }
        } else if self.before.is_none() {
            self.before = Some((self.at, Box::new(self.instrument.clone())));
        }
        self.at = self.at.max(own);
        self.instrument.step(read, self.at)
    }

    pub(super) fn save(&self) -> Option<String> {
        self.instrument.save()
    }

    pub(super) fn restore(&mut self, saved: &str, away: Option<Duration>) -> bool {
        self.before = None;
        self.instrument.restore(saved, away)
    }
}
