//! The end of a request: its values go to the unit, or its error to `errors`.

use tokio::time::Instant;
use tracing::{info, warn};

use super::{Bus, Job, Purpose};
use crate::field::modbus::link::Done;
use crate::plant::Micros;

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
        self.seats[n].status.requests += 1;
        match done.outcome {
            Ok(took) => {
                self.seats[n].status.round_trips.add(took);
                self.status.update(|s| s.round_trip_us = took.as_micros() as u64);
                self.answered(n, job.probe);
                match job.purpose {
                    Purpose::Sync => self.link.trust(done.sent.unit),
                    Purpose::Values if self.seats[n].unit.wants_twice(job.group, &job.request) => {
                        job.purpose = Purpose::Again(self.link.values().to_vec());
                        self.queue.push_front(job);
                    }
                    Purpose::Values | Purpose::Again(_) => self.take(&job, done.at).await,
                }
            }
            Err(error) => self.error(job, &error, done.at).await,
        }
    }

    /// The unit lives. What waited for a probe may go.
    pub(super) fn answered(&mut self, n: usize, probe: bool) {
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
        self.readings.clear();
        self.seats[job.unit].unit.take(
            job.group,
            &job.request,
            self.link.values(),
            earlier,
            now,
            &self.timezone,
            &self.texts,
            &mut self.readings,
        );
        self.push(job.unit, job.group, at).await;
        self.one_less(job);
    }
}
