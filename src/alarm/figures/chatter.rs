//! Alarms that chatter (three calls within a minute, ISA-18.2 16.5) or are gone before anybody can act, and the delay that
//! would have quietened them, found by trying the ladder of delays on what happened.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Happening, SECOND, What, worst};
use crate::plant::Priority;

const MINUTE: i64 = 60 * SECOND;
const CHATTERS: usize = 3;
/// Shorter, and nobody can act.
const FLEETING: i64 = 5 * SECOND;
/// So many fleeting ones are a habit.
const OFTEN: usize = 5;
/// Delays that are tried, in seconds more than now.
const LADDER: [u32; 8] = [1, 2, 3, 5, 10, 15, 30, 60];
/// What a critical alarm may wait longer at most, seconds.
const MOST_CRITICAL: u32 = 5;
/// A proposal takes away at least this share of what is too much.
const ENOUGH: f64 = 0.9;

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chatter {
    /// Rule key.
    pub rule: String,
    /// Times that it was raised.
    pub raises: usize,
    /// Most within one minute.
    pub most_a_minute: usize,
    /// An on-delay longer by so many seconds would have left this many raises: for what is gone again at once.
    pub longer_on_delay: Option<(u32, usize)>,
    /// An off-delay longer by so many seconds would have left this many raises: for what comes again at once. It
    /// delays no alarm, so it is to be preferred.
    pub longer_off_delay: Option<(u32, usize)>,
}

/// When it was raised, and when it cleared.
type Episode = (i64, Option<i64>);

/// All of them, the worst first.
pub(super) fn chattering(happenings: &[Happening]) -> Vec<Chatter> {
    let mut episodes: BTreeMap<&str, (Option<Priority>, Vec<Episode>)> = BTreeMap::new();
    for h in happenings {
        let (priority, of_rule) = episodes.entry(&h.rule).or_default();
        *priority = h.priority.or(*priority);
        match h.what {
            What::Raised(_) => of_rule.push((h.at.0, None)),
            What::Cleared => {
                if let Some(open) = of_rule.last_mut().filter(|e| e.1.is_none()) {
                    open.1 = Some(h.at.0);
                }
            }
            What::Acknowledged | What::Called | What::Moved => {}
        }
    }
    let mut found: Vec<Chatter> = episodes
        .into_iter()
        .filter_map(|(rule, (priority, episodes))| {
            let raised: Vec<i64> = episodes.iter().map(|e| e.0).collect();
            let most = worst(&raised, MINUTE);
            let fleeting = episodes.iter().filter(|e| e.1.is_some_and(|end| end - e.0 < FLEETING)).count();
            let is_habit = fleeting >= OFTEN && fleeting * 2 > episodes.len();
            (most >= CHATTERS || is_habit).then(|| Chatter {
                rule: rule.to_owned(),
                raises: episodes.len(),
                most_a_minute: most,
                longer_on_delay: propose(&episodes, priority, with_on_delay),
                longer_off_delay: propose(&episodes, priority, with_off_delay),
            })
        })
        .collect();
    found.sort_by(|a, b| b.raises.cmp(&a.raises).then_with(|| a.rule.cmp(&b.rule)));
    found
}

/// The shortest delay of the ladder that leaves at most a tenth of what is more than one raise.
fn propose(
    episodes: &[Episode],
    priority: Option<Priority>,
    left: fn(&[Episode], i64) -> usize,
) -> Option<(u32, usize)> {
    let most = if priority == Some(Priority::Critical) { MOST_CRITICAL } else { u32::MAX };
    let too_many = episodes.len().saturating_sub(1) as f64;
    LADDER.into_iter().filter(|delay| *delay <= most).find_map(|delay| {
        let left = left(episodes, i64::from(delay) * SECOND);
        let more = left.saturating_sub(1) as f64;
        (more <= too_many * (1.0 - ENOUGH)).then_some((delay, left))
    })
}

/// Raises that last for the delay. One that is never seen to end has lasted.
pub(super) fn with_on_delay(episodes: &[Episode], delay: i64) -> usize {
    episodes.iter().filter(|e| e.1.is_none_or(|end| end - e.0 >= delay)).count()
}

/// Raises that do not come while the one before is still held.
pub(super) fn with_off_delay(episodes: &[Episode], delay: i64) -> usize {
    let ends = episodes.iter().map(|e| e.1.unwrap_or(i64::MAX));
    let before = std::iter::once(None).chain(ends.map(Some));
    episodes
        .iter()
        .zip(before)
        .filter(|(e, before)| before.is_none_or(|end| e.0.saturating_sub(end) >= delay))
        .count()
}
