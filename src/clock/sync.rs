//! Whether a time service has set the clock, as far as files tell.
//!
//! The kernel knows (`adjtimex`), but no safe call for it exists in the crates in use; see
//! docs/decisions.md.

use std::path::Path;
use std::time::{Duration, SystemTime};

/// systemd-timesyncd writes it once the clock is synchronised; it is gone with a reboot.
const SYSTEMD: &str = "/run/systemd/timesync/synchronized";
/// chrony, ntpsec and ntpd write what they learned about once an hour while they are synchronised.
const DRIFTS: [&str; 5] = [
    "/var/lib/chrony/chrony.drift",
    "/var/lib/chrony/drift",
    "/var/lib/ntpsec/ntp.drift",
    "/var/lib/ntp/ntp.drift",
    "/var/lib/ntp/drift",
];

/// True if `file` exists, or, without one, if a service has left its sign since the machine started.
pub(super) fn is_synchronised(file: Option<&Path>) -> bool {
    if let Some(file) = file {
        return file.exists();
    }
    Path::new(SYSTEMD).exists() || DRIFTS.iter().any(|drift| is_since_boot(Path::new(drift)))
}

fn is_since_boot(drift: &Path) -> bool {
    let written = std::fs::metadata(drift).and_then(|m| m.modified()).ok();
    let uptime = std::fs::read_to_string("/proc/uptime").ok();
    let seconds = uptime.as_deref().and_then(|t| t.split_whitespace().next()?.parse().ok());
    written.zip(seconds).is_some_and(|(written, up): (SystemTime, f64)| {
        let now = SystemTime::now();
        let up = Duration::try_from_secs_f64(up).unwrap_or_default();
        // One from the future was written by another clock than this one.
        now.checked_sub(up).is_some_and(|boot| (boot..=now).contains(&written))
    })
}
