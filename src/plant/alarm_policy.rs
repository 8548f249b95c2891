//! How alarms behave towards people, for the whole site.

use std::time::Duration;

/// What is not critical waits so long for a condition that has become unknown to be read again.
const UNKNOWN_HIDES: Duration = Duration::from_secs(30);

/// Defaults follow ISA-18.2 and EEMUA 191: a flood is more than ten calls in ten minutes, and lasts until
/// there are fewer than five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmPolicy {
    /// By priority, critical first: an alarm that nobody acknowledges calls again after this long.
    pub repeat: [Option<Duration>; 4],
    /// By priority, critical first: a state or condition that has become unknown hides an alarm for no longer than this.
    pub unknown_hides: [Duration; 4],
    /// Nobody may shelve an alarm for longer.
    pub shelve_most: Duration,
    /// More calls than this within the window begin a flood; 1 to 15.
    pub flood_begins: u8,
    /// Fewer than this within the window end it; 1 to `flood_begins`.
    pub flood_ends: u8,
    /// The time calls are counted over.
    pub flood_window: Duration,
}

impl Default for AlarmPolicy {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            repeat: [Some(minutes(5)), Some(minutes(30)), None, None],
            unknown_hides: [Duration::ZERO, UNKNOWN_HIDES, UNKNOWN_HIDES, UNKNOWN_HIDES],
            shelve_most: minutes(12 * 60),
            flood_begins: 10,
            flood_ends: 5,
            flood_window: minutes(10),
        }
    }
}
