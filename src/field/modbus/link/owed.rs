//! Answers that may still come although nobody waits for them any more: of requests that were given up, and
//! second copies on a line that has doubled answers before. Where no transaction id names the request (RTU,
//! `transaction_ids = "any"`), an answer of the same unit, function and length as one of these proves
//! nothing: such a request is asked in another shape, or later. Pure; times are handed in.

use std::time::Duration;

use tokio::time::Instant;

/// An answer is owed for so many timeouts, and for no less than `LEAST_STAY`.
const TIMEOUTS: u32 = 4;
const LEAST_STAY: Duration = Duration::from_secs(2);
const LONGEST_STAY: Duration = Duration::from_secs(60);
/// An answer may be later than the latest one so far by this factor.
const SAFETY: u32 = 2;
/// A second copy may be so much later than the latest one so far.
const SAFETY_OF_DOUBLES: u32 = 3;
/// After an answer on a line that doubles them its second copy may come for so long.
const LEAST_LINGER: Duration = Duration::from_millis(500);
const LONGEST_LINGER: Duration = Duration::from_secs(5);
/// A line that has doubled an answer is reckoned to do so again for this long.
const CAUTION: Duration = Duration::from_secs(600);
/// A frame like an answer of the last seconds is its second copy.
const RECENT: Duration = Duration::from_secs(10);
/// Answers that are remembered to know their second copies.
const MOST_RECENT: usize = 64;

/// What tells answers apart where nothing names their request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) unit: u8,
    pub(super) function: u8,
    /// Bytes of values.
    pub(super) bytes: usize,
}

/// What a frame is that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surplus {
    /// The answer to a request that was given up.
    Late,
    /// A second copy of an answer.
    Double,
    /// Anything else.
    Stranger,
}

struct Owed {
    shape: Shape,
    /// When the requests went out whose answers have not come.
    asked: Vec<Instant>,
    until: Instant,
}

/// Of one line.
pub(super) struct Debts {
    owed: Vec<Owed>,
    /// Answers of late, and when they came.
    recent: Vec<(Shape, Instant)>,
    /// When a second copy was last seen.
    doubled: Option<Instant>,
    timeout: Duration,
    /// The latest answer so far, counted from its request.
    latest: Duration,
    linger: Duration,
}

impl Debts {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            owed: Vec::new(),
            recent: Vec::new(),
            doubled: None,
            timeout,
            latest: Duration::ZERO,
            linger: LEAST_LINGER,
        }
    }

    /// How long an answer is owed.
    fn stay(&self) -> Duration {
        (self.timeout * TIMEOUTS).max(LEAST_STAY).max(self.latest * SAFETY).min(LONGEST_STAY)
    }

    /// How long the second copy of an answer may take.
    pub(super) fn linger(&self) -> Duration {
        self.linger
    }

    fn is_cautious(&self, now: Instant) -> bool {
        self.doubled.is_some_and(|at| now.duration_since(at) < CAUTION)
    }

    fn entry(&mut self, shape: Shape, now: Instant) -> &mut Owed {
        self.owed.retain(|o| o.until > now);
        let at = self.owed.iter().position(|o| o.shape == shape).unwrap_or_else(|| {
            self.owed.push(Owed { shape, asked: Vec::new(), until: now });
            self.owed.len() - 1
        });
        &mut self.owed[at]
    }

    /// The request that went out at `asked` is given up.
    pub(super) fn given_up(&mut self, shape: Shape, asked: Instant, now: Instant) {
        let until = now + self.stay();
        let entry = self.entry(shape, now);
        entry.asked.push(asked);
        entry.until = entry.until.max(until);
    }

    /// A request was answered.
    pub(super) fn answered(&mut self, shape: Shape, now: Instant) {
        self.remember(shape, now);
        if self.is_cautious(now) {
            let until = now + self.linger;
            let entry = self.entry(shape, now);
            entry.until = entry.until.max(until);
        }
    }

    fn remember(&mut self, shape: Shape, now: Instant) {
        self.recent.retain(|r| r.0 != shape && now.duration_since(r.1) < RECENT);
        if self.recent.len() >= MOST_RECENT {
            self.recent.remove(0);
        }
        self.recent.push((shape, now));
    }

    /// A frame came that nobody waits for. `was_waiting` if it was taken as it came, so that its time is known.
    pub(super) fn heard(&mut self, shape: Shape, was_waiting: bool, now: Instant) -> Surplus {
        let (stay, timeout) = (self.stay(), self.timeout);
        self.owed.retain(|o| o.until > now);
        if let Some(at) = self.owed.iter().position(|o| o.shape == shape && !o.asked.is_empty()) {
            // It stays owed: this one may be another master's, or another unit's mistake.
            let late = now.duration_since(self.owed[at].asked.remove(0));
            if was_waiting && late < stay + timeout {
                self.latest = self.latest.max(late);
            }
            self.remember(shape, now);
            return Surplus::Late;
        }
        let copy_of = self.recent.iter().find(|r| r.0 == shape && now.duration_since(r.1) < RECENT);
        let Some(&(_, first)) = copy_of else { return Surplus::Stranger };
        self.doubled = Some(now);
        let gap = now.duration_since(first);
        if was_waiting && gap < LONGEST_LINGER {
            self.linger = self.linger.max(gap * SAFETY_OF_DOUBLES).min(LONGEST_LINGER);
        }
        // Those that were answered just now may be doubled as well.
        let lately: Vec<(Shape, Instant)> =
            self.recent.iter().filter(|r| r.1 + self.linger > now).copied().collect();
        for (shape, at) in lately {
            let until = at + self.linger;
            let entry = self.entry(shape, now);
            entry.until = entry.until.max(until);
        }
        Surplus::Double
    }

    /// An exception of `unit` to `function` came that nobody waits for: whether it is the end of a debt.
    pub(super) fn heard_exception(&mut self, unit: u8, function: u8, now: Instant) -> bool {
        self.owed.retain(|o| o.until > now);
        let fits = |o: &Owed| o.shape.unit == unit && o.shape.function == function && !o.asked.is_empty();
        let Some(at) = self.owed.iter().position(fits) else { return false };
        self.owed[at].asked.remove(0);
        true
    }

    /// An answer of this shape was given lately or is owed.
    pub(super) fn is_known(&self, shape: Shape, now: Instant) -> bool {
        self.until(shape, now).is_some()
            || self.recent.iter().any(|r| r.0 == shape && now.duration_since(r.1) < RECENT)
    }

    /// Until when an answer of this shape may be another request's.
    pub(super) fn until(&self, shape: Shape, now: Instant) -> Option<Instant> {
        self.owed.iter().find(|o| o.shape == shape && o.until > now).map(|o| o.until)
    }

    /// An answer of `unit` to `function` is owed, of whatever length: its exception may come too.
    pub(super) fn owes(&self, unit: u8, function: u8, now: Instant) -> bool {
        let fits = |o: &&Owed| o.shape.unit == unit && o.shape.function == function && o.until > now;
        self.owed.iter().filter(fits).any(|o| !o.asked.is_empty())
    }

    /// Nothing of this unit can come any more.
    pub(super) fn forget(&mut self, unit: u8) {
        self.owed.retain(|o| o.shape.unit != unit);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{CAUTION, Debts, Shape, Surplus};

    const FIVE: Shape = Shape { unit: 1, function: 3, bytes: 10 };
    const ONE: Shape = Shape { bytes: 2, ..FIVE };

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn an_answer_that_was_given_up_stays_owed_whatever_else_is_answered_until_long_after() {
        let start = Instant::now();
        let mut debts = Debts::new(ms(1000));
        debts.given_up(FIVE, start, start + ms(1000));
        debts.answered(ONE, start + ms(1100));
        assert!(debts.until(FIVE, start + ms(4999)).is_some(), "a younger answer proves nothing");
        assert!(debts.until(Shape { unit: 2, ..FIVE }, start + ms(1100)).is_none());
        assert!(debts.owes(1, 3, start + ms(1100)) && !debts.owes(1, 4, start + ms(1100)));
        assert_eq!(debts.heard(FIVE, true, start + ms(1300)), Surplus::Late);
        assert!(debts.until(FIVE, start + ms(1300)).is_some(), "it may have been another one's");
        assert_eq!(debts.heard(FIVE, true, start + ms(1400)), Surplus::Double);
        assert!(debts.until(FIVE, start + ms(5001)).is_none(), "four timeouts later");
        assert_eq!(debts.heard(ONE, true, start + ms(20_000)), Surplus::Stranger);
    }

    #[test]
    fn who_was_very_late_once_is_waited_for_longer_the_next_time() {
        let start = Instant::now();
        let mut debts = Debts::new(ms(100));
        debts.given_up(FIVE, start, start + ms(100));
        assert_eq!(debts.heard(FIVE, true, start + ms(1900)), Surplus::Late);
        debts.given_up(FIVE, start + ms(2000), start + ms(2100));
        assert!(debts.until(FIVE, start + ms(2100 + 3700)).is_some());
        assert!(debts.until(FIVE, start + ms(2100 + 3900)).is_none());
    }

    #[test]
    fn after_a_second_copy_every_answer_may_have_one_for_ten_minutes() {
        let start = Instant::now();
        let mut debts = Debts::new(ms(1000));
        debts.answered(FIVE, start);
        assert!(debts.until(FIVE, start).is_none(), "nobody has doubled anything yet");
        assert_eq!(debts.heard(FIVE, true, start + ms(40)), Surplus::Double);
        assert!(debts.until(FIVE, start + ms(40)).is_some(), "and a third one may come");
        debts.answered(ONE, start + ms(1000));
        assert!(debts.until(ONE, start + ms(1400)).is_some() && debts.until(ONE, start + ms(1501)).is_none());
        assert!(!debts.owes(1, 3, start + ms(1100)), "a second copy is not an exception to come");
        let later = start + ms(40) + CAUTION;
        debts.answered(ONE, later);
        assert!(debts.until(ONE, later).is_none());
    }

    #[test]
    fn an_exception_may_be_the_late_answer() {
        let start = Instant::now();
        let mut debts = Debts::new(ms(1000));
        debts.given_up(FIVE, start, start + ms(1000));
        assert!(!debts.heard_exception(1, 4, start + ms(1100)));
        assert!(debts.heard_exception(1, 3, start + ms(1100)));
        assert!(!debts.heard_exception(1, 3, start + ms(1200)));
    }
}
