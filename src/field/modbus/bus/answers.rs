//! The end of a request: its values go to the unit, or its error to `errors`.

use tokio::time::Instant;
use tracing::{info, warn};

use super::show::TELL_AGAIN;
use super::{Bus, Job, Purpose, Seat};
use crate::clock::wall_now;
use crate::field::modbus::link::{Callers, Done, PollError};
use crate::field::modbus::unit::{Answer, Words};
use crate::plant::{Cause, Micros, Quality};

/// Frames of another master before it is said that there is one: noise may look like one once.
const SURE_OF_OTHER_MASTER: u64 = 3;

impl Bus {
    /// A request has ended, one way or another.
    pub(super) async fn ended(&mut self, done: Done) {
        self.last_use = Instant::now();
        let Some(mut job) = self.flight.get_mut(done.sent.tag).and_then(Option::take) else { return };
        let n = job.unit;
        let counts = self.link.counts();
        self.status.update(|s| s.line = counts);
        if counts.other_master >= SURE_OF_OTHER_MASTER && !self.warned {
            self.warned = true;
            warn!(source = %self.source.id, "another master talks on this line (a touch panel, a second gateway): \
                requests collide and values are missed; only one of them may ask");
        }
        self.tell_doubles(counts.doubled);
        self.seats[n].status.requests += 1;
        match done.outcome {
            Ok(took) => {
                self.seats[n].status.round_trips.add(took);
                self.status.update(|s| s.round_trip_us = took.as_micros() as u64);
                self.answered(n, job.probe);
                match job.purpose {
                    Purpose::Values if self.seats[n].unit.wants_twice(job.group, &job.request) => {
                        job.purpose = Purpose::Again(self.link.values().to_vec());
                        job.more = 0;
                        self.queue.push_front(job);
                    }
                    Purpose::Values | Purpose::Again(_) => self.take(&job, done.at).await,
                }
            }
            Err(error) => self.error(job, &error, done.at).await,
        }
    }

    /// Tells that answers come twice, at first and then every ten minutes that they do.
    fn tell_doubles(&mut self, doubled: u64) {
        let now = Instant::now();
        match self.told_doubles {
            None if doubled == 0 => return,
            Some((at, told)) if told == doubled || now.duration_since(at) < TELL_AGAIN => return,
            _ => {}
        }
        self.told_doubles = Some((now, doubled));
        warn!(source = %self.source.id, doubled, "answers come twice (a repeater, a serial server that sends again, \
            two gateways on one line): the second copies are dropped, and for ten minutes no request goes out \
            whose answer could be one of them");
    }

    /// The unit lives. What waited for a probe may go.
    pub(super) fn answered(&mut self, n: usize, probe: bool) {
        self.seats[n].unit.spoke();
        if self.seats[n].breaker.answered() {
            info!(source = %self.source.id, unit = self.seats[n].unit.device.unit, "it answers again");
        }
        if probe {
            let mut waiting: Vec<Job> = Vec::new();
            self.queue.retain(|j| {
                let mine = j.unit == n && j.probe;
                if mine {
                    waiting.push(Job { probe: false, deadline: Instant::now(), ..j.clone() });
                }
                !mine
            });
            waiting.into_iter().for_each(|j| self.insert(j));
        }
    }

    pub(super) async fn take(&mut self, job: &Job, at: Micros) {
        let now = self.mono(Instant::now());
        let earlier = match &job.purpose {
            Purpose::Again(values) => Some(values.as_slice()),
            _ => None,
        };
        // What was asked for beyond the request only told its answer from another's.
        let values = self.link.values();
        let own = values.len().min(job.request.value_bytes());
        let answer = Answer { values: &values[..own], earlier, now, at };
        let words = Words { timezone: &self.timezone, texts: &self.texts };
        self.readings.clear();
        self.seats[job.unit].unit.take(job.group, &job.request, &answer, words, &mut self.readings);
        self.tell_texts(job.unit);
        self.doubt_callers(job.unit, job.group);
        self.push(job.unit, job.group, at).await;
        self.release(job).await;
        self.one_less(job);
    }

    /// Tells of texts that found no place, each point once.
    fn tell_texts(&mut self, n: usize) {
        let Seat { unit, status, .. } = &mut self.seats[n];
        status.refused_texts = unit.refused_texts.count;
        if let Some(words) = unit.refused_texts.news() {
            warn!(source = %self.source.id, unit = unit.device.unit, "{words}");
            (status.last_error, status.last_error_at) = (Some(words), Some(wall_now()));
        }
    }

    /// Hands on the values whose factors have come; with the last request of a poll all that still wait.
    pub(super) async fn release(&mut self, job: &Job) {
        let now = self.mono(Instant::now());
        let unit = &mut self.seats[job.unit].unit;
        if unit.groups[job.group].outstanding <= 1 {
            unit.settle(job.group, now);
        }
        loop {
            self.readings.clear();
            let Some(at) = self.seats[job.unit].unit.released(&mut self.readings) else { return };
            self.doubt_callers(job.unit, job.group);
            self.push(job.unit, job.group, at).await;
        }
    }

    /// Where two devices dial in with one registration, nobody knows whose values these are.
    fn doubt_callers(&mut self, n: usize, g: usize) {
        match self.link.callers() {
            Callers::One => {}
            Callers::Doubtful => {
                for reading in self.readings.iter_mut().filter(|r| r.quality == Quality::Good) {
                    reading.quality = Quality::Uncertain(Cause::SharedRegistration);
                }
            }
            Callers::Two => {
                for reading in &mut self.readings {
                    (reading.value, reading.quality) = (f64::NAN, Quality::Bad(Cause::SharedRegistration));
                }
                let group = &mut self.seats[n].unit.groups[g];
                (group.whole, group.gave) = (false, false);
                self.trouble(n, &PollError::TwoCallers, false);
            }
        }
    }
}
