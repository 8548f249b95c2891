//! Rows that are not what was written, what waits elsewhere for the ledger, and a ledger of the first version.

use serde_json::json;

use super::{Ledger, LedgerReader, Note, Recorded};
use crate::alarm::StoredAlarm;
use crate::audit;
use crate::people::{Actor, Via};
use crate::plant::Micros;
use crate::store::Loss;

fn note(what: &str) -> Note {
    let [what, subject, detail] = [what, "gateway", "{}"].map(str::to_owned);
    Note { at: Micros(1), who: Actor::system(), what, subject, detail }
}

fn saved(key: &str) -> StoredAlarm {
    StoredAlarm { key: key.to_owned(), value: Some(7.5), ..StoredAlarm::default() }
}

fn tamper(dir: &std::path::Path, sql: &str) {
    rusqlite::Connection::open(dir.join("ledger.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_changed_digit_is_not_given_out_but_named_and_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    ledger
        .write(|tx| {
            tx.put_alarm(&saved("e/p.h"))?;
            tx.put_alarm(&saved("e/p.hh"))?;
            tx.put_delivery("feed", 3, "delivered", Micros(1), "receipt 42")
        })
        .unwrap();
    tamper(dir.path(), "UPDATE alarm SET body = replace(body, '7.5', '7.6') WHERE key = 'e/p.hh'");
    let reader = ledger.reader().unwrap();
    assert_eq!(reader.alarms().unwrap().iter().map(|s| s.key.clone()).collect::<Vec<_>>(), ["e/p.h"]);
    let damaged = reader.damaged(true).unwrap();
    assert_eq!(damaged.iter().map(ToString::to_string).collect::<Vec<_>>(), ["alarm e/p.hh"]);
    ledger.set_aside(&damaged, Micros(9)).unwrap();
    assert!(reader.damaged(true).unwrap().is_empty());
    let conn = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    let kept: String = conn.query_row("SELECT content FROM set_aside", [], |r| r.get(0)).unwrap();
    assert!(kept.contains("7.6"), "{kept}");
}

#[test]
fn a_change_of_settings_is_found_however_many_entries_came_since_and_after_the_ledger_was_exchanged() {
    let dir = tempfile::tempdir().unwrap();
    let ledger_of = |at: i64| {
        let mut ledger = Ledger::open(dir.path()).unwrap();
        ledger.write(|tx| tx.note(&Note { at: Micros(at), ..note("settings-changed") })).unwrap();
        ledger
    };
    drop(ledger_of(1));
    let others = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO audit (seq, at, who, what, subject, detail, prev_hash, hash)
        SELECT i, 5, 'gateway', 'clock-jumped', 'gateway', '{}', '', 'h' || i FROM n";
    tamper(dir.path(), others);
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let reader = ledger.reader().unwrap();
    let found =
        || -> Vec<i64> { reader.settings_changes().unwrap().changes.iter().map(|(at, _)| at.0).collect() };
    assert_eq!(found(), [1]);
    assert_eq!(found(), [1], "once");
    ledger.write(|tx| tx.note(&Note { at: Micros(9), ..note("settings-changed") })).unwrap();
    assert_eq!(found(), [1, 9]);
    drop(ledger);
    for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(file));
    }
    let _ledger = ledger_of(77);
    assert_eq!(found(), [77]);
}

#[test]
fn a_hazard_event_with_a_changed_digit_is_never_sent() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let event = |hazard: &str, version: u32| {
        format!(
            "INSERT INTO hazard_event (hazard, version, kind, at, body, sum) VALUES ('{hazard}', {version}, 'opened', 5, '{}',
             NULL);",
            json!({ "value": 12 })
        )
    };
    tamper(dir.path(), &[event("a", 1), event("b", 1)].concat());
    // As the gateway signs them.
    {
        let conn = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
        crate::store::checksum::teach(&conn).unwrap();
        conn.execute_batch("UPDATE hazard_event SET sum = row_sum(hazard, version, kind, at, body)").unwrap();
        conn.execute_batch("UPDATE hazard_event SET body = replace(body, '12', '13') WHERE hazard = 'a'")
            .unwrap();
    }
    let reader = ledger.reader().unwrap();
    let sent: Vec<_> = reader.undelivered("feed", 10).unwrap().into_iter().map(|e| e.hazard).collect();
    assert_eq!(sent, ["b"]);
    assert_eq!(reader.events_after(0, 10).unwrap().len(), 1);
}

#[test]
fn what_could_not_be_written_is_written_later_in_its_order_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    ledger.write(|tx| tx.note(&note("before"))).unwrap();
    let rows = Ledger::record(|tx| {
        tx.put_alarm(&saved("e/p.h"))?;
        tx.note(&note("meanwhile"))?;
        tx.put_evidence("h", "ab", &[0, 1, 255])
    })
    .unwrap();
    let texts: Vec<String> = rows.iter().map(|r| r.to_text().unwrap()).collect();
    let rows: Vec<(i64, Recorded)> =
        (11..).zip(texts.iter().map(|t| Recorded::from_text(t).unwrap())).collect();
    assert_eq!(rows[0].1.alarm().unwrap(), saved("e/p.h"), "a start does not see it");
    assert_eq!(ledger.taken_over("j").unwrap(), 0);
    ledger.take_over("j", &rows, Micros(2)).unwrap();
    ledger.write(|tx| tx.note(&note("after"))).unwrap();
    assert_eq!((ledger.taken_over("j").unwrap(), ledger.taken_over("other").unwrap()), (13, 0));
    let reader = ledger.reader().unwrap();
    let trail = reader.audit().unwrap();
    assert_eq!(trail.iter().map(|e| e.what.as_str()).collect::<Vec<_>>(), ["before", "meanwhile", "after"]);
    assert!(audit::verify(trail.iter()).is_ok());
    assert_eq!(reader.alarms().unwrap(), [saved("e/p.h")]);
    assert_eq!(reader.evidence("h").unwrap(), Some(("ab".to_owned(), vec![0, 1, 255])));
}

#[test]
fn a_row_that_the_ledger_cannot_take_becomes_a_dead_letter_and_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let hazard = |id: &str| {
        format!(
            "INSERT INTO hazard (id, number, equipment, origin, merge_key, status, found_at, version, body) VALUES
             ('{id}', 'n-{id}', 'e', 'auto_alarm', 'e/p.h', 'open', 1, 1, '{{}}')"
        )
    };
    let rows = [
        (1, Recorded::Run(hazard("a"), Vec::new())),
        (2, Recorded::Run(hazard("b"), Vec::new())),
        (3, Recorded::Note(note("behind it"))),
    ];
    ledger.take_over("j", &rows, Micros(2)).unwrap();
    let reader = ledger.reader().unwrap();
    assert_eq!(reader.audit().unwrap().len(), 1);
    let (_, letter) = reader.newest_dead_letters(9).unwrap().pop().unwrap();
    assert!(letter.what.contains("'b'") && letter.reason.contains("UNIQUE"), "{letter:?}");
}

#[test]
fn a_loss_that_goes_on_prolongs_its_row_and_one_of_a_damaged_chunk_is_noted_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let loss = |from: i64, detail: &str| Loss {
        outlet: "a".to_owned(),
        from: Micros(from),
        to: Micros(from + 9),
        readings: 10,
        detail: detail.to_owned(),
    };
    ledger
        .write(|tx| {
            tx.add_loss(&loss(0, "e/p"), "disk budget", Micros(1))?;
            tx.add_loss(&loss(10, "e/p"), "disk budget", Micros(2))?;
            tx.add_loss(&loss(20, "e/q"), "disk budget", Micros(3))?;
            tx.add_loss_once(&loss(30, ""), "chunk 7 does not read back", Micros(4))?;
            tx.add_loss_once(&loss(30, ""), "chunk 7 does not read back", Micros(5))
        })
        .unwrap();
    let mut rows = ledger.reader().unwrap().losses(9).unwrap();
    rows.reverse();
    let told: Vec<_> = rows.iter().map(|r| (r.loss.from.0, r.loss.to.0, r.loss.readings)).collect();
    assert_eq!(told, [(0, 19, 20), (20, 29, 10), (30, 39, 10)]);
}

#[test]
fn a_ledger_of_the_first_version_is_read_as_it_is_and_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    {
        let conn = rusqlite::Connection::open(&path).unwrap();
        for step in &crate::store::migrations::LEDGER[..3] {
            conn.execute_batch(step).unwrap();
        }
        conn.pragma_update(None, "user_version", 3).unwrap();
        let body = serde_json::to_string(&saved("e/p.h")).unwrap();
        conn.execute("INSERT INTO alarm VALUES ('e/p.h', ?1)", [body]).unwrap();
        conn.execute_batch(
            "INSERT INTO loss VALUES (1, 5, 'a', 1, 2, 3, 'disk budget');
             INSERT INTO transition VALUES (1, 5, 'e/p.h', 'raised', 'normal', 'unacknowledged', 7.5, NULL, NULL);",
        )
        .unwrap();
        let first =
            audit::chain(None, Micros(5), &Actor::unrecorded("赵海"), "alarm-acknowledged", "e/p.h", "{}");
        conn.execute(
            "INSERT INTO audit VALUES (1, 5, '赵海', 'alarm-acknowledged', 'e/p.h', '{}', ?1, ?2)",
            [first.prev_hash, first.hash],
        )
        .unwrap();
    }
    let seen = |reader: &LedgerReader| {
        (
            reader.alarms().unwrap().len(),
            reader.losses(9).unwrap().len(),
            reader.transitions(None, (None, None), 9).unwrap().len(),
            reader.windows().unwrap().len(),
            reader.damaged(true).unwrap().len(),
        )
    };
    assert_eq!(seen(&LedgerReader::open(&path).unwrap()), (1, 1, 1, 0, 0));
    assert!(audit::verify(LedgerReader::open(&path).unwrap().audit().unwrap().iter()).is_ok());
    let mut ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(seen(&ledger.reader().unwrap()), (1, 1, 1, 0, 0));
    ledger.write(|tx| tx.put_alarm(&saved("e/p.h"))).unwrap();
    // The chain goes on from entries that name their actor to entries that say how the actor came.
    let zhao = Actor::person("赵海", Via::ConsoleToken);
    ledger.write(|tx| tx.note(&Note { who: zhao.clone(), ..note("alarm-reset") })).unwrap();
    let trail = ledger.reader().unwrap().audit().unwrap();
    assert_eq!(trail.iter().map(|e| &e.who).collect::<Vec<_>>(), [&Actor::unrecorded("赵海"), &zhao]);
    assert!(audit::verify(trail.iter()).is_ok());
    for edit in ["who_id = 'boss'", "role = 'system'", "via = 'console-token'"] {
        tamper(dir.path(), &format!("BEGIN; UPDATE audit SET {edit} WHERE seq = 1; COMMIT"));
        let trail = ledger.reader().unwrap().audit().unwrap();
        assert!(audit::verify(trail.iter()).is_err(), "{edit}");
        tamper(dir.path(), "UPDATE audit SET who_id = NULL, role = NULL, via = NULL WHERE seq = 1");
    }
    tamper(dir.path(), "UPDATE loss SET readings = 4");
    assert_eq!(ledger.reader().unwrap().damaged(true).unwrap()[0].to_string(), "loss 1");
}

#[test]
fn of_a_hazard_that_conflicts_with_an_open_one_nothing_goes_out_and_all_of_it_is_kept() {
    use crate::alarm::{AlarmState, Event, Rule, RuleIx, Transition};
    use crate::hazard::{Draft, Register, cloud_event};
    use crate::plant::{EquipmentIx, HazardLevel, LimitKind, Priority, example::plant};
    let raised = |at: i64| {
        let mut rule = Rule::undelayed(EquipmentIx(0), LimitKind::LL);
        (rule.key, rule.priority) = ("boiler-1/l.ll".into(), Priority::Critical);
        rule.hazard = Some(HazardLevel::Major);
        let transition = Transition {
            rule: RuleIx(0),
            from: AlarmState::Normal,
            to: AlarmState::Unacknowledged,
            event: Event::Raised,
            at: Micros(at),
            value: Some(-80.0),
            cause: None,
            by: None,
            raised_at: Some(Micros(at)),
        };
        let second = std::time::Duration::from_secs(1);
        let (id, day) = (|| uuid::Uuid::from_u128(at as u128), format!("2026112{at}"));
        let draft = Draft::of_alarm(&transition, &rule, &plant(Vec::new()), (second, second)).unwrap();
        Register::default().on_alarm(&transition, draft, id, (&day, || 0)).unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    for at in [1, 2] {
        let change = raised(at);
        let event = cloud_event(&change, "site");
        ledger.write_surely(|tx| tx.put_hazard(&change, &event), Micros(9)).unwrap();
    }
    let reader = ledger.reader().unwrap();
    assert_eq!(reader.undelivered("feed", 10).unwrap().len(), 1, "an event of a hazard that nobody has");
    let letters: i64 = ledger.conn.query_row("SELECT count(*) FROM dead_letter", [], |r| r.get(0)).unwrap();
    assert_eq!(letters, 2, "the hazard and its event");
}

#[test]
fn a_note_that_an_earlier_version_put_aside_still_goes_into_the_trail() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let old = r#"{"Note":{"at":5,"who":"赵海","what":"alarm-reset","subject":"e/p.h","detail":"{}"}}"#;
    ledger.take_over("j", &[(1, Recorded::from_text(old).unwrap())], Micros(9)).unwrap();
    let trail = ledger.reader().unwrap().audit().unwrap();
    assert_eq!(trail[0].who, Actor::unrecorded("赵海"));
    assert!(audit::verify(trail.iter()).is_ok());
}

#[test]
fn spans_in_which_the_clock_had_been_set_back_are_told_with_the_changes() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let reader = ledger.reader().unwrap();
    let mut write = |at: i64, what: &str| {
        ledger.write(|tx| tx.note(&Note { at: Micros(at), ..note(what) })).unwrap();
    };
    let unclear = || reader.settings_changes().unwrap().unclear;
    write(100, "started");
    // What is told later than it was says nothing of the clock.
    write(50, "hazard-opened");
    assert!(unclear().is_empty());
    write(20, "started");
    assert_eq!(unclear(), [(Micros(20), None)]);
    write(30, "settings-changed");
    write(10, "clock-jumped");
    assert_eq!(unclear(), [(Micros(10), None)]);
    write(130, "clock-jumped");
    write(140, "settings-changed");
    assert_eq!(unclear(), [(Micros(10), Some(Micros(130)))]);
    let changes: Vec<i64> = reader.settings_changes().unwrap().changes.iter().map(|c| c.0.0).collect();
    assert_eq!(changes, [30, 140]);
}
