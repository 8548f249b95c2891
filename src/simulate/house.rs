//! The boiler house: boiler, receiver and faults together, and what their instruments show. Pure.

use std::time::Duration;

use super::boiler::Boiler;
use super::fault::{Fault, Faults};
use super::receiver::Receiver;

/// Holding registers of the boiler's PLC, from 40001 on.
pub const PLC_REGISTERS: usize = 36;
/// Input registers of the recorder, from 30001 on.
pub const RECORDER_REGISTERS: usize = 6;

/// Everything that is simulated.
#[derive(Debug, Clone)]
pub struct House {
    /// The boiler.
    pub boiler: Boiler,
    /// The air receiver.
    pub receiver: Receiver,
    /// What is wrong.
    pub faults: Faults,
    shown_level: f64,
    second_level: f64,
    seconds: f64,
    random: fastrand::Rng,
}

impl House {
    /// A house in normal operation; `programme` lets faults come and go by themselves.
    #[must_use]
    pub fn new(seed: u64, programme: bool) -> Self {
        Self {
            boiler: Boiler::new(seed),
            receiver: Receiver::new(seed.wrapping_add(1)),
            faults: Faults::new(programme),
            shown_level: 0.0,
            second_level: 0.0,
            seconds: 0.0,
            random: fastrand::Rng::with_seed(seed.wrapping_add(2)),
        }
    }

    /// Moves on by `step`, at most a second.
    pub fn step(&mut self, step: Duration) {
        self.faults.step(step);
        self.boiler.step(step, self.faults.troubles());
        self.receiver.step(step, self.faults.is_active(Fault::UnloaderStuck));
        self.seconds += step.as_secs_f64();
        let noise = self.random.f64() - self.random.f64();
        if !self.faults.is_active(Fault::LevelStuck) {
            self.shown_level = self.boiler.level + 0.6 * noise;
        }
        self.second_level = self.boiler.level + 1.5 - 0.8 * noise;
    }

    /// The PLC's holding registers (register map A: REALs in big-endian order, states, clock).
    /// `clock` is year, month, day, hour, minute, second.
    #[must_use]
    pub fn plc(&self, clock: [u16; 6]) -> [u16; PLC_REGISTERS] {
        let b = &self.boiler;
        // A broken loop gives 0 mA, which a live-zero input scales to −25 % of −150…150 mm.
        let level = if self.faults.is_active(Fault::WireBreak) { -225.0 } else { self.shown_level };
        let mut registers = [0u16; PLC_REGISTERS];
        let reals = [b.pressure, level, b.feed_flow, b.steam_flow, b.stack_temp, b.feed_temp];
        for (n, value) in reals.into_iter().enumerate() {
            let [high, low] = words(value);
            registers[2 * n] = high;
            registers[2 * n + 1] = low;
        }
        let alarms = [
            b.level <= -75.0,
            b.level >= 75.0,
            b.pressure >= 1.25,
            false,
            false,
            false,
            false,
            false,
            self.faults.troubles().feed_pump_tripped,
        ];
        registers[20] = alarms.into_iter().enumerate().map(|(bit, on)| u16::from(on) << bit).sum();
        registers[21] = b.burner as u16;
        registers[22] = (b.load * 1000.0).round() as u16;
        registers[23] = (self.seconds as u64 & 0xFFFF) as u16;
        let run = b.run_seconds as u32;
        registers[24] = (run >> 16) as u16;
        registers[25] = run as u16;
        registers[30..].copy_from_slice(&clock);
        registers
    }

    /// The recorder's input registers (register map C: singles with swapped words).
    #[must_use]
    pub fn recorder(&self) -> [u16; RECORDER_REGISTERS] {
        let mut registers = [0u16; RECORDER_REGISTERS];
        for (n, value) in
            [self.second_level, self.boiler.oxygen, self.boiler.tail_temp].into_iter().enumerate()
        {
            let [high, low] = words(value);
            registers[2 * n] = low;
            registers[2 * n + 1] = high;
        }
        registers
    }

    /// The receiver's message: device time in milliseconds, value and OPC quality of each point.
    #[must_use]
    pub fn receiver_payload(&self, now_ms: u64) -> String {
        let r = &self.receiver;
        format!(
            r#"{{"ts":{now_ms},"data":{{"pressure":{{"v":{:.3},"q":192}},"discharge_temp":{{"v":{:.1},"q":192}}}}}}"#,
            r.pressure, r.discharge_temp
        )
    }
}

/// An IEEE single, high word first.
fn words(value: f64) -> [u16; 2] {
    let bits = (value as f32).to_bits();
    [(bits >> 16) as u16, bits as u16]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, House};

    fn real(registers: &[u16], at: usize) -> f32 {
        f32::from_bits(u32::from(registers[at]) << 16 | u32::from(registers[at + 1]))
    }

    #[test]
    fn a_broken_wire_shows_what_zero_milliamperes_scale_to() {
        let mut house = House::new(1, false);
        house.step(Duration::from_millis(100));
        assert!(real(&house.plc([0; 6]), 2).abs() < 10.0);
        house.faults.set(Fault::WireBreak, true);
        assert_eq!(real(&house.plc([0; 6]), 2), -225.0);
    }

    #[test]
    fn a_stuck_transmitter_stands_still_while_the_second_one_tells() {
        let mut house = House::new(1, false);
        house.faults.set(Fault::LevelStuck, true);
        house.faults.set(Fault::LowWater, true);
        for _ in 0..300 {
            house.step(Duration::from_millis(100));
        }
        assert!(real(&house.plc([0; 6]), 2).abs() < 1.0);
        let recorder = house.recorder();
        assert!(real(&[recorder[1], recorder[0]], 0) < -50.0);
    }
}
