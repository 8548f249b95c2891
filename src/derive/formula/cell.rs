//! What a formula remembers from one evaluation to the next: one cell for each call of a function
//! with a memory. Times are on the evaluator's clock, which counts only while it runs.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::item::{Item, worse};
use super::slope::Sums;
use super::window::{Area, BUCKETS, Edges, Extremes, Keep, Window, width};
use crate::plant::{Cause, Quality};

/// What a cell is for; fixed at load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spec {
    Mean {
        window_ns: u64,
    },
    Lowest {
        window_ns: u64,
    },
    Highest {
        window_ns: u64,
    },
    /// The slope is in a time of so many seconds.
    Rate {
        window_ns: u64,
        per_s: f64,
    },
    /// Until the value is at its limit, by its slope.
    TimeTo {
        window_ns: u64,
        rises: bool,
    },
    Count {
        window_ns: u64,
    },
    Delay {
        window_ns: u64,
    },
    Hold {
        window_ns: u64,
    },
    Since,
    Changed,
    Unrolled,
    /// The values count per so many seconds.
    Integral {
        per_s: f64,
    },
}

/// Further ahead nothing is foretold: 24 h, in seconds.
const FURTHEST_S: f64 = 86_400.0;

/// What it remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cell {
    Mean(Window<Area>),
    Extremes(Window<Extremes>),
    Rate(Window<Sums>),
    Count(Window<Edges>, Option<bool>),
    Delay(VecDeque<Past>),
    Lasting(Lasting),
    Changed(Option<f64>),
    Integral(Integral),
    Unrolled(Unrolled),
}

/// A counter that rolls over, counted on.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Unrolled {
    last: Option<f64>,
    total: f64,
}

/// A value as it was.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Past {
    at_ns: u64,
    /// `None` if it was bad.
    value: Option<f64>,
    doubt: bool,
}

/// One in each bucket of the time to look back, the value now, and the one before all of them.
const MOST_PAST: usize = BUCKETS as usize + 2;

/// How long a condition has been true; stands still while nobody knows.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Lasting {
    at_ns: u64,
    runs: bool,
    lasted_ns: Option<u64>,
}

/// A running total.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Integral {
    at_ns: u64,
    total: f64,
    /// What the sum lost by rounding (Neumaier): small amounts are added to a large total for years.
    lost: f64,
    held: Option<f64>,
    reset: Option<bool>,
}

impl Cell {
    pub fn new(spec: Spec) -> Self {
        match spec {
            Spec::Mean { .. } => Self::Mean(Window::new()),
            Spec::Lowest { .. } | Spec::Highest { .. } => Self::Extremes(Window::new()),
            Spec::Rate { .. } | Spec::TimeTo { .. } => Self::Rate(Window::new()),
            Spec::Count { .. } => Self::Count(Window::new(), None),
            Spec::Delay { .. } => Self::Delay(VecDeque::with_capacity(MOST_PAST)),
            Spec::Hold { .. } | Spec::Since => Self::Lasting(Lasting::default()),
            Spec::Changed => Self::Changed(None),
            Spec::Unrolled => Self::Unrolled(Unrolled::default()),
            Spec::Integral { .. } => Self::Integral(Integral::default()),
        }
    }

    /// Takes what came and says what is known now. Windows go by `own_ns`, when that was taken; all else by `now_ns`.
    pub fn step(&mut self, spec: Spec, args: &[Item], (now_ns, own_ns): (u64, u64)) -> Item {
        let [item, ..] = *args else { return Item::bad(Cause::DerivedInput) };
        match (self, spec) {
            (Self::Mean(window), Spec::Mean { window_ns }) => {
                let width = width(window_ns);
                window.feed(item, width, own_ns);
                known(window, width, item, |area| Some(area.mean().unwrap_or(item.value)))
            }
            (Self::Extremes(window), Spec::Lowest { window_ns }) => {
                let width = width(window_ns);
                window.feed(item, width, own_ns);
                known(window, width, item, Extremes::lowest)
            }
            (Self::Extremes(window), Spec::Highest { window_ns }) => {
                let width = width(window_ns);
                window.feed(item, width, own_ns);
                known(window, width, item, Extremes::highest)
            }
            (Self::Rate(window), Spec::Rate { window_ns, per_s }) => {
                let width = width(window_ns);
                window.feed(item, width, own_ns);
                known(window, width, item, |sums| sums.slope().map(|s| s * per_s))
            }
            (Self::Rate(window), Spec::TimeTo { window_ns, rises }) => {
                let width = width(window_ns);
                window.feed(item, width, own_ns);
                let limit = args.get(1).copied().unwrap_or(Item::bad(Cause::DerivedInput));
                if !limit.is_usable() {
                    return limit;
                }
                // Mirrored for the low side, so that both are a rise to a limit above.
                let sign = if rises { 1.0 } else { -1.0 };
                let found = known(window, width, item, |sums| {
                    let slope = sums.significant_slope().unwrap_or(0.0);
                    let (distance, rise) = (sign * (limit.value - item.value), sign * slope);
                    Some(match () {
                        () if distance <= 0.0 => 0.0,
                        () if rise > 0.0 => (distance / rise).min(FURTHEST_S),
                        () => FURTHEST_S,
                    })
                });
                Item::of(found.value, worse(found.quality, limit.quality))
            }
            (Self::Count(window, before), Spec::Count { window_ns }) => {
                let width = width(window_ns);
                let rises = item.is_true() && *before == Some(false);
                if item.is_usable() {
                    *before = Some(item.is_true());
                }
                let edge = Item { value: f64::from(u8::from(rises)), ..item };
                window.feed(edge, width, own_ns);
                known(window, width, item, |edges| Some(edges.count()))
            }
            (Self::Delay(past), Spec::Delay { window_ns }) => delay(past, item, window_ns, now_ns),
            (Self::Lasting(lasting), Spec::Hold { window_ns }) => {
                let lasted = lasting.step(item, now_ns);
                Item::truth(lasted.is_some_and(|l| l >= window_ns), item.quality)
            }
            (Self::Lasting(lasting), Spec::Since) => {
                Item::of(lasting.step(item, now_ns).unwrap_or(0) as f64 / 1e9, item.quality)
            }
            (Self::Changed(last), Spec::Changed) => {
                let changed = item.is_usable() && last.is_some_and(|l| l != item.value);
                if item.is_usable() {
                    *last = Some(item.value);
                }
                Item::truth(changed, item.quality)
            }
            (Self::Unrolled(unrolled), Spec::Unrolled) => match args.get(1) {
                Some(wraps_at) if wraps_at.is_usable() => unrolled.step(item, wraps_at.value),
                _ => Item::bad(Cause::DerivedInput),
            },
            (Self::Integral(integral), Spec::Integral { per_s }) => {
                integral.step(item, args.get(1).copied(), per_s, now_ns)
            }
            _ => Item::bad(Cause::DerivedInput),
        }
    }

    /// Starts a running total anew.
    pub fn reset_total(&mut self) {
        if let Self::Integral(integral) = self {
            (integral.total, integral.lost) = (0.0, 0.0);
        }
    }

    /// Whether what was stored fits `spec` and can be worked with; makes room for what will come.
    pub fn revive(&mut self, spec: Spec, ran_ns: u64) -> bool {
        match (self, spec) {
            (Self::Mean(w), Spec::Mean { window_ns }) => w.revive(ran_ns, width(window_ns)),
            (Self::Extremes(w), Spec::Lowest { window_ns } | Spec::Highest { window_ns }) => {
                w.revive(ran_ns, width(window_ns))
            }
            (Self::Rate(w), Spec::Rate { window_ns, .. } | Spec::TimeTo { window_ns, .. }) => {
                w.revive(ran_ns, width(window_ns))
            }
            (Self::Count(w, _), Spec::Count { window_ns }) => w.revive(ran_ns, width(window_ns)),
            (Self::Delay(past), Spec::Delay { .. }) => {
                let ordered = past.iter().zip(past.iter().skip(1)).all(|(a, b)| a.at_ns <= b.at_ns);
                let sound = past.iter().all(|p| p.at_ns <= ran_ns && p.value.is_none_or(f64::is_finite));
                past.reserve_exact(MOST_PAST.saturating_sub(past.len()));
                ordered && sound && past.len() <= MOST_PAST
            }
            (Self::Lasting(lasting), Spec::Hold { .. } | Spec::Since) => lasting.at_ns <= ran_ns,
            (Self::Changed(last), Spec::Changed) => last.is_none_or(f64::is_finite),
            (Self::Unrolled(u), Spec::Unrolled) => u.total.is_finite() && u.last.is_none_or(f64::is_finite),
            (Self::Integral(i), Spec::Integral { .. }) => {
                i.at_ns <= ran_ns && (i.total + i.lost).is_finite() && i.held.is_none_or(f64::is_finite)
            }
            _ => false,
        }
    }
}

/// What `find` makes of a window: as bad as the value now, in doubt while too little of it is known.
fn known<T: Keep>(window: &Window<T>, width: u64, item: Item, find: impl FnOnce(&T) -> Option<f64>) -> Item {
    if !item.is_usable() {
        return item;
    }
    let whole = window.whole(width);
    let Some(value) = find(&whole.kept) else { return Item::bad(Cause::NotYetRead) };
    let doubt = whole.doubt || !whole.filled;
    let own = if doubt { Quality::Uncertain(Cause::DerivedInput) } else { Quality::Good };
    Item::of(value, worse(item.quality, own))
}

fn delay(past: &mut VecDeque<Past>, item: Item, window_ns: u64, now_ns: u64) -> Item {
    let due = now_ns.checked_sub(window_ns);
    while past.get(1).is_some_and(|second| due.is_some_and(|due| second.at_ns <= due)) {
        past.pop_front();
    }
    let width = width(window_ns);
    let came =
        Past { at_ns: now_ns, value: item.is_usable().then_some(item.value), doubt: item.is_doubtful() };
    match past.back_mut() {
        // One a bucket: the last.
        Some(newest) if newest.at_ns / width == now_ns / width => *newest = came,
        _ => past.push_back(came),
    }
    let Some(then) = past.front().filter(|p| due.is_some_and(|due| p.at_ns <= due)) else {
        return Item::bad(Cause::NotYetRead);
    };
    match then.value {
        Some(value) if then.doubt => Item::of(value, Quality::Uncertain(Cause::DerivedInput)),
        Some(value) => Item::good(value),
        None => Item::bad(Cause::DerivedInput),
    }
}

impl Lasting {
    /// How long it has been true; `None` when it is not.
    fn step(&mut self, item: Item, now_ns: u64) -> Option<u64> {
        if self.runs {
            let passed = now_ns.saturating_sub(self.at_ns);
            self.lasted_ns = self.lasted_ns.map(|l| l.saturating_add(passed));
        }
        self.at_ns = now_ns;
        self.runs = item.is_true();
        if item.is_true() {
            self.lasted_ns.get_or_insert(0);
        } else if item.is_false() {
            self.lasted_ns = None;
        }
        self.lasted_ns
    }
}

impl Unrolled {
    /// A fall by more than half of its range is a roll over; a smaller one is a counter set anew, which counted nothing.
    fn step(&mut self, item: Item, wraps_at: f64) -> Item {
        if !item.is_usable() {
            return item;
        }
        let went = self.last.map_or(item.value, |last| item.value - last);
        self.total += match went {
            went if went < -wraps_at / 2.0 => went + wraps_at,
            went => went.max(0.0),
        };
        self.last = Some(item.value);
        Item::of(self.total, item.quality)
    }
}

impl Integral {
    fn step(&mut self, item: Item, reset: Option<Item>, per_s: f64, now_ns: u64) -> Item {
        if let Some(held) = self.held {
            let amount = held * (now_ns.saturating_sub(self.at_ns) as f64 / 1e9 / per_s);
            let sum = self.total + amount;
            self.lost += if self.total.abs() >= amount.abs() {
                (self.total - sum) + amount
            } else {
                (amount - sum) + self.total
            };
            self.total = sum;
        }
        self.at_ns = now_ns;
        self.held = item.is_usable().then_some(item.value);
        let mut quality = item.quality;
        if let Some(reset) = reset {
            if reset.is_true() && self.reset == Some(false) {
                (self.total, self.lost) = (0.0, 0.0);
            }
            if reset.is_usable() {
                self.reset = Some(reset.is_true());
            } else {
                // It may have been due, or not.
                quality = worse(quality, Quality::Uncertain(Cause::DerivedInput));
            }
        }
        Item::of(self.total + self.lost, quality)
    }
}
