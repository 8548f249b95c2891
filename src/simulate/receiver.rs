//! A 3 m³ compressed-air receiver at 0.8 MPa behind a loading/unloading compressor. Pure.

use std::time::Duration;

/// Pressure gained per normal litre, MPa/L: 0.1013 MPa in 3000 L.
const STIFFNESS: f64 = 0.1013 / 3000.0;
/// The compressor delivers 10 m³/min, L/s.
const DELIVERY: f64 = 10_000.0 / 60.0;
const LOAD_BELOW: f64 = 0.68;
const UNLOAD_ABOVE: f64 = 0.76;
/// Safety valve set at the design pressure; reseats 10 % below.
const SAFETY_SET: f64 = 0.86;
const SAFETY_RESEAT: f64 = 0.774;

/// The receiver at one instant.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// MPa gauge.
    pub pressure: f64,
    /// Compressor discharge, °C.
    pub discharge_temp: f64,
    /// The compressor delivers.
    pub loaded: bool,
    /// The safety valve is lifted.
    pub safety_valve_open: bool,
    time: f64,
    random: fastrand::Rng,
}

impl Receiver {
    /// Half full; `seed` makes the noise repeat.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            pressure: 0.71,
            discharge_temp: 78.0,
            loaded: true,
            safety_valve_open: false,
            time: 0.0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Moves on by `step` (at most a second); with `unloader_stuck` the compressor never unloads.
    pub fn step(&mut self, step: Duration, unloader_stuck: bool) {
        let dt = step.as_secs_f64().min(1.0);
        self.time += dt;
        if unloader_stuck || self.pressure < LOAD_BELOW {
            self.loaded = true;
        } else if self.pressure > UNLOAD_ABOVE {
            self.loaded = false;
        }
        if self.pressure >= SAFETY_SET {
            self.safety_valve_open = true;
        } else if self.pressure <= SAFETY_RESEAT {
            self.safety_valve_open = false;
        }
        let wave = 75.0 + 20.0 * (self.time / 41.0).sin() + 15.0 * (self.random.f64() - 0.5);
        let demand = wave.max(0.0) * (self.pressure / 0.3).clamp(0.0, 1.0);
        let relief = if self.safety_valve_open { 2.0 * DELIVERY } else { 0.0 };
        let delivered = if self.loaded { DELIVERY } else { 0.0 };
        self.pressure = (self.pressure + STIFFNESS * (delivered - demand - relief) * dt).clamp(0.0, 1.2);
        let warm = if self.loaded { 84.0 } else { 66.0 };
        self.discharge_temp += (warm - self.discharge_temp) * dt / 40.0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Receiver;

    #[test]
    fn it_swings_between_loading_and_unloading_pressure() {
        let mut receiver = Receiver::new(1);
        for _ in 0..36_000 {
            receiver.step(Duration::from_millis(100), false);
            assert!((0.66..0.78).contains(&receiver.pressure), "{receiver:?}");
        }
    }

    #[test]
    fn a_stuck_unloader_drives_it_over_its_high_high_limit_until_the_safety_valve_lifts() {
        let mut receiver = Receiver::new(1);
        let (mut over, mut lifted) = (0u32, false);
        for _ in 0..1200 {
            receiver.step(Duration::from_millis(100), true);
            over += u32::from(receiver.pressure >= 0.83);
            lifted |= receiver.safety_valve_open;
        }
        assert!(over > 30 && lifted, "{receiver:?}");
    }
}
