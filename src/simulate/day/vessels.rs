//! Vessels: batches of an autoclave, charge and discharge, a compressor's shift, a tank that stands.

use super::{Day, Hours, boils, slope, through, wave, yes};

pub(super) const DAYS: &[Day] = &[
    Day {
        id: "D10",
        zh: "蒸汽蓄热器 1.6 MPa",
        en: "Steam accumulator, 1.6 MPa",
        kind: "steam-accumulator",
        nameplate: "{ pressure = \"1.6 MPa\" }",
        story: || Box::new(Hours(accumulator)),
    },
    Day {
        id: "D11",
        zh: "蒸压釜 1.6 MPa 两釜次",
        en: "Autoclave, 1.6 MPa, two batches",
        kind: "autoclave",
        nameplate: "{ pressure = \"1.6 MPa\" }",
        story: || Box::new(Hours(autoclave)),
    },
    Day {
        id: "D12",
        zh: "储气罐 0.84 MPa",
        en: "Air receiver, 0.84 MPa",
        kind: "air-receiver",
        nameplate: "{ pressure = \"0.84 MPa\", working_pressure = \"0.8 MPa\" }",
        story: || Box::new(Hours(|h| receiver(h, 0.69))),
    },
    Day {
        id: "D13",
        zh: "储气罐 1.0 MPa，工作压力 0.7 MPa",
        en: "Air receiver, 1.0 MPa, run at 0.7 MPa",
        kind: "air-receiver",
        nameplate: "{ pressure = \"1.0 MPa\", working_pressure = \"0.7 MPa\" }",
        story: || Box::new(Hours(|h| receiver(h, 0.6))),
    },
    Day {
        id: "D14",
        zh: "贮氨器，夏",
        en: "Ammonia receiver, summer",
        kind: "ammonia-receiver",
        nameplate: "{ pressure = \"2.0 MPa\" }",
        story: || Box::new(Hours(|h| ammonia(h, 1.15, 31.0))),
    },
    Day {
        id: "D15",
        zh: "贮氨器，冬",
        en: "Ammonia receiver, winter",
        kind: "ammonia-receiver",
        nameplate: "{ pressure = \"2.0 MPa\" }",
        story: || Box::new(Hours(|h| ammonia(h, 0.35, 2.0))),
    },
    Day {
        id: "D16",
        zh: "液化石油气球罐",
        en: "LPG sphere",
        kind: "storage-sphere",
        nameplate: "{ pressure = \"1.77 MPa\" }",
        story: || Box::new(Hours(sphere)),
    },
];

/// Charged from cold, then up and down every two hours.
fn accumulator(h: f64) -> Vec<(&'static str, f64)> {
    let pressure = |h: f64| {
        if h < 2.0 {
            return through(&[(0.5, 0.0), (2.0, 1.3)], h);
        }
        let turn = (h - 2.0) % 2.0;
        through(&[(0.0, 1.3), (0.9, 0.45), (2.0, 1.3)], turn)
    };
    let p = pressure(h);
    let steady = slope(pressure, h).abs() < 0.1;
    vec![
        ("pressure", p),
        ("level", 66.0 + 15.0 * p),
        ("water_temp", if p < 0.02 { 25.0 } else { boils(p) - 1.0 }),
        (
            "sat_temp_dev",
            if p < 0.1 {
                -40.0
            } else if steady {
                -1.0
            } else {
                -5.0
            },
        ),
        ("top_bottom_dt", 10.0),
        ("pressure_rate", slope(pressure, h) / 60.0),
        ("discharge_flow", if slope(pressure, h) < 0.0 { 15.0 } else { 0.0 }),
        ("wall_thickness", 16.5),
        ("cycle_usage", 22.0),
        ("sv_lift", 0.0),
        ("charge_valve_stuck", 0.0),
        ("cycles_total", 4_100.0 + (h / 2.0).floor()),
    ]
}

/// Two batches of eleven hours: open, closed and evacuated, heated, held, vented, open.
fn autoclave(h: f64) -> Vec<(&'static str, f64)> {
    const BATCH: f64 = 11.5;
    let pressure = |h: f64| {
        through(
            &[
                (0.0, 0.0),
                (1.0, 0.0),
                (1.4, -0.06),
                (1.7, -0.06),
                (1.8, 0.0),
                (3.8, 1.29),
                (8.8, 1.29),
                (10.8, 0.0),
                (BATCH, 0.0),
            ],
            h % BATCH,
        )
    };
    let (p, in_batch) = (pressure(h), h % BATCH);
    let locked = (0.9..11.0).contains(&in_batch);
    // The valve is shut once the door is locked, and opened before it is unlocked.
    let shut = (0.95..10.85).contains(&in_batch);
    let held = (4.0..8.8).contains(&in_batch);
    let rate = slope(pressure, h) / 60.0;
    let temperature = if p > 0.05 { boils(p) - if held { 2.0 } else { 9.0 } } else { 60.0 };
    vec![
        ("pressure", p),
        ("pressure_2", p + 0.002),
        ("temperature", temperature),
        ("sat_temp_dev", if p > 0.05 { temperature - boils(p) } else { -40.0 }),
        ("door_not_locked", yes(!locked)),
        ("door_interlock_fault", 0.0),
        ("door_open_with_pressure", 0.0),
        ("residual_valve_closed", yes(shut)),
        ("shell_top_bottom_dt", 18.0),
        ("condensate_level", 8.0),
        ("pressure_rate_up", if p > 0.0 { rate.max(0.0) } else { 0.0 }),
        ("pressure_rate_down", if p > 0.0 { (-rate).max(0.0) } else { 0.0 }),
        ("seal_steam_pressure", if locked { 0.9 } else { 0.0 }),
        ("hold_time", if held { (in_batch - 4.0) * 60.0 } else { 0.0 }),
        ("cycle_usage", 30.0),
        ("ring_wear", 1.0),
        ("sv_lift", 0.0),
        ("rail_bridge_state", 0.0),
        ("cycles_total", 6_000.0 + (h / BATCH).floor()),
        ("batch_stage", if held { 4.0 } else { 1.0 }),
    ]
}

/// Empty until 6:00, filled in ten minutes, between two pressures until 20:00, let down.
fn receiver(h: f64, middle: f64) -> Vec<(&'static str, f64)> {
    let pressure = |h: f64| {
        let level = through(&[(6.0, 0.0), (6.17, middle), (20.5, middle), (22.0, 0.0)], h);
        level + if (6.5..20.0).contains(&h) { 0.05 * wave(h, 6.0) } else { 0.0 }
    };
    let runs = (6.0..20.0).contains(&h);
    let dry = through(&[(6.0, 18.0), (6.2, 5.0), (20.0, 5.0), (21.0, 18.0)], h);
    vec![
        ("pressure", pressure(h)),
        ("inlet_air_temp", 32.0),
        ("compressor_discharge_temp", if runs { 82.0 } else { 25.0 }),
        ("oil_pressure", if runs { 0.3 } else { 0.0 }),
        ("condensate_drain_age", h % 8.0),
        ("dew_point", dry),
        ("pressure_rate", slope(pressure, h) / 60.0),
        ("load_cycles_per_hour", if runs { 10.0 } else { 0.0 }),
        ("wall_thickness", 7.2),
        ("sv_lift", 0.0),
        ("auto_drain_fault", 0.0),
        ("compressor_run", yes(runs)),
    ]
}

fn ammonia(h: f64, middle: f64, celsius: f64) -> Vec<(&'static str, f64)> {
    let day = through(&[(0.0, -1.0), (6.0, -1.0), (14.0, 1.0), (24.0, -1.0)], h);
    let pressure = |h: f64| middle + 0.1 * through(&[(0.0, -1.0), (6.0, -1.0), (14.0, 1.0), (24.0, -1.0)], h);
    vec![
        ("pressure", pressure(h)),
        ("level", 45.0 + 8.0 * wave(h, 300.0)),
        ("liquid_temp", celsius + 3.0 * day),
        ("noncondensable_dev", 0.01),
        ("nh3_room", 2.0),
        ("nh3_sv_vent", 1.0),
        ("esd_valve_not_open", 0.0),
        ("sv_lift", 0.0),
        ("spray_water_pressure", 0.4),
        ("emergency_fan_fault", 0.0),
        ("sv_root_valve_closed", 0.0),
        ("pressure_rate", slope(pressure, h) / 60.0),
        ("inventory", 2.5),
    ]
}

/// Warmed by the sun, filled from 9:00 to 15:00.
fn sphere(h: f64) -> Vec<(&'static str, f64)> {
    let celsius = through(&[(0.0, 14.0), (6.0, 12.0), (14.0, 29.0), (24.0, 14.0)], h);
    let level = through(&[(9.0, 32.0), (15.0, 66.0)], h);
    vec![
        ("pressure", 0.5 + 0.018 * (celsius - 12.0)),
        ("level", level),
        ("level_2", level + 0.4),
        ("liquid_temp", celsius),
        ("gas_leak", 1.0),
        ("esd_valve_not_open", 0.0),
        ("sv_lift", 0.0),
        ("settlement", 2.0),
    ]
}
