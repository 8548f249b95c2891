//! The units that are known by themselves; `t/h`, `m3/h` or `µS/cm` are made of them.

/// Powers of: mass, length, time, temperature, current, amount, share, normal cubic metres.
pub(super) type Dim = [i8; 8];

/// One unit with what it measures.
#[derive(Debug)]
pub(super) struct Known {
    /// As it is written back; first of its spellings.
    pub symbol: &'static str,
    /// Other spellings.
    pub also: &'static [&'static str],
    pub dim: Dim,
    /// One of it, in the base units of `dim`.
    pub scale: f64,
    /// Its zero in ℃. `Some` for a scale with a zero of its own: a temperature, not a difference.
    pub zero: Option<f64>,
}

const MASS: Dim = [1, 0, 0, 0, 0, 0, 0, 0];
const LENGTH: Dim = [0, 1, 0, 0, 0, 0, 0, 0];
const VOLUME: Dim = [0, 3, 0, 0, 0, 0, 0, 0];
const TIME: Dim = [0, 0, 1, 0, 0, 0, 0, 0];
const TEMPERATURE: Dim = [0, 0, 0, 1, 0, 0, 0, 0];
const CURRENT: Dim = [0, 0, 0, 0, 1, 0, 0, 0];
const AMOUNT: Dim = [0, 0, 0, 0, 0, 1, 0, 0];
const SHARE: Dim = [0, 0, 0, 0, 0, 0, 1, 0];
const NORMAL_VOLUME: Dim = [0, 0, 0, 0, 0, 0, 0, 1];
const FREQUENCY: Dim = [0, 0, -1, 0, 0, 0, 0, 0];
const FORCE: Dim = [1, 1, -2, 0, 0, 0, 0, 0];
const PRESSURE: Dim = [1, -1, -2, 0, 0, 0, 0, 0];
const ENERGY: Dim = [1, 2, -2, 0, 0, 0, 0, 0];
const POWER: Dim = [1, 2, -3, 0, 0, 0, 0, 0];
const VOLTAGE: Dim = [1, 2, -3, 0, -1, 0, 0, 0];
const CONDUCTANCE: Dim = [-1, -2, 3, 0, 2, 0, 0, 0];
const RESISTANCE: Dim = [1, 2, -3, 0, -2, 0, 0, 0];

/// What a message calls a quantity.
pub(super) const QUANTITIES: &[(Dim, &str)] = &[
    (MASS, "a mass"),
    (LENGTH, "a length"),
    ([0, 2, 0, 0, 0, 0, 0, 0], "an area"),
    (VOLUME, "a volume"),
    (TIME, "a time"),
    (TEMPERATURE, "a temperature"),
    (CURRENT, "a current"),
    (AMOUNT, "an amount of substance"),
    (SHARE, "a share"),
    (NORMAL_VOLUME, "a normal volume"),
    (FREQUENCY, "a frequency"),
    (FORCE, "a force"),
    (PRESSURE, "a pressure"),
    (ENERGY, "an energy"),
    (POWER, "a power"),
    (VOLTAGE, "a voltage"),
    (RESISTANCE, "a resistance"),
    ([1, 0, -1, 0, 0, 0, 0, 0], "a mass flow"),
    ([0, 3, -1, 0, 0, 0, 0, 0], "a volume flow"),
    ([0, 0, -1, 0, 0, 0, 0, 1], "a normal volume flow"),
    ([0, 1, -1, 0, 0, 0, 0, 0], "a speed"),
    ([0, 0, -1, 1, 0, 0, 0, 0], "a heating rate"),
    ([1, -1, -3, 0, 0, 0, 0, 0], "a pressure rate"),
    ([1, -3, 0, 0, 0, 0, 0, 0], "a mass in a volume"),
    ([0, -3, 0, 0, 0, 1, 0, 0], "an amount in a volume"),
    ([-1, -3, 3, 0, 2, 0, 0, 0], "a conductivity"),
];

const fn unit(symbol: &'static str, also: &'static [&'static str], dim: Dim, scale: f64) -> Known {
    Known { symbol, also, dim, scale, zero: None }
}

const fn degrees(symbol: &'static str, also: &'static [&'static str], scale: f64, zero: f64) -> Known {
    Known { symbol, also, dim: TEMPERATURE, scale, zero: Some(zero) }
}

pub(super) const KNOWN: &[Known] = &[
    unit("Pa", &[], PRESSURE, 1.0),
    unit("hPa", &[], PRESSURE, 1e2),
    unit("kPa", &[], PRESSURE, 1e3),
    unit("MPa", &[], PRESSURE, 1e6),
    unit("mbar", &[], PRESSURE, 1e2),
    unit("bar", &[], PRESSURE, 1e5),
    // Exact by definition: standard gravity on a square centimetre. Nobody means a mass by kg/cm2.
    unit("kgf/cm2", &["kgf/cm²", "kg/cm2", "kg/cm²"], PRESSURE, 98_066.5),
    unit("psi", &[], PRESSURE, 6_894.757_293_168),
    unit("atm", &[], PRESSURE, 101_325.0),
    unit("mmHg", &[], PRESSURE, 133.322_387_415),
    unit("mmH2O", &["mmH₂O"], PRESSURE, 9.806_65),
    degrees("℃", &["°C", "degC"], 1.0, 0.0),
    degrees("℉", &["°F", "degF"], 5.0 / 9.0, -160.0 / 9.0),
    unit("K", &[], TEMPERATURE, 1.0),
    unit("kg", &[], MASS, 1.0),
    unit("t", &[], MASS, 1e3),
    unit("g", &[], MASS, 1e-3),
    unit("mg", &[], MASS, 1e-6),
    unit("µg", &["μg"], MASS, 1e-9),
    unit("m", &[], LENGTH, 1.0),
    unit("cm", &[], LENGTH, 1e-2),
    unit("mm", &[], LENGTH, 1e-3),
    unit("km", &[], LENGTH, 1e3),
    unit("L", &[], VOLUME, 1e-3),
    unit("mL", &[], VOLUME, 1e-6),
    unit("Nm3", &["Nm³"], NORMAL_VOLUME, 1.0),
    unit("s", &[], TIME, 1.0),
    unit("ms", &[], TIME, 1e-3),
    unit("min", &[], TIME, 60.0),
    unit("h", &[], TIME, 3600.0),
    unit("d", &[], TIME, 86_400.0),
    unit("Hz", &[], FREQUENCY, 1.0),
    unit("N", &[], FORCE, 1.0),
    unit("kN", &[], FORCE, 1e3),
    unit("kgf", &[], FORCE, 9.806_65),
    unit("W", &[], POWER, 1.0),
    unit("kW", &[], POWER, 1e3),
    unit("MW", &[], POWER, 1e6),
    unit("J", &[], ENERGY, 1.0),
    unit("kJ", &[], ENERGY, 1e3),
    unit("MJ", &[], ENERGY, 1e6),
    unit("GJ", &[], ENERGY, 1e9),
    unit("Wh", &[], ENERGY, 3600.0),
    unit("kWh", &[], ENERGY, 3.6e6),
    unit("MWh", &[], ENERGY, 3.6e9),
    // International table calorie, as on boiler nameplates.
    unit("kcal", &[], ENERGY, 4_186.8),
    unit("Mcal", &[], ENERGY, 4_186.8e3),
    unit("Gcal", &[], ENERGY, 4_186.8e6),
    unit("V", &[], VOLTAGE, 1.0),
    unit("mV", &[], VOLTAGE, 1e-3),
    unit("kV", &[], VOLTAGE, 1e3),
    unit("A", &[], CURRENT, 1.0),
    unit("mA", &[], CURRENT, 1e-3),
    unit("Ω", &["\u{2126}", "ohm"], RESISTANCE, 1.0),
    unit("S", &[], CONDUCTANCE, 1.0),
    unit("mS", &[], CONDUCTANCE, 1e-3),
    unit("µS", &["μS", "uS"], CONDUCTANCE, 1e-6),
    unit("mol", &[], AMOUNT, 1.0),
    unit("mmol", &[], AMOUNT, 1e-3),
    unit("%", &[], SHARE, 0.01),
    unit("ppm", &[], SHARE, 1e-6),
];

/// Made of others, or standing for themselves alone: only for hints at the right spelling.
pub(super) const USUAL: &[&str] = &[
    "kg/s", "kg/h", "t/h", "m3", "m3/h", "m3/s", "Nm3/h", "L/s", "L/min", "µS/cm", "mg/L", "mmol/L", "µg/L",
    "%LEL", "pH", "rpm", "NTU", "kvar", "kVA",
];
