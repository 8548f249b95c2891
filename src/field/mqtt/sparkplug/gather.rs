//! Readings of one message → samples, one for each device and instant.

use crate::plant::{Batch, DeviceIx, Micros, Quality, Reading};

/// Readings of the message at hand. Keeps its memory from message to message.
#[derive(Debug, Default)]
pub(super) struct Gather {
    entries: Vec<(DeviceIx, bool, Micros, Reading)>,
    readings: Vec<Reading>,
}

impl Gather {
    pub(super) fn add(&mut self, device: DeviceIx, at: Micros, live: bool, reading: Reading) {
        self.entries.push((device, live, at, reading));
    }

    /// Hands over what there is: history before the present, then by time. Of two values of one point
    /// at one instant the later one stands.
    pub(super) fn flush(&mut self, out: &mut Batch) {
        // Stable: values of one point at one instant stay in order of arrival.
        self.entries.sort_by_key(|(device, live, at, reading)| (*device, *live, *at, reading.point));
        for group in self.entries.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
            self.readings.clear();
            for (_, _, _, reading) in group {
                match self.readings.last_mut() {
                    Some(last) if last.point == reading.point => *last = *reading,
                    _ => self.readings.push(*reading),
                }
            }
            let (device, live, at, _) = group[0];
            out.push(device, at, live, &self.readings);
        }
        self.entries.clear();
    }
}

/// There is no value.
pub(super) fn bad(point: crate::plant::PointIx, cause: crate::plant::Cause) -> Reading {
    Reading { point, value: f64::NAN, quality: Quality::Bad(cause) }
}

#[cfg(test)]
mod tests {
    use super::Gather;
    use crate::plant::{Batch, DeviceIx, Micros, PointIx, Quality, Reading};

    #[test]
    fn readings_of_one_device_and_instant_become_one_sample_in_order_of_time() {
        let mut gather = Gather::default();
        let mut out = Batch::default();
        for (device, at, live, point, value) in [
            (1, 20, true, 0, 1.0),
            (0, 20, true, 1, 2.0),
            (0, 10, true, 0, 3.0),
            (0, 20, true, 0, 4.0),
            (0, 20, false, 0, 5.0),
            (0, 20, true, 1, 6.0),
        ] {
            let reading = Reading { point: PointIx(point), value, quality: Quality::Good };
            gather.add(DeviceIx(device), Micros(at), live, reading);
        }
        gather.flush(&mut out);
        let told: Vec<_> = out
            .samples()
            .map(|(head, readings)| {
                let values: Vec<_> = readings.iter().map(|r| (r.point.0, r.value)).collect();
                (head.device.0, head.at.0, head.live, values)
            })
            .collect();
        assert_eq!(
            told,
            [
                (0, 20, false, vec![(0, 5.0)]),
                (0, 10, true, vec![(0, 3.0)]),
                (0, 20, true, vec![(0, 4.0), (1, 6.0)]),
                (1, 20, true, vec![(0, 1.0)]),
            ]
        );
        gather.flush(&mut out);
        assert_eq!(out.readings_len(), 6 - 1, "nothing is handed over twice");
    }
}
