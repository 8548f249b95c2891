//! New settings, taken over between two requests: units that did not change keep their seat, their
//! ticks and their memory.

use tokio::time::Instant;

use super::{Bus, Seat};
use crate::field::modbus::breaker::Breaker;
use crate::field::modbus::link::Link;
use crate::field::modbus::plan::LineCost;
use crate::field::modbus::unit::Unit;
use crate::field::status::DeviceStatus;
use crate::settings::ModbusSource;

impl Bus {
    /// Takes new settings: what did not change keeps its seat, its ticks and its memory.
    pub(super) fn take_over(&mut self, source: ModbusSource) {
        if source.transport != self.source.transport || source.timeout != self.source.timeout {
            let dialled = self.link.take_doorstep();
            self.link = Link::new(&source, self.trace.clone(), dialled);
            self.next_connect = Instant::now();
        }
        self.cost = LineCost::of(&source.transport);
        self.budget.set_share(source.probe_share);
        let now = Instant::now();
        let mut old: Vec<Option<Seat>> = self.seats.drain(..).map(Some).collect();
        let mut moved = vec![None; old.len()];
        for device in &source.devices {
            let kept = old.iter().position(|o| o.as_ref().is_some_and(|o| o.unit.device == *device));
            let seat = match kept {
                Some(n) => {
                    moved[n] = Some(self.seats.len());
                    old[n].take()
                }
                None => None,
            };
            self.seats.push(seat.unwrap_or_else(|| Seat {
                due: vec![now.max(self.epoch); device.groups.len()],
                status: DeviceStatus::new(&device.label, device.unit),
                unit: Unit::new(device.clone(), &self.cost),
                breaker: Breaker::default(),
                troubled: false,
                told: Vec::new(),
                silent_poll: None,
                no_more: false,
                frozen: false,
            }));
        }
        // Requests of those that stay keep their place; nothing is in flight here.
        self.queue.retain_mut(|job| match moved[job.unit] {
            Some(seat) => {
                job.unit = seat;
                true
            }
            None => false,
        });
        self.flight.clear();
        self.source = source;
        let devices: Vec<DeviceStatus> = self.seats.iter().map(|s| s.status.clone()).collect();
        self.status.update(|s| s.devices = devices);
    }
}
