//! What each kind of error means for the request, its unit and the line.

use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Bus, Job, Purpose};
use crate::field::modbus::link::PollError;
use crate::plant::{Cause, Micros};

impl Bus {
    pub(super) async fn error(&mut self, mut job: Job, error: &PollError, at: Micros) {
        let n = job.unit;
        let quirks = &self.seats[n].unit.device.quirks;
        match *error {
            PollError::Exception(5 | 6) if job.busy < quirks.busy_retries => {
                // Acknowledge and busy: the device asks for time (V1.1b3, section 7).
                job.busy += 1;
                job.not_before = Instant::now() + quirks.busy_pause;
                self.answered(n, job.probe);
                job.probe = false;
                self.insert(job);
                return;
            }
            PollError::Exception(_) if job.purpose == Purpose::Sync => {
                // It may be the late one itself: wait until the other must have come, then go on.
                self.answered(n, job.probe);
                self.link.rest(self.source.timeout);
                self.link.trust(self.seats[n].unit.device.unit);
                return;
            }
            PollError::Exception(code @ 1..=3) => {
                self.answered(n, job.probe);
                self.refused(job, code, at).await;
                return;
            }
            _ => {}
        }
        self.trouble(n, error);
        let cause = error.cause();
        match *error {
            // A gateway tells that the device behind it is dead: the same as silence, without harm to
            // the connection (V1.1b3, section 7: codes 0x0A and 0x0B).
            PollError::Late(_) | PollError::Exception(10 | 11) => {
                self.silent(n);
                self.give_up_unit(job, cause, at).await;
            }
            PollError::Exception(_) => {
                self.answered(n, job.probe);
                self.failed(&job, cause, at).await;
            }
            PollError::Garbled(_) => {
                let lost = !self.link.is_connected();
                if self.source.transport.framing() == crate::settings::Framing::Rtu || lost {
                    self.silent(n);
                    self.give_up_unit(job, cause, at).await;
                } else {
                    self.answered(n, job.probe);
                    self.failed(&job, cause, at).await;
                }
            }
            PollError::Line(_) => {
                // Devices close connections that were idle; the first loss costs no reading.
                if !job.retried && !job.probe {
                    job.retried = true;
                    self.next_connect = Instant::now();
                    self.queue.push_front(job);
                } else {
                    self.silent(n);
                    self.give_up_unit(job, cause, at).await;
                }
            }
        }
    }

    /// Exceptions 1 to 3: halve a block until the guilty register is found, keep the rest.
    pub(super) async fn refused(&mut self, job: Job, code: u8, at: Micros) {
        let (n, g) = (job.unit, job.group);
        let halves = self.seats[n].unit.refuse(g, &job.request, code, &self.cost);
        let unit = self.seats[n].unit.device.unit;
        if halves.is_empty() {
            for (origin, address, cause) in self.seats[n].unit.refused() {
                if job.request.address == address {
                    warn!(source = %self.source.id, unit, code, address, cause = cause.word(),
                        "the device refuses this register; it is set aside and tried again in 10 min ({origin})");
                }
            }
            self.trouble(n, &PollError::Exception(code));
            self.failed(&job, Cause::of_exception(code), at).await;
            return;
        }
        debug!(source = %self.source.id, unit, code, "block refused, halving");
        self.seats[n].unit.groups[g].outstanding += halves.len() - 1;
        for request in halves.into_iter().rev() {
            self.queue.push_front(Job { request, purpose: Purpose::Values, probe: false, ..job.clone() });
        }
    }

    /// The unit did not answer: it may have to rest.
    pub(super) fn silent(&mut self, n: usize) {
        let now = self.mono(Instant::now());
        if !self.source.breaker {
            return;
        }
        if let Some(rest) = self.seats[n].breaker.silent(now, fastrand::f64()) {
            warn!(source = %self.source.id, unit = self.seats[n].unit.device.unit,
                "no answer several times: resting {rest:?} between probes");
        }
    }

    /// This poll of the unit is lost: no further request of it is worth its timeout.
    pub(super) async fn give_up_unit(&mut self, job: Job, cause: Cause, at: Micros) {
        let n = job.unit;
        self.failed(&job, cause, at).await;
        let mut dropped = Vec::new();
        self.queue.retain(|j| {
            let mine = j.unit == n;
            if mine {
                dropped.push(j.clone());
            }
            !mine
        });
        for job in dropped {
            self.failed(&job, cause, at).await;
        }
    }

    pub(super) async fn failed(&mut self, job: &Job, cause: Cause, at: Micros) {
        if job.purpose == Purpose::Sync {
            return;
        }
        self.readings.clear();
        self.seats[job.unit].unit.missed(job.group, &job.request, cause, &mut self.readings);
        self.seats[job.unit].unit.groups[job.group].whole = false;
        self.push(job.unit, job.group, at).await;
        self.one_less(job);
    }
}
