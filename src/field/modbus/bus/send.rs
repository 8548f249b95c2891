//! What may be in flight: the connection, the window of each device, and what must be there alone.

use tokio::time::Instant;
use tracing::{info, warn};

use super::{Bus, Purpose};
use crate::clock::wall_now;
use crate::field::jittered;
use crate::field::modbus::frame::Ask;
use crate::field::modbus::link::{Doubt, PollError, Sending};
use crate::field::modbus::plan::may_read;
use crate::field::status::DeviceState;
use crate::plant::Cause;
use crate::settings::Transport;

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
            let Some(mut job) = self.queue.remove(at) else { return };
            let seat = &self.seats[job.unit];
            let device = &seat.unit.device;
            let ask = Ask::Read {
                table: job.request.table,
                address: job.request.address,
                count: job.request.count,
            };
            let quirks = &device.quirks;
            let ask = match self
                .link
                .doubt(device.unit, &ask, |table, from, count| may_read(quirks, table, from, count))
            {
                Doubt::Ask(other) => {
                    if job.purpose != Purpose::Sync {
                        self.queue.push_front(job.clone());
                        job.purpose = Purpose::Sync;
                    }
                    other
                }
                Doubt::Wait => {
                    // Nothing else may be asked of it: silence must tell that no late answer comes.
                    self.link.rest(self.source.timeout);
                    self.link.trust(device.unit);
                    ask
                }
                Doubt::None => ask,
            };
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
            let sync = job.purpose == Purpose::Sync;
            if tag == self.flight.len() {
                self.flight.push(Some(job));
            } else {
                self.flight[tag] = Some(job);
            }
            self.status.update(|s| s.requests += 1);
            if sync {
                return;
            }
        }
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
                    info!(source = %self.source.id, "connected");
                    self.pause = self.source.reconnect.0;
                    self.status.update(|s| (s.connected, s.last_error) = (true, None));
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
