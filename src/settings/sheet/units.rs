//! Units in the spellings of spreadsheets → the spelling profiles use.

use super::text::folded;

/// Folded spelling → profile spelling. Case is lost by folding: what differs only by case
/// (mW and MW, mPa) is told apart in [`unit`] before.
const UNITS: &[(&str, &str)] = &[
    ("mpa", "MPa"),
    ("兆帕", "MPa"),
    ("kpa", "kPa"),
    ("千帕", "kPa"),
    ("pa", "Pa"),
    ("帕", "Pa"),
    ("bar", "bar"),
    ("mbar", "mbar"),
    ("kgf/cm2", "kgf/cm2"),
    ("kgf/cm²", "kgf/cm2"),
    ("kgf/cm^2", "kgf/cm2"),
    ("kg/cm2", "kgf/cm2"),
    ("kg/cm²", "kgf/cm2"),
    ("公斤", "kgf/cm2"),
    ("公斤力/平方厘米", "kgf/cm2"),
    ("psi", "psi"),
    ("mmh2o", "mmH2O"),
    ("mmh₂o", "mmH2O"),
    ("毫米水柱", "mmH2O"),
    ("mmhg", "mmHg"),
    ("atm", "atm"),
    ("℃", "℃"),
    ("°c", "℃"),
    ("ºc", "℃"),
    ("˚c", "℃"),
    ("degc", "℃"),
    ("c", "℃"),
    ("摄氏度", "℃"),
    ("度", "℃"),
    ("℉", "℉"),
    ("°f", "℉"),
    ("degf", "℉"),
    ("k", "K"),
    ("t/h", "t/h"),
    ("吨/时", "t/h"),
    ("吨/小时", "t/h"),
    ("吨", "t"),
    ("kg/h", "kg/h"),
    ("kg/s", "kg/s"),
    ("m3/h", "m3/h"),
    ("m³/h", "m3/h"),
    ("㎥/h", "m3/h"),
    ("m^3/h", "m3/h"),
    ("立方米/小时", "m3/h"),
    ("方/时", "m3/h"),
    ("nm3/h", "Nm3/h"),
    ("nm³/h", "Nm3/h"),
    ("m3", "m3"),
    ("m³", "m3"),
    ("l/min", "L/min"),
    ("升/分", "L/min"),
    ("kw", "kW"),
    ("千瓦", "kW"),
    ("kwh", "kWh"),
    ("kw.h", "kWh"),
    ("kw·h", "kWh"),
    ("度电", "kWh"),
    ("千瓦时", "kWh"),
    ("wh", "Wh"),
    ("mwh", "MWh"),
    ("w", "W"),
    ("kvar", "kvar"),
    ("var", "var"),
    ("kva", "kVA"),
    ("v", "V"),
    ("伏", "V"),
    ("kv", "kV"),
    ("a", "A"),
    ("安", "A"),
    ("安培", "A"),
    ("hz", "Hz"),
    ("赫兹", "Hz"),
    ("m", "m"),
    ("米", "m"),
    ("cm", "cm"),
    ("mm", "mm"),
    ("㎜", "mm"),
    ("毫米", "mm"),
    ("%", "%"),
    ("百分比", "%"),
    ("%lel", "%LEL"),
    ("lel%", "%LEL"),
    ("ppm", "ppm"),
    ("mg/l", "mg/L"),
    ("ug/l", "µg/L"),
    ("μg/l", "µg/L"),
    ("µg/l", "µg/L"),
    ("mmol/l", "mmol/L"),
    ("us/cm", "µS/cm"),
    ("μs/cm", "µS/cm"),
    ("µs/cm", "µS/cm"),
    ("ph", "pH"),
    ("h", "h"),
    ("小时", "h"),
    ("min", "min"),
    ("分钟", "min"),
    ("s", "s"),
    ("sec", "s"),
    ("秒", "s"),
    ("ms", "ms"),
    ("rpm", "rpm"),
    ("r/min", "rpm"),
    ("转/分", "rpm"),
    ("bool", "bool"),
    ("次", "count"),
];

/// The profile's spelling of a unit that is known, and nothing else.
pub(in crate::settings) fn known(text: &str) -> Option<&'static str> {
    let spaceless: String = super::text::plain(text).chars().filter(|c| !c.is_whitespace()).collect();
    match spaceless.as_str() {
        "MW" => return Some("MW"),
        "mV" => return Some("mV"),
        "mA" => return Some("mA"),
        "MV" | "MA" | "ma" | "mv" => return Some(if spaceless.ends_with(['V', 'v']) { "mV" } else { "mA" }),
        _ => {}
    }
    let word = folded(text);
    // Gauge pressure is what boilers are written in; `MPa(g)` and `MPaG` are the same unit.
    let word = ["(g)", "(表压)", "(a)", "(绝压)"].iter().find_map(|s| word.strip_suffix(s)).unwrap_or(&word);
    UNITS
        .iter()
        .find(|(spelling, _)| {
            *spelling == word || (word.ends_with("pag") && *spelling == &word[..word.len() - 1])
        })
        .map(|u| u.1)
}

/// A known unit in the profile's spelling, another as it is written.
pub(super) fn unit(text: &str) -> String {
    known(text).map_or_else(|| super::text::tidy(&super::text::plain(text)), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_come_down_to_one() {
        for (text, spelled) in [
            ("Mpa", "MPa"),
            ("MPA", "MPa"),
            ("ＭＰａ", "MPa"),
            ("MPa(g)", "MPa"),
            ("°C", "℃"),
            ("℃", "℃"),
            ("ｔ/ｈ", "t/h"),
            ("T/H", "t/h"),
            ("kgf/cm²", "kgf/cm2"),
            ("Kg/cm2", "kgf/cm2"),
            ("m³/h", "m3/h"),
            ("KW", "kW"),
            ("MW", "MW"),
            ("mA", "mA"),
            ("kWh", "kWh"),
            ("μS/cm", "µS/cm"),
            ("％", "%"),
            ("mmH₂O", "mmH2O"),
            ("furlong", "furlong"),
        ] {
            assert_eq!(unit(text), spelled, "{text}");
        }
    }
}
