//! `schedule` of a limit: other setpoints for some hours of some days.

use super::super::walk::Walk;
use crate::plant::schedule::Slot;

/// As written, from Monday.
pub(in crate::settings) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MIN: u16 = 1440;

/// The slots of one limit; `None` if none are written.
pub(super) fn schedule(limit: &Walk<'_>) -> Option<Vec<Slot>> {
    if !limit.has("schedule") {
        return None;
    }
    Some(limit.list("schedule").iter().filter_map(slot).collect())
}

fn slot(w: &Walk<'_>) -> Option<Slot> {
    let minute = |key| {
        let text = w.need(key, "\"22:00\"")?;
        let found = minute(text);
        if found.is_none() {
            w.fault(
                key,
                format!("`{text}` is not a time of day"),
                "hours and minutes, local time: \"22:00\"",
            );
        }
        found
    };
    let (from, to) = (minute("from"), minute("to"));
    let days = w.texts("days").map_or(0x7F, |all| {
        all.iter().fold(0u8, |days, day| match DAYS.iter().position(|d| d == day) {
            Some(n) => days | 1 << n,
            None => {
                w.fault("days", format!("`{day}` is not a day"), format!("of {}", DAYS.join(", ")));
                days
            }
        })
    });
    let at = w.number("at");
    if !w.has("at") {
        w.fault("at", "missing", "the setpoint for these hours: at = 1.0");
    }
    w.finish();
    let (from, to) = (from?, to?);
    let lasts_min = if to > from { to - from } else { to + DAY_MIN - from };
    Some(Slot { days, from_min: from, lasts_min, at: at? })
}

/// `06:30`; `24:00` is midnight at the end.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && (hour < 24 || (hour, minute) == (24, 0))).then_some((hour * 60 + minute) % DAY_MIN)
}
