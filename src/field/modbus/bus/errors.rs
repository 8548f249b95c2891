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
            PollError::Exception(code @ 1..=4) => {
                self.answered(n, job.probe);
                self.refused(job, code, at).await;
                return;
            }
            _ => {}
        }
        // The first loss of a connection costs no reading.
        let harmless = matches!(error, PollError::Line(_)) && !job.retried && !job.probe;
        self.trouble(n, error, harmless);
        let cause = error.cause();
        match *error {
            // A gateway tells that the device behind it is dead: the same as silence, without harm to
            // the connection (V1.1b3, section 7: codes 0x0A and 0x0B).
            PollError::Exception(10 | 11) => {
                self.silent(n);
                self.give_up_unit(job, cause, at).await;
            }
            PollError::Late(_) => {
                self.silent(n);
                self.late(job, cause, at).await;
            }
            PollError::OtherTransaction { .. } | PollError::TwoCallers => {
                self.answered(n, job.probe);
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

    /// Silence: of the device, or of one of its registers, which the others must not suffer for.
    async fn late(&mut self, job: Job, cause: Cause, at: Micros) {
        let (n, g) = (job.unit, job.group);
        let others = job.purpose != Purpose::Sync && self.seats[n].unit.late(g, &job.request);
        self.name_refused(&job, None);
        if others && !job.probe {
            self.failed(&job, cause, at).await;
        } else {
            self.give_up_unit(job, cause, at).await;
        }
    }

    /// Exceptions 1 to 4: halve a block until the guilty register is found, keep the rest.
    pub(super) async fn refused(&mut self, job: Job, code: u8, at: Micros) {
        let (n, g) = (job.unit, job.group);
        let halves = self.seats[n].unit.refuse(g, &job.request, code);
        let unit = self.seats[n].unit.device.unit;
        if halves.is_empty() {
            self.name_refused(&job, Some(code));
            self.trouble(n, &PollError::Exception(code), false);
            self.failed(&job, Cause::of_exception(code), at).await;
            return;
        }
        debug!(source = %self.source.id, unit, code, "block refused, halving");
        self.seats[n].unit.groups[g].outstanding += halves.len() - 1;
        for request in halves.into_iter().rev() {
            self.queue.push_front(Job { request, purpose: Purpose::Values, probe: false, ..job.clone() });
        }
    }

    /// Names the register that was just set aside, unless it was set aside before.
    fn name_refused(&self, job: &Job, code: Option<u8>) {
        let unit = &self.seats[job.unit].unit;
        if job.request.points.len() != 1 || !unit.is_news(job.group, &job.request) {
            return;
        }
        let how = if code.is_some() {
            "refuses this register"
        } else {
            "does not answer when asked for this register"
        };
        for (origin, address, cause) in unit.refused().filter(|r| r.1 == job.request.address) {
            warn!(source = %self.source.id, unit = unit.device.unit, address, cause = cause.word(),
                "the device {how}; it is set aside and asked for again in 5 s, later less often, at least every \
                 10 min ({origin})");
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
        self.release(job).await;
        self.one_less(job);
    }
}
