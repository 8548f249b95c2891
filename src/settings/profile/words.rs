//! Keys that mean the same in every entry of a profile.

use super::super::walk::Walk;
use crate::plant::Id;

/// The entry's id; `example` shows one in the fault.
pub(super) fn id(walk: &Walk<'_>, example: &str) -> Option<Id> {
    let text = walk.need("id", &format!("\"{example}\""))?;
    Id::new(text).map_err(|e| walk.fault("id", e.to_string(), format!("e.g. {example}"))).ok()
}

/// The physical range, lower end first, in the point's unit.
pub(super) fn range(walk: &Walk<'_>) -> Option<(f64, f64)> {
    match walk.numbers("range")?[..] {
        [low, high] if low < high => Some((low, high)),
        _ => {
            walk.fault("range", "not a range", "two numbers, the smaller first: range = [0, 2.5]");
            None
        }
    }
}
