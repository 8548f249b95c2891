//! Promises P1, P2 and P3 under `kill -9`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::peers::{Broker, Gateway, ModbusServer, Receiver, Victoria, eventually, now_ms, unless};
use crate::plants;

const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_under_load_lose_and_double_neither_reading_nor_message_nor_hazard() {
    let mut modbus = ModbusServer::start();
    let broker = Broker::start().await;
    let database = Victoria::start().await;
    let receiver = Receiver::start().await;
    let mut gateway = plants::whole(&modbus, &broker, &database, &receiver);
    eventually("the broker is reached, so that its session exists", async || {
        let overview = gateway.get("/api/v1/overview").await;
        let sources = &overview["path"]["sources"];
        let both = sources.as_array().is_some_and(|s| s.iter().all(|s| s["connected"] == true));
        unless(both && gateway.log().contains("connected to the broker"), sources)
    })
    .await;
    // The subscription follows the CONNACK; only what is published after it is owed to us.
    plants::subscribed(&broker, &gateway).await;

    let done = AtomicBool::new(false);
    let mut published = BTreeSet::new();
    let load = async {
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let batch: Vec<u64> = (0..50).map(|n| now_ms().max(last + 1) + n).collect();
            last = batch[batch.len() - 1];
            let messages: Vec<_> = batch.iter().map(|ms| plants::message(*ms, 0.7)).collect();
            broker.publish(&messages).await;
            published.extend(batch);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let killing = async {
        for kill in 0..KILLS {
            // In and out of breach, so that kills hit alarms and hazards at every stage.
            modbus.set_float(2, if kill % 2 == 0 { -80.0 } else { 10.0 });
            let moment = u64::from(std::process::id()) * 7919 + now_ms() * 31 + kill as u64;
            tokio::time::sleep(Duration::from_millis(50 + moment % 700)).await;
            gateway.kill();
            gateway.again();
        }
        modbus.set_float(2, 10.0);
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(load, killing);

    eventually("every message the broker acknowledged is committed", async || {
        let committed = gateway.committed_ms("receiver-1", "pressure");
        let missing = published.difference(&committed).count();
        unless(missing == 0, format!("{missing} of {} missing", published.len()))
    })
    .await;
    eventually("the alarm has returned", async || {
        let alarms = gateway.get("/api/v1/alarms").await;
        let gone = alarms.as_array().is_some_and(|a| a.iter().all(|a| a["state"] != "unacknowledged"));
        unless(gone, alarms)
    })
    .await;
    gateway.stop().await;
    database.holds("air_receiver_pressure", &gateway.committed_ms("receiver-1", "pressure")).await;
    database.holds("steam_boiler_drum_level", &gateway.committed_ms("boiler-1", "drum_level")).await;
    database.holds("steam_boiler_count", &gateway.committed_ms("boiler-1", "count")).await;

    let ledger = steamward::store::LedgerReader::open(&gateway.data().join("ledger.db")).expect("a ledger");
    let hazards = ledger.hazards(true).expect("readable");
    assert_eq!(hazards.len(), 1, "one hazard an equipment and rule: {hazards:?}");
    let mut history = ledger.transitions(None, (None, None), u32::MAX).expect("readable");
    history.retain(|t| t.rule == "boiler-1/drum_level.ll");
    history.reverse();
    for pair in history.windows(2) {
        assert_eq!(pair[0].after, pair[1].before, "a transition is lost or doubled: {history:?}");
    }
    let raised = history.iter().filter(|t| t.event == "raised").count();
    assert!(raised > 1, "the kills met no alarm: {history:?}");
    assert_eq!(hazards[0].occurrences as usize, raised, "occurrences do not agree with the alarm's history");
    let versions: Vec<_> = (1..=hazards[0].version).map(|v| format!("{}#{v}", hazards[0].id)).collect();
    assert_eq!(receiver.ids(), versions, "an event is missing or out of order");
    assert!(receiver.repeats_agree(), "a repeated event differs from the first");
    assert!(gateway.ledger_verifies(), "the audit chain is broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_cannot_be_written_nothing_is_acknowledged_and_nothing_is_lost() {
    let broker = Broker::start().await;
    let settings = [plants::base(), plants::receiver(broker.port, 5)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
    plants::subscribed(&broker, &gateway).await;

    // Another process holds the journal's write lock: commits fail, as on a full disk.
    let journal = gateway.data().join("journal.db");
    let lock = rusqlite::Connection::open(&journal).expect("a journal");
    lock.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let before = gateway.committed_ms("receiver-1", "pressure").len();
    let first: Vec<u64> = (1..=50).map(|n| now_ms() + n).collect();
    broker.publish(&first.iter().map(|ms| plants::message(*ms, 0.7)).collect::<Vec<_>>()).await;
    eventually("it says that it cannot commit", async || {
        unless(gateway.log().contains("cannot commit"), gateway.log())
    })
    .await;
    assert_eq!(gateway.committed_ms("receiver-1", "pressure").len(), before);
    assert_eq!(gateway.status("/readyz", &[]).await, 503, "it calls itself ready");
    assert_eq!(gateway.get("/api/v1/overview").await["path"]["outbox"]["writable"], false);
    // Killed in this state, the messages were never acknowledged and come again.
    gateway.kill();
    lock.execute_batch("ROLLBACK").expect("the lock goes");
    gateway.again();
    eventually("every message is committed", async || {
        let committed = gateway.committed_ms("receiver-1", "pressure");
        let missing = first.iter().filter(|ms| !committed.contains(ms)).count();
        unless(missing == 0, missing)
    })
    .await;

    // And without a kill it goes on where it stood as soon as the disk lets it.
    lock.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let second: Vec<u64> = (1..=50).map(|n| now_ms() + 1000 + n).collect();
    broker.publish(&second.iter().map(|ms| plants::message(*ms, 0.7)).collect::<Vec<_>>()).await;
    let complaints = gateway.log().matches("cannot commit").count();
    eventually("it says so again", async || {
        unless(gateway.log().matches("cannot commit").count() > complaints, complaints)
    })
    .await;
    lock.execute_batch("ROLLBACK").expect("the lock goes");
    eventually("every message is committed", async || {
        let committed = gateway.committed_ms("receiver-1", "pressure");
        let missing = second.iter().filter(|ms| !committed.contains(ms)).count();
        unless(missing == 0, missing)
    })
    .await;
    assert!(gateway.log().contains("commits work again"));
    assert_eq!(gateway.status("/readyz", &[]).await, 200);
    gateway.stop().await;
}
