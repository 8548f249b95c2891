//! Trimming, and reading by time over a clock that was set back.

use super::{Journal, Loss};
use crate::plant::example::plant;
use crate::plant::{Batch, DeviceIx, Micros, PointIx, Quality, Reading};

/// A journal with `chunks` chunks of 100 readings, committed a second apart.
fn filled(dir: &std::path::Path, chunks: i64) -> Journal {
    let mut journal = Journal::open(dir, &plant(vec![Vec::new()]), Micros(0)).unwrap().journal;
    for second in 0..chunks {
        let mut batch = Batch::default();
        for n in 0..100 {
            // Values that do not pack small.
            let value = f64::from(n).sin() * second as f64;
            let reading = Reading { point: PointIx(0), value, quality: Quality::Good };
            batch.push(DeviceIx(0), Micros(second * 1_000_000 + i64::from(n)), true, &[reading]);
        }
        journal.commit(&batch, &[], Micros(second * 1_000_000)).unwrap();
    }
    journal
}

fn trim_all(journal: &mut Journal, keep_from: i64, max_bytes: u64) -> Vec<Loss> {
    let mut lost = Vec::new();
    loop {
        let step = journal.trim(&["a".to_owned(), "b".to_owned()], Micros(keep_from), max_bytes).unwrap();
        lost.extend(step.lost);
        if step.chunks == 0 {
            return lost;
        }
    }
}

#[test]
fn what_was_committed_on_either_side_of_a_clock_set_back_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 600);
    // The clock is set back, and a part of the time comes a second time.
    for second in 200..400 {
        let mut batch = Batch::default();
        let reading = Reading { point: PointIx(0), value: 7.0, quality: Quality::Good };
        let at = Micros(second * 1_000_000);
        batch.push(DeviceIx(0), at, true, &[reading]);
        journal.commit(&batch, &[], at).unwrap();
    }
    let (from, to) = (Micros(250_000_000), Micros(299_999_999));
    let (mut count, mut found) = (0, Vec::new());
    let visit = |sample: &super::PackedSample<'_>| {
        if (from..=to).contains(&sample.at) {
            count += 1;
            found.extend(sample.readings.iter().filter(|r| r.value == 7.0).map(|_| sample.at));
        }
    };
    journal.reader().unwrap().between(from, to, visit).unwrap();
    assert_eq!(found.len(), 50, "what was committed after the jump is missing");
    assert_eq!(count - found.len(), 5000, "what was committed before the jump is missing");
}

#[test]
fn delivered_readings_stay_as_long_as_they_are_kept_and_undelivered_ones_beyond_that() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 50);
    let cursors = [("a".to_owned(), 40, 0), ("b".to_owned(), 20, 0)];
    journal.commit(&Batch::default(), &cursors, Micros(0)).unwrap();
    assert_eq!(trim_all(&mut journal, 10_000_000, u64::MAX), []);
    assert_eq!(journal.stats().unwrap().first_seq, 11, "the first ten seconds are old and delivered");
    assert_eq!(trim_all(&mut journal, 45_000_000, u64::MAX), []);
    assert_eq!(journal.stats().unwrap().first_seq, 21, "outlet b still wants the rest");
}

#[test]
fn beyond_the_disk_budget_the_oldest_go_and_what_an_outlet_lost_by_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 400);
    let cursors = [("a".to_owned(), 400, 0), ("b".to_owned(), 10, 0)];
    journal.commit(&Batch::default(), &cursors, Micros(0)).unwrap();
    let budget = journal.stats().unwrap().bytes / 2;
    let lost = trim_all(&mut journal, 0, budget);
    let stats = journal.stats().unwrap();
    assert!(stats.bytes <= budget && stats.first_seq > 50, "{stats:?}");
    assert!(stats.bytes > budget / 2, "more went than the budget asked for: {stats:?}");
    assert!(lost.iter().all(|l| l.outlet == "b"), "a had everything: {lost:?}");
    let gone: u64 = lost.iter().map(|l| l.readings).sum();
    assert_eq!(gone, (stats.first_seq as u64 - 1 - 10) * 100);
    assert_eq!(lost[0].from, Micros(10_000_000));
    assert_eq!(lost[lost.len() - 1].to, Micros((stats.first_seq - 2) * 1_000_000));
}
