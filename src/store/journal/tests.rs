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
    assert_eq!(lost[0].from, Micros(10_000_000), "not the time of the first reading");
    assert_eq!(lost[lost.len() - 1].to, Micros((stats.first_seq - 2) * 1_000_000 + 99));
    assert!(lost.iter().all(|l| l.detail == "boiler-1/p0"), "whose they were is not told: {lost:?}");
}

#[test]
fn a_loss_counts_readings_with_a_value_and_dates_them_by_their_own_times() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 100);
    let (bad, good) = (Quality::Bad(crate::plant::Cause::Timeout), Quality::Good);
    for n in 0..100 {
        let mut batch = Batch::default();
        let reading = |value, quality| Reading { point: PointIx(0), value, quality };
        // Buffered by the device for a day.
        batch.push(
            DeviceIx(0),
            Micros(-86_400_000_000 + n),
            false,
            &[reading(1.0, good), reading(f64::NAN, bad)],
        );
        journal.commit(&batch, &[], Micros(100_000_000 + n)).unwrap();
    }
    let cursors = [("a".to_owned(), 100, 0), ("b".to_owned(), 200, 0)];
    journal.commit(&Batch::default(), &cursors, Micros(0)).unwrap();
    let lost = trim_all(&mut journal, 0, 1);
    let of_a: u64 = lost.iter().filter(|l| l.outlet == "a").map(|l| l.readings).sum();
    assert_eq!(of_a, 100);
    assert!(lost.iter().all(|l| l.outlet == "a" && l.to < Micros(0)), "{lost:?}");
}

/// Where the body of the chunk `seq` begins in the file.
fn place_of(dir: &std::path::Path, seq: i64) -> usize {
    let conn = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let body: Vec<u8> = conn.query_row("SELECT body FROM chunk WHERE seq = ?1", [seq], |r| r.get(0)).unwrap();
    let file = std::fs::read(dir.join("journal.db")).unwrap();
    let part = &body[..body.len().min(60)];
    file.windows(part.len()).position(|w| w == part).unwrap()
}

fn flip(dir: &std::path::Path, at: usize) {
    let mut file = std::fs::read(dir.join("journal.db")).unwrap();
    file[at] ^= 0x10;
    std::fs::write(dir.join("journal.db"), file).unwrap();
}

fn values(journal: &super::JournalReader) -> (Vec<i64>, u64) {
    let (mut seqs, mut readings, mut seq) = (Vec::new(), 0, 0);
    while let Some(chunk) = journal.next_after(seq).unwrap() {
        seq = chunk.seq;
        crate::store::unpack(&chunk.body, |s| readings += s.readings.len() as u64).unwrap();
        if chunk.readings > 0 {
            seqs.push(seq);
        }
    }
    (seqs, readings)
}

#[test]
fn a_flipped_byte_is_never_given_out_and_costs_its_chunk_only() {
    for offset in [1, 7, 20, 41, 55] {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 20));
        let at = place_of(dir.path(), 9);
        flip(dir.path(), at + offset);
        let (tell, told) = std::sync::mpsc::channel();
        let reader = super::JournalReader::open(&dir.path().join("journal.db")).unwrap().telling("a", tell);
        let (seqs, readings) = values(&reader);
        assert_eq!(readings, 1900, "at {offset}");
        assert!(!seqs.contains(&9) && seqs.len() == 19, "{seqs:?}");
        let (of, gap) = told.try_recv().unwrap();
        assert_eq!((of.as_str(), gap.first, gap.last, gap.readings, gap.guessed), ("a", 9, 9, 100, false));
        assert_eq!((gap.from, gap.to), (Micros(8_000_000), Micros(8_000_000)));
        assert!(told.try_recv().is_err(), "told twice");
    }
}

#[test]
fn a_page_that_is_no_page_any_more_costs_what_was_on_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 200));
    let at = place_of(dir.path(), 100) / 4096 * 4096;
    let mut file = std::fs::read(dir.path().join("journal.db")).unwrap();
    file[at..at + 4096].fill(0xA5);
    std::fs::write(dir.path().join("journal.db"), file).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let reader = super::JournalReader::open(&dir.path().join("journal.db")).unwrap().telling("a", tell);
    let (seqs, readings) = values(&reader);
    assert!(seqs.len() >= 190 && seqs.len() < 200, "{} chunks of 200", seqs.len());
    assert_eq!(readings, seqs.len() as u64 * 100);
    assert_eq!(seqs.last(), Some(&200), "what stands behind the damage is lost");
    let gaps: Vec<_> = told.try_iter().map(|t| t.1).collect();
    let lost: i64 = gaps.iter().map(|g| g.last - g.first + 1).sum();
    assert_eq!(lost as usize + seqs.len(), 200, "{gaps:?}");
}

#[test]
fn a_damaged_journal_is_set_aside_and_what_reads_back_is_taken_over_with_its_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 200);
    journal.commit(&Batch::default(), &[("a".to_owned(), 50, 5000)], Micros(0)).unwrap();
    let name = journal.name().to_owned();
    drop(journal);
    let at = place_of(dir.path(), 100) / 4096 * 4096;
    let mut file = std::fs::read(dir.path().join("journal.db")).unwrap();
    file[at..at + 4096].fill(0xA5);
    std::fs::write(dir.path().join("journal.db"), file).unwrap();
    Journal::suspect(dir.path());
    let opened = Journal::open(dir.path(), &plant(vec![Vec::new()]), Micros(7)).unwrap();
    let mut journal = opened.journal;
    assert!(opened.set_aside.is_some() && journal.name() == name);
    let gaps = journal.take_lost();
    let (seqs, _) = values(&journal.reader().unwrap());
    assert!(seqs.len() >= 190 && seqs.contains(&99) && seqs.contains(&200), "{}", seqs.len());
    assert_eq!(gaps.iter().map(|g| g.last - g.first + 1).sum::<i64>() as usize + seqs.len(), 200);
    assert_eq!(journal.reader().unwrap().cursor("a").unwrap(), (50, 5000));
    let mut batch = Batch::default();
    let reading = Reading { point: PointIx(0), value: 7.0, quality: Quality::Good };
    batch.push(DeviceIx(0), Micros(1), true, &[reading]);
    assert_eq!(journal.commit(&batch, &[], Micros(201_000_000)).unwrap(), Some(201), "numbers go on");
}

#[test]
fn a_changed_name_or_place_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 5);
    journal.commit(&Batch::default(), &[("a".to_owned(), 3, 300)], Micros(0)).unwrap();
    let conn = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    conn.execute_batch("UPDATE series SET point = 'q'; UPDATE cursor SET seq = 5;").unwrap();
    let reader = journal.reader().unwrap();
    assert!(reader.series().unwrap().is_empty(), "readings would go out under another name");
    assert_eq!(reader.cursor("a").unwrap(), (0, 0), "readings would be skipped");
}

#[test]
fn a_point_whose_unit_changes_begins_a_new_series_and_goes_back_to_the_old_one_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let in_unit = |unit: &str| {
        let mut plant = plant(vec![Vec::new()]);
        plant.points[0].unit = unit.to_owned();
        plant
    };
    let mut journal = Journal::open(dir.path(), &in_unit("MPa"), Micros(0)).unwrap().journal;
    let put = |journal: &mut Journal, second: i64, value: f64| {
        let mut batch = Batch::default();
        let reading = Reading { point: PointIx(0), value, quality: Quality::Good };
        batch.push(DeviceIx(0), Micros(second * 1_000_000), true, &[reading]);
        journal.commit(&batch, &[], Micros(second * 1_000_000)).unwrap();
    };
    put(&mut journal, 1, 0.8);
    journal.extend(&in_unit("bar")).unwrap();
    put(&mut journal, 2, 8.0);
    journal.extend(&in_unit("MPa")).unwrap();
    put(&mut journal, 3, 0.9);
    let reader = journal.reader().unwrap();
    let units: Vec<_> = reader.series().unwrap().into_iter().map(|s| s.unit).collect();
    assert_eq!(units, [Some("MPa".to_owned()), Some("bar".to_owned())]);
    let span = (Micros(0), Micros(10_000_000));
    let evidence = crate::store::evidence::collect(&reader, "boiler-1", span, None).unwrap();
    let of = |unit: &str| {
        let mine: Vec<_> = evidence.iter().filter(|s| s.unit.as_deref() == Some(unit)).collect();
        assert_eq!(mine.len(), 1);
        mine[0].samples.iter().map(|s| s.1.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((of("MPa"), of("bar")), (vec![0.8, 0.9], vec![8.0]));
    let trend =
        crate::store::trend::collect(&reader, "boiler-1", span, std::time::Duration::from_secs(1)).unwrap();
    assert_eq!(trend.iter().map(|t| t.samples.len()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_store_of_the_first_version_is_taken_over_with_its_readings() {
    let dir = tempfile::tempdir().unwrap();
    {
        let conn = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
        for step in &crate::store::migrations::JOURNAL[..3] {
            conn.execute_batch(step).unwrap();
        }
        let body = {
            let mut batch = Batch::default();
            let reading = Reading { point: PointIx(0), value: 0.7, quality: Quality::Good };
            batch.push(DeviceIx(0), Micros(1_000_000), true, &[reading]);
            let mut body = Vec::new();
            crate::store::pack::pack(&batch, &[1], &mut body);
            body
        };
        conn.pragma_update(None, "user_version", 3).unwrap();
        conn.execute("INSERT INTO series VALUES (1, 'boiler-1', 'p0', 'steam-boiler', 'float')", []).unwrap();
        conn.execute("INSERT INTO chunk VALUES (1, 1000000, 1, ?1)", [&body]).unwrap();
        conn.execute("INSERT INTO cursor VALUES ('a', 1, 17)", []).unwrap();
        conn.execute("INSERT INTO text VALUES (0, 'A1')", []).unwrap();
    }
    let old = super::JournalReader::open(&dir.path().join("journal.db")).unwrap();
    assert_eq!((old.cursor("a").unwrap(), values(&old).1), ((1, 17), 1), "not read before its migration");
    let journal = Journal::open(dir.path(), &plant(vec![Vec::new()]), Micros(0)).unwrap().journal;
    let reader = journal.reader().unwrap();
    assert_eq!((reader.cursor("a").unwrap(), values(&reader)), ((1, 17), (vec![1], 1)));
    assert_eq!(journal.texts().get(0.0).as_deref(), Some("A1"));
    let series = reader.series().unwrap();
    assert_eq!(series.len(), 1, "the point that goes on is in its series of before: {series:?}");
    assert!(series[0].unit.is_some());
}

#[test]
fn what_is_kept_ages_by_the_time_that_passes_also_when_the_clock_is_set_while_nobody_runs() {
    use super::{Load, Uptime};
    const HOUR: i64 = 3_600_000_000;
    const YEAR: i64 = 365 * 24 * HOUR;
    let dir = tempfile::tempdir().unwrap();
    let up = |seconds: u64| Uptime { boot: "one".to_owned(), up: std::time::Duration::from_secs(seconds) };
    let open = |wall: i64, uptime: Uptime| {
        let plant = plant(vec![Vec::new()]);
        Journal::open_with(dir.path(), &plant, (Micros(wall), &uptime), crate::plant::TextTable::default())
            .unwrap()
            .journal
    };
    let put = |journal: &mut Journal, wall: i64, seconds: u64| {
        let mut batch = Batch::default();
        let reading = Reading { point: PointIx(0), value: 7.0, quality: Quality::Good };
        batch.push(DeviceIx(0), Micros(wall), true, &[reading]);
        let load = Load { parts: &[(&batch, 0)], uptime: Some(up(seconds)), ..Load::default() };
        journal.write(&load, Micros(wall)).unwrap();
    };
    let mut journal = open(0, up(0));
    put(&mut journal, 1000 * HOUR, 0);
    drop(journal);
    // An hour later the clock shows a year more.
    let mut journal = open(1001 * HOUR + YEAR, up(3600));
    put(&mut journal, 1001 * HOUR + YEAR, 3600);
    assert_eq!(journal.ahead(), YEAR);
    let all = [("a".to_owned(), 2, 0), ("b".to_owned(), 2, 0)];
    journal.commit(&Batch::default(), &all, Micros(1001 * HOUR + YEAR)).unwrap();
    let keep_from = |hours: i64, now: i64| now - hours * HOUR;
    assert_eq!(trim_all(&mut journal, keep_from(2, 1001 * HOUR + YEAR), u64::MAX), []);
    assert_eq!(journal.stats().unwrap().first_seq, 1, "young history went");
    // And it goes in its time.
    trim_all(&mut journal, keep_from(2, 1002 * HOUR + YEAR + 1), u64::MAX);
    assert_eq!(journal.stats().unwrap().first_seq, 2);
}

#[test]
fn a_window_of_evidence_goes_over_turns_of_the_clock_and_marks_them() {
    use super::Load;
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), &plant(vec![Vec::new()]), Micros(0)).unwrap().journal;
    let mut put = |wall: i64, ahead: i64, value: f64| {
        let mut batch = Batch::default();
        let reading = Reading { point: PointIx(0), value, quality: Quality::Good };
        batch.push(DeviceIx(0), Micros(wall * 1_000_000), true, &[reading]);
        let load = Load { parts: &[(&batch, ahead * 1_000_000)], ..Load::default() };
        journal.write(&load, Micros(wall * 1_000_000)).unwrap();
    };
    // Found at 10 000 s; at 10 002 s the clock is set back by 5000 s, three seconds later ahead by a million.
    for n in 0..3 {
        put(9_999 + n, 0, n as f64);
    }
    for n in 3..6 {
        put(4_999 + n, if n == 3 { -5000 } else { 0 }, n as f64);
    }
    for n in 6..9 {
        put(1_004_999 + n, if n == 6 { 1_000_000 } else { 0 }, n as f64);
    }
    let reader = super::JournalReader::open(&dir.path().join("journal.db")).unwrap();
    let window = (Micros(10_000_000_000), Micros(10_006_000_000));
    let series = crate::store::evidence::collect(&reader, "boiler-1", window, Some(0)).unwrap();
    let samples: Vec<_> = series[0].samples.iter().map(|s| (s.0 / 1000, s.1.unwrap() as i64)).collect();
    assert_eq!(
        samples,
        [(10_000, 1), (10_001, 2), (10_002, 3), (10_003, 4), (10_004, 5), (10_005, 6), (10_006, 7)]
    );
    let marks = &series[1];
    assert_eq!(marks.point, crate::store::evidence::CLOCK_SET);
    assert_eq!(marks.samples, [(10_002_000, Some(-5_000_000.0)), (10_005_000, Some(1_000_000_000.0))]);
}

#[test]
fn a_removed_file_is_written_anew_and_a_moved_one_stops_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 5);
    let path = dir.path().join("journal.db");
    let put = |journal: &mut Journal| {
        let mut batch = Batch::default();
        let reading = Reading { point: PointIx(0), value: 7.0, quality: Quality::Good };
        batch.push(DeviceIx(0), Micros(1), true, &[reading]);
        journal.stay().and_then(|_| journal.commit(&batch, &[], Micros(6_000_000)))
    };
    std::fs::rename(&path, dir.path().join("elsewhere.db")).unwrap();
    let refused = put(&mut journal).unwrap_err();
    assert!(
        matches!(&refused, crate::store::StoreError::Moved(what) if what.contains("elsewhere.db")),
        "{refused}"
    );
    std::fs::rename(dir.path().join("elsewhere.db"), &path).unwrap();
    assert_eq!(put(&mut journal).unwrap(), Some(6));
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
    }
    assert!(
        journal.commit(&Batch::default(), &[("a".to_owned(), 1, 1)], Micros(0)).is_err(),
        "written into nothing"
    );
    assert_eq!(put(&mut journal).unwrap(), Some(7));
    drop(journal);
    assert_eq!(values(&super::JournalReader::open(&path).unwrap()).0, [1, 2, 3, 4, 5, 6, 7]);
}

fn reading(value: f64) -> Reading {
    Reading { point: PointIx(0), value, quality: Quality::Good }
}

/// Commits one reading, taken and committed at these seconds.
fn put_one(journal: &mut Journal, at: i64, committed: i64, value: f64) -> Option<i64> {
    let mut batch = Batch::default();
    batch.push(DeviceIx(0), Micros(at * 1_000_000), true, &[reading(value)]);
    journal.commit(&batch, &[], Micros(committed * 1_000_000)).unwrap()
}

/// Destroys the page that the body of `seq` begins on.
fn destroy_page_of(dir: &std::path::Path, seq: i64) {
    let at = place_of(dir, seq) / 4096 * 4096;
    let mut file = std::fs::read(dir.join("journal.db")).unwrap();
    file[at..at + 4096].fill(0xA5);
    std::fs::write(dir.join("journal.db"), file).unwrap();
}

#[test]
fn a_newest_page_that_is_damaged_ends_the_reading_and_the_taking_over_and_numbers_go_on_behind_it() {
    for last_number_is_known in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = filled(dir.path(), 200);
        journal.commit(&Batch::default(), &[("a".to_owned(), 200, 20_000)], Micros(0)).unwrap();
        drop(journal);
        destroy_page_of(dir.path(), 200);
        if !last_number_is_known {
            let conn = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
            conn.execute("DELETE FROM sqlite_sequence", []).unwrap();
        }
        let reader = super::JournalReader::open(&dir.path().join("journal.db")).unwrap();
        let (mut seq, mut steps) = (0, 0);
        while let Some(chunk) = reader.next_after(seq).unwrap() {
            (seq, steps) = (chunk.seq, steps + 1);
            assert!(steps <= 200, "no end at {seq}");
        }
        assert_eq!(seq, 200);
        drop(reader);
        Journal::suspect(dir.path());
        let mut journal = Journal::open(dir.path(), &plant(vec![Vec::new()]), Micros(7)).unwrap().journal;
        let lost = journal.take_lost();
        assert!(lost.iter().any(|gap| gap.last >= 200), "{lost:?}");
        let next = put_one(&mut journal, 201, 201, 7.0).unwrap();
        assert!(
            if last_number_is_known { next == 201 } else { next > 200 },
            "behind the place of an outlet: {next}"
        );
        let reader = journal.reader().unwrap();
        assert_eq!(
            reader.next_to_send(200).unwrap().map(|chunk| chunk.seq),
            Some(next),
            "passed over in silence"
        );
    }
}

#[test]
fn an_outlet_that_stands_behind_the_end_begins_anew_and_a_person_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 20);
    let cursors = [("a".to_owned(), 300, 0), ("b".to_owned(), 20, 0)];
    journal.commit(&Batch::default(), &cursors, Micros(0)).unwrap();
    drop(journal);
    let mut journal = Journal::open(dir.path(), &plant(vec![Vec::new()]), Micros(0)).unwrap().journal;
    let told = journal.take_told();
    assert!(told.len() == 1 && told[0].contains("outlet a") && told[0].contains("300"), "{told:?}");
    let reader = journal.reader().unwrap();
    assert_eq!((reader.cursor("a").unwrap().0, reader.cursor("b").unwrap().0), (0, 20));
}

fn begin(dir: &std::path::Path) -> super::Opened {
    let (plant, texts) = (plant(vec![Vec::new()]), crate::plant::TextTable::default());
    Journal::open_with(dir, &plant, (Micros(600_000_000), &super::Uptime::default()), texts).unwrap()
}

fn names(dir: &std::path::Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> =
        entries.filter(|n| n.contains("salvage") || n.ends_with(".db") && n != "journal.db").collect();
    names.sort();
    names
}

#[test]
fn a_taking_over_that_is_cut_off_goes_on_at_the_next_start_and_nobody_is_sent_past_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 600);
    journal.commit(&Batch::default(), &[("a".to_owned(), 100, 0)], Micros(0)).unwrap();
    drop(journal);
    std::fs::write(dir.path().join("journal.damaged-5.db"), "of another time").unwrap();
    Journal::put_aside(dir.path(), Micros(9_000_000)).unwrap();
    let opened = begin(dir.path());
    assert!(opened.set_aside.is_some_and(|path| path.ends_with("journal.damaged-9.db")));
    let mut journal = opened.journal;
    let next = |journal: &Journal, after: i64| {
        journal.reader().unwrap().next_to_send(after).unwrap().map(|chunk| chunk.seq)
    };
    // What comes now is committed at once, and waits for what was before it.
    assert_eq!(put_one(&mut journal, 600, 600, 7.0), Some(601));
    assert_eq!(next(&journal, 100), None);
    assert!(journal.take_over_some().unwrap());
    assert_eq!((next(&journal, 100), next(&journal, 355), next(&journal, 356)), (Some(101), Some(356), None));
    // The history, which the outlet has had, comes last; nothing is trimmed before its turn.
    let trimmed = (0..20).map(|_| journal.trim(&["a".to_owned()], Micros(i64::MAX), 0).unwrap().chunks);
    assert_eq!(trimmed.sum::<usize>(), 256);
    drop(journal);

    let opened = begin(dir.path());
    assert!(opened.set_aside.is_none(), "begun anew");
    let mut journal = opened.journal;
    while journal.take_over_some().unwrap() {}
    assert!(journal.take_lost().is_empty() && journal.take_told().is_empty());
    assert_eq!((next(&journal, 356), next(&journal, 600)), (Some(357), Some(601)));
    let (seqs, _) = values(&journal.reader().unwrap());
    assert_eq!(seqs, (1..=100).chain(357..=601).collect::<Vec<i64>>());
    assert_eq!(names(dir.path()), ["journal.damaged-9.db"], "one damaged file is kept");
    assert!(Journal::bytes_set_aside(dir.path()) > 0 && Journal::remove_set_aside(dir.path()));
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_kill_between_the_two_renamings_costs_nothing_and_what_is_given_up_is_told() {
    let (from, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut journal = filled(from.path(), 50);
    journal.commit(&Batch::default(), &[("a".to_owned(), 10, 0)], Micros(0)).unwrap();
    // As the files stand while the gateway runs: most is in the log.
    std::fs::copy(from.path().join("journal.db"), dir.path().join("journal.damaged-9.db")).unwrap();
    std::fs::copy(from.path().join("journal.db-wal"), dir.path().join("journal.db-wal")).unwrap();
    std::fs::write(dir.path().join("journal.salvage"), "journal.damaged-9.db").unwrap();
    let mut journal = begin(dir.path()).journal;
    journal.take_over_some().unwrap();
    assert_eq!(values(&journal.reader().unwrap()).0, (11..=50).collect::<Vec<i64>>());
    journal.give_up_taking_over("no room on the disk").unwrap();
    let lost = journal.take_lost();
    assert_eq!(lost.iter().map(|gap| (gap.first, gap.last)).collect::<Vec<_>>(), [(1, 10)]);
    assert!(journal.take_told()[0].contains("journal.damaged-9.db"));
    assert!(!journal.is_taking_over() && names(dir.path()) == ["journal.damaged-9.db"]);
}

#[test]
fn a_damaged_file_that_somebody_takes_away_holds_up_no_outlet() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 50));
    Journal::put_aside(dir.path(), Micros(9_000_000)).unwrap();
    let mut journal = begin(dir.path()).journal;
    put_one(&mut journal, 600, 600, 7.0);
    drop(journal);
    std::fs::remove_file(dir.path().join("journal.damaged-9.db")).unwrap();
    let mut journal = begin(dir.path()).journal;
    assert_eq!(journal.take_lost().iter().map(|gap| (gap.first, gap.last)).collect::<Vec<_>>(), [(1, 50)]);
    let next = journal.reader().unwrap().next_to_send(0).unwrap();
    assert_eq!(next.map(|chunk| chunk.seq), Some(51));
}

#[test]
fn readings_that_waited_for_the_disk_are_found_by_their_own_times() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 100);
    // Ten minutes in which the disk took nothing.
    put_one(&mut journal, 100, 700, 0.5);
    let mut batch = Batch::default();
    for second in 101..700 {
        batch.push(DeviceIx(0), Micros(second * 1_000_000), true, &[reading(second as f64)]);
    }
    journal.commit(&batch, &[], Micros(700_000_000)).unwrap();
    put_one(&mut journal, 701, 701, 0.5);
    let span = (Micros(250_000_000), Micros(259_000_000));
    let found = |journal: &Journal, span: (Micros, Micros)| {
        let reader = journal.reader().unwrap();
        let series = crate::store::evidence::collect(&reader, "boiler-1", span, Some(0)).unwrap();
        let mut between = 0;
        let visit = |s: &super::PackedSample<'_>| between += i32::from((span.0..=span.1).contains(&s.at));
        reader.between(span.0, span.1, visit).unwrap();
        let samples = series.first().map_or(0, |s| s.samples.len());
        assert_eq!(samples as i32, between);
        samples
    };
    assert_eq!(found(&journal, span), 10, "the breach is missing");
    // Once each also where they lie within the commits of their time.
    assert_eq!(found(&journal, (Micros(690_000_000), Micros(710_000_000))), 11);
    drop(journal);
    Journal::put_aside(dir.path(), Micros(0)).unwrap();
    let mut journal = Journal::open(dir.path(), &plant(vec![Vec::new()]), Micros(0)).unwrap().journal;
    assert_eq!(found(&journal, span), 10, "lost by the taking over");
    trim_all(&mut journal, i64::MAX, 0);
    let late: i64 = journal.conn.query_row("SELECT count(*) FROM late", [], |r| r.get(0)).unwrap();
    assert_eq!(late, 0);
}

#[test]
fn a_removed_log_costs_nothing_and_who_reads_sees_what_comes_after_it() {
    use crate::store::Mended;
    let dir = tempfile::tempdir().unwrap();
    let mut journal = filled(dir.path(), 5);
    let path = dir.path().join("journal.db");
    let reader = super::JournalReader::open(&path).unwrap();
    assert_eq!(values(&reader).0.len(), 5);
    for suffixes in [&["-wal"][..], &["-wal", "-shm"][..]] {
        for suffix in suffixes {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
        assert_eq!(journal.stay().unwrap(), Some(Mended::Log));
        assert_eq!(journal.stay().unwrap(), None);
        let next = put_one(&mut journal, 6, 6, 7.0).unwrap();
        assert_eq!(values(&reader).0, (1..=next).collect::<Vec<i64>>());
        // As after a kill.
        let copy = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal"] {
            let name = format!("journal.db{suffix}");
            std::fs::copy(dir.path().join(&name), copy.path().join(&name)).unwrap();
        }
        let after = Journal::open(copy.path(), &plant(vec![Vec::new()]), Micros(0)).unwrap().journal;
        assert_eq!(values(&after.reader().unwrap()).0, (1..=next).collect::<Vec<i64>>());
    }
}
