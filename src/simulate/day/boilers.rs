//! Boilers: cold start, load, night stop, hot restart.

use super::{Day, Hours, boils, slope, through, wave, yes};

pub(super) const DAYS: &[Day] = &[
    Day {
        id: "D1",
        zh: "燃气蒸汽锅炉 10 t/h 1.25 MPa",
        en: "Gas steam boiler, 10 t/h, 1.25 MPa",
        kind: "steam-boiler",
        nameplate: "{ pressure = \"1.25 MPa\", output = \"10 t/h\", fuel = \"gas\" }",
        story: || Box::new(Hours(|h| steam(h, &Steam { mpa: 1.25, t_h: 10.0, o2: 3.6, stack: 125.0 }))),
    },
    Day {
        id: "D2",
        zh: "燃气蒸汽锅炉 20 t/h 1.6 MPa",
        en: "Gas steam boiler, 20 t/h, 1.6 MPa",
        kind: "steam-boiler",
        nameplate: "{ pressure = \"1.6 MPa\", output = \"20 t/h\", fuel = \"gas\" }",
        story: || Box::new(Hours(|h| steam(h, &Steam { mpa: 1.6, t_h: 20.0, o2: 3.3, stack: 118.0 }))),
    },
    Day {
        id: "D3",
        zh: "燃油蒸汽锅炉 0.5 t/h 0.7 MPa",
        en: "Oil steam boiler, 0.5 t/h, 0.7 MPa",
        kind: "steam-boiler",
        nameplate: "{ pressure = \"0.7 MPa\", output = \"0.5 t/h\", fuel = \"oil\" }",
        story: || Box::new(Hours(|h| steam(h, &Steam { mpa: 0.7, t_h: 0.5, o2: 4.2, stack: 195.0 }))),
    },
    Day {
        id: "D4",
        zh: "燃煤蒸汽锅炉 35 t/h 2.5 MPa",
        en: "Coal steam boiler, 35 t/h, 2.5 MPa",
        kind: "steam-boiler",
        nameplate: "{ pressure = \"2.5 MPa\", output = \"35 t/h\", fuel = \"coal\" }",
        story: || Box::new(Hours(|h| steam(h, &Steam { mpa: 2.5, t_h: 35.0, o2: 8.5, stack: 140.0 }))),
    },
    Day {
        id: "D5",
        zh: "燃气热水锅炉 7 MW 115/70 ℃",
        en: "Gas hot-water boiler, 7 MW, 115/70 ℃",
        kind: "hot-water-boiler",
        nameplate: "{ pressure = \"1.0 MPa\", output = \"7 MW\", temperature = \"115 ℃\", return_temperature = \"70 ℃\", \
                    fuel = \"gas\" }",
        story: || {
            Box::new(Hours(|h| water(h, &Water { mpa: 1.0, mw: 7.0, out: 115.0, back: 70.0, o2: 3.7 })))
        },
    },
    Day {
        id: "D6",
        zh: "生物质热水锅炉 1.4 MW 95/70 ℃",
        en: "Biomass hot-water boiler, 1.4 MW, 95/70 ℃",
        kind: "hot-water-boiler",
        nameplate: "{ pressure = \"0.7 MPa\", output = \"1.4 MW\", temperature = \"95 ℃\", return_temperature = \"70 ℃\", \
                    fuel = \"biomass\" }",
        story: || Box::new(Hours(|h| water(h, &Water { mpa: 0.7, mw: 1.4, out: 95.0, back: 70.0, o2: 9.0 }))),
    },
    Day {
        id: "D7",
        zh: "有机热载体锅炉 2.4 MW 320 ℃",
        en: "Thermal-oil heater, 2.4 MW, 320 ℃",
        kind: "thermal-oil-heater",
        nameplate: "{ pressure = \"1.1 MPa\", output = \"2.4 MW\", temperature = \"320 ℃\", fuel = \"gas\" }",
        story: || Box::new(Hours(|h| oil(h, 2.4, 320.0))),
    },
    Day {
        id: "D8",
        zh: "有机热载体锅炉 1.2 MW 280 ℃",
        en: "Thermal-oil heater, 1.2 MW, 280 ℃",
        kind: "thermal-oil-heater",
        nameplate: "{ pressure = \"1.0 MPa\", output = \"1.2 MW\", temperature = \"280 ℃\", fuel = \"oil\" }",
        story: || Box::new(Hours(|h| oil(h, 1.2, 280.0))),
    },
    Day {
        id: "D9",
        zh: "电站锅炉 3.82 MPa 450 ℃",
        en: "Power boiler, 3.82 MPa, 450 ℃",
        kind: "power-boiler",
        nameplate: "{ pressure = \"4.2 MPa\", temperature = \"450 ℃\" }",
        story: || Box::new(Hours(power)),
    },
];

struct Steam {
    mpa: f64,
    t_h: f64,
    o2: f64,
    stack: f64,
}

/// Cold until 0:30, pressure raised by 2:30, load until 17:00, banked until 22:00, hot restart.
fn steam(h: f64, b: &Steam) -> Vec<(&'static str, f64)> {
    let fires = (0.5..17.0).contains(&h) || h >= 22.0;
    let lit = if h >= 22.0 { h - 22.0 } else { h - 0.5 };
    let pressure = |h: f64| {
        b.mpa
            * through(
                &[(0.5, 0.0), (2.5, 0.8), (6.0, 0.83), (9.0, 0.78), (17.0, 0.82), (22.0, 0.45), (22.5, 0.8)],
                h,
            )
    };
    let load = through(
        &[
            (2.5, 0.0),
            (2.9, 0.4),
            (5.0, 0.5),
            (5.2, 0.9),
            (11.0, 0.95),
            (11.2, 0.5),
            (13.0, 0.5),
            (13.2, 0.85),
            (16.8, 0.7),
            (17.0, 0.0),
            (22.5, 0.0),
            (22.8, 0.5),
        ],
        h,
    );
    let p = pressure(h);
    let hot = through(&[(0.5, 0.0), (2.5, 1.0), (17.0, 1.0), (22.0, 0.6), (22.5, 1.0)], h);
    // The deaerator gets steam only when there is some.
    let deaerated = through(&[(2.6, 0.0), (3.2, 1.0), (17.0, 1.0), (18.0, 0.2), (22.6, 0.2), (23.0, 1.0)], h);
    let makes = load * b.t_h;
    vec![
        ("steam_pressure", p),
        ("drum_level", -20.0 + 25.0 * hot + 8.0 * wave(h, 7.0)),
        ("drum_level_2", -17.0 + 25.0 * hot + 8.0 * wave(h, 7.0)),
        ("level_gauge_dev", 3.0),
        ("lwco_electrode", 0.0),
        ("high_level_electrode", 0.0),
        ("feedwater_flow", makes * 1.03),
        ("steam_flow", makes),
        ("feedwater_temp", 20.0 + 83.0 * deaerated),
        ("steam_temp", if p < 0.02 { 20.0 + 80.0 * hot } else { boils(p) }),
        ("feedwater_dp", if fires { 1.35 * b.mpa - p } else { 0.0 }),
        ("feedwater_pressure", if fires { 1.35 * b.mpa } else { 0.1 }),
        // Air goes out while the pressure is raised.
        ("sat_temp_dev", if p < 0.1 { -60.0 } else { -8.0 * (1.0 - hot) + 0.8 * wave(h, 11.0) }),
        ("pressure_rate", slope(pressure, h) / 60.0),
        ("economizer_out_temp", 20.0 + (boils(b.mpa) - 85.0) * hot),
        (
            "stack_temp",
            20.0 + (b.stack - 20.0)
                * through(&[(0.5, 0.0), (1.5, 0.55), (3.0, 0.95), (17.0, 1.0), (22.0, 0.3), (22.6, 1.0)], h),
        ),
        ("flue_o2", if fires { b.o2 + 17.0 * (-lit * 60.0 / 0.4).exp() + 0.3 * wave(h, 5.0) } else { 20.9 }),
        ("flue_co", if fires { 15.0 + 400.0 * (-lit * 60.0 / 0.4).exp() } else { 0.0 }),
        ("furnace_pressure", if fires { 900.0 } else { 0.0 }),
        ("gas_pressure", 14.0),
        ("gas_leak", 0.5),
        ("flame_fail", 0.0),
        ("valve_leak_test_fail", 0.0),
        ("air_pressure_low", yes(!fires)),
        ("gas_flow", if fires { b.t_h * (15.0 + 58.0 * load) } else { 0.0 }),
        ("boiler_water_conductivity", through(&[(0.5, 600.0), (6.0, 2600.0), (20.0, 2900.0)], h)),
        ("boiler_water_ph", 10.8),
        ("feedwater_hardness", 0.01),
        ("feedwater_do", 7.0 * (1.0 - deaerated) + 0.03),
        ("deaerator_level", 60.0 + 3.0 * wave(h, 40.0)),
        ("deaerator_pressure", 0.02 * deaerated),
        ("makeup_ratio", if load > 0.1 { 6.0 } else { 100.0 }),
        ("steam_balance_gap", 0.005 * b.t_h * wave(h, 90.0)),
        ("blowdown_flow", 0.02 * b.t_h * load),
        ("casing_temp", 25.0 + 20.0 * hot),
        ("sv_lift", 0.0),
        ("interlock_bypass", 0.0),
        ("control_power_fail", 0.0),
        ("feed_pump_a_fault", 0.0),
        ("feed_pump_b_fault", 0.0),
        ("emergency_stop", 0.0),
        ("feed_pump_current", if fires { 30.0 } else { 0.0 }),
        ("burner_run", yes(fires)),
        ("burner_load", if fires { 20.0 + 75.0 * load } else { 0.0 }),
        ("run_hours", 12_000.0 + h),
    ]
}

struct Water {
    mpa: f64,
    mw: f64,
    out: f64,
    back: f64,
    o2: f64,
}

/// Cold until 0:30, heated at 25 K/h, load until 17:00, pumps alone until 22:00, heated again.
fn water(h: f64, b: &Water) -> Vec<(&'static str, f64)> {
    let run = b.out - 8.0;
    let warm = 0.5 + (run - 20.0) / 25.0;
    // Without a fire what goes out is what came back.
    let again = 22.0 + (run - b.back + 10.0) / 25.0;
    let outlet = |h: f64| {
        through(
            &[(0.5, 20.0), (warm, run), (17.0, run), (17.3, b.back), (22.0, b.back - 10.0), (again, run)],
            h,
        )
    };
    let out = outlet(h);
    let fires = (0.5..17.0).contains(&h) || h >= 22.0;
    let lit = if h >= 22.0 { h - 22.0 } else { h - 0.5 };
    let pumps = h >= 0.25;
    let spread = if fires { 0.85 * (b.out - b.back) * ((out - 20.0) / (run - 20.0)) } else { 2.0 };
    // The heat that water carries, at full load.
    let flow = b.mw * 3600.0 / (4.187 * (b.out - b.back));
    let p = b.mpa * if pumps { 0.8 } else { 0.62 };
    vec![
        ("outlet_temp", out),
        ("inlet_temp", if fires { out - spread } else { (out - spread).min(b.back - spread) }),
        ("outlet_pressure", p),
        ("inlet_pressure", p + 0.08 * b.mpa),
        ("saturation_margin", boils(p) - out),
        ("circ_flow", if pumps { flow * (1.0 + 0.02 * wave(h, 13.0)) } else { 0.0 }),
        ("delta_t", spread),
        ("boiler_dp", if pumps { 80.0 } else { 0.0 }),
        ("circ_pump_a_fault", 0.0),
        ("circ_pump_b_fault", 0.0),
        ("all_circ_pumps_off", yes(!pumps)),
        ("makeup_flow", 0.05 * b.mw),
        ("expansion_tank_level", through(&[(0.5, 45.0), (warm, 58.0), (17.0, 58.0), (22.0, 52.0)], h)),
        ("water_temp_rate", slope(outlet, h)),
        ("stack_temp", if fires { 25.0 + 105.0 * ((out - 20.0) / (run - 20.0)).max(0.0) } else { 40.0 }),
        ("flue_o2", if fires { b.o2 + 17.0 * (-lit * 60.0 / 0.4).exp() } else { 20.9 }),
        ("gas_pressure", 14.0),
        ("gas_leak", 0.5),
        ("flame_fail", 0.0),
        ("sv_lift", 0.0),
        ("boiler_water_ph", 10.0),
        ("makeup_hardness", 0.1),
        ("interlock_bypass", 0.0),
        ("control_power_fail", 0.0),
        ("burner_run", yes(fires)),
        ("heat_power", if fires { 0.8 * b.mw } else { 0.0 }),
    ]
}

/// Cold until 0:30, heated at 30 K/h, load until 20:00, cooled with running pumps.
fn oil(h: f64, mw: f64, rated: f64) -> Vec<(&'static str, f64)> {
    let run = rated - 40.0;
    let warm = 0.5 + (run - 20.0) / 30.0;
    let outlet = |h: f64| through(&[(0.5, 20.0), (warm, run), (20.0, run), (24.0, run - 80.0)], h);
    let out = outlet(h);
    let (fires, pumps) = ((0.5..20.0).contains(&h), h >= 0.25);
    let spread = if fires { 20.0 } else { 3.0 };
    // 2.4 MW at 25 K are 170 m3/h.
    let flow = 170.0 * mw / 2.4;
    vec![
        ("oil_out_temp", out),
        ("oil_in_temp", out - spread),
        ("oil_delta_t", spread),
        ("oil_flow", if pumps { flow } else { 0.0 }),
        ("oil_dp", if pumps { 0.2 } else { 0.0 }),
        ("oil_out_pressure", if pumps { 0.45 } else { 0.02 }),
        ("oil_in_pressure", if pumps { 0.62 } else { 0.02 }),
        ("expansion_tank_level", through(&[(0.5, 38.0), (warm, 58.0), (20.0, 58.0), (24.0, 50.0)], h)),
        ("expansion_tank_temp", 45.0),
        ("storage_tank_level", 15.0),
        ("stack_temp", if fires { 150.0 } else { 70.0 }),
        ("furnace_temp", if fires { 750.0 } else { 100.0 }),
        ("film_temp_est", out + 20.0),
        ("circ_pump_a_fault", 0.0),
        ("circ_pump_b_fault", 0.0),
        ("all_oil_pumps_off", yes(!pumps)),
        ("pump_current", if pumps { 85.0 } else { 0.0 }),
        ("filter_dp", 20.0),
        ("residual_carbon", 0.3),
        ("acid_number", 0.1),
        ("flame_fail", 0.0),
        ("gas_pressure", 14.0),
        ("gas_leak", 0.5),
        ("oil_temp_rate", slope(outlet, h)),
        ("sv_lift", 0.0),
        ("interlock_bypass", 0.0),
        ("burner_run", yes(fires)),
    ]
}

/// Cold until 0:30, on line by 7:00, banked from 20:00.
fn power(h: f64) -> Vec<(&'static str, f64)> {
    let fires = (0.5..20.0).contains(&h);
    let raised = through(&[(0.5, 0.0), (7.0, 1.0), (20.0, 1.0), (24.0, 0.7)], h);
    // The drum is warmed evenly, so that its pressure follows.
    let drum = |h: f64| through(&[(0.5, 20.0), (7.0, 250.0), (20.0, 250.0), (24.0, 225.0)], h);
    let p = through(&[(3.0, 0.0), (4.5, 0.6), (6.0, 2.3), (7.0, 3.9), (20.0, 3.9), (24.0, 2.4)], h);
    let steam = 20.0 + 425.0 * raised;
    vec![
        ("drum_pressure", p),
        ("drum_level", 10.0 * wave(h, 9.0)),
        ("level_gauge_dev", 8.0),
        ("superheat_temp", steam),
        ("superheat_margin", (steam - boils(p.max(0.0))).max(0.0)),
        ("drum_wall_dt", 22.0),
        ("drum_temp_rate", slope(drum, h)),
        ("furnace_draft", if fires { -45.0 } else { -30.0 }),
        ("exhaust_gas_in_temp", if fires { 750.0 } else { 120.0 }),
        ("feedwater_o2", 120.0 * (1.0 - raised) + 6.0),
        ("burner_run", yes(fires)),
    ]
}
