//! What each kind of error means for the request, its unit and the line.

use tokio::time::Instant;
use tracing::{debug, warn};

use super::send::ask_of;
use super::{Bus, Job, Purpose};
use crate::field::modbus::breaker::PATIENCE;
use crate::field::modbus::frame::register_bytes;
use crate::field::modbus::link::PollError;
use crate::field::modbus::unit::Refusal;
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
            PollError::Exception(code) if !matches!(code, 5 | 6 | 8 | 10 | 11) => {
                self.answered(n, job.probe);
                job.probe = false;
                self.no(job, code, at).await;
                return;
            }
            // Some devices give as much as they can and do not say that it is less.
            PollError::Short { got, .. } if job.request.points.len() > 1 => {
                self.tell(n, error);
                self.answered(n, job.probe);
                self.refused(job, Refusal::Short(got), at).await;
                return;
            }
            // Half of what was asked for, in registers of four bytes: the most that it gives, or another size.
            PollError::OtherSize { got, four_byte: true, .. }
                if got % register_bytes(true) == 0
                    && self.seats[n].unit.may_give_half(job.group, &job.request) =>
            {
                self.tell(n, error);
                self.answered(n, job.probe);
                self.refused(job, Refusal::Half((got / register_bytes(true)) as u16), at).await;
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
                self.silent(&job);
                self.give_up_unit(job, cause, at).await;
            }
            PollError::Late(_) => {
                self.silent(&job);
                self.late(job, cause, at).await;
            }
            PollError::OtherTransaction { .. } | PollError::TwoCallers => {
                self.answered(n, job.probe);
                self.give_up_unit(job, cause, at).await;
            }
            PollError::Exception(_) | PollError::Short { .. } | PollError::OtherSize { .. } => {
                self.answered(n, job.probe);
                self.failed(&job, cause, at).await;
            }
            PollError::Garbled(_) => {
                let lost = !self.link.is_connected();
                if self.source.transport.framing() == crate::settings::Framing::Rtu || lost {
                    // Not silence, but not a sign of life either: a unit that rests stays at rest.
                    if job.probe {
                        self.silent(&job);
                    }
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
                    self.silent(&job);
                    self.give_up_unit(job, cause, at).await;
                }
            }
        }
    }

    /// The device says no.
    async fn no(&mut self, mut job: Job, code: u8, at: Micros) {
        let n = job.unit;
        let unit = self.seats[n].unit.device.unit;
        if job.more > 0 {
            // It may be what was asked for beyond the request. The answer that is owed is waited for instead.
            self.seats[n].no_more = true;
            job.more = 0;
            self.insert(job);
        } else if self.link.owes(unit, &ask_of(&job.request, 0)) {
            // It may be the late answer to another request: nothing is learnt from it.
            self.trouble(n, &PollError::Exception(code), false);
            self.failed(&job, Cause::of_exception(code), at).await;
        } else {
            self.refused(job, Refusal::Code(code), at).await;
        }
    }

    /// Silence: of the device, or of one of its registers, which the others must not suffer for.
    async fn late(&mut self, job: Job, cause: Cause, at: Micros) {
        let (n, g) = (job.unit, job.group);
        let others = self.seats[n].unit.late(g, &job.request);
        self.name_refused(&job, None);
        if others && !job.probe {
            self.failed(&job, cause, at).await;
        } else {
            self.give_up_unit(job, cause, at).await;
        }
    }

    /// A refusal: halve a block until the guilty register is found, keep the rest.
    pub(super) async fn refused(&mut self, job: Job, why: Refusal, at: Micros) {
        let (n, g) = (job.unit, job.group);
        let halves = self.seats[n].unit.refuse(g, &job.request, why);
        let unit = self.seats[n].unit.device.unit;
        if halves.is_empty() {
            let Refusal::Code(code) = why else { return self.failed(&job, Cause::Garbled, at).await };
            self.name_refused(&job, Some(code));
            self.trouble(n, &PollError::Exception(code), false);
            self.failed(&job, Cause::of_exception(code), at).await;
            return;
        }
        debug!(source = %self.source.id, unit, ?why, "block refused, halving");
        self.seats[n].unit.groups[g].outstanding += halves.len() - 1;
        for request in halves.into_iter().rev() {
            let job = Job { request, purpose: Purpose::Values, more: 0, probe: false, ..job.clone() };
            self.queue.push_front(job);
        }
    }

    /// Names the register that was just set aside, unless it was set aside before.
    fn name_refused(&self, job: &Job, code: Option<u8>) {
        let unit = &self.seats[job.unit].unit;
        if job.request.points.len() != 1 || !unit.is_news(job.group, &job.request) {
            return;
        }
        let how = match code {
            Some(code) => format!("refuses this register ({})", PollError::Exception(code)),
            None => "does not answer when asked for this register".to_owned(),
        };
        for (origin, address, cause) in unit.refused().filter(|r| r.1 == job.request.address) {
            warn!(source = %self.source.id, unit = unit.device.unit, address, cause = cause.word(),
                "the device {how}; it is set aside and asked for again in 5 s, later less often, at least every \
                 10 min ({origin})");
        }
    }

    /// The unit did not answer: it may have to rest. What was in flight together is one silence.
    pub(super) fn silent(&mut self, job: &Job) {
        let now = self.mono(Instant::now());
        let seat = &mut self.seats[job.unit];
        if !self.source.breaker || (!job.probe && seat.silent_poll == Some(job.deadline)) {
            return;
        }
        seat.silent_poll = Some(job.deadline);
        if let Some(rest) = seat.breaker.silent(now, fastrand::f64()) {
            let share = self.source.probe_share * 100.0;
            warn!(source = %self.source.id, unit = seat.unit.device.unit,
                "no answer in {PATIENCE} polls in a row: it rests and is asked again after {:.1} s at the earliest, \
                 later less often; asking resting units takes {share:.0} % of the line's time at most, so it may \
                 take longer", rest.as_secs_f64());
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
        self.readings.clear();
        self.seats[job.unit].unit.missed(job.group, &job.request, cause, &mut self.readings);
        self.seats[job.unit].unit.groups[job.group].whole = false;
        self.push(job.unit, job.group, at).await;
        self.release(job).await;
        self.one_less(job);
    }
}
