//! `normal` of a point: the band of its normal operation, which no limit may reach into.

use super::super::fault::Written;
use super::super::walk::Walk;
use super::limits::LimitSetting;

/// As written beside the limits; nothing if it is not.
pub(super) fn normal(walk: &Walk<'_>, own: bool) -> Option<LimitSetting> {
    let written = Written { own, ..walk.written("normal") };
    if walk.is_off("normal") {
        walk.mark("normal");
        return Some(LimitSetting::Normal(None, written));
    }
    match walk.numbers("normal")?[..] {
        [low, high] if low <= high => Some(LimitSetting::Normal(Some((low, high)), written)),
        _ => {
            walk.fault(
                "normal",
                "no band",
                "two numbers, the smaller first: normal = [0.8, 1.1]; false for none",
            );
            None
        }
    }
}
