//! The table of kinds. What each means stands with its detector in `boiler`.

use std::time::Duration;

use super::run::{Parts, run};
use super::{Kind, Number, Output, Port};
use crate::derive::boiler::autoclave::{Autoclave, AutoclaveInput, AutoclaveSettings};
use crate::derive::boiler::balance::{Balance, BalanceInput, BalanceSettings};
use crate::derive::boiler::drum::{Drum, DrumFlows};
use crate::derive::boiler::leak::{Leak, LeakDetector, LeakInput, LeakSettings};
use crate::derive::boiler::low_water::{Trip, TripCheck, TripInput, TripSettings};
use crate::derive::boiler::rainflow::{Advice, Rainflow, RainflowSettings};
use crate::derive::boiler::runtime::{Runtime, RuntimeSettings};
use crate::derive::boiler::safety_valve::{SafetyValve, SafetyValveInput, SafetyValveSettings};
use crate::derive::boiler::swell::{Misled, SwellDetector, SwellInput, SwellSettings};
use crate::plant::{HazardLevel, Priority};

const fn needs(key: &'static str, unit: &'static str) -> Port {
    Port { key, unit, needed: true, absent: None }
}

const fn may(key: &'static str, unit: &'static str) -> Port {
    Port { key, unit, needed: false, absent: None }
}

/// A flow that is none where no meter is named.
const fn shut(key: &'static str, unit: &'static str) -> Port {
    Port { key, unit, needed: false, absent: Some(0.0) }
}

const fn number(key: &'static str, usual: f64, from: f64, to: f64) -> Number {
    Number { key, usual, from, to }
}

const fn makes(
    key: &'static str,
    unit: &'static str,
    zh: &'static str,
    en: &'static str,
    decimals: u8,
) -> Output {
    Output { key, unit, zh, en, decimals, alarm: None }
}

const fn tells(key: &'static str, zh: &'static str, en: &'static str) -> Output {
    makes(key, "bool", zh, en, 0)
}

/// It calls when it is true, unless the settings say otherwise.
const fn calls(
    key: &'static str,
    zh: &'static str,
    en: &'static str,
    priority: Priority,
    hazard: Option<HazardLevel>,
) -> Output {
    Output { key, unit: "bool", zh, en, decimals: 0, alarm: Some((priority, hazard)) }
}

fn truth(value: Option<f64>) -> Option<bool> {
    value.map(|v| v >= 0.5)
}

fn yes(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

fn unknown(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}

const WATER: Number = number("water_kg_per_m3", 870.0, 500.0, 1000.0);
const SURFACE: Number = number("surface_m2", 5.5, 0.01, 500.0);

/// Every kind.
pub const KINDS: &[Kind] = &[
    Kind {
        word: "trip-check",
        inputs: &[needs("demand", "bool"), needs("running", "bool")],
        numbers: &[number("within_s", 10.0, 1.0, 3600.0)],
        outputs: &[
            calls("failed", "联锁未动作", "trip failed", Priority::Critical, Some(HazardLevel::Major)),
            makes("acted", "", "联锁动作次数", "trips that acted", 0),
            makes("failures", "", "联锁拒动次数", "trips that failed", 0),
        ],
        make: |n| {
            run::<TripCheck>(
                Parts {
                    slopes: &[],
                    settings: |n| TripSettings { within: seconds(n[0]) },
                    feed: |i, _| TripInput { demand: truth(i[0]), running: truth(i[1]) },
                    tell: |out, said| {
                        said[0] = yes(matches!(out.trip, Trip::Failed));
                        (said[1], said[2]) = (out.acted as f64, out.failed as f64);
                    },
                },
                n,
            )
        },
    },
    Kind {
        word: "safety-valve",
        inputs: &[
            needs("pressure", "MPa"),
            may("switch", "bool"),
            may("tail_temp", "℃"),
            may("burner_load", "%"),
            may("steam_load", "%"),
        ],
        numbers: &[number("set_mpa", 1.30, 0.01, 100.0), number("full_fire_mpa_per_min", 0.22, 0.0, 10.0)],
        outputs: &[
            tells("open", "起跳", "lifted"),
            makes("lifts", "", "起跳次数", "lifts", 0),
            makes("lift_pressure", "MPa", "起跳压力", "lift pressure", 3),
            makes("reseat_pressure", "MPa", "回座压力", "reseat pressure", 3),
            makes("lasted", "s", "起跳历时", "lift lasted", 0),
            calls("simmer", "微漏", "simmers", Priority::Medium, None),
            calls("failed", "未起跳", "failed to open", Priority::Critical, Some(HazardLevel::Major)),
        ],
        make: |n| {
            run::<SafetyValve>(
                Parts {
                    slopes: &[0],
                    settings: |n| SafetyValveSettings {
                        set_mpa: n[0],
                        full_fire_mpa_per_min: n[1],
                        ..SafetyValveSettings::default()
                    },
                    feed: |i, rates| SafetyValveInput {
                        pressure_mpa: i[0],
                        rate_mpa_per_min: rates[0],
                        switch: truth(i[1]),
                        tail_c: i[2],
                        burner_percent: i[3],
                        steam_percent: i[4],
                    },
                    tell: |out, said| {
                        said[0] = yes(out.lifted.is_some());
                        said[1] = out.lifts as f64;
                        for lift in out.lifted.iter().chain(&out.reseated) {
                            said[2] = unknown(lift.lift_mpa);
                            said[4] = lift.lasted.as_secs_f64();
                        }
                        if let Some(lift) = out.reseated {
                            said[3] = unknown(lift.reseat_mpa);
                        }
                        (said[5], said[6]) = (yes(out.simmers), yes(out.failed_to_open));
                    },
                },
                n,
            )
        },
    },
    Kind {
        word: "swell",
        inputs: &[
            needs("load", "%"),
            needs("level", "mm"),
            needs("feed_flow", "t/h"),
            needs("steam_flow", "t/h"),
        ],
        numbers: &[
            number("step_percent", 10.0, 1.0, 100.0),
            number("hold_s", 60.0, 1.0, 60.0),
            WATER,
            SURFACE,
        ],
        outputs: &[
            tells("up", "虚假水位偏高", "swells"),
            tells("down", "虚假水位偏低", "shrinks"),
            tells("misled", "虚假水位", "level misled by the load"),
        ],
        make: |n| {
            run::<Misleading>(
                Parts {
                    slopes: &[1],
                    settings: |n| {
                        let swell = SwellSettings {
                            step_percent: n[0],
                            hold: seconds(n[1]),
                            ..SwellSettings::default()
                        };
                        (swell, Drum { water_kg_per_m3: n[2], surface_m2: n[3] })
                    },
                    feed: |i, rates| (i[0], rates[0], flows(i[2], i[3], Some(0.0))),
                    tell: |out, said| {
                        let way = out.map(|s| s.misled);
                        said[0] = yes(way == Some(Misled::Swell));
                        said[1] = yes(way == Some(Misled::Shrink));
                        said[2] = yes(way.is_some());
                    },
                },
                n,
            )
        },
    },
    Kind {
        word: "water-balance",
        inputs: &[
            needs("level", "mm"),
            needs("feed_flow", "t/h"),
            needs("steam_flow", "t/h"),
            shut("blow_flow", "t/h"),
        ],
        numbers: &[WATER, SURFACE],
        outputs: &[
            makes("model", "mm/min", "水位变化率(按流量)", "level rate by the flows", 1),
            makes("difference", "mm/min", "水位变化率之差", "level rate, measured less modelled", 1),
            calls("disagrees", "水位与流量不符", "level and flows disagree", Priority::Medium, None),
        ],
        make: |n| {
            run::<Balance>(
                Parts {
                    slopes: &[0],
                    settings: |n| BalanceSettings {
                        drum: Drum { water_kg_per_m3: n[0], surface_m2: n[1] },
                        ..BalanceSettings::default()
                    },
                    feed: |i, rates| BalanceInput {
                        level_rate_mm_per_min: rates[0],
                        flows: flows(i[1], i[2], i[3]),
                    },
                    tell: |out, said| {
                        said[0] = unknown(out.model_mm_per_min);
                        said[1] = unknown(out.difference_mm_per_min);
                        said[2] = yes(out.disagrees);
                    },
                },
                n,
            )
        },
    },
    Kind {
        word: "tube-leak",
        inputs: &[
            needs("level", "mm"),
            needs("feed_flow", "t/h"),
            needs("steam_flow", "t/h"),
            shut("blow_flow", "t/h"),
            may("stack_falls", "bool"),
            may("furnace_rises", "bool"),
            may("make_up_rises", "bool"),
        ],
        numbers: &[
            number("rated_t_h", 10.0, 0.01, 5000.0),
            number("zero_t_h", 0.0, -100.0, 100.0),
            number("hint_percent", 6.0, 0.1, 100.0),
            WATER,
            SURFACE,
        ],
        outputs: &[
            makes("gap", "t/h", "汽水不平衡量", "water missed", 2),
            makes("gap_percent", "%", "汽水不平衡率", "water missed, of rated", 1),
            calls("hint", "疑似漏水", "perhaps a leak", Priority::Medium, None),
            calls("likely", "疑似爆管", "a leak is likely", Priority::High, None),
            calls(
                "critical",
                "爆管征兆严重",
                "a large leak is likely",
                Priority::Critical,
                Some(HazardLevel::General),
            ),
        ],
        make: |n| {
            run::<LeakDetector>(
                Parts {
                    slopes: &[0],
                    settings: |n| LeakSettings {
                        rated_t_h: n[0],
                        zero_t_h: n[1],
                        hint_percent: n[2],
                        clear_percent: n[2] * 5.0 / 6.0,
                        critical_percent: n[2] * 2.0,
                        drum: Drum { water_kg_per_m3: n[3], surface_m2: n[4] },
                        ..LeakSettings::default()
                    },
                    feed: |i, rates| LeakInput {
                        flows: flows(i[1], i[2], i[3]),
                        level_rate_mm_per_min: rates[0],
                        stack_falls: truth(i[4]),
                        furnace_rises: truth(i[5]),
                        make_up_rises: truth(i[6]),
                    },
                    tell: |out, said| {
                        (said[0], said[1]) = (unknown(out.gap_t_h), unknown(out.gap_percent));
                        said[2] = yes(out.leak != Leak::None);
                        said[3] = yes(matches!(out.leak, Leak::Likely | Leak::Critical));
                        said[4] = yes(out.leak == Leak::Critical);
                    },
                },
                n,
            )
        },
    },
    Kind {
        word: "autoclave",
        inputs: &[needs("pressure", "MPa"), may("shell_difference", "K"), may("door_open", "bool")],
        numbers: &[number("working_mpa", 1.30, 0.05, 50.0)],
        outputs: &[
            makes("cycles", "", "釜次", "cycles", 0),
            tells("under_way", "运行中", "batch under way"),
            makes("highest", "MPa", "上釜最高压力", "highest pressure of the last batch", 3),
            makes("fastest_rise", "MPa/min", "上釜最快升压", "fastest rise of the last batch", 4),
            makes("fastest_fall", "MPa/min", "上釜最快降压", "fastest fall of the last batch", 4),
            makes("lasted", "s", "上釜历时", "last batch lasted", 0),
            makes("held", "s", "上釜恒压时间", "last batch at hold", 0),
            makes("door_openings", "", "上釜开门次数", "door openings of the last batch", 0),
        ],
        make: |n| {
            run::<Autoclave>(
                Parts {
                    slopes: &[0],
                    settings: |n| AutoclaveSettings { working_mpa: n[0], ..AutoclaveSettings::default() },
                    feed: |i, rates| AutoclaveInput {
                        pressure_mpa: i[0],
                        rate_mpa_per_min: rates[0],
                        shell_difference_k: i[1],
                        door_open: truth(i[2]),
                    },
                    tell: |out, said| {
                        (said[0], said[1]) = (out.cycles as f64, yes(out.under_way));
                        if let Some(batch) = out.finished {
                            said[2] = batch.highest_mpa;
                            said[3] = unknown(batch.fastest_rise_mpa_per_min);
                            said[4] = unknown(batch.fastest_fall_mpa_per_min);
                            (said[5], said[6]) = (batch.lasted.as_secs_f64(), batch.held.as_secs_f64());
                            said[7] = f64::from(batch.door_openings);
                        }
                    },
                },
                n,
            )
        },
    },
    Kind {
        word: "fatigue",
        inputs: &[needs("pressure", "MPa")],
        numbers: &[
            number("ignore_below_mpa", 0.065, 0.0, 10.0),
            number("design_range_mpa", 1.6, 0.01, 100.0),
            number("design_cycles", 20_000.0, 1.0, 1e9),
        ],
        outputs: &[
            makes("equivalent_cycles", "", "等效循环次数", "equivalent full cycles", 1),
            makes("usage", "%", "疲劳寿命消耗", "fatigue life used", 2),
            calls("warn", "疲劳寿命预警", "fatigue life: plan an inspection", Priority::Medium, None),
            calls("act", "疲劳寿命将尽", "fatigue life: act", Priority::High, Some(HazardLevel::General)),
        ],
        make: |n| {
            run::<Rainflow>(
                Parts {
                    slopes: &[],
                    settings: |n| RainflowSettings {
                        ignore_below_mpa: n[0],
                        design_range_mpa: n[1],
                        design_cycles: n[2],
                        ..RainflowSettings::default()
                    },
                    feed: |i, _| i[0],
                    tell: |out, said| {
                        (said[0], said[1]) = (out.equivalent_cycles, out.usage * 100.0);
                        said[2] = yes(out.advice != Advice::None);
                        said[3] = yes(out.advice == Advice::Act);
                    },
                },
                n,
            )
        },
    },
    Kind {
        word: "run-time",
        inputs: &[needs("running", "bool")],
        numbers: &[number("hours_before", 0.0, 0.0, 1e6), number("starts_before", 0.0, 0.0, 1e9)],
        outputs: &[
            makes("hours", "h", "累计运行时间", "hours run", 1),
            makes("this_run", "h", "本次运行时间", "hours since the start", 2),
            makes("starts", "", "启动次数", "starts", 0),
        ],
        make: |n| {
            run::<Runtime>(
                Parts {
                    slopes: &[],
                    settings: |n| RuntimeSettings {
                        run_before: seconds(n[0] * 3600.0),
                        starts_before: n[1] as u64,
                    },
                    feed: |i, _| truth(i[0]),
                    tell: |out, said| {
                        (said[0], said[1]) = (out.run_h(), out.this_run.as_secs_f64() / 3600.0);
                        said[2] = out.starts as f64;
                    },
                },
                n,
            )
        },
    },
];

fn flows(feed: Option<f64>, steam: Option<f64>, blow: Option<f64>) -> DrumFlows {
    DrumFlows { feed_t_h: feed, steam_t_h: steam, blow_t_h: blow }
}

/// The swell detector with the model that it compares the level to.
#[derive(Clone)]
struct Misleading(SwellDetector, Drum);

impl crate::derive::boiler::Detector for Misleading {
    type Settings = (SwellSettings, Drum);
    type State = <SwellDetector as crate::derive::boiler::Detector>::State;
    /// Load in percent, level rate in mm/min, flows.
    type Input = (Option<f64>, Option<f64>, DrumFlows);
    type Output = <SwellDetector as crate::derive::boiler::Detector>::Output;

    fn restored((swell, drum): Self::Settings, state: Self::State, away: Option<Duration>) -> Self {
        Self(SwellDetector::restored(swell, state, away), drum)
    }

    fn state(&self) -> &Self::State {
        self.0.state()
    }

    fn step(&mut self, (load, level_rate, flows): Self::Input, mono: Duration) -> Self::Output {
        let model = flows.surplus_t_h().and_then(|surplus| self.1.level_rate_mm_per_min(surplus));
        let input = SwellInput {
            load_percent: load,
            level_rate_mm_per_min: level_rate,
            model_rate_mm_per_min: model,
        };
        self.0.step(input, mono)
    }
}
