//! What stands on the nameplate (铭牌), and how the limits of an example unit become those of this one.
//!
//! Only what follows from the nameplate by an honest rule is scaled: pressures by the rated pressure, flows by the
//! output, boiling temperatures by the pressure they belong to. What hangs on a burner, a pump or a recipe has no
//! number here; whoever configures is told so. Pure. Called by the presets.

use super::tidy;
use crate::derive::boiler::saturation::{saturation_pressure_at_gauge, saturation_temperature_at_gauge};
use crate::plant::unit;

/// Pressure of the air at sea level, MPa: the example units stand there, and only differences are taken.
const AIR_MPA: f64 = 0.101_325;
/// Hot water is kept at least so far from boiling (K).
const FROM_BOILING_K: f64 = 20.0;
/// Megawatts of one tonne of steam an hour, as the trade converts ratings.
pub const MW_PER_T_H: f64 = 0.7;

/// What a boiler burns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Fuel {
    Gas,
    Oil,
    Coal,
    Biomass,
    WasteHeat,
    Electric,
}

impl Fuel {
    /// All of them, with their words in settings.
    pub const ALL: [(&'static str, Self); 6] = [
        ("gas", Self::Gas),
        ("oil", Self::Oil),
        ("coal", Self::Coal),
        ("biomass", Self::Biomass),
        ("waste-heat", Self::WasteHeat),
        ("electric", Self::Electric),
    ];

    /// Its word in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, fuel)| *fuel == self).map_or("", |(word, _)| word)
    }
}

/// The ratings of one unit, as far as somebody copied them from its plate.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Nameplate {
    /// Rated pressure of a boiler, design pressure of a vessel, MPa gauge.
    pub pressure: Option<f64>,
    /// Pressure at which it is really run, MPa gauge; not above `pressure`.
    pub working_pressure: Option<f64>,
    /// Rated output, MW.
    pub output: Option<f64>,
    /// Rated temperature of what leaves it, ℃.
    pub temperature: Option<f64>,
    /// Rated temperature of what comes back, ℃.
    pub return_temperature: Option<f64>,
    /// What it burns.
    pub fuel: Option<Fuel>,
}

/// The unit that the numbers of a kind were written for.
#[must_use]
pub fn example(kind: &str) -> Nameplate {
    let of = |pressure, working, output, temperature, back| Nameplate {
        pressure,
        working_pressure: working,
        output,
        temperature,
        return_temperature: back,
        fuel: None,
    };
    match kind {
        "steam-boiler" => of(Some(1.25), Some(1.0), Some(10.0 * MW_PER_T_H), None, None),
        "hot-water-boiler" => of(Some(1.0), None, Some(7.0), Some(115.0), Some(70.0)),
        "thermal-oil-heater" => of(Some(1.0), None, Some(2.4), Some(320.0), None),
        "steam-accumulator" | "autoclave" => of(Some(1.6), None, None, None, None),
        "air-receiver" => of(Some(0.84), Some(0.8), None, None, None),
        "ammonia-receiver" => of(Some(2.0), None, None, None, None),
        "power-boiler" => of(Some(4.2), None, None, Some(450.0), None),
        "storage-sphere" => of(Some(1.77), None, None, None, None),
        _ => Nameplate::default(),
    }
}

/// A rating as it is written on a plate, `1.25 MPa`, in `wanted`: MPa, MW or ℃. A tonne of steam an hour is 0.7 MW.
///
/// # Errors
/// What is wrong with it.
pub fn rating(text: &str, wanted: &str) -> Result<f64, String> {
    let (number, of) = quantity(text).ok_or_else(|| format!("`{text}` is not a rating"))?;
    if of.is_empty() {
        return Err(format!("`{text}` has no unit"));
    }
    let steam = (wanted == "MW").then(|| unit::conversion(of, "t/h").ok()).flatten();
    let value = match steam {
        Some((factor, _)) => number * factor * MW_PER_T_H,
        None => {
            let told = |problem: String| problem.replace("the point's unit", "the unit needed here,");
            let (factor, offset) = unit::conversion(of, wanted).map_err(told)?;
            number * factor + offset
        }
    };
    let value = tidy(value);
    let believable = match wanted {
        "MPa" => 0.02..=35.0,
        "MW" => 0.005..=3000.0,
        _ => 10.0..=700.0,
    };
    if believable.contains(&value) {
        Ok(value)
    } else {
        Err(format!("`{text}` is {value} {wanted}, which is not believable"))
    }
}

/// Number and unit of `1.25 MPa`.
fn quantity(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    Some((number, text[end..].trim()))
}

/// A setpoint of the example times `factor` plus `offset` is one of this unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Multiplier.
    pub factor: f64,
    /// Added afterwards, in the unit of the preset.
    pub offset: f64,
}

/// Why there is no number for this unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unscaled {
    /// This key of the nameplate is needed.
    Missing(&'static str),
    /// Nothing on a nameplate tells it.
    Own,
}

const SAME: Scale = Scale { factor: 1.0, offset: 0.0 };

/// How the setpoints that rest on `basis` (a word of `points.csv`) are scaled from the example of `kind` to `plate`.
///
/// # Errors
/// [`Unscaled`]: no honest number can be given.
pub fn scale(basis: &str, kind: &str, plate: &Nameplate) -> Result<Scale, Unscaled> {
    let from = example(kind);
    let need = |value: Option<f64>, key| value.ok_or(Unscaled::Missing(key));
    let by = |value: Option<f64>, of: Option<f64>, key| {
        let factor = need(value, key)? / of.ok_or(Unscaled::Own)?;
        Ok(Scale { factor, offset: 0.0 })
    };
    let shifted = |value: Option<f64>, of: Option<f64>, key| {
        let offset = need(value, key)? - of.ok_or(Unscaled::Own)?;
        Ok(Scale { factor: 1.0, offset })
    };
    match basis {
        "" => Ok(SAME),
        "pressure" => by(plate.pressure, from.pressure, "pressure"),
        "working" => match (plate.working_pressure, kind) {
            (Some(_), _) => by(plate.working_pressure, from.working_pressure, "working_pressure"),
            // A boiler that says nothing else is run as the example is, in proportion.
            (None, "steam-boiler") => by(plate.pressure, from.pressure, "pressure"),
            (None, _) => Err(Unscaled::Missing("working_pressure")),
        },
        "output" => by(plate.output, from.output, "output"),
        "temperature" => shifted(plate.temperature, from.temperature, "temperature"),
        "return" => shifted(plate.return_temperature, from.return_temperature, "return_temperature"),
        "saturation" => {
            let boils = |p: f64| saturation_temperature_at_gauge(p, AIR_MPA).ok_or(Unscaled::Own);
            let offset =
                boils(need(plate.pressure, "pressure")?)? - boils(from.pressure.ok_or(Unscaled::Own)?)?;
            Ok(Scale { factor: 1.0, offset })
        }
        "boiling" => {
            let holds =
                |t: f64| saturation_pressure_at_gauge(t + FROM_BOILING_K, AIR_MPA).ok_or(Unscaled::Own);
            let offset = holds(need(plate.temperature, "temperature")?)?
                - holds(from.temperature.ok_or(Unscaled::Own)?)?;
            Ok(Scale { factor: 1.0, offset })
        }
        "spread" => Ok(Scale { factor: spread(plate)? / spread(&from)?, offset: 0.0 }),
        "circulation" => {
            let flow = |n: &Nameplate| Ok(need(n.output, "output")? / spread(n)?);
            Ok(Scale { factor: flow(plate)? / flow(&from)?, offset: 0.0 })
        }
        "salt" => {
            let of = |p| dissolved_solids(p).ok_or(Unscaled::Own);
            let here = of(need(plate.pressure, "pressure")?)?;
            Ok(Scale { factor: here / of(from.pressure.ok_or(Unscaled::Own)?)?, offset: 0.0 })
        }
        _ => Err(Unscaled::Own),
    }
}

/// Outlet less return, K.
fn spread(plate: &Nameplate) -> Result<f64, Unscaled> {
    let out = plate.temperature.ok_or(Unscaled::Missing("temperature"))?;
    let back = plate.return_temperature.ok_or(Unscaled::Missing("return_temperature"))?;
    Ok(out - back)
}

/// Dissolved solids that the boiler water may hold, mg/L, by rated pressure in MPa (GB/T 1576-2018, without a
/// superheater; check against the standard).
fn dissolved_solids(pressure: f64) -> Option<f64> {
    match pressure {
        p if p <= 1.0 => Some(4000.0),
        p if p <= 1.6 => Some(3500.0),
        p if p <= 2.5 => Some(3000.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Fuel, Nameplate, Unscaled, example, quantity, rating, scale};

    #[test]
    fn a_rating_is_a_number_and_its_unit_however_close_they_stand() {
        assert_eq!(quantity("1.25 MPa"), Some((1.25, "MPa")));
        assert_eq!(quantity("10t/h"), Some((10.0, "t/h")));
        assert_eq!(quantity("MPa"), None);
        assert_eq!(rating("12.5 bar", "MPa"), Ok(1.25));
        assert_eq!(rating("10 t/h", "MW"), Ok(7.0));
        assert_eq!(rating("700 kW", "MW"), Ok(0.7));
        assert_eq!(rating(" 239 ℉", "℃").map(f64::round), Ok(115.0));
        for wrong in ["1250 MPa", "1.25", "rated", "10 t/h", "-1 MPa"] {
            assert!(rating(wrong, "MPa").is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_example_itself_is_not_scaled() {
        for kind in ["steam-boiler", "hot-water-boiler", "thermal-oil-heater", "air-receiver", "power-boiler"]
        {
            for basis in ["", "pressure", "saturation", "temperature", "output", "salt"] {
                let Ok(found) = scale(basis, kind, &example(kind)) else { continue };
                assert!((found.factor - 1.0).abs() < 1e-12 && found.offset.abs() < 1e-9, "{kind} {basis}");
            }
        }
    }

    #[test]
    fn boiling_goes_by_the_pressure_and_the_pressure_by_boiling() {
        // Boils at 193.4 ℃ at 1.25 MPa and at 170.4 ℃ at 0.7 MPa (IAPWS-IF97).
        let small = Nameplate { pressure: Some(0.7), ..Nameplate::default() };
        let found = scale("saturation", "steam-boiler", &small).expect("known");
        assert!((found.offset - (170.4 - 193.4)).abs() < 0.1, "{found:?}");
        // 20 K over 115 ℃ boils at 0.212 MPa gauge, over 95 ℃ at 0.068 MPa.
        let cool = Nameplate { temperature: Some(95.0), ..Nameplate::default() };
        let found = scale("boiling", "hot-water-boiler", &cool).expect("known");
        assert!((found.offset - (0.068 - 0.212)).abs() < 0.002, "{found:?}");
    }

    #[test]
    fn what_is_not_on_the_plate_is_named_and_what_hangs_on_the_burner_is_never_guessed() {
        let bare = Nameplate { fuel: Some(Fuel::Gas), ..Nameplate::default() };
        assert_eq!(scale("pressure", "steam-boiler", &bare), Err(Unscaled::Missing("pressure")));
        assert_eq!(
            scale("circulation", "hot-water-boiler", &Nameplate { output: Some(7.0), ..bare }),
            Err(Unscaled::Missing("temperature"))
        );
        assert_eq!(scale("own", "steam-boiler", &example("steam-boiler")), Err(Unscaled::Own));
    }
}
