//! What others see of the devices and the source.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::Bus;
use crate::clock::wall_now;
use crate::field::modbus::link::PollError;
use crate::field::status::DeviceState;

/// Trouble of one kind is told in the log again after this long.
pub(super) const TELL_AGAIN: Duration = Duration::from_secs(600);
/// Kinds of trouble that are remembered for one device.
const MOST_KINDS: usize = 8;

/// One kind of trouble of a device: when the log was told, and how often it came since.
pub(super) struct Told {
    error: PollError,
    at: Instant,
    more: u64,
}

impl Bus {
    /// Counts an error of a device; tells it in the log unless it is `harmless`.
    pub(super) fn trouble(&mut self, n: usize, error: &PollError, harmless: bool) {
        if !harmless {
            self.tell(n, error);
        }
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

    /// Each kind of trouble once in ten minutes, in words, and how often it came.
    pub(super) fn tell(&mut self, n: usize, error: &PollError) {
        let seat = &mut self.seats[n];
        let now = Instant::now();
        let known = seat.told.iter().position(|t| t.error.is_like(error)).map(|at| seat.told.remove(at));
        let (at, more) = match known {
            Some(told) if now.duration_since(told.at) < TELL_AGAIN => (told.at, told.more + 1),
            known => {
                let (source, unit) = (&self.source.id, seat.unit.device.unit);
                match known.map_or(0, |told| told.more) {
                    0 => warn!(%source, unit, "{error}"),
                    more => warn!(%source, unit, more, "{error}; and {more} times since this was last told"),
                }
                (now, 0)
            }
        };
        if seat.told.len() >= MOST_KINDS {
            seat.told.remove(0);
        }
        seat.told.push(Told { error: error.clone(), at, more });
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
                        if matches!(seat.status.state, DeviceState::Reading | DeviceState::Waiting) {
                            return None;
                        }
                        let error = seat.status.last_error.as_ref()?;
                        Some(format!("unit {}: {error}", seat.unit.device.unit))
                    });
                }
            }
        });
    }
}
