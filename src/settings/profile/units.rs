//! Units that devices send → the unit a point is shown in. Linear, within one quantity.

/// (spelling, quantity, factor and offset to the quantity's base unit)
const UNITS: &[(&str, &str, f64, f64)] = &[
    ("Pa", "pressure", 1.0, 0.0),
    ("hPa", "pressure", 1e2, 0.0),
    ("kPa", "pressure", 1e3, 0.0),
    ("MPa", "pressure", 1e6, 0.0),
    ("mbar", "pressure", 1e2, 0.0),
    ("bar", "pressure", 1e5, 0.0),
    // Exact by definition: standard gravity on a square centimetre.
    ("kgf/cm2", "pressure", 98_066.5, 0.0),
    ("kgf/cm²", "pressure", 98_066.5, 0.0),
    ("psi", "pressure", 6_894.757_293_168, 0.0),
    ("atm", "pressure", 101_325.0, 0.0),
    ("mmHg", "pressure", 133.322_387_415, 0.0),
    ("mmH2O", "pressure", 9.806_65, 0.0),
    ("degC", "temperature", 1.0, 0.0),
    ("℃", "temperature", 1.0, 0.0),
    ("°C", "temperature", 1.0, 0.0),
    ("degF", "temperature", 5.0 / 9.0, -160.0 / 9.0),
    ("℉", "temperature", 5.0 / 9.0, -160.0 / 9.0),
    ("°F", "temperature", 5.0 / 9.0, -160.0 / 9.0),
    ("K", "temperature", 1.0, -273.15),
    ("kg/s", "mass flow", 1.0, 0.0),
    ("kg/h", "mass flow", 1.0 / 3600.0, 0.0),
    ("t/h", "mass flow", 1000.0 / 3600.0, 0.0),
    ("m3/s", "volume flow", 1.0, 0.0),
    ("m3/h", "volume flow", 1.0 / 3600.0, 0.0),
    ("m³/h", "volume flow", 1.0 / 3600.0, 0.0),
    ("Nm3/h", "normal volume flow", 1.0 / 3600.0, 0.0),
    ("L/min", "volume flow", 1e-3 / 60.0, 0.0),
    ("L/s", "volume flow", 1e-3, 0.0),
    ("W", "power", 1.0, 0.0),
    ("kW", "power", 1e3, 0.0),
    ("MW", "power", 1e6, 0.0),
    ("Wh", "energy", 3600.0, 0.0),
    ("kWh", "energy", 3.6e6, 0.0),
    ("MWh", "energy", 3.6e9, 0.0),
    ("GJ", "energy", 1e9, 0.0),
    ("V", "voltage", 1.0, 0.0),
    ("mV", "voltage", 1e-3, 0.0),
    ("kV", "voltage", 1e3, 0.0),
    ("A", "current", 1.0, 0.0),
    ("mA", "current", 1e-3, 0.0),
    ("m", "length", 1.0, 0.0),
    ("cm", "length", 1e-2, 0.0),
    ("mm", "length", 1e-3, 0.0),
    ("%", "share", 0.01, 0.0),
    ("ppm", "share", 1e-6, 0.0),
    ("s", "time", 1.0, 0.0),
    ("min", "time", 60.0, 0.0),
    ("h", "time", 3600.0, 0.0),
];

/// Multiplier and offset from `from` to `to`.
///
/// # Errors
/// What is wrong, for the integrator.
pub(super) fn conversion(from: &str, to: &str) -> Result<(f64, f64), String> {
    let find = |name: &str| UNITS.iter().find(|u| u.0 == name);
    let Some(a) = find(from) else { return Err(format!("the unit `{from}` is not known")) };
    let Some(b) = find(to) else { return Err(format!("the point's unit `{to}` is not known")) };
    if a.1 != b.1 {
        return Err(format!("`{from}` is a {}, but the point's unit `{to}` is a {}", a.1, b.1));
    }
    Ok((a.2 / b.2, (a.3 - b.3) / b.2))
}

/// The spellings, for a message.
pub(super) fn known() -> String {
    UNITS.iter().map(|u| u.0).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::conversion;

    #[test]
    fn units_convert_within_their_quantity() {
        let read = |value: f64, from, to| {
            let (scale, offset) = conversion(from, to).unwrap();
            value * scale + offset
        };
        assert!((read(10.0, "kgf/cm2", "MPa") - 0.980_665).abs() < 1e-12);
        assert!((read(12.5, "bar", "MPa") - 1.25).abs() < 1e-12);
        assert!((read(212.0, "degF", "℃") - 100.0).abs() < 1e-9);
        assert!((read(0.0, "℃", "K") - 273.15).abs() < 1e-9);
        assert!(conversion("bar", "℃").unwrap_err().contains("temperature"));
        assert!(conversion("stone", "MPa").unwrap_err().contains("not known"));
    }
}
