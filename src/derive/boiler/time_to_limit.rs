//! When a value that goes on as it does will be at its limit (预计超限时间). Shown as "about 3 min"; it never delays and
//! never replaces the alarm of the limit itself.

use std::time::Duration;

use crate::plant::LimitKind;

/// Further ahead nothing is foretold.
pub const FURTHEST: Duration = Duration::from_secs(24 * 3600);

/// `(limit - pv)/slope`, at most [`FURTHEST`]. `slope_per_s` is a slope that counts (`significant_per_s`), in units of
/// the value a second. None if the value is unknown or already beyond, if the slope leads away or is none, and for
/// limits that have no side.
#[must_use]
pub fn time_to_limit(
    pv: Option<f64>,
    limit: f64,
    side: LimitKind,
    slope_per_s: Option<f64>,
) -> Option<Duration> {
    let (pv, slope) = (super::known(pv)?, super::known(slope_per_s)?);
    // Mirrored for the low side, so that both are a rise to a limit above.
    let (distance, rise) = match side {
        LimitKind::H | LimitKind::HH => (limit - pv, slope),
        LimitKind::L | LimitKind::LL => (pv - limit, -slope),
        LimitKind::State | LimitKind::NoData => return None,
    };
    if !(distance > 0.0 && rise > 0.0) {
        return None;
    }
    let seconds = distance / rise;
    Some(Duration::try_from_secs_f64(seconds).map_or(FURTHEST, |left| left.min(FURTHEST)))
}

/// Whether to say it aloud: less is left than twice the time an operator is allowed for the response.
#[must_use]
pub fn worth_announcing(left: Duration, response: Duration) -> bool {
    left < response.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use LimitKind::{H, HH, L, LL, NoData, State};

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_shut_stop_valve_leaves_less_than_two_minutes_to_the_high_high_limit() {
        let left = time_to_limit(Some(1.10), 1.25, HH, Some(0.2 / 60.0)).expect("it rises to it");
        assert_eq!(left.as_secs(), 45);
        assert!(worth_announcing(left, 2 * MINUTE));
        assert!(!worth_announcing(4 * MINUTE, 2 * MINUTE));
    }

    #[test]
    fn a_falling_level_is_foretold_to_the_low_side_only() {
        let falls = Some(-0.5);
        assert_eq!(time_to_limit(Some(0.0), -75.0, LL, falls), Some(Duration::from_secs(150)));
        assert_eq!(time_to_limit(Some(0.0), 50.0, H, falls), None);
        // Above a high limit and falling: it will cross it, but not into breach.
        assert_eq!(time_to_limit(Some(60.0), 50.0, H, falls), None);
    }

    #[test]
    fn nothing_is_foretold_of_a_slope_that_does_not_count_or_a_value_nobody_knows() {
        assert_eq!(time_to_limit(Some(0.0), -50.0, L, None), None);
        assert_eq!(time_to_limit(None, -50.0, L, Some(-1.0)), None);
        assert_eq!(time_to_limit(Some(f64::NAN), -50.0, L, Some(-1.0)), None);
        assert_eq!(time_to_limit(Some(0.0), 1.0, State, Some(1.0)), None);
        assert_eq!(time_to_limit(Some(0.0), 1.0, NoData, Some(1.0)), None);
    }

    #[test]
    fn nothing_is_foretold_beyond_a_day() {
        assert_eq!(time_to_limit(Some(0.0), 50.0, H, Some(1e-6)), Some(FURTHEST));
        assert_eq!(time_to_limit(Some(0.0), 50.0, H, Some(f64::MIN_POSITIVE)), Some(FURTHEST));
    }

    proptest! {
        #[test]
        fn no_float_makes_it_panic_or_look_further(pv in any::<f64>(), limit in any::<f64>(), slope in any::<f64>()) {
            for side in [LL, L, H, HH, State, NoData] {
                let left = time_to_limit(Some(pv), limit, side, Some(slope));
                prop_assert!(left.is_none_or(|l| l <= FURTHEST));
            }
        }
    }
}
