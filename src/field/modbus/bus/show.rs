//! What others see of the devices and the source.

use super::Bus;
use crate::clock::wall_now;
use crate::field::modbus::link::PollError;
use crate::field::status::DeviceState;

impl Bus {
    pub(super) fn trouble(&mut self, n: usize, error: &PollError) {
        let seat = &mut self.seats[n];
        let text = format!("unit {}: {error}", seat.unit.device.unit);
        seat.troubled = true;
        seat.status.failures += 1;
        seat.status.state = DeviceState::Failing;
        seat.status.last_error = Some(error.to_string());
        seat.status.last_error_at = Some(wall_now());
        self.status.update(|s| {
            s.errors += 1;
            s.last_error = Some(text);
        });
    }

    /// Puts the device's state where others can see it; the source shows the trouble there is now.
    pub(super) fn show(&self, n: usize) {
        let seat = &self.seats[n];
        let connected = self.link.is_connected();
        self.status.update(|s| {
            if let Some(mine) = s.devices.get_mut(n) {
                mine.clone_from(&seat.status);
            }
            if connected {
                s.connected = true;
                if s.last_error.is_some() {
                    s.last_error = self.seats.iter().find_map(|seat| {
                        let error = seat.status.last_error.as_ref()?;
                        Some(format!("unit {}: {error}", seat.unit.device.unit))
                    });
                }
            }
        });
    }
}
