//! A 10 t/h, 1.25 MPa gas-fired steam boiler (SZS10-1.25-Q) as a handful of balances. Pure.
//!
//! Mass and energy balances with the figures of the example unit: 5.5 m² of water surface, a rise
//! of 0.22 MPa/min at full fire against a shut stop valve, four minutes from normal to low-low level
//! when the feed is lost at full load. Pressure and level have their controllers, the burner its
//! programme, and the hard-wired trips act without the gateway, as they must.

use std::time::Duration;

/// Rated output, kg/s (10 t/h).
const RATED: f64 = 10.0 / 3.6;
/// Water in the drum per millimetre of level, kg/mm: 5.5 m² × 1 mm × 890 kg/m³.
const WATER: f64 = 4.9;
/// Pressure rise per kilogram of steam made and not drawn, MPa/kg: 0.22 MPa/min at full fire.
const STIFFNESS: f64 = 0.00132;
/// An intermittent blow-down valve stuck wide open at working pressure, kg/s.
const BLOW_DOWN: f64 = 8.5;
/// Safety valve: set 1.04 × rated pressure, reseats 5 % below; capacity 12 t/h.
const SAFETY_SET: f64 = 1.30;
const SAFETY_RESEAT: f64 = 1.235;
const SAFETY_FLOW: f64 = 12.0 / 3.6;
const PRESSURE_SETPOINT: f64 = 1.0;
/// Hard-wired trips: low water and high pressure.
const LOW_WATER_TRIP: f64 = -75.0;
/// A wave must not trip it: flame boilers wait 3 to 5 s.
const LOW_WATER_DELAY: f64 = 3.0;
const HIGH_PRESSURE_TRIP: f64 = 1.25;

/// What is broken or turned the wrong way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Troubles {
    /// The feed pump has tripped.
    pub feed_pump_tripped: bool,
    /// The blow-down valve is stuck open.
    pub blow_down_open: bool,
    /// The main stop valve is shut.
    pub stop_valve_shut: bool,
    /// Somebody holds the burner at full fire by hand: the pressure controller is out.
    pub burner_in_hand: bool,
    /// The high-pressure trip is bypassed.
    pub high_limit_bypassed: bool,
    /// The low-water cut-off is wired out.
    pub low_water_trip_bypassed: bool,
}

/// The burner's programme, numbered as the PLC shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Burner {
    /// Off.
    Stop = 0,
    /// Air only, to clear the furnace.
    Purge = 1,
    /// Pilot flame.
    Pilot = 2,
    /// Main flame, low fire.
    Main = 3,
    /// Controlled by the pressure.
    Run = 4,
    /// Locked out by a trip; reset when its cause has gone.
    LockOut = 6,
}

/// The boiler at one instant.
#[derive(Debug, Clone)]
pub struct Boiler {
    /// Steam pressure, MPa gauge.
    pub pressure: f64,
    /// Drum level as the transmitter would see it, mm from the normal level; swell included.
    pub level: f64,
    /// Water drawn from the deaerator, t/h.
    pub feed_flow: f64,
    /// Steam to the main, t/h.
    pub steam_flow: f64,
    /// Stack temperature, °C.
    pub stack_temp: f64,
    /// Feedwater temperature, °C.
    pub feed_temp: f64,
    /// Oxygen in the flue gas, % dry.
    pub oxygen: f64,
    /// Tail pipe of the safety valve, °C.
    pub tail_temp: f64,
    /// Burner load, 0 to 1.
    pub load: f64,
    /// Burner programme.
    pub burner: Burner,
    /// The safety valve is lifted.
    pub safety_valve_open: bool,
    /// Hours run, in seconds.
    pub run_seconds: f64,
    /// What the factory draws, t/h; `None`: a slow wave of its own.
    pub demand_t_h: Option<f64>,
    water: f64,
    swell: f64,
    usual_steam: f64,
    integral: f64,
    in_step: f64,
    low_for: f64,
    time: f64,
    random: fastrand::Rng,
}

impl Boiler {
    /// Running at three quarters of its load, level normal; `seed` makes the noise repeat.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            pressure: PRESSURE_SETPOINT,
            level: 0.0,
            feed_flow: 7.5,
            steam_flow: 7.5,
            stack_temp: 131.0,
            feed_temp: 104.0,
            oxygen: 3.6,
            tail_temp: 32.0,
            load: 0.75,
            burner: Burner::Run,
            safety_valve_open: false,
            run_seconds: 1_872_000.0,
            demand_t_h: None,
            water: 0.0,
            swell: 0.0,
            usual_steam: 7.5 / 3.6,
            integral: 0.75,
            in_step: 0.0,
            low_for: 0.0,
            time: 0.0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Moves on by `step` (at most a second) under `troubles`.
    pub fn step(&mut self, step: Duration, troubles: Troubles) {
        let dt = step.as_secs_f64().min(1.0);
        self.time += dt;
        self.burner_programme(troubles, dt);
        // Steam made follows the fire with the lag of metal and water.
        let made = self.load * RATED * f64::from(u8::from(self.burner_fires()));
        let drawn = self.steam_drawn(troubles, dt);
        let relieved = self.relief();
        let blown = if troubles.blow_down_open { BLOW_DOWN * self.pressure.max(0.0).sqrt() } else { 0.0 };
        let fed = self.feed(troubles, dt);
        let balance = made - drawn - relieved - 0.1 * blown;
        self.pressure = (self.pressure + STIFFNESS * balance * dt - 2e-6 * dt).clamp(0.0, 1.6);
        self.water = (self.water + (fed - drawn - relieved - blown) / WATER * dt).clamp(-160.0, 160.0);
        // Swell: bubbles grow when more steam is drawn than the boiler is used to, and go within a minute.
        self.usual_steam += (drawn + relieved - self.usual_steam) * dt / 40.0;
        let swell = (drawn + relieved - self.usual_steam) * 28.0;
        self.swell += (swell - self.swell) * dt / 6.0;
        self.level = self.water + self.swell;
        self.steam_flow = drawn * 3.6;
        self.feed_flow = fed * 3.6;
        self.temperatures(dt);
        self.trips(troubles, dt);
    }

    /// There is a flame.
    #[must_use]
    pub fn burner_fires(&self) -> bool {
        matches!(self.burner, Burner::Main | Burner::Run)
    }

    fn burner_programme(&mut self, troubles: Troubles, dt: f64) {
        self.in_step += dt;
        let causes_gone = self.water > LOW_WATER_TRIP + 30.0 && self.pressure < HIGH_PRESSURE_TRIP - 0.15;
        let next = match self.burner {
            Burner::Stop if self.pressure < PRESSURE_SETPOINT => Some(Burner::Purge),
            Burner::Purge if self.in_step > 15.0 => Some(Burner::Pilot),
            Burner::Pilot if self.in_step > 4.0 => Some(Burner::Main),
            Burner::Main if self.in_step > 6.0 => Some(Burner::Run),
            Burner::LockOut if causes_gone && self.in_step > 10.0 => Some(Burner::Stop),
            Burner::Run if self.pressure > PRESSURE_SETPOINT + 0.12 && !troubles.burner_in_hand => {
                Some(Burner::Stop)
            }
            _ => None,
        };
        if let Some(next) = next {
            self.enter(next);
        }
        let error = PRESSURE_SETPOINT - self.pressure;
        let wanted = match self.burner {
            Burner::Run if troubles.burner_in_hand => 1.0,
            Burner::Run => {
                self.integral = (self.integral + error * 0.02 * dt).clamp(0.2, 1.0);
                (self.integral + 4.0 * error).clamp(0.2, 1.0)
            }
            Burner::Main => 0.25,
            _ => 0.0,
        };
        let pace = if wanted < self.load { 0.5 } else { 0.06 };
        self.load += (wanted - self.load).clamp(-pace * dt, pace * dt);
        if self.burner_fires() {
            self.run_seconds += dt;
        }
    }

    fn enter(&mut self, next: Burner) {
        self.burner = next;
        self.in_step = 0.0;
        if !self.burner_fires() {
            self.load = 0.0;
            self.integral = 0.4;
        }
    }

    /// What the factory draws, kg/s: a slow wave and a little noise, shut off by the stop valve.
    fn steam_drawn(&mut self, troubles: Troubles, dt: f64) -> f64 {
        let own = 7.6 + 0.9 * (self.time / 97.0).sin() + 0.4 * (self.time / 23.0).sin();
        let wave = self.demand_t_h.unwrap_or(own);
        let wanted = if troubles.stop_valve_shut {
            0.0
        } else {
            (wave / 3.6 + 0.02 * self.noise()) * (self.pressure / 0.7).clamp(0.0, 1.0)
        };
        let now = self.steam_flow / 3.6;
        now + (wanted - now) * (dt / 2.5).min(1.0)
    }

    fn relief(&mut self) -> f64 {
        if self.pressure >= SAFETY_SET {
            self.safety_valve_open = true;
        } else if self.pressure <= SAFETY_RESEAT {
            self.safety_valve_open = false;
        }
        if self.safety_valve_open { SAFETY_FLOW } else { 0.0 }
    }

    /// Three-element control: follow the steam, lean towards the setpoint.
    fn feed(&mut self, troubles: Troubles, dt: f64) -> f64 {
        let wanted = if troubles.feed_pump_tripped {
            0.0
        } else {
            (self.steam_flow / 3.6 - 0.03 * self.level).clamp(0.0, 14.0 / 3.6)
        };
        let now = self.feed_flow / 3.6;
        now + (wanted - now) * (dt / 1.5).min(1.0)
    }

    fn temperatures(&mut self, dt: f64) {
        let towards = |now: f64, to: f64, seconds: f64| now + (to - now) * (dt / seconds).min(1.0);
        self.stack_temp = towards(self.stack_temp, 78.0 + 72.0 * self.load, 45.0);
        self.feed_temp = towards(self.feed_temp, 104.0 + 0.6 * (self.time / 61.0).sin(), 30.0);
        let oxygen = if self.burner_fires() { 4.6 - 1.3 * self.load } else { 20.6 };
        self.oxygen = towards(self.oxygen, oxygen, 8.0);
        let tail = if self.safety_valve_open { 128.0 } else { 32.0 };
        self.tail_temp = towards(self.tail_temp, tail, if self.safety_valve_open { 5.0 } else { 60.0 });
    }

    fn trips(&mut self, troubles: Troubles, dt: f64) {
        self.low_for = if self.water <= LOW_WATER_TRIP { self.low_for + dt } else { 0.0 };
        let high = self.pressure >= HIGH_PRESSURE_TRIP && !troubles.high_limit_bypassed;
        let low = self.low_for > LOW_WATER_DELAY && !troubles.low_water_trip_bypassed;
        let trip = low || high;
        if trip && self.burner != Burner::LockOut {
            self.enter(Burner::LockOut);
        }
    }

    /// −1 to 1, mostly small.
    fn noise(&mut self) -> f64 {
        self.random.f64() - self.random.f64()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Boiler, Burner, Troubles};

    const TICK: Duration = Duration::from_millis(100);

    /// Runs until `done` or `limit` seconds; gives the seconds it took.
    fn until(boiler: &mut Boiler, troubles: Troubles, limit: u32, done: impl Fn(&Boiler) -> bool) -> f64 {
        for tick in 0..limit * 10 {
            if done(boiler) {
                return f64::from(tick) / 10.0;
            }
            boiler.step(TICK, troubles);
        }
        panic!("not within {limit} s: {boiler:?}");
    }

    #[test]
    fn left_alone_it_stays_within_its_normal_bands_for_an_hour() {
        let mut boiler = Boiler::new(1);
        for _ in 0..36_000 {
            boiler.step(TICK, Troubles::default());
            assert!(boiler.level.abs() < 40.0, "{boiler:?}");
            assert!((0.85..1.15).contains(&boiler.pressure), "{boiler:?}");
            assert_eq!(boiler.burner, Burner::Run, "{boiler:?}");
        }
    }

    #[test]
    fn lost_feed_takes_minutes_to_low_low_level_and_a_stuck_blow_down_valve_half_a_minute() {
        let lost = Troubles { feed_pump_tripped: true, ..Troubles::default() };
        let seconds = until(&mut Boiler::new(1), lost, 400, |b| b.level <= -75.0);
        assert!((110.0..260.0).contains(&seconds), "{seconds} s");
        let worse = Troubles { blow_down_open: true, ..lost };
        let seconds = until(&mut Boiler::new(1), worse, 100, |b| b.level <= -75.0);
        assert!((20.0..40.0).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn low_water_locks_the_burner_out_and_it_starts_again_when_the_water_is_back() {
        let mut boiler = Boiler::new(1);
        let troubles = Troubles { feed_pump_tripped: true, blow_down_open: true, ..Troubles::default() };
        until(&mut boiler, troubles, 100, |b| b.burner == Burner::LockOut);
        assert!(boiler.level <= -70.0 && boiler.load == 0.0, "{boiler:?}");
        until(&mut boiler, Troubles::default(), 300, |b| b.burner == Burner::Run && b.level.abs() < 20.0);
    }

    #[test]
    fn a_shut_stop_valve_alone_only_stops_the_burner() {
        let mut boiler = Boiler::new(1);
        let shut = Troubles { stop_valve_shut: true, ..Troubles::default() };
        for _ in 0..1800 {
            boiler.step(TICK, shut);
            assert!(boiler.pressure < 1.2, "{boiler:?}");
        }
        assert!(!boiler.burner_fires());
    }

    #[test]
    fn fired_by_hand_against_a_shut_valve_it_trips_at_the_high_limit_before_the_safety_valve() {
        let mut boiler = Boiler::new(1);
        let troubles = Troubles { stop_valve_shut: true, burner_in_hand: true, ..Troubles::default() };
        let before = boiler.pressure;
        let minute = until(&mut boiler, troubles, 120, |b| b.pressure > before + 0.2);
        assert!((40.0..90.0).contains(&minute), "{minute} s for 0.2 MPa");
        let mut highest: f64 = 0.0;
        for _ in 0..1200 {
            boiler.step(TICK, troubles);
            highest = highest.max(boiler.pressure);
        }
        assert!(!boiler.burner_fires() && (1.25..1.30).contains(&highest), "{highest}, {boiler:?}");
    }

    #[test]
    fn with_the_trip_bypassed_the_safety_valve_lifts_at_its_setpoint_and_reseats() {
        let mut boiler = Boiler::new(1);
        let troubles = Troubles {
            stop_valve_shut: true,
            burner_in_hand: true,
            high_limit_bypassed: true,
            ..Troubles::default()
        };
        until(&mut boiler, troubles, 150, |b| b.safety_valve_open);
        assert!((1.30..1.31).contains(&boiler.pressure), "{boiler:?}");
        until(&mut boiler, troubles, 30, |b| b.tail_temp > 90.0);
        until(&mut boiler, troubles, 300, |b| !b.safety_valve_open);
        assert!(boiler.pressure < 1.237, "{boiler:?}");
    }
}
