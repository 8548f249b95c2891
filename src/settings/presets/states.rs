//! Operating states (运行状态) that come with the presets, and in which some of their limits mean nothing: a boiler that
//! is off has cold flue gas, and no alarm of it. Called by the settings' building.
//!
//! A state is made only where the points it needs are there; without them its limits call always, and `check` says so.

use super::nameplate::{MW_PER_T_H, Nameplate};
use super::{find, tidy};

/// A state in which limits of the presets are suppressed by design.
#[derive(Debug, Clone, PartialEq)]
pub struct PresetState {
    /// Its word in `points.csv`; the point is called `state_` and this.
    pub id: &'static str,
    /// 中文 and English.
    pub name: [&'static str; 2],
    /// Points of the equipment that the formula reads.
    pub needs: &'static [&'static str],
    /// True while it lasts.
    pub formula: String,
}

const NOT_FIRING: [&str; 2] = ["未燃烧", "Not firing"];
const NOT_SETTLED: [&str; 2] = ["未稳定燃烧", "Not firing steadily"];
const RAISING: [&str; 2] = ["停炉或升温升压", "Stopped or raising"];
const LOW_LOAD: [&str; 2] = ["未带负荷", "Without load"];
const COLD: [&str; 2] = ["冷停", "Cold stop"];
const UNSTEADY: [&str; 2] = ["压力未稳定", "Pressure not steady"];

/// The states of `kind` for a unit of this nameplate. Of several with one id the first that finds its points counts.
#[must_use]
pub fn states(kind: &str, plate: &Nameplate) -> Vec<PresetState> {
    let state = |id, name, needs, formula: String| PresetState { id, name, needs, formula };
    let burns = |id, name, minutes: u32| {
        state(id, name, &["burner_run"], format!("not hold(burner_run, {minutes}m)"))
    };
    let normal_low = |point: &str| Some(find(kind, point, plate)?.ok()?.normal(plate)?.0);
    // Off, or below its normal band and rising; and half an hour after either.
    let raising = |needs: &'static [&'static str], minutes: u32, rate: &str, unit: &str, slope: &str| {
        let formula = match needs.get(1).and_then(|point| Some((point, normal_low(point)?))) {
            Some((point, low)) => format!(
                "not hold(burner_run and ({point} >= {low} {unit} or {rate}({point}, 10m) <= 0 {slope}), {minutes}m)"
            ),
            None => format!("not hold(burner_run, {minutes}m)"),
        };
        state("raising", RAISING, needs, formula)
    };
    let heating = |needs, minutes| raising(needs, minutes, "rate_h", "℃", "K/h");
    // A fifth of the rated steam for an hour: before it the deaerator is cold and the water fresh.
    let low_load = plate.output.map(|mw| {
        let least = tidy(0.2 * mw / MW_PER_T_H);
        state("low_load", LOW_LOAD, &["steam_flow"], format!("not hold(steam_flow > {least} t/h, 60m)"))
    });
    match kind {
        "steam-boiler" => low_load
            .into_iter()
            .chain([
                burns("not_firing", NOT_FIRING, 3),
                burns("not_settled", NOT_SETTLED, 30),
                raising(&["burner_run", "steam_pressure"], 30, "rate_min", "MPa", "MPa/min"),
                state(
                    "cold",
                    COLD,
                    &["burner_run", "steam_pressure"],
                    "not burner_run and steam_pressure < 0.05 MPa".to_owned(),
                ),
            ])
            .collect(),
        "hot-water-boiler" => vec![
            burns("not_firing", NOT_FIRING, 3),
            burns("not_settled", NOT_SETTLED, 30),
            heating(&["burner_run", "outlet_temp"], 30),
            state(
                "cold",
                COLD,
                &["burner_run", "outlet_temp"],
                "not burner_run and outlet_temp < 60 ℃".to_owned(),
            ),
        ],
        "thermal-oil-heater" => vec![
            burns("not_firing", NOT_FIRING, 3),
            heating(&["burner_run", "oil_out_temp"], 30),
            state(
                "cold",
                COLD,
                &["burner_run", "oil_out_temp"],
                "not burner_run and oil_out_temp < 100 ℃".to_owned(),
            ),
        ],
        "power-boiler" => vec![
            heating(&["burner_run", "superheat_temp"], 60),
            state(
                "raising",
                RAISING,
                &["exhaust_gas_in_temp"],
                "not hold(exhaust_gas_in_temp > 300 ℃, 60m)".to_owned(),
            ),
            state(
                "cold",
                COLD,
                &["burner_run", "drum_pressure"],
                "not burner_run and drum_pressure < 0.05 MPa".to_owned(),
            ),
            state(
                "cold",
                COLD,
                &["exhaust_gas_in_temp", "drum_pressure"],
                "exhaust_gas_in_temp < 100 ℃ and drum_pressure < 0.05 MPa".to_owned(),
            ),
        ],
        "steam-accumulator" => vec![state("not_steady", UNSTEADY, &["pressure"], unsteady())],
        "autoclave" => vec![
            state("not_steady", UNSTEADY, &["pressure"], unsteady()),
            // One transmitter alone must never say that there is no pressure: a blocked impulse line reads 0 too.
            state(
                "depressurised",
                ["釜内无压", "Without pressure"],
                &["pressure", "pressure_2"],
                "pressure < 0.02 MPa and pressure_2 < 0.02 MPa".to_owned(),
            ),
            state(
                "locked",
                ["釜门锁紧", "Door locked"],
                &["door_not_locked"],
                "not door_not_locked".to_owned(),
            ),
        ],
        "air-receiver" => vec![state(
            "not_running",
            ["空压机未运行", "Compressor not running"],
            &["compressor_run"],
            "not hold(compressor_run, 30m)".to_owned(),
        )],
        _ => Vec::new(),
    }
}

/// Saturated steam and its temperature agree only above 0.1 MPa and after ten minutes without a change.
fn unsteady() -> String {
    "not hold(pressure > 0.1 MPa and abs(rate_min(pressure, 10m)) < 0.002 MPa/min, 10m)".to_owned()
}
