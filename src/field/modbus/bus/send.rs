//! What may be in flight: the connection, the window of each device, and what must be there alone.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{Bus, Job, Purpose};
use crate::clock::wall_now;
use crate::field::jittered;
use crate::field::modbus::frame::Ask;
use crate::field::modbus::link::{PollError, Sending};
use crate::field::modbus::plan::{Request, may_read};
use crate::field::status::DeviceState;
use crate::plant::Cause;
use crate::settings::Transport;

/// More than this a request does not ask for beyond its own, as multiples of a register or of eight bits.
const MOST_MORE: u16 = 4;

/// What is told of a device that talks without end.
const FLOODED: &str =
    "nothing but answers to nobody came between two polls: the connection is opened anew before each poll";
/// For so long a request waits at least for an answer that is owed, however short the timeout is.
const WAITS: Duration = Duration::from_millis(600);

/// What is asked for a request, with so many registers or bits beyond its own.
pub(super) fn ask_of(request: &Request, more: u16) -> Ask {
    request.ask(more)
}

impl Bus {
    /// Sends what the line and the devices allow to be in flight.
    pub(super) async fn send(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        self.link.freshen();
        if !self.link.is_connected() && self.link.in_flight() == 0 && !self.connect().await {
            return;
        }
        loop {
            let now = Instant::now();
            let in_flight = self.link.in_flight();
            let Some(at) = self
                .queue
                .iter()
                .position(|j| j.not_before <= now && !(j.probe && self.probe_in_flight(j.unit)))
            else {
                return;
            };
            let job = &self.queue[at];
            let window = if job.retried { 1 } else { self.window(job.unit) };
            if in_flight > 0 && (in_flight >= window || self.narrow_in_flight()) {
                return;
            }
            let Some(job) = self.queue.remove(at) else { return };
            let Some(job) = self.told_apart(job, now).await else { continue };
            let device = &self.seats[job.unit].unit.device;
            let ask = ask_of(&job.request, job.more);
            let tag = self.flight.iter().position(Option::is_none).unwrap_or(self.flight.len());
            self.link.send(Sending {
                tag,
                unit: device.unit,
                ask,
                crc_swapped: device.quirks.crc_swapped,
                tolerant: device.quirks.tolerant,
                any_transaction: device.quirks.any_transaction,
                pause: device.quirks.pause,
            });
            if tag == self.flight.len() {
                self.flight.push(Some(job));
            } else {
                self.flight[tag] = Some(job);
            }
            self.status.update(|s| s.requests += 1);
        }
    }

    /// The job, if its answer can be told from all that may still come. Else its request is parted, or asks for
    /// more than it needs, or waits for as long as for an answer; else its values are missing in this poll.
    async fn told_apart(&mut self, mut job: Job, now: Instant) -> Option<Job> {
        let seat = &self.seats[job.unit];
        let unit = seat.unit.device.unit;
        let owed = |request: &Request, more: u16| self.link.owed_until(unit, &ask_of(request, more));
        let Some(until) = owed(&job.request, job.more) else { return Some(job) };
        let free = |request: &Request| owed(request, 0).is_none();
        let parts = match job.purpose {
            Purpose::Values => seat.unit.parts_unlike(job.group, &job.request, free),
            Purpose::Again(_) => None,
        };
        if let Some([first, second]) = parts {
            self.seats[job.unit].unit.groups[job.group].outstanding += 1;
            self.queue.push_front(Job { request: second, more: 0, ..job.clone() });
            return Some(Job { request: first, more: 0, ..job });
        }
        let step = if job.request.table.is_bits() { 8 } else { 1 };
        let quirks = &seat.unit.device.quirks;
        let Request { table, address, count, .. } = job.request;
        let may = |more: &u16| {
            let most = count.checked_add(*more).filter(|c| address.checked_add(c - 1).is_some());
            most.is_some_and(|count| may_read(quirks, table, address, count))
        };
        let more =
            (1..=MOST_MORE).map(|n| n * step).filter(may).find(|more| owed(&job.request, *more).is_none());
        if let Some(more) = more.filter(|_| !seat.no_more) {
            job.more = more;
            return Some(job);
        }
        job.more = 0;
        if until > now + self.source.timeout.max(WAITS) {
            // Too long for this poll: what it waits for is as good as late.
            self.failed(&job, Cause::Timeout, wall_now()).await;
            return None;
        }
        job.not_before = until;
        self.insert(job);
        None
    }

    pub(super) fn window(&self, unit: usize) -> usize {
        match self.source.transport {
            Transport::Tcp { .. } if !self.seats[unit].unit.device.quirks.any_transaction => {
                usize::from(self.seats[unit].unit.device.quirks.pipeline.max(1))
            }
            _ => 1,
        }
    }

    /// Something is in flight that must be there alone.
    pub(super) fn narrow_in_flight(&self) -> bool {
        self.flight.iter().flatten().any(|j| j.retried || self.window(j.unit) == 1)
    }

    pub(super) fn probe_in_flight(&self, unit: usize) -> bool {
        self.flight.iter().flatten().any(|j| j.probe && j.unit == unit)
    }

    /// Opens the connection; if that fails everything that waits has failed.
    pub(super) async fn connect(&mut self) -> bool {
        let now = Instant::now();
        let error = if now >= self.next_connect {
            match self.link.connect().await {
                Ok(()) => {
                    if self.link.take_renewed() {
                        debug!(source = %self.source.id, "connected anew after an answer to nobody");
                    } else {
                        info!(source = %self.source.id, "connected");
                    }
                    self.pause = self.source.reconnect.0;
                    let flooded = self.link.take_flooded().then(|| FLOODED.to_owned());
                    if flooded.is_some() && !self.told_flood {
                        self.told_flood = true;
                        warn!(source = %self.source.id, "{FLOODED}");
                    }
                    self.status.update(|s| (s.connected, s.last_error) = (true, flooded));
                    return true;
                }
                Err(e) => e,
            }
        } else {
            PollError::Line(String::new())
        };
        if now >= self.next_connect {
            self.next_connect = Instant::now() + jittered(self.pause);
            self.pause = (self.pause * 2).min(self.source.reconnect.1);
            let source = &self.source.id;
            self.status.update(|s| {
                if s.connected || s.last_error.is_none() {
                    warn!(%source, "{error}");
                }
                s.connected = false;
                s.errors += 1;
                s.last_error = Some(error.to_string());
            });
        }
        while let Some(job) = self.queue.pop_front() {
            self.failed(&job, Cause::Disconnected, wall_now()).await;
        }
        for n in 0..self.seats.len() {
            self.seats[n].status.state = DeviceState::Disconnected;
            self.show(n);
        }
        false
    }
}
