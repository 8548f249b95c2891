//! The slope of Theil and Sen: the median of the slopes of all pairs of samples. Up to 29 % of the samples may be
//! wild without carrying it away. With it goes the trend test of Mann and Kendall, which asks only how many pairs rise
//! and how many fall.

use super::window::Window;

/// A longer window is thinned evenly to so many samples: all pairs of hundreds would cost too much a step.
const MOST_SAMPLES: usize = 64;
/// Pairs of those.
pub(super) const MOST_PAIRS: usize = MOST_SAMPLES * (MOST_SAMPLES - 1) / 2;

/// A slope that outliers do not move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Robust {
    /// Units of the value a second.
    pub per_s: f64,
    /// Mann–Kendall: rising less falling pairs, in standard deviations of chance.
    pub z: f64,
    /// |z| > 3: chance does that once in 370 windows.
    pub significant: bool,
}

impl Robust {
    /// The slope if it counts, units a second.
    #[must_use]
    pub fn significant_per_s(&self) -> Option<f64> {
        self.significant.then_some(self.per_s)
    }
}

/// Of a window; `pairs` is room for [`MOST_PAIRS`] numbers.
pub(super) fn of(window: &Window, pairs: &mut Vec<f64>) -> Option<Robust> {
    let used = window.len().min(MOST_SAMPLES);
    let picked = |n: usize| window.get(n * (window.len() - 1) / (used - 1).max(1));
    pairs.clear();
    let mut balance = 0.0;
    for later in 1..used {
        for earlier in 0..later {
            let (a, b) = (picked(earlier)?, picked(later)?);
            let slope = (b.value - a.value) / (b.at_s - a.at_s);
            balance += if slope > 0.0 {
                1.0
            } else if slope < 0.0 {
                -1.0
            } else {
                0.0
            };
            pairs.push(slope);
        }
    }
    let n = used as f64;
    let z = balance / (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    Some(Robust { per_s: median(pairs)?, z, significant: z.abs() > 3.0 })
}

/// Reorders what it is given; `None` of nothing.
fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let (even, middle) = (values.len().is_multiple_of(2), values.len() / 2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    let lower = below.iter().copied().reduce(f64::max).filter(|_| even);
    Some(lower.map_or(upper, |lower| lower + (upper - lower) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }
}
