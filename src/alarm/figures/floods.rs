//! Floods (洪泛): more calls than anybody can read (EEMUA 191; ISA-18.2-2016, 16.5).
//!
//! One begins with the first of eleven calls within ten minutes and ends when fewer than five came in the ten minutes
//! before, which is later than its last call: nobody has read them by then.

use serde::Serialize;

use super::TEN_MINUTES;
use crate::plant::Micros;

/// More than this in ten minutes is a flood.
const BEGINS: usize = 10;
/// It lasts while there are so many.
const LASTS: usize = 5;

/// One flood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flood {
    /// First call of it.
    pub from: String,
    /// When fewer than five had come in ten minutes, or the span ended.
    pub to: String,
    /// Calls in it.
    pub calls: usize,
    #[serde(skip)]
    lasted_us: i64,
}

/// All floods of `times`, which rise, until `to`. Microseconds.
pub(super) fn floods(times: &[i64], to: i64) -> Vec<Flood> {
    let mut found = Vec::new();
    let mut first = 0;
    // Calls before this one have had their part in a flood.
    let mut free = 0;
    let mut n = 0;
    while n < times.len() {
        while times[n] - times[first] >= TEN_MINUTES {
            first += 1;
        }
        let begin = first.max(free);
        if n + 1 - begin > BEGINS {
            let (last, end) = end(times, n);
            let end = end.min(to).max(times[last]);
            found.push(Flood {
                from: Micros(times[begin]).rfc3339(),
                to: Micros(end).rfc3339(),
                calls: last + 1 - begin,
                lasted_us: end - times[begin],
            });
            (free, n) = (last + 1, last);
        }
        n += 1;
    }
    found
}

/// The last call of the flood that stands with call `n`, and when it ends.
fn end(times: &[i64], mut n: usize) -> (usize, i64) {
    loop {
        // When the fifth newest call is ten minutes old.
        let end = times[n + 1 - LASTS] + TEN_MINUTES;
        match times.get(n + 1) {
            Some(next) if *next < end => n += 1,
            _ => return (n, end),
        }
    }
}

/// Microseconds in flood. Two do not overlap.
pub(super) fn lasted_us(floods: &[Flood]) -> i64 {
    floods.iter().map(|f| f.lasted_us).sum()
}
