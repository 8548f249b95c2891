//! Promise P6, and brokers that come and go.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::peers::{Broker, Gateway, ModbusServer, Victoria, eventually, now_ms, unless};
use crate::plants;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_database_outage_and_a_restart_everything_arrives_once() {
    let modbus = ModbusServer::start();
    let mut database = Victoria::start().await;
    let settings = [plants::base(), plants::boiler(modbus.port), plants::victoria(database.port)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::BOILER]);
    eventually("readings flow", async || {
        let found = database.timestamps("steam_boiler_count").await.len();
        unless(found > 3, found)
    })
    .await;
    database.stop().await;
    eventually("the outage shows", async || {
        let path = gateway.get("/api/v1/overview").await["path"].clone();
        unless(path["outlets"][0]["ok"] == false && path["outbox"]["pending_chunks"].as_u64() > Some(5), path)
    })
    .await;
    assert!(gateway.stop().await < Duration::from_secs(5), "an outage delays the stop");
    gateway.again();
    eventually("a backlog from before and after the restart", async || {
        let pending = gateway.get("/api/v1/overview").await["path"]["outbox"]["pending_chunks"].clone();
        unless(pending.as_u64() > Some(10), pending)
    })
    .await;
    database.again().await;
    eventually("the outlet is well again", async || {
        let outlet = gateway.get("/api/v1/overview").await["path"]["outlets"][0].clone();
        unless(outlet["ok"] == true, outlet)
    })
    .await;
    gateway.stop().await;
    database.holds("steam_boiler_count", &gateway.committed_ms("boiler-1", "count")).await;
    assert!(gateway.log().contains("database is back"));
}

/// Both protocol versions; the broker keeps its sessions over the restart.
async fn broker_restart(version: u8) {
    let mut broker = Broker::start().await;
    let settings = [plants::base(), plants::receiver(broker.port, version)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
    plants::subscribed(&broker, &gateway).await;
    let mut published = BTreeSet::new();
    let mut last = now_ms();
    for round in 0..3 {
        let batch: Vec<u64> = (1..=200).map(|n| last + n).collect();
        last += 200;
        let messages: Vec<_> = batch.iter().map(|ms| plants::message(*ms, 0.7)).collect();
        if round == 1 {
            // What is published while we are away waits at the broker.
            gateway.stop().await;
        }
        broker.publish(&messages).await;
        published.extend(batch);
        broker.stop().await;
        broker.again().await;
        if round == 1 {
            gateway.again();
        }
    }
    eventually("every acknowledged message is committed", async || {
        let committed = gateway.committed_ms("receiver-1", "pressure");
        let missing = published.difference(&committed).count();
        unless(missing == 0, format!("{missing} of {} missing", published.len()))
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_restart_loses_no_acknowledged_message_over_mqtt_5() {
    broker_restart(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_restart_loses_no_acknowledged_message_over_mqtt_3_1_1() {
    broker_restart(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_forgot_the_session_is_subscribed_to_again() {
    let broker = Broker::start().await;
    let port = broker.port;
    let settings = [plants::base(), plants::receiver(port, 5)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
    let flows = async |broker: &Broker, gateway: &Gateway, pressure: f64| {
        eventually("messages arrive", async || {
            broker.publish_one("plant/receiver-1", &format!(r#"{{"p":{pressure}}}"#)).await;
            let overview = gateway.get("/api/v1/overview").await;
            unless(overview["equipment"][0]["points"][0]["value"] == pressure, overview)
        })
        .await;
    };
    flows(&broker, &gateway, 0.5).await;
    drop(broker);
    // The same address, another broker: no session, no subscription, nothing stored.
    let fresh = Broker::start_on(port).await;
    flows(&fresh, &gateway, 0.6).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_message_that_comes_late_is_history_and_takes_no_newer_ones_place() {
    let broker = Broker::start().await;
    let settings = [plants::base(), plants::receiver(broker.port, 5)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
    plants::subscribed(&broker, &gateway).await;
    let now = now_ms();
    broker.publish(&[plants::message(now, 0.61), plants::message(now - 5000, 0.99)]).await;
    eventually("both are committed", async || {
        let committed = gateway.committed_ms("receiver-1", "pressure");
        unless(committed.contains(&now) && committed.contains(&(now - 5000)), committed)
    })
    .await;
    // The live view follows once a second.
    eventually("the newer one is shown", async || {
        let equipment = gateway.get("/api/v1/equipment").await;
        unless(equipment[0]["points"][0]["value"] == 0.61, equipment)
    })
    .await;
    gateway.stop().await;
}

/// One message of `bytes`, QoS 1, and a good one behind it, which must be committed. The whole log.
async fn a_large_message(bytes: usize) -> (String, u64) {
    let broker = Broker::start().await;
    let settings = [plants::base(), plants::receiver(broker.port, 3)].concat();
    let mut gateway = Gateway::start(&settings, &[plants::RECEIVER]);
    plants::subscribed(&broker, &gateway).await;
    let large = format!(r#"{{"ts":{},"p":0.5,"x":"{}"}}"#, now_ms(), "x".repeat(bytes));
    broker.publish_one("plant/receiver-1", &large).await;
    eventually("what follows is committed", async || {
        // Where the session is given up, what waited in it is lost with it: so one is published until one comes.
        broker.publish(&[plants::message(now_ms(), 0.62)]).await;
        unless(gateway.good("receiver-1", "pressure").contains(&0.62), gateway.log())
    })
    .await;
    let peak = gateway.peak_memory_kib();
    gateway.stop().await;
    (gateway.log(), peak)
}

fn connections(log: &str) -> usize {
    log.matches("connected to the broker").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused_and_does_not_come_back_for_ever() {
    let (log, _) = a_large_message(1024 * 1024).await;
    assert!(log.contains("bytes, at most 262144 are taken"), "{log}");
    assert_eq!(connections(&log), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_what_is_received_unasked_is_received_once_and_acknowledged() {
    let (log, peak) = a_large_message(8 * 1024 * 1024).await;
    assert!(log.contains("received once, to be acknowledged and set aside"), "{log}");
    assert_eq!(log.matches("bytes, at most 262144 are taken").count(), 1, "{log}");
    assert!((2..=3).contains(&connections(&log)), "{log}");
    assert!(peak < 200 * 1024, "{peak} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_no_machine_here_should_hold_costs_its_session_and_not_the_memory() {
    let (log, peak) = a_large_message(100 * 1024 * 1024).await;
    assert!(log.contains("which is given up with all that waits there"), "{log}");
    assert!(!log.contains("are taken"), "it was read: {log}");
    assert!(connections(&log) <= 4, "{log}");
    assert!(peak < 100 * 1024, "{peak} KiB");
}
