//! Cut-offs (联锁) that come with the presets: what must make one act, and what must stop then. Steamward trips nothing; it
//! checks that the wired protection did. Called by the settings' building and by `steamward presets`.
//!
//! Only cut-offs that the codes ask of the kind (TSG 11 for boilers), or that every machine of it has, are checked; a
//! power boiler's stand in its own manual.

use std::sync::Arc;
use std::time::Duration;

use crate::plant::guidance::Guidance;
use crate::plant::{LimitKind, Name};

/// From the cause to the stop, as both are seen: the cut-off itself may take 5 s, and reading takes its part.
pub const WITHIN: Duration = Duration::from_secs(10);

/// One cut-off of a kind of equipment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PresetTrip {
    /// Its word in the settings, and the beginning of its points' ids.
    pub id: &'static str,
    /// 中文 and English.
    pub name: [&'static str; 2],
    /// Limits of which each one is a reason to act: `hh`, `ll`, or `state` of a discrete point.
    pub causes: Causes,
    /// The discrete point that must become 0.
    pub running: &'static str,
}

/// The limits of which each one is a reason to act.
pub type Causes = &'static [(&'static str, LimitKind)];

/// A cut-off of the burner.
const fn trip(id: &'static str, name: [&'static str; 2], causes: Causes) -> PresetTrip {
    PresetTrip { id, name, causes, running: "burner_run" }
}

const fn high_pressure(causes: Causes) -> PresetTrip {
    trip("high_pressure_trip", ["超压联锁", "High-pressure cut-off"], causes)
}

const fn high_temperature(causes: Causes) -> PresetTrip {
    trip("high_temperature_trip", ["超温联锁", "High-temperature cut-off"], causes)
}

const fn pump_stop(causes: Causes) -> PresetTrip {
    trip("pump_stop_trip", ["循环泵停运联锁", "Pump-stop cut-off"], causes)
}

const LOW_WATER: PresetTrip = trip(
    "low_water_trip",
    ["极低水位联锁", "Low-water cut-off"],
    &[("drum_level", LimitKind::LL), ("drum_level_2", LimitKind::LL), ("lwco_electrode", LimitKind::State)],
);
const FLAME: PresetTrip =
    trip("flame_trip", ["熄火保护", "Flame safeguard"], &[("flame_fail", LimitKind::State)]);
const EMERGENCY_STOP: PresetTrip =
    trip("emergency_stop_trip", ["急停", "Emergency stop"], &[("emergency_stop", LimitKind::State)]);

const STEAM: &[PresetTrip] =
    &[LOW_WATER, high_pressure(&[("steam_pressure", LimitKind::HH)]), FLAME, EMERGENCY_STOP];
const HOT_WATER: &[PresetTrip] = &[
    high_temperature(&[("outlet_temp", LimitKind::HH)]),
    trip("low_pressure_trip", ["低压联锁", "Low-pressure cut-off"], &[("outlet_pressure", LimitKind::LL)]),
    pump_stop(&[("all_circ_pumps_off", LimitKind::State), ("circ_flow", LimitKind::LL)]),
    FLAME,
];
const THERMAL_OIL: &[PresetTrip] = &[
    high_temperature(&[("oil_out_temp", LimitKind::HH)]),
    high_pressure(&[("oil_out_pressure", LimitKind::HH)]),
    pump_stop(&[("all_oil_pumps_off", LimitKind::State), ("oil_flow", LimitKind::LL)]),
    trip("low_level_trip", ["低液位联锁", "Low-level cut-off"], &[("expansion_tank_level", LimitKind::LL)]),
    FLAME,
];
const AIR: &[PresetTrip] = &[PresetTrip {
    running: "compressor_run",
    ..trip(
        "high_temperature_trip",
        ["排气超温联锁", "High-temperature cut-off"],
        &[("compressor_discharge_temp", LimitKind::HH)],
    )
}];

/// The cut-offs of this kind.
#[must_use]
pub fn trips(kind: &str) -> &'static [PresetTrip] {
    match kind {
        "steam-boiler" => STEAM,
        "hot-water-boiler" => HOT_WATER,
        "thermal-oil-heater" => THERMAL_OIL,
        "air-receiver" => AIR,
        _ => &[],
    }
}

/// What to know and do when one did not act.
#[must_use]
pub fn guidance() -> Arc<Guidance> {
    let name = |zh: &str, en: &str| Some(Name { zh: zh.to_owned(), en: en.to_owned() });
    Arc::new(Guidance {
        message: None,
        consequence: name(
            "联锁拒动，设备在危险工况下继续运行",
            "the cut-off did not act; it runs on in danger",
        ),
        response: name(
            "立即手动停机并切断能源；联锁修复并试验合格前不得再启动",
            "stop it by hand and shut off its energy; no restart before the cut-off is repaired and tested",
        ),
        response_time: Some(Duration::from_secs(30)),
    })
}
