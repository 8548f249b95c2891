//! Saturation of water and steam (饱和): IAPWS-IF97 region 4, release R7-97(2012), equations 30 and 31; and the
//! plausibility and margin figures that follow from it.
//!
//! Valid from 273.15 K to 647.096 K and from 611.213 Pa to 22.064 MPa absolute; outside, and for what is no number,
//! the answer is `None`. Instruments read gauge pressure: the site's `atmosphere_mpa` belongs to every question
//! about them. At 0.1 MPa gauge, 3000 m of altitude are 5 K.

/// Standard atmosphere at sea level, MPa absolute. About 0.090 at 1000 m, 0.070 at 3000 m.
pub const ATMOSPHERE_MPA: f64 = 0.101_325;
/// Least temperature of region 4, °C (273.15 K).
pub const LEAST_C: f64 = 0.0;
/// Critical temperature, °C (647.096 K).
pub const CRITICAL_C: f64 = 373.946;
/// Least pressure of the backward equation, MPa absolute.
pub const LEAST_MPA_ABS: f64 = 611.213e-6;
/// Critical pressure, MPa absolute.
pub const CRITICAL_MPA_ABS: f64 = 22.064;

/// 0 °C in kelvin.
const ZERO_C: f64 = 273.15;
/// Table 34 of the release.
const N: [f64; 10] = [
    0.116_705_214_527_67e4,
    -0.724_213_167_032_06e6,
    -0.170_738_469_400_92e2,
    0.120_208_247_024_70e5,
    -0.323_255_503_223_33e7,
    0.149_151_086_135_30e2,
    -0.482_326_573_615_91e4,
    0.405_113_405_420_57e6,
    -0.238_555_575_678_49,
    0.650_175_348_447_98e3,
];

/// Pressure at which water boils at `celsius`, MPa absolute (equation 30). Range 0…373.946 °C.
#[must_use]
pub fn saturation_pressure(celsius: f64) -> Option<f64> {
    if !(LEAST_C..=CRITICAL_C).contains(&celsius) {
        return None;
    }
    let kelvin = celsius + ZERO_C;
    let th = kelvin + N[8] / (kelvin - N[9]);
    let a = th * th + N[0] * th + N[1];
    let b = N[2] * th * th + N[3] * th + N[4];
    let c = N[5] * th * th + N[6] * th + N[7];
    Some((2.0 * c / (-b + (b * b - 4.0 * a * c).sqrt())).powi(4))
}

/// Temperature at which water boils at `mpa_abs`, °C (equation 31). Range 611.213 Pa…22.064 MPa absolute.
#[must_use]
pub fn saturation_temperature(mpa_abs: f64) -> Option<f64> {
    if !(LEAST_MPA_ABS..=CRITICAL_MPA_ABS).contains(&mpa_abs) {
        return None;
    }
    let b = mpa_abs.powf(0.25);
    let e = b * b + N[2] * b + N[5];
    let f = N[0] * b * b + N[3] * b + N[6];
    let g = N[1] * b * b + N[4] * b + N[7];
    let d = 2.0 * g / (-f - (f * f - 4.0 * e * g).sqrt());
    let sum = N[9] + d;
    Some((sum - (sum * sum - 4.0 * (N[8] + N[9] * d)).sqrt()) / 2.0 - ZERO_C)
}

/// Boiling temperature at a gauge pressure, °C; `atmosphere_mpa` is the site's, MPa absolute.
#[must_use]
pub fn saturation_temperature_at_gauge(mpa_gauge: f64, atmosphere_mpa: f64) -> Option<f64> {
    saturation_temperature(mpa_gauge + atmosphere_mpa)
}

/// Gauge pressure at which water boils at `celsius`, MPa; negative below the site's boiling point.
#[must_use]
pub fn saturation_pressure_at_gauge(celsius: f64, atmosphere_mpa: f64) -> Option<f64> {
    let gauge = saturation_pressure(celsius)? - atmosphere_mpa;
    gauge.is_finite().then_some(gauge)
}

/// `T - Ts(p)`, K. Of saturated steam: how far the two instruments are from agreeing; more than ±5 K for 120 s means
/// that one is wrong, or superheat, or air in the vessel. Only above 0.1 MPa gauge, below which the answer is `None`,
/// and only after ten minutes of steady state, which the caller must know.
#[must_use]
pub fn saturation_deviation_k(celsius: f64, mpa_gauge: f64, atmosphere_mpa: f64) -> Option<f64> {
    if mpa_gauge > 0.1 { superheat_k(celsius, mpa_gauge, atmosphere_mpa) } else { None }
}

/// `Ts(p) - T`, K: how far hot water is from boiling. Alarm at 25 K, critical at 20 K (`saturation_margin`).
#[must_use]
pub fn saturation_margin_k(celsius: f64, mpa_gauge: f64, atmosphere_mpa: f64) -> Option<f64> {
    superheat_k(celsius, mpa_gauge, atmosphere_mpa).map(|above| -above)
}

/// `T - Ts(p)`, K, of superheated steam. Below 20 to 30 K water may be carried over (`superheat`).
#[must_use]
pub fn superheat_k(celsius: f64, mpa_gauge: f64, atmosphere_mpa: f64) -> Option<f64> {
    let above = celsius - saturation_temperature_at_gauge(mpa_gauge, atmosphere_mpa)?;
    above.is_finite().then_some(above)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// To nine significant digits, as the release prints them.
    fn nine(value: Option<f64>) -> String {
        format!("{:.8e}", value.expect("within the region"))
    }

    #[test]
    fn the_check_values_of_the_release_come_out_to_nine_digits() {
        // Table 35: pressure at 300, 500 and 600 K.
        let pressures = [300.0, 500.0, 600.0].map(|kelvin| nine(saturation_pressure(kelvin - ZERO_C)));
        assert_eq!(pressures, ["3.53658941e-3", "2.63889776e0", "1.23443146e1"]);
        // Table 36: temperature at 0.1, 1 and 10 MPa.
        let kelvins = [0.1, 1.0, 10.0].map(|mpa| nine(saturation_temperature(mpa).map(|c| c + ZERO_C)));
        assert_eq!(kelvins, ["3.72755919e2", "4.53035632e2", "5.84149488e2"]);
    }

    #[test]
    fn the_table_of_gauge_pressures_comes_out() {
        let table = [
            (0.0, 99.97, 276.0),
            (0.2, 133.7, 113.0),
            (0.4, 151.9, 75.0),
            (0.6, 165.0, 57.0),
            (0.8, 175.4, 47.0),
            (1.0, 184.1, 40.0),
            (1.25, 193.4, 34.0),
            (1.4, 198.3, 32.0),
            (1.5, 201.4, 30.0),
            (1.6, 204.4, 29.0),
            (2.5, 226.1, 21.0),
        ];
        for (gauge, celsius, slope) in table {
            let at = |p: f64| saturation_temperature_at_gauge(p, 0.1013).expect("within the region");
            assert!((at(gauge) - celsius).abs() <= 0.05, "{gauge}: {}", at(gauge));
            let rise = (at(gauge + 1e-4) - at(gauge - 1e-4)) / 2e-4;
            // The table gives whole kelvins, not always rounded: 276 is 276.6.
            assert!((rise - slope).abs() <= 0.6, "{gauge}: {rise} K/MPa");
        }
    }

    #[test]
    fn altitude_matters_most_at_low_pressure() {
        let apart = |gauge: f64| {
            let at =
                |atmosphere| saturation_temperature_at_gauge(gauge, atmosphere).expect("within the region");
            at(0.1013) - at(0.070)
        };
        assert!((apart(0.1) - 5.0).abs() < 0.5, "{}", apart(0.1));
        assert!((apart(1.25) - 1.0).abs() < 0.15, "{}", apart(1.25));
    }

    #[test]
    fn a_pressure_gauge_that_is_off_shows_against_the_steam_temperature() {
        let deviation = |gauge| saturation_deviation_k(184.1, gauge, 0.1013).expect("within the region");
        assert!(deviation(1.0).abs() < 0.1);
        assert!((deviation(1.1) + 4.0).abs() < 0.3, "by 0.1 MPa: {}", deviation(1.1));
        assert!(deviation(1.15) < -5.0, "by 0.15 MPa: {}", deviation(1.15));
        assert_eq!(saturation_deviation_k(120.0, 0.1, 0.1013), None, "too low to say");
    }

    #[test]
    fn the_margin_of_hot_water_is_what_the_low_pressure_limit_stands_for() {
        let least = saturation_pressure_at_gauge(115.0 + 20.0, 0.1013).expect("within the region");
        assert!((least - 0.212).abs() < 0.0006, "{least}");
        let margin = saturation_margin_k(115.0, least, 0.1013).expect("within the region");
        assert!((margin - 20.0).abs() < 1e-6, "{margin}");
    }

    #[test]
    fn outside_the_region_there_is_no_answer() {
        for celsius in [-0.001, 373.947, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(saturation_pressure(celsius), None, "{celsius}");
        }
        for mpa in [0.0, -1.0, 611.2e-6, 22.0641, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(saturation_temperature(mpa), None, "{mpa}");
        }
        assert!(saturation_pressure(LEAST_C).is_some() && saturation_pressure(CRITICAL_C).is_some());
        assert!(
            saturation_temperature(LEAST_MPA_ABS).is_some()
                && saturation_temperature(CRITICAL_MPA_ABS).is_some()
        );
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_one_was(celsius in LEAST_C..=CRITICAL_C) {
            let mpa = saturation_pressure(celsius).expect("within the region");
            // The two ends of the region do not meet to the last digit.
            let back = saturation_temperature(mpa.clamp(LEAST_MPA_ABS, CRITICAL_MPA_ABS)).expect("within the region");
            prop_assert!((back - celsius).abs() < 2e-4, "{celsius} -> {mpa} -> {back}");
        }

        #[test]
        fn more_pressure_boils_hotter(a in LEAST_MPA_ABS..=CRITICAL_MPA_ABS, b in LEAST_MPA_ABS..=CRITICAL_MPA_ABS) {
            let (less, more) = (a.min(b), a.max(b));
            prop_assume!(more - less > 1e-6);
            prop_assert!(saturation_temperature(less) < saturation_temperature(more));
        }

        #[test]
        fn any_float_gets_a_number_or_nothing(a in any::<f64>(), b in any::<f64>(), c in any::<f64>()) {
            let answers = [
                saturation_pressure(a), saturation_temperature(a), saturation_temperature_at_gauge(a, b),
                saturation_pressure_at_gauge(a, b), saturation_deviation_k(a, b, c), saturation_margin_k(a, b, c),
            ];
            prop_assert!(answers.iter().flatten().all(|v| v.is_finite()), "{answers:?}");
        }
    }
}
