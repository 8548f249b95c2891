//! Drum level (锅筒水位): how far it is from where it should be, and how fast the flows say it should move.

use super::known;

/// Weights of the three-element deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThreeElement {
    /// Of the level, a mm.
    pub k1_per_mm: f64,
    /// Of the flows, a t/h.
    pub k2_per_t_h: f64,
}

impl Default for ThreeElement {
    /// A t/h weighs as much as the 3.5 mm that it moves the level of a 10 t/h boiler in a minute. Default of the
    /// project.
    fn default() -> Self {
        Self { k1_per_mm: 1.0, k2_per_t_h: 3.5 }
    }
}

/// The flows through the drum, t/h. A blowdown that is not measured is to be given as 0 by whoever knows that it is
/// shut; unknown, it makes the balance unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DrumFlows {
    /// Feed water in.
    pub feed_t_h: Option<f64>,
    /// Steam out.
    pub steam_t_h: Option<f64>,
    /// Blowdown out.
    pub blow_t_h: Option<f64>,
}

impl DrumFlows {
    /// `feed - steam - blowdown`, t/h.
    #[must_use]
    pub fn surplus_t_h(self) -> Option<f64> {
        Some(known(self.feed_t_h)? - known(self.steam_t_h)? - known(self.blow_t_h)?)
    }
}

/// What a drum holds for a mm of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drum {
    /// Density of the water at working pressure, kg/m³; 600…1000.
    pub water_kg_per_m3: f64,
    /// Surface of the water at normal level, m².
    pub surface_m2: f64,
}

impl Default for Drum {
    /// 10 t/h at 1.25 MPa: saturated water of 193 °C, 5 to 6 m².
    fn default() -> Self {
        Self { water_kg_per_m3: 873.0, surface_m2: 5.5 }
    }
}

impl Drum {
    /// `dL/dt = (feed - steam - blowdown)/(ρ·A)`, mm/min, of a surplus in t/h.
    #[must_use]
    pub fn level_rate_mm_per_min(self, surplus_t_h: f64) -> Option<f64> {
        let kg_per_min = surplus_t_h * 1000.0 / 60.0;
        known(Some(1000.0 * kg_per_min / (self.water_kg_per_m3 * self.surface_m2)))
    }

    /// `ρ·A·dL/dt`, t/h: the flow that a level moving by so many mm/min stands for.
    #[must_use]
    pub fn storage_t_h(self, level_rate_mm_per_min: f64) -> Option<f64> {
        let m_per_h = level_rate_mm_per_min * 60.0 / 1000.0;
        known(Some(m_per_h * self.water_kg_per_m3 * self.surface_m2 / 1000.0))
    }
}

/// Three-element deviation `(L - L_set)·k1 + (feed - steam - blowdown)·k2`, in the unit of the weights: where the level
/// stands and where it is going, in one figure. Levels in mm.
#[must_use]
pub fn three_element_deviation(
    level_mm: Option<f64>,
    set_mm: f64,
    flows: DrumFlows,
    weights: ThreeElement,
) -> Option<f64> {
    let off = known(level_mm)? - known(Some(set_mm))?;
    known(Some(off * weights.k1_per_mm + flows.surplus_t_h()? * weights.k2_per_t_h))
}

/// What two level gauges of one drum differ by, mm, never negative (`level_gauge_dev`: H 20, HH 30 mm).
#[must_use]
pub fn gauge_deviation_mm(one_mm: Option<f64>, other_mm: Option<f64>) -> Option<f64> {
    Some((known(one_mm)? - known(other_mm)?).abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flows(feed: f64, steam: f64, blow: f64) -> DrumFlows {
        DrumFlows { feed_t_h: Some(feed), steam_t_h: Some(steam), blow_t_h: Some(blow) }
    }

    #[test]
    fn feed_lost_at_full_load_takes_two_to_four_minutes_to_the_trip() {
        let surplus = flows(0.0, 9.2, 0.0).surplus_t_h().expect("known");
        let rate = Drum::default().level_rate_mm_per_min(surplus).expect("a rate");
        assert!((rate / 60.0 + 0.53).abs() < 0.01, "{rate} mm/min");
        let minutes = -75.0 / rate;
        assert!((2.0..4.0).contains(&minutes), "{minutes}");
    }

    #[test]
    fn rate_and_storage_are_each_other_s_inverse() {
        let drum = Drum::default();
        let back = drum.level_rate_mm_per_min(3.0).and_then(|rate| drum.storage_t_h(rate)).expect("both");
        assert!((back - 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_three_elements_add_up_and_may_cancel() {
        let weights = ThreeElement { k1_per_mm: 1.0, k2_per_t_h: 10.0 };
        assert_eq!(three_element_deviation(Some(-20.0), 0.0, flows(7.0, 7.0, 0.0), weights), Some(-20.0));
        assert_eq!(three_element_deviation(Some(-20.0), 0.0, flows(9.5, 7.0, 0.5), weights), Some(0.0));
    }

    #[test]
    fn one_unknown_makes_the_answer_unknown() {
        let unmeasured = DrumFlows { blow_t_h: None, ..flows(9.0, 7.0, 0.0) };
        assert_eq!(unmeasured.surplus_t_h(), None);
        assert_eq!(three_element_deviation(None, 0.0, flows(7.0, 7.0, 0.0), ThreeElement::default()), None);
        assert_eq!(gauge_deviation_mm(Some(3.0), Some(f64::NAN)), None);
        assert_eq!(gauge_deviation_mm(Some(-10.0), Some(15.0)), Some(25.0));
    }

    proptest! {
        #[test]
        fn any_float_gets_a_number_or_nothing(a in any::<f64>(), b in any::<f64>(), c in any::<f64>(), d in any::<f64>()) {
            let drum = Drum { water_kg_per_m3: c, surface_m2: d };
            let answers = [
                three_element_deviation(Some(a), b, flows(c, d, a), ThreeElement { k1_per_mm: b, k2_per_t_h: c }),
                gauge_deviation_mm(Some(a), Some(b)), drum.level_rate_mm_per_min(a), drum.storage_t_h(b),
            ];
            prop_assert!(answers.iter().flatten().all(|v| v.is_finite()), "{answers:?}");
        }
    }
}
