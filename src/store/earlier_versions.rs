//! Files that earlier versions really wrote are read and taken over: `tests/stores/v1` … hold the two files of a demo plant
//! in low water, written by the last program of each form of the ledger, with alarms acknowledged, shelved and taken out of
//! service by people, and killed.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use uuid::Uuid;

use super::{Journal, JournalReader, Ledger, LedgerReader, migrations};
use crate::audit;
use crate::hazard::{ChangeKind, Register, Step, cloud_event};
use crate::people::{Actor, Via};
use crate::plant::Micros;
use crate::plant::example::plant;

/// Of each form that a ledger has had.
const VERSIONS: [&str; 5] = ["v1", "v2", "v3", "v4", "v5"];

fn unpack(version: &str, into: &Path) {
    for file in ["ledger.db", "journal.db"] {
        let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/stores/{version}/{file}.gz"));
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(packed).unwrap()).read_to_end(&mut bytes).unwrap();
        std::fs::write(into.join(file), bytes).unwrap();
    }
}

/// What a ledger says, line by line.
fn told(ledger: &LedgerReader) -> String {
    let mut text = String::new();
    for h in ledger.hazards(true).unwrap() {
        let by = h.acknowledged_by.as_deref().unwrap_or("nobody");
        let (rule, found) = (h.rule().unwrap(), h.occurrences);
        writeln!(
            text,
            "hazard {} {rule} {} by {by}, found {found}, version {}",
            h.number,
            h.status.word(),
            h.version
        )
        .unwrap();
        let window = h.evidence_to.0 - h.evidence_from.0;
        let alarm = h.alarm().unwrap();
        writeln!(
            text,
            "  value {:?}, setpoint {:?}, unit {}, evidence of {window} µs",
            alarm.value, alarm.setpoint, alarm.unit
        )
        .unwrap();
    }
    for a in ledger.alarms().unwrap() {
        let (shelf, out) =
            (a.shelf.as_ref().map(|s| (&s.by, &s.why)), a.out.as_ref().map(|o| (&o.by, &o.why)));
        writeln!(text, "alarm {} {} shelf {shelf:?} out {out:?} first {}", a.key, a.shown().word(), a.first)
            .unwrap();
    }
    for m in ledger.memories().unwrap() {
        writeln!(text, "memory {} {} of {} bytes", m.of.as_str(), m.name, m.body.len()).unwrap();
    }
    let trail = ledger.audit().unwrap();
    assert!(audit::verify(trail.iter()).is_ok());
    for e in &trail {
        writeln!(text, "audit {} {} {}", e.seq, e.who.name, e.what).unwrap();
    }
    let transitions = ledger.transitions(None, (None, None), 1000).unwrap().len();
    let events = ledger.events_after(0, 1000).unwrap().len();
    writeln!(
        text,
        "{transitions} transitions, {events} events, {} precursors",
        ledger.precursors(1000).unwrap().len()
    )
    .unwrap();
    text
}

/// Chunks and readings, and whether all could be read.
fn readings(journal: &JournalReader) -> (usize, usize) {
    let (mut chunks, mut readings) = (0, 0);
    journal
        .between(Micros(i64::MIN), Micros(i64::MAX), |sample| {
            chunks += 1;
            readings += sample.readings.len();
        })
        .unwrap();
    assert!(journal.take_unread().is_empty());
    (chunks, readings)
}

#[test]
fn a_store_of_each_earlier_version_is_read_as_it_is_and_taken_over_whole() {
    let mut text = String::new();
    for version in VERSIONS {
        let dir = tempfile::tempdir().unwrap();
        unpack(version, dir.path());
        let path = dir.path().join("ledger.db");
        let form = |path: &Path| -> u32 {
            let conn = rusqlite::Connection::open(path).unwrap();
            conn.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap()
        };
        assert_eq!(format!("v{}", form(&path)), version);
        let before = told(&LedgerReader::open(&path).unwrap());
        assert_eq!(
            before,
            told(&Ledger::open(dir.path()).unwrap().reader().unwrap()),
            "{version} taken over"
        );
        assert_eq!(form(&path) as usize, migrations::LEDGER.len());
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(ledger.reader().unwrap().damaged(true).unwrap(), [], "{version}");
        let path = dir.path().join("journal.db");
        let of_before = readings(&JournalReader::open(&path).unwrap());
        let journal = Journal::open(dir.path(), &plant(vec![Vec::new()]), Micros(0)).unwrap().journal;
        assert_eq!(readings(&journal.reader().unwrap()), of_before, "{version}");
        write!(text, "== {version}: {of_before:?} samples and readings\n{before}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_formulas_and_tests_remembered_among_the_alarms_is_remembered() {
    for version in VERSIONS {
        let dir = tempfile::tempdir().unwrap();
        unpack(version, dir.path());
        let path = dir.path().join("ledger.db");
        let before = LedgerReader::open(&path).unwrap();
        let (alarms, memories) = (before.alarms().unwrap(), before.memories().unwrap());
        drop(before);
        // As the versions before wrote it, with whatever else stood in such a row.
        let conn = rusqlite::Connection::open(&path).unwrap();
        super::checksum::teach(&conn).unwrap();
        for (key, memory) in
            [("@derived:boiler-1/heat", r#"{"kept":{"n":7}}"#), ("@tested:boiler-1/level", "[1,2]")]
        {
            let body = serde_json::json!({ "key": key, "state": "normal", "by_design": [false, false], "memory": memory });
            conn.execute("INSERT INTO alarm (key, body) VALUES (?1, ?2)", [key, &body.to_string()]).unwrap();
        }
        if ["v4", "v5"].contains(&version) {
            conn.execute("UPDATE alarm SET sum = row_sum(key, body) WHERE sum IS NULL", []).unwrap();
        }
        drop(conn);
        let unchanged = LedgerReader::open(&path).unwrap().memories().unwrap();
        let taken_over = Ledger::open(dir.path()).unwrap().reader().unwrap();
        assert_eq!(taken_over.alarms().unwrap(), alarms, "{version}");
        let told = |all: &[crate::alarm::StoredMemory]| {
            let mut told: Vec<_> =
                all.iter().map(|m| format!("{} {} {}", m.of.as_str(), m.name, m.body)).collect();
            told.sort();
            told
        };
        let mut all = told(&memories);
        all.extend(
            ["formula boiler-1/heat {\"kept\":{\"n\":7}}", "test boiler-1/level [1,2]"].map(str::to_owned),
        );
        all.sort();
        assert_eq!(told(&taken_over.memories().unwrap()), all, "{version}");
        assert_eq!(told(&unchanged), all, "{version} as it stands");
    }
}

#[test]
fn a_hazard_that_an_earlier_version_opened_goes_on_and_stays_the_only_one_of_its_kind() {
    let zhao = Actor::person("赵海", Via::ConsoleToken);
    for version in VERSIONS {
        let dir = tempfile::tempdir().unwrap();
        unpack(version, dir.path());
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let open = ledger.reader().unwrap().unfinished_hazards().unwrap();
        let (mut record, id) = (open[0].clone(), open[0].id);
        let conn = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
        let key: String = conn.query_row("SELECT merge_key FROM hazard", [], |r| r.get(0)).unwrap();
        assert_eq!(key, record.merge_key(), "{version}");
        drop(conn);
        let mut register = Register::restore(open);
        let again = Step::FindAgain { breach_at: Some(Micros(7)) };
        let change = register.apply(id, &again, &zhao, Micros(9)).unwrap();
        assert_eq!((change.kind, change.hazard.version), (ChangeKind::Occurred, record.version + 1));
        ledger.write(|tx| tx.put_hazard(&change, &cloud_event(&change, "n"))).unwrap();
        assert_eq!(ledger.reader().unwrap().hazard(&id.to_string()).unwrap().unwrap(), change.hazard);
        // A second open one for the same rule is refused by the ledger itself.
        (record.id, record.number) = (Uuid::from_u128(1), "YH-20261130-99".to_owned());
        let second = crate::hazard::HazardChange { hazard: record, kind: ChangeKind::Opened, at: Micros(9) };
        let refused = ledger.write(|tx| tx.put_hazard(&second, &cloud_event(&second, "n")));
        assert!(refused.unwrap_err().to_string().contains("UNIQUE"), "{version}");
    }
}

#[test]
fn what_was_damaged_before_the_taking_over_is_damaged_after_it() {
    let dir = tempfile::tempdir().unwrap();
    unpack("v5", dir.path());
    let conn = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    conn.execute_batch(
        "UPDATE hazard SET body = replace(body, '\"occurrences\":1', '\"occurrences\":9');
         UPDATE alarm SET body = replace(body, '\"flood\"', '\"flooD\"') WHERE key = '@site';",
    )
    .unwrap();
    drop(conn);
    let count = |damaged: &[super::Damaged], of: &str| damaged.iter().filter(|d| d.of == of).count();
    let before = LedgerReader::open(&dir.path().join("ledger.db")).unwrap().damaged(true).unwrap();
    let ledger = Ledger::open(dir.path()).unwrap().reader().unwrap();
    let after = ledger.damaged(true).unwrap();
    assert_eq!(count(&after, "hazard"), 1, "{after:?}");
    assert_eq!(count(&after, "alarm"), 1, "{after:?}");
    assert_eq!(before, after);
    assert!(ledger.hazards(true).unwrap().is_empty(), "a changed digit is given out");
}

#[test]
fn a_damaged_row_that_looks_like_another_one_does_not_hold_up_the_taking_over() {
    // A bit in a closed record makes it an open one of the same rule, or gives it the other one's number; no index sees
    // it, for the page was changed on the disk. Versions before sums then made one of what stood there.
    let other = "json_set(body, '$.id', 'other', '$.number', 'YH-20261130-77', '$.status', 'closed')";
    let flips = [("status", "'clnsed'"), ("number", "(SELECT number FROM hazard WHERE status <> 'closed')")];
    for (version, (column, now)) in VERSIONS.iter().flat_map(|v| flips.map(|flip| (v, flip))) {
        let dir = tempfile::tempdir().unwrap();
        unpack(version, dir.path());
        let conn = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
        super::checksum::teach(&conn).unwrap();
        let summed = ["v4", "v5"].contains(version);
        let (declared, sum) = if summed { (", sum INTEGER", ", NULL") } else { ("", "") };
        conn.execute_batch(&format!(
            "CREATE TABLE copy AS SELECT * FROM hazard; DROP TABLE hazard;
             CREATE TABLE hazard (id TEXT PRIMARY KEY, number TEXT NOT NULL, equipment TEXT NOT NULL, rule TEXT NOT NULL,
             status TEXT NOT NULL, found_at INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL{declared})
             STRICT, WITHOUT ROWID;
             INSERT INTO hazard SELECT * FROM copy;
             INSERT INTO hazard SELECT 'other', 'YH-20261130-77', equipment, rule, 'closed', found_at, version, {other}{sum}
             FROM copy; DROP TABLE copy;"
        ))
        .unwrap();
        if summed {
            let sums = "UPDATE hazard SET sum = row_sum(id, number, equipment, rule, status, found_at, version, body)";
            conn.execute(sums, []).unwrap();
        }
        conn.execute(&format!("UPDATE hazard SET {column} = {now} WHERE id = 'other'"), []).unwrap();
        drop(conn);
        let mut ledger = Ledger::open(dir.path()).unwrap();
        let reader = ledger.reader().unwrap();
        let damaged = reader.damaged(true).unwrap();
        let named: Vec<_> = damaged.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["hazard other"], "{version}: {column}");
        ledger.set_aside(&damaged, Micros(9)).unwrap();
        assert_eq!((reader.hazards(true).unwrap().len(), reader.damaged(true).unwrap().len()), (1, 0));
    }
}

#[test]
fn what_an_earlier_version_left_waiting_in_the_journal_goes_into_the_tables_of_today() {
    use super::Recorded;
    let dir = tempfile::tempdir().unwrap();
    unpack("v5", dir.path());
    // The very statements of that version, with what stood in its own ledger.
    let conn = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    let cell = |text: String| serde_json::json!({ "Text": text });
    let row = |sql: &str, cells: &[serde_json::Value]| {
        Recorded::from_text(&serde_json::json!({ "Run": [sql, cells] }).to_string()).unwrap()
    };
    let hazard = conn
        .query_row(
            "SELECT id, number, equipment, rule, status, found_at, version, body FROM hazard",
            [],
            |r| {
                let text = |n: usize| Ok::<_, rusqlite::Error>(cell(r.get(n)?));
                let number = |n: usize| {
                    Ok::<_, rusqlite::Error>(serde_json::json!({ "Integer": r.get::<_, i64>(n)? }))
                };
                Ok([text(0)?, text(1)?, text(2)?, text(3)?, text(4)?, number(5)?, number(6)?, text(7)?])
            },
        )
        .unwrap();
    let memory: Vec<_> = conn
        .prepare("SELECT key, body FROM alarm WHERE key LIKE '@%'")
        .unwrap()
        .query_map([], |r| Ok([cell(r.get(0)?), cell(r.get(1)?)]))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    conn.execute_batch("DELETE FROM hazard; DELETE FROM alarm WHERE key LIKE '@%'").unwrap();
    drop(conn);
    let put_hazard = "INSERT INTO hazard (id, number, equipment, rule, status, found_at, version, body, sum)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?8, row_sum(?1,?2,?3,?4,?5,?6,?7,?8))
             ON CONFLICT (id) DO UPDATE SET number = excluded.number, equipment = excluded.equipment, rule = excluded.rule,
             status = excluded.status, found_at = excluded.found_at, version = excluded.version, body = excluded.body,
             sum = excluded.sum";
    let put_alarm = "INSERT INTO alarm (key, body, sum) VALUES (?1, ?2, row_sum(?1, ?2))
             ON CONFLICT (key) DO UPDATE SET body = excluded.body, sum = excluded.sum";
    let mut rows = vec![(1, row(put_hazard, &hazard))];
    rows.extend((2..).zip(memory.iter().map(|cells| row(put_alarm, cells))));
    assert!(rows.len() > 1, "nothing is remembered in that ledger");
    assert!(rows[0].1.hazard().is_some() && rows[1].1.memory().is_some() && rows[1].1.alarm().is_none());
    let mut odd = hazard;
    odd[7] = cell("no JSON".to_owned());
    let odd = [(100, row(put_hazard, &odd))];
    let mut ledger = Ledger::open(dir.path()).unwrap();
    ledger.take_over("j", &rows, Micros(9)).unwrap();
    let reader = ledger.reader().unwrap();
    assert_eq!(reader.hazards(false).unwrap().len(), 1);
    assert_eq!(reader.memories().unwrap().len(), rows.len() - 1);
    assert!(reader.newest_dead_letters(9).unwrap().is_empty() && reader.damaged(true).unwrap().is_empty());
    ledger.take_over("j", &odd, Micros(9)).unwrap();
    assert_eq!(reader.newest_dead_letters(9).unwrap().len(), 1, "what cannot be read holds up nothing");
}
