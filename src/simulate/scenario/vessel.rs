//! C9: a batch of an autoclave, and a door unlocked with pressure behind it.

use std::time::Duration;

use super::{AUTOCLAVE, Curve, Expected, Scenario, ramp};
use crate::simulate::day::boils;

use Expected::{Calls, Hazards, Never, Reads};

const HOUR: f64 = 3600.0;
/// The batch ends, the door may open.
const EMPTY: f64 = 10.2 * HOUR;
/// The door is unlocked again, with 0.02 MPa in the vessel.
const WRONG: f64 = 11.0 * HOUR;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    id: "C9",
    zh: "蒸压釜一釜次，随后带压解锁",
    en: "A batch of an autoclave, then an unlocking with pressure behind the door",
    profile: AUTOCLAVE,
    equipment: "",
    lasts: Duration::from_secs(11 * 3600 + 60),
    step: Duration::from_secs(1),
    expected: &[
        Reads("batch_cycles", EMPTY + 600.0, 1.0, 1.0),
        Reads("batch_highest", EMPTY + 600.0, 1.24, 1.26),
        Reads("batch_fastest_rise", EMPTY + 600.0, 0.009, 0.013),
        Reads("batch_held", EMPTY + 600.0, 6.0 * HOUR, 6.6 * HOUR),
        // Air is out at hold, and steam and pressure agree.
        Reads("sat_temp_dev", 1.5 * HOUR, -10.0, -8.0),
        Reads("sat_temp_dev", 5.0 * HOUR, -3.0, -1.0),
        Never("pressure.h"),
        Calls("door_open_with_pressure.state", WRONG, WRONG + 1.0),
        Hazards(&[("door_open_with_pressure.state", true)]),
    ],
    story: || Box::new(Curve(batch)),
}];

/// Vacuum, two hours up, six at hold, two down, door.
fn batch(t: f64) -> Vec<(&'static str, f64)> {
    let hour = t / HOUR;
    let pressure = match hour {
        h if h < 0.0 => 0.0,
        h if h < 0.2 => ramp(h, (0.0, 0.0), (0.1, -0.06)),
        h if h < 8.2 => ramp(h, (0.2, -0.06), (2.2, 1.25)),
        h if h < 10.9 => ramp(h, (8.2, 1.25), (10.2, 0.0)),
        _ => 0.02,
    };
    let unlocked = (EMPTY + 60.0..EMPTY + 900.0).contains(&t) || t >= WRONG;
    let steam = if pressure > 0.05 { boils(pressure) - ramp(hour, (2.2, 9.0), (3.0, 2.0)) } else { 60.0 };
    vec![
        ("pressure", pressure),
        ("pressure_2", pressure),
        ("temperature", steam),
        ("door_not_locked", f64::from(u8::from(unlocked))),
    ]
}
