//! Exit codes, as the README and the service unit know them.

/// Ended as asked.
pub const FINE: i32 = 0;
/// Something failed that is no fault of the settings.
pub const FAILED: i32 = 1;
/// The settings or the command line are wrong; starting again will not help.
pub const SETTINGS: i32 = 2;
/// The ledger is damaged or from a newer version; a person has to act.
pub const LEDGER: i32 = 3;
/// A part broke while running; the service manager should start again.
pub const BROKEN: i32 = 4;
