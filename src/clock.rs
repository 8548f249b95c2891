//! The wall clock, read in one place. The pure rooms never call it: they are handed a time.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::plant::Micros;

/// Now, UTC; the epoch itself for a clock set before 1970.
#[must_use]
pub fn wall_now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(since.as_micros() as i64)
}
