//! Where a value stands against a limit: three zones, because of the deadband.

use crate::plant::LimitKind;

/// Zone of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// Beyond the setpoint.
    Breach,
    /// Between: keeps whatever state there is.
    Deadband,
    /// Clear of setpoint and deadband.
    Clear,
}

/// H and HH: breach at `pv >= at`, clear below `at - deadband`; L and LL mirrored; State: equal or not.
pub(super) fn zone(kind: LimitKind, at: f64, deadband: f64, pv: f64) -> Zone {
    let (breach, clear) = match kind {
        LimitKind::H | LimitKind::HH => (pv >= at, pv < at - deadband || (deadband == 0.0 && pv < at)),
        LimitKind::L | LimitKind::LL => (pv <= at, pv > at + deadband || (deadband == 0.0 && pv > at)),
        LimitKind::State => {
            let same = (pv - at).abs() < 0.5;
            (same, !same)
        }
        LimitKind::NoData => (false, true),
    };
    if breach {
        Zone::Breach
    } else if clear {
        Zone::Clear
    } else {
        Zone::Deadband
    }
}

#[cfg(test)]
mod tests {
    use super::{Zone, zone};
    use crate::plant::LimitKind::{H, LL, State};

    #[test]
    fn the_deadband_lies_on_the_normal_side_of_the_setpoint() {
        assert_eq!(zone(H, 50.0, 5.0, 50.0), Zone::Breach);
        assert_eq!(zone(H, 50.0, 5.0, 45.0), Zone::Deadband);
        assert_eq!(zone(H, 50.0, 5.0, 44.9), Zone::Clear);
        assert_eq!(zone(LL, -75.0, 5.0, -75.0), Zone::Breach);
        assert_eq!(zone(LL, -75.0, 5.0, -70.0), Zone::Deadband);
        assert_eq!(zone(LL, -75.0, 5.0, -69.9), Zone::Clear);
        assert_eq!(zone(State, 1.0, 0.0, 1.0), Zone::Breach);
        assert_eq!(zone(State, 1.0, 0.0, 0.0), Zone::Clear);
    }
}
