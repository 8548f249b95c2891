//! C1 to C5: feed lost, trip wired out, load step, stop valve shut, safety valve.

use std::time::Duration;

use super::{BOILER, Curve, Expected, LEAD_S, Said, Scenario, Story, ramp, with};
use crate::simulate::boiler::{Boiler, Troubles};

use Expected::{Before, Calls, Hazards, Never, Reads, Times};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "C1",
        zh: "90% 负荷时给水泵跳闸，极低水位联锁动作",
        en: "Feed pump trips at 90 % load, the low-water cut-off acts",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(240),
        step: Duration::from_secs(1),
        expected: &[
            Calls("feedwater_flow.l", 15.0, 25.0),
            Calls("drum_level.l", 85.0, 125.0),
            Calls("drum_level.ll", 135.0, 180.0),
            Reads("burner_run", 190.0, 0.0, 0.0),
            Reads("low_water_trip_acted", 190.0, 1.0, 1.0),
            Never("low_water_trip_failed.state"),
            Hazards(&[("stopped_by_low_water.state", false)]),
        ],
        story: || Box::new(FeedLost::new(false)),
    },
    Scenario {
        id: "C2",
        zh: "同上，但联锁被短接",
        en: "The same, with the trip wired out",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(240),
        step: Duration::from_secs(1),
        expected: &[
            Calls("drum_level.ll", 135.0, 180.0),
            Calls("low_water_trip_failed.state", 145.0, 190.0),
            Reads("burner_run", 230.0, 1.0, 1.0),
            Hazards(&[("low_water_trip_failed.state", true)]),
        ],
        story: || Box::new(FeedLost::new(true)),
    },
    Scenario {
        id: "C3",
        zh: "负荷突增 40%，虚假水位",
        en: "Load step of 40 %: the level swells, then falls",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(240),
        step: Duration::from_secs(1),
        expected: &[
            Reads("swell_up", 25.0, 1.0, 1.0),
            Reads("swell_misled", 100.0, 0.0, 0.0),
            Never("drum_level.h"),
            Never("drum_level.l"),
            Never("drum_level.ll"),
            Hazards(&[]),
        ],
        story: || Box::new(Curve(load_step)),
    },
    Scenario {
        id: "C4",
        zh: "主汽阀关闭，压力上升至高限停炉",
        en: "Stop valve shut: pressure rises to the high limit, the burner stops",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(300),
        step: Duration::from_secs(1),
        expected: &[
            Before("steam_pressure_rate.h", "steam_pressure.h"),
            Before("steam_pressure_time_to_hh.l", "steam_pressure.hh"),
            Calls("steam_pressure.h", 60.0, 70.0),
            Calls("steam_pressure.hh", 75.0, 85.0),
            Never("sv1_failed.state"),
            Reads("high_pressure_trip_acted", 120.0, 1.0, 1.0),
            Never("high_pressure_trip_failed.state"),
            // The level shrinks while no steam leaves: no low water.
            Reads("drum_level", 20.0, -26.0, -24.0),
            Never("drum_level.l"),
            Hazards(&[("steam_pressure.hh", false)]),
        ],
        story: || Box::new(Curve(stop_valve)),
    },
    Scenario {
        id: "C5",
        zh: "超压联锁失效，安全阀起跳并回座",
        en: "The high-limit cut-off fails; the safety valve lifts and reseats",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(600),
        step: Duration::from_secs(1),
        expected: &[
            Reads("sv1_open", 30.0, 1.0, 1.0),
            Reads("sv1_lifts", 590.0, 1.0, 1.0),
            Reads("sv1_lift_pressure", 590.0, 1.29, 1.31),
            Reads("sv1_reseat_pressure", 590.0, 1.21, 1.24),
            Reads("sv1_open", 590.0, 0.0, 0.0),
            Times("sv1_failed.state", 0),
            // It lifts, and the water swells.
            Reads("drum_level", 15.0, 19.0, 21.0),
            Hazards(&[("steam_pressure.hh", false), ("high_pressure_trip_failed.state", true)]),
        ],
        story: || Box::new(Curve(valve_lifts)),
    },
];

/// The demo boiler's balances at 9 t/h, its feed pump tripped at 0.
struct FeedLost {
    boiler: Boiler,
    wired_out: bool,
    t: f64,
}

impl FeedLost {
    fn new(wired_out: bool) -> Self {
        let mut boiler = Boiler::new(1);
        boiler.demand_t_h = Some(9.0);
        Self { boiler, wired_out, t: -LEAD_S }
    }
}

impl Story for FeedLost {
    fn at(&mut self, t: f64) -> Vec<Said> {
        const STEP: f64 = 0.1;
        while self.t < t {
            let troubles = Troubles {
                feed_pump_tripped: self.t >= 0.0,
                low_water_trip_bypassed: self.wired_out,
                ..Troubles::default()
            };
            self.boiler.step(Duration::from_secs_f64(STEP), troubles);
            self.t += STEP;
        }
        let b = &self.boiler;
        let fires = f64::from(u8::from(b.burner_fires()));
        let values = with(&[
            ("steam_pressure", b.pressure),
            ("drum_level", b.level.max(-149.0)),
            ("drum_level_2", (b.level + 2.0).max(-149.0)),
            ("feedwater_flow", b.feed_flow),
            ("steam_flow", b.steam_flow),
            ("burner_load", b.load * 100.0),
            ("burner_run", fires),
        ]);
        vec![Said { late: Duration::ZERO, values }]
    }
}

/// Steam from 5 to 9 t/h in 10 s: level up by 35 mm, then down to −25 mm, pressure down by 0.08 MPa.
fn load_step(t: f64) -> Vec<(&'static str, f64)> {
    let up = ramp(t, (0.0, 0.0), (25.0, 35.0));
    let level = if t < 25.0 { up } else { ramp(t, (25.0, 35.0), (90.0, -25.0)) };
    let level = if t > 90.0 { ramp(t, (90.0, -25.0), (200.0, 0.0)) } else { level };
    with(&[
        ("steam_flow", ramp(t, (0.0, 5.0), (10.0, 9.0))),
        ("feedwater_flow", if t < 90.0 { ramp(t, (10.0, 5.0), (80.0, 8.8)) } else { 9.4 }),
        ("burner_load", ramp(t, (0.0, 50.0), (60.0, 90.0))),
        ("drum_level", level),
        ("drum_level_2", level + 2.0),
        ("steam_pressure", ramp(t, (0.0, 1.0), (60.0, 0.92))),
        ("steam_temp", 181.5),
    ])
}

/// 0.2 MPa/min from 1.00 MPa until the high limit stops the burner at 1.25 MPa.
fn stop_valve(t: f64) -> Vec<(&'static str, f64)> {
    let trips = 75.0;
    let pressure =
        if t < trips { ramp(t, (0.0, 1.0), (trips, 1.25)) } else { ramp(t, (trips, 1.255), (300.0, 1.22)) };
    // It stops once the limit is reached, not before.
    let fires = t <= trips;
    with(&[
        ("steam_pressure", pressure),
        ("steam_flow", ramp(t, (0.0, 8.0), (5.0, 0.0))),
        ("feedwater_flow", ramp(t, (0.0, 8.0), (10.0, 0.5))),
        ("burner_run", f64::from(u8::from(fires))),
        ("burner_load", if fires { 100.0 } else { 0.0 }),
        ("steam_temp", ramp(t, (0.0, 184.1), (trips, 193.4))),
        ("drum_level", shift(t, -25.0)),
        ("drum_level_2", shift(t, -25.0) + 2.0),
    ])
}

/// Shrink or swell: by `most` millimetres within 15 s, held for 10 s, gone after two minutes.
fn shift(t: f64, most: f64) -> f64 {
    if t < 25.0 { ramp(t, (0.0, 0.0), (15.0, most)) } else { ramp(t, (25.0, most), (120.0, 0.0)) }
}

/// At full fire past the rated pressure, which the failed cut-off lets happen. Up to 1.30 MPa at 0, down by 0.1 MPa/min to 1.22 MPa while it blows, its tail pipe hot.
fn valve_lifts(t: f64) -> Vec<(&'static str, f64)> {
    let pressure = match t {
        t if t < 0.0 => ramp(t, (-LEAD_S, 1.0), (0.0, 1.30)),
        t if t < 48.0 => ramp(t, (0.0, 1.30), (48.0, 1.22)),
        t => ramp(t, (48.0, 1.22), (600.0, 1.10)),
    };
    let tail = match t {
        t if t < 0.0 => 32.0,
        t if t < 48.0 => ramp(t, (0.0, 32.0), (15.0, 98.0)),
        t => 32.0 + 66.0 * (-(t - 48.0) / 60.0).exp(),
    };
    with(&[
        ("steam_pressure", pressure),
        ("sv_tail_temp", tail),
        ("steam_flow", 2.0),
        ("feedwater_flow", 2.2),
        ("burner_load", if t < 20.0 { 100.0 } else { 20.0 }),
        ("steam_temp", 190.0),
        ("drum_level", shift(t, 20.0)),
        ("drum_level_2", shift(t, 20.0) + 2.0),
    ])
}
