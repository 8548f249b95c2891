//! C6 to C8, C10 to C12: what sensors, the line to them and the calendar do, where nothing is wrong with the water.

use std::time::Duration;

use super::{BOILER, Curve, Expected, Said, Scenario, Story, ramp, with};

use Expected::{Calls, Escalates, Hazards, Never, Quality, Reads, Times};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "C6",
        zh: "水位变送器断线",
        en: "Wire break of the level transmitter",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(120),
        step: Duration::from_secs(1),
        expected: &[
            Quality("drum_level", 4.0, "bad"),
            Calls("drum_level.no_data", 3.0, 8.0),
            Never("drum_level.ll"),
            Never("drum_level.l"),
            // The electrode does not hang on the transmitter.
            Calls("lwco_electrode.state", 60.0, 65.0),
            Reads("low_water_trip_acted", 75.0, 1.0, 1.0),
            Never("low_water_trip_failed.state"),
        ],
        story: || Box::new(Curve(wire_break)),
    },
    Scenario {
        id: "C7",
        zh: "水位计卡死(假水位)",
        en: "The level stands still while water is lost",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(720),
        step: Duration::from_secs(1),
        expected: &[
            Calls("drum_level_disagreement.h", 170.0, 240.0),
            Quality("drum_level", 590.0, "good"),
            Quality("drum_level", 660.0, "uncertain"),
            Never("drum_level.l"),
            // The gauge that lives calls.
            Calls("drum_level_2.l", 465.0, 490.0),
            Calls("drum_level_2.ll", 685.0, 710.0),
        ],
        story: || Box::new(Curve(frozen)),
    },
    Scenario {
        id: "C8",
        zh: "压力表偏高",
        en: "The pressure gauge shows too much",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(1200),
        step: Duration::from_secs(1),
        expected: &[
            Reads("sat_temp_dev", 300.0, -4.6, -3.4),
            Calls("sat_temp_dev.l", 715.0, 730.0),
            Never("sat_temp_dev.ll"),
            Never("steam_pressure.h"),
            Hazards(&[]),
        ],
        story: || Box::new(Curve(gauge_off)),
    },
    Scenario {
        id: "C10",
        zh: "与 PLC 通信中断 10 分钟，DTU 补传",
        en: "The PLC is lost for ten minutes, its DTU delivers afterwards",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(900),
        step: Duration::from_secs(1),
        expected: &[
            Quality("steam_pressure", 10.0, "stale"),
            Calls("device:plc/1.no_data", 3.0, 20.0),
            Quality("steam_pressure", 650.0, "good"),
            // Beyond every limit while nobody could be called: history, and no late call.
            Never("steam_pressure.hh"),
            Never("drum_level.ll"),
            Hazards(&[]),
        ],
        story: || Box::new(Lost),
    },
    Scenario {
        id: "C11",
        zh: "可燃气体探测器抖动",
        en: "A gas detector chatters about its limit",
        profile: BOILER,
        equipment: "",
        lasts: Duration::from_secs(300),
        step: Duration::from_secs(1),
        expected: &[
            Times("gas_leak.h", 1),
            Calls("gas_leak.h", 0.0, 10.0),
            Never("gas_leak.hh"),
            Calls("gas_leak_count.h", 15.0, 60.0),
        ],
        story: || Box::new(Curve(chatter)),
    },
    Scenario {
        id: "C12",
        zh: "检验到期仍在运行",
        en: "The inspection date passes while the boiler runs",
        profile: BOILER,
        equipment: "inspection = { due = \"2026-12-01\", in_use = \"burner_run\" }\n",
        lasts: Duration::from_secs(300),
        step: Duration::from_secs(1),
        expected: &[
            Reads("inspection_overdue", -1.0, 0.0, 0.0),
            Calls("inspection_overdue.state", 0.0, 0.0),
            Escalates("inspection_overdue.state", 0.0),
            Hazards(&[("inspection_overdue.state", false)]),
        ],
        story: || Box::new(Curve(|_| with(&[]))),
    },
];

/// No current reads as −225 mm, outside of what the transmitter can measure.
fn wire_break(t: f64) -> Vec<(&'static str, f64)> {
    let electrode = f64::from(u8::from((60.0..90.0).contains(&t)));
    with(&[
        ("drum_level", if t < 0.0 { 0.0 } else { -225.0 }),
        ("lwco_electrode", electrode),
        ("burner_run", if t < 63.0 { 1.0 } else { 0.0 }),
    ])
}

/// Steam 10 t/h, feed 8 t/h; one gauge stands at +3.0 mm, the other falls with the water.
fn frozen(t: f64) -> Vec<(&'static str, f64)> {
    let event = t >= 0.0;
    // Before, the value trembles as a live one does.
    let level = if event { 3.0 } else { 3.0 + 0.3 * (t / 3.0).sin() };
    with(&[
        ("drum_level", level),
        ("drum_level_2", 3.0 + if event { -0.113 * t } else { 0.0 }),
        ("steam_flow", if event { 10.0 } else { 8.0 }),
    ])
}

/// +0.10 MPa at first, +0.15 MPa from ten minutes on; the steam is at 1.0 MPa.
fn gauge_off(t: f64) -> Vec<(&'static str, f64)> {
    let off = match t {
        t if t < 0.0 => 0.0,
        t if t < 600.0 => ramp(t, (0.0, 0.0), (60.0, 0.10)),
        t => ramp(t, (600.0, 0.10), (601.0, 0.15)),
    };
    with(&[("steam_pressure", 1.0 + off)])
}

/// Silent from 0 to 600 s; then what was buffered comes, newest first, between new readings.
struct Lost;

impl Story for Lost {
    fn at(&mut self, t: f64) -> Vec<Said> {
        let now = Said { late: Duration::ZERO, values: with(&[]) };
        if t < 0.0 {
            return vec![now];
        }
        if t < 600.0 {
            return Vec::new();
        }
        let mut said = vec![now];
        if t < 660.0 {
            // Ten of the lost seconds with each reading, out of order.
            let n = t - 600.0;
            for k in 0..10 {
                let then = (599.0 - n * 10.0 - f64::from(k)).max(0.0);
                let late = Duration::from_secs_f64((t - then).max(61.0));
                said.push(Said { late, values: with(&[("steam_pressure", 1.30), ("drum_level", -90.0)]) });
            }
        }
        said
    }
}

/// 26 and 24 %LEL, five seconds each.
fn chatter(t: f64) -> Vec<(&'static str, f64)> {
    let high = t >= 0.0 && t % 10.0 < 5.0;
    with(&[("gas_leak", if high { 26.0 } else { 24.0 })])
}
