//! Combustion and boiler water (燃烧、排污): excess air, stack loss, indirect efficiency, blowdown.
//!
//! The stack loss is the simplified form of GB/T 10180 for gas; good to about half a percent point, for trends and
//! not for acceptance. Everything answers `None` where its formula says nothing.

/// Oxygen in air as the formula takes it, volume percent.
const AIR_O2_PERCENT: f64 = 21.0;
/// More oxygen than this is a leak or an instrument in air; no fire is described by it. Default of the project.
const MOST_O2_PERCENT: f64 = 20.0;

/// Excess air ratio α = 21/(21 - O2), dimensionless; `o2_percent` is dry flue gas, volume percent, 0…20.
///
#[must_use]
pub fn excess_air(o2_percent: f64) -> Option<f64> {
    (0.0..=MOST_O2_PERCENT).contains(&o2_percent).then(|| AIR_O2_PERCENT / (AIR_O2_PERCENT - o2_percent))
}

/// Stack loss q2 of a gas-fired boiler, percent of the lower heating value: `(0.5 + 3.45 α)(t_stack - t_air)/100`
/// (GB/T 10180 simplified). `excess_air` from [`excess_air`], temperatures in °C. No answer if the stack is colder
/// than the air, which no fire makes, or if the result is beyond 100 %.
#[must_use]
pub fn stack_loss_percent(excess_air: f64, stack_c: f64, air_c: f64) -> Option<f64> {
    if excess_air < 1.0 {
        return None;
    }
    percent((0.5 + 3.45 * excess_air) * (stack_c - air_c) / 100.0)
}

/// Indirect efficiency, percent of the lower heating value: `100 - q2 - q3 - q5`. `q3_unburnt_percent` is what leaves
/// unburnt (0 with clean gas), `q5_radiation_percent` what the casing gives off (1…2).
#[must_use]
pub fn efficiency_percent(
    q2_stack_percent: f64,
    q3_unburnt_percent: f64,
    q5_radiation_percent: f64,
) -> Option<f64> {
    let losses = [q2_stack_percent, q3_unburnt_percent, q5_radiation_percent];
    percent(100.0 - losses.into_iter().map(percent).sum::<Option<f64>>()?)
}

/// Blowdown rate (排污率) P = S_feed/(S_boiler - S_feed), percent of the steam made. Conductivities or chlorides in one
/// unit. Target 2…5 %, above 10 % is waste. No answer unless the boiler's water is the saltier one.
#[must_use]
pub fn blowdown_percent(feed: f64, boiler: f64) -> Option<f64> {
    let rate = (feed >= 0.0 && boiler > feed).then(|| 100.0 * feed / (boiler - feed));
    rate.filter(|r| r.is_finite())
}

/// Cycles of concentration (浓缩倍数) S_boiler/S_feed, at least 1. Conductivities or chlorides in one unit.
#[must_use]
pub fn cycles_of_concentration(feed: f64, boiler: f64) -> Option<f64> {
    (feed > 0.0 && boiler >= feed).then(|| boiler / feed).filter(|c| c.is_finite())
}

/// If it is one, 0…100.
fn percent(value: f64) -> Option<f64> {
    (0.0..=100.0).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_worked_example_of_a_gas_boiler_comes_out() {
        let air = excess_air(3.5).expect("an oxygen content of a fire");
        assert!((air - 1.2).abs() < 1e-12);
        let loss = stack_loss_percent(air, 130.0, 20.0).expect("a loss");
        assert!((loss - 5.104).abs() < 1e-9, "{loss}");
        let efficiency = efficiency_percent(loss, 0.0, 1.5).expect("an efficiency");
        assert!((efficiency - 93.396).abs() < 1e-9, "{efficiency}");
    }

    #[test]
    fn twenty_kelvin_of_fouling_cost_about_a_percent() {
        let at = |stack| stack_loss_percent(1.2, stack, 20.0).expect("a loss");
        assert!((at(150.0) - at(130.0) - 0.928).abs() < 1e-9);
    }

    #[test]
    fn blowdown_and_cycles_of_concentration_say_the_same() {
        // One part in of feed water, 21 times as salty in the boiler: 5 % is blown down.
        assert_eq!(blowdown_percent(200.0, 4200.0), Some(5.0));
        assert_eq!(cycles_of_concentration(200.0, 4200.0), Some(21.0));
        assert!(blowdown_percent(400.0, 4200.0).is_some_and(|p| p > 10.0), "waste");
    }

    #[test]
    fn where_the_formula_says_nothing_there_is_no_answer() {
        for o2 in [-0.1, 20.1, 20.9, 21.0, 22.0, f64::NAN] {
            assert_eq!(excess_air(o2), None, "{o2}");
        }
        assert_eq!(stack_loss_percent(0.9, 130.0, 20.0), None, "less air than the fire needs");
        assert_eq!(stack_loss_percent(1.2, 10.0, 20.0), None, "a cold stack");
        assert_eq!(efficiency_percent(60.0, 40.0, 1.0), None, "more lost than put in");
        assert_eq!(blowdown_percent(200.0, 200.0), None);
        assert_eq!(cycles_of_concentration(0.0, 200.0), None);
    }

    proptest! {
        #[test]
        fn any_float_gets_a_number_or_nothing(a in any::<f64>(), b in any::<f64>(), c in any::<f64>()) {
            let answers = [
                excess_air(a), stack_loss_percent(a, b, c), efficiency_percent(a, b, c),
                blowdown_percent(a, b), cycles_of_concentration(a, b),
            ];
            prop_assert!(answers.iter().flatten().all(|v| v.is_finite()), "{answers:?}");
        }
    }
}
