//! From a tick to its end: a poll begins when its group is due, and ends with its last request.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::{Bus, Job, Purpose};
use crate::clock::wall_now;
use crate::field::modbus::unit::Unit;
use crate::field::status::DeviceState;
use crate::plant::Cause;

/// What a device's standing counter means.
const HEARTBEAT: &str = "the heartbeat counter stands still: the device's program may hang, its other values are \
    not believed";
/// On a line that has more to do than it can, a probe waits for this long at most.
const MOST_PUT_OFF: Duration = Duration::from_secs(10);

impl Bus {
    /// Puts the requests of every group whose tick has come into the queue.
    pub(super) async fn enqueue_due(&mut self) {
        let now = Instant::now();
        self.probe(now).await;
        for n in 0..self.seats.len() {
            for g in 0..self.seats[n].due.len() {
                if self.seats[n].due[g] > now || self.seats[n].unit.groups[g].outstanding > 0 {
                    continue;
                }
                if self.seats[n].breaker.is_open() {
                    self.readings.clear();
                    self.seats[n].unit.all_missed(g, Cause::BackingOff, &mut self.readings);
                    self.push(n, g, wall_now()).await;
                    self.finish(n, g, now, true);
                } else {
                    self.begin(n, g, now, false).await;
                }
            }
        }
    }

    pub(super) async fn begin(&mut self, n: usize, g: usize, now: Instant, probe: bool) {
        let mono = self.mono(now);
        self.readings.clear();
        let mut requests = self.seats[n].unit.begin(g, mono, probe, &self.cost, &mut self.readings);
        if !self.readings.is_empty() {
            self.push(n, g, wall_now()).await;
        }
        let period = self.seats[n].unit.groups[g].period;
        self.seats[n].troubled = false;
        self.seats[n].unit.groups[g].outstanding = requests.len();
        if requests.is_empty() {
            self.finish(n, g, now, false);
            return;
        }
        // A probe goes behind the healthy ones of its time, though not of all times to come, and alone:
        // the others follow its answer.
        let deadline = if probe { now + MOST_PUT_OFF } else { self.seats[n].due[g] + period };
        let first = requests.remove(0);
        let job = |request, probe| Job {
            unit: n,
            group: g,
            request,
            purpose: Purpose::Values,
            more: 0,
            probe,
            busy: 0,
            retried: false,
            not_before: now,
            deadline,
        };
        self.insert(job(first, probe));
        for request in requests {
            self.insert(job(request, probe));
        }
    }

    pub(super) fn insert(&mut self, job: Job) {
        let at = self.queue.partition_point(|j| j.deadline <= job.deadline);
        self.queue.insert(at, job);
    }

    pub(super) fn one_less(&mut self, job: &Job) {
        let group = &mut self.seats[job.unit].unit.groups[job.group];
        group.outstanding = group.outstanding.saturating_sub(1);
        if group.outstanding == 0 {
            self.finish(job.unit, job.group, Instant::now(), false);
        }
    }

    /// A poll is over: count it, and set the next tick that is still to come. A slow answer skips
    /// ticks, it never bunches them.
    pub(super) fn finish(&mut self, n: usize, g: usize, now: Instant, rested: bool) {
        let mono = self.mono(now);
        let seat = &mut self.seats[n];
        if let Some(lines) = seat.unit.end(g, mono, &self.cost) {
            if !lines.is_empty() {
                warn!(source = %self.source.id, unit = seat.unit.device.unit,
                    "the device does not allow every request; written in its profile's [modbus] this need not be \
                     found anew: {}", lines.join("; "));
            }
            seat.status.learnt = lines;
        }
        let period = seat.unit.groups[g].period;
        let ticks = mono.as_nanos() / period.as_nanos().max(1) + 1;
        let since_epoch = u64::try_from(ticks * period.as_nanos()).unwrap_or(u64::MAX);
        let due = self.epoch + Duration::from_nanos(since_epoch);
        let planned = due.duration_since(seat.due[g]).as_nanos() / period.as_nanos().max(1);
        seat.due[g] = due;
        seat.status.polls += 1;
        // The first tick is at the start, wherever that falls between two ticks.
        seat.status.missed += (planned as u64).saturating_sub(1);
        if seat.unit.groups[g].whole && seat.unit.groups[g].gave && !rested {
            seat.status.good_polls += 1;
        }
        let (gave, all) = (seat.unit.groups[g].gave, seat.unit.refuses_all(g));
        if rested {
            seat.status.state = DeviceState::Resting;
        } else if all || gave || !seat.troubled {
            let refused = refused(&seat.unit);
            seat.status.state = match (all, seat.troubled || !refused.is_empty()) {
                (true, _) => DeviceState::Failing,
                (false, true) => DeviceState::ReadingPart,
                (false, false) => DeviceState::Reading,
            };
            seat.status.refused = refused;
        }
        self.look_at_heartbeat(n, mono, rested);
        self.show(n);
    }

    /// A counter that stands still is told once, and is the state of the device while it lasts.
    fn look_at_heartbeat(&mut self, n: usize, mono: Duration, rested: bool) {
        let seat = &mut self.seats[n];
        let stands = seat.unit.is_frozen(mono);
        if stands && !rested {
            seat.status.state = DeviceState::Failing;
            if seat.status.last_error.as_deref() != Some(HEARTBEAT) {
                seat.status.last_error = Some(HEARTBEAT.to_owned());
                seat.status.last_error_at = Some(wall_now());
            }
        }
        if stands == seat.frozen {
            return;
        }
        seat.frozen = stands;
        let (source, unit) = (&self.source.id, seat.unit.device.unit);
        if stands {
            warn!(%source, unit, "{HEARTBEAT}");
        } else {
            info!(%source, unit, "the heartbeat counter moves again");
        }
    }
}

/// The registers that are set aside, for people.
fn refused(unit: &Unit) -> Vec<String> {
    let named = unit.refused().map(|(origin, address, cause)| match cause {
        Cause::Timeout => format!("{address} ({origin}), silence"),
        _ => format!("{address} ({origin})"),
    });
    named.collect()
}
