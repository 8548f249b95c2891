//! Which registers a device answers for, found with few questions.

use futures_util::FutureExt;
use proptest::prelude::*;

use super::{END, Found, Reply, Run, STRIDE_SHARE, Search, find};

/// A device with readable stretches, a largest request, and areas that no request may leave.
struct Device {
    runs: Vec<(u32, u32)>,
    most: u16,
    seams: Vec<u32>,
    pairs: bool,
}

impl Device {
    fn reads(&self, from: u32, count: u16) -> bool {
        let to = from + u32::from(count);
        let inside = self.runs.iter().any(|r| r.0 <= from && to <= r.1);
        let crossed = self.seams.iter().any(|s| from < *s && *s < to);
        let whole = !self.pairs || (from.is_multiple_of(2) && count.is_multiple_of(2));
        inside && !crossed && whole && count <= self.most
    }

    fn found(&self, search: &Search) -> Found {
        let asked = async |from: u16, count: u16| {
            assert!(u32::from(from) + u32::from(count) <= END, "{from} + {count}");
            if self.reads(from.into(), count) { Reply::Readable } else { Reply::Refused }
        };
        find(search, asked).now_or_never().expect("nothing to wait for")
    }
}

fn search(to: u32) -> Search {
    Search {
        windows: std::iter::once(0..to).collect(),
        most: 125,
        grain: 1,
        follow: 0,
        grid: [0, 0],
        budget: 10_000,
    }
}

fn device(runs: &[(u32, u32)], most: u16) -> Device {
    Device { runs: runs.to_vec(), most, seams: Vec::new(), pairs: false }
}

fn spans(found: &Found) -> Vec<(u32, u32)> {
    found.runs.iter().map(|r| (r.from, r.to + 1)).collect()
}

#[test]
fn a_small_largest_request_is_no_hole_and_is_told() {
    let found = device(&[(0, 100)], 16).found(&search(200));
    assert_eq!((spans(&found), found.limit, found.largest), (vec![(0, 100)], Some(16), 16));
    assert!(found.requests < 80, "{}", found.requests);
    let one = device(&[(0, 12)], 1).found(&search(20));
    assert_eq!((spans(&one), one.limit), (vec![(0, 12)], Some(1)));
}

#[test]
fn two_areas_that_touch_are_two_ranges_and_no_small_limit() {
    let areas = Device { seams: vec![40], ..device(&[(0, 100)], 125) };
    let found = areas.found(&search(200));
    assert_eq!((spans(&found), found.limit, found.largest), (vec![(0, 40), (40, 100)], None, 60));
    let shorter_behind = Device { seams: vec![60, 80], ..device(&[(0, 100)], 125) };
    let found = shorter_behind.found(&search(200));
    assert_eq!((spans(&found), found.limit), (vec![(0, 60), (60, 80), (80, 100)], None));
}

#[test]
fn a_device_of_whole_values_is_read_in_pairs() {
    let pairs = Device { pairs: true, ..device(&[(0, 20), (40, 44)], 125) };
    let found = pairs.found(&Search { grain: 2, ..search(100) });
    assert_eq!(spans(&found), [(0, 20), (40, 44)]);
}

#[test]
fn a_stretch_is_followed_beyond_its_window_only_so_far() {
    let found = device(&[(0, 5000)], 125).found(&Search { follow: 300, ..search(200) });
    assert_eq!(found.runs, [Run { from: 0, to: 499, goes_on: true }]);
    let next = Search { windows: vec![0..200, 300..400], follow: 300, ..search(0) };
    assert_eq!(device(&[(0, 5000)], 125).found(&next).runs.len(), 1);
}

#[test]
fn nothing_more_is_asked_when_the_budget_is_spent_or_the_other_side_says_stop() {
    let spent = device(&[(0, 7), (9, 40)], 125).found(&Search { budget: 5, ..search(200) });
    assert_eq!((spent.requests, spent.complete), (5, false));
    let stop = find(&search(200), async |_, _| Reply::Stop).now_or_never().expect("nothing to wait for");
    assert_eq!((stop.requests, stop.complete, stop.runs.len()), (1, false, 0));
}

#[test]
fn an_empty_table_of_all_addresses_costs_less_than_a_thousand_requests() {
    let all = Search { grid: [100, 256], ..search(END) };
    let found = device(&[], 125).found(&all);
    assert!(found.requests < 1000 && found.complete, "{}", found.requests);
    let last = device(&[(END - 200, END)], 125).found(&all);
    assert_eq!(spans(&last), [(END - 200, END)]);
}

proptest! {
    #[test]
    fn what_is_named_readable_is_and_what_is_long_enough_for_the_steps_is_found_whole(
        lengths in prop::collection::vec((1u32..60, 1u32..200), 1..8), most in 2u16..=125
    ) {
        let (mut at, mut runs) = (0, Vec::new());
        for (gap, length) in lengths {
            runs.push((at + gap, at + gap + length));
            at += gap + length;
        }
        let device = device(&runs, most);
        let found = device.found(&search(at + 50));
        prop_assert!(found.complete && found.requests < 2500, "{}", found.requests);
        for (from, to) in spans(&found) {
            prop_assert!(runs.iter().any(|r| r.0 <= from && to <= r.1), "{:?} of {:?}", (from, to), runs);
        }
        let mut hole = 0;
        for run in &runs {
            let seen = spans(&found);
            if run.1 - run.0 >= ((run.0 - hole) / STRIDE_SHARE).max(1) {
                prop_assert!(seen.contains(run), "{:?} of {:?} in {:?}", run, runs, seen);
            }
            if seen.contains(run) {
                hole = run.1;
            }
        }
        if let Some(limit) = found.limit {
            prop_assert_eq!(limit, most);
        }
        if runs.iter().any(|r| spans(&found).contains(r) && r.1 - r.0 > 2 * u32::from(most)) {
            prop_assert!(found.limit == Some(most) || most == 125, "{:?}", found);
        }
    }
}
